//! [`Values`]: a column in one of the three ways that rules look at it.

use std::cmp::Ordering;
use std::hash::Hasher;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, StringArray};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType};

use super::document::Scalar;
use crate::table::batch::shown;

/// A column's values. Dates and truth values are looked at as text, which for
/// ISO 8601 has the order of time.
pub(super) enum Values {
    Ints(Int64Array),
    Floats(Float64Array),
    Texts(StringArray),
}

/// Which of them a type becomes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Int,
    Float,
    Text,
}

impl Kind {
    pub(super) fn of(ty: &DataType) -> Kind {
        match ty {
            DataType::UInt64 => Kind::Float,
            ty if ty.is_integer() => Kind::Int,
            ty if ty.is_numeric() => Kind::Float,
            _ => Kind::Text,
        }
    }
}

impl Values {
    pub(super) fn of(array: &ArrayRef) -> Result<Values, ArrowError> {
        let as_type = |ty: &DataType| match array.data_type() == ty {
            true => Ok(array.clone()),
            false => cast(array, ty),
        };
        Ok(match Kind::of(array.data_type()) {
            Kind::Int => Values::Ints(
                as_type(&DataType::Int64)?
                    .as_primitive::<Int64Type>()
                    .clone(),
            ),
            Kind::Float => Values::Floats(
                as_type(&DataType::Float64)?
                    .as_primitive::<Float64Type>()
                    .clone(),
            ),
            Kind::Text => Values::Texts(as_type(&DataType::Utf8)?.as_string::<i32>().clone()),
        })
    }

    fn array(&self) -> &dyn Array {
        match self {
            Values::Ints(array) => array,
            Values::Floats(array) => array,
            Values::Texts(array) => array,
        }
    }

    pub(super) fn is_missing(&self, row: usize) -> bool {
        self.array().is_null(row)
    }

    pub(super) fn n_missing(&self) -> usize {
        self.array().null_count()
    }

    pub(super) fn text(&self, row: usize) -> Option<&str> {
        match self {
            Values::Texts(texts) => Some(texts.value(row)),
            _ => None,
        }
    }

    /// The value in a message.
    pub(super) fn shown(&self, row: usize) -> String {
        match self {
            Values::Ints(ints) => ints.value(row).to_string(),
            Values::Floats(floats) => floats.value(row).to_string(),
            Values::Texts(texts) => shown(texts.value(row)),
        }
    }

    /// How the value compares; `None` for NaN, and for what cannot be compared.
    pub(super) fn compare(&self, row: usize, with: &Scalar) -> Option<Ordering> {
        match (self, with) {
            (Values::Ints(ints), Scalar::Int(with)) => Some(ints.value(row).cmp(with)),
            (Values::Ints(ints), Scalar::Float(with)) => (ints.value(row) as f64).partial_cmp(with),
            (Values::Floats(floats), Scalar::Float(with)) => floats.value(row).partial_cmp(with),
            (Values::Floats(floats), Scalar::Int(with)) => {
                floats.value(row).partial_cmp(&(*with as f64))
            }
            (Values::Texts(texts), Scalar::Text(with)) => Some(texts.value(row).cmp(with)),
            (Values::Texts(texts), Scalar::Bool(with)) => {
                Some(texts.value(row).cmp(if *with { "true" } else { "false" }))
            }
            _ => None,
        }
    }

    /// Feeds the value to a hasher; equal values alike. What follows it cannot
    /// be taken for a part of it.
    pub(super) fn hash(&self, row: usize, hasher: &mut impl Hasher) {
        match self {
            Values::Ints(ints) => hasher.write_i64(ints.value(row)),
            // Adding zero makes -0.0 the same as 0.0.
            Values::Floats(floats) => hasher.write_u64((floats.value(row) + 0.0).to_bits()),
            Values::Texts(texts) => {
                hasher.write_usize(texts.value(row).len());
                hasher.write(texts.value(row).as_bytes());
            }
        }
    }
}
