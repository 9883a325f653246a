//! Versions as faces ask them, of a pipeline that has made some.

use serde_json::json;

use super::super::tests::{TO_LIVE, bench, champion, churn, through};
use super::*;
use crate::face::{Cell, Columns, LeftOut, Predicted, Rows};
use crate::function::sample::Bench;
use crate::store::artifact::{Description, Making};
use crate::store::clock::Clock;
use crate::store::registry::{Alias, VersionNumber};

fn serving(bench: &Bench, function: &str) -> Serving {
    Serving::new(bench.function(function), bench.services.clone(), None).unwrap()
}

fn rows(cells: &[(f64, &str)]) -> Rows {
    let columns = ["customer_id", "age", "plan"].map(str::to_owned);
    let mut rows = Rows::new(Columns::new(columns.to_vec()).unwrap());
    for (age, plan) in cells {
        let plan = Cell::Text((*plan).into());
        rows.push([Cell::Number(1.0), Cell::Number(*age), plan])
            .unwrap();
    }
    rows
}

async fn ask(
    serving: &Serving,
    version: Option<&str>,
    cells: &[(f64, &str)],
) -> Result<(String, Predicted), Refusal> {
    let version = serving.version("inference", version).await?;
    let predicted = version.predict(rows(cells)).await?;
    Ok((version.metadata().version.clone(), predicted))
}

#[tokio::test]
async fn serving_answers_with_the_version_that_the_alias_points_to() {
    let bench = bench().await;
    let serving = serving(&bench, "inference");
    let nothing = ask(&serving, None, &[(30.0, "basic")]).await.unwrap_err();
    assert_eq!(nothing.refused, Refused::Unavailable);
    through(&bench, "may", &TO_LIVE).await;
    let first = ask(&serving, None, &[(22.0, "basic"), (68.0, "premium")]).await;
    let (version, first) = first.unwrap();
    assert_eq!(version, "v1");
    assert_eq!(first.labels, [json!(0), json!(1)]);
    through(&bench, "june", &TO_LIVE).await;
    serving.refresh().await.unwrap();
    let second = ask(&serving, None, &[(22.0, "basic")]).await.unwrap();
    assert_eq!(second.0, "v2");
    assert_eq!(serving.models()[0].versions, ["v1", "v2"]);
}

#[tokio::test]
async fn serving_takes_all_but_what_it_predicts() {
    let bench = bench().await;
    through(&bench, "may", &TO_LIVE).await;
    let serving = serving(&bench, "inference");
    serving.refresh().await.unwrap();
    let version = serving.version("inference", None).await.unwrap();
    assert_eq!(version.metadata().name, "inference");
    let inputs: Vec<&str> = version
        .metadata()
        .inputs
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert!(
        inputs.contains(&"age") && inputs.contains(&"plan"),
        "{inputs:?}"
    );
    assert!(!inputs.contains(&"churned"), "{inputs:?}");
}

#[tokio::test]
async fn serving_says_which_row_and_column_is_wrong() {
    let bench = bench().await;
    through(&bench, "may", &TO_LIVE).await;
    let serving = serving(&bench, "inference");
    let mut old = Rows::new(Columns::new(vec!["age".to_owned(), "plan".to_owned()]).unwrap());
    let text = |text: &str| Cell::Text(text.into());
    old.push([text("old"), text("basic")]).unwrap();
    let version = serving.version("inference", None).await.unwrap();
    let refusal = version.predict(old).await.unwrap_err();
    assert_eq!(
        (refusal.column.as_deref(), refusal.row),
        (Some("age"), Some(0))
    );
    let many = vec![(30.0, "basic"); 100_001];
    let refusal = ask(&serving, None, &many).await.unwrap_err();
    assert_eq!(refusal.refused, Refused::BadRequest);
    assert!(
        refusal
            .message
            .starts_with("100001 rows are more than 100000"),
        "{refusal}"
    );
}

