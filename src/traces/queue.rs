//! The bounded queue before an exporter, and who counts what is lost there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor,
};

use super::Lost;

/// A queue of so many places, and the thread that hands on what it holds.
pub(super) fn queue<E: SpanExporter + 'static>(
    exporter: E,
    places: usize,
    lost: &Arc<dyn Lost>,
) -> Queue {
    let waiting = Arc::new(AtomicUsize::new(0));
    let exporter = Counted {
        exporter,
        waiting: Arc::clone(&waiting),
        lost: Arc::clone(lost),
    };
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(places)
        .build();
    Queue {
        batches: BatchSpanProcessor::new(exporter, batches),
        places,
        waiting,
        lost: Arc::clone(lost),
    }
}

/// Lets in as many spans as the library's queue has places: what that drops, it
/// does not tell.
#[derive(Debug)]
pub(super) struct Queue {
    batches: BatchSpanProcessor,
    places: usize,
    waiting: Arc<AtomicUsize>,
    lost: Arc<dyn Lost>,
}

impl SpanProcessor for Queue {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.batches.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) < self.places {
            self.batches.on_end(span);
        } else {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.lost.queue_full();
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// Counts what leaves the queue, and what of it is lost.
#[derive(Debug)]
struct Counted<E> {
    exporter: E,
    waiting: Arc<AtomicUsize>,
    lost: Arc<dyn Lost>,
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        self.waiting.fetch_sub(spans, Ordering::Relaxed);
        let sent = self.exporter.export(batch).await;
        if sent.is_err() {
            self.lost.not_exported(spans);
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
