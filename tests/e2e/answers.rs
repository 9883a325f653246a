//! What the two sides answer, and what is done about it, as a person at the
//! command line sees it: real processes, told by real commands.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::behind_the_proxy::certificate;
use crate::proxy_control::{Folder, Process, ask, upstream};
use crate::support::eventually;

/// A side that predicts a score for each customer, and makes `shown` of it.
fn scoring(shown: impl Fn(f64) -> f64 + Send + Sync + 'static) -> SocketAddr {
    upstream(move |head| {
        let mut lines = head.lines();
        let customer = lines.find_map(|line| line.strip_prefix("x-customer: "));
        let customer: u32 = customer.unwrap_or("0").parse().unwrap();
        let score = shown(f64::from(customer) / 7.0);
        format!("{{\"label\": {}, \"score\": {score}}}", customer % 2)
    })
}

fn exact() -> SocketAddr {
    scoring(|score| score)
}

fn rounded() -> SocketAddr {
    scoring(|score| (score * 1e3).round() / 1e3)
}

/// A port at which nobody listens.
fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn asks(proxy: &Process, customers: std::ops::RangeInclusive<u32>) {
    for customer in customers {
        let fields = format!("x-customer: {customer}\r\ncontent-length: 0\r\n");
        assert_eq!(ask(proxy.clients, "POST /predict", &fields).0, 200);
    }
}

/// What a command's JSON is, once `right` says that it is so.
fn once(folder: &Folder, args: &[&str], right: impl Fn(&Value) -> bool) -> Value {
    let mut told = Value::Null;
    eventually(&format!("{args:?}"), || {
        told = serde_json::from_str(&folder.printed(args)).unwrap();
        right(&told)
    });
    told
}

/// The exit code, and all that a command prints.
fn ended(folder: &Folder, args: &[&str]) -> (Option<i32>, String) {
    let output = folder.run(args);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout) + &text(&output.stderr),
    )
}

#[test]
fn a_candidate_that_rounds_is_found_and_replayed() {
    let monolith = exact();
    let candidate = rounded();
    let folder = Folder::between(monolith, candidate);
    folder.edit("mode = \"split\"\npercent = 0\n", "mode = \"shadow\"\n");
    let more = "side_effects = { monolith = \"none\", candidate = \"none\" }\n[stage.inference.compare]\nsample = 100\nnoise = \"off\"\n";
    folder.edit(
        "sticky = { header = \"x-customer\" }\n",
        &format!("sticky = {{ header = \"x-customer\" }}\n{more}"),
    );
    let proxy = folder.start(&[]);
    asks(&proxy, 1..=12);

    // Those of 7 are whole, and the same when rounded.
    let diff = ["diff", "inference", "--json"];
    let told = once(&folder, &diff, |told| told["compared"]["answers"] == 12);
    assert_eq!(told["compared"]["mismatches"], 11);
    let shown = folder.printed(&["diff", "inference", "--limit", "1"]);
    for part in [
        "11 of 12 answers differ",
        "/score",
        "rounds to 3 decimals",
        "POST /predict",
        "monolith: 200",
        "|",
    ] {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }
    assert_eq!(shown.matches("example ").count(), 1, "{shown}");
    let status = folder.printed(&["status"]);
    assert!(status.contains("12 compared"), "{status}");

    let id = told["examples"][0]["id"].as_str().unwrap();
    let (code, said) = ended(&folder, &["replay", "inference", "--id", id]);
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("mismatch: /score"), "{said}");
    assert!(said.contains("1 replayed: 0 match, 1 differ"), "{said}");

    // Once the candidate is mended, all of them are alike.
    let file = fs::read_to_string(folder.path().join("routes.toml")).unwrap();
    let mended = file.replace(&candidate.to_string(), &exact().to_string());
    fs::write(folder.path().join("mended.toml"), &mended).unwrap();
    let args = ["replay", "inference", "--config", "mended.toml", "--json"];
    let told: Value = serde_json::from_str(&folder.printed(&args)).unwrap();
    assert_eq!(
        (&told["matches"], &told["not_sent"]),
        (&12.into(), &0.into())
    );
    // Copies of several clients are compared in any order.
    let requests = told["requests"].as_array().unwrap().iter();
    let (differed, alike): (Vec<_>, Vec<_>) =
        requests.partition(|request| request["then"]["verdict"] == "mismatch");
    assert_eq!((differed.len(), alike.len()), (11, 1));
    assert_eq!(alike[0]["then"]["verdict"], "match");
    let session = differed[0]["session"].as_str().unwrap();
    let (code, said) = ended(&folder, &["replay", "inference", "--session", session]);
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("1 replayed"), "{said}");

    // What has effects is not sent, nor what is no longer there.
    let (harmless, harmful) = ("candidate = \"none\"", "candidate = \"real\"");
    fs::write(
        folder.path().join("mended.toml"),
        mended.replace(harmless, harmful),
    )
    .unwrap();
    let (code, said) = ended(&folder, &args[..4]);
    assert_eq!(code, Some(5), "{said}");
    assert!(
        said.contains("12, its effects are real on the candidate: --with-effects"),
        "{said}"
    );
    let (code, said) = ended(&folder, &[&args[..4], &["--with-effects"]].concat());
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = ended(
        &folder,
        &["replay", "inference", "--verdict", "unavailable"],
    );
    assert_eq!(code, Some(5), "{said}");
    assert!(
        said.contains("no such request of stage inference is kept"),
        "{said}"
    );
    assert_eq!(proxy.end(), Some(0));
}

