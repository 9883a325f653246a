//! What MLflow's scoring server speaks (`mlflow.pyfunc.scoring_server`):
//! `/invocations`, `/ping`, `/health` and `/version`.
//!
//! `/invocations` takes JSON with one of `dataframe_split`, `dataframe_records`,
//! `instances` and `inputs`, or CSV with a line of names.

mod forms;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::json::{media_type, read, response};
use super::predictor::{Predictor, Refusal, Refused};

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
    match served.predictor.version(&served.model, None).await {
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
    let version = served.predictor.version(&served.model, None).await?;
    let metadata = version.metadata();
    let rows = match &*media_type(headers) {
        "application/json" => forms::of_json(&read(body)?, metadata)?,
        "text/csv" => forms::of_csv(body, metadata)?,
        other => {
            let message =
                format!("the content type is {other:?}; it is application/json or text/csv");
            return Err(bad(message));
        }
    };
    metadata.check(rows.columns())?;
    let n_rows = rows.n_rows();
    Ok(version.predict(rows).await?.whole(n_rows)?.labels)
}

fn bad(message: impl Into<String>) -> Refusal {
    Refusal::new(Refused::BadRequest, message)
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
