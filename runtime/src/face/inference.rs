//! The Open Inference Protocol, version 2, over REST (KServe's
//! `open-inference-protocol`, `specification/protocol/inference_rest.md`).
//!
//! A request gives each column as a tensor `[n]` or `[n, 1]`, or all columns in
//! the model's order as one tensor `[n, d]`. Outputs are named as MLServer's
//! scikit-learn runtime names them: `predict`, and when they are asked for
//! `predict_proba` and `decision_function`.

mod answer;
mod tensor;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::{Map, Value, json};

use super::json::{read, response};
use super::predictor::{Kind, Metadata, ModelVersions, Predictor, Refusal, Refused};

type Shared = Arc<dyn Predictor>;

/// The routes of the protocol, below `/v2`.
pub fn router(predictor: Shared) -> Router {
    let routes = Router::new()
        .route("/v2", get(server))
        .route("/v2/health/live", get(live))
        .route("/v2/health/ready", get(ready))
        .route("/v2/models/{model}", get(model))
        .route("/v2/models/{model}/ready", get(model_ready))
        .route("/v2/models/{model}/infer", post(infer))
        .route("/v2/models/{model}/versions/{version}", get(model))
        .route(
            "/v2/models/{model}/versions/{version}/ready",
            get(model_ready),
        )
        .route("/v2/models/{model}/versions/{version}/infer", post(infer));
    routes.with_state(predictor)
}

/// What is asked for, by the path.
#[derive(serde::Deserialize)]
struct Named {
    model: String,
    version: Option<String>,
}

async fn server() -> Response {
    let server = json!({"name": "cutline", "version": env!("CARGO_PKG_VERSION"), "extensions": []});
    response(StatusCode::OK, &server)
}

async fn live() -> Response {
    response(StatusCode::OK, &json!({"live": true}))
}

async fn ready(State(predictor): State<Shared>) -> Response {
    let models = predictor.models();
    let ready = models.iter().all(|model| model.ready);
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let mut body = json!({"ready": ready});
    let trouble = models
        .into_iter()
        .filter_map(|model| Some((model.name, model.trouble?.into())));
    let trouble: Map<String, Value> = trouble.collect();
    if !trouble.is_empty() {
        body["trouble"] = trouble.into();
    }
    response(status, &body)
}

async fn model(State(predictor): State<Shared>, Path(named): Path<Named>) -> Response {
    let version = predictor.version(&named.model, named.version.as_deref());
    said(
        version
            .await
            .map(|version| described(version.metadata(), &*predictor)),
    )
}

async fn model_ready(State(predictor): State<Shared>, Path(named): Path<Named>) -> Response {
    let version = predictor.version(&named.model, named.version.as_deref());
    said(version.await.map(|version| {
        let metadata = version.metadata();
        let mut body = json!({"name": metadata.name, "ready": true});
        let own = of(&*predictor, metadata);
        if let Some(trouble) = own.and_then(|model| model.trouble) {
            body["version"] = json!(metadata.version);
            body["trouble"] = json!(trouble);
        }
        body
    }))
}

async fn infer(State(predictor): State<Shared>, Path(named): Path<Named>, body: Bytes) -> Response {
    said(inferred(&*predictor, &named, &body).await)
}

async fn inferred(predictor: &dyn Predictor, named: &Named, body: &[u8]) -> Result<Value, Refusal> {
    let version = predictor.version(&named.model, named.version.as_deref());
    let version = version.await?;
    let metadata = version.metadata();
    let request = tensor::request(&read(body)?, metadata)?;
    let n_rows = request.rows.n_rows();
    let outputs = answer::outputs(&request.outputs)?;
    let predicted = version.predict(request.rows).await?.whole(n_rows)?;
    answer::answer(metadata, &predicted, n_rows, &outputs, request.id)
}

fn said(said: Result<Value, Refusal>) -> Response {
    match said {
        Ok(body) => response(StatusCode::OK, &body),
        Err(refusal) => response(
            refusal.refused.status(),
            &json!({"error": refusal.to_string()}),
        ),
    }
}

fn of(predictor: &dyn Predictor, metadata: &Metadata) -> Option<ModelVersions> {
    let mut models = predictor.models().into_iter();
    models.find(|model| model.name == metadata.name)
}

fn described(metadata: &Metadata, predictor: &dyn Predictor) -> Value {
    let versions = of(predictor, metadata).map_or_else(Vec::new, |model| model.versions);
    let input = |(name, kind): (&String, Kind)| {
        let datatype = match kind {
            Kind::Number => "FP64",
            Kind::Text => "BYTES",
        };
        json!({"name": name, "datatype": datatype, "shape": [-1, 1]})
    };
    let inputs = metadata
        .inputs
        .iter()
        .map(|column| (&column.name, column.kind))
        .map(input);
    json!({
        "name": metadata.name,
        "versions": versions,
        "platform": "cutline",
        "inputs": inputs.collect::<Vec<_>>(),
        "outputs": answer::described(metadata),
    })
}

fn bad(message: impl Into<String>) -> Refusal {
    Refusal::new(Refused::BadRequest, message)
}

#[cfg(test)]
mod tests;
