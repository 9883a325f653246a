use futures_util::future::join_all;
use indexmap::IndexMap;
use object_store::memory::InMemory;

use super::*;
use crate::store::cells::BlobCells;
use crate::store::clock::ManualClock;

pub(super) fn registry() -> Registry {
    let artifacts = Artifacts::new(Arc::new(InMemory::new()));
    let cells = Arc::new(BlobCells::new(Arc::new(InMemory::new())));
    Registry::new(artifacts, cells, Arc::new(ManualClock::default()))
}

pub(super) fn churn() -> ModelName {
    "churn".parse().unwrap()
}

pub(super) fn version(model: &str) -> ModelVersion {
    ModelVersion {
        model: ArtifactId::of(model.as_bytes()),
        preprocessing: Some(ArtifactId::of(b"scaler")),
        schema: serde_json::json!({"columns": ["age", "plan"]}),
        metrics: IndexMap::from([("auc".to_owned(), 0.81)]),
        data: ArtifactId::of(b"customers"),
        code: "0.1.0".to_owned(),
        parameters: IndexMap::new(),
        passed: None,
        kind: None,
        card: None,
    }
}

async fn with_versions(n: usize) -> (Registry, Vec<VersionNumber>) {
    let registry = registry();
    let mut numbers = Vec::new();
    for number in 0..n {
        let version = version(&number.to_string());
        numbers.push(
            registry
                .register(&churn(), version, "test")
                .await
                .unwrap()
                .number,
        );
    }
    (registry, numbers)
}

#[tokio::test]
async fn versions_are_counted_and_the_same_one_is_never_there_twice() {
    let registry = registry();
    let first = registry
        .register(&churn(), version("a"), "one")
        .await
        .unwrap();
    let second = registry
        .register(&churn(), version("b"), "one")
        .await
        .unwrap();
    let again = registry
        .register(&churn(), version("a"), "another")
        .await
        .unwrap();
    assert_eq!(
        (first.number.to_string(), second.number.to_string()),
        ("v1".into(), "v2".into())
    );
    assert_eq!(again, first);
    assert_eq!(
        registry.versions(&churn()).await.unwrap(),
        [first.clone(), second]
    );
    assert_eq!(
        registry.version(&churn(), first.number).await.unwrap(),
        first
    );
    let error = registry
        .version(&churn(), VersionNumber(3))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "the model churn has no version v3");
}

#[tokio::test]
async fn many_that_register_at_once_get_numbers_without_gaps() {
    let registry = registry();
    let names: Vec<_> = (0..24).map(|n| (n / 2).to_string()).collect();
    let model = churn();
    let all = names
        .iter()
        .map(|name| registry.register(&model, version(name), name));
    let mut numbers: Vec<_> = join_all(all)
        .await
        .into_iter()
        .map(|done| done.unwrap().number.0)
        .collect();
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers, (1..=12).collect::<Vec<_>>());
}

#[tokio::test]
async fn of_two_deployers_one_wins_and_the_other_is_told_who() {
    let (registry, numbers) = with_versions(3).await;
    let (model, alias) = (churn(), Alias::Champion);
    let first = registry
        .point(&model, alias, None, numbers[0], "setup", "")
        .await
        .unwrap();
    let deploy = |at: usize, by: &'static str| {
        let (registry, model, number, first) = (&registry, &model, numbers[at], &first);
        async move {
            registry
                .point(model, alias, Some(first), number, by, "better")
                .await
        }
    };
    let (anna, ben) = tokio::join!(deploy(1, "anna"), deploy(2, "ben"));
    let (won, lost) = match (anna, ben) {
        (Ok(won), Err(lost)) | (Err(lost), Ok(won)) => (won, lost),
        both => panic!("{both:?}"),
    };
    let RegistryError::Conflict { winner, .. } = &lost else {
        panic!("{lost}");
    };
    assert_eq!(**winner, won);
    let text = lost.to_string();
    assert!(
        text.contains(&format!("moved to {} by {}", won.to, won.by)),
        "{text}"
    );
    assert_eq!(
        registry.alias(&model, alias).await.unwrap(),
        Some(won.clone())
    );
    // Who died before he knew that he won asks again, and is told.
    let number = won.to.0 as usize - 1;
    let by = if won.by == "anna" { "anna" } else { "ben" };
    assert_eq!(deploy(number, by).await.unwrap(), won);
}

#[tokio::test]
async fn rolling_back_goes_back_further_each_time() {
    let (registry, numbers) = with_versions(3).await;
    let (model, alias) = (churn(), Alias::Champion);
    let mut last = None;
    for number in &numbers {
        let moved = registry
            .point(&model, alias, last.as_ref(), *number, "ci", "gate")
            .await;
        last = Some(moved.unwrap());
    }
    let back = async || registry.roll_back(&model, alias, "anna", "errors").await;
    assert_eq!(back().await.unwrap().to, numbers[1]);
    assert_eq!(back().await.unwrap().to, numbers[0]);
    let error = back().await.unwrap_err().to_string();
    assert!(error.contains("no version was it before"), "{error}");
    let serving = registry.serving(&model, alias).await.unwrap().unwrap();
    assert_eq!(serving.number, numbers[0]);
    let history = registry.history(&model, alias).await.unwrap();
    let path: Vec<_> = history
        .iter()
        .map(|step| (step.serial, step.to.0, step.back))
        .collect();
    assert_eq!(
        path,
        [
            (1, 1, false),
            (2, 2, false),
            (3, 3, false),
            (4, 2, true),
            (5, 1, true)
        ]
    );
    assert_eq!(
        registry.alias(&model, Alias::Candidate).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn nothing_that_is_not_there_can_serve() {
    let (registry, _) = with_versions(1).await;
    let to = VersionNumber(9);
    let error = registry
        .point(&churn(), Alias::Champion, None, to, "ci", "")
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "the model churn has no version v9");
    let one = VersionNumber(1);
    let other = registry
        .point(&churn(), Alias::Candidate, None, one, "ci", "")
        .await
        .unwrap();
    let error = registry
        .point(&churn(), Alias::Champion, Some(&other), one, "ci", "")
        .await
        .unwrap_err();
    assert!(
        matches!(error, RegistryError::NeverPointed { .. }),
        "{error}"
    );
    let mut bad = version("a");
    bad.metrics.insert("auc".to_owned(), f64::NAN);
    let error = registry
        .register(&churn(), bad, "ci")
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("the metric auc of a new version of churn is NaN"),
        "{error}"
    );
}
