//! What is said of a message, in the words of the semantic conventions.

use std::borrow::Cow;
use std::str::FromStr;
use std::sync::Arc;

use http::header::HOST;
use http::uri::{Authority, Scheme};
use http::{HeaderMap, Method, Request, StatusCode, Version};
use opentelemetry::global::BoxedSpan;
use opentelemetry::trace::{
    Span, SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Context, KeyValue};

use crate::forward::trace;
use crate::methods::Known;

/// All attributes that a span may have.
pub const ATTRIBUTES: [&str; 19] = [
    "client.address",
    "cutline.attempt",
    "cutline.end",
    "cutline.side",
    "cutline.stage",
    "cutline.verdict",
    "cutline.why",
    "error.type",
    "http.request.method",
    "http.request.method_original",
    "http.response.status_code",
    "http.route",
    "network.protocol.version",
    "server.address",
    "server.port",
    "url.full",
    "url.path",
    "url.scheme",
    "url.template",
];

/// What a client can make long is cut there: spans wait in memory.
const LONGEST: usize = 1_024;
/// State that is longer is passed on and not recorded (W3C Trace Context
/// §3.3.1.5 asks for 512 characters).
const LONGEST_STATE: usize = 512;

pub(super) fn fail(span: &mut BoxedSpan, why: Cow<'static, str>) {
    span.set_attribute(KeyValue::new("error.type", why));
    span.set_status(Status::error(""));
}

/// What the request says that it is a part of.
pub(super) fn remote(headers: &HeaderMap) -> Context {
    let Some(parent) = trace::sent(headers) else {
        return Context::new();
    };
    let state = trace::state(headers);
    let state = (state.len() <= LONGEST_STATE).then(|| TraceState::from_str(&state).ok());
    Context::new().with_remote_span_context(SpanContext::new(
        TraceId::from_bytes(parent.trace.to_be_bytes()),
        SpanId::from_bytes(parent.span.to_be_bytes()),
        // Others are not to be passed on (W3C Trace Context §3.2.2.5.2).
        TraceFlags::new(parent.flags) & TraceFlags::SAMPLED,
        true,
        state.flatten().unwrap_or_default(),
    ))
}

/// A method that is known, or `_OTHER` and what it is.
pub(super) fn method(method: &Method) -> (&'static str, Option<String>) {
    let known = Known::of(method);
    let other = (known == Known::OTHER).then(|| cut(method.as_str()));
    (known.name(), other)
}

pub(super) fn shown(method: &'static str) -> &'static str {
    if method == "_OTHER" { "HTTP" } else { method }
}

/// The name of a span: method and template.
pub(super) fn named(method: &'static str, route: Option<&Arc<str>>) -> Cow<'static, str> {
    match route {
        Some(route) => Cow::Owned(format!("{} {route}", shown(method))),
        None => Cow::Borrowed(shown(method)),
    }
}

pub(super) fn version(version: Version) -> Option<KeyValue> {
    let version = match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_11 => "1.1",
        Version::HTTP_2 => "2",
        _ => return None,
    };
    Some(KeyValue::new("network.protocol.version", version))
}

pub(super) fn status_code(status: StatusCode) -> KeyValue {
    KeyValue::new("http.response.status_code", i64::from(status.as_u16()))
}

/// Host and port as the client named them.
pub(super) fn asked_for<B>(request: &Request<B>, tls: bool) -> Option<(String, u16)> {
    let field = request.headers().get(HOST);
    let field = field.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let authority = request.uri().authority().cloned().or(field)?;
    let https = request.uri().scheme() == Some(&Scheme::HTTPS) || tls;
    let port = authority.port_u16().unwrap_or(if https { 443 } else { 80 });
    Some((cut(authority.host()), port))
}

pub(super) fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(LONGEST)].to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What is said names its attributes in its own place, as texts.
    #[test]
    fn what_is_said_is_listed_and_no_other() {
        let files = [
            include_str!("attempt.rs"),
            include_str!("attributes.rs"),
            include_str!("comparison.rs"),
            include_str!("request.rs"),
        ];
        let files = files.map(|file| file.split("#[cfg(test)]").next().unwrap_or_default());
        let said = files
            .iter()
            .flat_map(|file| file.split("KeyValue::new(\"").skip(1));
        let said: BTreeSet<&str> = said.filter_map(|call| call.split('"').next()).collect();
        assert_eq!(said, BTreeSet::from(ATTRIBUTES));
    }
}
