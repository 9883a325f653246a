//! What the monolith trained, as it predicts.
//!
//! [`EXPORT_SCRIPT`] runs in the monolith's own environment and writes what its
//! model has learnt as one JSON document; [`Imported::read`] checks that
//! document into a predictor. [`Imported::lightgbm`] and [`Imported::xgboost`]
//! read what those libraries save themselves, [`Imported::onnx`] what exporters
//! to ONNX write. One file per family of steps;
//! each says whose arithmetic it follows, operation by operation, so that
//! predictions agree to the last bits. What is not known is refused by name.

mod answer;
mod bayes;
mod beside;
mod bins;
mod boosting;
mod calibrated;
mod cell;
mod check;
mod cluster;
mod document;
mod encode;
mod error;
mod expand;
mod forest;
mod function;
mod imported;
mod impute;
mod isolation;
mod lightgbm;
mod linear;
mod named;
mod numbers;
mod onnx;
mod power;
mod project;
mod scale;
mod select;
mod sequence;
mod step;
mod tree;
mod voting;
mod xgboost;

pub use answer::{Label, Predicted};
pub use cell::Cell;
pub use document::{FORMAT, VERSION};
pub use error::{Flaw, ImportError, PredictError};
pub use imported::{Imported, Input, Kind};

/// The Python script (3.8 or newer) that writes the document; it needs nothing
/// beyond what unpickling the model needs.
pub const EXPORT_SCRIPT: &str = include_str!("export.py");

#[cfg(test)]
mod parity;
#[cfg(test)]
mod properties;
