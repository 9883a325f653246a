//! [`Profile`]: what a set of rows is like, column by column.
//!
//! Gathered batch by batch in bounded memory; profiles of parts add up to the
//! profile of the whole. Quantiles come from a t-digest (Dunning and Ertl 2019),
//! counts of distinct values above a bound from HyperLogLog (Flajolet et al.
//! 2007).

mod numbers;
mod sketch;
mod words;

pub use numbers::Numbers;
pub use words::Words;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What a set of rows is like; a document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// How many rows.
    pub rows: u64,
    /// Each column by its name, in the order they came.
    pub columns: IndexMap<String, ColumnProfile>,
}

/// What a column is like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum ColumnProfile {
    /// Numbers.
    Numbers(Numbers),
    /// Anything else, as it is written.
    Words(Words),
}

/// Why a column cannot be profiled.
#[derive(Debug, Error)]
pub enum BadProfile {
    /// A type that is neither a number nor can be written.
    #[error("column {column}: {ty} is neither a number nor a text; leave the column out")]
    Type {
        /// Its name.
        column: String,
        /// What it holds.
        ty: DataType,
        /// What the conversion said.
        source: ArrowError,
    },
    /// Numbers here and words there.
    #[error(
        "column {column} holds numbers in one part and words in another; read both with one schema"
    )]
    Kind {
        /// Its name.
        column: String,
    },
}

impl Profile {
    /// The rows of one more batch. Nothing is added where a column is refused.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<(), BadProfile> {
        let mut part = Profile {
            rows: batch.num_rows() as u64,
            columns: IndexMap::new(),
        };
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            let profile = ColumnProfile::of(field.name(), column)?;
            part.columns.insert(field.name().clone(), profile);
        }
        self.merge(&part)
    }

    /// The rows of another profile, too. A column that one of them lacks is
    /// missing in as many rows as that one has. Nothing is added where a column
    /// is of another kind.
    pub fn merge(&mut self, other: &Profile) -> Result<(), BadProfile> {
        for (column, theirs) in &other.columns {
            if self
                .columns
                .get(column)
                .is_some_and(|ours| !ours.is_like(theirs))
            {
                let column = column.clone();
                return Err(BadProfile::Kind { column });
            }
        }
        for (name, column) in &mut self.columns {
            match other.columns.get(name) {
                Some(theirs) => column.merge(theirs),
                None => column.add_missing(other.rows),
            }
        }
        for (name, theirs) in &other.columns {
            if !self.columns.contains_key(name) {
                let mut column = theirs.clone();
                column.add_missing(self.rows);
                self.columns.insert(name.clone(), column);
            }
        }
        self.rows = self.rows.saturating_add(other.rows);
        Ok(())
    }
}

impl ColumnProfile {
    fn of(name: &str, column: &ArrayRef) -> Result<ColumnProfile, BadProfile> {
        let numeric = column.data_type().is_numeric();
        let to = if numeric {
            DataType::Float64
        } else {
            DataType::Utf8
        };
        let cast = arrow_cast::cast(column, &to).map_err(|source| BadProfile::Type {
            column: name.to_string(),
            ty: column.data_type().clone(),
            source,
        })?;
        Ok(match numeric {
            true => {
                let mut numbers = Numbers::default();
                let values = cast.as_primitive::<Float64Type>();
                values.iter().for_each(|value| numbers.add(value));
                ColumnProfile::Numbers(numbers)
            }
            false => {
                let mut words = Words::default();
                cast.as_string::<i32>()
                    .iter()
                    .for_each(|value| words.add(value));
                ColumnProfile::Words(words)
            }
        })
    }

    /// How many values are missing.
    pub fn missing(&self) -> u64 {
        match self {
            ColumnProfile::Numbers(numbers) => numbers.missing,
            ColumnProfile::Words(words) => words.missing,
        }
    }

    fn is_like(&self, other: &ColumnProfile) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    fn merge(&mut self, other: &ColumnProfile) {
        match (self, other) {
            (ColumnProfile::Numbers(ours), ColumnProfile::Numbers(theirs)) => ours.merge(theirs),
            (ColumnProfile::Words(ours), ColumnProfile::Words(theirs)) => ours.merge(theirs),
            _ => {}
        }
    }

    fn add_missing(&mut self, n: u64) {
        let missing = match self {
            ColumnProfile::Numbers(numbers) => &mut numbers.missing,
            ColumnProfile::Words(words) => &mut words.missing,
        };
        *missing = missing.saturating_add(n);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{BooleanArray, Float64Array, Int64Array, StringArray};

    use super::*;

    fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable(
            columns
                .into_iter()
                .map(|(name, column)| (name, column, true)),
        )
        .unwrap()
    }

    #[test]
    fn each_column_is_taken_as_what_it_is() {
        let mut profile = Profile::default();
        let rows = batch(vec![
            (
                "age",
                Arc::new(Int64Array::from(vec![Some(20), None, Some(40)])),
            ),
            (
                "plan",
                Arc::new(StringArray::from(vec![Some("pro"), Some("pro"), None])),
            ),
            (
                "active",
                Arc::new(BooleanArray::from(vec![true, false, true])),
            ),
        ]);
        profile.add(&rows).unwrap();
        profile.add(&rows).unwrap();
        let ColumnProfile::Numbers(age) = &profile.columns["age"] else {
            panic!()
        };
        assert_eq!(
            (age.count, age.missing, age.min, age.max),
            (4, 2, Some(20.0), Some(40.0))
        );
        let ColumnProfile::Words(plan) = &profile.columns["plan"] else {
            panic!()
        };
        assert_eq!((plan.counts["pro"], plan.missing), (4, 2));
        let ColumnProfile::Words(active) = &profile.columns["active"] else {
            panic!()
        };
        assert_eq!((active.counts["true"], active.counts["false"]), (4, 2));
        let text = serde_json::to_string(&profile).unwrap();
        assert_eq!(serde_json::from_str::<Profile>(&text).unwrap(), profile);
    }

    #[test]
    fn a_column_that_is_not_there_is_missing_and_one_of_another_kind_refused() {
        let numbers: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0]));
        let words: ArrayRef = Arc::new(StringArray::from(vec!["x", "y"]));
        let mut profile = Profile::default();
        profile.add(&batch(vec![("a", numbers.clone())])).unwrap();
        profile.add(&batch(vec![("b", words.clone())])).unwrap();
        let missing: Vec<u64> = profile
            .columns
            .values()
            .map(ColumnProfile::missing)
            .collect();
        assert_eq!((profile.rows, missing), (4, vec![2, 2]));
        let before = profile.clone();
        let refused = profile.add(&batch(vec![("a", words)])).unwrap_err();
        assert!(
            refused
                .to_string()
                .starts_with("column a holds numbers in one part")
        );
        assert_eq!(profile, before);
    }
}
