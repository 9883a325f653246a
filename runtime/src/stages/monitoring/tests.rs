//! A log of predictions, against a table and with labels.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::drift::{Event, LiveReport};
use crate::function::sample::{Bench, functions};
use crate::function::{Facts, Invocation, StageContext, StageError};
use crate::log::{Entry, PredictionLog};
use crate::pipeline::Pipeline;
use crate::queue::Message;
use crate::stages;
use crate::store::clock::Clock;

const FILE: &str = r#"
[function.inference]
trigger = { http = true }
input = { model = { model = "churn@champion" } }

[function.monitoring]
trigger = { every = "15m" }
input = { log = { log = "inference" }, reference = { blob = "reference.csv" }, labels = { blob = "labels.csv" } }
output = { artifact = "drift", queue = "drifted" }
at_least = 10
step = "1h"
labels = { by = ["customer_id"], column = "churned" }
metrics = ["accuracy", "roc-auc"]
limits = { accuracy = { min = 0.9 }, latency-p95 = { max = 0.5 } }
"#;

/// What is watched: a reference of ages 20 to 59, and the labels that are
/// known.
async fn bench(labels: &str) -> Bench {
    let bench = Bench::new(FILE);
    let ages = (0..40).map(|row| format!("{row},{}\n", 20 + row));
    let reference = "customer_id,age\n".to_owned() + &ages.collect::<String>();
    bench.blob("reference.csv", reference).await;
    bench.blob("labels.csv", labels).await;
    bench
}

/// One request for each of 40 customers, of whom every other is said to leave.
async fn predicted(bench: &Bench, older_by: u64) {
    let (logs, clock) = (Arc::clone(&bench.services.logs), bench.clock.clone());
    let (log, written) = PredictionLog::start(logs, "inference", Arc::new(clock));
    for row in 0..40_u64 {
        let asked = [
            ("customer_id", json!(row as f64)),
            ("age", json!(20 + row + older_by)),
        ];
        let score = if row % 2 == 0 { 0.2 } else { 0.8 };
        let said = [("label", json!(row % 2)), ("score", json!(score))];
        let map = |pairs: [(&str, Value); 2]| {
            Map::from_iter(pairs.map(|(name, value)| (name.to_owned(), value)))
        };
        log.append(Entry {
            at: bench.clock.now(),
            request: format!("r{row}"),
            model: "churn v1".to_owned(),
            row: map(asked),
            said: map(said),
            seconds: 0.010,
        });
    }
    drop(log);
    written.await.unwrap();
}

/// What came of the first 20, of whom so many were predicted wrongly.
fn labels(wrong: u64) -> String {
    let lines = (0..20_u64).map(|row| format!("{row},{}\n", (row + u64::from(row < wrong)) % 2));
    "customer_id,churned\n".to_owned() + &lines.collect::<String>()
}

/// The facts, and whether a message would be sent.
async fn watch(bench: &Bench, message: &mut Message) -> Result<(Facts, bool), StageError> {
    let function = bench.function("monitoring");
    let services = bench.services.clone();
    let ctx = StageContext::new(Arc::clone(&function), services, message.clone());
    let input = Invocation {
        message: message.clone(),
        dequeue_count: 1,
    };
    let facts = function.run.invoke(&ctx, input).await?;
    message.artifacts.extend(ctx.made().artifacts);
    Ok((facts, !ctx.is_silent()))
}

async fn report(bench: &Bench, message: &Message) -> LiveReport {
    let document = bench.content(&message.artifacts["drift"]).await;
    serde_json::from_slice(&document).unwrap()
}

#[tokio::test]
async fn a_report_tells_drift_quality_latency_and_performance() {
    let bench = bench(&labels(0)).await;
    predicted(&bench, 30).await;
    let mut due = Message::new("due");
    let (facts, sends) = watch(&bench, &mut due).await.unwrap();
    assert_eq!(
        (&facts["accuracy"], &facts["crossed"]),
        (&json!(1.0), &json!([]))
    );
    assert!(!sends && !due.artifacts.contains_key("drift-event"));
    let report = report(&bench, &due).await;
    assert!(
        report
            .drift
            .columns
            .iter()
            .any(|column| column.column == "age")
    );
    assert!(
        report.drift.problems[0]
            .says()
            .starts_with("age reaches from 50 to 89")
    );
    let p95 = report.latency.unwrap().p95;
    assert!((0.010..0.0103).contains(&p95), "{p95}");
    assert_eq!(report.performance.unwrap().rows, 20);
    assert_eq!(report.windows.len(), 1);
    assert_eq!(
        (report.windows[0].answers, report.windows[0].labels["1"]),
        (40, 20)
    );
    let page = bench.content(&due.artifacts["drift-page"]).await;
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("Performance") && page.contains("Took no longer"));
}

#[tokio::test]
async fn a_crossed_limit_raises_one_event_in_a_span() {
    let bench = bench(&labels(5)).await;
    predicted(&bench, 0).await;
    let mut due = Message::new("due-1");
    let (facts, sends) = watch(&bench, &mut due).await.unwrap();
    assert_eq!(facts["crossed"], json!(["accuracy is 0.75, below 0.9"]));
    assert!(sends);
    let event = bench.content(&due.artifacts["drift-event"]).await;
    let event: Event = serde_json::from_slice(&event).unwrap();
    assert_eq!(event.crossed[0].figure, "accuracy");
    // The same message again does the same; another in the same span is silent.
    let (_, again) = watch(&bench, &mut Message::new("due-1")).await.unwrap();
    let mut later = Message::new("due-2");
    let (facts, other) = watch(&bench, &mut later).await.unwrap();
    assert_eq!((again, other), (true, false));
    assert_eq!(facts["raised"], false);
    assert!(!later.artifacts.contains_key("drift-event"));
    // The next span says it once more.
    bench.clock.advance(Duration::from_hours(24));
    predicted(&bench, 0).await;
    let (_, next) = watch(&bench, &mut Message::new("due-3")).await.unwrap();
    assert!(next);
}

#[tokio::test]
async fn labels_that_contradict_each_other_are_named() {
    let bench = bench(&(labels(0) + "3,0\n")).await;
    predicted(&bench, 0).await;
    let error = watch(&bench, &mut Message::new("due")).await.unwrap_err();
    let said = error.whole();
    assert!(
        said.contains("two answers for customer_id 3: 1 and 0"),
        "{said}"
    );
}

#[tokio::test]
async fn labels_of_nobody_who_asked_say_nothing() {
    let bench = bench("customer_id,churned\n900,1\n").await;
    predicted(&bench, 0).await;
    let mut due = Message::new("due");
    watch(&bench, &mut due).await.unwrap();
    assert_eq!(report(&bench, &due).await.performance, None);
}

#[test]
fn a_limit_of_nothing_is_refused_with_its_place() {
    let check = |from: &str, to: &str| {
        let refused = Pipeline::parse(&FILE.replace(from, to), stages::ALL);
        refused.err().unwrap().to_string()
    };
    assert_eq!(functions(FILE, stages::ALL).len(), 2);
    let said = check("latency-p95", "latency");
    assert!(said.contains("there is no figure \"latency\""), "{said}");
    let said = check("{ max = 0.5 }", "{}");
    assert!(said.contains("latency-p95 has no limit"), "{said}");
    let said = check("\"1h\"", "\"1s\"");
    assert!(said.contains("a window has 1000 steps at most"), "{said}");
}
