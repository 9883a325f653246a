//! What `cutline run` tells those who watch it: a line of its log for each
//! invocation, and figures for Prometheus.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::pipeline::{Home, ROWS, STAGES};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A pipeline that has run once, in a trace.
fn sent() -> String {
    format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\n")
}

#[test]
fn an_invocation_is_a_line_with_its_message_artifacts_and_trace() {
    let home = Home::new("");
    let running = home.run(&[], &[]);
    let (status, told) = running.post("/pipeline/run", &sent(), r#"{"name": "may"}"#);
    assert_eq!(status, 202, "{told}");
    let told: Value = serde_json::from_str(&told).unwrap();
    let id = told["id"].as_str().unwrap();
    running.says(1, "serves");
    for stage in STAGES {
        let lines = running.says(1, &format!("done function=\"{stage}\""));
        let [line] = &lines[..] else {
            panic!("one line, not {lines:#?}");
        };
        for field in [
            format!("stage=\"{stage}\""),
            format!("message_id=\"{id}\""),
            format!("trace_id=\"{TRACE}\""),
            "dequeue_count=1".to_owned(),
            "seconds=".to_owned(),
        ] {
            assert!(line.contains(&field), "{field}: {line}");
        }
    }
    let line = &running.says(1, "done function=\"ingestion\"")[0];
    assert!(line.contains(&format!(" rows={ROWS} ")), "{line}");
    assert!(line.contains("artifacts=\"customers="), "{line}");
}

#[test]
fn the_log_may_be_json() {
    let home = Home::new("");
    home.says(&["queue", "send", "raw-arrived", "name=june", "--id", "june"]);
    let running = home.run(&["--log-format", "json"], &[]);
    let (status, told) = running.post("/pipeline/run", &sent(), r#"{"name": "may"}"#);
    assert_eq!(status, 202, "{told}");
    running.says(1, "\"serves\"");
    running.says(1, "raw-arrived-poison");
    let log = running.log();
    let lines = log.lines().filter(|line| line.starts_with('{'));
    let lines: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |what: &dyn Fn(&Value) -> bool| lines.iter().find(|line| what(line)).unwrap().clone();
    let done = of(&|line| line["message"] == "done" && line["function"] == "evaluation");
    assert_eq!(done["level"], "INFO");
    assert_eq!(done["stage"], "evaluation");
    assert_eq!(done["trace_id"], TRACE);
    assert_eq!(done["dequeue_count"], 1);
    assert_eq!(done["rows"], ROWS / 4);
    assert!(done["seconds"].is_number(), "{done}");
    let read = done["read"].as_str().unwrap();
    assert!(read.starts_with("model="), "{read}");
    assert!(read.contains(" features-test="), "{read}");
    let failed = of(&|line| line["message_id"] == "june");
    assert_eq!(failed["level"], "ERROR");
    assert_eq!(
        failed["message"],
        "failed; the message is in raw-arrived-poison"
    );
    let error = failed["error"].as_str().unwrap();
    assert!(error.contains("there is no such blob"), "{error}");
    assert_ne!(failed["trace_id"], TRACE);
}

/// Samples by name and labels, each of a metric that is described, and of the
/// type that it is said to be.
fn read(text: &str) -> BTreeMap<String, f64> {
    let of = |kind: &str| -> BTreeMap<&str, &str> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(kind));
        lines.filter_map(|line| line.split_once(' ')).collect()
    };
    let (helps, types) = (of("# HELP "), of("# TYPE "));
    let mut samples = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if line.starts_with('#') {
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap();
        let name = sample.split('{').next().unwrap();
        let whole = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| {
            name.strip_suffix(suffix)
                .filter(|of| types.contains_key(of))
        });
        let kind = types.get(whole.unwrap_or(name));
        let kind = kind.unwrap_or_else(|| panic!("no type of {line}"));
        assert_eq!(*kind == "histogram", whole.is_some(), "{line}");
        assert_eq!(*kind == "counter", name.ends_with("_total"), "{line}");
        assert!(helps.contains_key(whole.unwrap_or(name)), "{line}");
        samples.insert(sample.to_owned(), value.parse().unwrap());
    }
    samples
}

#[test]
fn figures_tell_what_waits_what_was_done_and_what_was_answered() {
    let home = Home::new("");
    home.says(&["queue", "send", "raw-arrived", "name=june", "--id", "june"]);
    let running = home.run(&[], &[]);
    running.says(1, "raw-arrived-poison");
    let (status, told) = running.post("/pipeline/run", "", r#"{"name": "may"}"#);
    assert_eq!(status, 202, "{told}");
    running.says(1, "serves");
    for row in [
        r#"{"customer_id": 1, "age": 30}"#,
        r#"{"customer_id": 2, "age": 40}"#,
    ] {
        assert_eq!(running.post("/predict", "", row).0, 200);
    }

    let (_, text) = running.get("/metrics");
    let samples = read(&text);
    let sample = |name: &str| {
        *samples
            .get(name)
            .unwrap_or_else(|| panic!("{name}: {text}"))
    };
    let labels = r#"function="ingestion",stage="ingestion",end="#;
    for (end, n) in [("done", 1.0), ("poisoned", 1.0)] {
        let name = format!("cutline_invocations_total{{{labels}\"{end}\"}}");
        assert_eq!(sample(&name), n);
        let queue = r#"messaging_system="cutline",messaging_operation_name="process",messaging_destination_name="raw-arrived","#;
        let name = format!("messaging_process_duration_seconds_count{{{queue}{labels}\"{end}\"}}");
        assert_eq!(sample(&name), n);
    }
    let rows = sample(r#"cutline_rows_total{function="ingestion",stage="ingestion"}"#);
    assert_eq!(rows, ROWS as f64);
    let answered = r#"{function="inference",model="churn",version="v1"}"#;
    let answered = sample(&format!("cutline_predictions_total{answered}"));
    assert_eq!(answered, 2.0);
    assert_eq!(
        sample(r#"cutline_prediction_duration_seconds_count{function="inference"}"#),
        2.0
    );
    let of =
        |queue: &str, name: &str| sample(&format!("cutline_queue_{name}{{queue=\"{queue}\"}}"));
    assert_eq!(of("raw-arrived", "messages"), 0.0);
    assert_eq!(of("raw-arrived", "oldest_message_age_seconds"), 0.0);
    assert_eq!(of("raw-arrived-poison", "messages"), 1.0);
    assert!(of("raw-arrived-poison", "oldest_message_age_seconds") > 0.0);
    // The page of the runtime tells of each.
    let docs = include_str!("../../docs/runtime.md");
    for line in text.lines().filter(|line| line.starts_with("# TYPE")) {
        let name = line.split(' ').nth(2).unwrap();
        assert!(docs.contains(&format!("| `{name}` |")), "{name}");
    }
}
