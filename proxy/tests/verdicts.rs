//! What both sides answer is compared, kept, and decides: over real sockets.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

mod support;

use std::fs;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;
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
    asks(&whole, 0..300);
    eventually("all is compared", || {
        board(&whole)["compared"]["answers"].as_u64() > Some(100)
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

#[test]
fn answers_that_wait_for_the_other_side_are_kept_within_the_memory_told() {
    let large = |n: u32| json!({ "text": "x".repeat(if n < 1000 { 1 } else { 200_000 }) });
    let (monolith, candidate) = (upstream(large), upstream(large));
    let within = "noise = \"off\"\nsample = 100\n[mirror]\nmemory = \"150kB\"";
    let folder = folder(&monolith, &candidate, within);
    let whole = Whole::start(folder.path());
    for _ in 0..3 {
        let answer = ask(whole.clients(), "GET /predict/1000", &[], "");
        assert_eq!((answer.status, answer.body.len()), (200, 200_011));
    }
    let dropped = r#"route="GET /predict/{n}",reason="comparison-memory"} 3"#;
    eventually("they are counted as dropped", || {
        whole.running.metrics().contains(dropped)
    });
    asks(&whole, 0..5);
    let pairs = || whole.get("/api/pairs?stage=inference")["pairs"].clone();
    eventually("what fits is compared, for all was given back", || {
        pairs().as_array().map(Vec::len) == Some(5)
    });
    whole.stop();
}

/// What a client did before is part of what it is told now, so what counts is
/// the whole of it.
#[test]
fn a_clients_requests_are_told_as_one_session() {
    let monolith = upstream(|n| json!({ "score": n }));
    let candidate = upstream(|n| json!({ "score": if n == 3 { 4 } else { n } }));
    let folder = folder(&monolith, &candidate, "noise = \"off\"\nsample = 100");
    let file = folder.path().join("routes.toml");
    let text = fs::read_to_string(&file).unwrap();
    let sticky = "mode = \"shadow\"\nsticky = { header = \"x-customer\" }";
    fs::write(&file, text.replace("mode = \"shadow\"", sticky)).unwrap();
    let whole = Whole::start(folder.path());
    let sessions = || whole.get("/api/sessions?stage=inference");
    assert_eq!(sessions()["sentence"], Value::Null);
    for (customer, numbers) in [("anna", 0..3), ("ben", 1..6), ("cleo", 4..5)] {
        for n in numbers {
            let customer = format!("x-customer: {customer}");
            ask(
                whole.clients(),
                &format!("GET /predict/{n}"),
                &[&customer],
                "",
            );
        }
    }
    // Without a key it is of no session.
    asks(&whole, 3..4);
    eventually("all are kept", || {
        let told = whole.get("/api/pairs?stage=inference");
        told["pairs"].as_array().map(Vec::len) == Some(10)
    });
    let told = sessions();
    assert_eq!(
        (&told["matching"], &told["differing"]),
        (&json!(2), &json!(1))
    );
    let sentence = told["sentence"].as_str().unwrap();
    assert!(
        sentence.starts_with("1 of 3 sessions differ (33.33 %, "),
        "{sentence}"
    );
    let [session] = &told["sessions"].as_array().unwrap()[..] else {
        panic!("{told:#}");
    };
    assert_eq!(
        (&session["requests"], &session["mismatches"]),
        (&json!(5), &json!(1))
    );
    assert_eq!(session["first_at"], 3);
    assert_eq!(session["first"]["target"], "/predict/3");
    assert_eq!(session["first"]["fields"], json!(["/score"]));
    let in_order = session["in_order"].as_array().unwrap();
    let targets = in_order.iter().map(|own| own["target"].as_str().unwrap());
    let expected: Vec<_> = (1..6).map(|n| format!("/predict/{n}")).collect();
    assert_eq!(targets.collect::<Vec<_>>(), expected);
    let id = session["session"].as_str().unwrap();
    let replayed = whole.get(&format!("/api/pairs?session={id}"));
    assert_eq!(replayed["pairs"].as_array().map(Vec::len), Some(5));
    for (query, status) in [("stage=nobody", 404), ("", 400)] {
        let line = format!("GET /api/sessions?{query}");
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
noise = "off"
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

/// A few per cent, 90 % sure, so that some hundred requests decide; latency is
/// not judged on a machine that has other work.
const LIMITS: &str = r#"sure = 0.9
limits = { mismatch = 0.1, errors = 0.1, latency_ratio = "none" }
"#;

/// A stage at `share`, with a policy of `steps`.
fn rollout(
    monolith: &Upstream,
    candidate: &Upstream,
    share: &str,
    steps: &str,
) -> tempfile::TempDir {
    let more = format!("noise = \"off\"\n[stage.inference.rollout]\nsteps = {steps}\n{LIMITS}");
    let folder = folder(monolith, candidate, &more);
    let file = folder.path().join("routes.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("mode = \"shadow\"", share)).unwrap();
    folder
}

/// Scores that are the same whenever they are asked for.
fn same() -> Upstream {
    upstream(|n| json!({ "score": f64::from(n) / 7.0, "label": n % 2 }))
}

/// Clients ask over four connections at a time until `done`; each answer's
/// status is looked at.
fn while_asked(whole: &Whole, is_right: fn(u16) -> bool, done: impl FnOnce()) {
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let (stop, next, to) = (AtomicBool::new(false), AtomicU32::new(0), whole.clients());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let n = next.fetch_add(1, Ordering::Relaxed) % 1_000;
                    let status = ask(to, &format!("GET /predict/{n}"), &[], "").status;
                    assert!(is_right(status), "{status}");
                }
            });
        }
        let _stop = Stop(&stop);
        done();
    });
}

