//! Faces of the registry.

use super::*;
use crate::store::artifact::ArtifactId;
use crate::store::registry::{Alias, ModelName, ModelVersion, Registry};
use indexmap::IndexMap;

const FACES: &str = r#"
[[http]]
route    = "GET /models"
registry = { model = "churn" }

[http.response]
"/live"              = "/aliases/champion"
"/models/*/version"  = "/versions/*/version"
"/models/*/auc"      = "/versions/*/metrics/auc"
"/models/*/status"   = { from = "/versions/*/champion", names = { true = "live", false = "retired" } }
"/by_name"           = { from = "/versions/*/metrics/auc", by = "/versions/*/version", round = 1 }
"/good"              = { from = "/versions/*/version", only = "/versions/*/passed" }

[[http]]
route    = "GET /models/{version}"
registry = { model = "churn", version = "/path/version" }
response = { "" = "/version/metrics" }

[[http]]
route    = "POST /models/{version}/deploy"
registry = { model = "churn", version = "/path/version", promote = "champion", force = "/body/force" }
response = { "/version" = "/version/version", "/live" = "/version/champion" }

[[http]]
route    = "POST /models/rollback"
registry = { model = "churn", roll_back = "champion" }
response = { "/version" = "/version/version" }
"#;

/// `v1` and `v2` passed, `v3` did not; none serves.
async fn registered(registry: &Registry) -> ModelName {
    let model: ModelName = "churn".parse().unwrap();
    for (auc, passed) in [(0.81, true), (0.82, true), (0.43, false)] {
        let id = ArtifactId::of(format!("{auc}").as_bytes());
        let version = ModelVersion {
            model: id,
            preprocessing: None,
            schema: json!(null),
            metrics: IndexMap::from([("auc".to_owned(), auc)]),
            passed: Some(passed),
            kind: None,
            card: None,
            data: id,
            code: "1".to_owned(),
            parameters: IndexMap::new(),
        };
        registry.register(&model, version, "a test").await.unwrap();
    }
    model
}

async fn faces(services: &Services) -> Router {
    registered(&services.space.registry()).await;
    hosted(FACES, services).http().unwrap().router
}

