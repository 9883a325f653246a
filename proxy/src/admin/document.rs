//! What the admin interface reads and writes, as JSON.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderMap};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::shown;
use crate::control::Ask;
use crate::journal::{Author, Change};
use crate::rollout::Run;
use crate::route::{Mode, Share};

/// A mode and the percentage that belongs to it.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Share")]
pub(super) struct ShareDocument {
    pub(super) mode: Mode,
    /// Of what the mode says, with two decimals.
    pub(super) percent: f64,
}

impl From<Share> for ShareDocument {
    fn from(share: Share) -> ShareDocument {
        ShareDocument {
            mode: share.mode,
            percent: share.weight.percent(),
        }
    }
}

/// What a stage is to become. What is left out stays, or is the mode's own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Wish")]
pub(super) struct Asked {
    pub(super) mode: Option<Mode>,
    pub(super) percent: Option<f64>,
    /// Who asks, as they call themselves.
    pub(super) who: Option<String>,
    /// Why, in their own words.
    pub(super) why: Option<String>,
}

/// What a stage's rollout is to do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RolloutWish")]
pub(super) struct AskedOfRollout {
    pub(super) action: Ask,
    /// Who asks, as they call themselves.
    pub(super) who: Option<String>,
    /// Why, in their own words.
    pub(super) why: Option<String>,
}

/// A run of both sides on the same input, made elsewhere.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Run")]
pub(super) struct ToldRun {
    /// By which it is found again; told twice, it counts once.
    id: String,
    /// The candidate's run came to no end.
    #[serde(default)]
    failed: bool,
    /// Names of artifacts that differ.
    #[serde(default)]
    differing: Vec<String>,
    /// By name.
    #[serde(default)]
    metrics: BTreeMap<String, BothSides>,
}

/// A metric of both sides.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BothSides {
    monolith: Option<f64>,
    candidate: Option<f64>,
}

impl ToldRun {
    pub(super) fn run(self) -> Run {
        let metrics = self.metrics.into_iter();
        Run {
            id: self.id,
            failed: self.failed,
            differing: self.differing,
            metrics: metrics
                .map(|(name, sides)| (name, (sides.monolith, sides.candidate)))
                .collect(),
        }
    }
}

/// What came of asking.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Changed {
    /// The stage's share now.
    pub(super) now: Option<ShareDocument>,
    /// None where it had that share already.
    pub(super) change: Option<ChangeDocument>,
    /// What should be known of it: that nothing can be copied, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
}

/// Changes, the last first.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Changes {
    pub(super) changes: Vec<ChangeDocument>,
}

/// A change of a stage's share.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Change")]
pub(super) struct ChangeDocument {
    id: i64,
    /// RFC 3339, UTC.
    pub(super) time: String,
    pub(super) stage: String,
    /// None where the stage was not known before.
    pub(super) from: Option<ShareDocument>,
    /// None where the file no longer names the stage.
    pub(super) to: Option<ShareDocument>,
    /// What the file declared at that time.
    declared: Option<ShareDocument>,
    pub(super) by: By,
    /// As they call themselves.
    pub(super) who: String,
    pub(super) why: String,
}

/// Whose word a share is.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum By {
    /// That of routes.toml.
    File,
    /// That of somebody who asked the admin interface.
    Admin,
    /// That of the evidence, by the stage's policy.
    Rollout,
}

pub(super) fn told(change: &Change) -> ChangeDocument {
    let what = &change.what;
    ChangeDocument {
        id: change.id,
        time: shown(change.time),
        stage: what.stage.clone(),
        from: what.from.map(ShareDocument::from),
        to: what.to.map(ShareDocument::from),
        declared: what.declared.map(ShareDocument::from),
        by: By::from(&what.by),
        who: what.by.name().to_owned(),
        why: what.why.clone(),
    }
}

impl From<&Author> for By {
    fn from(author: &Author) -> By {
        match author {
            Author::File => By::File,
            Author::Admin(_) => By::Admin,
            Author::Rollout => By::Rollout,
        }
    }
}

