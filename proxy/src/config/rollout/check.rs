//! [`RolloutFile`] to [`Policy`]: everything that can be wrong is found here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;

use super::{EvidenceFile, HardFile, NamedEvidence, NumberOrName, RolloutFile, RolloutLimitsFile};
use crate::compare::Rules;
use crate::config::Problem;
use crate::rollout::{Hard, Kind, LatencyLimit, Limits, Policy, Step};
use crate::route::Weight;

/// Which predictions are looked at in the answers of a stage's routes.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::config) struct Predictions {
    labels: bool,
    scores: bool,
}

impl Predictions {
    /// Those that the rules of any of its routes name.
    pub(in crate::config) fn of<'r>(rules: impl Iterator<Item = &'r Rules>) -> Predictions {
        rules.fold(Predictions::default(), |named, own| Predictions {
            labels: named.labels || own.labels,
            scores: named.scores || own.scores,
        })
    }
}

/// What is wrong with the policy of a stage that has no candidate.
pub(in crate::config) fn no_candidate(stage: &str, file: &Spanned<RolloutFile>) -> Problem {
    let what = format!("stage {stage}: rollout: there is no candidate to go to");
    Problem::at(file.span(), what).label("add candidate = [\"http://host:port\"] to the stage")
}

/// The policy of a stage that has a candidate, in whose answers these
/// predictions are looked at.
pub(in crate::config) fn policy(
    stage: &str,
    file: &Spanned<RolloutFile>,
    predictions: Predictions,
) -> Result<Policy, Problem> {
    let check = Check { stage, predictions };
    let file = file.get_ref();
    let default = Policy::default();
    let steps = match &file.steps {
        Some(steps) => check.steps(steps)?,
        None => default.steps,
    };
    Ok(Policy {
        confirm: check.confirm(&file.confirm, &steps)?,
        steps,
        evidence: check.evidence(file)?,
        sure: match &file.sure {
            Some(sure) => check.sure(sure)?,
            None => default.sure,
        },
        min_time: file.min_time.map_or(Duration::ZERO, |time| time.0),
        hard: match &file.hard {
            Some(hard) => check.hard(hard)?,
            None => default.hard,
        },
    })
}

struct Check<'a> {
    stage: &'a str,
    predictions: Predictions,
}

