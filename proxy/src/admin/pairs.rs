//! The pairs of answers that are kept: a request and what both sides said.
//!
//! What the file names as secret is gone from them already. How many are told at
//! once is bounded, and so are their bytes.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::ErrorDocument;
use super::{Shared, journal, shown};
use crate::compare::{Difference, Verdict};
use crate::journal::Wanted;
use crate::verdict::{KeptAnswer, KeptBody, KeptPair, KeptRequest};

/// As many pairs are told at once, and bytes of their bodies.
const MOST: usize = 200;
const BYTES: usize = 16 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    stage: Option<String>,
    verdict: Option<String>,
    session: Option<String>,
    id: Option<String>,
    limit: Option<usize>,
}

/// Those that are asked for, the latest first.
pub(super) async fn pairs(
    State(shared): State<Arc<Shared>>,
    which: Result<Query<Which>, QueryRejection>,
) -> Response {
    let refuse = |stage: Option<&str>, status, cause: String, mend: &str| {
        ErrorDocument::new(stage, cause, mend).with(status)
    };
    let bad = StatusCode::BAD_REQUEST;
    let which = match which {
        Ok(Query(which)) => which,
        Err(error) => {
            let mend = "?stage=inference&verdict=mismatch&limit=50";
            return refuse(None, bad, error.body_text(), mend);
        }
    };
    let stage = which.stage.as_deref();
    let table = shared.control.running.table();
    if let Some(name) = stage.filter(|name| table.stage(name).is_none()) {
        let cause = "routes.toml names no stage of that name".to_owned();
        let mend = "GET /api/board names them";
        return refuse(Some(name), StatusCode::NOT_FOUND, cause, mend);
    }
    let verdict = which.verdict.as_deref();
    if let Some(other) = verdict.filter(|own| !["match", "mismatch", "unavailable"].contains(own)) {
        let cause = format!("`{other}` is no verdict");
        return refuse(stage, bad, cause, "match, mismatch or unavailable");
    }
    let session = match which
        .session
        .as_deref()
        .map(|hex| u64::from_str_radix(hex, 16))
    {
        None => None,
        Some(Ok(session)) => Some(session),
        Some(Err(_)) => {
            let cause = "that is no session".to_owned();
            return refuse(
                stage,
                bad,
                cause,
                "16 hexadecimal digits, as a pair names it",
            );
        }
    };
    let id = match which.id.as_deref().map(|hex| u128::from_str_radix(hex, 16)) {
        None => None,
        Some(Ok(id)) => Some(id),
        Some(Err(_)) => {
            let cause = "that is no id of a request".to_owned();
            return refuse(
                stage,
                bad,
                cause,
                "32 hexadecimal digits, as the access log has it",
            );
        }
    };
    let wanted = Wanted {
        stage,
        epoch: None,
        verdict,
        session,
        id,
    };
    let limit = which.limit.unwrap_or(50).min(MOST);
    match shared.control.pairs(wanted, limit) {
        Ok(found) => Json(document(found)).into_response(),
        Err(error) => journal(&error),
    }
}

fn document(found: Vec<KeptPair>) -> Pairs {
    let (mut pairs, mut bytes) = (Vec::new(), 0);
    let n_found = found.len();
    for pair in found {
        let bodies = [
            &pair.request.body,
            &pair.monolith.body,
            &pair.candidate.body,
        ];
        bytes += bodies.into_iter().map(length).sum::<usize>();
        if bytes > BYTES && !pairs.is_empty() {
            break;
        }
        pairs.push(told(pair));
    }
    Pairs {
        left_out: n_found - pairs.len(),
        pairs,
    }
}

fn length(body: &KeptBody) -> usize {
    match body {
        KeptBody::None => 0,
        KeptBody::Text { text, .. } => text.len(),
        KeptBody::Base64 { base64, .. } => base64.len(),
    }
}

fn told(pair: KeptPair) -> Pair {
    let comparison = pair.comparison;
    let unavailable = match comparison.verdict {
        Verdict::Match | Verdict::Mismatch => None,
        Verdict::Unavailable(why) => Some(why.to_string()),
    };
    Pair {
        id: format!("{:032x}", pair.id),
        time: shown(pair.time),
        stage: pair.stage,
        route: pair.route,
        session: pair.session.map(|session| format!("{session:016x}")),
        sampled: pair.sampled,
        verdict: VerdictName::from(comparison.verdict),
        unavailable,
        differences: comparison
            .differences
            .into_iter()
            .map(Apart::from)
            .collect(),
        request: Request::from(pair.request),
        monolith: Reply::from(pair.monolith),
        candidate: Reply::from(pair.candidate),
    }
}

