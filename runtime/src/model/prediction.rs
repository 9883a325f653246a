//! [`Prediction`], and [`Predictor`], which every trained model is.

use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayView2};

use super::{Label, ModelError, Target};

/// What a model says of rows, one entry for each.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The class or the value.
    pub target: Target,
    /// How likely each class is, a column for each in the order of
    /// [`Labels::classes`](super::Labels::classes); a row sums to 1.
    pub probabilities: Option<Array2<f64>>,
    /// What the class follows from: the log-odds of the second of two classes,
    /// the anomaly score, the distance to the cluster's centre.
    pub scores: Option<Array1<f64>>,
}

/// A trained model: numbers in, numbers out.
pub trait Predictor {
    /// How many columns a row must have.
    fn n_features(&self) -> usize;

    /// The classes it tells apart, in order; None where it predicts values.
    fn classes(&self) -> Option<&Arc<[Label]>> {
        None
    }

    /// Whether NaN in a cell means that it is missing. Otherwise, a cell that
    /// is NaN or infinite is refused.
    fn takes_missing(&self) -> bool {
        false
    }

    /// Whether its parts fit together, so that it can predict without a panic.
    /// Asked once, when a document is read.
    fn check(&self) -> Result<(), ModelError>;

    /// What it says of rows with so many columns, of cells that it takes.
    fn predict_checked(&self, x: ArrayView2<'_, f64>) -> Prediction;
}
