//! The span of one attempt at an upstream; the upstream is told of it.

use std::borrow::Cow;
use std::sync::Arc;

use http::Response;
use opentelemetry::global::{BoxedSpan, BoxedTracer};
use opentelemetry::trace::{Span, SpanKind, Tracer};
use opentelemetry::{Context, KeyValue};

use super::attributes::{cut, fail, method, named, status_code, version};
use crate::forward::exchange::Head;
use crate::forward::trace::{self, Parent};
use crate::forward::upstream::Upstream;
use crate::outcome::Failure;
use crate::route::Side;

/// What attempts are children of.
#[derive(Clone)]
pub(crate) struct Origin {
    pub(super) tracer: Arc<BoxedTracer>,
    pub(super) parent: Context,
    pub(super) trace: u128,
    pub(super) route: Option<Arc<str>>,
}

/// One attempt at an upstream, until it is dropped.
pub(crate) struct Attempt(BoxedSpan);

/// Which attempt at a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// At the side that was decided on.
    First,
    /// At the monolith, in the candidate's place.
    Fallback,
    /// The copy.
    Mirror,
}

impl Turn {
    fn name(self) -> &'static str {
        match self {
            Turn::First => "first",
            Turn::Fallback => "fallback",
            Turn::Mirror => "mirror",
        }
    }
}

impl Origin {
    /// Begins an attempt, of which the upstream is told by `head`.
    pub(crate) fn asks(
        &self,
        turn: Turn,
        side: Side,
        upstream: &Upstream,
        head: &mut Head,
    ) -> Attempt {
        let address = &upstream.address;
        let (name, other) = method(&head.method);
        let mut attributes = vec![
            KeyValue::new("http.request.method", name),
            KeyValue::new("server.address", address.host.clone()),
            KeyValue::new("server.port", i64::from(address.port)),
            KeyValue::new("url.full", format!("{address}{}", cut(head.target.path()))),
            KeyValue::new("cutline.side", side.name()),
            KeyValue::new("cutline.attempt", turn.name()),
        ];
        attributes.extend(other.map(|name| KeyValue::new("http.request.method_original", name)));
        let route = self.route.as_ref();
        attributes.extend(route.map(|route| KeyValue::new("url.template", Arc::clone(route))));
        let builder = self
            .tracer
            .span_builder(named(name, route))
            .with_kind(SpanKind::Client)
            .with_attributes(attributes);
        let span = self.tracer.build_with_context(builder, &self.parent);
        let own = span.span_context();
        // Without an id there is nothing to tell: the exporter has ended.
        if own.is_valid() {
            let parent = Parent {
                trace: u128::from_be_bytes(own.trace_id().to_bytes()),
                span: u64::from_be_bytes(own.span_id().to_bytes()),
                flags: own.trace_flags().to_u8(),
            };
            trace::put(&mut head.headers, parent);
        }
        Attempt(span)
    }
}

impl Attempt {
    /// The head of the answer.
    pub(crate) fn heard<B>(&mut self, response: &Response<B>) {
        let status = response.status();
        self.0.set_attribute(status_code(status));
        if let Some(version) = version(response.version()) {
            self.0.set_attribute(version);
        }
        if status.is_client_error() || status.is_server_error() {
            self.fail(Cow::Owned(status.as_str().to_owned()));
        }
    }

    /// Why there is none.
    pub(crate) fn unheard(&mut self, failure: Failure) {
        self.fail(Cow::Borrowed(failure.name()));
    }

    pub(super) fn fail(&mut self, why: Cow<'static, str>) {
        fail(&mut self.0, why);
    }
}
