//! Rows out of and into a real SQLite database.

use crate::function::StageError;
use crate::function::sample::Bench;
use crate::queue::Message;
use crate::table::{Columns, Database};

fn url(folder: &tempfile::TempDir) -> String {
    format!("sqlite:{}", folder.path().join("shop.db").display())
}

fn bench(folder: &tempfile::TempDir) -> Bench {
    let url = url(folder);
    Bench::new(&format!(
        r#"
[function.ingestion]
trigger = {{ queue = "raw-arrived" }}
input = {{ blob = "{{name}}.csv" }}
output = {{ artifact = "customers", table = {{ sql = "{url}", name = "customers", key = ["id"] }} }}
expect = {{ age = {{ min = 18 }} }}

[function.again]
stage = "ingestion"
trigger = {{ queue = "shop-changed" }}
input = {{ sql = "{url}", query = "SELECT * FROM customers ORDER BY id" }}
output = {{ artifact = "shop" }}
"#
    ))
}

async fn ingest(bench: &Bench, id: &str, name: &str) -> Result<Message, StageError> {
    let mut message = named(id, name);
    bench.invoke("ingestion", &mut message).await?;
    Ok(message)
}

/// How old customers are, in the order of their ids.
fn ages(folder: &tempfile::TempDir) -> Vec<String> {
    let table = Database::at(&url(folder)).unwrap();
    let query = "SELECT CAST(age AS TEXT) || ' years' AS age FROM customers ORDER BY id";
    let table = table.query(query, &Columns::new());
    let batches = table.unwrap().batches().unwrap();
    let texts = batches.flat_map(|batch| {
        let rows = batch.unwrap().rows;
        let column = arrow_array::cast::AsArray::as_string::<i32>(rows.column(0)).clone();
        column
            .iter()
            .map(|text| text.unwrap().to_owned())
            .collect::<Vec<_>>()
    });
    texts.collect()
}

#[tokio::test]
async fn accepted_rows_are_put_into_the_table_by_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(&folder);
    bench.blob("may.csv", "id,age\n1,30\n2,40\n3,7\n").await;
    bench.blob("june.csv", "id,age\n2,41\n4,50\n").await;
    ingest(&bench, "m1", "may").await.unwrap();
    assert_eq!(ages(&folder), ["30 years", "40 years"]);
    ingest(&bench, "m2", "june").await.unwrap();
    assert_eq!(ages(&folder), ["30 years", "41 years", "50 years"]);
}

#[tokio::test]
async fn a_message_that_comes_again_after_its_rows_were_committed_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(&folder);
    bench.blob("may.csv", "id,age\n1,30\n").await;
    bench.blob("june.csv", "id,age\n1,31\n").await;
    ingest(&bench, "m1", "may").await.unwrap();
    ingest(&bench, "m2", "june").await.unwrap();
    // The first died between its commit and its record, and comes again.
    ingest(&bench, "m1", "may").await.unwrap();
    assert_eq!(ages(&folder), ["31 years"]);
}

#[tokio::test]
async fn a_query_is_taken_in_like_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(&folder);
    bench.blob("may.csv", "id,age\n1,30\n2,40\n").await;
    ingest(&bench, "m1", "may").await.unwrap();
    let mut message = Message::new("changed");
    let facts = bench.invoke("again", &mut message).await.unwrap();
    assert_eq!(facts["input"]["accepted"], 2);
    assert!(message.artifacts.contains_key("shop"));
}

#[tokio::test]
async fn rows_that_the_table_refuses_are_an_error_that_names_it_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(&folder);
    bench.blob("odd.csv", "number,age\n1,30\n").await;
    let error = ingest(&bench, "m1", "odd").await.unwrap_err();
    let said = error.whole();
    assert!(
        said.starts_with("the table customers cannot be written to"),
        "{said}"
    );
    assert!(!error.may_pass, "{said}");
}

/// The table `customers` as somebody else made it.
fn made(folder: &tempfile::TempDir, sql: &str) {
    let path = folder.path().join("shop.db");
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch(sql).unwrap();
}

