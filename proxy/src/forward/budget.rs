//! How many requests may be sent a second time.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::config::Budget;

const WINDOW: Duration = Duration::from_secs(10);

/// Counts, over windows of ten seconds, requests and how many were sent again.
/// A failing candidate then costs the monolith a bounded share of more work.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    start: Instant,
    window: AtomicU64,
    requests: AtomicU32,
    repeats: AtomicU32,
}

impl RetryBudget {
    pub(crate) fn new(start: Instant) -> RetryBudget {
        RetryBudget {
            start,
            window: AtomicU64::new(0),
            requests: AtomicU32::new(0),
            repeats: AtomicU32::new(0),
        }
    }

    /// A request was sent to a candidate.
    pub(crate) fn sent(&self, now: Instant) {
        self.turn(now);
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether one more may be sent again; counts it if so.
    pub(crate) fn allows(&self, budget: Budget, now: Instant) -> bool {
        self.turn(now);
        let requests = u64::from(self.requests.load(Ordering::Relaxed));
        let share = requests * u64::from(budget.percent) / 100;
        let most = share.max(u64::from(budget.least));
        let allowed = u64::from(self.repeats.load(Ordering::Relaxed)) < most;
        if allowed {
            self.repeats.fetch_add(1, Ordering::Relaxed);
        }
        allowed
    }

    fn turn(&self, now: Instant) {
        let window = now.duration_since(self.start).as_secs() / WINDOW.as_secs();
        let known = self.window.load(Ordering::Relaxed);
        if window != known {
            let turned =
                self.window
                    .compare_exchange(known, window, Ordering::Relaxed, Ordering::Relaxed);
            if turned.is_ok() {
                self.requests.store(0, Ordering::Relaxed);
                self.repeats.store(0, Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_window_or_the_least_may_be_sent_again() {
        let start = Instant::now();
        let retries = RetryBudget::new(start);
        let budget = Budget {
            percent: 10,
            least: 2,
        };
        let allowed = |n| (0..n).filter(|_| retries.allows(budget, start)).count();
        assert_eq!(allowed(5), 2);
        for _ in 0..100 {
            retries.sent(start);
        }
        assert_eq!(allowed(50), 8, "10 % of 100, 2 of which are spent");
        assert!(retries.allows(budget, start + WINDOW), "a new window");
    }
}
