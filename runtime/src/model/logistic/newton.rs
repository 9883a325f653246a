//! Newton's method with a Cholesky factor (Nocedal and Wright 2006, "Numerical
//! Optimization", §3.3 and algorithm 3.2; scikit-learn's `newton-cholesky`).

use ndarray::{Array1, Array2};

use super::super::solve::damped;
use super::super::{Event, Progress};
use super::Found;
use super::loss::{Loss, Slope};

/// How much of the decrease that the slope promises a step must bring.
const SUFFICIENT: f64 = 1e-4;

/// How often a step is halved before there is nothing to be had.
const HALVINGS: usize = 40;

/// Where there are rows enough, one of so many shows first where to begin.
const THINNED: usize = 16;

/// What is left to be had of those few rows' loss is small beside what they
/// differ from all rows in.
const NEAR: f64 = 1e-8;

/// More steps than few rows take, unless they have no optimum.
const FEW_STEPS: usize = 20;

/// By how much a step with second derivatives from before has to bring what is
/// left down for them to be used again.
const WORTH: f64 = 0.01;

/// Less than this share of the tolerance moves no digit that anybody asks for.
const NOTHING: f64 = 1e-7;

/// Walks to where a step would better the loss by less than `tol`, and makes
/// that step; what is left then is far less than `tol`.
///
/// Second derivatives cost more than all else and change little near the
/// optimum, so they are taken anew only where steps with the ones before slow
/// down (Shamanskii 1967's modification of Newton's method).
///
/// Half of what gradient and step say is how far above its optimum the loss is
/// (Newton's decrement). Unlike the gradient, it does not depend on the scale
/// of the columns.
pub(super) fn minimize(
    loss: &Loss<'_>,
    tol: f64,
    max_iter: usize,
    progress: &dyn Progress,
) -> Found {
    walk(loss, start(loss), tol, max_iter, progress)
}

fn walk(
    loss: &Loss<'_>,
    mut at: Array1<f64>,
    tol: f64,
    max_iter: usize,
    progress: &dyn Progress,
) -> Found {
    let mut curve = loss.curve(&at);
    // Few rows may have no optimum where all have one.
    if curve.0.value.is_nan() || curve.0.value > loss.at_zero() {
        at.fill(0.0);
        curve = loss.curve(&at);
    }
    let (mut slope, mut hessian) = curve;
    loss.pin(&mut hessian);
    let mut decrement = f64::INFINITY;
    let mut is_new = true;
    for iteration in 1..=max_iter {
        let found = |at, decrement| Found {
            at,
            iterations: iteration,
            decrement,
        };
        let mut step = newton_step(&hessian, &slope);
        let left = |step: &Option<Array1<f64>>| {
            let promised = step.as_ref().map(|step| slope.gradient.dot(step));
            promised.map_or(f64::INFINITY, |promised| -0.5 * promised)
        };
        let now = left(&step);
        if !is_new && now > tol && now > WORTH * decrement {
            (slope, hessian) = loss.curve(&at);
            loss.pin(&mut hessian);
            step = newton_step(&hessian, &slope);
            is_new = true;
        }
        let Some(step) = step else {
            return found(at, decrement);
        };
        let promised = slope.gradient.dot(&step);
        let before = std::mem::replace(&mut decrement, -0.5 * promised);
        // With second derivatives from before, a step leaves about the share of
        // what is left that the step before it left.
        let leaves = match is_new {
            true => 0.0,
            false => decrement * (decrement / before),
        };
        if decrement <= tol && leaves <= NOTHING * tol {
            at += &step;
            return found(at, decrement);
        }
        let rounding = 8.0 * f64::EPSILON * slope.value.abs();
        let mut length = 1.0;
        let taken = (0..HALVINGS).find_map(|_| {
            let next = &at + &(&step * length);
            let slope_there = loss.slope(&next);
            let enough = slope.value + SUFFICIENT * length * promised + rounding;
            length *= 0.5;
            (slope_there.value <= enough).then_some((next, slope_there))
        });
        let Some((next, slope_there)) = taken else {
            return found(at, decrement);
        };
        (at, slope, is_new) = (next, slope_there, false);
        progress.tell(Event::Step {
            what: "iteration",
            done: iteration,
            most: max_iter,
            objective: Some(slope.value),
        });
    }
    Found {
        at,
        iterations: max_iter,
        decrement,
    }
}

