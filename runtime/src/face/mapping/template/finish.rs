//! [`Finish`]: what becomes of a value on the way to its place.

use serde_json::{Number, Value};

use super::super::written::SourceTable;

/// What becomes of a value, in this order.
#[derive(Clone, Debug, Default)]
pub(super) struct Finish {
    reduce: Option<Reduce>,
    round: Option<usize>,
    at_least: Option<f64>,
    bands: Option<Bands>,
    names: Vec<(String, Value)>,
}

/// What becomes of a list of numbers; what is missing is passed over.
#[derive(Clone, Copy, Debug)]
enum Reduce {
    /// The largest; null of none.
    Max,
    /// The arithmetic mean; null of none.
    Mean,
    /// The smallest; null of none.
    Min,
    /// The sum; 0 of none.
    Sum,
}

/// What stands for numbers: below each limit, which ascend, and beyond the last.
#[derive(Clone, Debug)]
struct Bands {
    below: Vec<(f64, Value)>,
    others: Value,
}

/// More decimals than a double has.
const MOST_DECIMALS: usize = 30;

impl Finish {
    /// As it is.
    pub(super) const NONE: &'static Finish = &Finish {
        reduce: None,
        round: None,
        at_least: None,
        bands: None,
        names: Vec::new(),
    };

    pub(super) fn new(table: &SourceTable) -> Result<Finish, String> {
        if table.round.is_some_and(|round| round > MOST_DECIMALS) {
            return Err(format!("round is more than {MOST_DECIMALS}"));
        }
        if table.at_least.is_some_and(f64::is_nan) {
            return Err("at_least is not a number".to_owned());
        }
        if table.at_least.is_some() && table.bands.is_some() {
            return Err("it has at_least and bands: take one away".to_owned());
        }
        let names = table.names.iter();
        Ok(Finish {
            reduce: table.reduce.as_deref().map(Reduce::new).transpose()?,
            round: table.round,
            at_least: table.at_least,
            bands: table.bands.as_deref().map(Bands::new).transpose()?,
            names: names
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        })
    }

    pub(super) fn of(&self, value: &Value) -> Value {
        let mut value = match (self.reduce, value) {
            (Some(reduce), Value::Array(list)) => reduced(reduce, list),
            _ => value.clone(),
        };
        if let (Some(decimals), Some(number)) =
            (self.round, value.as_f64().filter(|_| value.is_f64()))
        {
            value = Value::from(rounded(number, decimals));
        }
        if let (Some(least), Some(number)) = (self.at_least, value.as_f64()) {
            value = Value::from(number >= least);
        }
        if let (Some(bands), Some(number)) = (&self.bands, value.as_f64()) {
            value = bands.of(number).clone();
        }
        let text = text_of(&value);
        let mut names = self.names.iter();
        match names.find(|(name, _)| *name == text) {
            Some((_, named)) => named.clone(),
            None => value,
        }
    }
}

impl Reduce {
    fn new(written: &str) -> Result<Reduce, String> {
        match written {
            "max" => Ok(Reduce::Max),
            "mean" => Ok(Reduce::Mean),
            "min" => Ok(Reduce::Min),
            "sum" => Ok(Reduce::Sum),
            other => Err(format!(
                "reduce: {other:?} is none of max, mean, min and sum"
            )),
        }
    }
}

impl Bands {
    fn new(written: &[Value]) -> Result<Bands, String> {
        let wrong = |why: String| {
            format!("bands: {why}; write them like [[0.3, \"Low\"], [0.6, \"Medium\"], \"High\"]")
        };
        let (others, limited) = match written.split_last() {
            Some((others, limited)) if !limited.is_empty() => (others.clone(), limited),
            _ => return Err(wrong("there are fewer than two".to_owned())),
        };
        let mut below: Vec<(f64, Value)> = Vec::new();
        for band in limited {
            let (limit, value) = match band.as_array().map(Vec::as_slice) {
                Some([limit, value]) => (limit.as_f64(), value),
                _ => return Err(wrong(format!("{band} is no limit with a value"))),
            };
            let limit = limit.filter(|limit| limit.is_finite());
            let limit = limit.ok_or_else(|| wrong(format!("{band} has no number as its limit")))?;
            if below.last().is_some_and(|(last, _)| *last >= limit) {
                let why = format!("the limit {limit} is not above the one before it");
                return Err(wrong(why));
            }
            below.push((limit, value.clone()));
        }
        Ok(Bands { below, others })
    }

    fn of(&self, number: f64) -> &Value {
        let mut below = self.below.iter();
        let band = below.find(|(limit, _)| number < *limit);
        band.map_or(&self.others, |(_, value)| value)
    }
}

/// Of the numbers of a list; whole ones stay whole.
fn reduced(reduce: Reduce, list: &[Value]) -> Value {
    let numbers: Vec<&Number> = list.iter().filter_map(Value::as_number).collect();
    let size = |number: &Number| number.as_f64().unwrap_or(f64::NAN);
    let by_size = |one: &&&Number, other: &&&Number| size(one).total_cmp(&size(other));
    let total = || numbers.iter().map(|number| size(number)).sum::<f64>();
    let of = |number: Option<&&Number>| {
        number.map_or(Value::Null, |number| Value::Number((*number).clone()))
    };
    match reduce {
        Reduce::Max => of(numbers.iter().max_by(by_size)),
        Reduce::Min => of(numbers.iter().min_by(by_size)),
        Reduce::Mean if numbers.is_empty() => Value::Null,
        Reduce::Mean => Value::from(total() / numbers.len() as f64),
        Reduce::Sum => {
            let whole = numbers.iter().map(|number| number.as_i64());
            let whole = whole.collect::<Option<Vec<i64>>>();
            let whole = whole.and_then(|all| all.into_iter().try_fold(0_i64, i64::checked_add));
            whole.map_or_else(|| Value::from(total()), Value::from)
        }
    }
}

/// A value as a name says it.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// As Python's `round`: the nearest decimal to the double itself, ties to even.
pub(super) fn rounded(number: f64, decimals: usize) -> f64 {
    format!("{number:.decimals$}").parse().unwrap_or(number)
}
