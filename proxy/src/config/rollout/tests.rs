use std::time::Duration;

use crate::config::{Config, Problem, RoutesFile};
use crate::rollout::{Kind, Policy, Step};
use crate::route::Weight;

const PLAIN: &str = r#"listen = "127.0.0.1:8080"
[monolith]
upstream = "http://127.0.0.1:5000"
[stage.inference]
routes    = ["POST /predict"]
candidate = "http://127.0.0.1:7070"
[stage.inference.rollout]
"#;

fn read(rollout: &str) -> Result<Config, Problem> {
    RoutesFile::check(&format!("{PLAIN}{rollout}"), |_| Ok(Vec::new()))
}

fn policy(rollout: &str) -> Policy {
    let config = read(rollout).unwrap();
    (*config.settings.rollouts["inference"]).clone()
}

#[test]
fn what_is_not_said_is_the_default() {
    assert_eq!(policy(""), Policy::default());
    let said = r#"
        steps    = ["shadow", 1, 5, 25, 50, 100, "reverse-shadow"]
        limits   = { mismatch = 0.001, errors = 0.001, latency_ratio = 1.5 }
        sure     = 0.99
        evidence = "requests""#;
    assert_eq!(policy(said), Policy::default());
}

#[test]
fn a_stage_without_a_rollout_is_moved_by_people() {
    let text = PLAIN.replace("[stage.inference.rollout]\n", "");
    let config = RoutesFile::check(&text, |_| Ok(Vec::new())).unwrap();
    assert!(config.settings.rollouts.is_empty());
}

#[test]
fn everything_can_be_said() {
    let said = policy(
        r#"
        steps    = ["shadow", 0.5, 50, 100]
        confirm  = [50, 100]
        limits   = { mismatch = "none", errors = 0.01, latency_ratio = 2, latency_quantile = 0.5, label_flips = 0.002, score_drift = 0.05 }
        sure     = 0.999
        min_time = "10m"
        hard     = { in_a_row = 5 }
        [stage.inference.compare]
        label = "/label"
        score = "/score""#,
    );
    let half = Step::Percent(Weight::from_basis_points(5_000));
    assert!(said.asks(half) && !said.asks(Step::Shadow));
    assert_eq!(said.min_time, Duration::from_secs(600));
    assert_eq!((said.hard.in_a_row, said.hard.least), (5, 20));
    let limits = said.limits().unwrap();
    assert_eq!((limits.mismatch, limits.errors), (None, Some(0.01)));
    assert_eq!(limits.latency.unwrap().quantile, 0.5);
    assert_eq!(limits.score_drift, Some(0.05));
}

#[test]
fn runs_are_counted_and_their_metrics_tolerated() {
    let runs = policy("evidence = { runs = 5, metrics = { auc = 0.005 } }");
    let Kind::Runs { pairs, tolerance } = runs.evidence else {
        panic!("{runs:?}");
    };
    assert_eq!((pairs, tolerance["auc"]), (5, 0.005));
    assert!(policy("evidence = \"runs\"").limits().is_none());
    assert!(policy("evidence = \"runs\"").asks(Step::Shadow));
}

#[test]
fn one_route_that_names_a_prediction_suffices_and_no_limit_needs_none() {
    let own = "{ route = \"POST /rank\", compare = { label = \"/label\" } }";
    let text = format!("{PLAIN}limits = {{ label_flips = 0.1 }}").replace(
        "[\"POST /predict\"]",
        &format!("[\"POST /predict\", {own}]"),
    );
    let config = RoutesFile::check(&text, |_| Ok(Vec::new())).unwrap();
    let limits = config.settings.rollouts["inference"].limits().unwrap();
    assert_eq!(limits.label_flips, Some(0.1));
    assert!(
        policy("limits = { label_flips = \"none\" }")
            .limits()
            .is_some()
    );
}

