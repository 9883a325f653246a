//! [`Value`]: what a part of an expression comes to.

use std::borrow::Cow;

use arrow_array::Array;

use super::super::column::{Column, Type};
use super::super::scalar::Scalar;
use super::lane::Lane;

/// Text of one row, borrowed from its column where it can be.
pub(super) type Text<'a> = Option<Cow<'a, str>>;

/// Typed lanes. Missing is None, and NaN among floats.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Bool(Lane<'a, Option<bool>>),
    Int(Lane<'a, Option<i64>>),
    Float(Lane<'a, f64>),
    Text(Lane<'a, Text<'a>>),
    Time(Lane<'a, Option<i64>>),
    /// Missing, of a type that is not known yet.
    Missing,
}

impl<'a> Value<'a> {
    pub(super) fn literal(value: &'a Scalar) -> Value<'a> {
        match value {
            Scalar::Bool(value) => Value::Bool(Lane::One(Some(*value))),
            Scalar::Int(value) => Value::Int(Lane::One(Some(*value))),
            Scalar::Float(value) => Value::Float(Lane::One(*value)),
            Scalar::Text(value) => Value::Text(Lane::One(Some(Cow::Borrowed(value)))),
            Scalar::Time { micros } => Value::Time(Lane::One(Some(*micros))),
        }
    }

    /// The values of a column. Of a single row it is one value, so that
    /// serving one row allocates nothing here.
    pub(super) fn column(column: &'a Column) -> Value<'a> {
        match column {
            Column::Bool(values) => Value::Bool(lane(values.len(), values.iter())),
            Column::Int(values) => Value::Int(lane(values.len(), values.iter())),
            Column::Float(values) => Value::Float(match **values.values() {
                [value] => Lane::One(value),
                ref values => Lane::Many(Cow::Borrowed(values)),
            }),
            Column::Text(values) => Value::Text(lane(
                values.len(),
                values.iter().map(|value| value.map(Cow::Borrowed)),
            )),
            Column::Time(values) => Value::Time(lane(values.len(), values.iter())),
        }
    }

    /// A column of `n` rows; missing of no known type is float.
    pub(super) fn into_column(self, n: usize) -> Column {
        match self {
            Value::Bool(values) => Column::bools(values.into_values(n)),
            Value::Int(values) => Column::ints(values.into_values(n)),
            Value::Float(values) => Column::floats(values.into_values(n)),
            Value::Text(values) => Column::texts(values.into_values(n)),
            Value::Time(values) => Column::times(values.into_values(n)),
            Value::Missing => Column::missing(Type::Float64, n),
        }
    }

    pub(super) fn ty(&self) -> Option<Type> {
        match self {
            Value::Bool(_) => Some(Type::Bool),
            Value::Int(_) => Some(Type::Int64),
            Value::Float(_) => Some(Type::Float64),
            Value::Text(_) => Some(Type::String),
            Value::Time(_) => Some(Type::Timestamp),
            Value::Missing => None,
        }
    }

    /// For a message.
    pub(super) fn described(&self) -> String {
        self.ty()
            .map_or_else(|| "missing".to_owned(), |ty| ty.to_string())
    }

    pub(super) fn floats(self) -> Result<Lane<'a, f64>, String> {
        match self {
            Value::Float(values) => Ok(values),
            Value::Int(values) => {
                Ok(values.map(|value| value.map_or(f64::NAN, |value| value as f64)))
            }
            Value::Bool(values) => {
                Ok(values.map(|value| value.map_or(f64::NAN, |value| f64::from(u8::from(value)))))
            }
            Value::Missing => Ok(Lane::One(f64::NAN)),
            Value::Text(_) | Value::Time(_) => Err(self.not("a number")),
        }
    }

    pub(super) fn ints(self) -> Result<Lane<'a, Option<i64>>, String> {
        match self {
            Value::Int(values) => Ok(values),
            Value::Bool(values) => Ok(values.map(|value| value.map(i64::from))),
            Value::Missing => Ok(Lane::One(None)),
            _ => Err(self.not("a whole number")),
        }
    }

    pub(super) fn bools(self) -> Result<Lane<'a, Option<bool>>, String> {
        match self {
            Value::Bool(values) => Ok(values),
            Value::Missing => Ok(Lane::One(None)),
            _ => Err(self.not("true or false")),
        }
    }

    pub(super) fn texts(self) -> Result<Lane<'a, Text<'a>>, String> {
        match self {
            Value::Text(values) => Ok(values),
            Value::Missing => Ok(Lane::One(None)),
            _ => Err(self.not("text")),
        }
    }

    pub(super) fn times(self) -> Result<Lane<'a, Option<i64>>, String> {
        match self {
            Value::Time(values) => Ok(values),
            Value::Missing => Ok(Lane::One(None)),
            _ => Err(format!("{}: make it one by date()", self.not("a moment"))),
        }
    }

    /// For each row whether it is missing.
    pub(super) fn missing_rows(self) -> Lane<'a, bool> {
        match self {
            Value::Bool(values) => values.map(|value| value.is_none()),
            Value::Int(values) | Value::Time(values) => values.map(|value| value.is_none()),
            Value::Float(values) => values.map(f64::is_nan),
            Value::Text(values) => values.map(|value| value.is_none()),
            Value::Missing => Lane::One(true),
        }
    }

    fn not(&self, expected: &str) -> String {
        format!("{} is not {expected}", self.described())
    }
}

fn lane<'a, T: Clone>(n: usize, mut values: impl Iterator<Item = T>) -> Lane<'a, T> {
    match (n, values.next()) {
        (1, Some(value)) => Lane::One(value),
        (_, first) => Lane::Many(first.into_iter().chain(values).collect()),
    }
}

/// The type that both can be: equal types, or the wider of two kinds of
/// numbers; what is missing can be anything.
pub(super) fn common(a: &Value<'_>, b: &Value<'_>) -> Result<Option<Type>, String> {
    let numeric = |ty| matches!(ty, Type::Bool | Type::Int64 | Type::Float64);
    match (a.ty(), b.ty()) {
        (None, ty) | (ty, None) => Ok(ty),
        (Some(a), Some(b)) if a == b => Ok(Some(a)),
        (Some(a), Some(b)) if numeric(a) && numeric(b) => Ok(Some(a.max(b))),
        (Some(a), Some(b)) => Err(format!("{a} and {b} do not go together: cast one of them")),
    }
}
