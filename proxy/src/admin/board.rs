//! What the page shows, as two documents: the [`Board`], and the
//! [`Differences`] of one stage.
//!
//! What nobody has gathered yet is null, and the page says that there is
//! nothing to see; it never guesses. Sentences are written here, where the
//! figures are known, so that page and terminal say the same.

use std::collections::BTreeMap;
use std::time::SystemTime;

use schemars::JsonSchema;
use serde::Serialize;

use super::document::{
    By, FileDocument, Quantiles, ShareDocument, SinceDocument, StageDocument, Traffic,
    UpstreamDocument, told,
};
use super::{differences, rollout, status};
use crate::control::{Control, Seen};
use crate::journal::{Author, Change, JournalError};
use crate::route::RouteTable;

/// How many entries of the history a board holds.
const HISTORY: usize = 50;

/// The board of the moment.
pub(super) fn of(control: &Control, draining: bool) -> Result<Board, JournalError> {
    let status = status::of(control)?;
    let table = control.running.table();
    let changes = control.changes(None, HISTORY)?;
    let history: Vec<_> = changes.iter().map(entry).collect();
    let stages = status.stages.into_iter().map(|stage| {
        let last = control.changes(Some(&stage.name), 1)?;
        let last = last.first().map(entry);
        let seen = control.seen(&stage.name)?;
        Ok(row(stage, &table, seen.as_ref(), last))
    });
    Ok(Board {
        version: status.version,
        started: status.started,
        listen: status.listen,
        draining,
        file: status.file,
        monolith: status.monolith,
        stages: stages.collect::<Result<_, JournalError>>()?,
        unowned: status.unowned,
        history,
    })
}

fn row(
    stage: StageDocument,
    table: &RouteTable,
    seen: Option<&Seen>,
    last: Option<Entry>,
) -> StageBoard {
    let now = SystemTime::now();
    let rollout = seen.and_then(|seen| {
        let (policy, stand) = seen.rollout.as_ref()?;
        Some(rollout::of(&stage.name, policy, stand, &seen.summary, now))
    });
    StageBoard {
        routes: routes(table, &stage.name),
        compared: seen.and_then(differences::compared),
        rollout,
        name: stage.name,
        now: stage.now,
        declared: stage.declared,
        since: stage.since,
        candidate: stage.candidate,
        traffic: stage.traffic,
        last,
    }
}

fn routes(table: &RouteTable, stage: &str) -> Vec<String> {
    let own = table
        .routes
        .iter()
        .filter(|route| *table.stages[route.stage].name == *stage);
    own.map(|route| match &route.method {
        Some(method) => format!("{method} {}", route.template),
        None => route.template.to_string(),
    })
    .collect()
}

fn entry(change: &Change) -> Entry {
    let event = change.what.event;
    let by_evidence = change.what.by == Author::Rollout;
    let change = told(change);
    Entry {
        time: change.time,
        stage: change.stage,
        from: change.from,
        to: change.to,
        by: change.by,
        who: change.who,
        why: change.why,
        judged: event.filter(|_| by_evidence).and_then(rollout::happened),
    }
}

/// Everything at one moment, as somebody on call wants to see it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Board {
    pub(super) version: &'static str,
    /// RFC 3339, UTC.
    pub(super) started: String,
    /// Where clients connect.
    pub(super) listen: Vec<String>,
    /// It ends once the requests in flight have ended.
    pub(super) draining: bool,
    pub(super) file: FileDocument,
    pub(super) monolith: Vec<UpstreamDocument>,
    /// In the order of the file.
    pub(super) stages: Vec<StageBoard>,
    /// Of routes that no stage owns.
    pub(super) unowned: Traffic,
    /// What was changed or decided, in any stage, the last first.
    pub(super) history: Vec<Entry>,
}

/// One stage.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct StageBoard {
    pub(super) name: String,
    /// As routes.toml writes them.
    pub(super) routes: Vec<String>,
    pub(super) now: ShareDocument,
    /// What routes.toml says.
    pub(super) declared: ShareDocument,
    pub(super) since: Option<SinceDocument>,
    /// Empty where the file names no candidate: then only mode monolith can be
    /// had.
    pub(super) candidate: Vec<UpstreamDocument>,
    pub(super) traffic: Traffic,
    /// None where nothing is compared.
    pub(super) compared: Option<Compared>,
    /// None where the file states no policy.
    pub(super) rollout: Option<RolloutBoard>,
    /// What was decided last, or changed where nothing was decided.
    pub(super) last: Option<Entry>,
}

