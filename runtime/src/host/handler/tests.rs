//! Events, invoked as the host does it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use opentelemetry::trace::{SpanKind, Status, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use serde_json::json;
use tower::ServiceExt;

use super::*;
use crate::function::sample::services;
use crate::function::{Facts, Kind, StageError, StageFn};
use crate::host::tests::{idle, probe, queue, waiting};
use crate::pipeline::Pipeline;
use crate::spans::Tracing;
use crate::store::clock::SystemClock;

const FILE: &str = r#"
[function.hearing]
trigger = { event_hub = "Customer.events" }
output  = { queue = "heard" }

[function.reading]
trigger = { queue = "heard" }
"#;

/// The handler of the pipeline, whose first function is `hearing`.
struct App {
    services: Services,
    router: Router,
    spans: InMemorySpanExporter,
    _provider: SdkTracerProvider,
}

impl App {
    async fn new(hearing: Arc<dyn StageFn>) -> App {
        let kinds = ["hearing", "reading"].map(|name| Kind {
            name,
            configure: idle,
        });
        let mut pipeline = Pipeline::parse(FILE, &kinds).unwrap();
        pipeline.functions[0].run = hearing;
        let spans = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(spans.clone())
            .build();
        let settings = Settings {
            tracing: Tracing::new(provider.tracer("test")),
            ..Settings::default()
        };
        let services = services(Arc::new(SystemClock));
        let local = Local::new(pipeline, &[], services.clone(), settings);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        App {
            router: local.handling(listener).unwrap().http.router,
            services,
            spans,
            _provider: provider,
        }
    }

    /// Events as the host posts them: texts in a list, which is JSON in a text.
    async fn hears(&self, numbers: &[u64], bodies: &[&str]) -> (u16, Value) {
        let payload = json!({
            "Data": { "events": json!(bodies).to_string() },
            "Metadata": {
                "PartitionContext": { "PartitionId": "2", "EventHubName": "Customer.events" },
                "SequenceNumberArray": json!(numbers).to_string(),
            },
        });
        self.invoke("hearing", &payload).await
    }

    async fn invoke(&self, function: &str, payload: &Value) -> (u16, Value) {
        let request = Request::post(format!("/{function}"))
            .header("x-azure-functions-invocationid", "i-1")
            .body(Body::from(payload.to_string()))
            .unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), 1 << 16).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    async fn ids(&self, queue: &str) -> Vec<String> {
        let waiting = waiting(&self.services, queue).await.into_iter();
        let mut ids: Vec<String> = waiting.map(|message| message.id).collect();
        ids.sort();
        ids
    }

    /// How each recorded span of a function ended.
    fn ends(&self) -> Vec<String> {
        let spans = self.spans.get_finished_spans().unwrap().into_iter();
        let ends = spans.filter_map(|span| {
            let said = |name: &str| {
                let found = span.attributes.iter().find(|own| own.key.as_str() == name);
                found.map(|found| found.value.to_string())
            };
            let end = said("cutline.end")?;
            assert_eq!(span.span_kind, SpanKind::Consumer);
            assert_eq!(said("cutline.stage").as_deref(), Some("hearing"));
            let failed = matches!(span.status, Status::Error { .. });
            assert_eq!(failed, end == "poisoned" || end == "retried", "{end}");
            Some(format!("{} {end}", span.name))
        });
        ends.collect()
    }
}

/// Which messages it was invoked with.
fn noting(heard: &Arc<Mutex<Vec<String>>>) -> Arc<dyn StageFn> {
    let heard = Arc::clone(heard);
    probe(move |_, invocation| {
        let Message { id, values, .. } = invocation.message;
        let name = values.get("name").cloned().unwrap_or_default();
        heard.lock().unwrap().push(format!("{id} {name}"));
        Box::pin(async { Ok(Facts::new()) })
    })
}

