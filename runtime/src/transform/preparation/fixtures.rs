//! Both Python fixtures' preparations as declared steps, against what their
//! own modules make (`tests/parity/transform_fixtures.py`).

use indexmap::IndexMap;
use serde::Deserialize;

use super::super::column::{Column, Type};
use super::super::scalar::Scalar;
use super::super::split::Parts;
use super::tests::assert_close;
use super::*;

const CHURN: &str = include_str!("../../../tests/parity/prepare_churn.toml");
const TUMOR: &str = include_str!("../../../tests/parity/prepare_tumor.toml");

type Columns = IndexMap<String, Vec<Option<Scalar>>>;

#[derive(Deserialize)]
struct Churn {
    tables: BTreeMap<String, Columns>,
    ids: Vec<i64>,
    features: Vec<String>,
    matrix: Columns,
    split: Rows,
    asked: Columns,
    answered: Columns,
}

#[derive(Deserialize)]
struct Tumor {
    raw: Columns,
    features: Vec<String>,
    matrix: Columns,
    split: Rows,
}

#[derive(Deserialize)]
struct Rows {
    train: Vec<usize>,
    test: Vec<usize>,
}

fn frame(columns: &Columns) -> Frame {
    let n = columns.values().next().unwrap().len();
    columns.iter().fold(Frame::new(n), |frame, (name, values)| {
        frame.with(name, column(values)).unwrap()
    })
}

/// Numbers are whole where all are, as pandas reads them.
fn column(values: &[Option<Scalar>]) -> Column {
    let numbers = || {
        values
            .iter()
            .map(|value| value.as_ref().and_then(Scalar::number).unwrap_or(f64::NAN))
    };
    let types: Vec<Type> = values.iter().flatten().map(Scalar::ty).collect();
    match types.iter().max() {
        Some(Type::String) => Column::texts(
            values
                .iter()
                .map(|value| value.as_ref().map(|value| value.to_string())),
        ),
        Some(Type::Int64) if types.len() == values.len() => {
            Column::ints(numbers().map(|value| Some(value as i64)))
        }
        _ => Column::floats(numbers().collect()),
    }
}

fn assert_matrix(fitted: &Fitted, frame: &Frame, features: &[String], expected: &Columns) {
    let names: Vec<&str> = fitted.features().iter().map(|name| &**name).collect();
    assert_eq!(names, features);
    let matrix = fitted.matrix(frame).unwrap();
    for (name, ours) in names.iter().zip(matrix.columns()) {
        let theirs: Vec<Option<f64>> = expected[*name]
            .iter()
            .map(|value| value.as_ref().and_then(Scalar::number))
            .collect();
        assert_close(name, &Column::floats(ours.to_vec()), &theirs, 1e-12);
    }
}

fn assert_split(parts: &Parts, expected: &Rows) {
    assert_eq!(parts.train, expected.train);
    assert_eq!(parts.test, expected.test);
}

#[test]
fn the_flask_fixtures_customers_are_prepared_as_by_itself() {
    let text = include_str!("../../../tests/parity/data/prepared_churn.json");
    let churn: Churn = serde_json::from_str(text).unwrap();
    let others = || {
        let table = |name: &str| (name.to_owned(), frame(&churn.tables[name]));
        Tables::from([table("calls"), table("payments")])
    };
    let preparation: Preparation = toml::from_str(CHURN).unwrap();
    let (fitted, applied) = fit(&preparation, frame(&churn.tables["customers"]), others()).unwrap();

    let ids = applied
        .frame
        .column("customer_id")
        .unwrap()
        .numbers("customer_id")
        .unwrap();
    let ids: Vec<i64> = ids.values().iter().map(|id| *id as i64).collect();
    assert_eq!(ids, churn.ids);
    assert_matrix(&fitted, &applied.frame, &churn.features, &churn.matrix);
    assert_split(&applied.parts.unwrap(), &churn.split);

    let read: Fitted = serde_json::from_str(&serde_json::to_string(&fitted).unwrap()).unwrap();
    let sides = read.ready(others()).unwrap();
    let answered = read.apply(&frame(&churn.asked), &sides).unwrap();
    assert_matrix(&read, &answered.frame, &churn.features, &churn.answered);
}

#[test]
fn the_fastapi_fixtures_tumors_are_prepared_as_by_itself() {
    let text = include_str!("../../../tests/parity/data/prepared_tumor.json");
    let tumor: Tumor = serde_json::from_str(text).unwrap();
    let preparation: Preparation = toml::from_str(TUMOR).unwrap();
    let (fitted, applied) = fit(&preparation, frame(&tumor.raw), Tables::new()).unwrap();
    assert_matrix(&fitted, &applied.frame, &tumor.features, &tumor.matrix);
    assert_split(&applied.parts.unwrap(), &tumor.split);
}
