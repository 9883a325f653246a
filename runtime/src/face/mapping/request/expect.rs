//! [`Expected`]: what is expected of the values of a row, as ingestion expects
//! it of a table's.
//!
//! It is looked at before the model is asked, in the row as the client sent it.
//! Unless it is `required`, a missing value (`null`, or not there) is as
//! expected.

use std::cmp::Ordering;

use indexmap::IndexMap;
use regex::Regex;
use serde_json::{Map, Value};

use super::super::super::json::type_of;
use super::super::super::predictor::{Kind, Refusal};
use super::super::error::MappingError;
use super::super::written::{ExpectWritten, TypeWritten};

/// What is expected of a column, checked.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    column: String,
    pub(super) ty: Option<TypeWritten>,
    required: bool,
    tests: Vec<Test>,
}

/// What a value is held against.
#[derive(Clone, Debug)]
enum Test {
    Min(Value),
    Max(Value),
    OneOf(Vec<Value>),
    Pattern { regex: Regex, written: String },
    MinLength(usize),
    MaxLength(usize),
}

impl Expected {
    /// What is declared of every column; an error names the route and the key.
    pub(super) fn each(
        route: &str,
        written: &IndexMap<String, ExpectWritten>,
    ) -> Result<Vec<Expected>, MappingError> {
        let each = written.iter();
        each.map(|(column, written)| Expected::new(route, column, written))
            .collect()
    }

    fn new(route: &str, column: &str, written: &ExpectWritten) -> Result<Expected, MappingError> {
        let problem = |rule: &str, why: String| {
            MappingError::key(route, &format!("request.expect.{column}.{rule}"), why)
        };
        let ty = written.ty;
        let fits = |rule: &str, value: &Value| match ty {
            _ if matches!(value, Value::Null | Value::Array(_) | Value::Object(_)) => Err(problem(
                rule,
                format!("{value} is no text, number or truth value"),
            )),
            Some(ty) => ty.holds(value).map_err(|is| {
                let name = ty.name();
                problem(rule, format!("{value} is {is}, and the column is {name}"))
            }),
            None => Ok(()),
        };
        let limits = [("min", &written.min), ("max", &written.max)];
        for (rule, limit) in limits {
            let Some(limit) = limit else { continue };
            fits(rule, limit)?;
            if limit.is_boolean() {
                let why = "a truth value is no limit: write a number or a text";
                return Err(problem(rule, why.to_owned()));
            }
        }
        if let (Some(min), Some(max)) = (&written.min, &written.max)
            && !compared(min, max).is_some_and(Ordering::is_le)
        {
            let why = format!("{max} is not at least min, which is {min}");
            return Err(problem("max", why));
        }
        let one_of = written.one_of.as_ref();
        if one_of.is_some_and(Vec::is_empty) {
            return Err(problem(
                "one_of",
                "no value is among none: name some".to_owned(),
            ));
        }
        for value in one_of.into_iter().flatten() {
            fits("one_of", value)?;
        }
        let texts = [
            ("pattern", written.pattern.is_some()),
            ("min_length", written.min_length.is_some()),
            ("max_length", written.max_length.is_some()),
        ];
        let is_other = ty.is_some_and(|ty| ty != TypeWritten::String);
        if let Some((rule, _)) = texts.iter().find(|(_, is_there)| *is_there && is_other) {
            let why = "it is for texts: write type = \"string\", or leave one of the two away";
            return Err(problem(rule, why.to_owned()));
        }
        let pattern = written.pattern.as_ref().map(|written| {
            let regex = Regex::new(&format!("^(?:{written})$"));
            let regex = regex.map_err(|error| problem("pattern", error.to_string()))?;
            let written = written.clone();
            Ok(Test::Pattern { regex, written })
        });
        let tests = [
            written.min.clone().map(Test::Min),
            written.max.clone().map(Test::Max),
            one_of.cloned().map(Test::OneOf),
            pattern.transpose()?,
            written.min_length.map(Test::MinLength),
            written.max_length.map(Test::MaxLength),
        ];
        Ok(Expected {
            column: column.to_owned(),
            ty,
            required: written.required,
            tests: tests.into_iter().flatten().collect(),
        })
    }

    pub(super) fn is_of(&self, column: &str) -> bool {
        self.column == column
    }

