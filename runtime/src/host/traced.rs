//! The trace of a request: which it is of, and a span of its own where
//! somebody records.

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::{self, Next};
use axum::response::Response;

use super::faces::SHADOW;
use crate::queue::TraceContext;
use crate::spans::{self, Of, Tracing};

pub(super) const TRACEPARENT: &str = "traceparent";

/// What a client can make long is cut there: spans wait in memory.
const LONGEST: usize = 1_024;

/// What a request says that it is a part of; of two that it says, neither.
pub(super) fn sent(headers: &HeaderMap) -> Option<TraceContext> {
    let mut sent = headers.get_all(TRACEPARENT).iter();
    match (sent.next(), sent.next()) {
        (Some(one), None) => one.to_str().ok()?.parse().ok(),
        _ => None,
    }
}

/// Of what the host of an app says and what the request that it unwraps does,
/// the nearer: the host's, where that is of the request's trace.
pub(super) fn nearer(
    host: Option<TraceContext>,
    request: Option<TraceContext>,
) -> Option<TraceContext> {
    match (host, request) {
        (Some(host), Some(request)) if host.trace() == request.trace() => {
            TraceContext::new(host.trace(), host.parent(), request.is_sampled())
        }
        (host, request) => request.or(host.and_then(undecided)),
    }
}

/// A trace that a host began by itself: what it says of recording it says for
/// its own telemetry.
pub(super) fn undecided(host: TraceContext) -> Option<TraceContext> {
    TraceContext::new(host.trace(), host.parent(), true)
}

/// Each request at these routes is a span, where somebody records.
pub(super) fn recorded(router: Router, tracing: &Tracing) -> Router {
    if !tracing.is_on() || !router.has_routes() {
        return router;
    }
    let tracing = tracing.clone();
    let record = move |request: Request, next: Next| record(tracing.clone(), request, next);
    router.layer(middleware::from_fn(record))
}

/// Names and attributes are those of OpenTelemetry's semantic conventions for
/// HTTP, as far as they are stable. A query is never among them.
async fn record(tracing: Tracing, mut request: Request, next: Next) -> Response {
    let method = name(request.method());
    let shown = if method == "_OTHER" { "HTTP" } else { method };
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map(|route| route.as_str().to_owned());
    let name = match &route {
        Some(route) => format!("{shown} {route}"),
        None => shown.to_owned(),
    };
    let mut span = tracing.begin(Of::Request, name, sent(request.headers()));
    span.say("http.request.method", method);
    let path = request.uri().path().chars().take(LONGEST);
    span.say("url.path", path.collect::<String>());
    if let Some(route) = route {
        span.say("http.route", route);
    }
    if request.headers().contains_key(SHADOW) {
        span.say("cutline.shadow", true);
    }
    if let Ok(own) = HeaderValue::try_from(span.context().to_string()) {
        request.headers_mut().insert(TRACEPARENT, own);
    }
    let response = spans::within(tracing, &span, next.run(request)).await;
    let status = response.status();
    span.say("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.fail(status.as_str().to_owned());
    }
    response
}

/// A method that is known, or `_OTHER`: a client can make the others long.
fn name(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let known = KNOWN.into_iter().find(|known| *known == method.as_str());
    known.unwrap_or("_OTHER")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_host_is_nearer_within_the_trace_of_the_request() {
        let of = |trace, parent, sampled| TraceContext::new(trace, parent, sampled);
        let request = of(1, 2, true);
        assert_eq!(nearer(None, None), None);
        assert_eq!(nearer(None, request), request);
        assert_eq!(nearer(of(1, 3, false), request), of(1, 3, true));
        assert_eq!(nearer(of(1, 3, true), of(1, 2, false)), of(1, 3, false));
        assert_eq!(nearer(of(7, 3, true), request), request);
        assert_eq!(nearer(of(7, 3, false), None), of(7, 3, true));
    }

    #[test]
    fn a_request_is_of_the_one_trace_that_it_names() {
        let mut headers = HeaderMap::new();
        assert_eq!(sent(&headers), None);
        headers.append(TRACEPARENT, HeaderValue::from_static("what"));
        assert_eq!(sent(&headers), None);
        headers.insert(TRACEPARENT, HeaderValue::from_static(ONE));
        assert_eq!(sent(&headers).unwrap().to_string(), ONE);
        headers.append(TRACEPARENT, HeaderValue::from_static(ONE));
        assert_eq!(sent(&headers), None);
    }
}
