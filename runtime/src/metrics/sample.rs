//! What was predicted for rows whose truth is known, checked once.

mod classified;
mod regressed;

pub use classified::Classified;
pub use regressed::Regressed;

use thiserror::Error;

/// What a model predicted, of either kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Predictions {
    /// Classes.
    Classes(Classified),
    /// Numbers.
    Numbers(Regressed),
}

/// Why predictions cannot be measured at all.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum BadSample {
    /// Not one for each row.
    #[error("there are {found} {what} for {expected} rows; give one for each row")]
    Length {
        /// What there are too few or too many of.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many rows.
        expected: usize,
    },
    /// A class beyond the last.
    #[error("row {row}: class {class} does not exist; the classes are 0 to {last}", last = n_classes - 1)]
    Class {
        /// Counted from 0.
        row: usize,
        /// The class there.
        class: usize,
        /// How many there are.
        n_classes: usize,
    },
    /// There are no classes.
    #[error("the probabilities have no columns; give one for each class")]
    NoClasses,
    /// NaN or infinite.
    #[error("row {row}: the {what} is {value}, not a finite number")]
    NotFinite {
        /// Counted from 0.
        row: usize,
        /// `truth`, `prediction`, `score`.
        what: &'static str,
        /// As it was given.
        value: f64,
    },
    /// Not between 0 and 1.
    #[error("row {row}: the probability of class {class} is {value}, not between 0 and 1")]
    Probability {
        /// Counted from 0.
        row: usize,
        /// The class's index.
        class: usize,
        /// As it was given.
        value: f64,
    },
    /// Negative, NaN or infinite.
    #[error("row {row}: the weight is {value}; weights are not negative, and their sum is finite")]
    Weight {
        /// Counted from 0.
        row: usize,
        /// As it was given.
        value: f64,
    },
    /// A threshold makes two classes of a probability, no more.
    #[error("a threshold needs the probabilities of two classes")]
    Threshold,
}

impl Predictions {
    /// How many rows.
    pub fn n_rows(&self) -> usize {
        match self {
            Predictions::Classes(classified) => classified.truth().len(),
            Predictions::Numbers(regressed) => regressed.truth().len(),
        }
    }

    /// These rows, in this order; a row may be taken more than once. Rows there
    /// are not are left out.
    pub fn select(&self, rows: &[usize]) -> Predictions {
        match self {
            Predictions::Classes(classified) => Predictions::Classes(classified.select(rows)),
            Predictions::Numbers(regressed) => Predictions::Numbers(regressed.select(rows)),
        }
    }

    /// The same rows, those with the highest score for the last class first, as
    /// far as there are scores. Rows drawn from them in order need no sorting:
    /// most of the work of a bootstrap.
    pub(super) fn ranked(&self) -> Predictions {
        match self {
            Predictions::Classes(classified) => Predictions::Classes(classified.ranked()),
            Predictions::Numbers(_) => self.clone(),
        }
    }

    /// Whether both are about the same rows: as many, with the same truth.
    pub fn same_rows(&self, other: &Predictions) -> bool {
        match (self, other) {
            (Predictions::Classes(a), Predictions::Classes(b)) => a.truth() == b.truth(),
            (Predictions::Numbers(a), Predictions::Numbers(b)) => a.truth() == b.truth(),
            _ => false,
        }
    }
}

fn picked<T: Copy>(from: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().map(|row| from[*row]).collect()
}

fn existing(rows: &[usize], n_rows: usize) -> Vec<usize> {
    rows.iter().copied().filter(|row| *row < n_rows).collect()
}

fn same_length(what: &'static str, found: usize, expected: usize) -> Result<(), BadSample> {
    let bad = BadSample::Length {
        what,
        found,
        expected,
    };
    (found == expected).then_some(()).ok_or(bad)
}

fn check_finite(what: &'static str, values: &[f64]) -> Result<(), BadSample> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(row) => Err(BadSample::NotFinite {
            row,
            what,
            value: values[row],
        }),
    }
}

fn check_weights(weights: &[f64], n_rows: usize) -> Result<(), BadSample> {
    same_length("weights", weights.len(), n_rows)?;
    let mut sum = 0.0;
    let bad = |weight: &f64| {
        sum += weight;
        !(*weight >= 0.0 && f64::is_finite(sum))
    };
    match weights.iter().position(bad) {
        None => Ok(()),
        Some(row) => Err(BadSample::Weight {
            row,
            value: weights[row],
        }),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_most_probable_class_is_predicted_and_of_equals_the_first() {
        let probabilities = array![[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]];
        let classified = Classified::probabilities(vec![1, 1, 0], probabilities).unwrap();
        assert_eq!(classified.predicted(), [1, 0, 0]);
        let classified = classified.with_threshold(0.5).unwrap();
        assert_eq!(classified.predicted(), [1, 1, 0]);
    }

    #[test]
    fn what_is_wrong_is_said_at_its_row() {
        let says = |bad: Result<Classified, BadSample>| bad.unwrap_err().to_string();
        assert_eq!(
            says(Classified::labels(2, vec![0, 2], vec![0, 1])),
            "row 1: class 2 does not exist; the classes are 0 to 1"
        );
        assert_eq!(
            says(Classified::probabilities(vec![0], array![[0.2, f64::NAN]])),
            "row 0: the probability of class 1 is NaN, not between 0 and 1"
        );
        assert_eq!(
            says(Classified::labels(2, vec![0, 1], vec![0])),
            "there are 1 predictions for 2 rows; give one for each row"
        );
        let classified = Classified::decisions(vec![0, 1], vec![-1.0, 3.0]).unwrap();
        assert_eq!(
            says(classified.with_weights(vec![1.0, -1.0])),
            "row 1: the weight is -1; weights are not negative, and their sum is finite"
        );
        let bad = Regressed::new(vec![0.0], vec![f64::INFINITY]).unwrap_err();
        assert_eq!(
            bad.to_string(),
            "row 0: the prediction is inf, not a finite number"
        );
    }

    #[test]
    fn rows_are_taken_in_order_and_again() {
        let regressed = Regressed::new(vec![1.0, 2.0, 3.0], vec![1.5, 2.5, 3.5]).unwrap();
        let some = Predictions::Numbers(regressed).select(&[2, 0, 2, 9]);
        let expected = Regressed::new(vec![3.0, 1.0, 3.0], vec![3.5, 1.5, 3.5]).unwrap();
        assert_eq!(some, Predictions::Numbers(expected));
    }
}
