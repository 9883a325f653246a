//! `drop-missing`: only the rows in which nothing is missing.
//!
//! As pandas' `dropna`.

use serde::{Deserialize, Serialize};

use super::expression::Expression;
use super::fault::Fault;
use super::filter::Filter;

/// As declared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DropMissing {
    /// In which columns; without them, in all that there are when fitted (but
    /// for the label and the ids, where requests are asked too).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// The share of rows that has to be left, else the whole table is wrong.
    #[serde(default)]
    pub at_least: f64,
}

impl DropMissing {
    /// A rule for each column, by its name.
    pub(super) fn fit(&self) -> Result<Filter, Fault> {
        let rule = |name: &String| {
            let text = format!("not is_missing(`{}`)", name.replace('`', "``"));
            let rule = Expression::parse(&text)
                .map_err(|error| Fault::declared("columns", error.to_string()))?;
            Ok((name.clone(), rule))
        };
        Ok(Filter {
            keep: self
                .columns
                .iter()
                .flatten()
                .map(rule)
                .collect::<Result<_, Fault>>()?,
            at_least: self.at_least,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::column::Column;
    use super::super::frame::Frame;
    use super::*;

    #[test]
    fn rows_with_a_gap_go() {
        let frame = Frame::new(3)
            .with("a `b`", Column::floats(vec![1.0, f64::NAN, 3.0]))
            .and_then(|frame| frame.with("c", Column::floats(vec![f64::NAN, 2.0, 3.0])))
            .expect("as long as the frame");
        for (columns, left) in [(vec!["a `b`"], 2), (vec!["a `b`", "c"], 1), (vec![], 3)] {
            let mut frame = frame.clone();
            let step = DropMissing {
                columns: Some(columns.into_iter().map(str::to_owned).collect()),
                at_least: 0.0,
            };
            let filter = step.fit().expect("names are columns");
            filter.apply(&mut frame).expect("the columns are there");
            assert_eq!(frame.n_rows(), left);
        }
    }
}
