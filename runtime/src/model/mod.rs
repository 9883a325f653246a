//! Models: one file per algorithm behind linfa's traits.
//!
//! A [`ModelSpec`] says which kind of model to train and how; [`Checked`] once,
//! it [fits](Checked::fit_telling) a [`TrainingSet`] and gives a [`Model`],
//! which is written and read as one JSON document and says a [`Prediction`] of
//! new rows. [`search`] tries several specs by cross-validation.

mod class_weight;
mod document;
mod error;
mod k_means;
mod linear;
mod logistic;
mod matrix;
mod naive_bayes;
mod params;
#[cfg(test)]
mod parity;
mod prediction;
mod probability;
mod progress;
mod rows;
pub mod search;
mod solve;
mod spec;
mod target;
mod training_set;
pub mod tree;

pub use class_weight::ClassWeight;
pub use document::Model;
pub use error::ModelError;
pub use k_means::{Init, KMeans, KMeansModel};
pub use linear::{ElasticNet, Lasso, Linear, LinearRegression, Ridge};
pub use logistic::{Logistic, LogisticRegression, Penalty};
pub use naive_bayes::{GaussianNaiveBayes, GaussianNb};
pub use params::{Algorithm, Checked};
pub use prediction::{Prediction, Predictor};
pub use progress::{Event, Progress};
pub use spec::ModelSpec;
pub use target::{Label, Labels, Target};
pub use training_set::TrainingSet;

use ndarray::{ArrayView1, ArrayView2};

/// Trains the model that `spec` asks for. Without `weights` each row counts 1.
pub fn fit<'a>(
    spec: &Checked<ModelSpec>,
    x: ArrayView2<'a, f64>,
    y: &'a Target,
    weights: Option<ArrayView1<'a, f64>>,
    progress: &dyn Progress,
) -> Result<Model, ModelError> {
    spec.fit_telling(&TrainingSet::new(x, y, weights)?, progress)
}
