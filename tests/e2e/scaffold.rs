//! The monoliths as apps of Azure Functions: each generated Python function is
//! invoked as the worker invokes it, on recorded messages and requests, and what
//! a run comes to is what the monolith itself comes to.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::service::{cutline, program};
use crate::support::{python_env, run};

/// A monolith, its apps, and what queues and containers hold.
struct Scaffolded {
    folder: TempDir,
    said: Value,
    python: PathBuf,
    settings: Vec<(&'static str, String)>,
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name)
}

const STAGES: [&str; 7] = [
    "ingestion",
    "preprocessing",
    "training",
    "evaluation",
    "deployment",
    "inference",
    "monitoring",
];

/// The secret of churn_flask, which may be in nothing that is written.
const SECRET: &str = "bk-live-5d1f0c77a9e24b3e9b60";

impl Scaffolded {
    /// Every stage stays Python.
    fn new(name: &str, settings: &[(&'static str, &str)]) -> Scaffolded {
        let folder = TempDir::new().unwrap();
        let mut scaffold = cutline();
        scaffold
            .args(["scaffold", "--target", "azure"])
            .arg(fixture(name));
        scaffold.arg("--out").arg(folder.path().join("azure"));
        for stage in STAGES {
            scaffold.args(["--python", stage]);
        }
        run(&mut scaffold, "the monolith cannot be scaffolded");
        let said = fs::read_to_string(folder.path().join("azure/scaffold.json")).unwrap();
        let said: Value = serde_json::from_str(&said).unwrap();
        let settings = settings
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        let mut scaffolded = Scaffolded {
            python: PathBuf::new(),
            settings: settings.collect(),
            folder,
            said,
        };
        scaffolded.python = scaffolded.install();
        scaffolded
    }

    fn apps(&self) -> Vec<&str> {
        let apps = self.said["apps"].as_array().unwrap().iter();
        apps.map(|app| app["stage"].as_str().unwrap()).collect()
    }

    fn app(&self, stage: &str) -> PathBuf {
        self.folder.path().join("azure").join(stage)
    }

    /// What the apps require, together, in one environment.
    fn install(&self) -> PathBuf {
        let mut lines = BTreeSet::from(["pyflakes==3.4.0".to_owned()]);
        for stage in self.apps() {
            for file in ["requirements.txt", "constraints.txt"] {
                let text = fs::read_to_string(self.app(stage).join(file)).unwrap();
                let lines_of = text.lines().filter(|line| !line.starts_with("-c"));
                lines.extend(lines_of.map(str::to_owned));
            }
        }
        let file = self.folder.path().join("all.txt");
        let lines: Vec<String> = lines.into_iter().collect();
        fs::write(&file, lines.join("\n")).unwrap();
        python_env(&file)
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// Puts the first message of a run into the queue that runs begin with.
    fn begin(&self, message: &Value) {
        let begins = self.said["begins"].as_str().unwrap();
        let queue = self.store().join("queues").join(begins);
        fs::create_dir_all(&queue).unwrap();
        fs::write(queue.join("0.json"), message.to_string()).unwrap();
    }

    /// Invokes all functions of an app, and says what each did.
    fn invoke(&self, stage: &str, requests: &Value) -> Vec<Value> {
        let file = self.folder.path().join("requests.json");
        fs::write(&file, requests.to_string()).unwrap();
        let mut invoke = program(&self.python, "scaffolded.py");
        invoke.arg(self.app(stage)).arg(self.store()).arg(&file);
        invoke.current_dir(self.folder.path());
        invoke.envs(self.settings.iter().map(|(name, value)| (name, value)));
        let output = run(&mut invoke, &format!("a function of {stage} fails"));
        let told = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str(told.lines().last().unwrap()).unwrap()
    }

    /// Invokes every function of every app, and checks that none was left out.
    fn invoke_all(&self, requests: &Value) -> Vec<Value> {
        let mut done = Vec::new();
        for stage in self.apps() {
            done.extend(self.invoke(stage, requests));
        }
        let invoked: BTreeSet<&str> = done
            .iter()
            .map(|it| it["function"].as_str().unwrap())
            .collect();
        let apps = self.said["apps"].as_array().unwrap().iter();
        let listed = apps.flat_map(|app| app["functions"].as_array().unwrap());
        let listed: BTreeSet<&str> = listed.map(|it| it["name"].as_str().unwrap()).collect();
        assert_eq!(invoked, listed);
        done
    }

    /// What a file of the last archive of a run holds.
    fn left(&self, stage: &str, name: &str) -> String {
        let container = self.said["crossings"].as_array().unwrap().iter();
        let container = container
            .filter(|crossing| crossing["from"] == stage && crossing["to"] != stage)
            .find_map(|crossing| crossing["container"].as_str())
            .unwrap();
        let archive = self
            .store()
            .join("blobs")
            .join(container)
            .join("latest.zip");
        let mut read = Command::new(&self.python);
        read.args(["-c", "import sys, zipfile; sys.stdout.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]).decode())"]);
        read.arg(archive).arg(format!("files/{name}"));
        let output = run(&mut read, &format!("the archive of {stage} has no {name}"));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The monolith itself, in one process.
    fn monolith(&self, name: &str, code: &str) -> PathBuf {
        let home = self.folder.path().join("monolith");
        fs::create_dir_all(&home).unwrap();
        let mut monolith = Command::new(&self.python);
        let paths = [fixture(name), fixture(name).join("src")];
        monolith
            .args(["-c", code])
            .current_dir(&home)
            .env("PYTHONPATH", std::env::join_paths(paths).unwrap())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        run(&mut monolith, "the monolith itself fails");
        home
    }

    /// Python compiles what is written, and every name in it means something.
    fn is_sound(&self) {
        let azure = self.folder.path().join("azure");
        let mut compile = Command::new(&self.python);
        compile.args(["-m", "compileall", "-q"]).arg(&azure);
        run(&mut compile, "what is written does not compile");
        for stage in self.apps() {
            let app = self.app(stage);
            let mut check = Command::new(&self.python);
            check.args(["-m", "pyflakes"]);
            check
                .arg(app.join("function_app.py"))
                .arg(app.join("cutline_handover"));
            run(&mut check, "a name in what is written means nothing");
        }
        let mut text = String::new();
        texts(&azure, &mut text);
        assert!(!text.contains("NotImplementedError"));
        assert!(!text.contains(SECRET));
    }
}

fn texts(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        match entry.path() {
            path if path.is_dir() => texts(&path, text),
            path => text.push_str(&String::from_utf8_lossy(&fs::read(path).unwrap())),
        }
    }
}

fn status<'a>(done: &'a [Value], route: &str) -> &'a Value {
    let one = done.iter().find(|it| it["route"] == route);
    &one.unwrap_or_else(|| panic!("{route} was not asked"))["status"]
}

fn body(done: &[Value], route: &str) -> Value {
    let one = done.iter().find(|it| it["route"] == route).unwrap();
    serde_json::from_str(one["body"].as_str().unwrap()).unwrap()
}

const CUSTOMER: &str = r#"{"customers": [{"customer_id": 10001, "plan": "basic",
    "tenure_months": 12, "monthly_charges": 40.5, "age": 41, "region": "north"}]}"#;

