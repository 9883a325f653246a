//! `cutline handover`: a database goes over to the functions and back while
//! clients write, and no row is lost or doubled.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rusqlite::Connection;
use serde_json::json;

use crate::support;
use crate::support::service::{Service, ask, cutline};

const FUNCTIONS: &str = r#"
[serve]
listen = "127.0.0.1:0"
token  = { env = "HANDOVER_TOKEN" }

[database.shop]
stage    = "ingestion"
monolith = "sqlite:var/shop.sqlite"
own      = "sqlite:own.sqlite"
tables   = ["orders"]

[function.ingestion]
trigger = { queue = "orders-arrived" }
input   = { blob = "{file}" }
output  = { artifact = "orders", table = { sql = "shop", name = "orders", append = true } }

[[http]]
route    = "POST /orders"
function = "ingestion"
request  = { file = "file", rows = "/rows" }
wait     = { for = "60s" }
response = { "/orders" = "/facts/ingestion/input/rows" }

[[http]]
route    = "GET /orders"
lookup   = { sql = "shop", query = "SELECT count(*) AS n FROM orders" }
response = { "/orders" = "/rows/0/n" }
"#;

const TOKEN: &str = "a-token-of-this-test";
const CLIENTS: i64 = 2;

fn run(folder: &Path) -> Service {
    let mut run = cutline();
    run.arg("run")
        .env("HANDOVER_TOKEN", TOKEN)
        .current_dir(folder);
    Service::start(&mut run, "clients: ")
}

fn handover(folder: &Path, args: &[&str]) -> Output {
    let mut command = cutline();
    command
        .arg("handover")
        .args(args)
        .env("HANDOVER_TOKEN", TOKEN)
        .current_dir(folder);
    command.output().unwrap()
}

/// Puts an order; answers how many rows were taken.
fn put(to: SocketAddr, order: i64) -> (u16, String) {
    let body = json!({ "rows": [{ "id": order, "client": order % CLIENTS }] }).to_string();
    let fields = format!(
        "content-type: application/json\r\ncontent-length: {}\r\nauthorization: Bearer {TOKEN}\r\nidempotency-key: order-{order}\r\n",
        body.len()
    );
    ask(to, "POST /orders", &fields, &body)
}

fn ids(path: &Path) -> Vec<i64> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection
        .prepare("SELECT id FROM orders ORDER BY id")
        .unwrap();
    let ids = statement.query_map([], |row| row.get(0)).unwrap();
    ids.map(Result::unwrap).collect()
}

fn place() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("functions.toml"), FUNCTIONS).unwrap();
    fs::create_dir(folder.path().join("var")).unwrap();
    Connection::open(folder.path().join("var/shop.sqlite"))
        .unwrap()
        .execute("CREATE TABLE orders (id INTEGER, client INTEGER)", [])
        .unwrap();
    folder
}

#[test]
fn a_database_goes_over_and_back_under_writes() {
    let folder = place();
    let service = run(folder.path());
    let to = service.url.trim_start_matches("http://").parse().unwrap();
    let over = AtomicBool::new(false);
    let written: Vec<i64> = thread::scope(|scope| {
        let clients = (0..CLIENTS).map(|client| {
            let over = &over;
            scope.spawn(move || {
                let mut written = Vec::new();
                let mut order = client;
                while !over.load(Ordering::Relaxed) {
                    assert_eq!(put(to, order), (200, r#"{"orders":1}"#.to_owned()));
                    written.push(order);
                    order += CLIENTS;
                }
                written
            })
        });
        let clients: Vec<_> = clients.collect();
        for step in [&["ingestion", "--force"][..], &["ingestion", "--back"]].repeat(3) {
            let handed = handover(folder.path(), &[step, &["--run", &service.url]].concat());
            assert!(handed.status.success(), "{handed:?}");
            // Some are written on this side.
            let seen = ask(to, "GET /orders", "", "");
            support::eventually("somebody writes", || ask(to, "GET /orders", "", "") != seen);
        }
        let handed = handover(
            folder.path(),
            &["ingestion", "--force", "--run", &service.url],
        );
        assert!(handed.status.success(), "{handed:?}");
        over.store(true, Ordering::Relaxed);
        let each = clients.into_iter().map(|client| client.join().unwrap());
        each.flatten().collect()
    });
    let mut written = written;
    written.sort_unstable();
    // Each of the six sides saw one at least.
    assert!(written.len() >= 6, "{written:?}");
    assert_eq!(ids(&folder.path().join("own.sqlite")), written);
    // Whoever still writes where the monolith had it is told.
    let late = Connection::open(folder.path().join("var/shop.sqlite"))
        .unwrap()
        .execute("INSERT INTO orders VALUES (0, 0)", []);
    let late = late.unwrap_err().to_string();
    assert!(
        late.contains("orders went over to the functions; `cutline handover ingestion --back`"),
        "{late}"
    );
}

#[test]
fn who_may_not_or_does_not_know_is_told_what_to_do() {
    let folder = place();
    let said = |args: &[&str]| {
        let output = handover(folder.path(), args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap(), said)
    };
    let (code, unseen) = said(&["ingestion"]);
    assert_eq!(code, 2, "{unseen}");
    assert!(
        unseen.contains("nobody says whether the monolith is still asked for ingestion"),
        "{unseen}"
    );
    let (code, unknown) = said(&["training"]);
    assert_eq!(code, 2, "{unknown}");
    assert!(
        unknown.contains("the file hands over shop with ingestion"),
        "{unknown}"
    );
    // Where nothing runs, the command does it itself.
    let (code, done) = said(&["ingestion", "--force"]);
    assert_eq!(code, 0, "{done}");
    let shown = handover(folder.path(), &[]).stdout;
    let shown = String::from_utf8(shown).unwrap();
    assert!(
        shown.contains("ingestion   shop       orders   functions"),
        "{shown}"
    );
    let service = run(folder.path());
    let mut other = cutline();
    other
        .args(["handover", "ingestion", "--back", "--run", &service.url])
        .env("HANDOVER_TOKEN", "another")
        .current_dir(folder.path());
    let refused = other.output().unwrap();
    let refused = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        refused.contains("answers 401: the token is missing or wrong"),
        "{refused}"
    );
}
