//! Bad input on its way through the whole pipeline: each is told of clearly at
//! its place, the others go on, and what came in is kept.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cutline_runtime::queue::Message;
use cutline_runtime::store::artifact::Artifact;
use cutline_runtime::store::clock::SystemClock;
use cutline_runtime::store::folder::DataFolder;
use cutline_runtime::store::registry::Alias;
use cutline_runtime::table::{self, Format, Reading, Source};
use cutline_runtime::transform::Frame;
use serde_json::Value;

use crate::killed::Life;
use crate::support;
use crate::support::service::cutline;

const FILE: &str = r#"
[serve]
listen = "127.0.0.1:0"

[function.ingestion]
trigger = { queue = "raw-arrived" }
input   = { blob = "{name}.csv" }
output  = { artifact = "customers", queue = "customers-ready" }
columns = { age = "float64" }
failed_share = 0.2

[function.from-parquet]
stage   = "ingestion"
trigger = { queue = "parquet-arrived" }
input   = { blob = "{name}.parquet" }
output  = { artifact = "customers", queue = "customers-ready" }

[function.preprocessing]
trigger = { queue = "customers-ready" }
input   = { artifact = "customers" }
output  = { artifact = "features", queue = "features-ready" }
label   = "churned"
ids     = ["customer_id"]
step    = [
    { kind = "split", by = "time", column = "customer_id", test = 0.25 },
    { kind = "impute", columns = ["age"], with = "median" },
    { kind = "scale", columns = ["age"] },
    { kind = "one-hot", columns = ["plan"], unknown = "error" },
]

[function.training]
trigger = { queue = "features-ready" }
input   = { artifact = "features-train" }
output  = { artifact = "model", queue = "model-trained" }
label   = "churned"
ids     = ["customer_id"]
model   = { kind = "logistic-regression" }

[function.evaluation]
trigger = { queue = "model-trained" }
input   = { model = { artifact = "model" }, test = { artifact = "features-test" } }
output  = { artifact = "evaluation", queue = "model-evaluated" }

[function.deployment]
trigger = { queue = "model-evaluated" }
input   = { model = { artifact = "model" }, transform = { artifact = "features-transform" } }
output  = { alias = "churn@champion" }
"#;

const QUEUES: [&str; 6] = [
    "raw-arrived",
    "parquet-arrived",
    "customers-ready",
    "features-ready",
    "model-trained",
    "model-evaluated",
];

const HEADER: &str = "customer_id,age,plan,churned\n";

/// Why rows are rejected, and the others go on.
const REJECTED: [&str; 5] = [
    "1 fields, where the header has 4",
    "6 fields, where the header has 4",
    "a quote is not closed before the end",
    "column 3 is not valid UTF-8",
    "column 3 holds a NUL byte",
];

/// Rows like these are good, if nothing is changed.
fn rows(change: impl Fn(usize, &mut [String; 4])) -> String {
    let lines = (0..80).map(|row| {
        let mut fields = [
            row.to_string(),
            (20 + row * 7 % 50).to_string(),
            ["basic", "premium"][row / 2 % 2].to_owned(),
            u8::from(row % 3 == 0).to_string(),
        ];
        change(row, &mut fields);
        fields.join(",") + "\n"
    });
    lines.collect()
}

fn csv(change: impl Fn(usize, &mut [String; 4])) -> Vec<u8> {
    (HEADER.to_owned() + &rows(change)).into_bytes()
}

