use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::rollout::{
    Compared, Count, Criterion, Event, Histogram, LatencyLimit, Limits, PairedErrors, PerSide, Run,
    ScoreShift, What,
};
use crate::route::Weight;

fn at(step: Step) -> Position {
    let start = Position::new(SystemTime::UNIX_EPOCH);
    start.apply(&event(1, What::Force { to: Some(step) }))
}

fn event(id: u64, what: What) -> Event {
    Event {
        id,
        at: SystemTime::UNIX_EPOCH,
        by: "anna".to_owned(),
        why: String::new(),
        what,
    }
}

fn percent(percent: u16) -> Step {
    Step::Percent(Weight::from_basis_points(percent * 100))
}

fn mismatches(of: u64, events: u64) -> Evidence {
    Evidence {
        answers: Some(Compared {
            pairs: Count::new(of, events),
            noise: None,
        }),
        ..Evidence::default()
    }
}

fn ask(policy: &Policy, at: &Position, evidence: &Evidence, health: &Health) -> Judgement {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(60);
    judge(policy, at, evidence, health, now)
}

fn check(of: u64, events: u64) -> Judgement {
    let evidence = mismatches(of, events);
    ask(
        &Policy::default(),
        &at(percent(25)),
        &evidence,
        &Health::default(),
    )
}

fn back(why: Reason) -> Action {
    let to = Some(Step::Shadow);
    Action::RollBack { to, why }
}

#[test]
fn it_advances_holds_or_goes_back_as_the_evidence_says() {
    assert_eq!(check(0, 0).action, Action::NotEnough);
    assert_eq!(check(312, 0).action, Action::NotEnough);
    let to = percent(50);
    assert_eq!(check(20_000, 2).action, Action::Advance { to });
    assert_eq!(check(8_113, 8).action, Action::Hold(Hold::Undecided));
    let mismatch = back(Reason::Evidence(vec![Criterion::Mismatch]));
    assert_eq!(check(8_113, 41).action, mismatch);
    // Few requests suffice where nearly all differ.
    assert_eq!(check(5, 5).action, mismatch);
}

#[test]
fn it_says_how_many_more_are_needed_and_is_right() {
    for (of, events) in [(312, 0), (4_000, 1), (8_000, 4)] {
        let judged = check(of, events);
        let finding = judged.slowest().unwrap();
        let needed = finding.needed.unwrap();
        // As many events as there would be then, to the luckier or the
        // unluckier side of a whole number.
        let later = (of + needed) * 51 / 50;
        let passed = check(later, events * later / of).findings[0].state;
        assert_eq!(passed, Standing::Within, "{of} {events} {needed}");
        let before = (of + needed) * 49 / 50;
        let open = check(before, (events * before).div_ceil(of)).findings[0].state;
        assert_eq!(open, Standing::Open, "{of} {events} {needed}");
    }
    // At a rate at the limit it would never pass.
    assert_eq!(check(8_000, 8).findings[0].needed, None);
}

#[test]
fn the_bound_lies_beyond_the_limit_just_when_it_is_decided() {
    for (of, events) in [
        (100, 0),
        (6_000, 0),
        (20_000, 2),
        (8_113, 8),
        (8_113, 41),
        (40, 5),
    ] {
        let found = check(of, events).findings.remove(0);
        let by_bounds = match (found.low > found.limit, found.high.unwrap() < found.limit) {
            (true, _) => Standing::Over,
            (_, true) => Standing::Within,
            _ => Standing::Open,
        };
        assert_eq!(found.state, by_bounds, "{found:?}");
    }
}

#[test]
fn what_the_monolith_does_to_itself_is_not_held_against_the_candidate() {
    let noisy = |noise| Evidence {
        answers: Some(Compared {
            pairs: Count::new(40_000, 800),
            noise,
        }),
        ..Evidence::default()
    };
    let judged = |noise| {
        let evidence = noisy(noise);
        ask(
            &Policy::default(),
            &at(percent(25)),
            &evidence,
            &Health::default(),
        )
        .action
    };
    let mismatch = back(Reason::Evidence(vec![Criterion::Mismatch]));
    assert_eq!(judged(None), mismatch);
    assert_ne!(judged(Some(Count::new(40_000, 800))), mismatch);
    assert_ne!(judged(Some(Count::new(10, 0))), mismatch);
    assert_eq!(judged(Some(Count::new(10_000, 0))), mismatch);
}