fn newton_step(hessian: &Array2<f64>, slope: &Slope) -> Option<Array1<f64>> {
    damped(hessian, (-&slope.gradient).view())
}

/// The optimum of some of the rows, near which that of all is; or 0.
fn start(loss: &Loss<'_>) -> Array1<f64> {
    match loss.of_every(THINNED) {
        Some(few) => minimize(&few, NEAR, FEW_STEPS, &()).at,
        None => Array1::zeros(loss.n_parameters()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rand::{Rng, SeedableRng};

    use super::super::super::{Label, Labels};
    use super::*;

    const N: usize = 16_000;

    fn rows(n_classes: u32, code: impl Fn(usize, f64, f64) -> u32) -> (Array2<f64>, Labels) {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let x = Array2::from_shape_fn((N, 2), |_| rng.random_range(-2.0..2.0));
        let codes = x.outer_iter().enumerate();
        let codes = codes.map(|(row, x)| code(row, x[0] + rng.random_range(-1.0..1.0), x[1]));
        let codes: Vec<u32> = codes.collect();
        let classes: Arc<[Label]> = (0..n_classes)
            .map(|class| Label::Int(class.into()))
            .collect();
        (x, Labels::of_codes(classes, codes))
    }

    /// How far the ends are from each other, and how many steps were saved.
    fn apart(x: &Array2<f64>, labels: &Labels, strength: f64) -> (f64, usize) {
        let loss = Loss::new(x.view(), labels, None, true, strength);
        let found = minimize(&loss, 1e-14, 100, &());
        let zeros = Array1::zeros(loss.n_parameters());
        let from_zero = walk(&loss, zeros, 1e-14, 100, &());
        assert!(found.decrement <= 1e-14 && from_zero.decrement <= 1e-14);
        let saved = from_zero.iterations.saturating_sub(found.iterations);
        let (found, from_zero) = (loss.lines(found.at), loss.lines(from_zero.at));
        let coefficients = (&found.0 - &from_zero.0).mapv(f64::abs);
        let intercepts = (&found.1 - &from_zero.1).mapv(f64::abs);
        let all = coefficients.iter().chain(&intercepts);
        (all.copied().fold(0.0, f64::max), saved)
    }

    #[test]
    fn where_it_begins_changes_the_way_and_not_the_end() {
        let (x, labels) = rows(2, |_, a, b| u32::from(a + 0.5 * b > 0.3));
        let (far, saved) = apart(&x, &labels, 1.0);
        assert!(far < 1e-9 && saved >= 1, "{far} {saved}");
        let (x, labels) = rows(3, |_, a, b| u32::from(a > 0.0) + u32::from(a + b > 1.0));
        let (far, saved) = apart(&x, &labels, 1.0);
        assert!(far < 1e-9 && saved >= 1, "{far} {saved}");
    }

    #[test]
    fn rows_that_mislead_do_no_harm() {
        // Of every sixteenth row a plane separates the classes, of all it does not.
        let misled = |row: usize, a: f64, b: f64| match row % 16 {
            0 => u32::from(b > 0.0),
            _ => u32::from(a - b > 0.0),
        };
        let (x, labels) = rows(2, misled);
        assert!(apart(&x, &labels, 0.0).0 < 1e-9);
        let alike = |row: usize, a: f64, _| u32::from(!row.is_multiple_of(16) && a > 0.0);
        let (x, labels) = rows(2, alike);
        assert!(apart(&x, &labels, 1.0).0 < 1e-9);
    }
}
