use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::sleep;
use tower::ServiceExt;

use super::work::{Left, work};
use super::*;
use crate::function::sample::services;
use crate::function::{
    Facts, Invocation, Invoked, Kind, Services, StageContext, StageError, StageFn, Stop, whole,
};
use crate::pipeline::{Function, Params, Pipeline, Problem};
use crate::queue::{Message, QueueError, QueueName, retry};
use crate::store::artifact::Description;
use crate::store::clock::{Clock, ManualClock, SystemClock, Timestamp};
use crate::store::database::DatabaseError;
use crate::store::folder::DataFolder;

/// The time that tokio's paused clock tells.
#[derive(Debug)]
struct Virtual(tokio::time::Instant);

impl Clock for Virtual {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_780_000_000_000).after(self.0.elapsed())
    }
}

/// A stage that does what the test says.
struct Probe<W>(W);

impl<W> StageFn for Probe<W>
where
    W: for<'a> Fn(&'a StageContext, Invocation) -> Invoked<'a> + Send + Sync,
{
    fn name(&self) -> &'static str {
        "probe"
    }

    fn invoke<'a>(&'a self, ctx: &'a StageContext, input: Invocation) -> Invoked<'a> {
        (self.0)(ctx, input)
    }
}

pub(super) fn probe<W>(does: W) -> Arc<dyn StageFn>
where
    W: for<'a> Fn(&'a StageContext, Invocation) -> Invoked<'a> + Send + Sync + 'static,
{
    Arc::new(Probe(does))
}

pub(super) fn idle(_: &Params) -> Result<Arc<dyn StageFn>, Problem> {
    Ok(probe(|_, _| Box::pin(async { Ok(Facts::new()) })))
}

/// Makes an artifact of the name of its function and of what it read.
fn makes() -> Arc<dyn StageFn> {
    probe(|ctx, _| Box::pin(make(ctx)))
}

async fn make(ctx: &StageContext) -> Result<Facts, StageError> {
    let mut text = ctx.function().to_owned();
    for input in ctx.inputs() {
        text += &format!(" of {}", String::from_utf8_lossy(&ctx.read(input).await?));
    }
    ctx.put("", Description::default(), text).await?;
    Ok(Facts::new())
}

const FILE: &str = r#"
[function.first]
trigger = { queue = "to-first" }
output = { artifact = "one", queue = "to-second" }

[function.second]
trigger = { queue = "to-second" }
input = { artifact = "one" }
output = { artifact = "two", queue = "finished" }

[function.watch]
trigger = { every = "15m" }

[[http]]
route = "POST /pipeline/run"
function = "first"
"#;

fn pipeline(first: Arc<dyn StageFn>, second: Arc<dyn StageFn>) -> Pipeline {
    let kinds = ["first", "second", "watch"].map(|name| Kind {
        name,
        configure: idle,
    });
    let mut pipeline = Pipeline::parse(FILE, &kinds).unwrap();
    pipeline.functions[0].run = first;
    pipeline.functions[1].run = second;
    pipeline
}

pub(super) fn queue(name: &str) -> QueueName {
    name.parse().unwrap()
}

/// Sends a message, as is done from outside.
async fn send(services: &Services, id: &str) {
    let body = Message::new(id).to_body().unwrap();
    let queue = services.space.queues().open(&queue("to-first"));
    queue.send(body, Duration::ZERO).await.unwrap();
}

/// What waits in a queue and can be seen.
pub(super) async fn waiting(services: &Services, name: &str) -> Vec<Message> {
    let peeked = services.space.queues().open(&queue(name)).peek(32).await;
    let peeked = peeked.unwrap();
    let read = peeked.iter().map(|peeked| Message::from_body(&peeked.body));
    read.collect::<Result<_, _>>().unwrap()
}

/// Works through a pipeline one message at a time.
struct Steps {
    services: Services,
    settings: Settings,
    pipeline: Vec<Arc<Function>>,
}

impl Steps {
    fn new(services: Services, first: Arc<dyn StageFn>, second: Arc<dyn StageFn>) -> Steps {
        let functions = pipeline(first, second).functions.into_iter();
        Steps {
            services,
            settings: Settings::default(),
            pipeline: functions.map(Arc::new).collect(),
        }
    }

