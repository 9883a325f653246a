//! By how much one rate exceeds another, where both are only seen.
//!
//! Evidence against "the excess is at most `d`" has to hold against every other
//! rate `q` that may be the true one: against the first rate's being at most
//! `q + d` *and* the second's being `q`. For the true `q` the product of the
//! two stakes is one that cannot be expected to win ([`super::rate`]), so the
//! least product over all `q` cannot either. Nothing has to be known of the
//! second rate beforehand, and both may be looked at together at any time. (The
//! least over a composite hypothesis: Ramdas, Ruf, Larsson and Koolen 2022,
//! "Admissible anytime-valid sequential inference must rely on nonnegative
//! martingales"; for two streams Turner, Ly and Grünwald 2024, "Generic
//! E-variables for exact sequential k-sample tests".)
//!
//! The least is not guessed but bounded: stakes rise or fall steadily with
//! `q`, so what holds at the ends of an interval holds within, and intervals are
//! halved until it does.

use super::rate::{Seen, search};

/// One rate, and another that it may exceed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Excess {
    first: Seen,
    second: Second,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Second {
    /// It is 0.
    Nothing,
    /// It was seen on other requests.
    Apart(Seen),
    /// It was seen on the same requests, where the first was not: only those
    /// that tell the sides apart count (McNemar 1947).
    Paired(Seen),
}

/// Intervals looked at before a question is left open.
const MOST: usize = 100;

/// So much more evidence is asked for at single rates than of intervals: near
/// the answer, intervals need not be halved for ever.
const SLACK: f64 = 0.2;

impl Excess {
    /// Over nothing.
    pub(super) fn alone(first: Seen) -> Excess {
        let second = Second::Nothing;
        Excess { first, second }
    }

    /// Over the rate of other requests.
    pub(super) fn apart(first: Seen, second: Seen) -> Excess {
        let second = Second::Apart(second);
        Excess { first, second }
    }

    /// Of `only_first` over `only_second`, of the same requests.
    pub(super) fn paired(of: u64, only_first: u64, only_second: u64) -> Excess {
        let left = of.saturating_sub(only_second);
        Excess {
            // Where not the second: two questions to each request, one after
            // the other.
            first: Seen::of(left, only_first),
            second: Second::Paired(Seen::of(of, only_second)),
        }
    }

    /// So much more of the same.
    pub(super) fn times(self, more: f64) -> Excess {
        Excess {
            first: self.first.times(more),
            second: match self.second {
                Second::Nothing => Second::Nothing,
                Second::Apart(second) => Second::Apart(second.times(more)),
                Second::Paired(second) => Second::Paired(second.times(more)),
            },
        }
    }

    /// As it would be had the first never happened.
    pub(super) fn clean(self) -> Excess {
        let first = self.first.clean();
        Excess { first, ..self }
    }

    /// What was seen.
    pub(super) fn value(self) -> f64 {
        match self.second {
            Second::Nothing => self.first.rate(),
            Second::Apart(second) => self.first.rate() - second.rate(),
            Second::Paired(second) => self.first.rate() * (1.0 - second.rate()) - second.rate(),
        }
    }

    /// Evidence of `e^enough` shows that the excess is more than `limit`.
    pub(super) fn is_over(self, limit: f64, enough: f64) -> bool {
        // The first rate's evidence falls as the second rate rises.
        self.holds_for_all(enough, |second| {
            let first = self.first.more_than(self.first_at(second, limit));
            [first, f64::INFINITY]
        })
    }

    /// Evidence of `e^enough` shows that the excess is less than `limit`.
    pub(super) fn is_within(self, limit: f64, enough: f64) -> bool {
        // Here it rises.
        self.holds_for_all(enough, |second| {
            let first = self.first.less_than(self.first_at(second, limit));
            [f64::INFINITY, first]
        })
    }

    /// The most that the excess is shown to be over, if that is more than 0.
    pub(super) fn low(self, enough: f64) -> f64 {
        let value = self.value();
        let over = |limit: f64| self.is_over(limit, enough);
        match self.second {
            Second::Nothing => self.first.low(enough),
            _ if value <= LEAST || !over(value / SHOWN) => 0.0,
            _ => coarse(value / SHOWN, value, over).0,
        }
    }

