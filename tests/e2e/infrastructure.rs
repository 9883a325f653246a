//! What `cutline manifest --format bicep` and `--format terraform` write of
//! several pipelines, as checkov looks at it: nothing is found that has no reason
//! written beside it, and each reason is for something that is found without it.
//!
//! checkov says nothing of roles: the runtime's tests hold each against a list.
//! Neither a compiler of Bicep nor Terraform's provider is in a registry, so
//! nothing is built or planned here.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there, and this one prints what it counts"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use toml::Table;

use crate::support::overlay::functions;
use crate::support::service::cutline;
use crate::support::{python_env, run};

const OVERLAY: &str = include_str!("../../src/demo/functions.overlay.toml");

const FORMATS: [&str; 2] = ["bicep", "terraform"];

/// A finding: the check, the file, and the resource in it.
type Finding = (String, String, String);

/// What checkov says of one format.
struct Looked {
    passed: usize,
    failed: BTreeSet<Finding>,
    /// With the reasons.
    skipped: BTreeMap<Finding, String>,
    unread: u64,
}

/// The pipelines: those that a person wrote of the fixtures, and those that are
/// derived from their code, finished as a person would: the Flask one as the demo
/// does, the FastAPI one by the faces of the written one. One starts by events.
fn pipelines() -> Vec<(&'static str, Table)> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let written = |fixture: &str| -> Table {
        let file = fixtures.join(fixture).join("functions.toml");
        fs::read_to_string(file).unwrap().parse().unwrap()
    };
    let (flask, fastapi) = (written("churn_flask"), written("tumor_fastapi"));
    let faces = Table::from_iter([("http".to_owned(), fastapi["http"].clone())]);
    // Faces that it leaves out, the code did not say whole.
    let mut derived = functions(&fixtures.join("tumor_fastapi"), &faces.to_string());
    derived.extend(faces);
    let mut hearing = flask.clone();
    let trigger = "trigger = { event_hub = \"Customer.events\", consumer_group = \"cutline\" }";
    let trigger: Table = trigger.parse().unwrap();
    let ingestion = hearing["function"]["ingestion"].as_table_mut();
    ingestion.unwrap().extend(trigger);
    vec![
        ("flask", flask),
        ("flask-hearing", hearing),
        (
            "flask-derived",
            functions(&fixtures.join("churn_flask"), OVERLAY),
        ),
        ("fastapi", fastapi),
        ("fastapi-derived", derived),
    ]
}

/// The same pipeline, kept in an account, whose faces ask for a token.
fn on_azure(mut pipeline: Table) -> Table {
    let azure = "[store]\nurl = \"azure:https://churn.blob.core.windows.net/kept\"\n[serve]\ntoken = { env = \"CHURN_TOKEN\" }\n";
    pipeline.extend(azure.parse::<Table>().unwrap());
    pipeline
}

fn write(home: &Path) {
    for (name, pipeline) in pipelines() {
        let config = home.join(format!("{name}.toml"));
        fs::write(&config, on_azure(pipeline).to_string()).unwrap();
        for format in FORMATS {
            let mut manifest = cutline();
            manifest.args(["manifest", "--format", format, "--config"]);
            manifest.arg(&config).arg("--out");
            manifest.arg(home.join(format).join(name));
            run(&mut manifest, "no template is written");
        }
    }
}

fn checkov() -> PathBuf {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/checkov.txt");
    let python = python_env(&requirements);
    python.with_file_name("checkov")
}

/// Asks nobody: what it would fetch it is told not to, and nobody answers where
/// it might ask all the same.
fn look(checkov: &Path, home: &Path, format: &str) -> Looked {
    let nobody = "http://127.0.0.1:9";
    let output = Command::new(checkov)
        .args(["--skip-download", "--framework", format])
        .args([
            "--compact",
            "--output",
            "json",
            "--soft-fail",
            "--directory",
        ])
        .arg(home.join(format))
        .env("CKV_SKIP_PACKAGE_UPDATE_CHECK", "True")
        .env("HTTPS_PROXY", nobody)
        .env("HTTP_PROXY", nobody)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("Failed to run check"), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |result: &str| report["results"][result].as_array().unwrap().iter();
    let finding = |found: &Value| {
        let at = |key: &str| found[key].as_str().unwrap().to_owned();
        (at("check_id"), at("file_path"), at("resource"))
    };
    let reason = |found: &Value| {
        let reason = found["check_result"]["suppress_comment"].as_str();
        (finding(found), reason.unwrap_or_default().trim().to_owned())
    };
    Looked {
        passed: of("passed_checks").count(),
        failed: of("failed_checks").map(finding).collect(),
        skipped: of("skipped_checks").map(reason).collect(),
        unread: report["summary"]["parsing_errors"].as_u64().unwrap(),
    }
}

/// Takes the reasons out of all files there.
fn without_reasons(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            without_reasons(&path);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().filter(|line| !line.contains("checkov:skip="));
        fs::write(
            &path,
            lines.map(|line| format!("{line}\n")).collect::<String>(),
        )
        .unwrap();
    }
}

#[test]
fn nothing_is_found_without_a_reason_and_no_reason_without_a_finding() {
    let home = TempDir::new().unwrap();
    write(home.path());
    let checkov = checkov();
    let looked = FORMATS.map(|format| look(&checkov, home.path(), format));
    without_reasons(home.path());
    for (format, looked) in FORMATS.into_iter().zip(looked) {
        println!(
            "{format}: {} passed, {} failed, {} skipped with a reason",
            looked.passed,
            looked.failed.len(),
            looked.skipped.len()
        );
        assert_eq!(looked.unread, 0, "{format}");
        assert_eq!(looked.failed, BTreeSet::new(), "{format}");
        assert!(looked.passed > 0, "{format}");
        for (finding, reason) in &looked.skipped {
            assert!(reason.split(' ').count() > 4, "{finding:?}: {reason:?}");
        }
        let found = look(&checkov, home.path(), format).failed;
        let reasons = looked.skipped.into_keys().collect::<BTreeSet<Finding>>();
        assert_eq!(reasons, found, "{format}");
    }
}
