//! Both fixtures on their way to the functions, while processes are killed, the
//! proxy is replaced, shares move and tables go to and fro: a request fails only
//! where nobody is there who could answer it, and what a client sends until it
//! is answered is done once.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it expects by failing there, and the figures when asked"
)]

mod storm;

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::json;

use crate::behind_the_proxy::{churn, churn_service, fixture, flask};
use crate::support::overlay::functions;
use crate::support::service::{Service, Side, ask, cutline, program};
use crate::support::{self, eventually};
use crate::tumor;
use storm::{Act, Asks, Cast, Storm};

const OVERLAY: &str = include_str!("../../src/demo/functions.overlay.toml");

/// The Flask service's own, unless it is told another.
const TOKEN: &str = "letmein";

/// Takes a database of the stage over, or back.
fn hand_over(folder: &Path, run: &str, back: bool) -> bool {
    let mut handover = cutline();
    handover
        .args(["handover", "ingestion", "--force", "--run", run])
        .args(back.then_some("--back"))
        .env("CHURN_TOKEN", TOKEN)
        .current_dir(folder);
    handover.output().unwrap().status.success()
}

fn ingested(database: &Path) -> Vec<u64> {
    let connection = Connection::open(database).unwrap();
    let query = "SELECT customer_id FROM customers WHERE customer_id >= 1000000 ORDER BY 1";
    let mut statement = connection.prepare(query).unwrap();
    let ids = statement.query_map([], |row| row.get(0)).unwrap();
    ids.map(Result::unwrap).collect()
}

/// The Flask service with its rows and a model, and its functions with the same
/// model beside it.
struct Churn {
    python: PathBuf,
    folder: tempfile::TempDir,
}

impl Churn {
    fn new() -> Churn {
        let (python, folder) = (flask(), tempfile::tempdir().unwrap());
        let home = folder.path();
        let generate = [
            "churn.generate",
            "--rows",
            "400",
            "--seed",
            "7",
            "--out",
            "incoming/may",
        ];
        support::run(&mut churn(&python, home, &generate), "no data were made");
        Churn { python, folder }
    }

    fn monolith(&self, port: &str) -> Service {
        churn_service(&self.python, self.folder.path(), port)
    }

    /// Writes functions.toml for a port.
    fn candidate(&self, port: &str) -> Service {
        let mut table = functions(&fixture(), OVERLAY);
        table["serve"]["listen"] = format!("127.0.0.1:{port}").into();
        let alias = table["function"]["deployment"]["output"]["alias"].clone();
        // The model is called as the folder of the code is, and by the overlay churn.
        let text = toml::to_string(&table).unwrap();
        let text = text.replace(alias.as_str().unwrap(), "churn@champion");
        fs::write(self.folder.path().join("functions.toml"), text).unwrap();
        let mut run = cutline();
        run.args(["run", "--visibility", "2s"])
            .env("CHURN_TOKEN", TOKEN)
            .current_dir(self.folder.path());
        Service::start(&mut run, "clients: ")
    }

    /// The monolith is trained, and its functions serve its model.
    fn begins(&self, monolith: &Service) {
        let post = |url: &str, path: &str, body: String| {
            let fields = format!(
                "content-type: application/json\r\ncontent-length: {}\r\nx-admin-token: {TOKEN}\r\n",
                body.len()
            );
            let to = url.trim_start_matches("http://").parse().unwrap();
            let (status, said) = ask(to, &format!("POST {path}"), &fields, &body);
            assert_eq!(status, 200, "{path}: {said}");
        };
        let file = |name: &str| format!("incoming/may/{name}.csv");
        let files = json!({ "customers": file("customers"), "calls": file("calls"), "payments": file("payments"), "force": true });
        post(&monolith.url, "/pipeline/run", files.to_string());
        let candidate = self.candidate("0");
        post(&candidate.url, "/prepare/run", "{}".to_owned());
        drop(candidate);
        let mut import = cutline();
        import
            .args([
                "import-model",
                "churn",
                "var/current.joblib",
                "--key",
                "model",
            ])
            .args([
                "--preprocessing",
                "last",
                "--metrics",
                "var/models/v1.metrics.json",
            ])
            .arg("--python")
            .arg(&self.python)
            .env("PYTHONPATH", fixture())
            .current_dir(self.folder.path());
        support::run(&mut import, "the model cannot be imported");
    }
}

