//! Weighted means, and means over classes.

use serde::{Deserialize, Serialize};

use super::undefined::{Score, Undefined, finite};

/// How the figures of several classes become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Average {
    /// Every class counts the same.
    Macro,
    /// Every class counts as its rows weigh.
    Weighted,
}

impl Average {
    /// The mean of one figure per class; `supports` is the weight of the
    /// class's rows.
    pub(super) fn of(self, scores: &[f64], supports: &[f64]) -> Score {
        match self {
            Average::Macro => mean(scores.iter().copied(), None),
            Average::Weighted => mean(scores.iter().copied(), Some(supports)),
        }
    }
}

/// The mean of `values`, each as its weight says; without weights all alike.
pub(super) fn mean(values: impl IntoIterator<Item = f64>, weights: Option<&[f64]>) -> Score {
    let mut total = Sum::default();
    let mut weight = Sum::default();
    for (row, value) in values.into_iter().enumerate() {
        let w = weights.map_or(1.0, |weights| weights[row]);
        total.add(value * w);
        weight.add(w);
    }
    match (weight.value(), weights) {
        (weight, _) if weight > 0.0 => finite(total.value() / weight),
        (_, Some([_, ..])) => Err(Undefined::NoWeight),
        _ => Err(Undefined::Empty),
    }
}

/// A sum whose error does not grow with its length (Neumaier 1974).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    pub(super) fn add(&mut self, value: f64) {
        let next = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() {
            (self.sum - next) + value
        } else {
            (value - next) + self.sum
        };
        self.sum = next;
    }

    pub(super) fn value(self) -> f64 {
        self.sum + self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_needs_rows_that_weigh() {
        assert_eq!(mean([1.0, 3.0], None), Ok(2.0));
        assert_eq!(mean([1.0, 3.0], Some(&[3.0, 1.0])), Ok(1.5));
        assert_eq!(mean([], None), Err(Undefined::Empty));
        assert_eq!(mean([], Some(&[])), Err(Undefined::Empty));
        assert_eq!(mean([1.0], Some(&[0.0])), Err(Undefined::NoWeight));
        assert_eq!(mean([f64::MAX, f64::MAX], None), Err(Undefined::Overflow));
    }

    #[test]
    fn small_numbers_are_not_lost_beside_large_ones() {
        let mut sum = Sum::default();
        for value in [1e16, 1.0, 1.0, -1e16] {
            sum.add(value);
        }
        assert_eq!(sum.value(), 2.0);
    }
}
