//! Linear models of `sklearn.linear_model` and `sklearn.svm`.

use super::answer::{Answer, Class, Kernel, Label, Model, Takes, labels, of_numbers};
use super::check::{Names, Place};
use super::document::{Real, Scalar};
use super::error::ImportError;
use super::numbers::{argmax, dot, expit, normalize, softmax};

/// One coefficient per column.
#[derive(serde::Deserialize)]
pub(super) struct LinearRegressorWritten {
    coefficients: Vec<Real>,
    intercept: Real,
}

/// A row of coefficients per class; of two classes one row, of the second.
#[derive(serde::Deserialize)]
pub(super) struct LinearClassifierWritten {
    classes: Vec<Option<Scalar>>,
    coefficients: Vec<Vec<Real>>,
    intercepts: Vec<Real>,
    link: Link,
}

/// How scores become probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Link {
    /// Each class against the rest, then to the sum of one.
    Logistic,
    /// `(score within -1 and 1, plus 1) / 2`, then to the sum of one (Zadrozny
    /// and Elkan 2002, "Transforming classifier scores into multiclass
    /// probability estimates").
    ModifiedHuber,
    /// There are none.
    None,
    /// Of all classes at once.
    Softmax,
}

struct Regressor {
    coefficients: Vec<f64>,
    intercept: f64,
}

pub(super) fn regressor(
    written: LinearRegressorWritten,
    names: &Names,
    at: &Place,
) -> Result<Box<dyn Model>, ImportError> {
    let coefficients = at.per_column("coefficients", written.coefficients, names.len())?;
    let kernel = Regressor {
        coefficients,
        intercept: written.intercept.0,
    };
    Ok(of_numbers(names, Takes::Finite, kernel))
}

impl Kernel for Regressor {
    fn answer(&self, x: &[f64]) -> Answer {
        Answer::Value(dot(x, &self.coefficients) + self.intercept)
    }

    fn classes(&self) -> Option<&[Label]> {
        None
    }
}

struct Classifier {
    classes: Vec<Label>,
    rows: Vec<(Vec<f64>, f64)>,
    link: Link,
}

pub(super) fn classifier(
    written: LinearClassifierWritten,
    names: &Names,
    at: &Place,
) -> Result<Box<dyn Model>, ImportError> {
    let classes = labels(written.classes, at)?;
    let rows = at.rows("coefficients", written.coefficients, names.len())?;
    let n_rows = if classes.len() == 2 { 1 } else { classes.len() };
    at.length("coefficients", rows.len(), n_rows)?;
    let intercepts = at.per_column("intercepts", written.intercepts, n_rows)?;
    let rows = rows.into_iter().zip(intercepts).collect();
    let kernel = Classifier {
        classes,
        rows,
        link: written.link,
    };
    Ok(of_numbers(names, Takes::Finite, kernel))
}

impl Kernel for Classifier {
    fn answer(&self, x: &[f64]) -> Answer {
        let score = |(row, intercept): &(Vec<f64>, f64)| dot(x, row) + intercept;
        let scores: Vec<f64> = self.rows.iter().map(score).collect();
        let index = match self.classes.len() {
            2 => usize::from(scores[0] > 0.0),
            _ => argmax(&scores),
        };
        let probabilities = self.link.probabilities(&scores, self.classes.len() == 2);
        Answer::Class(Class {
            index,
            probabilities,
            scores,
        })
    }

    fn classes(&self) -> Option<&[Label]> {
        Some(&self.classes)
    }
}

impl Link {
    fn probabilities(self, scores: &[f64], binary: bool) -> Vec<f64> {
        let halved = |score: f64| (score.clamp(-1.0, 1.0) + 1.0) / 2.0;
        let each: fn(f64) -> f64 = match self {
            Link::None => return Vec::new(),
            Link::Softmax if binary => return softmax(&[-scores[0], scores[0]]),
            Link::Softmax => return softmax(scores),
            Link::Logistic => expit,
            Link::ModifiedHuber => halved,
        };
        let mut shares: Vec<f64> = scores.iter().map(|score| each(*score)).collect();
        match binary {
            true => vec![1.0 - shares[0], shares[0]],
            false => {
                normalize(&mut shares);
                shares
            }
        }
    }
}
