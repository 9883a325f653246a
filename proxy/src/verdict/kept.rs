//! [`KeptPair`]: a request and both answers as the journal keeps them, secrets
//! blackened.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};

use super::Answers;
use crate::compare::redact::Redact;
use crate::compare::{self, Comparison};
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
    Text(String),
    Base64(String),
}

/// Bytes of one body that are kept.
pub(crate) const MOST_BODY: usize = 64 << 10;