/// What came of comparing the two sides' answers, at the present share.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Compared {
    /// Pairs that could be compared.
    pub(super) answers: u64,
    /// Those that differ in more than noise.
    pub(super) mismatches: u64,
    /// Those that differ in noise alone, and count as alike.
    pub(super) excused: u64,
    /// Pairs that could not be compared, by reason.
    pub(super) unavailable: BTreeMap<String, u64>,
    /// The share of the answers that differ, noise left out.
    pub(super) rate: Option<Estimate>,
    /// Of both sides over the same requests; None of a side that was not
    /// measured.
    pub(super) monolith: Option<Quantiles>,
    pub(super) candidate: Option<Quantiles>,
    /// The oldest first, one for each stretch of time.
    pub(super) trend: Vec<TrendPoint>,
}

/// What was measured, and between what the truth lies.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub(super) struct Estimate {
    pub(super) value: f64,
    /// The truth is not below this, with the certainty `sure`.
    pub(super) low: f64,
    /// Nor above this; None where nobody can tell.
    pub(super) high: Option<f64>,
    /// Such as 0.99.
    pub(super) sure: f64,
}

/// A stretch of time.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub(super) struct TrendPoint {
    /// When it began, in seconds since 1970.
    pub(super) time: u64,
    /// How long it is.
    pub(super) seconds: u64,
    pub(super) answers: u64,
    pub(super) mismatches: u64,
    /// Answers that a side failed to give.
    pub(super) errors: u64,
}

/// Where a rollout stands.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Rollout")]
pub(super) struct RolloutBoard {
    pub(super) steps: Vec<Step>,
    /// The index of the step it stands at, or of the last one below a share that
    /// somebody has set; None before the first. The next one follows it.
    pub(super) at: Option<usize>,
    pub(super) evidence: EvidenceKind,
    pub(super) judged: Judged,
    /// Why, in one sentence with its figures.
    pub(super) sentence: String,
    /// The whole paragraph, where there is more to say.
    pub(super) explanation: Option<String>,
    /// Answers, or runs, gathered at this step.
    pub(super) gathered: u64,
    /// As far as can be told, how many of them the next step takes in all.
    pub(super) needed: Option<u64>,
    /// Seconds until then at the present rate.
    pub(super) seconds_left: Option<f64>,
    /// What counts as good, and what is known of it.
    pub(super) criteria: Vec<Criterion>,
    /// What can be asked of it now.
    pub(super) actions: Vec<Action>,
    /// The share a rollback would set; None where there is nowhere to go.
    pub(super) back_to: Option<ShareDocument>,
}

/// One of a policy's steps.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Step {
    /// As the file writes it: `shadow`, `25 %`, `reverse-shadow`.
    pub(super) name: String,
    pub(super) share: ShareDocument,
    /// A person has to confirm it.
    pub(super) confirm: bool,
}

/// What evidence is made of.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum EvidenceKind {
    Requests,
    Runs,
}

/// What the evidence comes to.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Judged {
    /// Nobody has started it.
    NotStarted,
    /// The next step is taken.
    Advance,
    /// Neither good nor bad for sure; it waits for more.
    Hold,
    NotEnoughEvidence,
    RolledBack,
    Paused,
    AwaitingConfirmation,
    /// The last step is reached, and holds.
    Done,
}

/// One of the limits a candidate is held to.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Criterion {
    pub(super) name: CriterionName,
    /// How `estimate` and `limit` are to be read.
    pub(super) unit: Unit,
    /// None while nothing was measured.
    pub(super) estimate: Option<Estimate>,
    pub(super) limit: f64,
    /// What it rests on: pairs, or requests of the candidate.
    pub(super) gathered: u64,
    /// How many of them it takes in all, if all goes on as it did; None once it
    /// stands within its limit, and where nobody can tell.
    pub(super) needed: Option<u64>,
    pub(super) standing: Standing,
}

#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CriterionName {
    Mismatch,
    Errors,
    LatencyRatio,
    LabelFlips,
    ScoreDrift,
}

