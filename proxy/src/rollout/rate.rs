//! How much counts say against a rate, and which rates they leave possible.
//!
//! Against "the rate is at most `r`" one bets on events: at each request a stake
//! is multiplied by `c` if the event happens and by `(1 - c r) / (1 - r)` if
//! not, where `c > 1`. If the rate truly is at most `r`, at each request and
//! whatever was seen before, no such bet can be expected to win, so the stake
//! is a supermartingale that starts at 1, and by Ville's inequality it reaches
//! `1 / alpha` *at any time* with probability `alpha` at most. It may therefore
//! be looked at after every request. `c < 1` bets against "at least `r`" alike.
//! (Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables
//! by betting"; for yes and no the bets are likelihood ratios, Wald 1945.)
//!
//! The stake is spread over many `c` (Robbins's method of mixtures; Howard,
//! Ramdas, McAuliffe and Sekhon 2021, "Time-uniform, nonparametric,
//! nonasymptotic confidence sequences"): they double their distance from 1, so
//! that a rate near the limit and one far from it are both told apart within a
//! constant of the fewest requests. Because `c` is a multiple of the rate that
//! is held against, the sum falls (or rises) steadily with that rate: the rates
//! that are not refuted form an interval, and its end lies beyond a limit just
//! when the limit is refuted.

use std::sync::LazyLock;

use super::Count;

/// A count, perhaps drawn out to what it would be after more requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seen {
    of: f64,
    events: f64,
}

/// A stake of `e^ln_stake` on the rate's being `times` what is held against.
struct Bet {
    times: f64,
    ln_times: f64,
    ln_stake: f64,
}

const MOST_BETS: usize = 48;

/// How unlikely distances are held, in doublings: half the stakes lie within
/// two doublings of a rate that is twice, or half, the limit.
const SPREAD: f64 = 2.0;

/// Of the stakes, kept back: no evidence for a rate loses more than this.
const KEPT: f64 = 0.02;

/// Of the stakes, on an event's never happening.
const NEVER: f64 = 0.3;

static MORE: LazyLock<Vec<Bet>> = LazyLock::new(|| bets(0.0, -10..=20, |distance| 1.0 + distance));

static LESS: LazyLock<Vec<Bet>> =
    LazyLock::new(|| bets(NEVER, -10..=6, |distance| 1.0 / (1.0 + distance)));

fn bets(
    never: f64,
    doublings: std::ops::RangeInclusive<i32>,
    times: impl Fn(f64) -> f64,
) -> Vec<Bet> {
    let weight = |doubling: i32| 1.0 / (1.0 + (f64::from(doubling) / SPREAD).powi(2));
    let total: f64 = doublings.clone().map(weight).sum();
    let spread = 1.0 - never - KEPT;
    let mixed = doublings.map(|doubling| {
        let distance = f64::from(doubling).exp2();
        (times(distance), spread * weight(doubling) / total)
    });
    let all = [(1.0, KEPT), (0.0, never)].into_iter().chain(mixed);
    let staked = all.filter(|(_, stake)| *stake > 0.0);
    staked
        .map(|(times, stake)| Bet {
            times,
            ln_times: times.ln(),
            ln_stake: stake.ln(),
        })
        .collect()
}

impl Seen {
    pub(super) fn new(count: Count) -> Seen {
        Seen::of(count.of, count.events)
    }

    pub(super) fn of(of: u64, events: u64) -> Seen {
        Seen {
            of: of as f64,
            events: events.min(of) as f64,
        }
    }

    /// So much more of the same.
    pub(super) fn times(self, more: f64) -> Seen {
        Seen {
            of: self.of * more,
            events: self.events * more,
        }
    }

    /// The same number without an event.
    pub(super) fn clean(self) -> Seen {
        Seen {
            events: 0.0,
            ..self
        }
    }

    pub(super) fn rate(self) -> f64 {
        match self.of > 0.0 {
            true => self.events / self.of,
            false => 0.0,
        }
    }

    /// The logarithm of the evidence against "the rate is at most `rate`". Falls
    /// as `rate` rises.
    pub(super) fn more_than(self, rate: f64) -> f64 {
        self.stake(&MORE, rate)
    }

    /// The logarithm of the evidence against "the rate is at least `rate`".
    /// Rises with `rate`.
    pub(super) fn less_than(self, rate: f64) -> f64 {
        self.stake(&LESS, rate)
    }

