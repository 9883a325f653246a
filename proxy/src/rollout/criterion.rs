//! Evidence held against limits: one [`Finding`] for each [`Criterion`].

use super::excess::Excess;
use super::judgement::{Criterion, Finding, Standing};
use super::latency::Ratio;
use super::rate::Seen;
use super::scores::PLACES;
use super::{Compared, Count, Evidence, Limits, PairedErrors, PerSide, Policy, ScoreShift, Step};

/// How much evidence a decision needs, as logarithms.
///
/// *Advance.* A step is entered only when every criterion is shown to be within
/// its limit. Is one truly over it, that one has to be shown wrongly, however
/// many others there are; and a candidate that is over a limit at several steps
/// has to pass the first of them wrongly before the others matter (a fixed
/// sequence of tests; Maurer, Hothorn and Lehmacher 1995). So each may be wrong
/// with all of `1 - sure`.
///
/// *Roll back.* Any criterion at any step suffices, so each has its part of
/// `1 - sure`, which they share alike.
#[derive(Clone, Copy, Debug)]
pub(super) struct Enough {
    pub(super) advance: f64,
    pub(super) roll_back: f64,
}

/// What was seen of a criterion.
struct Measured<'a> {
    seen: u64,
    events: u64,
    beside: Option<Count>,
    measure: Measure<'a>,
}

/// What a criterion is judged by.
#[derive(Clone, Copy, Debug)]
enum Measure<'a> {
    Excess(Excess),
    Ratio(Ratio<'a>),
    Shift(Widest),
}

impl Enough {
    pub(super) fn of(policy: &Policy, limits: &Limits) -> Enough {
        let criteria = Criterion::ALL.iter();
        let judged = criteria.filter(|criterion| limit(**criterion, limits).is_some());
        let ways = judged.count().max(1) * policy.steps.len().max(1);
        let advance = -(1.0 - policy.sure).ln();
        Enough {
            advance,
            roll_back: advance + (ways as f64).ln(),
        }
    }
}

/// What is known of each criterion that has a limit and can be measured.
///
/// Where both sides are asked, answers can always be compared: if none was,
/// that is nothing known, and not a criterion less.
pub(super) fn findings(
    policy: &Policy,
    limits: &Limits,
    step: Option<Step>,
    evidence: &Evidence,
) -> Vec<Finding> {
    let compares = matches!(step, Some(Step::Shadow | Step::ReverseShadow));
    let enough = Enough::of(policy, limits);
    let criteria = Criterion::ALL.into_iter();
    let found = criteria.filter_map(|criterion| {
        let limit = limit(criterion, limits)?;
        let measured = measure(criterion, limits, compares, evidence)?;
        Some(finding(criterion, &measured, limit, enough))
    });
    found.collect()
}

fn limit(criterion: Criterion, limits: &Limits) -> Option<f64> {
    match criterion {
        Criterion::Mismatch => limits.mismatch,
        Criterion::Errors => limits.errors,
        Criterion::Latency => limits.latency.map(|latency| latency.ratio),
        Criterion::LabelFlips => limits.label_flips,
        Criterion::ScoreDrift => limits.score_drift,
    }
}

fn measure<'a>(
    criterion: Criterion,
    limits: &Limits,
    compares: bool,
    evidence: &'a Evidence,
) -> Option<Measured<'a>> {
    let nothing = compares.then(Compared::default);
    match criterion {
        Criterion::Mismatch => evidence.answers.or(nothing).map(compared),
        Criterion::LabelFlips => evidence.labels.map(compared),
        Criterion::Errors => match (evidence.paired_errors, &evidence.errors) {
            (Some(paired), _) => Some(paired_errors(paired)),
            (None, Some(errors)) => {
                let monolith = match errors.monolith.of {
                    0 => evidence.before.errors,
                    _ => errors.monolith,
                };
                let candidate = errors.candidate;
                let excess = Excess::apart(Seen::new(candidate), Seen::new(monolith));
                Some(Measured {
                    seen: candidate.of,
                    events: candidate.events,
                    beside: Some(monolith),
                    measure: Measure::Excess(excess),
                })
            }
            (None, None) => None,
        },
        Criterion::Latency => {
            let PerSide {
                monolith,
                candidate,
            } = evidence.latency.as_ref()?;
            let monolith = match monolith.is_empty() {
                true => &evidence.before.latency,
                false => monolith,
            };
            let ratio = Ratio::new(limits.latency?.quantile, monolith, candidate);
            let slower = ratio.slower_than(limits.latency?.ratio);
            Some(Measured {
                seen: candidate.len(),
                events: slower,
                beside: None,
                measure: Measure::Ratio(ratio),
            })
        }
        Criterion::ScoreDrift => evidence.scores.as_ref().map(|scores| {
            let widest = Widest::of(scores);
            Measured {
                seen: scores.of,
                events: widest.moved,
                beside: None,
                measure: Measure::Shift(widest),
            }
        }),
    }
}

