//! The limited-memory method of Broyden, Fletcher, Goldfarb and Shanno, for
//! models of many parameters (Nocedal and Wright 2006, algorithms 7.4 and 7.5).

use std::collections::VecDeque;

use ndarray::Array1;

use super::super::Progress;
use super::loss::Loss;
use super::shorten::shorten;
use super::{Found, tell};

/// How many steps are remembered.
const MEMORY: usize = 10;

/// A step, and what it changed in the gradient.
struct Pair {
    step: Array1<f64>,
    change: Array1<f64>,
    /// `1 / (step · change)`.
    rho: f64,
}

/// Walks from 0 until a step is about to better the loss by less than `tol`.
/// The first guess of the second derivatives is their bound, so that the scale
/// of the columns does not matter.
pub(super) fn minimize(
    loss: &Loss<'_>,
    tol: f64,
    max_iter: usize,
    progress: &dyn Progress,
) -> Found {
    let least = f64::MIN_POSITIVE.sqrt();
    let flattest = loss.steepest().mapv(|bound| 1.0 / bound.max(least));
    let mut at = Array1::zeros(loss.n_parameters());
    let mut slope = loss.slope(&at);
    let mut pairs = VecDeque::with_capacity(MEMORY);
    let mut decrement = f64::INFINITY;
    for iteration in 1..=max_iter {
        let step = direction(&slope.gradient, &pairs, &flattest);
        let promised = slope.gradient.dot(&step);
        decrement = -0.5 * promised;
        if decrement <= tol {
            return Found::new(at, iteration, decrement);
        }
        let taken = shorten(slope.value, promised, |length| {
            let step = &step * length;
            let next = loss.slope(&(&at + &step));
            (next.value, (step, next))
        });
        let Some((step, next)) = taken else {
            return Found::new(at, iteration, decrement);
        };
        at += &step;
        remember(&mut pairs, step, &next.gradient - &slope.gradient);
        slope = next;
        tell(progress, iteration, max_iter, slope.value);
    }
    Found::new(at, max_iter, decrement)
}

/// Keeps a step unless its curvature is lost in rounding.
fn remember(pairs: &mut VecDeque<Pair>, step: Array1<f64>, change: Array1<f64>) {
    let curvature = step.dot(&change);
    if curvature <= f64::EPSILON * change.dot(&change).sqrt() * step.dot(&step).sqrt() {
        return;
    }
    if pairs.len() == MEMORY {
        pairs.pop_front();
    }
    let rho = 1.0 / curvature;
    pairs.push_back(Pair { step, change, rho });
}

/// The two loops of algorithm 7.4.
fn direction(
    gradient: &Array1<f64>,
    pairs: &VecDeque<Pair>,
    flattest: &Array1<f64>,
) -> Array1<f64> {
    let mut direction = -gradient;
    let mut shares = Vec::with_capacity(pairs.len());
    for pair in pairs.iter().rev() {
        let share = pair.rho * pair.step.dot(&direction);
        direction.scaled_add(-share, &pair.change);
        shares.push(share);
    }
    let scale = pairs.back().map_or(1.0, |last| {
        1.0 / (last.rho * (&last.change * flattest).dot(&last.change))
    });
    direction = direction * flattest * scale;
    for (pair, share) in pairs.iter().zip(shares.into_iter().rev()) {
        let back = pair.rho * pair.change.dot(&direction);
        direction.scaled_add(share - back, &pair.step);
    }
    direction
}