#[tokio::test]
async fn versions_are_shown_promoted_and_rolled_back() {
    let services = services(Arc::new(ManualClock::default()));
    let router = faces(&services).await;
    let post = async |path: &str, body: &str| {
        let said = ask(&router, &format!("POST /models/{path}"), &[], body).await;
        (said.status, said.body)
    };
    let nobody = ask(&router, "GET /models", &[], "").await;
    assert_eq!((nobody.status, &nobody.body["live"]), (200, &json!(null)));
    let v1 = json!({"version": "v1", "live": true});
    assert_eq!(post("v1/deploy", "").await, (200, v1.clone()));
    assert_eq!(post("v1/deploy", "{}").await, (200, v1));
    let why = "v3 of churn did not pass its gate";
    assert_eq!(post("v3/deploy", "{}").await, (409, json!({"error": why})));
    assert_eq!(post("v3/deploy", r#"{"force": true}"#).await.0, 200);
    assert_eq!(post("rollback", "").await, (200, json!({"version": "v1"})));
    assert_eq!(post("rollback", "").await.0, 404);
    let shown = ask(&router, "GET /models", &[], "").await.body;
    assert_eq!(
        shown,
        json!({
            "live": "v1",
            "models": [
                {"version": "v1", "auc": 0.81, "status": "live"},
                {"version": "v2", "auc": 0.82, "status": "retired"},
                {"version": "v3", "auc": 0.43, "status": "retired"},
            ],
            "by_name": {"v1": 0.8, "v2": 0.8, "v3": 0.4},
            "good": ["v1", "v2"],
        })
    );
    let one = ask(&router, "GET /models/v2", &[], "").await;
    assert_eq!((one.status, one.body), (200, json!({"auc": 0.82})));
    for none in ["v9", "nine"] {
        let said = ask(&router, &format!("GET /models/{none}"), &[], "").await;
        let why = format!("the model churn has no version {none}");
        assert_eq!((said.status, said.body), (404, json!({"error": why})));
    }
}

#[tokio::test]
async fn what_a_copy_moves_nobody_sees() {
    let home = tempfile::tempdir().unwrap();
    let (services, storage) = in_folder(home.path(), &ManualClock::default());
    let model = registered(&services.space.registry()).await;
    let local = hosted(FACES, &services).in_storage(storage);
    let router = local.http().unwrap().router;
    let copy = [(SHADOW, "1")];
    let said = ask(&router, "POST /models/v2/deploy", &copy, "{}").await;
    assert_eq!(
        (said.status, said.body),
        (200, json!({"version": "v2", "live": true}))
    );
    let registry = services.space.registry();
    let moved = registry.alias(&model, Alias::Champion).await;
    assert_eq!(moved.unwrap(), None);
}

#[tokio::test]
async fn with_a_key_it_goes_back_once() {
    let services = services(Arc::new(ManualClock::default()));
    let router = faces(&services).await;
    for version in ["v1", "v2", "v1"] {
        let route = format!("POST /models/{version}/deploy");
        assert_eq!(ask(&router, &route, &[], "").await.status, 200);
    }
    for _ in 0..2 {
        let key = [("idempotency-key", "back")];
        let said = ask(&router, "POST /models/rollback", &key, "").await;
        assert_eq!((said.status, said.body), (200, json!({"version": "v2"})));
    }
    let live = ask(&router, "GET /models", &[], "").await.body["live"].take();
    assert_eq!(live, "v2");
}

#[tokio::test]
async fn what_changes_something_asks_for_the_token() {
    let services = services(Arc::new(ManualClock::default()));
    registered(&services.space.registry()).await;
    let file = format!("[serve]\ntoken = {{ env = \"TOKEN\" }}\n{FILE}{FACES}");
    let said = hosted(&file, &services).http().map(|_| ()).unwrap_err();
    assert!(
        said.to_string().contains("this program does not read it"),
        "{said}"
    );
    let guarded = hosted(&file, &services).guarded(Guard::new("s3cret".to_owned(), None));
    let router = guarded.http().unwrap().router;
    let bearer = [("authorization", "Bearer s3cret")];
    for route in [
        "POST /start",
        "POST /models/v1/deploy",
        "POST /models/rollback",
    ] {
        let said = ask(&router, route, &[], "{}").await;
        let why = json!({"error": "the token is missing or wrong"});
        assert_eq!((said.status, said.body), (401, why), "{route}");
    }
    assert_eq!(depth(&services, "to-first").await, 0);
    assert_eq!(ask(&router, "POST /start", &bearer, "{}").await.status, 202);
    let deployed = ask(&router, "POST /models/v1/deploy", &bearer, "{}").await;
    assert_eq!(deployed.status, 200);
    assert_eq!(ask(&router, "GET /models", &[], "").await.status, 200);
}

#[tokio::test]
async fn a_kept_answer_is_for_whoever_shows_the_same_token() {
    let services = services(Arc::new(ManualClock::default()));
    registered(&services.space.registry()).await;
    let file = format!("[serve]\ntoken = {{ env = \"TOKEN\" }}\n{FILE}{FACES}");
    let guarded = hosted(&file, &services).guarded(Guard::new("s3cret".to_owned(), None));
    let router = guarded.http().unwrap().router;
    let said = async |authorization: Option<&str>| {
        let mut headers = vec![("idempotency-key", "deploy-v1")];
        headers.extend(authorization.map(|shown| ("authorization", shown)));
        let said = ask(&router, "POST /models/v1/deploy", &headers, "{}").await;
        (said.status, said.body)
    };
    // A refusal is not kept.
    assert_eq!(said(Some("Bearer guessed")).await.0, 401);
    let first = said(Some("Bearer s3cret")).await;
    assert_eq!(first, (200, json!({"version": "v1", "live": true})));
    assert_eq!(said(Some("Bearer s3cret")).await, first);
    for other in [None, Some(""), Some("Bearer guessed"), Some("s3cret")] {
        let (status, body) = said(other).await;
        assert_eq!(status, 422, "{other:?}");
        assert!(!body.to_string().contains("v1"), "{other:?}: {body}");
    }
}
