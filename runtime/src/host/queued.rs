//! Faces of functions that a queue or a time triggers.
//!
//! A request puts a message into the queue, and is answered with where its work
//! can be followed (`/functions/runs/ID`), or waits for what it makes. A request
//! with an `Idempotency-Key` has its effect once, however often it is sent: the
//! ledger keeps its answer for a day, and the message's id follows from the key.
//! Of a function that runs every so often, the last outcome is the answer.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, RawPathParams};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, on};
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use super::shadow::Shadows;
use super::traced;
use crate::face::mapping::{Task, TaskFace};
use crate::function::Services;
use crate::pipeline::Function;
use crate::queue::{Message, QueueName, TraceContext};
use crate::store::artifact::ArtifactId;
use crate::store::ledger::{Begun, Entry};
use crate::store::runs::{RunState, Step};

/// Marks a copy of a request whose answer nobody gets.
pub(super) const SHADOW: &str = "x-cutline-shadow";

/// IETF draft draft-ietf-httpapi-idempotency-key-header.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// For how long it is kept how a run went.
const KEEP_RUNS: Duration = Duration::from_secs(7 * 24 * 3600);

/// For how long an answer is kept for the same `Idempotency-Key`.
const KEEP_ANSWERS: Duration = Duration::from_secs(24 * 3600);

/// For how long an `Idempotency-Key` is ours beside what is waited for.
const LEASE: Duration = Duration::from_secs(60);

/// A longer artifact is not part of an answer.
const MOST_CONTENT: u64 = 8 << 20;

/// Where runs can be followed.
pub(super) fn runs(services: Services, shadows: Option<Arc<Shadows>>) -> Router {
    let handler = async move |Path(id): Path<String>| -> Response {
        let shadow = shadows.as_ref().and_then(|shadows| shadows.space(&id));
        let space = shadow.as_ref().unwrap_or(&services.space);
        match space.runs().get(&id).await {
            Ok(Some(run)) => Json(run).into_response(),
            Ok(None) => refused(StatusCode::NOT_FOUND, format!("there is no run {id}")),
            Err(error) => unavailable(&error),
        }
    };
    Router::new().route("/functions/runs/{id}", get(handler))
}

/// A face of a function that a queue triggers.
pub(super) struct QueueFace {
    pub(super) face: TaskFace,
    pub(super) function: Arc<Function>,
    pub(super) queue: QueueName,
    pub(super) services: Services,
    pub(super) shadows: Option<Arc<Shadows>>,
}

impl QueueFace {
    pub(super) fn route(self, router: Router) -> Router {
        let (path, method) = (self.face.path().to_owned(), self.face.method());
        let face = Arc::new(self);
        let handler = async move |method: Method,
                                  params: RawPathParams,
                                  uri: Uri,
                                  headers: HeaderMap,
                                  body: Bytes|
                    -> Response {
            let read = face.face.read(&params, uri.query(), &headers, &body);
            let task = match read {
                Ok(task) => task,
                Err(refusal) => {
                    let status = refusal.refused.status();
                    let why = refusal.to_string();
                    let (status, body) = face.face.refused(status, &why, &Value::Null);
                    return (status, Json(body)).into_response();
                }
            };
            let asks = [
                method.as_str().as_bytes(),
                uri.to_string().as_bytes(),
                &body,
            ]
            .join(&b'\n');
            // What was begun is ended, though its client is gone.
            let face = Arc::clone(&face);
            let answering = tokio::spawn(async move { face.answer(task, &headers, &asks).await });
            match answering.await {
                Ok(response) => response,
                Err(_) => refused(StatusCode::INTERNAL_SERVER_ERROR, "the answer broke off"),
            }
        };
        router.route(&path, on(method, handler))
    }

    async fn answer(&self, task: Task, headers: &HeaderMap, asks: &[u8]) -> Response {
        if headers.contains_key(SHADOW) {
            return self.in_shadow(task, headers).await;
        }
        let answer = match headers.get(IDEMPOTENCY_KEY) {
            None => self.begin(&self.services, random_id(), task, headers).await,
            Some(key) => match key_of(key) {
                Some(key) => self.once(key, task, headers, asks).await,
                None => Err(refused(
                    StatusCode::BAD_REQUEST,
                    "the Idempotency-Key is 1 to 255 visible ASCII characters",
                )),
            },
        };
        answer.map_or_else(|response| response, Answer::into_response)
    }

