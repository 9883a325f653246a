//! Each stage on one small table, from a CSV to its predictions.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::*;
use crate::function::sample::Bench;
use crate::function::{Facts, Invocation, StageContext, Stop};
use crate::log::{Entry, PredictionLog};
use crate::queue::Message;
use crate::store::clock::Clock;
use crate::store::registry::{Alias, ModelName, VersionNumber};

const FILE: &str = r#"
[function.ingestion]
trigger = { queue = "raw-arrived" }
input = { blob = "{name}.csv" }
output = { artifact = "customers", queue = "customers-ready" }
failed_share = 0.2
expect = { age = { min = 18, max = 110 } }

[function.preprocessing]
trigger = { queue = "customers-ready" }
input = { customers = { artifact = "customers" }, plans = { blob = "plans.csv" } }
output = { artifact = "features", queue = "features-ready" }
label = "churned"
ids = ["customer_id"]
step = [
    { kind = "filter", keep = { known_plan = "plan in ['basic', 'premium']" } },
    { kind = "impute", columns = ["age"], with = "median" },
    { kind = "join", with = "plans", on = ["plan"] },
    { kind = "one-hot", columns = ["plan"] },
    { kind = "split", by = "stratified", column = "churned", test = 0.25, seed = 7 },
]

[function.training]
trigger = { queue = "features-ready" }
input = { artifact = "features-train" }
output = { artifact = "model", queue = "model-trained" }
label = "churned"
ids = ["customer_id"]
model = { kind = "logistic-regression" }

[function.evaluation]
trigger = { queue = "model-trained" }
input = { model = { artifact = "model" }, test = { artifact = "features-test" } }
output = { artifact = "evaluation", queue = "model-evaluated" }
gate = { limits = { roc-auc = { min = 0.5 } } }

[function.strict]
stage = "evaluation"
trigger = { queue = "model-to-judge" }
input = { model = { artifact = "model" }, test = { artifact = "features-test" } }
output = { artifact = "judged" }
gate = { limits = { log-loss = { max = 0.0 } } }

[function.deployment]
trigger = { queue = "model-evaluated" }
input = { model = { artifact = "model" }, transform = { artifact = "features-transform" }, evaluation = { artifact = "evaluation" } }
output = { alias = "churn@champion" }
hold_if = "hold"
force_if = "force"

[function.inference]
trigger = { http = true }
input = { model = { model = "churn@champion" }, plans = { blob = "plans.csv" } }
max_age = "0s"

[function.eager]
stage = "inference"
trigger = { http = true }
input = { model = { model = "churn@champion" }, plans = { blob = "plans.csv" } }
threshold = 0.0

[function.reluctant]
stage = "inference"
trigger = { http = true }
input = { model = { model = "churn@champion" }, plans = { blob = "plans.csv" } }
threshold = 1.0

[function.monitoring]
trigger = { every = "15m" }
input = { log = { log = "inference" }, reference = { model = "churn@champion" } }
output = { artifact = "drift" }
"#;

#[test]
fn every_stage_is_listed() {
    let names: Vec<&str> = ALL.iter().map(|kind| kind.name).collect();
    assert_eq!(
        names,
        [
            "ingestion",
            "preprocessing",
            "training",
            "evaluation",
            "deployment",
            "inference",
            "monitoring"
        ]
    );
}

/// Customers, of whom mostly the older ones leave.
fn customers(n_rows: usize) -> String {
    let mut text = "customer_id,age,plan,churned\n".to_owned();
    for row in 0..n_rows {
        let age = 20 + row * 7 % 50;
        let plan = ["basic", "premium"][row / 2 % 2];
        let churned = u8::from(age > 45) ^ u8::from(row % 9 == 4);
        text += &format!("{row},{age},{plan},{churned}\n");
    }
    text
}

pub(super) async fn bench() -> Bench {
    let bench = Bench::new(FILE);
    bench.blob("may.csv", customers(60)).await;
    bench.blob("june.csv", customers(80)).await;
    bench
        .blob("plans.csv", "plan,price\nbasic,10\npremium,25\n")
        .await;
    bench
}