fn compared(compared: Compared) -> Measured<'static> {
    let pairs = Seen::new(compared.pairs);
    let excess = match compared.noise {
        Some(noise) => Excess::apart(pairs, Seen::new(noise)),
        None => Excess::alone(pairs),
    };
    Measured {
        seen: compared.pairs.of,
        events: compared.pairs.events,
        beside: compared.noise,
        measure: Measure::Excess(excess),
    }
}

fn paired_errors(paired: PairedErrors) -> Measured<'static> {
    let excess = Excess::paired(paired.of, paired.candidate, paired.monolith);
    let sides = paired.per_side();
    Measured {
        seen: paired.of,
        events: sides.candidate.events,
        beside: Some(sides.monolith),
        measure: Measure::Excess(excess),
    }
}

fn finding(criterion: Criterion, measured: &Measured<'_>, limit: f64, enough: Enough) -> Finding {
    let Measured { seen, measure, .. } = measured;
    let state = if measure.is_within(limit, enough.advance) {
        Standing::Within
    } else if measure.is_over(limit, enough.roll_back) {
        Standing::Over
    } else {
        Standing::Open
    };
    let passes = |more: f64| measure.times(more).is_within(limit, enough.advance);
    let needed = match state {
        Standing::Within => Some(0),
        Standing::Over => None,
        Standing::Open if measure.value().is_none_or(|value| value >= limit) => None,
        Standing::Open => more_needed(*seen, passes),
    };
    let (low, high) = measure.bounds(enough);
    Finding {
        criterion,
        seen: *seen,
        events: measured.events,
        beside: measured.beside,
        value: measure.value().filter(|_| *seen > 0),
        low,
        high,
        limit,
        state,
        needed,
        enough: measure.clean().is_within(limit, enough.advance),
    }
}

/// How many more of the same make it pass. None if a thousand times as many do
/// not: it lies too near the limit, or over it.
fn more_needed(seen: u64, passes: impl Fn(f64) -> bool) -> Option<u64> {
    let (mut from, mut to) = (1.0, 2.0);
    while seen > 0 && !passes(to) {
        (from, to) = (to, to * 2.0);
        if to > 1_024.0 {
            return None;
        }
    }
    // Of nothing seen it is not known what more of the same would be.
    if seen == 0 {
        return None;
    }
    while to > from * 1.01 {
        let middle = (from + to) / 2.0;
        match passes(middle) {
            true => to = middle,
            false => from = middle,
        }
    }
    Some((seen as f64 * (to - 1.0)).ceil().max(1.0) as u64)
}

