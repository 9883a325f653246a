//! What MLflow's scoring server speaks (`mlflow.pyfunc.scoring_server`):
//! `/invocations`, `/ping`, `/health` and `/version`.
//!
//! `/invocations` takes JSON with one of `dataframe_split`, `dataframe_records`,
//! `instances` and `inputs`, or CSV with a line of names.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::{Map, Value, json};

use super::json::{media_type, read, response, type_of};
use super::predictor::{Metadata, Predictor, Refusal, Refused};
use super::rows::{Cell, Rows};

/// The model that is served, and who answers for it.
#[derive(Clone)]
struct Served {
    predictor: Arc<dyn Predictor>,
    model: Arc<str>,
}

/// The routes, which serve one model.
pub fn router(predictor: Arc<dyn Predictor>, model: &str) -> Router {
    let served = Served {
        predictor,
        model: model.into(),
    };
    let routes = Router::new()
        .route("/invocations", post(invocations))
        .route("/ping", get(ping))
        .route("/health", get(ping))
        .route("/version", get(async || env!("CARGO_PKG_VERSION")));
    routes.with_state(served)
}

/// The status tells; the body is a line feed, as MLflow's is.
async fn ping(State(served): State<Served>) -> (StatusCode, &'static str) {
    match served.predictor.metadata(&served.model, None) {
        Ok(_) => (StatusCode::OK, "\n"),
        Err(_) => (StatusCode::NOT_FOUND, "\n"),
    }
}

async fn invocations(State(served): State<Served>, headers: HeaderMap, body: Bytes) -> Response {
    match invoked(&served, &headers, &body).await {
        Ok(predictions) => response(StatusCode::OK, &json!({"predictions": predictions})),
        Err(refusal) => {
            let code = match refusal.refused {
                Refused::BadRequest => "BAD_REQUEST",
                Refused::NotFound => "RESOURCE_DOES_NOT_EXIST",
                Refused::Unavailable => "TEMPORARILY_UNAVAILABLE",
                Refused::Failed => "INTERNAL_ERROR",
            };
            let body = json!({"error_code": code, "message": refusal.to_string()});
            response(refusal.refused.status(), &body)
        }
    }
}

async fn invoked(served: &Served, headers: &HeaderMap, body: &[u8]) -> Result<Vec<Value>, Refusal> {
    let metadata = served.predictor.metadata(&served.model, None)?;
    let rows = match &*media_type(headers) {
        "application/json" => of_json(&read(body)?, &metadata)?,
        "text/csv" => of_csv(body, &metadata)?,
        other => {
            let message =
                format!("the content type is {other:?}; it is application/json or text/csv");
            return Err(bad(message));
        }
    };
    metadata.check(rows.columns())?;
    Ok(served
        .predictor
        .predict(&served.model, None, rows)
        .await?
        .labels)
}

fn bad(message: impl Into<String>) -> Refusal {
    Refusal::new(Refused::BadRequest, message)
}

const FORMS: [&str; 4] = [
    "dataframe_split",
    "dataframe_records",
    "instances",
    "inputs",
];

fn of_json(body: &Value, metadata: &Metadata) -> Result<Rows, Refusal> {
    let body = body
        .as_object()
        .ok_or_else(|| bad("the body is not an object"))?;
    let mut given = FORMS
        .into_iter()
        .filter_map(|form| Some((form, body.get(form)?)));
    let (form, data) = match (given.next(), given.next()) {
        (Some(given), None) => given,
        _ => {
            return Err(bad(format!(
                "the body holds exactly one of {}",
                FORMS.join(", ")
            )));
        }
    };
    match (form, data) {
        ("dataframe_split", Value::Object(split)) => of_split(split, metadata),
        ("inputs", Value::Object(columns)) => of_columns(columns),
        ("dataframe_records" | "instances" | "inputs", Value::Array(list)) => {
            of_list(list, metadata)
        }
        (form, other) => Err(bad(format!("{form} is {}", type_of(other)))),
    }
}

fn in_order(metadata: &Metadata) -> Vec<String> {
    metadata
        .inputs
        .iter()
        .map(|column| column.name.clone())
        .collect()
}

/// `{"columns": [...], "data": [[...]]}`; without columns they are the model's.
fn of_split(split: &Map<String, Value>, metadata: &Metadata) -> Result<Rows, Refusal> {
    let names = match split.get("columns") {
        None => in_order(metadata),
        Some(columns) => {
            let names = columns
                .as_array()
                .map(|names| names.iter().map(|name| name.as_str().map(str::to_owned)));
            let names = names.and_then(Iterator::collect::<Option<_>>);
            names.ok_or_else(|| bad("dataframe_split.columns is not a list of names"))?
        }
    };
    let data = split.get("data").and_then(Value::as_array);
    of_lists(
        names,
        data.ok_or_else(|| bad("dataframe_split.data is not a list of rows"))?,
    )
}

