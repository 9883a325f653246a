//! [`Database`]: the SQLite file of a data folder, used from async code.
//!
//! One thread writes. What is asked for while it waits for the disk goes into
//! the next transaction together (group commit), so that many writers share
//! one `fsync`; nobody is answered before what he wrote has reached the disk.
//! Reading takes place on tokio's threads for blocking work, beside the writer,
//! and sees everything that was answered before.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::oneshot;

/// An open database. Clones are the same one; it closes with the last.
#[derive(Clone, Debug)]
pub struct Database {
    shared: Arc<Shared>,
}

/// Why a database cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The file cannot be opened or made.
    #[error("the database {path} cannot be opened: it must lie on a local disk and be writable")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Arc<rusqlite::Error>,
    },
    /// It is no database, or not as SQLite left it.
    #[error("the database {path} is damaged: restore the data folder from a backup")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: Arc<rusqlite::Error>,
    },
    /// Another program's, or not of this version.
    #[error("the database {path} is of version {version}, and this cutline knows {known}")]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: i64,
        /// Ours.
        known: i64,
    },
    /// There is no room for what was to be written. Nothing of it was.
    #[error("the disk of the database {path} is full: make room; nothing was lost")]
    Full {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: Arc<rusqlite::Error>,
    },
    /// It was opened, and cannot be read or written.
    #[error("the database {path} cannot be used")]
    Use {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Arc<rusqlite::Error>,
    },
    /// Its thread has ended.
    #[error("the database {path} is closed")]
    Closed {
        /// The file.
        path: PathBuf,
    },
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    /// What the writer is asked by, until it is to end.
    jobs: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
    /// Connections that nobody reads with now.
    readers: Mutex<Vec<Connection>>,
    /// Dropped last.
    _guard: Box<dyn Any + Send + Sync>,
}

/// What is to be written: run in a transaction with others, or given the reason
/// why there is none.
type Job = Box<dyn FnOnce(Outcome<&Connection>) -> Done + Send>;

/// Of a job that was run.
struct Done {
    /// Why it failed, if it did.
    error: Option<Arc<rusqlite::Error>>,
    /// Tells who asked, once it is known whether the transaction is committed.
    answer: Box<dyn FnOnce(Outcome<()>) + Send>,
}

type Outcome<T> = Result<T, Arc<rusqlite::Error>>;

/// Marks a database as the runtime's: `cutr`.
const APPLICATION_ID: i64 = 0x6375_7472;

/// The database's tables. A version that was released never changes; a later
/// one is a step from it.
const VERSION: i64 = 1;
const TABLES: &str = "
    CREATE TABLE cell (
        key      TEXT NOT NULL PRIMARY KEY,
        revision INTEGER NOT NULL,
        value    BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE counter (value INTEGER NOT NULL) STRICT;
    INSERT INTO counter VALUES (0);
    CREATE TABLE message (
        id       INTEGER PRIMARY KEY AUTOINCREMENT,
        queue    TEXT NOT NULL,
        body     BLOB NOT NULL,
        inserted INTEGER NOT NULL,
        visible  INTEGER NOT NULL,
        dequeued INTEGER NOT NULL,
        receipt  INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX message_next ON message (queue, visible, id);";

/// The most that share a commit.
const MOST: usize = 256;

/// Connections kept for later readers.
const READERS: usize = 4;

impl Database {
    /// Opens the database, making it where there is none. Blocks.
    pub fn open(path: &Path) -> Result<Database, DatabaseError> {
        Database::guarded(path, ())
    }

    /// As [`Database::open`]; `guard` is dropped when all is written and the
    /// database is closed.
    pub(super) fn guarded(
        path: &Path,
        guard: impl Any + Send + Sync,
    ) -> Result<Database, DatabaseError> {
        let connection = open(path)?;
        let (jobs, asked) = mpsc::channel();
        let writer = std::thread::Builder::new()
            .name("cutline-database".to_owned())
            .spawn(move || write_all(&connection, &asked));
        let writer = writer.map_err(|error| DatabaseError::Open {
            path: path.to_owned(),
            source: Arc::new(rusqlite::Error::ToSqlConversionFailure(error.into())),
        })?;
        Ok(Database {
            shared: Arc::new(Shared {
                path: path.to_owned(),
                jobs: Some(jobs),
                writer: Some(writer),
                readers: Mutex::default(),
                _guard: Box::new(guard),
            }),
        })
    }

    /// Writes in a transaction: all that `act` does or nothing, whatever
    /// happens to others that share the commit. What it returns is on the
    /// disk. Dropping the future does not take the writing back.
    pub async fn write<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let (tell, told) = oneshot::channel();
        let job = Box::new(move |connection: Outcome<&Connection>| {
            let done = connection.and_then(|open| at_once(open, act).map_err(Arc::new));
            let error = done.as_ref().err().cloned();
            let answer = move |committed: Outcome<()>| {
                let done = done.and_then(|value| committed.map(|()| value));
                // Whoever asked may have gone.
                drop(tell.send(done));
            };
            let answer = Box::new(answer);
            Done { error, answer }
        });
        let closed = || DatabaseError::Closed {
            path: self.shared.path.clone(),
        };
        let jobs = self.shared.jobs.as_ref().ok_or_else(closed)?;
        jobs.send(job).map_err(|_| closed())?;
        let done = told.await.map_err(|_| closed())?;
        done.map_err(|source| wrong(&self.shared.path, source))
    }

    /// Reads what is committed by now, as of one moment.
    pub async fn read<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let shared = self.shared.clone();
        let read = tokio::task::spawn_blocking(move || {
            let found = shared.readers().pop();
            let connection = match found {
                Some(connection) => connection,
                None => reader(&shared.path).map_err(Arc::new)?,
            };
            let done = connection
                .unchecked_transaction()
                .and_then(|transaction| act(&transaction));
            let mut readers = shared.readers();
            if readers.len() < READERS {
                readers.push(connection);
            }
            done.map_err(Arc::new)
        });
        match read.await {
            Ok(done) => done.map_err(|source| wrong(&self.shared.path, source)),
            Err(_) => Err(DatabaseError::Closed {
                path: self.shared.path.clone(),
            }),
        }
    }
}