#[test]
fn errors_are_compared_with_the_monoliths() {
    let judged = |evidence: Evidence| {
        ask(
            &Policy::default(),
            &at(percent(25)),
            &evidence,
            &Health::default(),
        )
        .action
    };
    let errors = |monolith: (u64, u64), candidate: (u64, u64)| Evidence {
        errors: Some(PerSide {
            monolith: Count::new(monolith.0, monolith.1),
            candidate: Count::new(candidate.0, candidate.1),
        }),
        ..Evidence::default()
    };
    let over = back(Reason::Evidence(vec![Criterion::Errors]));
    let to = percent(50);
    assert_eq!(judged(errors((30_000, 0), (10_000, 80))), over);
    assert_ne!(judged(errors((30_000, 240), (10_000, 80))), over);
    assert_eq!(
        judged(errors((30_000, 3), (10_000, 1))),
        Action::Advance { to }
    );
    let paired = Evidence {
        paired_errors: Some(PairedErrors {
            of: 10_000,
            candidate: 80,
            ..PairedErrors::default()
        }),
        ..Evidence::default()
    };
    assert_eq!(judged(paired), over);
}

#[test]
fn where_the_monolith_answers_nothing_its_past_stands_in() {
    let mut evidence = Evidence {
        errors: Some(PerSide {
            monolith: Count::default(),
            candidate: Count::new(20_000, 400),
        }),
        ..Evidence::default()
    };
    let policy = Policy::default();
    let judged =
        |evidence: &Evidence| ask(&policy, &at(percent(100)), evidence, &Health::default()).action;
    // Nothing is known of the monolith: it may have failed as often.
    assert_eq!(judged(&evidence), Action::Hold(Hold::Undecided));
    evidence.before.errors = Count::new(50_000, 5);
    assert_eq!(
        judged(&evidence),
        back(Reason::Evidence(vec![Criterion::Errors]))
    );
}

#[test]
fn latency_flips_and_scores_are_judged_alike() {
    let limits = Limits {
        mismatch: None,
        errors: None,
        latency: Some(LatencyLimit::default()),
        label_flips: Some(0.01),
        score_drift: Some(0.05),
    };
    let policy = Policy {
        evidence: Kind::Requests(limits),
        ..Policy::default()
    };
    let evidence = |slower: u64, flips: u64, shift: f64| {
        let mut latency = PerSide::<Histogram>::default();
        let mut scores = ScoreShift::default();
        for n in 0..4_000 {
            let ms = Duration::from_millis(20 + n % 50);
            latency.monolith.record(ms);
            latency
                .candidate
                .record(ms * if n < slower { 3 } else { 1 });
            let score = n as f64 / 4_000.0;
            scores.record(score, score + shift);
        }
        Evidence {
            latency: Some(latency),
            labels: Some(Compared {
                pairs: Count::new(4_000, flips),
                noise: None,
            }),
            scores: Some(scores),
            ..Evidence::default()
        }
    };
    let judged = |slower, flips, shift| {
        let evidence = evidence(slower, flips, shift);
        ask(&policy, &at(Step::Shadow), &evidence, &Health::default()).action
    };
    assert_eq!(judged(0, 10, 0.001), Action::Advance { to: percent(1) });
    let over = |criterion| back(Reason::Evidence(vec![criterion]));
    assert_eq!(judged(200, 10, 0.001), over(Criterion::Latency));
    assert_eq!(judged(0, 100, 0.001), over(Criterion::LabelFlips));
    assert_eq!(judged(0, 10, 0.1), over(Criterion::ScoreDrift));
    let all = vec![
        Criterion::Latency,
        Criterion::LabelFlips,
        Criterion::ScoreDrift,
    ];
    assert_eq!(judged(200, 100, 0.1), back(Reason::Evidence(all)));
}

