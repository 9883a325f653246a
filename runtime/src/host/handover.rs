//! A shared database is handed over: from the monolith to the functions, or
//! back.
//!
//! Who writes is waited for, and waits; that it moves is put down; its tables
//! are copied, compared and fenced off in one transaction; whose it is now is put
//! down. Whatever dies between two of these, or in the middle of the commit,
//! [`settle`] does the rest.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::guard::Guard;
use crate::function::{Services, whole};
use crate::store::cells::CellError;
use crate::store::owners::{
    Owner, OwnerError, Ownership, SharedDatabase, TableSum, ownership, set_ownership,
};
use crate::table::{Database, TableError};

/// A shared database, and whose it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Owned {
    /// As in `[database.NAME]`.
    pub name: String,
    /// The stage with which it is handed over.
    pub stage: String,
    /// What is handed over.
    pub tables: Vec<String>,
    /// Whose it is, since when, and what was handed over then.
    pub ownership: Ownership,
}

/// Why a database was not handed over.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// The file declares no such database.
    #[error("there is no database {name:?}: the file shares {known}")]
    NotShared {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Its tables cannot be copied, or their copies are not the same. Nothing
    /// has changed.
    #[error("the database {name} stays the {owner}'s")]
    Tables {
        /// Of the database.
        name: String,
        /// Whose it stays.
        owner: &'static str,
        /// Why.
        source: TableError,
    },
    /// The tables that were handed over are not those that the file names now.
    #[error(
        "of the database {name} {then} went over, and the file names {now}: write the same tables until it is handed back"
    )]
    Changed {
        /// Of the database.
        name: String,
        /// What was handed over.
        then: String,
        /// What the file names.
        now: String,
    },
    /// The copying broke off; it is not known how far it came. [`settle`], or the
    /// same again, ends it.
    #[error("handing the database {name} over broke off: hand it over again")]
    BrokeOff {
        /// Of the database.
        name: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Whose it is cannot be read or put down.
    #[error(transparent)]
    Owner(#[from] OwnerError),
}

/// All shared databases.
///
/// # Errors
/// When the cells cannot be used.
pub async fn owned(services: &Services) -> Result<Vec<Owned>, CellError> {
    let mut all = Vec::new();
    for shared in services.owners.databases() {
        all.push(one(services, shared).await?);
    }
    Ok(all)
}

async fn one(services: &Services, shared: &SharedDatabase) -> Result<Owned, CellError> {
    Ok(Owned {
        name: shared.name.clone(),
        stage: shared.stage.clone(),
        tables: shared.tables.clone(),
        ownership: ownership(&**services.space.cells(), &shared.name).await?,
    })
}

/// Hands a database over, if it is not that one's already. What a handover that
/// broke off has left is done first.
///
/// # Errors
/// When there is no such database, its tables cannot be handed over, or
/// somebody else does it.
pub async fn hand_over(services: &Services, name: &str, to: Owner) -> Result<Owned, HandoverError> {
    let databases = services.owners.databases();
    let Some(shared) = databases.iter().find(|shared| shared.name == name) else {
        let known: Vec<&str> = databases.iter().map(|shared| &*shared.name).collect();
        return Err(HandoverError::NotShared {
            name: name.to_owned(),
            known: match known.is_empty() {
                true => "none".to_owned(),
                false => known.join(", "),
            },
        });
    };
    let drained = services.owners.drained(name).await;
    let cells = &**services.space.cells();
    let mut now = ownership(cells, name).await.map_err(OwnerError::from)?;
    if let Some(begun) = now.moving_to {
        now = moved(services, shared, now, begun).await?;
    }
    if now.owner != to {
        same_tables(shared, &now)?;
        moved(services, shared, now, to).await?;
    }
    drop(drained);
    Ok(one(services, shared).await.map_err(OwnerError::from)?)
}

/// Ends handovers that broke off, and says of each what stands in its way. Asked
/// before anybody works.
///
/// # Errors
/// When the cells cannot be used.
pub async fn settle(services: &Services) -> Result<Vec<HandoverError>, CellError> {
    let mut left = Vec::new();
    for database in owned(services).await? {
        if let Some(to) = database.ownership.moving_to {
            let handed = hand_over(services, &database.name, to).await;
            left.extend(handed.err());
        }
    }
    Ok(left)
}

/// What went over is what goes back.
fn same_tables(shared: &SharedDatabase, seen: &Ownership) -> Result<(), HandoverError> {
    let then: Vec<&str> = seen.tables.iter().map(|sum| &*sum.table).collect();
    let now: Vec<&str> = shared.tables.iter().map(String::as_str).collect();
    let sorted = |names: &[&str]| {
        let mut names = names.to_vec();
        names.sort_unstable();
        names.join(", ")
    };
    match seen.owner == Owner::Functions && !then.is_empty() && sorted(&then) != sorted(&now) {
        true => Err(HandoverError::Changed {
            name: shared.name.clone(),
            then: sorted(&then),
            now: sorted(&now),
        }),
        false => Ok(()),
    }
}

async fn moved(
    services: &Services,
    shared: &SharedDatabase,
    seen: Ownership,
    to: Owner,
) -> Result<Ownership, HandoverError> {
    let cells = &**services.space.cells();
    let moves = Moves {
        shared: shared.clone(),
        from: seen.owner,
        to,
        resumes: seen.moving_to.is_some(),
    };
    if !moves.resumes {
        let fits = moves.apart(Moves::fits).await?;
        fits.map_err(|source| moves.stays(source))?;
    }
    let moving = Ownership {
        moving_to: Some(to),
        ..seen.clone()
    };
    set_ownership(cells, &shared.name, &seen, &moving).await?;
    let copied = match moves.apart(Moves::copied).await? {
        // While it is not known what holds, it is on its way.
        Err(error @ TableError::Torn { .. }) => return Err(moves.broke_off(error.into())),
        copied => copied,
    };
    let now = match &copied {
        Ok(tables) => Ownership {
            owner: to,
            moving_to: None,
            since: Some(services.space.clock().now()),
            tables: tables.clone(),
        },
        // What broke off before is still to be ended.
        Err(_) => seen,
    };
    set_ownership(cells, &shared.name, &moving, &now).await?;
    copied.map_err(|source| moves.stays(source))?;
    tracing::info!(database = shared.name, owner = to.name(), "handed over");
    Ok(now)
}

/// A database on its way.
#[derive(Clone)]
struct Moves {
    shared: SharedDatabase,
    from: Owner,
    to: Owner,
    /// One is gone on with that broke off.
    resumes: bool,
}

impl Moves {
    /// Work on files, on a thread for it.
    async fn apart<T: Send + 'static>(
        &self,
        work: fn(&Moves) -> Result<T, TableError>,
    ) -> Result<Result<T, TableError>, HandoverError> {
        let moves = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&moves)).await;
        done.map_err(|error| self.broke_off(error.into()))
    }

    /// Where it is and where it goes; none where it stays where it is.
    fn places(&self) -> Result<Option<(Database, Database)>, TableError> {
        if self.shared.own.is_none() {
            return Ok(None);
        }
        let from = Database::at(self.shared.url(self.from))?;
        let to = Database::at(self.shared.url(self.to))?;
        Ok(Some((from, to)))
    }

    fn fits(&self) -> Result<(), TableError> {
        match self.places()? {
            None => Ok(()),
            Some((from, to)) => from.could_hand_over(&to, &self.shared.tables),
        }
    }

    /// What was copied and compared.
    fn copied(&self) -> Result<Vec<TableSum>, TableError> {
        let Some((from, to)) = self.places()? else {
            return Ok(Vec::new());
        };
        let back = match self.to {
            Owner::Functions => " --back",
            Owner::Monolith => "",
        };
        let tables = &self.shared.tables;
        let fence = format!(
            "{} went over to the {}; `cutline handover {}{back}` turns that back",
            tables.join(", "),
            self.to.name(),
            self.shared.stage
        );
        let sums = from.hand_over(&to, tables, &fence, self.resumes)?;
        let sums = sums.into_iter().zip(tables);
        let sums = sums.map(|(sum, table)| TableSum {
            table: table.clone(),
            rows: sum.rows,
            hash: sum.hash,
        });
        Ok(sums.collect())
    }

    fn stays(&self, source: TableError) -> HandoverError {
        HandoverError::Tables {
            name: self.shared.name.clone(),
            owner: self.from.name(),
            source,
        }
    }

    fn broke_off(&self, source: Box<dyn std::error::Error + Send + Sync>) -> HandoverError {
        HandoverError::BrokeOff {
            name: self.shared.name.clone(),
            source,
        }
    }
}

