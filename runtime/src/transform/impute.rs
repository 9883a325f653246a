//! `impute`: missing values get one that was learnt or declared.
//!
//! As scikit-learn's `SimpleImputer`, except that a column without any value
//! is an error instead of being left out.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::categories::Categories;
use super::column::Column;
use super::fault::Fault;
use super::frame::Frame;
use super::scalar::Scalar;
use super::stats;

/// As declared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Impute {
    /// Which columns.
    pub columns: Vec<String>,
    /// By what.
    pub with: With,
    /// The constant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Scalar>,
    /// Adds a column `missingindicator_NAME` of 0 and 1 for each column in
    /// which a value was missing when fitted.
    #[serde(default)]
    pub indicator: bool,
}

/// What stands in for a missing value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum With {
    /// The mean: the column becomes float64.
    Mean,
    /// The median: the column becomes float64.
    Median,
    /// The most frequent value, the smallest of those.
    MostFrequent,
    /// `value`.
    Constant,
}

/// As learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FittedImpute {
    columns: Vec<Filled>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Filled {
    column: Arc<str>,
    value: Scalar,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    indicator: Option<Arc<str>>,
}

impl Impute {
    pub(super) fn fit(&self, frame: &Frame) -> Result<FittedImpute, Fault> {
        let columns = self.columns.iter().map(|name| {
            let column = frame.column(name)?;
            let marked = self.indicator && column.n_missing() > 0;
            Ok(Filled {
                column: name.as_str().into(),
                value: self.learn(frame, name)?,
                indicator: marked.then(|| format!("missingindicator_{name}").into()),
            })
        });
        Ok(FittedImpute {
            columns: columns.collect::<Result<_, Fault>>()?,
        })
    }

    fn learn(&self, frame: &Frame, name: &str) -> Result<Scalar, Fault> {
        if self.value.is_some() != (self.with == With::Constant) {
            return Err(Fault::declared(
                "value",
                "goes with `with = \"constant\"`, and only there",
            ));
        }
        match (self.with, &self.value) {
            (With::Mean, _) => Ok(Scalar::Float(stats::mean(&stats::present(frame, name)?))),
            (With::Median, _) => {
                let values = stats::sorted(stats::present(frame, name)?);
                Ok(Scalar::Float(stats::median(&values)))
            }
            (With::Constant, Some(Scalar::Float(value))) if !value.is_finite() => {
                Err(Fault::declared("value", "must be finite"))
            }
            (With::Constant, Some(value)) => Ok(value.clone()),
            (With::MostFrequent | With::Constant, _) => most_frequent(frame.column(name)?, name),
        }
    }
}

fn most_frequent(column: &Column, name: &str) -> Result<Scalar, Fault> {
    let counted = Categories::counted(column);
    // The first of the greatest, since the last one is what max_by_key gives.
    let most = counted.into_iter().rev().max_by_key(|(_, count)| *count);
    most.map(|(value, _)| value).ok_or_else(|| Fault::NoValues {
        column: name.to_owned(),
    })
}

impl FittedImpute {
    pub(super) fn reads(&self) -> Vec<&str> {
        self.columns.iter().map(|filled| &*filled.column).collect()
    }

    pub(super) fn apply(&self, frame: &mut Frame) -> Result<(), Fault> {
        for filled in &self.columns {
            let column = frame.column(&filled.column)?;
            let mark = filled.indicator.as_ref().map(|name| (name, marks(column)));
            let column = fill(column, &filled.column, &filled.value)?;
            frame.set(&filled.column, column);
            if let Some((name, marks)) = mark {
                frame.add(name, marks)?;
            }
        }
        Ok(())
    }
}

fn marks(column: &Column) -> Column {
    let marks = (0..column.len()).map(|row| f64::from(u8::from(column.is_missing(row))));
    Column::floats(marks.collect())
}

/// The type of the result follows from both types, never from the values.
fn fill(column: &Column, name: &str, value: &Scalar) -> Result<Column, Fault> {
    Ok(match (column, value) {
        (Column::Bool(values), Scalar::Bool(value)) => {
            Column::bools(values.iter().map(|old| Some(old.unwrap_or(*value))))
        }
        (Column::Int(values), Scalar::Int(value)) => {
            Column::ints(values.iter().map(|old| Some(old.unwrap_or(*value))))
        }
        (Column::Text(values), Scalar::Text(value)) => {
            Column::texts(values.iter().map(|old| Some(old.unwrap_or(value))))
        }
        (Column::Time(values), Scalar::Time { micros }) => {
            Column::times(values.iter().map(|old| Some(old.unwrap_or(*micros))))
        }
        (column, value) => {
            let Some(value) = value.number() else {
                return Err(Fault::ty(name, value.ty(), column.ty()));
            };
            let values = column.numbers(name)?;
            let filled = values
                .values()
                .iter()
                .map(|old| if old.is_nan() { value } else { *old });
            Column::floats(filled.collect())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(with: With, value: Option<Scalar>, column: Column) -> Result<Frame, Fault> {
        let mut frame = Frame::new(column.len()).with("x", column)?;
        let impute = Impute {
            columns: vec!["x".into()],
            with,
            value,
            indicator: true,
        };
        impute.fit(&frame)?.apply(&mut frame)?;
        Ok(frame)
    }

    #[test]
    fn the_smallest_of_the_most_frequent_fills() {
        let column = Column::texts([Some("b"), Some("a"), None, Some("b"), Some("a")]);
        let frame = check(With::MostFrequent, None, column).unwrap();
        assert_eq!(
            frame.column("x").unwrap().scalar(2),
            Some(Scalar::Text("a".into()))
        );
        let marks = frame.column("missingindicator_x").unwrap();
        assert_eq!(*marks, Column::floats(vec![0.0, 0.0, 1.0, 0.0, 0.0]));
    }

    #[test]
    fn a_median_makes_whole_numbers_floats_even_where_nothing_is_missing() {
        let frame = check(With::Median, None, Column::ints([Some(1), Some(4)])).unwrap();
        assert_eq!(*frame.column("x").unwrap(), Column::floats(vec![1.0, 4.0]));
        assert_eq!(frame.names().len(), 1);
    }

    #[test]
    fn errors_name_the_column() {
        let nothing = check(With::Mean, None, Column::floats(vec![f64::NAN])).unwrap_err();
        assert_eq!(
            nothing.to_string(),
            "column `x` has no value to learn from: drop it, or fill it with a constant"
        );
        let infinite =
            check(With::Mean, None, Column::floats(vec![1.0, f64::INFINITY])).unwrap_err();
        assert_eq!(
            infinite.to_string(),
            "column `x`, row 1: inf is infinite: clip it, or drop the row"
        );
        let text = Some(Scalar::Text("a".into()));
        let wrong = check(With::Constant, text, Column::floats(vec![1.0])).unwrap_err();
        assert_eq!(
            wrong.to_string(),
            "column `x` holds float64, string is expected: cast it"
        );
    }
}
