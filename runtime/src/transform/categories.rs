//! [`Categories`]: the values a column may have, each with its number.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::column::Column;
use super::fault::Fault;
use super::keys;
use super::scalar::Scalar;

/// Distinct values in order; in documents a list.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Scalar>", into = "Vec<Scalar>")]
pub(super) struct Categories {
    values: Vec<Scalar>,
    numbers: FxHashMap<Box<[u8]>, usize>,
}

impl Categories {
    /// The values of a column, sorted, each with how often it is there.
    pub(super) fn counted(column: &Column) -> Vec<(Scalar, usize)> {
        let mut counts: FxHashMap<Box<[u8]>, (Scalar, usize)> = FxHashMap::default();
        let mut bytes = Vec::new();
        for row in 0..column.len() {
            bytes.clear();
            keys::write(column, row, &mut bytes);
            match counts.get_mut(bytes.as_slice()) {
                Some((_, count)) => *count += 1,
                None => {
                    if let Some(value) = column.scalar(row) {
                        counts.insert(bytes.as_slice().into(), (value, 1));
                    }
                }
            }
        }
        let mut counted: Vec<_> = counts.into_values().collect();
        counted.sort_by(|(a, _), (b, _)| a.order(b));
        counted
    }

    /// Those of a column, sorted. Fails where an infinite number is among
    /// them, which no document could hold.
    pub(super) fn seen(name: &str, column: &Column) -> Result<Categories, Fault> {
        let counted = Categories::counted(column);
        if let Some((value, _)) = counted.iter().find(|(value, _)| !is_finite(value)) {
            let row = column
                .scalars()
                .position(|other| other.as_ref() == Some(value));
            let problem = "is infinite and cannot be a category";
            return Err(Fault::value(name, row.unwrap_or(0), value, problem));
        }
        let values: Vec<Scalar> = counted.into_iter().map(|(value, _)| value).collect();
        Ok(values.into())
    }

    pub(super) fn values(&self) -> &[Scalar] {
        &self.values
    }

    /// The number of a row's value; None where it is missing or not among them.
    /// `bytes` is room to work in.
    pub(super) fn number(&self, column: &Column, row: usize, bytes: &mut Vec<u8>) -> Option<usize> {
        bytes.clear();
        keys::write(column, row, bytes);
        self.numbers.get(bytes.as_slice()).copied()
    }
}

fn is_finite(value: &Scalar) -> bool {
    !matches!(value, Scalar::Float(value) if !value.is_finite())
}

/// The first of equal values counts.
impl From<Vec<Scalar>> for Categories {
    fn from(listed: Vec<Scalar>) -> Categories {
        let mut categories = Categories::default();
        for value in listed {
            let mut bytes = Vec::new();
            keys::write_scalar(&value, &mut bytes);
            if !categories.numbers.contains_key(bytes.as_slice()) {
                categories
                    .numbers
                    .insert(bytes.into(), categories.values.len());
                categories.values.push(value);
            }
        }
        categories
    }
}

impl From<Categories> for Vec<Scalar> {
    fn from(categories: Categories) -> Vec<Scalar> {
        categories.values
    }
}

impl PartialEq for Categories {
    fn eq(&self, other: &Categories) -> bool {
        self.values == other.values
    }
}
