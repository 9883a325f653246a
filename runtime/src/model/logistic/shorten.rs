//! How far along a step: the whole of it, or as much as brings what it promised
//! (Nocedal and Wright 2006, algorithm 3.1).

/// How much of the decrease that the slope promises a step must bring.
const SUFFICIENT: f64 = 1e-4;

/// How often a step is halved before there is nothing to be had.
const HALVINGS: usize = 40;

/// What `at` finds at the first of the lengths 1, 1/2, 1/4, … where the value it
/// tells, `before` the step, has fallen by enough of what was `promised` (below
/// 0), but for rounding. None where it never does.
pub(super) fn shorten<T>(before: f64, promised: f64, at: impl Fn(f64) -> (f64, T)) -> Option<T> {
    let rounding = 8.0 * f64::EPSILON * before.abs();
    let mut length = 1.0;
    (0..HALVINGS).find_map(|_| {
        let (value, there) = at(length);
        let enough = before + SUFFICIENT * length * promised + rounding;
        length *= 0.5;
        (value <= enough).then_some(there)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_halved_until_it_is_no_step_too_far() {
        // A parabola with its least at 1, walked from 0 by a step of 6.
        let value = |x: f64| (x - 1.0) * (x - 1.0);
        let found = shorten(value(0.0), -12.0, |length| {
            let x = 6.0 * length;
            (value(x), x)
        });
        assert_eq!(found, Some(1.5));
        assert_eq!(shorten(0.0, -1.0, |_| (1.0, ())), None);
    }
}