#[test]
fn a_plain_failure_goes_back_at_once_where_clients_see_it() {
    let judged = |step, health: Health| {
        ask(&Policy::default(), &at(step), &Evidence::default(), &health).action
    };
    let failing = |in_a_row, of, failed, monolith_failed| Health {
        latest: PerSide {
            monolith: Count::new(of, monolith_failed),
            candidate: Count::new(of, failed),
        },
        in_a_row,
        circuit_open: false,
    };
    let open = Health {
        circuit_open: true,
        ..Health::default()
    };
    let failure = |why| back(Reason::Failure(why));
    assert_eq!(
        judged(percent(1), open.clone()),
        failure(HardFailure::CircuitOpen)
    );
    let row = judged(percent(1), failing(20, 20, 20, 0));
    assert_eq!(row, failure(HardFailure::InARow(20)));
    let share = HardFailure::Share { of: 30, failed: 15 };
    assert_eq!(judged(percent(1), failing(3, 30, 15, 0)), failure(share));
    // Too few, and where the monolith fails alike.
    assert_eq!(judged(percent(1), failing(3, 10, 5, 0)), Action::NotEnough);
    assert_eq!(
        judged(percent(1), failing(25, 30, 25, 25)),
        Action::NotEnough
    );
    // In the shadow no client sees it: there is nothing to go back from.
    let hold = Action::Hold(Hold::Failing(HardFailure::CircuitOpen));
    assert_eq!(judged(Step::Shadow, open), hold);
}

#[test]
fn what_a_person_said_stands() {
    let clean = mismatches(50_000, 0);
    let policy = Policy {
        confirm: BTreeSet::from([percent(50)]),
        ..Policy::default()
    };
    let judged =
        |position: &Position, evidence| ask(&policy, position, evidence, &Health::default()).action;
    let to = percent(50);
    let position = at(percent(25));
    assert_eq!(judged(&position, &clean), Action::AwaitConfirmation { to });
    let confirmed = position
        .clone()
        .apply(&event(2, What::Confirm { step: to }));
    assert_eq!(judged(&confirmed, &clean), Action::Advance { to });
    let paused = confirmed.apply(&event(3, What::Pause));
    assert_eq!(judged(&paused, &clean), Action::Hold(Hold::Paused));
    // Paused goes no further, and back if it must.
    let bad = mismatches(8_113, 80);
    let mismatch = back(Reason::Evidence(vec![Criterion::Mismatch]));
    assert_eq!(judged(&paused, &bad), mismatch);
    let to = Some(Step::Shadow);
    let rolled_back = paused.apply(&event(4, What::RollBack { to }));
    assert_eq!(judged(&rolled_back, &clean), Action::Hold(Hold::RolledBack));
    assert_eq!(judged(&rolled_back, &bad), Action::Hold(Hold::RolledBack));
    let new = Position::new(SystemTime::UNIX_EPOCH);
    assert_eq!(judged(&new, &clean), Action::Hold(Hold::NotStarted));
}

#[test]
fn a_step_lasts_as_long_as_it_has_to() {
    let policy = Policy {
        min_time: Duration::from_secs(600),
        ..Policy::default()
    };
    let judged = ask(
        &policy,
        &at(percent(25)),
        &mismatches(50_000, 0),
        &Health::default(),
    );
    let left = Duration::from_secs(540);
    assert_eq!(judged.action, Action::Hold(Hold::TooSoon { left }));
}

#[test]
fn the_last_step_is_finished_and_still_watched() {
    let policy = Policy::default();
    let position = at(Step::ReverseShadow);
    let judged = |position: &Position, evidence: &Evidence| {
        ask(&policy, position, evidence, &Health::default()).action
    };
    let clean = mismatches(50_000, 0);
    assert_eq!(judged(&position, &clean), Action::Finish);
    let finished = position.apply(&event(2, What::Finish));
    assert_eq!(judged(&finished, &clean), Action::Hold(Hold::Finished));
    let mismatch = back(Reason::Evidence(vec![Criterion::Mismatch]));
    assert_eq!(judged(&finished, &mismatches(50_000, 400)), mismatch);
}

#[test]
fn without_a_shadow_it_goes_back_to_the_monolith() {
    let policy = Policy {
        steps: vec![percent(10), percent(100)],
        ..Policy::default()
    };
    let judged = ask(
        &policy,
        &at(percent(10)),
        &mismatches(1_000, 100),
        &Health::default(),
    );
    assert!(matches!(judged.action, Action::RollBack { to: None, .. }));
}

