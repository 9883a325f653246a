//! [`KeptPair`]: a request and both answers as the journal keeps them, secrets
//! blackened.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::Answers;
use crate::compare::redact::Redact;
use crate::compare::Comparison;
use crate::outcome::{Captured, Outcome};

/// A request and both answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeptPair {
    pub(crate) time: SystemTime,
    pub(crate) stage: String,
    pub(crate) epoch: u64,
    /// As routes.toml writes it.
    pub(crate) route: String,
    /// The access log's.
    pub(crate) id: u128,
    /// The same for all requests of one client, where the stage knows them.
    pub(crate) session: Option<u64>,
    /// It was kept as one of the sample, whatever came of it.
    pub(crate) sampled: bool,
    pub(crate) comparison: Comparison,
    pub(crate) request: KeptRequest,
    pub(crate) monolith: KeptAnswer,
    pub(crate) candidate: KeptAnswer,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptRequest {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: KeptBody,
    /// Something of it is blackened: it cannot be sent again as it was.
    pub(crate) redacted: bool,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptAnswer {
    pub(crate) status: Option<u16>,
    /// Why there is none.
    pub(crate) failure: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: KeptBody,
    /// To its head.
    pub(crate) milliseconds: f64,
}

/// A body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum KeptBody {
    /// There is none, or it was not kept.
    #[default]
    None,
    /// It is text.
    Text {
        text: String,
        /// The rest was not kept.
        cut: bool,
    },
    /// It is not.
    Base64 {
        base64: String,
        /// The rest was not kept.
        cut: bool,
    },
}

/// Bytes of one body that are kept.
pub(crate) const MOST_BODY: usize = 64 << 10;

impl KeptPair {
    /// None where only one side was asked.
    pub(super) fn of(answers: &Answers, comparison: Comparison, sampled: bool) -> Option<KeptPair> {
        let (monolith, candidate) = answers.sides()?;
        let live = &answers.live;
        let route = &live.table.routes[answers.route];
        let stage = &live.table.stages[route.stage];
        let redact = &live.settings.compare[answers.route].redact;
        let method = route.method.as_ref().map_or("*", |method| method.as_str());
        let asked = &answers.request;
        let (headers, hidden) = headers(&asked.headers, redact);
        let (target, hidden_query) = target(asked.target.as_str(), redact);
        let (body, hidden_body) = body(&asked.headers, &asked.body, redact);
        Some(KeptPair {
            time: answers.time,
            stage: stage.name.to_string(),
            epoch: stage.epoch,
            route: format!("{method} {}", route.template),
            id: answers.id,
            session: answers.keyed.then_some(answers.place),
            sampled,
            comparison,
            request: KeptRequest {
                method: asked.method.to_string(),
                target,
                headers,
                body,
                redacted: hidden || hidden_query || hidden_body,
            },
            monolith: KeptAnswer::of(monolith, redact),
            candidate: KeptAnswer::of(candidate, redact),
        })
    }
}

impl KeptAnswer {
    fn of(outcome: &Outcome, redact: &Redact) -> KeptAnswer {
        let milliseconds = outcome.to_head.as_secs_f64() * 1e3;
        match &outcome.result {
            Ok(reply) => KeptAnswer {
                status: Some(reply.status.as_u16()),
                failure: None,
                headers: headers(&reply.headers, redact).0,
                body: match &reply.body {
                    Captured::Whole(pieces) => body(&reply.headers, pieces, redact).0,
                    Captured::TooLong | Captured::Broken => KeptBody::None,
                },
                milliseconds,
            },
            Err(failure) => KeptAnswer {
                status: None,
                failure: Some(failure.name().to_owned()),
                headers: Vec::new(),
                body: KeptBody::None,
                milliseconds,
            },
        }
    }
}

// SHIM until redact is there
fn headers(headers: &HeaderMap, _: &Redact) -> (Vec<(String, String)>, bool) {
    let shown = headers.iter().map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    (shown.collect(), false)
}
fn target(target: &str, _: &Redact) -> (String, bool) { (target.to_owned(), false) }
fn body(_: &HeaderMap, pieces: &[Bytes], _: &Redact) -> (KeptBody, bool) {
    let bytes = pieces.concat();
    match String::from_utf8(bytes) {
        Ok(text) => (KeptBody::Text { text, cut: false }, false),
        Err(e) => (KeptBody::Base64 { base64: STANDARD.encode(e.into_bytes()), cut: false }, false),
    }
}
