//! [`ModelSpec`]: which kind of model to train, and how, as it is written.

use serde::{Deserialize, Serialize};

use super::{
    Algorithm, GaussianNaiveBayes, LogisticRegression, Model, ModelError, Progress, TrainingSet,
};

/// A kind of model and its parameters: `{ kind = "logistic-regression", c = 1.0 }`.
/// Keys, meanings and defaults are scikit-learn's unless a key says otherwise;
/// an unknown key is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ModelSpec {
    /// Gaussian naive Bayes.
    GaussianNaiveBayes(GaussianNaiveBayes),
    /// Logistic regression.
    LogisticRegression(LogisticRegression),
}

impl Algorithm for ModelSpec {
    type Fitted = Model;

    fn check(&self) -> Result<(), ModelError> {
        match self {
            ModelSpec::GaussianNaiveBayes(params) => params.check(),
            ModelSpec::LogisticRegression(params) => params.check(),
        }
    }

    fn train(&self, data: &TrainingSet<'_>, progress: &dyn Progress) -> Result<Model, ModelError> {
        Ok(match self {
            ModelSpec::GaussianNaiveBayes(params) => {
                Model::GaussianNb(params.train(data, progress)?)
            }
            ModelSpec::LogisticRegression(params) => Model::Logistic(params.train(data, progress)?),
        })
    }
}
