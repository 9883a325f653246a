//! Two samples side by side: what share of each lies in each bin.

use std::collections::BTreeMap;

use indexmap::IndexSet;

use super::column::{Column, Counts};

/// How much of a reference and of a current sample there is of one thing each:
/// a category, or a bin.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tally {
    pub(super) reference: Vec<f64>,
    pub(super) current: Vec<f64>,
}

/// Numbers with more distinct values than this in the reference are binned.
const MOST_VALUES: usize = 20;

impl Tally {
    /// How often each value occurs that occurs in either, in their order.
    pub(super) fn of_values(reference: &Column, current: &Column) -> Option<Tally> {
        match (reference, current) {
            (Column::Numbers(reference), Column::Numbers(current)) => {
                Some(Tally::of_numbers(reference, current))
            }
            (Column::Words(reference), Column::Words(current)) => {
                Some(Tally::of_words(reference, current))
            }
            _ => None,
        }
    }

    /// As [`Tally::of_values`], numbers with many values in bins: as many as
    /// Sturges (1926) has it, equally wide over both samples.
    pub(super) fn binned(reference: &Column, current: &Column) -> Option<Tally> {
        match (reference, current) {
            (Column::Numbers(reference), Column::Numbers(current))
                if distinct(reference) > MOST_VALUES =>
            {
                let edges = sturges(reference, current);
                Some(Tally {
                    reference: histogram(reference, &edges),
                    current: histogram(current, &edges),
                })
            }
            _ => Tally::of_values(reference, current),
        }
    }

    fn of_numbers(reference: &[f64], current: &[f64]) -> Tally {
        let mut counts: BTreeMap<u64, [f64; 2]> = BTreeMap::new();
        for (side, values) in [reference, current].into_iter().enumerate() {
            for value in values {
                counts.entry(ordered_bits(*value)).or_default()[side] += 1.0;
            }
        }
        Tally {
            reference: counts.values().map(|count| count[0]).collect(),
            current: counts.values().map(|count| count[1]).collect(),
        }
    }

    fn of_words(reference: &Counts, current: &Counts) -> Tally {
        let mut words: IndexSet<&String> = reference.keys().chain(current.keys()).collect();
        words.sort_unstable();
        let count = |counts: &Counts, word: &String| counts.get(word).copied().unwrap_or(0) as f64;
        Tally {
            reference: words.iter().map(|word| count(reference, word)).collect(),
            current: words.iter().map(|word| count(current, word)).collect(),
        }
    }

    /// Of how many things there is any.
    pub(super) fn len(&self) -> usize {
        self.reference.len()
    }

    /// Each side in shares of its total.
    pub(super) fn shares(&self) -> [Vec<f64>; 2] {
        [&self.reference, &self.current].map(|side| {
            let total: f64 = side.iter().sum();
            side.iter().map(|count| count / total).collect()
        })
    }
}

/// The edges of the bins over both samples, as NumPy's
/// `histogram_bin_edges(…, bins="sturges")` has them for floating-point numbers.
pub(super) fn sturges(reference: &[f64], current: &[f64]) -> Vec<f64> {
    let both = || reference.iter().chain(current).copied();
    let n = (reference.len() + current.len()) as f64;
    let (least, greatest) = (
        both().fold(f64::INFINITY, f64::min),
        both().fold(f64::NEG_INFINITY, f64::max),
    );
    if least >= greatest {
        return vec![least - 0.5, greatest + 0.5];
    }
    let range = greatest - least;
    let width = range / (n.log2() + 1.0);
    // The range of numbers near the greatest there is does not fit in one.
    let n_bins = match range.is_finite() && width > 0.0 {
        true => (range / width).ceil().max(1.0) as usize,
        false => 1,
    };
    let step = range / n_bins as f64;
    let edge = |bin: usize| match bin {
        0 => least,
        _ if bin == n_bins => greatest,
        _ => least + bin as f64 * step,
    };
    (0..=n_bins).map(edge).collect()
}

/// How many values lie in each bin: its lower edge in it, its upper one only in
/// the last. Values outside are left out.
pub(super) fn histogram(values: &[f64], edges: &[f64]) -> Vec<f64> {
    let n_bins = edges.len().saturating_sub(1);
    let mut counts = vec![0.0; n_bins];
    for value in values {
        match edges.partition_point(|edge| edge <= value) {
            0 => {}
            above if above <= n_bins => counts[above - 1] += 1.0,
            _ if Some(value) == edges.last() && n_bins > 0 => counts[n_bins - 1] += 1.0,
            _ => {}
        }
    }
    counts
}

/// How many distinct numbers.
pub(super) fn distinct(values: &[f64]) -> usize {
    let distinct: rustc_hash::FxHashSet<u64> = values.iter().map(|v| ordered_bits(*v)).collect();
    distinct.len()
}

/// Bits in the order of the numbers; zero has no sign.
fn ordered_bits(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    match bits >> 63 {
        0 => bits | (1 << 63),
        _ => !bits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bin_has_both_its_edges() {
        let counts = histogram(&[-1.0, 0.0, 0.9, 1.0, 2.0, 2.1], &[0.0, 1.0, 2.0]);
        assert_eq!(counts, [2.0, 2.0]);
        assert!(histogram(&[1.0], &[]).is_empty());
        assert_eq!(sturges(&[3.0], &[3.0]), [2.5, 3.5]);
        let ends = [f64::MIN, f64::MAX];
        assert_eq!(sturges(&ends, &ends), ends);
    }

    #[test]
    fn values_are_tallied_in_their_order() {
        let reference = Column::numbers([2.0, -1.0, 2.0, 0.0, f64::NAN]);
        let current = Column::numbers([-0.0, 5.0]);
        let tally = Tally::of_values(&reference, &current).unwrap();
        assert_eq!(tally.reference, [1.0, 1.0, 2.0, 0.0]);
        assert_eq!(tally.current, [0.0, 1.0, 0.0, 1.0]);
        let words = Column::words([Some("a")]);
        assert_eq!(Tally::of_values(&reference, &words), None);
    }
}
