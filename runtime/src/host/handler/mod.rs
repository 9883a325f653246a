//! A pipeline behind the host of Azure Functions, as its custom handler.
//!
//! ```text
//! GET  /              it is ready
//! POST /FUNCTION      an invocation by queue, blob, Event Hubs or timer
//! POST /FUNCTION-events, by what is tried again of events
//! POST /NAME          a request to the face of that name, which the host has unwrapped
//! anything else       a request to a face, forwarded as it is
//! ```
//!
//! The host holds a queue's message. 200 lets it go, with what it is to send;
//! 500 makes the host give it again, five times in all, and then put it into the
//! poison queue. What would fail again, or fails for the last time, is put there
//! from here, with its error inside. What time starts comes only once: there the
//! first failure is the last. So does an event; what fails of it and may pass is
//! put into the function's own queue, and tried again from there.

mod arrived;
mod events;
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
use self::events::Event;
use self::held::{HeldQueues, Noted};
use self::payload::{Answer, Payload, Trigger};
use self::wrapped::Named;
use super::Settings;
use super::answering::{Answering, Listening};
use super::faces::MOST_BYTES;
use super::local::Local;
use super::work::{Left, work};
use super::{told, traced};
use crate::function::{Services, Stop, whole};
use crate::pipeline::{self, Function, Problem};
use crate::queue::retry::{Next, Poisoned};
use crate::queue::{
    Delivery, MOST_BYTES as MOST_OF_A_MESSAGE, Message, QueueName, Queues, TraceContext,
};

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
        let functions = functions.flat_map(|function| {
            // What fails of events comes from there, and by that name.
            let by_events = matches!(function.trigger, pipeline::Trigger::Events(_));
            let queue = function.queue().filter(|_| by_events);
            let names = queue.into_iter().chain([function.name.clone()]);
            names.map(|name| (name, Arc::clone(function)))
        });
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
            Trigger::Batch(events) => self.batch(events).await,
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
        let asked = match Message::from_body(&body) {
            Ok(message) => Some(message),
            Err(error) => self.arrived(&body, &whole(&error)).await?,
        };
        let Some(message) = asked else {
            return Ok(Noted::done());
        };
        let live = Arc::clone(self.handler.services.space.queues());
        let unread = matches!(self.function.trigger, pipeline::Trigger::Every(_));
        let unread = unread.then(|| self.queue()).transpose()?;
        let output = self.function.output.queue.as_deref().map(str::parse);
        let queues = HeldQueues::new(live, output.transpose()?, unread);
        self.one(message, body, dequeue_count, queues).await
    }

    /// Events, of which none comes again: each is done, poison, or in the queue
    /// that it is tried again from. What follows is sent from here, since an error
    /// in one would make the host send nothing.
    async fn batch(&self, events: Vec<Event>) -> Result<Noted, Left> {
        for (index, event) in events.into_iter().enumerate() {
            if let Err(error) = self.event(&event, index).await {
                let (error, name) = (whole(&error), &self.function.name);
                tracing::error!(function = name, error, "an event is left for later");
                self.later(&event, index, &error).await?;
            }
        }
        Ok(Noted::done())
    }

    async fn event(&self, event: &Event, index: usize) -> Result<(), Left> {
        let arrived = arrived::by_event(self.function, self.incoming(), &event.body);
        let asked = match arrived {
            Some(_) => self.arrived(&event.body, "").await?,
            None => match self.asked(event, index) {
                Some(message) => Some(message),
                None => return self.foreign(event, index).await,
            },
        };
        let Some(message) = asked else {
            return Ok(());
        };
        let body = match message.to_body() {
            Ok(body) => body,
            Err(error) => return self.too_long(message.id, &whole(&error)).await,
        };
        let live = Arc::clone(self.handler.services.space.queues());
        let (queues, tries) = match self.has_queue() {
            true => (HeldQueues::new(live, None, None).once(), 1),
            false => {
                let tries = self.handler.settings.retry.tries;
                (HeldQueues::new(live, None, None), tries)
            }
        };
        self.one(message, body, tries, queues).await?;
        Ok(())
    }

    /// What an event asks for, if it is one of ours.
    fn asked(&self, event: &Event, index: usize) -> Option<Message> {
        event.message(&self.function.name, &self.otherwise(index))
    }

    /// What tells an event from others where the host does not.
    fn otherwise(&self, index: usize) -> String {
        format!("{}-{index}", self.id)
    }

    async fn foreign(&self, event: &Event, index: usize) -> Result<(), Left> {
        let why = "it is neither a message of cutline nor a JSON object";
        let length = event.body.len();
        match length > MOST_OF_A_MESSAGE {
            false => self.poison(event.body.clone(), why).await,
            true => {
                let id = event.id(&self.function.name, &self.otherwise(index));
                let why = format!("{why}, and has {length} bytes, more than a queue takes");
                self.too_long(id, &why).await
            }
        }
    }

    /// An event that could not be worked on now.
    async fn later(&self, event: &Event, index: usize, why: &str) -> Result<(), Left> {
        let asked = self.asked(event, index).filter(|_| self.has_queue());
        match asked.and_then(|message| message.to_body().ok()) {
            Some(body) => {
                let queue = self.handler.services.space.queues().open(&self.queue()?);
                Ok(queue.send(body, self.handler.settings.retry.first).await?)
            }
            None => self.poison(event.body.clone(), why).await,
        }
    }

    /// An event that no queue takes stays in its hub, for as long as that keeps
    /// it; where, says what is put into the poison queue in its place.
    async fn too_long(&self, id: String, why: &str) -> Result<(), Left> {
        let now = self.handler.services.space.clock().now();
        let stub = Message::new(id).failed(1, now, why);
        self.poison(stub.to_body()?, why).await
    }

    /// Whether the host receives from the function's own queue.
    fn has_queue(&self) -> bool {
        use pipeline::Trigger::{Events, Queue};
        matches!(self.function.trigger, Queue(_) | Events(_))
    }

    fn incoming(&self) -> Option<&str> {
        self.handler.incoming.as_deref()
    }

    /// What is no message asks for work if it says that a blob came in; or else
    /// it is poison, since it would be none of ours the next time, too.
    async fn arrived(&self, body: &Bytes, foreign: &str) -> Result<Option<Message>, Left> {
        let why = match arrived::by_event(self.function, self.incoming(), body) {
            Some(Arrived::Asks(message)) => return Ok(Some(*message)),
            Some(Arrived::Elsewhere) => return Ok(None),
            Some(Arrived::Unknown(why)) => why,
            None => foreign.to_owned(),
        };
        self.poison(body.clone(), &why).await?;
        Ok(None)
    }

    async fn one(
        &self,
        mut message: Message,
        body: Bytes,
        dequeue_count: u32,
        queues: HeldQueues,
    ) -> Result<Noted, Left> {
        let (function, services) = (self.function, &self.handler.services);
        // What nobody's trace began is of the host's.
        let begun = self.trace.and_then(traced::undecided);
        message.traceparent = message.traceparent.or(begun);
        let queue = self.queue()?;
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

    /// As it is, and said to whoever watches.
    async fn poison(&self, body: Bytes, why: &str) -> Result<(), Left> {
        let queues: &Arc<dyn Queues> = self.handler.services.space.queues();
        let queue = self.queue()?;
        let poison = queues.open(&queue.poison());
        poison.send(body, Duration::ZERO).await?;
        let poisoned = Poisoned {
            why: why.to_owned(),
            traceparent: self.trace.and_then(traced::undecided),
        };
        let tracing = &self.handler.settings.tracing;
        told::poisoned(tracing, self.function, &queue, &poisoned);
        Ok(())
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

#[cfg(test)]
mod tests;