#[tokio::test]
async fn serving_goes_by_the_threshold() {
    let bench = bench().await;
    through(&bench, "may", &TO_LIVE).await;
    let asked = [(22.0, "basic"), (68.0, "premium")];
    let eager = ask(&serving(&bench, "eager"), None, &asked).await.unwrap();
    assert_eq!(eager.1.labels, [json!(1), json!(1)]);
    let reluctant = ask(&serving(&bench, "reluctant"), None, &asked)
        .await
        .unwrap();
    assert_eq!(reluctant.1.labels, [json!(0), json!(0)]);
    assert_eq!(eager.1.probabilities, reluctant.1.probabilities);
}

/// Registers what no model can be read from, and points the champion there.
async fn break_the_champion(bench: &Bench) {
    let registry = bench.services.space.registry();
    let seen = registry.alias(&churn(), Alias::Champion).await.unwrap();
    let mut version = registry
        .version(&churn(), "v1".parse::<VersionNumber>().unwrap())
        .await
        .unwrap()
        .version;
    let made = Making {
        function: "training".to_owned(),
        code: "cutline 0.0.0".to_owned(),
        parameters: Default::default(),
        inputs: Vec::new(),
        at: bench.clock.now(),
    };
    let artifacts = bench.services.space.artifacts();
    let torn = artifacts.put(Description::default(), made, "{").await;
    version.model = torn.unwrap().id;
    let torn = registry.register(&churn(), version, "me").await.unwrap();
    let (model, champion) = (churn(), Alias::Champion);
    let moved = registry.point(&model, champion, seen.as_ref(), torn.number, "me", "");
    moved.await.unwrap();
}

#[tokio::test]
async fn serving_goes_on_with_the_version_before_one_that_is_broken() {
    let bench = bench().await;
    through(&bench, "may", &TO_LIVE).await;
    let serving = serving(&bench, "inference");
    serving.refresh().await.unwrap();
    break_the_champion(&bench).await;
    assert_eq!(champion(&bench).await.as_deref(), Some("v2"));
    let why = "churn v2 cannot be loaded: ";
    for _ in 0..2 {
        let error = serving.refresh().await.unwrap_err().whole();
        assert!(error.starts_with(why), "{error}");
        assert_eq!(serving.models()[0].trouble, Some(error));
    }
    // Its tables are too old for every request, and are read again.
    let answer = ask(&serving, None, &[(22.0, "basic")]).await.unwrap();
    assert_eq!(answer.0, "v1");
    let registry = bench.services.space.registry();
    let seen = registry.alias(&churn(), Alias::Champion).await.unwrap();
    let (model, v1) = (churn(), "v1".parse::<VersionNumber>().unwrap());
    let moved = registry.point(&model, Alias::Champion, seen.as_ref(), v1, "me", "");
    moved.await.unwrap();
    serving.refresh().await.unwrap();
    assert_eq!(serving.models()[0].trouble, None);
}

#[tokio::test]
async fn a_row_that_the_preparation_does_not_take_is_named_and_the_others_answered() {
    let bench = bench().await;
    through(&bench, "may", &TO_LIVE).await;
    let serving = serving(&bench, "inference");
    let asked = [(22.0, "basic"), (30.0, "gold"), (68.0, "premium")];
    let (_, predicted) = ask(&serving, None, &asked).await.unwrap();
    assert_eq!(predicted.labels, [json!(0), json!(1)]);
    let left_out = LeftOut {
        rows: vec![1],
        why: "known_plan".to_owned(),
    };
    assert_eq!(predicted.left_out, Some(left_out));
    let refused = predicted.whole(3).unwrap_err();
    assert_eq!(refused.to_string(), "row 1: it is not usable: known_plan");
}

