//! `bin`: numbers to the interval they lie in, as pandas' `cut` with edges and
//! `qcut` with quantiles, or as scikit-learn's `KBinsDiscretizer`.

mod fitted;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub(super) use self::fitted::FittedBin;
use super::fault::Fault;
use super::frame::Frame;
use super::scalar::Scalar;
use super::stats;

/// As declared: by `edges` or by `quantiles`. What is missing stays missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bin {
    /// Which column.
    pub column: Arc<str>,
    /// The name of the result; without it the column itself is overwritten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// At least two, rising.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edges: Option<Vec<Scalar>>,
    /// What the edges are learnt as, of values that are not missing. Every
    /// value that was learnt from lies in an interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantiles: Option<Quantiles>,
    /// What becomes of quantiles that are the same.
    #[serde(default, skip_serializing_if = "Same::is_error")]
    pub same: Same,
    /// What each interval is called; without them as it is written: `(0, 25]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
    /// Which edge belongs to an interval.
    #[serde(default)]
    pub closed: Closed,
    /// The first interval has its lower edge too.
    #[serde(default)]
    pub include_lowest: bool,
    /// What lies in no interval.
    #[serde(default, skip_serializing_if = "Outside::is_missing")]
    pub outside: Outside,
}

/// Where edges lie, interpolated as NumPy does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Quantiles {
    /// So many intervals of as many values each.
    Count(usize),
    /// At these shares, rising from 0 to 1.
    Shares(Vec<f64>),
}

/// What becomes of quantiles that are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Same {
    /// An error.
    #[default]
    Error,
    /// They are one edge, so that there are fewer intervals.
    Drop,
}

/// What intervals are called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Labels {
    /// One for each.
    Texts(Vec<String>),
    /// `"numbers"`: their place, from 0, as a number.
    As(Numbers),
}

/// The word for [`Labels::As`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Numbers {
    /// Their place.
    Numbers,
}

/// The side of an interval whose edge belongs to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Closed {
    /// `(0, 25]`
    #[default]
    Right,
    /// `[0, 25)`
    Left,
}

/// What becomes of a value in no interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outside {
    /// It is missing.
    #[default]
    Missing,
    /// It is put into the nearest: the first or the last.
    Nearest,
}

impl Same {
    fn is_error(&self) -> bool {
        *self == Same::Error
    }
}

impl Outside {
    fn is_missing(&self) -> bool {
        *self == Outside::Missing
    }
}

impl Bin {
    pub(super) fn fit(&self, frame: &Frame) -> Result<FittedBin, Fault> {
        let edges = match (&self.edges, &self.quantiles) {
            (Some(edges), None) => edges.clone(),
            (None, Some(quantiles)) => self.learnt(quantiles, frame)?,
            _ => {
                let problem = "are needed, or `quantiles`, and not both";
                return Err(Fault::declared("edges", problem));
            }
        };
        let fitted = FittedBin {
            column: Arc::clone(&self.column),
            name: self.name.clone(),
            edges,
            labels: self.labels.clone(),
            closed: self.closed,
            whole: self.quantiles.is_some(),
            include_lowest: self.include_lowest,
            outside: self.outside,
        };
        fitted.check()?;
        Ok(fitted)
    }

    fn learnt(&self, quantiles: &Quantiles, frame: &Frame) -> Result<Vec<Scalar>, Fault> {
        let values = stats::sorted(stats::present(frame, &self.column)?);
        let shares = quantiles.shares()?;
        let mut edges: Vec<f64> = shares
            .iter()
            .map(|share| stats::quantile(&values, *share))
            .collect();
        let n_shares = edges.len();
        edges.dedup();
        match self.same {
            Same::Error if edges.len() < n_shares => {
                let problem = format!(
                    "of column `{}` are {} different numbers where there should be {n_shares}: \
                     declare same = \"drop\", or fewer of them",
                    self.column,
                    edges.len()
                );
                Err(Fault::declared("quantiles", problem))
            }
            _ if edges.len() < 2 => Err(Fault::declared(
                "quantiles",
                format!(
                    "of column `{}` are all the same: drop the column",
                    self.column
                ),
            )),
            _ => Ok(edges.into_iter().map(Scalar::Float).collect()),
        }
    }
}