    /// The same key and the same request have one effect and one answer.
    async fn once(
        &self,
        key: &str,
        task: Task,
        headers: &HeaderMap,
        asks: &[u8],
    ) -> Result<Answer, Response> {
        let ledger = self.services.space.ledger();
        let entry = Entry::answer(&self.function.name, key, asks, KEEP_ANSWERS);
        let id = id_of(entry.key());
        let holder = format!("{}/{id}", std::process::id());
        let waits = self
            .face
            .wait
            .as_ref()
            .map_or(Duration::ZERO, |wait| wait.limit);
        let begun = ledger.begin(&entry, &holder, LEASE + waits).await;
        match begun.map_err(|error| unavailable(&error))? {
            Begun::Done(kept) => serde_json::from_value(kept).map_err(|error| unavailable(&error)),
            Begun::Different => Err(refused(
                StatusCode::UNPROCESSABLE_ENTITY,
                "another request was sent with this Idempotency-Key: take a new key",
            )),
            Begun::Busy { .. } => {
                let why = "the first request with this Idempotency-Key is still being answered";
                let mut busy = refused(StatusCode::CONFLICT, why);
                let second = HeaderValue::from_static("1");
                busy.headers_mut().insert(header::RETRY_AFTER, second);
                Err(busy)
            }
            Begun::Mine(claim) => match self.begin(&self.services, id, task, headers).await {
                Ok(answer) => {
                    let kept = ledger.complete(claim, json!(answer)).await;
                    kept.map_err(|error| unavailable(&error))?;
                    Ok(answer)
                }
                Err(response) => {
                    // Should this fail, the key is free once its lease is over.
                    let _ = ledger.give_up(claim).await;
                    Err(response)
                }
            },
        }
    }

    /// A copy is worked on and answered in full, where nobody sees it.
    async fn in_shadow(&self, task: Task, headers: &HeaderMap) -> Response {
        let Some(shadows) = &self.shadows else {
            let body = json!({"id": random_id(), "shadow": true});
            return (StatusCode::ACCEPTED, Json(body)).into_response();
        };
        let id = random_id();
        let Some(shadow) = shadows.begin(&id) else {
            let why = "too many copies are being worked on";
            return refused(StatusCode::SERVICE_UNAVAILABLE, why);
        };
        let services = shadow.services().clone();
        match self.send(&services, &id, &task, headers).await {
            Ok(()) => {
                shadow.drive();
                let answer = self.outcome(&services, &id, task).await;
                answer.map_or_else(|response| response, Answer::into_response)
            }
            Err(response) => response,
        }
    }

    async fn begin(
        &self,
        services: &Services,
        id: String,
        task: Task,
        headers: &HeaderMap,
    ) -> Result<Answer, Response> {
        self.send(services, &id, &task, headers).await?;
        self.outcome(services, &id, task).await
    }

    async fn send(
        &self,
        services: &Services,
        id: &str,
        task: &Task,
        headers: &HeaderMap,
    ) -> Result<(), Response> {
        let mut message = Message::new(id);
        message.values = task.values.clone();
        message.traceparent = Some(traced::sent(headers).unwrap_or_else(TraceContext::random));
        let body = message.to_body();
        let body =
            body.map_err(|error| refused(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()))?;
        let begun = services.space.runs().begin(id, KEEP_RUNS).await;
        begun.map_err(|error| unavailable(&error))?;
        let queue = services.space.queues().open(&self.queue);
        let sent = queue.send(body, Duration::ZERO).await;
        sent.map_err(|error| unavailable(&error))
    }

