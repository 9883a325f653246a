//! The seven stages of the FastAPI fixture, run by cutline in the monolith's
//! place: the same rows, matrix, split, model and answers, also behind the
//! proxy, and the monolith's own model served by cutline.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::parity::{AS_IT_STOPS, Made, near, numbers, same_table, seen};
use crate::support;
use crate::support::eventually;
use crate::support::service::{Proxy, Service, cutline, program};

/// An imported model does the same arithmetic as scikit-learn's.
const IMPORTED: f64 = 1e-9;

pub(crate) fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/tumor_fastapi")
}

/// How the fixture's code is run, with a seeded split.
fn settings<'a>(command: &'a mut Command, home: &Path) -> &'a mut Command {
    command
        .env("PYTHONPATH", fixture().join("src"))
        .env("TUMOR_HOME", home)
        .envs([("TUMOR_RANDOM_STATE", "7"), ("TUMOR_PORT", "0")])
        .envs([("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONUNBUFFERED", "1")])
}

pub(crate) fn monolith(python: &Path, home: &Path) -> Service {
    monolith_at(python, home, "0")
}

pub(crate) fn monolith_at(python: &Path, home: &Path, port: &str) -> Service {
    let mut command = Command::new(python);
    let command = settings(command.args(["-m", "tumor"]), home).env("TUMOR_PORT", port);
    let mut service = Service::start(command, "Uvicorn running on ");
    let url = service.url.split_whitespace().next().unwrap().to_owned();
    service.url = url;
    service
}

fn candidate(folder: &Path, clients: &Path) -> Service {
    let mut run = cutline();
    let service = Service::start(run.arg("run").current_dir(folder), "clients: ");
    let mut ready = program(clients, "seven_stages.py");
    support::run(
        ready.args(["ready", &service.url]),
        "no model came to serve",
    );
    service
}

/// Both routes in the shadow.
fn routes(monolith: &Service, candidate: &Service) -> String {
    let (monolith, candidate) = (&monolith.url, &candidate.url);
    format!(
        r#"listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
[monolith]
upstream = "{monolith}"
[stage.inference]
routes = ["POST /api/predict", "POST /api/predict/batch"]
candidate = "{candidate}"
mode = "shadow"
side_effects = {{ monolith = "none", candidate = "honours-shadow" }}
[stage.inference.compare]
noise = "off"
sample = 100
ignore = ["/request_id", "/predictions/*/request_id"]
number = [
    {{ path = "/probability", abs = {AS_IT_STOPS} }},
    {{ path = "/predictions/*/probability", abs = {AS_IT_STOPS} }},
]
"#
    )
}

#[tokio::test]
async fn the_stages_make_and_answer_what_the_monolith_does() {
    let requirements = fixture().join("requirements.txt");
    let (python, clients) = (support::python_env(&requirements), support::clients());
    let folder = tempfile::tempdir().unwrap();
    let (folder, home) = (folder.path(), folder.path().join("monolith"));
    let ask = |what: &str, url: &str, raw: &Path| {
        let mut ask = program(&clients, "tumor_asks.py");
        ask.args([what, url]).arg(raw);
        support::run(&mut ask, "not every request was answered").stdout
    };
    let probabilities = |url: &str, raw: &Path| -> Vec<f64> {
        let said: Value = serde_json::from_slice(&ask("answers", url, raw)).unwrap();
        numbers(&said)
    };
    let monolith = monolith(&python, &home);
    let mut train = program(&clients, "tumor_asks.py");
    support::run(
        train.args(["train", &monolith.url]),
        "the monolith cannot be trained",
    );

    let raw = folder.join("incoming/may/raw.csv");
    fs::create_dir_all(raw.parent().unwrap()).unwrap();
    fs::copy(home.join("data/raw.csv"), &raw).unwrap();
    let text = fs::read_to_string(fixture().join("functions.toml")).unwrap();
    let text = format!("[serve]\nlisten = \"127.0.0.1:0\"\n\n{text}");
    fs::write(folder.join("functions.toml"), text).unwrap();
    let told = |args: &[&str]| {
        let mut command = cutline();
        support::run(command.args(args).current_dir(folder), "it is refused");
    };
    told(&["queue", "send", "raw-arrived", "name=may", "--id", "may"]);
    let own = candidate(folder, &clients);
    behind_the_proxy(folder, &routes(&monolith, &own), |url| {
        ask("predict", url, &raw);
    });
    drop(own);

    let mut program = program(&python, "monolith_saw.py");
    let saw = seen(settings(program.args(["tumor"]).arg(&home), &home));
    let made = Made::open(folder);
    same_table("taken in", &made.table("measurements").await, &saw["taken"]);
    made.is_as(&saw).await;
    drop(made);

    let model = home.join("models/v1/model.joblib");
    let mut import = cutline();
    let import = import
        .args(["import-model", "tumor"])
        .arg(&model)
        .arg("--python")
        .arg(&python)
        .args(["--preprocessing", "v1"]);
    support::run(
        settings(import.current_dir(folder), &home),
        "the monolith's model cannot be imported",
    );
    let imported = candidate(folder, &clients);
    let (ours, theirs) = (
        probabilities(&imported.url, &raw),
        probabilities(&monolith.url, &raw),
    );
    near("imported", &ours, &theirs, IMPORTED);
}

/// Asked so, no answer of the two differs.
fn behind_the_proxy(folder: &Path, routes: &str, ask: impl Fn(&str)) {
    let proxy = Proxy::start(folder, routes);
    ask(proxy.url());
    let told = || -> Value {
        let diff = proxy.says(&["diff", "inference", "--json"]);
        serde_json::from_str(&diff).unwrap()
    };
    // On a busy machine a copy may find no answer in time; never many do.
    eventually("nearly all are compared", || {
        told()["compared"]["answers"].as_u64() >= Some(60)
    });
    let told = told();
    assert_eq!(told["compared"]["mismatches"], 0, "{told:#}");
}