/// Who answers is said to do no harm twice, so that one side stands in for the
/// other; what is taken in has a key.
fn churn_routes(monolith: &str, candidate: &str) -> String {
    format!(
        r#"
[monolith]
upstream = "{monolith}"
[stage.inference]
routes = ["POST /predict", "GET /customers/{{customer_id}}/score"]
candidate = "{candidate}"
mode = "split"
percent = 50
side_effects = {{ monolith = "none", candidate = "none" }}
[stage.ingestion]
routes = ["POST /ingest/customers"]
candidate = "{candidate}"
mode = "candidate"
side_effects = {{ monolith = "real", candidate = "real" }}
fallback = "none"
"#
    )
}

#[test]
fn the_flask_service_moves_under_faults_and_nothing_is_lost_or_doubled() {
    let place = Churn::new();
    let folder = place.folder.path();
    let (monoliths, candidates) = (
        |port: &str| place.monolith(port),
        |port: &str| place.candidate(port),
    );
    let monolith = place.monolith("0");
    place.begins(&monolith);
    let mut cast = Cast {
        monolith: Some(Side::of(&monoliths, monolith)),
        candidate: Side::start(&candidates),
    };
    let routes = churn_routes(
        &cast.monolith.as_ref().unwrap().url(),
        &cast.candidate.url(),
    );
    let asked = |id: u64| {
        json!({
            "customer_id": 1_000_000 + id, "age": 41.0, "plan": "standard", "region": "north",
            "tenure_months": 11.0, "monthly_charges": 42.5, "total_charges": 467.5, "support_tickets": 1.0,
        })
    };
    let row = move |id: u64| {
        let mut row = asked(id);
        row["signup_date"] = json!("2026-01-15");
        row["churned"] = json!(id % 2);
        row
    };
    let asks = [
        Asks::plain("POST /predict", move |id| {
            json!({ "customers": [asked(id)] }).to_string()
        }),
        // Sent until it is answered.
        Asks::once("POST /ingest/customers", TOKEN, move |id| {
            json!({ "rows": [row(id)] }).to_string()
        }),
    ];
    let acts = [
        Act::KillCandidate,
        Act::KillProxy,
        Act::Shift("inference"),
        Act::TakeOver,
        Act::HandOver(&|cast, back| {
            let url = cast.candidate.url();
            // One of two breaks off in its middle, and is ended by the next.
            let handing = std::thread::scope(|scope| {
                let handing = scope.spawn(|| hand_over(folder, &url, back));
                if back {
                    cast.candidate.restart();
                }
                handing.join().unwrap()
            });
            if !handing {
                eventually("it is handed over", || hand_over(folder, &url, back));
            }
        }),
    ];
    let storm = Storm::new(folder, routes, 7);
    let seen = storm.rages(&mut cast, &asks, &acts, 14);
    println!("{seen}");
    assert_eq!(
        seen.failed_though_somebody_was_there(),
        Vec::<String>::new()
    );
    assert!(seen.done.len() >= 14, "{seen}");

    // At last the functions have the tables, and the monolith is gone.
    let url = cast.candidate.url();
    assert!(hand_over(folder, &url, false));
    storm.told(&["mode", "inference", "candidate"]);
    cast.monolith = None;
    let after = storm.rages(&mut cast, &asks, &[Act::TakeOver], 2);
    assert_eq!(
        after.failed_though_somebody_was_there(),
        Vec::<String>::new()
    );

    let mut sent: Vec<u64> = seen
        .done
        .iter()
        .chain(&after.done)
        .map(|id| 1_000_000 + id)
        .collect();
    sent.sort_unstable();
    let own = folder.join("churn.sqlite");
    assert_eq!(
        ingested(&own),
        sent,
        "each was taken in once, and is in the functions' store"
    );
    assert!(hand_over(folder, &url, true));
    assert_eq!(
        ingested(&folder.join("var/churn.sqlite")),
        sent,
        "and so it is handed back"
    );
}

