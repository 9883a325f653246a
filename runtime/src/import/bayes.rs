//! GaussianNB of `sklearn.naive_bayes`.

use super::answer::{Answer, Class, Kernel, Label, Model, Takes, labels, of_numbers};
use super::check::{Names, Place};
use super::document::{Real, Scalar};
use super::error::ImportError;
use super::numbers::{argmax, max, pairwise_sum};

/// Of each class its share, and mean and variance of each column.
#[derive(serde::Deserialize)]
pub(super) struct GaussianWritten {
    classes: Vec<Option<Scalar>>,
    priors: Vec<Real>,
    means: Vec<Vec<Real>>,
    variances: Vec<Vec<Real>>,
}

struct Gaussian {
    classes: Vec<Label>,
    of_class: Vec<OfClass>,
}

struct OfClass {
    ln_prior: f64,
    /// What the variances alone take off.
    ln_spread: f64,
    means: Vec<f64>,
    variances: Vec<f64>,
}

pub(super) fn checked(
    written: GaussianWritten,
    names: &Names,
    at: &Place,
) -> Result<Box<dyn Model>, ImportError> {
    let classes = labels(written.classes, at)?;
    let priors = at.per_column("priors", written.priors, classes.len())?;
    let means = at.rows("means", written.means, names.len())?;
    let variances = at.rows("variances", written.variances, names.len())?;
    at.length("means", means.len(), classes.len())?;
    at.length("variances", variances.len(), classes.len())?;
    let of_class = priors.into_iter().zip(means.into_iter().zip(variances));
    let of_class = of_class.map(|(prior, (means, variances))| {
        let ln = variances
            .iter()
            .map(|variance| (2.0 * std::f64::consts::PI * variance).ln());
        let ln_spread = -0.5 * pairwise_sum(&ln.collect::<Vec<_>>());
        OfClass {
            ln_prior: prior.ln(),
            ln_spread,
            means,
            variances,
        }
    });
    let kernel = Gaussian {
        of_class: of_class.collect(),
        classes,
    };
    Ok(of_numbers(names, Takes::Finite, kernel))
}

impl OfClass {
    fn ln_likelihood(&self, x: &[f64]) -> f64 {
        let columns = x.iter().zip(self.means.iter().zip(&self.variances));
        let terms = columns.map(|(x, (mean, variance))| (x - mean) * (x - mean) / variance);
        let far = 0.5 * pairwise_sum(&terms.collect::<Vec<_>>());
        self.ln_prior + (self.ln_spread - far)
    }
}

impl Kernel for Gaussian {
    fn answer(&self, x: &[f64]) -> Answer {
        let joint: Vec<f64> = self
            .of_class
            .iter()
            .map(|class| class.ln_likelihood(x))
            .collect();
        // SciPy's `logsumexp`.
        let greatest = max(&joint);
        let greatest = if greatest.is_finite() { greatest } else { 0.0 };
        let shares: Vec<f64> = joint.iter().map(|joint| (joint - greatest).exp()).collect();
        let evidence = pairwise_sum(&shares).ln() + greatest;
        let probabilities = joint.iter().map(|joint| (joint - evidence).exp()).collect();
        Answer::Class(Class {
            index: argmax(&joint),
            probabilities,
            scores: Vec::new(),
        })
    }

    fn classes(&self) -> Option<&[Label]> {
        Some(&self.classes)
    }
}