    /// The greatest rate that more is shown than, where evidence of `e^enough`
    /// shows something.
    pub(super) fn low(self, enough: f64) -> f64 {
        if self.events <= 0.0 {
            return 0.0;
        }
        // What is refuted stays below what is seen.
        let refuted = |rate: f64| self.more_than(rate) >= enough;
        search(LEAST_RATE, self.rate(), NEAR, refuted).0
    }

    /// The least rate that less is shown than.
    pub(super) fn high(self, enough: f64) -> f64 {
        let possible = |rate: f64| self.less_than(rate) < enough;
        match possible(1.0) {
            true => 1.0,
            false => search(self.rate().max(LEAST_RATE), 1.0, NEAR, possible).1,
        }
    }

    fn stake(self, bets: &[Bet], rate: f64) -> f64 {
        let rate = rate.clamp(0.0, 1.0);
        let others = self.of - self.events;
        let ln_rest = ln_without(rate);
        let mut terms = [f64::NEG_INFINITY; MOST_BETS];
        let mut greatest = f64::NEG_INFINITY;
        for (term, bet) in terms.iter_mut().zip(bets) {
            let won = bet.times * rate;
            // 0 · ∞ is what never came into play: 0.
            let on_events = product(self.events, bet.ln_times);
            let on_others = match bet.times == 1.0 {
                true => 0.0,
                false if won > 1.0 => f64::NEG_INFINITY,
                false => product(others, ln_without(won) - ln_rest),
            };
            *term = bet.ln_stake + on_events + on_others;
            greatest = greatest.max(*term);
        }
        if greatest.is_infinite() {
            return greatest;
        }
        // What is less than a billionth of a billionth adds nothing.
        let add = terms.iter().map(|term| term - greatest);
        let sum: f64 = add.filter(|term| *term > -42.0).map(f64::exp).sum();
        greatest + sum.ln()
    }
}

/// Rates below this are 0.
const LEAST_RATE: f64 = 1e-18;

/// How exactly bounds are told.
const NEAR: f64 = 1.000_01;

/// Between `from` and `to`, where `holds` holds and does not any more, at most a
/// factor `apart` from each other.
pub(super) fn search(from: f64, to: f64, apart: f64, holds: impl Fn(f64) -> bool) -> (f64, f64) {
    let (mut from, mut to) = (from, to.max(from));
    while to > from * apart {
        let middle = (from * to).sqrt();
        match holds(middle) {
            true => from = middle,
            false => to = middle,
        }
    }
    (from, to)
}

/// The logarithm of `1 - rate`, to sixteen digits of it, and quickly where the
/// rate is small (the first terms of Mercator's series).
fn ln_without(rate: f64) -> f64 {
    if rate > 0.01 {
        return (-rate).ln_1p();
    }
    let series = [1.0 / 7.0, 1.0 / 6.0, 0.2, 0.25, 1.0 / 3.0, 0.5, 1.0];
    -rate * series.iter().fold(0.0, |sum, term| sum * rate + term)
}

