//! `clip`: values beyond a limit become the limit.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::column::Column;
use super::fault::Fault;
use super::frame::Frame;
use super::scalar::Scalar;
use super::stats;

/// As declared. Missing values stay missing. Whole numbers stay whole where
/// the limits are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clip {
    /// Which columns.
    pub columns: Vec<String>,
    /// Nothing below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower: Option<Limit>,
    /// Nothing above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upper: Option<Limit>,
}

/// A number, or one to be learnt: `{ quantile = 0.995 }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Limit {
    /// The value itself.
    Value(Scalar),
    /// As NumPy's `nanquantile` interpolates.
    Quantile {
        /// From 0 to 1.
        quantile: f64,
    },
}

/// As learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FittedClip {
    columns: Vec<Clipped>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Clipped {
    column: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lower: Option<Scalar>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upper: Option<Scalar>,
}

impl Clip {
    pub(super) fn fit(&self, frame: &Frame) -> Result<FittedClip, Fault> {
        let columns = self.columns.iter().map(|name| {
            let learn = |key, limit: &Option<Limit>| match limit {
                None => Ok(None),
                Some(limit) => limit.learn(key, frame, name).map(Some),
            };
            Ok(Clipped {
                column: name.as_str().into(),
                lower: learn("lower", &self.lower)?,
                upper: learn("upper", &self.upper)?,
            })
        });
        Ok(FittedClip {
            columns: columns.collect::<Result<_, Fault>>()?,
        })
    }
}

impl Limit {
    fn learn(&self, key: &'static str, frame: &Frame, name: &str) -> Result<Scalar, Fault> {
        match self {
            Limit::Value(value) if value.number().is_some_and(f64::is_finite) => Ok(value.clone()),
            Limit::Value(_) => Err(Fault::declared(
                key,
                "must be a finite number or { quantile = ... }",
            )),
            Limit::Quantile { quantile } if (0.0..=1.0).contains(quantile) => {
                let values = stats::sorted(stats::present(frame, name)?);
                Ok(Scalar::Float(stats::quantile(&values, *quantile)))
            }
            Limit::Quantile { .. } => {
                Err(Fault::declared(key, "a quantile is a share from 0 to 1"))
            }
        }
    }
}

impl FittedClip {
    pub(super) fn reads(&self) -> Vec<&str> {
        self.columns
            .iter()
            .map(|clipped| &*clipped.column)
            .collect()
    }

    pub(super) fn apply(&self, frame: &mut Frame) -> Result<(), Fault> {
        for clipped in &self.columns {
            let column = clipped.clip(frame.column(&clipped.column)?)?;
            frame.set(&clipped.column, column);
        }
        Ok(())
    }
}

impl Clipped {
    fn clip(&self, column: &Column) -> Result<Column, Fault> {
        let whole = |limit: &Option<Scalar>, none| match limit {
            None => Some(none),
            Some(Scalar::Int(value)) => Some(*value),
            Some(_) => None,
        };
        if let (Column::Int(values), Some(lower), Some(upper)) = (
            column,
            whole(&self.lower, i64::MIN),
            whole(&self.upper, i64::MAX),
        ) {
            return Ok(Column::ints(
                values
                    .iter()
                    .map(|value| Some(value?.max(lower).min(upper))),
            ));
        }
        let limit = |limit: &Option<Scalar>| limit.as_ref().and_then(Scalar::number);
        let lower = limit(&self.lower).unwrap_or(f64::NEG_INFINITY);
        let upper = limit(&self.upper).unwrap_or(f64::INFINITY);
        let values = column.numbers(&self.column)?;
        let clipped = values.values().iter().map(|&value| match value {
            value if value < lower => lower,
            value if value > upper => upper,
            value => value,
        });
        Ok(Column::floats(clipped.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_stay_whole_between_whole_limits() {
        let column = Column::ints([Some(-5), None, Some(50)]);
        let mut frame = Frame::new(3).with("x", column).unwrap();
        let clip: Clip = toml::from_str("columns = ['x']\nlower = 0\nupper = 10").unwrap();
        clip.fit(&frame).unwrap().apply(&mut frame).unwrap();
        let clipped = frame.column("x").unwrap();
        assert_eq!(*clipped, Column::ints([Some(0), None, Some(10)]));
    }

    #[test]
    fn a_quantile_is_learnt_once() {
        let values = Column::floats(vec![0.0, 1.0, f64::NAN, 2.0]);
        let frame = Frame::new(4).with("x", values).unwrap();
        let clip: Clip = toml::from_str("columns = ['x']\nupper = { quantile = 0.75 }").unwrap();
        let fitted = clip.fit(&frame).unwrap();
        let mut later = Frame::new(1).with("x", Column::floats(vec![9.0])).unwrap();
        fitted.apply(&mut later).unwrap();
        assert_eq!(*later.column("x").unwrap(), Column::floats(vec![1.5]));
    }
}
