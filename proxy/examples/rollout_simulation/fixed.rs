//! The exact binomial test of a sample whose size is fixed before, to compare
//! with.

/// The least sample that shows a rate of `rate` to be less than `limit`, wrongly
/// with probability `alpha` at most, and rightly with `power` at least.
pub(crate) fn less(limit: f64, rate: f64, alpha: f64, power: f64) -> u64 {
    let mut of = 1;
    for most in 0_u64.. {
        // With so many events allowed, as few requests as alpha lets.
        of = first(of, |of| up_to(most, of, limit) <= alpha);
        if up_to(most, of, rate) >= power {
            return of;
        }
    }
    u64::MAX
}

/// As [`less`], the other way.
pub(crate) fn more(limit: f64, rate: f64, alpha: f64, power: f64) -> u64 {
    let mut of = 1;
    for least in 1_u64.. {
        // With so many events asked for, the most requests that alpha lets.
        let too_many = first(of, |of| 1.0 - up_to(least - 1, of, limit) > alpha);
        of = (too_many - 1).max(least);
        if 1.0 - up_to(least - 1, of, rate) >= power {
            // Fewer requests with as many events are no less sure.
            return first(least, |of| 1.0 - up_to(least - 1, of, rate) >= power);
        }
    }
    u64::MAX
}

/// The first number from `from` on that it holds for, and for all above.
fn first(from: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut not, mut yes) = (from.saturating_sub(1), from);
    while !holds(yes) {
        (not, yes) = (yes, yes * 2);
    }
    while yes > not + 1 {
        let middle = not.midpoint(yes);
        match holds(middle) {
            true => yes = middle,
            false => not = middle,
        }
    }
    yes
}

/// The probability of `most` events or fewer.
fn up_to(most: u64, of: u64, rate: f64) -> f64 {
    if rate == 0.0 || most >= of {
        return 1.0;
    }
    let (mut ln_one, mut sum) = (of as f64 * (-rate).ln_1p(), 0.0);
    for events in 0..=most {
        sum += ln_one.exp();
        let odds = rate / (1.0 - rate);
        ln_one += ((of - events) as f64 / (events + 1) as f64 * odds).ln();
    }
    sum.min(1.0)
}
