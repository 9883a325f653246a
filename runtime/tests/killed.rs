//! A process that works in a data folder is killed at random moments, and
//! nothing is lost, doubled or torn. Likewise where there is no room.
//!
//! The process is this test program, started again to run the test `child`. It
//! says on its standard output what it begins and what it has done. What it
//! said was done must be there afterwards; what it had only begun may be.
//!
//! `CUTLINE_KILLS=200 cargo test -p cutline-runtime --test killed -- --nocapture`
//! kills as often as is said, and tells what it counted.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "what fails here fails the test, or the process that it starts"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use cutline_runtime::queue::{Message, QueueName, retry};
use cutline_runtime::store::artifact::{ArtifactId, Description, Making};
use cutline_runtime::store::clock::{ManualClock, Timestamp};
use cutline_runtime::store::folder::DataFolder;
use cutline_runtime::store::ledger::{Begun, Entry};
use cutline_runtime::store::registry::{Alias, ModelName, ModelVersion};
use cutline_runtime::store::seal::Key;
use cutline_runtime::store::space::Space;
use indexmap::IndexMap;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

/// Kills, unless the environment says how many.
const KILLS: u64 = 25;

const LEASE: Duration = Duration::from_secs(60);

/// Each life of the process is an hour after the one before, so that leases
/// and visibility timeouts of the dead are over.
fn open(folder: &Path, life: u64) -> DataFolder {
    let now = Timestamp::from_millis(1_780_000_000_000 + life * 3_600_000);
    let clock = Arc::new(ManualClock::new(now));
    DataFolder::open(folder, Some(Key::new([7; 32])), clock).expect("the folder opens")
}

fn work() -> QueueName {
    "work".parse().unwrap()
}

fn churn() -> ModelName {
    "churn".parse().unwrap()
}

fn made(space: &Space) -> Making {
    Making {
        function: "killed".to_owned(),
        code: "1".to_owned(),
        parameters: IndexMap::new(),
        inputs: Vec::new(),
        at: space.clock().now(),
    }
}

fn content(number: u64) -> String {
    format!("artifact {number} ").repeat(5_000)
}

fn version(number: u64) -> ModelVersion {
    ModelVersion {
        model: ArtifactId::of(&number.to_le_bytes()),
        preprocessing: None,
        schema: json!(null),
        metrics: IndexMap::new(),
        data: ArtifactId::of(b"data"),
        code: "1".to_owned(),
        parameters: IndexMap::new(),
        passed: None,
        kind: None,
        card: None,
    }
}

fn entry(number: &str) -> Entry {
    Entry::invocation("killed", number, &IndexMap::new(), &[])
}

#[tokio::test]
#[ignore = "started by the other tests, to be killed"]
async fn child() {
    let Ok(folder) = env::var("CUTLINE_KILLED_FOLDER") else {
        return;
    };
    let number = |name| env::var(name).unwrap().parse::<u64>().unwrap();
    let folder = open(Path::new(&folder), number("CUTLINE_KILLED_LIFE"));
    for next in number("CUTLINE_KILLED_FROM").. {
        put(folder.live(), next).await;
        send(folder.live(), next).await;
        receive(folder.live()).await;
        deploy(folder.live(), next).await;
    }
}

