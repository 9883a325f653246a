//! [`Gate`]: what a model must reach, and whether it does.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::bootstrap::{Bootstrap, Interval};
use super::metric::Metric;
use super::sample::Predictions;
use super::undefined::{Score, Undefined};

/// What a model must reach, as written in a document. A gate that demands
/// nothing lets everything pass.
///
/// ```toml
/// [gate.limits]
/// roc-auc = { min = 0.8 }
/// log-loss = { max = 0.5 }
///
/// [gate.against-current]
/// roc-auc = { margin = 0.01 }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Gate {
    /// Between which values a metric must lie.
    pub limits: IndexMap<Metric, Limit>,
    /// How a metric must compare with that of the version now in use, on the
    /// same rows.
    pub against_current: IndexMap<Metric, Versus>,
}

/// Between which values a metric must lie, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limit {
    /// The least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The greatest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

/// How a metric must compare with the current version's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Versus {
    /// By how much it may be worse; below 0, by how much it must be better.
    pub margin: f64,
    /// What the interval of the difference has to show.
    pub proof: Proof,
}

/// Which side the doubt is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// It passes unless the whole interval is worse than the margin allows.
    #[default]
    NotShownWorse,
    /// It passes only if the whole interval is within the margin.
    ShownNotWorse,
}

/// Whether a model passes, and every reason for or against it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// No reason is against it.
    pub passed: bool,
    /// One for each demand, in the gate's order.
    pub reasons: Vec<Reason>,
}

/// What came of one demand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The metric it is about.
    pub metric: Metric,
    /// Whether it is met.
    pub passed: bool,
    /// In words.
    pub why: String,
}

/// What is wrong with a gate as written.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum BadGate {
    /// A limit that limits nothing.
    #[error("gate.limits.{metric}: give min, max or both")]
    NoLimit {
        /// Its key.
        metric: Metric,
    },
    /// Not a finite number.
    #[error("gate.{table}.{metric}: {value} is not a finite number")]
    NotFinite {
        /// `limits` or `against-current`.
        table: &'static str,
        /// Its key.
        metric: Metric,
        /// As it was written.
        value: f64,
    },
    /// Nothing lies between the two.
    #[error("gate.limits.{metric}: min {min} is above max {max}; nothing can pass")]
    Crossed {
        /// Its key.
        metric: Metric,
        /// As it was written.
        min: f64,
        /// As it was written.
        max: f64,
    },
}

impl Gate {
    /// Whether the gate can be asked for as it is written.
    pub fn check(&self) -> Result<(), BadGate> {
        for (&metric, limit) in &self.limits {
            check_finite("limits", metric, [limit.min, limit.max])?;
            match (limit.min, limit.max) {
                (None, None) => return Err(BadGate::NoLimit { metric }),
                (Some(min), Some(max)) if min > max => {
                    return Err(BadGate::Crossed { metric, min, max });
                }
                _ => {}
            }
        }
        for (&metric, versus) in &self.against_current {
            check_finite("against-current", metric, [Some(versus.margin), None])?;
        }
        Ok(())
    }
}

/// Judges a candidate by its predictions, and by those of the current version
/// for the same rows where there is one. What is undefined does not pass.
pub fn judge(
    gate: &Gate,
    candidate: &Predictions,
    current: Option<&Predictions>,
    bootstrap: &Bootstrap,
) -> Judgement {
    let limits = gate
        .limits
        .iter()
        .map(|(metric, limit)| within(*metric, limit, metric.score(candidate)));
    let versus = gate
        .against_current
        .iter()
        .map(|(metric, versus)| match current {
            None => Reason::new(*metric, true, "there is no current version to compare with"),
            Some(current) => against(*metric, versus, candidate, current, bootstrap),
        });
    let reasons: Vec<Reason> = limits.chain(versus).collect();
    Judgement {
        passed: reasons.iter().all(|reason| reason.passed),
        reasons,
    }
}

fn within(metric: Metric, limit: &Limit, score: Score) -> Reason {
    let value = match score {
        Ok(value) => value,
        Err(why) => return Reason::undefined(metric, &why),
    };
    let says = |passed, rest: String| Reason::new(metric, passed, format!("{value:.4} {rest}"));
    match (limit.min, limit.max) {
        (Some(min), _) if value < min => says(false, format!("is below the least allowed, {min}")),
        (_, Some(max)) if value > max => {
            says(false, format!("is above the greatest allowed, {max}"))
        }
        (Some(min), Some(max)) => says(true, format!("is between {min} and {max}")),
        (Some(min), None) => says(true, format!("is at least {min}")),
        (None, Some(max)) => says(true, format!("is at most {max}")),
        (None, None) => says(true, "has no limit".to_string()),
    }
}

fn against(
    metric: Metric,
    versus: &Versus,
    candidate: &Predictions,
    current: &Predictions,
    bootstrap: &Bootstrap,
) -> Reason {
    if !candidate.same_rows(current) {
        let why = "the current version was not measured on the same rows; predict them with both";
        return Reason::new(metric, false, why);
    }
    // Both are drawn alike: what makes rows hard for both cancels out.
    let gain = |rows: &[usize]| {
        let value = metric.score(&candidate.select(rows))?;
        Ok(metric.gain(value, metric.score(&current.select(rows))?))
    };
    let all: Vec<usize> = (0..candidate.n_rows()).collect();
    let found = gain(&all).and_then(|value| {
        let interval = bootstrap.interval(candidate.n_rows(), gain)?;
        Ok((value, interval))
    });
    match found {
        Ok((gain, interval)) => compared(metric, versus, gain, interval),
        Err(why) => Reason::undefined(metric, &why),
    }
}

