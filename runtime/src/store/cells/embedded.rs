//! Cells in the SQLite database of a data folder.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use rusqlite::{Connection, OptionalExtension, params};

use super::{Cell, CellError, Cells, Revision, Swapped};
use crate::store::database::{Database, DatabaseError};
use crate::store::seal::{self, Key};

/// Cells in a table; sealed where there is a key.
#[derive(Clone, Debug)]
pub struct EmbeddedCells {
    database: Database,
    key: Option<Key>,
}

/// As it lies in the table.
type Row = (i64, Vec<u8>);

impl EmbeddedCells {
    /// The cells of this database, sealed with this key.
    pub fn new(database: Database, key: Option<Key>) -> EmbeddedCells {
        EmbeddedCells { database, key }
    }

    fn sealed(&self, key: &str, value: &Bytes) -> Result<Vec<u8>, CellError> {
        match &self.key {
            Some(by) => seal::seal(by, &context(key), value).map_err(|error| broken(key, error)),
            None => Ok(value.to_vec()),
        }
    }

    fn opened(&self, key: &str, (revision, value): Row) -> Result<Cell, CellError> {
        let value = match &self.key {
            Some(by) => {
                seal::open(by, &context(key), &value).map_err(|error| broken(key, error))?
            }
            None => value,
        };
        Ok(Cell {
            value: value.into(),
            revision: Revision(revision.to_string()),
        })
    }
}

impl Cells for EmbeddedCells {
    fn read<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Cell>, CellError>> {
        Box::pin(async move {
            let owned = key.to_owned();
            let found = self
                .database
                .read(move |connection| row(connection, &owned))
                .await;
            let found = found.map_err(|error| unusable(key, error))?;
            found.map(|row| self.opened(key, row)).transpose()
        })
    }

    fn swap<'a>(
        &'a self,
        key: &'a str,
        seen: Option<&'a Revision>,
        value: Bytes,
    ) -> BoxFuture<'a, Result<Swapped, CellError>> {
        Box::pin(async move {
            let (owned, sealed) = (key.to_owned(), self.sealed(key, &value)?);
            let seen = seen.map(number);
            let swapped = self.database.write(move |connection| {
                match put(connection, &owned, seen, &sealed)? {
                    Some(revision) => Ok(Ok(revision)),
                    None => row(connection, &owned).map(Err),
                }
            });
            match swapped.await.map_err(|error| unusable(key, error))? {
                Ok(revision) => Ok(Swapped::Done(Revision(revision.to_string()))),
                Err(row) => {
                    let there = row.map(|row| self.opened(key, row)).transpose()?;
                    Ok(Swapped::Lost(there))
                }
            }
        })
    }

    fn remove<'a>(
        &'a self,
        key: &'a str,
        seen: &'a Revision,
    ) -> BoxFuture<'a, Result<bool, CellError>> {
        Box::pin(async move {
            let (owned, seen) = (key.to_owned(), number(seen));
            let removed = self.database.write(move |connection| {
                let sql = "DELETE FROM cell WHERE key = ? AND revision = ?";
                connection
                    .prepare_cached(sql)?
                    .execute(params![owned, seen])
            });
            let removed = removed.await.map_err(|error| unusable(key, error))?;
            Ok(removed > 0)
        })
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(String, Cell)>, CellError>> {
        Box::pin(async move {
            let owned = prefix.to_owned();
            let rows = self
                .database
                .read(move |connection| rows(connection, &owned))
                .await;
            let rows = rows.map_err(|error| unusable(prefix, error))?;
            let opened = rows.into_iter().map(|(key, row)| {
                let cell = self.opened(&key, row)?;
                Ok((key, cell))
            });
            opened.collect()
        })
    }
}

fn row(connection: &Connection, key: &str) -> rusqlite::Result<Option<Row>> {
    let sql = "SELECT revision, value FROM cell WHERE key = ?";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_row([key], |row| Ok((row.get(0)?, row.get(1)?)));
    found.optional()
}

fn rows(connection: &Connection, prefix: &str) -> rusqlite::Result<Vec<(String, Row)>> {
    let sql = "SELECT key, revision, value FROM cell WHERE key >= ? ORDER BY key";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([prefix])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let key: String = row.get(0)?;
        if !key.starts_with(prefix) {
            break;
        }
        found.push((key, (row.get(1)?, row.get(2)?)));
    }
    Ok(found)
}

/// The new revision, unless another was first. Revisions come from one counter,
/// so that a cell that was removed and made again has another one.
fn put(
    connection: &Connection,
    key: &str,
    seen: Option<i64>,
    value: &[u8],
) -> rusqlite::Result<Option<i64>> {
    let next: i64 = connection
        .prepare_cached("UPDATE counter SET value = value + 1 RETURNING value")?
        .query_row([], |row| row.get(0))?;
    let changed = match seen {
        None => {
            let sql = "INSERT INTO cell (key, revision, value) VALUES (?, ?, ?)
                       ON CONFLICT DO NOTHING";
            connection
                .prepare_cached(sql)?
                .execute(params![key, next, value])?
        }
        Some(seen) => {
            let sql = "UPDATE cell SET revision = ?, value = ? WHERE key = ? AND revision = ?";
            connection
                .prepare_cached(sql)?
                .execute(params![next, value, key, seen])?
        }
    };
    Ok((changed > 0).then_some(next))
}

fn number(revision: &Revision) -> i64 {
    // One of another backend is none of ours.
    revision.0.parse().unwrap_or(-1)
}

fn context(key: &str) -> String {
    format!("cell {key}")
}

fn unusable(key: &str, source: DatabaseError) -> CellError {
    CellError::Database {
        key: key.to_owned(),
        source,
    }
}

fn broken(key: &str, source: seal::SealError) -> CellError {
    CellError::Seal {
        key: key.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::cells::contract;

    fn cells(folder: &tempfile::TempDir, key: Option<Key>) -> EmbeddedCells {
        let database = Database::open(&folder.path().join("a.sqlite")).unwrap();
        EmbeddedCells::new(database, key)
    }

    #[tokio::test]
    async fn keeps_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        contract::check(&cells(&folder, None)).await;
    }

    #[tokio::test]
    async fn keeps_the_contract_when_sealed() {
        let folder = tempfile::tempdir().unwrap();
        contract::check(&cells(&folder, Some(Key::new([7; 32])))).await;
    }

    #[tokio::test]
    async fn a_sealed_value_opens_in_its_own_cell_only() {
        let folder = tempfile::tempdir().unwrap();
        let cells = cells(&folder, Some(Key::new([7; 32])));
        cells.swap("a", None, "secret".into()).await.unwrap();
        let moved = cells
            .database
            .write(|connection| connection.execute("UPDATE cell SET key = 'b'", []));
        moved.await.unwrap();
        let error = cells.read("b").await.unwrap_err();
        assert!(matches!(error, CellError::Seal { .. }), "{error}");
    }
}
