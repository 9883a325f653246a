//! Newton's method with a Cholesky factor (Nocedal and Wright 2006, "Numerical
//! Optimization", §3.3 and algorithm 3.2; scikit-learn's `newton-cholesky`).

use ndarray::Array1;

use super::super::Progress;
use super::super::solve::damped;
use super::loss::Loss;
use super::shorten::shorten;
use super::{Found, tell};

/// Where there are rows enough, one of so many shows first where to begin.
const THINNED: usize = 16;

/// What is left to be had of those few rows' loss is small beside what they
/// differ from all rows in.
const NEAR: f64 = 1e-8;

/// More steps than few rows take, unless they have no optimum.
const FEW_STEPS: usize = 20;

/// Walks to where a step would better the loss by less than `tol`, and
/// makes that step: since steps converge quadratically, what is left then is
/// about `tol` squared.
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
    let (mut slope, mut hessian) = loss.curve(&at);
    // Few rows may have no optimum where all have one.
    if slope.value.is_nan() || slope.value > loss.at_zero() {
        at.fill(0.0);
        (slope, hessian) = loss.curve(&at);
    }
    let mut decrement = f64::INFINITY;
    for iteration in 1..=max_iter {
        loss.pin(&mut hessian);
        let Some(step) = damped(&hessian, (-&slope.gradient).view()) else {
            return Found::new(at, iteration, decrement);
        };
        let promised = slope.gradient.dot(&step);
        decrement = -0.5 * promised;
        if decrement <= tol {
            at += &step;
            return Found::new(at, iteration, decrement);
        }
        let taken = shorten(slope.value, promised, |length| {
            let next = &at + &(&step * length);
            let curve = loss.curve(&next);
            (curve.0.value, (next, curve))
        });
        let Some((next, curve)) = taken else {
            return Found::new(at, iteration, decrement);
        };
        at = next;
        (slope, hessian) = curve;
        tell(progress, iteration, max_iter, slope.value);
    }
    Found::new(at, max_iter, decrement)
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

    use ndarray::Array2;
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
