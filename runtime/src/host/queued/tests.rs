//! Faces of queues, asked over HTTP, with functions behind them that work.

use std::path::Path;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use tower::ServiceExt;

use super::super::{Local, Running, Settings};
use super::*;
use crate::function::sample::services;
use crate::function::{Facts, Invocation, Invoked, Kind, StageContext, StageError, StageFn};
use crate::pipeline::{Params, Pipeline, Problem};
use crate::store::artifact::Description;
use crate::store::clock::ManualClock;
use crate::store::folder::DataFolder;

const FILE: &str = r#"
[function.first]
trigger = { queue = "to-first" }
output  = { artifact = "one", queue = "to-second" }

[function.second]
trigger = { queue = "to-second" }
input   = { artifact = "one" }
output  = { artifact = "two" }

[function.watch]
trigger = { every = "15m" }
output  = { artifact = "seen" }

[[http]]
route    = "POST /start"
function = "first"

[[http]]
route    = "PUT /models/{name}/train"
function = "first"
request  = { values = { name = "/path/name", rounds = "/body/params/rounds", dry = "/query/dry" } }
wait     = { artifact = "two", for = "20s" }
status   = 201
response = { "/rounds" = "/content/rounds", "/of" = "/facts/second/of", "/name" = "/values/name", "/at" = "/run/status" }
error    = { status = 409, body = { problem = "/message" } }

[[http]]
route    = "GET /seen"
function = "watch"
response = { "/rounds" = "/content/rounds" }
"#;

/// Makes a JSON document of what its message says, and fails where it says so.
struct Says;

impl StageFn for Says {
    fn name(&self) -> &'static str {
        "says"
    }

    fn invoke<'a>(&'a self, ctx: &'a StageContext, input: Invocation) -> Invoked<'a> {
        Box::pin(async move {
            let values = &input.message.values;
            if values.get("name").is_some_and(|name| name == "broken") && ctx.function() == "second"
            {
                return Err(StageError::data("there is no such model"));
            }
            let document = json!({"rounds": values.get("rounds"), "message": input.message.id});
            ctx.put("", Description::default(), document.to_string())
                .await?;
            Ok(Facts::from_iter([("of".to_owned(), json!(ctx.function()))]))
        })
    }
}

fn says(_: &Params) -> Result<Arc<dyn StageFn>, Problem> {
    Ok(Arc::new(Says))
}

fn local(services: &Services) -> Local {
    local_with(services, "")
}

/// With `more` in front of what the file says.
fn local_with(services: &Services, more: &str) -> Local {
    let kinds = ["first", "second", "watch"].map(|name| Kind {
        name,
        configure: says,
    });
    let pipeline = Pipeline::parse(&(more.to_owned() + FILE), &kinds).unwrap();
    Local::new(pipeline, &[], services.clone(), Settings::default())
}

/// Faces, and the functions at work.
fn started(local: Local) -> (Router, Running) {
    (local.http().unwrap().router, local.start())
}

struct Said {
    status: u16,
    location: Option<String>,
    body: Value,
}

async fn ask(router: &Router, route: &str, headers: &[(&str, &str)], body: &str) -> Said {
    let (method, path) = route.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let answer = router.clone().oneshot(request).await.unwrap();
    let location = answer.headers().get(header::LOCATION);
    let location = location.map(|location| location.to_str().unwrap().to_owned());
    let status = answer.status().as_u16();
    let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    Said {
        status,
        location,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    }
}

async fn depth(services: &Services, queue: &str) -> u64 {
    let queue = services.space.queues().open(&queue.parse().unwrap());
    queue.depth().await.unwrap()
}

const TRAIN: &str = "PUT /models/churn/train?dry=1";
const ROUNDS: &str = r#"{"params": {"rounds": 7}}"#;

