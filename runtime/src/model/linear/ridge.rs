//! Least squares with the squares of coefficients held small (Hoerl and Kennard
//! 1970).

use ndarray::Array1;
use serde::{Deserialize, Serialize};

use super::super::params::require;
use super::super::solve::cholesky;
use super::super::{Algorithm, ModelError, Progress, TrainingSet};
use super::Linear;
use super::least_squares::by_singular_values;
use super::moments::Centred;

const KIND: &str = "ridge";

/// How small a share of its diagonal element a pivot may be before singular
/// values are asked instead.
const PIVOT: f64 = 1e-9;

/// How to train [`Linear`] by ridge regression: `Σ weight · (x w - y)² + alpha ·
/// |w|²` is made small.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ridge {
    /// How much the penalty counts. 1.
    pub alpha: f64,
    /// Whether there is an intercept, which is not penalised. true.
    pub fit_intercept: bool,
    /// Taken for compatibility: nothing here is drawn at random.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

impl Default for Ridge {
    fn default() -> Ridge {
        Ridge {
            alpha: 1.0,
            fit_intercept: true,
            seed: None,
        }
    }
}

impl Algorithm for Ridge {
    type Fitted = Linear;

    fn check(&self) -> Result<(), ModelError> {
        let usable = self.alpha.is_finite() && self.alpha >= 0.0;
        require(usable, KIND, "alpha", self.alpha, "finite and not negative")
    }

    fn train(&self, data: &TrainingSet<'_>, _: &dyn Progress) -> Result<Linear, ModelError> {
        let centred = Centred::new(data, self.fit_intercept, KIND)?;
        let (rows, columns) = centred.dim();
        let quick = match rows >= columns {
            true => self.of_columns(&centred),
            false => self.of_rows(&centred),
        };
        match quick.or_else(|| by_singular_values(&centred, self.alpha)) {
            Some(coefficients) => Linear::through(&centred.means, coefficients, KIND),
            None => Err(ModelError::Overflow {
                kind: KIND,
                what: "a sum of squares",
            }),
        }
    }
}

impl Ridge {
    /// `(xᵀ x + alpha)⁻¹ xᵀ y`.
    fn of_columns(&self, centred: &Centred<'_>) -> Option<Array1<f64>> {
        let mut moments = centred.moments();
        moments.gram.diag_mut().mapv_inplace(|d| d + self.alpha);
        cholesky(moments.gram, moments.xy.view(), PIVOT)
    }

    /// `xᵀ (x xᵀ + alpha)⁻¹ y`, the same where rows are fewer.
    fn of_rows(&self, centred: &Centred<'_>) -> Option<Array1<f64>> {
        let (rows, columns) = centred.dim();
        let block = centred.block(0..rows);
        let (x, y) = block.view().split_at(ndarray::Axis(1), columns);
        let mut products = x.dot(&x.t());
        products.diag_mut().mapv_inplace(|d| d + self.alpha);
        Some(x.t().dot(&cholesky(products, y.column(0), PIVOT)?))
    }
}
