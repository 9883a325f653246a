//! A request's own span, from its head to the end of its answer.

use std::borrow::Cow;
use std::sync::Arc;

use http::{Request, Response, StatusCode};
use opentelemetry::global::BoxedSpan;
use opentelemetry::trace::{Span, SpanKind, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};

use super::Tracing;
use super::attempt::{Attempt, Origin, Turn};
use super::attributes::{asked_for, cut, fail, method, named, remote, shown, status_code, version};
use crate::access::Ended;
use crate::decide::Why;
use crate::forward::exchange::Head;
use crate::forward::headers::Client;
use crate::forward::upstream::Upstream;
use crate::metrics::End;
use crate::outcome::Failure;
use crate::route::Side;

/// The spans of a request that is recorded.
pub(crate) struct Spans {
    /// Before its parent, so that it ends first.
    attempt: Option<Attempt>,
    server: BoxedSpan,
    method: &'static str,
    origin: Origin,
    status: Option<StatusCode>,
    failure: Option<&'static str>,
}

impl Spans {
    /// None where nobody records, which costs a look at one number, or where
    /// the sampler leaves the request out.
    pub(crate) fn begin<B>(
        tracing: Option<&Tracing>,
        request: &Request<B>,
        client: &Client,
    ) -> Option<Box<Spans>> {
        let tracer = &tracing?.tracer;
        let headers = request.headers();
        let (name, other) = method(request.method());
        let builder = tracer.span_builder(shown(name)).with_kind(SpanKind::Server);
        let mut server = tracer.build_with_context(builder, &remote(headers));
        if !server.is_recording() {
            return None;
        }
        let mut attributes = vec![
            KeyValue::new("http.request.method", name),
            KeyValue::new("url.path", cut(request.uri().path())),
            KeyValue::new("url.scheme", if client.tls { "https" } else { "http" }),
            KeyValue::new("client.address", client.origin(headers).to_string()),
        ];
        attributes.extend(version(request.version()));
        attributes.extend(other.map(|name| KeyValue::new("http.request.method_original", name)));
        if let Some((host, port)) = asked_for(request, client.tls) {
            attributes.push(KeyValue::new("server.address", host));
            attributes.push(KeyValue::new("server.port", i64::from(port)));
        }
        server.set_attributes(attributes);
        let own = server.span_context().clone();
        Some(Box::new(Spans {
            origin: Origin {
                tracer: Arc::clone(tracer),
                trace: u128::from_be_bytes(own.trace_id().to_bytes()),
                parent: Context::new().with_remote_span_context(own),
                route: None,
            },
            server,
            method: name,
            attempt: None,
            status: None,
            failure: None,
        }))
    }

    pub(crate) fn trace(&self) -> u128 {
        self.origin.trace
    }

    /// Of the request's own span.
    pub(crate) fn id(&self) -> u64 {
        u64::from_be_bytes(self.server.span_context().span_id().to_bytes())
    }

    /// For the copy, which may outlast the request.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// `route` is the template of the route that fits.
    pub(crate) fn decided(&mut self, why: Why, side: Side, route: Option<&Arc<str>>) {
        let server = &mut self.server;
        server.set_attribute(KeyValue::new("cutline.why", why.name()));
        server.set_attribute(KeyValue::new("cutline.side", side.name()));
        if let Some(route) = route {
            server.set_attribute(KeyValue::new("http.route", Arc::clone(route)));
            server.update_name(named(self.method, Some(route)));
            self.origin.route = Some(Arc::clone(route));
        }
    }

    /// An upstream is asked; what was asked before has ended.
    pub(crate) fn asks(&mut self, turn: Turn, side: Side, upstream: &Upstream, head: &mut Head) {
        self.attempt = Some(self.origin.asks(turn, side, upstream, head));
    }

    /// It answers: the attempt lasts as long as that answer's body.
    pub(crate) fn heard<B>(&mut self, response: &Response<B>) {
        if let Some(attempt) = &mut self.attempt {
            attempt.heard(response);
        }
    }

    /// It does not.
    pub(crate) fn unheard(&mut self, failure: Failure) {
        if let Some(mut attempt) = self.attempt.take() {
            attempt.unheard(failure);
        }
    }

    /// The head of an answer goes to the client.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// The proxy answers itself, by that name.
    pub(crate) fn failed(&mut self, why: &'static str) {
        self.failure = Some(why);
    }

    pub(crate) fn end(mut self, ended: &Ended<'_>) {
        let server = &mut self.server;
        server.set_attribute(KeyValue::new("cutline.end", ended.end.name()));
        if let Some(route) = ended.route {
            let stage = &ended.table.stages[ended.table.routes[route].stage].name;
            server.set_attribute(KeyValue::new("cutline.stage", Arc::clone(stage)));
        }
        if let Some(status) = self.status {
            server.set_attribute(status_code(status));
        }
        let broken = ended.end == End::Aborted;
        if broken && let Some(attempt) = &mut self.attempt {
            attempt.fail(Cow::Borrowed(End::Aborted.name()));
        }
        let failed = self.status.filter(StatusCode::is_server_error);
        let why = match (broken, self.failure, failed) {
            (true, ..) => Cow::Borrowed(End::Aborted.name()),
            (false, Some(why), Some(_)) => Cow::Borrowed(why),
            (false, None, Some(status)) => Cow::Owned(status.as_str().to_owned()),
            (false, _, None) => return,
        };
        fail(server, why);
    }
}
