//! A tree and a frame to a value.

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

pub(super) fn eval<'a>(node: &'a Node, frame: &'a Frame) -> Result<Value<'a>, Stop> {
    let here = |problem| Stop::At(node.at, problem);
    match &node.kind {
        Kind::Literal(value) => Ok(Value::literal(value)),
        Kind::Missing => Ok(Value::Missing),
        Kind::Column(name) => frame.column(name).map(Value::column).map_err(Stop::Fault),
        Kind::Not(inner) => operators::not(eval(inner, frame)?).map_err(here),
        Kind::Negate(inner) => operators::negate(eval(inner, frame)?).map_err(here),
        Kind::Binary(operator, left, right) => {
            operators::binary(*operator, eval(left, frame)?, eval(right, frame)?).map_err(here)
        }
        Kind::In {
            value,
            list,
            negated,
        } => among(eval(value, frame)?, list, *negated).map_err(here),
        Kind::Call(function, arguments) => {
            let arguments: Result<Vec<_>, _> =
                arguments.iter().map(|node| eval(node, frame)).collect();
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