impl Measure<'_> {
    fn is_within(&self, limit: f64, enough: f64) -> bool {
        match self {
            Measure::Excess(excess) => excess.is_within(limit, enough),
            Measure::Ratio(ratio) => ratio.is_within(limit, enough),
            Measure::Shift(widest) => widest.spread.is_within(limit, enough),
        }
    }

    fn is_over(&self, limit: f64, enough: f64) -> bool {
        match self {
            Measure::Excess(excess) => excess.is_over(limit, enough),
            Measure::Ratio(ratio) => ratio.is_over(limit, enough),
            Measure::Shift(widest) => widest.seen.is_over(limit, enough + ln_places()),
        }
    }

    fn times(&self, more: f64) -> Self {
        match *self {
            Measure::Excess(excess) => Measure::Excess(excess.times(more)),
            Measure::Ratio(ratio) => Measure::Ratio(ratio.times(more)),
            Measure::Shift(widest) => Measure::Shift(Widest {
                seen: widest.seen.times(more),
                spread: widest.spread.times(more),
                ..widest
            }),
        }
    }

    /// As it would be had all been good.
    fn clean(&self) -> Self {
        match *self {
            Measure::Excess(excess) => Measure::Excess(excess.clean()),
            Measure::Ratio(ratio) => Measure::Ratio(ratio.clean()),
            Measure::Shift(widest) => Measure::Shift(Widest {
                seen: widest.nothing,
                spread: widest.nothing,
                ..widest
            }),
        }
    }

    fn value(&self) -> Option<f64> {
        match self {
            Measure::Excess(excess) => Some(excess.value()),
            Measure::Ratio(ratio) => ratio.value(),
            Measure::Shift(widest) => Some(widest.seen.value()),
        }
    }

    fn bounds(&self, enough: Enough) -> (f64, Option<f64>) {
        match self {
            Measure::Excess(excess) => (
                excess.low(enough.roll_back),
                Some(excess.high(enough.advance)),
            ),
            Measure::Ratio(ratio) => (ratio.low(enough.roll_back), ratio.high(enough.advance)),
            Measure::Shift(widest) => (
                widest.seen.low(enough.roll_back + ln_places()),
                Some(widest.spread.high(enough.advance)),
            ),
        }
    }
}

/// Where two distributions of scores are furthest apart.
#[derive(Clone, Copy, Debug)]
struct Widest {
    /// There, in the direction in which they are apart.
    seen: Excess,
    /// As far apart, and with as many pairs that cross there as cross anywhere:
    /// no place is less well known. Distributions are alike only where they are
    /// alike everywhere.
    spread: Excess,
    /// The same number of pairs, none of which crosses anything.
    nothing: Excess,
    /// The pairs that cross there.
    moved: u64,
}

impl Widest {
    fn of(scores: &ScoreShift) -> Widest {
        let crossed = scores.crossed();
        let widest = crossed.max_by_key(|crossed| crossed.up.abs_diff(crossed.down));
        let most = scores.crossed().map(|crossed| crossed.up + crossed.down);
        let most = most.max().unwrap_or(0);
        let widest = widest.unwrap_or_default();
        let (there, back) = (widest.up.max(widest.down), widest.up.min(widest.down));
        let both = (most - (there - back)) / 2;
        let paired = |there, back| Excess::paired(scores.of, there, back);
        Widest {
            seen: paired(there, back),
            spread: paired(both + (there - back), both),
            nothing: paired(0, 0),
            moved: there + back,
        }
    }
}

/// Any place, in either direction, may be where they are furthest apart.
fn ln_places() -> f64 {
    (2.0 * PLACES.len() as f64).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policy(steps: usize, limits: Limits) -> Policy {
        let mut policy = Policy::default();
        policy.steps.truncate(steps);
        policy.evidence = super::super::Kind::Requests(limits);
        policy
    }

    #[test]
    fn what_may_go_wrong_is_shared_by_what_can_roll_back() {
        let limits = Limits::default();
        let enough = Enough::of(&policy(7, limits.clone()), &limits);
        assert!((enough.advance.exp() - 100.0).abs() < 1e-9);
        assert!((enough.roll_back.exp() - 2_100.0).abs() < 1e-6);
        let one = Limits {
            errors: None,
            latency: None,
            ..limits
        };
        let enough = Enough::of(&policy(1, one.clone()), &one);
        assert_eq!(enough.advance, enough.roll_back);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// The place that is looked at stands for all of them.
        #[test]
        fn scores_that_are_alike_are_alike_at_every_place(
            pairs in prop::collection::vec((0.0..1.0_f64, -0.2..0.25_f64), 1..40),
            times in 1..200_u64,
        ) {
            let mut scores = ScoreShift::default();
            for (score, shift) in pairs {
                let mut one = ScoreShift::default();
                one.record(score, score + shift);
                (0..times).for_each(|_| scores += &one);
            }
            let widest = Widest::of(&scores);
            for limit in [0.02, 0.1, 0.3] {
                if widest.spread.is_within(limit, 4.6) {
                    for crossed in scores.crossed() {
                        for (there, back) in [(crossed.up, crossed.down), (crossed.down, crossed.up)] {
                            prop_assert!(Excess::paired(scores.of, there, back).is_within(limit, 4.6));
                        }
                    }
                }
            }
        }
    }
}
