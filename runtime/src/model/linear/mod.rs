//! Linear models of a number: least squares, plain, ridge, lasso and elastic
//! net. All of them learn from the same sums of products.

mod descent;
mod elastic_net;
mod least_squares;
mod moments;
mod ridge;

use ndarray::{Array1, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

pub use elastic_net::{ElasticNet, Lasso};
pub use least_squares::LinearRegression;
pub use ridge::Ridge;

use self::moments::Means;
use super::{ModelError, Prediction, Predictor, Target};

/// A number that is linear in the columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Linear {
    pub(crate) coefficients: Vec<f64>,
    pub(crate) intercept: f64,
}

impl Linear {
    /// The model whose coefficients were found for columns and values seen from
    /// their means.
    fn through(
        means: &Means,
        coefficients: Array1<f64>,
        kind: &'static str,
    ) -> Result<Linear, ModelError> {
        let intercept = means.y - means.x.dot(&coefficients);
        let finite = intercept.is_finite() && coefficients.iter().all(|c| c.is_finite());
        match finite {
            true => Ok(Linear {
                coefficients: coefficients.to_vec(),
                intercept,
            }),
            false => Err(ModelError::Overflow {
                kind,
                what: "a coefficient",
            }),
        }
    }
}

impl Predictor for Linear {
    fn n_features(&self) -> usize {
        self.coefficients.len()
    }

    fn check(&self) -> Result<(), ModelError> {
        match self.coefficients.is_empty() {
            false => Ok(()),
            true => Err(ModelError::Shape {
                kind: "linear",
                problem: "it has no coefficients".to_owned(),
            }),
        }
    }

    fn predict_checked(&self, x: ArrayView2<'_, f64>) -> Prediction {
        let values = x.dot(&ArrayView1::from(&self.coefficients)) + self.intercept;
        Prediction {
            target: Target::Values(values),
            probabilities: None,
            scores: None,
        }
    }
}
