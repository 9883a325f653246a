//! Gaussian naive Bayes.
//!
//! Each column is normal within each class, and columns are independent of each
//! other given the class. Means and variances are maximum likelihood, taken in
//! two passes (the sums, then the squared distances from the means); to each
//! variance `var_smoothing` times the largest variance of a column is added, as
//! in scikit-learn's `GaussianNB`.

use std::f64::consts::TAU;
use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis, Zip};
use serde::{Deserialize, Serialize};

use super::params::require;
use super::probability::{highest, softmax};
use super::rows::{fill, fold, within};
use super::{
    Algorithm, Label, Labels, ModelError, Prediction, Predictor, Progress, TrainingSet, matrix,
};

const KIND: &str = "gaussian-naive-bayes";

/// How to train [`GaussianNb`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GaussianNaiveBayes {
    /// What share of the largest variance of a column is added to every
    /// variance. 1e-9.
    pub var_smoothing: f64,
    /// How likely each class is before its row is seen, in the order of the
    /// classes; by default its share of the rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priors: Option<Vec<f64>>,
}

/// Normal distributions, one for each class and column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GaussianNb {
    pub(crate) classes: Arc<[Label]>,
    pub(crate) priors: Vec<f64>,
    /// A row for each class, a column for each feature.
    #[serde(with = "matrix")]
    pub(crate) means: Array2<f64>,
    /// Likewise, smoothed.
    #[serde(with = "matrix")]
    pub(crate) variances: Array2<f64>,
}

impl Default for GaussianNaiveBayes {
    fn default() -> GaussianNaiveBayes {
        GaussianNaiveBayes {
            var_smoothing: 1e-9,
            priors: None,
        }
    }
}

impl Algorithm for GaussianNaiveBayes {
    type Fitted = GaussianNb;

    fn check(&self) -> Result<(), ModelError> {
        let smoothing = self.var_smoothing;
        let usable = smoothing.is_finite() && smoothing >= 0.0;
        require(
            usable,
            KIND,
            "var_smoothing",
            smoothing,
            "finite and not negative",
        )?;
        let Some(priors) = &self.priors else {
            return Ok(());
        };
        let whole = (priors.iter().sum::<f64>() - 1.0).abs() < 1e-8;
        let usable = whole && priors.iter().all(|prior| *prior >= 0.0);
        let value = format!("{priors:?}");
        require(
            usable,
            KIND,
            "priors",
            value,
            "shares, not negative, that sum to 1",
        )
    }

    fn train(&self, data: &TrainingSet<'_>, _: &dyn Progress) -> Result<GaussianNb, ModelError> {
        data.finite()?;
        let labels = data.labels(KIND)?;
        let (counts, means) = means(data, &labels);
        let (mut variances, largest) = variances(data, &labels, &counts, &means);
        variances += self.var_smoothing * largest;
        if let Some(((class, column), _)) = variances.indexed_iter().find(|(_, v)| **v <= 0.0) {
            let class = labels.classes()[class].to_string();
            return Err(ModelError::NoVariance {
                kind: KIND,
                column,
                class,
            });
        }
        let model = GaussianNb {
            classes: labels.classes().clone(),
            priors: self.priors_of(&counts)?,
            means,
            variances,
        };
        match model
            .means
            .iter()
            .chain(&model.variances)
            .all(|v| v.is_finite())
        {
            true => Ok(model),
            false => Err(ModelError::Overflow {
                kind: KIND,
                what: "a mean or variance",
            }),
        }
    }
}

impl GaussianNaiveBayes {
    fn priors_of(&self, counts: &Array1<f64>) -> Result<Vec<f64>, ModelError> {
        let Some(priors) = &self.priors else {
            return Ok((counts / counts.sum()).to_vec());
        };
        let (classes, value) = (counts.len(), format!("a list of {}", priors.len()));
        require(
            priors.len() == classes,
            KIND,
            "priors",
            value,
            "one for each class",
        )?;
        Ok(priors.clone())
    }
}

/// What the rows of each class count together, and each class's means.
fn means(data: &TrainingSet<'_>, labels: &Labels) -> (Array1<f64>, Array2<f64>) {
    let shape = (labels.classes().len(), data.x().ncols());
    let (counts, mut sums) = fold(
        data.x().nrows(),
        &|rows| {
            let mut sums = (Array1::zeros(shape.0), Array2::zeros(shape));
            for row in rows {
                let (class, weight) = (labels.codes()[row] as usize, weight(data, row));
                sums.0[class] += weight;
                sums.1.row_mut(class).scaled_add(weight, &data.x().row(row));
            }
            sums
        },
        &|a, b| (a.0 + b.0, a.1 + b.1),
    );
    Zip::from(sums.rows_mut())
        .and(&counts)
        .for_each(|mut sums, count| sums /= *count);
    (counts, sums)
}

