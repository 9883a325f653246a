//! What the proxy and the runtime say of themselves while they run: a log on
//! standard error, and the proxy's one JSON line per request on standard output
//! where that is asked for.
//!
//! Both are written by a thread of their own from a bounded queue: a reader who
//! does not keep up costs lines, never a request's time.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_subscriber::filter::{FilterExt, Targets, filter_fn};
use tracing_subscriber::fmt::format::{Format, Json, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

#[cfg(feature = "proxy")]
use cutline_proxy::ACCESS_LOG;

/// What the proxy calls its access log.
#[cfg(not(feature = "proxy"))]
const ACCESS_LOG: &str = "access";

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    /// What must be acted on.
    Error,
    /// And what should be.
    Warn,
    /// And every change.
    Info,
    /// And every connection that ended badly.
    Debug,
}

/// In which form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// A JSON object per line.
    Json,
}

/// What is still queued is written when it is dropped.
pub(crate) struct Telemetry {
    _guards: Vec<WorkerGuard>,
}

/// Starts logging, for the whole process: to be called once.
pub(crate) fn start(level: LogLevel, format: LogFormat, access_log: bool) -> Telemetry {
    let mut guards = Vec::new();
    let mut queued = |writer: Box<dyn io::Write + Send>| -> NonBlocking {
        let (writer, guard) = tracing_appender::non_blocking(writer);
        guards.push(guard);
        writer
    };
    let others = Targets::new()
        .with_default(Level::WARN)
        .with_target("cutline", level.filter())
        .with_target("cutline_proxy", level.filter())
        .with_target("cutline_runtime", level.filter())
        .with_target(ACCESS_LOG, LevelFilter::OFF);
    let errors = queued(Box::new(io::stderr()));
    let log = match format {
        LogFormat::Text => fmt::layer()
            .with_ansi(io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
            .with_target(false)
            .compact()
            .with_writer(errors)
            .boxed(),
        LogFormat::Json => fmt::layer()
            .fmt_fields(JsonFields::new())
            .event_format(Within(json()))
            .with_writer(errors)
            .boxed(),
    };
    let log = log.with_filter(others);
    let access = access_log.then(|| {
        let only_access = filter_fn(|metadata| metadata.target() == ACCESS_LOG);
        fmt::layer()
            .fmt_fields(JsonFields::new())
            .event_format(json().with_level(false))
            .with_writer(queued(Box::new(io::stdout())))
            .with_filter(only_access.and(LevelFilter::INFO))
    });
    tracing_subscriber::registry().with(log).with(access).init();
    Telemetry { _guards: guards }
}

/// A line per event, its fields beside each other.
fn json() -> Format<Json> {
    Format::default()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(false)
        .with_span_list(false)
}

/// Lines of JSON, with what is known around an event, its trace, beside what it
/// says itself.
struct Within(Format<Json>);

impl<S> FormatEvent<S, JsonFields> for Within
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let mut line = String::new();
        self.0
            .format_event(context, Writer::new(&mut line), event)?;
        let around = context.lookup_current();
        let around = around.as_ref().map(|span| span.extensions());
        let known = around
            .as_ref()
            .and_then(|known| known.get::<FormattedFields<JsonFields>>());
        let known = known.map(|known| known.fields.trim_matches(['{', '}']));
        match (
            known.filter(|known| !known.is_empty()),
            line.strip_prefix('{'),
        ) {
            (Some(known), Some(said)) => write!(writer, "{{{known},{said}"),
            _ => writer.write_str(&line),
        }
    }
}

impl LogLevel {
    fn filter(self) -> LevelFilter {
        match self {
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
        }
    }
}