fn product(times: f64, ln: f64) -> f64 {
    match times == 0.0 {
        true => 0.0,
        false => times * ln,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seen(of: u64, events: u64) -> Seen {
        Seen::new(Count::new(of, events))
    }

    const ENOUGH: f64 = 4.605_170_185_988_092; // 1 of 100

    #[test]
    fn stakes_are_all_that_there_is() {
        for bets in [&*MORE, &*LESS] {
            let staked: f64 = bets.iter().map(|bet| bet.ln_stake.exp()).sum();
            assert!((staked - 1.0).abs() < 1e-12 && bets.len() <= MOST_BETS);
        }
        assert!(MORE.iter().all(|bet| bet.times >= 1.0));
        assert!(LESS.iter().all(|bet| bet.times <= 1.0));
    }

    /// What makes it evidence: at the rate itself, the stake after a request is
    /// expected to be what it was; at a rate that is held against truly, less.
    #[test]
    fn no_bet_can_be_expected_to_win() {
        for rate in [0.000_1, 0.01, 0.3, 0.9] {
            for (of, events) in [(0, 0), (10, 1), (1_000, 3), (1_000, 400)] {
                let expected = |truth: f64, of_side: fn(Seen, f64) -> f64| {
                    let before = of_side(seen(of, events), rate);
                    let after = |more| of_side(seen(of + 1, events + more), rate) - before;
                    truth * after(1).exp() + (1.0 - truth) * after(0).exp()
                };
                for side in [Seen::more_than, Seen::less_than] {
                    let stays = expected(rate, side);
                    // A bet on more than all is given up, and loses its stake.
                    assert!(stays < 1.0 + 1e-9, "{rate} {of} {events}: {stays}");
                }
                assert!(expected(rate * 0.9, Seen::more_than) <= 1.0 + 1e-9);
                assert!(expected(rate * 1.1, Seen::less_than) <= 1.0 + 1e-9);
                assert!((expected(rate, Seen::less_than) - 1.0).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn the_series_is_the_logarithm() {
        for n in 0..=1_100 {
            let rate = f64::from(n) / 1e5;
            let (series, exact) = (ln_without(rate), (-rate).ln_1p());
            assert!((series - exact).abs() <= 2e-15 * exact.abs(), "{rate}");
        }
    }

    #[test]
    fn nothing_seen_shows_nothing() {
        assert_eq!(
            (seen(0, 0).low(ENOUGH), seen(0, 0).high(ENOUGH)),
            (0.0, 1.0)
        );
        // Bets on a rate of more than 1 are lost from the beginning.
        assert!(seen(0, 0).more_than(0.3) <= 0.0);
        assert!(seen(0, 0).less_than(0.3).abs() < 1e-9);
    }

    /// Beside the exact binomial bounds of a sample whose size was fixed before
    /// (Clopper and Pearson 1934), which a sequence must be wider than.
    #[test]
    fn bounds_are_a_little_wider_than_those_of_a_fixed_sample() {
        // 3 / n is the fixed bound at 95 % for none of n.
        let high = seen(3_000, 0).high(20_f64.ln());
        assert!((0.001..0.001_6).contains(&high), "{high}");
        // 10 of 1,000: 0.37 % to 2.13 % at 99.5 % on each side.
        let (low, high) = (
            seen(1_000, 10).low(200_f64.ln()),
            seen(1_000, 10).high(200_f64.ln()),
        );
        assert!((0.002..0.003_7).contains(&low), "{low}");
        assert!((0.021_3..0.030).contains(&high), "{high}");
    }

    #[test]
    fn a_billion_requests_are_no_trouble() {
        let many = seen(1_000_000_000, 1_000_000);
        let (low, high) = (many.low(ENOUGH), many.high(ENOUGH));
        assert!(low > 0.000_99 && low < 0.001, "{low}");
        assert!(high < 0.001_01 && high > 0.001, "{high}");
        assert!(seen(u64::MAX, 0).high(ENOUGH) < 1e-17);
        assert_eq!(seen(1_000_000_000, 1_000_000_000).high(ENOUGH), 1.0);
    }

    proptest! {
        #[test]
        fn bounds_hold_what_was_seen(of in 0..1_000_000_000_u64, share in 0.0..=1.0_f64, alpha in 1e-6..0.5_f64) {
            let seen = seen(of, (of as f64 * share.powi(4)) as u64);
            let enough = -alpha.ln();
            let (low, high) = (seen.low(enough), seen.high(enough));
            prop_assert!(low.is_finite() && high.is_finite());
            prop_assert!(0.0 <= low && low <= seen.rate() && seen.rate() <= high && high <= 1.0);
        }

        #[test]
        fn evidence_rises_and_falls_with_the_rate(
            of in 0..1_000_000_u64, share in 0.0..=1.0_f64, a in 0.0..=1.0_f64, b in 0.0..=1.0_f64,
        ) {
            let seen = seen(of, (of as f64 * share.powi(3)) as u64);
            let (a, b) = (a.min(b).powi(3), a.max(b).powi(3));
            for rate in [a, b] {
                prop_assert!(!seen.more_than(rate).is_nan() && !seen.less_than(rate).is_nan());
            }
            prop_assert!(seen.more_than(a) >= seen.more_than(b) - 1e-6);
            prop_assert!(seen.less_than(a) <= seen.less_than(b) + 1e-6);
        }

        #[test]
        fn more_of_the_same_narrows_the_bounds(of in 100..1_000_000_u64, events in 0..50_u64) {
            let (few, many) = (seen(of, events), seen(of, events).times(4.0));
            prop_assert!(many.high(ENOUGH) <= few.high(ENOUGH) * 1.000_1);
            prop_assert!(many.low(ENOUGH) >= few.low(ENOUGH) * 0.999_9);
        }

        #[test]
        fn one_more_event_moves_the_bounds_up(of in 100..1_000_000_u64, events in 0..50_u64) {
            let (one, next) = (seen(of, events), seen(of, events + 1));
            prop_assert!(next.high(ENOUGH) >= one.high(ENOUGH) * 0.999_9);
            prop_assert!(next.low(ENOUGH) >= one.low(ENOUGH) * 0.999_9);
        }
    }
}
