//! [`Queue`]: a request puts a message into a function's queue, and is answered
//! with where its work can be followed, or waits for what it makes.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use serde_json::{Value, json};

use super::answer::{Answer, outcome, refused, unavailable};
use super::{Asked, Declared, run};
use crate::face::mapping::{HttpWritten, MappingError};
use crate::function::Services;
use crate::pipeline::{Function, Input};
use crate::queue::{Message, NoQueueName, QueueName};
use crate::spans::{self, Span};
use crate::store::runs::{Run, RunState};

/// For how long it is kept how a run went.
const KEEP_RUNS: Duration = Duration::from_secs(7 * 24 * 3600);

/// The queue.
pub(in crate::host) struct Queue {
    name: QueueName,
    function: String,
    /// Whether its function works on artifacts that others make: those that it
    /// was told of last.
    takes_up: bool,
    /// After which function nothing follows.
    until: Option<String>,
}

impl Queue {
    /// # Errors
    /// When the function has no queue of a right name.
    pub(super) fn of(function: &Function, written: &HttpWritten) -> Result<Queue, MappingError> {
        let name = function.queue().unwrap_or_default().parse();
        let mut inputs = function.inputs.values();
        Ok(Queue {
            name: name.map_err(|error: NoQueueName| {
                MappingError::key(&written.route, "function", error.to_string())
            })?,
            function: function.name.clone(),
            until: written.until.clone(),
            takes_up: inputs.any(|input| matches!(input, Input::Artifact(_))),
        })
    }

    pub(super) async fn answer(&self, to: &Declared, asked: Asked) -> Result<Answer, Response> {
        match asked.is_copy {
            true => self.in_shadow(to, asked).await,
            false => {
                self.send(to, &to.services, &asked).await?;
                self.outcome(to, &to.services, asked).await
            }
        }
    }

    /// A copy is worked on and answered in full, where nobody sees it.
    async fn in_shadow(&self, to: &Declared, asked: Asked) -> Result<Answer, Response> {
        let Some(shadows) = &to.shadows else {
            let body = json!({"id": asked.id, "shadow": true});
            return Ok(Answer::of((StatusCode::ACCEPTED, body)));
        };
        let Some(shadow) = shadows.begin(&asked.id) else {
            let why = "too many copies are being worked on";
            return Err(refused(StatusCode::SERVICE_UNAVAILABLE, why));
        };
        let services = shadow.services().clone();
        self.send(to, &services, &asked).await?;
        shadow.drive();
        self.outcome(to, &services, asked).await
    }

    async fn send(
        &self,
        to: &Declared,
        services: &Services,
        asked: &Asked,
    ) -> Result<(), Response> {
        let mut message = Message::new(asked.id.clone());
        if self.takes_up {
            let told = services.space.runs().told(self.name.as_str()).await;
            let Some(told) = told.map_err(|error| unavailable(&error))? else {
                let why = format!(
                    "nothing was put into the queue {} yet: what comes before has not run",
                    self.name
                );
                return Err(to.face.refused(StatusCode::CONFLICT, &why));
            };
            (message.artifacts, message.values) = (told.artifacts, told.values);
        }
        message.values.extend(asked.task.values.clone());
        message.until = self.until.clone();
        if let Some(upload) = &asked.task.upload {
            // The same content has the same path, so that a repeat changes
            // nothing.
            let (path, content) = (Path::from(upload.path.as_str()), upload.content.clone());
            let kept = services.blobs.put(&path, content.into()).await;
            kept.map_err(|error| unavailable(&error))?;
        }
        let sending = spans::send(&self.name);
        let parent = sending.as_ref().map(Span::context);
        message.traceparent = Some(parent.unwrap_or(asked.traceparent));
        let body = message.to_body();
        let body =
            body.map_err(|error| refused(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()))?;
        let runs = services.space.runs();
        let begun = runs.begin(&asked.id, KEEP_RUNS).await;
        begun.map_err(|error| unavailable(&error))?;
        let last = runs.set_last(&self.function, &asked.id).await;
        last.map_err(|error| unavailable(&error))?;
        let queue = services.space.queues().open(&self.name);
        let sent = queue.send(body, Duration::ZERO).await;
        sent.map_err(|error| unavailable(&error))
    }

    /// What is waited for, or where it can be followed.
    async fn outcome(
        &self,
        to: &Declared,
        services: &Services,
        asked: Asked,
    ) -> Result<Answer, Response> {
        let (face, id) = (&to.face, asked.id.clone());
        let address = run::address(&id);
        let told = |state| json!({"id": id, "state": state, "status": address});
        let later = || {
            let body = json!({"id": id, "queue": self.name.to_string(), "status": address});
            Answer::of((StatusCode::ACCEPTED, body)).at(address.clone())
        };
        let Some(wait) = &face.wait else {
            if !face.is_mapped() {
                return Ok(later());
            }
            let mut document = [("run".to_owned(), told(RunState::Queued))]
                .into_iter()
                .collect();
            asked.told(&mut document);
            return Ok(Answer::of(face.answer(&document.into())).at(address));
        };
        let made = |run: &Run| run.artifact(wait.artifact.as_deref()?);
        let runs = services.space.runs();
        let waits = runs.wait(&id, |run| made(run).is_some());
        let run = match tokio::time::timeout(wait.limit, waits).await {
            Err(_) => return Ok(later()),
            Ok(found) => found.map_err(|error| unavailable(&error))?,
        };
        let run = run.ok_or_else(|| unavailable(&"the record of the run is gone"))?;
        let state: Value = told(run.state);
        if let Some(error) = run.error() {
            let failed = StatusCode::INTERNAL_SERVER_ERROR;
            return Ok(Answer::of(face.failed(failed, error, &state)).at(address));
        }
        let mut document = outcome(services, &run.steps, made(&run), face).await?;
        document.insert("run".to_owned(), state);
        asked.told(&mut document);
        Ok(Answer::of(face.answer(&document.into())).at(address))
    }
}
