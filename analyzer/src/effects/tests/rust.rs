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

/// Resources with who does what to them.
fn touched(text: &str) -> String {
    super::resources_of(&examined(text))
}

/// Effects on what has no name: of what kind, on what account, where.
fn told(text: &str) -> String {
    let analysis = examined(text);
    let effects = analysis.effects.effects.iter().map(|effect| {
        let kind = format!("{:?}", effect.kind).to_lowercase();
        let about = effect.about.as_deref().unwrap_or("-");
        let bounded = if effect.bounded { "" } else { ", unbounded" };
        let function = super::name(&analysis, effect.function);
        format!("{function}: {kind} {} {about}{bounded}", effect.path)
    });
    let mut lines: Vec<String> = effects.collect();
    lines.sort();
    lines.join("\n")
}

#[test]
fn files_are_read_written_and_removed_where_their_path_stands() {
    insta::assert_snapshot!(touched(r#"
use csv::Reader;
use std::fs::{self, File, OpenOptions};

fn load() -> std::io::Result<String> {
    fs::read_to_string("data/raw.csv")
}

fn store(text: &str) -> std::io::Result<()> {
    fs::write("data/clean.csv", text)?;
    fs::rename("data/clean.csv", "data/final.csv")
}

fn tidy() {
    fs::remove_file("data/old.csv").ok();
    let _ = File::create("data/new.csv");
}

fn rows() {
    let reader = Reader::from_path("data/rows.csv");
}

fn note() {
    OpenOptions::new().append(true).create(true).open("logs/app.log");
}
"#), @r"
    file data/clean.csv: delete store, write store
    file data/final.csv: write store
    file data/new.csv: write tidy
    file data/old.csv: delete tidy
    file data/raw.csv: read load
    file data/rows.csv: read rows
    file logs/app.log: append note
    ");
}

#[test]
fn statements_touch_the_tables_of_their_text() {
    insta::assert_snapshot!(touched(r#"
use rusqlite::Connection;
use sqlx::{query, query_as};

async fn recent() {
    let rows = query_as::<_, Row>("SELECT id, score FROM predictions WHERE score > $1");
}

async fn record() {
    query("INSERT INTO predictions (id) VALUES ($1)").bind(1);
}

fn forget(connection: &Connection) {
    connection.execute("DELETE FROM sessions WHERE age > ?1", [30]);
}
"#), @r"
    table predictions: append record, read recent
    table sessions: delete forget
    ");
}

#[test]
fn mysql_touches_the_tables_of_its_statements() {
    insta::assert_snapshot!(touched(r#"
use mysql::prelude::*;
use mysql::{Conn, Pool};

struct Store {
    handle: Conn,
}

impl Store {
    fn forget(&mut self) {
        self.handle.query_drop("DELETE FROM sessions");
    }
}

fn recent(pool: &Pool) {
    let mut conn = pool.get_conn().unwrap();
    let rows = conn.exec_iter("SELECT id FROM predictions", ());
}
"#), @r"
    table predictions: read recent
    table sessions: delete store::forget
    ");
}

#[test]
fn an_empty_text_names_nothing_and_two_slashes_are_one() {
    insta::assert_snapshot!(touched(r#"
use std::fs::File;

const FOLDER: &str = "/opt/model/";

fn store() {
    File::create(format!("{}/model.bin", FOLDER));
}

fn load() {
    File::open("");
}
"#), @r"
    model /opt/model/model.bin: write store
    ");
}

#[test]
fn records_and_channels_name_their_queues() {
    insta::assert_snapshot!(touched(r#"
use lapin::Channel;
use rdkafka::producer::FutureRecord;

fn tell() {
    let record = FutureRecord::to("scores");
}

async fn work(channel: &Channel) {
    channel.basic_publish("", "jobs", options(), b"x", properties());
}
"#), @r"
    queue jobs: append work
    queue scores: append tell
    ");
}

#[test]
fn model_files_are_models_and_variables_are_read() {
    insta::assert_snapshot!(touched(r#"
use candle_core::safetensors;
use candle_nn::VarMap;
use std::env;
use tch::CModule;

fn weights() {
    let tensors = safetensors::load("models/scorer.safetensors", &device());
}

fn scripted() {
    let module = CModule::load("models/scorer.pt");
}

fn keep(variables: &VarMap) {
    variables.save("models/next.safetensors");
}

fn settings() {
    let url = env::var("DATABASE_URL");
}
"#), @r"
    model models/next.safetensors: write keep
    model models/scorer.pt: read scripted
    model models/scorer.safetensors: read weights
    environment DATABASE_URL: read settings
    ");
}

/// reqwest's blocking half gives up by itself.
#[test]
fn a_request_without_a_limit_waits_for_ever() {
    insta::assert_snapshot!(told(r#"
use reqwest::{blocking, get};

async fn rates() {
    let body = get("https://rates.example/latest");
}

fn old() {
    let body = blocking::get("https://rates.example/old");
}
"#), @r"
    old: network reqwest.blocking.get https://rates.example/old
    rates: network reqwest.get https://rates.example/latest, unbounded
    ");
}

/// A clock that only measures is none, a seeded generator is not random.
#[test]
fn clocks_and_randomness_are_told_from_measures_and_seeds() {
    insta::assert_snapshot!(told(r#"
use chrono::Utc;
use rand::rngs::StdRng;
use rand::{SeedableRng, thread_rng};
use std::time::{Instant, SystemTime};
use uuid::Uuid;

fn clocks() {
    let now = SystemTime::now();
    let today = Utc::now();
    let start = Instant::now();
}

fn drawn() {
    let mut rng = thread_rng();
    let id = Uuid::new_v4();
}

fn seeded() {
    let mut rng = StdRng::seed_from_u64(42);
}
"#), @r"
    clocks: clock chrono.Utc.now -
    clocks: clock std.time.SystemTime.now -
    drawn: randomness rand.thread_rng -
    drawn: randomness uuid.Uuid.new_v4 -
    ");
}

#[test]
fn threads_are_started() {
    insta::assert_snapshot!(told(r#"
use std::thread;
use tokio::task;

fn work() {}

fn start() {
    thread::spawn(work);
    task::spawn_blocking(work);
}
"#), @r"
    start: thread std.thread.spawn -
    start: thread tokio.task.spawn_blocking -
    ");
}
