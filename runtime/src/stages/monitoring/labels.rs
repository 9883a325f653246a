//! What came of predictions: labels that arrive later, joined to the log.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use crate::function::StageError;
use crate::log::Entry;
use crate::metrics::{Classified, Predictions, Regressed};
use crate::transform::{Frame, Scalar};

/// How the table of labels is joined to the log.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Join {
    /// The columns that say whose prediction it was, in both.
    pub(super) by: Vec<String>,
    /// The column with what came.
    pub(super) column: String,
}

/// Each prediction whose label is known by now, with it.
pub(super) struct Known<'a>(Vec<(&'a Entry, Scalar)>);

impl Join {
    /// Joins; a prediction without a label is left out, as is a label that is
    /// missing.
    pub(super) fn known<'a>(
        &self,
        labels: &Frame,
        entries: &'a [Entry],
    ) -> Result<Known<'a>, StageError> {
        let wrong = |error| StageError::of("the labels cannot be joined to the predictions", error);
        let mut keys = vec![Vec::new(); labels.n_rows()];
        for name in &self.by {
            let column = labels.column(name).map_err(wrong)?;
            for (key, value) in keys.iter_mut().zip(column.scalars()) {
                key.push(value.map(|value| of_scalar(&value)));
            }
        }
        let mut truth: HashMap<Vec<Option<String>>, Scalar> = HashMap::new();
        let came = labels.column(&self.column).map_err(wrong)?;
        for (key, label) in keys.into_iter().zip(came.scalars()) {
            let (Some(label), true) = (label, key.iter().all(Option::is_some)) else {
                continue;
            };
            let other = truth
                .get(&key)
                .filter(|other| of_scalar(other) != of_scalar(&label));
            if let Some(other) = other {
                let key: Vec<String> = key.into_iter().flatten().collect();
                return Err(StageError::data(format!(
                    "the labels have two answers for {} {}: {other} and {label}; give one row for each key",
                    self.by.join(", "),
                    key.join(", ")
                )));
            }
            truth.insert(key, label);
        }
        let known = entries.iter().filter_map(|entry| {
            let values = self.by.iter().map(|name| entry.row.get(name).map(of_json));
            let label = truth.get(&values.collect::<Vec<_>>())?;
            Some((entry, label.clone()))
        });
        Ok(Known(known.collect()))
    }
}

impl Known<'_> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// As classes. `classes` are the model's in its order, as far as it is
    /// known; or else those that occur, in their order.
    pub(super) fn classes(&self, classes: &[String]) -> Result<Predictions, StageError> {
        let said = |entry: &Entry| entry.said.get("label").map(of_json).unwrap_or_default();
        let both = || {
            self.0
                .iter()
                .map(|(entry, label)| (said(entry), of_scalar(label)))
        };
        let classes = match classes.is_empty() {
            true => in_order(both().flat_map(|(said, came)| [said, came]).collect()),
            false => classes.to_vec(),
        };
        let place = |label: String| {
            classes.iter().position(|class| *class == label).ok_or_else(|| {
                StageError::data(format!(
                    "the labels have the class {label:?}, which the model was not trained on: it knows {}",
                    classes.join(", ")
                ))
            })
        };
        let (mut truth, mut predicted) = (Vec::new(), Vec::new());
        for (said, came) in both() {
            truth.push(place(came)?);
            predicted.push(place(said)?);
        }
        let wrong = |error| StageError::of("the predictions cannot be measured", error);
        let classified = Classified::labels(classes.len(), truth, predicted).map_err(wrong)?;
        let scores = self
            .0
            .iter()
            .map(|(entry, _)| entry.said.get("score")?.as_f64());
        let scores: Option<Vec<f64>> = scores.collect();
        let classified = match scores.filter(|_| classes.len() == 2) {
            Some(scores) => classified.with_positive(&scores).map_err(wrong)?,
            None => classified,
        };
        Ok(Predictions::Classes(classified))
    }

    /// As numbers.
    pub(super) fn numbers(&self) -> Result<Predictions, StageError> {
        let (mut truth, mut predicted) = (Vec::new(), Vec::new());
        for (entry, label) in &self.0 {
            let said = entry.said.get("label").and_then(Value::as_f64);
            let (Some(came), Some(said)) = (label.number(), said) else {
                return Err(StageError::data(format!(
                    "the label {label} or what was predicted is no number: ask for metrics of classes, such as f1"
                )));
            };
            truth.push(came);
            predicted.push(said);
        }
        Regressed::new(truth, predicted)
            .map(Predictions::Numbers)
            .map_err(|error| StageError::of("the predictions cannot be measured", error))
    }
}

/// Numbers by their size, before texts.
fn in_order(mut classes: Vec<String>) -> Vec<String> {
    let number = |class: &String| class.parse::<f64>().unwrap_or(f64::INFINITY);
    classes.sort_by(|a, b| number(a).total_cmp(&number(b)).then_with(|| a.cmp(b)));
    classes.dedup();
    classes
}

/// A value as it is compared: 1 and 1.0 are the same, however they are stored.
pub(super) fn of_json(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (None, Some(number)) => of_number(number),
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

fn of_scalar(value: &Scalar) -> String {
    match value {
        Scalar::Float(number) => of_number(*number),
        other => other.to_string(),
    }
}

/// As a whole number where it is one and is told exactly.
fn of_number(number: f64) -> String {
    match number.fract() == 0.0 && number.abs() < 9e15 {
        true => (number as i64).to_string(),
        false => number.to_string(),
    }
}
