//! [`Regressed`]: numbers predicted for rows whose number is known.

use super::{BadSample, check_finite, check_weights, existing, picked, same_length};

/// Numbers predicted for rows whose number is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Regressed {
    truth: Vec<f64>,
    predicted: Vec<f64>,
    weights: Option<Vec<f64>>,
}

impl Regressed {
    /// One number for each row.
    pub fn new(truth: Vec<f64>, predicted: Vec<f64>) -> Result<Regressed, BadSample> {
        same_length("predictions", predicted.len(), truth.len())?;
        check_finite("truth", &truth)?;
        check_finite("prediction", &predicted)?;
        Ok(Regressed {
            truth,
            predicted,
            weights: None,
        })
    }

    /// The same, each row counting as much as its weight says.
    pub fn with_weights(mut self, weights: Vec<f64>) -> Result<Regressed, BadSample> {
        check_weights(&weights, self.truth.len())?;
        self.weights = Some(weights);
        Ok(self)
    }

    /// The true number of each row.
    pub fn truth(&self) -> &[f64] {
        &self.truth
    }

    /// The predicted number of each row.
    pub fn predicted(&self) -> &[f64] {
        &self.predicted
    }

    /// What each row weighs; None where all weigh the same.
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    pub(super) fn select(&self, rows: &[usize]) -> Regressed {
        let rows = &existing(rows, self.truth.len());
        Regressed {
            truth: picked(&self.truth, rows),
            predicted: picked(&self.predicted, rows),
            weights: self.weights.as_ref().map(|weights| picked(weights, rows)),
        }
    }
}
