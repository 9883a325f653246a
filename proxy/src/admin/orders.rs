//! What people tell the proxy to do with a stage.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::{IntoResponse, Response};

use super::Shared;
use super::document::{
    Asked, AskedOfRollout, Changed, ErrorDocument, ShareDocument, ToldRun, said, told,
};
use crate::control::{Refused, Wish};
use crate::decide::may_be_copied;
use crate::journal::{Author, Change};
use crate::route::{Mode, RouteTable, Side};

/// The longest name and reason.
const WORDS: usize = 1_000;

/// Another share for a stage.
pub(super) async fn change(
    State(shared): State<Arc<Shared>>,
    Path(stage): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let example = r#"such as {"mode": "split", "percent": 10, "why": "first customers"}"#;
    let asked: Asked = match said(&headers, body, Some(&stage), example) {
        Ok(asked) => asked,
        Err((status, refusal)) => return refusal.with(status),
    };
    let (by, why) = match signed(&stage, asked.who, asked.why) {
        Ok(signed) => signed,
        Err(refusal) => return refusal.with(StatusCode::BAD_REQUEST),
    };
    let wish = Wish {
        mode: asked.mode,
        percent: asked.percent,
    };
    answer(
        &shared,
        &stage,
        shared.control.change(&stage, wish, by, &why),
    )
}

/// A word on a stage's rollout.
pub(super) async fn steer(
    State(shared): State<Arc<Shared>>,
    Path(stage): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let example = r#"such as {"action": "pause", "why": "we are on call alone"}"#;
    let asked: AskedOfRollout = match said(&headers, body, Some(&stage), example) {
        Ok(asked) => asked,
        Err((status, refusal)) => return refusal.with(status),
    };
    let (by, why) = match signed(&stage, asked.who, asked.why) {
        Ok(signed) => signed,
        Err(refusal) => return refusal.with(StatusCode::BAD_REQUEST),
    };
    let done = shared.control.ask(&stage, asked.action, by, &why);
    answer(&shared, &stage, done.map(Some))
}

/// A run of both sides, made elsewhere.
pub(super) async fn ran(
    State(shared): State<Arc<Shared>>,
    Path(stage): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let example = r#"such as {"id": "2026-11-24", "metrics": {"auc": {"monolith": 0.91, "candidate": 0.912}}}"#;
    let told: ToldRun = match said(&headers, body, Some(&stage), example) {
        Ok(told) => told,
        Err((status, refusal)) => return refusal.with(status),
    };
    match shared.control.ran(&stage, &told.run()) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refused) => refusal(&stage, &refused),
    }
}

/// Who says so, and why.
fn signed(
    stage: &str,
    who: Option<String>,
    why: Option<String>,
) -> Result<(Author, String), ErrorDocument> {
    let who = who.unwrap_or_else(|| "admin".to_owned());
    let why = why.unwrap_or_default();
    if who.len() > WORDS || why.len() > WORDS {
        let cause = format!("who and why have at most {WORDS} bytes");
        return Err(ErrorDocument::new(Some(stage), cause, "say it shorter"));
    }
    Ok((Author::Admin(who), why))
}

fn answer(shared: &Shared, stage: &str, done: Result<Option<Change>, Refused>) -> Response {
    match done {
        Ok(change) => {
            let table = shared.control.running.table();
            let share = table.stage(stage).map(|stage| stage.share);
            Json(Changed {
                now: share.map(ShareDocument::from),
                change: change.as_ref().map(told),
                note: uncopied(&table, stage),
            })
            .into_response()
        }
        Err(refused) => refusal(stage, &refused),
    }
}

/// Says that a stage whose requests should be copied has none that can be.
fn uncopied(table: &RouteTable, name: &str) -> Option<String> {
    let stage = table.stage(name)?;
    let (to, key) = match stage.share.mode {
        Mode::Shadow => (Side::Candidate, "candidate"),
        Mode::ReverseShadow => (Side::Monolith, "monolith"),
        _ => return None,
    };
    let own = table
        .stages
        .iter()
        .position(|known| known.name == stage.name)?;
    let mut routes = table.routes.iter().filter(|route| route.stage == own);
    match routes.any(|route| may_be_copied(route, to)) {
        true => None,
        false => Some(format!(
            "no request of {name} can be copied: what the {key} does for each of its routes is \
             \"real\". Write side_effects.{key} = \"none\" in routes.toml where it changes nothing, \
             \"honours-shadow\" where it changes nothing for a copy"
        )),
    }
}

fn refusal(stage: &str, refused: &Refused) -> Response {
    let status = match refused {
        Refused::NoSuchStage { .. } => StatusCode::NOT_FOUND,
        Refused::NoCandidate(_) | Refused::NoRollout | Refused::NoRuns | Refused::Rollout(_) => {
            StatusCode::CONFLICT
        }
        Refused::Wish(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Refused::Journal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let (cause, mend) = (refused.to_string(), refused.mend());
    ErrorDocument::new(Some(stage), cause, &mend).with(status)
}
