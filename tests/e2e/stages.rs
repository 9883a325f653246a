//! The seven stages of the Flask fixture, run by cutline in the monolith's
//! place: from the same files through all of them, and behind the proxy.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::behind_the_proxy::{churn, churn_service, fixture, flask};
use crate::parity::{AS_IT_STOPS, Made, same_table, seen};
use crate::runtime_docs::anywhere;
use crate::support;
use crate::support::eventually;
use crate::support::service::{Proxy, Service, cutline, program};

/// Customers as they should not be, after those that the fixture generates.
const SPOILT: &str = "\
,2022-01-01,50,standard,north,18,42.3,719.91,1,0
20001,2022-01-01,7,standard,north,18,42.3,719.91,1,0
20002,2022-01-01,50,gold,north,18,42.3,719.91,1,0
20003,2022-01-01,50,basic,north,700,42.3,719.91,1,1
20004,2022-01-01,50,basic,north,18,42.3,719.91,1,
10000,2022-01-01,50,standard,north,18,42.3,719.91,2,0
20005,2022-01-01,,basic,,18,42.3,,,0
";

/// `functions.toml` of the fixture, where `home` is the monolith's, listening
/// where there is room.
fn pipeline(folder: &Path, home: &Path) {
    let text = fs::read_to_string(fixture().join("functions.toml")).unwrap();
    let text = anywhere(&beside(&text, home));
    fs::write(folder.join("functions.toml"), text).unwrap();
}

/// The pipeline, reading the database of the monolith whose home that is.
pub(crate) fn beside(text: &str, home: &Path) -> String {
    let database = format!("sqlite:{}", home.join("var/churn.sqlite").display());
    assert!(text.contains("sqlite:var/churn.sqlite"), "{text}");
    text.replace("sqlite:var/churn.sqlite", &database)
}

/// `cutline` with what puts the tables of a folder into the pipeline.
pub(crate) fn sends(name: &str) -> Command {
    let mut command = cutline();
    command.args(["queue", "send", "raw-arrived", "--id", name]);
    let tables = ["customers", "calls", "payments"];
    command.args(tables.map(|table| format!("{table}={name}/{table}.csv")));
    command
}

/// `/predict` in the shadow: scores may differ by what is left of the way when
/// the monolith's solver stops. A label differs where a score lies between the
/// thresholds that the two chose; among these customers none does.
fn routes(monolith: &Service, candidate: &Service) -> String {
    let (monolith, candidate) = (&monolith.url, &candidate.url);
    format!(
        r#"listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
[monolith]
upstream = "{monolith}"
[stage.inference]
routes = ["POST /predict"]
candidate = "{candidate}"
mode = "shadow"
side_effects = {{ monolith = "none", candidate = "honours-shadow" }}
[stage.inference.compare]
noise = "off"
sample = 100
number = [{{ path = "/predictions/*/score", abs = {AS_IT_STOPS} }}]
label = "/predictions/*/label"
score = "/predictions/*/score"
"#
    )
}

#[tokio::test]
async fn the_stages_make_and_answer_as_the_monolith_they_are_to_replace() {
    let (python, clients) = (flask(), support::clients());
    let folder = tempfile::tempdir().unwrap();
    let (folder, home) = (folder.path(), folder.path().join("monolith"));
    let data = folder.join("incoming/may");
    let generate = ["churn.generate", "--rows", "1000", "--seed", "7", "--out"];
    support::run(
        churn(&python, folder, &generate).arg(&data),
        "no data were made",
    );
    let customers = data.join("customers.csv");
    let text = fs::read_to_string(&customers).unwrap();
    fs::write(&customers, text + SPOILT).unwrap();
    let monolith = churn_service(&python, &home, "0");
    let mut whole = program(&clients, "seven_stages.py");
    support::run(
        whole.args(["train", &monolith.url]).arg(&data),
        "the monolith cannot be trained",
    );

    pipeline(folder, &home);
    support::run(sends("may").current_dir(folder), "nothing was sent");
    let mut run = cutline();
    let candidate = Service::start(run.arg("run").current_dir(folder), "clients: ");
    let mut ready = program(&clients, "seven_stages.py");
    support::run(
        ready.args(["ready", &candidate.url]),
        "no model came to serve",
    );

    let proxy = Proxy::start(folder, &routes(&monolith, &candidate));
    let mut predict = program(&clients, "seven_stages.py");
    support::run(
        predict.args(["predict", proxy.url()]).arg(&data),
        "not every request was answered",
    );
    let told = || -> Value {
        let diff = proxy.says(&["diff", "inference", "--json"]);
        serde_json::from_str(&diff).unwrap()
    };
    // On a busy machine a copy may find no answer in time; never many do.
    eventually("nearly all are compared", || {
        told()["compared"]["answers"].as_u64() >= Some(90)
    });
    let told = told();
    assert_eq!(told["compared"]["mismatches"], 0, "{told:#}");

    drop(candidate);
    let mut saw = program(&python, "monolith_saw.py");
    let saw = saw.args(["churn"]).arg(home.join("var"));
    let saw = seen(saw.env("PYTHONPATH", fixture()).env("CHURN_SEED", "7"));
    let made = Made::open(folder);
    same_table("taken in", &made.table("customers").await, &saw["taken"]);
    for (name, key) in [
        ("customers-quarantine", "rejected"),
        ("calls", "calls"),
        ("payments", "payments"),
    ] {
        assert_eq!(saw[key], made.table(name).await.n_rows(), "{name}");
    }
    assert_eq!(saw["rejected"], 1);
    let mut kept = Vec::new();
    for side in ["features-train", "features-test"] {
        let rows = made.table(side).await;
        let ids = rows.column("customer_id").unwrap().scalars();
        kept.extend(ids.map(|id| id.unwrap().number().unwrap() as i64));
    }
    kept.sort_unstable();
    assert_eq!(saw["kept"], serde_json::json!(kept));
    for id in 20_001..=20_004 {
        assert!(!kept.contains(&id), "{id} is kept");
    }
    made.is_as(&saw).await;
}