/// On one line, whole: a pipe takes short ones so.
fn say(what: &str, number: impl std::fmt::Display) {
    let line = format!("{what} {number}\n");
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

async fn put(space: &Space, number: u64) {
    say("putting", number);
    let put = space
        .artifacts()
        .put(Description::default(), made(space), content(number));
    put.await.unwrap();
    say("put", number);
}

async fn send(space: &Space, number: u64) {
    say("sending", number);
    let body = Message::new(number.to_string()).to_body().unwrap();
    space
        .queues()
        .open(&work())
        .send(body, Duration::ZERO)
        .await
        .unwrap();
    say("sent", number);
}

/// Works on what there is, as a host does: the ledger says what was done.
async fn receive(space: &Space) {
    let (queues, ledger) = (space.queues(), space.ledger());
    let retry = retry::Retry {
        tries: u32::MAX,
        ..Default::default()
    };
    let now = space.clock().now();
    let received = retry::receive(&**queues, &work(), 4, LEASE, &retry, now).await;
    for next in received.unwrap().next {
        let number = &next.message.id;
        say("working", number);
        match ledger.begin(&entry(number), "child", LEASE).await.unwrap() {
            Begun::Mine(claim) => {
                let made = made(space);
                let result = format!("result {number}");
                let put = space
                    .artifacts()
                    .put(Description::default(), made, result.clone());
                put.await.unwrap();
                ledger.complete(claim, json!(result)).await.unwrap();
            }
            Begun::Done(_) => {}
            other => panic!("{other:?}"),
        }
        retry::finish(&**queues, &next).await.unwrap();
        say("worked", number);
    }
}

async fn deploy(space: &Space, number: u64) {
    let registry = space.registry();
    say("deploying", number);
    let registered = registry
        .register(&churn(), version(number), "child")
        .await
        .unwrap();
    let seen = registry.alias(&churn(), Alias::Champion).await.unwrap();
    let why = number.to_string();
    let alias = Alias::Champion;
    registry
        .point(
            &churn(),
            alias,
            seen.as_ref(),
            registered.number,
            "child",
            &why,
        )
        .await
        .unwrap();
    say("deployed", number);
}

/// What the process said, over all its lives.
#[derive(Default)]
struct Said {
    by_word: BTreeMap<String, BTreeSet<u64>>,
    last: u64,
}

impl Said {
    /// Whether it is one of ours. The test harness may have begun the line.
    fn hear(&mut self, line: &str) -> bool {
        let mut words = line.rsplit(' ');
        let (number, word) = (words.next(), words.next());
        let number = number.and_then(|number| number.parse().ok());
        let (Some(number), Some(word)) = (number, word) else {
            return false;
        };
        self.by_word
            .entry(word.to_owned())
            .or_default()
            .insert(number);
        self.last = self.last.max(number);
        true
    }

    fn all(&self, word: &str) -> BTreeSet<u64> {
        self.by_word.get(word).cloned().unwrap_or_default()
    }
}

#[tokio::test]
async fn killed_at_random_moments_nothing_is_lost_doubled_or_torn() {
    let kills = env::var("CUTLINE_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("data");
    let mut moments = StdRng::seed_from_u64(5);
    let mut said = Said::default();
    for life in 0..kills {
        live_and_be_killed(&folder, life, moments.random_range(1..32), &mut said);
        check(&folder, life, &said).await;
    }
    let count = |word| said.all(word).len();
    let counted = format!(
        "killed {kills} times: {} artifacts, {} messages sent and {} worked on, {} moves; \
         0 lost, 0 doubled, 0 torn\n",
        count("put"),
        count("sent"),
        count("worked"),
        count("deployed"),
    );
    std::io::stderr().write_all(counted.as_bytes()).unwrap();
    assert!(count("put") > 0 && count("worked") > 0 && count("deployed") > 0);
}

/// Kills it once it has said so many lines.
fn live_and_be_killed(folder: &Path, life: u64, n_lines: usize, said: &mut Said) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["child", "--exact", "--ignored", "--nocapture"])
        .env("CUTLINE_KILLED_FOLDER", folder)
        .env("CUTLINE_KILLED_LIFE", life.to_string())
        .env("CUTLINE_KILLED_FROM", (said.last + 1).to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let heard = lines
        .by_ref()
        .map(Result::unwrap)
        .filter(|line| said.hear(line));
    assert_eq!(heard.take(n_lines).count(), n_lines, "it died by itself");
    child.kill().unwrap();
    child.wait().unwrap();
    // What it said before it died.
    lines
        .map(Result::unwrap)
        .for_each(|line| _ = said.hear(&line));
}

async fn check(folder: &Path, life: u64, said: &Said) {
    let folder = open(folder, life + 1);
    let space = folder.live();
    check_artifacts(space, said).await;
    check_queue(space, said).await;
    check_ledger(space, said).await;
    check_registry(space, said).await;
}

async fn check_artifacts(space: &Space, said: &Said) {
    let listed: BTreeSet<_> = space
        .artifacts()
        .list()
        .await
        .unwrap()
        .into_iter()
        .collect();
    for number in said.all("put") {
        let id = ArtifactId::of(content(number).as_bytes());
        assert!(listed.contains(&id), "artifact {number} is lost");
    }
    for number in said.all("worked") {
        let id = ArtifactId::of(format!("result {number}").as_bytes());
        assert!(listed.contains(&id), "result {number} is lost");
    }
    for id in &listed {
        space
            .artifacts()
            .verify(id)
            .await
            .expect("no artifact is torn");
    }
}

/// A message is there once from when it was sent until it is worked on.
async fn check_queue(space: &Space, said: &Said) {
    let peeked = space.queues().open(&work()).peek(32).await.unwrap();
    let numbers: Vec<u64> = peeked
        .iter()
        .map(|peeked| {
            Message::from_body(&peeked.body)
                .unwrap()
                .id
                .parse()
                .unwrap()
        })
        .collect();
    let there: BTreeSet<_> = numbers.iter().copied().collect();
    assert_eq!(there.len(), numbers.len(), "doubled: {numbers:?}");
    let worked = said.all("worked");
    for number in said.all("sent").difference(&worked) {
        // It may have been worked on, and the process killed before it said so.
        let begun = said.all("working").contains(number);
        assert!(there.contains(number) || begun, "message {number} is lost");
    }
    assert!(there.is_subset(&said.all("sending")));
    assert!(
        there.is_disjoint(&worked),
        "worked on and still there: {there:?}"
    );
}

async fn check_ledger(space: &Space, said: &Said) {
    for number in said.all("worked") {
        let begun = space
            .ledger()
            .begin(&entry(&number.to_string()), "check", LEASE)
            .await;
        match begun.unwrap() {
            Begun::Done(output) => assert_eq!(output, json!(format!("result {number}"))),
            other => panic!("{number} is {other:?}"),
        }
    }
}

async fn check_registry(space: &Space, said: &Said) {
    let registry = space.registry();
    let versions = registry.versions(&churn()).await.unwrap();
    let history = registry.history(&churn(), Alias::Champion).await.unwrap();
    for (at, registered) in versions.iter().enumerate() {
        assert_eq!(registered.number.to_string(), format!("v{}", at + 1));
    }
    let ids: BTreeSet<_> = versions.iter().map(|registered| registered.id).collect();
    assert_eq!(ids.len(), versions.len(), "a version is doubled");
    for (at, step) in history.iter().enumerate() {
        assert_eq!(step.serial as usize, at + 1, "the history has a gap");
        let before = at.checked_sub(1).map(|before| history[before].to);
        assert_eq!(step.from, before);
    }
    let moved: BTreeSet<u64> = history
        .iter()
        .map(|step| step.why.parse().unwrap())
        .collect();
    assert_eq!(moved.len(), history.len(), "a move is doubled");
    assert!(said.all("deployed").is_subset(&moved), "a move is lost");
}

#[tokio::test]
#[ignore = "started by the test below, where files cannot grow"]
async fn no_room() {
    let Ok(folder) = env::var("CUTLINE_KILLED_FOLDER") else {
        return;
    };
    let folder = open(Path::new(&folder), 0);
    let space = folder.live();
    let large = vec![7; 20 << 20];
    let put = space
        .artifacts()
        .put(Description::default(), made(space), large);
    let error = put.await.unwrap_err().to_string();
    assert!(
        error.contains("see that the disk is neither full"),
        "{error}"
    );
    put_and_read_back(space).await;
    send(space, 1).await;
    receive(space).await;
    deploy(space, 1).await;
    say("went", 1);
}

async fn put_and_read_back(space: &Space) {
    let put = space
        .artifacts()
        .put(Description::default(), made(space), content(1));
    let id = put.await.unwrap().id;
    assert_eq!(space.artifacts().read(&id, "").await.unwrap(), content(1));
    assert!(space.artifacts().list().await.unwrap() == [id]);
}

/// Files may not grow over 10 MiB, which the system refuses as it does on a
/// full disk.
#[test]
fn without_room_it_says_so_and_the_rest_goes_on() {
    let parent = tempfile::tempdir().unwrap();
    let limited = "trap '' XFSZ; ulimit -f 20480; exec \"$0\" \"$@\"";
    let output = Command::new("sh")
        .args(["-c", limited])
        .arg(env::current_exe().unwrap())
        .args(["no_room", "--exact", "--ignored", "--nocapture"])
        .env("CUTLINE_KILLED_FOLDER", parent.path().join("data"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("went 1"),
        "{said}\n{errors}"
    );
}
