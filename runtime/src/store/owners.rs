//! [`Owners`]: databases that the monolith and the functions share, and whose
//! each of them is.
//!
//! A shared database has one owner at a time, and everybody reads and writes
//! there: first where the monolith has it, and once it is handed over where the
//! functions do. Who it is stands in a cell. Whoever writes holds on to the
//! owner until the rows are there; a handover waits for that.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use super::cells::{CellError, Cells, Swapped, document, read_document};
use super::clock::Timestamp;
use crate::secret::{self, SecretError, Secrets};

/// A database that the monolith and the functions share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedDatabase {
    /// As in `[database.NAME]`, and as bindings call it.
    pub name: String,
    /// The stage with which it is handed over.
    pub stage: String,
    /// Where the monolith has it.
    pub monolith: String,
    /// Where the functions have it; without, it stays where it is, and only who
    /// writes there changes.
    pub own: Option<String>,
    /// The tables that are handed over.
    pub tables: Vec<String>,
}

/// Whose a database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// The monolith's.
    Monolith,
    /// The functions'.
    Functions,
}

/// What is known of whose a database is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ownership {
    /// Whose it is.
    pub owner: Owner,
    /// Whose it is going to be: a handover has begun and not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moving_to: Option<Owner>,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// What was handed over then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<TableSum>,
}

/// What is in a table: the same for the same rows in any order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableSum {
    /// The table.
    pub table: String,
    /// How many rows it has.
    pub rows: u64,
    /// The sum of the rows' hashes, in hexadecimal.
    pub hash: String,
}

/// Why it cannot be said where a database is.
#[derive(Debug, thiserror::Error)]
pub enum OwnerError {
    /// The cells cannot be used.
    #[error(transparent)]
    Cell(#[from] CellError),
    /// A handover broke off; it is gone on with when `cutline run` starts, or
    /// by the same command.
    #[error(
        "the database {name} is being handed over; where that broke off, `cutline handover` ends it"
    )]
    Moving {
        /// Of the database.
        name: String,
    },
    /// Its URL is a secret that cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Somebody else changed it meanwhile.
    #[error("somebody else hands the database {name} over")]
    Conflict {
        /// Of the database.
        name: String,
    },
}

/// The shared databases of a pipeline. Clones are the same ones.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    inner: Arc<Inner>,
    secrets: Option<Arc<dyn Secrets>>,
}

#[derive(Debug, Default)]
struct Inner {
    home: PathBuf,
    databases: Vec<SharedDatabase>,
    /// Of each database, held by those who write to it.
    writers: Vec<Arc<RwLock<()>>>,
}

/// Where a database is, which stays so until this is dropped.
pub struct Held {
    /// Its URL.
    pub url: String,
    _writes: Option<OwnedRwLockReadGuard<()>>,
}

impl Owner {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Owner::Monolith => "monolith",
            Owner::Functions => "functions",
        }
    }
}

impl SharedDatabase {
    /// Where it is while it is this one's.
    #[must_use]
    pub fn url(&self, owner: Owner) -> &str {
        match (owner, &self.own) {
            (Owner::Functions, Some(own)) => own,
            _ => &self.monolith,
        }
    }
}

impl Ownership {
    /// Until somebody hands it over.
    const AT_FIRST: Ownership = Ownership {
        owner: Owner::Monolith,
        moving_to: None,
        since: None,
        tables: Vec::new(),
    };
}

impl Owners {
    /// Of these databases; the paths of those that are named by their URL alone
    /// are seen from `home`.
    #[must_use]
    pub fn new(home: &Path, databases: Vec<SharedDatabase>) -> Owners {
        let inner = Inner {
            home: home.to_owned(),
            writers: databases.iter().map(|_| Arc::default()).collect(),
            databases,
        };
        Owners {
            inner: Arc::new(inner),
            secrets: None,
        }
    }

