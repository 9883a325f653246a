//! How good predictions are: one file per family of metrics.
//!
//! Numbers in, numbers out. [`Classified`] and [`Regressed`] hold what was
//! predicted for rows whose truth is known, checked once; after that a metric
//! can only be a number or [`Undefined`], never NaN. [`Metric`] names them all,
//! so that a document can list them and a search can score by one;
//! [`evaluate()`] measures what a document asks for, slices and intervals
//! included, and [`Gate`] says whether that is good enough.
//!
//! All figures are scikit-learn's (1.5.2), sample weights included; where it
//! warns and returns 0 or NaN, this room says what is missing.

mod average;
mod bootstrap;
mod calibration;
mod confusion;
mod evaluation;
mod gate;
mod metric;
mod probability;
mod ranking;
mod regression;
mod sample;
mod slices;
mod undefined;

pub use average::Average;
pub use bootstrap::{Bootstrap, Interval, Method};
pub(crate) use calibration::quantile;
pub use calibration::{Bins, Calibration, CalibrationBin, calibration};
pub use confusion::{ClassScores, Confusion};
pub use evaluation::{
    ClassReport, Curves, Evaluation, EvaluationSpec, Measure, SliceReport, evaluate,
};
pub use gate::{BadGate, Gate, Judgement, Limit, Proof, Reason, Versus, judge};
pub use metric::{Better, Metric, NoMetric};
pub use probability::{brier, log_loss};
pub use ranking::{Operating, PrPoint, Ranked, RocPoint, average_precision, roc_auc};
pub use regression::{
    mean_absolute_error, mean_absolute_percentage_error, median_absolute_error, r2,
    root_mean_squared_error,
};
pub use sample::{BadSample, Classified, Predictions, Regressed};
pub use slices::{Slice, by_edges, by_value};
pub use undefined::{Score, Undefined};

#[cfg(test)]
mod parity;
#[cfg(test)]
mod properties;
