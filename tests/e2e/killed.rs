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
#[cfg(feature = "azure")]
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

#[cfg(feature = "azure")]
use cutline_runtime::azure::Account;
use cutline_runtime::queue::{Message, Peeked, Queue};
use cutline_runtime::store::artifact::ArtifactId;
use cutline_runtime::store::clock::{ManualClock, Timestamp};
use cutline_runtime::store::folder::DataFolder;
use cutline_runtime::store::registry::Alias;
use cutline_runtime::store::storage::Storage;
use futures_util::StreamExt;
#[cfg(feature = "azure")]
use object_store::ObjectStoreExt;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::behind_the_proxy::{churn, fixture, flask};
use crate::stages::sends;
use crate::support;
#[cfg(feature = "azure")]
use crate::support::azurite::{self, Azurite};
use crate::support::service::cutline;

/// Kills, unless the environment says how many.
const KILLS: usize = 10;
#[cfg(feature = "azure")]
const KILLS_ON_AZURE: usize = 5;

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

/// Longer than all messages need together.
const PATIENCE: Duration = Duration::from_secs(600);

#[tokio::test]
async fn killed_at_random_moments_a_pipeline_ends_as_if_it_never_had_been() {
    let story = Story::new(KILLS, 11);
    let killed = Home::new(story.folder.path(), "killed");
    let unharmed = Home::new(story.folder.path(), "unharmed");
    story.told(&killed, &unharmed, 400).await;
}

/// What is kept on Azure, by processes that were killed there, is what is kept
/// in a folder.
#[cfg(feature = "azure")]
#[tokio::test(flavor = "multi_thread")]
async fn killed_on_azure_it_ends_as_unharmed_in_a_folder() {
    let service = Azurite::start();
    let story = Story::new(KILLS_ON_AZURE, 12);
    let killed = Home::on_azure(story.folder.path(), "killed", &service).await;
    let unharmed = Home::new(story.folder.path(), "unharmed");
    story.told(&killed, &unharmed, 1_500).await;
}

/// How often it is killed, and what is sent before each life.
struct Story {
    folder: TempDir,
    moments: StdRng,
    sent_before: Vec<bool>,
    n_messages: usize,
}

impl Story {
    fn new(kills: usize, seed: u64) -> Story {
        let kills = env::var("CUTLINE_KILLS").map_or(kills, |text| text.parse().unwrap());
        let mut moments = StdRng::seed_from_u64(seed);
        // A message before most lives, and one before them all.
        let sent_before: Vec<bool> = (0..kills).map(|_| moments.random_bool(0.7)).collect();
        let n_messages = 1 + sent_before.iter().filter(|sent| **sent).count();
        let folder = tempfile::tempdir().unwrap();
        incoming(folder.path(), n_messages);
        Story {
            folder,
            moments,
            sent_before,
            n_messages,
        }
    }

