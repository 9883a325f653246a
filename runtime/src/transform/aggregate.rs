//! `aggregate`: one row for each key, as pandas' `groupby(...).agg(...)`.

use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use super::column::Column;
use super::fault::Fault;
use super::frame::Frame;
use super::keys::{self, Keys};
use super::stats;

/// Rows sorted by key; a row whose key is missing belongs to none. Missing
/// values are left out of what is computed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aggregate {
    /// The columns that make the key.
    pub by: Vec<Arc<str>>,
    /// Statistic name what it is: `minutes_mean = ["minutes", "mean"]`.
    pub columns: IndexMap<Arc<str>, Of>,
}

/// A column, and what is computed of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Of(pub Arc<str>, pub Statistic);

/// What is computed of the values of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Statistic {
    /// How many are not missing.
    Count,
    /// The first one not missing.
    First,
    /// The last one not missing.
    Last,
    /// The greatest.
    Max,
    /// The mean.
    Mean,
    /// The median.
    Median,
    /// The smallest.
    Min,
    /// How many are different.
    Nunique,
    /// Deviation of the sample: divided by one less than their number.
    Std,
    /// The sum; 0 of none.
    Sum,
}

impl Aggregate {
    pub(super) fn reads(&self) -> Vec<&str> {
        let of = self.columns.values().map(|Of(column, _)| &**column);
        self.by.iter().map(|name| &**name).chain(of).collect()
    }

    pub(super) fn apply(&self, frame: &mut Frame) -> Result<(), Fault> {
        let rows_of = rows_by_key(&Keys::of(frame, &self.by)?, frame.n_rows());
        let first: Vec<Option<usize>> = rows_of.iter().map(|rows| rows.first().copied()).collect();
        let mut aggregated = Frame::new(rows_of.len());
        for name in &self.by {
            aggregated.add(name, frame.column(name)?.gather(&first))?;
        }
        for (name, Of(column, by)) in &self.columns {
            aggregated.add(name, by.of(column, frame.column(column)?, &rows_of)?)?;
        }
        *frame = aggregated;
        Ok(())
    }
}

fn rows_by_key(keys: &Keys<'_>, n_rows: usize) -> Vec<Vec<usize>> {
    let groups = keys.groups(n_rows);
    let mut rows_of = vec![Vec::new(); groups.first.len()];
    for (row, group) in groups.of.into_iter().enumerate() {
        rows_of[group].push(row);
    }
    rows_of.retain(|rows| rows.first().is_some_and(|row| !keys.is_missing(*row)));
    rows_of.sort_by(|a, b| keys.order(a[0], b[0]));
    rows_of
}

impl Statistic {
    fn of(self, name: &str, column: &Column, rows_of: &[Vec<usize>]) -> Result<Column, Fault> {
        let there = |row: &&usize| !column.is_missing(**row);
        let pick = |pick: fn(&Column, &[usize]) -> Option<usize>| {
            let present =
                |rows: &Vec<usize>| rows.iter().filter(there).copied().collect::<Vec<_>>();
            let rows: Vec<_> = rows_of
                .iter()
                .map(|rows| pick(column, &present(rows)))
                .collect();
            Ok(column.gather(&rows))
        };
        let float = |f: fn(Vec<f64>) -> f64| floats(name, column, rows_of, f);
        match self {
            Statistic::Count => Ok(count(rows_of, |rows| rows.iter().filter(there).count())),
            Statistic::Nunique => Ok(count(rows_of, |rows| {
                distinct(column, rows.iter().filter(there))
            })),
            Statistic::First => pick(|_, rows| rows.first().copied()),
            Statistic::Last => pick(|_, rows| rows.last().copied()),
            Statistic::Min => pick(|column, rows| extreme(column, rows, std::cmp::Ordering::Less)),
            Statistic::Max => {
                pick(|column, rows| extreme(column, rows, std::cmp::Ordering::Greater))
            }
            Statistic::Mean => float(|values| stats::mean(&values)),
            Statistic::Median => float(|values| stats::median(&stats::sorted(values))),
            Statistic::Std => float(|values| stats::variance(&values, 1).sqrt()),
            Statistic::Sum => match column {
                Column::Int(values) => Ok(whole_sum(rows_of, |row| {
                    there(&&row).then(|| values.value(row))
                })),
                Column::Bool(values) => Ok(whole_sum(rows_of, |row| {
                    there(&&row).then(|| values.value(row).into())
                })),
                _ => float(|values| stats::sum(values.into_iter())),
            },
        }
    }
}

