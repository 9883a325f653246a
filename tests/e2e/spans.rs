//! Spans as a collector gets them from the process: protobuf over a real
//! socket, and over TLS; and what comes of it when there is no collector.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::collections::HashMap;
use std::fs;
use std::net::{SocketAddr, TcpListener};

use opentelemetry_proto::tonic::trace::v1::Span;

use crate::proxy_control::{Folder, ask, upstream};
use crate::support::collector::{Collector, SOON, hex, value};
use crate::support::eventually;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
/// The spans by what they are, once there are `n`.
fn named(collector: &Collector, n: usize) -> HashMap<String, Span> {
    let name = |span: &Span| match value(span, "cutline.attempt") {
        Some(attempt) => attempt,
        None if span.name == "compare" => "compare".to_owned(),
        None => "server".to_owned(),
    };
    let spans = collector.once(n).into_iter();
    spans.map(|span| (name(&span), span)).collect()
}

/// An upstream that answers with the span it was told of.
fn telling() -> SocketAddr {
    upstream(|head| {
        let mut lines = head.lines();
        let parent = lines.find_map(|line| line.strip_prefix("traceparent: "));
        parent.unwrap_or("none").to_owned()
    })
}

/// A proxy whose stage owns `GET /predict`.
fn folder(mode: &str, monolith: SocketAddr, candidate: &str) -> Folder {
    let folder = Folder::new();
    folder.edit("\"POST /predict\"", "\"GET /predict\"");
    folder.edit("mode = \"split\"\npercent = 0", mode);
    folder.edit(&folder.monolith.to_string(), &monolith.to_string());
    let text = fs::read_to_string(folder.path().join("routes.toml")).unwrap();
    let mut lines = text.lines();
    let old = lines.find(|line| line.starts_with("candidate")).unwrap();
    folder.edit(old, &format!("candidate = \"{candidate}\""));
    folder
}

#[test]
fn a_collector_gets_a_request_with_its_attempts() {
    let folder = folder("mode = \"candidate\"", telling(), "http://127.0.0.1:1");
    let collector = Collector::new();
    let url = collector.url();
    let environment = [
        SOON,
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*url),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret-key"),
    ];
    let proxy = folder.start_in(&["--log", "debug"], &environment);
    let sent = format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\n");
    let (_, told) = ask(proxy.clients, "GET /predict?key=secret-query", &sent);
    let spans = named(&collector, 3);
    let (server, first, fallback) = (&spans["server"], &spans["first"], &spans["fallback"]);
    assert!(spans.values().all(|span| hex(&span.trace_id) == TRACE));
    assert_eq!(hex(&server.parent_span_id), "00f067aa0ba902b7");
    assert_eq!(first.parent_span_id, server.span_id);
    assert_eq!(fallback.parent_span_id, server.span_id);
    assert_eq!(told, format!("00-{TRACE}-{}-01", hex(&fallback.span_id)));
    assert_eq!(server.name, "GET /predict");
    assert_eq!(value(first, "error.type").as_deref(), Some("connect"));
    assert_eq!(value(server, "cutline.end").as_deref(), Some("fallback"));
    assert!(!format!("{spans:?}").contains("secret"), "{spans:?}");

    let (head, got) = collector.got.lock().unwrap()[0].clone();
    assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
    assert!(head.contains("application/x-protobuf\r\n"), "{head}");
    assert!(head.contains("x-key: secret-key\r\n"), "{head}");
    let resource = format!("{:?}", got.resource_spans[0].resource);
    assert!(
        resource.contains("StringValue(\"cutline-proxy\")"),
        "{resource}"
    );
    let log = proxy.log();
    assert!(log.contains("spans are sent"), "{log}");
    assert!(!log.contains("secret"), "{log}");
    assert_eq!(proxy.end(), Some(0));
}

