//! [`Tracing`]: invocations, and the requests that ask for them, as
//! OpenTelemetry spans, where an exporter is handed in. It knows the API alone.
//!
//! Every invocation belongs to a trace, recorded or not: to the one that its
//! message or request came with, or else to one that is made here.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use opentelemetry::global::{BoxedSpan, BoxedTracer, ObjectSafeTracer};
use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId,
    TraceState, Tracer,
};
use opentelemetry::{Array, Context, Key, KeyValue, StringValue, Value};
use tracing::Instrument;

use crate::queue::{QueueName, TraceContext};

/// Whose messages they are.
pub(crate) const SYSTEM: &str = "cutline";

/// All attributes that a span may have, but for [`FACTS`].
pub const ATTRIBUTES: [&str; 18] = [
    "cutline.artifacts",
    "cutline.dequeue_count",
    "cutline.end",
    "cutline.function",
    "cutline.message_id",
    "cutline.read",
    "cutline.rows",
    "cutline.shadow",
    "cutline.stage",
    "cutline.version",
    "error.type",
    "http.request.method",
    "http.response.status_code",
    "http.route",
    "messaging.destination.name",
    "messaging.operation.type",
    "messaging.system",
    "url.path",
];

/// What the name of an attribute begins with that is a fact of a stage.
pub const FACTS: &str = "cutline.facts.";

/// Where spans go; unless told otherwise, nowhere.
#[derive(Clone, Default)]
pub struct Tracing(Option<Arc<BoxedTracer>>);

/// Something that takes its time, until it is dropped.
pub(crate) struct Span {
    recorded: Option<BoxedSpan>,
    context: TraceContext,
}

/// What a span is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    /// A request at a face.
    Request,
    /// An invocation that a message started.
    Message,
    /// An invocation that a request waits for.
    Call,
    /// A message on its way into a queue.
    Send,
}

impl Tracing {
    /// `tracer` samples and exports, and must never wait.
    pub fn new(tracer: impl ObjectSafeTracer + Send + Sync + 'static) -> Tracing {
        Tracing(Some(Arc::new(BoxedTracer::new(Box::new(tracer)))))
    }

    /// Counts spans that were recorded and reached no collector, for that reason.
    pub fn lost(reason: &'static str, spans: usize) {
        metrics::counter!("cutline_spans_lost_total", "reason" => reason).increment(spans as u64);
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Begins the span of a message that goes into a queue: whoever gets it is
    /// its child.
    pub(crate) fn send(&self, queue: &QueueName, parent: TraceContext) -> Span {
        let mut span = self.begin(Of::Send, format!("send {queue}"), Some(parent));
        span.is_of_queue("send", queue);
        span
    }

    /// Begins a span that `parent` asked for, if anybody did.
    pub(crate) fn begin(
        &self,
        of: Of,
        name: impl Into<Cow<'static, str>>,
        parent: Option<TraceContext>,
    ) -> Span {
        let recorded = self.0.as_ref().map(|tracer| {
            let builder = tracer.span_builder(name).with_kind(of.kind());
            tracer.build_with_context(builder, &remote(parent))
        });
        // Once the exporter has ended, spans have no ids.
        let own = recorded.as_ref().and_then(own);
        Span {
            recorded,
            context: own.or(parent).unwrap_or_else(TraceContext::random),
        }
    }
}

impl Span {
    /// What comes next is a child of this.
    pub(crate) fn context(&self) -> TraceContext {
        self.context
    }

    pub(crate) fn say(&mut self, key: impl Into<Key>, value: impl Into<Value>) {
        if let Some(span) = &mut self.recorded {
            span.set_attribute(KeyValue::new(key, value));
        }
    }

    /// What is logged within it names its trace, and itself where it is recorded.
    pub(crate) fn logged(&self) -> tracing::Span {
        let context = self.context;
        // Of the highest level, so that it is there whatever is logged.
        let logged = tracing::error_span!(
            "traced",
            trace_id = format!("{:032x}", context.trace()),
            span_id = tracing::field::Empty
        );
        if self.recorded.is_some() {
            logged.record("span_id", format!("{:016x}", context.parent()));
        }
        logged
    }

    /// In the words of the semantic conventions for messaging.
    pub(crate) fn is_of_queue(&mut self, operation: &'static str, queue: &QueueName) {
        if self.recorded.is_some() {
            self.say("messaging.system", SYSTEM);
            self.say("messaging.operation.type", operation);
            self.say("messaging.destination.name", queue.to_string());
        }
    }

