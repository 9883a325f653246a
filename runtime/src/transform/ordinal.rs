//! `ordinal`: categories to their numbers, as scikit-learn's `OrdinalEncoder`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::categories::Categories;
use super::column::Column;
use super::fault::Fault;
use super::frame::Frame;
use super::scalar::Scalar;

/// As declared. The columns become float64; missing values stay missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ordinal {
    /// Which columns.
    pub columns: Vec<String>,
    /// By column its categories in order; those of other columns are the
    /// values there are, sorted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub categories: BTreeMap<String, Vec<Scalar>>,
    /// The number of values that were not seen; without it they are an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<f64>,
}

/// As learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FittedOrdinal {
    columns: Vec<Numbered>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unknown: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Numbered {
    column: Arc<str>,
    categories: Categories,
}

impl Ordinal {
    pub(super) fn fit(&self, frame: &Frame) -> Result<FittedOrdinal, Fault> {
        let columns = self.columns.iter().map(|name| {
            let column = frame.column(name)?;
            Ok(Numbered {
                column: name.as_str().into(),
                categories: match self.categories.get(name) {
                    Some(listed) => listed.clone().into(),
                    None => Categories::seen(name, column)?,
                },
            })
        });
        Ok(FittedOrdinal {
            columns: columns.collect::<Result<_, Fault>>()?,
            unknown: self.unknown,
        })
    }
}

impl FittedOrdinal {
    pub(super) fn reads(&self) -> Vec<&str> {
        self.columns
            .iter()
            .map(|numbered| &*numbered.column)
            .collect()
    }

    pub(super) fn apply(&self, frame: &mut Frame) -> Result<(), Fault> {
        for numbered in &self.columns {
            let column = frame.column(&numbered.column)?;
            let numbers = self.numbers(numbered, column)?;
            frame.set(&numbered.column, Column::floats(numbers));
        }
        Ok(())
    }

    fn numbers(&self, numbered: &Numbered, column: &Column) -> Result<Vec<f64>, Fault> {
        let mut bytes = Vec::new();
        let number = |row| match (
            numbered.categories.number(column, row, &mut bytes),
            self.unknown,
        ) {
            (Some(number), _) => Ok(number as f64),
            (None, _) if column.is_missing(row) => Ok(f64::NAN),
            (None, Some(unknown)) => Ok(unknown),
            (None, None) => Err(unseen(&numbered.column, column, row)),
        };
        (0..column.len()).map(number).collect()
    }
}

/// A category that was never seen, where that is an error.
pub(super) fn unseen(name: &str, column: &Column, row: usize) -> Fault {
    let value = column.scalar(row).map_or_else(
        || "a missing value".to_owned(),
        |value| format!("`{value}`"),
    );
    Fault::value(
        name,
        row,
        value,
        "is none of the categories: list it, or declare `unknown`",
    )
}
