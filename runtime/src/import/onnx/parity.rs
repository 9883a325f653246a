//! Predictions beside those of ONNX Runtime
//! (`runtime/tests/parity/import_onnx.py`), and documents that are none.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::Value;

use crate::import::{Cell, Imported, Label, Predicted};

const DATA: &str = include_str!("../../../tests/parity/data/import_onnx.json");

/// As near as an imported model is to what ONNX Runtime makes of it.
const NEAR: f64 = 1e-6;

fn cases() -> Vec<Value> {
    serde_json::from_str(DATA).unwrap()
}

fn document(case: &Value) -> Vec<u8> {
    STANDARD.decode(case["onnx"].as_str().unwrap()).unwrap()
}

fn cell(value: &Value) -> Cell<'_> {
    match value {
        Value::String(text) => Cell::Text(text),
        value => value.as_f64().map_or(Cell::MISSING, Cell::Number),
    }
}

fn label(value: &Value) -> Label {
    match value {
        Value::String(text) => Label::Text(text.as_str().into()),
        value => Label::Int(value.as_i64().unwrap()),
    }
}

fn near(own: f64, other: &Value, name: &str) {
    let other = other.as_f64().unwrap();
    let apart = (own - other).abs();
    assert!(
        apart <= NEAR * other.abs().max(1.0),
        "{name}: {own} is not {other}"
    );
}

#[test]
fn models_predict_as_onnx_runtime_has_them_predict() {
    let cases = cases();
    assert!(cases.len() >= 40, "{} cases", cases.len());
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let model =
            Imported::onnx(&document(case)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let columns: Vec<&str> = model.inputs().iter().map(|input| &*input.name).collect();
        let known = case["columns"].as_array().unwrap();
        assert_eq!(
            columns,
            known
                .iter()
                .map(|c| c.as_str().unwrap())
                .collect::<Vec<_>>()
        );
        let rows = case["rows"].as_array().unwrap();
        let rows: Vec<Vec<Cell<'_>>> = rows
            .iter()
            .map(|row| row.as_array().unwrap().iter().map(cell).collect())
            .collect();
        let said = case["labels"].as_array().unwrap();
        let predicted = model.predict(rows.iter().map(Vec::as_slice));
        match predicted.unwrap_or_else(|error| panic!("{name}: {error:?}")) {
            Predicted::Values(values) => {
                assert_eq!(values.len(), said.len());
                values
                    .iter()
                    .zip(said)
                    .for_each(|(own, other)| near(*own, other, name));
            }
            Predicted::Classes {
                classes,
                probabilities,
                scores,
            } => {
                let labels: Vec<Label> = classes
                    .iter()
                    .map(|class| model.classes().unwrap()[*class].clone())
                    .collect();
                assert_eq!(labels, said.iter().map(label).collect::<Vec<_>>(), "{name}");
                let own = match probabilities[0].is_empty() {
                    true => scores,
                    false => probabilities,
                };
                if own[0].is_empty() {
                    continue;
                }
                let other = case["probabilities"].as_array().unwrap();
                for (own, other) in own.iter().zip(other) {
                    let other = other.as_array().unwrap();
                    assert_eq!(own.len(), other.len(), "{name}");
                    own.iter()
                        .zip(other)
                        .for_each(|(own, other)| near(*own, other, name));
                }
            }
        }
    }
}

#[test]
fn columns_can_be_named() {
    let cases = cases();
    let scaled = cases.iter().find(|case| case["name"] == "scaled").unwrap();
    let names = ["age", "charges", "tenure", "balance"].map(str::to_owned);
    let model = Imported::onnx(&Imported::onnx_of(document(scaled), &names)).unwrap();
    let columns: Vec<&str> = model.inputs().iter().map(|input| &*input.name).collect();
    assert_eq!(columns, names);
    let refused = Imported::onnx(&Imported::onnx_of(document(scaled), &names[..2]));
    assert_eq!(
        refused.unwrap_err().to_string(),
        "model: the list of columns has 2 entries where 4 are needed; \
         write the document again with `cutline import-model`"
    );
}

#[test]
fn what_is_no_model_is_refused() {
    let refused = |bytes: &[u8]| Imported::onnx(bytes).unwrap_err().to_string();
    assert!(refused(b"not one").starts_with("it is not an ONNX model: "));
    assert!(refused(b"").contains("the graph is empty"));
    let cases = cases();
    let case = cases
        .iter()
        .find(|case| case["name"] == "perceptron")
        .unwrap();
    let bytes = document(case);
    // The node's kind is its field 4.
    let kind = b"\x22\x04Relu";
    let at = bytes.windows(6).position(|window| window == kind).unwrap();
    let mut other = bytes.clone();
    other[at + 2..at + 6].copy_from_slice(b"Blur");
    let error = Imported::onnx(&other).unwrap_err().to_string();
    assert!(
        error.starts_with("ai.onnx.Blur")
            && error.ends_with("the operation: cutline does not take that"),
        "{error}"
    );
    let cut = Imported::onnx(&bytes[..bytes.len() / 2]);
    assert!(
        cut.unwrap_err()
            .to_string()
            .starts_with("it is not an ONNX model: ")
    );
}

#[test]
fn a_wrong_value_is_told_with_its_column() {
    let cases = cases();
    let case = cases.iter().find(|case| case["name"] == "mixed").unwrap();
    let model = Imported::onnx(&document(case)).unwrap();
    let row = |plan| {
        vec![
            Cell::Number(1.0),
            Cell::Number(2.0),
            Cell::Number(3.0),
            Cell::Number(4.0),
            plan,
            Cell::Text("north"),
        ]
    };
    let ask = |row: &[Cell<'_>]| {
        model
            .predict([row])
            .map(|_| ())
            .map_err(|(_, e)| e.to_string())
    };
    assert_eq!(ask(&row(Cell::Text("never seen"))), Ok(()));
    assert_eq!(
        ask(&row(Cell::Number(1.0))),
        Err("column plan: 1 is not a text".to_owned())
    );
    let mut text = row(Cell::Text("pro"));
    text[0] = Cell::Text("old");
    assert_eq!(
        ask(&text),
        Err("column age: \"old\" is not a number".to_owned())
    );
}

proptest! {
    /// Whatever is changed in a document: it is refused, or it predicts or
    /// refuses a row, and nothing panics or runs on.
    #[test]
    fn no_document_breaks_it(at in 0..10_000_usize, byte: u8, cut in 0..10_000_usize, which in 0..40_usize) {
        let cases = cases();
        let mut bytes = document(&cases[which % cases.len()]);
        let n = bytes.len();
        bytes[at % n] = byte;
        if cut % 7 == 0 {
            bytes.truncate(cut % n);
        }
        if let Ok(model) = Imported::onnx(&bytes) {
            let row: Vec<Cell<'_>> = model
                .inputs()
                .iter()
                .map(|input| match input.kind {
                    crate::import::Kind::Number => Cell::Number(1e30),
                    crate::import::Kind::Text => Cell::Text("basic"),
                })
                .collect();
            let _ = model.predict([&*row]);
        }
    }
}