    /// The least that the excess is shown to be within, if that is more than 0.
    pub(super) fn high(self, enough: f64) -> f64 {
        let possible = |limit: f64| !self.is_within(limit, enough);
        match self.second {
            Second::Nothing => self.first.high(enough),
            _ if possible(1.0) => 1.0,
            _ => coarse(self.value().max(LEAST), 1.0, possible).1,
        }
    }

    /// The first rate, where the second is `second` and the excess `excess`.
    fn first_at(self, second: f64, excess: f64) -> f64 {
        match self.second {
            Second::Nothing => excess,
            Second::Apart(_) => second + excess,
            Second::Paired(_) if second >= 1.0 => 1.0,
            Second::Paired(_) => (second + excess) / (1.0 - second),
        }
    }

    /// The evidence against every second rate is at least `enough`, where
    /// `first` gives what falls and what rises with it of the first one's.
    fn holds_for_all(self, enough: f64, first: impl Fn(f64) -> [f64; 2]) -> bool {
        let second = match self.second {
            Second::Nothing => {
                let [falls, rises] = first(0.0);
                return falls.min(rises) >= enough;
            }
            Second::Apart(second) | Second::Paired(second) => second,
        };
        let at = |rate: f64| Point {
            rate,
            first: first(rate),
            more: second.more_than(rate),
            less: second.less_than(rate),
        };
        let seen = at(second.rate());
        if between(&seen, &seen) < enough + SLACK {
            return false;
        }
        let mut left = vec![(seen, at(1.0)), (at(0.0), seen)];
        for _ in 0..MOST {
            let Some((from, to)) = left.pop() else {
                return true;
            };
            if between(&from, &to) >= enough {
                continue;
            }
            let middle = at(match from.rate > LEAST {
                true => (from.rate * to.rate).sqrt(),
                false => to.rate / 16.0,
            });
            if between(&middle, &middle) < enough + SLACK {
                return false;
            }
            left.extend([(middle, to), (from, middle)]);
        }
        false
    }
}

/// A second rate, and the evidence there.
#[derive(Clone, Copy)]
struct Point {
    rate: f64,
    /// What falls and what rises with the rate.
    first: [f64; 2],
    /// Falls with the rate.
    more: f64,
    /// Rises with the rate.
    less: f64,
}

/// The least evidence, over rates from one to the other, against both: the
/// first rate's and, with bets that go both ways, the second's.
fn between(from: &Point, to: &Point) -> f64 {
    let (more, less) = (to.more, from.less);
    let greater = more.max(less);
    let second = match greater.is_infinite() {
        true => greater,
        false => greater + (0.5 + 0.5 * (-(more - less).abs()).exp()).ln(),
    };
    to.first[0].min(from.first[1]) + second
}

/// Rates below this are 0.
const LEAST: f64 = 1e-9;

/// A lower bound that is so much less than what was seen is 0.
const SHOWN: f64 = 1_024.0;

