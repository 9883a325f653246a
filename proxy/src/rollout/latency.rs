//! [`Ratio`]: how much slower the candidate is, at a quantile.
//!
//! A quantile lies above `t` if more than so many requests take longer than `t`:
//! a rate, for which there is evidence that may be looked at at any time
//! ([`super::rate`]). The quantile is one time, so that no more than the two
//! buckets beside it have to be right, whatever the number of buckets (Howard
//! and Ramdas 2022, "Sequential estimation of quantiles with applications to
//! A/B testing and best-arm identification", section 3). Both sides' bounds
//! together bound the ratio: each may be wrong with half the probability.

use std::f64::consts::LN_2;

use super::Histogram;
use super::histogram::Beyond;
use super::rate::Seen;

/// Two sides' times, and perhaps more of the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ratio<'a> {
    quantile: f64,
    monolith: &'a Histogram,
    candidate: &'a Histogram,
    times: f64,
    clean: bool,
}

impl<'a> Ratio<'a> {
    pub(super) fn new(
        quantile: f64,
        monolith: &'a Histogram,
        candidate: &'a Histogram,
    ) -> Ratio<'a> {
        Ratio {
            quantile,
            monolith,
            candidate,
            times: 1.0,
            clean: false,
        }
    }

    pub(super) fn times(self, more: f64) -> Ratio<'a> {
        let times = self.times * more;
        Ratio { times, ..self }
    }

    /// As if the candidate took no time.
    pub(super) fn clean(self) -> Ratio<'a> {
        Ratio {
            clean: true,
            ..self
        }
    }

    /// Of the quantiles that were seen.
    pub(super) fn value(self) -> Option<f64> {
        let candidate = self.candidate.quantile(self.quantile)?;
        let monolith = self.monolith.quantile(self.quantile)?;
        Some(candidate.as_secs_f64() / monolith.as_secs_f64())
    }

    /// The candidate's requests that took longer than `ratio` times the
    /// monolith's quantile.
    pub(super) fn slower_than(self, ratio: f64) -> u64 {
        let Some(monolith) = self.monolith.quantile(self.quantile) else {
            return 0;
        };
        let limit = monolith.as_secs_f64() * ratio;
        let beyond = self.candidate.beyond();
        match beyond.partition_point(|beyond| beyond.start < limit) {
            0 => self.candidate.len(),
            n => beyond[n - 1].longer,
        }
    }

    pub(super) fn is_within(self, limit: f64, enough: f64) -> bool {
        self.high(enough).is_some_and(|high| high <= limit)
    }

    pub(super) fn is_over(self, limit: f64, enough: f64) -> bool {
        self.low(enough) > limit
    }

    /// The greatest ratio that more is shown than; 0 where nothing is shown.
    pub(super) fn low(self, enough: f64) -> f64 {
        let candidate = self.at_least(self.candidate, enough + LN_2);
        match self.at_most(self.monolith, enough + LN_2) {
            Some(monolith) => candidate / monolith,
            None => 0.0,
        }
    }

    /// The least ratio that no more is shown than.
    pub(super) fn high(self, enough: f64) -> Option<f64> {
        let candidate = match self.clean {
            true => {
                let all = Seen::of(self.candidate.len(), 0).times(self.times);
                (all.less_than(1.0 - self.quantile) >= enough + LN_2).then_some(0.0)
            }
            false => self.at_most(self.candidate, enough + LN_2),
        };
        let monolith = self.at_least(self.monolith, enough + LN_2);
        candidate
            .filter(|_| monolith > 0.0)
            .map(|candidate| candidate / monolith)
    }

    /// The quantile takes at least so many seconds.
    fn at_least(self, side: &Histogram, enough: f64) -> f64 {
        let (all, beyond) = (side.len(), side.beyond());
        let is_shown = |longer| {
            let seen = Seen::of(all, longer).times(self.times);
            seen.more_than(1.0 - self.quantile) >= enough
        };
        // The fewer take longer, the less is shown.
        let shown = beyond.partition_point(|beyond| is_shown(beyond.longer));
        match beyond.get(shown) {
            Some(_) if shown == 0 && !is_shown(all) => 0.0,
            Some(Beyond { start, .. }) => *start,
            None => 0.0,
        }
    }

    /// The quantile takes at most so many seconds, if that is known.
    fn at_most(self, side: &Histogram, enough: f64) -> Option<f64> {
        let (all, beyond) = (side.len(), side.beyond());
        let is_open = |longer| {
            let seen = Seen::of(all, longer).times(self.times);
            seen.less_than(1.0 - self.quantile) < enough
        };
        let open = beyond.partition_point(|beyond| is_open(beyond.longer));
        beyond.get(open).map(|beyond| beyond.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const ENOUGH: f64 = 4.605_170_185_988_092; // 1 of 100

    /// Times spread evenly up to `most` milliseconds.
    fn spread(of: u64, most: f64) -> Histogram {
        let mut histogram = Histogram::default();
        for n in 1..=of {
            let ms = most * n as f64 / of as f64;
            histogram.record(Duration::from_secs_f64(ms / 1e3));
        }
        histogram
    }

    fn check(monolith: &Histogram, candidate: &Histogram) -> (f64, Option<f64>) {
        let ratio = Ratio::new(0.99, monolith, candidate);
        (ratio.low(ENOUGH), ratio.high(ENOUGH))
    }

    #[test]
    fn bounds_lie_around_the_ratio_and_narrow() {
        let (low, high) = check(&spread(1_000, 100.0), &spread(1_000, 100.0));
        assert!(low < 1.0 && low > 0.9 && high.is_none_or(|high| high > 1.0));
        let (low, high) = check(&spread(20_000, 100.0), &spread(20_000, 200.0));
        assert!((1.9..2.0).contains(&low), "{low}");
        assert!((2.0..2.1).contains(&high.unwrap()), "{high:?}");
    }

    #[test]
    fn few_requests_show_nothing() {
        let (none, few, many) = (spread(0, 1.0), spread(20, 1.0), spread(5_000, 100.0));
        for (monolith, candidate) in [(&none, &none), (&many, &none), (&none, &many)] {
            assert_eq!(check(monolith, candidate), (0.0, None));
        }
        assert_eq!(check(&many, &few).1, None);
        assert_eq!(check(&few, &many).0, 0.0);
    }

    #[test]
    fn a_slow_tail_is_seen_at_its_quantile_alone() {
        let mut slow = spread(9_700, 100.0);
        slow += &spread(300, 1_000.0);
        let monolith = spread(10_000, 100.0);
        let tail = Ratio::new(0.99, &monolith, &slow);
        assert!(tail.is_over(1.5, ENOUGH));
        let median = Ratio::new(0.5, &monolith, &slow);
        assert!(median.is_within(1.5, ENOUGH));
        assert!(tail.slower_than(1.5) > 200, "{}", tail.slower_than(1.5));
    }
}
