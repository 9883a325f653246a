//! Models and transformers that scikit-learn fitted and joblib pickled, imported
//! by the command line.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support;
use crate::support::service::{Service, cutline, program};
use crate::tumor::fixture;

/// A pipeline that answers with the model alone.
const FUNCTIONS: &str = r#"
[serve]
listen = "127.0.0.1:0"

[function.inference]
trigger = { http = true }
input   = { model = { model = "m@champion" } }

[[http]]
route    = "POST /predict"
function = "inference"
response = { "/probability" = "/probabilities/0/1" }
"#;

/// On arrays: a scaler with a model behind it, the two apart, and a model of two
/// of the columns. What it says of a row is in `answer.json`.
const FITS: &str = r#"
import joblib, json, numpy as np, pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
rows = np.random.RandomState(7).normal([40, 3, 100], [9, 2, 30], (200, 3))
y = (rows[:, 0] + 4 * rows[:, 1] > 52).astype(int)
scaler = StandardScaler().fit(rows)
model = LogisticRegression().fit(scaler.transform(rows), y)
joblib.dump(scaler, "scaler.joblib")
joblib.dump(model, "model.joblib")
frame = pd.DataFrame(rows, columns=["age", "visits", "spent"])
named = StandardScaler().fit(frame)
joblib.dump(named, "named.joblib")
other = pd.DataFrame(named.transform(frame), columns=frame.columns)[["visits", "age", "spent"]]
joblib.dump(LogisticRegression().fit(other, y), "other.joblib")
row = [[31.0, 4.0, 80.5]]
json.dump(model.predict_proba(scaler.transform(row))[0, 1], open("answer.json", "w"))
"#;

fn import(folder: &Path, python: &Path, args: &[&str]) -> Command {
    let mut command = cutline();
    command.args(["import-model", "m"]).args(args);
    command.arg("--python").arg(python).current_dir(folder);
    command
}

fn refused(folder: &Path, python: &Path, args: &[&str]) -> String {
    let output = import(folder, python, args).output().unwrap();
    assert!(!output.status.success(), "{args:?} is taken");
    String::from_utf8(output.stderr).unwrap()
}

fn fitted() -> (tempfile::TempDir, PathBuf) {
    let python = support::python_env(&fixture().join("requirements.txt"));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("functions.toml"), FUNCTIONS).unwrap();
    let mut fits = Command::new(&python);
    let fits = fits.args(["-c", FITS]).current_dir(folder.path());
    support::run(fits, "the models cannot be fitted");
    (folder, python)
}

#[test]
fn what_was_fitted_on_arrays_is_named_and_put_before_the_model() {
    let (folder, python) = fitted();
    let (folder, clients) = (folder.path(), support::clients());
    let args = [
        "model.joblib",
        "--before",
        "scaler.joblib",
        "--columns",
        "age,visits,spent",
    ];
    support::run(&mut import(folder, &python, &args), "it is refused");
    let service = Service::start(cutline().arg("run").current_dir(folder), "clients: ");
    let mut ready = program(&clients, "seven_stages.py");
    support::run(
        ready.args(["ready", &service.url]),
        "no model came to serve",
    );
    let mut ask = Command::new(&python);
    let ask = ask.args(["-c", ASKS, &service.url]);
    let said = support::run(ask, "it does not answer").stdout;
    let said: Value = serde_json::from_slice(&said).unwrap();
    let answer = fs::read(folder.join("answer.json")).unwrap();
    let answer: f64 = serde_json::from_slice(&answer).unwrap();
    let said = said["probability"].as_f64().unwrap();
    assert!((said - answer).abs() < 1e-12, "{said} is not {answer}");
}

const ASKS: &str = r#"
import sys, urllib.request
body = b'{"spent": 80.5, "age": 31, "visits": 4}'
request = urllib.request.Request(sys.argv[1] + "/predict", body, {"Content-Type": "application/json"})
sys.stdout.write(urllib.request.urlopen(request).read().decode())
"#;

#[test]
fn what_nobody_names_or_cannot_be_is_refused_with_what_to_write() {
    let (folder, python) = fitted();
    let folder = folder.path();
    let nowhere = Path::new("/nowhere/python");
    for (python, args, says, hints) in [
        (
            &*python,
            &["model.joblib"][..],
            "nothing names its 3 columns",
            "--columns names them",
        ),
        (
            &python,
            &["model.joblib", "--columns", "age,visits"],
            "takes 3 columns, and --columns names 2",
            "name all of them",
        ),
        (
            &python,
            &["other.joblib", "--columns", "a,b,c"],
            "names its columns itself",
            "visits,age,spent",
        ),
        (
            &python,
            &["scaler.joblib"],
            "StandardScaler with no model",
            "--before",
        ),
        (
            &python,
            &["model.joblib", "--before", "other.joblib"],
            "no transformer that cutline knows",
            "",
        ),
        (
            &python,
            &["other.joblib", "--before", "named.joblib"],
            "it takes visits, age, spent, and what is before it makes age, visits, spent",
            "",
        ),
        (nowhere, &["model.joblib"], "cannot run", "--python"),
    ] {
        let said = refused(folder, python, args);
        assert!(said.contains(says) && said.contains(hints), "{said}");
    }
    // A Python that lacks what the model needs.
    let broken = "import no_such_module\n";
    fs::write(folder.join("numpy.py"), broken).unwrap();
    let mut import = import(folder, &python, &["model.joblib"]);
    let output = import.env("PYTHONPATH", folder).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("No module named 'no_such_module'"), "{said}");
    assert!(said.contains("--python names"), "{said}");
}