/// What comes in, no two with the same good rows, and how it is to end: as a version, or in a poison queue with
/// words that the reason has.
fn cases() -> Vec<(&'static str, Vec<u8>, &'static str, &'static [&'static str])> {
    let set = |at: usize, column: usize, text: &'static str| {
        csv(move |row, fields| {
            if row == at {
                fields[column] = text.to_owned();
            }
        })
    };
    let every =
        |column: usize, text: &'static str| csv(move |_, fields| fields[column] = text.to_owned());
    let mut wide: String = (0..300_000).map(|at| format!("c{at},")).collect();
    wide += "end\n1\n";
    let mut latin = set(4, 2, "caf\u{e9}");
    let at = latin.windows(2).position(|two| two == "\u{e9}".as_bytes());
    latin.splice(at.unwrap()..at.unwrap() + 2, [0xe9]);
    vec![
        ("good-1.csv", csv(|_, _| {}), "", &[]),
        ("few-fields.csv", set(3, 3, "0\n80"), "", &[]),
        ("many-fields.csv", set(5, 3, "1,2,3"), "", &[]),
        ("encoding.csv", latin, "", &[]),
        (
            "quotes.csv",
            set(3, 2, "\"basic"),
            "raw-arrived",
            &[
                "1 rows fail of 4 (25.00 %), and 20.00 % may",
                "its bad rows are in the artifact ",
            ],
        ),
        ("nul.csv", set(6, 2, "ba\0sic"), "", &[]),
        (
            "wide.csv",
            wide.into_bytes(),
            "raw-arrived",
            &["the header names more than 16384 columns"],
        ),
        (
            "nothing.csv",
            Vec::new(),
            "raw-arrived",
            &["is empty; a CSV begins with a line that names its columns"],
        ),
        (
            "no-rows.csv",
            HEADER.into(),
            "customers-ready",
            &["split: 0 rows or groups give 0 to train on"],
        ),
        (
            "other-columns.csv",
            b"a,b\n1,2\n".to_vec(),
            "raw-arrived",
            &["has no column \"age\", which is declared; it has a, b"],
        ),
        (
            "text-for-numbers.csv",
            every(1, "old"),
            "raw-arrived",
            &["80 rows fail of 80 (100.00 %), and 20.00 % may"],
        ),
        (
            "one-class.csv",
            every(3, "0"),
            "features-ready",
            &["at least two classes are needed"],
        ),
        ("constant.csv", every(1, "40"), "", &[]),
        (
            "all-missing.csv",
            every(1, ""),
            "customers-ready",
            &[
                "step 2 (impute): column `age` has no value to learn from: drop it, or fill it with a constant",
            ],
        ),
        ("nan.csv", set(3, 1, "NaN"), "", &[]),
        (
            "infinity.csv",
            set(3, 1, "inf"),
            "customers-ready",
            &["column `age`, row 3: inf is infinite: clip it, or drop the row"],
        ),
        (
            "unseen.csv",
            set(79, 2, "gold"),
            "customers-ready",
            &["column `plan`, row 79: `gold` is none of the categories"],
        ),
        (
            "truncated.parquet",
            b"PAR1\x15\x04\x15".to_vec(),
            "parquet-arrived",
            &["is no whole Parquet file"],
        ),
        (
            "good-2.csv",
            csv(|_, fields| fields[2].make_ascii_uppercase()),
            "",
            &[],
        ),
    ]
}

fn open(home: &Path) -> DataFolder {
    DataFolder::open(&home.join("cutline-data"), None, Arc::new(SystemClock)).unwrap()
}

/// Where the message of each name ended, and why there.
async fn poisoned(home: &Path) -> BTreeMap<String, (&'static str, String)> {
    let folder = open(home);
    let mut ended = BTreeMap::new();
    for name in QUEUES {
        let queue = format!("{name}-poison").parse().unwrap();
        for peeked in folder.live().queues().open(&queue).peek(32).await.unwrap() {
            match Message::from_body(&peeked.body) {
                Ok(message) => {
                    let why = message.failures.last().unwrap().error.clone();
                    ended.insert(message.id, (name, why));
                }
                Err(_) => {
                    let body = String::from_utf8_lossy(&peeked.body).into_owned();
                    ended.insert(body, (name, String::new()));
                }
            }
        }
    }
    ended
}

#[tokio::test]
async fn what_is_bad_is_told_at_its_place_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    fs::write(home.join("functions.toml"), FILE).unwrap();
    fs::create_dir(home.join("incoming")).unwrap();
    let cases = cases();
    for (name, content, ..) in &cases {
        fs::write(home.join("incoming").join(name), content).unwrap();
        let (stem, format) = name.split_once('.').unwrap();
        let queue = QUEUES[usize::from(format == "parquet")];
        let value = format!("name={stem}");
        let mut send = cutline();
        send.args(["queue", "send", queue, &value, "--id", name]);
        support::run(send.current_dir(home), "nothing was sent");
    }
    let folder = open(home);
    let queue = folder.live().queues().open(&QUEUES[0].parse().unwrap());
    queue.send("hello".into(), Duration::ZERO).await.unwrap();
    drop((queue, folder));

    let life = Life::begin(home, &[]);
    let names = cases.iter().map(|(name, ..)| (*name).to_owned());
    life.until_ended(names.collect());
    life.end();
    let ended = poisoned(home).await;
    for (name, content, queue, words) in &cases {
        let (at, why) = ended.get(*name).cloned().unwrap_or_default();
        assert_eq!(at, *queue, "{name}: {why}");
        for word in *words {
            assert_eq!(why.matches(word).count(), 1, "{name}: {why}");
        }
        let kept = fs::read(home.join("incoming").join(name)).unwrap();
        assert!(kept == *content, "{name} was changed");
    }
    assert_eq!(ended.get("hello"), Some(&(QUEUES[0], String::new())));
    let moves = moves(home).await;
    for (name, _, queue, _) in &cases {
        assert_eq!(moves.contains(*name), queue.is_empty(), "{name}");
    }
    let reasons = reasons(home).await;
    for words in REJECTED {
        let found = reasons.iter().any(|reason| reason.contains(words));
        assert!(found, "no row is rejected for {words}: {reasons:#?}");
    }
    what_was_damaged_is_told(home).await;
}

