//! What was predicted as tensors.

use serde_json::{Value, json};

use super::super::json::numbers;
use super::super::predictor::{Metadata, Predicted, Refusal};
use super::bad;

/// What may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    Predict,
    Probabilities,
    Scores,
}

impl Output {
    const ALL: [Output; 3] = [Output::Predict, Output::Probabilities, Output::Scores];

    fn name(self) -> &'static str {
        match self {
            Output::Predict => "predict",
            Output::Probabilities => "predict_proba",
            Output::Scores => "decision_function",
        }
    }
}

/// The outputs of these names; of none, the prediction alone.
pub(super) fn outputs(names: &[String]) -> Result<Vec<Output>, Refusal> {
    if names.is_empty() {
        return Ok(vec![Output::Predict]);
    }
    let output = |name: &String| {
        let known = Output::ALL.into_iter().find(|output| output.name() == name);
        known.ok_or_else(|| {
            bad(format!("there is no output {name:?}; there are predict, predict_proba and decision_function"))
        })
    };
    names.iter().map(output).collect()
}

pub(super) fn answer(
    metadata: &Metadata,
    predicted: &Predicted,
    n_rows: usize,
    outputs: &[Output],
    id: Option<String>,
) -> Result<Value, Refusal> {
    let tensors = outputs
        .iter()
        .map(|output| tensor(*output, predicted, n_rows));
    let tensors = tensors.collect::<Result<Vec<_>, _>>()?;
    let mut body = json!({"model_name": metadata.name, "model_version": metadata.version});
    if let Some(id) = id {
        body["id"] = id.into();
    }
    body["outputs"] = tensors.into();
    Ok(body)
}

fn tensor(output: Output, predicted: &Predicted, n_rows: usize) -> Result<Value, Refusal> {
    let table = match output {
        Output::Predict => {
            let datatype = datatype(&predicted.labels);
            return Ok(json!({
                "name": output.name(), "shape": [n_rows, 1], "datatype": datatype,
                "data": predicted.labels,
            }));
        }
        Output::Probabilities => &predicted.probabilities,
        Output::Scores => &predicted.scores,
    };
    let width = table.first().map_or(0, Vec::len);
    if table.len() != n_rows || width == 0 && n_rows > 0 {
        return Err(bad(format!("the model has no {}", output.name())));
    }
    let data: Vec<f64> = table.iter().flatten().copied().collect();
    Ok(json!({
        "name": output.name(), "shape": [n_rows, width], "datatype": "FP64", "data": numbers(&data),
    }))
}

/// The narrowest type that all labels have.
fn datatype(labels: &[Value]) -> &'static str {
    match labels.first() {
        Some(Value::Bool(_)) => "BOOL",
        Some(Value::String(_)) => "BYTES",
        _ if labels.iter().all(|label| label.is_i64() || label.is_u64()) => "INT64",
        _ => "FP64",
    }
}

/// The outputs as metadata has them.
pub(super) fn described(metadata: &Metadata) -> Vec<Value> {
    let n_classes = metadata.classes.len();
    let datatype = if n_classes == 0 {
        "FP64"
    } else {
        datatype(&metadata.classes)
    };
    let predict = json!({"name": "predict", "datatype": datatype, "shape": [-1, 1]});
    let probabilities =
        json!({"name": "predict_proba", "datatype": "FP64", "shape": [-1, n_classes]});
    match n_classes {
        0 => vec![predict],
        _ => vec![predict, probabilities],
    }
}