impl Check<'_> {
    fn problem(&self, span: Range<usize>, what: impl fmt::Display) -> Problem {
        Problem::at(span, format!("stage {}: rollout: {what}", self.stage))
    }

    fn steps(&self, file: &Spanned<Vec<Spanned<NumberOrName>>>) -> Result<Vec<Step>, Problem> {
        let mut steps: Vec<Step> = Vec::new();
        for written in file.get_ref() {
            let step = self.step("steps", written)?;
            if let Some(before) = steps.last().filter(|before| **before >= step) {
                let what = format!("steps: {step} comes after {before}");
                let label =
                    "write \"shadow\" first, then rising percentages, then \"reverse-shadow\"";
                return Err(self.problem(written.span(), what).label(label));
            }
            steps.push(step);
        }
        if steps.is_empty() {
            let problem = self.problem(file.span(), "steps: there are none");
            return Err(problem.label("write [\"shadow\", 10, 100], or leave it out"));
        }
        Ok(steps)
    }

    fn step(&self, field: &str, written: &Spanned<NumberOrName>) -> Result<Step, Problem> {
        match written.get_ref() {
            NumberOrName::Name(name) if name == "shadow" => Ok(Step::Shadow),
            NumberOrName::Name(name) if name == "reverse-shadow" => Ok(Step::ReverseShadow),
            NumberOrName::Name(name) => {
                let what = format!("{field}: `{name}` is no step");
                let label = "write \"shadow\", a percentage, or \"reverse-shadow\"";
                Err(self.problem(written.span(), what).label(label))
            }
            NumberOrName::Number(percent) => match Weight::from_percent(*percent) {
                Ok(Weight::ZERO) => {
                    let what = format!("{field}: a step of 0 % shows nothing");
                    let label = "write \"shadow\" to compare without a client's seeing it";
                    Err(self.problem(written.span(), what).label(label))
                }
                Ok(weight) => Ok(Step::Percent(weight)),
                Err(error) => Err(self.problem(written.span(), format!("{field}: {error}"))),
            },
        }
    }

    fn confirm(
        &self,
        file: &[Spanned<NumberOrName>],
        steps: &[Step],
    ) -> Result<BTreeSet<Step>, Problem> {
        let mut confirm = BTreeSet::new();
        for written in file {
            let step = self.step("confirm", written)?;
            if !steps.contains(&step) {
                let what = format!("confirm: {step} is none of the steps");
                let known: Vec<String> = steps.iter().map(Step::to_string).collect();
                let label = format!("the steps are {}", known.join(", "));
                return Err(self.problem(written.span(), what).label(label));
            }
            confirm.insert(step);
        }
        Ok(confirm)
    }

    fn evidence(&self, file: &RolloutFile) -> Result<Kind, Problem> {
        let (pairs, metrics) = match &file.evidence {
            None | Some(EvidenceFile::Named(NamedEvidence::Requests)) => {
                return self.limits(file.limits.as_ref()).map(Kind::Requests);
            }
            Some(EvidenceFile::Named(NamedEvidence::Runs)) => (3, None),
            Some(EvidenceFile::Runs(runs)) if *runs.runs.get_ref() == 0 => {
                let problem = self.problem(runs.runs.span(), "evidence: no run shows nothing");
                return Err(problem.label("write runs = 1 or more"));
            }
            Some(EvidenceFile::Runs(runs)) => (*runs.runs.get_ref(), Some(&runs.metrics)),
        };
        if let Some(limits) = &file.limits {
            let what = "limits: runs are judged one by one, not by rates";
            let label = "write evidence = { runs = 3, metrics = { auc = 0.005 } }";
            return Err(self.problem(limits.span(), what).label(label));
        }
        let mut tolerance = BTreeMap::new();
        for (name, by) in metrics.into_iter().flatten() {
            let value = *by.get_ref();
            if !(value >= 0.0 && value.is_finite()) {
                let what = format!("evidence: {value} is no tolerance of {name}");
                return Err(self.problem(by.span(), what).label("write 0 or more"));
            }
            tolerance.insert(name.clone(), value);
        }
        Ok(Kind::Runs { pairs, tolerance })
    }

    fn limits(&self, file: Option<&Spanned<RolloutLimitsFile>>) -> Result<Limits, Problem> {
        let default = Limits::default();
        let Some(spanned) = file else {
            return Ok(default);
        };
        let file = spanned.get_ref();
        let ratio = match &file.latency_ratio {
            Some(ratio) => self.ratio(ratio)?,
            None => default.latency.map(|latency| latency.ratio),
        };
        let quantile = match &file.latency_quantile {
            Some(quantile) => self.quantile(quantile, ratio.is_some())?,
            None => LatencyLimit::default().quantile,
        };
        let Predictions { labels, scores } = self.predictions;
        self.is_named("label_flips", file.label_flips.as_ref(), ("label", labels))?;
        self.is_named("score_drift", file.score_drift.as_ref(), ("score", scores))?;
        let limits = Limits {
            mismatch: self.share("mismatch", file.mismatch.as_ref(), default.mismatch)?,
            errors: self.share("errors", file.errors.as_ref(), default.errors)?,
            latency: ratio.map(|ratio| LatencyLimit { ratio, quantile }),
            label_flips: self.share("label_flips", file.label_flips.as_ref(), None)?,
            score_drift: self.share("score_drift", file.score_drift.as_ref(), None)?,
        };
        let nothing = Limits {
            mismatch: None,
            errors: None,
            latency: None,
            label_flips: None,
            score_drift: None,
        };
        if limits == nothing {
            let problem = self.problem(spanned.span(), "limits: nothing is judged");
            return Err(problem.label("give one of them a number, or leave the rollout out"));
        }
        Ok(limits)
    }

    fn share(
        &self,
        field: &str,
        written: Option<&Spanned<NumberOrName>>,
        default: Option<f64>,
    ) -> Result<Option<f64>, Problem> {
        let Some(written) = written else {
            return Ok(default);
        };
        let limit = self.number(field, written)?;
        match limit {
            Some(0.0) => {
                let what = format!("limits: {field}: that nothing ever differs cannot be shown");
                Err(self
                    .problem(written.span(), what)
                    .label("write 0.0001, say"))
            }
            Some(limit) if !(limit > 0.0 && limit < 1.0) => {
                let what = format!("limits: {field}: {limit} is no share");
                let label = "write a number above 0 and below 1: 0.001 is one in a thousand";
                Err(self.problem(written.span(), what).label(label))
            }
            limit => Ok(limit),
        }
    }

    /// What a limit on predictions judges has to be found in the answers first:
    /// without it nothing is ever seen of it, and no step is entered.
    fn is_named(
        &self,
        field: &str,
        written: Option<&Spanned<NumberOrName>>,
        (what, is_named): (&str, bool),
    ) -> Result<(), Problem> {
        match written {
            Some(written) if !is_named && self.number(field, written)?.is_some() => {
                let message = format!("limits: {field}: the rules name no {what} to look at");
                let label = format!(
                    "add {what} = \"/customers/*/{what}\", say, to [stage.{}.compare]",
                    self.stage
                );
                Err(self.problem(written.span(), message).label(label))
            }
            _ => Ok(()),
        }
    }

    fn ratio(&self, written: &Spanned<NumberOrName>) -> Result<Option<f64>, Problem> {
        let ratio = self.number("latency_ratio", written)?;
        if ratio.is_some_and(|ratio| !(ratio > 0.0 && ratio.is_finite())) {
            let what = format!(
                "limits: latency_ratio: {} is no ratio",
                ratio.unwrap_or_default()
            );
            let problem = self.problem(written.span(), what);
            return Err(problem.label("write 1.5 for half as slow again"));
        }
        Ok(ratio)
    }

    fn number(&self, field: &str, written: &Spanned<NumberOrName>) -> Result<Option<f64>, Problem> {
        match written.get_ref() {
            NumberOrName::Number(number) => Ok(Some(*number)),
            NumberOrName::Name(name) if name == "none" => Ok(None),
            NumberOrName::Name(name) => {
                let what = format!("limits: {field}: `{name}` is no limit");
                let label = "write a number, or \"none\"";
                Err(self.problem(written.span(), what).label(label))
            }
        }
    }

    fn quantile(&self, written: &Spanned<f64>, is_judged: bool) -> Result<f64, Problem> {
        let quantile = *written.get_ref();
        if !is_judged {
            let what = "limits: latency_quantile: latency is not judged";
            return Err(self.problem(written.span(), what).label("leave it out"));
        }
        if !(quantile > 0.0 && quantile < 1.0) {
            let what = format!("limits: latency_quantile: {quantile} is no quantile");
            let label = "write a number above 0 and below 1, such as 0.99";
            return Err(self.problem(written.span(), what).label(label));
        }
        Ok(quantile)
    }

    fn sure(&self, written: &Spanned<f64>) -> Result<f64, Problem> {
        let sure = *written.get_ref();
        if !(0.5..1.0).contains(&sure) {
            let what = format!("sure: {sure} is not from 0.5 to below 1");
            let label = "write 0.99 for one wrong decision in a hundred rollouts";
            return Err(self.problem(written.span(), what).label(label));
        }
        Ok(sure)
    }

    fn hard(&self, written: &Spanned<HardFile>) -> Result<Hard, Problem> {
        let (default, file) = (Hard::default(), written.get_ref());
        let hard = Hard {
            in_a_row: file.in_a_row.unwrap_or(default.in_a_row),
            share: file.share.unwrap_or(default.share),
            least: file.least.unwrap_or(default.least),
        };
        let what = match hard {
            Hard { in_a_row: 0, .. } => "in_a_row: no failure in a row is no failure",
            Hard { least: 0, .. } => "least: of no requests none can fail",
            Hard { share, .. } if !(share > 0.0 && share < 1.0) => {
                "share: is not above 0 and below 1"
            }
            _ => return Ok(hard),
        };
        let problem = self.problem(written.span(), format!("hard: {what}"));
        Err(problem.label("write { in_a_row = 20, share = 0.5, least = 20 }"))
    }
}
