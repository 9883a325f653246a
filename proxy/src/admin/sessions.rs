//! The sessions of a stage: whether the whole sequence of a client's requests
//! got the same answers from both sides.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use super::board::Estimate;
use super::differences::rated;
use super::pairs::VerdictName;
use super::{OfStage, Shared, journal, no_stage, shown, wrong_stage};
use crate::compare::noise::wilson;
use crate::control::Control;
use crate::journal::{JournalError, Session, SessionRequest};

/// As many sessions are told with their requests, and requests of one.
const SESSIONS: usize = 20;
const REQUESTS: u64 = 100;

/// Those of a stage at its present share.
pub(super) async fn sessions(
    State(shared): State<Arc<Shared>>,
    which: Result<Query<OfStage>, QueryRejection>,
) -> Response {
    let stage = match which {
        Ok(Query(OfStage { stage })) => stage,
        Err(error) => return wrong_stage(&error),
    };
    match of(&shared.control, &stage) {
        Ok(Some(sessions)) => Json(sessions).into_response(),
        Ok(None) => no_stage(&stage),
        Err(error) => journal(&error),
    }
}

fn of(control: &Control, stage: &str) -> Result<Option<Sessions>, JournalError> {
    let Some((epoch, all)) = control.sessions(stage)? else {
        return Ok(None);
    };
    let (sampled, others): (Vec<_>, Vec<_>) = all.iter().partition(|own| own.sampled);
    let differing = sampled.iter().filter(|own| own.mismatches > 0).count() as u64;
    let is_unknown = |own: &&&Session| own.mismatches == 0 && own.unavailable > 0;
    let unavailable = sampled.iter().filter(is_unknown).count() as u64;
    let compared = sampled.len() as u64 - unavailable;
    let rate = (compared > 0).then(|| rate(differing, compared));
    let told = all.iter().filter(|own| own.mismatches > 0).take(SESSIONS);
    let told = told.map(|own| SessionDocument::of(control, (stage, epoch), own));
    Ok(Some(Sessions {
        stage: stage.to_owned(),
        sentence: rate.map(|rate| rated((differing, compared), "sessions", Some(&rate))),
        matching: compared - differing,
        differing,
        unavailable,
        rate,
        differing_beside: others.iter().filter(|own| own.mismatches > 0).count() as u64,
        sessions: told.collect::<Result<_, _>>()?,
    }))
}

/// A score interval (Wilson 1927) with 99 %, which holds for a look at a time
/// chosen beforehand.
fn rate(differing: u64, compared: u64) -> Estimate {
    let (low, high) = wilson(differing, compared);
    Estimate {
        value: differing as f64 / compared as f64,
        low,
        high: Some(high),
        sure: 0.99,
    }
}

/// What came of whole sequences of requests, each of one client, since the
/// stage's present share began.
///
/// Counted are those of the sample, of which every request is kept; the first
/// ones may have given way to later ones.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Sessions {
    stage: String,
    /// One sentence on all of it; None where none is counted.
    sentence: Option<String>,
    /// In which every request got the same answer from both sides.
    matching: u64,
    /// In which some request did not.
    differing: u64,
    /// In which none is known to differ, and some could not be compared.
    unavailable: u64,
    /// The share of those that differ among those that match or differ.
    rate: Option<Estimate>,
    /// Beside the sample: sessions of which only what differs is kept.
    differing_beside: u64,
    /// Those that differ, of the sample or beside it, the latest first.
    sessions: Vec<SessionDocument>,
}

/// The requests of one client.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Session")]
struct SessionDocument {
    /// By which its pairs are asked for, and sent again.
    session: String,
    /// It is one of the sample; else only what differs, or could not be
    /// compared, is kept and counted here.
    sampled: bool,
    requests: u64,
    mismatches: u64,
    unavailable: u64,
    /// Which request is the first that differs, from 1.
    first_at: Option<u64>,
    /// That request.
    first: Option<RequestDocument>,
    /// The requests in the order in which they were answered, up to a hundred.
    in_order: Vec<RequestDocument>,
}

/// One request of a session.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "SessionRequest")]
struct RequestDocument {
    /// The access log's.
    id: String,
    /// RFC 3339, UTC.
    time: String,
    method: String,
    /// Path and query.
    target: String,
    verdict: VerdictName,
    /// The fields that differ.
    fields: Vec<String>,
}

impl SessionDocument {
    fn of(
        control: &Control,
        (stage, epoch): (&str, u64),
        own: &Session,
    ) -> Result<SessionDocument, JournalError> {
        let requests = |skipped, limit| {
            let requests = control.requests_of((stage, epoch, own.id), skipped, limit)?;
            Ok(requests.into_iter().map(RequestDocument::from).collect())
        };
        let in_order: Vec<_> = requests(0, REQUESTS)?;
        let first = match own.first {
            Some(at) => requests(at, 1)?.pop(),
            None => None,
        };
        Ok(SessionDocument {
            session: format!("{:016x}", own.id),
            sampled: own.sampled,
            requests: own.requests,
            mismatches: own.mismatches,
            unavailable: own.unavailable,
            first_at: own.first.map(|at| at + 1),
            first,
            in_order,
        })
    }
}

impl From<SessionRequest> for RequestDocument {
    fn from(own: SessionRequest) -> RequestDocument {
        RequestDocument {
            id: format!("{:032x}", own.id),
            time: shown(own.time),
            method: own.method,
            target: own.target,
            verdict: VerdictName::from(own.verdict),
            fields: own.fields,
        }
    }
}