    /// The same, with who knows the URLs that are secrets.
    #[must_use]
    pub fn knowing(self, secrets: Arc<dyn Secrets>) -> Owners {
        Owners {
            secrets: Some(secrets),
            ..self
        }
    }

    /// All of them.
    #[must_use]
    pub fn databases(&self) -> &[SharedDatabase] {
        &self.inner.databases
    }

    fn find(&self, name: &str) -> Option<(&SharedDatabase, &Arc<RwLock<()>>)> {
        let place = self
            .inner
            .databases
            .iter()
            .position(|known| known.name == name)?;
        Some((&self.inner.databases[place], &self.inner.writers[place]))
    }

    /// The URL of a database for who reads: of a shared one, named so, where
    /// its owner has it; of any other, what is given.
    ///
    /// # Errors
    /// When the cells cannot be used.
    pub async fn url(&self, cells: &dyn Cells, database: &str) -> Result<String, OwnerError> {
        match self.find(database) {
            None => self.opened(database).await,
            Some((shared, _)) => {
                let ownership = ownership(cells, database).await?;
                self.opened(shared.url(ownership.owner)).await
            }
        }
    }

    /// The same for who looks something up; a path is seen from the pipeline's
    /// file.
    ///
    /// # Errors
    /// When the cells cannot be used.
    pub async fn url_beside(
        &self,
        cells: &dyn Cells,
        database: &str,
    ) -> Result<String, OwnerError> {
        match self.find(database) {
            None => self.opened(&url_beside(&self.inner.home, database)).await,
            Some(_) => self.url(cells, database).await,
        }
    }

    /// The same for who writes: nothing is handed over until it is dropped.
    ///
    /// # Errors
    /// When the cells cannot be used, or a handover broke off.
    pub async fn writing(&self, cells: &dyn Cells, database: &str) -> Result<Held, OwnerError> {
        let Some((shared, writers)) = self.find(database) else {
            return Ok(Held {
                url: self.opened(database).await?,
                _writes: None,
            });
        };
        let writes = Arc::clone(writers).read_owned().await;
        let ownership = ownership(cells, database).await?;
        match ownership.moving_to {
            Some(_) => Err(OwnerError::Moving {
                name: database.to_owned(),
            }),
            None => Ok(Held {
                url: self.opened(shared.url(ownership.owner)).await?,
                _writes: Some(writes),
            }),
        }
    }

    async fn opened(&self, url: &str) -> Result<String, OwnerError> {
        match secret::opened(self.secrets.as_deref(), url).await? {
            Some(found) => Ok(url_beside(&self.inner.home, &found)),
            None => Ok(url.to_owned()),
        }
    }

    /// Waits until nobody writes to a shared database; from then on nobody does
    /// until this is dropped. `None` where there is no such database.
    pub async fn drained(&self, name: &str) -> Option<OwnedRwLockWriteGuard<()>> {
        let (_, writers) = self.find(name)?;
        Some(Arc::clone(writers).write_owned().await)
    }
}

/// Whose a shared database is.
///
/// # Errors
/// When the cells cannot be used.
pub async fn ownership(cells: &dyn Cells, name: &str) -> Result<Ownership, CellError> {
    let key = key(name);
    let cell = cells.read(&key).await?;
    let found = cell.map(|cell| read_document(&key, &cell)).transpose()?;
    Ok(found.unwrap_or(Ownership::AT_FIRST))
}

/// Puts down whose a shared database is, if it is still as `seen`.
///
/// # Errors
/// When somebody else was first, or the cells cannot be used.
pub async fn set_ownership(
    cells: &dyn Cells,
    name: &str,
    seen: &Ownership,
    now: &Ownership,
) -> Result<(), OwnerError> {
    let key = key(name);
    let conflict = || OwnerError::Conflict {
        name: name.to_owned(),
    };
    let cell = cells.read(&key).await?;
    let there: Option<Ownership> = cell
        .as_ref()
        .map(|cell| read_document(&key, cell))
        .transpose()?;
    if there.unwrap_or(Ownership::AT_FIRST) != *seen {
        return Err(conflict());
    }
    let revision = cell.as_ref().map(|cell| &cell.revision);
    match cells.swap(&key, revision, document(&key, now)?).await? {
        Swapped::Done(_) => Ok(()),
        Swapped::Lost(_) => Err(conflict()),
    }
}

