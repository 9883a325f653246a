//! Sessions: what came of the requests of one client, one after the other, as
//! far as they are kept.

use rusqlite::{Row, params};

use super::pair::{document, hexadecimal};
use super::{Journal, JournalError, moment};
use crate::compare::{Comparison, Verdict};
use crate::verdict::KeptRequest;

/// The requests of one client to a stage, added up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) id: u64,
    /// It is one of the sample, of which matches are kept too. Of the others,
    /// only what differs or cannot be compared is.
    pub(crate) sampled: bool,
    pub(crate) requests: u64,
    pub(crate) mismatches: u64,
    pub(crate) unavailable: u64,
    /// Which of its requests is the first that differs, from 0.
    pub(crate) first: Option<u64>,
}

/// One of its requests.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SessionRequest {
    pub(crate) id: u128,
    pub(crate) time: std::time::SystemTime,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) verdict: Verdict,
    /// That differ, noise left out, each once.
    pub(crate) fields: Vec<String>,
}

impl Journal {
    /// The sessions of a stage since the change `epoch`, that of the latest
    /// request first.
    pub(crate) fn sessions(&self, stage: &str, epoch: u64) -> Result<Vec<Session>, JournalError> {
        // Named one by one: with `*`, the bodies would be carried along.
        let sql = "SELECT session, min(sampled), count(*), \
                   sum(verdict = 'mismatch'), sum(verdict = 'unavailable'), \
                   min(CASE WHEN verdict = 'mismatch' THEN place END) - 1 \
                   FROM (SELECT session, sampled, verdict, number, \
                   row_number() OVER (PARTITION BY session ORDER BY time, number) AS place \
                   FROM pair WHERE stage = ? AND epoch = ? AND session IS NOT NULL) \
                   GROUP BY session ORDER BY max(number) DESC";
        self.run(|from| {
            let mut statement = from.prepare_cached(sql)?;
            statement
                .query_map(params![stage, epoch], session)?
                .collect()
        })
    }

    /// The requests of a session in the order in which they were answered:
    /// `limit` of them, without the `skipped` first.
    pub(crate) fn requests_of(
        &self,
        (stage, epoch, session): (&str, u64, u64),
        skipped: u64,
        limit: u64,
    ) -> Result<Vec<SessionRequest>, JournalError> {
        let sql = "SELECT id, time, request, comparison FROM pair \
                   WHERE session = ? AND stage = ? AND epoch = ? \
                   ORDER BY time, number LIMIT ? OFFSET ?";
        self.run(|from| {
            let mut statement = from.prepare_cached(sql)?;
            let session = format!("{session:016x}");
            let wanted = params![session, stage, epoch, limit, skipped];
            statement.query_map(wanted, request)?.collect()
        })
    }
}

fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: hexadecimal(row, 0, u64::from_str_radix)?,
        sampled: row.get(1)?,
        requests: row.get(2)?,
        mismatches: row.get(3)?,
        unavailable: row.get(4)?,
        first: row.get(5)?,
    })
}

fn request(row: &Row<'_>) -> rusqlite::Result<SessionRequest> {
    let request: KeptRequest = document(row, 2)?;
    let comparison: Comparison = document(row, 3)?;
    let counted = comparison.differences.iter().filter(|own| !own.noise);
    let mut fields: Vec<_> = counted.map(|own| own.field.to_string()).collect();
    fields.dedup();
    Ok(SessionRequest {
        id: hexadecimal(row, 0, u128::from_str_radix)?,
        time: moment(row.get(1)?),
        method: request.method,
        target: request.target,
        verdict: comparison.verdict,
        fields,
    })
}
