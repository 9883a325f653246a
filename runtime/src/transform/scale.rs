//! `scale`: numbers to a common size.
//!
//! As scikit-learn's `StandardScaler`, `MinMaxScaler`, `RobustScaler` and
//! `MaxAbsScaler`, constant columns included. Missing values are left out when
//! fitted and stay missing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::column::Column;
use super::fault::Fault;
use super::frame::Frame;
use super::{real, stats};

/// As declared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// Which columns; without them, all numbers that are features.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// To what.
    #[serde(default)]
    pub by: Against,
    /// Where `min-max` puts the least and the greatest value.
    #[serde(default = "unit")]
    pub range: [f64; 2],
    /// Between which quantiles `robust` measures the spread.
    #[serde(default = "quartiles")]
    pub quantiles: [f64; 2],
}

/// What values are measured against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Against {
    /// The mean, and the standard deviation of the population.
    #[default]
    Standard,
    /// The least and the greatest value.
    MinMax,
    /// The median, and the distance of two quantiles.
    Robust,
    /// The greatest absolute value.
    MaxAbs,
}

/// As learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FittedScale {
    columns: Vec<Scaled>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scaled {
    column: Arc<str>,
    formula: Formula,
}

/// Two forms, since scikit-learn rounds in two.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Formula {
    /// (x - minus) / over
    Divide {
        #[serde(with = "real")]
        minus: f64,
        #[serde(with = "real")]
        over: f64,
    },
    /// x * times + plus
    Multiply {
        #[serde(with = "real")]
        times: f64,
        #[serde(with = "real")]
        plus: f64,
    },
}

impl Scale {
    pub(super) fn fit(&self, frame: &Frame) -> Result<FittedScale, Fault> {
        self.check()?;
        let columns = self.columns.iter().flatten().map(|name| {
            Ok(Scaled {
                column: name.as_str().into(),
                formula: self.formula(stats::present(frame, name)?),
            })
        });
        Ok(FittedScale {
            columns: columns.collect::<Result<_, Fault>>()?,
        })
    }

    fn check(&self) -> Result<(), Fault> {
        let rises = |[low, high]: [f64; 2]| low < high && low.is_finite() && high.is_finite();
        if !rises(self.range) {
            return Err(Fault::declared(
                "range",
                "must be two numbers, the lower one first",
            ));
        }
        let [low, high] = self.quantiles;
        if !(rises(self.quantiles) && low >= 0.0 && high <= 1.0) {
            return Err(Fault::declared(
                "quantiles",
                "must be two shares from 0 to 1, the lower one first",
            ));
        }
        Ok(())
    }

    fn formula(&self, values: Vec<f64>) -> Formula {
        let divide = |minus, over| Formula::Divide { minus, over };
        match self.by {
            Against::Standard => divide(stats::mean(&values), deviation(&values)),
            Against::MinMax => {
                let sorted = stats::sorted(values);
                let (least, greatest) = (sorted[0], sorted[sorted.len() - 1]);
                let times = (self.range[1] - self.range[0]) / not_zero(greatest - least);
                Formula::Multiply {
                    times,
                    plus: self.range[0] - least * times,
                }
            }
            Against::Robust => {
                let sorted = stats::sorted(values);
                let [low, high] = self.quantiles.map(|q| stats::quantile(&sorted, q));
                divide(stats::median(&sorted), not_zero(high - low))
            }
            Against::MaxAbs => divide(
                0.0,
                not_zero(values.iter().fold(0.0, |most, value| value.abs().max(most))),
            ),
        }
    }
}

/// The standard deviation; 1 of a column that is constant but for rounding, as
/// scikit-learn's `_is_constant_feature` decides it.
fn deviation(values: &[f64]) -> f64 {
    let (n, mean, variance) = (
        values.len() as f64,
        stats::mean(values),
        stats::variance(values, 0),
    );
    let rounding = n * f64::EPSILON * variance + (n * mean * f64::EPSILON).powi(2);
    if variance <= rounding {
        1.0
    } else {
        variance.sqrt()
    }
}

/// As scikit-learn's `_handle_zeros_in_scale`.
fn not_zero(spread: f64) -> f64 {
    if spread < 10.0 * f64::EPSILON {
        1.0
    } else {
        spread
    }
}

impl FittedScale {
    pub(super) fn reads(&self) -> Vec<&str> {
        self.columns.iter().map(|scaled| &*scaled.column).collect()
    }

    pub(super) fn apply(&self, frame: &mut Frame) -> Result<(), Fault> {
        for Scaled { column, formula } in &self.columns {
            let values = frame.column(column)?.numbers(column)?;
            let values = values.values().iter();
            let scaled: Vec<f64> = match *formula {
                Formula::Divide { minus, over } => values.map(|x| (x - minus) / over).collect(),
                Formula::Multiply { times, plus } => values.map(|x| x * times + plus).collect(),
            };
            frame.set(column, Column::floats(scaled));
        }
        Ok(())
    }
}

fn unit() -> [f64; 2] {
    [0.0, 1.0]
}

fn quartiles() -> [f64; 2] {
    [0.25, 0.75]
}
