//! What operators do, by the types of both sides.

use std::cmp::Ordering;

use super::super::column::Type;
use super::lane::Lane;
use super::tree::Operator;
use super::value::{Text, Value, common};

const MICROS_OF_A_DAY: f64 = 86_400e6;

pub(super) fn binary<'a>(
    operator: Operator,
    left: Value<'a>,
    right: Value<'a>,
) -> Result<Value<'a>, String> {
    use Operator::*;
    match operator {
        Or => Ok(Value::Bool(left.bools()?.zip(right.bools()?, or))),
        And => Ok(Value::Bool(left.bools()?.zip(right.bools()?, and))),
        Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual => {
            compare(operator, left, right)
        }
        Add if matches!((&left, &right), (Value::Text(_), _) | (_, Value::Text(_))) => {
            Ok(Value::Text(left.texts()?.zip(right.texts()?, joined)))
        }
        Subtract if matches!((&left, &right), (Value::Time(_), _) | (_, Value::Time(_))) => {
            Ok(Value::Float(left.times()?.zip(right.times()?, days)))
        }
        Divide | Power => Ok(Value::Float(
            left.floats()?.zip(right.floats()?, float(operator)),
        )),
        Add | Subtract | Multiply | FloorDivide | Remainder => match common(&left, &right)? {
            Some(Type::Int64 | Type::Bool) => {
                Ok(Value::Int(left.ints()?.zip(right.ints()?, int(operator))))
            }
            _ => Ok(Value::Float(
                left.floats()?.zip(right.floats()?, float(operator)),
            )),
        },
    }
}

pub(super) fn not(value: Value<'_>) -> Result<Value<'_>, String> {
    Ok(Value::Bool(
        value.bools()?.map(|value| value.map(|value| !value)),
    ))
}

pub(super) fn negate(value: Value<'_>) -> Result<Value<'_>, String> {
    match value {
        Value::Int(values) => Ok(Value::Int(values.map(|value| value.map(i64::wrapping_neg)))),
        other => Ok(Value::Float(other.floats()?.map(|value| -value))),
    }
}

fn or(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

fn and(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn joined<'a>(a: Text<'a>, b: Text<'a>) -> Text<'a> {
    Some(a? + b?)
}

fn days(a: Option<i64>, b: Option<i64>) -> f64 {
    match (a, b) {
        (Some(a), Some(b)) => a.wrapping_sub(b) as f64 / MICROS_OF_A_DAY,
        _ => f64::NAN,
    }
}

fn float(operator: Operator) -> fn(f64, f64) -> f64 {
    match operator {
        Operator::Add => |a, b| a + b,
        Operator::Subtract => |a, b| a - b,
        Operator::Multiply => |a, b| a * b,
        Operator::FloorDivide => |a, b| (a / b).floor(),
        Operator::Remainder => remainder,
        Operator::Power => f64::powf,
        _ => |a, b| a / b,
    }
}

/// With the sign of the divisor, as Python's.
fn remainder(a: f64, b: f64) -> f64 {
    let rest = a % b;
    match rest != 0.0 && (rest < 0.0) != (b < 0.0) {
        true => rest + b,
        false => rest,
    }
}

fn int(operator: Operator) -> fn(Option<i64>, Option<i64>) -> Option<i64> {
    match operator {
        Operator::Add => |a, b| Some(a?.wrapping_add(b?)),
        Operator::Subtract => |a, b| Some(a?.wrapping_sub(b?)),
        Operator::Multiply => |a, b| Some(a?.wrapping_mul(b?)),
        Operator::FloorDivide => |a, b| floor_divide(a?, b?),
        _ => |a, b| {
            let (a, b) = (a?, b?);
            Some(a.wrapping_sub(floor_divide(a, b)?.wrapping_mul(b)))
        },
    }
}

fn floor_divide(a: i64, b: i64) -> Option<i64> {
    if b == 0 {
        return None;
    }
    let (quotient, rest) = (a.wrapping_div(b), a.wrapping_rem(b));
    Some(quotient - i64::from(rest != 0 && (rest < 0) != (b < 0)))
}

fn compare<'a>(operator: Operator, left: Value<'a>, right: Value<'a>) -> Result<Value<'a>, String> {
    let ty = common(&left, &right)?;
    let is_order = !matches!(operator, Operator::Equal | Operator::NotEqual);
    if is_order && left.ty() != right.ty() && [left.ty(), right.ty()].contains(&Some(Type::Bool)) {
        let sign = operator.sign();
        return Err(format!(
            "`{sign}` compares bool with a number: write `a < b and b < c`, not `a < b < c`"
        ));
    }
    let order: Lane<'a, Option<Ordering>> = match ty {
        Some(Type::String) => left.texts()?.zip(right.texts()?, |a, b| Some(a?.cmp(&b?))),
        Some(Type::Timestamp) => left.times()?.zip(right.times()?, |a, b| Some(a?.cmp(&b?))),
        Some(Type::Int64) => left.ints()?.zip(right.ints()?, |a, b| Some(a?.cmp(&b?))),
        _ => left
            .floats()?
            .zip(right.floats()?, |a, b| a.partial_cmp(&b)),
    };
    Ok(Value::Bool(order.map(|order| Some(holds(operator, order)))))
}

fn holds(operator: Operator, order: Option<Ordering>) -> bool {
    match operator {
        Operator::Equal => order == Some(Ordering::Equal),
        Operator::NotEqual => order != Some(Ordering::Equal),
        Operator::Less => order.is_some_and(Ordering::is_lt),
        Operator::LessEqual => order.is_some_and(Ordering::is_le),
        Operator::Greater => order.is_some_and(Ordering::is_gt),
        _ => order.is_some_and(Ordering::is_ge),
    }
}
