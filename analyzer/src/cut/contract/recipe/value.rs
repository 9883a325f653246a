//! What an argument is, as data: constants are followed, defaults count where
//! nobody gives another. `null` is Python's `None`; no answer means that the
//! code does not say.

use serde_json::Value;

use super::super::code::At;
use super::super::transforms::{Bound, Env, Forms};
use super::MAX_DEPTH;
use crate::syntax::facts::{ExprId, ExprKind, UnaryOp};

pub(super) fn value(forms: &Forms<'_, '_>, at: At, env: &Env) -> Option<Value> {
    inner(forms, at, env, 0)
}

fn inner(forms: &Forms<'_, '_>, at: At, env: &Env, depth: u32) -> Option<Value> {
    if depth > MAX_DEPTH {
        return None;
    }
    let sub = |expr: ExprId| inner(forms, at.part(expr), env, depth + 1);
    match forms.code.kind(at) {
        ExprKind::Str(text) => Some(Value::from(text.as_str())),
        ExprKind::Number(text) => number(text),
        ExprKind::Bool(truth) => Some(Value::from(*truth)),
        ExprKind::None => Some(Value::Null),
        ExprKind::Unary {
            op: UnaryOp::Neg,
            operand,
        } => negative(&sub(*operand)?),
        ExprKind::List(parts) | ExprKind::Tuple(parts) => {
            parts.iter().map(|part| sub(*part)).collect()
        }
        ExprKind::Dict(entries) => {
            let entry = |(key, value): &(Option<ExprId>, ExprId)| {
                let key = match sub((*key)?)? {
                    Value::String(text) => text,
                    Value::Number(number) => number.to_string(),
                    _ => return None,
                };
                Some((key, sub(*value)?))
            };
            let entries: Option<serde_json::Map<_, _>> = entries.iter().map(entry).collect();
            entries.map(Value::Object)
        }
        // What holds unless somebody says otherwise: the first that is there.
        ExprKind::Either(parts) => {
            let mut parts = parts.iter().filter_map(|part| sub(*part));
            parts.find(|value| !value.is_null())
        }
        ExprKind::Name(name) => match env.get(name) {
            Some(Bound::Text(text)) => Some(Value::from(text.as_str())),
            Some(Bound::Expr(at, env)) => inner(forms, *at, env, depth + 1),
            None => inner(forms, forms.last_value(at)?, env, depth + 1),
        },
        ExprKind::Attr { name, .. } => {
            let infinite = forms.code.external(at);
            match (infinite.as_deref(), name.as_str()) {
                (Some("numpy.inf" | "math.inf" | "numpy.Inf"), _) => Some(Value::from("inf")),
                _ => inner(forms, forms.code.value(at)?, &Env::default(), depth + 1),
            }
        }
        // An entry of a constant.
        ExprKind::Item { base, index } => match (sub(*base)?, sub(*index)?) {
            (Value::Object(entries), Value::String(key)) => entries.get(&key).cloned(),
            (Value::Array(list), Value::Number(at)) => {
                list.get(usize::try_from(at.as_u64()?).ok()?).cloned()
            }
            _ => None,
        },
        ExprKind::Call { callee, args } => {
            let name = forms.code.kind(at.part(*callee));
            match (name, args.as_ref()) {
                (ExprKind::Name(name), [only])
                    if matches!(
                        name.as_str(),
                        "int" | "float" | "str" | "bool" | "list" | "tuple"
                    ) =>
                {
                    match (name.as_str(), sub(only.value)?) {
                        ("float", Value::String(text)) if is_infinite(&text) => {
                            Some(Value::from(text.to_ascii_lowercase()))
                        }
                        ("int", Value::Number(number)) => number.as_i64().map(Value::from),
                        ("str", Value::String(text)) => Some(Value::from(text)),
                        ("int" | "str", _) => None,
                        (_, value) => Some(value),
                    }
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn is_infinite(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "inf" | "-inf")
}

fn number(text: &str) -> Option<Value> {
    match text.parse::<i64>() {
        Ok(whole) => Some(Value::from(whole)),
        Err(_) => text.parse::<f64>().ok().map(Value::from),
    }
}

fn negative(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) if text == "inf" => Some(Value::from("-inf")),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.checked_neg().map(Value::from),
            None => number.as_f64().map(|real| Value::from(-real)),
        },
        _ => None,
    }
}
