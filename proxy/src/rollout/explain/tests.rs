use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::rollout::{Compared, Count, Event, Evidence, Health, Limits, PerSide, Run, What, judge};
use crate::route::Weight;

fn percent_step(percent: u16) -> Step {
    Step::Percent(Weight::from_basis_points(percent * 100))
}

fn at() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(14 * 3_600 + 2 * 60 + 59)
}

fn standing(step: Step) -> Position {
    Position::new(UNIX_EPOCH).apply(&Event {
        id: 1,
        at: UNIX_EPOCH,
        by: "anna".to_owned(),
        why: String::new(),
        what: What::Force { to: Some(step) },
    })
}

fn check(policy: &Policy, step: Step, evidence: &Evidence, health: &Health) -> String {
    let before = standing(step);
    let judgement = judge(policy, &before, evidence, health, at());
    let details = Details {
        fields: vec![FieldDifference {
            path: "/score".to_owned(),
            pairs: 41,
            largest: Some(4.9e-4),
        }],
        examples: vec!["4f1c".to_owned()],
        client_errors: Some(0),
    };
    explain("inference", policy, &before, &judgement, &details, at())
}

fn answers(of: u64, events: u64, noise: Option<Count>) -> Evidence {
    Evidence {
        answers: Some(Compared {
            pairs: Count::new(of, events),
            noise,
        }),
        ..Evidence::default()
    }
}

