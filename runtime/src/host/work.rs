//! One message, from its reception to its end.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use tokio::task::{AbortHandle, JoinError};
use tracing::Instrument;

use super::Settings;
use super::told::Telling;
use crate::function::{Facts, Invocation, Services, StageContext, StageError, Stop};
use crate::pipeline::{Function, Input, Trigger};
use crate::queue::retry::{self, Next, Retry};
use crate::queue::{Message, MessageError, NoQueueName, QueueError, QueueName};
use crate::store::artifact::ArtifactId;
use crate::store::cells::CellError;
use crate::store::ledger::{Begun, Claim, Entry, LedgerError};
use crate::store::runs::{RunState, Step};

/// What came of an invocation, as the ledger keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Came {
    /// What was made, by the names that messages use.
    pub(crate) artifacts: BTreeMap<String, ArtifactId>,
    pub(crate) facts: Facts,
    /// Nobody is to be told.
    #[serde(default)]
    pub(crate) silent: bool,
}

/// Why a message was left as it is; it comes again.
#[derive(Debug, thiserror::Error)]
pub(super) enum Left {
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Message(#[from] MessageError),
    #[error("the message cannot go on: the file's name of the queue is wrong")]
    Name(#[from] NoQueueName),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("how far it is cannot be kept")]
    Run(#[from] CellError),
    #[error("what the ledger says of it cannot be read")]
    Record(#[from] serde_json::Error),
}

/// Does what a message asks for, and sees to it that it is gone, or comes
/// again, or is in the poison queue. Where `stop` is asked for, the function may
/// end before it is done; then the message is as it was.
pub(super) async fn work(
    services: &Services,
    settings: &Settings,
    function: &Arc<Function>,
    next: Next,
    stop: &Stop,
) -> Result<(), Left> {
    let entry = entry(services, function, &next.message);
    let holder = format!("{}/{}", std::process::id(), next.message.id);
    let ledger = services.space.ledger();
    let begun = ledger.begin(&entry, &holder, settings.visibility).await?;
    if let Begun::Busy { until, .. } = begun {
        // By then that one has renewed its lease, finished, or died.
        let wait = until.since(services.space.clock().now());
        return postponed(services, &next, wait).await;
    }
    let mut telling = Telling::begin(&settings.tracing, function, &next);
    let logged = telling.logged();
    let worked = async {
        match begun {
            Begun::Done(output) => {
                let came = serde_json::from_value(output)?;
                telling.repeated(&came);
                end(services, function, &next, came, &telling).await
            }
            Begun::Mine(claim) => {
                let (came, next, claim) =
                    held(services, settings, function, next, claim, stop).await?;
                match came {
                    Ok(came) => {
                        ledger.complete(claim, serde_json::to_value(&came)?).await?;
                        telling.done(&came);
                        end(services, function, &next, came, &telling).await
                    }
                    Err(error) if error.is_stopped() => {
                        ledger.give_up(claim).await?;
                        telling.stopped();
                        postponed(services, &next, Duration::ZERO).await
                    }
                    Err(error) => {
                        ledger.give_up(claim).await?;
                        failed(services, settings, function, next, &error, &mut telling).await
                    }
                }
            }
            Begun::Different | Begun::Busy { .. } => {
                let error =
                    StageError::data(format!("{} is other work in the ledger", entry.key()));
                failed(services, settings, function, next, &error, &mut telling).await
            }
        }
    };
    worked.instrument(logged).await
}

/// The message comes again after so long. It comes as a new one, since to wait
/// or to stop is not to try; only then the old one goes.
async fn postponed(services: &Services, next: &Next, wait: Duration) -> Result<(), Left> {
    let queue = services.space.queues().open(&next.queue);
    queue.send(next.delivery.body.clone(), wait).await?;
    retry::finish(&**services.space.queues(), next).await?;
    Ok(())
}

/// Invokes the function, and holds on to the message and the ledger's entry
/// while that lasts.
async fn held(
    services: &Services,
    settings: &Settings,
    function: &Arc<Function>,
    mut next: Next,
    mut claim: Claim,
    stop: &Stop,
) -> Result<(Result<Came, StageError>, Next, Claim), Left> {
    let stop = stop.child();
    let context = StageContext::new(Arc::clone(function), services.clone(), next.message.clone())
        .until(stop.clone());
    let invocation = Invocation {
        message: next.message.clone(),
        dequeue_count: next.delivery.dequeue_count,
    };
    let run = Arc::clone(&function.run);
    let mut working = Aborting::spawn(stop, async move {
        let facts = run.invoke(&context, invocation).await?;
        Ok(Came {
            artifacts: context.made().artifacts,
            facts,
            silent: context.is_silent(),
        })
    });
    let mut again = tokio::time::interval(settings.visibility / 3);
    again.tick().await;
    loop {
        tokio::select! {
            done = working.done() => return Ok((done, next, claim)),
            _ = again.tick() => {
                let queue = services.space.queues().open(&next.queue);
                let receipt = queue.renew(&next.delivery.receipt, settings.visibility, None);
                next.delivery.receipt = receipt.await?;
                claim = services.space.ledger().renew(claim, settings.visibility).await?;
            }
        }
    }
}

/// Work that ends with whoever waits for it; what panics there, fails there.
/// What it does on other threads is asked to stop.
struct Aborting {
    stop: Stop,
    handle: tokio::task::JoinHandle<Result<Came, StageError>>,
    abort: AbortHandle,
}

impl Aborting {
    fn spawn(
        stop: Stop,
        work: impl Future<Output = Result<Came, StageError>> + Send + 'static,
    ) -> Aborting {
        let handle = tokio::spawn(work.in_current_span());
        let abort = handle.abort_handle();
        Aborting {
            stop,
            handle,
            abort,
        }
    }

    async fn done(&mut self) -> Result<Came, StageError> {
        let broken = |error: JoinError| StageError::passing("the stage broke off", error);
        (&mut self.handle)
            .await
            .unwrap_or_else(|error| Err(broken(error)))
    }
}

impl Drop for Aborting {
    fn drop(&mut self) {
        self.stop.ask();
        self.abort.abort();
    }
}

/// The same work has the same entry: same function, code, parameters and
/// artifacts. Where it reads what is not named by its content, a blob or a
/// query, each message is work of its own.
fn entry(services: &Services, function: &Function, message: &Message) -> Entry {
    let mut parameters: IndexMap<String, serde_json::Value> =
        serde_json::from_str(&function.parameters).unwrap_or_default();
    let mut inputs = Vec::new();
    let mut is_named = true;
    for (name, input) in &function.inputs {
        match input {
            Input::Artifact(artifact) => {
                let id = message.artifacts.get(artifact);
                inputs.extend(id.copied());
                parameters.insert(format!("input {name}"), artifact.as_str().into());
            }
            _ => is_named = false,
        }
    }
    if !is_named {
        parameters.insert("message".to_owned(), message.id.as_str().into());
    }
    for (name, value) in &message.values {
        parameters.insert(format!("value {name}"), value.as_str().into());
    }
    Entry::invocation(&function.name, &services.code, &parameters, &inputs)
}

/// Tells who comes next, and takes the message out.
async fn end(
    services: &Services,
    function: &Function,
    next: &Next,
    came: Came,
    telling: &Telling<'_>,
) -> Result<(), Left> {
    let step = Step {
        function: function.name.clone(),
        at: services.space.clock().now(),
        artifacts: came.artifacts.clone(),
        facts: came.facts.clone(),
        error: None,
    };
    let ends_here = next.message.until.as_ref() == Some(&function.name);
    let state = match function.is_last || came.silent || ends_here {
        true => RunState::Done,
        false => RunState::Working,
    };
    let runs = services.space.runs();
    if let Trigger::Every(_) = function.trigger {
        runs.set_latest(&step).await?;
    }
    let queue = function.output.queue.as_ref().filter(|_| !came.silent);
    let message = queue.map(|_| {
        let mut message = following(&next.message, came);
        message.traceparent = Some(telling.context());
        message
    });
    if let Some((queue, message)) = queue.zip(message.as_ref()) {
        // A request may ask for what comes next, once more or later, as soon as
        // somebody knows that this is done.
        let mut told = message.clone();
        told.until = None;
        runs.set_told(queue, &told).await?;
    }
    runs.step(&next.message.id, step, state).await?;
    if let Some((queue, mut message)) = queue.zip(message).filter(|_| !ends_here) {
        let queue: QueueName = queue.parse()?;
        let sending = telling.sends(&queue);
        message.traceparent = Some(sending.context());
        let target = services.space.queues().open(&queue);
        target.send(message.to_body()?, Duration::ZERO).await?;
    }
    retry::finish(&**services.space.queues(), next).await?;
    Ok(())
}

/// What the next function is told: all that this one was told, what it made,
/// and what it says in one word.
fn following(message: &Message, came: Came) -> Message {
    let mut following = Message::new(message.id.clone());
    following.artifacts = message.artifacts.clone();
    following.artifacts.extend(came.artifacts);
    following.values = message.values.clone();
    following.until = message.until.clone();
    for (name, fact) in came.facts {
        match fact {
            serde_json::Value::String(text) => following.values.insert(name, text),
            serde_json::Value::Bool(truth) => following.values.insert(name, truth.to_string()),
            _ => None,
        };
    }
    following
}

async fn failed(
    services: &Services,
    settings: &Settings,
    function: &Function,
    mut next: Next,
    error: &StageError,
    telling: &mut Telling<'_>,
) -> Result<(), Left> {
    let tries = match error.may_pass {
        true => settings.retry.tries,
        // Another try would end the same.
        false => 1,
    };
    let retry = Retry {
        tries,
        ..settings.retry
    };
    let now = services.space.clock().now();
    let drawn = rand::random::<f64>();
    let text = error.whole();
    // Said before the message goes: a process that dies between the two says it
    // again, and nobody waits for ever.
    let state = match next.delivery.dequeue_count < tries {
        true => RunState::Working,
        false => RunState::Failed,
    };
    let step = Step {
        function: function.name.clone(),
        at: now,
        artifacts: BTreeMap::new(),
        facts: Facts::new(),
        error: Some(text.clone()),
    };
    let runs = services.space.runs();
    runs.step(&next.message.id, step, state).await?;
    // Of a message that came without a trace, the tries are one.
    let trace = next.message.traceparent;
    next.message.traceparent = trace.or(Some(telling.context()));
    let fate = retry::fail(&**services.space.queues(), &next, &text, &retry, now, drawn).await?;
    telling.failed(fate, &text, &next.queue);
    Ok(())
}