    /// One message of this function, if there is any.
    async fn one(&self, name: &str) -> Option<Result<(), Left>> {
        let mut functions = self.pipeline.iter();
        let function = functions.find(|function| function.name == name).unwrap();
        let (queues, now) = (
            self.services.space.queues(),
            self.services.space.clock().now(),
        );
        let (visibility, tries) = (self.settings.visibility, &self.settings.retry);
        let name = queue(&function.queue().unwrap());
        let received = retry::receive(&**queues, &name, 1, visibility, tries, now).await;
        let next = received.unwrap().next.pop()?;
        Some(
            work(
                &self.services,
                &self.settings,
                function,
                next,
                &Stop::default(),
            )
            .await,
        )
    }

    /// All that can be done now.
    async fn all(&self) {
        for name in ["first", "second"] {
            while let Some(done) = self.one(name).await {
                done.unwrap();
            }
        }
    }
}

fn in_memory() -> Services {
    services(Arc::new(Virtual(tokio::time::Instant::now())))
}

#[tokio::test(start_paused = true)]
async fn what_has_nothing_to_tell_sends_nothing_done_before_or_not() {
    let silent = probe(|ctx, _| {
        Box::pin(async move {
            ctx.send_nothing();
            make(ctx).await
        })
    });
    let steps = Steps::new(in_memory(), silent, makes());
    for _ in 0..2 {
        send(&steps.services, "m1").await;
        steps.one("first").await.unwrap().unwrap();
        assert!(waiting(&steps.services, "to-first").await.is_empty());
        assert!(waiting(&steps.services, "to-second").await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_goes_from_queue_to_queue_and_names_what_was_made() {
    let steps = Steps::new(in_memory(), makes(), makes());
    send(&steps.services, "m1").await;
    steps.all().await;
    let told = waiting(&steps.services, "finished").await;
    let [told] = &told[..] else {
        panic!("one message goes on");
    };
    assert_eq!(told.id, "m1");
    let artifacts = steps.services.space.artifacts();
    let two = artifacts.read(&told.artifacts["two"], "").await.unwrap();
    assert_eq!(two, "second of first");
    let document = artifacts.get(&told.artifacts["two"]).await.unwrap();
    assert_eq!(document.description.name, "two");
    assert_eq!(document.made.inputs, [told.artifacts["one"]]);
    for name in ["to-first", "to-second"] {
        let queue = steps.services.space.queues().open(&queue(name));
        assert_eq!(queue.depth().await.unwrap(), 0, "{name}");
    }
}

/// Counts, and makes.
fn counting(n_calls: &Arc<AtomicUsize>) -> Arc<dyn StageFn> {
    let n_calls = Arc::clone(n_calls);
    probe(move |ctx, _| {
        n_calls.fetch_add(1, Ordering::Relaxed);
        Box::pin(make(ctx))
    })
}

#[tokio::test(start_paused = true)]
async fn the_same_message_twice_is_one_work_and_goes_on_twice() {
    let n_calls = Arc::new(AtomicUsize::new(0));
    let steps = Steps::new(in_memory(), counting(&n_calls), makes());
    send(&steps.services, "m1").await;
    send(&steps.services, "m1").await;
    steps.all().await;
    assert_eq!(n_calls.load(Ordering::Relaxed), 1);
    let told = waiting(&steps.services, "finished").await;
    assert_eq!(told.len(), 2);
    assert_eq!(told[0].id, told[1].id);
    assert_eq!(told[0].artifacts, told[1].artifacts);
}

/// Fails in this way, and counts.
fn failing(n_calls: &Arc<AtomicUsize>, may_pass: bool) -> Arc<dyn StageFn> {
    let n_calls = Arc::clone(n_calls);
    probe(move |_, _| {
        n_calls.fetch_add(1, Ordering::Relaxed);
        let cause = std::io::Error::other("row 3 is torn");
        let error = match may_pass {
            true => StageError::passing("no table", cause),
            false => StageError::of("no table", cause),
        };
        Box::pin(async move { Err(error) })
    })
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_the_data_is_not_tried_again() {
    let n_calls = Arc::new(AtomicUsize::new(0));
    let steps = Steps::new(in_memory(), failing(&n_calls, false), makes());
    send(&steps.services, "m1").await;
    steps.all().await;
    assert_eq!(n_calls.load(Ordering::Relaxed), 1);
    let poisoned = waiting(&steps.services, "to-first-poison").await;
    assert_eq!(poisoned.len(), 1);
    assert_eq!(poisoned[0].failures[0].error, "no table: row 3 is torn");
    assert_eq!(waiting(&steps.services, "to-second").await, []);
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_five_times() {
    let n_calls = Arc::new(AtomicUsize::new(0));
    let steps = Steps::new(in_memory(), failing(&n_calls, true), makes());
    send(&steps.services, "m1").await;
    for n_tries in 1..=5 {
        steps.all().await;
        assert_eq!(n_calls.load(Ordering::Relaxed), n_tries);
        sleep(Duration::from_secs(10)).await;
    }
    steps.all().await;
    assert_eq!(n_calls.load(Ordering::Relaxed), 5);
    let poisoned = waiting(&steps.services, "to-first-poison").await;
    assert_eq!(poisoned[0].failures.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_of_its_message_alone() {
    let breaks = probe(|ctx, input| {
        assert_ne!(input.message.id, "bad", "no such row");
        Box::pin(make(ctx))
    });
    let steps = Steps::new(in_memory(), breaks, makes());
    send(&steps.services, "bad").await;
    send(&steps.services, "good").await;
    steps.all().await;
    let told = waiting(&steps.services, "finished").await;
    assert_eq!(told.len(), 1);
    sleep(Duration::from_secs(10)).await;
    let again = &waiting(&steps.services, "to-first").await[0];
    assert_eq!(again.id, "bad");
    let error = &again.failures[0].error;
    assert!(error.starts_with("the stage broke off: "), "{error}");
    assert!(error.contains("no such row"), "{error}");
}

/// Takes so long, and counts.
fn lasting(n_calls: &Arc<AtomicUsize>, seconds: u64) -> Arc<dyn StageFn> {
    let n_calls = Arc::clone(n_calls);
    probe(move |ctx, _| {
        n_calls.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            sleep(Duration::from_secs(seconds)).await;
            make(ctx).await
        })
    })
}

#[tokio::test(start_paused = true)]
async fn work_that_outlasts_its_visibility_stays_hidden() {
    let n_calls = Arc::new(AtomicUsize::new(0));
    let steps = Steps::new(in_memory(), lasting(&n_calls, 1_000), makes());
    send(&steps.services, "m1").await;
    let others = async {
        for _ in 0..99 {
            sleep(Duration::from_secs(10)).await;
            assert!(steps.one("first").await.is_none());
        }
    };
    let (done, ()) = tokio::join!(steps.one("first"), others);
    done.unwrap().unwrap();
    assert_eq!(n_calls.load(Ordering::Relaxed), 1);
    assert_eq!(waiting(&steps.services, "to-second").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_same_work_elsewhere_does_not_fail_over_it() {
    let n_calls = Arc::new(AtomicUsize::new(0));
    let services = in_memory();
    let long = lasting(&n_calls, 3_600);
    let settings = Settings {
        at_once: 2,
        ..Settings::default()
    };
    let local = Local::new(pipeline(long, makes()), &[], services.clone(), settings);
    send(&services, "m1").await;
    send(&services, "m1").await;
    let running = local.start();
    sleep(Duration::from_secs(3_700)).await;
    running.stop().await;
    assert_eq!(n_calls.load(Ordering::Relaxed), 1);
    let told = waiting(&services, "finished").await;
    assert_eq!(told.len(), 2);
    assert_eq!(told[0].artifacts, told[1].artifacts);
    assert_eq!(waiting(&services, "to-first-poison").await, []);
}

/// Tells when it is dropped.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn work_whose_message_was_lost_is_broken_off() {
    let n_dropped = Arc::new(AtomicUsize::new(0));
    let (started, dropped) = (Arc::new(Notify::new()), Arc::clone(&n_dropped));
    let stops = Arc::new(Mutex::new(None));
    let (told, elsewhere) = (Arc::clone(&started), Arc::clone(&stops));
    let endless = probe(move |ctx, _| {
        // What it has other threads do.
        *elsewhere.lock().unwrap() = Some(ctx.stop().clone());
        told.notify_one();
        let dropped = Dropped(Arc::clone(&dropped));
        Box::pin(async move {
            let _dropped = dropped;
            std::future::pending().await
        })
    });
    let steps = Steps::new(in_memory(), endless, makes());
    send(&steps.services, "m1").await;
    let loses = async {
        started.notified().await;
        let queue = steps.services.space.queues().open(&queue("to-first"));
        queue.purge().await.unwrap();
    };
    let (done, ()) = tokio::join!(steps.one("first"), loses);
    assert!(matches!(done, Some(Err(Left::Queue(_)))), "{done:?}");
    tokio::task::yield_now().await;
    assert_eq!(n_dropped.load(Ordering::Relaxed), 1);
    assert!(stops.lock().unwrap().as_ref().is_some_and(Stop::is_asked));
    assert_eq!(waiting(&steps.services, "to-second").await, []);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_what_can_be_done_later_and_its_message_is_as_it_was() {
    let started = Arc::new(Notify::new());
    let told = Arc::clone(&started);
    let stops = probe(move |ctx, _| {
        told.notify_one();
        Box::pin(async move {
            while !ctx.stop().is_asked() {
                sleep(Duration::from_secs(1)).await;
            }
            Err(StageError::stopped())
        })
    });
    let services = in_memory();
    let settings = Settings::default();
    let local = Local::new(pipeline(stops, makes()), &[], services.clone(), settings);
    send(&services, "m1").await;
    let running = local.start();
    started.notified().await;
    running.stop().await;
    let left = waiting(&services, "to-first").await;
    assert_eq!((left.len(), left[0].failures.len()), (1, 0));
    // Nobody has a lease, and nobody has tried.
    let steps = Steps::new(services, makes(), makes());
    steps.all().await;
    assert_eq!(waiting(&steps.services, "finished").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn stop_waits_for_what_is_being_done_and_begins_no_more() {
    let n_calls = Arc::new(AtomicUsize::new(0));
    let services = in_memory();
    let long = lasting(&n_calls, 100);
    let local = Local::new(
        pipeline(long, makes()),
        &[],
        services.clone(),
        Settings::default(),
    );
    send(&services, "m1").await;
    send(&services, "m2").await;
    let running = local.start();
    sleep(Duration::from_secs(1)).await;
    running.stop().await;
    assert_eq!(n_calls.load(Ordering::Relaxed), 1);
    assert_eq!(waiting(&services, "to-first").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_time_triggers_is_tried_again_and_leaves_one_failure() {
    let n_calls = Arc::new(AtomicUsize::new(0));
    let services = in_memory();
    let mut pipeline = pipeline(makes(), makes());
    pipeline.functions[2].run = failing(&n_calls, true);
    let local = Local::new(pipeline, &[], services.clone(), Settings::default());
    let running = local.start();
    for n_times in 1..=3 {
        sleep(Duration::from_secs(100)).await;
        assert_eq!(n_calls.load(Ordering::Relaxed), 5 * n_times);
        assert_eq!(waiting(&services, "watch-due-poison").await.len(), 1);
        sleep(Duration::from_secs(800)).await;
    }
    running.stop().await;
}

#[test]
fn what_was_killed_half_way_ends_with_the_same_artifacts() {
    let mut ends = Vec::new();
    for dies in ["nobody", "first", "second"] {
        let path = tempfile::tempdir().unwrap();
        let clock = ManualClock::default();
        let open = || {
            let folder = DataFolder::open(path.path(), None, Arc::new(clock.clone())).unwrap();
            Services {
                space: folder.live().clone(),
                ..services(Arc::new(clock.clone()))
            }
        };
        let runtime = || tokio::runtime::Runtime::new().unwrap();
        let (services, reached) = (open(), Arc::new(Notify::new()));
        let dying = |name: &'static str| {
            let reached = Arc::clone(&reached);
            probe(move |ctx, _| {
                let reached = Arc::clone(&reached);
                Box::pin(async move {
                    let made = make(ctx).await?;
                    if name == dies {
                        reached.notify_one();
                        std::future::pending::<()>().await;
                    }
                    Ok(made)
                })
            })
        };
        let steps = Steps::new(services, dying("first"), dying("second"));
        let first = runtime();
        first.block_on(async {
            send(&steps.services, "m1").await;
            tokio::select! {
                () = steps.all() => {}
                () = reached.notified() => {}
            }
        });
        drop(steps);
        drop(first);
        clock.advance(2 * Settings::default().visibility);
        let steps = Steps::new(open(), makes(), makes());
        runtime().block_on(async {
            steps.all().await;
            let told = waiting(&steps.services, "finished").await;
            assert_eq!(told.len(), 1, "{dies}");
            ends.push(told[0].artifacts.clone());
        });
    }
    assert_eq!(ends[0], ends[1]);
    assert_eq!(ends[0], ends[2]);
}

#[tokio::test]
async fn a_face_of_a_queue_sends_a_message_unless_it_answers_a_copy() {
    let services = services(Arc::new(ManualClock::default()));
    let local = Local::new(
        pipeline(makes(), makes()),
        &[],
        services.clone(),
        Settings::default(),
    );
    let router = local.http().unwrap().router;
    let ask = async |copy: bool| {
        let mut request = Request::post("/pipeline/run");
        if copy {
            request = request.header("x-cutline-shadow", "1");
        }
        let request = request.body(Body::from(r#"{"name": "may", "n": 3}"#));
        let answer = router.clone().oneshot(request.unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        (status, body["id"].as_str().unwrap().to_owned())
    };
    assert_eq!(ask(true).await.0, 202);
    assert_eq!(waiting(&services, "to-first").await, []);
    let (status, id) = ask(false).await;
    let sent = waiting(&services, "to-first").await;
    let [sent] = &sent[..] else {
        panic!("one message is sent");
    };
    assert_eq!((status, &id), (202, &sent.id));
    assert_eq!((&*sent.values["name"], &*sent.values["n"]), ("may", "3"));
}

#[test]
fn a_message_that_is_left_says_what_to_do_about_it() {
    let full = DatabaseError::Full {
        path: "cutline.sqlite".into(),
        source: Arc::new(rusqlite::Error::InvalidQuery),
    };
    let left = Left::from(QueueError::Database {
        queue: "raw-arrived".to_owned(),
        source: full,
    });
    let said = whole(&left);
    assert!(
        said.contains("is full: make room; nothing was lost"),
        "{said}"
    );
}

/// Behind the host of Azure Functions, which holds the message.
#[tokio::test]
async fn a_host_gives_a_message_again_until_its_last_try() {
    let full = |_: &StageContext| StageError::passing("the disk", "it is full");
    let failing = probe(move |ctx, _| {
        let error = full(ctx);
        Box::pin(async move { Err(error) })
    });
    let services = services(Arc::new(SystemClock));
    let settings = Settings::default();
    let does = probe(|_, _| Box::pin(async { Ok(Facts::new()) }));
    let local = Local::new(pipeline(failing, does), &[], services.clone(), settings);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let router = local.handling(listener).unwrap().http.router;
    let invoke = async |function: &str, metadata: Value| {
        let body = Message::new("m1").to_body().unwrap();
        let message = Value::from(String::from_utf8_lossy(&body)).to_string();
        let payload = json!({"Data": {"message": message}, "Metadata": metadata});
        let request = Request::post(format!("/{function}"))
            .header("x-azure-functions-invocationid", "1")
            .body(Body::from(payload.to_string()))
            .unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), 1 << 16).await;
        let body: Value = serde_json::from_slice(&body.unwrap()).unwrap();
        (status, body)
    };
    for count in 1..5 {
        let (status, body) = invoke("first", json!({"DequeueCount": count.to_string()})).await;
        assert_eq!((status, &body["Outputs"]), (500, &json!({})));
        assert!(waiting(&services, "to-first-poison").await.is_empty());
    }
    let (status, _) = invoke("first", json!({"DequeueCount": "5"})).await;
    assert_eq!(status, 200);
    let poison = waiting(&services, "to-first-poison").await;
    assert!(poison[0].failures[0].error.contains("it is full"));
    // What comes once has its last try at once.
    let (status, _) = invoke("first", json!({})).await;
    assert_eq!(status, 200);
    assert_eq!(waiting(&services, "to-first-poison").await.len(), 2);
    // The host sends what follows.
    let (status, body) = invoke("second", json!({"DequeueCount": "1"})).await;
    assert_eq!(
        (status, &body["Outputs"]["next"][0]["id"]),
        (200, &json!("m1"))
    );
    assert!(waiting(&services, "finished").await.is_empty());
}
