//! One pair of answers: compared, and added to what is gathered.

use std::sync::Arc;
use std::time::SystemTime;

use super::gathered::MOST_PAIRS;
use super::{Answers, KeptPair, Verdicts, lock, run};
use crate::compare::{Comparison, Rules, Verdict, compare};
use crate::decide::{bucket_of, may_be_asked_again};
use crate::outcome::{Captured, Fault, Outcome};
use crate::rollout::{Compared, Count, Evidence, Kind};

/// As often a stage's monolith is asked twice before differences count, where
/// it may be asked: what differs in a tenth of its answers is known by then
/// with 89 % certainty, and in a quarter with more than 99 %.
pub(crate) const WARM_UP: u64 = 50;

/// Compares what there is to compare.
///
/// Each comparison is held against what was learnt before it: what is learnt
/// from it counts for those that follow.
pub(super) fn look(answers: &Answers, verdicts: &Verdicts) {
    let start = SystemTime::now();
    let live = &answers.live;
    let route = &live.table.routes[answers.route];
    let stage = &live.table.stages[route.stage];
    let rules = &live.settings.compare[answers.route];
    let mut all = lock(&verdicts.noise);
    let noise = all.entry(Arc::clone(&stage.name)).or_default();
    let mut evidence = Evidence::default();
    let mut learnt = false;
    let is_asked_again = may_be_asked_again(stage, route, &answers.request.method);
    let warming_up = is_asked_again && noise.asked() < WARM_UP;
    if let Some(again) = &answers.again {
        let itself = compare(&answers.primary, again, rules);
        let mut alike = itself.clone();
        noise.excuse(&mut alike, &rules.noise.strict);
        learnt = noise.observe(&itself);
        let compared = |count| Compared {
            pairs: Count::default(),
            noise: Some(count),
        };
        if !warming_up {
            evidence.answers = differing(&alike).map(compared);
            evidence.labels = flipped(&alike).map(compared);
        }
    }
    let mut compared = None;
    if let Some((monolith, candidate)) = answers.sides() {
        let mut comparison = compare(monolith, candidate, rules);
        noise.excuse(&mut comparison, &rules.noise.strict);
        if !warming_up {
            noise.watch(&comparison);
        }
        if !warming_up {
            add(&comparison, &mut evidence);
        }
        add_failures(answers, &mut evidence);
        let policy = live.settings.rollouts.get(&*stage.name);
        if let Some(Kind::Runs { tolerance, .. }) = policy.map(|policy| &policy.evidence) {
            let sides = (monolith, candidate);
            let run = run::of(answers.id, &comparison, sides, tolerance);
            evidence.runs.extend(run);
        }
        compared = Some(comparison);
    }
    // Noise that may be learnt and is not yet known is not none.
    if is_asked_again {
        let compared = [&mut evidence.answers, &mut evidence.labels];
        for compared in compared.into_iter().flatten() {
            compared.noise.get_or_insert_default();
        }
    }
    let noise = learnt.then(|| noise.clone());
    drop(all);

    let mut gathered = verdicts.gathered();
    if let Some(noise) = noise {
        gathered.noise.insert(Arc::clone(&stage.name), noise);
    }
    let kept = gathered.pairs.len();
    let (sum, summary) = gathered.step(&stage.name, stage.epoch);
    *sum += &evidence;
    let Some(comparison) = compared.filter(|_| !warming_up) else {
        return;
    };
    let verdict = &comparison.verdict;
    live.metrics.route(Some(answers.route)).compared(verdict);
    if let Some(origin) = &answers.origin {
        origin.compared(start, &stage.name, verdict.name());
    }
    summary.add(&format!("{:032x}", answers.id), &comparison);
    let stretch = gathered.stretch(&stage.name, answers.time);
    match comparison.verdict {
        Verdict::Match => stretch.answers += 1,
        Verdict::Mismatch => {
            stretch.answers += 1;
            stretch.mismatches += 1;
        }
        Verdict::Unavailable(_) => stretch.unavailable += 1,
    }
    let sampled = is_sampled(answers, rules);
    if kept < MOST_PAIRS && (sampled || comparison.verdict != Verdict::Match) {
        drop(gathered);
        if let Some(pair) = KeptPair::of(answers, comparison, sampled) {
            verdicts.gathered().pairs.push(pair);
        }
    }
}

/// Adds a comparison of both sides.
fn add(comparison: &Comparison, evidence: &mut Evidence) {
    if let Some(count) = differing(comparison) {
        evidence.answers.get_or_insert_default().pairs += count;
    }
    if let Some(count) = flipped(comparison) {
        evidence.labels.get_or_insert_default().pairs += count;
    }
    for (monolith, candidate) in comparison.predictions.iter().flat_map(|own| &own.pairs) {
        let scores = evidence.scores.get_or_insert_default();
        scores.record(*monolith, *candidate);
    }
}

/// Adds who failed.
fn add_failures(answers: &Answers, evidence: &mut Evidence) {
    let failed = |own| failed(own, own.side != answers.primary.side);
    let sides = answers.sides();
    let failures = sides.and_then(|(monolith, candidate)| failed(monolith).zip(failed(candidate)));
    if let Some((monolith, candidate)) = failures {
        let errors = evidence.paired_errors.get_or_insert_default();
        errors.record(monolith, candidate);
    }
}

/// One pair, and whether it differs; None where that cannot be said.
fn differing(comparison: &Comparison) -> Option<Count> {
    match comparison.verdict {
        Verdict::Match => Some(Count::new(1, 0)),
        Verdict::Mismatch => Some(Count::new(1, 1)),
        Verdict::Unavailable(_) => None,
    }
}

/// Its labels, and those that are not the same.
fn flipped(comparison: &Comparison) -> Option<Count> {
    let predictions = comparison.predictions.as_ref()?;
    (predictions.labels > 0).then(|| Count::new(predictions.labels, predictions.flipped))
}

/// Whether a side failed; None where it was the client who did, or may have
/// been: an answer to a client also breaks off when the client goes.
fn failed(outcome: &Outcome, is_copy: bool) -> Option<bool> {
    match &outcome.result {
        Ok(reply) if reply.body == Captured::Broken => is_copy.then_some(true),
        Ok(reply) => Some(reply.status.is_server_error()),
        Err(failure) if failure.fault() == Fault::Downstream => None,
        Err(_) => Some(true),
    }
}

/// All requests of a client, or none: a sample holds whole sessions.
fn is_sampled(answers: &Answers, rules: &Rules) -> bool {
    // Not the place that the weight goes by: a sample of both sides' clients.
    let place = answers
        .place
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .rotate_left(32);
    u32::from(bucket_of(place)) < rules.sample
}
