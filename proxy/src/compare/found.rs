//! [`Found`]: the differences of one pair as they are met, within bounds.

use super::comparison::{Difference, Kind, MOST_DIFFERENCES, Numbers};
use super::field::Field;

/// Gathers differences by field and kind.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) differences: Vec<Difference>,
    pub(super) left_out: u64,
}

/// One place that differs.
pub(super) struct Spot<'s> {
    pub(super) field: Field,
    pub(super) kind: Kind,
    /// Exactly where; only asked for at the first place.
    pub(super) place: &'s dyn Fn() -> String,
    /// What stands there, shortened; only asked for at the first place.
    pub(super) texts: &'s dyn Fn() -> (String, String),
    pub(super) numbers: Option<Numbers>,
}

impl Found {
    pub(super) fn put(&mut self, spot: Spot<'_>) {
        let mut known = self.differences.iter_mut();
        if let Some(known) = known.find(|own| own.kind == spot.kind && own.field == spot.field) {
            known.count += 1;
            known.numbers = known
                .numbers
                .zip(spot.numbers)
                .map(|(own, more)| own.and(more));
            return;
        }
        if self.differences.len() >= MOST_DIFFERENCES {
            self.left_out += 1;
            return;
        }
        let (control, candidate) = (spot.texts)();
        self.differences.push(Difference {
            field: spot.field,
            kind: spot.kind,
            place: (spot.place)(),
            control,
            candidate,
            count: 1,
            numbers: spot.numbers,
            noise: false,
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.differences.is_empty() && self.left_out == 0
    }
}

/// Bytes of a value that a difference shows.
pub(super) const SHOWN: usize = 120;

/// Two texts around the first place where they differ, shortened.
pub(super) fn excerpts(control: &str, candidate: &str) -> (String, String) {
    let mut pairs = control.char_indices().zip(candidate.chars());
    let differ = pairs.find(|((_, own), other)| own != other);
    let differ = differ.map_or(control.len().min(candidate.len()), |((at, _), _)| at);
    let from = control.floor_char_boundary(differ.saturating_sub(SHOWN / 3));
    let from = if differ < SHOWN / 2 { 0 } else { from };
    (excerpt(control, from), excerpt(candidate, from))
}

/// `from` must lie between two characters.
fn excerpt(text: &str, from: usize) -> String {
    let rest = text.get(from..).unwrap_or_default();
    let end = rest.floor_char_boundary(SHOWN.min(rest.len()));
    let before = if from > 0 { "…" } else { "" };
    let behind = if end < rest.len() { "…" } else { "" };
    format!("{before}{}{behind}", &rest[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_shows_where_two_texts_part() {
        let long = "ä".repeat(200);
        let (control, candidate) = excerpts(&format!("{long}b{long}"), &format!("{long}c"));
        assert!(control.starts_with("…ä") && control.contains('b') && control.ends_with('…'));
        assert!(candidate.ends_with('c') && candidate.len() < 200);
        assert_eq!(excerpts("ab", "ac"), ("ab".to_owned(), "ac".to_owned()));
        assert_eq!(excerpts("", "x"), (String::new(), "x".to_owned()));
        let (short, _) = excerpts(&long[..150], &long);
        assert!(!short.is_empty());
    }

    #[test]
    fn what_is_beyond_the_bound_is_counted() {
        let mut found = Found::default();
        for index in 0..100 {
            for _ in 0..2 {
                found.put(Spot {
                    field: Field::Body(format!("/{index}a").into()),
                    kind: Kind::Value,
                    place: &String::new,
                    texts: &|| (String::new(), String::new()),
                    numbers: None,
                });
            }
        }
        assert_eq!(found.differences.len(), MOST_DIFFERENCES);
        assert!(
            found
                .differences
                .iter()
                .all(|difference| difference.count == 2)
        );
        assert_eq!(found.left_out, 2 * (100 - MOST_DIFFERENCES as u64));
    }
}
