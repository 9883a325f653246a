//! The disk is full while `cutline run` works: it says so, nothing torn is left
//! behind, and once there is room all goes on.
//!
//! A limit on the length of files stands for the disk: what is written beyond
//! it fails, as there, and it can be lifted while the process runs.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::fs;
use std::process::Command;
use std::sync::Arc;

use cutline_runtime::store::clock::SystemClock;
use cutline_runtime::store::folder::DataFolder;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::support::pipeline::{Home, Running, STAGES};

/// A file may have so many blocks of 1024 bytes: enough for queues and small
/// artifacts.
const BLOCKS: u64 = 2_048;

/// `cutline run` that can write no long file until there is room.
fn limited(home: &Home) -> Running {
    let mut shell = Command::new("bash");
    // The signal that would end it is ignored: a write fails instead.
    let script = format!("trap '' XFSZ; ulimit -S -f {BLOCKS}; exec \"$0\" run");
    shell
        .args(["-c", &script, env!("CARGO_BIN_EXE_cutline")])
        .env("NO_COLOR", "1")
        .current_dir(home.path());
    home.started(shell)
}

fn make_room(running: &Running) {
    let pid = Pid::from_raw(running.id().try_into().unwrap());
    let Rlimit { maximum, .. } = getrlimit(Resource::Fsize);
    let unlimited = Rlimit {
        current: maximum,
        maximum,
    };
    prlimit(pid, Resource::Fsize, unlimited).unwrap();
}

#[tokio::test]
async fn a_full_disk_is_told_nothing_is_torn_and_it_goes_on_once_there_is_room() {
    let home = Home::new("");
    let rows: String = (0..150_000)
        .map(|row| format!("{row},{},{}\n", 100_000 + row, u8::from(row % 3 == 0)))
        .collect();
    assert!(rows.len() as u64 > BLOCKS * 1_024);
    let file = home.path().join("incoming/large.csv");
    fs::write(file, "customer_id,age,churned\n".to_owned() + &rows).unwrap();

    let running = limited(&home);
    let begin = |name: &str| {
        let body = format!("{{\"name\": \"{name}\"}}");
        let (status, told) = running.post("/pipeline/run", "", &body);
        assert_eq!(status, 202, "{told}");
    };
    // What is short has room.
    begin("may");
    running.says(1, "version=\"v1\"");
    begin("large");
    let line = running.says(1, "failed; tried again in").remove(0);
    let why = "input input cannot be read from \\\"large.csv\\\": File too large";
    assert!(line.contains(why), "{line}");
    make_room(&running);
    running.says(1, "version=\"v2\"");
    assert!(running.end().success());

    let path = home.path().join("cutline-data");
    let folder = DataFolder::open(&path, None, Arc::new(SystemClock)).unwrap();
    let artifacts = folder.live().artifacts();
    let ids = artifacts.list().await.unwrap();
    assert!(ids.len() >= 2 * STAGES.len(), "{ids:?}");
    for id in ids {
        artifacts.verify(&id).await.unwrap();
    }
    let poison = "raw-arrived-poison".parse().unwrap();
    let depth = folder.live().queues().open(&poison).depth().await;
    assert_eq!(depth.unwrap(), 0);
}
