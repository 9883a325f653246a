//! [`Algorithm`], which the parameters of each kind of model are, and
//! [`Checked`], parameters that can be trained with.

use linfa::DatasetBase;
use linfa::traits::Fit;
use ndarray::{Array1, Array2};

use super::{ModelError, Progress, Target, TrainingSet};

/// A kind of model with its parameters, as they stand in `functions.toml`.
pub trait Algorithm {
    /// What comes of a training.
    type Fitted;

    /// Says which parameter cannot be used, and why.
    fn check(&self) -> Result<(), ModelError>;

    /// Trains with parameters that were checked. The same rows in the same
    /// order give the same model, bit for bit, on any number of threads.
    fn train(
        &self,
        data: &TrainingSet<'_>,
        progress: &dyn Progress,
    ) -> Result<Self::Fitted, ModelError>;
}

/// Parameters that were checked: only with them can a model be trained.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked<P>(P);

impl<P: Algorithm> Checked<P> {
    /// Checks parameters, once.
    pub fn new(params: P) -> Result<Checked<P>, ModelError> {
        params.check()?;
        Ok(Checked(params))
    }

    /// The parameters.
    pub fn params(&self) -> &P {
        &self.0
    }

    /// Trains a model, and tells `progress` how far it is.
    pub fn fit_telling(
        &self,
        data: &TrainingSet<'_>,
        progress: &dyn Progress,
    ) -> Result<P::Fitted, ModelError> {
        self.0.train(data, progress)
    }
}

/// Weights of a linfa data set are single precision; where that is not enough,
/// [`Checked::fit_telling`] takes doubles.
impl<P: Algorithm> Fit<Array2<f64>, Target, ModelError> for Checked<P> {
    type Object = P::Fitted;

    fn fit(&self, dataset: &DatasetBase<Array2<f64>, Target>) -> Result<P::Fitted, ModelError> {
        // linfa: no weights are a vector of none.
        let weights = dataset.weights.as_slice().unwrap_or_default();
        let weights: Array1<f64> = weights.iter().copied().map(f64::from).collect();
        let given = (!weights.is_empty()).then(|| weights.view());
        let data = TrainingSet::new(dataset.records.view(), &dataset.targets, given)?;
        self.fit_telling(&data, &())
    }
}

/// Fails with the parameter's key unless it is as expected.
pub(crate) fn require(
    holds: bool,
    kind: &'static str,
    key: &'static str,
    value: impl ToString,
    expected: &'static str,
) -> Result<(), ModelError> {
    match holds {
        true => Ok(()),
        false => Err(ModelError::Parameter {
            kind,
            key,
            value: value.to_string(),
            expected,
        }),
    }
}
