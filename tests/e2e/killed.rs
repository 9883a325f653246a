//! `cutline run` is killed at random moments of the whole pipeline and started
//! again. In the end its data folder holds what that of a run holds that was
//! never killed: nothing lost, nothing doubled, nothing torn.
//!
//! `CUTLINE_KILLS=200 cargo test -p cutline --test e2e killed -- --nocapture`
//! kills as often as is said, and tells what it counted.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use cutline_runtime::queue::Message;
use cutline_runtime::store::artifact::ArtifactId;
use cutline_runtime::store::clock::{ManualClock, Timestamp};
use cutline_runtime::store::folder::DataFolder;
use cutline_runtime::store::registry::Alias;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::behind_the_proxy::{churn, fixture, flask};
use crate::stages::sends;
use crate::support;
use crate::support::service::cutline;

/// Kills, unless the environment says how many.
const KILLS: usize = 10;

/// What becomes of a message, from the queue it is sent to on.
const FUNCTIONS: [&str; 5] = [
    "ingestion",
    "preprocessing",
    "training",
    "evaluation",
    "deployment",
];
/// All that a queue or the clock starts.
const RUN: [&str; 6] = [
    "ingestion",
    "preprocessing",
    "training",
    "evaluation",
    "deployment",
    "monitoring",
];
const QUEUES: [&str; 5] = [
    "raw-arrived",
    "tables-ready",
    "features-ready",
    "model-trained",
    "model-evaluated",
];

/// The longest that a process lives, in milliseconds: about what a message takes.
const LONGEST: u64 = 400;

/// Longer than all messages need together.
const PATIENCE: Duration = Duration::from_secs(600);