/// Why something was not done.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub(super) struct ErrorDocument {
    /// The stage it is about, if it is about one.
    stage: Option<String>,
    /// What is wrong.
    cause: String,
    /// What to do.
    mend: String,
}

impl ErrorDocument {
    pub(super) fn new(stage: Option<&str>, cause: String, mend: &str) -> ErrorDocument {
        ErrorDocument {
            stage: stage.map(str::to_owned),
            cause,
            mend: mend.to_owned(),
        }
    }

    pub(super) fn with(self, status: StatusCode) -> Response {
        (status, Json(self)).into_response()
    }
}

/// The JSON that a request carries, or why it is refused; `example` shows how
/// to say it.
pub(super) fn said<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
    stage: Option<&str>,
    example: &str,
) -> Result<T, (StatusCode, ErrorDocument)> {
    let refusal =
        |status, cause: String, mend: &str| (status, ErrorDocument::new(stage, cause, mend));
    let body =
        body.map_err(|error| refusal(error.status(), error.body_text(), "say it shorter"))?;
    // A page of another site can send a form without being asked; not this.
    let json = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    if json.is_none_or(|kind| kind.split(';').next() != Some("application/json")) {
        let cause = "the body is not said to be JSON".to_owned();
        let mend = "send content-type: application/json";
        return Err(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, cause, mend));
    }
    serde_json::from_slice(&body)
        .map_err(|error| refusal(StatusCode::BAD_REQUEST, error.to_string(), example))
}

/// The whole proxy as it stands.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Status {
    pub(super) version: &'static str,
    /// RFC 3339, UTC.
    pub(super) started: String,
    /// Where clients connect.
    pub(super) listen: Vec<String>,
    pub(super) file: FileDocument,
    pub(super) monolith: Vec<UpstreamDocument>,
    pub(super) stages: Vec<StageDocument>,
    /// Of routes that no stage owns.
    pub(super) unowned: Traffic,
}

/// routes.toml.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "File")]
pub(super) struct FileDocument {
    pub(super) path: String,
    /// Why what it says now is not in place.
    pub(super) refused: Option<RefusedFile>,
    /// Fields that have changed and are read at start only.
    pub(super) restart_for: Vec<&'static str>,
}

/// What is wrong with it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RefusedFile {
    /// RFC 3339, UTC.
    pub(super) since: String,
    pub(super) message: String,
    pub(super) line: Option<usize>,
    pub(super) column: Option<usize>,
    pub(super) mend: Option<String>,
}

/// A process that requests are sent to.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Upstream")]
pub(super) struct UpstreamDocument {
    pub(super) url: String,
    /// False while it is left out because it failed too often.
    pub(super) healthy: bool,
}

/// One stage.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Stage")]
pub(super) struct StageDocument {
    pub(super) name: String,
    pub(super) now: ShareDocument,
    /// What routes.toml says.
    pub(super) declared: ShareDocument,
    pub(super) since: Option<SinceDocument>,
    pub(super) candidate: Vec<UpstreamDocument>,
    pub(super) traffic: Traffic,
}

/// Since when, and because of whom, the share is what it is.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Since")]
pub(super) struct SinceDocument {
    /// RFC 3339, UTC.
    pub(super) time: String,
    pub(super) by: By,
    pub(super) who: String,
    pub(super) why: String,
}

/// What was counted since the proxy started.
#[derive(Debug, Default, PartialEq, Serialize, JsonSchema)]
pub(super) struct Traffic {
    /// By how they ended: monolith, candidate, fallback, refused, aborted.
    pub(super) requests: BTreeMap<String, u64>,
    /// Requests that a side gave no answer to, by side.
    pub(super) failures: BTreeMap<String, u64>,
    /// Copies sent, by the side that got them.
    pub(super) mirrored: BTreeMap<String, u64>,
    /// Copies that were due and not sent, by reason; none that is 0.
    pub(super) dropped: BTreeMap<String, u64>,
    /// To the end of the answer, by the side that was chosen.
    pub(super) seconds: BTreeMap<String, Quantiles>,
}

/// As far as the buckets of the histogram tell, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub(super) struct Quantiles {
    pub(super) p50: f64,
    pub(super) p99: f64,
}