/// A URL whose path, if it has one, is seen from `folder`.
pub(crate) fn url_beside(folder: &Path, url: &str) -> String {
    match url.strip_prefix("sqlite:") {
        Some(path) => {
            let path = path.strip_prefix("//").unwrap_or(path);
            format!("sqlite:{}", folder.join(path).display())
        }
        None => url.to_owned(),
    }
}

fn key(name: &str) -> String {
    format!("owner/{name}")
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use object_store::memory::InMemory;

    use super::super::cells::BlobCells;
    use super::*;

    fn owners() -> (Owners, BlobCells) {
        let shared = SharedDatabase {
            name: "churn".to_owned(),
            stage: "ingestion".to_owned(),
            monolith: "sqlite:var/churn.sqlite".to_owned(),
            own: Some("sqlite:own.sqlite".to_owned()),
            tables: vec!["customers".to_owned()],
        };
        let cells = BlobCells::new(Arc::new(InMemory::new()));
        (Owners::new(Path::new("home"), vec![shared]), cells)
    }

    #[tokio::test]
    async fn a_database_is_where_its_owner_has_it() {
        let (owners, cells) = owners();
        assert_eq!(
            owners.url(&cells, "churn").await.unwrap(),
            "sqlite:var/churn.sqlite"
        );
        let seen = ownership(&cells, "churn").await.unwrap();
        let now = Ownership {
            owner: Owner::Functions,
            ..seen.clone()
        };
        set_ownership(&cells, "churn", &seen, &now).await.unwrap();
        assert_eq!(
            owners.url(&cells, "churn").await.unwrap(),
            "sqlite:own.sqlite"
        );
        // Who saw something else was too late.
        let late = set_ownership(&cells, "churn", &seen, &now).await;
        assert!(matches!(late, Err(OwnerError::Conflict { .. })));
        for (url, beside) in [
            ("sqlite:a.db", "sqlite:home/a.db"),
            ("postgres://db/a", "postgres://db/a"),
        ] {
            assert_eq!(owners.url(&cells, url).await.unwrap(), url);
            assert_eq!(owners.url_beside(&cells, url).await.unwrap(), beside);
        }
    }

    #[tokio::test]
    async fn a_handover_waits_for_who_writes_and_who_writes_for_it() {
        let (owners, cells) = owners();
        let held = owners.writing(&cells, "churn").await.unwrap();
        assert!(owners.drained("churn").now_or_never().is_none());
        drop(held);
        let drained = owners.drained("churn").await.unwrap();
        assert!(owners.writing(&cells, "churn").now_or_never().is_none());
        drop(drained);
        assert!(owners.drained("other").await.is_none());
        assert_eq!(
            owners.writing(&cells, "sqlite:x").await.unwrap().url,
            "sqlite:x"
        );
    }

    #[tokio::test]
    async fn nobody_writes_where_a_handover_broke_off() {
        let (owners, cells) = owners();
        let seen = ownership(&cells, "churn").await.unwrap();
        let moving = Ownership {
            moving_to: Some(Owner::Functions),
            ..seen.clone()
        };
        set_ownership(&cells, "churn", &seen, &moving)
            .await
            .unwrap();
        let refused = owners.writing(&cells, "churn").await.err().unwrap();
        assert!(refused.to_string().contains("cutline handover"));
        // It can still be read where it was.
        assert_eq!(
            owners.url(&cells, "churn").await.unwrap(),
            "sqlite:var/churn.sqlite"
        );
    }
}
