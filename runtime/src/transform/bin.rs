//! `bin`: numbers to the interval they lie in, as pandas' `cut` with edges.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::column::Column;
use super::fault::Fault;
use super::frame::Frame;
use super::scalar::Scalar;

/// What lies in no interval, or is missing, is missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bin {
    /// Which column.
    pub column: Arc<str>,
    /// The name of the result; without it the column itself is overwritten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// At least two, rising.
    pub edges: Vec<Scalar>,
    /// One for each interval; without them the intervals: `(0, 25]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// Which edge belongs to an interval.
    #[serde(default)]
    pub closed: Closed,
    /// The first interval has its lower edge too.
    #[serde(default)]
    pub include_lowest: bool,
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

impl Bin {
    pub(super) fn check(&self) -> Result<Vec<f64>, Fault> {
        let edges: Option<Vec<f64>> = self.edges.iter().map(Scalar::number).collect();
        let Some(edges) = edges.filter(|edges| edges.len() > 1 && edges.is_sorted_by(|a, b| a < b))
        else {
            return Err(Fault::declared(
                "edges",
                "must be at least two numbers, each greater than the one before",
            ));
        };
        match &self.labels {
            Some(labels) if labels.len() != edges.len() - 1 => {
                let problem = format!(
                    "{} are there for {} intervals",
                    labels.len(),
                    edges.len() - 1
                );
                Err(Fault::declared("labels", problem))
            }
            _ => Ok(edges),
        }
    }

    pub(super) fn reads(&self) -> Vec<&str> {
        vec![&self.column]
    }

    pub(super) fn apply(&self, frame: &mut Frame) -> Result<(), Fault> {
        let edges = self.check()?;
        let values = frame.column(&self.column)?.numbers(&self.column)?;
        let labels = self.labels.clone().unwrap_or_else(|| self.intervals());
        let label = |value: &f64| {
            self.interval(&edges, *value)
                .map(|number| labels[number].as_str())
        };
        let column = Column::texts(values.values().iter().map(label));
        frame.set(self.name.as_ref().unwrap_or(&self.column), column);
        Ok(())
    }

    fn interval(&self, edges: &[f64], value: f64) -> Option<usize> {
        if self.include_lowest && self.closed == Closed::Right && value == edges[0] {
            return Some(0);
        }
        let below = match self.closed {
            Closed::Right => edges.partition_point(|edge| *edge < value),
            Closed::Left => edges.partition_point(|edge| *edge <= value),
        };
        let number = below.checked_sub(1)?;
        (number + 1 < edges.len() && !value.is_nan()).then_some(number)
    }

    fn intervals(&self) -> Vec<String> {
        let named = |pair: &[Scalar]| match self.closed {
            Closed::Right => format!("({}, {}]", pair[0], pair[1]),
            Closed::Left => format!("[{}, {})", pair[0], pair[1]),
        };
        self.edges.windows(2).map(named).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(declared: &str, values: &[f64]) -> String {
        let mut frame = Frame::new(values.len())
            .with("x", Column::floats(values.to_vec()))
            .unwrap();
        let bin: Bin = toml::from_str(&format!("column = 'x'\n{declared}")).unwrap();
        if let Err(fault) = bin.apply(&mut frame) {
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
}
