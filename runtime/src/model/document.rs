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

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::model::Target;

    const LINEAR: &str =
        r#"{"version":1,"model":{"linear":{"coefficients":[0.1,0.2],"intercept":-1.5}}}"#;

    fn refused(json: &str) -> String {
        Model::from_json(json.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_document_is_read_as_it_was_written() {
        let model = Model::from_json(LINEAR.as_bytes()).unwrap();
        assert_eq!(model.to_json().unwrap(), LINEAR.as_bytes());
        assert_eq!((model.n_features(), model.classes()), (2, None));
        let said = model.predict(array![[10.0, 20.0]].view()).unwrap();
        assert_eq!(said.target, Target::Values(array![3.5]));
    }

    #[test]
    fn another_document_is_refused_for_what_it_is() {
        assert!(refused(&LINEAR.replace("1,\"model", "2,\"model")).contains("its version is 2"));
        assert!(refused(&LINEAR[..40]).contains("no model document"));
        assert!(refused(&LINEAR.replace("linear", "linaer")).contains("linaer"));
        let logistic = r#"{"version":1,"model":{"logistic":{"classes":["a","b"],
            "coefficients":[[1.0],[2.0]],"intercepts":[0.0]}}}"#;
        assert!(refused(logistic).contains("differ in number"));
        assert!(refused(&logistic.replace("[2.0]", "[]")).contains("equally long"));
    }

    #[test]
    fn rows_of_another_shape_are_refused() {
        let model = Model::from_json(LINEAR.as_bytes()).unwrap();
        let error = model.predict(array![[1.0]].view()).unwrap_err().to_string();
        assert!(
            error.contains("trained on 2 columns, and the rows have 1"),
            "{error}"
        );
        let error = model
            .predict(array![[1.0, f64::NAN]].view())
            .unwrap_err()
            .to_string();
        assert!(error.contains("row 0, column 1 holds NaN"), "{error}");
    }
}
