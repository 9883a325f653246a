//! What is recorded of requests, as an exporter gets it; over real sockets.

#![allow(clippy::unwrap_used, reason = "a test may fail here")]

mod support;

use std::io::Write;
use std::net::{SocketAddr, TcpStream};

use cutline_proxy::{Proxy, Running, Tracing};
use opentelemetry::trace::{SpanId, SpanKind, Status, TraceId, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, Sampler, SdkTracerProvider, SpanData};
use support::{Seen, Upstream, ask, config, eventually, respond};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// A proxy whose spans are kept.
struct Traced {
    proxy: Running,
    spans: InMemorySpanExporter,
}

impl Traced {
    fn new(monolith: &Upstream, candidate: &str, stage: &str) -> Traced {
        let all = Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
        Traced::sampled(all, monolith, candidate, stage)
    }

    fn sampled(sampler: Sampler, monolith: &Upstream, candidate: &str, stage: &str) -> Traced {
        let spans = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_sampler(sampler)
            .with_simple_exporter(spans.clone())
            .build();
        let proxy = Proxy::bind(config(&monolith.url(), candidate, stage, "")).unwrap();
        proxy.trace(Tracing::new(provider.tracer("cutline"), Default::default()));
        let proxy = proxy.start(1).unwrap();
        Traced { proxy, spans }
    }

    fn to(&self) -> SocketAddr {
        self.proxy.addresses()[0]
    }

    /// All spans, once there are `n`.
    fn spans(&self, n: usize) -> Vec<SpanData> {
        let spans = || self.spans.get_finished_spans().unwrap();
        eventually("that many spans", || spans().len() >= n);
        let spans = spans();
        assert_eq!(spans.len(), n, "{spans:#?}");
        spans
    }
}

fn server(spans: &[SpanData]) -> &SpanData {
    let mut servers = spans.iter();
    servers
        .find(|span| span.span_kind == SpanKind::Server)
        .unwrap()
}

fn attempt<'s>(spans: &'s [SpanData], turn: &str) -> &'s SpanData {
    let mut attempts = spans.iter();
    attempts
        .find(|span| value(span, "cutline.attempt").as_deref() == Some(turn))
        .unwrap_or_else(|| panic!("no {turn} among {spans:#?}"))
}

fn value(span: &SpanData, key: &str) -> Option<String> {
    let mut attributes = span.attributes.iter();
    let found = attributes.find(|attribute| attribute.key.as_str() == key)?;
    Some(found.value.to_string())
}

/// All attributes, sorted, one a line.
fn said(span: &SpanData) -> String {
    let attributes = span.attributes.iter();
    let mut lines: Vec<_> = attributes
        .map(|attribute| format!("{}={}", attribute.key, attribute.value))
        .collect();
    lines.sort();
    lines.join("\n")
}

/// The traceparent by which an upstream knows a span.
fn known_as(span: &SpanData) -> Option<String> {
    let (trace, id) = (span.span_context.trace_id(), span.span_context.span_id());
    Some(format!("00-{trace}-{id}-01"))
}

fn parent(seen: &Seen) -> Option<String> {
    seen.field("traceparent").map(str::to_owned)
}