#[tokio::test]
async fn killed_at_random_moments_a_pipeline_ends_as_if_it_never_had_been() {
    let kills = env::var("CUTLINE_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let mut moments = StdRng::seed_from_u64(11);
    // A message before most lives, and one before them all.
    let sent_before: Vec<bool> = (0..kills).map(|_| moments.random_bool(0.7)).collect();
    let n_messages = 1 + sent_before.iter().filter(|sent| **sent).count();
    let folder = tempfile::tempdir().unwrap();
    incoming(folder.path(), n_messages);
    let home = |name| Home::new(folder.path(), name);
    let (killed, unharmed) = (home("killed"), home("unharmed"));

    let mut names = (0..n_messages).map(|number| format!("m{number}"));
    killed.send(&names.next().unwrap());
    let mut verified = BTreeSet::new();
    for sent in sent_before {
        if sent {
            killed.send(&names.next().unwrap());
        }
        let moment = Duration::from_micros(moments.random_range(0..LONGEST * 1_000));
        killed.live_for(moment, moments.random_bool(0.8));
        killed.verify(&mut verified).await;
    }
    let requeued = killed.complete().await;
    let interrupted = killed.interrupted().await;
    for number in 0..n_messages {
        unharmed.send(&format!("m{number}"));
    }
    assert_eq!(unharmed.complete().await, 0);

    let (found, expected) = (killed.kept().await, unharmed.kept().await);
    let lost = expected
        .artifacts
        .keys()
        .filter(|id| !found.artifacts.contains_key(id));
    let more = found
        .artifacts
        .keys()
        .filter(|id| !expected.artifacts.contains_key(id));
    let counted = format!(
        "killed {kills} times: {n_messages} messages, {interrupted} invocations broken off, \
         {requeued} put back by hand, {} invocations, {} artifacts, {} versions, {} moves; \
         {} lost, {} doubled, {} torn\n",
        found.done.len(),
        found.artifacts.len(),
        found.versions.len(),
        found.moves.len(),
        lost.count(),
        more.count() + found.ownerless,
        found.torn.len(),
    );
    std::io::stderr().write_all(counted.as_bytes()).unwrap();
    // Of very few kills none may hit.
    let hit = interrupted > 0 || kills < 100;
    assert!(hit, "it was always idle when it was killed");
    assert_eq!(expected.done.len(), FUNCTIONS.len() * n_messages);
    assert!(!expected.moves.is_empty(), "no model passed");
    assert_eq!(found, expected);
}

/// Tables of so many names: of each some customers that no other has.
fn incoming(folder: &Path, names: usize) {
    const ROWS: usize = 300;
    const APART: usize = 7;
    let (python, all) = (flask(), folder.join("all"));
    let rows = (ROWS + APART * names).to_string();
    let generate = ["churn.generate", "--rows", &rows, "--seed", "7", "--out"];
    support::run(
        churn(&python, folder, &generate).arg(&all),
        "no data were made",
    );
    let customers = fs::read_to_string(all.join("customers.csv")).unwrap();
    let (header, customers) = customers.split_once('\n').unwrap();
    let customers: Vec<&str> = customers.lines().collect();
    for number in 0..names {
        let own = folder.join(format!("incoming/m{number}"));
        fs::create_dir_all(&own).unwrap();
        let of_it = &customers[APART * number..][..ROWS];
        let text = format!("{header}\n{}\n", of_it.join("\n"));
        fs::write(own.join("customers.csv"), text).unwrap();
        for table in ["calls.csv", "payments.csv"] {
            fs::copy(all.join(table), own.join(table)).unwrap();
        }
    }
}

/// A folder with the fixture's pipeline, and its data folder.
struct Home(PathBuf);

impl Home {
    fn new(folder: &Path, name: &str) -> Home {
        let home = folder.join(name);
        fs::create_dir(&home).unwrap();
        let text = fs::read_to_string(fixture().join("functions.toml")).unwrap();
        let first = "[serve]\nlisten = \"127.0.0.1:0\"\n[store]\nincoming = \"../incoming\"\n";
        let (stages, _faces) = text.split_once("[[http]]").unwrap();
        fs::write(home.join("functions.toml"), format!("{first}{stages}")).unwrap();
        Home(home)
    }

    fn says(&self, args: &[&str]) {
        let mut command = cutline();
        support::run(command.args(args).current_dir(&self.0), "it is refused");
    }

    fn send(&self, name: &str) {
        support::run(sends(name).current_dir(&self.0), "it is refused");
    }

    /// A process that is killed after so long, counted from its start or from
    /// when its functions run; it does not end by itself.
    fn live_for(&self, moment: Duration, once_it_runs: bool) {
        let mut life = Life::begin(&self.0, &RUN);
        if once_it_runs {
            let line = life.said.recv_timeout(PATIENCE).unwrap();
            assert!(line.starts_with("functions run"), "{line}");
        }
        thread::sleep(moment);
        let ended = life.child.try_wait().unwrap();
        life.child.kill().unwrap();
        life.child.wait().unwrap();
        assert!(
            ended.is_none(),
            "{:#?}",
            life.said.iter().collect::<Vec<_>>()
        );
    }

    /// Opened so much later that nothing is hidden and nobody has a lease.
    fn open(&self) -> DataFolder {
        let now = Timestamp::from(SystemTime::now() + Duration::from_secs(3_600));
        let clock = Arc::new(ManualClock::new(now));
        DataFolder::open(&self.0.join("cutline-data"), None, clock).unwrap()
    }

    /// Sees that what came since is whole.
    async fn verify(&self, verified: &mut BTreeSet<ArtifactId>) {
        let folder = self.open();
        let artifacts = folder.live().artifacts();
        for id in artifacts.list().await.unwrap() {
            if verified.insert(id) {
                artifacts.verify(&id).await.expect("no artifact is torn");
            }
        }
        let listed: BTreeSet<_> = artifacts.list().await.unwrap().into_iter().collect();
        let lost: Vec<_> = verified.difference(&listed).collect();
        assert!(lost.is_empty(), "{lost:?} are lost");
    }

    /// How often an invocation was begun and not ended.
    async fn interrupted(&self) -> u64 {
        let records = records(&self.open()).await;
        let tries = records.values().map(|record| &record["tries"]);
        tries.map(|tries| tries.as_u64().unwrap() - 1).sum()
    }

    /// Runs it until nothing is left to do; says how many messages had to be
    /// put back by hand, for having been killed too often.
    async fn complete(&self) -> usize {
        let mut requeued = 0;
        loop {
            let mut left = self.waiting(QUEUES).await;
            for queue in QUEUES {
                let poison = format!("{queue}-poison");
                let poisoned = self.waiting([poison.as_str()]).await;
                if !poisoned.is_empty() {
                    requeued += poisoned.len();
                    self.says(&["queue", "requeue", &poison]);
                    left.extend(poisoned);
                }
            }
            if left.is_empty() {
                return requeued;
            }
            let life = Life::begin(&self.0, &RUN);
            life.until_ended(left);
            life.end();
        }
    }

    /// The messages that are in these queues.
    async fn waiting<'a>(&self, queues: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
        let folder = self.open();
        let mut ids = BTreeSet::new();
        for queue in queues {
            let queue = folder.live().queues().open(&queue.parse().unwrap());
            for peeked in queue.peek(32).await.unwrap() {
                ids.insert(Message::from_body(&peeked.body).unwrap().id);
            }
        }
        ids
    }

    /// All that is there once everything is done.
    async fn kept(&self) -> Kept {
        let folder = self.open();
        let space = folder.live();
        let (artifacts, registry) = (space.artifacts(), space.registry());
        let mut kept = Kept::default();
        let now = space.clock().now();
        artifacts.sweep(now).await.unwrap();
        let mut n_parts = 0;
        for id in artifacts.list().await.unwrap() {
            if artifacts.verify(&id).await.is_err() {
                kept.torn.insert(id);
            }
            n_parts += artifacts.get(&id).await.unwrap().parts.len();
            let lineage = space.lineages().of(&id).await.unwrap();
            let made = lineage.artifacts[&id].made.iter().map(|made| {
                json!([made.function, made.code, made.parameters, made.inputs]).to_string()
            });
            kept.artifacts.insert(id, made.collect());
        }
        let store = self.0.join("cutline-data/store");
        kept.ownerless = fs::read_dir(store.join("blobs")).unwrap().count() - n_parts;
        for (key, record) in records(&folder).await {
            let mut output = record["state"]["done"]["output"].clone();
            // Which number a version got is a matter of who was first.
            output["facts"].as_object_mut().unwrap().remove("version");
            kept.done.insert(key, output);
        }
        let model = "churn".parse().unwrap();
        let versions = registry.versions(&model).await.unwrap();
        for version in &versions {
            assert!(kept.versions.insert(version.id), "a version is doubled");
        }
        let history = registry.history(&model, Alias::Champion).await.unwrap();
        let mut before = None;
        for (at, step) in history.iter().enumerate() {
            assert_eq!(
                (step.serial as usize, step.from),
                (at + 1, before),
                "{history:#?}"
            );
            before = Some(step.to);
            let to = versions.iter().find(|version| version.number == step.to);
            let doubled = kept.moves.insert(step.why.clone(), to.unwrap().id);
            assert_eq!(doubled, None, "{} moved it twice: {history:#?}", step.why);
        }
        kept
    }
}