/// The messages that moved the alias.
async fn moves(home: &Path) -> BTreeSet<String> {
    let folder = open(home);
    let registry = folder.live().registry();
    let model = "churn".parse().unwrap();
    let history = registry.history(&model, Alias::Champion).await;
    let moves = history.unwrap().into_iter();
    moves
        .filter_map(|step| Some(step.why.strip_prefix("message ")?.to_owned()))
        .collect()
}

/// The artifacts of a name.
async fn named(folder: &DataFolder, name: &str) -> Vec<Artifact> {
    let artifacts = folder.live().artifacts();
    let mut named = Vec::new();
    for id in artifacts.list().await.unwrap() {
        let artifact = artifacts.get(&id).await.unwrap();
        if artifact.description.name == name {
            named.push(artifact);
        }
    }
    named
}

/// Why rows are in quarantine, with what was written.
async fn reasons(home: &Path) -> Vec<String> {
    let folder = open(home);
    let mut reasons = Vec::new();
    for artifact in named(&folder, "customers-quarantine").await {
        let content = folder.live().artifacts().read(&artifact.id, "").await;
        let source = Source::memory("quarantine", content.unwrap());
        let table = table::open(&source, Format::Parquet, &Reading::default()).unwrap();
        let batches = table.batches().unwrap().map(|batch| batch.unwrap().rows);
        let batches: Vec<_> = batches.collect();
        if batches.is_empty() {
            continue;
        }
        let rows = Frame::from_batches(&batches).unwrap();
        let reason = rows.column("reason").unwrap().scalars();
        reasons.extend(reason.flatten().map(|reason| reason.to_string()));
    }
    reasons
}

/// An artifact whose content changed on the disk, and a model for other rows.
async fn what_was_damaged_is_told(home: &Path) {
    let folder = open(home);
    let (tables, models) = (
        named(&folder, "customers").await,
        named(&folder, "model").await,
    );
    let (damaged, other) = (&tables[0], &tables[1]);
    let mut again = Message::new("damaged");
    again.artifacts.insert("customers".to_owned(), damaged.id);
    again.values.insert("try".to_owned(), "again".to_owned());
    let mut fits_not = Message::new("fits-not");
    fits_not.artifacts.insert("model".to_owned(), models[0].id);
    fits_not
        .artifacts
        .insert("features-test".to_owned(), other.id);
    for (queue, message) in [("customers-ready", &again), ("model-trained", &fits_not)] {
        let queue = folder.live().queues().open(&queue.parse().unwrap());
        let body = message.to_body().unwrap();
        queue.send(body, Duration::ZERO).await.unwrap();
    }
    drop(folder);
    let store = home.join("cutline-data/store");
    let document = store.join(format!("artifacts/{}.json", damaged.id));
    let document: Value = serde_json::from_slice(&fs::read(document).unwrap()).unwrap();
    let blob = document["parts"][0]["blob"].as_str().unwrap();
    let blob = store.join("blobs").join(blob);
    let mut content = fs::read(&blob).unwrap();
    content[10] ^= 1;
    fs::write(&blob, &content).unwrap();

    let life = Life::begin(home, &[]);
    life.until_ended(["damaged", "fits-not"].map(str::to_owned).into());
    life.end();
    let ended = poisoned(home).await;
    let (at, why) = &ended["damaged"];
    assert_eq!(*at, "customers-ready");
    let said = format!("the artifact {} is damaged", damaged.id);
    assert!(why.contains(&said), "{why}");
    assert!(
        why.contains("running the function again makes it anew"),
        "{why}"
    );
    let kept = fs::read(&blob).unwrap();
    assert_eq!(kept, content, "it is kept as it was found");
    let (at, why) = &ended["fits-not"];
    assert_eq!(*at, "model-trained");
    assert!(why.contains("the rows do not fit the model"), "{why}");
}