/// Pairs of answers.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Pairs {
    /// The latest first.
    pairs: Vec<Pair>,
    /// Found, and too long to be told with the others: ask for them by id.
    left_out: usize,
}

/// A request and what both sides said.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Pair {
    /// The access log's.
    id: String,
    /// RFC 3339, UTC.
    time: String,
    stage: String,
    /// As routes.toml writes it.
    route: String,
    /// The same for all requests of one client, where the stage knows them.
    session: Option<String>,
    /// Kept as one of the sample, whatever came of it.
    sampled: bool,
    verdict: VerdictName,
    /// Why the two cannot be compared.
    unavailable: Option<String>,
    differences: Vec<Apart>,
    request: Request,
    monolith: Reply,
    candidate: Reply,
}

#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Verdict")]
pub(super) enum VerdictName {
    Match,
    Mismatch,
    Unavailable,
}

/// One field that differs.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Difference")]
pub(super) struct Apart {
    /// `status`, `header content-type`, or a JSON pointer with `*` for any
    /// index.
    path: String,
    /// In what way.
    kind: &'static str,
    /// The first place, exactly.
    place: String,
    /// What the monolith has there, shortened; empty where it has nothing.
    monolith: String,
    candidate: String,
    /// At so many places.
    count: u64,
    /// It does not count: the monolith differs from itself like this.
    noise: bool,
}

/// What was asked.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PairRequest")]
pub(super) struct Request {
    method: String,
    /// Path and query.
    target: String,
    headers: Vec<[String; 2]>,
    body: Body,
    /// Something of it is blackened: it cannot be sent again as it was.
    redacted: bool,
}

/// What a side said.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PairAnswer")]
pub(super) struct Reply {
    status: Option<u16>,
    /// Why there is none.
    failure: Option<String>,
    headers: Vec<[String; 2]>,
    body: Body,
    /// To its head.
    milliseconds: f64,
}

/// A body, in one of two ways; neither where there is none or it was not kept.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct Body {
    text: Option<String>,
    base64: Option<String>,
    /// The rest was not kept.
    cut: bool,
}

impl From<Verdict> for VerdictName {
    fn from(verdict: Verdict) -> VerdictName {
        match verdict {
            Verdict::Match => VerdictName::Match,
            Verdict::Mismatch => VerdictName::Mismatch,
            Verdict::Unavailable(_) => VerdictName::Unavailable,
        }
    }
}

impl From<Difference> for Apart {
    fn from(own: Difference) -> Apart {
        Apart {
            path: own.field.to_string(),
            kind: own.kind.name(),
            place: own.place,
            monolith: own.control,
            candidate: own.candidate,
            count: own.count,
            noise: own.noise,
        }
    }
}

impl From<KeptRequest> for Request {
    fn from(kept: KeptRequest) -> Request {
        Request {
            method: kept.method,
            target: kept.target,
            headers: named(kept.headers),
            body: Body::from(kept.body),
            redacted: kept.redacted,
        }
    }
}

impl From<KeptAnswer> for Reply {
    fn from(kept: KeptAnswer) -> Reply {
        Reply {
            status: kept.status,
            failure: kept.failure,
            headers: named(kept.headers),
            body: Body::from(kept.body),
            milliseconds: kept.milliseconds,
        }
    }
}

impl From<KeptBody> for Body {
    fn from(kept: KeptBody) -> Body {
        match kept {
            KeptBody::None => Body::default(),
            KeptBody::Text { text, cut } => Body {
                text: Some(text),
                cut,
                ..Body::default()
            },
            KeptBody::Base64 { base64, cut } => Body {
                base64: Some(base64),
                cut,
                ..Body::default()
            },
        }
    }
}

fn named(headers: Vec<(String, String)>) -> Vec<[String; 2]> {
    headers
        .into_iter()
        .map(|(name, value)| [name, value])
        .collect()
}
