//! [`LiveReport`]: how a model does in use, and whether that is as it should be.

use chrono::{DateTime, Utc};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::latency::Latency;
use super::performance::Performance;
use super::report::DriftReport;
use super::window::{Window, rfc3339};
use crate::metrics::{Limit, Metric};

/// How a model did in a span of time; a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveReport {
    /// What was asked and answered, against the reference.
    #[serde(flatten)]
    pub drift: DriftReport,
    /// How long the requests took; None of no requests.
    pub latency: Option<Quantiles>,
    /// The answers in spans of one width, in the order of time.
    pub windows: Vec<Window>,
    /// How good the answers were, as far as it is known by now.
    pub performance: Option<Performance>,
    /// The limits that were crossed.
    pub crossed: Vec<Crossed>,
}

/// How long requests took, in seconds: half of them, and so on, no longer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// The median.
    pub p50: f64,
    /// 95 % took no longer.
    pub p95: f64,
    /// 99 % took no longer.
    pub p99: f64,
}

/// A figure beyond its limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Crossed {
    /// Its name.
    pub figure: String,
    /// What it is.
    pub value: f64,
    /// Where it should be.
    pub limit: Limit,
}

/// Something worth acting on: limits were crossed; a document. The first of a
/// span says it for the whole span.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Whose limits they are.
    pub function: String,
    /// When the span begins.
    #[serde(with = "rfc3339")]
    pub from: DateTime<Utc>,
    /// Those that this event is about.
    pub crossed: Vec<Crossed>,
}

/// What can have a limit beside the metrics, as it is written in a document.
pub const FIGURES: [&str; 9] = [
    "drift-share",
    "drifted",
    "labelled",
    "latency-p50",
    "latency-p95",
    "latency-p99",
    "problems",
    "rows",
    "worse-metrics",
];

/// There is no such figure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no figure {0:?}: write one of {list}, or a metric such as roc-auc", list = FIGURES.join(", "))]
pub struct NoFigure(pub String);

/// Says whether a limit can be set for this.
///
/// # Errors
/// When it is neither one of [`FIGURES`] nor a metric.
pub fn check_figure(name: &str) -> Result<(), NoFigure> {
    match FIGURES.contains(&name) || name.parse::<Metric>().is_ok() {
        true => Ok(()),
        false => Err(NoFigure(name.to_owned())),
    }
}

impl Quantiles {
    /// Of these; None of nothing.
    pub fn of(latency: &Latency) -> Option<Quantiles> {
        let at = |share| latency.quantile(share).map(|took| took.as_secs_f64());
        Some(Quantiles {
            p50: at(0.5)?,
            p95: at(0.95)?,
            p99: at(0.99)?,
        })
    }
}

impl LiveReport {
    /// Every figure that is known, by its name: [`FIGURES`] and metrics.
    /// Latencies are in seconds, `drifted` is 0 or 1, and `problems`, `rows`,
    /// `labelled` and `worse-metrics` are counts.
    pub fn figures(&self) -> IndexMap<String, f64> {
        let mut figures: IndexMap<String, f64> = IndexMap::new();
        let mut say = |name: &str, value: f64| figures.insert(name.to_owned(), value);
        say("rows", self.drift.rows[1] as f64);
        say("drifted", f64::from(u8::from(self.drift.drifted)));
        say("drift-share", self.drift.share);
        say("problems", self.drift.problems.len() as f64);
        if let Some(latency) = self.latency {
            say("latency-p50", latency.p50);
            say("latency-p95", latency.p95);
            say("latency-p99", latency.p99);
        }
        if let Some(performance) = &self.performance {
            say("labelled", performance.rows as f64);
            let worse = performance.metrics.iter().filter(|live| live.fell);
            say("worse-metrics", worse.count() as f64);
            for live in &performance.metrics {
                if let Some(value) = live.now.value {
                    say(live.now.metric.name(), value);
                }
            }
        }
        figures
    }
}

/// The limits that these figures cross; a figure that is not known crosses
/// none.
pub fn crossed(figures: &IndexMap<String, f64>, limits: &IndexMap<String, Limit>) -> Vec<Crossed> {
    let beyond = limits.iter().filter_map(|(name, limit)| {
        let value = *figures.get(name)?;
        let is_in =
            limit.min.is_none_or(|min| value >= min) && limit.max.is_none_or(|max| value <= max);
        (!is_in).then(|| Crossed {
            figure: name.clone(),
            value,
            limit: *limit,
        })
    });
    beyond.collect()
}

impl Crossed {
    /// In words.
    pub fn says(&self) -> String {
        let (figure, value) = (&self.figure, self.value);
        match (self.limit.min, self.limit.max) {
            (Some(min), _) if value < min => format!("{figure} is {value}, below {min}"),
            (_, Some(max)) => format!("{figure} is {value}, above {max}"),
            _ => format!("{figure} is {value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_crossed_beyond_its_ends_and_by_what_is_known_only() {
        let figures = IndexMap::from([("rows".to_owned(), 10.0), ("drifted".to_owned(), 1.0)]);
        let check = |limits: &str| {
            let limits: IndexMap<String, Limit> = toml::from_str(limits).unwrap();
            let crossed = crossed(&figures, &limits);
            crossed.iter().map(Crossed::says).collect::<Vec<_>>()
        };
        assert_eq!(check("rows = { min = 11 }"), ["rows is 10, below 11"]);
        assert_eq!(check("drifted = { max = 0 }"), ["drifted is 1, above 0"]);
        assert!(check("rows = { min = 10, max = 10 }\nroc-auc = { min = 1 }").is_empty());
    }

    #[test]
    fn a_figure_that_there_is_not_is_named() {
        assert!(check_figure("drift-share").is_ok() && check_figure("roc-auc").is_ok());
        let said = check_figure("latency").unwrap_err().to_string();
        assert!(said.starts_with("there is no figure \"latency\": write one of drift-share,"));
    }
}
