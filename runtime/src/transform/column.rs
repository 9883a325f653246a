//! [`Column`]: the values that steps work on, of one of five types.

use std::fmt;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::scalar::Scalar;

/// What a column holds, by the names that pandas and Arrow use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// True or false.
    Bool,
    /// Whole numbers.
    Int64,
    /// Numbers in double precision.
    Float64,
    /// Text in UTF-8.
    String,
    /// Moments in microseconds, UTC.
    Timestamp,
}

/// Values of one type. Cloning shares them.
///
/// Any value may be missing. In a float column NaN is what is missing, as in
/// pandas: there are no nulls beside it.
#[derive(Clone, Debug)]
pub enum Column {
    /// True or false.
    Bool(BooleanArray),
    /// Whole numbers.
    Int(Int64Array),
    /// Numbers; without nulls.
    Float(Float64Array),
    /// Text.
    Text(StringArray),
    /// Microseconds since 1970, UTC.
    Time(TimestampMicrosecondArray),
}

/// Collects values into the column of a type, missing where None.
macro_rules! collect {
    ($ty:ident, $values:expr) => {
        Column::$ty($values.collect())
    };
}

impl Column {
    /// `values`, of which NaN is missing.
    pub fn floats(values: Vec<f64>) -> Column {
        Column::Float(Float64Array::from(values))
    }

    /// Whole numbers.
    pub fn ints(values: impl IntoIterator<Item = Option<i64>>) -> Column {
        collect!(Int, values.into_iter())
    }

    /// True or false.
    pub fn bools(values: impl IntoIterator<Item = Option<bool>>) -> Column {
        collect!(Bool, values.into_iter())
    }

    /// Text.
    pub fn texts<S: AsRef<str>>(values: impl IntoIterator<Item = Option<S>>) -> Column {
        collect!(Text, values.into_iter())
    }

    /// Microseconds since 1970, UTC.
    pub fn times(values: impl IntoIterator<Item = Option<i64>>) -> Column {
        collect!(Time, values.into_iter())
    }

    /// `n` times `value`.
    pub fn repeat(value: &Scalar, n: usize) -> Column {
        match value {
            Scalar::Bool(value) => Column::bools(std::iter::repeat_n(Some(*value), n)),
            Scalar::Int(value) => Column::Int(Int64Array::from_value(*value, n)),
            Scalar::Float(value) => Column::floats(vec![*value; n]),
            Scalar::Text(value) => Column::texts(std::iter::repeat_n(Some(value), n)),
            Scalar::Time { micros } => {
                Column::Time(TimestampMicrosecondArray::from_value(*micros, n))
            }
        }
    }

    /// `n` missing values.
    pub fn missing(ty: Type, n: usize) -> Column {
        match ty {
            Type::Bool => Column::Bool(BooleanArray::new_null(n)),
            Type::Int64 => Column::Int(Int64Array::new_null(n)),
            Type::Float64 => Column::floats(vec![f64::NAN; n]),
            Type::String => Column::Text(StringArray::new_null(n)),
            Type::Timestamp => Column::Time(TimestampMicrosecondArray::new_null(n)),
        }
    }

    /// What it holds.
    pub fn ty(&self) -> Type {
        match self {
            Column::Bool(_) => Type::Bool,
            Column::Int(_) => Type::Int64,
            Column::Float(_) => Type::Float64,
            Column::Text(_) => Type::String,
            Column::Time(_) => Type::Timestamp,
        }
    }

    /// How many values.
    pub fn len(&self) -> usize {
        self.array().len()
    }

    /// No values at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of `row` is missing.
    pub fn is_missing(&self, row: usize) -> bool {
        match self {
            Column::Float(values) => values.value(row).is_nan(),
            _ => self.array().is_null(row),
        }
    }

    /// How many values are missing.
    pub fn n_missing(&self) -> usize {
        match self {
            Column::Float(values) => values
                .values()
                .iter()
                .filter(|value| value.is_nan())
                .count(),
            _ => self.array().null_count(),
        }
    }

    /// The value of `row`, None where it is missing.
    pub fn scalar(&self, row: usize) -> Option<Scalar> {
        if self.is_missing(row) {
            return None;
        }
        Some(match self {
            Column::Bool(values) => Scalar::Bool(values.value(row)),
            Column::Int(values) => Scalar::Int(values.value(row)),
            Column::Float(values) => Scalar::Float(values.value(row)),
            Column::Text(values) => Scalar::Text(values.value(row).to_owned()),
            Column::Time(values) => Scalar::Time {
                micros: values.value(row),
            },
        })
    }

