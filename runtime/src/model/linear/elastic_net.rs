//! Least squares with the sizes of coefficients held small: lasso (Tibshirani
//! 1996) and elastic net (Zou and Hastie 2005).

use serde::{Deserialize, Serialize};

use super::super::params::require;
use super::super::{Algorithm, Event, ModelError, Progress, TrainingSet};
use super::Linear;
use super::descent::Descent;
use super::moments::Centred;

/// How to train [`Linear`] by elastic net. Made small is half the mean of `(x w -
/// y)²` plus `alpha · (l1_ratio · |w| + ½ (1 - l1_ratio) · |w|²)`.
///
/// The products of all columns with all columns are held in memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ElasticNet {
    /// How much the penalty counts. 1.
    pub alpha: f64,
    /// How much of it is for sizes, the rest for squares. 0.5.
    pub l1_ratio: f64,
    /// Whether there is an intercept, which is not penalised. true.
    pub fit_intercept: bool,
    /// After so many rounds over the columns the model is taken as it is.
    /// 100,000, of which few are needed.
    pub max_iter: usize,
    /// How far above its least the sum may be, as a share of what it is without
    /// any column (the duality gap). 1e-4; the optimum itself is found from
    /// there wherever the columns that matter do not depend on each other.
    pub tol: f64,
    /// Taken for compatibility: nothing here is drawn at random.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// How to train [`Linear`] by lasso: elastic net with nothing for squares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lasso {
    /// As in [`ElasticNet`].
    pub alpha: f64,
    /// As in [`ElasticNet`].
    pub fit_intercept: bool,
    /// As in [`ElasticNet`].
    pub max_iter: usize,
    /// As in [`ElasticNet`].
    pub tol: f64,
    /// As in [`ElasticNet`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

impl Default for ElasticNet {
    fn default() -> ElasticNet {
        ElasticNet {
            alpha: 1.0,
            l1_ratio: 0.5,
            fit_intercept: true,
            max_iter: 100_000,
            tol: 1e-4,
            seed: None,
        }
    }
}

impl Default for Lasso {
    fn default() -> Lasso {
        let ElasticNet {
            alpha,
            fit_intercept,
            max_iter,
            tol,
            seed,
            ..
        } = ElasticNet::default();
        Lasso {
            alpha,
            fit_intercept,
            max_iter,
            tol,
            seed,
        }
    }
}

impl Algorithm for ElasticNet {
    type Fitted = Linear;

    fn check(&self) -> Result<(), ModelError> {
        self.check_as("elastic-net")
    }

    fn train(&self, data: &TrainingSet<'_>, progress: &dyn Progress) -> Result<Linear, ModelError> {
        self.train_as("elastic-net", data, progress)
    }
}

impl Algorithm for Lasso {
    type Fitted = Linear;

    fn check(&self) -> Result<(), ModelError> {
        self.as_elastic_net().check_as("lasso")
    }

    fn train(&self, data: &TrainingSet<'_>, progress: &dyn Progress) -> Result<Linear, ModelError> {
        self.as_elastic_net().train_as("lasso", data, progress)
    }
}

impl Lasso {
    fn as_elastic_net(&self) -> ElasticNet {
        let Lasso {
            alpha,
            fit_intercept,
            max_iter,
            tol,
            seed,
        } = *self;
        ElasticNet {
            alpha,
            l1_ratio: 1.0,
            fit_intercept,
            max_iter,
            tol,
            seed,
        }
    }
}

impl ElasticNet {
    fn check_as(&self, kind: &'static str) -> Result<(), ModelError> {
        let usable = |value: f64| value.is_finite() && value >= 0.0;
        let (alpha, ratio, tol) = (self.alpha, self.l1_ratio, self.tol);
        require(
            usable(alpha),
            kind,
            "alpha",
            alpha,
            "finite and not negative",
        )?;
        require(
            (0.0..=1.0).contains(&ratio),
            kind,
            "l1_ratio",
            ratio,
            "between 0 and 1",
        )?;
        require(
            self.max_iter > 0,
            kind,
            "max_iter",
            self.max_iter,
            "at least 1",
        )?;
        require(usable(tol), kind, "tol", tol, "finite and not negative")
    }

    fn train_as(
        &self,
        kind: &'static str,
        data: &TrainingSet<'_>,
        progress: &dyn Progress,
    ) -> Result<Linear, ModelError> {
        let centred = Centred::new(data, self.fit_intercept, kind)?;
        let strength = self.alpha * centred.total();
        let (l1, l2) = (strength * self.l1_ratio, strength * (1.0 - self.l1_ratio));
        let mut descent = Descent::new(centred.moments(), l1, l2);
        let (rounds, gap) = descent.run(self.tol, self.max_iter, progress);
        if gap > self.tol {
            let (iterations, left) = (rounds, gap);
            progress.tell(Event::Unconverged {
                kind,
                iterations,
                left,
            });
        }
        Linear::through(&centred.means, descent.into_coefficients(), kind)
    }
}
