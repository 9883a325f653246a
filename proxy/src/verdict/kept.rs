//! [`KeptPair`]: a request and both answers as the journal keeps them, secrets
//! blackened.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{Answers, Request};
use crate::compare::{Comparison, Rules};
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
        let rules = &live.settings.compare[answers.route];
        let method = route.method.as_ref().map_or("*", |method| method.as_str());
        Some(KeptPair {
            time: answers.time,
            stage: stage.name.to_string(),
            epoch: stage.epoch,
            route: format!("{method} {}", route.template),
            id: answers.id,
            session: answers.keyed.then_some(answers.place),
            sampled,
            comparison,
            request: KeptRequest::of(&answers.request, rules),
            monolith: KeptAnswer::of(monolith, rules),
            candidate: KeptAnswer::of(candidate, rules),
        })
    }
}

impl KeptRequest {
    fn of(request: &Request, rules: &Rules) -> KeptRequest {
        let target = request.target.as_str();
        let query = request.target.query();
        let hidden = query.map(|query| (query, rules.redact.query(query)));
        let hidden = hidden.filter(|(query, hidden)| hidden != query);
        let kept = rules
            .redact
            .request(&request.headers, &request.body.concat(), rules.body);
        KeptRequest {
            method: request.method.to_string(),
            redacted: hidden.is_some() || kept.redacted > 0 || kept.body.is_none(),
            target: match hidden {
                Some((_, hidden)) => format!("{}?{hidden}", request.target.path()),
                None => target.to_owned(),
            },
            headers: kept.headers,
            body: KeptBody::of(kept.body),
        }
    }
}

impl KeptAnswer {
    fn of(outcome: &Outcome, rules: &Rules) -> KeptAnswer {
        let milliseconds = outcome.to_head.as_secs_f64() * 1e3;
        let reply = match &outcome.result {
            Ok(reply) => reply,
            Err(failure) => {
                return KeptAnswer {
                    status: None,
                    failure: Some(failure.name().to_owned()),
                    headers: Vec::new(),
                    body: KeptBody::None,
                    milliseconds,
                };
            }
        };
        let (body, is_whole) = match &reply.body {
            Captured::Whole(pieces) => (pieces.concat(), true),
            Captured::TooLong | Captured::Broken => (Vec::new(), false),
        };
        let kept = rules.redact.answer(&reply.headers, &body, rules);
        KeptAnswer {
            status: Some(reply.status.as_u16()),
            failure: None,
            headers: kept.headers,
            body: KeptBody::of(kept.body.filter(|_| is_whole)),
            milliseconds,
        }
    }
}

impl KeptBody {
    /// Its first [`MOST_BODY`] bytes.
    fn of(body: Option<Vec<u8>>) -> KeptBody {
        let Some(mut body) = body.filter(|body| !body.is_empty()) else {
            return KeptBody::None;
        };
        let cut = body.len() > MOST_BODY;
        body.truncate(MOST_BODY);
        match std::str::from_utf8(&body) {
            Ok(text) => KeptBody::Text {
                text: text.to_owned(),
                cut,
            },
            // Cut within a character.
            Err(error) if cut && error.error_len().is_none() => KeptBody::Text {
                text: String::from_utf8_lossy(&body[..error.valid_up_to()]).into_owned(),
                cut,
            },
            Err(_) => KeptBody::Base64 {
                base64: STANDARD.encode(&body),
                cut,
            },
        }
    }
}