fn message(name: &str) -> Message {
    let mut message = Message::new(format!("of-{name}"));
    message.values.insert("name".to_owned(), name.to_owned());
    message
}

/// All that these functions make of a file; the facts of the last.
pub(super) async fn through(bench: &Bench, name: &str, functions: &[&str]) -> (Message, Facts) {
    let (mut message, mut facts) = (message(name), Facts::new());
    for function in functions {
        facts = bench.invoke(function, &mut message).await.unwrap();
    }
    (message, facts)
}

const TO_MODEL: [&str; 3] = ["ingestion", "preprocessing", "training"];
pub(super) const TO_LIVE: [&str; 5] = [
    "ingestion",
    "preprocessing",
    "training",
    "evaluation",
    "deployment",
];

#[tokio::test]
async fn ingestion_sets_bad_rows_aside_with_their_reasons() {
    let bench = bench().await;
    let text = customers(20) + "90,7,basic,0\n91,8,basic,0\n";
    bench.blob("odd.csv", text).await;
    let (message, facts) = through(&bench, "odd", &["ingestion"]).await;
    let told = &facts["input"];
    assert_eq!((&told["rows"], &told["accepted"]), (&json!(22), &json!(20)));
    assert_eq!(told["quarantined"], 2);
    let artifacts = bench.services.space.artifacts();
    for (name, n_rows) in [("customers", 20), ("customers-quarantine", 2)] {
        let artifact = artifacts.get(&message.artifacts[name]).await.unwrap();
        assert_eq!(artifact.description.rows, Some(n_rows), "{name}");
    }
}

#[tokio::test]
async fn ingestion_refuses_a_set_of_which_too_much_is_bad() {
    let bench = bench().await;
    let bad = (0..20).map(|row| format!("{row},7,basic,0\n"));
    let text = customers(20) + &bad.collect::<String>();
    bench.blob("bad.csv", text).await;
    let error = bench.invoke("ingestion", &mut message("bad")).await;
    let error = error.unwrap_err();
    assert!(!error.may_pass);
    let said = error.whole();
    assert!(
        said.starts_with("the table input is not as expected: "),
        "{said}"
    );
    // What was bad can be looked at.
    let quarantine = said.rsplit(' ').next().unwrap().parse().unwrap();
    let artifact = bench.services.space.artifacts().get(&quarantine).await;
    assert_eq!(artifact.unwrap().description.rows, Some(20));
}

#[tokio::test]
async fn ingestion_says_which_file_is_not_there() {
    let bench = bench().await;
    let error = bench.invoke("ingestion", &mut message("never")).await;
    let said = error.unwrap_err().whole();
    assert!(
        said.contains("\"never.csv\": there is no such blob"),
        "{said}"
    );
}

#[tokio::test]
async fn preprocessing_splits_and_keeps_what_it_fitted() {
    let bench = bench().await;
    let (message, facts) = through(&bench, "may", &["ingestion", "preprocessing"]).await;
    assert_eq!((&facts["train"], &facts["test"]), (&json!(45), &json!(15)));
    let (again, _) = through(&bench, "may", &["ingestion", "preprocessing"]).await;
    assert_eq!(message.artifacts, again.artifacts);
    let mut names: Vec<&str> = message.artifacts.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "customers",
            "customers-quarantine",
            "features-test",
            "features-train",
            "features-transform"
        ]
    );
}

#[tokio::test]
async fn training_makes_the_same_model_of_the_same_rows() {
    let bench = bench().await;
    let (message, facts) = through(&bench, "may", &TO_MODEL).await;
    assert_eq!(facts["rows"], 45);
    let model = message.artifacts["model"];
    let bundle = Bundle::read(&*bench.content(&model).await).unwrap();
    assert_eq!(bundle.label.as_deref(), Some("churned"));
    let (again, _) = through(&bench, "may", &TO_MODEL).await;
    assert_eq!(again.artifacts["model"], model);
}