#[test]
fn the_fastapi_service_moves_under_faults_and_is_switched_off() {
    let requirements = tumor::fixture().join("requirements.txt");
    let (python, clients) = (support::python_env(&requirements), support::clients());
    let folder = tempfile::tempdir().unwrap();
    let (folder, home) = (folder.path(), folder.path().join("incoming"));
    let monoliths = |port: &str| tumor::monolith_at(&python, &home, port);
    let candidates = |port: &str| {
        let text = fs::read_to_string(tumor::fixture().join("functions.toml")).unwrap();
        let text = text.replace("every = \"15m\"", "every = \"1s\"");
        let text = format!("[serve]\nlisten = \"127.0.0.1:{port}\"\n\n{text}");
        fs::write(folder.join("functions.toml"), text).unwrap();
        let mut run = cutline();
        Service::start(run.arg("run").current_dir(folder), "clients: ")
    };
    let monolith = monoliths("0");
    let told = |what: &str, url: &str| {
        let mut asks = program(&clients, "tumor_asks.py");
        support::run(asks.args([what, url]), "it is not done");
    };
    told("train", &monolith.url);
    let mut cast = Cast {
        monolith: Some(Side::of(&monoliths, monolith)),
        candidate: Side::start(&candidates),
    };
    // What was fetched lies where both find it.
    told("train", &cast.candidate.url());
    let (monolith, candidate) = (cast.monolith.as_ref().unwrap().url(), cast.candidate.url());
    let routes = format!(
        r#"
[monolith]
upstream = "{monolith}"
[stage.inference]
routes = ["POST /api/predict", "POST /api/predict/batch"]
candidate = "{candidate}"
mode = "split"
percent = 50
side_effects = {{ monolith = "none", candidate = "none" }}
[stage.training]
routes = ["POST /api/runs", "GET /api/runs/{{run_id}}"]
candidate = "{candidate}"
[stage.deployment]
routes = ["GET /api/models", "POST /api/models/{{version}}/promote"]
candidate = "{candidate}"
[stage.monitoring]
routes = ["GET /api/monitoring/drift"]
candidate = "{candidate}"
[stage.service]
routes = ["GET /health"]
candidate = "{candidate}"
mode = "split"
percent = 50
"#
    );
    let patient = |id: u64| {
        let radius = 10.0 + (id % 13) as f64;
        json!({
            "mean_radius": radius, "mean_texture": 19.1, "mean_smoothness": 0.1, "mean_concavity": 0.08,
            "mean_symmetry": 0.18, "worst_radius": radius * 1.2, "worst_concavity": 0.27,
        })
    };
    let asks = [
        Asks::plain("POST /api/predict", move |id| patient(id).to_string()),
        Asks::plain("GET /health", |_| String::new()),
    ];
    let acts = [
        Act::KillCandidate,
        Act::KillProxy,
        Act::Shift("inference"),
        Act::TakeOver,
        Act::Shift("service"),
    ];
    let storm = Storm::new(folder, routes, 11);
    let seen = storm.rages(&mut cast, &asks, &acts, 12);
    println!("{seen}");
    assert_eq!(
        seen.failed_though_somebody_was_there(),
        Vec::<String>::new()
    );

    for stage in [
        "inference",
        "training",
        "deployment",
        "monitoring",
        "service",
    ] {
        storm.told(&["mode", stage, "candidate"]);
    }
    cast.monolith = None;
    let after = storm.rages(&mut cast, &asks, &[Act::TakeOver], 2);
    assert_eq!(
        after.failed_though_somebody_was_there(),
        Vec::<String>::new()
    );
    // All of it goes on: a run, the versions, an alias moved, what is watched.
    storm.serve(|url| {
        told("train", url);
        let to = url.trim_start_matches("http://").parse().unwrap();
        for (line, expected) in [
            ("GET /api/models", 200),
            ("POST /api/models/v1/promote", 200),
            ("GET /api/monitoring/drift", 200),
            ("GET /health", 200),
        ] {
            let (status, said) = ask(to, line, "content-length: 0\r\n", "");
            assert_eq!(status, expected, "{line}: {said}");
        }
    });
}
