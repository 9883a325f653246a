//! Faces that answer rows of a database.

use rusqlite::Connection;

use super::*;
use crate::store::owners::Owners;

const LOOKUPS: &str = r#"
[database.churn]
stage    = "ingestion"
monolith = "sqlite:churn.sqlite"
tables   = ["customers"]

[[http]]
route  = "GET /status"
lookup = { sql = "churn", query = "SELECT count(*) AS n, avg(age) AS age FROM customers" }
response = { "/customers" = "/rows/0/n", "/age" = { from = "/rows/0/age", round = 1 } }

[[http]]
route    = "GET /customers/{id}"
request  = { values = { id = "/path/id" } }
lookup   = { sql = "sqlite:churn.sqlite", query = "SELECT * FROM customers WHERE id = :id", one = true }
response = { "/id" = "/rows/0/id", "/age" = "/rows/0/age" }
error    = { status = 418, body = { problem = "/message" } }

[[http]]
route    = "GET /older"
lookup   = { sql = "churn", query = "SELECT id FROM customers WHERE age > :than ORDER BY id" }
response = { "/ids/*" = "/rows/*/id", "/n" = "/count" }

[[http]]
route    = "GET /wrong"
lookup   = { sql = "churn", query = "SELECT nothing FROM customers" }
response = { "/n" = "/count" }
"#;

fn router(folder: &Path) -> Router {
    let pipeline = Pipeline::parse(LOOKUPS, crate::stages::ALL).unwrap();
    let pipeline = pipeline.beside(folder);
    let services = Services {
        owners: Owners::new(folder, pipeline.databases.clone()),
        ..services(Arc::new(ManualClock::default()))
    };
    let local = Local::new(pipeline, &[], services, Settings::default());
    local.http().unwrap().router
}

#[tokio::test]
async fn rows_are_answered_as_declared() {
    let folder = tempfile::tempdir().unwrap();
    Connection::open(folder.path().join("churn.sqlite"))
        .unwrap()
        .execute_batch(
            "CREATE TABLE customers (id INTEGER, age REAL);
             INSERT INTO customers VALUES (1, 30.25), (2, 50), (3, NULL);",
        )
        .unwrap();
    let router = router(folder.path());
    for (route, status, body) in [
        ("GET /status", 200, json!({"customers": 3, "age": 40.1})),
        ("GET /customers/2", 200, json!({"id": 2, "age": 50.0})),
        (
            "GET /customers/9",
            404,
            json!({"problem": "there is no such row"}),
        ),
        ("GET /older?than=40", 200, json!({"ids": [2], "n": 1})),
        ("GET /older?than=99", 200, json!({"ids": [], "n": 0})),
        (
            "GET /older",
            400,
            json!({"error": "than: the request does not say it"}),
        ),
        (
            "GET /wrong",
            500,
            json!({"error": "the rows cannot be looked up; the log says why"}),
        ),
    ] {
        let said = ask(&router, route, &[], "").await;
        assert_eq!((said.status, said.body), (status, body), "{route}");
    }
}

#[test]
fn a_database_that_nobody_declares_is_refused() {
    let text = LOOKUPS.replace("[database.churn]", "[database.other]");
    let pipeline = Pipeline::parse(&text, crate::stages::ALL).unwrap();
    let error = check_faces(&pipeline).unwrap_err().to_string();
    assert!(
        error.contains("lookup.sql: there is no database \"churn\": write a URL, or one of other"),
        "{error}"
    );
}

#[tokio::test]
async fn a_face_can_ask_for_the_token_though_it_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    Connection::open(folder.path().join("churn.sqlite"))
        .unwrap()
        .execute_batch("CREATE TABLE customers (id INTEGER, age REAL)")
        .unwrap();
    let asks = LOOKUPS.replace(
        "route  = \"GET /status\"",
        "route  = \"GET /status\"\ntoken = true",
    );
    let nobody = Pipeline::parse(&asks, crate::stages::ALL).unwrap();
    let error = check_faces(&nobody).unwrap_err().to_string();
    assert!(error.contains("token: nobody can show it"), "{error}");
    let asks = format!("[serve]\ntoken = {{ env = \"TOKEN\" }}\n{asks}");
    let pipeline = Pipeline::parse(&asks, crate::stages::ALL).unwrap();
    check_faces(&pipeline).unwrap();
    let pipeline = pipeline.beside(folder.path());
    let services = Services {
        owners: Owners::new(folder.path(), pipeline.databases.clone()),
        ..services(Arc::new(ManualClock::default()))
    };
    let local = Local::new(pipeline, &[], services, Settings::default());
    let router = local
        .guarded(Guard::new("s3cret".to_owned(), None))
        .http()
        .unwrap()
        .router;
    let shown = [("authorization", "Bearer s3cret")];
    for (route, fields, status) in [
        ("GET /status", &[][..], 401),
        ("GET /status", &[("authorization", "Bearer x")], 401),
        ("GET /status", &shown, 200),
        // Others are open.
        ("GET /older?than=1", &[], 200),
    ] {
        let said = ask(&router, route, fields, "").await;
        assert_eq!(said.status, status, "{route} {fields:?}");
    }
}
