//! [`Undefined`]: why a metric has no value.

use thiserror::Error;

use super::Metric;

/// A metric's value, or why it has none. A value is finite.
pub type Score = Result<f64, Undefined>;

/// Why a metric has no value for these rows.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Undefined {
    /// Nothing to measure.
    #[error("there are no rows")]
    Empty,
    /// All rows weigh nothing.
    #[error("the weights of all rows are zero")]
    NoWeight,
    /// R² wants two rows at least.
    #[error("one row has no variance; two are needed")]
    OneRow,
    /// The metric compares classes, and there is one.
    #[error("all rows are of class {class}; rows of another class are needed")]
    OneClass {
        /// Its index.
        class: usize,
    },
    /// An average over classes, of which one has no rows.
    #[error("no row is of class {class}; every class needs one")]
    Absent {
        /// Its index.
        class: usize,
    },
    /// The metric knows a positive and a negative class.
    #[error("there are {n_classes} classes, not two; use the metric's -macro or -weighted form")]
    NotBinary {
        /// How many.
        n_classes: usize,
    },
    /// Precision divides by the rows that were predicted so.
    #[error("class {class} is never predicted")]
    NeverPredicted {
        /// Its index.
        class: usize,
    },
    /// The classes were predicted without probabilities.
    #[error("the model gives no probabilities")]
    NoProbabilities,
    /// The classes were predicted without anything to order rows by.
    #[error("the model gives neither probabilities nor scores")]
    NoScores,
    /// A metric of classes was asked of numbers, or the other way round.
    #[error("{metric} is a metric of {needs}, and the model predicts the other kind")]
    WrongKind {
        /// The metric.
        metric: Metric,
        /// `classes` or `numbers`.
        needs: &'static str,
    },
    /// The figure is beyond what a double-precision number can hold.
    #[error("the value is not a finite number; the predictions or the truth are too large")]
    Overflow,
    /// The metric is undefined on most resamples.
    #[error("only {defined} of {resamples} resamples have a value, the others: {why}")]
    FewResamples {
        /// Resamples with a value.
        defined: usize,
        /// All of them.
        resamples: usize,
        /// Why the first of the others has none.
        why: Box<Undefined>,
    },
}

/// `value` where it is a number.
pub(super) fn finite(value: f64) -> Score {
    value
        .is_finite()
        .then_some(value)
        .ok_or(Undefined::Overflow)
}
