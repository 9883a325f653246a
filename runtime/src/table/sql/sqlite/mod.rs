//! SQLite, through rusqlite: a query read, rows put into a table, and tables
//! handed over to another file.

mod hand_over;
mod lookup;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::time::Duration;

use rusqlite::ErrorCode;

pub use hand_over::Sum;
pub(super) use hand_over::{could_hand_over, hand_over, sums};
pub(super) use lookup::lookup;
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
