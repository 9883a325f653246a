//! Newton's method where sizes of coefficients are held small too: each step
//! goes to the least of the loss's parabola plus the sizes, found by coordinate
//! descent (Friedman, Hastie and Tibshirani 2010, §3; Lee, Sun and Saunders 2014,
//! "Proximal Newton-type methods for minimizing composite functions").

use ndarray::{Array1, Array2};

use super::super::Progress;
use super::loss::{Loss, Slope};
use super::shorten::shorten;
use super::{Found, tell};

/// How many rounds over the parameters look for the least of a parabola.
const ROUNDS: usize = 10_000;

/// The least of a parabola is found when no parameter moves by more than this
/// share of the largest.
const NEAR: f64 = 1e-13;

/// Walks from 0 to where a step would better loss and sizes by less than `tol`,
/// and makes that step. `sizes` says what the size of each parameter counts.
pub(super) fn minimize(
    loss: &Loss<'_>,
    sizes: &Array1<f64>,
    tol: f64,
    max_iter: usize,
    progress: &dyn Progress,
) -> Found {
    let size = |at: &Array1<f64>| at.mapv(f64::abs).dot(sizes);
    let mut at = Array1::zeros(loss.n_parameters());
    let (mut slope, mut hessian) = loss.curve(&at);
    let mut decrement = f64::INFINITY;
    for iteration in 1..=max_iter {
        let step = least(&slope, &hessian, &at, sizes) - &at;
        let promised = slope.gradient.dot(&step) + size(&(&at + &step)) - size(&at);
        decrement = -0.5 * promised;
        if decrement.is_nan() {
            return Found::new(at, iteration, f64::INFINITY);
        }
        if decrement <= tol {
            at += &step;
            return Found::new(at, iteration, decrement);
        }
        let before = slope.value + size(&at);
        let taken = shorten(before, promised, |length| {
            let next = &at + &(&step * length);
            let curve = loss.curve(&next);
            (curve.0.value + size(&next), (next, curve))
        });
        let Some((next, curve)) = taken else {
            return Found::new(at, iteration, decrement);
        };
        at = next;
        (slope, hessian) = curve;
        tell(progress, iteration, max_iter, slope.value + size(&at));
    }
    Found::new(at, max_iter, decrement)
}

/// Where the parabola about `at`, plus the sizes, is least.
fn least(
    slope: &Slope,
    hessian: &Array2<f64>,
    at: &Array1<f64>,
    sizes: &Array1<f64>,
) -> Array1<f64> {
    let mut to = at.clone();
    let mut gradient = slope.gradient.clone();
    for _ in 0..ROUNDS {
        let (mut farthest, mut largest) = (0.0_f64, f64::MIN_POSITIVE);
        for parameter in 0..to.len() {
            let curvature = hessian[(parameter, parameter)];
            if curvature <= 0.0 {
                continue;
            }
            let old = to[parameter];
            let pull = old * curvature - gradient[parameter];
            let new = (pull.abs() - sizes[parameter]).max(0.0) * pull.signum() / curvature;
            if new != old {
                gradient.scaled_add(new - old, &hessian.row(parameter));
                to[parameter] = new;
            }
            // In a unit in which columns of all scales are alike.
            let unit = curvature.sqrt();
            farthest = farthest.max((new - old).abs() * unit);
            largest = largest.max(new.abs() * unit);
        }
        if farthest <= NEAR * largest {
            break;
        }
    }
    to
}