#[tokio::test]
async fn training_stops_when_it_is_asked_to() {
    let mut bench = bench().await;
    bench.declare(&searching("{ c = [1e-6, 1.0] }"));
    let (mut message, _) = through(&bench, "may", &TO_MODEL[..2]).await;
    let function = bench.function("training");
    let (stop, services) = (Stop::default(), bench.services.clone());
    let ctx = StageContext::new(Arc::clone(&function), services, message.clone());
    let ctx = ctx.until(stop.child());
    stop.ask();
    let input = Invocation {
        message: message.clone(),
        dequeue_count: 1,
    };
    let error = function.run.invoke(&ctx, input).await.unwrap_err();
    assert!(error.is_stopped(), "{}", error.whole());
    assert!(ctx.made().artifacts.is_empty());
    bench.invoke("training", &mut message).await.unwrap();
}

#[tokio::test]
async fn training_refuses_a_label_of_one_class() {
    let bench = bench().await;
    let rows = (0..40).map(|row| format!("{row},{},basic,1\n", 20 + row));
    let text = "customer_id,age,plan,churned\n".to_owned() + &rows.collect::<String>();
    bench.blob("one.csv", text).await;
    let mut message = message("one");
    for function in ["ingestion", "preprocessing"] {
        bench.invoke(function, &mut message).await.unwrap();
    }
    let error = bench.invoke("training", &mut message).await.unwrap_err();
    assert!(!error.may_pass, "{}", error.whole());
}

#[tokio::test]
async fn evaluation_says_whether_the_gate_is_passed_and_why_not() {
    let bench = bench().await;
    let (mut message, _) = through(&bench, "may", &TO_MODEL).await;
    let passed = bench.invoke("evaluation", &mut message).await.unwrap();
    assert_eq!(passed["passed"], true);
    assert!(!passed.contains_key("why"));
    let failed = bench.invoke("strict", &mut message).await.unwrap();
    assert_eq!(failed["passed"], false);
    let why = failed["why"].as_str().unwrap();
    assert!(why.contains("log-loss"), "{why}");
}

#[tokio::test]
async fn evaluation_makes_a_card_that_the_version_names() {
    let bench = bench().await;
    let (message, _) = through(&bench, "may", &TO_LIVE).await;
    let registry = bench.services.space.registry();
    let (model, first) = (churn(), "v1".parse::<VersionNumber>().unwrap());
    let card = registry.version(&model, first).await.unwrap().version.card;
    assert_eq!(card, Some(message.artifacts["evaluation-card"]));
    let page = bench.content(&card.unwrap()).await;
    let page = String::from_utf8(page).unwrap();
    for said in [
        "Predicts churned, one of 0, 1.",
        "features-train, 45 rows",
        "<svg",
    ] {
        assert!(page.contains(said), "{said}");
    }
    let markdown = message.artifacts["evaluation-card-markdown"];
    let markdown = String::from_utf8(bench.content(&markdown).await).unwrap();
    assert!(markdown.starts_with("# model "), "{markdown}");
    // The same model and rows have the same card.
    let (again, _) = through(&bench, "may", &TO_LIVE).await;
    assert_eq!(again.artifacts, message.artifacts);
}

#[tokio::test]
async fn what_serves_and_what_is_a_file_have_cards_too() {
    let mut bench = bench().await;
    let (mut message, _) = through(&bench, "may", &TO_LIVE).await;
    let model = bench.content(&message.artifacts["model"]).await;
    bench
        .blob("may.json", String::from_utf8(model).unwrap())
        .await;
    bench.declare(&format!(
        r#"{FILE}
[function.serving]
stage = "evaluation"
trigger = {{ queue = "serving-due" }}
input = {{ model = {{ model = "churn@champion" }}, test = {{ artifact = "features-test" }} }}
output = {{ artifact = "serving" }}

[function.filed]
stage = "evaluation"
trigger = {{ queue = "filed-due" }}
input = {{ model = {{ blob = "{{name}}.json" }}, test = {{ artifact = "features-test" }} }}
output = {{ artifact = "filed" }}
"#
    ));
    for (function, begins, says) in [
        ("serving", "# churn v1", "Trained by"),
        ("filed", "# may.json ", "may.json"),
    ] {
        let facts = bench.invoke(function, &mut message).await.unwrap();
        assert_eq!(facts["rows"], 15);
        let card = message.artifacts[&format!("{function}-card-markdown")];
        let card = String::from_utf8(bench.content(&card).await).unwrap();
        assert!(card.starts_with(begins) && card.contains(says), "{card}");
    }
}