/// Rows as objects, or as lists in the model's order.
fn of_list(list: &[Value], metadata: &Metadata) -> Result<Rows, Refusal> {
    if !list.iter().all(Value::is_object) || list.is_empty() {
        return of_lists(in_order(metadata), list);
    }
    let records: Vec<&Map<String, Value>> = list.iter().filter_map(Value::as_object).collect();
    let mut names: Vec<String> = Vec::new();
    for record in &records {
        let new: Vec<_> = record
            .keys()
            .filter(|name| !names.contains(name))
            .cloned()
            .collect();
        names.extend(new);
    }
    let mut rows = Rows::new(names.clone())?;
    for (index, record) in records.into_iter().enumerate() {
        // As pandas: what a record lacks is missing.
        let cell = |name: &String| cell(record.get(name).unwrap_or(&Value::Null), name, index);
        rows.push(names.iter().map(cell).collect::<Result<Vec<_>, _>>()?)?;
    }
    Ok(rows)
}

fn of_lists(names: Vec<String>, list: &[Value]) -> Result<Rows, Refusal> {
    let mut rows = Rows::new(names.clone())?;
    for (index, row) in list.iter().enumerate() {
        let refusal = || Refusal::row(index, format!("it is {}, not a list", type_of(row)));
        let values = row.as_array().ok_or_else(refusal)?;
        let cells = values.iter().enumerate().map(|(column, value)| {
            cell(
                value,
                names.get(column).map_or("beyond the last", String::as_str),
                index,
            )
        });
        rows.push(cells.collect::<Result<Vec<_>, _>>()?)?;
    }
    Ok(rows)
}

/// `{"age": [...], "plan": [...]}`
fn of_columns(columns: &Map<String, Value>) -> Result<Rows, Refusal> {
    let mut lists = Vec::new();
    for (name, column) in columns {
        let refusal = || Refusal::column(name, format!("it is {}, not a list", type_of(column)));
        lists.push((name, column.as_array().ok_or_else(refusal)?));
    }
    let n_rows = lists.first().map_or(0, |(_, list)| list.len());
    if let Some((name, list)) = lists.iter().find(|(_, list)| list.len() != n_rows) {
        return Err(Refusal::column(
            name,
            format!("it has {} values, not {n_rows}", list.len()),
        ));
    }
    let mut rows = Rows::new(columns.keys().cloned().collect())?;
    for row in 0..n_rows {
        let cells = lists.iter().map(|(name, list)| cell(&list[row], name, row));
        rows.push(cells.collect::<Result<Vec<_>, _>>()?)?;
    }
    Ok(rows)
}

fn cell(value: &Value, name: &str, row: usize) -> Result<Cell, Refusal> {
    let refusal = || Refusal::column(name, format!("it is {}, not a value", type_of(value)));
    Cell::of_json(value).ok_or_else(|| refusal().in_row(row))
}

fn of_csv(body: &[u8], metadata: &Metadata) -> Result<Rows, Refusal> {
    let mut reader = csv::Reader::from_reader(body);
    let broken = |error: csv::Error| bad(format!("the body does not read as CSV: {error}"));
    let names: Vec<String> = reader
        .headers()
        .map_err(broken)?
        .iter()
        .map(str::to_owned)
        .collect();
    let kinds: Vec<_> = names
        .iter()
        .map(|name| metadata.input(name).map(|input| input.kind))
        .collect();
    let mut rows = Rows::new(names)?;
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let fields = record.iter().zip(&kinds);
        rows.push(fields.map(|(field, kind)| match is_missing(field) {
            true => Cell::Missing,
            false => Cell::of_text(field, *kind),
        }))?;
    }
    Ok(rows)
}

/// What pandas reads as missing.
fn is_missing(field: &str) -> bool {
    const WORDS: [&str; 17] = [
        "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
        "<NA>", "N/A", "NA", "NULL", "NaN", "None", "nan", "null",
    ];
    WORDS.contains(&field) || field == "n/a"
}

#[cfg(test)]
mod tests {
    use super::super::sample::{ask, churn, request};
    use super::*;

    async fn invoke(media_type: &str, body: &str) -> String {
        let request = request("POST", "/invocations", media_type, body);
        let (status, body) = ask(router(churn(), "churn"), request).await;
        format!("{} {body}", status.as_u16())
    }

