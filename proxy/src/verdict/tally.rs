//! [`Tally`]: how both sides of a stage do since its present share began.
//!
//! Requests count themselves where they end, by atomics alone; once in a while
//! what was counted is taken away and kept.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::outcome::{Failure, Fault, Outcome};
use crate::rollout::{Count, Evidence, Health, Histogram, PerSide};
use crate::route::Side;

/// Over which time a candidate's health is looked at.
const LATEST: Duration = Duration::from_secs(10);

/// What both sides of a stage did at one of its shares.
#[derive(Debug)]
pub(crate) struct Tally {
    stage: Arc<str>,
    epoch: u64,
    sides: PerSide<Tallied>,
    /// The candidate's failures since its last success.
    in_a_row: AtomicU32,
}

#[derive(Debug)]
struct Tallied {
    failed: AtomicU64,
    /// By bucket of [`Histogram`].
    took: Box<[AtomicU64]>,
}

/// All tallies that may still be counted in.
#[derive(Debug, Default)]
pub(crate) struct Tallies(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    all: Vec<Arc<Tally>>,
    /// By stage: what was taken, and when.
    latest: BTreeMap<Arc<str>, VecDeque<(Instant, PerSide<Count>)>>,
}

impl Tally {
    fn new(stage: Arc<str>, epoch: u64) -> Tally {
        Tally {
            stage,
            epoch,
            sides: PerSide::default(),
            in_a_row: AtomicU32::new(0),
        }
    }

    /// A side was asked, and that came of it after so long: the status of its
    /// reply, or why there is none.
    pub(crate) fn answered(
        &self,
        side: Side,
        result: Result<http::StatusCode, Failure>,
        took: Duration,
    ) {
        let failed = match result {
            Ok(status) => status.is_server_error(),
            Err(failure) if failure.fault() == Fault::Downstream => return,
            Err(_) => true,
        };
        let tallied = match side {
            Side::Monolith => &self.sides.monolith,
            Side::Candidate => &self.sides.candidate,
        };
        if let Some(bucket) = tallied.took.get(Histogram::bucket(took)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        if failed {
            tallied.failed.fetch_add(1, Ordering::Relaxed);
        }
        if side == Side::Candidate {
            match failed {
                true => self.in_a_row.fetch_add(1, Ordering::Relaxed),
                false => self.in_a_row.swap(0, Ordering::Relaxed),
            };
        }
    }

    /// As [`answered`](Tally::answered), of an outcome.
    pub(crate) fn outcome(&self, outcome: &Outcome) {
        let result = outcome.result.as_ref();
        let result = result.map(|reply| reply.status).map_err(|failure| *failure);
        self.answered(outcome.side, result, outcome.to_head);
    }

    fn take(&self) -> Evidence {
        let (monolith, of_monolith) = self.sides.monolith.take();
        let (candidate, of_candidate) = self.sides.candidate.take();
        Evidence {
            errors: Some(PerSide {
                monolith,
                candidate,
            }),
            latency: Some(PerSide {
                monolith: of_monolith,
                candidate: of_candidate,
            }),
            ..Evidence::default()
        }
    }
}

impl Tallied {
    fn take(&self) -> (Count, Histogram) {
        // Failures first: one that comes between is in the next count, never
        // a failure of nothing.
        let failed = self.failed.swap(0, Ordering::Relaxed);
        let mut took = Histogram::default();
        for (bucket, n) in self.took.iter().enumerate() {
            // Most are empty, and reading is all they need.
            if n.load(Ordering::Relaxed) > 0 {
                took.add(bucket, n.swap(0, Ordering::Relaxed));
            }
        }
        (Count::new(took.len(), failed), took)
    }
}

impl Default for Tallied {
    fn default() -> Tallied {
        Tallied {
            failed: AtomicU64::new(0),
            took: (0..Histogram::BUCKETS).map(|_| AtomicU64::new(0)).collect(),
        }
    }
}

impl Tallies {
    /// The tally of a stage's share: the one there is, or a new one.
    pub(crate) fn of(&self, stage: &Arc<str>, epoch: u64) -> Arc<Tally> {
        let mut inner = self.inner();
        let mut known = inner.all.iter();
        if let Some(known) = known.find(|own| own.stage == *stage && own.epoch == epoch) {
            return Arc::clone(known);
        }
        let tally = Arc::new(Tally::new(Arc::clone(stage), epoch));
        inner.all.push(Arc::clone(&tally));
        tally
    }

