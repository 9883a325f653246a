//! [`Policy`]: the steps of a stage's rollout, and what has to be shown at each.
//!
//! A policy is checked when it is made (by [`crate::config`]) and never
//! changes: an edited file makes a new one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::route::{Mode, Share, Weight};

/// How a stage goes from the monolith to its candidate.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// At least one, each further than the one before.
    pub steps: Vec<Step>,
    /// The steps that a person has to confirm before they are entered.
    pub confirm: BTreeSet<Step>,
    /// What is looked at.
    pub evidence: Kind,
    /// How sure a decision has to be, of a whole rollout: from 0.5 to below 1.
    pub sure: f64,
    /// How long each step lasts at least.
    pub min_time: Duration,
    /// When there is no time for evidence.
    pub hard: Hard,
}

/// One step. The further one is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The monolith answers, the candidate gets a copy.
    Shadow,
    /// The candidate answers so much.
    Percent(Weight),
    /// The candidate answers, the monolith gets a copy.
    ReverseShadow,
}

/// What a decision rests on.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Requests, by statistics.
    Requests(Limits),
    /// Whole runs of a rare and expensive stage, looked at one by one; a person
    /// confirms every step.
    Runs {
        /// Runs of both sides, each within tolerance, before a person is asked.
        pairs: u32,
        /// How far each metric may differ, absolutely; one that is not named
        /// must be equal.
        tolerance: BTreeMap<String, f64>,
    },
}

/// What counts as good. A criterion without a limit is not judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Of the share of answers that differ, over what the monolith differs
    /// from itself; above 0 and below 1.
    pub mismatch: Option<f64>,
    /// Of the candidate's error rate, over the monolith's; above 0, below 1.
    pub errors: Option<f64>,
    /// Of the candidate's latency.
    pub latency: Option<LatencyLimit>,
    /// Of the share of predicted labels that differ, over what the monolith
    /// differs from itself; above 0 and below 1.
    pub label_flips: Option<f64>,
    /// Of the greatest distance between the distribution functions of both
    /// sides' scores (Kolmogorov and Smirnov's); above 0 and below 1.
    pub score_drift: Option<f64>,
}

/// How much slower the candidate may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatencyLimit {
    /// Of the candidate's quantile to the monolith's; above 0.
    pub ratio: f64,
    /// Which quantile: above 0 and below 1.
    pub quantile: f64,
}

/// When the candidate has failed so plainly that its share is taken back at
/// once. An open circuit always is such a failure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hard {
    /// Failures in a row.
    pub in_a_row: u32,
    /// The share of the latest requests that failed, over the monolith's.
    pub share: f64,
    /// Of at least so many of the latest requests.
    pub least: u64,
}

impl Policy {
    /// The step after `at`; the first one where nothing is sent yet.
    pub fn after(&self, at: Option<Step>) -> Option<Step> {
        let further = |step: &&Step| at.is_none_or(|at| **step > at);
        self.steps.iter().find(further).copied()
    }

    /// Where a stage goes when it is rolled back: to the shadow, where no
    /// client sees the candidate and evidence can still be had, if that is a
    /// step; else to the monolith alone.
    pub fn retreat(&self) -> Option<Step> {
        self.steps
            .first()
            .copied()
            .filter(|step| *step == Step::Shadow)
    }

    /// Where a person who rolls back from `at` goes: never forward.
    pub fn back_from(&self, at: Option<Step>) -> Option<Step> {
        self.retreat().filter(|to| Some(*to) < at)
    }

    /// A person has to confirm that `step` is entered.
    pub fn asks(&self, step: Step) -> bool {
        matches!(self.evidence, Kind::Runs { .. }) || self.confirm.contains(&step)
    }

    /// What is judged on requests; nothing where runs are.
    pub fn limits(&self) -> Option<&Limits> {
        match &self.evidence {
            Kind::Requests(limits) => Some(limits),
            Kind::Runs { .. } => None,
        }
    }
}

impl Step {
    /// Who answers at this step.
    pub fn share(self) -> Share {
        let (mode, weight) = match self {
            Step::Shadow => (Mode::Shadow, Weight::FULL),
            Step::Percent(Weight::FULL) => (Mode::Candidate, Weight::FULL),
            Step::Percent(weight) => (Mode::Split, weight),
            Step::ReverseShadow => (Mode::ReverseShadow, Weight::FULL),
        };
        Share { mode, weight }
    }

    /// The step that is nearest to a share that a person chose; None where the
    /// candidate gets nothing.
    pub fn of(share: Share) -> Option<Step> {
        match share.mode {
            Mode::Monolith => None,
            Mode::Shadow => Some(Step::Shadow),
            Mode::Split => Some(Step::Percent(share.weight)),
            Mode::Candidate => Some(Step::Percent(Weight::FULL)),
            Mode::ReverseShadow => Some(Step::ReverseShadow),
        }
    }

    /// Clients get the candidate's answers.
    pub fn is_seen(self) -> bool {
        self != Step::Shadow && self != Step::Percent(Weight::ZERO)
    }
}

/// `shadow`, `25 %`, `reverse-shadow`.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Shadow => f.write_str("shadow"),
            Step::Percent(weight) => weight.fmt(f),
            Step::ReverseShadow => f.write_str("reverse-shadow"),
        }
    }
}

impl Default for Policy {
    fn default() -> Policy {
        let percent = |percent: u16| Step::Percent(Weight::from_basis_points(percent * 100));
        Policy {
            steps: vec![
                Step::Shadow,
                percent(1),
                percent(5),
                percent(25),
                percent(50),
                percent(100),
                Step::ReverseShadow,
            ],
            confirm: BTreeSet::new(),
            evidence: Kind::Requests(Limits::default()),
            sure: 0.99,
            min_time: Duration::ZERO,
            hard: Hard::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            mismatch: Some(0.001),
            errors: Some(0.001),
            latency: Some(LatencyLimit::default()),
            label_flips: None,
            score_drift: None,
        }
    }
}

impl Default for LatencyLimit {
    fn default() -> LatencyLimit {
        LatencyLimit {
            ratio: 1.5,
            quantile: 0.99,
        }
    }
}

impl Default for Hard {
    fn default() -> Hard {
        Hard {
            in_a_row: 20,
            share: 0.5,
            least: 20,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_further_step_is_the_greater() {
        let policy = Policy::default();
        assert!(policy.steps.is_sorted());
        let mut walked = Vec::new();
        let mut at = None;
        while let Some(step) = policy.after(at) {
            walked.push(step.to_string());
            at = Some(step);
        }
        assert_eq!(
            walked.join(", "),
            "shadow, 1 %, 5 %, 25 %, 50 %, 100 %, reverse-shadow"
        );
    }

    #[test]
    fn a_share_chosen_by_hand_lies_between_the_steps() {
        let policy = Policy::default();
        let by_hand = Share {
            mode: Mode::Split,
            weight: Weight::from_basis_points(1_000),
        };
        let next = policy.after(Step::of(by_hand)).unwrap();
        assert_eq!(next.to_string(), "25 %");
    }

    #[test]
    fn every_step_is_a_share_and_back() {
        for step in Policy::default().steps {
            assert_eq!(Step::of(step.share()), Some(step));
        }
    }
}
