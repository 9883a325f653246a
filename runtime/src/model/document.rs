//! [`Model`]: what training gives, written and read as one JSON document.

use std::sync::Arc;

use linfa::traits::Predict;
use ndarray::ArrayView2;
use serde::{Deserialize, Deserializer, Serialize, de};

use super::training_set::all_finite;
use super::tree::{Boosted, Forest, Isolation};
use super::{GaussianNb, KMeansModel, Label, Linear, Logistic, ModelError, Prediction, Predictor};

/// A trained model of any kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// Trees whose answers add up.
    Boosting(Boosted),
    /// Trees whose answers are averaged.
    Forest(Forest),
    /// Gaussian naive Bayes.
    GaussianNb(GaussianNb),
    /// How soon a row is alone.
    IsolationForest(Isolation),
    /// Clusters about centres.
    KMeans(KMeansModel),
    /// A number linear in the columns.
    Linear(Linear),
    /// Logistic regression.
    Logistic(Logistic),
    /// One tree.
    Tree(Forest),
}

/// What stands in the file: `{ "version": 1, "model": { kind: … } }`. The
/// version comes first, so that a later one is refused for what it is.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<M> {
    version: Version,
    model: M,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Version(u32);

const VERSION: u32 = 1;

impl Model {
    /// What it says of rows. Fails if they have another number of columns than
    /// it was trained on, or hold what it does not take; of no rows it says
    /// nothing.
    pub fn predict(&self, x: ArrayView2<'_, f64>) -> Result<Prediction, ModelError> {
        let model = self.predictor();
        let (expected, found) = (model.n_features(), x.ncols());
        if expected != found {
            return Err(ModelError::Features { expected, found });
        }
        if !model.takes_missing() {
            all_finite(x)?;
        }
        Ok(model.predict_checked(x))
    }

    /// How many columns a row must have.
    pub fn n_features(&self) -> usize {
        self.predictor().n_features()
    }

    /// The classes it tells apart, in order; None where it predicts values.
    pub fn classes(&self) -> Option<&Arc<[Label]>> {
        self.predictor().classes()
    }

    /// Its document. Doubles are written so that reading gives back every bit.
    pub fn to_json(&self) -> Result<Vec<u8>, ModelError> {
        let version = Version(VERSION);
        Ok(serde_json::to_vec(&Document {
            version,
            model: self,
        })?)
    }

    /// The model of a document. Fails unless all its parts fit together: what
    /// was read predicts without a panic.
    pub fn from_json(json: &[u8]) -> Result<Model, ModelError> {
        let document: Document<Model> = serde_json::from_slice(json)?;
        document.model.predictor().check()?;
        Ok(document.model)
    }

    fn predictor(&self) -> &dyn Predictor {
        match self {
            Model::Boosting(model) => model,
            Model::Forest(model) => model,
            Model::GaussianNb(model) => model,
            Model::IsolationForest(model) => model,
            Model::KMeans(model) => model,
            Model::Linear(model) => model,
            Model::Logistic(model) => model,
            Model::Tree(model) => model,
        }
    }
}

impl Predict<ArrayView2<'_, f64>, Result<Prediction, ModelError>> for Model {
    fn predict(&self, x: ArrayView2<'_, f64>) -> Result<Prediction, ModelError> {
        Model::predict(self, x)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Version, D::Error> {
        match u32::deserialize(deserializer)? {
            VERSION => Ok(Version(VERSION)),
            other => Err(de::Error::custom(format!(
                "its version is {other}, and this cutline reads {VERSION}"
            ))),
        }
    }
}