#[test]
fn a_copy_is_among_them_and_a_flag_names_the_collector() {
    let candidate = format!("http://{}", telling());
    // By chance, the monolith would be asked twice.
    let mode = "mode = \"shadow\"\ncompare = { noise = \"off\" }";
    let folder = folder(mode, telling(), &candidate);
    let collector = Collector::new();
    let environment = [SOON, ("OTEL_SERVICE_NAME", "front")];
    let proxy = folder.start_in(&["--otlp", &collector.url()], &environment);
    let (_, told) = ask(proxy.clients, "GET /predict", "");
    let spans = named(&collector, 4);
    let (server, first, mirror) = (&spans["server"], &spans["first"], &spans["mirror"]);
    assert_eq!(spans["compare"].parent_span_id, server.span_id);
    assert_eq!(server.parent_span_id, b"");
    assert_eq!(first.parent_span_id, server.span_id);
    assert_eq!(mirror.parent_span_id, server.span_id);
    let trace = hex(&server.trace_id);
    assert_eq!(told, format!("00-{trace}-{}-01", hex(&first.span_id)));
    assert_eq!(value(mirror, "cutline.side").as_deref(), Some("candidate"));
    let resource = format!("{:?}", collector.got.lock().unwrap()[0].1);
    assert!(resource.contains("StringValue(\"front\")"), "{resource}");
    assert_eq!(proxy.end(), Some(0));
}

#[test]
fn what_is_not_sampled_is_not_sent_and_the_last_ones_are() {
    let folder = folder("mode = \"monolith\"", telling(), "http://127.0.0.1:1");
    let collector = Collector::new();
    // Nothing is due before the end.
    let environment = [
        ("OTEL_BSP_SCHEDULE_DELAY", "3600000"),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0"),
    ];
    let proxy = folder.start_in(&["--otlp", &collector.url()], &environment);
    let not = format!("00-{TRACE}-00f067aa0ba902b7-00");
    let (_, told) = ask(proxy.clients, "GET /", &format!("traceparent: {not}\r\n"));
    assert_eq!(told, not);
    let (_, told) = ask(proxy.clients, "GET /", "");
    assert!(told.ends_with("-00"), "{told}");
    let sent = format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\n");
    ask(proxy.clients, "GET /", &sent);
    assert_eq!(proxy.end(), Some(0));
    let spans = collector.spans();
    assert_eq!(spans.len(), 2, "one request: {spans:#?}");
    assert_eq!(hex(&spans[0].trace_id), TRACE);
}

/// Neither one that is not there nor one that never answers.
#[test]
fn without_a_collector_requests_go_on_and_what_is_lost_is_counted() {
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let hanging = hanging
        .local_addr()
        .map(|address| (hanging, address))
        .unwrap();
    for (collector, lost) in [
        ("http://127.0.0.1:1".to_owned(), "export"),
        (format!("http://{}", hanging.1), "queue"),
    ] {
        let folder = folder("mode = \"monolith\"", telling(), "http://127.0.0.1:1");
        let environment = [
            SOON,
            ("OTEL_BSP_MAX_QUEUE_SIZE", "8"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "60000"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret-key"),
        ];
        let proxy = folder.start_in(&["--otlp", &collector], &environment);
        let counter = format!("cutline_spans_lost_total{{reason=\"{lost}\"}} ");
        let mut n = 0;
        eventually("spans are lost, and counted", || {
            n += 1;
            let (status, told) = ask(proxy.clients, "GET /", "");
            assert_eq!(status, 200, "{told}");
            let metrics = proxy.metrics(&folder);
            let line = metrics.lines().find_map(|line| line.strip_prefix(&counter));
            line.is_some_and(|lost| lost != "0")
        });
        let metrics = proxy.metrics(&folder);
        let answered = format!("end=\"monolith\"}} {n}");
        assert!(metrics.contains(&answered), "{metrics}");
        let log = proxy.log();
        assert!(!log.contains("secret"), "{log}");
        assert_eq!(proxy.end(), Some(0));
    }
}

#[test]
fn a_collector_may_speak_tls() {
    let folder = folder("mode = \"monolith\"", telling(), "http://127.0.0.1:1");
    let (collector, file) = Collector::over_tls(folder.path());
    let url = collector.tls_url();
    let environment = [SOON, ("SSL_CERT_FILE", file.to_str().unwrap())];
    let proxy = folder.start_in(&["--otlp", &url], &environment);
    ask(proxy.clients, "GET /", "");
    assert_eq!(named(&collector, 2).len(), 2);
    assert_eq!(proxy.end(), Some(0));
}

#[test]
fn a_wrong_address_is_refused() {
    let folder = Folder::new();
    let output = folder.run(&["proxy", "--otlp", "localhost:4318"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    let wrong = "--otlp is no URL such as http://localhost:4318";
    assert!(said.contains(wrong), "{said}");
}