#[tokio::test]
async fn what_was_asked_for_can_be_followed_to_its_end() {
    let services = services(Arc::new(ManualClock::default()));
    let router = local(&services).http().unwrap().router;
    let said = ask(&router, "POST /start", &[], "{}").await;
    let address = said.location.unwrap();
    assert_eq!((said.status, &said.body["status"]), (202, &json!(address)));
    let run = ask(&router, &format!("GET {address}"), &[], "").await.body;
    assert_eq!(
        (&run["state"], &run["steps"]),
        (&json!("queued"), &json!([]))
    );
    let (_, running) = started(local(&services));
    let id = run["id"].as_str().unwrap();
    services.space.runs().wait(id, |_| false).await.unwrap();
    running.stop().await;
    let run = ask(&router, &format!("GET {address}"), &[], "").await.body;
    assert_eq!(run["state"], "done");
    assert_eq!(
        (&run["steps"][0]["function"], &run["steps"][1]["function"]),
        (&json!("first"), &json!("second"))
    );
    assert!(run["steps"][1]["artifacts"]["two"].is_string());
    let unknown = ask(&router, "GET /functions/runs/abc", &[], "").await;
    assert_eq!(
        (unknown.status, unknown.body),
        (404, json!({"error": "there is no run abc"}))
    );
}