#[tokio::test]
async fn what_a_database_has_against_rows_no_repeat_can_mend() {
    for (sql, why) in [
        (
            "CREATE TABLE customers (id INTEGER PRIMARY KEY, age INTEGER CHECK (age < 30))",
            "CHECK constraint failed: age < 30",
        ),
        (
            "CREATE TABLE customers (id INTEGER PRIMARY KEY)",
            "no column named age",
        ),
        (
            "CREATE TABLE customers (id INTEGER PRIMARY KEY, age BLOB) STRICT",
            "cannot store INT value in BLOB column customers.age",
        ),
        (
            "CREATE TABLE customers (id INTEGER, age INTEGER)",
            "ON CONFLICT clause does not match any PRIMARY KEY or UNIQUE constraint",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        made(&folder, sql);
        let bench = bench(&folder);
        bench.blob("may.csv", "id,age\n1,30\n").await;
        let error = ingest(&bench, "m1", "may").await.unwrap_err();
        assert!(error.whole().contains(why), "{}", error.whole());
        assert!(!error.may_pass, "{}", error.whole());
    }
}

#[tokio::test]
async fn a_query_of_what_is_not_there_fails_for_good() {
    let folder = tempfile::tempdir().unwrap();
    made(&folder, "CREATE TABLE others (id INTEGER)");
    let bench = bench(&folder);
    let mut message = Message::new("changed");
    let error = bench.invoke("again", &mut message).await.unwrap_err();
    assert!(
        error.whole().contains("no such table: customers"),
        "{}",
        error.whole()
    );
    assert!(!error.may_pass, "{}", error.whole());
}

#[tokio::test]
async fn the_format_is_that_of_the_path_that_the_message_names() {
    let bench = Bench::new(FILES);
    bench.blob("may.csv", "id,age\n1,30\n").await;
    bench.blob("june.ndjson", "{\"id\": 1}\n").await;
    bench.blob("july.txt", "id\n1\n").await;
    for name in ["may.csv", "june.ndjson"] {
        let mut message = named("one", name);
        let facts = bench.invoke("one", &mut message).await.unwrap();
        assert_eq!(facts["input"]["accepted"], 1, "{name}");
    }
    let error = bench.invoke("one", &mut named("one", "july.txt")).await;
    let said = error.unwrap_err().whole();
    assert!(
        said.starts_with("\"july.txt\" does not say which format it is"),
        "{said}"
    );
}

#[tokio::test]
async fn of_several_files_the_broken_one_is_named() {
    let bench = Bench::new(FILES);
    bench.blob("may/customers.csv", "id,age\n1,30\n").await;
    bench.blob("may/calls.csv", "").await;
    let error = bench.invoke("all", &mut named("all", "may")).await;
    let said = error.unwrap_err().whole();
    assert!(
        said.starts_with("the table calls cannot be taken in: may/calls.csv: is empty"),
        "{said}"
    );
}

const FILES: &str = r#"
[function.one]
stage = "ingestion"
trigger = { queue = "one-arrived" }
input = { blob = "{name}" }
output = { artifact = "one" }

[function.all]
stage = "ingestion"
trigger = { queue = "all-arrived" }
input = { customers = { blob = "{name}/customers.csv" }, calls = { blob = "{name}/calls.csv" } }
output = { artifacts = { customers = "customers", calls = "calls" } }
"#;

fn named(id: &str, name: &str) -> Message {
    let mut message = Message::new(id);
    message.values.insert("name".to_owned(), name.to_owned());
    message
}

#[tokio::test]
async fn an_input_that_need_not_be_there_is_left_out_and_each_has_its_table() {
    let folder = tempfile::tempdir().unwrap();
    let url = url(&folder);
    let bench = Bench::new(&format!(
        r#"
[function.ingestion]
trigger = {{ queue = "raw-arrived" }}
output.artifacts = {{ customers = "customers", calls = "calls" }}

[function.ingestion.input]
customers = {{ blob = "{{customers}}", optional = true }}
calls = {{ blob = "{{calls}}", optional = true }}

[function.ingestion.output.tables]
customers = {{ sql = "{url}", name = "customers", key = ["id"] }}
calls = {{ sql = "{url}", name = "calls", append = true }}
"#
    ));
    bench.blob("c.csv", "id,age\n1,30\n").await;
    bench.blob("l.csv", "id,minutes\n1,3\n").await;
    let said = |id: &str, values: &[(&str, &str)]| {
        let mut message = Message::new(id);
        let values = values.iter();
        let values = values.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        message.values.extend(values);
        message
    };
    // A message that comes again adds its rows once, another adds them again.
    for id in ["m1", "m1", "m2"] {
        let mut message = said(id, &[("calls", "l.csv")]);
        let facts = bench.invoke("ingestion", &mut message).await.unwrap();
        assert_eq!(facts.keys().collect::<Vec<_>>(), ["calls"]);
    }
    let mut both = said("m3", &[("calls", "l.csv"), ("customers", "c.csv")]);
    let facts = bench.invoke("ingestion", &mut both).await.unwrap();
    assert_eq!(facts.len(), 2);
    let count = |table: &str| {
        let connection = rusqlite::Connection::open(folder.path().join("shop.db")).unwrap();
        let query = format!("SELECT count(*) FROM {table}");
        connection
            .query_row(&query, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    assert_eq!((count("customers"), count("calls")), (1, 3));
    let none = bench.invoke("ingestion", &mut said("m4", &[])).await;
    assert_eq!(
        none.unwrap_err().whole(),
        "the message names none of customers, calls"
    );
}