fn judged(whole: &Whole) -> String {
    board(whole)["rollout"]["judged"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// Waits until the rollout is judged so; returns the stage then.
fn until(whole: &Whole, wanted: &str) -> Value {
    eventually(wanted, || judged(whole) == wanted);
    board(whole)
}

fn steer(whole: &Whole, action: &str) -> (u16, Value) {
    let body = json!({ "action": action, "who": "anna", "why": "a test" }).to_string();
    let answer = whole.ask("POST /api/stages/inference/rollout", &body);
    (answer.status, serde_json::from_str(&answer.body).unwrap())
}

/// The shares a stage had, the first one first.
fn went(whole: &Whole) -> Vec<String> {
    let changes = whole.get("/api/changes?stage=inference&limit=50");
    let mut changes = changes["changes"].as_array().unwrap().clone();
    changes.reverse();
    let share = |change: &Value| {
        let to = &change["to"];
        format!("{} {}", to["mode"].as_str().unwrap(), to["percent"])
    };
    let mut shares: Vec<_> = changes.iter().map(share).collect();
    shares.dedup();
    shares
}

#[test]
fn an_equal_candidate_goes_through_every_step() {
    let (monolith, candidate) = (same(), same());
    let steps = r#"["shadow", 50, 100, "reverse-shadow"]"#;
    let folder = rollout(&monolith, &candidate, "mode = \"shadow\"", steps);
    let whole = Whole::start(folder.path());
    while_asked(
        &whole,
        |status| status == 200,
        || {
            let stage = until(&whole, "done");
            assert_eq!(stage["rollout"]["at"], 3, "{stage:#}");
            assert_eq!(stage["compared"]["mismatches"], 0, "{stage:#}");
        },
    );
    assert_eq!(
        went(&whole),
        [
            "shadow 100.0",
            "split 50.0",
            "candidate 100.0",
            "reverse-shadow 100.0"
        ]
    );
    whole.stop();
}

/// Nothing is known of noise when it begins: the first answers differ all, and
/// must not be held against the candidate.
#[test]
fn an_equal_candidate_with_noisy_fields_goes_through_every_step() {
    let (one, other) = (monolith(), monolith());
    let more = format!("[stage.inference.rollout]\nsteps = [\"shadow\", 50, 100]\n{LIMITS}");
    let folder = folder(&one, &other, &more);
    let whole = Whole::start(folder.path());
    while_asked(
        &whole,
        |status| status == 200,
        || {
            until(&whole, "done");
        },
    );
    let told = whole.get("/api/differences?stage=inference");
    assert_eq!(board(&whole)["now"]["mode"], "candidate", "{told:#}");
    whole.stop();
}

#[test]
fn evidence_takes_the_share_back_and_says_why() {
    let monolith = same();
    let candidate = upstream(|n| {
        let off = f64::from(n % 3 / 2) / 10.0;
        json!({ "score": f64::from(n) / 7.0 + off, "label": n % 2 })
    });
    let share = "mode = \"reverse-shadow\"";
    let steps = r#"["shadow", 100, "reverse-shadow"]"#;
    let folder = rollout(&monolith, &candidate, share, steps);
    let whole = Whole::start(folder.path());
    while_asked(
        &whole,
        |status| status == 200,
        || {
            let stage = until(&whole, "rolled-back");
            assert_eq!(stage["now"]["mode"], "shadow", "{stage:#}");
            let why = stage["last"]["why"].as_str().unwrap();
            for named in ["/score", "reverse-shadow", "limit", "%"] {
                assert!(why.contains(named), "{why}");
            }
            // It stays there until somebody has it go on.
            assert_eq!(steer(&whole, "resume").0, 200);
        },
    );
    whole.stop();
}

#[test]
fn a_plain_failure_takes_the_share_back_at_once() {
    let monolith = same();
    let candidate = Upstream::new(|_, socket| respond(socket, "500 Oh", "", "no"));
    let share = "mode = \"split\"\npercent = 50";
    let folder = rollout(&monolith, &candidate, share, r#"["shadow", 50, 100]"#);
    // Nothing else may tip it, however few requests there are at the first look.
    let file = folder.path().join("routes.toml");
    let text = fs::read_to_string(&file).unwrap();
    let limits = r#"limits = { mismatch = "none", errors = "none", latency_ratio = 1000 }"#;
    let text: Vec<_> = text
        .lines()
        .map(|line| {
            if line.starts_with("limits = ") {
                limits
            } else {
                line
            }
        })
        .collect();
    fs::write(&file, text.join("\n")).unwrap();
    let whole = Whole::start(folder.path());
    let either = |status| matches!(status, 200 | 500);
    while_asked(&whole, either, || {
        let stage = until(&whole, "rolled-back");
        assert_eq!(stage["now"]["mode"], "shadow", "{stage:#}");
        let why = stage["last"]["why"].as_str().unwrap();
        assert!(why.contains("fail"), "{why}");
    });
    // From now on, no client is given a failure.
    asks(&whole, 0..20);
    whole.stop();
}

#[test]
fn people_pause_it_resume_it_confirm_it_and_choose_a_share() {
    let (monolith, candidate) = (same(), same());
    let steps = "[\"shadow\", 50, 100]\nconfirm = [50]";
    let folder = rollout(&monolith, &candidate, "mode = \"shadow\"", steps);
    let whole = Whole::start(folder.path());
    let (status, said) = steer(&whole, "resume");
    assert_eq!(status, 409, "{said:#}");
    while_asked(
        &whole,
        |status| status == 200,
        || {
            assert_eq!(steer(&whole, "pause").0, 200);
            until(&whole, "paused");
            let before = board(&whole)["compared"]["answers"].as_u64();
            eventually("it is compared on", || {
                board(&whole)["compared"]["answers"].as_u64() > before
            });
            assert_eq!(board(&whole)["now"]["mode"], "shadow");
            assert_eq!(steer(&whole, "resume").0, 200);
            until(&whole, "awaiting-confirmation");
            assert_eq!(board(&whole)["now"]["mode"], "shadow");
            assert_eq!(steer(&whole, "confirm").0, 200);
            until(&whole, "done");
            // No step of the policy: it stays there.
            let (status, _) = whole.post("inference", &json!({ "mode": "split", "percent": 10 }));
            assert_eq!(status, 200);
            let stage = until(&whole, "paused");
            assert_eq!(stage["now"]["percent"], 10.0, "{stage:#}");
            // A step of it, in the file: it goes on from there.
            whole.edit("mode = \"shadow\"", "mode = \"split\"\npercent = 50");
            until(&whole, "done");
        },
    );
    assert_eq!(
        went(&whole),
        [
            "shadow 100.0",
            "split 50.0",
            "candidate 100.0",
            "split 10.0",
            "split 50.0",
            "candidate 100.0"
        ]
    );
    whole.stop();
}

#[test]
fn it_goes_on_where_it_stood_after_a_restart() {
    let (monolith, candidate) = (same(), same());
    let steps = "[\"shadow\", 50, 100]\nconfirm = [100]";
    let folder = rollout(&monolith, &candidate, "mode = \"shadow\"", steps);
    let whole = Whole::start(folder.path());
    let mut before = Value::Null;
    while_asked(
        &whole,
        |status| status == 200,
        || {
            before = until(&whole, "awaiting-confirmation");
        },
    );
    let since = whole.stage()["since"].clone();
    whole.stop();
    let whole = Whole::start(folder.path());
    let stage = until(&whole, "awaiting-confirmation");
    assert_eq!(stage["rollout"]["at"], before["rollout"]["at"]);
    assert_eq!(whole.stage()["since"], since);
    let gathered = |stage: &Value| stage["rollout"]["gathered"].as_u64().unwrap();
    assert!(gathered(&stage) >= gathered(&before), "{stage:#}");
    assert_eq!(steer(&whole, "confirm").0, 200);
    while_asked(
        &whole,
        |status| status == 200,
        || {
            until(&whole, "done");
        },
    );
    whole.stop();
}

/// Answers that nobody could compare are no evidence that they are the same.
#[test]
fn where_nothing_can_be_compared_nothing_is_promoted() {
    let (monolith, candidate) = (same(), same());
    let folder = rollout(
        &monolith,
        &candidate,
        "mode = \"shadow\"",
        r#"["shadow", 100]"#,
    );
    let file = folder.path().join("routes.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        text.replace("noise = \"off\"", "noise = \"off\"\nbody = \"8B\""),
    )
    .unwrap();
    let whole = Whole::start(folder.path());
    asks(&whole, 0..200);
    eventually("all is looked at", || {
        board(&whole)["compared"]["unavailable"]
            .as_object()
            .is_some_and(|own| own.values().filter_map(Value::as_u64).sum::<u64>() == 200)
    });
    let stage = until(&whole, "not-enough-evidence");
    assert_eq!(stage["now"]["mode"], "shadow", "{stage:#}");
    whole.stop();
}

/// A head is no answer yet.
#[test]
fn a_copy_that_breaks_off_is_a_failure() {
    let monolith = same();
    let candidate = Upstream::new(|_, socket| {
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{";
        let _ = socket.write_all(head.as_bytes());
        false
    });
    let share = "mode = \"shadow\"";
    let folder = rollout(&monolith, &candidate, share, r#"["shadow", 100]"#);
    let whole = Whole::start(folder.path());
    while_asked(
        &whole,
        |status| status == 200,
        || {
            let stage = until(&whole, "rolled-back");
            let why = stage["last"]["why"].as_str().unwrap();
            assert!(why.contains("requests failed"), "{why}");
            assert_eq!(stage["now"]["mode"], "shadow", "{stage:#}");
        },
    );
    whole.stop();
}
