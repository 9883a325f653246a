//! A predictor to test faces with.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use indexmap::IndexMap;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::mapping::{Found, Lookup, Lookups};
use super::{
    Cell, Column, Kind, LeftOut, Metadata, ModelVersions, Predicted, Predictor, Refusal, Refused,
    Rows, Version,
};

/// `churn`, version 3: it takes `age` and `plan`, and perhaps `region`; the
/// probability of class 1 is a hundredth of the age.
pub(super) struct Churn;

impl Predictor for Churn {
    fn models(&self) -> Vec<ModelVersions> {
        vec![ModelVersions {
            name: "churn".into(),
            versions: vec!["3".into()],
            ready: true,
            trouble: None,
        }]
    }

    fn version<'a>(
        &'a self,
        model: &'a str,
        version: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Arc<dyn Version>, Refusal>> {
        let known = model == "churn" && version.is_none_or(|version| version == "3");
        let found = match known {
            true => Ok(Arc::new(Third(third())) as Arc<dyn Version>),
            false => Err(Refusal::new(
                Refused::NotFound,
                format!("there is no model {model}"),
            )),
        };
        std::future::ready(found).boxed()
    }
}

struct Third(Metadata);

fn third() -> Metadata {
    let column = |name: &str, kind, required| Column {
        name: name.into(),
        kind,
        required,
    };
    let inputs = vec![
        column("age", Kind::Number, true),
        column("plan", Kind::Text, true),
        column("region", Kind::Text, false),
    ];
    Metadata::new("churn", "3", inputs, vec![0.into(), 1.into()]).unwrap()
}

impl Version for Third {
    fn metadata(&self) -> &Metadata {
        &self.0
    }

    fn predict(&self, rows: Rows) -> BoxFuture<'_, Result<Predicted, Refusal>> {
        std::future::ready(predicted(&rows)).boxed()
    }
}

/// Who is below 0 years old is left out.
fn predicted(rows: &Rows) -> Result<Predicted, Refusal> {
    let age = rows.columns().iter().position(|column| column == "age");
    let age = age.unwrap();
    let (mut predicted, mut unborn) = (Predicted::default(), Vec::new());
    for (index, row) in rows.iter().enumerate() {
        let share = match &row[age] {
            Cell::Number(age) if *age < 0.0 => {
                unborn.push(index);
                continue;
            }
            Cell::Number(age) => age / 100.0,
            Cell::Missing => f64::NAN,
            Cell::Text(text) => {
                let message = format!("{text:?} is not a number");
                return Err(Refusal::column("age", message).in_row(index));
            }
        };
        predicted.labels.push(Value::from(u8::from(share > 0.5)));
        predicted.probabilities.push(vec![1.0 - share, share]);
    }
    predicted.left_out = (!unborn.is_empty()).then(|| LeftOut {
        rows: unborn,
        why: "born".to_owned(),
    });
    Ok(predicted)
}

pub(super) fn churn() -> Arc<dyn Predictor> {
    Arc::new(Churn)
}

/// One customer, number 7, whatever the query is.
struct Customers;

impl Lookups for Customers {
    fn find<'a>(
        &'a self,
        _: &'a Lookup,
        values: IndexMap<String, String>,
    ) -> BoxFuture<'a, Result<Found, Refusal>> {
        let row = json!({"customer_id": 7, "age": 40, "plan": "pro", "since": "May"});
        let is_there = values.get("customer_id").is_some_and(|id| id == "7");
        let found = is_there.then(|| row.as_object().cloned()).flatten();
        std::future::ready(Ok(found.into_iter().collect())).boxed()
    }
}

pub(super) fn customers() -> Arc<dyn Lookups> {
    Arc::new(Customers)
}

/// What a face answers: the status and the body.
pub(super) async fn ask(router: Router, request: Request<Body>) -> (StatusCode, String) {
    let response = router.oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// A request with a body of this type.
pub(super) fn request(method: &str, uri: &str, media_type: &str, body: &str) -> Request<Body> {
    let request = Request::builder()
        .method(method)
        .uri(uri)
        .header("content-type", media_type);
    request.body(Body::from(body.to_owned())).unwrap()
}

pub(super) fn post(uri: &str, body: &str) -> Request<Body> {
    request("POST", uri, "application/json", body)
}
