//! Logistic regression, of two classes and of more.
//!
//! Of two classes the log-odds are linear in the columns; of more, each class
//! has linear scores and the probabilities are their softmax. What is made small
//! is `Σ weight · loss + (1/C) · penalty(coefficients)`, intercepts unpenalised, so
//! that a model is scikit-learn's `LogisticRegression` at its optimum, whatever
//! solver that was asked to use.

mod lbfgs;
mod loss;
mod newton;
mod proximal;
mod shorten;

use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use self::loss::Loss;
use super::class_weight::row_weights;
use super::params::require;
use super::probability::{highest, sigmoid, softmax};
use super::rows::fill;
use super::{
    Algorithm, ClassWeight, Event, Label, Labels, ModelError, Prediction, Predictor, Progress,
    Target, TrainingSet, matrix,
};

const KIND: &str = "logistic-regression";

/// Up to so many parameters the matrix of second derivatives is cheap enough.
const NEWTON_PARAMETERS: usize = 600;

/// How to train [`Logistic`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogisticRegression {
    /// How little the penalty counts. 1.
    pub c: f64,
    /// What is held small. `"l2"`.
    pub penalty: Penalty,
    /// How much of the penalty `"elasticnet"` is for sizes, the rest for
    /// squares.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l1_ratio: Option<f64>,
    /// How much the rows of each class count; by default each row counts alike.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weight: Option<ClassWeight>,
    /// Whether there is an intercept. true.
    pub fit_intercept: bool,
    /// After so many iterations the model is taken as it is. 1000.
    pub max_iter: usize,
    /// The optimum is reached when a step is about to better the mean loss by
    /// less than this. 1e-14: where scikit-learn's own `tol`, which limits the
    /// gradient, leaves probabilities 1e-3 from the optimum, this leaves 1e-10.
    pub tol: f64,
    /// Taken for compatibility: nothing here is drawn at random.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// What of the coefficients is held small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Penalty {
    /// Half the sum of their squares.
    #[default]
    L2,
    /// The sum of their sizes: the fewer columns that matter are kept.
    L1,
    /// Both, by `l1_ratio`.
    Elasticnet,
    /// Nothing. Where a plane separates the classes there is then no optimum.
    None,
}

/// Linear scores of classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logistic {
    pub(crate) classes: Arc<[Label]>,
    /// Of two classes one row, the second's; of more a row for each.
    #[serde(with = "matrix")]
    pub(crate) coefficients: Array2<f64>,
    /// One for each row of coefficients.
    pub(crate) intercepts: Vec<f64>,
}

impl Default for LogisticRegression {
    fn default() -> LogisticRegression {
        LogisticRegression {
            c: 1.0,
            penalty: Penalty::L2,
            l1_ratio: None,
            class_weight: None,
            fit_intercept: true,
            max_iter: 1000,
            tol: 1e-14,
            seed: None,
        }
    }
}

impl Algorithm for LogisticRegression {
    type Fitted = Logistic;

    fn check(&self) -> Result<(), ModelError> {
        require(self.c > 0.0, KIND, "c", self.c, "above 0")?;
        require(
            self.max_iter > 0,
            KIND,
            "max_iter",
            self.max_iter,
            "at least 1",
        )?;
        let usable = self.tol.is_finite() && self.tol > 0.0;
        require(usable, KIND, "tol", self.tol, "finite and above 0")?;
        let (usable, expected) = match self.penalty {
            Penalty::Elasticnet => {
                let within = |ratio: f64| (0.0..=1.0).contains(&ratio);
                (self.l1_ratio.is_some_and(within), "between 0 and 1")
            }
            _ => (
                self.l1_ratio.is_none(),
                "left out unless `penalty` is \"elasticnet\"",
            ),
        };
        let value = self
            .l1_ratio
            .map_or("left out".to_owned(), |ratio| ratio.to_string());
        require(usable, KIND, "l1_ratio", value, expected)
    }

