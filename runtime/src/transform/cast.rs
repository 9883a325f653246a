//! `cast`: columns of another type.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::column::{Column, Type};
use super::fault::Fault;
use super::frame::Frame;
use super::moment;
use super::scalar::Scalar;

/// `columns = { age = "float64" }`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cast {
    /// The type by column.
    pub columns: IndexMap<Arc<str>, Type>,
    /// What becomes of a value that is none of that type.
    #[serde(default)]
    pub invalid: Invalid,
    /// How text is read as a timestamp, in the letters of strftime; ISO 8601
    /// without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
}

/// What becomes of a value that cannot be cast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Invalid {
    /// An error that names column, row and value.
    #[default]
    Error,
    /// It is missing.
    Missing,
}

impl Cast {
    pub(super) fn reads(&self) -> Vec<&str> {
        self.columns.keys().map(|name| &**name).collect()
    }

    pub(super) fn apply(&self, frame: &mut Frame) -> Result<(), Fault> {
        for (name, ty) in &self.columns {
            let column = frame.column(name)?;
            let cast = match column.widen(name, *ty) {
                Ok(column) => column,
                Err(_) => self.cast(name, column, *ty)?,
            };
            frame.set(name, cast);
        }
        Ok(())
    }

    fn cast(&self, name: &str, column: &Column, ty: Type) -> Result<Column, Fault> {
        let mut values = Vec::with_capacity(column.len());
        for (row, value) in column.scalars().enumerate() {
            let cast = value.as_ref().and_then(|value| self.value(value, ty));
            if let (Some(value), None, Invalid::Error) = (&value, &cast, self.invalid) {
                return Err(Fault::value(name, row, format!("`{value}`"), problem(ty)));
            }
            values.push(cast);
        }
        Ok(collect(values, ty))
    }

    fn value(&self, value: &Scalar, ty: Type) -> Option<Scalar> {
        match (ty, value) {
            (Type::Bool, Scalar::Text(text)) => truth(text.trim()).map(Scalar::Bool),
            (Type::Bool, Scalar::Int(value @ (0 | 1))) => Some(Scalar::Bool(*value == 1)),
            (Type::Bool, Scalar::Float(value)) if [0.0, 1.0].contains(value) => {
                Some(Scalar::Bool(*value == 1.0))
            }
            (Type::Int64, Scalar::Text(text)) => text.trim().parse().ok().map(Scalar::Int),
            (Type::Int64, Scalar::Float(value)) => whole(*value).map(Scalar::Int),
            (Type::Int64, Scalar::Time { micros }) => Some(Scalar::Int(*micros)),
            (Type::Float64, Scalar::Text(text)) => text.trim().parse().ok().map(Scalar::Float),
            (Type::Float64, value) => value.number().map(Scalar::Float),
            (Type::String, value) => Some(Scalar::Text(value.to_string())),
            (Type::Timestamp, Scalar::Text(text)) => {
                let micros = moment::parse(text, self.format.as_deref())?;
                Some(Scalar::Time { micros })
            }
            (Type::Timestamp, Scalar::Int(micros)) => Some(Scalar::Time { micros: *micros }),
            _ => None,
        }
    }
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" | "1" => Some(true),
        "false" | "False" | "FALSE" | "0" => Some(false),
        _ => None,
    }
}

/// Nothing is cut off silently.
fn whole(value: f64) -> Option<i64> {
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    (value.fract() == 0.0 && (-BOUND..BOUND).contains(&value)).then_some(value as i64)
}

fn problem(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "is neither true nor false",
        Type::Int64 => "is no whole number",
        Type::Float64 => "is no number",
        Type::String => "is no text",
        Type::Timestamp => "is no date: declare its `format`",
    }
}

fn collect(values: Vec<Option<Scalar>>, ty: Type) -> Column {
    let values = values.into_iter();
    match ty {
        Type::Bool => {
            Column::bools(values.map(|value| value.map(|value| value == Scalar::Bool(true))))
        }
        Type::Int64 => Column::ints(values.map(|value| match value {
            Some(Scalar::Int(value)) => Some(value),
            _ => None,
        })),
        Type::Float64 => {
            let number =
                |value: Option<Scalar>| value.and_then(|value| value.number()).unwrap_or(f64::NAN);
            Column::floats(values.map(number).collect())
        }
        Type::String => Column::texts(values.map(|value| value.map(|value| value.to_string()))),
        Type::Timestamp => Column::times(values.map(|value| match value {
            Some(Scalar::Time { micros }) => Some(micros),
            _ => None,
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(column: Column, ty: Type, invalid: Invalid) -> Result<Column, Fault> {
        let mut frame = Frame::new(column.len()).with("x", column)?;
        let columns = [("x".into(), ty)].into_iter().collect();
        let cast = Cast {
            columns,
            invalid,
            format: None,
        };
        cast.apply(&mut frame)?;
        Ok(frame.column("x")?.clone())
    }

    #[test]
    fn text_is_read() {
        let text = Column::texts([Some(" 1"), None, Some("2.5")]);
        let read = check(text.clone(), Type::Float64, Invalid::Error).unwrap();
        assert_eq!(read, Column::floats(vec![1.0, f64::NAN, 2.5]));
        let error = check(text.clone(), Type::Int64, Invalid::Error).unwrap_err();
        assert_eq!(
            error.to_string(),
            "column `x`, row 2: `2.5` is no whole number"
        );
        let lenient = check(text, Type::Int64, Invalid::Missing).unwrap();
        assert_eq!(lenient, Column::ints([Some(1), None, None]));
    }

    #[test]
    fn floats_are_never_cut_off() {
        let floats = Column::floats(vec![1.0, f64::NAN, 1.5]);
        let error = check(floats, Type::Int64, Invalid::Error).unwrap_err();
        assert_eq!(
            error.to_string(),
            "column `x`, row 2: `1.5` is no whole number"
        );
    }
}
