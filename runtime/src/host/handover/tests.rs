use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use rusqlite::Connection;
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::function::sample;
use crate::store::clock::ManualClock;
use crate::store::owners::Owners;

struct Place {
    folder: tempfile::TempDir,
    services: Services,
}

fn place(own: Option<&str>) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let url = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
    let shared = SharedDatabase {
        name: "churn".to_owned(),
        stage: "ingestion".to_owned(),
        monolith: url("monolith"),
        own: own.map(url),
        tables: vec!["customers".to_owned()],
    };
    let services = Services {
        owners: Owners::new(folder.path(), vec![shared]),
        ..sample::services(Arc::new(ManualClock::default()))
    };
    Place { folder, services }
}

impl Place {
    fn sql(&self, file: &str, statement: &str) -> rusqlite::Result<usize> {
        Connection::open(self.folder.path().join(file))?.execute(statement, [])
    }

    fn made(&self) {
        for statement in [
            "CREATE TABLE customers (id INTEGER)",
            "INSERT INTO customers VALUES (1), (2)",
        ] {
            self.sql("monolith", statement).unwrap();
        }
    }

    fn count(&self, file: &str) -> i64 {
        let connection = Connection::open(self.folder.path().join(file)).unwrap();
        connection
            .query_row("SELECT count(*) FROM customers", [], |row| row.get(0))
            .unwrap()
    }

    async fn url(&self) -> String {
        let cells = self.services.space.cells();
        let url = self.services.owners.url(&**cells, "churn").await.unwrap();
        url.rsplit('/').next().unwrap().to_owned()
    }

    async fn to(&self, owner: Owner) -> Result<Owned, HandoverError> {
        hand_over(&self.services, "churn", owner).await
    }
}

#[tokio::test]
async fn it_goes_over_and_back_with_all_rows() {
    let place = place(Some("own"));
    place.made();
    assert_eq!(place.url().await, "monolith");
    let handed = place.to(Owner::Functions).await.unwrap();
    assert_eq!(handed.ownership.tables[0].rows, 2);
    assert_eq!((place.url().await, place.count("own")), ("own".into(), 2));
    // Asked again, nothing is done.
    let again = place.to(Owner::Functions).await.unwrap();
    assert_eq!(again, handed);
    place
        .sql("own", "INSERT INTO customers VALUES (3)")
        .unwrap();
    let late = place.sql("monolith", "INSERT INTO customers VALUES (4)");
    let late = late.unwrap_err().to_string();
    assert!(
        late.contains("customers went over to the functions; `cutline handover ingestion --back`"),
        "{late}"
    );
    place.to(Owner::Monolith).await.unwrap();
    assert_eq!(
        (place.url().await, place.count("monolith")),
        ("monolith".into(), 3)
    );
    place
        .sql("monolith", "INSERT INTO customers VALUES (4)")
        .unwrap();
}

#[tokio::test]
async fn what_broke_off_is_ended() {
    for copied_before in [false, true] {
        let place = place(Some("own"));
        place.made();
        let cells = place.services.space.cells().clone();
        let seen = ownership(&*cells, "churn").await.unwrap();
        let moving = Ownership {
            moving_to: Some(Owner::Functions),
            ..seen.clone()
        };
        set_ownership(&*cells, "churn", &seen, &moving)
            .await
            .unwrap();
        if copied_before {
            let moves = Moves {
                shared: place.services.owners.databases()[0].clone(),
                from: Owner::Monolith,
                to: Owner::Functions,
                resumes: false,
            };
            moves.copied().unwrap();
        }
        assert!(settle(&place.services).await.unwrap().is_empty());
        assert_eq!((place.url().await, place.count("own")), ("own".into(), 2));
        // It can also be turned back at once.
        let seen = ownership(&*cells, "churn").await.unwrap();
        let moving = Ownership {
            moving_to: Some(Owner::Monolith),
            ..seen.clone()
        };
        set_ownership(&*cells, "churn", &seen, &moving)
            .await
            .unwrap();
        place.to(Owner::Functions).await.unwrap();
        assert_eq!((place.url().await, place.count("own")), ("own".into(), 2));
    }
}

#[tokio::test]
async fn what_cannot_be_handed_over_stays() {
    let place = place(Some("own"));
    place
        .sql("monolith", "CREATE TABLE other (id INTEGER)")
        .unwrap();
    let error = place.to(Owner::Functions).await.unwrap_err();
    assert_eq!(error.to_string(), "the database churn stays the monolith's");
    assert!(whole(&error).contains("table \"customers\": is not there"));
    assert_eq!(place.url().await, "monolith");
    let writing = place
        .services
        .owners
        .writing(&**place.services.space.cells(), "churn");
    writing.await.unwrap();
    let unknown = hand_over(&place.services, "other", Owner::Functions).await;
    assert_eq!(
        unknown.unwrap_err().to_string(),
        "there is no database \"other\": the file shares churn"
    );
}

#[tokio::test]
async fn what_goes_back_is_what_went_over() {
    let place = place(Some("own"));
    place.made();
    place.to(Owner::Functions).await.unwrap();
    let mut shared = place.services.owners.databases()[0].clone();
    shared.tables.push("calls".to_owned());
    let services = Services {
        owners: Owners::new(place.folder.path(), vec![shared]),
        ..place.services.clone()
    };
    let error = hand_over(&services, "churn", Owner::Monolith).await;
    assert_eq!(
        error.unwrap_err().to_string(),
        "of the database churn customers went over, and the file names calls, customers: \
         write the same tables until it is handed back"
    );
    assert_eq!(place.url().await, "own");
    // A folder that does not know of it does not begin anew.
    let restored = Services {
        owners: services.owners.clone(),
        ..sample::services(Arc::new(ManualClock::default()))
    };
    let restored = Place {
        services: Services {
            owners: place.services.owners.clone(),
            ..restored
        },
        folder: place.folder,
    };
    let error = restored.to(Owner::Functions).await.unwrap_err();
    assert!(whole(&error).contains("was handed over from here before"));
    assert_eq!(restored.count("own"), 2);
}

#[tokio::test]
async fn without_a_place_of_its_own_it_stays_where_it_is() {
    let place = place(None);
    let handed = place.to(Owner::Functions).await.unwrap();
    assert_eq!(handed.ownership.owner, Owner::Functions);
    assert_eq!(place.url().await, "monolith");
}

async fn ask(router: &Router, token: Option<&str>, name: &str, body: &str) -> (u16, Value) {
    let mut request = Request::post(format!("/functions/databases/{name}"))
        .header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let answer = router.clone().oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn only_who_has_the_token_hands_over() {
    let place = place(Some("own"));
    place.made();
    let router = routes(&place.services, Some(Guard::new("s3cret".to_owned(), None)));
    let wish = r#"{"owner": "functions"}"#;
    assert_eq!(ask(&router, None, "churn", wish).await.0, 401);
    assert_eq!(ask(&router, Some("x"), "churn", wish).await.0, 401);
    assert_eq!(place.url().await, "monolith");
    let (status, said) = ask(&router, Some("s3cret"), "churn", wish).await;
    assert_eq!(
        (status, &said["ownership"]["owner"]),
        (200, &"functions".into())
    );
    assert_eq!(ask(&router, Some("s3cret"), "other", wish).await.0, 404);
    assert_eq!(ask(&router, Some("s3cret"), "churn", "{}").await.0, 422);
    let shown = router
        .oneshot(
            Request::get("/functions/databases")
                .body(Body::empty())
                .unwrap(),
        )
        .await
        .unwrap();
    assert_eq!(shown.status().as_u16(), 200);
}
