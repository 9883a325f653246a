use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::route::Weight;

fn percent(percent: u16) -> Step {
    Step::Percent(Weight::from_basis_points(percent * 100))
}

fn policy() -> Policy {
    Policy {
        steps: vec![Step::Shadow, percent(10), percent(50), percent(100)],
        confirm: BTreeSet::from([percent(50)]),
        ..Policy::default()
    }
}

fn event(id: u64, what: What) -> Event {
    Event {
        id,
        at: SystemTime::UNIX_EPOCH + Duration::from_secs(id),
        by: "anna".to_owned(),
        why: String::new(),
        what,
    }
}

/// What became of each, one after the other; what is refused did not happen.
fn check(whats: &[What]) -> Vec<String> {
    let policy = policy();
    let mut position = Position::new(SystemTime::UNIX_EPOCH);
    let mut told = Vec::new();
    for (id, what) in (1..).zip(whats) {
        told.push(match position.admit(&policy, *what) {
            Ok(()) => {
                position = position.apply(&event(id, *what));
                let step = position
                    .step
                    .map_or("monolith".to_owned(), |step| step.to_string());
                format!("{step} {:?} since {}", position.state, position.epoch)
            }
            Err(refused) => refused.to_string(),
        });
    }
    told
}

#[test]
fn a_rollout_goes_step_by_step() {
    use What::{Advance, Confirm, Finish, Start};
    insta::assert_snapshot!(
        check(&[
            Advance { to: percent(10) },
            Start { to: percent(10) },
            Start { to: Step::Shadow },
            Start { to: Step::Shadow },
            Advance { to: percent(50) },
            Advance { to: percent(10) },
            Advance { to: percent(50) },
            Confirm { step: percent(100) },
            Confirm { step: percent(50) },
            Advance { to: percent(50) },
            Finish,
            Advance { to: percent(100) },
            Finish,
            Advance { to: Step::ReverseShadow },
        ])
        .join("\n"),
        @r#"
        the rollout has not been started
        the next step is shadow, not 10 %; only force skips a step
        shadow Running since 3
        the rollout has been started already, and is at shadow
        the next step is 10 %, not 50 %; only force skips a step
        10 % Running since 6
        a person has to confirm 50 % first
        the next step is 50 %, not 100 %; only force skips a step
        10 % Running since 6
        50 % Running since 10
        the next step is 100 %, not the end; only force skips a step
        100 % Running since 12
        100 % Finished since 12
        the rollout is finished
        "#
    );
}

#[test]
fn people_stop_it_move_it_and_let_it_go_on() {
    use What::{Advance, Force, Override, Pause, Resume, RollBack, Start};
    let shadow = Some(Step::Shadow);
    insta::assert_snapshot!(
        check(&[
            Pause,
            RollBack { to: shadow },
            Start { to: Step::Shadow },
            Resume { at: Step::Shadow },
            Pause,
            Pause,
            Advance { to: percent(10) },
            Resume { at: percent(10) },
            Resume { at: Step::Shadow },
            Advance { to: percent(10) },
            RollBack { to: Some(percent(50)) },
            RollBack { to: shadow },
            Advance { to: percent(10) },
            Pause,
            Resume { at: Step::Shadow },
            Force { to: Some(percent(25)) },
            Force { to: Some(percent(100)) },
            Override { to: Some(percent(25)) },
            Advance { to: percent(50) },
            Resume { at: percent(25) },
            Advance { to: percent(50) },
            RollBack { to: None },
            Start { to: Step::Shadow },
            Resume { at: percent(25) },
            Resume { at: Step::Shadow },
            Force { to: None },
            Start { to: Step::Shadow },
        ])
        .join("\n"),
        @r#"
        the rollout has not been started
        the rollout has not been started
        shadow Running since 3
        the rollout is running: there is nothing to resume
        shadow Paused since 3
        the rollout is paused: resume it first
        the rollout is paused: resume it first
        the next step is shadow, not 10 %; only force skips a step
        shadow Running since 3
        10 % Running since 10
        50 % is further on, which is no way back
        shadow RolledBack since 12
        the rollout was rolled back: resume it first
        the rollout was rolled back: resume it first
        shadow Running since 15
        the next step is 10 %, not 25 %; only force skips a step
        100 % Running since 17
        25 % Paused since 18
        the rollout is paused: resume it first
        25 % Running since 18
        a person has to confirm 50 % first
        monolith RolledBack since 22
        the rollout was rolled back: resume it first
        the next step is shadow, not 25 %; only force skips a step
        shadow Running since 25
        monolith NotStarted since 26
        shadow Running since 27
        "#
    );
}

