//! `cutline run` with its store in a storage account: behind a service of which
//! a fifth of all requests goes wrong, and several at once on the same queues.
//!
//! `cargo test --test e2e azure:: -- --nocapture` tells what was counted.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use cutline_runtime::store::artifact::ArtifactId;
use cutline_runtime::store::clock::SystemClock;
use cutline_runtime::store::registry::Alias;
use cutline_runtime::store::storage::Storage;
use object_store::ObjectStoreExt;
use serde_json::Value;

use crate::support::azurite::{self, Azurite};
use crate::support::faulty::Faulty;
use crate::support::pipeline::{Home, ROWS};
use crate::support::{eventually, run, within_a_minute};

const ACCOUNT: &str = "first";

/// A folder whose store is behind these two addresses.
fn home(blobs: SocketAddr, queues: SocketAddr) -> Home {
    Home::new(&format!(
        "\n[store]\nurl = \"azure:http://{blobs}/{ACCOUNT}/kept\"\n\
         queues = \"http://{queues}/{ACCOUNT}\"\nkey = {{ env = \"STORE_KEY\" }}\n"
    ))
}

async fn started(service: &Azurite, home: &Home, names: &[String]) {
    for container in ["kept", "incoming"] {
        service.make_container(ACCOUNT, container);
    }
    let blobs = service.by_key(ACCOUNT, "incoming").blobs().unwrap();
    for name in names {
        let file = fs::read(home.path().join(format!("incoming/{name}.csv"))).unwrap();
        let path = format!("{name}.csv").as_str().into();
        blobs.put(&path, file.into()).await.unwrap();
    }
}

async fn storage(service: &Azurite) -> Storage {
    let clock = Arc::new(SystemClock);
    service
        .by_key(ACCOUNT, "kept")
        .storage(clock)
        .await
        .unwrap()
}

fn key() -> String {
    azurite::key(ACCOUNT)
}

fn send(home: &Home, name: &str) {
    let field = format!("name={name}");
    let mut command = home.command(&["queue", "send", "raw-arrived", "--id", name, &field]);
    run(command.env("STORE_KEY", key()), "it is not sent");
}

/// Every artifact, and how often each invocation was begun.
async fn made(storage: &Storage) -> (BTreeSet<ArtifactId>, Vec<u64>) {
    let artifacts = storage.live().artifacts();
    let ids: BTreeSet<ArtifactId> = artifacts.list().await.unwrap().into_iter().collect();
    for id in &ids {
        artifacts.verify(id).await.unwrap();
    }
    let ledger = storage.live().cells().list("ledger/").await.unwrap();
    let tries = ledger.iter().map(|(_, cell)| {
        let record: Value = serde_json::from_slice(&cell.value).unwrap();
        record["tries"].as_u64().unwrap()
    });
    (ids, tries.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_fails_a_fifth_of_the_time_loses_nothing() {
    let service = Azurite::start();
    let blobs = Faulty::before(service.blobs, 1);
    let queues = Faulty::before(service.queues, 2);
    let faulty = home(blobs.address, queues.address);
    let names = ["may".to_owned()];
    started(&service, &faulty, &names).await;
    send(&faulty, "may");
    let key = key();
    let running = faulty.run(&["--visibility", "2s"], &[("STORE_KEY", &key)]);
    // A minute may be too short where every fifth request goes wrong.
    let serves = || within_a_minute(|| running.get("/v2/models/inference/ready").0 == 200);
    assert!(serves() || serves(), "{}", running.log());
    running.end();
    let (found, _) = made(&storage(&service).await).await;

    let folder = Home::new("");
    folder.says(&["queue", "send", "raw-arrived", "--id", "may", "name=may"]);
    let running = folder.run(&[], &[]);
    eventually("a model serves", || {
        running.get("/v2/models/inference/ready").0 == 200
    });
    running.end();
    let data = folder.path().join("cutline-data");
    let data = cutline_runtime::store::folder::DataFolder::open(&data, None, Arc::new(SystemClock));
    let (expected, _) = made(data.unwrap().storage()).await;
    let counted = format!(
        "blobs {}, queues {}: {} artifacts, those of a folder\n",
        blobs.said(),
        queues.said(),
        found.len()
    );
    std::io::stderr().write_all(counted.as_bytes()).unwrap();
    assert_eq!(found, expected);
    assert!(blobs.has_all(), "{}", blobs.said());
    assert!(queues.has_any(), "{}", queues.said());
}

#[tokio::test(flavor = "multi_thread")]
async fn several_workers_share_the_messages_and_do_each_once() {
    const MESSAGES: usize = 6;
    let service = Azurite::start();
    let shared = home(service.blobs, service.queues);
    let names: Vec<String> = (0..MESSAGES).map(|number| format!("m{number}")).collect();
    for (number, name) in names.iter().enumerate() {
        shared.comes(name, |row| 20 + row * (7 + 2 * number) % 47);
    }
    started(&service, &shared, &names).await;
    for name in &names {
        send(&shared, name);
    }
    let key = key();
    let beside = |_| {
        let other = home(service.blobs, service.queues);
        let running = other.run(&["--visibility", "10s"], &[("STORE_KEY", &key)]);
        (other, running)
    };
    let workers: Vec<_> = (0..3).map(beside).collect();
    let storage = storage(&service).await;
    let done = |log: &str| log.matches("function=\"deployment\"").count();
    eventually("all are deployed", || {
        let logs = workers.iter().map(|(_, running)| done(&running.log()));
        logs.sum::<usize>() >= MESSAGES
    });
    let shares: Vec<usize> = workers
        .iter()
        .map(|(_, running)| done(&running.log()))
        .collect();
    let logs: Vec<String> = workers.iter().map(|(_, running)| running.log()).collect();
    for (_, running) in workers {
        running.end();
    }
    let (_, tries) = made(&storage).await;
    let counted = format!(
        "{MESSAGES} messages of {ROWS} rows by 3 workers, {shares:?} deployed by each; {} invocations, {} tries\n",
        tries.len(),
        tries.iter().sum::<u64>()
    );
    std::io::stderr().write_all(counted.as_bytes()).unwrap();
    // Rows that are alike may lead to the same invocation.
    assert!(tries.iter().all(|tries| *tries == 1), "{tries:?}");
    for name in &names {
        let of_it = format!("message_id=\"{name}\"");
        let is_last =
            |line: &&str| line.contains("function=\"deployment\"") && line.contains(&of_it);
        let n_ends: usize = logs
            .iter()
            .map(|log| log.lines().filter(is_last).count())
            .sum();
        assert_eq!(n_ends, 1, "{name}: {logs:#?}");
    }
    let model = "churn".parse().unwrap();
    let registry = storage.live().registry();
    let serving = registry.serving(&model, Alias::Champion).await;
    assert!(serving.unwrap().is_some());
}
