//! A rollout from its first step to its end, as whoever runs one does it.

use std::time::{Duration, SystemTime};

use cutline_proxy::rollout::{
    Action, Compared, Count, Event, Evidence, Health, PairedErrors, PerSide, Policy, Position,
    Step, What, judge,
};
use rand::Rng;
use rand::rngs::StdRng;

use crate::world;

/// What the candidate is like.
#[derive(Clone, Copy)]
pub(crate) struct Candidate {
    /// The share of its answers that differ.
    pub(crate) mismatch: f64,
    /// The share of its requests that fail, over the monolith's.
    pub(crate) errors: f64,
    /// Its times to the monolith's.
    pub(crate) slower: f64,
}

/// Of either side's requests, fail.
pub(crate) const FAIL: f64 = 0.000_2;

/// Of the requests of a split, are compared.
const COMPARED: f64 = 0.1;

const BATCH: u64 = 1_000;

/// How it ends, None where it does not within `most` requests, and after how
/// many.
pub(crate) fn play(
    policy: &Policy,
    candidate: Candidate,
    most: u64,
    random: &mut StdRng,
) -> (Option<Action>, u64) {
    let now = SystemTime::UNIX_EPOCH;
    let mut position = Position::new(now);
    let mut happened = 0;
    let mut happens = |position: Position, what| {
        happened += 1;
        position.apply(&Event {
            id: happened,
            at: now,
            by: "simulation".to_owned(),
            why: String::new(),
            what,
        })
    };
    let first = policy.steps.first().copied();
    position = first.map_or(position.clone(), |to| happens(position, What::Start { to }));
    let mut evidence = Evidence::default();
    for of in (BATCH..=most).step_by(BATCH as usize) {
        let Some(step) = position.step else { break };
        for _ in 0..BATCH {
            request(step, candidate, &mut evidence, random);
        }
        let judged = judge(policy, &position, &evidence, &Health::default(), now);
        match judged.action {
            Action::Advance { to } => {
                position = happens(position, What::Advance { to });
                evidence = evidence.next_step();
            }
            Action::Hold(_) | Action::NotEnough => {}
            end => return (Some(end), of),
        }
    }
    (None, most)
}

fn request(step: Step, candidate: Candidate, evidence: &mut Evidence, random: &mut StdRng) {
    let monolith_fails = random.random_bool(FAIL);
    let candidate_fails = random.random_bool(FAIL + candidate.errors);
    let mut took = |slower: f64| {
        let ms = 20.0 * (0.5 * world::normal(random)).exp() * slower;
        Duration::from_secs_f64(ms / 1e3)
    };
    let (monolith_took, candidate_took) = (took(1.0), took(candidate.slower));
    let differs = random.random_bool(candidate.mismatch);
    let latency = evidence.latency.get_or_insert_default();
    let share = match step {
        Step::Percent(weight) => weight.percent() / 100.0,
        Step::Shadow | Step::ReverseShadow => {
            latency.monolith.record(monolith_took);
            latency.candidate.record(candidate_took);
            let paired = evidence.paired_errors.get_or_insert_default();
            PairedErrors::record(paired, monolith_fails, candidate_fails);
            let answers = evidence.answers.get_or_insert_default();
            Count::record(&mut answers.pairs, differs);
            return;
        }
    };
    let errors = evidence.errors.get_or_insert_with(PerSide::default);
    match random.random_bool(share) {
        true => {
            errors.candidate.record(candidate_fails);
            latency.candidate.record(candidate_took);
        }
        false => {
            errors.monolith.record(monolith_fails);
            latency.monolith.record(monolith_took);
        }
    }
    if random.random_bool(COMPARED) {
        let answers = evidence.answers.get_or_insert_with(Compared::default);
        answers.pairs.record(differs);
    }
}