/// The monolith speaks TLS, by a certificate that signs itself.
#[test]
fn a_request_is_replayed_over_tls_only_to_whom_the_authority_vouches_for() {
    // Another proxy speaks it in its place.
    let front = Folder::between(exact(), nobody());
    let authority = certificate(front.path());
    let tls = "tls = { certificate = \"certificate.pem\", key = \"key.pem\" }\n[monolith]";
    front.edit("[monolith]", tls);
    let front_door = front.start(&[]);

    let folder = Folder::between(front_door.clients, exact());
    let authority = format!("tls = {{ authority = {authority:?} }}\n");
    let (over, plain) = (
        format!("https://localhost:{}", front_door.clients.port()),
        format!("http://{}", front_door.clients),
    );
    folder.edit(&plain, &over);
    folder.edit("\n[stage", &format!("{authority}\n[stage"));
    let shadow =
        "mode = \"shadow\"\nside_effects = { monolith = \"none\", candidate = \"none\" }\n";
    folder.edit("mode = \"split\"\npercent = 0\n", shadow);
    let sticky = "sticky = { header = \"x-customer\" }\n";
    let more = "[stage.inference.compare]\nsample = 100\nnoise = \"off\"\n";
    folder.edit(sticky, &format!("{sticky}{more}"));
    let proxy = folder.start(&[]);
    asks(&proxy, 1..=3);
    let diff = ["diff", "inference", "--json"];
    once(&folder, &diff, |told| told["compared"]["answers"] == 3);
    let (code, said) = ended(&folder, &["replay", "inference"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("3 replayed: 3 match"), "{said}");

    let file = fs::read_to_string(folder.path().join("routes.toml")).unwrap();
    let unknown = file.replace(&authority, "");
    fs::write(folder.path().join("unknown.toml"), unknown).unwrap();
    let args = ["replay", "inference", "--config", "unknown.toml"];
    let (code, said) = ended(&folder, &args);
    assert_eq!(code, Some(5), "{said}");
    assert!(
        said.contains("0 match, 0 differ, 3 cannot be compared"),
        "{said}"
    );
    assert_eq!(proxy.end(), Some(0));
}

/// A client's requests, told as one sequence.
#[test]
fn sessions_are_told_by_their_first_request_that_differs() {
    let folder = Folder::between(exact(), rounded());
    folder.edit("mode = \"split\"\npercent = 0\n", "mode = \"shadow\"\n");
    let sticky = "sticky = { header = \"x-customer\" }\n";
    let more = "side_effects = { monolith = \"none\", candidate = \"none\" }\n[stage.inference.compare]\nsample = 100\nnoise = \"off\"\n";
    folder.edit(sticky, &format!("{sticky}{more}"));
    let proxy = folder.start(&[]);
    // Those of 7 are whole, and the same when rounded.
    asks(&proxy, 7..=8);
    asks(&proxy, 8..=8);
    let sessions = ["diff", "inference", "--sessions", "--json"];
    let told = once(&folder, &sessions, |told| {
        told["sessions"][0]["requests"] == 2
    });
    assert_eq!(
        (&told["matching"], &told["differing"]),
        (&1.into(), &1.into())
    );
    let id = told["sessions"][0]["session"].as_str().unwrap();
    let shown = folder.printed(&sessions[..3]);
    for part in [
        "1 of 2 sessions differ (50.00 %, ",
        &format!("session {id}  2 of 2 requests differ\n  ≠≠\n"),
        "  first, number 1: POST /predict  /score\n",
        &format!("  again: cutline replay inference --session {id}\n"),
    ] {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }
    assert_eq!(proxy.end(), Some(0));
}

/// A webhook: what is posted to it comes out at the other end.
fn webhook() -> (SocketAddr, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (send, posted) = mpsc::channel();
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let mut reader = BufReader::new(socket.try_clone().unwrap());
            let (mut length, mut line) = (0, String::new());
            while reader.read_line(&mut line).unwrap() > 2 {
                let lower = line.to_ascii_lowercase();
                if let Some(value) = lower.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let answer = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
            (&socket).write_all(answer.as_bytes()).unwrap();
            if send.send(serde_json::from_slice(&body).unwrap()).is_err() {
                return;
            }
        }
    });
    (address, posted)
}

