//! SQLite, through rusqlite: a query read, and rows put into a table.

mod read;
#[cfg(test)]
mod tests;
mod write;

use std::time::Duration;

use rusqlite::ErrorCode;

pub(super) use read::query;
pub(super) use write::upsert;

use crate::table::error::Refusal;

/// How long a lock that another process holds is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

impl Refusal for rusqlite::Error {
    fn may_pass(&self) -> bool {
        let lasting = [
            ErrorCode::AuthorizationForStatementDenied,
            ErrorCode::ConstraintViolation,
            ErrorCode::DatabaseCorrupt,
            ErrorCode::NotADatabase,
            ErrorCode::ReadOnly,
            ErrorCode::TooBig,
            ErrorCode::TypeMismatch,
            // What has no code of its own: a wrong statement, no such table.
            ErrorCode::Unknown,
        ];
        self.sqlite_error_code()
            .is_some_and(|code| !lasting.contains(&code))
    }
}