#[test]
fn churn_runs_through_its_apps_as_in_one_process() {
    let settings = [
        ("CHURN_SEED", "7"),
        ("BILLING_API_KEY", "of-the-test"),
        ("CHURN_TOKEN", "letmein"),
        ("CHURN_BILLING_URL", "http://127.0.0.1:9"),
    ];
    let churn = Scaffolded::new("churn_flask", &settings);
    assert_eq!(churn.apps(), STAGES);
    churn.is_sound();
    let data = churn.folder.path().join("data");
    let mut generate = Command::new(&churn.python);
    generate.args([
        "-m",
        "churn.generate",
        "--rows",
        "600",
        "--seed",
        "3",
        "--out",
    ]);
    generate
        .arg(&data)
        .env("PYTHONPATH", fixture("churn_flask"));
    run(&mut generate, "no data for the fixture");
    let sources = ["customers", "calls", "payments"]
        .map(|name| (name.to_owned(), json!(data.join(format!("{name}.csv")))));
    let sources: Value = sources.into_iter().collect();
    let message = json!({ "run": "first", "values": { "body": sources } });
    churn.begin(&message);

    let token = json!({ "X-Admin-Token": "letmein" });
    let predict: Value = serde_json::from_str(CUSTOMER).unwrap();
    let outcomes = json!({ "outcomes": [{ "customer_id": 10001, "churned": 0 }] });
    let requests = json!({
        "POST /ingest/customers": { "path": "/ingest/customers", "body": { "path": sources["customers"] } },
        "POST /ingest/calls": { "path": "/ingest/calls", "body": { "path": sources["calls"] } },
        "POST /ingest/billing": { "path": "/ingest/billing", "body": { "path": sources["payments"] } },
        "GET /ingest/status": { "path": "/ingest/status" },
        "POST /prepare/run": { "path": "/prepare/run", "body": {} },
        "GET /prepare/profile": { "path": "/prepare/profile" },
        "POST /train": { "path": "/train", "body": {} },
        "POST /models/{version}/evaluate": { "path": "/models/v1/evaluate" },
        "GET /models/{version}/metrics": { "path": "/models/v1/metrics" },
        "GET /models": { "path": "/models" },
        "POST /models/{version}/deploy": { "path": "/models/v1/deploy", "body": {}, "headers": token },
        "POST /models/rollback": { "path": "/models/rollback", "headers": token },
        "POST /predict": { "path": "/predict", "body": predict },
        "GET /customers/{customer_id}/score": { "path": "/customers/10005/score" },
        "GET /drift": { "path": "/drift" },
        "POST /monitor/outcomes": { "path": "/monitor/outcomes", "body": outcomes },
        "GET /monitor/quality": { "path": "/monitor/quality" },
    });
    let done = churn.invoke_all(&requests);
    for (route, expected) in [
        ("POST /ingest/customers", 200),
        ("POST /train", 201),
        ("GET /models/{version}/metrics", 200),
        ("POST /models/{version}/deploy", 200),
        ("POST /predict", 200),
        ("GET /customers/{customer_id}/score", 200),
        ("GET /drift", 200),
    ] {
        assert_eq!(status(&done, route), expected, "{route}: {done:#?}");
    }
    for one in &done {
        assert!(
            one["status"].as_u64().is_none_or(|status| status < 500),
            "{one:#}"
        );
    }

    let code = format!(
        "import json, pathlib\nfrom churn import app, pipeline\n\
         application = app.create_app()\n\
         with application.app_context():\n    pipeline.run_pipeline(json.loads({:?}))\n\
         answer = application.test_client().post('/predict', json=json.loads({:?}))\n\
         pathlib.Path('answer.json').write_text(answer.text)\n",
        sources.to_string(),
        predict.to_string(),
    );
    let home = churn.monolith("churn_flask", &code);
    for file in [
        "train.csv",
        "test.csv",
        "fill.json",
        "thresholds.json",
        // A step of no stage leaves what this is made of.
        "drift.json",
        "models/v1.metrics.json",
    ] {
        let own = fs::read_to_string(home.join("var").join(file)).unwrap();
        assert_eq!(
            churn.left("monitoring", &format!("var/{file}")),
            own,
            "{file}"
        );
    }
    let answer: Value =
        serde_json::from_str(&fs::read_to_string(home.join("answer.json")).unwrap()).unwrap();
    assert_eq!(body(&done, "POST /predict"), answer);
}

