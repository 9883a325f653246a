use super::{BTreeSet, fits, path_of};
use crate::graph::data::Via;
use crate::{Analysis, Catalog, Options, SourceTree};

fn examined(files: &[(&str, &str)]) -> Analysis {
    let options = Options {
        catalog: Catalog::built_in(),
        pins: Vec::new(),
    };
    let tree = SourceTree::from_texts("tree", files.iter().copied());
    crate::examine(&tree, &options)
}

/// Flows by other ways than calls.
fn carried(files: &[(&str, &str)]) -> Vec<String> {
    let analysis = examined(files);
    let name = |func| {
        let function = analysis.program.function(func);
        let facts = analysis.modules.facts(function.file);
        facts.scope(function.scope).qualname.to_string()
    };
    let flows = analysis.data_flow.flows.iter();
    let flows = flows.filter(|flow| !matches!(flow.via, Via::Argument | Via::Return));
    flows
        .map(|flow| {
            let (from, to) = (name(flow.from), name(flow.to));
            format!("{from} -> {to} by {} {}", flow.via.name(), flow.name)
        })
        .collect()
}

const CARGO: &str =
    "[package]\nname = \"service\"\n[dependencies]\naxum = \"0.8\"\nreqwest = \"0.12\"";
const COMPOSE: &str = "services:\n  scorer:\n    build: .\n";
const SERVICE: &str = "
    use axum::{Router, routing::{get, post}, Json};
    async fn predict(body: String) -> String { body }
    async fn model(id: String) -> String { id }
    #[tokio::main]
    async fn main() {
        let app = Router::new().route(\"/predict\", post(predict)).route(\"/models/{id}\", get(model));
        let listener = tokio::net::TcpListener::bind(\"0.0.0.0:80\").await.unwrap();
        axum::serve(listener, app).await.unwrap();
    }
";

#[test]
fn python_asks_rust() {
    let app = "
import os, requests, httpx
BASE = os.environ['SCORER']
def ask(rows):
    return requests.post(f'{BASE}/predict', json=rows).json()
def local(name):
    return httpx.get(f'http://localhost:8080/models/{name}?full=1')
def service(rows):
    return requests.request('POST', 'http://scorer:80/predict', json=rows)
def elsewhere(rows):
    requests.post('https://api.example.com/predict', json=rows)
def other_method():
    requests.get(f'{BASE}/predict')
def other_path():
    requests.post(f'{BASE}/predict/all')
    requests.get(f'{BASE}/models')
";
    let files = [
        ("Cargo.toml", CARGO),
        ("docker-compose.yml", COMPOSE),
        ("src/main.rs", SERVICE),
        ("app.py", app),
    ];
    let mut found = carried(&files);
    found.retain(|flow| flow.contains(" by request "));
    found.sort();
    assert_eq!(
        found,
        [
            "ask -> predict by request POST /predict",
            "local -> model by request GET /models/{id}",
            "service -> predict by request POST /predict",
        ]
    );
}

#[test]
fn rust_asks_python() {
    let main = r#"
        async fn ask(client: &reqwest::Client, base: &str) {
            client.post(format!("{base}/predict")).send().await.unwrap();
        }
        async fn once() { reqwest::get("http://127.0.0.1:5000/health").await.unwrap(); }
        async fn away() { reqwest::get("https://example.com/health").await.unwrap(); }
        fn main() {}
    "#;
    let app = "
from flask import Flask
app = Flask(__name__)
@app.post('/predict')
def predict():
    return {}
@app.get('/health')
def health():
    return {}
";
    let files = [
        ("Cargo.toml", CARGO),
        ("src/main.rs", main),
        ("app.py", app),
    ];
    let mut found = carried(&files);
    found.retain(|flow| flow.contains(" by request "));
    found.sort();
    assert_eq!(
        found,
        [
            "ask -> predict by request POST /predict",
            "once -> health by request GET /health",
        ]
    );
}

#[test]
fn files_and_tables_pass_between_languages() {
    let main = r#"
        fn main() { export(); store(); }
        fn export() { std::fs::write("data/rows.csv", "a,b").unwrap(); }
        fn store() {
            let db = rusqlite::Connection::open("app.db").unwrap();
            db.execute("INSERT INTO scores (id) VALUES (1)", []).unwrap();
        }
        fn read() -> String { std::fs::read_to_string("out/model.json").unwrap() }
    "#;
    let app = "
import json, sqlite3
def load():
    with open('data/rows.csv') as file:
        return file.read()
def scores():
    db = sqlite3.connect('app.db')
    return db.execute('SELECT id FROM scores').fetchall()
def save(model):
    with open('out/model.json', 'w') as file:
        json.dump(model, file)
def other():
    return open('data/other.csv').read()
";
    let files = [
        (
            "Cargo.toml",
            "[package]\nname = \"a\"\n[dependencies]\nrusqlite = \"0.32\"",
        ),
        ("src/main.rs", main),
        ("app.py", app),
    ];
    let found = carried(&files);
    for expected in [
        "export -> load by file data/rows.csv",
        "store -> scores by table scores",
        "save -> read by file out/model.json",
    ] {
        assert!(found.iter().any(|flow| flow == expected), "{found:#?}");
    }
    assert!(
        !found.iter().any(|flow| flow.contains("other")),
        "{found:#?}"
    );
}

#[test]
fn one_report_counts_files_of_both_languages() {
    let files = [
        ("Cargo.toml", CARGO),
        ("src/main.rs", SERVICE),
        (
            "train.py",
            "import requests\ndef main():\n    requests.post('http://localhost/predict')\n",
        ),
    ];
    let options = Options {
        catalog: Catalog::built_in(),
        pins: Vec::new(),
    };
    let tree = SourceTree::from_texts("tree", files.iter().copied());
    let report = crate::analyze(&tree, &options);
    assert_eq!(report.summary.files, 2);
    let request = report.flows.iter().find(|flow| flow.via == Via::Request);
    let request = request.expect("the request is in the report");
    assert_eq!((request.file.as_str(), request.line), ("train.py", 3));
}

#[test]
fn hosts_of_others_are_left_alone() {
    let hosts = BTreeSet::from(["api".into()]);
    let path = |url| path_of(url, &hosts);
    assert_eq!(path("http://api:80/x?y=1"), Some("/x"));
    assert_eq!(path("{base}/x/{id}#top"), Some("/x/{id}"));
    assert_eq!(path("http://{host}:{port}/x"), Some("/x"));
    assert_eq!(path("/x"), Some("/x"));
    assert_eq!(path("http://localhost/"), Some("/"));
    for url in [
        "{base}/",
        "https://example.com/x",
        "x/y",
        "",
        "{base}x",
        "{",
    ] {
        assert_eq!(path(url), None, "{url}");
    }
}

#[test]
fn a_hole_fits_only_a_parameter() {
    assert!(fits("/models/{id}", "/models/{name}/"));
    assert!(fits("/models/{id}", "/models/a"));
    assert!(fits("/files/{*rest}", "/files/a/b"));
    assert!(fits("/files/{rest:path}", "/files/a/b"));
    assert!(!fits("/models/latest", "/models/{name}"));
    assert!(!fits("/models/{id}", "/models"));
    assert!(!fits("/models", "/models/a"));
}