/// Each class's variances, and the largest variance of a column over all rows,
/// each of which counts 1 there.
fn variances(
    data: &TrainingSet<'_>,
    labels: &Labels,
    counts: &Array1<f64>,
    means: &Array2<f64>,
) -> (Array2<f64>, f64) {
    let x = data.x();
    let (n_rows, n_columns) = x.dim();
    let mean = column_means(x);
    let (mut within, total) = fold(
        n_rows,
        &|rows| {
            let mut sums = (Array2::zeros(means.dim()), Array1::zeros(n_columns));
            for row in rows {
                let (class, weight) = (labels.codes()[row] as usize, weight(data, row));
                let (own, cells) = (means.row(class), x.row(row));
                add_squares(sums.0.row_mut(class), cells, own, weight);
                add_squares(sums.1.view_mut(), cells, mean.view(), 1.0);
            }
            sums
        },
        &|a, b| (a.0 + b.0, a.1 + b.1),
    );
    Zip::from(within.rows_mut())
        .and(counts)
        .for_each(|mut squares, count| squares /= *count);
    let largest = total.fold(0.0, |most: f64, squares| most.max(*squares));
    (within, largest / n_rows as f64)
}

fn column_means(x: ArrayView2<'_, f64>) -> Array1<f64> {
    let sum = |rows| within(x, rows).sum_axis(Axis(0));
    fold(x.nrows(), &sum, &|a, b| a + b) / x.nrows() as f64
}

fn add_squares(
    sums: ndarray::ArrayViewMut1<'_, f64>,
    cells: ArrayView1<'_, f64>,
    means: ArrayView1<'_, f64>,
    weight: f64,
) {
    Zip::from(sums)
        .and(cells)
        .and(means)
        .for_each(|sum, cell, mean| {
            let distance = cell - mean;
            *sum += weight * distance * distance;
        });
}

fn weight(data: &TrainingSet<'_>, row: usize) -> f64 {
    data.weights().map_or(1.0, |weights| weights[row])
}

impl Predictor for GaussianNb {
    fn n_features(&self) -> usize {
        self.means.ncols()
    }

    fn classes(&self) -> Option<&Arc<[Label]>> {
        Some(&self.classes)
    }

    fn check(&self) -> Result<(), ModelError> {
        let shape = (self.classes.len(), self.means.ncols());
        let fits = [self.means.dim(), self.variances.dim()] == [shape; 2]
            && self.priors.len() == shape.0
            && shape.0 > 0;
        match fits {
            true => Ok(()),
            false => Err(ModelError::Shape {
                kind: KIND,
                problem: "classes, priors, means and variances differ in number".to_owned(),
            }),
        }
    }

    fn predict_checked(&self, x: ArrayView2<'_, f64>) -> Prediction {
        let mut likelihoods = Array2::zeros((x.nrows(), self.classes.len()));
        fill(x, &mut likelihoods, |x, out| self.log_likelihoods(x, out));
        let target = highest(&self.classes, &likelihoods);
        for row in likelihoods.rows_mut() {
            softmax(row);
        }
        Prediction {
            target,
            probabilities: Some(likelihoods),
            scores: None,
        }
    }
}

impl GaussianNb {
    /// `ln prior - ½ Σ (ln 2πσ² + (x - μ)² / σ²)`, a column for each class.
    fn log_likelihoods(&self, x: ArrayView2<'_, f64>, mut out: ArrayViewMut2<'_, f64>) {
        for (class, mut column) in out.columns_mut().into_iter().enumerate() {
            let (means, variances) = (self.means.row(class), self.variances.row(class));
            let norm: f64 = variances.iter().map(|variance| (TAU * variance).ln()).sum();
            let constant = self.priors[class].ln() - 0.5 * norm;
            Zip::from(&mut column)
                .and(x.rows())
                .for_each(|likelihood, row| {
                    let cells = Zip::from(row).and(means).and(variances);
                    let sum = cells.fold(0.0, |sum, cell, mean, v| sum + (cell - mean).powi(2) / v);
                    *likelihood = constant - 0.5 * sum;
                });
        }
    }
}
