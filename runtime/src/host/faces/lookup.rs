//! [`Rows`]: a face that answers rows of a database, and what looks rows up for
//! all faces.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use futures_util::future::BoxFuture;
use indexmap::IndexMap;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use super::answer::Answer;
use super::{Asked, Declared};
use crate::face::mapping::{Found, HttpWritten, Lookup, LookupWritten, Lookups, MappingError};
use crate::face::{Refusal, Refused};
use crate::function::{Services, whole};
use crate::table::{self, Database, TableError};

/// More rows are no answer.
const MOST_ROWS: usize = 10_000;

/// Rows of a query.
pub(in crate::host) struct Rows(pub(super) Lookup);

/// So many are looked up at once; who waits longer for a turn is told to come
/// again. Others need threads too.
const AT_ONCE: usize = 16;
const PATIENCE: Duration = Duration::from_secs(5);

/// What looks rows up in the pipeline's databases. Clones are the same one.
#[derive(Clone)]
pub(in crate::host) struct Databases {
    services: Services,
    places: Arc<Semaphore>,
}

impl Databases {
    pub(in crate::host) fn new(services: Services) -> Databases {
        Databases {
            services,
            places: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl Rows {
    /// An error names the route and the key.
    pub(super) fn new(written: &HttpWritten, lookup: &LookupWritten) -> Result<Rows, MappingError> {
        Lookup::new(&written.route, "lookup", lookup).map(Rows)
    }

    pub(super) async fn answer(&self, to: &Declared, asked: Asked) -> Result<Answer, Response> {
        let found = to.databases.find(&self.0, asked.task.values.clone()).await;
        let found = found.and_then(|found| self.0.counted(found));
        let found = found.map_err(|refusal| {
            let (status, why) = (refusal.refused.status(), refusal.to_string());
            to.face.refused(status, &why)
        })?;
        let mut document = Map::new();
        asked.told(&mut document);
        document.insert("count".to_owned(), found.len().into());
        let rows: Vec<Value> = found.into_iter().map(Value::Object).collect();
        document.insert("rows".to_owned(), rows.into());
        Ok(Answer::of(to.face.answer(&document.into())))
    }
}

impl Lookups for Databases {
    fn find<'a>(
        &'a self,
        lookup: &'a Lookup,
        values: IndexMap<String, String>,
    ) -> BoxFuture<'a, Result<Found, Refusal>> {
        Box::pin(async move {
            let names = table::parameters(&lookup.query);
            if let Some(name) = names.iter().find(|name| !values.contains_key(*name)) {
                let why = format!("{name}: the request does not say it");
                return Err(Refusal::new(Refused::BadRequest, why));
            }
            let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.places).acquire_owned());
            let Ok(Ok(turn)) = turn.await else {
                let why = "too many rows are being looked up: come again";
                return Err(Refusal::new(Refused::Unavailable, why));
            };
            let (owners, cells) = (&self.services.owners, self.services.space.cells());
            let url = owners.url_beside(&**cells, &lookup.sql).await;
            let url = url.map_err(|error| refusal(Refused::Unavailable, &error))?;
            let query = lookup.query.clone();
            let found = tokio::task::spawn_blocking(move || {
                let found = Database::at(&url)?.lookup(&query, &values, MOST_ROWS);
                drop(turn);
                found
            });
            match found.await {
                Ok(found) => found.map_err(|error| match error {
                    TableError::Value { .. } => Refusal::new(
                        Refused::BadRequest,
                        "a value of the request is not of the kind that is looked up",
                    ),
                    error if error.may_pass() => refusal(Refused::Unavailable, &error),
                    error => refusal(Refused::Failed, &error),
                }),
                Err(error) => Err(refusal(Refused::Failed, &error)),
            }
        })
    }
}

/// What a database says is for the log, and not for clients.
fn refusal(refused: Refused, error: &dyn std::error::Error) -> Refusal {
    tracing::error!(error = whole(error), "rows cannot be looked up");
    Refusal::new(refused, "the rows cannot be looked up; the log says why")
}
