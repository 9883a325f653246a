//! [`Journal`]: every change of a stage's share, kept for good, and what was seen
//! of both sides' answers, as far as there is room.
//!
//! One SQLite database in the state folder. A change that was recorded is on
//! the disk; one that was being recorded when the process died is there whole
//! or not at all. Several processes may have it open, such as two in a
//! take-over.

mod change;
mod gathered;
mod pair;
mod schema;
mod session;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use change::{Author, Change, Declared, NewChange, effective, settle};
pub(crate) use pair::Wanted;
pub(crate) use session::{Session, SessionRequest};

use crate::rollout::Position;
use crate::route::{Mode, Share, Weight};

/// The database, open.
pub struct Journal {
    connection: Connection,
    path: PathBuf,
}

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be opened or made.
    #[error("the journal {path} cannot be opened")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// It is no database, or not as SQLite left it.
    #[error("the journal {path} is damaged")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// A database that cutline did not make.
    #[error("{path} is a SQLite database, but no journal of cutline")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Made by a later version.
    #[error("the journal {path} has version {version}, and is of a later cutline")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: usize,
    },
    /// It can be opened, and not be read or written.
    #[error("the journal {path} cannot be used")]
    Use {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
}

impl JournalError {
    /// What to do.
    pub fn mend(&self) -> &'static str {
        match self {
            JournalError::Open { .. } => "the state folder must be on a local disk and writable",
            JournalError::Damaged { .. } => {
                "move it away with its -wal and -shm: stages then start from what routes.toml says"
            }
            JournalError::Foreign { .. } => "move it away, or name another state folder",
            JournalError::Newer { .. } => {
                "use that version, or move the journal away with its -wal and -shm"
            }
            JournalError::Use { .. } => "see that its disk is neither full nor read-only",
        }
    }
}

const COLUMNS: &str = "id, time, stage, from_mode, from_weight, to_mode, to_weight, \
                       declared_mode, declared_weight, author, name, why, event";

impl Journal {
    /// Opens the journal, making it where there is none.
    pub fn open(path: &Path) -> Result<Journal, JournalError> {
        Ok(Journal {
            connection: schema::open(path)?,
            path: path.to_owned(),
        })
    }

