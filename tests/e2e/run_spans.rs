//! What a collector gets of `cutline run`: a pipeline is one trace, from the
//! request through every stage.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use crate::support::collector::{Collector, SOON, hex, value};
use crate::support::pipeline::{Home, ROWS, STAGES};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
/// The request, and each stage with the message that it gets.
const N: usize = 1 + 2 * STAGES.len();
const PARENT: &str = "00f067aa0ba902b7";

fn named<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    let found = spans.iter().find(|span| span.name == name);
    found.unwrap_or_else(|| panic!("no span {name}: {spans:#?}"))
}

#[test]
fn a_pipeline_is_one_trace_from_the_request_through_every_stage() {
    let (home, collector) = (Home::new(""), Collector::new());
    let url = collector.url();
    let environment = [SOON, ("OTEL_EXPORTER_OTLP_ENDPOINT", &*url)];
    let running = home.run(&[], &environment);
    let sent = format!("traceparent: 00-{TRACE}-{PARENT}-01\r\n");
    let (status, told) = running.post("/pipeline/run", &sent, r#"{"name": "may"}"#);
    assert_eq!(status, 202, "{told}");
    running.says(1, "serves");

    let spans = collector.once(N);
    assert!(spans.iter().all(|span| hex(&span.trace_id) == TRACE));
    let request = named(&spans, "POST /pipeline/run");
    assert_eq!(hex(&request.parent_span_id), PARENT);
    assert_eq!(request.kind, SpanKind::Server as i32);
    let said = |span: &Span, key: &str| value(span, key).unwrap_or_default();
    assert_eq!(said(request, "http.response.status_code"), "202");
    let mut before = request;
    for stage in STAGES {
        let span = named(&spans, stage);
        let mut sent = spans.iter();
        let sent = sent
            .find(|sent| sent.span_id == span.parent_span_id)
            .unwrap();
        let queue = said(span, "messaging.destination.name");
        assert_eq!(sent.name, format!("send {queue}"));
        assert_eq!(sent.kind, SpanKind::Producer as i32);
        assert_eq!(sent.parent_span_id, before.span_id, "{stage}");
        assert_eq!(span.kind, SpanKind::Consumer as i32);
        assert_eq!(said(span, "cutline.stage"), stage);
        assert_eq!(said(span, "cutline.dequeue_count"), "1");
        assert_eq!(said(span, "cutline.end"), "done");
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
        before = span;
    }
    let rows = ROWS.to_string();
    assert_eq!(said(named(&spans, "ingestion"), "cutline.rows"), rows);
    let made = said(named(&spans, "training"), "cutline.artifacts");
    let read = said(named(&spans, "evaluation"), "cutline.read");
    assert!(made.starts_with("model="), "{made}");
    assert!(read.contains(&made), "{read} after {made}");

    let asked = r#"{"customer_id": 1, "age": 30}"#;
    let (status, told) = running.post("/predict?key=secret", &sent, asked);
    assert_eq!(status, 200, "{told}");
    let spans = collector.once(N + 2);
    assert_eq!(
        said(named(&spans, "deployment"), "cutline.version"),
        "churn v1"
    );
    let (request, inference) = (named(&spans, "POST /predict"), named(&spans, "inference"));
    assert_eq!(hex(&request.parent_span_id), PARENT);
    assert_eq!(inference.parent_span_id, request.span_id);
    assert_eq!(said(inference, "cutline.version"), "churn v1");
    assert_eq!(said(inference, "cutline.rows"), "1");
    assert!(!format!("{spans:?}").contains("secret"), "{spans:?}");
    // Who asks for figures is not recorded.
    assert_eq!(running.get("/metrics").0, 200);
    assert!(running.end().success());
    assert_eq!(collector.spans().len(), N + 2);
}

#[test]
fn what_fails_is_one_trace_with_its_tries_and_begins_one_where_none_came() {
    let (home, collector) = (Home::new(""), Collector::new());
    home.says(&["queue", "send", "raw-arrived", "name=june", "--id", "june"]);
    let running = home.run(&["--otlp", &collector.url()], &[SOON]);
    let spans = collector.once(1);
    let span = named(&spans, "ingestion");
    assert_eq!(span.parent_span_id, b"");
    assert_eq!(value(span, "cutline.end").as_deref(), Some("poisoned"));
    assert_eq!(value(span, "error.type").as_deref(), Some("poisoned"));
    assert!(running.end().success());
    let poisoned = home.says(&["queue", "show", "raw-arrived-poison"]);
    assert!(poisoned.contains(&hex(&span.trace_id)), "{poisoned}");
}

/// As in the proxy: requests and messages do not wait for it.
#[test]
fn without_a_collector_the_work_is_done_and_what_is_lost_is_counted() {
    work_is_done_and_lost_spans_counted(&["--otlp", "http://127.0.0.1:1"], &[SOON]);
}

/// What is refused is not sent again, and lost at once.
#[cfg(feature = "insights")]
#[test]
fn where_application_insights_takes_nothing_the_work_is_done_and_the_loss_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (collector, believed) = Collector::over_tls(folder.path());
    collector.refuse();
    let string = collector.connection_string();
    let environment = [
        SOON,
        ("SSL_CERT_FILE", believed.to_str().unwrap()),
        ("APPLICATIONINSIGHTS_CONNECTION_STRING", &string),
    ];
    let log = work_is_done_and_lost_spans_counted(&[], &environment);
    assert!(log.contains("Application Insights takes no spans"), "{log}");
    assert!(log.contains("it answers 400"), "{log}");
    assert!(!log.contains("deadbeef"), "{log}");
}

fn work_is_done_and_lost_spans_counted(args: &[&str], environment: &[(&str, &str)]) -> String {
    let home = Home::new("");
    let running = home.run(args, environment);
    let (status, told) = running.post("/pipeline/run", "", r#"{"name": "may"}"#);
    assert_eq!(status, 202, "{told}");
    running.says(1, "serves");
    crate::support::eventually("what is lost is counted", || {
        let (_, figures) = running.get("/metrics");
        figures.contains("cutline_spans_lost_total{reason=\"export\"} ")
    });
    running.log()
}
