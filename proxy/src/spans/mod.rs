//! What of requests is recorded as spans, where an exporter is handed in: one
//! span of the server for each request, and as its children one of the client for
//! each attempt at an upstream, and one of the comparison of both answers.
//!
//! Names and attributes are those of OpenTelemetry's semantic conventions for
//! HTTP spans, as far as they are stable, and `cutline.*`. A query is never
//! among them: people put secrets there.

mod attempt;
mod attributes;
mod comparison;
mod request;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::global::{BoxedTracer, ObjectSafeTracer};

pub use attributes::ATTRIBUTES;

pub(crate) use attempt::{Attempt, Origin, Turn};
pub(crate) use request::Spans;

/// Where spans go.
#[derive(Clone)]
pub struct Tracing {
    tracer: Arc<BoxedTracer>,
    lost: Arc<LostSpans>,
}

/// Spans that were recorded and reached no collector.
#[derive(Debug, Default)]
pub struct LostSpans {
    queue: AtomicU64,
    export: AtomicU64,
}

impl Tracing {
    /// `tracer` samples and exports, and must never wait; what it has to drop
    /// is counted in `lost`.
    pub fn new(
        tracer: impl ObjectSafeTracer + Send + Sync + 'static,
        lost: Arc<LostSpans>,
    ) -> Tracing {
        Tracing {
            tracer: Arc::new(BoxedTracer::new(Box::new(tracer))),
            lost,
        }
    }

    pub(crate) fn lost(&self) -> &Arc<LostSpans> {
        &self.lost
    }
}

impl fmt::Debug for Tracing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracing").finish_non_exhaustive()
    }
}

impl LostSpans {
    /// A span found too many waiting.
    pub fn queue_full(&self) {
        self.queue.fetch_add(1, Ordering::Relaxed);
    }

    /// The collector did not take `spans`.
    pub fn not_exported(&self, spans: usize) {
        self.export.fetch_add(spans as u64, Ordering::Relaxed);
    }

    /// By reason.
    pub fn counted(&self) -> [(&'static str, u64); 2] {
        [("queue", &self.queue), ("export", &self.export)]
            .map(|(reason, lost)| (reason, lost.load(Ordering::Relaxed)))
    }
}