/// Writes a copy of the database at `from` as of one moment to a file that is
/// not there yet, while others read and write, in other processes too. Blocks.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), DatabaseError> {
    let copied = to
        .to_str()
        .ok_or_else(|| rusqlite::Error::InvalidPath(to.to_owned()))
        .and_then(|text| {
            let connection = reader(from)?;
            connection.pragma_update(None, "query_only", false)?;
            connection.execute("VACUUM INTO ?", [text]).map(drop)
        });
    copied.map_err(|source| wrong(to, Arc::new(source)))
}

impl Shared {
    fn readers(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    /// Waits for what is being written.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            // One that panicked has nothing more to write.
            let _ = writer.join();
        }
    }
}

/// The writer's life: as many jobs as there are, one commit, and again.
fn write_all(connection: &Connection, jobs: &mpsc::Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
            let error = Arc::new(error);
            (first(Err(error.clone())).answer)(Err(error));
            continue;
        }
        let mut done = Vec::new();
        let jobs = std::iter::once(first).chain(jobs.try_iter()).take(MOST);
        let committed = commit(connection, jobs, &mut done);
        for done in done {
            (done.answer)(committed.clone());
        }
    }
}

fn commit(
    connection: &Connection,
    jobs: impl Iterator<Item = Job>,
    done: &mut Vec<Done>,
) -> Outcome<()> {
    for job in jobs {
        let one = job(Ok(connection));
        let error = one.error.clone();
        done.push(one);
        // A full disk makes SQLite give up the whole transaction; then the
        // jobs before this one are undone, too.
        if let (Some(error), true) = (error, connection.is_autocommit()) {
            return Err(error);
        }
    }
    connection.execute_batch("COMMIT").map_err(|error| {
        // Where it is no longer open, there is nothing to take back.
        let _ = connection.execute_batch("ROLLBACK");
        Arc::new(error)
    })
}

/// All of `act` or nothing of it, within a transaction.
fn at_once<T>(
    connection: &Connection,
    act: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let run = |sql| connection.prepare_cached(sql)?.execute([]);
    run("SAVEPOINT job")?;
    let done = act(connection);
    if done.is_err() && !connection.is_autocommit() {
        run("ROLLBACK TO job")?;
    }
    if !connection.is_autocommit() {
        run("RELEASE job")?;
    }
    done
}

