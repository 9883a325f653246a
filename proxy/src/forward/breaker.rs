//! When an upstream is left out, and when it is tried again.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

/// The state of one upstream, shared by all workers.
///
/// Failures in a row open it; a probe that succeeds lets one request through,
/// and that request's success closes it. So an upstream that accepts
/// connections and never answers costs one request per probe.
#[derive(Debug)]
pub(crate) struct Breaker {
    failures: AtomicU32,
    limit: u32,
    state: AtomicU8,
}

const CLOSED: u8 = 0;
const OPEN: u8 = 1;
const TRIAL_DUE: u8 = 2;
const ON_TRIAL: u8 = 3;

impl Breaker {
    /// Opens after `limit` failures in a row.
    pub(crate) fn new(limit: u32) -> Breaker {
        Breaker {
            failures: AtomicU32::new(0),
            limit,
            state: AtomicU8::new(CLOSED),
        }
    }

    /// Whether a request may be sent now. Taking a trial is part of asking.
    pub(crate) fn admits(&self) -> bool {
        match self.state.load(Ordering::Relaxed) {
            CLOSED => true,
            TRIAL_DUE => {
                let trial = self.state.compare_exchange(
                    TRIAL_DUE,
                    ON_TRIAL,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                );
                trial.is_ok()
            }
            _ => false,
        }
    }

    /// Whether requests pass freely.
    pub(crate) fn is_closed(&self) -> bool {
        self.state.load(Ordering::Relaxed) == CLOSED
    }

    /// A request or a question was answered.
    pub(crate) fn succeeded(&self) {
        // The usual case writes nothing: no cache line is taken from others.
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
        if !self.is_closed() {
            self.state.store(CLOSED, Ordering::Relaxed);
        }
    }

    /// A request or a question failed. Says whether that opened it.
    pub(crate) fn failed(&self) -> bool {
        let failures = self
            .failures
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1);
        let on_trial = self.state.load(Ordering::Relaxed) == ON_TRIAL;
        if failures < self.limit && !on_trial {
            return false;
        }
        self.state.swap(OPEN, Ordering::Relaxed) == CLOSED
    }

    /// A trial ended without saying anything of the upstream: the client went
    /// away. The next request may take it.
    pub(crate) fn abandoned(&self) {
        let _ =
            self.state
                .compare_exchange(ON_TRIAL, TRIAL_DUE, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// A connection could be made again: one request may try it.
    pub(crate) fn reachable(&self) {
        let _ = self
            .state
            .compare_exchange(OPEN, TRIAL_DUE, Ordering::Relaxed, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_open_it() {
        let breaker = Breaker::new(3);
        assert!(!breaker.failed() && !breaker.failed());
        breaker.succeeded();
        assert!(!breaker.failed() && !breaker.failed() && breaker.admits());
        assert!(breaker.failed());
        assert!(!breaker.admits());
    }

    #[test]
    fn one_request_tries_a_reachable_upstream_and_decides() {
        let breaker = Breaker::new(1);
        breaker.failed();
        breaker.reachable();
        assert!(breaker.admits());
        assert!(!breaker.admits(), "one at a time");
        assert!(!breaker.failed(), "it was open before");
        assert!(!breaker.admits());
        breaker.reachable();
        assert!(breaker.admits());
        breaker.succeeded();
        assert!(breaker.admits() && breaker.admits());
    }

    #[test]
    fn a_trial_whose_client_left_is_free_again() {
        let breaker = Breaker::new(1);
        breaker.failed();
        breaker.reachable();
        assert!(breaker.admits());
        breaker.abandoned();
        assert!(breaker.admits());
    }
}
