//! A data folder is copied, and the copy stands in for it.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::support::eventually;
use crate::support::pipeline::Home;
use crate::support::service::cutline;

const FUNCTIONS: &str = r#"
[function.ingestion]
trigger = { queue = "raw-arrived" }
input   = { blob = "{name}.csv" }
output  = { artifact = "rows" }
"#;

fn run(home: &Path, args: &[&str]) -> Output {
    cutline().current_dir(home).args(args).output().unwrap()
}

fn said(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_backup_in_the_folders_place_is_the_folder() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    fs::write(home.join("functions.toml"), FUNCTIONS).unwrap();
    said(&run(
        home,
        &["queue", "send", "raw-arrived", "name=may", "--id", "may"],
    ));
    let told = said(&run(home, &["backup", "copy"]));
    assert!(
        told.starts_with("copy: ") && told.contains(" files, "),
        "{told}"
    );
    said(&run(home, &["queue", "purge", "raw-arrived"]));
    let again = run(home, &["backup", "copy"]);
    let why = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(
        !again.status.success() && why.contains("copy is there already: back up into a new folder"),
        "{why}"
    );
    fs::remove_dir_all(home.join("cutline-data")).unwrap();
    fs::rename(home.join("copy"), home.join("cutline-data")).unwrap();
    let shown = said(&run(home, &["queue", "show", "raw-arrived"]));
    assert!(shown.contains(r#""id":"may""#), "{shown}");
}

#[test]
fn a_backup_is_made_while_the_pipeline_runs_and_runs_in_its_place() {
    let home = Home::new("");
    let none = home.command(&["backup", "copy"]).output().unwrap();
    let why = String::from_utf8_lossy(&none.stderr).into_owned();
    assert!(
        why.contains("there is no data folder cutline-data"),
        "{why}"
    );
    let running = home.run(&[], &[]);
    let (status, told) = running.post("/pipeline/run", "", r#"{"name": "may"}"#);
    assert_eq!(status, 202, "{told}");
    running.says(1, "serves");
    let asked = r#"{"customer_id": 1, "age": 30}"#;
    let answer = running.post("/predict", "", asked);
    assert_eq!(answer.0, 200, "{answer:?}");
    let log = home.path().join("cutline-data/store/log/inference");
    eventually("the prediction log is written", || log.exists());
    home.says(&["backup", "copy"]);
    assert!(running.end().success());

    fs::remove_dir_all(home.path().join("cutline-data")).unwrap();
    fs::rename(home.path().join("copy"), home.path().join("cutline-data")).unwrap();
    assert_eq!(fs::read_dir(&log).unwrap().count(), 1);
    let running = home.run(&[], &[]);
    running.says(1, "serves");
    assert_eq!(running.post("/predict", "", asked), answer);
}
