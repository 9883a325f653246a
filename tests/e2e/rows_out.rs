//! Rows that `cutline run` takes in and puts into a real PostgreSQL: once,
//! whatever dies, and told at once what no repeat can mend.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use cutline_runtime::table::{Database, Format, Reading, Source, Upsert, open};
use serde_json::Value;
use tempfile::TempDir;

use crate::killed::Life;
use crate::postgres::rows;
use crate::support::postgres::Postgres;
use crate::support::service::cutline;
use crate::support::{eventually, run};

/// A folder whose pipeline puts customers into a table of its own server.
struct Home {
    folder: TempDir,
    server: Postgres,
}

impl Home {
    fn new() -> Home {
        let (folder, server) = (tempfile::tempdir().unwrap(), Postgres::start());
        let functions = format!(
            r#"
[serve]
listen = "127.0.0.1:0"

[function.ingestion]
trigger = {{ queue = "raw-arrived" }}
input   = {{ blob = "{{name}}.csv" }}

[function.ingestion.output]
artifact = "customers"
table    = {{ sql = "{}", name = "customers", key = ["id"] }}
"#,
            server.url()
        );
        fs::write(folder.path().join("functions.toml"), functions).unwrap();
        fs::create_dir(folder.path().join("incoming")).unwrap();
        Home { folder, server }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn database(&self) -> Database {
        Database::at(&self.server.url()).unwrap()
    }

    fn customers(&self) -> Vec<String> {
        rows(&self.database(), "SELECT * FROM customers ORDER BY id")
    }

    fn says(&self, args: &[&str]) -> String {
        let said = run(
            cutline().args(args).current_dir(self.path()),
            "it is refused",
        );
        String::from_utf8(said.stdout).unwrap()
    }

    /// A file that arrives, and the message that says so.
    fn arrives(&self, name: &str, text: &str) {
        let file = format!("incoming/{name}.csv");
        fs::write(self.path().join(file), text).unwrap();
        let value = format!("name={name}");
        self.says(&["queue", "send", "raw-arrived", &value, "--id", name]);
    }

    /// Runs until a line of the log says so of the message.
    fn works_until(&self, end: &str, id: &str) {
        let life = Life::begin(self.path(), &[]);
        life.until_says(end, id);
        life.end();
    }
}

#[test]
fn rows_taken_in_are_in_the_table_and_what_it_refuses_is_told_at_once() {
    let home = Home::new();
    for (name, text) in [
        ("may", "id,age\n1,30\n2,40\n"),
        ("june", "id,age\n2,41\n3,50\n"),
    ] {
        home.arrives(name, text);
        home.works_until("done", name);
    }
    assert_eq!(home.customers(), ["1 30", "2 41", "3 50"]);

    for (name, text, why) in [
        ("no-key", "id,age\n,30\n", "null value in column \"id\""),
        (
            "no-column",
            "id,age,plan\n7,30,free\n",
            "column \"plan\" of relation \"customers\" does not exist",
        ),
        (
            "no-number",
            "id,age\n7,young\n",
            "column \"age\" is of type bigint but expression is of type text",
        ),
    ] {
        home.arrives(name, text);
        home.works_until("-poison", name);
        let poisoned = home.says(&["queue", "show", "raw-arrived-poison"]);
        let messages = poisoned
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        let message: Value = messages
            .into_iter()
            .find(|message: &Value| message["id"] == name)
            .unwrap();
        let failures = message["failures"].as_array().unwrap();
        let told = failures[0]["error"].as_str().unwrap();
        let begins = "the table customers cannot be written to: postgres://";
        assert!(told.starts_with(begins) && told.contains(why), "{told}");
        assert_eq!(failures.len(), 1, "{message}");
    }
    assert_eq!(home.customers(), ["1 30", "2 41", "3 50"]);
}

#[test]
fn killed_between_commit_and_record_the_repeat_leaves_the_rows_as_they_are() {
    let home = Home::new();
    home.arrives("may", "id,age\n1,30\n2,40\n");
    // Another's rows are on their way: ours wait for it to commit.
    let before = Another::begin(&home);
    let life = Life::begin(home.path(), &[]);
    let waits = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    eventually("the rows wait for the ledger", || {
        !rows(&home.database(), waits).is_empty()
    });
    // From now on nothing can be recorded in the data folder.
    let path = home.path().join("cutline-data/cutline.sqlite");
    let kept = rusqlite::Connection::open(path).unwrap();
    kept.execute_batch("BEGIN IMMEDIATE").unwrap();
    before.commit();
    let there = "SELECT 1 FROM pg_class WHERE relname = 'customers'";
    eventually("the rows are committed", || {
        !rows(&home.database(), there).is_empty()
    });
    // Drops it as a kill does: nothing is ended.
    drop(life);
    drop(kept);
    assert_eq!(home.customers(), ["1 30", "2 40"]);

    let other = csv("id,age\n2,99\n");
    upsert(&home.database(), "customers", "by hand", &other, &mut || {});
    home.works_until("done", "may");
    assert_eq!(home.customers(), ["1 30", "2 99"]);
    assert_eq!(
        rows(
            &home.database(),
            "SELECT key FROM cutline_ledger ORDER BY key"
        ),
        ["another", "by hand", "ingestion/may/input"]
    );
}

/// A transaction of somebody else's, which holds the ledger until it commits.
struct Another {
    commit: mpsc::Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Another {
    fn begin(home: &Home) -> Another {
        let database = home.database();
        let (commit, may_commit) = mpsc::channel();
        let (began, has_begun) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut rows_are_asked_for = move || {
                began.send(()).unwrap();
                may_commit.recv().unwrap();
            };
            let rows = csv("id\n1\n");
            upsert(
                &database,
                "others",
                "another",
                &rows,
                &mut rows_are_asked_for,
            );
        });
        has_begun.recv().unwrap();
        Another { commit, thread }
    }

    fn commit(self) {
        self.commit.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

fn csv(text: &str) -> cutline_runtime::table::Table {
    let source = Source::memory("x.csv", text.to_owned().into_bytes());
    open(&source, Format::Csv, &Reading::default()).unwrap()
}

/// Puts the rows there; within the transaction, before the first, `first` is
/// called.
fn upsert(
    database: &Database,
    name: &str,
    entry: &str,
    table: &cutline_runtime::table::Table,
    first: &mut (dyn FnMut() + Send),
) {
    let into = Upsert {
        table: name.to_owned(),
        key: vec!["id".to_owned()],
    };
    let batches = table.batches().unwrap();
    let mut rows = batches.map(|batch| {
        first();
        batch.map(|batch| batch.rows)
    });
    let put = database.upsert(&into, entry, table.schema(), &mut rows);
    put.unwrap();
}
