//! [`Scalar`]: one value, as documents say it.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::column::Type;

/// One value that is not missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Never NaN, which is missing.
    Float(f64),
    /// Text.
    Text(String),
    /// A moment.
    Time {
        /// Microseconds since 1970, UTC.
        micros: i64,
    },
}

impl Scalar {
    /// Which column it belongs in.
    pub fn ty(&self) -> Type {
        match self {
            Scalar::Bool(_) => Type::Bool,
            Scalar::Int(_) => Type::Int64,
            Scalar::Float(_) => Type::Float64,
            Scalar::Text(_) => Type::String,
            Scalar::Time { .. } => Type::Timestamp,
        }
    }

    /// As a number; None for text and moments.
    pub fn number(&self) -> Option<f64> {
        match self {
            Scalar::Bool(value) => Some(f64::from(u8::from(*value))),
            Scalar::Int(value) => Some(*value as f64),
            Scalar::Float(value) => Some(*value),
            Scalar::Text(_) | Scalar::Time { .. } => None,
        }
    }

    /// Numbers by size, text by code point, moments by time; values of
    /// different kinds by kind.
    pub fn order(&self, other: &Scalar) -> Ordering {
        match (self, other) {
            (Scalar::Int(a), Scalar::Int(b)) => a.cmp(b),
            (Scalar::Text(a), Scalar::Text(b)) => a.cmp(b),
            (Scalar::Time { micros: a }, Scalar::Time { micros: b }) => a.cmp(b),
            _ => match (self.number(), other.number()) {
                (Some(a), Some(b)) => a.total_cmp(&b),
                _ => self.ty().cmp(&other.ty()),
            },
        }
    }
}

/// As pandas names the columns that it makes of values: `1`, `1.0`, `True`.
impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Bool(true) => f.write_str("True"),
            Scalar::Bool(false) => f.write_str("False"),
            Scalar::Int(value) => value.fmt(f),
            Scalar::Float(value) => write!(f, "{value:?}"),
            Scalar::Text(value) => f.write_str(value),
            Scalar::Time { micros } => match chrono::DateTime::from_timestamp_micros(*micros) {
                Some(time) => write!(f, "{}", time.naive_utc()),
                None => micros.fmt(f),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_keep_kinds_apart() {
        let values = [
            Scalar::Bool(true),
            Scalar::Int(1),
            Scalar::Float(1.0),
            Scalar::Float(0.1 + 0.2),
            Scalar::Text("1".into()),
            Scalar::Time { micros: 1 },
        ];
        let text = serde_json::to_string(&values).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Scalar>>(&text).unwrap(), values);
    }
}