    #[tokio::test]
    async fn every_form_gives_the_same_rows() {
        for body in [
            r#"{"dataframe_split": {"columns": ["plan", "age"], "index": [0, 1], "data": [["free", 30], ["pro", 80]]}}"#,
            r#"{"dataframe_records": [{"age": 30, "plan": "free"}, {"plan": "pro", "age": 80, "region": NaN}]}"#,
            r#"{"instances": [{"age": 30, "plan": "free"}, {"plan": "pro", "age": 80}], "params": {}}"#,
            r#"{"instances": [[30, "free", null], [80, "pro", "north"]]}"#,
            r#"{"inputs": {"age": [30, 80], "plan": ["free", "pro"]}}"#,
            r#"{"inputs": [[30, "free", null], [80, "pro", null]]}"#,
        ] {
            assert_eq!(
                invoke("application/json; charset=utf-8", body).await,
                r#"200 {"predictions":[0,1]}"#,
                "{body}"
            );
        }
        let csv = "age,plan,region\n30,free,\n80,\"pro, or so\",NA\n";
        assert_eq!(
            invoke("text/csv", csv).await,
            r#"200 {"predictions":[0,1]}"#
        );
    }

    #[tokio::test]
    async fn what_is_wrong_is_said_of_its_column() {
        let mut said = Vec::new();
        for (media_type, body) in [
            ("text/plain", ""),
            ("application/json", "[]"),
            ("application/json", r#"{"instances": [], "inputs": []}"#),
            (
                "application/json",
                r#"{"dataframe_split": {"columns": [1], "data": []}}"#,
            ),
            ("application/json", r#"{"dataframe_records": [{"age": 1}]}"#),
            (
                "application/json",
                r#"{"dataframe_records": [{"age": [1], "plan": "a"}]}"#,
            ),
            (
                "application/json",
                r#"{"dataframe_records": [{"age": 1, "plan": "a", "x": 1}]}"#,
            ),
            ("application/json", r#"{"instances": [[1, "a"]]}"#),
            (
                "application/json",
                r#"{"inputs": {"age": [1], "plan": []}}"#,
            ),
            (
                "application/json",
                r#"{"inputs": {"age": ["old"], "plan": ["a"]}}"#,
            ),
            ("text/csv", "age,plan\n1\n"),
            ("text/csv", "age,age\n1,2\n"),
        ] {
            said.push(invoke(media_type, body).await);
        }
        insta::assert_snapshot!(said.join("\n"), @r#"
        400 {"error_code":"BAD_REQUEST","message":"the content type is \"text/plain\"; it is application/json or text/csv"}
        400 {"error_code":"BAD_REQUEST","message":"the body is not an object"}
        400 {"error_code":"BAD_REQUEST","message":"the body holds exactly one of dataframe_split, dataframe_records, instances, inputs"}
        400 {"error_code":"BAD_REQUEST","message":"dataframe_split.columns is not a list of names"}
        400 {"error_code":"BAD_REQUEST","message":"column plan: it is missing"}
        400 {"error_code":"BAD_REQUEST","message":"row 0, column age: it is a list, not a value"}
        400 {"error_code":"BAD_REQUEST","message":"column x: the model does not know it"}
        400 {"error_code":"BAD_REQUEST","message":"row 0: it has 2 values where there are 3 columns"}
        400 {"error_code":"BAD_REQUEST","message":"column plan: it has 0 values, not 1"}
        400 {"error_code":"BAD_REQUEST","message":"row 0, column age: \"old\" is not a number"}
        400 {"error_code":"BAD_REQUEST","message":"the body does not read as CSV: CSV error: record 1 (line: 2, byte: 9): found record with 1 fields, but the previous record has 2 fields"}
        400 {"error_code":"BAD_REQUEST","message":"column age: it is there twice"}
        "#);
    }

    #[tokio::test]
    async fn it_is_there() {
        for uri in ["/ping", "/health"] {
            let (status, body) = ask(router(churn(), "churn"), request("GET", uri, "", "")).await;
            assert_eq!((status, &*body), (StatusCode::OK, "\n"));
            let (status, _) = ask(router(churn(), "gone"), request("GET", uri, "", "")).await;
            assert_eq!(status, StatusCode::NOT_FOUND);
        }
        let (_, version) = ask(router(churn(), "churn"), request("GET", "/version", "", "")).await;
        assert_eq!(version, env!("CARGO_PKG_VERSION"));
    }
}