fn searching(grid: &str) -> String {
    let model = "model = { kind = \"logistic-regression\" }";
    let search =
        format!("search = {{ grid = {grid}, folds = 3, seed = 7, metric = \"neg-log-loss\" }}");
    FILE.replace(model, &format!("{model}\n{search}"))
}

#[tokio::test]
async fn training_chooses_the_best_of_a_grid_and_keeps_what_it_tried() {
    let mut bench = bench().await;
    bench.declare(&searching("{ c = [1e-6, 1.0] }"));
    let (message, facts) = through(&bench, "may", &TO_MODEL).await;
    assert_eq!(facts["chosen"]["c"], 1.0);
    let model = message.artifacts["model"];
    let bundle = Bundle::read(&*bench.content(&model).await).unwrap();
    let search = bundle.search.unwrap();
    let tried = search["candidates"].as_array().unwrap();
    assert_eq!(tried.len(), 2);
    assert!(
        tried
            .iter()
            .all(|one| one["scores"].as_array().unwrap().len() == 3)
    );
    assert_eq!(search["mean"], tried[1]["mean"]);
    let (again, _) = through(&bench, "may", &TO_MODEL).await;
    assert_eq!(again.artifacts["model"], model);
}

#[test]
fn a_search_for_what_the_model_has_not_is_refused_with_its_place() {
    let refused = |text: &str| {
        let refused = crate::pipeline::Pipeline::parse(text, ALL);
        refused.err().unwrap().to_string()
    };
    let said = refused(&searching("{ depth = [1] }"));
    assert!(
        said.contains("search.grid") && said.contains("depth"),
        "{said}"
    );
    let said = refused(&searching("{ c = [1.0] }").replace("neg-log-loss", "auc"));
    assert!(
        said.contains("write one of accuracy, neg-log-loss"),
        "{said}"
    );
}

pub(super) fn churn() -> ModelName {
    "churn".parse().unwrap()
}

pub(super) async fn champion(bench: &Bench) -> Option<String> {
    let registry = bench.services.space.registry();
    let last = registry.alias(&churn(), Alias::Champion).await.unwrap();
    last.map(|last| last.to.to_string())
}

#[tokio::test]
async fn deployment_moves_the_alias_once() {
    let bench = bench().await;
    let (mut message, facts) = through(&bench, "may", &TO_LIVE).await;
    assert_eq!(
        (&facts["version"], &facts["live"]),
        (&json!("v1"), &json!(true))
    );
    let again = bench.invoke("deployment", &mut message).await.unwrap();
    assert_eq!(again, facts);
    let registry = bench.services.space.registry();
    let moves = registry.history(&churn(), Alias::Champion).await.unwrap();
    assert_eq!(moves.len(), 1);
    assert_eq!(registry.versions(&churn()).await.unwrap().len(), 1);
}

/// The process may die between the move and what says so; the message comes
/// again, when another has moved the alias on.
#[tokio::test]
async fn deployment_that_died_after_its_move_takes_nothing_back() {
    let bench = bench().await;
    let (mut message, facts) = through(&bench, "may", &TO_LIVE).await;
    through(&bench, "june", &TO_LIVE).await;
    let again = bench.invoke("deployment", &mut message).await.unwrap();
    assert_eq!(again, facts);
    assert_eq!(champion(&bench).await.as_deref(), Some("v2"));
    let registry = bench.services.space.registry();
    let moves = registry.history(&churn(), Alias::Champion).await.unwrap();
    assert_eq!(moves.len(), 2);
}