fn compared(metric: Metric, versus: &Versus, gain: f64, interval: Interval) -> Reason {
    let least = 0.0 - versus.margin;
    let passed = match versus.proof {
        Proof::NotShownWorse => interval.high >= least,
        Proof::ShownNotWorse => interval.low >= least,
    };
    let demanded = match (versus.margin, versus.proof) {
        (margin, Proof::NotShownWorse) if margin >= 0.0 => {
            format!("fails where it is shown to be worse by more than {margin}")
        }
        (margin, Proof::ShownNotWorse) if margin >= 0.0 => {
            format!("passes where it is shown not to be worse by more than {margin}")
        }
        (_, Proof::NotShownWorse) => format!("fails where it is shown not to be better by {least}"),
        (_, Proof::ShownNotWorse) => format!("passes where it is shown to be better by {least}"),
    };
    let side = if gain < 0.0 { "worse" } else { "better" };
    let Interval { low, high, level } = interval;
    let why = format!(
        "is {:.4} {side} than the current version's; the {:.0} % interval of the gain is \
         {low:.4} to {high:.4}, and it {demanded}",
        gain.abs(),
        level * 100.0,
    );
    Reason::new(metric, passed, why)
}

impl Reason {
    fn new(metric: Metric, passed: bool, why: impl AsRef<str>) -> Reason {
        Reason {
            metric,
            passed,
            why: format!("{metric}: {}", why.as_ref()),
        }
    }

    fn undefined(metric: Metric, why: &Undefined) -> Reason {
        Reason::new(metric, false, format!("is undefined: {why}"))
    }
}

fn check_finite(
    table: &'static str,
    metric: Metric,
    values: [Option<f64>; 2],
) -> Result<(), BadGate> {
    match values
        .into_iter()
        .flatten()
        .find(|value| !value.is_finite())
    {
        None => Ok(()),
        Some(value) => Err(BadGate::NotFinite {
            table,
            metric,
            value,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Classified, Regressed};

    fn gate(text: &str) -> Gate {
        toml::from_str(text).unwrap()
    }

    /// Numbers off by `error`, in turns above and below.
    fn off_by(error: f64) -> Predictions {
        let truth: Vec<f64> = (0..100).map(f64::from).collect();
        let sign = |row: usize| if row.is_multiple_of(2) { 1.0 } else { -1.0 };
        let size = |row: usize| error * (1.0 + (row % 7) as f64 / 10.0);
        let predicted = truth
            .iter()
            .enumerate()
            .map(|(row, truth)| truth + sign(row) * size(row));
        Predictions::Numbers(Regressed::new(truth.clone(), predicted.collect()).unwrap())
    }

    fn judged(text: &str, candidate: f64, current: Option<f64>) -> Judgement {
        let current = current.map(off_by);
        judge(
            &gate(text),
            &off_by(candidate),
            current.as_ref(),
            &Bootstrap::default(),
        )
    }

    #[test]
    fn limits_are_said_in_words() {
        let judgement = judged(
            "limits = { mae = { max = 2.0 }, r2 = { min = 0.9999 } }",
            1.0,
            None,
        );
        assert!(!judgement.passed);
        let whys: Vec<&str> = judgement.reasons.iter().map(|r| r.why.as_str()).collect();
        assert_eq!(
            whys,
            [
                "mae: 1.2950 is at most 2",
                "r2: 0.9979 is below the least allowed, 0.9999"
            ]
        );
    }

    #[test]
    fn a_model_shown_to_be_worse_fails() {
        let versus = "against-current = { mae = { margin = 0.1 } }";
        assert!(!judged(versus, 2.0, Some(1.0)).passed);
        assert!(judged(versus, 1.05, Some(1.0)).passed);
        assert!(judged(versus, 1.0, Some(2.0)).passed);
        assert!(judged(versus, 2.0, None).passed);
    }

    #[test]
    fn the_doubt_can_be_on_either_side() {
        let shown = "against-current = { mae = { margin = -0.5, proof = \"shown-not-worse\" } }";
        assert!(judged(shown, 1.0, Some(2.0)).passed);
        let judgement = judged(shown, 1.0, Some(1.2));
        assert!(!judgement.passed);
        let why = &judgement.reasons[0].why;
        assert!(
            why.starts_with("mae: is 0.2590 better than the current version's; the 95 % interval")
                && why.ends_with("and it passes where it is shown to be better by 0.5"),
            "{why}"
        );
    }

    #[test]
    fn what_is_undefined_does_not_pass() {
        let one = Predictions::Classes(Classified::labels(2, vec![1], vec![1]).unwrap());
        let auc = gate("limits = { roc-auc = { min = 0.5 } }");
        let judgement = judge(&auc, &one, None, &Bootstrap::default());
        let why = "roc-auc: is undefined: the model gives neither probabilities nor scores";
        assert_eq!(judgement.reasons[0].why, why);
        assert!(!judgement.passed);
    }

    #[test]
    fn a_gate_that_makes_no_sense_is_refused() {
        let says = |text: &str| gate(text).check().unwrap_err().to_string();
        assert_eq!(
            says("limits = { f1 = {} }"),
            "gate.limits.f1: give min, max or both"
        );
        assert_eq!(
            says("limits = { f1 = { min = nan } }"),
            "gate.limits.f1: NaN is not a finite number"
        );
        assert_eq!(
            says("limits = { f1 = { min = 0.9, max = 0.1 } }"),
            "gate.limits.f1: min 0.9 is above max 0.1; nothing can pass"
        );
        assert!(toml::from_str::<Gate>("limits = { auc = { min = 0.9 } }").is_err());
        assert_eq!(Gate::default().check(), Ok(()));
    }
}