    /// Reads and writes with nobody between: what `act` has written is kept
    /// whole when it succeeds, and not at all when it fails.
    pub(crate) fn at_once<T, E: From<JournalError>>(
        &self,
        act: impl FnOnce(&Journal) -> Result<T, E>,
    ) -> Result<T, E> {
        let wrong = |source| self.wrong(source);
        let transaction =
            Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate);
        let transaction = transaction.map_err(wrong)?;
        let done = act(self)?;
        transaction.commit().map_err(wrong)?;
        Ok(done)
    }

    /// Keeps a change. Once it is returned, it is on the disk.
    pub fn record(&self, what: NewChange, time: SystemTime) -> Result<Change, JournalError> {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        let author = match what.by {
            Author::File => "file",
            Author::Admin(_) => "admin",
            Author::Rollout => "rollout",
        };
        let event = what.event.as_ref().map(json).transpose();
        let event = event.map_err(|source| self.wrong(source))?;
        let mode = |share: Option<Share>| share.map(|share| share.mode.name());
        let weight = |share: Option<Share>| share.map(|share| share.weight.basis_points());
        let sql = format!(
            "INSERT INTO change ({COLUMNS}) VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        );
        let insert = self.connection.execute(
            &sql,
            params![
                millis,
                what.stage,
                mode(what.from),
                weight(what.from),
                mode(what.to),
                weight(what.to),
                mode(what.declared),
                weight(what.declared),
                author,
                what.by.name(),
                what.why,
                event,
            ],
        );
        insert.map_err(|source| self.wrong(source))?;
        Ok(Change {
            id: self.connection.last_insert_rowid(),
            time: moment(millis),
            what,
        })
    }

    /// The last change of a stage.
    pub fn last(&self, stage: &str) -> Result<Option<Change>, JournalError> {
        let sql = format!("SELECT {COLUMNS} FROM change WHERE stage = ? ORDER BY id DESC LIMIT 1");
        let found = self.connection.query_row(&sql, [stage], change);
        found.optional().map_err(|source| self.wrong(source))
    }

    /// Where a stage stands in its rollout, by all that happened to it; before
    /// the start of one, as of `now`.
    pub fn position(&self, stage: &str, now: SystemTime) -> Result<Position, JournalError> {
        let query = || -> rusqlite::Result<_> {
            let sql = format!(
                "SELECT {COLUMNS} FROM change WHERE stage = ? AND event IS NOT NULL ORDER BY id"
            );
            let mut statement = self.connection.prepare_cached(&sql)?;
            let mut position = Position::new(now);
            for change in statement.query_map([stage], change)? {
                if let Some(event) = change?.event() {
                    position = position.apply(&event);
                }
            }
            Ok(position)
        };
        query().map_err(|source| self.wrong(source))
    }

    /// Every stage of which a change is kept.
    pub fn stages(&self) -> Result<Vec<String>, JournalError> {
        let query = || -> rusqlite::Result<Vec<_>> {
            let sql = "SELECT DISTINCT stage FROM change ORDER BY stage";
            let mut statement = self.connection.prepare(sql)?;
            statement.query_map([], |row| row.get(0))?.collect()
        };
        query().map_err(|source| self.wrong(source))
    }

    /// The latest changes, the last first: of one stage, or of all.
    pub fn changes(&self, stage: Option<&str>, limit: usize) -> Result<Vec<Change>, JournalError> {
        let query = || -> rusqlite::Result<Vec<_>> {
            let sql = format!(
                "SELECT {COLUMNS} FROM change WHERE ?1 IS NULL OR stage = ?1 ORDER BY id DESC LIMIT ?2"
            );
            let mut statement = self.connection.prepare(&sql)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            statement
                .query_map(params![stage, limit], change)?
                .collect()
        };
        query().map_err(|source| self.wrong(source))
    }

    /// Changes whenever another process has written to the journal.
    pub fn others_version(&self) -> Result<i64, JournalError> {
        self.connection
            .pragma_query_value(None, "data_version", |row| row.get(0))
            .map_err(|source| self.wrong(source))
    }

    /// Does something with the database.
    fn run<T>(
        &self,
        act: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        act(&self.connection).map_err(|source| self.wrong(source))
    }

    fn wrong(&self, source: rusqlite::Error) -> JournalError {
        JournalError::Use {
            path: self.path.clone(),
            source,
        }
    }
}

fn change(row: &Row<'_>) -> rusqlite::Result<Change> {
    let name = row.get(10)?;
    let author: String = row.get(9)?;
    let what = NewChange {
        stage: row.get(2)?,
        from: share(row, 3)?,
        to: share(row, 5)?,
        declared: share(row, 7)?,
        by: match &*author {
            "file" => Author::File,
            "rollout" => Author::Rollout,
            _ => Author::Admin(name),
        },
        why: row.get(11)?,
        event: read_json(row, 12)?,
    };
    Ok(Change {
        id: row.get(0)?,
        time: moment(row.get(1)?),
        what,
    })
}

fn share(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Share>> {
    let mode: Option<String> = row.get(at)?;
    let weight: Option<u16> = row.get(at + 1)?;
    let (Some(mode), Some(weight)) = (mode, weight) else {
        return Ok(None);
    };
    let unknown = || {
        let error = format!("`{mode}` is no mode");
        rusqlite::Error::FromSqlConversionFailure(at, Type::Text, error.into())
    };
    Ok(Some(Share {
        mode: Mode::named(&mode).ok_or_else(unknown)?,
        weight: Weight::from_basis_points(weight),
    }))
}

/// A document as it is kept.
fn json<T: Serialize>(document: &T) -> rusqlite::Result<String> {
    serde_json::to_string(document)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// A document that was kept, if one was.
fn read_json<T: DeserializeOwned>(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(at)?;
    let read = |text: String| {
        serde_json::from_str(&text).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(at, Type::Text, error.into())
        })
    };
    text.map(read).transpose()
}

fn moment(millis: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

#[cfg(test)]
mod tests;
