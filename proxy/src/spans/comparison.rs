//! The span of a comparison: in its trace, what both answers come to.

use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::KeyValue;
use opentelemetry::trace::{Span, SpanKind, Tracer};

use super::attempt::Origin;

impl Origin {
    /// Both answers were compared since `start`, with that verdict.
    pub(crate) fn compared(&self, start: SystemTime, stage: &Arc<str>, verdict: &'static str) {
        let mut attributes = vec![
            KeyValue::new("cutline.stage", Arc::clone(stage)),
            KeyValue::new("cutline.verdict", verdict),
        ];
        let route = self.route.as_ref();
        attributes.extend(route.map(|route| KeyValue::new("http.route", Arc::clone(route))));
        let builder = self
            .tracer
            .span_builder("compare")
            .with_kind(SpanKind::Internal)
            .with_start_time(start)
            .with_attributes(attributes);
        self.tracer.build_with_context(builder, &self.parent).end();
    }
}
