//! [`Judgement`]: what is to happen, and the figures that say so.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Count, Fault, Step};

/// What is to happen with a stage, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// What is to happen.
    pub action: Action,
    /// Each criterion that this step can measure, in the order of
    /// [`Criterion::ALL`].
    pub findings: Vec<Finding>,
}

/// What is to happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Enter the next step.
    Advance {
        /// That step.
        to: Step,
    },
    /// The last step is passed.
    Finish,
    /// Stay: what was seen decides nothing yet, or nothing is to be decided.
    Hold(Hold),
    /// Stay: so little was seen that nothing could have been decided, however
    /// well the candidate did.
    NotEnough,
    /// Stay until a person confirms.
    AwaitConfirmation {
        /// The next step.
        to: Step,
    },
    /// Go back at once.
    RollBack {
        /// None where the monolith alone answers then.
        to: Option<Step>,
        /// What tipped it.
        why: Reason,
    },
}

/// Why a stage stays where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hold {
    /// What was seen lies too near a limit to say on which side of it the truth
    /// is.
    Undecided,
    /// All is well, and the step has not lasted as long as it has to.
    TooSoon {
        /// How much longer.
        left: Duration,
    },
    /// The candidate fails plainly, where no client sees it.
    Failing(HardFailure),
    /// Nobody has started the rollout.
    NotStarted,
    /// A person paused it.
    Paused,
    /// It was rolled back, and nobody has resumed it.
    RolledBack,
    /// It has passed its last step.
    Finished,
}

/// Why a stage goes back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// These are over their limits, as surely as the policy wants.
    Evidence(Vec<Criterion>),
    /// The candidate fails plainly.
    Failure(HardFailure),
    /// A run went wrong.
    Run {
        /// By which it is found again.
        id: String,
        /// What is wrong with it.
        fault: Fault,
    },
}

/// A failure so plain that it needs no statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HardFailure {
    /// Every process of the candidate is left out.
    CircuitOpen,
    /// So many failures in a row.
    InARow(u32),
    /// So many of the latest requests failed.
    Share {
        /// The candidate's latest requests.
        of: u64,
        /// Those that failed.
        failed: u64,
    },
}

/// What is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Criterion {
    /// The share of answers that differ.
    Mismatch,
    /// The candidate's error rate over the monolith's.
    Errors,
    /// The candidate's latency to the monolith's.
    Latency,
    /// The share of predicted labels that differ.
    LabelFlips,
    /// The distance between the distributions of scores.
    ScoreDrift,
}

/// One criterion, and what is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Which.
    pub criterion: Criterion,
    /// What it rests on: pairs, or requests of the candidate.
    pub seen: u64,
    /// How many of them speak against the candidate: differing pairs, failed
    /// requests, requests slower than the limit, flipped labels.
    pub events: u64,
    /// What the monolith does by itself, where that is compared with: it
    /// differing from itself, or its failed requests.
    pub beside: Option<Count>,
    /// What was measured: a rate, the excess of one, a ratio, a distance. None
    /// of nothing.
    pub value: Option<f64>,
    /// What the truth is not below, as surely as a rollback has to be. Of the
    /// excess where there is noise, or a monolith's rate to compare with.
    pub low: f64,
    /// What the truth is not above, as surely as an advance has to be. None
    /// where nothing is known.
    pub high: Option<f64>,
    /// What it is held against.
    pub limit: f64,
    /// Where the truth lies.
    pub state: Standing,
    /// How many more of what it rests on are needed to pass, if all goes on as
    /// it did; 0 once passed. None if it would never pass so.
    pub needed: Option<u64>,
    /// As many could have passed, had they all been good.
    pub enough: bool,
}

/// Where the truth lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Surely within the limit.
    Within,
    /// Not known.
    Open,
    /// Surely over the limit.
    Over,
}

impl Judgement {
    /// The criterion that will take longest, by what it still needs of what it
    /// has: what `8,113 of ~11,400 needed` is said of.
    pub fn slowest(&self) -> Option<&Finding> {
        let progress = |finding: &&Finding| match (finding.seen, finding.needed) {
            (_, None) | (0, Some(1..)) => 0.0,
            (_, Some(0)) => 1.0,
            (seen, Some(needed)) => seen as f64 / (seen as f64 + needed as f64),
        };
        let findings = self.findings.iter();
        findings.min_by(|a, b| progress(a).total_cmp(&progress(b)))
    }
}

impl Criterion {
    /// All, in the order they are told in.
    pub const ALL: [Criterion; 5] = [
        Criterion::Mismatch,
        Criterion::Errors,
        Criterion::Latency,
        Criterion::LabelFlips,
        Criterion::ScoreDrift,
    ];

    /// As `routes.toml` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Criterion::Mismatch => "mismatch",
            Criterion::Errors => "errors",
            Criterion::Latency => "latency_ratio",
            Criterion::LabelFlips => "label_flips",
            Criterion::ScoreDrift => "score_drift",
        }
    }
}
