//! Newton's method with a Cholesky factor (Nocedal and Wright 2006, "Numerical
//! Optimization", §3.3 and algorithm 3.2; scikit-learn's `newton-cholesky`).

use ndarray::Array1;

use super::super::solve::damped;
use super::super::{Event, Progress};
use super::Found;
use super::loss::Loss;

/// How much of the decrease that the slope promises a step must bring.
const SUFFICIENT: f64 = 1e-4;

/// How often a step is halved before there is nothing to be had.
const HALVINGS: usize = 40;

/// Walks from 0 to where a step would better the loss by less than `tol`, and
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
    let mut at = Array1::zeros(loss.n_parameters());
    let (mut slope, mut hessian) = loss.curve(&at);
    let mut decrement = f64::INFINITY;
    for iteration in 1..=max_iter {
        loss.pin(&mut hessian);
        let Some(step) = damped(&hessian, (-&slope.gradient).view()) else {
            return Found {
                at,
                iterations: iteration,
                decrement,
            };
        };
        let promised = slope.gradient.dot(&step);
        decrement = -0.5 * promised;
        if decrement <= tol {
            at += &step;
            return Found {
                at,
                iterations: iteration,
                decrement,
            };
        }
        let rounding = 8.0 * f64::EPSILON * slope.value.abs();
        let mut length = 1.0;
        let taken = (0..HALVINGS).find_map(|_| {
            let next = &at + &(&step * length);
            let curve = loss.curve(&next);
            let enough = slope.value + SUFFICIENT * length * promised + rounding;
            length *= 0.5;
            (curve.0.value <= enough).then_some((next, curve))
        });
        let Some((next, curve)) = taken else {
            return Found {
                at,
                iterations: iteration,
                decrement,
            };
        };
        at = next;
        (slope, hessian) = curve;
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
