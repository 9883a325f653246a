//! What both sides answer is compared, kept, and decides: over real sockets.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

mod support;

use std::fs;
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use cutline_proxy::config::Occasion;
use cutline_proxy::control::{Notice, Notify};
use serde_json::{Value, json};
use support::whole::Whole;
use support::{Upstream, ask, eventually, respond};

/// Answers with what `answer` makes of the number in the request's path.
fn upstream(answer: impl Fn(u32) -> Value + Send + Sync + 'static) -> Upstream {
    Upstream::new(move |seen, socket| {
        let number = seen
            .line()
            .split(['/', ' '])
            .find_map(|part| part.parse().ok());
        let body = answer(number.unwrap_or(0)).to_string();
        respond(
            socket,
            "200 OK",
            "content-type: application/json\r\n",
            &body,
        )
    })
}

/// What the monolith says: a time that is never the same among it.
fn monolith() -> Upstream {
    let served = std::sync::atomic::AtomicU64::new(0);
    upstream(move |n| {
        let served = served.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        json!({ "score": f64::from(n) / 7.0, "label": n % 2, "served": format!("id-{served}") })
    })
}

fn folder(monolith: &Upstream, candidate: &Upstream, more: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (monolith, candidate) = (monolith.url(), candidate.url());
    let text = format!(
        r#"listen = "127.0.0.1:0"
admin = "127.0.0.1:0"

[monolith]
upstream = "{monolith}"

[stage.inference]
routes = ["GET /predict/{{n}}"]
candidate = "{candidate}"
mode = "shadow"

[stage.inference.compare]
label = "/label"
score = "/score"
{more}
"#
    );
    fs::write(folder.path().join("routes.toml"), text).unwrap();
    folder
}

fn asks(whole: &Whole, numbers: std::ops::Range<u32>) {
    for n in numbers {
        let answer = ask(whole.clients(), &format!("GET /predict/{n}"), &[], "");
        assert_eq!(answer.status, 200);
    }
}

fn board(whole: &Whole) -> Value {
    whole.get("/api/board")["stages"][0].clone()
}

#[test]
fn what_differs_is_found_by_field_and_what_differs_by_itself_is_not_counted() {
    let monolith = monolith();
    let candidate = upstream(|n| {
        let score = (f64::from(n) / 7.0 * 1e3).round() / 1e3;
        json!({ "score": score, "label": n % 2, "served": "another" })
    });
    let folder = folder(&monolith, &candidate, "noise = 50\nsample = 100");
    let whole = Whole::start(folder.path());
    asks(&whole, 0..100);
    eventually("all is compared", || {
        board(&whole)["compared"]["answers"] == 100
    });
    let told = whole.get("/api/differences?stage=inference");
    let fields = told["fields"].as_array().unwrap();
    let score = fields
        .iter()
        .find(|field| field["path"] == "/score")
        .unwrap();
    assert!(
        score["how"]
            .as_str()
            .unwrap()
            .contains("rounds to 3 decimals"),
        "{told:#}"
    );
    assert_eq!(score["noise"], Value::Null);
    let served = fields.iter().filter(|field| field["path"] == "/served");
    assert!(
        served
            .clone()
            .any(|field| field["noise"]["differed"].as_u64() > Some(10)),
        "{told:#}"
    );
    let example = &told["examples"][0];
    assert_eq!(example["method"], "GET");
    assert!(
        example["monolith"]["body"]
            .as_str()
            .unwrap()
            .contains("score")
    );
    whole.stop();
}

#[test]
fn kept_pairs_are_told_as_they_are_asked_for() {
    let monolith = upstream(|n| json!({ "score": n }));
    let candidate = upstream(|n| json!({ "score": if n == 3 { 4 } else { n } }));
    let folder = folder(&monolith, &candidate, "noise = \"off\"\nsample = 100");
    let whole = Whole::start(folder.path());
    asks(&whole, 0..5);
    let pairs = |query: &str| whole.get(&format!("/api/pairs?stage=inference{query}"));
    eventually("all are kept", || {
        pairs("")["pairs"].as_array().map(Vec::len) == Some(5)
    });
    let differing = pairs("&verdict=mismatch");
    let [pair] = &differing["pairs"].as_array().unwrap()[..] else {
        panic!("{differing:#}");
    };
    assert_eq!(pair["request"]["target"], "/predict/3");
    assert_eq!(pair["monolith"]["body"]["text"], r#"{"score":3}"#);
    assert_eq!(pair["candidate"]["status"], 200);
    assert_eq!(pair["differences"][0]["path"], "/score");
    let id = pair["id"].as_str().unwrap();
    assert_eq!(pairs(&format!("&id={id}")), differing);
    assert_eq!(pairs("&limit=2")["pairs"].as_array().map(Vec::len), Some(2));
    for (query, status) in [
        ("stage=nobody", 404),
        ("verdict=good", 400),
        ("id=xyz", 400),
        ("session=-", 400),
        ("much=1", 400),
    ] {
        let line = format!("GET /api/pairs?{query}");
        assert_eq!(whole.ask(&line, "").status, status, "{query}");
    }
    whole.stop();
}

/// Hands on what it is told.
struct Told(Sender<Notice>);

impl Notify for Told {
    fn notify(&self, notice: Notice) {
        let _ = self.0.send(notice);
    }
}

#[test]
fn what_people_and_the_evidence_decide_is_told_and_what_waits_for_a_person_once() {
    let (monolith, candidate) = (upstream(|n| json!(n)), upstream(|n| json!(n)));
    let rollout = r#"
[stage.inference.rollout]
steps = ["shadow", 50]
confirm = [50]
sure = 0.5
limits = { mismatch = 0.5, errors = "none", latency_ratio = "none" }
"#;
    let folder = folder(&monolith, &candidate, rollout);
    let file = folder.path().join("routes.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("mode = \"shadow\"", "")).unwrap();
    let (send, told) = mpsc::channel();
    let whole = Whole::start_telling(folder.path(), Box::new(Told(send)));
    let steer = |action: &str| {
        let line = "POST /api/stages/inference/rollout";
        let answer = whole.ask(
            line,
            &json!({ "action": action, "who": "anna" }).to_string(),
        );
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    let next = || told.recv_timeout(Duration::from_secs(60)).unwrap();
    steer("start");
    let notice = next();
    assert_eq!((notice.occasion, &*notice.who), (Occasion::People, "anna"));
    asks(&whole, 0..100);
    let notice = next();
    assert_eq!(notice.occasion, Occasion::AwaitConfirmation);
    assert!(
        notice.why.contains("cutline rollout inference confirm"),
        "{}",
        notice.why
    );
    // It is judged again, and waits as before.
    asks(&whole, 0..5);
    eventually("it is judged again", || {
        board(&whole)["compared"]["answers"] == 105
            && board(&whole)["rollout"]["judged"] == "awaiting-confirmation"
    });
    steer("confirm");
    assert_eq!(next().occasion, Occasion::People);
    let notice = next();
    assert_eq!(notice.occasion, Occasion::Advance);
    let to = notice.to.unwrap();
    assert_eq!((to.mode.name(), to.weight.percent()), ("split", 50.0));
    whole.stop();
    assert!(told.try_recv().is_err());
}
