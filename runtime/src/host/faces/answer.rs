//! [`Answer`]: what a face says, and what it is laid out from.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::once::Keep;
use crate::face::mapping::TaskFace;
use crate::function::Services;
use crate::store::artifact::ArtifactId;
use crate::store::runs::Step;

/// A longer artifact is not part of an answer.
const MOST_CONTENT: u64 = 8 << 20;

/// What came of a request: it is the answer to the same `Idempotency-Key`, too.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    location: Option<String>,
    body: Value,
}

impl Answer {
    pub(super) fn of((status, body): (StatusCode, Value)) -> Answer {
        Answer {
            status,
            location: None,
            body,
        }
    }

    /// With the address where the work can be followed.
    pub(super) fn at(self, address: String) -> Answer {
        Answer {
            location: Some(address),
            ..self
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        let location = self.location.and_then(|to| HeaderValue::from_str(&to).ok());
        if let Some(location) = location {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response.extensions_mut().insert(Keep);
        response
    }
}

/// What functions said and made, for an answer to be taken from.
pub(super) async fn outcome(
    services: &Services,
    steps: &[Step],
    made: Option<ArtifactId>,
    face: &TaskFace,
) -> Result<Map<String, Value>, Response> {
    let facts: Map<String, Value> = steps
        .iter()
        .map(|step| (step.function.clone(), Value::Object(step.facts.clone())))
        .collect();
    let artifacts: Map<String, Value> = steps
        .iter()
        .flat_map(|step| &step.artifacts)
        .map(|(name, id)| (name.clone(), id.to_string().into()))
        .collect();
    let content = match made {
        Some(id) if face.names("content") => content(services, &id).await?,
        _ => Value::Null,
    };
    Ok(Map::from_iter([
        ("facts".to_owned(), facts.into()),
        ("artifacts".to_owned(), artifacts.into()),
        ("content".to_owned(), content),
    ]))
}

/// An artifact that is a JSON document.
async fn content(services: &Services, id: &ArtifactId) -> Result<Value, Response> {
    let artifacts = services.space.artifacts();
    let artifact = artifacts
        .get(id)
        .await
        .map_err(|error| unavailable(&error))?;
    if artifact.bytes() > MOST_CONTENT {
        return Err(unavailable(&format!(
            "the artifact {id} is too long for an answer"
        )));
    }
    let bytes = artifacts
        .read(id, "")
        .await
        .map_err(|error| unavailable(&error))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| unavailable(&format!("the artifact {id} is no JSON document: {error}")))
}

pub(super) fn refused(status: StatusCode, why: impl Into<String>) -> Response {
    (status, Json(json!({"error": why.into()}))).into_response()
}

pub(super) fn unavailable(why: &dyn std::fmt::Display) -> Response {
    refused(StatusCode::SERVICE_UNAVAILABLE, why.to_string())
}