    fn train(
        &self,
        data: &TrainingSet<'_>,
        progress: &dyn Progress,
    ) -> Result<Logistic, ModelError> {
        data.finite()?;
        let labels = data.labels(KIND)?;
        let weights = row_weights(self.class_weight.as_ref(), &labels, data.weights())?;
        let (l1, l2) = self.strengths();
        let loss = Loss::new(
            data.x().reborrow(),
            &labels,
            weights,
            self.fit_intercept,
            l2,
        );
        let found = if l1 > 0.0 {
            let sizes = loss.of_coefficients(l1);
            proximal::minimize(&loss, &sizes, self.tol, self.max_iter, progress)
        } else if loss.n_parameters() <= NEWTON_PARAMETERS {
            newton::minimize(&loss, self.tol, self.max_iter, progress)
        } else {
            lbfgs::minimize(&loss, self.tol, self.max_iter, progress)
        };
        if found.decrement > self.tol {
            let (iterations, left) = (found.iterations, found.decrement);
            progress.tell(Event::Unconverged {
                kind: KIND,
                iterations,
                left,
            });
        }
        let (coefficients, intercepts) = loss.lines(found.at);
        let finite = |x: &f64| x.is_finite();
        match coefficients.iter().all(finite) && intercepts.iter().all(finite) {
            true => Ok(Logistic {
                classes: labels.classes().clone(),
                coefficients,
                intercepts: intercepts.to_vec(),
            }),
            false => Err(ModelError::Overflow {
                kind: KIND,
                what: "a coefficient",
            }),
        }
    }
}

impl LogisticRegression {
    /// What sizes and squares of coefficients count beside the sum of losses.
    fn strengths(&self) -> (f64, f64) {
        let strength = 1.0 / self.c;
        match self.penalty {
            Penalty::L2 => (0.0, strength),
            Penalty::L1 => (strength, 0.0),
            Penalty::Elasticnet => {
                let ratio = self.l1_ratio.unwrap_or_default();
                (strength * ratio, strength * (1.0 - ratio))
            }
            Penalty::None => (0.0, 0.0),
        }
    }
}

/// Where a search for the optimum ended.
struct Found {
    at: Array1<f64>,
    iterations: usize,
    /// By how much the last step was about to better the loss.
    decrement: f64,
}

impl Found {
    fn new(at: Array1<f64>, iterations: usize, decrement: f64) -> Found {
        Found {
            at,
            iterations,
            decrement,
        }
    }
}

/// After each step but the last.
fn tell(progress: &dyn Progress, done: usize, most: usize, objective: f64) {
    progress.tell(Event::Step {
        what: "iteration",
        done,
        most,
        objective: Some(objective),
    });
}

impl Predictor for Logistic {
    fn n_features(&self) -> usize {
        self.coefficients.ncols()
    }

    fn classes(&self) -> Option<&Arc<[Label]>> {
        Some(&self.classes)
    }

    fn check(&self) -> Result<(), ModelError> {
        let rows = match self.classes.len() {
            0 | 1 => 0,
            2 => 1,
            more => more,
        };
        let fits = rows > 0 && [self.coefficients.nrows(), self.intercepts.len()] == [rows; 2];
        match fits {
            true => Ok(()),
            false => Err(ModelError::Shape {
                kind: KIND,
                problem: "classes, coefficients and intercepts differ in number".to_owned(),
            }),
        }
    }

    fn predict_checked(&self, x: ArrayView2<'_, f64>) -> Prediction {
        let mut scores = Array2::zeros((x.nrows(), self.intercepts.len()));
        fill(x, &mut scores, |x, mut out| {
            out.assign(&x.dot(&self.coefficients.t()));
            out += &ArrayView1::from(&self.intercepts);
        });
        match self.classes.len() {
            2 => self.of_two(scores.remove_axis(Axis(1))),
            _ => self.of_more(scores),
        }
    }
}

impl Logistic {
    fn of_two(&self, log_odds: Array1<f64>) -> Prediction {
        let codes = log_odds.iter().map(|score| u32::from(*score > 0.0));
        let labels = Labels::of_codes(self.classes.clone(), codes.collect());
        let mut probabilities = Array2::zeros((log_odds.len(), 2));
        for (mut row, score) in probabilities.rows_mut().into_iter().zip(&log_odds) {
            row[1] = sigmoid(*score);
            row[0] = 1.0 - row[1];
        }
        Prediction {
            target: Target::Labels(labels),
            probabilities: Some(probabilities),
            scores: Some(log_odds),
        }
    }

    fn of_more(&self, mut scores: Array2<f64>) -> Prediction {
        let target = highest(&self.classes, &scores);
        for row in scores.rows_mut() {
            softmax(row);
        }
        Prediction {
            target,
            probabilities: Some(scores),
            scores: None,
        }
    }
}
