//! Labels in columns: what a model learns, and what it is measured against.

use ndarray::Array1;

use super::bundle::Bundle;
use crate::function::StageError;
use crate::metrics::{Classified, Predictions, Regressed};
use crate::model::{Label, Labels, Target};
use crate::transform::{Column, Frame, Scalar};

/// The column as classes. Whole numbers are classes however they are stored.
pub(super) fn labels(frame: &Frame, column: &str) -> Result<Labels, StageError> {
    let labels: Result<Vec<Label>, StageError> = cells(frame, column)?
        .scalars()
        .enumerate()
        .map(|(row, value)| {
            let value = value.ok_or_else(|| missing(column, row))?;
            label(&value).ok_or_else(|| {
                StageError::data(format!(
                    "row {row} of the column {column}: {value} is no class; a class is a text, a whole number or a truth value"
                ))
            })
        })
        .collect();
    Ok(Labels::new(&labels?))
}

fn label(value: &Scalar) -> Option<Label> {
    match value {
        Scalar::Bool(truth) => Some(Label::Bool(*truth)),
        Scalar::Int(number) => Some(Label::Int(*number)),
        Scalar::Text(text) => Some(Label::Text(text.to_string())),
        Scalar::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
            Some(Label::Int(*number as i64))
        }
        _ => None,
    }
}

/// The column as numbers.
pub(super) fn values(frame: &Frame, column: &str) -> Result<Array1<f64>, StageError> {
    let cells = cells(frame, column)?;
    let numbers = cells.numbers(column);
    let numbers = numbers
        .map_err(|error| StageError::of(format!("the column {column} has no numbers"), error))?;
    match numbers.values().iter().position(|value| value.is_nan()) {
        Some(row) => Err(missing(column, row)),
        None => Ok(numbers.values().iter().copied().collect()),
    }
}

/// What the bundle says of rows whose truth they hold themselves.
pub(super) fn predictions(bundle: &Bundle, frame: &Frame) -> Result<Predictions, StageError> {
    let Some(label) = &bundle.label else {
        return Err(StageError::data(
            "the model predicts no column, so that there is no truth to measure it against",
        ));
    };
    let wrong = |error| StageError::of("the predictions cannot be measured", error);
    let prediction = bundle.predict(frame)?;
    match &prediction.target {
        Target::Values(predicted) => {
            let truth = values(frame, label)?.to_vec();
            Regressed::new(truth, predicted.to_vec())
                .map(Predictions::Numbers)
                .map_err(wrong)
        }
        Target::Labels(predicted) => {
            let truth = codes(&labels(frame, label)?, predicted.classes(), label)?;
            let classified = match prediction.probabilities {
                Some(probabilities) => Classified::probabilities(truth, probabilities),
                None => {
                    let codes = predicted
                        .codes()
                        .iter()
                        .map(|code| *code as usize)
                        .collect();
                    Classified::labels(predicted.classes().len(), truth, codes)
                }
            };
            classified.map(Predictions::Classes).map_err(wrong)
        }
        Target::None => Err(StageError::data(
            "the model predicts nothing that could be measured",
        )),
    }
}

/// The classes' names, in their order; empty where numbers are predicted.
pub(super) fn class_names(bundle: &Bundle) -> Vec<String> {
    let classes = bundle
        .model
        .classes()
        .into_iter()
        .flat_map(|classes| classes.iter());
    classes.map(|class| class.to_string()).collect()
}

fn codes(truth: &Labels, classes: &[Label], column: &str) -> Result<Vec<usize>, StageError> {
    let place = |label: &Label| {
        classes.iter().position(|class| class == label).ok_or_else(|| {
            let known: Vec<String> = classes.iter().map(ToString::to_string).collect();
            StageError::data(format!(
                "the column {column} has the class {label}, which the model was not trained on: it knows {}",
                known.join(", ")
            ))
        })
    };
    truth.iter().map(place).collect()
}

fn cells<'a>(frame: &'a Frame, column: &str) -> Result<&'a Column, StageError> {
    let found = frame.column(column);
    found.map_err(|error| StageError::of("the label is not there", error))
}

fn missing(column: &str, row: usize) -> StageError {
    StageError::data(format!(
        "row {row} of the column {column} is missing: drop such rows before (kind = \"filter\")"
    ))
}
