//! A pipeline behind the host of Azure Functions, as its custom handler.
//!
//! ```text
//! GET  /              it is ready
//! POST /FUNCTION      an invocation by queue, blob, Event Hubs or timer
//! POST /NAME          a request to the face of that name, which the host has unwrapped
//! anything else       a request to a face, forwarded as it is
//! ```
//!
//! The host holds a queue's message. 200 lets it go, with what it is to send;
//! 500 makes the host give it again, five times in all, and then put it into the
//! poison queue. What would fail again, or fails for the last time, is put there
//! from here, with its error inside. What time or a batch of events starts comes
//! only once: there the first failure is the last.

mod arrived;
mod held;
mod payload;
mod ready;
pub(crate) mod wrapped;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::middleware::{self, Next as Rest};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderName, Method, StatusCode};
use serde_json::Value;

pub use self::ready::Early;

use self::arrived::Arrived;
use self::held::{HeldQueues, Noted};
use self::payload::{Answer, Payload, Trigger};
use self::wrapped::Named;
use super::Settings;
use super::answering::{Answering, Listening};
use super::faces::MOST_BYTES;
use super::local::Local;
use super::traced;
use super::work::{Left, work};
use crate::function::{Services, Stop, whole};
use crate::pipeline::{self, Function, Problem};
use crate::queue::retry::Next;
use crate::queue::{Delivery, Message, QueueName, Queues, TraceContext};

/// The host names each invocation.
const INVOCATION: HeaderName = HeaderName::from_static("x-azure-functions-invocationid");

/// The output binding by which messages go on.
pub(crate) const NEXT: &str = "next";

/// The output binding of a request's answer.
pub(crate) const RESPONSE: &str = "res";

impl Local {
    /// With its faces and its functions at `listener`, where the host of Azure
    /// Functions invokes them: nothing is received from queues here. Called on a
    /// tokio runtime.
    ///
    /// # Errors
    /// When a face is not as it should be.
    pub fn handling(self, listener: impl Into<Listening>) -> Result<Answering, Problem> {
        let mut http = self.invoked()?;
        let functions = self.functions.iter();
        let functions = functions.map(|function| (function.name.clone(), Arc::clone(function)));
        let stop = Stop::default();
        let handler = Arc::new(Handler {
            functions: functions.collect(),
            named: Named::of(&self.faces)?,
            faces: http.router.clone(),
            incoming: self.incoming.clone(),
            services: self.services.clone(),
            settings: self.settings.clone(),
            stop: stop.clone(),
        });
        let handled = middleware::from_fn_with_state(handler, handled);
        // Around the routes, so that those that are none are handled, too.
        http.router = Router::new().fallback_service(http.router).layer(handled);
        Ok(Answering {
            http,
            local: self,
            listener: listener.into(),
            invoked: Some(stop),
        })
    }
}

struct Handler {
    functions: BTreeMap<String, Arc<Function>>,
    /// The faces, as the app calls them.
    named: Named,
    faces: Router,
    /// The container of what comes in.
    incoming: Option<String>,
    services: Services,
    settings: Settings,
    stop: Stop,
}

/// One invocation of a function.
struct Invocation<'h> {
    handler: &'h Handler,
    function: &'h Arc<Function>,
    /// How the host names it.
    id: String,
    /// The trace that the host has it in, where it says so.
    trace: Option<TraceContext>,
}

async fn handled(State(handler): State<Arc<Handler>>, request: Request, rest: Rest) -> Response {
    if request.uri().path() == "/" {
        // The host takes any answer for a sign of life.
        return StatusCode::OK.into_response();
    }
    let id = request.headers().get(&INVOCATION);
    let id = id.filter(|_| request.method() == Method::POST);
    let Some(id) = id.and_then(|id| id.to_str().ok()).map(str::to_owned) else {
        return rest.run(request).await;
    };
    let trace = traced::sent(request.headers());
    let name = request.uri().path().trim_start_matches('/').to_owned();
    let (function, face) = (handler.functions.get(&name), handler.named.get(&name));
    if function.is_none() && face.is_none() {
        // A request to a face that the host forwards.
        return rest.run(request).await;
    }
    let Ok(body) = to_bytes(request.into_body(), MOST_BYTES).await else {
        let why = "the invocation is too long: let a queue's message name the blob";
        return answered(StatusCode::PAYLOAD_TOO_LARGE, why);
    };
    let payload = match serde_json::from_slice::<Payload>(&body) {
        Ok(payload) => payload,
        Err(error) => return failed(&format!("{name}: it is no invocation: {error}")),
    };
    match (function, face, payload.trigger()) {
        (_, Some(face), Trigger::Request(asked)) => {
            face.answer(&handler.faces, &asked, trace).await
        }
        (Some(function), _, trigger) => {
            let handler = &handler;
            let invocation = Invocation {
                handler,
                function,
                id,
                trace,
            };
            invocation.answer(trigger, payload.dequeue_count()).await
        }
        _ => failed(&format!("{name} answers requests, and this is none")),
    }
}

