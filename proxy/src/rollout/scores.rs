//! [`ScoreShift`]: whether two sides' scores are distributed alike.
//!
//! Two distribution functions differ at `x` by the share of pairs that cross it
//! upwards, less the share that cross it downwards. So pairs are counted where
//! they cross fixed places; what is equal on both sides crosses nothing, however
//! widely it is spread. The greatest difference over all places is Kolmogorov
//! and Smirnov's distance, as far as the places are fine enough to see it.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// Every twentieth from 0 to 1, where probabilities lie, and 1, 2 and 5 times
/// the powers of ten from a millionth to a million, of either sign.
pub(super) static PLACES: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let twentieths = (0..=20).map(|n| f64::from(n) / 20.0);
    let tens = (-6..=6).flat_map(|power| [1.0, 2.0, 5.0].map(|n| n * 10_f64.powi(power)));
    let mut places: Vec<f64> = tens
        .flat_map(|place| [place, -place])
        .chain(twentieths)
        .collect();
    places.sort_by(f64::total_cmp);
    places.dedup_by(|a, b| (*a - *b).abs() < 1e-9);
    places
});

/// Pairs of scores, and the places that lie between the two of a pair.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScoreShift {
    /// All pairs.
    pub of: u64,
    /// By the number of a place, with the pairs that cross it.
    crossed: BTreeMap<u16, Crossed>,
}

/// Pairs that cross a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Crossed {
    /// The candidate's score is above it, the monolith's is not.
    pub(super) up: u64,
    /// The monolith's is above it, the candidate's is not.
    pub(super) down: u64,
}

impl ScoreShift {
    /// One more pair. What is no number is no score, and left to the comparison
    /// of answers.
    pub fn record(&mut self, monolith: f64, candidate: f64) {
        if monolith.is_nan() || candidate.is_nan() {
            return;
        }
        self.of += 1;
        let below = |score: f64| PLACES.partition_point(|place| *place < score);
        let (from, to) = (below(monolith), below(candidate));
        for place in from.min(to)..from.max(to) {
            let crossed = self.crossed.entry(place as u16).or_default();
            match from < to {
                true => crossed.up += 1,
                false => crossed.down += 1,
            }
        }
    }

    /// The greatest distance seen, and at which score; 0 where nothing crosses.
    pub fn distance(&self) -> (f64, Option<f64>) {
        let apart = |crossed: &Crossed| crossed.up.abs_diff(crossed.down);
        let widest = self
            .crossed
            .iter()
            .max_by_key(|(_, crossed)| apart(crossed));
        match widest {
            Some((place, crossed)) if self.of > 0 => (
                apart(crossed) as f64 / self.of as f64,
                PLACES.get(usize::from(*place)).copied(),
            ),
            _ => (0.0, None),
        }
    }

    /// The places that are crossed.
    pub(super) fn crossed(&self) -> impl Iterator<Item = Crossed> {
        self.crossed.values().copied()
    }
}

impl AddAssign<&ScoreShift> for ScoreShift {
    fn add_assign(&mut self, more: &ScoreShift) {
        self.of += more.of;
        for (place, crossed) in &more.crossed {
            let to = self.crossed.entry(*place).or_default();
            to.up += crossed.up;
            to.down += crossed.down;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_is_that_of_the_distribution_functions() {
        let mut shift = ScoreShift::default();
        // The monolith's scores are spread evenly from 0 to 1, the candidate's
        // lie a tenth higher.
        for n in 0..1_000 {
            let score = (f64::from(n) + 0.5) / 1_000.0;
            shift.record(score, score + 0.1);
        }
        let (distance, at) = shift.distance();
        assert!((distance - 0.1).abs() < 0.002, "{distance}");
        assert!((0.1..=1.0).contains(&at.unwrap()));
    }

    #[test]
    fn what_is_alike_crosses_nothing() {
        let mut shift = ScoreShift::default();
        shift.record(0.817_34, 0.817);
        shift.record(f64::NAN, 0.5);
        shift.record(f64::INFINITY, f64::INFINITY);
        assert_eq!((shift.of, shift.distance()), (2, (0.0, None)));
    }

    #[test]
    fn pairs_that_cross_both_ways_are_alike_in_distribution() {
        let mut shift = ScoreShift::default();
        shift.record(0.1, 0.9);
        shift.record(0.9, 0.1);
        assert_eq!(shift.distance().0, 0.0);
    }

    #[test]
    fn places_are_in_order() {
        assert!(PLACES.is_sorted());
        assert!(PLACES.contains(&0.5) && PLACES.len() < 128);
    }
}
