//! [`Predicted`]: what a model says of rows; [`Model`]: what says it of one.

use std::fmt;
use std::sync::Arc;

use super::cell::Cell;
use super::check::{Names, Place};
use super::document::{ModelWritten, Scalar};
use super::error::{Flaw, ImportError, PredictError};
use super::imported::Kind;
use super::step::number;
use super::{
    bayes, boosting, calibrated, cluster, forest, isolation, lightgbm, linear, sequence, voting,
    xgboost,
};

/// A class, of the type that it has in the monolith.
#[derive(Clone, Debug, PartialEq)]
pub enum Label {
    /// Python's `True` and `False`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number that is written with a point, as 1.0.
    Float(f64),
    /// A text.
    Text(Arc<str>),
}

/// What a model says of some rows, in their order.
#[derive(Clone, Debug, PartialEq)]
pub enum Predicted {
    /// Of a classifier, of clusters (numbered from 0), of an outlier detector
    /// (-1 is an outlier, 1 is none).
    Classes {
        /// The class of each row, as an index into [`Imported::classes`].
        ///
        /// [`Imported::classes`]: super::Imported::classes
        classes: Vec<usize>,
        /// Of each row one probability per class; empty rows where the monolith
        /// has no `predict_proba`.
        probabilities: Vec<Vec<f64>>,
        /// Of each row what `decision_function` says: one score of two classes,
        /// one per class of more; empty rows where the monolith has none.
        scores: Vec<Vec<f64>>,
    },
    /// Of a regressor, one value per row.
    Values(Vec<f64>),
}

/// What a model says of one row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    Class(Class),
    Value(f64),
}

#[derive(Clone, Debug, PartialEq, Default)]
pub(super) struct Class {
    pub(super) index: usize,
    pub(super) probabilities: Vec<f64>,
    pub(super) scores: Vec<f64>,
}

/// A checked model. It is only given rows of the width that it was checked for.
pub(super) trait Model: Send + Sync {
    /// What it says of a row.
    fn answer(&self, row: &[Cell<'_>]) -> Result<Answer, PredictError>;

    /// The classes; `None` for a regressor, which answers values.
    fn classes(&self) -> Option<&[Label]>;

    /// What it takes in each column; `None` where it does not mind.
    fn takes(&self) -> Vec<Option<Kind>>;

    /// Which columns it looks at.
    fn uses(&self) -> Vec<bool> {
        vec![true; self.takes().len()]
    }
}

/// Checks a model of rows of `names`.
pub(super) fn model(
    written: ModelWritten,
    names: &Names,
    at: &Place,
) -> Result<Box<dyn Model>, ImportError> {
    match written {
        ModelWritten::BoostingClassifier(written) => boosting::classifier(written, names, at),
        ModelWritten::BoostingRegressor(written) => boosting::regressor(written, names, at),
        ModelWritten::Calibrated(written) => calibrated::checked(written, names, at),
        ModelWritten::ForestClassifier(written) => forest::classifier(written, names, at),
        ModelWritten::ForestRegressor(written) => forest::regressor(written, names, at),
        ModelWritten::GaussianNaiveBayes(written) => bayes::checked(written, names, at),
        ModelWritten::IsolationForest(written) => isolation::checked(written, names, at),
        ModelWritten::KMeans(written) => cluster::checked(written, names, at),
        ModelWritten::Lightgbm(written) => lightgbm::checked(written, names, at),
        ModelWritten::LinearClassifier(written) => linear::classifier(written, names, at),
        ModelWritten::LinearRegressor(written) => linear::regressor(written, names, at),
        ModelWritten::Pipeline(written) => sequence::pipeline(written, names, at),
        ModelWritten::VotingClassifier(written) => voting::classifier(written, names, at),
        ModelWritten::VotingRegressor(written) => voting::regressor(written, names, at),
        ModelWritten::Xgboost(written) => xgboost::checked(written, names, at),
    }
}

/// The classes of a document, each of which is a value.
pub(super) fn labels(written: Vec<Option<Scalar>>, at: &Place) -> Result<Vec<Label>, ImportError> {
    at.not_empty("classes", &written)?;
    let label = |scalar: Option<Scalar>| match scalar {
        None => Err(at.flaw(Flaw::Number {
            what: "a class",
            found: f64::NAN,
        })),
        Some(Scalar::Bool(bool)) => Ok(Label::Bool(bool)),
        Some(Scalar::Int(int)) => Ok(Label::Int(int)),
        Some(Scalar::Float { float }) => Ok(Label::Float(float.0)),
        Some(Scalar::Text(text)) => Ok(Label::Text(text.into())),
    };
    written.into_iter().map(label).collect()
}

/// Which numbers a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// Neither missing nor infinite ones.
    Finite,
    /// Those that single precision has; all are rounded to it, as scikit-learn's
    /// trees do. Missing ones where `missing`.
    Single {
        /// Whether a missing value is taken.
        missing: bool,
    },
    /// All.
    Any,
}

impl Takes {
    fn number(self, number: f64, column: &Arc<str>) -> Result<f64, PredictError> {
        let column = || column.to_string();
        match self {
            Takes::Any => return Ok(number),
            Takes::Single { missing: true } if number.is_nan() => return Ok(number),
            Takes::Finite | Takes::Single { .. } => {}
        }
        if number.is_nan() {
            return Err(PredictError::Missing { column: column() });
        }
        let taken = match self {
            Takes::Single { .. } => f64::from(number as f32),
            Takes::Finite | Takes::Any => number,
        };
        match taken.is_infinite() {
            true => Err(PredictError::TooLarge { column: column() }),
            false => Ok(taken),
        }
    }
}

/// What a model says of numbers.
pub(super) trait Kernel: Send + Sync {
    fn answer(&self, x: &[f64]) -> Answer;

    fn classes(&self) -> Option<&[Label]>;
}

/// A model of numbers alone.
struct OfNumbers<K> {
    names: Names,
    takes: Takes,
    kernel: K,
}

/// A model of numbers as a model of cells.
pub(super) fn of_numbers(
    names: &Names,
    takes: Takes,
    kernel: impl Kernel + 'static,
) -> Box<dyn Model> {
    Box::new(OfNumbers {
        names: names.clone(),
        takes,
        kernel,
    })
}

impl<K: Kernel> Model for OfNumbers<K> {
    fn answer(&self, row: &[Cell<'_>]) -> Result<Answer, PredictError> {
        let numbers = row.iter().zip(&self.names);
        let numbers = numbers.map(|(cell, name)| self.takes.number(number(*cell, name)?, name));
        Ok(self
            .kernel
            .answer(&numbers.collect::<Result<Vec<f64>, _>>()?))
    }

    fn classes(&self) -> Option<&[Label]> {
        self.kernel.classes()
    }

    fn takes(&self) -> Vec<Option<Kind>> {
        vec![Some(Kind::Number); self.names.len()]
    }
}

/// As JSON has it; a float that JSON does not have is null.
impl From<&Label> for serde_json::Value {
    fn from(label: &Label) -> serde_json::Value {
        match label {
            Label::Bool(bool) => (*bool).into(),
            Label::Int(int) => (*int).into(),
            Label::Float(float) => (*float).into(),
            Label::Text(text) => (&**text).into(),
        }
    }
}

/// As Python prints it: `True`, `1`, `1.0`, `free`.
impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Label::Bool(true) => f.write_str("True"),
            Label::Bool(false) => f.write_str("False"),
            Label::Int(int) => write!(f, "{int}"),
            Label::Float(float) => write!(f, "{float:?}"),
            Label::Text(text) => f.write_str(text),
        }
    }
}