#[test]
fn runs_are_judged_one_by_one_and_then_confirmed() {
    let tolerance = BTreeMap::from([("auc".to_owned(), 0.005)]);
    let policy = Policy {
        steps: vec![Step::Shadow, percent(100)],
        evidence: Kind::Runs {
            pairs: 2,
            tolerance,
        },
        ..Policy::default()
    };
    let run = |id: &str, auc| Run {
        id: id.to_owned(),
        metrics: BTreeMap::from([("auc".to_owned(), (Some(0.9), Some(auc)))]),
        ..Run::default()
    };
    let judged = |position: &Position, runs: &[Run]| {
        let evidence = Evidence {
            runs: runs.to_vec(),
            ..Evidence::default()
        };
        ask(&policy, position, &evidence, &Health::default()).action
    };
    let to = percent(100);
    let position = at(Step::Shadow);
    let good = [run("a", 0.902), run("b", 0.898)];
    assert_eq!(judged(&position, &good[..1]), Action::NotEnough);
    assert_eq!(judged(&position, &good), Action::AwaitConfirmation { to });
    let confirmed = position
        .clone()
        .apply(&event(2, What::Confirm { step: to }));
    assert_eq!(judged(&confirmed, &good), Action::Advance { to });
    let bad = judged(&position, &[run("a", 0.902), run("b", 0.8)]);
    let Action::RollBack {
        why: Reason::Run { id, .. },
        ..
    } = bad
    else {
        panic!("{bad:?}");
    };
    assert_eq!(id, "b");
}

fn any_evidence() -> impl Strategy<Value = Evidence> {
    let count = || {
        (0..10_000_000_u64, 0.0..=1.0_f64)
            .prop_map(|(of, share)| Count::new(of, (of as f64 * share.powi(4)) as u64))
    };
    let compared = || {
        let noise = prop::option::of(count());
        prop::option::of((count(), noise).prop_map(|(pairs, noise)| Compared { pairs, noise }))
    };
    let errors = prop::option::of((count(), count()));
    let paired = prop::option::of(prop::array::uniform3(0..50_000_u64));
    let times = prop::collection::vec((1..100_000_u64, 1..100_000_u64), 0..200);
    let scores = prop::collection::vec((-2.0..2.0_f64, -2.0..2.0_f64), 0..200);
    (compared(), compared(), errors, paired, times, scores).prop_map(
        |(answers, labels, errors, paired, times, pairs)| {
            let mut latency = PerSide::<Histogram>::default();
            for (monolith, candidate) in times {
                latency.monolith.record(Duration::from_micros(monolith));
                latency.candidate.record(Duration::from_micros(candidate));
            }
            let mut scores = ScoreShift::default();
            for (monolith, candidate) in pairs {
                scores.record(monolith, candidate);
            }
            Evidence {
                answers,
                labels,
                errors: errors.map(|(monolith, candidate)| PerSide {
                    monolith,
                    candidate,
                }),
                paired_errors: paired.map(|[candidate, monolith, both]| PairedErrors {
                    of: 1_000_000,
                    candidate,
                    monolith,
                    both,
                }),
                latency: Some(latency),
                scores: Some(scores),
                ..Evidence::default()
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_was_seen_is_judged_in_numbers(evidence in any_evidence()) {
        let mut limits = Limits {
            label_flips: Some(0.01),
            score_drift: Some(0.05),
            ..Limits::default()
        };
        limits.mismatch = Some(0.002);
        let policy = Policy {
            evidence: Kind::Requests(limits),
            ..Policy::default()
        };
        let judged = ask(&policy, &at(percent(25)), &evidence, &Health::default());
        for found in &judged.findings {
            prop_assert!(found.low.is_finite() && found.low >= 0.0, "{found:?}");
            prop_assert!(found.high.is_none_or(|high| high.is_finite()), "{found:?}");
            prop_assert!(found.value.is_none_or(f64::is_finite), "{found:?}");
            match found.state {
                Standing::Within => prop_assert_eq!(found.needed, Some(0)),
                Standing::Over => prop_assert!(found.needed.is_none() && found.value > Some(found.limit)),
                Standing::Open => prop_assert_ne!(found.needed, Some(0)),
            }
        }
        // One that is over its limit goes back, and only then.
        let over = judged.findings.iter().any(|found| found.state == Standing::Over);
        let goes_back = matches!(judged.action, Action::RollBack { .. });
        prop_assert_eq!(over, goes_back);
        let kept = serde_json::to_string(&judged).unwrap();
        prop_assert_eq!(serde_json::from_str::<Judgement>(&kept).unwrap().action, judged.action);
    }
}