fn open(path: &Path) -> Result<Connection, DatabaseError> {
    let wrong = |source: rusqlite::Error| match wrong(path, Arc::new(source)) {
        DatabaseError::Use { path, source } => DatabaseError::Open { path, source },
        other => other,
    };
    let connection = Connection::open(path).map_err(wrong)?;
    set_up(&connection).map_err(wrong)?;
    let (application, version) = whose(&connection).map_err(wrong)?;
    match (application, version) {
        (0, 0) => make(&connection).map_err(wrong)?,
        (APPLICATION_ID, VERSION) => {}
        _ => {
            return Err(DatabaseError::Version {
                path: path.to_owned(),
                version,
                known: VERSION,
            });
        }
    }
    Ok(connection)
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")
}

fn whose(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get(0));
    Ok((pragma("application_id")?, pragma("user_version")?))
}

fn make(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE; {TABLES}
         PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT"
    ))
}

fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn wrong(path: &Path, source: Arc<rusqlite::Error>) -> DatabaseError {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => DatabaseError::Full { path, source },
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            DatabaseError::Damaged { path, source }
        }
        _ => DatabaseError::Use { path, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;

    fn put(key: &str) -> impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + use<> {
        let key = key.to_owned();
        move |connection| {
            let sql = "INSERT INTO cell VALUES (?, 1, x'00')";
            connection.prepare_cached(sql)?.execute([key]).map(drop)
        }
    }

    fn count(connection: &Connection) -> rusqlite::Result<u64> {
        connection.query_row("SELECT count(*) FROM cell", [], |row| row.get(0))
    }

    #[tokio::test]
    async fn what_fails_takes_nothing_else_of_its_commit_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("a.sqlite")).unwrap();
        let twice = |key: &str| {
            let (first, second) = (put(key), put(key));
            move |connection: &Connection| first(connection).and_then(|()| second(connection))
        };
        let (one, two, three) = tokio::join!(
            database.write(put("one")),
            database.write(twice("two")),
            database.write(put("three")),
        );
        assert!(one.is_ok() && two.is_err() && three.is_ok());
        assert_eq!(database.read(count).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_reader_sees_all_that_was_answered() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("a.sqlite")).unwrap();
        let keys: Vec<_> = (0..500).map(|n| n.to_string()).collect();
        let written = join_all(keys.iter().map(|key| database.write(put(key)))).await;
        assert!(written.iter().all(Result::is_ok));
        assert_eq!(database.read(count).await.unwrap(), 500);
        let error = database.read(put("x")).await.unwrap_err();
        assert!(matches!(error, DatabaseError::Use { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_copy_is_a_database_and_overwrites_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("a.sqlite")).unwrap();
        database.write(put("one")).await.unwrap();
        let (from, to) = (
            folder.path().join("a.sqlite"),
            folder.path().join("b.sqlite"),
        );
        copy(&from, &to).unwrap();
        assert!(copy(&from, &to).is_err());
        let copy = Database::open(&to).unwrap();
        assert_eq!(copy.read(count).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn what_is_no_database_of_ours_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sqlite");
        std::fs::write(
            &path,
            "no database at all, but long enough to be one".repeat(9),
        )
        .unwrap();
        let error = Database::open(&path).unwrap_err().to_string();
        assert!(error.contains("is damaged"), "{error}");
        std::fs::remove_file(&path).unwrap();
        let foreign = Connection::open(&path).unwrap();
        foreign.pragma_update(None, "user_version", 7).unwrap();
        drop(foreign);
        let error = Database::open(&path).unwrap_err().to_string();
        assert!(
            error.contains("is of version 7, and this cutline knows 1"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn where_there_is_no_room_it_says_so_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("a.sqlite")).unwrap();
        let limit = |pages: u32| {
            move |connection: &Connection| {
                let sql = format!("PRAGMA max_page_count = {pages}");
                connection.query_row(&sql, [], |_| Ok(()))
            }
        };
        let large = |connection: &Connection| {
            connection.execute(
                "INSERT INTO cell VALUES ('large', 1, zeroblob(1000000))",
                [],
            )
        };
        database.write(limit(1)).await.unwrap();
        let (small, large) = tokio::join!(database.write(put("small")), database.write(large));
        let error = large.unwrap_err();
        assert!(matches!(error, DatabaseError::Full { .. }), "{error}");
        database.write(limit(1_000_000)).await.unwrap();
        let expected = u64::from(small.is_ok());
        assert_eq!(database.read(count).await.unwrap(), expected);
        database.write(put("after")).await.unwrap();
    }
}