#[test]
fn a_request_is_a_span_and_its_attempt_a_child_that_the_upstream_knows() {
    let monolith = Upstream::named("monolith");
    let traced = Traced::new(&monolith, "http://127.0.0.1:1", "mode = \"monolith\"");
    let sent = format!("traceparent: 00-{TRACE}-{PARENT}-01");
    let fields = [&*sent, "tracestate: a=b"];
    ask(traced.to(), "POST /predict?key=secret", &fields, "{}");
    let spans = traced.spans(2);
    let (server, first) = (server(&spans), attempt(&spans, "first"));

    let trace = TraceId::from_hex(TRACE).unwrap();
    assert_eq!(server.span_context.trace_id(), trace);
    assert_eq!(server.parent_span_id, SpanId::from_hex(PARENT).unwrap());
    assert_eq!(server.span_context.trace_state().header(), "a=b");
    assert_eq!(first.span_context.trace_id(), trace);
    assert_eq!(first.parent_span_id, server.span_context.span_id());
    assert_eq!(first.span_kind, SpanKind::Client);
    assert_eq!(spans[1].span_kind, SpanKind::Server, "it ends last");
    let seen = &monolith.seen()[0];
    assert_eq!(parent(seen), known_as(first));
    assert_eq!(seen.field("tracestate"), Some("a=b"));

    assert_eq!(
        (&*server.name, &*first.name),
        ("POST /predict", "POST /predict")
    );
    assert_eq!(
        (&server.status, &first.status),
        (&Status::Unset, &Status::Unset)
    );
    insta::assert_snapshot!(said(server), @r"
    client.address=127.0.0.1
    cutline.end=monolith
    cutline.side=monolith
    cutline.stage=inference
    cutline.why=mode
    http.request.method=POST
    http.response.status_code=200
    http.route=/predict
    network.protocol.version=1.1
    server.address=churn.example
    server.port=80
    url.path=/predict
    url.scheme=http
    ");
    let port = monolith.address.port().to_string();
    insta::assert_snapshot!(said(first).replace(&port, "PORT"), @r"
    cutline.attempt=first
    cutline.side=monolith
    http.request.method=POST
    http.response.status_code=200
    network.protocol.version=1.1
    server.address=127.0.0.1
    server.port=PORT
    url.full=http://127.0.0.1:PORT/predict
    url.template=/predict
    ");
    traced.proxy.stop();
}

#[test]
fn a_fallback_is_a_second_attempt() {
    let monolith = Upstream::named("monolith");
    let candidate = Upstream::new(|_, socket| respond(socket, "503 Busy", "", ""));
    let traced = Traced::new(&monolith, &candidate.url(), "mode = \"candidate\"");
    let response = ask(traced.to(), "GET /drift", &[], "");
    assert_eq!(response.body, "monolith");
    let spans = traced.spans(3);
    let (first, fallback) = (attempt(&spans, "first"), attempt(&spans, "fallback"));
    let server = server(&spans);
    for attempt in [first, fallback] {
        assert_eq!(attempt.parent_span_id, server.span_context.span_id());
    }
    assert_eq!(server.parent_span_id, SpanId::INVALID, "it is a root");
    assert_eq!(parent(&candidate.seen()[0]), known_as(first));
    assert_eq!(parent(&monolith.seen()[0]), known_as(fallback));
    assert_eq!(value(first, "error.type").as_deref(), Some("503"));
    assert_eq!(value(first, "cutline.side").as_deref(), Some("candidate"));
    assert_eq!(value(fallback, "error.type"), None);
    assert_eq!(value(fallback, "cutline.side").as_deref(), Some("monolith"));
    assert_eq!(value(server, "cutline.side").as_deref(), Some("candidate"));
    assert_eq!(value(server, "cutline.end").as_deref(), Some("fallback"));
    assert_eq!(server.status, Status::Unset);
    traced.proxy.stop();
}

#[test]
fn a_copy_is_an_attempt_too() {
    let (monolith, candidate) = (Upstream::named("monolith"), Upstream::named("candidate"));
    let traced = Traced::new(&monolith, &candidate.url(), "mode = \"shadow\"");
    ask(traced.to(), "POST /predict", &[], "{}");
    let spans = traced.spans(3);
    let (first, mirror) = (attempt(&spans, "first"), attempt(&spans, "mirror"));
    for child in [first, mirror] {
        let server = server(&spans).span_context.span_id();
        assert_eq!(child.parent_span_id, server);
    }
    assert_eq!(value(mirror, "cutline.side").as_deref(), Some("candidate"));
    assert_eq!(parent(&monolith.seen()[0]), known_as(first));
    assert_eq!(parent(&candidate.seen()[0]), known_as(mirror));
    traced.proxy.stop();
}

#[test]
fn what_is_not_sampled_is_passed_on_and_not_recorded() {
    let monolith = Upstream::named("monolith");
    let traced = Traced::new(&monolith, "http://127.0.0.1:1", "");
    let sent = format!("00-{TRACE}-{PARENT}-00");
    ask(traced.to(), "GET /", &[&format!("traceparent: {sent}")], "");
    assert_eq!(parent(&monolith.seen()[0]), Some(sent));
    traced.proxy.stop();
    assert_eq!(traced.spans.get_finished_spans().unwrap().len(), 0);
}

#[test]
fn a_root_that_is_not_sampled_tells_the_upstream() {
    let monolith = Upstream::named("monolith");
    let few = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(0.0)));
    let traced = Traced::sampled(few, &monolith, "http://127.0.0.1:1", "");
    ask(traced.to(), "GET /", &[], "");
    let sent = format!("traceparent: 00-{TRACE}-{PARENT}-01");
    ask(traced.to(), "GET /", &[&sent], "");
    let spans = traced.spans(2);
    assert_eq!(server(&spans).span_context.trace_id().to_string(), TRACE);
    let made = parent(&monolith.seen()[0]).unwrap();
    assert!(made.ends_with("-00"), "{made}");
    traced.proxy.stop();
}

