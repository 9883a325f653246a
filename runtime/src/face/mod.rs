//! How inference answers over HTTP: one file per face.
//!
//! A face turns a request into [`Rows`] of named columns, asks a [`Predictor`],
//! and turns what was [`Predicted`] into its own shape. [`inference`] speaks the
//! Open Inference Protocol, [`mlflow`] what MLflow's scoring server speaks, and
//! [`mapping`] the monolith's own paths and shapes, as declared. What a client
//! did wrong is a 4xx that names the column; JSON never holds NaN.

pub mod inference;
mod json;
pub mod mapping;
pub mod mlflow;
mod predictor;
mod rows;

pub use predictor::{
    Column, Kind, LeftOut, Metadata, ModelVersions, Predicted, Predictor, Refusal, Refused, Version,
};
pub use rows::{Cell, Columns, Rows};

#[cfg(test)]
mod properties;
#[cfg(test)]
mod sample;
