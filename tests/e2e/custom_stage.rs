//! A stage of the user's own crate, in the same host as the seven.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use cutline_runtime::store::artifact::Artifacts;
use cutline_runtime::store::clock::SystemClock;
use cutline_runtime::store::folder::DataFolder;
use cutline_runtime::table::{self, Format, Reading, Source};
use cutline_runtime::transform::Frame;

use crate::runtime_docs::anywhere;
use crate::support;
use crate::support::eventually;
use crate::support::service::Service;

/// The example's binary.
fn built() -> PathBuf {
    let mut build = Command::new(env!("CARGO"));
    build
        .args(["build", "--quiet", "--locked", "--package", "custom-stage"])
        .env("CARGO_TARGET_DIR", support::target())
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    support::run(&mut build, "the example cannot be built");
    support::target().join("debug/custom-stage")
}

#[test]
fn a_stage_of_ones_own_runs_beside_the_seven() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/custom_stage");
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let text = fs::read_to_string(example.join("functions.toml")).unwrap();
    fs::write(home.join("functions.toml"), anywhere(&text)).unwrap();
    fs::create_dir(home.join("incoming")).unwrap();
    fs::copy(
        example.join("incoming/may.csv"),
        home.join("incoming/may.csv"),
    )
    .unwrap();

    let running = Service::start(Command::new(built()).current_dir(home), "clients: ");
    let mut ask = Command::new("curl");
    ask.args(["-sSf", "-d", r#"{"name": "may"}"#])
        .arg(format!("{}/tickets", running.url));
    let said = support::run(&mut ask, "the message is refused").stdout;
    let said: serde_json::Value = serde_json::from_slice(&said).unwrap();
    let address = format!("{}{}", running.url, said["status"].as_str().unwrap());
    eventually("the tickets are labelled", || {
        let mut ask = Command::new("curl");
        let run = support::run(ask.args(["-sSf", &address]), "the run is not known");
        let run: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
        run["state"] == "done"
    });
    drop(running);

    let folder = DataFolder::open(&home.join("cutline-data"), None, Arc::new(SystemClock));
    let folder = folder.unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let labelled = runtime.block_on(table_of(folder.live().artifacts(), "labeled"));
    let labels = labelled.column("label").unwrap().scalars();
    let labels: Vec<String> = labels.map(|label| label.unwrap().to_string()).collect();
    assert_eq!(labels, ["billing", "outage", "question", "outage"]);
}

/// The rows of the artifact that the pipeline calls so.
async fn table_of(artifacts: &Artifacts, name: &str) -> Frame {
    for id in artifacts.list().await.unwrap() {
        let artifact = artifacts.get(&id).await.unwrap();
        if artifact.description.name != name {
            continue;
        }
        assert_eq!(artifact.made.function, "labeling");
        assert_eq!(artifact.made.code, "custom-stage 0.1.0");
        let source = Source::memory(name, artifacts.read(&id, "").await.unwrap());
        let table = table::open(&source, Format::Parquet, &Reading::default()).unwrap();
        let batches = table.batches().unwrap().map(|batch| batch.unwrap().rows);
        return Frame::from_batches(&batches.collect::<Vec<_>>()).unwrap();
    }
    panic!("there is no {name}");
}
