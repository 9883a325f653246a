//! [`judge`]: policy, position and evidence to what is to happen.

use std::time::SystemTime;

use super::criterion::findings;
use super::judgement::{Action, Finding, HardFailure, Hold, Judgement, Reason, Standing};
use super::position::{Position, State};
use super::{Evidence, Hard, Health, Kind, Policy, Step};

/// What is to happen with a stage that stands there, and was seen to do this.
///
/// May be asked at any time and as often as one likes: that a rollout enters a
/// step although the candidate is over one of its limits there happens with
/// probability `1 - sure` at most, and so does that it is rolled back on the
/// evidence although the candidate is within all of them at every step. Both
/// are promised for each rollout from its start, or from a person's resuming
/// it after a rollback; and where what is counted does not change with time.
pub fn judge(
    policy: &Policy,
    at: &Position,
    evidence: &Evidence,
    health: &Health,
    now: SystemTime,
) -> Judgement {
    let findings = match policy.limits() {
        Some(limits) => findings(policy, limits, at.step, evidence),
        None => Vec::new(),
    };
    let action = action(policy, at, (evidence, &findings), health, now);
    Judgement { action, findings }
}

fn action(
    policy: &Policy,
    at: &Position,
    (evidence, findings): (&Evidence, &[Finding]),
    health: &Health,
    now: SystemTime,
) -> Action {
    match at.state {
        State::NotStarted => return Action::Hold(Hold::NotStarted),
        State::RolledBack => return Action::Hold(Hold::RolledBack),
        State::Running | State::Paused | State::Finished => {}
    }
    let failure = hard_failure(&policy.hard, health);
    let is_seen = at.step.is_some_and(Step::is_seen);
    if let Some(why) = against(policy, evidence, findings, failure.filter(|_| is_seen)) {
        let to = policy.retreat();
        return Action::RollBack { to, why };
    }
    match at.state {
        State::Paused => return Action::Hold(Hold::Paused),
        State::Finished => return Action::Hold(Hold::Finished),
        _ => {}
    }
    if let Some(failure) = failure {
        return Action::Hold(Hold::Failing(failure));
    }
    if let Some(open) = open(policy, evidence, findings) {
        return open;
    }
    let lasted = now.duration_since(at.since).unwrap_or_default();
    if lasted < policy.min_time {
        let left = policy.min_time - lasted;
        return Action::Hold(Hold::TooSoon { left });
    }
    match policy.after(at.step) {
        None => Action::Finish,
        Some(to) if policy.asks(to) && at.confirmed != Some(to) => Action::AwaitConfirmation { to },
        Some(to) => Action::Advance { to },
    }
}

/// What speaks so much against the candidate that it has to go back.
fn against(
    policy: &Policy,
    evidence: &Evidence,
    findings: &[Finding],
    failure: Option<HardFailure>,
) -> Option<Reason> {
    if let Some(failure) = failure {
        return Some(Reason::Failure(failure));
    }
    if let Kind::Runs { tolerance, .. } = &policy.evidence {
        let mut runs = evidence.runs.iter();
        return runs.find_map(|run| {
            let fault = run.fault(tolerance)?;
            let id = run.id.clone();
            Some(Reason::Run { id, fault })
        });
    }
    let over = findings.iter();
    let over = over.filter(|finding| finding.state == Standing::Over);
    let over: Vec<_> = over.map(|finding| finding.criterion).collect();
    (!over.is_empty()).then_some(Reason::Evidence(over))
}

/// What is to happen while something is not known yet.
fn open(policy: &Policy, evidence: &Evidence, findings: &[Finding]) -> Option<Action> {
    if let Kind::Runs { pairs, .. } = policy.evidence {
        let too_few = evidence.runs.len() < pairs as usize;
        return too_few.then_some(Action::NotEnough);
    }
    if findings.is_empty() {
        // Nothing that has a limit can be measured here.
        return Some(Action::NotEnough);
    }
    let open = findings.iter();
    let open = open.filter(|finding| finding.state == Standing::Open);
    let enough: Vec<bool> = open.map(|finding| finding.enough).collect();
    match enough.contains(&false) {
        true => Some(Action::NotEnough),
        false => (!enough.is_empty()).then_some(Action::Hold(Hold::Undecided)),
    }
}

/// A failure that needs no statistics, unless the monolith fails alike.
fn hard_failure(hard: &Hard, health: &Health) -> Option<HardFailure> {
    let (monolith, candidate) = (health.latest.monolith, health.latest.candidate);
    let both_fail = monolith.of >= hard.least && monolith.rate() >= hard.share;
    if health.circuit_open {
        return Some(HardFailure::CircuitOpen);
    }
    if health.in_a_row >= hard.in_a_row && !both_fail {
        return Some(HardFailure::InARow(health.in_a_row));
    }
    let over = candidate.rate() - monolith.rate() >= hard.share;
    (candidate.of >= hard.least && over).then_some(HardFailure::Share {
        of: candidate.of,
        failed: candidate.events,
    })
}

#[cfg(test)]
mod tests;
