//! The document that `export.py` writes, as written; the rooms' files check
//! their part of it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::bayes::GaussianWritten;
use super::beside::{ColumnsWritten, UnionWritten};
use super::bins::BinsWritten;
use super::boosting::BoostingWritten;
use super::calibrated::CalibratedWritten;
use super::cluster::CentersWritten;
use super::encode::{OneHotWritten, OrdinalWritten};
use super::expand::PolynomialWritten;
use super::forest::ForestWritten;
use super::function::FunctionWritten;
use super::impute::ImputeWritten;
use super::isolation::IsolationWritten;
use super::lightgbm::LightgbmWritten;
use super::linear::{LinearClassifierWritten, LinearRegressorWritten};
use super::power::PowerWritten;
use super::project::ProjectWritten;
use super::scale::{MinMaxWritten, NormalizeWritten, ScaleWritten};
use super::select::SelectWritten;
use super::sequence::{PipelineWritten, SequenceWritten};
use super::voting::{VotingClassifierWritten, VotingRegressorWritten};
use super::xgboost::XgboostWritten;

/// What the document says that it is.
pub const FORMAT: &str = "cutline-model";

/// The version of the document that is written and read.
pub const VERSION: u32 = 1;

/// The first thing to be read: whose document it is.
#[derive(serde::Deserialize)]
pub(super) struct Head {
    #[serde(default)]
    pub(super) format: String,
    #[serde(default)]
    pub(super) version: u32,
}

/// The whole document.
#[derive(serde::Deserialize)]
pub(super) struct Document {
    pub(super) inputs: Vec<String>,
    pub(super) model: ModelWritten,
}

/// A transformation.
#[derive(serde::Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(super) enum TransformWritten {
    Bins(BinsWritten),
    Columns(ColumnsWritten),
    Encode(OrdinalWritten),
    Function(FunctionWritten),
    Impute(ImputeWritten),
    MinMax(MinMaxWritten),
    Normalize(NormalizeWritten),
    OneHot(OneHotWritten),
    Passthrough,
    Polynomial(PolynomialWritten),
    Power(PowerWritten),
    Project(ProjectWritten),
    Scale(ScaleWritten),
    Select(SelectWritten),
    Sequence(SequenceWritten),
    Union(UnionWritten),
}

/// A model, perhaps behind transformations.
#[derive(serde::Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(super) enum ModelWritten {
    BoostingClassifier(BoostingWritten),
    BoostingRegressor(BoostingWritten),
    Calibrated(CalibratedWritten),
    ForestClassifier(ForestWritten),
    ForestRegressor(ForestWritten),
    GaussianNaiveBayes(GaussianWritten),
    IsolationForest(IsolationWritten),
    KMeans(CentersWritten),
    Lightgbm(LightgbmWritten),
    LinearClassifier(LinearClassifierWritten),
    LinearRegressor(LinearRegressorWritten),
    Pipeline(PipelineWritten),
    VotingClassifier(VotingClassifierWritten),
    VotingRegressor(VotingRegressorWritten),
    Xgboost(XgboostWritten),
}

/// A double; JSON has no NaN and no infinity, so they are texts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Real(pub(super) f64);

impl<'de> Deserialize<'de> for Real {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Real, D::Error> {
        from.deserialize_any(RealVisitor).map(Real)
    }
}

struct RealVisitor;

impl Visitor<'_> for RealVisitor {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, \"nan\", \"inf\" or \"-inf\"")
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<f64, E> {
        Ok(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<f64, E> {
        match text {
            "nan" => Ok(f64::NAN),
            "inf" => Ok(f64::INFINITY),
            "-inf" => Ok(f64::NEG_INFINITY),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
        }
    }
}

/// The numbers in `reals`.
pub(super) fn numbers(reals: Vec<Real>) -> Vec<f64> {
    reals.into_iter().map(|real| real.0).collect()
}

/// A category, a class or a fill. Absent is a missing value.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(untagged)]
pub(super) enum Scalar {
    Bool(bool),
    Int(i64),
    Float { float: Real },
    Text(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reals_are_read_to_the_bit() {
        let read: Vec<Real> = serde_json::from_str(
            r#"[0.1, 3, "nan", "-inf", 5e-324, 1.7976931348623157e308, 2.225073858507201e-308]"#,
        )
        .unwrap();
        let read = numbers(read);
        assert!(read[2].is_nan());
        assert_eq!(read[..2], [0.1, 3.0]);
        assert_eq!(
            read[3..],
            [
                f64::NEG_INFINITY,
                5e-324,
                f64::MAX,
                2.225_073_858_507_201e-308
            ]
        );
        assert!(serde_json::from_str::<Real>("\"1\"").is_err());
    }

    #[test]
    fn scalars_keep_their_type() {
        let read: Vec<Option<Scalar>> =
            serde_json::from_str(r#"[null, true, 1, {"float": 1.0}, "1"]"#).unwrap();
        let float = Scalar::Float { float: Real(1.0) };
        let text = Scalar::Text("1".to_owned());
        let known = [
            None,
            Some(Scalar::Bool(true)),
            Some(Scalar::Int(1)),
            Some(float),
            Some(text),
        ];
        assert_eq!(read, known);
    }
}
