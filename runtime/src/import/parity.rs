//! Predictions beside those of scikit-learn, LightGBM and XGBoost themselves
//! (`runtime/tests/parity/import_models.py`).

use serde_json::Value;

use super::{Cell, Imported, Predicted};

const DATA: &str = include_str!("../../tests/parity/data/import_models.json");

/// As near as an imported model is to what it was imported from.
const NEAR: f64 = 1e-9;

fn cell(value: &Value) -> Cell<'_> {
    match value {
        Value::String(text) => Cell::Text(text),
        Value::Bool(bool) => Cell::Number(f64::from(*bool)),
        value => value.as_f64().map_or(Cell::MISSING, Cell::Number),
    }
}

fn near(what: &str, own: f64, other: &Value, name: &str) {
    let other = other.as_f64().unwrap();
    let apart = (own - other).abs();
    assert!(
        apart <= NEAR * other.abs().max(1e-3),
        "{name}: {what} {own} is not {other}"
    );
}

fn table_near(what: &str, own: &[Vec<f64>], case: &Value, name: &str) {
    let Some(other) = case.get(what) else { return };
    for (own, other) in own.iter().zip(other.as_array().unwrap()) {
        let other = other.as_array().unwrap();
        assert_eq!(own.len(), other.len(), "{name}: {what}");
        own.iter()
            .zip(other)
            .for_each(|(own, other)| near(what, *own, other, name));
    }
}

fn rows(case: &Value) -> Vec<Vec<Cell<'_>>> {
    let rows = case["rows"].as_array().unwrap();
    rows.iter()
        .map(|row| row.as_array().unwrap().iter().map(cell).collect())
        .collect()
}

fn check(case: &Value) {
    let name = case["name"].as_str().unwrap();
    let document = serde_json::to_vec(&case["document"]).unwrap();
    let imported = Imported::read(&document).unwrap_or_else(|error| panic!("{name}: {error}"));
    let rows = rows(case);
    let predicted = imported.predict(rows.iter().map(Vec::as_slice));
    let predict = case["predict"].as_array().unwrap();
    match predicted.unwrap_or_else(|error| panic!("{name}: {error:?}")) {
        Predicted::Values(values) => {
            assert_eq!(values.len(), predict.len());
            values
                .iter()
                .zip(predict)
                .for_each(|(own, other)| near("predict", *own, other, name));
        }
        Predicted::Classes {
            classes,
            probabilities,
            scores,
        } => {
            let known = imported.classes().unwrap();
            let labels: Vec<Value> = classes
                .iter()
                .map(|index| (&known[*index]).into())
                .collect();
            assert_eq!(&labels, predict, "{name}");
            table_near("predict_proba", &probabilities, case, name);
            table_near("decision_function", &scores, case, name);
        }
    }
}

#[test]
fn predictions_are_those_of_the_libraries() {
    let data: Value = serde_json::from_str(DATA).unwrap();
    let cases = data["cases"].as_array().unwrap();
    assert!(cases.len() > 70);
    cases.iter().for_each(check);
}

fn case<'d>(data: &'d Value, name: &str) -> &'d Value {
    let mut cases = data["cases"].as_array().unwrap().iter();
    cases.find(|case| case["name"] == name).unwrap()
}

fn imported(case: &Value) -> Imported {
    Imported::read(&serde_json::to_vec(&case["document"]).unwrap()).unwrap()
}

#[test]
fn steps_that_are_not_known_are_refused_by_name() {
    let data: Value = serde_json::from_str(DATA).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&data["refused"]).unwrap(), @r#"
    [
      "model.knnimputer: sklearn.impute._knn.KNNImputer is not known to cutline",
      "model.half: FunctionTransformer of __main__.ratio is not known to cutline; it knows NumPy's abs, cbrt, exp, expm1, log, log10, log1p, log2, sqrt, square",
      "model.features.quantiles: sklearn.preprocessing._data.QuantileTransformer is not known to cutline",
      "model: __main__.OwnBayes is not known to cutline"
    ]
    "#);
}

#[test]
fn inputs_are_named_and_what_is_not_used_need_not_be_there() {
    let data: Value = serde_json::from_str(DATA).unwrap();
    let imported = imported(case(&data, "columns"));
    let said: Vec<String> = imported
        .inputs()
        .iter()
        .map(|input| format!("{input:?}"))
        .collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    Input { name: "age", kind: Number, used: true }
    Input { name: "charges", kind: Number, used: true }
    Input { name: "tenure", kind: Number, used: false }
    Input { name: "balance", kind: Number, used: false }
    Input { name: "plan", kind: Text, used: true }
    Input { name: "region", kind: Text, used: true }
    Input { name: "tickets", kind: Number, used: true }
    Input { name: "active", kind: Number, used: false }
    "#);
    let order = imported
        .order(&["region", "plan", "other", "tickets", "age", "charges"])
        .unwrap();
    let places = order
        .iter()
        .map(|place| place.map_or("-".to_owned(), |place| place.to_string()));
    assert_eq!(places.collect::<Vec<_>>().join(" "), "4 5 - - 1 0 3 -");
    let error = imported
        .order(&["region", "tickets", "age", "charges"])
        .unwrap_err();
    assert_eq!(error.to_string(), "column plan is missing");
}

#[test]
fn a_row_at_fault_names_its_column() {
    let data: Value = serde_json::from_str(DATA).unwrap();
    let said = |name: &str, column: usize, cell: Cell<'static>| {
        let case = case(&data, name);
        let imported = imported(case);
        let mut rows = rows(case);
        rows.truncate(1);
        rows[0][column] = cell;
        imported
            .predict(rows.iter().map(Vec::as_slice))
            .unwrap_err()
            .1
            .to_string()
    };
    let said = [
        said("columns", 0, Cell::Text("old")),
        said("columns, binary dropped", 4, Cell::Text("gold")),
        said("logistic", 1, Cell::MISSING),
        said("forest", 1, Cell::Number(1e39)),
    ];
    insta::assert_snapshot!(said.join("\n"), @r#"
    column age: "old" is not a number
    column plan: "gold" is a category that was not seen in training
    column charges: the value is missing, and the model takes no missing value there
    column charges: the number is infinite or too large for the model
    "#);
}