/// Whom a database is to be handed over to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    owner: Owner,
}

/// `GET /functions/databases` shows whose each is; `POST
/// /functions/databases/NAME` hands one over, for who has the token.
pub(super) fn routes(services: &Services, guard: Option<Guard>) -> Router {
    let shown = services.clone();
    let show = async move || -> Response {
        match owned(&shown).await {
            Ok(owned) => Json(owned).into_response(),
            Err(error) => refused(StatusCode::SERVICE_UNAVAILABLE, &error),
        }
    };
    let services = services.clone();
    let hand = async move |Path(name): Path<String>,
                           headers: HeaderMap,
                           Json(wish): Json<Wish>|
                -> Response {
        if guard.is_some_and(|guard| !guard.lets_in(&headers)) {
            let why = json!({"error": "the token is missing or wrong"});
            return (StatusCode::UNAUTHORIZED, Json(why)).into_response();
        }
        // What was begun is ended, though its client is gone.
        let handing = tokio::spawn(async move { hand_over(&services, &name, wish.owner).await });
        match handing.await {
            Ok(Ok(owned)) => Json(owned).into_response(),
            Ok(Err(error)) => refused(status(&error), &error),
            Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, &error),
        }
    };
    Router::new()
        .route("/functions/databases", get(show))
        .route("/functions/databases/{name}", post(hand))
}

fn status(error: &HandoverError) -> StatusCode {
    match error {
        HandoverError::NotShared { .. } => StatusCode::NOT_FOUND,
        HandoverError::Tables { .. }
        | HandoverError::Changed { .. }
        | HandoverError::Owner(OwnerError::Conflict { .. }) => StatusCode::CONFLICT,
        HandoverError::BrokeOff { .. } | HandoverError::Owner(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn refused(status: StatusCode, error: &(dyn std::error::Error + 'static)) -> Response {
    (status, Json(json!({"error": whole(error)}))).into_response()
}

#[cfg(test)]
mod tests;
