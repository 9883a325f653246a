//! Coordinate descent on sums of products (Friedman, Hastie and Tibshirani 2010,
//! "Regularization paths for generalized linear models via coordinate descent",
//! §2.2 "covariance updates"), stopped by the duality gap as in scikit-learn's
//! `enet_coordinate_descent_gram`.
//!
//! A gap of `g` leaves predictions up to `√g` from the optimum. Once the columns
//! that count, and their signs, are right, the optimum solves linear equations:
//! these are tried, and taken if they keep the conditions of the optimum (Osborne,
//! Presnell and Turlach 2000, "On the lasso and its dual").

use ndarray::{Array1, Array2};

use super::super::solve::cholesky;
use super::super::{Event, Progress};
use super::moments::Moments;

/// Below this gap rounding decides.
const LEAST_GAP: f64 = 1e-16;

/// How far the conditions of the optimum may be missed, as a share of the
/// largest product of a column with the value.
const SLACK: f64 = 1e-10;

/// How many rounds at most lie between two looks at the gap.
const ROUNDS: usize = 10;

/// `½ wᵀ gram w - xyᵀ w + l1 |w| + ½ l2 |w|²` on its way to its least.
pub(super) struct Descent {
    moments: Moments,
    l1: f64,
    l2: f64,
    /// The coefficients.
    w: Array1<f64>,
    /// `gram · w`.
    gram_w: Array1<f64>,
}

impl Descent {
    /// Starts at 0.
    pub(super) fn new(moments: Moments, l1: f64, l2: f64) -> Descent {
        let zeros = Array1::zeros(moments.xy.len());
        Descent {
            moments,
            l1,
            l2,
            w: zeros.clone(),
            gram_w: zeros,
        }
    }

    /// Goes to the optimum; where that cannot be told from its neighbours, until
    /// the gap is a share of `tol` and no better than rounding. Gives back how
    /// many rounds it took, and the gap as a share.
    pub(super) fn run(
        &mut self,
        tol: f64,
        max_rounds: usize,
        progress: &dyn Progress,
    ) -> (usize, f64) {
        let (mut rounds, mut aim) = (0, tol.max(LEAST_GAP));
        let mut gap = self.gap();
        while rounds < max_rounds {
            for _ in 0..ROUNDS.min(max_rounds - rounds) {
                self.round();
                rounds += 1;
            }
            gap = self.gap();
            let objective = Some(gap);
            progress.tell(Event::Step {
                what: "round",
                done: rounds,
                most: max_rounds,
                objective,
            });
            if gap <= aim || gap.is_nan() {
                if self.finish() || aim <= LEAST_GAP {
                    break;
                }
                aim = (gap * 0.01).max(LEAST_GAP);
            }
        }
        (rounds, gap)
    }

    pub(super) fn into_coefficients(self) -> Array1<f64> {
        self.w
    }

    fn round(&mut self) {
        for column in 0..self.w.len() {
            let curvature = self.moments.gram[(column, column)];
            if curvature + self.l2 <= 0.0 {
                continue;
            }
            let old = self.w[column];
            let pull = self.moments.xy[column] - self.gram_w[column] + old * curvature;
            let new = soft(pull, self.l1) / (curvature + self.l2);
            if new != old {
                self.w[column] = new;
                self.gram_w
                    .scaled_add(new - old, &self.moments.gram.row(column));
            }
        }
    }

    /// How far above its least the sum is at most, as a share of what it is at
    /// 0.
    fn gap(&self) -> f64 {
        let (w, moments) = (&self.w, &self.moments);
        let xy_w = moments.xy.dot(w);
        let residual = (moments.yy - 2.0 * xy_w + w.dot(&self.gram_w)).max(0.0);
        let pull = &moments.xy - &self.gram_w - &(w * self.l2);
        let strongest = pull.fold(0.0, |most: f64, pull| most.max(pull.abs()));
        // A point of the dual is the residual, shrunk until no column pulls more
        // than the penalty holds.
        let shrunk = if strongest > self.l1 {
            self.l1 / strongest
        } else {
            1.0
        };
        let sizes: f64 = w.iter().map(|w| w.abs()).sum();
        let gap = 0.5 * residual * (1.0 + shrunk * shrunk) + self.l1 * sizes
            - shrunk * (moments.yy - xy_w)
            + 0.5 * self.l2 * (1.0 + shrunk * shrunk) * w.dot(w);
        gap / moments.yy.max(f64::MIN_POSITIVE)
    }

    /// Solves for the columns that count now, and stays there if that is the
    /// optimum.
    fn finish(&mut self) -> bool {
        let active: Vec<usize> = (0..self.w.len()).filter(|c| self.w[*c] != 0.0).collect();
        let n_active = active.len();
        let gram = Array2::from_shape_fn((n_active, n_active), |(row, column)| {
            let ridge = if row == column { self.l2 } else { 0.0 };
            self.moments.gram[(active[row], active[column])] + ridge
        });
        let signed = |column: &usize| self.moments.xy[*column] - self.l1 * self.w[*column].signum();
        let right: Array1<f64> = active.iter().map(signed).collect();
        let Some(solution) = cholesky(gram, right.view(), f64::EPSILON) else {
            return false;
        };
        let mut w = Array1::zeros(self.w.len());
        for (column, value) in active.iter().zip(&solution) {
            w[*column] = *value;
        }
        let gram_w = self.moments.gram.dot(&w);
        if !self.is_optimum(&w, &gram_w) {
            return false;
        }
        (self.w, self.gram_w) = (w, gram_w);
        true
    }

    /// Whether signs have stayed, and no column that does not count pulls more
    /// than the penalty holds.
    fn is_optimum(&self, w: &Array1<f64>, gram_w: &Array1<f64>) -> bool {
        let most = self
            .moments
            .xy
            .fold(self.l1, |most: f64, xy| most.max(xy.abs()));
        (0..w.len()).all(|column| match self.w[column] == 0.0 {
            true => (self.moments.xy[column] - gram_w[column]).abs() <= self.l1 + SLACK * most,
            false => self.l1 == 0.0 || w[column] * self.w[column] > 0.0,
        })
    }
}

fn soft(pull: f64, l1: f64) -> f64 {
    (pull.abs() - l1).max(0.0) * pull.signum()
}