    /// All values in order.
    pub fn scalars(&self) -> impl Iterator<Item = Option<Scalar>> + '_ {
        (0..self.len()).map(|row| self.scalar(row))
    }

    /// As numbers, NaN where missing. Text and moments are none: `name` is
    /// said in the error.
    pub fn numbers(&self, name: &str) -> Result<Float64Array, Fault> {
        let missing = f64::NAN;
        match self {
            Column::Float(values) => Ok(values.clone()),
            Column::Int(values) => Ok(Float64Array::from_iter_values(
                values
                    .iter()
                    .map(|value| value.map_or(missing, |value| value as f64)),
            )),
            Column::Bool(values) => {
                Ok(Float64Array::from_iter_values(values.iter().map(|value| {
                    value.map_or(missing, |value| f64::from(u8::from(value)))
                })))
            }
            Column::Text(_) | Column::Time(_) => Err(Fault::ty(name, "a number", self.ty())),
        }
    }

    /// The values of `rows`, in that order; missing where None.
    pub(super) fn gather(&self, rows: &[Option<usize>]) -> Column {
        let rows = rows.iter().copied();
        let there = |row: Option<usize>| row.filter(|&row| !self.is_missing(row));
        match self {
            Column::Bool(values) => collect!(
                Bool,
                rows.map(|row| there(row).map(|row| values.value(row)))
            ),
            Column::Int(values) => {
                collect!(Int, rows.map(|row| there(row).map(|row| values.value(row))))
            }
            Column::Float(values) => Column::Float(Float64Array::from_iter_values(
                rows.map(|row| row.map_or(f64::NAN, |row| values.value(row))),
            )),
            Column::Text(values) => collect!(
                Text,
                rows.map(|row| there(row).map(|row| values.value(row)))
            ),
            Column::Time(values) => collect!(
                Time,
                rows.map(|row| there(row).map(|row| values.value(row)))
            ),
        }
    }

    /// The same values as `ty` where none can be lost by it: whole numbers
    /// and truth values as floats, truth values as whole numbers, and nothing
    /// but missing values as anything.
    pub(super) fn widen(&self, name: &str, ty: Type) -> Result<Column, Fault> {
        match (self, ty) {
            (column, ty) if column.ty() == ty => Ok(column.clone()),
            (Column::Int(_) | Column::Bool(_), Type::Float64) => {
                Ok(Column::Float(self.numbers(name)?))
            }
            (Column::Bool(values), Type::Int64) => Ok(Column::ints(
                values.iter().map(|value| value.map(i64::from)),
            )),
            (column, ty) if column.n_missing() == column.len() => {
                Ok(Column::missing(ty, column.len()))
            }
            _ => Err(Fault::ty(name, ty, self.ty())),
        }
    }

    pub(super) fn to_array(&self) -> ArrayRef {
        match self {
            Column::Bool(values) => std::sync::Arc::new(values.clone()),
            Column::Int(values) => std::sync::Arc::new(values.clone()),
            Column::Float(values) => std::sync::Arc::new(values.clone()),
            Column::Text(values) => std::sync::Arc::new(values.clone()),
            Column::Time(values) => std::sync::Arc::new(values.clone()),
        }
    }

    fn array(&self) -> &dyn Array {
        match self {
            Column::Bool(values) => values,
            Column::Int(values) => values,
            Column::Float(values) => values,
            Column::Text(values) => values,
            Column::Time(values) => values,
        }
    }
}

/// The same type and the same values, missing where missing.
impl PartialEq for Column {
    fn eq(&self, other: &Column) -> bool {
        self.ty() == other.ty() && self.len() == other.len() && self.scalars().eq(other.scalars())
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Bool => "bool",
            Type::Int64 => "int64",
            Type::Float64 => "float64",
            Type::String => "string",
            Type::Timestamp => "timestamp",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_missing_values_may_be_anything() {
        let column = Column::missing(Type::Float64, 2);
        let text = column.widen("region", Type::String).unwrap();
        assert_eq!(text, Column::missing(Type::String, 2));
        let error = Column::floats(vec![1.0])
            .widen("region", Type::String)
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "column `region` holds float64, string is expected: cast it"
        );
    }

    #[test]
    fn what_is_gathered_from_nowhere_is_missing() {
        let column = Column::ints([Some(1), None, Some(3)]);
        let gathered = column.gather(&[Some(2), None, Some(1), Some(0)]);
        assert_eq!(gathered, Column::ints([Some(3), None, None, Some(1)]));
    }
}
