//! [`Bundle`]: a trained model with what it needs of its training.

use std::io::Read;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::function::StageError;
use crate::model::{Model, Prediction};
use crate::transform::{Fitted, Frame, Sides, Tables};

/// A model, and the steps that were fitted on its training rows alone. Both
/// are frozen: what a bundle says of a row never changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// The column that it predicts, unless it predicts none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What is done to prepared rows, and which columns make the matrix.
    pub steps: Fitted,
    /// What predicts.
    pub model: Model,
    /// What a search tried before it chose this model's parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<serde_json::Value>,
}

impl Bundle {
    /// # Errors
    /// When the document is not one, or of a later cutline.
    pub fn read(document: impl Read) -> Result<Bundle, StageError> {
        let wrong = "the model's document is damaged, or of a later cutline";
        serde_json::from_reader(document).map_err(|error| StageError::of(wrong, error))
    }

    /// The matrix of prepared rows.
    ///
    /// # Errors
    /// When a column is missing or of another type.
    pub fn matrix(&self, frame: &Frame) -> Result<Array2<f64>, StageError> {
        let wrong = |error| StageError::of("the rows do not fit the model", error);
        let sides: Sides = self.steps.ready(Tables::new()).map_err(wrong)?;
        let applied = self.steps.apply(frame, &sides).map_err(wrong)?;
        self.steps.matrix(&applied.frame).map_err(wrong)
    }

    /// What it says of prepared rows.
    ///
    /// # Errors
    /// When they do not fit it.
    pub fn predict(&self, frame: &Frame) -> Result<Prediction, StageError> {
        let matrix = self.matrix(frame)?;
        let predicted = self.model.predict(matrix.view());
        predicted.map_err(|error| StageError::of("the model cannot predict these rows", error))
    }
}
