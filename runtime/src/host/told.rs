//! [`Telling`]: what an invocation tells of itself while it runs: a span, a
//! line of the log, and figures.

use std::time::Instant;

use serde_json::Value;

use crate::function::Facts;
use crate::pipeline::{Function, Input};
use crate::queue::retry::{Fate, Next, Poisoned};
use crate::queue::{Message, QueueName, TraceContext};
use crate::spans::{self, FACTS, Of, Span, Tracing};
use crate::store::artifact::ArtifactId;

use super::work::Came;

/// An invocation that a message started, until it is dropped.
pub(super) struct Telling<'f> {
    function: &'f Function,
    tracing: Tracing,
    queue: String,
    message_id: String,
    dequeue_count: u32,
    /// The artifacts that its message names as inputs.
    read: Vec<String>,
    start: Instant,
    span: Span,
}

impl<'f> Telling<'f> {
    /// It begins.
    pub(super) fn begin(tracing: &Tracing, function: &'f Function, next: &Next) -> Telling<'f> {
        let (message, parent) = (&next.message, next.message.traceparent);
        let mut span = tracing.begin(Of::Message, function.name.clone(), parent);
        let read = named(function, message);
        let read: Vec<String> = read.map(|(name, id)| format!("{name}={id}")).collect();
        if tracing.is_on() {
            span.say("cutline.function", function.name.clone());
            span.say("cutline.stage", function.stage.clone());
            span.is_of_queue("process", &next.queue);
            span.say("cutline.message_id", message.id.clone());
            span.say(
                "cutline.dequeue_count",
                i64::from(next.delivery.dequeue_count),
            );
            span.say("cutline.read", Span::texts(read.clone()));
        }
        Telling {
            function,
            tracing: tracing.clone(),
            queue: next.queue.to_string(),
            message_id: message.id.clone(),
            dequeue_count: next.delivery.dequeue_count,
            read,
            start: Instant::now(),
            span,
        }
    }

    /// What it does is a part of that.
    pub(super) fn context(&self) -> TraceContext {
        self.span.context()
    }

    /// What it logs says whose it is.
    pub(super) fn logged(&self) -> tracing::Span {
        self.span.logged()
    }

    /// The next message is sent, until that is dropped.
    pub(super) fn sends(&self, queue: &QueueName) -> Span {
        self.tracing.send(queue, self.context())
    }

    /// The work was in the ledger.
    pub(super) fn repeated(&mut self, came: &Came) {
        self.ended("repeated");
        self.span.say("cutline.artifacts", Span::texts(made(came)));
        tracing::info!(
            function = self.function.name,
            stage = self.function.stage,
            message_id = self.message_id,
            dequeue_count = self.dequeue_count,
            artifacts = made(came).join(" "),
            "done before"
        );
    }

    /// The work is done.
    pub(super) fn done(&mut self, came: &Came) {
        self.ended("done");
        self.span.say("cutline.artifacts", Span::texts(made(came)));
        let (seconds, rows) = (self.took(), rows(&came.facts));
        if let Some(rows) = rows {
            self.span.say("cutline.rows", rows as i64);
            let labels = [
                ("function", self.function.name.clone()),
                ("stage", self.function.stage.clone()),
            ];
            metrics::counter!("cutline_rows_total", &labels).increment(rows);
        }
        self.say(&came.facts);
        tracing::info!(
            function = self.function.name,
            stage = self.function.stage,
            message_id = self.message_id,
            dequeue_count = self.dequeue_count,
            seconds,
            rows,
            read = self.read.join(" "),
            artifacts = made(came).join(" "),
            facts = serde_json::Value::from(came.facts.clone()).to_string(),
            "done"
        );
    }

    /// It ended before its time, as it was asked to, and comes again.
    pub(super) fn stopped(&self) {
        tracing::info!(
            function = self.function.name,
            stage = self.function.stage,
            message_id = self.message_id,
            "stopped; it comes again"
        );
    }

    /// It failed, and that became of its message.
    pub(super) fn failed(&mut self, fate: Fate, error: &str, queue: &QueueName) {
        let seconds = self.took();
        let function = &self.function.name;
        let stage = &self.function.stage;
        let (message_id, dequeue_count) = (&self.message_id, self.dequeue_count);
        let read = self.read.join(" ");
        let end = match fate {
            Fate::Again { after } => {
                tracing::warn!(
                    function,
                    stage,
                    message_id,
                    dequeue_count,
                    seconds,
                    read,
                    error,
                    "failed; tried again in {after:?}"
                );
                "retried"
            }
            Fate::Poisoned => {
                let poison = queue.poison();
                tracing::error!(
                    function,
                    stage,
                    message_id,
                    dequeue_count,
                    seconds,
                    read,
                    error,
                    "failed; the message is in {poison}"
                );
                POISONED
            }
        };
        self.ended(end);
        self.span.fail(end);
    }

    /// What the stage says of its work in a word or a number.
    fn say(&mut self, facts: &Facts) {
        if !self.tracing.is_on() {
            return;
        }
        let version = facts.get("version").and_then(Value::as_str);
        if let (Some(alias), Some(version)) = (&self.function.output.alias, version) {
            self.span
                .say("cutline.version", format!("{} {version}", alias.model));
        }
        for (name, fact) in facts {
            let key = format!("{FACTS}{name}");
            match fact {
                Value::String(text) => self.span.say(key, text.clone()),
                Value::Bool(truth) => self.span.say(key, *truth),
                Value::Number(number) => match number.as_i64() {
                    Some(whole) => self.span.say(key, whole),
                    None => self.span.say(key, number.as_f64().unwrap_or_default()),
                },
                Value::Null | Value::Array(_) | Value::Object(_) => {}
            }
        }
    }

    fn ended(&mut self, end: &'static str) {
        self.span.say("cutline.end", end);
        let (function, stage) = (&self.function.name, &self.function.stage);
        let labels = [
            ("function", function.clone()),
            ("stage", stage.clone()),
            ("end", end.to_owned()),
        ];
        metrics::counter!("cutline_invocations_total", &labels).increment(1);
        let [function, stage, end] = labels;
        let labels = [
            ("messaging_system", spans::SYSTEM.to_owned()),
            ("messaging_operation_name", "process".to_owned()),
            ("messaging_destination_name", self.queue.clone()),
            function,
            stage,
            end,
        ];
        metrics::histogram!("messaging_process_duration_seconds", &labels).record(self.took());
    }

    /// In seconds.
    fn took(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}

/// What came to a function's queue is in its poison queue, and nothing worked on
/// it: none of ours, or too long.
pub(super) fn poisoned(
    tracing: &Tracing,
    function: &Function,
    queue: &QueueName,
    Poisoned { why, traceparent }: &Poisoned,
) {
    let mut span = tracing.begin(Of::Message, function.name.clone(), *traceparent);
    span.say("cutline.function", function.name.clone());
    span.say("cutline.stage", function.stage.clone());
    span.is_of_queue("process", queue);
    span.say("cutline.end", POISONED);
    span.fail(POISONED);
    let _in_trace = span.logged().entered();
    let (name, stage, poison) = (&function.name, &function.stage, queue.poison());
    tracing::error!(
        function = name,
        stage,
        error = why,
        "not worked on; the message is in {poison}"
    );
}

/// How an invocation ends whose message is in the poison queue.
const POISONED: &str = "poisoned";

/// The artifacts among a function's inputs, as its message names them.
pub(super) fn named<'m>(
    function: &'m Function,
    message: &'m Message,
) -> impl Iterator<Item = (&'m str, ArtifactId)> {
    function.inputs.values().filter_map(|input| match input {
        Input::Artifact(name) => Some((name.as_str(), *message.artifacts.get(name)?)),
        _ => None,
    })
}

fn made(came: &Came) -> Vec<String> {
    let artifacts = came.artifacts.iter();
    artifacts.map(|(name, id)| format!("{name}={id}")).collect()
}

/// The rows that a stage says it saw; of several tables, all of theirs.
fn rows(facts: &Facts) -> Option<u64> {
    if let Some(rows) = facts.get("rows") {
        return rows.as_u64();
    }
    let tables = facts.values().filter_map(|told| told["rows"].as_u64());
    tables.reduce(|sum, rows| sum + rows)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_are_what_a_stage_says_of_all_its_tables() {
        let told = |facts: Value| rows(facts.as_object().unwrap());
        assert_eq!(told(json!({"rows": 3, "test": 1})), Some(3));
        let tables = json!({"customers": {"rows": 2}, "calls": {"rows": 5}, "why": "x"});
        assert_eq!(told(tables), Some(7));
        assert_eq!(told(json!({"version": "v1"})), None);
    }
}