impl Quantiles {
    fn shares(&self) -> Result<Vec<f64>, Fault> {
        let wrong = |problem| Err(Fault::declared("quantiles", problem));
        match self {
            Quantiles::Count(n) if *n < 2 => wrong("are 2 intervals at least"),
            Quantiles::Count(n) => Ok((0..=*n).map(|edge| edge as f64 / *n as f64).collect()),
            Quantiles::Shares(shares) => {
                let rise = shares.len() > 1 && shares.is_sorted_by(|a, b| a < b);
                match rise && shares[0] >= 0.0 && shares[shares.len() - 1] <= 1.0 {
                    true => Ok(shares.clone()),
                    false => wrong("are shares from 0 to 1, each greater than the one before"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::column::Column;
    use super::*;

    fn check(declared: &str, values: &[f64]) -> String {
        let mut frame = Frame::new(values.len())
            .with("x", Column::floats(values.to_vec()))
            .unwrap();
        let bin: Bin = toml::from_str(&format!("column = 'x'\n{declared}")).unwrap();
        if let Err(fault) = bin.fit(&frame).and_then(|fitted| fitted.apply(&mut frame)) {
            return fault.to_string();
        }
        let column = frame.column("x").unwrap();
        let words: Vec<String> = column
            .scalars()
            .map(|value| value.map_or("-".into(), |value| value.to_string()))
            .collect();
        words.join(" ")
    }

    #[test]
    fn edges_belong_to_one_side() {
        let values = [0.0, 0.5, 1.0, 2.0, 3.0, f64::NAN];
        insta::assert_snapshot!(check("edges = [0, 1, 2]", &values), @"- (0, 1] (0, 1] (1, 2] - -");
        insta::assert_snapshot!(check("edges = [0, 1, 2]\nclosed = 'left'", &values), @"[0, 1) [0, 1) [1, 2) - - -");
        insta::assert_snapshot!(check("edges = [0, 1, 2]\nlabels = ['a', 'b']\ninclude_lowest = true", &values), @"a a a b - -");
    }

    #[test]
    fn edges_must_rise() {
        insta::assert_snapshot!(check("edges = [1, 1]", &[]), @"edges: must be at least two numbers, each greater than the one before");
        insta::assert_snapshot!(check("edges = [1, 2]\nlabels = []", &[]), @"labels: 0 are there for 1 intervals");
    }

    #[test]
    fn edges_are_learnt_as_quantiles() {
        let values = [4.0, 1.0, f64::NAN, 2.0, 3.0, 5.0];
        insta::assert_snapshot!(check("quantiles = 2", &values), @"(3.0, 5.0] [1.0, 3.0] - [1.0, 3.0] [1.0, 3.0] (3.0, 5.0]");
        insta::assert_snapshot!(check("quantiles = 2\nclosed = 'left'\nlabels = 'numbers'", &values), @"1.0 0.0 - 0.0 1.0 1.0");
        insta::assert_snapshot!(check("quantiles = [0.25, 0.75]", &values), @"[2.0, 4.0] - - [2.0, 4.0] [2.0, 4.0] -");
        insta::assert_snapshot!(check("quantiles = [0, 0.75]\noutside = 'nearest'\nlabels = ['all']", &values), @"all all - all all all");
    }

    #[test]
    fn quantiles_that_are_the_same_are_told_or_dropped() {
        let values = [1.0, 1.0, 1.0, 2.0, 9.0];
        insta::assert_snapshot!(check("quantiles = 4", &values), @r#"quantiles: of column `x` are 3 different numbers where there should be 5: declare same = "drop", or fewer of them"#);
        insta::assert_snapshot!(check("quantiles = 4\nsame = 'drop'", &values), @"[1.0, 2.0] [1.0, 2.0] [1.0, 2.0] [1.0, 2.0] (2.0, 9.0]");
        insta::assert_snapshot!(check("quantiles = 4\nsame = 'drop'", &[7.0, 7.0]), @"quantiles: of column `x` are all the same: drop the column");
    }

    #[test]
    fn what_quantiles_cannot_be_is_told() {
        insta::assert_snapshot!(check("", &[1.0]), @"edges: are needed, or `quantiles`, and not both");
        insta::assert_snapshot!(check("quantiles = 1", &[1.0]), @"quantiles: are 2 intervals at least");
        insta::assert_snapshot!(check("quantiles = [0.5, 0.2]", &[1.0]), @"quantiles: are shares from 0 to 1, each greater than the one before");
        insta::assert_snapshot!(check("quantiles = 2", &[f64::NAN]), @"column `x` has no value to learn from: drop it, or fill it with a constant");
    }
}