    /// The first thing that is not as expected of a row.
    pub(super) fn check(&self, record: &Map<String, Value>) -> Result<(), Refusal> {
        let refused = |why: String| Refusal::column(&self.column, why);
        let value = match record.get(&self.column) {
            None | Some(Value::Null) if self.required => {
                return Err(refused("it has no value".to_owned()));
            }
            None | Some(Value::Null) => return Ok(()),
            Some(value) => value,
        };
        if let Some(ty) = self.ty {
            ty.holds(value).map_err(|is| {
                refused(format!(
                    "{} is {is}, and {} is expected",
                    shown(value),
                    ty.name()
                ))
            })?;
        }
        match self.tests.iter().find(|test| !test.holds(value)) {
            Some(test) => Err(refused(test.told(value))),
            None => Ok(()),
        }
    }
}

impl Test {
    fn holds(&self, value: &Value) -> bool {
        let text = value.as_str();
        let length = || text.map(|text| text.chars().count());
        match self {
            Test::Min(min) => compared(value, min).is_some_and(Ordering::is_ge),
            Test::Max(max) => compared(value, max).is_some_and(Ordering::is_le),
            Test::OneOf(all) => all
                .iter()
                .any(|one| one == value || compared(value, one) == Some(Ordering::Equal)),
            Test::Pattern { regex, .. } => text.is_some_and(|text| regex.is_match(text)),
            Test::MinLength(fewest) => length().is_some_and(|length| length >= *fewest),
            Test::MaxLength(most) => length().is_some_and(|length| length <= *most),
        }
    }

    /// How the value fails.
    fn told(&self, value: &Value) -> String {
        let value_shown = shown(value);
        match self {
            Test::Min(limit) | Test::Max(limit) if compared(value, limit).is_none() => {
                format!("{value_shown} cannot be compared with {limit}")
            }
            Test::Min(min) => format!("{value_shown} is below the minimum {min}"),
            Test::Max(max) => format!("{value_shown} is above the maximum {max}"),
            Test::OneOf(all) => {
                let all: Vec<String> = all.iter().map(Value::to_string).collect();
                format!("{value_shown} is none of {}", all.join(", "))
            }
            Test::Pattern { .. } | Test::MinLength(_) | Test::MaxLength(_)
                if !value.is_string() =>
            {
                format!("{value_shown} is {}, not a text", type_of(value))
            }
            Test::Pattern { written, .. } => format!("{value_shown} does not match {written:?}"),
            Test::MinLength(fewest) => format!("{value_shown} has fewer than {fewest} characters"),
            Test::MaxLength(most) => format!("{value_shown} has more than {most} characters"),
        }
    }
}

impl TypeWritten {
    /// As it is declared.
    fn name(self) -> &'static str {
        match self {
            TypeWritten::Bool => "bool",
            TypeWritten::Float64 => "float64",
            TypeWritten::Int64 => "int64",
            TypeWritten::String => "string",
        }
    }

    /// How a text of a form, a path or a query is read.
    pub(super) fn kind(self) -> Kind {
        match self {
            TypeWritten::Bool | TypeWritten::String => Kind::Text,
            TypeWritten::Float64 | TypeWritten::Int64 => Kind::Number,
        }
    }

    /// Fails with what the value is instead. JSON has one kind of numbers: 3.0
    /// is whole.
    fn holds(self, value: &Value) -> Result<(), &'static str> {
        let is_whole = |number: f64| number.fract() == 0.0 && number.abs() < 9.3e18;
        match (self, value) {
            (TypeWritten::Bool, Value::Bool(_))
            | (TypeWritten::Float64, Value::Number(_))
            | (TypeWritten::String, Value::String(_)) => Ok(()),
            (TypeWritten::Int64, Value::Number(number)) => match number.as_f64() {
                _ if number.is_i64() => Ok(()),
                Some(number) if is_whole(number) => Ok(()),
                _ => Err("no whole number"),
            },
            (_, value) => Err(type_of(value)),
        }
    }
}

/// Numbers by size, texts by code points; others not at all.
fn compared(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => match (one.as_i64(), other.as_i64()) {
            (Some(one), Some(other)) => Some(one.cmp(&other)),
            _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
        },
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

/// A value in a message, cut off.
fn shown(value: &Value) -> String {
    const MOST_SHOWN: usize = 80;
    let whole = value.to_string();
    match whole.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}…", &whole[..end]),
        None => whole,
    }
}