#[test]
fn what_all_apps_have_in_common_keeps_its_word() {
    let folder = TempDir::new().unwrap();
    let requirements = folder.path().join("requirements.txt");
    fs::write(&requirements, "azure-functions>=1.21,<2\ndjango>=5,<6\n").unwrap();
    let mut check = program(&python_env(&requirements), "handover.py");
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    check.arg(package.join("analyzer/src/report/scaffold/python"));
    run(&mut check, "a stage does not hand over as it says");
}

#[test]
fn tumor_runs_through_its_apps_as_in_one_process_and_a_repeat_makes_the_same_archive() {
    let settings = [("TUMOR_RANDOM_STATE", "7")];
    let tumor = Scaffolded::new("tumor_fastapi", &settings);
    tumor.is_sound();
    tumor.begin(&json!({ "run": "first" }));
    let patient = json!({
        "mean_radius": 17.9, "mean_texture": 10.3, "mean_smoothness": 0.1184,
        "mean_concavity": 0.3, "mean_symmetry": 0.24, "worst_radius": 25.3, "worst_concavity": 0.71,
    });
    let requests = json!({
        "POST /api/data/refresh": { "path": "/api/data/refresh" },
        "POST /api/runs": { "path": "/api/runs" },
        "GET /api/runs/{run_id}": { "path": "/api/runs/none" },
        "GET /api/models": { "path": "/api/models" },
        "POST /api/models/{version}/promote": { "path": "/api/models/v1/promote", "headers": { "x-token": "change-me" } },
        "POST /api/predict": { "path": "/api/predict", "body": patient },
        "POST /api/predict/batch": { "path": "/api/predict/batch", "body": { "patients": [patient] } },
        "GET /api/monitoring/drift": { "path": "/api/monitoring/drift" },
        "POST /api/monitoring/feedback": { "path": "/api/monitoring/feedback", "body": { "request_id": "x", "malignant": true } },
        "GET /api/monitoring/accuracy": { "path": "/api/monitoring/accuracy" },
        "GET /health": { "path": "/health" },
    });
    let done = tumor.invoke_all(&requests);
    assert_eq!(status(&done, "POST /api/predict"), 200, "{done:#?}");
    let home = tumor.monolith(
        "tumor_fastapi",
        "from tumor import pipeline, settings\npipeline.execute_run('first', settings.get_settings())\n",
    );
    let passed: Vec<&str> = tumor.said["crossings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["queue"].is_string())
        .map(|it| it["to"].as_str().unwrap())
        .collect();
    let last = passed.last().unwrap();
    for file in ["work/metrics.json", "work/test.csv", "work/reference.json"] {
        let own = fs::read_to_string(home.join("var").join(file)).unwrap();
        assert_eq!(tumor.left(last, &format!("var/{file}")), own, "{file}");
    }
    let archive = || {
        let folder = tumor
            .store()
            .join("blobs/tumor-fastapi-evaluation-to-deployment");
        fs::read(folder.join("runs/first.zip")).unwrap()
    };
    let first = archive();
    tumor.invoke("evaluation", &requests);
    assert!(archive() == first, "a repeat made another archive");
}

#[test]
fn a_setting_that_is_empty_is_refused_by_name() {
    let churn = Scaffolded::new("churn_flask", &[]);
    churn.begin(&json!({ "run": "first", "values": { "body": {} } }));
    let file = churn.folder.path().join("requests.json");
    fs::write(&file, "{}").unwrap();
    let mut invoke = program(&churn.python, "scaffolded.py");
    invoke
        .arg(churn.app("ingestion"))
        .arg(churn.store())
        .arg(&file);
    invoke.envs([("BILLING_API_KEY", ""), ("CHURN_TOKEN", "letmein")]);
    let output = invoke.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(
        told.contains("the app setting BILLING_API_KEY is empty"),
        "{told}"
    );
    assert!(told.contains("churn/config.py:"), "{told}");
}
