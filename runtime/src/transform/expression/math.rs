//! Functions of numbers, and of anything that may be missing.

use super::super::column::Type;
use super::functions::take;
use super::lane::Lane;
use super::value::{Value, common};

type Result<'a> = std::result::Result<Value<'a>, String>;

pub(super) fn abs(arguments: Vec<Value<'_>>) -> Result<'_> {
    match take(arguments)? {
        [Value::Int(values)] => Ok(Value::Int(values.map(|value| value.map(i64::wrapping_abs)))),
        [other] => Ok(Value::Float(other.floats()?.map(f64::abs))),
    }
}

pub(super) fn ceil(arguments: Vec<Value<'_>>) -> Result<'_> {
    of_floats(arguments, f64::ceil)
}

pub(super) fn exp(arguments: Vec<Value<'_>>) -> Result<'_> {
    of_floats(arguments, f64::exp)
}

pub(super) fn floor(arguments: Vec<Value<'_>>) -> Result<'_> {
    of_floats(arguments, f64::floor)
}

pub(super) fn log(arguments: Vec<Value<'_>>) -> Result<'_> {
    of_floats(arguments, f64::ln)
}

pub(super) fn log1p(arguments: Vec<Value<'_>>) -> Result<'_> {
    of_floats(arguments, f64::ln_1p)
}

pub(super) fn sqrt(arguments: Vec<Value<'_>>) -> Result<'_> {
    of_floats(arguments, f64::sqrt)
}

/// Text that is no number is missing.
pub(super) fn float(arguments: Vec<Value<'_>>) -> Result<'_> {
    match take(arguments)? {
        [Value::Text(values)] => Ok(Value::Float(values.map(|value| {
            value
                .and_then(|text| text.trim().parse().ok())
                .unwrap_or(f64::NAN)
        }))),
        [other] => Ok(Value::Float(other.floats()?)),
    }
}

/// What does not fit 64 bits is missing.
pub(super) fn int(arguments: Vec<Value<'_>>) -> Result<'_> {
    match take(arguments)? {
        [value @ (Value::Int(_) | Value::Bool(_))] => Ok(Value::Int(value.ints()?)),
        [Value::Text(values)] => {
            Ok(Value::Int(values.map(|value| {
                value.and_then(|text| text.trim().parse().ok())
            })))
        }
        [other] => Ok(Value::Int(other.floats()?.map(whole))),
    }
}

fn whole(value: f64) -> Option<i64> {
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    (-BOUND..BOUND).contains(&value).then_some(value as i64)
}

/// Half to even after scaling, as NumPy rounds.
pub(super) fn round(mut arguments: Vec<Value<'_>>) -> Result<'_> {
    let digits = match arguments.len() {
        2 => arguments.pop().unwrap_or(Value::Missing).ints()?,
        _ => Lane::One(Some(0)),
    };
    let [value] = take(arguments)?;
    Ok(Value::Float(value.floats()?.zip(
        digits,
        |value, digits| {
            let Some(digits) = digits else {
                return f64::NAN;
            };
            let scale = 10f64.powi(digits.unsigned_abs().min(400) as i32);
            match digits {
                0 => value.round_ties_even(),
                1.. => (value * scale).round_ties_even() / scale,
                _ => (value / scale).round_ties_even() * scale,
            }
        },
    )))
}

pub(super) fn max(arguments: Vec<Value<'_>>) -> Result<'_> {
    extreme(arguments, f64::maximum_like_numpy, i64::max)
}

pub(super) fn min(arguments: Vec<Value<'_>>) -> Result<'_> {
    extreme(arguments, f64::minimum_like_numpy, i64::min)
}

/// A missing value makes the result missing.
trait LikeNumpy {
    fn maximum_like_numpy(self, other: Self) -> Self;
    fn minimum_like_numpy(self, other: Self) -> Self;
}

impl LikeNumpy for f64 {
    fn maximum_like_numpy(self, other: f64) -> f64 {
        if self >= other || self.is_nan() {
            self
        } else {
            other
        }
    }

    fn minimum_like_numpy(self, other: f64) -> f64 {
        if self <= other || self.is_nan() {
            self
        } else {
            other
        }
    }
}

fn extreme<'a>(
    arguments: Vec<Value<'a>>,
    of_floats: fn(f64, f64) -> f64,
    of_ints: fn(i64, i64) -> i64,
) -> Result<'a> {
    let both = |a: Option<i64>, b: Option<i64>| Some(of_ints(a?, b?));
    fold(arguments, |a, b| match common(&a, &b)? {
        Some(Type::Int64) => Ok(Value::Int(a.ints()?.zip(b.ints()?, both))),
        Some(Type::Timestamp) => Ok(Value::Time(a.times()?.zip(b.times()?, both))),
        _ => Ok(Value::Float(a.floats()?.zip(b.floats()?, of_floats))),
    })
}

pub(super) fn between(arguments: Vec<Value<'_>>) -> Result<'_> {
    use super::tree::Operator::{And, GreaterEqual, LessEqual};
    let [value, low, high] = take(arguments)?;
    let above = super::operators::binary(GreaterEqual, value.clone(), low)?;
    let below = super::operators::binary(LessEqual, value, high)?;
    super::operators::binary(And, above, below)
}

pub(super) fn is_missing(arguments: Vec<Value<'_>>) -> Result<'_> {
    let [value] = take(arguments)?;
    Ok(Value::Bool(value.missing_rows().map(Some)))
}

pub(super) fn coalesce(arguments: Vec<Value<'_>>) -> Result<'_> {
    fold(arguments, |first, second| {
        let there = first.clone().missing_rows().map(|missing| Some(!missing));
        pick(there, first, second)
    })
}

/// A condition that is missing does not hold.
pub(super) fn choose(arguments: Vec<Value<'_>>) -> Result<'_> {
    let [condition, then, otherwise] = take(arguments)?;
    pick(condition.bools()?, then, otherwise)
}

fn pick<'a>(condition: Lane<'a, Option<bool>>, a: Value<'a>, b: Value<'a>) -> Result<'a> {
    fn of<'a, T: Clone>(
        condition: Lane<'a, Option<bool>>,
        a: Lane<'a, T>,
        b: Lane<'a, T>,
    ) -> Lane<'a, T> {
        let pairs = a.zip(b, |a, b| (a, b));
        condition.zip(
            pairs,
            |holds, (a, b)| if holds == Some(true) { a } else { b },
        )
    }
    Ok(match common(&a, &b)? {
        Some(Type::Bool) => Value::Bool(of(condition, a.bools()?, b.bools()?)),
        Some(Type::Int64) => Value::Int(of(condition, a.ints()?, b.ints()?)),
        Some(Type::String) => Value::Text(of(condition, a.texts()?, b.texts()?)),
        Some(Type::Timestamp) => Value::Time(of(condition, a.times()?, b.times()?)),
        Some(Type::Float64) => Value::Float(of(condition, a.floats()?, b.floats()?)),
        None => Value::Missing,
    })
}

fn of_floats(arguments: Vec<Value<'_>>, f: fn(f64) -> f64) -> Result<'_> {
    let [value] = take(arguments)?;
    Ok(Value::Float(value.floats()?.map(f)))
}

fn fold<'a>(
    arguments: Vec<Value<'a>>,
    f: impl Fn(Value<'a>, Value<'a>) -> Result<'a>,
) -> Result<'a> {
    let mut arguments = arguments.into_iter();
    let first = arguments.next().unwrap_or(Value::Missing);
    arguments.try_fold(first, f)
}
