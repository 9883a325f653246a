//! Every face that a fixture's `functions.toml` declares, asked beside the real
//! monolith: the same requests have answers of the same status and shape, and of
//! the same values where both know them.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::fs;
use std::path::Path;

use crate::behind_the_proxy::{churn, churn_service, fixture, flask, nothing_differs};
use crate::runtime_docs::anywhere;
use crate::support;
use crate::support::service::{Service, cutline, program};
use crate::{stages, tumor};

/// The pipeline at work, watching all the while.
fn functions(folder: &Path, text: &str) -> Service {
    let often = text.replace("every = \"15m\"", "every = \"1s\"");
    assert_ne!(often, text, "nothing is watched");
    fs::write(folder.join("functions.toml"), anywhere(&often)).unwrap();
    let mut run = cutline();
    Service::start(run.arg("run").current_dir(folder), "clients: ")
}

#[test]
fn the_flask_service_and_its_functions_answer_alike() {
    let (python, clients) = (flask(), support::clients());
    let folder = tempfile::tempdir().unwrap();
    // A path in a request is seen from there by both.
    let incoming = folder.path().join("incoming");
    for (month, seed) in [("may", "7"), ("june", "8")] {
        let generate = [
            "churn.generate",
            "--rows",
            "600",
            "--seed",
            seed,
            "--out",
            month,
        ];
        support::run(
            &mut churn(&python, &incoming, &generate),
            "no data were made",
        );
    }
    let monolith = churn_service(&python, &incoming, "0");
    let text = fs::read_to_string(fixture().join("functions.toml")).unwrap();
    let functions = functions(folder.path(), &stages::beside(&text, &incoming));
    let mut same = program(&clients, "same_faces.py");
    same.args(["churn", &monolith.url, &functions.url])
        .arg(&incoming);
    nothing_differs(&mut same);
}

#[test]
fn the_fastapi_service_and_its_functions_answer_alike() {
    let python = support::python_env(&tumor::fixture().join("requirements.txt"));
    let clients = support::clients();
    let folder = tempfile::tempdir().unwrap();
    let incoming = folder.path().join("incoming");
    let monolith = tumor::monolith(&python, &incoming);
    let mut refresh = program(&clients, "tumor_asks.py");
    support::run(
        refresh.args(["refresh", &monolith.url]),
        "there are no data",
    );
    let text = fs::read_to_string(tumor::fixture().join("functions.toml")).unwrap();
    let functions = functions(folder.path(), &text);
    let mut same = program(&clients, "same_faces.py");
    same.args(["tumor", &monolith.url, &functions.url])
        .arg(&incoming);
    nothing_differs(&mut same);
}