/// As [`search`], to a fiftieth: a bound that is shown needs no more.
fn coarse(from: f64, to: f64, holds: impl Fn(f64) -> bool) -> (f64, f64) {
    search(from, to, 1.02, holds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ENOUGH: f64 = 4.605_170_185_988_092; // 1 of 100

    fn apart(first: (u64, u64), second: (u64, u64)) -> Excess {
        Excess::apart(Seen::of(first.0, first.1), Seen::of(second.0, second.1))
    }

    #[test]
    fn over_nothing_it_is_the_rate() {
        let alone = Excess::alone(Seen::of(8_113, 41));
        let rate = Seen::of(8_113, 41);
        assert_eq!(alone.low(ENOUGH), rate.low(ENOUGH));
        assert!(alone.is_over(0.002_5, ENOUGH) && !alone.is_over(0.005, ENOUGH));
        assert!(alone.is_within(0.01, ENOUGH) && !alone.is_within(0.005, ENOUGH));
    }

    #[test]
    fn much_noise_that_is_little_known_decides_nothing() {
        // 41 of 8,113 differ, and the monolith was asked twice 20 times.
        let excess = apart((8_113, 41), (20, 0));
        assert!(!excess.is_over(0.001, ENOUGH));
        // After 3,000 times without a difference, it is no noise.
        assert!(apart((8_113, 41), (3_000, 0)).is_over(0.001, ENOUGH));
        // As much noise is no excess.
        assert!(!apart((80_000, 400), (3_000, 15)).is_over(0.001, ENOUGH));
    }

    #[test]
    fn a_second_rate_of_0_that_is_well_known_costs_little() {
        let alone = Excess::alone(Seen::of(6_500, 0));
        assert!(alone.is_within(0.001, ENOUGH));
        assert!(apart((7_500, 0), (500_000, 0)).is_within(0.001, ENOUGH));
        assert!(apart((7_500, 0), (100, 0)).is_within(0.001, ENOUGH));
    }

    #[test]
    fn pairs_tell_more_than_two_counts() {
        // 2 % fail on both sides, the same requests.
        let paired = Excess::paired(20_000, 2, 2);
        assert!(paired.is_within(0.001, ENOUGH));
        assert!(!apart((20_000, 402), (20_000, 402)).is_within(0.001, ENOUGH));
        let worse = Excess::paired(20_000, 100, 2);
        assert!(worse.is_over(0.001, ENOUGH));
        assert!((worse.value() - 0.004_9).abs() < 1e-9);
    }

    #[test]
    fn bounds_lie_around_what_was_seen() {
        let excess = apart((20_000, 200), (20_000, 100));
        let (low, high) = (excess.low(ENOUGH), excess.high(ENOUGH));
        // The normal approximation at 99 %: 0.5 % ± 0.22 %.
        assert!((0.001..0.003_5).contains(&low), "{low}");
        assert!((0.006_5..0.009_5).contains(&high), "{high}");
    }

    /// The least over intervals is none that a finer search would find less.
    #[test]
    fn no_second_rate_is_overlooked() {
        for (first, second) in [((9_000, 60), (4_000, 3)), ((50_000, 100), (50_000, 20))] {
            let excess = apart(first, second);
            let least = (0..20_000)
                .map(|n| (f64::from(n) / 20_000.0).powi(4))
                .map(|rate| {
                    let second = Seen::of(second.0, second.1);
                    let first = Seen::of(first.0, first.1).more_than(rate + 0.001);
                    let (more, less) = (second.more_than(rate), second.less_than(rate));
                    first + ((more.exp() + less.exp()) / 2.0).ln()
                })
                .fold(f64::INFINITY, f64::min);
            assert!(!excess.is_over(0.001, least + 0.01), "{least}");
            assert!(excess.is_over(0.001, least - 0.3), "{least}");
        }
    }

    fn counts() -> impl Strategy<Value = (u64, u64)> {
        (0..10_000_000_u64, 0.0..=1.0_f64)
            .prop_map(|(of, share)| (of, (of as f64 * share.powi(5)) as u64))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn nothing_is_both_within_and_over(first in counts(), second in counts(), limit in 1e-4..0.5_f64) {
            let excess = apart(first, second);
            let over = excess.is_over(limit, ENOUGH);
            prop_assert!(!(over && excess.is_within(limit, ENOUGH)));
            if over {
                prop_assert!(excess.value() > limit);
            }
        }

        #[test]
        fn bounds_hold_what_was_seen(first in counts(), second in counts(), paired in any::<bool>()) {
            let excess = match paired {
                true => Excess::paired(first.0, first.1 / 2, (second.1 / 2).min(first.0 - first.1 / 2)),
                false => apart(first, second),
            };
            let (low, high) = (excess.low(ENOUGH), excess.high(ENOUGH));
            prop_assert!(low.is_finite() && high.is_finite());
            prop_assert!(low <= excess.value().max(0.0) && excess.value() <= high, "{low} {high}");
            prop_assert!(!excess.is_over(low * 1.03 + 1e-6, ENOUGH) || low == 0.0);
        }

        #[test]
        fn more_noise_speaks_for_the_candidate(first in counts(), second in counts()) {
            let less = (second.0, second.1 / 2);
            prop_assert!(apart(first, second).low(ENOUGH) <= apart(first, less).low(ENOUGH) * 1.03 + 1e-7);
        }
    }
}