    /// What was counted since the last time, by stage and epoch. A tally that
    /// no table holds any more is forgotten with it.
    pub(super) fn take(&self, now: Instant) -> Vec<(Arc<str>, u64, Evidence)> {
        let mut inner = self.inner();
        let inner = &mut *inner;
        let mut taken = Vec::new();
        inner.all.retain(|tally| {
            // Asked before: whoever lets go of it afterwards has counted.
            let held = Arc::strong_count(tally) > 1;
            let evidence = tally.take();
            if let Some(errors) = &evidence.errors {
                let latest = inner.latest.entry(Arc::clone(&tally.stage)).or_default();
                latest.push_back((now, errors.clone()));
                while latest.front().is_some_and(|(at, _)| now - *at > LATEST) {
                    latest.pop_front();
                }
                if errors.monolith.of + errors.candidate.of > 0 {
                    taken.push((Arc::clone(&tally.stage), tally.epoch, evidence));
                }
            }
            held
        });
        taken
    }

    /// How the candidate of a stage does, as of the last time it was counted.
    pub(super) fn health(&self, stage: &str, circuit_open: bool) -> Health {
        let inner = self.inner();
        let mut latest = PerSide::<Count>::default();
        for (_, more) in inner.latest.get(stage).into_iter().flatten() {
            latest.monolith += more.monolith;
            latest.candidate += more.candidate;
        }
        let newest = inner.all.iter().rev().find(|tally| *tally.stage == *stage);
        Health {
            latest,
            in_a_row: newest.map_or(0, |tally| tally.in_a_row.load(Ordering::Relaxed)),
            circuit_open,
        }
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn what_is_counted_is_taken_once_and_belongs_to_its_epoch() {
        let tallies = Tallies::default();
        let stage: Arc<str> = "inference".into();
        let first = tallies.of(&stage, 7);
        first.answered(Side::Monolith, Ok(StatusCode::OK), MS);
        first.answered(Side::Candidate, Ok(StatusCode::BAD_GATEWAY), MS);
        first.answered(Side::Candidate, Err(Failure::Closed), MS);
        first.answered(Side::Candidate, Err(Failure::ClientBody), MS);
        let second = tallies.of(&stage, 8);
        second.answered(Side::Candidate, Ok(StatusCode::NOT_FOUND), MS);
        let now = Instant::now();
        let taken = tallies.take(now);
        let errors = |at: usize| taken[at].2.errors.clone().unwrap();
        assert_eq!((taken[0].1, taken[1].1), (7, 8));
        assert_eq!(errors(0).monolith, Count::new(1, 0));
        assert_eq!(
            errors(0).candidate,
            Count::new(2, 2),
            "not the client's own"
        );
        assert_eq!(errors(1).candidate, Count::new(1, 0));
        assert_eq!(taken[0].2.latency.as_ref().unwrap().candidate.len(), 2);
        assert!(tallies.take(now).is_empty());
        // One that is still held counts on; then it is forgotten.
        first.answered(Side::Monolith, Ok(StatusCode::OK), MS);
        drop(first);
        assert_eq!(tallies.take(now).len(), 1);
        assert_eq!(tallies.inner().all.len(), 1);
    }

    #[test]
    fn health_is_of_the_latest_seconds() {
        let tallies = Tallies::default();
        let stage: Arc<str> = "inference".into();
        let tally = tallies.of(&stage, 1);
        let start = Instant::now();
        for _ in 0..3 {
            tally.answered(Side::Candidate, Err(Failure::Connect), MS);
        }
        tallies.take(start);
        let health = tallies.health("inference", false);
        assert_eq!(health.latest.candidate, Count::new(3, 3));
        assert_eq!(health.in_a_row, 3);
        tally.answered(Side::Candidate, Ok(StatusCode::OK), MS);
        tallies.take(start + LATEST + MS);
        let health = tallies.health("inference", true);
        assert_eq!(health.latest.candidate, Count::new(1, 0));
        assert_eq!((health.in_a_row, health.circuit_open), (0, true));
    }
}