#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Unit {
    /// From 0 to 1, shown as a percentage.
    Share,
    /// Candidate by monolith, shown as `1.2×`.
    Ratio,
    Number,
}

/// On which side of a limit the truth lies.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Standing {
    /// Within it, for sure.
    Within,
    /// Over it, for sure.
    Over,
    /// Nobody can tell yet.
    Open,
}

/// What can be asked of a rollout.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Action {
    Start,
    Pause,
    Resume,
    RollBack,
    Advance,
    Confirm,
}

/// A change of a share, or a decision that left it as it was.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Entry {
    /// RFC 3339, UTC.
    pub(super) time: String,
    pub(super) stage: String,
    /// Both null where the share stayed.
    pub(super) from: Option<ShareDocument>,
    pub(super) to: Option<ShareDocument>,
    pub(super) by: By,
    /// As they call themselves.
    pub(super) who: String,
    pub(super) why: String,
    /// None where a person or the file changed it.
    pub(super) judged: Option<Judged>,
}

/// What differs between the two sides' answers of a stage.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Differences {
    pub(super) stage: String,
    /// None where nothing is compared.
    pub(super) compared: Option<Compared>,
    /// One sentence on all of it.
    pub(super) sentence: Option<String>,
    /// What differs most first; noise last.
    pub(super) fields: Vec<Field>,
    /// What differs and does not count, such as the two sides' codings.
    pub(super) remarks: Vec<String>,
    /// None where the file names no predictions.
    pub(super) predictions: Option<PredictionsBoard>,
    /// The latest first.
    pub(super) examples: Vec<Example>,
}

/// A place in answers, and a way in which they differ there.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Field {
    /// `status`, `header content-type`, or a JSON pointer with `*` for any
    /// index: `/customers/*/score`.
    pub(super) path: String,
    /// In how many answers it differs.
    pub(super) count: u64,
    /// How it differs, in a few words.
    pub(super) how: Option<String>,
    /// Between numbers.
    pub(super) largest: Option<f64>,
    pub(super) label_flips: Option<u64>,
    /// Set where the field is noise, which does not count.
    pub(super) noise: Option<NoiseBoard>,
    /// What the two sides have there, shortened.
    pub(super) excerpts: Vec<Excerpt>,
    /// Those of `examples` that show it, by id.
    pub(super) examples: Vec<String>,
}

/// One field of one pair.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Excerpt {
    /// The access log's id.
    pub(super) id: String,
    /// Exactly where.
    pub(super) place: String,
    /// Empty where it has nothing.
    pub(super) monolith: String,
    pub(super) candidate: String,
}

/// Why a field is held to be noise: the monolith differs from itself.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Noise")]
pub(super) struct NoiseBoard {
    /// How often the monolith was asked twice.
    pub(super) asked: u64,
    /// How often the two answers differed there.
    pub(super) differed: u64,
    /// `a time`, `an identifier`, …
    pub(super) looks_like: Option<String>,
}

/// What the two sides predicted.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Predictions")]
pub(super) struct PredictionsBoard {
    /// Labels that were compared.
    pub(super) labels: u64,
    pub(super) flipped: u64,
    /// The most frequent first.
    pub(super) flips: Vec<Flip>,
    /// Scores that were compared.
    pub(super) scores: u64,
    /// How far they are apart, without sign, by quantile.
    pub(super) score_differences: Vec<Quantile>,
}

/// A label that became another.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Flip {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) count: u64,
}

/// The value that a share of all does not exceed.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub(super) struct Quantile {
    /// From 0 to 1.
    pub(super) share: f64,
    pub(super) value: f64,
}

/// A request and what both sides said. What the file names as secret is gone
/// already.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Example {
    /// The access log's id.
    pub(super) id: String,
    /// RFC 3339, UTC.
    pub(super) time: String,
    pub(super) method: String,
    pub(super) path: String,
    /// The body, as text.
    pub(super) request: Option<String>,
    /// The paths that differ.
    pub(super) fields: Vec<String>,
    pub(super) monolith: Answer,
    pub(super) candidate: Answer,
}

/// One side's.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Answer {
    pub(super) status: Option<u16>,
    /// Why there is none.
    pub(super) failure: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) milliseconds: Option<f64>,
    /// As text; None where it is none or was not kept.
    pub(super) body: Option<String>,
    /// What is shown is the beginning.
    pub(super) cut: bool,
}
