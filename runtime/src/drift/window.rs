//! [`Window`]: what a model answered in a span of time.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::latency::Latency;
use super::profile::Numbers;

/// What a model answered from a time on, up to another; a document. Windows of
/// one span add up, whoever gathered them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// From this time on.
    #[serde(with = "rfc3339")]
    pub from: DateTime<Utc>,
    /// Up to this time, which is the next window's.
    #[serde(with = "rfc3339")]
    pub to: DateTime<Utc>,
    /// Answers with a prediction.
    pub answers: u64,
    /// Answers without one.
    pub errors: u64,
    /// How often each label was predicted.
    pub labels: IndexMap<String, u64>,
    /// The scores, or the numbers predicted.
    pub scores: Numbers,
    /// How long the answers took, errors too.
    pub latency: Latency,
}

/// One answer, as the prediction log has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer<'a> {
    /// When.
    pub at: DateTime<Utc>,
    /// The label predicted; None where numbers are.
    pub label: Option<&'a str>,
    /// The score of the positive class, or the number predicted.
    pub score: Option<f64>,
    /// How long it took.
    pub took: Duration,
    /// There is no prediction.
    pub failed: bool,
}

/// So many labels are counted by name; all others are `other`.
const MOST_LABELS: usize = 1_000;

/// When the window begins that `at` lies in: windows of one width follow each
/// other from 1970 on, the same for everyone. A width below a millisecond is
/// one. None where the time cannot be told, some 260,000 years from now.
pub fn window_start(at: DateTime<Utc>, width: Duration) -> Option<DateTime<Utc>> {
    let width = i64::try_from(width.as_millis()).unwrap_or(i64::MAX).max(1);
    let since = at.timestamp_millis().checked_div_euclid(width)?;
    DateTime::from_timestamp_millis(since.checked_mul(width)?)
}

impl Window {
    /// An empty one that `at` lies in; None as in [`window_start`].
    pub fn around(at: DateTime<Utc>, width: Duration) -> Option<Window> {
        let from = window_start(at, width)?;
        let to = from.checked_add_signed(TimeDelta::from_std(width).ok()?)?;
        Some(Window::new(from, to))
    }

    /// An empty one.
    pub fn new(from: DateTime<Utc>, to: DateTime<Utc>) -> Window {
        Window {
            from,
            to,
            answers: 0,
            errors: 0,
            labels: IndexMap::new(),
            scores: Numbers::default(),
            latency: Latency::default(),
        }
    }

    /// One more answer. One that lies outside is left out, and false is said.
    pub fn add(&mut self, answer: &Answer<'_>) -> bool {
        if !(self.from..self.to).contains(&answer.at) {
            return false;
        }
        self.latency.add(answer.took);
        if answer.failed {
            self.errors += 1;
            return true;
        }
        self.answers += 1;
        if let Some(label) = answer.label {
            self.count_label(label, 1);
        }
        if answer.score.is_some() {
            self.scores.add(answer.score);
        }
        true
    }

    /// Those of another window, too, whatever its span; this one then reaches
    /// over both.
    pub fn merge(&mut self, other: &Window) {
        self.from = self.from.min(other.from);
        self.to = self.to.max(other.to);
        self.answers = self.answers.saturating_add(other.answers);
        self.errors = self.errors.saturating_add(other.errors);
        for (label, n) in &other.labels {
            self.count_label(label, *n);
        }
        self.scores.merge(&other.scores);
        self.latency.merge(&other.latency);
    }

    /// The share of answers without a prediction; None of no answers.
    pub fn error_rate(&self) -> Option<f64> {
        let all = self.answers.saturating_add(self.errors);
        (all > 0).then(|| self.errors as f64 / all as f64)
    }

    fn count_label(&mut self, label: &str, n: u64) {
        let known = self.labels.contains_key(label) || self.labels.len() < MOST_LABELS;
        let label = if known { label } else { "other" };
        let count = self.labels.entry(label.to_string()).or_default();
        *count = count.saturating_add(n);
    }
}

/// Times in a document, as RFC 3339 has them.
pub(super) mod rfc3339 {
    use chrono::{DateTime, SecondsFormat, Utc};
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        at: &DateTime<Utc>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(&at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<DateTime<Utc>, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn answer(time: &str, label: &'static str, score: f64) -> Answer<'static> {
        Answer {
            at: at(time),
            label: Some(label),
            score: Some(score),
            took: Duration::from_millis(20),
            failed: false,
        }
    }

    #[test]
    fn windows_follow_each_other() {
        let window = Window::around(at("2026-03-01T10:59:59.999Z"), HOUR).unwrap();
        assert_eq!(
            (window.from, window.to),
            (at("2026-03-01T10:00:00Z"), at("2026-03-01T11:00:00Z"))
        );
        assert_eq!(
            window_start(at("1969-12-31T23:30:00Z"), HOUR),
            Some(at("1969-12-31T23:00:00Z"))
        );
        assert_eq!(
            window_start(at("1970-01-01T00:00:00Z"), Duration::ZERO),
            Some(at("1970-01-01T00:00:00Z"))
        );
        assert!(Window::around(DateTime::<Utc>::MAX_UTC, Duration::MAX).is_none());
    }

    #[test]
    fn answers_are_gathered_and_windows_add_up() {
        let mut window = Window::around(at("2026-03-01T10:30:00Z"), HOUR).unwrap();
        assert!(window.add(&answer("2026-03-01T10:00:00Z", "stays", 0.2)));
        assert!(!window.add(&answer("2026-03-01T11:00:00Z", "stays", 0.2)));
        let mut other = Window::new(window.from, window.to);
        other.add(&answer("2026-03-01T10:10:00Z", "leaves", 0.8));
        let failed = Answer {
            failed: true,
            ..answer("2026-03-01T10:20:00Z", "", 0.0)
        };
        other.add(&failed);
        window.merge(&other);
        assert_eq!(
            (window.answers, window.errors, window.latency.len()),
            (2, 1, 3)
        );
        assert_eq!((window.labels["stays"], window.labels["leaves"]), (1, 1));
        assert_eq!(window.scores.mean(), Some(0.5));
        assert_eq!(window.error_rate(), Some(1.0 / 3.0));
        let text = serde_json::to_string(&window).unwrap();
        assert_eq!(serde_json::from_str::<Window>(&text).unwrap(), window);
    }
}
