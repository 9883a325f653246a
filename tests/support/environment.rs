//! Environments for tests, and what waits and runs.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

/// Asks again and again until `holds`; fails when it does not within a minute.
/// Only for what a process tells nobody of its own accord, and can only be
/// looked up.
#[track_caller]
pub(crate) fn eventually(what: &str, holds: impl FnMut() -> bool) {
    assert!(within_a_minute(holds), "never: {what}");
}

/// Whether it holds at last.
pub(crate) fn within_a_minute(mut holds: impl FnMut() -> bool) -> bool {
    for _ in 0..1_200 {
        if holds() {
            return true;
        }
        thread::sleep(Duration::from_millis(50));
    }
    false
}

/// The target folder of this build.
pub(crate) fn target() -> PathBuf {
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    tmp.parent()
        .expect("cargo's temporary folder lies in the target folder")
        .to_owned()
}

/// The folder for `key`, built by `build` unless that was done before.
pub(crate) fn environment(kind: &str, key: &impl Hash, build: impl FnOnce(&Path)) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    let all = target().join("test-env");
    let env = all.join(format!("{kind}-{:016x}", hasher.finish()));
    fs::create_dir_all(&all).expect("the target folder can be written");
    let lock = File::create(env.with_extension("lock")).expect("the target folder can be written");
    lock.lock().expect("the file system can lock files");

    // A virtual environment knows its own path, so it cannot be renamed into
    // place: a file says that it is complete.
    let complete = env.join(".complete");
    if !complete.exists() {
        let _ = fs::remove_dir_all(&env);
        build(&env);
        File::create(complete).expect("the target folder can be written");
    }
    env
}

/// A folder whose `node_modules` hold packages, installed once.
pub(crate) fn npm(kind: &str, packages: &[&str]) -> PathBuf {
    environment(kind, &packages, |folder| install(folder, packages))
}

/// Puts packages into the `node_modules` of a folder.
pub(crate) fn install(folder: &Path, packages: &[&str]) {
    fs::create_dir_all(folder).expect("the target folder can be written");
    run(
        Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--prefix"])
            .arg(folder)
            .args(packages),
        "npm cannot install what these tests need; is the package registry reachable?",
    );
}

/// Runs `command` to its end; fails with `otherwise` and what it printed.
pub(crate) fn run(command: &mut Command, otherwise: &str) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{otherwise}\n{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{otherwise}\n{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    output
}