#[test]
fn a_parent_that_cannot_be_read_is_none() {
    let monolith = Upstream::named("monolith");
    let traced = Traced::new(&monolith, "http://127.0.0.1:1", "");
    let wrong = format!("traceparent: ff-{TRACE}-{PARENT}-01");
    ask(traced.to(), "GET /", &[&wrong, "tracestate: a=b"], "");
    let spans = traced.spans(2);
    let server = server(&spans);
    assert_eq!(server.parent_span_id, SpanId::INVALID);
    assert_ne!(server.span_context.trace_id().to_string(), TRACE);
    let seen = &monolith.seen()[0];
    assert_eq!(parent(seen), known_as(attempt(&spans, "first")));
    assert_eq!(seen.field("tracestate"), None);
    traced.proxy.stop();
}

#[test]
fn what_goes_wrong_is_named() {
    let monolith = Upstream::new(|_, socket| {
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf");
        false
    });
    let traced = Traced::new(&monolith, "http://127.0.0.1:1", "mode = \"candidate\"");
    let errors = |n| {
        let spans = traced.spans(n);
        traced.spans.reset();
        let mut errors: Vec<_> = spans
            .iter()
            .map(|span| {
                (
                    span.span_kind.clone(),
                    value(span, "error.type"),
                    value(span, "cutline.end"),
                )
            })
            .map(|(kind, error, end)| format!("{kind:?} {error:?} {end:?}"))
            .collect();
        errors.sort();
        errors.join("\n")
    };
    // Nobody is there, and the monolith breaks off in its place.
    ask(traced.to(), "POST /train", &[], "{}");
    insta::assert_snapshot!(errors(3), @r#"
    Client Some("aborted") None
    Client Some("connect") None
    Server Some("aborted") Some("aborted")
    "#);
    // The client's own fault.

    ask(traced.to(), "TRACE /", &[], "");
    insta::assert_snapshot!(errors(1), @r#"
    Server None Some("refused")
    "#);
    traced.proxy.stop();
}

#[test]
fn a_client_that_leaves_ends_its_spans() {
    let (said, heard) = std::sync::mpsc::channel();
    let said = std::sync::Mutex::new(said);
    let monolith = Upstream::new(move |_, socket| {
        let _ = said.lock().unwrap().send(());
        // Until the proxy leaves.
        let _ = std::io::Read::read(socket, &mut [0]);
        false
    });
    let traced = Traced::new(&monolith, "http://127.0.0.1:1", "");
    let mut client = TcpStream::connect(traced.to()).unwrap();
    client
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .unwrap();
    heard.recv().unwrap();
    drop(client);
    for span in traced.spans(2) {
        assert_eq!(value(&span, "error.type").as_deref(), Some("aborted"));
    }
    traced.proxy.stop();
}

#[test]
fn what_a_client_says_at_length_is_cut() {
    let monolith = Upstream::named("monolith");
    let traced = Traced::new(&monolith, "http://127.0.0.1:1", "");
    let path = "/long".repeat(1_000);
    let state = format!("tracestate: a={}", "b".repeat(600));
    let sent = format!("traceparent: 00-{TRACE}-{PARENT}-01");
    ask(
        traced.to(),
        &format!("{} {path}", "M".repeat(1_100)),
        &[&sent, &state],
        "",
    );
    let spans = traced.spans(2);
    let server = server(&spans);
    assert_eq!(server.name, "HTTP");
    assert_eq!(
        value(server, "http.request.method").as_deref(),
        Some("_OTHER")
    );
    for span in &spans {
        for attribute in &span.attributes {
            assert!(attribute.value.to_string().len() < 1_100, "{attribute:?}");
        }
    }
    assert_eq!(server.span_context.trace_state().header(), "");
    assert!(monolith.seen()[0].field("tracestate").unwrap().len() > 600);
    traced.proxy.stop();
}