#[tokio::test]
async fn other_versions_are_asked_by_number_and_by_alias() {
    let bench = bench().await;
    for month in ["may", "june"] {
        through(&bench, month, &TO_LIVE).await;
    }
    let serving = serving(&bench, "inference");
    let asked = [(22.0, "basic")];
    let version = async |which| ask(&serving, Some(which), &asked).await.map(|said| said.0);
    for (which, known) in [("v1", "v1"), ("champion", "v2"), ("v2", "v2"), ("v1", "v1")] {
        assert_eq!(version(which).await.unwrap(), known);
    }
    assert_eq!(serving.models()[0].versions, ["v1", "v2"]);
    for which in ["v3", "candidate", "", "latest"] {
        let refusal = version(which).await.unwrap_err();
        let why = format!("the model inference has no version {which}");
        assert_eq!((refusal.refused, refusal.message), (Refused::NotFound, why));
    }
    let registry = bench.services.space.registry();
    let number = "v1".parse::<VersionNumber>().unwrap();
    let model = churn();
    let moved = registry.point(&model, Alias::Candidate, None, number, "me", "");
    moved.await.unwrap();
    assert_eq!(version("candidate").await.unwrap(), "v1");
}

/// Many ask at once, some of them wrongly: each gets what it gets alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_predicted_together_is_answered_as_alone() {
    let bench = bench().await;
    through(&bench, "may", &TO_LIVE).await;
    let serving = Arc::new(serving(&bench, "inference"));
    serving.refresh().await.unwrap();
    let plans = ["basic", "gold", "premium"];
    let asked = |client: usize| {
        let age = if client % 7 == 6 {
            f64::INFINITY
        } else {
            20.0 + client as f64
        };
        vec![(age, plans[client % 3]), (30.0, "basic")]
    };
    let mut alone = Vec::new();
    for client in 0..40 {
        alone.push(ask(&serving, None, &asked(client)).await);
    }
    let mut clients = tokio::task::JoinSet::new();
    for round in 0..400 {
        let (serving, client) = (Arc::clone(&serving), round % 40);
        let asked = asked(client);
        clients.spawn(async move { (client, ask(&serving, None, &asked).await) });
    }
    while let Some(said) = clients.join_next().await {
        let (client, said) = said.unwrap();
        assert_eq!(said, alone[client], "{client}");
    }
}

/// Clients ask while the alias moves fifty times: each is answered, by a version
/// that it was told, and what is asked for by its number is answered by that.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_request_fails_or_changes_its_version_while_the_alias_moves() {
    const MOVES: usize = 50;
    let bench = bench().await;
    through(&bench, "may", &TO_LIVE).await;
    through(&bench, "june", &TO_LIVE).await;
    let serving = Arc::new(serving(&bench, "inference"));
    serving.refresh().await.unwrap();
    let (over, ends) = tokio::sync::watch::channel(false);
    let mut clients = tokio::task::JoinSet::new();
    for which in [None, None, Some("v1"), Some("v2")] {
        let (serving, ends) = (Arc::clone(&serving), ends.clone());
        clients.spawn(async move {
            let mut said = Vec::new();
            while !*ends.borrow() || said.is_empty() {
                let (version, predicted) = ask(&serving, which, &[(22.0, "basic")]).await?;
                assert_eq!(predicted.labels.len(), 1);
                assert!(which.is_none_or(|which| which == version));
                said.push(version);
                tokio::task::yield_now().await;
            }
            Ok::<_, Refusal>(said)
        });
    }
    let (registry, model) = (bench.services.space.registry(), churn());
    for round in 0..MOVES {
        let seen = registry.alias(&churn(), Alias::Champion).await.unwrap();
        let to: VersionNumber = ["v1", "v2"][round % 2].parse().unwrap();
        let moved = registry.point(&model, Alias::Champion, seen.as_ref(), to, "me", "");
        moved.await.unwrap();
        serving.refresh().await.unwrap();
        let (now, _) = ask(&serving, None, &[(22.0, "basic")]).await.unwrap();
        assert_eq!(now, to.to_string());
    }
    over.send(true).unwrap();
    while let Some(said) = clients.join_next().await {
        assert!(!said.unwrap().unwrap().is_empty());
    }
}

#[test]
fn an_inference_function_without_its_model_is_refused_before_it_serves() {
    let text =
        "[function.inference]\ntrigger = { http = true }\ninput = { model = \"churn@champion\" }\n";
    let bench = Bench::new(text);
    let refused = Serving::new(bench.function("inference"), bench.services.clone(), None);
    let said = refused.err().unwrap().to_string();
    assert!(
        said.starts_with("1:1: function inference: input: inference needs one called model"),
        "{said}"
    );
}
