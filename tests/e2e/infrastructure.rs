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

use crate::support::service::cutline;
use crate::support::{python_env, run};

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

/// The pipelines: those that people wrote of the fixtures, and those that are
/// derived from their code.
fn pipelines() -> Vec<(String, String)> {
    let mut pipelines = Vec::new();
    for fixture in ["churn_flask", "tumor_fastapi"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures")
            .join(fixture);
        let written = fs::read_to_string(folder.join("functions.toml")).unwrap();
        let mut analyze = cutline();
        let analyze = analyze.arg("analyze").arg(&folder);
        let derived = run(
            analyze.args(["--format", "functions"]),
            "the analysis failed",
        );
        let derived = String::from_utf8(derived.stdout).unwrap();
        pipelines.push((format!("{fixture}-written"), written));
        pipelines.push((format!("{fixture}-derived"), derived));
    }
    pipelines
}

/// The same pipeline, kept in an account, whose faces ask for a token.
fn on_azure(text: &str) -> String {
    let mut file: Table = text.parse().unwrap();
    let azure = "[store]\nurl = \"azure:https://churn.blob.core.windows.net/kept\"\n[serve]\ntoken = { env = \"CHURN_TOKEN\" }\n";
    file.extend(azure.parse::<Table>().unwrap());
    file.to_string()
}

fn write(home: &Path) {
    for (name, text) in pipelines() {
        let config = home.join(format!("{name}.toml"));
        fs::write(&config, on_azure(&text)).unwrap();
        for format in FORMATS {
            let mut manifest = cutline();
            manifest.args(["manifest", "--format", format, "--config"]);
            manifest.arg(&config).arg("--out");
            manifest.arg(home.join(format).join(&name));
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
