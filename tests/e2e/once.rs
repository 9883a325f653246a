//! A request with an `Idempotency-Key` is sent again and again to a `cutline run`
//! that is killed meanwhile: it has one effect, and one answer.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::fs;
use std::process::Stdio;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use cutline_runtime::store::clock::SystemClock;
use cutline_runtime::store::folder::DataFolder;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::runtime_docs::anywhere;
use crate::support;
use crate::support::service::{Service, cutline, program};

const PIPELINE: &str = r#"
[function.ingestion]
trigger = { queue = "arrived" }
input   = { blob = "{name}.csv" }
output  = { artifact = "rows" }

[[http]]
route    = "POST /ingest"
function = "ingestion"
wait     = { for = "60s" }
response = { "/id" = "/run/id", "/rows" = "/facts/ingestion/input/rows" }
"#;

/// Times that it is killed.
const KILLS: usize = 4;

/// The longest that it lives then, in milliseconds.
const LONGEST: u64 = 600;

#[tokio::test]
async fn a_request_with_a_key_has_one_effect_whenever_it_is_killed() {
    let clients = support::clients();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("incoming")).unwrap();
    fs::write(folder.join("incoming/may.csv"), "a,b\n1,x\n2,y\n").unwrap();
    fs::write(folder.join("functions.toml"), anywhere(PIPELINE)).unwrap();
    let start = || {
        let mut run = cutline();
        // What died leaves its work soon.
        run.args(["run", "--visibility", "1s"]);
        Service::start(run.current_dir(folder), "clients: ")
    };
    let asks = |service: &Service| {
        let mut keyed = program(&clients, "keyed.py");
        keyed.arg(&service.url).stdout(Stdio::piped());
        keyed.spawn().unwrap()
    };
    let mut moments = StdRng::seed_from_u64(5);
    let mut answers = Vec::new();
    for _ in 0..KILLS {
        let service = start();
        let asking = asks(&service);
        thread::sleep(Duration::from_millis(moments.random_range(0..LONGEST)));
        drop(service);
        answers.push(asking.wait_with_output().unwrap().stdout);
    }
    let service = start();
    for _ in 0..2 {
        answers.push(asks(&service).wait_with_output().unwrap().stdout);
    }
    drop(service);
    let mut answers: Vec<String> = answers
        .into_iter()
        .map(|answer| String::from_utf8(answer).unwrap())
        .filter(|answer| !answer.is_empty())
        .collect();
    assert!(answers.len() >= 2, "{answers:?}");
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers[0].starts_with("200 ") && answers[0].contains("\"rows\":2"));

    let data = folder.join("cutline-data");
    let data = DataFolder::open(&data, None, Arc::new(SystemClock)).unwrap();
    for prefix in ["run/", "ledger/", "answer/"] {
        let cells = data.live().cells().list(prefix).await.unwrap();
        assert_eq!(cells.len(), 1, "{prefix}: {cells:?}");
    }
}
