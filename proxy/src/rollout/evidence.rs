//! [`Evidence`]: what was seen of both sides since a step began, as counts.
//!
//! All of it can be merged, so that workers and seconds add up, and kept: a
//! decision needs nothing but the sums.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::{Histogram, Run, ScoreShift};

/// What was seen of both sides since a step began. What a step cannot measure
/// is None, and not judged: answers where nothing is copied, say. What it can
/// measure and has not is 0 of 0, and holds the step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// Pairs of answers, and those that differ.
    pub answers: Option<Compared>,
    /// Pairs of predicted labels, and those that differ.
    pub labels: Option<Compared>,
    /// Requests that both sides were asked, and who failed. Judged before
    /// `errors`, since it tells more.
    pub paired_errors: Option<PairedErrors>,
    /// Requests that one side was asked, and how many failed.
    pub errors: Option<PerSide<Count>>,
    /// How long both sides took.
    pub latency: Option<PerSide<Histogram>>,
    /// Pairs of predicted scores.
    pub scores: Option<ScoreShift>,
    /// Pairs of runs, in their order.
    pub runs: Vec<Run>,
    /// What the monolith was like in this rollout before this step: stands in
    /// where it answers nothing now.
    pub before: Before,
}

/// So many, and of them so many with what is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// All.
    pub of: u64,
    /// Those with it; no more than `of`.
    pub events: u64,
}

/// Pairs of a monolith's and a candidate's answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Pairs that differ, fields learnt as noise left out.
    pub pairs: Count,
    /// Pairs of the monolith's answers to one request, compared alike. None
    /// where it is never asked twice: then every difference counts.
    pub noise: Option<Count>,
}

/// Requests that both sides were asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairedErrors {
    /// All.
    pub of: u64,
    /// Only the candidate failed.
    pub candidate: u64,
    /// Only the monolith failed.
    pub monolith: u64,
    /// Both failed.
    pub both: u64,
}

/// One for each side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerSide<T> {
    /// The system that is being strangled.
    pub monolith: T,
    /// What replaces a part of it.
    pub candidate: T,
}

/// What the monolith was like before this step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Before {
    /// Its requests, and how many failed.
    pub errors: Count,
    /// How long it took.
    pub latency: Histogram,
}

/// How the candidate does right now: of the latest seconds, not of the step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Health {
    /// The latest requests, of both sides, and how many failed: by no answer, or
    /// one of 5xx.
    pub latest: PerSide<Count>,
    /// The candidate's failures since its last success.
    pub in_a_row: u32,
    /// Every process of the candidate is left out.
    pub circuit_open: bool,
}

impl Count {
    /// So many, of them so many with what is counted.
    pub fn new(of: u64, events: u64) -> Count {
        Count {
            of,
            events: events.min(of),
        }
    }

    /// One more.
    pub fn record(&mut self, event: bool) {
        *self += Count::new(1, u64::from(event));
    }

    /// The share of events; 0 of nothing.
    pub fn rate(self) -> f64 {
        match self.of {
            0 => 0.0,
            of => self.events as f64 / of as f64,
        }
    }
}

impl PairedErrors {
    /// One more request.
    pub fn record(&mut self, monolith_failed: bool, candidate_failed: bool) {
        self.of += 1;
        match (monolith_failed, candidate_failed) {
            (true, true) => self.both += 1,
            (true, false) => self.monolith += 1,
            (false, true) => self.candidate += 1,
            (false, false) => {}
        }
    }

    /// What each side's count is on its own.
    pub fn per_side(self) -> PerSide<Count> {
        PerSide {
            monolith: Count::new(self.of, self.monolith + self.both),
            candidate: Count::new(self.of, self.candidate + self.both),
        }
    }
}