#[tokio::test]
async fn an_answer_waits_for_what_is_made_and_is_laid_out_as_declared() {
    let services = services(Arc::new(ManualClock::default()));
    let (router, running) = started(local(&services));
    let said = ask(&router, TRAIN, &[], ROUNDS).await;
    assert_eq!(said.status, 201, "{}", said.body);
    let address = said.location.unwrap();
    assert_eq!(
        said.body,
        json!({"rounds": "7", "of": "second", "name": "churn", "at": address})
    );
    let lacks = ask(&router, TRAIN, &[], "{}").await;
    let why = "rounds: there is no text, number or truth value where it is to be found";
    assert_eq!((lacks.status, lacks.body), (409, json!({"problem": why})));
    let broken = ask(&router, "PUT /models/broken/train?dry=1", &[], ROUNDS).await;
    let why = "there is no such model";
    assert_eq!((broken.status, broken.body), (409, json!({"problem": why})));
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_too_long_is_told_where_to_look() {
    let services = services(Arc::new(ManualClock::default()));
    let router = local(&services).http().unwrap().router;
    let said = ask(&router, TRAIN, &[], ROUNDS).await;
    assert_eq!(
        (said.status, &said.body["queue"]),
        (202, &json!("to-first"))
    );
    assert_eq!(said.body["status"], json!(said.location.unwrap()));
}

#[tokio::test]
async fn a_key_has_one_effect_and_one_answer() {
    let services = services(Arc::new(ManualClock::default()));
    let router = local(&services).http().unwrap().router;
    let key = [("idempotency-key", "\"8e03978e-40d5\"")];
    let first = ask(&router, "POST /start", &key, r#"{"a": 1}"#).await;
    // Another process, after this one.
    let router = local(&services).http().unwrap().router;
    let again = ask(&router, "POST /start", &key, r#"{"a": 1}"#).await;
    assert_eq!((first.status, again.status), (202, 202));
    assert_eq!(
        (&first.body, &first.location),
        (&again.body, &again.location)
    );
    assert_eq!(depth(&services, "to-first").await, 1);
    let other = ask(&router, "POST /start", &key, r#"{"a": 2}"#).await;
    assert_eq!(other.status, 422);
    let another = ask(
        &router,
        "POST /start",
        &[("idempotency-key", "2")],
        r#"{"a": 1}"#,
    )
    .await;
    assert_ne!(another.body["id"], first.body["id"]);
    assert_eq!(depth(&services, "to-first").await, 2);
    for bad in ["", "a b", &"k".repeat(256)] {
        let said = ask(&router, "POST /start", &[("idempotency-key", bad)], "{}").await;
        assert_eq!(said.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn of_two_at_once_one_is_told_to_wait() {
    let services = services(Arc::new(ManualClock::default()));
    let router = local(&services).http().unwrap().router;
    let key = [("idempotency-key", "k")];
    let (one, other) = tokio::join!(ask(&router, TRAIN, &key, ROUNDS), async {
        // The first waits for a model that nobody trains yet.
        while depth(&services, "to-first").await == 0 {
            tokio::task::yield_now().await;
        }
        let busy = ask(&router, TRAIN, &key, ROUNDS).await;
        let (_, running) = started(local(&services));
        (busy, running)
    });
    let (busy, running) = other;
    assert_eq!((one.status, busy.status), (201, 409));
    let after = ask(&router, TRAIN, &key, ROUNDS).await;
    assert_eq!((after.status, &after.body), (201, &one.body));
    running.stop().await;
}

fn in_folder(path: &Path, clock: &ManualClock) -> (Services, DataFolder) {
    let folder = DataFolder::open(path, None, Arc::new(clock.clone())).unwrap();
    let services = Services {
        space: folder.live().clone(),
        ..services(Arc::new(clock.clone()))
    };
    (services, folder)
}

#[tokio::test]
async fn a_copy_is_answered_in_full_and_nobody_sees_what_it_made() {
    let home = tempfile::tempdir().unwrap();
    let clock = ManualClock::default();
    let (services, folder) = in_folder(home.path(), &clock);
    let kept = "[store]\nkeep_shadows = \"10m\"\n";
    let local = local_with(&services, kept).in_folder(folder.clone());
    let router = local.http().unwrap().router;
    let copy = [(SHADOW, "1"), ("idempotency-key", "k")];
    let said = ask(&router, TRAIN, &copy, ROUNDS).await;
    assert_eq!((said.status, &said.body["rounds"]), (201, &json!("7")));
    let address = said.location.unwrap();
    let run = ask(&router, &format!("GET {address}"), &[], "").await.body;
    assert_eq!(run["state"], "done");
    let id = run["id"].as_str().unwrap();
    assert_eq!(services.space.runs().get(id).await.unwrap(), None);
    assert_eq!(services.space.artifacts().list().await.unwrap(), []);
    assert_eq!(services.space.cells().list("ledger/").await.unwrap(), []);
    assert_eq!(services.space.cells().list("answer/").await.unwrap(), []);
    for queue in ["to-first", "to-second", "to-first-poison"] {
        assert_eq!(depth(&services, queue).await, 0);
    }
    clock.advance(Duration::from_secs(599));
    assert_eq!(folder.expire_shadows().await.unwrap(), 0);
    clock.advance(Duration::from_secs(2));
    assert!(folder.expire_shadows().await.unwrap() > 0);
}

#[tokio::test]
async fn what_runs_every_so_often_answers_with_its_last_outcome() {
    let services = services(Arc::new(ManualClock::default()));
    let router = local(&services).http().unwrap().router;
    let early = ask(&router, "GET /seen", &[], "").await;
    assert_eq!(
        (early.status, early.body),
        (503, json!({"error": "watch has not run yet"}))
    );
    let (router, running) = started(local(&services));
    while services
        .space
        .runs()
        .latest("watch")
        .await
        .unwrap()
        .is_none()
    {
        tokio::task::yield_now().await;
    }
    let said = ask(&router, "GET /seen", &[], "").await;
    assert_eq!((said.status, said.body), (200, json!({"rounds": null})));
    running.stop().await;
}

#[tokio::test]
async fn figures_are_told_where_they_are_kept() {
    let services = services(Arc::new(ManualClock::default()));
    let router = local(&services).http().unwrap().router;
    assert_eq!(ask(&router, "GET /metrics", &[], "").await.status, 404);
    let keeps = local(&services).with_metrics(Arc::new(|| "7".to_owned()));
    let told = ask(&keeps.http().unwrap().router, "GET /metrics", &[], "").await;
    assert_eq!((told.status, told.body), (200, json!(7)));
}

#[test]
fn what_a_face_of_a_queue_cannot_have_is_said() {
    let wrong = |table: &str| {
        let kinds = [Kind {
            name: "first",
            configure: says,
        }];
        let file = format!(
            "[function.first]\ntrigger = {{ queue = \"to-first\" }}\n[[http]]\nroute = \"POST /a\"\nfunction = \"first\"\n{table}\n"
        );
        let pipeline = Pipeline::parse(&file, &kinds).unwrap();
        let services = services(Arc::new(ManualClock::default()));
        let local = Local::new(pipeline, &[], services, Settings::default());
        local.http().map(|_| ()).unwrap_err().to_string()
    };
    for (table, says) in [
        (
            "request = { rows = \"/a\" }",
            "request: the function takes a message and no rows",
        ),
        (
            "request = { values = { a = \"/nowhere\" } }",
            "request.values.a: \"/nowhere\": it starts with",
        ),
        (
            "wait = { artifact = \"a\", for = \"1h\" }",
            "wait.for: it is more than 10 minutes",
        ),
        (
            "wait = { artifact = \"a\", for = \"soon\" }",
            "wait.for: \"soon\": ",
        ),
        ("response = { \"/a\" = \"/labels\" }", "starts with none of"),
        (
            "[[http]]\nroute = \"POST /a\"\nfunction = \"first\"",
            "is there twice",
        ),
    ] {
        let told = wrong(table);
        assert!(
            told.contains("\"POST /a\"") && told.contains(says),
            "{told}"
        );
    }
}
