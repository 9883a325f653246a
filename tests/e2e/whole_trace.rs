//! One trace, from the client through the proxy, the queues and each function to
//! the version that answered, whole in both formats: as an OpenTelemetry
//! collector gets it and as Application Insights does.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::thread;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::Value;

use crate::proxy_control::Folder;
use crate::support::collector::{Collector, SOON, hex, value};
use crate::support::eventually;
use crate::support::pipeline::{Home, Running};
use crate::support::service::{ask, cutline};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
/// The client's own span.
const CLIENT: &str = "00f067aa0ba902b7";

/// Watches what was predicted.
const MONITORING: &str = r#"
[function.monitoring]
trigger  = { queue = "watch" }
output   = { artifact = "drift" }
at_least = 1
drift    = { tests = { age = "psi" } }

[function.monitoring.input]
log       = { log = "inference" }
reference = { model = "churn@champion" }

[[http]]
route    = "POST /watch"
function = "monitoring"
"#;

/// What the docs show, too. The numbers of a run are left out.
const WHOLE: &str = "\
client
  request POST /pipeline/run (cutline-proxy) candidate
    dependency POST /pipeline/run (cutline-proxy) candidate first
      request POST /pipeline/run (cutline-functions)
        dependency send raw-arrived (cutline-functions)
          request ingestion (cutline-functions) done
            dependency send customers-ready (cutline-functions)
              request preprocessing (cutline-functions) done
                dependency send features-ready (cutline-functions)
                  request training (cutline-functions) done
                    dependency send model-trained (cutline-functions)
                      request evaluation (cutline-functions) done
                        dependency send model-evaluated (cutline-functions)
                          request deployment (cutline-functions) done churn v1
  request POST /predict (cutline-proxy) candidate
    dependency POST /predict (cutline-proxy) candidate first
      request POST /predict (cutline-functions)
        dependency inference (cutline-functions) done churn v1
    dependency POST /predict (cutline-proxy) monolith mirror
    dependency compare (cutline-proxy) mismatch
  request POST /watch (cutline-proxy) candidate
    dependency POST /watch (cutline-proxy) candidate first
      request POST /watch (cutline-functions)
        dependency send watch (cutline-functions)
          request monitoring (cutline-functions) done
";

/// A span, whichever format it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    /// As Application Insights calls it.
    kind: &'static str,
    trace: String,
    parent: String,
    name: String,
    /// Who recorded it.
    role: String,
    failed: bool,
    attributes: BTreeMap<String, String>,
}

/// By their ids.
type Spans = BTreeMap<String, Seen>;

fn of_otlp(collector: &Collector) -> Spans {
    let got = collector.got.lock().unwrap();
    let resources = got.iter().flat_map(|(_, got)| &got.resource_spans);
    let mut spans = Spans::new();
    for resource in resources {
        let told = format!("{:?}", resource.resource);
        let roles = ["cutline-proxy", "cutline-functions"];
        let role = roles
            .into_iter()
            .find(|role| told.contains(&format!("\"{role}\"")));
        for span in resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
            let known = span.attributes.iter();
            let known = known.map(|own| (own.key.clone(), value(span, &own.key).unwrap()));
            let is_request = [SpanKind::Server, SpanKind::Consumer].contains(&span.kind());
            let seen = Seen {
                kind: if is_request { "request" } else { "dependency" },
                trace: hex(&span.trace_id),
                parent: hex(&span.parent_span_id),
                name: span.name.clone(),
                role: role.unwrap().to_owned(),
                failed: span.status.as_ref().is_some_and(|status| status.code == 2),
                attributes: known.collect(),
            };
            assert_eq!(spans.insert(hex(&span.span_id), seen), None, "twice");
        }
    }
    spans
}

