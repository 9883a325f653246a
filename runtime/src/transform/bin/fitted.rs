//! Intervals that are known, and the numbers that lie in them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::super::column::Column;
use super::super::fault::Fault;
use super::super::frame::Frame;
use super::super::scalar::Scalar;
use super::{Closed, Labels, Numbers, Outside};

/// As learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct FittedBin {
    pub(super) column: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) name: Option<Arc<str>>,
    pub(super) edges: Vec<Scalar>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) labels: Option<Labels>,
    #[serde(default)]
    pub(super) closed: Closed,
    /// Both outer edges belong to their intervals.
    #[serde(default)]
    pub(super) whole: bool,
    #[serde(default)]
    pub(super) include_lowest: bool,
    #[serde(default)]
    pub(super) outside: Outside,
}

impl FittedBin {
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
            Some(Labels::Texts(labels)) if labels.len() != edges.len() - 1 => {
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

    pub(in super::super) fn reads(&self) -> Vec<&str> {
        vec![&self.column]
    }

    pub(in super::super) fn apply(&self, frame: &mut Frame) -> Result<(), Fault> {
        let edges = self.check()?;
        let values = frame.column(&self.column)?.numbers(&self.column)?;
        let numbers = values
            .values()
            .iter()
            .map(|value| self.interval(&edges, *value));
        let named = |labels: &[String]| {
            let label = |number: Option<usize>| number.map(|number| labels[number].as_str());
            Column::texts(numbers.clone().map(label))
        };
        let column = match &self.labels {
            Some(Labels::Texts(labels)) => named(labels),
            Some(Labels::As(Numbers::Numbers)) => {
                let place = |number: Option<usize>| number.map_or(f64::NAN, |number| number as f64);
                Column::floats(numbers.map(place).collect())
            }
            None => named(&self.intervals()),
        };
        frame.set(self.name.as_ref().unwrap_or(&self.column), column);
        Ok(())
    }

    fn interval(&self, edges: &[f64], value: f64) -> Option<usize> {
        let last = edges.len() - 2;
        let below = match self.closed {
            _ if value.is_nan() => return None,
            Closed::Right => edges.partition_point(|edge| *edge < value),
            Closed::Left => edges.partition_point(|edge| *edge <= value),
        };
        match below {
            0 if value == edges[0] && (self.include_lowest || self.whole) => Some(0),
            below if value == edges[last + 1] && self.whole => Some(below.min(last + 1) - 1),
            0 => (self.outside == Outside::Nearest).then_some(0),
            below if below > last + 1 => (self.outside == Outside::Nearest).then_some(last),
            below => Some(below - 1),
        }
    }

    fn intervals(&self) -> Vec<String> {
        let last = self.edges.len() - 2;
        let named = |(number, pair): (usize, &[Scalar])| {
            let lower = self.closed == Closed::Left || (self.whole && number == 0);
            let upper = self.closed == Closed::Right || (self.whole && number == last);
            format!(
                "{}{}, {}{}",
                if lower { '[' } else { '(' },
                pair[0],
                pair[1],
                if upper { ']' } else { ')' }
            )
        };
        self.edges.windows(2).enumerate().map(named).collect()
    }
}