    /// A life lasts `longest` milliseconds at most: about what a message takes.
    async fn told(self, killed: &Home, unharmed: &Home, longest: u64) {
        let Story {
            mut moments,
            sent_before,
            n_messages,
            folder: _folder,
        } = self;
        let kills = sent_before.len();
        let mut names = (0..n_messages).map(|number| format!("m{number}"));
        killed.send(&names.next().unwrap());
        let mut verified = BTreeSet::new();
        for sent in sent_before {
            if sent {
                killed.send(&names.next().unwrap());
            }
            let moment = Duration::from_micros(moments.random_range(0..longest * 1_000));
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

/// A folder with the fixture's pipeline, and where that keeps things.
struct Home {
    folder: PathBuf,
    #[cfg(feature = "azure")]
    account: Option<Account>,
}

impl Home {
    fn new(folder: &Path, name: &str) -> Home {
        Home::storing(folder, name, "incoming = \"../incoming\"")
    }

    /// In a storage account, into which what is in `folder/incoming` is put.
    #[cfg(feature = "azure")]
    async fn on_azure(folder: &Path, name: &str, service: &Azurite) -> Home {
        const NAME: &str = "first";
        let (url, queues) = (service.url(NAME, "kept"), service.queue_service(NAME));
        let store = format!("url = {url:?}\nqueues = {queues:?}\nkey = {{ file = \"key\" }}");
        let mut home = Home::storing(folder, name, &store);
        let key = home.folder.join("key");
        fs::write(&key, azurite::key(NAME)).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        for container in ["kept", "incoming"] {
            service.make_container(NAME, container);
        }
        let account = |container| service.by_key(NAME, container);
        home.account = Some(account("kept"));
        let incoming = account("incoming").blobs().unwrap();
        for message in fs::read_dir(folder.join("incoming")).unwrap() {
            for file in fs::read_dir(message.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                let inside = path.strip_prefix(folder.join("incoming")).unwrap();
                let content = fs::read(&path).unwrap();
                let name = inside.to_str().unwrap().into();
                incoming.put(&name, content.into()).await.unwrap();
            }
        }
        home
    }

    fn storing(folder: &Path, name: &str, store: &str) -> Home {
        let home = folder.join(name);
        fs::create_dir(&home).unwrap();
        let text = fs::read_to_string(fixture().join("functions.toml")).unwrap();
        let first = format!("[serve]\nlisten = \"127.0.0.1:0\"\n[store]\n{store}\n");
        let (stages, _faces) = text.split_once("[[http]]").unwrap();
        fs::write(home.join("functions.toml"), format!("{first}{stages}")).unwrap();
        Home {
            folder: home,
            #[cfg(feature = "azure")]
            account: None,
        }
    }

    fn says(&self, args: &[&str]) {
        let mut command = cutline();
        support::run(
            command.args(args).current_dir(&self.folder),
            "it is refused",
        );
    }

    fn send(&self, name: &str) {
        support::run(sends(name).current_dir(&self.folder), "it is refused");
    }

    /// A process that is killed after so long, counted from its start or from
    /// when its functions run; it does not end by itself.
    fn live_for(&self, moment: Duration, once_it_runs: bool) {
        let mut life = Life::begin(&self.folder, &RUN);
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

    /// Opened so much later that nothing is hidden and nobody has a lease; what a
    /// service hides stays so for as long as it does.
    async fn open(&self) -> Storage {
        let now = Timestamp::from(SystemTime::now() + Duration::from_secs(3_600));
        let clock = Arc::new(ManualClock::new(now));
        #[cfg(feature = "azure")]
        if let Some(account) = &self.account {
            return account.storage(clock).await.unwrap();
        }
        let folder = DataFolder::open(&self.folder.join("cutline-data"), None, clock).unwrap();
        folder.storage().clone()
    }

    /// Sees that what came since is whole.
    async fn verify(&self, verified: &mut BTreeSet<ArtifactId>) {
        let storage = self.open().await;
        let artifacts = storage.live().artifacts();
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
        let records = records(&self.open().await).await;
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
            let life = Life::begin(&self.folder, &RUN);
            life.until_ended(left);
            life.end();
        }
    }

    /// The messages that are in these queues.
    async fn waiting<'a>(&self, queues: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
        let storage = self.open().await;
        let mut ids = BTreeSet::new();
        for queue in queues {
            let queue = storage.live().queues().open(&queue.parse().unwrap());
            for peeked in seen(&*queue).await {
                ids.insert(Message::from_body(&peeked.body).unwrap().id);
            }
        }
        ids
    }

    /// All that is there once everything is done.
    async fn kept(&self) -> Kept {
        let storage = self.open().await;
        let space = storage.live();
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
        let blobs = storage.store().list(Some(&"blobs".into()));
        kept.ownerless = blobs.count().await - n_parts;
        for (key, record) in records(&storage).await {
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

/// All that a queue has, once nothing of it is hidden any more.
async fn seen(queue: &dyn Queue) -> Vec<Peeked> {
    let begun = Instant::now();
    loop {
        let seen = queue.peek(32).await.unwrap();
        if seen.len() as u64 == queue.depth().await.unwrap() {
            return seen;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "{} hides messages",
            queue.name()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What the ledger says, but of monitoring, which is done by the clock.
async fn records(storage: &Storage) -> BTreeMap<String, Value> {
    let cells = storage.live().cells().list("ledger/").await.unwrap();
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