impl Evidence {
    /// What the next step begins with: nothing, but what is known of the
    /// monolith.
    #[must_use]
    pub fn next_step(&self) -> Evidence {
        let mut before = self.before.clone();
        match (&self.errors, self.paired_errors) {
            (Some(errors), _) => before.errors += errors.monolith,
            (None, Some(paired)) => before.errors += paired.per_side().monolith,
            (None, None) => {}
        }
        if let Some(latency) = &self.latency {
            before.latency += &latency.monolith;
        }
        Evidence {
            before,
            ..Evidence::default()
        }
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, more: Count) {
        self.of += more.of;
        self.events += more.events;
    }
}

impl AddAssign for Compared {
    fn add_assign(&mut self, more: Compared) {
        self.pairs += more.pairs;
        add(&mut self.noise, more.noise.as_ref(), |a, b| *a += *b);
    }
}

impl AddAssign for PairedErrors {
    fn add_assign(&mut self, more: PairedErrors) {
        self.of += more.of;
        self.candidate += more.candidate;
        self.monolith += more.monolith;
        self.both += more.both;
    }
}

/// What was seen at one place is added to what was seen at another, or later.
impl AddAssign<&Evidence> for Evidence {
    fn add_assign(&mut self, more: &Evidence) {
        add(&mut self.answers, more.answers.as_ref(), |a, b| *a += *b);
        add(&mut self.labels, more.labels.as_ref(), |a, b| *a += *b);
        let paired = more.paired_errors.as_ref();
        add(&mut self.paired_errors, paired, |a, b| *a += *b);
        add(&mut self.errors, more.errors.as_ref(), |a, b| {
            a.monolith += b.monolith;
            a.candidate += b.candidate;
        });
        add(&mut self.latency, more.latency.as_ref(), |a, b| {
            a.monolith += &b.monolith;
            a.candidate += &b.candidate;
        });
        add(&mut self.scores, more.scores.as_ref(), |a, b| *a += b);
        self.runs.extend(more.runs.iter().cloned());
        self.before.errors += more.before.errors;
        self.before.latency += &more.before.latency;
    }
}

fn add<T: Clone>(to: &mut Option<T>, more: Option<&T>, sum: impl FnOnce(&mut T, &T)) {
    match (to, more) {
        (_, None) => {}
        (Some(to), Some(more)) => sum(to, more),
        (to @ None, Some(more)) => *to = Some(more.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(n: u64) -> Evidence {
        let mut latency = PerSide::<Histogram>::default();
        latency
            .monolith
            .record(std::time::Duration::from_millis(n + 1));
        let mut scores = ScoreShift::default();
        scores.record(0.2, 0.2 + n as f64 / 10.0);
        Evidence {
            answers: Some(Compared {
                pairs: Count::new(10 * n, n),
                noise: n.is_multiple_of(2).then(|| Count::new(n, 0)),
            }),
            errors: Some(PerSide {
                monolith: Count::new(n, 1),
                candidate: Count::new(2 * n, 1),
            }),
            latency: Some(latency),
            scores: Some(scores),
            ..Evidence::default()
        }
    }

    #[test]
    fn the_order_of_adding_does_not_matter() {
        let parts: Vec<Evidence> = (1..6).map(some).collect();
        let mut forward = Evidence::default();
        parts.iter().for_each(|part| forward += part);
        let mut backward = Evidence::default();
        parts.iter().rev().for_each(|part| backward += part);
        assert_eq!(forward, backward);
        assert_eq!(forward.answers.unwrap().pairs, Count::new(150, 15));
        assert_eq!(forward.answers.unwrap().noise, Some(Count::new(6, 0)));
    }

    #[test]
    fn what_is_kept_is_what_it_was() {
        let evidence = some(4);
        let kept = serde_json::to_string(&evidence).unwrap();
        let back: Evidence = serde_json::from_str(&kept).unwrap();
        assert_eq!(back, evidence);
        let empty: Evidence = serde_json::from_str("{}").unwrap();
        assert_eq!(empty, Evidence::default());
    }

    #[test]
    fn a_step_begins_with_what_is_known_of_the_monolith() {
        let next = some(3).next_step();
        assert_eq!(next.answers, None);
        assert_eq!(next.before.errors, Count::new(3, 1));
        assert_eq!(next.next_step().before, next.before);
    }
}
