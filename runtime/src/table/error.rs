//! [`TableError`]: why a table as a whole cannot be read or written.
//!
//! A row that is not as it should be is no error: it is
//! [`Rejected`](super::Rejected), and the rest goes on.

use std::io;

use arrow_schema::ArrowError;
use parquet::errors::ParquetError;

/// Why a table cannot be read, checked or written. Each names the table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The bytes cannot be read.
    #[error("{table}: cannot be read: {source}")]
    Read {
        /// The table's name.
        table: String,
        /// What the system says.
        source: io::Error,
    },
    /// The bytes cannot be written: the disk is full, the folder is gone.
    #[error("{table}: cannot be written: {source}")]
    Write {
        /// The table's name.
        table: String,
        /// What the system says.
        source: io::Error,
    },
    /// Working space on disk, for what does not fit into memory, is not to be
    /// had.
    #[error(
        "no working space on disk: {source}; free some, or point the temporary folder elsewhere"
    )]
    Space {
        /// What the system says.
        #[from]
        source: io::Error,
    },
    /// There is not even a header.
    #[error("{table}: is empty; a CSV begins with a line that names its columns")]
    NoHeader {
        /// The table's name.
        table: String,
    },
    /// The header names more columns than a table may have.
    #[error("{table}: the header names more than {most} columns; is the delimiter {delimiter:?}?")]
    TooWide {
        /// The table's name.
        table: String,
        /// How many a table may have.
        most: usize,
        /// What the header was split at.
        delimiter: char,
    },
    /// A row does not end within what may be held in memory.
    #[error(
        "{table}: line {line}: the row that begins here is longer than {most} bytes; \
         is a quote not closed, or is this another format?"
    )]
    TooLong {
        /// The table's name.
        table: String,
        /// Where the row begins, counted from 1.
        line: u64,
        /// How long a row may be.
        most: usize,
    },
    /// The header is no text.
    #[error("{table}: the header is not valid {encoding}; declare the file's encoding")]
    Header {
        /// The table's name.
        table: String,
        /// What it was read as.
        encoding: &'static str,
    },
    /// A rule of the declaration says something that cannot be.
    #[error("{place}: {problem}")]
    Declaration {
        /// Where it is said.
        place: String,
        /// What is wrong with it, and what to write.
        problem: String,
    },
    /// What is declared names a column that is not there.
    #[error("{table}: has no column {column:?}, which is declared; it has {found}")]
    NoColumn {
        /// The table's name.
        table: String,
        /// The column declared.
        column: String,
        /// Those that are there.
        found: String,
    },
    /// A row is bad, and the declaration says that then the whole table is.
    #[error("{table}: row {row} (line {line}): {reason}")]
    Row {
        /// The table's name.
        table: String,
        /// The row, counted from 1 without the header.
        row: u64,
        /// The line it begins at, counted from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// A Parquet file is truncated or not one.
    #[error("{table}: is no whole Parquet file: {source}")]
    Parquet {
        /// The table's name.
        table: String,
        /// What its reader or writer says.
        source: ParquetError,
    },
    /// A batch cannot be converted or written.
    #[error("{table}: {source}")]
    Arrow {
        /// The table's name.
        table: String,
        /// What the conversion says.
        source: ArrowError,
    },
    /// A database's URL says what cannot be done.
    #[error("{url}: {problem}")]
    Url {
        /// The URL, without a password.
        url: String,
        /// What is wrong with it, and what to write.
        problem: String,
    },
    /// A database refuses.
    #[error("{table}: {doing}: {problem}")]
    Database {
        /// The table's name.
        table: String,
        /// What was asked of it.
        doing: &'static str,
        /// What it says.
        problem: String,
        /// The same may be taken later.
        may_pass: bool,
    },
    /// A transaction over two databases may be in one of them and not in the
    /// other.
    #[error("{table}: it is not known whether the transaction was committed: {source}")]
    Torn {
        /// The database.
        table: String,
        /// What its client says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A value does not fit where the query uses it.
    #[error("{table}: a value does not fit the query: {problem}")]
    Value {
        /// The database.
        table: String,
        /// What it says.
        problem: String,
    },
}

/// What a database's client says went wrong.
pub(super) trait Refusal: std::error::Error {
    /// Whether the same may be taken later: the server was away, a lock was
    /// held. What it has against the statement or the rows stays.
    fn may_pass(&self) -> bool;
}

impl TableError {
    /// Whether another try may help: it was the disk, or a database that could
    /// not answer, not what the table or its declaration says.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            TableError::Read { .. } | TableError::Write { .. } | TableError::Space { .. } => true,
            TableError::Database { may_pass, .. } => *may_pass,
            TableError::Arrow { source, .. } => of_the_system(source),
            TableError::Parquet { source, .. } => of_the_system(source),
            _ => false,
        }
    }

    /// For `map_err`: a failure to read `table`.
    pub(super) fn read(table: &str) -> impl Fn(io::Error) -> TableError {
        move |source| TableError::Read {
            table: table.to_owned(),
            source,
        }
    }

    /// For `map_err`: a failure to write `table`.
    pub(super) fn write(table: &str) -> impl Fn(io::Error) -> TableError {
        move |source| TableError::Write {
            table: table.to_owned(),
            source,
        }
    }

    /// For `map_err`: a failure of Arrow's on `table`.
    pub(super) fn arrow(table: &str) -> impl Fn(ArrowError) -> TableError {
        move |source| TableError::Arrow {
            table: table.to_owned(),
            source,
        }
    }

    /// For `map_err`: a failure of Parquet's on `table`.
    pub(super) fn parquet(table: &str) -> impl Fn(ParquetError) -> TableError {
        move |source| TableError::Parquet {
            table: table.to_owned(),
            source,
        }
    }

    /// For `map_err`: a database that refuses.
    pub(super) fn database<E: Refusal>(
        table: &str,
        doing: &'static str,
    ) -> impl Fn(E) -> TableError {
        move |error| TableError::Database {
            table: table.to_owned(),
            doing,
            problem: chain(&error),
            may_pass: error.may_pass(),
        }
    }
}

/// Whether the system is behind it: a full disk, not broken bytes.
fn of_the_system(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.any(|cause| {
        let system = cause.downcast_ref::<io::Error>();
        system.is_some_and(|error| error.raw_os_error().is_some())
    })
}

/// An error and its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text.replace('\n', "; ")
}