#[test]
fn a_problem_names_line_stage_and_field() {
    let wrong = |rollout: &str| read(rollout).unwrap_err().to_string();
    let no_candidate = PLAIN.replace("candidate =", "host =");
    let no_candidate = RoutesFile::check(&no_candidate, |_| Ok(Vec::new()));
    insta::assert_snapshot!(
        [
            wrong("step = [1]"),
            wrong("steps = []"),
            wrong("steps = [5, 1]"),
            wrong("steps = [\"shadow\", 0, 1]"),
            wrong("steps = [\"shadow\", 101]"),
            wrong("steps = [\"dark\"]"),
            wrong("steps = [true]"),
            wrong("confirm = [50]\nsteps = [1, 100]"),
            wrong("limits = { mismatch = 0 }"),
            wrong("limits = { mismatch = 5 }"),
            wrong("limits = { mismatch = nan }"),
            wrong("limits = { mismatch = \"some\" }"),
            wrong("limits = { mismatches = 0.1 }"),
            wrong("limits = { latency_ratio = -1 }"),
            wrong("limits = { latency_ratio = \"none\", latency_quantile = 0.5 }"),
            wrong("limits = { latency_quantile = 99 }"),
            wrong("limits = { mismatch = \"none\", errors = \"none\", latency_ratio = \"none\" }"),
            wrong("limits = { label_flips = 0.1 }"),
            wrong("limits = { score_drift = 0.1 }\n[stage.inference.compare]\nlabel = \"/label\""),
            wrong("limits = { label_flips = 0.1 }\n[stage.inference.compare]\nlabel = \"/label\"\nenabled = false"),
            wrong("sure = 99"),
            wrong("evidence = \"guesses\""),
            wrong("evidence = { run = 3 }"),
            wrong("evidence = { runs = 0 }"),
            wrong("evidence = { runs = 3, metrics = { auc = -1 } }"),
            wrong("evidence = \"runs\"\nlimits = { mismatch = 0.01 }"),
            wrong("min_time = \"soon\""),
            wrong("hard = { in_a_row = 0 }"),
            no_candidate.unwrap_err().to_string(),
        ]
        .join("\n"),
        @r#"
        8:1: unknown field `step`, expected one of `steps`, `limits`, `sure`, `evidence`, `confirm`, `min_time`, `hard`
        8:9: stage inference: rollout: steps: there are none (write ["shadow", 10, 100], or leave it out)
        8:13: stage inference: rollout: steps: 1 % comes after 5 % (write "shadow" first, then rising percentages, then "reverse-shadow")
        8:20: stage inference: rollout: steps: a step of 0 % shows nothing (write "shadow" to compare without a client's seeing it)
        8:20: stage inference: rollout: steps: 101 is no percentage: write a number from 0 to 100
        8:10: stage inference: rollout: steps: `dark` is no step (write "shadow", a percentage, or "reverse-shadow")
        8:10: invalid type: boolean `true`, expected a number or a name
        8:12: stage inference: rollout: confirm: 50 % is none of the steps (the steps are 1 %, 100 %)
        8:23: stage inference: rollout: limits: mismatch: that nothing ever differs cannot be shown (write 0.0001, say)
        8:23: stage inference: rollout: limits: mismatch: 5 is no share (write a number above 0 and below 1: 0.001 is one in a thousand)
        8:23: stage inference: rollout: limits: mismatch: NaN is no share (write a number above 0 and below 1: 0.001 is one in a thousand)
        8:23: stage inference: rollout: limits: mismatch: `some` is no limit (write a number, or "none")
        8:12: unknown field `mismatches`, expected one of `mismatch`, `errors`, `latency_ratio`, `latency_quantile`, `label_flips`, `score_drift`
        8:28: stage inference: rollout: limits: latency_ratio: -1 is no ratio (write 1.5 for half as slow again)
        8:55: stage inference: rollout: limits: latency_quantile: latency is not judged (leave it out)
        8:31: stage inference: rollout: limits: latency_quantile: 99 is no quantile (write a number above 0 and below 1, such as 0.99)
        8:10: stage inference: rollout: limits: nothing is judged (give one of them a number, or leave the rollout out)
        8:26: stage inference: rollout: limits: label_flips: the rules name no label to look at (add label = "/customers/*/label", say, to [stage.inference.compare])
        8:26: stage inference: rollout: limits: score_drift: the rules name no score to look at (add score = "/customers/*/score", say, to [stage.inference.compare])
        8:26: stage inference: rollout: limits: label_flips: the rules name no label to look at (add label = "/customers/*/label", say, to [stage.inference.compare])
        8:8: stage inference: rollout: sure: 99 is not from 0.5 to below 1 (write 0.99 for one wrong decision in a hundred rollouts)
        8:12: unknown variant `guesses`, expected `requests` or `runs`
        8:14: unknown field `run`, expected `runs` or `metrics`
        8:21: stage inference: rollout: evidence: no run shows nothing (write runs = 1 or more)
        8:42: stage inference: rollout: evidence: -1 is no tolerance of auc (write 0 or more)
        9:10: stage inference: rollout: limits: runs are judged one by one, not by rates (write evidence = { runs = 3, metrics = { auc = 0.005 } })
        8:12: `soon` is no time; write 250ms, 2s or 1m 30s
        8:8: stage inference: rollout: hard: in_a_row: no failure in a row is no failure (write { in_a_row = 20, share = 0.5, least = 20 })
        7:1: stage inference: rollout: there is no candidate to go to (add candidate = ["http://host:port"] to the stage)
        "#
    );
}

proptest::proptest! {
    #[test]
    fn no_text_breaks_the_check(at in 0..200_usize, put in "\\PC{0,12}") {
        let good = r#"steps = ["shadow", 1, 100]
limits = { mismatch = 0.001, latency_ratio = "none" }
evidence = { runs = 3, metrics = { auc = 0.005 } }"#;
        if good.is_char_boundary(at) {
            let text = format!("{}{put}{}", &good[..at], &good[at..]);
            if let Err(problem) = read(&text) {
                proptest::prop_assert!(problem.line >= 1 && !problem.message.is_empty());
            }
        }
    }
}
