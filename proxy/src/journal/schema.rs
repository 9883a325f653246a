//! The database itself: whose it is, and in which version.

use std::path::Path;

use rusqlite::{Connection, ErrorCode};

use super::JournalError;

/// Marks a database as ours: `cutl`.
const APPLICATION_ID: i64 = 0x6375_746c;

/// One step each from one version to the next; a step that was released never
/// changes. Modes are names, weights basis points, times milliseconds since
/// 1970.
const STEPS: [&str; 3] = [
    "CREATE TABLE change (
        id              INTEGER PRIMARY KEY AUTOINCREMENT,
        time            INTEGER NOT NULL,
        stage           TEXT NOT NULL,
        from_mode       TEXT,
        from_weight     INTEGER,
        to_mode         TEXT,
        to_weight       INTEGER,
        declared_mode   TEXT,
        declared_weight INTEGER,
        author          TEXT NOT NULL CHECK (author IN ('file', 'admin')),
        name            TEXT NOT NULL,
        why             TEXT NOT NULL
    ) STRICT;
    CREATE INDEX change_of_stage ON change (stage, id);",
    // Rollouts change shares too, and what they do may leave the share as it
    // is. An event is JSON.
    "CREATE TABLE changed (
        id              INTEGER PRIMARY KEY AUTOINCREMENT,
        time            INTEGER NOT NULL,
        stage           TEXT NOT NULL,
        from_mode       TEXT,
        from_weight     INTEGER,
        to_mode         TEXT,
        to_weight       INTEGER,
        declared_mode   TEXT,
        declared_weight INTEGER,
        author          TEXT NOT NULL CHECK (author IN ('file', 'admin', 'rollout')),
        name            TEXT NOT NULL,
        why             TEXT NOT NULL,
        event           TEXT
    ) STRICT;
    INSERT INTO changed SELECT *, NULL FROM change;
    DROP TABLE change;
    ALTER TABLE changed RENAME TO change;
    CREATE INDEX change_of_stage ON change (stage, id);",
    // What was seen of both sides' answers. Documents are JSON; an epoch is the
    // id of the change it began with; ids of pairs are hexadecimal.
    "CREATE TABLE step (
        stage    TEXT NOT NULL,
        epoch    INTEGER NOT NULL,
        evidence TEXT NOT NULL,
        summary  TEXT NOT NULL,
        PRIMARY KEY (stage, epoch)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE noise (
        stage  TEXT NOT NULL PRIMARY KEY,
        learnt TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE trend (
        stage       TEXT NOT NULL,
        begins      INTEGER NOT NULL,
        answers     INTEGER NOT NULL,
        mismatches  INTEGER NOT NULL,
        unavailable INTEGER NOT NULL,
        PRIMARY KEY (stage, begins)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE pair (
        number     INTEGER PRIMARY KEY AUTOINCREMENT,
        time       INTEGER NOT NULL,
        stage      TEXT NOT NULL,
        epoch      INTEGER NOT NULL,
        route      TEXT NOT NULL,
        id         TEXT NOT NULL,
        session    TEXT,
        sampled    INTEGER NOT NULL,
        verdict    TEXT NOT NULL CHECK (verdict IN ('match', 'mismatch', 'unavailable')),
        comparison TEXT NOT NULL,
        request    TEXT NOT NULL,
        monolith   TEXT NOT NULL,
        candidate  TEXT NOT NULL,
        bytes      INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX pair_of_stage ON pair (stage, verdict, number);
    CREATE INDEX pair_sizes ON pair (bytes);
    CREATE INDEX pair_by_id ON pair (id);
    CREATE INDEX pair_of_session ON pair (session, number) WHERE session IS NOT NULL;",
];

/// Opens the database, making or bringing it up to date where needed. What is
/// committed to it has reached the disk.
pub(super) fn open(path: &Path) -> Result<Connection, JournalError> {
    let wrong = |source| match &source {
        rusqlite::Error::SqliteFailure(error, _)
            if matches!(
                error.code,
                ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt
            ) =>
        {
            JournalError::Damaged {
                path: path.to_owned(),
                source,
            }
        }
        _ => JournalError::Open {
            path: path.to_owned(),
            source,
        },
    };
    let connection = Connection::open(path).map_err(wrong)?;
    let busy = std::time::Duration::from_secs(5);
    connection.busy_timeout(busy).map_err(wrong)?;
    let version = version(&connection).map_err(wrong)?;
    let version = version.ok_or_else(|| JournalError::Foreign {
        path: path.to_owned(),
    })?;
    if version > STEPS.len() {
        return Err(JournalError::Newer {
            path: path.to_owned(),
            version,
        });
    }
    connection
        .pragma_update(None, "journal_mode", "WAL")
        .and_then(|()| connection.pragma_update(None, "synchronous", "FULL"))
        .and_then(|()| bring_up_to_date(&connection))
        .and_then(|()| intact(&connection))
        .map_err(wrong)?;
    Ok(connection)
}

/// 0 for an empty database, None for someone else's.
fn version(connection: &Connection) -> rusqlite::Result<Option<usize>> {
    let id: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let ours = id == APPLICATION_ID;
    let empty = id == 0 && version == 0 && tables == 0;
    Ok((ours || empty).then(|| usize::try_from(version).unwrap_or(usize::MAX)))
}

/// In one transaction: another process that opens it at the same time waits,
/// and finds it done.
fn bring_up_to_date(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let made = version(connection).and_then(|version| {
        for step in STEPS.iter().skip(version.unwrap_or(0)) {
            connection.execute_batch(step)?;
        }
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.pragma_update(None, "user_version", STEPS.len() as i64)
    });
    match made {
        Ok(()) => connection.execute_batch("COMMIT"),
        Err(error) => {
            connection.execute_batch("ROLLBACK")?;
            Err(error)
        }
    }
}

fn intact(connection: &Connection) -> rusqlite::Result<()> {
    let said: String =
        connection.query_row("PRAGMA quick_check('change')", [], |row| row.get(0))?;
    match &*said {
        "ok" => Ok(()),
        _ => Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
            Some(said),
        )),
    }
}
