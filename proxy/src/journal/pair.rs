//! The pairs of answers that are kept, and which of them give way.

use std::num::ParseIntError;
use std::time::UNIX_EPOCH;

use rusqlite::types::{Type, ValueRef};
use rusqlite::{Row, params};

use super::{Journal, JournalError, json, moment, read_json};
use crate::compare::Verdict;
use crate::verdict::KeptPair;

/// Which pairs are asked for, the latest first.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted<'a> {
    pub(crate) stage: Option<&'a str>,
    /// Since that change.
    pub(crate) epoch: Option<u64>,
    /// `match`, `mismatch` or `unavailable`.
    pub(crate) verdict: Option<&'a str>,
    pub(crate) session: Option<u64>,
    pub(crate) id: Option<u128>,
}

const COLUMNS: &str = "time, stage, epoch, route, id, session, sampled, comparison, request, \
                       monolith, candidate";

/// Bytes of all pairs.
pub(super) const SIZE: &str = "SELECT coalesce(sum(bytes), 0) FROM pair";

impl Journal {
    /// The latest pairs of those that are wanted, the last first.
    pub(crate) fn pairs(
        &self,
        wanted: Wanted<'_>,
        limit: usize,
    ) -> Result<Vec<KeptPair>, JournalError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM pair WHERE (?1 IS NULL OR stage = ?1) \
             AND (?2 IS NULL OR epoch = ?2) AND (?3 IS NULL OR verdict = ?3) \
             AND (?4 IS NULL OR session = ?4) AND (?5 IS NULL OR id = ?5) \
             ORDER BY number DESC LIMIT ?6"
        );
        self.run(|from| {
            let mut statement = from.prepare_cached(&sql)?;
            let session = wanted.session.map(|session| format!("{session:016x}"));
            let id = wanted.id.map(|id| format!("{id:032x}"));
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let wanted = params![
                wanted.stage,
                wanted.epoch,
                wanted.verdict,
                session,
                id,
                limit
            ];
            statement.query_map(wanted, pair)?.collect()
        })
    }

    pub(super) fn put_pair(&self, pair: &KeptPair) -> Result<(), JournalError> {
        let sql = format!(
            "INSERT INTO pair ({COLUMNS}, verdict, bytes) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        );
        let since = pair.time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        self.run(|to| {
            let comparison = json(&pair.comparison)?;
            let request = json(&pair.request)?;
            let (monolith, candidate) = (json(&pair.monolith)?, json(&pair.candidate)?);
            let bytes = comparison.len() + request.len() + monolith.len() + candidate.len();
            to.prepare_cached(&sql)?.execute(params![
                millis,
                pair.stage,
                pair.epoch,
                pair.route,
                format!("{:032x}", pair.id),
                pair.session.map(|session| format!("{session:016x}")),
                pair.sampled,
                comparison,
                request,
                monolith,
                candidate,
                verdict(pair.comparison.verdict),
                bytes
            ])
        })?;
        Ok(())
    }

    /// Removes the oldest pairs until the others fit into `room` bytes.
    pub(super) fn make_room_for_pairs(&self, room: u64) -> Result<(), JournalError> {
        self.run(|from| {
            let mut sum = from.prepare_cached(SIZE)?;
            let mut taken: u64 = sum.query_row([], |row| row.get(0))?;
            while taken > room {
                // A hundred at once: seldom more than a second's are too many.
                let mut removed = from.prepare_cached(
                    "DELETE FROM pair WHERE number IN \
                     (SELECT number FROM pair ORDER BY number LIMIT 100) RETURNING bytes",
                )?;
                let removed = removed.query_map([], |row| row.get::<_, u64>(0))?;
                let removed = removed.collect::<rusqlite::Result<Vec<_>>>()?;
                taken = taken.saturating_sub(removed.iter().sum());
                if removed.is_empty() {
                    break;
                }
            }
            Ok(())
        })
    }
}

/// As it is asked for.
fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Match => "match",
        Verdict::Mismatch => "mismatch",
        Verdict::Unavailable(_) => "unavailable",
    }
}

fn pair(row: &Row<'_>) -> rusqlite::Result<KeptPair> {
    let has_session = row.get_ref(5)? != ValueRef::Null;
    Ok(KeptPair {
        time: moment(row.get(0)?),
        stage: row.get(1)?,
        epoch: row.get(2)?,
        route: row.get(3)?,
        id: hexadecimal(row, 4, u128::from_str_radix)?,
        session: match has_session {
            true => Some(hexadecimal(row, 5, u64::from_str_radix)?),
            false => None,
        },
        sampled: row.get(6)?,
        comparison: document(row, 7)?,
        request: document(row, 8)?,
        monolith: document(row, 9)?,
        candidate: document(row, 10)?,
    })
}

/// A number that is kept as its hexadecimal digits.
pub(super) fn hexadecimal<T>(
    row: &Row<'_>,
    at: usize,
    read: fn(&str, u32) -> Result<T, ParseIntError>,
) -> rusqlite::Result<T> {
    let digits: String = row.get(at)?;
    read(&digits, 16)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(at, Type::Text, error.into()))
}

pub(super) fn document<T: serde::de::DeserializeOwned>(
    row: &Row<'_>,
    at: usize,
) -> rusqlite::Result<T> {
    read_json(row, at)?.ok_or(rusqlite::Error::InvalidColumnType(
        at,
        "NULL".to_owned(),
        rusqlite::types::Type::Null,
    ))
}