fn of_insights(collector: &Collector) -> Spans {
    let mut spans = Spans::new();
    for envelope in collector.envelopes() {
        let (tags, data) = (&envelope["tags"], &envelope["data"]["baseData"]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let known = data["properties"].as_object().unwrap();
        let known = known
            .iter()
            .map(|(name, value)| (name.clone(), text(value)));
        let seen = Seen {
            kind: match envelope["data"]["baseType"].as_str().unwrap() {
                "RequestData" => "request",
                "RemoteDependencyData" => "dependency",
                other => panic!("{other}: {envelope}"),
            },
            trace: text(&tags["ai.operation.id"]),
            parent: text(&tags["ai.operation.parentId"]),
            name: text(&data["name"]),
            role: text(&tags["ai.cloud.role"]),
            failed: data["success"] == false,
            attributes: known.collect(),
        };
        assert_eq!(spans.insert(text(&data["id"]), seen), None, "twice");
    }
    spans
}

/// What a person reads: who asked for what, and who answered.
fn tree(spans: &Spans) -> String {
    let mut text = "client\n".to_owned();
    below(spans, CLIENT, 1, &mut text);
    text
}

fn below(spans: &Spans, parent: &str, depth: usize, text: &mut String) {
    let children = spans.iter().filter(|(_, span)| span.parent == parent);
    let mut children: Vec<_> = children.map(|(id, span)| (line(span), id)).collect();
    children.sort();
    for (line, id) in children {
        text.push_str(&format!("{}{line}\n", "  ".repeat(depth)));
        below(spans, id, depth + 1, text);
    }
}

fn line(span: &Seen) -> String {
    let Seen {
        kind, name, role, ..
    } = span;
    let ends = ["cutline.side", "cutline.attempt", "cutline.verdict"];
    let of_functions = ["cutline.end", "cutline.version"];
    let shown = match role.as_str() {
        "cutline-proxy" => &ends[..],
        _ => &of_functions[..],
    };
    let said = shown.iter().filter_map(|key| span.attributes.get(*key));
    let said: String = said.map(|value| format!(" {value}")).collect();
    format!("{kind} {name} ({role}){said}")
}

/// A monolith that answers otherwise than any candidate.
fn monolith() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut read = BufReader::new(socket.try_clone().unwrap());
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") {
                    if read.read_line(&mut head).unwrap_or(0) == 0 {
                        return;
                    }
                }
                let head = head.to_lowercase();
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "));
                let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
                let _ = read.read_exact(&mut body);
                let answer = r#"{"label":"monolith"}"#;
                let _ = write!(
                    socket,
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{answer}",
                    answer.len()
                );
            });
        }
    });
    address
}

/// The proxy's file: each stage with the candidate, predictions compared.
fn routes(folder: &Folder, candidate: SocketAddr) {
    let text = format!(
        r#"listen = "127.0.0.1:0"
admin = "127.0.0.1:0"

[monolith]
upstream = "http://{}"

[stage.training]
routes = ["POST /pipeline/run"]
candidate = "http://{candidate}"
mode = "candidate"

[stage.inference]
routes = ["POST /predict"]
candidate = "http://{candidate}"
mode = "reverse-shadow"
compare = {{ noise = "off" }}
side_effects = {{ monolith = "none", candidate = "none" }}

[stage.monitoring]
routes = ["POST /watch"]
candidate = "http://{candidate}"
mode = "candidate"
"#,
        monolith()
    );
    fs::write(folder.path().join("routes.toml"), text).unwrap();
}

/// Whether what was predicted is written.
fn is_logged(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).unwrap().flatten();
    entries.into_iter().any(|entry| {
        let path = entry.path();
        match path.is_dir() {
            true => is_logged(&path),
            false => path.extension().is_some_and(|kind| kind == "ndjson"),
        }
    })
}