#[test]
fn a_rollback_tells_what_tipped_it_and_what_to_do() {
    let evidence = answers(8_113, 41, None);
    let told = check(
        &Policy::default(),
        percent_step(25),
        &evidence,
        &Health::default(),
    );
    insta::assert_snapshot!(told, @r#"Rolled back inference from 25 % to shadow at 14:02: 41 of 8,113 answers differed, and with 99 % certainty more than 0.24 % do, over your limit of 0.10 %. All differ in /score, by at most 4.9e-4. Such as 4f1c. No client saw an error. Resume with `cutline shift inference 25` once the candidate is mended."#);
}

#[test]
fn a_step_is_told_with_every_criterion() {
    let mut evidence = answers(20_413, 2, Some(Count::new(2_000, 0)));
    evidence.errors = Some(PerSide {
        monolith: Count::new(60_000, 6),
        candidate: Count::new(20_413, 1),
    });
    let mut policy = Policy::default();
    let told = check(&policy, percent_step(5), &evidence, &Health::default());
    insta::assert_snapshot!(told, @r#"Advanced inference from 5 % to 25 % at 14:02: 2 of 20,413 answers differed, and with 99 % certainty less than 0.06 % do beyond what the monolith does to itself, within your limit of 0.10 %; 1 of 20,413 of the candidate's requests failed, and 6 of 60,000 of the monolith's, and with 99 % certainty less than 0.05 % more do, within your limit of 0.10 %."#);
    policy.confirm.insert(percent_step(25));
    let told = check(&policy, percent_step(5), &evidence, &Health::default());
    insta::assert_snapshot!(told, @r#"inference may go from 5 % to 25 %, and waits for a person: 2 of 20,413 answers differed, and with 99 % certainty less than 0.06 % do beyond what the monolith does to itself, within your limit of 0.10 %; 1 of 20,413 of the candidate's requests failed, and 6 of 60,000 of the monolith's, and with 99 % certainty less than 0.05 % more do, within your limit of 0.10 %. Confirm with `cutline rollout inference confirm`."#);
}

#[test]
fn what_is_not_known_is_said_to_be_so() {
    let told = |of, events| {
        let evidence = answers(of, events, None);
        check(
            &Policy::default(),
            Step::Shadow,
            &evidence,
            &Health::default(),
        )
    };
    let nothing = check(
        &Policy::default(),
        Step::Shadow,
        &Evidence::default(),
        &Health::default(),
    );
    insta::assert_snapshot!(
        [told(0, 0), told(312, 0), told(8_113, 4), told(8_113, 9), nothing].join("\n"),
        @r#"
        Not enough evidence of inference at shadow: nothing was seen of mismatch.
        Not enough evidence of inference at shadow: none of 312 answers differed. About 5,187 more are needed at this rate.
        Holding inference at shadow: 4 of 8,113 answers differed, so that from 1.3e-3 % to 0.19 % do with 99 % certainty, on either side of your limit of 0.10 %. About 31,185 more are needed at this rate.
        Holding inference at shadow: 9 of 8,113 answers differed, so that from 0.02 % to 0.29 % do with 99 % certainty, on either side of your limit of 0.10 %. At this rate it will not pass.
        Not enough evidence of inference at shadow: nothing was seen of mismatch.
        "#
    );
}

#[test]
fn a_plain_failure_is_told_plainly() {
    let told =
        |step, health: &Health| check(&Policy::default(), step, &Evidence::default(), health);
    let open = Health {
        circuit_open: true,
        ..Health::default()
    };
    let failing = Health {
        in_a_row: 20,
        ..Health::default()
    };
    let half = Health {
        latest: PerSide {
            monolith: Count::new(70, 0),
            candidate: Count::new(30, 16),
        },
        ..Health::default()
    };
    insta::assert_snapshot!(
        [
            told(percent_step(25), &open),
            told(percent_step(100), &failing),
            told(percent_step(5), &half),
            told(Step::Shadow, &open),
        ]
        .join("\n"),
        @r#"
        Rolled back inference from 25 % to shadow at 14:02: no process of the candidate answers. No client saw an error. Resume with `cutline shift inference 25` once the candidate is mended.
        Rolled back inference from 100 % to shadow at 14:02: the candidate failed 20 times in a row. No client saw an error. Resume with `cutline shift inference 100` once the candidate is mended.
        Rolled back inference from 5 % to shadow at 14:02: 16 of the candidate's latest 30 requests failed. No client saw an error. Resume with `cutline shift inference 5` once the candidate is mended.
        Holding inference at shadow: no process of the candidate answers.
        "#
    );
}

#[test]
fn runs_are_told_by_their_name() {
    let policy = Policy {
        steps: vec![Step::Shadow, percent_step(100)],
        evidence: Kind::Runs {
            pairs: 2,
            tolerance: BTreeMap::from([("auc".to_owned(), 0.005)]),
        },
        ..Policy::default()
    };
    let told = |aucs: &[f64]| {
        let runs = aucs.iter().zip(["a", "b"]).map(|(auc, id)| Run {
            id: id.to_owned(),
            metrics: BTreeMap::from([("auc".to_owned(), (Some(0.9), Some(*auc)))]),
            ..Run::default()
        });
        let evidence = Evidence {
            runs: runs.collect(),
            ..Evidence::default()
        };
        check(&policy, Step::Shadow, &evidence, &Health::default())
    };
    insta::assert_snapshot!(
        [told(&[0.9]), told(&[0.9, 0.901]), told(&[0.9, 0.8])].join("\n"),
        @r#"
        Not enough evidence of inference at shadow: fewer than 2 runs.
        inference may go from shadow to 100 %, and waits for a person: its last 2 runs were as the monolith's. Confirm with `cutline rollout inference confirm`.
        Stopped inference at shadow at 14:02: run b: auc is 0.8, and the monolith's 0.9, where 0.005 is tolerated. Resume with `cutline mode inference shadow` once the candidate is mended.
        "#
    );
}

#[test]
fn latency_and_scores_have_words_of_their_own() {
    let finding = |criterion, value, low, high, limit, state| Finding {
        criterion,
        seen: 4_000,
        events: 100,
        beside: None,
        value: Some(value),
        low,
        high,
        limit,
        state,
        needed: None,
        enough: true,
    };
    let judgement = Judgement {
        action: Action::RollBack {
            to: Some(Step::Shadow),
            why: Reason::Evidence(vec![
                Criterion::Latency,
                Criterion::LabelFlips,
                Criterion::ScoreDrift,
            ]),
        },
        findings: vec![
            finding(Criterion::Latency, 2.1, 1.949, None, 1.5, Standing::Over),
            finding(
                Criterion::LabelFlips,
                0.025,
                0.018,
                Some(0.04),
                0.01,
                Standing::Over,
            ),
            finding(
                Criterion::ScoreDrift,
                0.08,
                0.06,
                Some(0.1),
                0.05,
                Standing::Over,
            ),
        ],
    };
    let policy = Policy {
        evidence: Kind::Requests(Limits::default()),
        ..Policy::default()
    };
    let details = Details {
        fields: vec![
            FieldDifference {
                path: "/label".to_owned(),
                pairs: 80,
                largest: None,
            },
            FieldDifference {
                path: "/score".to_owned(),
                pairs: 25,
                largest: Some(0.4),
            },
        ],
        client_errors: Some(3),
        ..Details::default()
    };
    let before = standing(percent_step(50));
    let told = explain("inference", &policy, &before, &judgement, &details, at());
    insta::assert_snapshot!(told, @r#"Rolled back inference from 50 % to shadow at 14:02: at 99 % of requests the candidate takes 2.10 times as long, and with 99 % certainty more than 1.95 times, over your limit of 1.50; 100 of 4,000 labels flipped, and with 99 % certainty more than 1.80 % do, over your limit of 1.00 %; the scores' distributions are 0.080 apart, and with 99 % certainty more than 0.060, over your limit of 0.050. Most differ in /label (80 times), /score (25 times, by at most 0.4). 3 requests of clients ended in an error. Resume with `cutline shift inference 50` once the candidate is mended."#);
}

#[test]
fn numbers_are_written_as_people_do() {
    assert_eq!(grouped(1_234_567), "1,234,567");
    assert_eq!(grouped(12), "12");
    assert_eq!(
        (percent(0.001), percent(0.0)),
        ("0.10 %".to_owned(), "0.00 %".to_owned())
    );
    assert_eq!(percent(0.000_005), "5.0e-4 %");
    assert_eq!(
        (percent_of(0.99), percent_of(0.999)),
        ("99 %".to_owned(), "99.9 %".to_owned())
    );
}
