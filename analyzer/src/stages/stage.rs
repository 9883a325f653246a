//! The seven stages of a machine-learning pipeline.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a function belongs to.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Gets raw data from outside.
    Ingestion,
    /// Validates, cleans, splits, builds features.
    Preprocessing,
    /// Builds, fits, tunes, persists a model.
    Training,
    /// Measures or gates a model.
    Evaluation,
    /// Registers, promotes, packages, ships, provisions.
    Deployment,
    /// Loads for serving, predicts, handles a prediction request.
    Inference,
    /// Watches a live model or its data.
    Monitoring,
    /// Serves two or more stages, orchestrates them, or is generic.
    Shared,
    /// Outside the pipeline.
    None,
}

impl Stage {
    /// The seven, in the order of data.
    pub const PIPELINE: [Stage; 7] = [
        Stage::Ingestion,
        Stage::Preprocessing,
        Stage::Training,
        Stage::Evaluation,
        Stage::Deployment,
        Stage::Inference,
        Stage::Monitoring,
    ];

    /// All nine.
    pub const ALL: [Stage; 9] = [
        Stage::Ingestion,
        Stage::Preprocessing,
        Stage::Training,
        Stage::Evaluation,
        Stage::Deployment,
        Stage::Inference,
        Stage::Monitoring,
        Stage::Shared,
        Stage::None,
    ];

    /// True for the seven.
    pub fn is_pipeline(self) -> bool {
        !matches!(self, Stage::Shared | Stage::None)
    }

    /// The word for it, as in every document.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Ingestion => "ingestion",
            Stage::Preprocessing => "preprocessing",
            Stage::Training => "training",
            Stage::Evaluation => "evaluation",
            Stage::Deployment => "deployment",
            Stage::Inference => "inference",
            Stage::Monitoring => "monitoring",
            Stage::Shared => "shared",
            Stage::None => "none",
        }
    }

    /// The stage of that name.
    pub fn from_name(name: &str) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| stage.name() == name)
    }

    /// What belongs to it, in a sentence.
    pub fn about(self) -> &'static str {
        match self {
            Stage::Ingestion => "gets raw data from outside",
            Stage::Preprocessing => "validates, cleans, splits, builds features",
            Stage::Training => "builds, fits, tunes, persists a model",
            Stage::Evaluation => "measures or gates a model",
            Stage::Deployment => "registers, promotes, packages, ships, provisions",
            Stage::Inference => "loads for serving, predicts, handles a prediction request",
            Stage::Monitoring => "watches a live model or its data",
            Stage::Shared => "serves two or more stages, orchestrates them, or is generic",
            Stage::None => "stands outside the pipeline",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