    /// Several texts, as one value.
    pub(crate) fn texts(texts: impl IntoIterator<Item = String>) -> Value {
        let texts = texts.into_iter().map(StringValue::from);
        Value::Array(Array::String(texts.collect()))
    }

    /// It came to nothing, for a reason of few words.
    pub(crate) fn fail(&mut self, why: impl Into<Value>) {
        self.say("error.type", why);
        if let Some(span) = &mut self.recorded {
            span.set_status(Status::error(""));
        }
    }
}

impl Of {
    fn kind(self) -> SpanKind {
        match self {
            Of::Request => SpanKind::Server,
            Of::Message => SpanKind::Consumer,
            Of::Call => SpanKind::Internal,
            Of::Send => SpanKind::Producer,
        }
    }
}

impl fmt::Debug for Tracing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tracing").field(&self.is_on()).finish()
    }
}

tokio::task_local! {
    static REQUEST: (Tracing, TraceContext);
}

/// Does `work` as what the span of a request asked for.
pub(crate) async fn within<W: Future>(tracing: Tracing, span: &Span, work: W) -> W::Output {
    let logged = work.instrument(span.logged());
    REQUEST.scope((tracing, span.context()), logged).await
}

/// `work` on a task of its own, for the request of the moment all the same.
pub(crate) fn along<W: Future>(work: W) -> impl Future<Output = W::Output> {
    let request = REQUEST.try_with(Clone::clone).ok();
    let work = work.in_current_span();
    async move {
        match request {
            Some(request) => REQUEST.scope(request, work).await,
            None => work.await,
        }
    }
}

/// Begins the span of a message that the request of the moment sends; None where
/// no request is recorded.
pub(crate) fn send(queue: &QueueName) -> Option<Span> {
    let of = |(tracing, parent): &(Tracing, TraceContext)| tracing.send(queue, *parent);
    REQUEST.try_with(of).ok()
}

/// Begins a span of what the request of the moment waits for; None where no
/// request is recorded.
pub(crate) fn call(name: &str) -> Option<Span> {
    let of = |(tracing, parent): &(Tracing, TraceContext)| {
        tracing.begin(Of::Call, name.to_owned(), Some(*parent))
    };
    REQUEST.try_with(of).ok()
}

fn remote(parent: Option<TraceContext>) -> Context {
    let Some(parent) = parent else {
        return Context::new();
    };
    Context::new().with_remote_span_context(SpanContext::new(
        TraceId::from_bytes(parent.trace().to_be_bytes()),
        SpanId::from_bytes(parent.parent().to_be_bytes()),
        TraceFlags::default().with_sampled(parent.is_sampled()),
        true,
        TraceState::NONE,
    ))
}

fn own(span: &BoxedSpan) -> Option<TraceContext> {
    let own = span.span_context();
    let trace = u128::from_be_bytes(own.trace_id().to_bytes());
    let id = u64::from_be_bytes(own.span_id().to_bytes());
    TraceContext::new(trace, id, own.is_sampled())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// What is said names its attributes in its own place, as texts.
    #[test]
    fn what_is_said_is_listed_and_no_other() {
        let home = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
        let mut said = BTreeSet::new();
        look(home, &mut said);
        let listed = ATTRIBUTES.map(ToOwned::to_owned);
        assert_eq!(said, BTreeSet::from(listed));
    }

    fn look(folder: &Path, said: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                look(&path, said);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap();
            let calls = ["span.say(", "span\n                .say(", "self.say("];
            for call in calls.iter().flat_map(|call| text.split(call).skip(1)) {
                if let Some(name) = call.trim_start().strip_prefix('"') {
                    said.extend(name.split('"').next().map(ToOwned::to_owned));
                }
            }
        }
    }

    #[test]
    fn where_nobody_records_a_trace_is_passed_on_or_made() {
        let off = Tracing::default();
        let sent = TraceContext::new(7, 8, false);
        let span = off.begin(Of::Message, "training", sent);
        assert_eq!(Some(span.context()), sent);
        let made = off.begin(Of::Message, "training", None).context();
        assert_ne!(made.trace(), 0);
        // Whoever records further on decides himself.
        assert!(made.is_sampled());
    }

    #[tokio::test]
    async fn nothing_is_called_where_no_request_is_recorded() {
        assert!(call("inference").is_none());
        let tracing = Tracing::default();
        let span = tracing.begin(Of::Request, "POST /predict", None);
        let inner = within(tracing, &span, async { call("inference") }).await;
        assert_eq!(inner.unwrap().context(), span.context());
    }
}