fn floats(
    name: &str,
    column: &Column,
    rows_of: &[Vec<usize>],
    f: fn(Vec<f64>) -> f64,
) -> Result<Column, Fault> {
    let values = column.numbers(name)?;
    let of = |rows: &Vec<usize>| {
        let values = rows.iter().map(|row| values.value(*row));
        f(values.filter(|value| !value.is_nan()).collect())
    };
    Ok(Column::floats(rows_of.iter().map(of).collect()))
}

fn whole_sum(rows_of: &[Vec<usize>], value: impl Fn(usize) -> Option<i64>) -> Column {
    let sum = |rows: &Vec<usize>| {
        let values = rows.iter().filter_map(|row| value(*row));
        Some(values.fold(0, i64::wrapping_add))
    };
    Column::ints(rows_of.iter().map(sum))
}

fn count(rows_of: &[Vec<usize>], of: impl Fn(&[usize]) -> usize) -> Column {
    Column::ints(rows_of.iter().map(|rows| i64::try_from(of(rows)).ok()))
}

fn distinct<'a>(column: &Column, rows: impl Iterator<Item = &'a usize>) -> usize {
    let keys = rows.map(|row| {
        let mut bytes = Vec::new();
        keys::write(column, *row, &mut bytes);
        bytes
    });
    keys.collect::<FxHashSet<_>>().len()
}

/// The first of the rows with the least or greatest value.
fn extreme(column: &Column, rows: &[usize], wanted: std::cmp::Ordering) -> Option<usize> {
    rows.iter().copied().reduce(
        |best, row| match (column.scalar(row), column.scalar(best)) {
            (Some(value), Some(known)) if value.order(&known) == wanted => row,
            _ => best,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_a_row_and_missing_keys_none() {
        let nan = f64::NAN;
        let mut frame = Frame::new(6)
            .with(
                "id",
                Column::ints([Some(2), Some(1), None, Some(2), Some(2), Some(3)]),
            )
            .unwrap()
            .with("x", Column::floats(vec![4.0, 1.0, 9.0, nan, 1.0, nan]))
            .unwrap()
            .with(
                "n",
                Column::ints([Some(1), None, Some(1), Some(1), Some(3), None]),
            )
            .unwrap();
        let aggregate: Aggregate = toml::from_str(
            "by = ['id']\n[columns]\nmean = ['x', 'mean']\nsum = ['n', 'sum']\ncount = ['x', 'count']\n\
             least = ['x', 'min']\nmost = ['n', 'max']\nkinds = ['n', 'nunique']\nlast = ['n', 'last']\n\
             spread = ['x', 'std']\nmiddle = ['x', 'median']",
        )
        .unwrap();
        aggregate.apply(&mut frame).unwrap();
        let expected = Frame::new(3)
            .with("id", Column::ints([Some(1), Some(2), Some(3)]))
            .unwrap()
            .with("mean", Column::floats(vec![1.0, 2.5, nan]))
            .unwrap()
            .with("sum", Column::ints([Some(0), Some(5), Some(0)]))
            .unwrap()
            .with("count", Column::ints([Some(1), Some(2), Some(0)]))
            .unwrap()
            .with("least", Column::floats(vec![1.0, 1.0, nan]))
            .unwrap()
            .with("most", Column::ints([None, Some(3), None]))
            .unwrap()
            .with("kinds", Column::ints([Some(0), Some(2), Some(0)]))
            .unwrap()
            .with("last", Column::ints([None, Some(3), None]))
            .unwrap()
            .with("spread", Column::floats(vec![nan, 4.5f64.sqrt(), nan]))
            .unwrap()
            .with("middle", Column::floats(vec![1.0, 2.5, nan]))
            .unwrap();
        assert_eq!(frame, expected);
    }
}
