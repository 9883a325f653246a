//! `filter`: only the rows for which every rule holds.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::expression::Expression;
use super::fault::Fault;
use super::frame::Frame;

/// `keep = { known_plan = "plan in ['basic', 'premium']" }`. All rules see the
/// same rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// The rules by name.
    pub keep: IndexMap<String, Expression>,
    /// The share of rows that has to be left, else the whole table is wrong.
    #[serde(default)]
    pub at_least: f64,
}

impl Filter {
    pub(super) fn reads(&self) -> Vec<&str> {
        self.keep.values().flat_map(Expression::reads).collect()
    }

    /// By rule how many rows it alone would drop; the number that went.
    pub(super) fn apply(&self, frame: &mut Frame) -> Result<(Vec<(String, usize)>, usize), Fault> {
        let mut keep = vec![true; frame.n_rows()];
        let mut dropped = Vec::new();
        for (name, rule) in &self.keep {
            let holds = rule.holds(frame)?;
            dropped.push((name.clone(), holds.iter().filter(|holds| !**holds).count()));
            keep.iter_mut()
                .zip(holds)
                .for_each(|(keep, holds)| *keep &= holds);
        }
        self.check(&keep, &dropped)?;
        Ok((dropped, frame.retain(&keep)))
    }

    fn check(&self, keep: &[bool], dropped: &[(String, usize)]) -> Result<(), Fault> {
        let kept = keep.iter().filter(|keep| **keep).count();
        if keep.is_empty() || kept as f64 / keep.len() as f64 >= self.at_least {
            return Ok(());
        }
        let why: Vec<String> = dropped
            .iter()
            .map(|(name, n)| format!("{name} drops {n}"))
            .collect();
        Err(Fault::TooFew {
            kept,
            rows: keep.len(),
            at_least: self.at_least,
            why: why.join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::column::Column;
    use super::*;

    #[test]
    fn each_rule_says_how_many_it_drops() {
        let frame = Frame::new(4)
            .with("x", Column::floats(vec![1.0, -1.0, f64::NAN, 9.0]))
            .unwrap();
        let filter: Filter =
            toml::from_str("at_least = 0.25\n[keep]\nknown = 'not is_missing(x)'\nsmall = 'x < 5'\npositive = 'x > 0'").unwrap();
        let mut kept = frame.clone();
        let (dropped, gone) = filter.apply(&mut kept).unwrap();
        assert_eq!(gone, 3);
        let counts: Vec<usize> = dropped.iter().map(|(_, n)| *n).collect();
        assert_eq!(counts, [1, 2, 2]);
        let strict = Filter {
            at_least: 0.5,
            ..filter
        };
        assert_eq!(
            strict.apply(&mut frame.clone()).unwrap_err().to_string(),
            "only 1 of 4 rows are kept, less than `at_least` = 0.5: known drops 1, small drops 2, positive drops 2"
        );
    }
}
