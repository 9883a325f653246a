//! The Flask fixture as two real processes behind the proxy, on the routes that
//! the analyzer wrote.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::support;

/// Asks the same of two addresses, one after the other, and prints what
/// differs. The client is `requests`; it does not ask again by itself.
const CLIENT: &str = r#"
import sys, requests
direct, proxied = sys.argv[1:]
customer = {"customer_id": 10001, "plan": "basic", "tenure_months": 12, "monthly_charges": 40.5}
calls = [
    ("GET", "/health", None), ("HEAD", "/health", None), ("GET", "/models", None),
    ("GET", "/ingest/status", None), ("GET", "/nothing/here", None), ("PUT", "/predict", None),
    ("POST", "/predict", {"customers": [customer]}), ("POST", "/predict", {"customers": "none"}),
    ("POST", "/predict", None), ("GET", "/customers/10001/score", None),
    ("GET", "/models/1/metrics", None), ("POST", "/models/999/deploy", {}),
]
for method, path, body in calls:
    one, other = (requests.request(method, to + path, json=body, timeout=60) for to in (direct, proxied))
    said = [(a.status_code, a.text, a.headers.get("content-type"), a.headers.get("allow")) for a in (one, other)]
    if said[0] != said[1]:
        print(method, path, *said, sep="\n  ")
"#;

/// Runs the whole pipeline of the monolith at an address.
const PIPELINE: &str = r#"
import sys, requests
to, data = sys.argv[1:]
files = {name: f"{data}/{name}.csv" for name in ("customers", "calls", "payments")}
answer = requests.post(to + "/pipeline/run", json=files, headers={"X-Admin-Token": "letmein"}, timeout=300)
answer.raise_for_status()
"#;

/// A process that is killed with the test.
struct Service {
    child: Child,
    url: String,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts `command` and waits until a line of its standard error names, behind
/// `marker`, where it listens.
fn started(command: &mut Command, marker: &str) -> Service {
    let child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut service = Service {
        child,
        url: String::new(),
    };
    let mut lines = BufReader::new(service.child.stderr.take().unwrap()).lines();
    let mut said = Vec::new();
    for line in lines.by_ref() {
        let line = line.unwrap();
        if let Some((_, url)) = line.split_once(marker) {
            service.url = url.trim().to_owned();
            // Somebody has to read what it logs.
            thread::spawn(move || for _ in lines {});
            return service;
        }
        said.push(line);
    }
    panic!("it ended: {said:?}");
}

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/churn_flask")
}

fn churn(python: &Path, home: &Path) -> Service {
    let mut command = Command::new(python);
    command
        .args(["-m", "churn", "--no-retraining"])
        .current_dir(fixture())
        .envs([("CHURN_SEED", "7"), ("CHURN_PORT", "0")])
        .envs([("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONUNBUFFERED", "1")])
        .env("CHURN_HOME", home);
    started(&mut command, "Running on ")
}

fn python(python: &Path, script: &str, args: &[&str]) -> String {
    let mut command = Command::new(python);
    command.arg("-c").arg(script).args(args);
    let output = support::run(&mut command, "the client failed");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_fixtures_first_routes_are_what_the_proxy_takes() {
    let folder = tempfile::tempdir().unwrap();
    for fixture in fs::read_dir(fixture().parent().unwrap()).unwrap() {
        let fixture = fixture.unwrap().path();
        let file = folder.path().join("routes.toml");
        let mut analyze = Command::new(env!("CARGO_BIN_EXE_cutline"));
        analyze
            .arg("analyze")
            .arg(&fixture)
            .args(["--format", "routes"]);
        let routes = support::run(&mut analyze, "the analysis failed").stdout;
        fs::write(&file, routes).unwrap();
        let mut check = Command::new(env!("CARGO_BIN_EXE_cutline"));
        check.args(["proxy", "check", "--config"]).arg(&file);
        support::run(&mut check, &format!("{} is refused", fixture.display()));
    }
}

#[test]
fn a_flask_service_answers_through_the_proxy_as_without_it() {
    let venv = support::python_env(&fixture().join("requirements.txt"));
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut generate = Command::new(&venv);
    generate
        .args([
            "-m",
            "churn.generate",
            "--rows",
            "300",
            "--seed",
            "7",
            "--out",
        ])
        .arg(&data)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(fixture());
    support::run(&mut generate, "no data");
    let [monolith, candidate] = ["monolith", "candidate"].map(|side| {
        let service = churn(&venv, &folder.path().join(side));
        python(&venv, PIPELINE, &[&service.url, data.to_str().unwrap()]);
        service
    });

    let mut analyze = Command::new(env!("CARGO_BIN_EXE_cutline"));
    analyze
        .arg("analyze")
        .arg(fixture())
        .args(["--format", "routes"]);
    let routes = support::run(&mut analyze, "the analysis failed").stdout;
    let routes = String::from_utf8(routes)
        .unwrap()
        .replace("127.0.0.1:8080", "127.0.0.1:0")
        .replace("127.0.0.1:9901", "127.0.0.1:0")
        .replace("http://127.0.0.1:5000", &monolith.url)
        .replace(
            "# candidate = [\"http://127.0.0.1:7070\"]",
            &format!("candidate = [\"{}\"]", candidate.url),
        );
    fs::write(folder.path().join("routes.toml"), routes).unwrap();
    let mut proxy = Command::new(env!("CARGO_BIN_EXE_cutline"));
    proxy.arg("proxy").current_dir(folder.path());
    let proxy = started(&mut proxy, "clients");
    assert_eq!(python(&venv, CLIENT, &[&monolith.url, &proxy.url]), "");

    for mode in [
        &["shadow"][..],
        &["split", "--percent", "100"],
        &["candidate"],
        &["reverse-shadow"],
    ] {
        let mut change = Command::new(env!("CARGO_BIN_EXE_cutline"));
        change
            .args(["mode", "inference"])
            .args(mode)
            .current_dir(folder.path());
        support::run(&mut change, "the mode was not changed");
        assert_eq!(
            python(&venv, CLIENT, &[&monolith.url, &proxy.url]),
            "",
            "{mode:?}"
        );
    }
}
