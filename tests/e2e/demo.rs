//! `cutline demo`, as a user sees it: to its end, and when it is interrupted.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::behind_the_proxy::flask;
use crate::support;
use crate::support::service::cutline;

fn demo(folder: &Path) -> Command {
    let mut command = cutline();
    command
        .args(["demo", "--fast", "--python"])
        .arg(flask())
        .arg("--keep")
        .arg(folder);
    command
}

/// Processes whose working folder is the story's.
fn still_running(folder: &Path) -> Vec<String> {
    let folder = folder.canonicalize().unwrap();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let of_the_story = processes.filter(|process| {
        let cwd = fs::read_link(process.path().join("cwd"));
        cwd.is_ok_and(|cwd| cwd.starts_with(&folder))
    });
    of_the_story
        .map(|process| {
            let said = fs::read(process.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&said).replace('\0', " ")
        })
        .collect()
}

#[test]
fn all_stages_go_from_the_monolith_to_their_candidates_and_a_wrong_one_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let told = support::run(&mut demo(folder.path()), "the demo failed").stdout;
    let told = String::from_utf8(told).unwrap();
    for part in [
        // The wrong one is stopped by its evidence, and named by its field.
        "Stopped inference at shadow",
        "differ in /predictions/*/score",
        // The right one goes all the way.
        "Advanced inference from shadow to 50 %",
        "Advanced inference from 50 % to 100 %",
        // The others move by their runs.
        "Advanced deployment from shadow to 100 %",
        "Advanced evaluation from shadow to 100 %",
        "Advanced preprocessing from shadow to 100 %",
        "Advanced training from shadow to 100 %",
        "Advanced pipeline from shadow to 100 %",
        "Advanced service from shadow to 100 %",
        "Advanced ingestion from shadow to 100 %",
        "Advanced monitoring from shadow to 100 %",
        // The tables go over with their stages.
        "ingestion   churn      customers   functions",
        "monitoring   outcomes   outcomes   functions",
        // Nothing is left, and everything is answered.
        "no route is left to the monolith; its process has ended",
        "200 POST /predict",
        "201 POST /train",
        "200 POST /pipeline/run",
        "200 POST /ingest/customers",
        "200 GET /monitor/quality",
        ", 0 failed; ",
    ] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    assert_eq!(still_running(folder.path()), Vec::<String>::new());
}

#[test]
fn an_interrupted_demo_leaves_nothing_running() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = demo(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let reached = lines.any(|line| line.unwrap().contains("A candidate that rounds scores"));
    assert!(reached, "it ended early");
    assert!(!still_running(folder.path()).is_empty());
    let id = child.id().to_string();
    support::run(Command::new("kill").args(["-INT", &id]), "it is gone");
    // Whoever is told to stop may still say something.
    lines.for_each(drop);
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{said}");
    assert!(
        said.contains("everything that was started is ended now"),
        "{said}"
    );
    assert_eq!(still_running(folder.path()), Vec::<String>::new());
}
