//! A tree, and what its names stand for, to a value.

use super::super::fault::Fault;
use super::super::frame::Frame;
use super::super::scalar::Scalar;
use super::lane::Lane;
use super::operators;
use super::tree::{Kind, Node};
use super::value::Value;

/// Why there is no value.
pub(super) enum Stop {
    /// The frame lacks something.
    Fault(Fault),
    /// At this byte, for this reason.
    At(usize, String),
}

/// What the names in an expression stand for.
pub(super) trait Names {
    fn value(&self, name: &str) -> Result<Value<'_>, Fault>;
}

impl Names for Frame {
    fn value(&self, name: &str) -> Result<Value<'_>, Fault> {
        self.column(name).map(Value::column)
    }
}

/// A single row; what it does not have is missing.
pub(super) struct Row<'v>(pub(super) &'v [(&'v str, Option<Scalar>)]);

impl Names for Row<'_> {
    fn value(&self, name: &str) -> Result<Value<'_>, Fault> {
        let found = self.0.iter().find(|(own, _)| *own == name);
        let value = found.and_then(|(_, value)| value.as_ref());
        Ok(value.map_or(Value::Missing, Value::literal))
    }
}

pub(super) fn eval<'a, N: Names>(node: &'a Node, names: &'a N) -> Result<Value<'a>, Stop> {
    let here = |problem| Stop::At(node.at, problem);
    match &node.kind {
        Kind::Literal(value) => Ok(Value::literal(value)),
        Kind::Missing => Ok(Value::Missing),
        Kind::Column(name) => names.value(name).map_err(Stop::Fault),
        Kind::Not(inner) => operators::not(eval(inner, names)?).map_err(here),
        Kind::Negate(inner) => operators::negate(eval(inner, names)?).map_err(here),
        Kind::Binary(operator, left, right) => {
            operators::binary(*operator, eval(left, names)?, eval(right, names)?).map_err(here)
        }
        Kind::In {
            value,
            list,
            negated,
        } => among(eval(value, names)?, list, *negated).map_err(here),
        Kind::Call(function, arguments) => {
            let arguments: Result<Vec<_>, _> =
                arguments.iter().map(|node| eval(node, names)).collect();
            (function.eval)(arguments?).map_err(here)
        }
    }
}

/// What is missing is in no list.
fn among<'a>(value: Value<'a>, list: &[Scalar], negated: bool) -> Result<Value<'a>, String> {
    let fits =
        |wanted: &dyn Fn(&Scalar) -> bool, kind: &str| match list.iter().find(|item| !wanted(item))
        {
            Some(item) => Err(format!("`{item}` in the list is not {kind}")),
            None => Ok(()),
        };
    let found: Lane<'a, bool> = match value {
        Value::Text(values) => {
            fits(&|item| matches!(item, Scalar::Text(_)), "text")?;
            let same = |text: &str| {
                list.iter()
                    .any(|item| matches!(item, Scalar::Text(item) if item == text))
            };
            values.map(|value| value.is_some_and(|text| same(&text)))
        }
        Value::Int(values) if list.iter().all(|item| matches!(item, Scalar::Int(_))) => {
            values.map(|value| value.is_some_and(|value| list.contains(&Scalar::Int(value))))
        }
        other => {
            let values = other.floats()?;
            fits(&|item| item.number().is_some(), "a number")?;
            values.map(|value| list.iter().any(|item| item.number() == Some(value)))
        }
    };
    Ok(Value::Bool(found.map(|found| Some(found != negated))))
}