#[test]
fn what_was_resumed_after_a_rollback_starts_with_no_evidence() {
    use What::{Pause, Resume, RollBack, Start};
    let (at, to) = (Step::Shadow, Some(Step::Shadow));
    let told = check(&[Start { to: Step::Shadow }, Pause, Resume { at }]);
    assert_eq!(told[2], "shadow Running since 1");
    let told = check(&[Start { to: Step::Shadow }, RollBack { to }, Resume { at }]);
    assert_eq!(told[2], "shadow Running since 3");
}

#[test]
fn a_share_that_is_a_step_is_gone_on_from() {
    let by_hand = |step: Step| What::by_hand(&policy(), step.share());
    let (step, other) = (percent(50), percent(25));
    assert_eq!(by_hand(step), What::Force { to: Some(step) });
    assert_eq!(by_hand(other), What::Override { to: Some(other) });
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Shadow),
        Just(percent(10)),
        Just(percent(25)),
        Just(percent(50)),
        Just(percent(100)),
    ]
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        1 => step().prop_map(|to| What::Start { to }),
        6 => step().prop_map(|to| What::Advance { to }),
        1 => Just(What::Finish),
        1 => prop::option::of(step()).prop_map(|to| What::RollBack { to }),
        1 => Just(What::Pause),
        2 => step().prop_map(|at| What::Resume { at }),
        3 => step().prop_map(|step| What::Confirm { step }),
        1 => prop::option::of(step()).prop_map(|to| What::Force { to }),
        1 => prop::option::of(step()).prop_map(|to| What::Override { to }),
    ]
}

proptest! {
    #[test]
    fn no_step_is_skipped_but_by_a_person(whats in prop::collection::vec(what(), 0..60)) {
        let policy = policy();
        let mut position = Position::new(SystemTime::UNIX_EPOCH);
        for (id, what) in (1..).zip(whats) {
            let retreat = What::RollBack { to: policy.retreat().filter(|_| position.step.is_some()) };
            let can_go_back = position.admit(&policy, retreat).is_ok();
            prop_assert_eq!(can_go_back, position.state != State::NotStarted);
            if position.admit(&policy, what).is_err() {
                continue;
            }
            let before = position.clone();
            position = position.apply(&event(id, what));
            let by_hand = matches!(what, What::Force { .. } | What::Override { .. });
            if let What::Resume { at } = what {
                prop_assert!(before.step == Some(at) || policy.after(before.step) == Some(at));
            } else if position.step > before.step && !by_hand {
                prop_assert_eq!(position.step, policy.after(before.step));
                prop_assert_ne!(before.state, State::Paused);
                prop_assert_ne!(before.state, State::RolledBack);
                let asked = position.step.is_some_and(|step| policy.asks(step));
                let was_started = matches!(what, What::Start { .. });
                prop_assert!(!asked || was_started || before.confirmed == position.step);
            }
            // What was seen at another step does not count at this one.
            prop_assert!(position.step == before.step || position.epoch == id);
        }
    }

    /// However often, and wherever it is begun again, the journal gives the same.
    #[test]
    fn the_same_events_give_the_same_position(
        whats in prop::collection::vec(what(), 0..40), again in 0..40_usize,
    ) {
        let events: Vec<Event> = (1..).zip(whats).map(|(id, what)| event(id, what)).collect();
        let start = || Position::new(SystemTime::UNIX_EPOCH);
        let once = events.iter().fold(start(), Position::apply);
        let again = again.min(events.len());
        let twice = events[..again].iter().chain(&events[again / 2..]).fold(start(), Position::apply);
        prop_assert_eq!(&once, &twice);
        let kept = serde_json::to_string(&once).unwrap();
        prop_assert_eq!(serde_json::from_str::<Position>(&kept).unwrap(), once);
        let kept = serde_json::to_string(&events).unwrap();
        prop_assert_eq!(serde_json::from_str::<Vec<Event>>(&kept).unwrap(), events);
    }
}