#[cfg(unix)]
fn set_mode(file: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(unix)]
#[test]
fn a_rollout_is_steered_and_a_rollback_told() {
    let (hook, posted) = webhook();
    let folder = Folder::between(exact(), nobody());
    folder.edit("mode = \"split\"\npercent = 0\n", "");
    let sticky = "sticky = { header = \"x-customer\" }\n";
    let more = r#"side_effects = { monolith = "none", candidate = "none" }
[stage.inference.rollout]
steps = ["shadow", 100]
[notify]
webhook_file = "webhooks"
on = ["roll-back", "people"]
"#;
    folder.edit(sticky, &format!("{sticky}{more}"));
    let file = folder.path().join("webhooks");
    fs::write(&file, format!("http://{hook}/T0/secret\n")).unwrap();
    set_mode(&file, 0o644);
    let (code, said) = ended(&folder, &["proxy"]);
    assert_eq!(code, Some(4), "{said}");
    assert!(
        said.contains("others can read") && !said.contains("secret\n"),
        "{said}"
    );
    set_mode(&file, 0o600);
    let proxy = folder.start(&[]);

    let rollout = |action: &str| folder.printed(&["rollout", "inference", action]);
    let (code, said) = ended(&folder, &["rollout", "inference", "pause"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("the rollout has not been started"), "{said}");
    assert_eq!(
        rollout("start"),
        "inference: shadow 100 %, was monolith\nthe rollout is started\n"
    );
    assert_eq!(
        rollout("pause"),
        "inference: shadow 100 %\nthe rollout is paused; next: cutline rollout inference resume\n"
    );
    assert_eq!(
        rollout("resume"),
        "inference: shadow 100 %\nthe rollout goes on\n"
    );
    let why = ["rollout", "inference", "advance", "--why", "a drill"];
    assert!(
        folder
            .printed(&why)
            .starts_with("inference: candidate, was shadow 100 %\n")
    );
    for (text, occasion) in [
        (
            "inference goes from monolith to shadow 100 %, by anna",
            "people",
        ),
        ("inference stays at shadow 100 %, by anna", "people"),
        ("inference stays at shadow 100 %, by anna", "people"),
        (
            "inference goes from shadow 100 % to candidate, by anna: a drill",
            "people",
        ),
    ] {
        let told = posted.recv_timeout(Duration::from_secs(60)).unwrap();
        assert_eq!(told["text"], text);
        assert_eq!(told["cutline"]["occasion"], occasion);
    }

    // Nobody is there: each is answered by the monolith in its place.
    asks(&proxy, 1..=25);
    let told = posted.recv_timeout(Duration::from_secs(60)).unwrap();
    let text = told["text"].as_str().unwrap();
    assert!(
        text.starts_with("inference is rolled back from candidate to shadow 100 %: "),
        "{text}"
    );
    assert_eq!(told["cutline"]["occasion"], "roll-back");
    assert_eq!(told["cutline"]["to"]["mode"], "shadow");
    eventually("the rollback is shown", || {
        let status = folder.printed(&["status"]);
        status.contains("rolled back: cutline rollout inference resume")
    });
    let log = proxy.log();
    assert!(
        log.contains("decisions are told") && !log.contains("T0/secret"),
        "{log}"
    );
    assert_eq!(proxy.end(), Some(0));
}

#[test]
fn a_killed_proxy_counts_no_answer_twice_and_its_rollout_goes_on_where_it_stood() {
    let folder = Folder::between(exact(), exact());
    folder.edit("mode = \"split\"\npercent = 0\n", "mode = \"shadow\"\n");
    let sticky = "sticky = { header = \"x-customer\" }\n";
    let more = r#"side_effects = { monolith = "none", candidate = "none" }
[stage.inference.compare]
noise = "off"
[stage.inference.rollout]
steps = ["shadow", 50, 100]
confirm = [100]
sure = 0.9
limits = { mismatch = 0.1, errors = "none", latency_ratio = "none" }
"#;
    folder.edit(sticky, &format!("{sticky}{more}"));
    let diff = ["diff", "inference", "--json"];
    let answers = |told: &Value| told["compared"]["answers"].as_u64().unwrap_or(0);
    let stage = || {
        let status: Value = serde_json::from_str(&folder.printed(&["status", "--json"])).unwrap();
        status["stages"][0]["now"].clone()
    };
    let proxy = folder.start(&[]);
    eventually("half of it is the candidate's", || {
        asks(&proxy, 1..=20);
        stage()["mode"] == "split"
    });
    asks(&proxy, 1..=50);
    let before = answers(&once(&folder, &diff, |told| answers(told) >= 50));

    // Some of what it is asked now it has told its journal when it dies.
    asks(&proxy, 1..=100);
    let told = answers(&once(&folder, &diff, |told| answers(told) > before));
    proxy.kill();
    let proxy = folder.start(&[]);
    let half = stage();
    assert_eq!(
        (&half["mode"], half["percent"].as_f64()),
        (&"split".into(), Some(50.0))
    );
    let kept = answers(&once(&folder, &diff, |told| answers(told) > 0));
    assert!(
        (told..=before + 100).contains(&kept),
        "{kept}: {told}, {before}"
    );
    asks(&proxy, 1..=40);
    once(&folder, &diff, |told| answers(told) == kept + 40);
    assert_eq!(proxy.end(), Some(0));
}