/// Asks three times for the same client: for a model, for a prediction, and
/// whether what is asked is still what was trained on.
fn asks(proxy: SocketAddr, functions: &Running, home: &Home) {
    let asked = |path: &str, body: &str| {
        let length = body.len();
        let fields = format!(
            "traceparent: 00-{TRACE}-{CLIENT}-01\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n"
        );
        ask(proxy, &format!("POST {path}"), &fields, body)
    };
    let (status, told) = asked("/pipeline/run", r#"{"name": "may"}"#);
    assert_eq!(status, 202, "{told}");
    functions.says(1, "serves");
    let (status, told) = asked("/predict", r#"{"customer_id": 1, "age": 30}"#);
    assert_eq!(status, 200, "{told}");
    assert!(told.contains("v1"), "{told}");
    eventually("the prediction is logged", || is_logged(home.path()));
    let (status, told) = asked("/watch", "{}");
    assert_eq!(status, 202, "{told}");
}

#[test]
fn a_trace_is_whole_in_both_formats() {
    let (home, folder) = (Home::new(MONITORING), Folder::new());
    let (collector, believed) = Collector::over_tls(folder.path());
    let (url, string) = (collector.tls_url(), collector.connection_string());
    let environment = [
        SOON,
        ("SSL_CERT_FILE", believed.to_str().unwrap()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
        ("APPLICATIONINSIGHTS_CONNECTION_STRING", &string),
    ];
    let functions = home.run(&["--log-format", "json"], &environment);
    routes(&folder, functions.address);
    let proxy = folder.start_in(&["--access-log", "--log-format", "json"], &environment);
    asks(proxy.clients, &functions, &home);

    let n = WHOLE.lines().count() - 1;
    eventually("all spans, twice", || {
        of_otlp(&collector).len() >= n && of_insights(&collector).len() >= n
    });
    let (otlp, insights) = (of_otlp(&collector), of_insights(&collector));
    for spans in [&otlp, &insights] {
        for (id, span) in spans {
            assert_eq!(span.trace, TRACE, "{span:?}");
            let is_there = span.parent == CLIENT || spans.contains_key(&span.parent);
            assert!(is_there, "{id} is nobody's: {span:?}");
            assert!(!span.failed, "{span:?}");
        }
        assert_eq!(tree(spans), WHOLE);
    }
    assert!(otlp.keys().eq(insights.keys()));
    for (id, span) in &otlp {
        let same = &insights[id];
        assert_eq!((&span.parent, &span.name), (&same.parent, &same.name));
        for (key, value) in &span.attributes {
            assert_eq!(same.attributes.get(key), Some(value), "{key}");
        }
    }
    let docs = include_str!("../../docs/azure.md");
    assert!(
        docs.contains(&format!("```text\n{WHOLE}```\n")),
        "docs/azure.md shows another"
    );

    asked_for(&insights);
    logged(&functions.log(), &otlp);
    for log in [functions.log(), proxy.log()] {
        assert!(log.contains("Application Insights"), "{log}");
        assert!(!log.contains("deadbeef"), "{log}");
    }
    for (head, envelopes) in &*collector.tracked.lock().unwrap() {
        assert!(head.contains("content-encoding: gzip\r\n"), "{head}");
        let key = |envelope: &Value| envelope["iKey"].as_str().unwrap().ends_with("deadbeef");
        assert!(envelopes.iter().all(key));
    }
    assert!(functions.end().success());
    assert_eq!(proxy.end(), Some(0));
}

/// What the workbook and the alerts ask for is among what was sent.
fn asked_for(insights: &Spans) {
    let sent: BTreeSet<_> = insights
        .values()
        .flat_map(|span| span.attributes.keys())
        .collect();
    for what in ["workbook", "alerts"] {
        let output = cutline().args(["telemetry", what]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut n_asked = 0;
        // In JSON, where quotes are escaped.
        for asked in text.split("customDimensions[\\\"").skip(1) {
            let asked = asked.split("\\\"]").next().unwrap().to_owned();
            assert!(sent.contains(&asked), "{what} asks for {asked}");
            n_asked += 1;
        }
        assert!(n_asked > 5, "{text}");
    }
}

/// Each line of an invocation says which span it is of.
fn logged(log: &str, spans: &Spans) {
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut ended = BTreeSet::new();
    for line in lines.filter(|line| line["message_id"].is_string()) {
        assert_eq!(line["trace_id"], TRACE, "{line}");
        let span = &spans[line["span_id"].as_str().unwrap()];
        assert_eq!(line["function"], span.name.as_str(), "{line}");
        ended.insert(span.name.clone());
    }
    let stages = [
        "deployment",
        "evaluation",
        "ingestion",
        "monitoring",
        "preprocessing",
        "training",
    ];
    assert_eq!(ended.iter().map(String::as_str).collect::<Vec<_>>(), stages);
}
