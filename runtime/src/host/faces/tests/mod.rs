//! Faces, asked over HTTP, with functions behind them that work.

mod constant;
mod declared;
mod latest;
mod lookup;
mod once;
mod queue;
mod registry;
mod run;

use std::path::Path;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use serde_json::Value;
use tower::ServiceExt;

use super::super::{Local, ROUTES, ROUTES_OF_INFERENCE, Running, Settings};
use super::*;
use crate::function::sample::services;
use crate::function::{Facts, Invocation, Invoked, Kind, StageContext, StageError, StageFn};
use crate::pipeline::{Params, Pipeline, Problem};
use crate::store::artifact::Description;
use crate::store::clock::ManualClock;
use crate::store::folder::DataFolder;
use crate::store::storage::Storage;

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
route    = "POST /again"
function = "second"
wait     = { for = "20s" }
response = { "/of" = "/facts/second/of", "/two" = "/artifacts/two", "/rounds" = "/values/rounds" }

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

const KINDS: [Kind; 3] = [kind("first"), kind("second"), kind("watch")];

const fn kind(name: &'static str) -> Kind {
    Kind {
        name,
        configure: says,
    }
}

fn local(services: &Services) -> Local {
    hosted(FILE, services)
}

fn hosted(file: &str, services: &Services) -> Local {
    let pipeline = Pipeline::parse(file, &KINDS).unwrap();
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

fn in_folder(path: &Path, clock: &ManualClock) -> (Services, Storage) {
    let folder = DataFolder::open(path, None, Arc::new(clock.clone())).unwrap();
    let services = Services {
        space: folder.live().clone(),
        ..services(Arc::new(clock.clone()))
    };
    (services, folder.storage().clone())
}

const PREDICTS: &str = r#"
[function.inference]
trigger = { http = true }
input   = { model = { model = "churn@champion" } }
"#;

#[tokio::test]
async fn what_is_said_to_be_answered_anyway_is() {
    let services = services(Arc::new(ManualClock::default()));
    let pipeline = Pipeline::parse(PREDICTS, crate::stages::ALL).unwrap();
    let local = Local::new(pipeline, &[], services, Settings::default());
    let local = local.with_metrics(Arc::new(String::new));
    let router = local.http().unwrap().router;
    let nothing = ask(&router, "GET /nothing", &[], "").await;
    assert_eq!((nothing.status, nothing.body), (404, Value::Null));
    for route in ROUTES.iter().chain(&ROUTES_OF_INFERENCE) {
        let filled = ["{id}", "{model}", "{version}", "{name}"]
            .iter()
            .fold((*route).to_owned(), |route, field| {
                route.replace(field, "1")
            });
        let said = ask(&router, &filled, &[], "").await;
        assert_ne!(said.status, 405, "{route}");
        // There is no such run or model, but there is the path: not for all
        // methods.
        let (_, path) = filled.split_once(' ').unwrap();
        let other = ask(&router, &format!("PATCH {path}"), &[], "").await;
        assert_eq!(other.status, 405, "{route}");
    }
}
