//! A few lines of Rust, and what their libraries touch.

use crate::catalog::Catalog;
use crate::line::{Analysis, Options};
use crate::source::SourceTree;

fn examined(text: &str) -> Analysis {
    let options = Options {
        catalog: Catalog::built_in(),
        pins: Vec::new(),
    };
    let tree = SourceTree::from_texts("case", [("src/main.rs", text)]);
    crate::examine(&tree, &options)
}

/// Resources with who does what to them, and effects on what has no name.
fn touched(text: &str) -> String {
    let analysis = examined(text);
    let mut out = super::resources_of(&analysis);
    let effects = &analysis.effects.effects;
    let effects = effects.iter().map(|effect| {
        let kind = format!("{:?}", effect.kind).to_lowercase();
        let about = effect.about.as_deref().unwrap_or("-");
        let bounded = if effect.bounded { "" } else { ", unbounded" };
        let function = super::name(&analysis, effect.function);
        format!("{kind} {} {about}: {function}{bounded}\n", effect.path)
    });
    out.extend(effects);
    out
}

#[test]
fn files_are_read_written_and_removed_where_their_path_stands() {
    insta::assert_snapshot!(touched(r#"
use std::fs::{self, File};

fn load() -> std::io::Result<String> {
    fs::read_to_string("data/raw.csv")
}

fn store(text: &str) -> std::io::Result<()> {
    fs::write("data/clean.csv", text)?;
    fs::rename("data/clean.csv", "data/final.csv")
}

fn tidy() {
    std::fs::remove_file("data/old.csv").ok();
    let _ = File::create("data/new.csv");
}

fn rows() {
    let reader = csv::Reader::from_path("data/rows.csv");
}
"#), @"");
}

#[test]
fn statements_touch_the_tables_of_their_text() {
    insta::assert_snapshot!(touched(r#"
async fn recent(pool: &sqlx::PgPool) {
    let rows = sqlx::query_as::<_, Row>("SELECT id, score FROM predictions WHERE score > $1");
}

async fn record(pool: &sqlx::PgPool, id: i64) {
    sqlx::query!("INSERT INTO predictions (id) VALUES ($1)", id);
    sqlx::query_as!(Row, "SELECT * FROM users");
}
"#), @"");
}

#[test]
fn a_typed_connection_touches_the_tables_of_its_statements() {
    insta::assert_snapshot!(touched(r#"
use rusqlite::Connection;

fn forget(connection: &Connection) {
    connection.execute("DELETE FROM sessions WHERE age > ?1", [30]);
}
"#), @"");
}

#[test]
fn records_and_channels_name_their_queues() {
    insta::assert_snapshot!(touched(r#"
use rdkafka::producer::FutureRecord;
use lapin::Channel;

fn tell() {
    let record = FutureRecord::to("scores");
}

async fn work(channel: &Channel) {
    channel.basic_publish("", "jobs", options(), b"x", properties());
}
"#), @"");
}

#[test]
fn a_request_without_a_limit_waits_for_ever() {
    insta::assert_snapshot!(touched(r#"
async fn rates() {
    let body = reqwest::get("https://rates.example/latest");
}

fn waits() {
    let body = reqwest::blocking::get("https://rates.example/old");
}
"#), @"");
}

#[test]
fn clocks_randomness_and_the_environment_are_read() {
    insta::assert_snapshot!(touched(r#"
use std::time::{Instant, SystemTime};
use chrono::Utc;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn clocks() {
    let now = SystemTime::now();
    let today = Utc::now();
    let start = Instant::now();
}

fn drawn() {
    let mut rng = rand::thread_rng();
    let id = uuid::Uuid::new_v4();
}

fn seeded() {
    let mut rng = StdRng::seed_from_u64(42);
}

fn settings() {
    let url = std::env::var("DATABASE_URL");
}
"#), @"");
}

#[test]
fn model_files_are_models() {
    insta::assert_snapshot!(touched(r#"
use candle_nn::VarMap;
use tch::CModule;

fn weights() {
    let tensors = candle_core::safetensors::load("models/scorer.safetensors", &device());
}

fn scripted() {
    let module = CModule::load("models/scorer.pt");
}

fn keep(variables: &VarMap) {
    variables.save("models/next.safetensors");
}
"#), @"");
}

#[test]
fn processes_and_threads_are_started() {
    insta::assert_snapshot!(touched(r#"
fn work() {}

fn start() {
    std::thread::spawn(work);
    tokio::task::spawn_blocking(work);
}
"#), @"");
}