impl Invocation<'_> {
    async fn answer(&self, trigger: Trigger, dequeue_count: Option<u32>) -> Response {
        let name = &self.function.name;
        let last = self.handler.settings.retry.tries;
        let done = match trigger {
            Trigger::Message(body) => self.held(body, dequeue_count.unwrap_or(last)).await,
            Trigger::Batch(bodies) => self.batch(bodies).await,
            Trigger::Timer => {
                let now = self.handler.services.space.clock().now();
                let message = Message::new(format!("{name}-{}", now.millis()));
                self.message(&message, last).await
            }
            Trigger::Blob(blob) => {
                let incoming = self.handler.incoming.as_deref();
                match arrived::by_trigger(self.function, incoming, &blob, &self.id) {
                    Arrived::Asks(message) => self.message(&message, 1).await,
                    Arrived::Elsewhere => Ok(Noted::done()),
                    Arrived::Unknown(why) => return failed(&why),
                }
            }
            Trigger::Request(_) => return failed(&format!("{name} answers no requests")),
        };
        match done {
            Ok(noted) if noted.is_done => {
                let mut answer = Answer::default();
                // As objects: a text that happens to be base64 would be decoded.
                let messages = noted.sent.iter();
                let messages: Vec<Value> = messages
                    .filter_map(|body| serde_json::from_slice(body).ok())
                    .collect();
                if !messages.is_empty() {
                    answer.outputs.insert(NEXT, messages.into());
                }
                answer.say(&format!("{name}: done"));
                axum::Json(answer).into_response()
            }
            Ok(_) => failed(&format!("{name} failed, and is tried again")),
            Err(error) => failed(&whole(&error)),
        }
    }

    async fn message(&self, message: &Message, dequeue_count: u32) -> Result<Noted, Left> {
        self.held(message.to_body()?, dequeue_count).await
    }

    /// A message, of which the host sends what follows.
    async fn held(&self, body: Bytes, dequeue_count: u32) -> Result<Noted, Left> {
        let output = self.function.output.queue.as_deref().map(str::parse);
        self.one(body, dequeue_count, output.transpose()?).await
    }

    /// Events, of which each is done or poison: none comes again. What follows
    /// is sent from here, since an error in one would make the host send nothing.
    async fn batch(&self, bodies: Vec<Bytes>) -> Result<Noted, Left> {
        for body in bodies {
            let last = self.handler.settings.retry.tries;
            if let Err(error) = self.one(body.clone(), last, None).await {
                let (error, function) = (whole(&error), &self.function.name);
                tracing::error!(function, error, "an event is put into the poison queue");
                self.poison(body).await?;
            }
        }
        Ok(Noted::done())
    }

    async fn one(
        &self,
        body: Bytes,
        dequeue_count: u32,
        output: Option<QueueName>,
    ) -> Result<Noted, Left> {
        let (function, services) = (self.function, &self.handler.services);
        let mut message = match Message::from_body(&body) {
            Ok(message) => message,
            Err(error) => {
                let incoming = self.handler.incoming.as_deref();
                let why = match arrived::by_event(function, incoming, &body) {
                    Some(Arrived::Asks(message)) => Ok(*message),
                    Some(Arrived::Elsewhere) => return Ok(Noted::done()),
                    Some(Arrived::Unknown(why)) => Err(why),
                    None => Err(whole(&error)),
                };
                match why {
                    Ok(message) => message,
                    Err(why) => {
                        // It would be none of ours the next time, too.
                        let function = &function.name;
                        tracing::warn!(function, why, "a message is put into the poison queue");
                        self.poison(body).await?;
                        return Ok(Noted::done());
                    }
                }
            }
        };
        // What nobody's trace began is of the host's.
        let begun = self.trace.and_then(traced::undecided);
        message.traceparent = message.traceparent.or(begun);
        let queue = self.queue()?;
        let unread = matches!(function.trigger, pipeline::Trigger::Every(_));
        let unread = unread.then(|| queue.clone());
        let queues = HeldQueues::new(Arc::clone(services.space.queues()), output, unread);
        let noted = queues.noted();
        let services = Services {
            space: services.space.with_queues(Arc::new(queues)),
            ..services.clone()
        };
        let next = Next {
            queue,
            delivery: Delivery {
                receipt: held::receipt(),
                body,
                dequeue_count,
                inserted: services.space.clock().now(),
            },
            message,
        };
        let handler = self.handler;
        work(&services, &handler.settings, function, next, &handler.stop).await?;
        let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut noted))
    }

    fn queue(&self) -> Result<QueueName, Left> {
        Ok(self.function.queue().unwrap_or_default().parse()?)
    }

    async fn poison(&self, body: Bytes) -> Result<(), Left> {
        let queues: &Arc<dyn Queues> = self.handler.services.space.queues();
        let poison = queues.open(&self.queue()?.poison());
        Ok(poison.send(body, Duration::ZERO).await?)
    }
}

/// The host writes no output, and gives a queue's message again.
fn failed(why: &str) -> Response {
    answered(StatusCode::INTERNAL_SERVER_ERROR, why)
}

fn answered(status: StatusCode, why: &str) -> Response {
    tracing::warn!(why, "an invocation failed");
    let mut answer = Answer::default();
    answer.say(why);
    (status, axum::Json(answer)).into_response()
}