#[tokio::test]
async fn each_event_is_a_message_and_done_once() {
    let heard = Arc::default();
    let app = App::new(noting(&heard)).await;
    let bodies = [r#"{"name":"may"}"#, r#"{"cutline":1,"id":"run-1"}"#];
    let (status, answered) = app.hears(&[7, 8], &bodies).await;
    // What follows is sent from here.
    assert_eq!((status, &answered["Outputs"]), (200, &json!({})));
    assert_eq!(app.ids("heard").await, ["hearing-2-7", "run-1"]);
    let once = ["hearing-2-7 may", "run-1 "];
    assert_eq!(*heard.lock().unwrap(), once);
    // As it comes again where the host could not note that it was read.
    app.hears(&[7, 8], &bodies).await;
    assert_eq!(*heard.lock().unwrap(), once);
    assert_eq!(app.ends().len(), 4);
    assert!(app.ids("hearing-events").await.is_empty());
}

#[tokio::test]
async fn what_fails_of_an_event_is_tried_again_from_the_functions_own_queue() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let app = App::new(probe(move |_, _| {
        let number = counted.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            match number {
                0 => Err(StageError::passing("the disk", "it is full")),
                _ => Ok(Facts::new()),
            }
        })
    }))
    .await;
    let (status, _) = app
        .hears(&[7, 8], &[r#"{"name":"a"}"#, r#"{"name":"b"}"#])
        .await;
    assert_eq!(status, 200);
    // One goes on, and the other waits for its second try.
    assert_eq!(app.ids("heard").await, ["hearing-2-8"]);
    let own = app.services.space.queues().open(&queue("hearing-events"));
    assert_eq!(own.depth().await.unwrap(), 1);
    assert_eq!(app.ends(), ["hearing retried", "hearing done"]);
    // As the host receives it from there.
    let mut again = Message::new("hearing-2-7");
    again.values.insert("name".to_owned(), "a".to_owned());
    let text = String::from_utf8(again.to_body().unwrap().to_vec()).unwrap();
    let payload = json!({
        "Data": { "message": Value::from(text).to_string() },
        "Metadata": { "DequeueCount": "1" },
    });
    let (status, answered) = app.invoke("hearing-events", &payload).await;
    assert_eq!(status, 200);
    assert_eq!(answered["Outputs"]["next"][0]["id"], "hearing-2-7");
    assert_eq!(tries.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn what_nobody_can_work_on_is_poison_and_seen_to_be() {
    let app = App::new(noting(&Arc::default())).await;
    let long = json!({ "rows": "x".repeat(MOST_OF_A_MESSAGE) }).to_string();
    let foreign = format!("<{long}/>");
    let bodies = [
        "<xml/>",
        r#"{"cutline":9,"id":"x"}"#,
        &long,
        &foreign,
        r#"{"name":"a"}"#,
    ];
    let (status, answered) = app.hears(&[1, 2, 3, 4, 5], &bodies).await;
    assert_eq!(status, 200, "{answered}");
    let mut ends = vec!["hearing poisoned"; 4];
    ends.push("hearing done");
    assert_eq!(app.ends(), ends);
    let own = queue("hearing-events-poison");
    let poison = app.services.space.queues().open(&own);
    let poison = poison.peek(8).await.unwrap();
    let mut bodies: Vec<_> = poison.iter().map(|peeked| &peeked.body[..]).collect();
    bodies.sort_by_key(|body| body.len());
    assert_eq!(bodies[0], b"<xml/>");
    // Too long for any queue: where it is, is said in its place.
    let stubs = bodies[2..].iter();
    let stubs: Vec<_> = stubs
        .map(|body| Message::from_body(body).unwrap())
        .collect();
    for stub in &stubs {
        let error = &stub.failures[0].error;
        assert!(error.contains("bytes, more than"), "{error}");
    }
    let mut ids: Vec<_> = stubs.into_iter().map(|stub| stub.id).collect();
    ids.sort();
    assert_eq!(ids, ["hearing-2-3", "hearing-2-4"]);
}

#[tokio::test]
async fn a_foreign_message_of_a_queue_is_poison_and_seen_to_be() {
    let app = App::new(noting(&Arc::default())).await;
    let payload = json!({
        "Data": { "message": Value::from("<xml/>").to_string() },
        "Metadata": { "DequeueCount": "1" },
    });
    let (status, _) = app.invoke("hearing-events", &payload).await;
    assert_eq!(status, 200);
    assert_eq!(app.ends(), ["hearing poisoned"]);
}

/// An app without faces is not given the token, and so answers nothing that it
/// would have to be shown for.
#[tokio::test]
async fn without_faces_there_is_no_token_and_nothing_to_be_asked() {
    let kinds = ["hearing", "reading"].map(|name| Kind {
        name,
        configure: idle,
    });
    let file = format!(
        "{FILE}\n[serve]\ntoken = {{ env = \"TOKEN\" }}\n\n[[http]]\nroute = \"POST /read\"\nfunction = \"reading\"\n"
    );
    let local = |only: &str| {
        let pipeline = Pipeline::parse(&file, &kinds).unwrap();
        let services = services(Arc::new(SystemClock));
        Local::new(pipeline, &[only.to_owned()], services, Settings::default())
    };
    let listener = async || tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = local("reading").handling(listener().await).map(|_| ());
    assert!(refused.unwrap_err().to_string().contains("serve: token"));
    let hosted = local("hearing").handling(listener().await).unwrap();
    let router = hosted.http.router;
    for (request, status) in [
        (Request::get("/"), 200),
        (Request::get("/functions/databases"), 404),
        (Request::post("/functions/databases/churn"), 404),
        (Request::post("/read"), 404),
    ] {
        let request = request.body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
    }
    let refused = local("hearing").answering(listener().await).map(|_| ());
    assert!(refused.unwrap_err().to_string().contains("serve: token"));
}
