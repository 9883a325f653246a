//! [`Derived`]: a value of each row that an expression makes of what the row
//! has and of what the model said of it.
//!
//! Each row is looked at by itself, so that what is said of it never depends on
//! its neighbours. What the model said counts before what the client named so.

use serde_json::{Map, Value};

use super::super::super::predictor::{Predicted, Refusal, Refused};
use super::super::pointer::{Pointer, Step};
use crate::transform::{Expression, Scalar};

/// Where in the document what was derived is, by the expression.
pub(in super::super) const ROOT: &str = "derived";

/// What the model says, by the names that expressions have for it.
const SAID: [&str; 4] = ["confidence", "label", "probability", "score"];

/// An expression over rows, checked.
#[derive(Clone, Debug)]
pub(in super::super) struct Derived(Expression);

impl Derived {
    pub(super) fn new(text: &str) -> Result<Derived, String> {
        let read = Expression::parse(text);
        read.map(Derived)
            .map_err(|error| format!("derive: {error}"))
    }

    /// Where its values are, for a place with so many `*`.
    pub(super) fn pointer(&self, n_stars: usize) -> Pointer {
        let row = match n_stars {
            0 => Step::Name("0".to_owned()),
            _ => Step::Any,
        };
        let text = self.0.to_string();
        Pointer(vec![Step::Name(ROOT.to_owned()), Step::Name(text), row])
    }

    /// Its value for each row, under its text; `knows` says which columns a row
    /// may lack.
    pub(in super::super) fn of(
        &self,
        predicted: &Predicted,
        records: &[Map<String, Value>],
        knows: &dyn Fn(&str) -> bool,
    ) -> Result<(String, Value), Refusal> {
        let names = self.0.reads();
        let each = (0..predicted.labels.len()).map(|row| {
            let value = |name: &str| match said(predicted, row, name) {
                Some(said) => Ok(said),
                None => match records.get(row).and_then(|record| record.get(name)) {
                    Some(value) => Ok(scalar(value)),
                    None if knows(name) => Ok(None),
                    None => Err(self.unknown(name)),
                },
            };
            let values = names.iter().map(|name| Ok((*name, value(name)?)));
            let values = values.collect::<Result<Vec<_>, Refusal>>()?;
            let value = self.0.of_row(&values);
            let value = value.map_err(|fault| Refusal::row(row, fault.to_string()))?;
            Ok(value.map_or(Value::Null, json))
        });
        let values = each.collect::<Result<Vec<Value>, Refusal>>()?;
        Ok((self.0.to_string(), values.into()))
    }

    fn unknown(&self, name: &str) -> Refusal {
        let (text, said) = (&self.0, SAID.join(", "));
        let why = format!(
            "expression `{text}`: a row has no {name}, only its columns, what request.pass names, and {said}"
        );
        Refusal::new(Refused::Failed, why)
    }
}

/// What the model said of a row, where `name` is for that; None inside: there
/// is none, or no single one.
fn said(predicted: &Predicted, row: usize, name: &str) -> Option<Option<Scalar>> {
    let probabilities = predicted.probabilities.get(row).map(Vec::as_slice);
    let probabilities = probabilities.unwrap_or_default();
    let number = match name {
        "label" => return Some(predicted.labels.get(row).and_then(scalar)),
        "probability" => probabilities.get(1).copied(),
        "confidence" => probabilities.iter().copied().reduce(f64::max),
        "score" => match predicted.scores.get(row).map(Vec::as_slice) {
            Some([score]) => Some(*score),
            _ => None,
        },
        _ => return None,
    };
    Some(number.and_then(float))
}

/// What is missing is none, and so is what is no single value.
fn scalar(value: &Value) -> Option<Scalar> {
    match value {
        Value::Bool(truth) => Some(Scalar::Bool(*truth)),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Some(Scalar::Int(whole)),
            None => number.as_f64().and_then(float),
        },
        Value::String(text) => Some(Scalar::Text(text.clone())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn float(number: f64) -> Option<Scalar> {
    (!number.is_nan()).then_some(Scalar::Float(number))
}

fn json(value: Scalar) -> Value {
    match value {
        Scalar::Bool(truth) => truth.into(),
        Scalar::Int(number) => number.into(),
        Scalar::Float(number) => number.into(),
        Scalar::Text(text) => text.into(),
        moment @ Scalar::Time { .. } => moment.to_string().into(),
    }
}