#[tokio::test]
async fn deployment_registers_what_failed_its_gate_and_lets_it_serve_nobody() {
    let bench = bench().await;
    through(&bench, "may", &TO_LIVE).await;
    let (mut message, _) = through(&bench, "june", &TO_MODEL).await;
    bench.invoke("strict", &mut message).await.unwrap();
    let judged = message.artifacts["judged"];
    message.artifacts.insert("evaluation".to_owned(), judged);
    let facts = bench.invoke("deployment", &mut message).await.unwrap();
    assert_eq!(
        (&facts["version"], &facts["live"]),
        (&json!("v2"), &json!(false))
    );
    assert_eq!(champion(&bench).await.as_deref(), Some("v1"));
}

#[tokio::test]
async fn a_message_can_hold_a_version_back_or_let_it_serve_all_the_same() {
    let bench = bench().await;
    let (mut held, _) = through(&bench, "may", &TO_MODEL).await;
    held.values.insert("hold".to_owned(), "true".to_owned());
    let mut forced = held.clone();
    bench.invoke("evaluation", &mut held).await.unwrap();
    let facts = bench.invoke("deployment", &mut held).await.unwrap();
    assert_eq!(
        (&facts["version"], &facts["live"]),
        (&json!("v1"), &json!(false))
    );
    assert_eq!(champion(&bench).await, None);
    forced.values = [("hold", "false"), ("force", "true")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into_iter()
        .collect();
    bench.invoke("strict", &mut forced).await.unwrap();
    let judged = forced.artifacts["judged"];
    forced.artifacts.insert("evaluation".to_owned(), judged);
    let facts = bench.invoke("deployment", &mut forced).await.unwrap();
    assert_eq!(facts["live"], json!(true));
}

/// Writes predictions of customers of these ages to the log.
async fn predicted(bench: &Bench, ages: impl Iterator<Item = usize>) {
    let (logs, clock) = (Arc::clone(&bench.services.logs), bench.clock.clone());
    let (log, written) = PredictionLog::start(logs, "inference", Arc::new(clock));
    for age in ages {
        log.append(Entry {
            at: bench.clock.now(),
            request: "r".to_owned(),
            model: "churn v1".to_owned(),
            row: Map::from_iter([("age".to_owned(), json!(age))]),
            said: Map::from_iter([("label".to_owned(), json!(1))]),
            seconds: 0.001,
        });
    }
    drop(log);
    written.await.unwrap();
}

#[tokio::test]
async fn monitoring_says_when_there_is_too_little_to_tell() {
    let bench = bench().await;
    through(&bench, "may", &TO_LIVE).await;
    predicted(&bench, 30..40).await;
    let facts = bench.invoke("monitoring", &mut message("due")).await;
    let facts = facts.unwrap();
    assert_eq!(
        (&facts["rows"], &facts["drifted"]),
        (&json!(10), &Value::Null)
    );
}

#[tokio::test]
async fn monitoring_names_the_columns_that_drifted() {
    let bench = bench().await;
    through(&bench, "may", &TO_LIVE).await;
    predicted(&bench, (0..60).map(|row| 80 + row % 25)).await;
    let mut due = message("due");
    let facts = bench.invoke("monitoring", &mut due).await.unwrap();
    assert_eq!(
        (&facts["rows"], &facts["drifted"]),
        (&json!(60), &json!(true))
    );
    assert_eq!(facts["columns"], json!(["age"]));
    assert!(due.artifacts.contains_key("drift") && due.artifacts.contains_key("drift-page"));
    // A day later all of it is out of the window.
    bench.clock.advance(std::time::Duration::from_secs(90_000));
    let later = bench.invoke("monitoring", &mut due).await.unwrap();
    assert_eq!(later["rows"], 0);
}
