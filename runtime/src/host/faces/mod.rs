//! Declared faces of whatever does not predict: a request is read as declared,
//! what is behind the face does what it asks, and the answer is laid out.
//!
//! One file for each thing that can be behind a face; `once` honours
//! `Idempotency-Key`.

mod answer;
mod constant;
mod declared;
mod latest;
mod lookup;
mod once;
mod queue;
mod registry;
mod run;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::RawPathParams;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::on;
use axum::{Extension, Router, middleware};
use serde_json::{Map, Value, json};

pub use declared::check_faces;
pub(super) use declared::{Checked, check};
pub(super) use lookup::Databases;
pub(super) use run::runs;

use super::guard::Guard;
use super::shadow::Shadows;
use super::traced;
use crate::face::mapping::{Task, TaskFace};
use crate::function::Services;
use crate::queue::TraceContext;
use crate::store::ledger::Ledger;
use constant::Constant;
use latest::Latest;
use lookup::Rows;
use once::{MessageId, Once};
use queue::Queue;
use registry::Models;
use run::Run;

/// Marks a copy of a request whose answer nobody gets.
pub(super) const SHADOW: &str = "x-cutline-shadow";

/// A longer body is refused.
pub(super) const MOST_BYTES: usize = 32 << 20;

/// A face, and what it needs to answer.
pub(super) struct Declared {
    pub(super) face: TaskFace,
    pub(super) behind: Behind,
    pub(super) services: Services,
    pub(super) databases: Databases,
    /// Where copies of requests are worked on, if anywhere.
    pub(super) shadows: Option<Arc<Shadows>>,
    /// Who may change something; without, everybody may.
    pub(super) guard: Option<Guard>,
}

/// What is behind a face.
pub(super) enum Behind {
    Constant(Constant),
    Latest(Latest),
    Lookup(Rows),
    Queue(Queue),
    Registry(Models),
    Run(Run),
}

/// A request, read.
struct Asked {
    task: Task,
    /// Of the message that it sends.
    id: String,
    traceparent: TraceContext,
    is_copy: bool,
}

impl Declared {
    pub(super) fn route(self, router: Router) -> Router {
        let (path, method) = (self.face.path().to_owned(), self.face.method());
        let declared = Arc::new(self);
        let handler = async move |id: Option<Extension<MessageId>>,
                                  params: RawPathParams,
                                  uri: Uri,
                                  headers: HeaderMap,
                                  body: Bytes|
                    -> Response {
            let guard = declared.guard.as_ref();
            let asks = declared.behind.changes() || declared.face.asks_token();
            let guard = guard.filter(|_| asks);
            let refusal = guard.and_then(|guard| guard.refuses(&declared.face, &headers));
            if let Some(refusal) = refusal {
                return refusal;
            }
            let now = declared.services.space.clock().now().to_string();
            let read = declared
                .face
                .read(&params, uri.query(), &headers, &body, &now);
            let task = match read {
                Ok(task) => task,
                Err(refusal) => {
                    let (status, why) = (refusal.refused.status(), refusal.to_string());
                    return declared.face.refused(status, &why);
                }
            };
            declared.answer(Asked::new(task, id, &headers)).await
        };
        router.route(&path, on(method, handler))
    }

    async fn answer(&self, asked: Asked) -> Response {
        let answer = match &self.behind {
            Behind::Constant(constant) => Ok(constant.answer(self, asked)),
            Behind::Latest(latest) => latest.answer(self, asked).await,
            Behind::Lookup(rows) => rows.answer(self, asked).await,
            Behind::Queue(queue) => queue.answer(self, asked).await,
            Behind::Registry(models) => models.answer(self, asked).await,
            Behind::Run(run) => run.answer(self, asked).await,
        };
        answer.map_or_else(|refusal| refusal, IntoResponse::into_response)
    }
}

impl Behind {
    fn changes(&self) -> bool {
        match self {
            Behind::Queue(_) => true,
            Behind::Registry(models) => models.changes(),
            Behind::Constant(_) | Behind::Latest(_) | Behind::Lookup(_) | Behind::Run(_) => false,
        }
    }
}

impl Asked {
    fn new(task: Task, id: Option<Extension<MessageId>>, headers: &HeaderMap) -> Asked {
        Asked {
            task,
            id: id.map_or_else(random_id, |Extension(MessageId(id))| id),
            traceparent: traced::sent(headers).unwrap_or_else(TraceContext::random),
            is_copy: headers.contains_key(SHADOW),
        }
    }

    /// What was asked, for an answer to repeat.
    fn told(self, document: &mut Map<String, Value>) {
        // What happened once can stand in a list.
        document.insert("count".to_owned(), json!(1));
        document.insert("values".to_owned(), json!(self.task.values));
        document.insert("request".to_owned(), self.task.request);
    }
}

/// With an `Idempotency-Key` honoured: at all of these routes, or, with
/// `safe_too` false, at those whose method changes something.
pub(super) fn once_each(
    router: Router,
    ledger: Ledger,
    guard: Option<Guard>,
    safe_too: bool,
) -> Router {
    let once = Once {
        ledger,
        guard,
        safe_too,
    };
    router.layer(middleware::from_fn_with_state(once, once::once))
}

fn random_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}

#[cfg(test)]
mod tests;