/// What the ledger says, but of monitoring, which is done by the clock.
async fn records(folder: &DataFolder) -> BTreeMap<String, Value> {
    let cells = folder.live().cells().list("ledger/").await.unwrap();
    let records = cells.into_iter().map(|(key, cell)| {
        let record: Value = serde_json::from_slice(&cell.value).unwrap();
        (key, record)
    });
    let is_monitoring = |record: &Value| {
        let facts = &record["state"]["done"]["output"]["facts"];
        facts.get("drifted").is_some()
    };
    records
        .filter(|(_, record)| !is_monitoring(record))
        .collect()
}

/// What a data folder holds, but for times and the numbers of versions.
#[derive(Debug, Default, PartialEq)]
struct Kept {
    /// Each with the ways in which it was made.
    artifacts: BTreeMap<ArtifactId, BTreeSet<String>>,
    torn: BTreeSet<ArtifactId>,
    /// Blobs that belong to no artifact.
    ownerless: usize,
    /// What came of each invocation.
    done: BTreeMap<String, Value>,
    versions: BTreeSet<ArtifactId>,
    /// To which version each message moved the alias.
    moves: BTreeMap<String, ArtifactId>,
}

/// Whether a line of the log says that a message is at its end.
fn is_end(line: &str, id: &str) -> bool {
    let is_last = line.contains("function=\"deployment\"") && line.contains("done");
    is_of(line, id) && (is_last || line.contains("-poison"))
}

/// Whether a line of the log is about a message.
fn is_of(line: &str, id: &str) -> bool {
    let value = |word: &str| word.rsplit('=').next().unwrap().trim_matches('"') == id;
    line.split_whitespace().any(value)
}

/// `cutline run`, and what it says; killed when dropped.
pub(crate) struct Life {
    child: Child,
    said: mpsc::Receiver<String>,
}

impl Life {
    /// Of these functions, or of all.
    pub(crate) fn begin(home: &Path, only: &[&str]) -> Life {
        let mut run = cutline();
        run.args(["run", "--visibility", "2s"]).current_dir(home);
        for function in only {
            run.args(["--only", function]);
        }
        run.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = run.spawn().unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap());
        let (sender, said) = mpsc::channel();
        thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                // Nobody may want to know any more.
                let _ = sender.send(line);
            }
        });
        Life { child, said }
    }

    /// Waits until these messages are deployed or in a poison queue.
    pub(crate) fn until_ended(&self, mut left: BTreeSet<String>) {
        let begun = Instant::now();
        while !left.is_empty() {
            let patience = PATIENCE.saturating_sub(begun.elapsed());
            let line = self.said.recv_timeout(patience);
            let line = line.unwrap_or_else(|_| panic!("{left:?} are not done"));
            left.retain(|id| !is_end(&line, id));
        }
    }

    /// Waits for a line that says this of a message.
    pub(crate) fn until_says(&self, what: &str, id: &str) {
        let mut lines = std::iter::from_fn(|| self.said.recv_timeout(PATIENCE).ok());
        let said = lines.any(|line| line.contains(what) && is_of(&line, id));
        assert!(said, "it never says {what} of {id}");
    }

    /// Ends it as a supervisor does.
    pub(crate) fn end(mut self) {
        let id = self.child.id().to_string();
        let mut kill = std::process::Command::new("kill");
        support::run(kill.args(["-TERM", &id]), "no such process");
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