    /// What is waited for, or where it can be followed.
    async fn outcome(&self, services: &Services, id: &str, task: Task) -> Result<Answer, Response> {
        let address = format!("/functions/runs/{id}");
        let told = |state| json!({"id": id, "state": state, "status": address});
        let later = || Answer {
            status: StatusCode::ACCEPTED.as_u16(),
            location: Some(address.clone()),
            body: json!({"id": id, "queue": self.queue.to_string(), "status": address}),
        };
        let Some(wait) = &self.face.wait else {
            if !self.face.is_mapped() {
                return Ok(later());
            }
            let run = told(RunState::Queued);
            let document = json!({"run": run, "values": task.values, "request": task.request});
            return Ok(Answer::of(
                self.face.answer(&document),
                Some(address.clone()),
            ));
        };
        let runs = services.space.runs();
        let made = runs.wait(id, |run| run.artifact(&wait.artifact).is_some());
        let run = match tokio::time::timeout(wait.limit, made).await {
            Err(_) => return Ok(later()),
            Ok(found) => found.map_err(|error| unavailable(&error))?,
        };
        let run = run.ok_or_else(|| unavailable(&"the record of the run is gone"))?;
        let state = told(run.state);
        if let Some(error) = run.error() {
            let failed = StatusCode::INTERNAL_SERVER_ERROR;
            let answer = self.face.refused(failed, error, &state);
            return Ok(Answer::of(answer, Some(address)));
        }
        let made = run.artifact(&wait.artifact);
        let mut document = outcome(services, &run.steps, made, &self.face).await?;
        document.insert("run".to_owned(), state);
        document.insert("values".to_owned(), json!(task.values));
        document.insert("request".to_owned(), task.request);
        Ok(Answer::of(
            self.face.answer(&document.into()),
            Some(address),
        ))
    }
}

/// A face of a function that runs every so often: its last outcome.
pub(super) struct LatestFace {
    pub(super) face: TaskFace,
    pub(super) function: Arc<Function>,
    pub(super) services: Services,
}

impl LatestFace {
    pub(super) fn route(self, router: Router) -> Router {
        let (path, method) = (self.face.path().to_owned(), self.face.method());
        let face = Arc::new(self);
        let handler = async move |params: RawPathParams,
                                  uri: Uri,
                                  headers: HeaderMap,
                                  body: Bytes|
                    -> Response {
            let read = face.face.read(&params, uri.query(), &headers, &body);
            let answer = match read {
                Ok(task) => face.answer(task).await,
                Err(refusal) => {
                    let status = refusal.refused.status();
                    let why = refusal.to_string();
                    Ok(face.face.refused(status, &why, &Value::Null))
                }
            };
            match answer {
                Ok((status, body)) => (status, Json(body)).into_response(),
                Err(response) => response,
            }
        };
        router.route(&path, on(method, handler))
    }

    async fn answer(&self, task: Task) -> Result<(StatusCode, Value), Response> {
        let latest = self.services.space.runs().latest(&self.function.name).await;
        let latest = latest.map_err(|error| unavailable(&error))?;
        let Some(step) = latest else {
            let why = format!("{} has not run yet", self.function.name);
            let status = StatusCode::SERVICE_UNAVAILABLE;
            return Ok(self.face.refused(status, &why, &Value::Null));
        };
        // What a stage that makes one artifact makes.
        let main = self.function.output.artifacts.get("");
        let made = main.and_then(|main| step.artifacts.get(main).copied());
        let run = json!({"function": step.function, "at": step.at});
        let mut document = outcome(&self.services, &[step], made, &self.face).await?;
        document.insert("run".to_owned(), run);
        document.insert("values".to_owned(), json!(task.values));
        document.insert("request".to_owned(), task.request);
        Ok(self.face.answer(&document.into()))
    }
}

/// What functions said and made, for an answer to be taken from.
async fn outcome(
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
        Some(id) if face.names_content() => content(services, &id).await?,
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

/// An answer, as the ledger keeps it.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Answer {
    status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    body: Value,
}

impl Answer {
    fn of((status, body): (StatusCode, Value), location: Option<String>) -> Answer {
        Answer {
            status: status.as_u16(),
            location,
            body,
        }
    }

    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let mut response = (status, Json(self.body)).into_response();
        let location = self.location.and_then(|to| HeaderValue::from_str(&to).ok());
        if let Some(location) = location {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

fn key_of(header: &HeaderValue) -> Option<&str> {
    let key = header.to_str().ok()?.trim();
    let visible = key.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    ((1..=255).contains(&key.len()) && visible).then_some(key)
}

fn random_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// The same for the same key of the ledger: what is sent twice is one message.
fn id_of(key: &str) -> String {
    ArtifactId::of(key.as_bytes())
        .to_string()
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(32)
        .collect()
}

fn refused(status: StatusCode, why: impl Into<String>) -> Response {
    (status, Json(json!({"error": why.into()}))).into_response()
}

fn unavailable(why: &dyn std::fmt::Display) -> Response {
    refused(StatusCode::SERVICE_UNAVAILABLE, why.to_string())
}

#[cfg(test)]
mod tests;
