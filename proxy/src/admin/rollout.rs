//! A stage's rollout, as the page and the terminal show it.

use std::time::{Duration, SystemTime};

use super::board::{
    Action, Criterion, CriterionName, Estimate, EvidenceKind, Judged, RolloutBoard, Standing, Step,
    Unit,
};
use super::document::ShareDocument;
use crate::compare::Summary;
use crate::control::{Ask, Stand, details};
use crate::rollout::{self, Finding, Hold, Judgement, Kind, Policy, Position, State, What};
use crate::route::Share;

/// The rollout of a stage by that policy, as it was last judged.
pub(super) fn of(
    stage: &str,
    policy: &Policy,
    stand: &Stand,
    summary: &Summary,
    now: SystemTime,
) -> RolloutBoard {
    let Stand {
        position,
        evidence,
        judgement,
    } = stand;
    let steps: Vec<_> = policy.steps.iter().map(|own| step(*own, policy)).collect();
    let standing = policy
        .steps
        .iter()
        .position(|own| Some(*own) == position.step);
    let slowest = judgement.slowest();
    let lasted = now.duration_since(position.since).unwrap_or_default();
    let details = details(summary);
    let told = rollout::explain(stage, policy, position, judgement, &details, now);
    let (sentence, more) = match told.split_once(". ") {
        Some((first, _)) => (format!("{first}."), true),
        None => (told.clone(), false),
    };
    let (evidence_kind, gathered, needed) = match &policy.evidence {
        Kind::Requests(_) => (
            EvidenceKind::Requests,
            slowest.map_or(0, |finding| finding.seen),
            slowest.and_then(|finding| Some(finding.seen + finding.needed?)),
        ),
        Kind::Runs { pairs, .. } => (
            EvidenceKind::Runs,
            evidence.runs.len() as u64,
            Some(u64::from(*pairs)),
        ),
    };
    RolloutBoard {
        steps,
        at: standing,
        evidence: evidence_kind,
        judged: judged(position, judgement),
        sentence,
        explanation: more.then_some(told),
        gathered,
        needed,
        seconds_left: slowest.and_then(|finding| seconds_left(finding, lasted)),
        criteria: judgement
            .findings
            .iter()
            .map(|own| criterion(own, policy))
            .collect(),
        actions: actions(policy, position),
        back_to: position.step.map(|_| back(policy, position)),
    }
}

fn step(step: rollout::Step, policy: &Policy) -> Step {
    Step {
        name: step.to_string(),
        share: ShareDocument::from(step.share()),
        confirm: policy.asks(step),
    }
}

fn judged(position: &Position, judgement: &Judgement) -> Judged {
    match (position.state, &judgement.action) {
        (State::NotStarted, _) => Judged::NotStarted,
        (State::Paused, _) => Judged::Paused,
        (State::RolledBack, _) | (_, rollout::Action::RollBack { .. }) => Judged::RolledBack,
        (State::Finished, _) | (_, rollout::Action::Finish) => Judged::Done,
        (_, rollout::Action::Advance { .. }) => Judged::Advance,
        (_, rollout::Action::AwaitConfirmation { .. }) => Judged::AwaitingConfirmation,
        (_, rollout::Action::NotEnough) => Judged::NotEnoughEvidence,
        (_, rollout::Action::Hold(Hold::NotStarted)) => Judged::NotStarted,
        (_, rollout::Action::Hold(_)) => Judged::Hold,
    }
}

/// What was judged where the evidence did that.
pub(super) fn happened(what: What) -> Option<Judged> {
    match what {
        What::Advance { .. } => Some(Judged::Advance),
        What::RollBack { .. } => Some(Judged::RolledBack),
        What::Finish => Some(Judged::Done),
        _ => None,
    }
}

/// At the rate of the present step.
fn seconds_left(finding: &Finding, lasted: Duration) -> Option<f64> {
    let needed = finding.needed? as f64;
    let seen = finding.seen as f64;
    (seen > 0.0).then(|| needed / seen * lasted.as_secs_f64())
}

fn criterion(finding: &Finding, policy: &Policy) -> Criterion {
    use rollout::Criterion as Name;
    let (name, unit) = match finding.criterion {
        Name::Mismatch => (CriterionName::Mismatch, Unit::Share),
        Name::Errors => (CriterionName::Errors, Unit::Share),
        Name::Latency => (CriterionName::LatencyRatio, Unit::Ratio),
        Name::LabelFlips => (CriterionName::LabelFlips, Unit::Share),
        Name::ScoreDrift => (CriterionName::ScoreDrift, Unit::Number),
    };
    Criterion {
        name,
        unit,
        estimate: finding.value.map(|value| Estimate {
            value,
            low: finding.low,
            high: finding.high,
            sure: policy.sure,
        }),
        limit: finding.limit,
        gathered: finding.seen,
        needed: finding
            .needed
            .filter(|more| *more > 0)
            .map(|more| finding.seen + more),
        standing: match finding.state {
            rollout::Standing::Within => Standing::Within,
            rollout::Standing::Over => Standing::Over,
            rollout::Standing::Open => Standing::Open,
        },
    }
}

/// What would not be refused.
fn actions(policy: &Policy, position: &Position) -> Vec<Action> {
    let asks = [
        (Ask::Start, Action::Start),
        (Ask::Pause, Action::Pause),
        (Ask::Resume, Action::Resume),
        (Ask::RollBack, Action::RollBack),
        (Ask::Advance, Action::Advance),
        (Ask::Confirm, Action::Confirm),
    ];
    let asks = asks
        .into_iter()
        .filter(|(ask, _)| ask.fits(policy, position));
    asks.map(|(_, action)| action).collect()
}

/// What a rollback would leave the stage with.
fn back(policy: &Policy, position: &Position) -> ShareDocument {
    let step = policy.back_from(position.step);
    ShareDocument::from(step.map_or(Share::MONOLITH, rollout::Step::share))
}
