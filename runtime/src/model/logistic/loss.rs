//! The penalised mean loss of linear scores, with its first and second
//! derivatives.

use std::borrow::Cow;
use std::ops::Range;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis, Slice};

use super::super::probability::softmax;
use super::super::rows::{fold, within};
use super::Labels;

/// `Σ weight · loss / Σ weight + ½ l2 · Σ coefficient²`, of two classes with one
/// linear score (the second's log-odds), of more with one for each class.
///
/// Parameters are, score after score, its coefficients and then its intercept,
/// if there is one. Where there is, columns are seen from their means: the model
/// is the same, and its equations are far better conditioned.
pub(super) struct Loss<'a> {
    x: ArrayView2<'a, f64>,
    codes: Cow<'a, [u32]>,
    weights: Option<Array1<f64>>,
    total: f64,
    means: Array1<f64>,
    n_scores: usize,
    intercept: bool,
    l2: f64,
}

/// So many rows for each parameter say where the optimum is about.
const ENOUGH_ROWS: usize = 100;

/// The loss at a point, and its gradient.
pub(super) struct Slope {
    pub(super) value: f64,
    pub(super) gradient: Array1<f64>,
}

/// What rows add up to.
struct Sums {
    value: f64,
    /// A row for each score.
    gradient: Array2<f64>,
    /// Of two classes the second derivatives; of more those between two scores,
    /// for each pair of them in order.
    curvature: Vec<Array2<f64>>,
}

impl<'a> Loss<'a> {
    /// `strength` is what the penalty counts beside the sum of losses.
    pub(super) fn new(
        x: ArrayView2<'a, f64>,
        labels: &'a Labels,
        weights: Option<Array1<f64>>,
        intercept: bool,
        strength: f64,
    ) -> Loss<'a> {
        let total = weights.as_ref().map_or(x.nrows() as f64, Array1::sum);
        let sums = |rows| within(x, rows).sum_axis(Axis(0));
        let means = match intercept {
            true => fold(x.nrows(), &sums, &|a, b| a + b) / x.nrows() as f64,
            false => Array1::zeros(x.ncols()),
        };
        Loss {
            x,
            codes: labels.codes().into(),
            weights,
            total,
            means,
            n_scores: match labels.classes().len() {
                2 => 1,
                more => more,
            },
            intercept,
            l2: strength / total,
        }
    }

    /// The loss of every `stride`-th row, with the same parameters and the same
    /// share of the penalty, so that its optimum is near this one's. `None`
    /// where those rows are few for their parameters, or a class is not there.
    pub(super) fn of_every(&self, stride: usize) -> Option<Loss<'a>> {
        let n_rows = self.x.nrows().div_ceil(stride);
        if n_rows < ENOUGH_ROWS * self.n_parameters() {
            return None;
        }
        let every = Slice::new(0, None, stride.cast_signed());
        let codes: Vec<u32> = self.codes.iter().step_by(stride).copied().collect();
        let n_classes = self.n_scores.max(2) as u32;
        if !(0..n_classes).all(|class| codes.contains(&class)) {
            return None;
        }
        let weights = self.weights.as_ref();
        let weights = weights.map(|all| all.slice_axis(Axis(0), every).to_owned());
        Some(Loss {
            x: self.x.slice_axis_move(Axis(0), every),
            codes: codes.into(),
            total: weights.as_ref().map_or(n_rows as f64, Array1::sum),
            weights,
            means: self.means.clone(),
            ..*self
        })
    }

    /// The loss where all parameters are 0.
    pub(super) fn at_zero(&self) -> f64 {
        (self.n_scores.max(2) as f64).ln()
    }

    pub(super) fn n_parameters(&self) -> usize {
        self.n_scores * self.width()
    }

    /// For each parameter `strength`, as a share of what all rows count, if it is
    /// a coefficient, and 0 if it is an intercept.
    pub(super) fn of_coefficients(&self, strength: f64) -> Array1<f64> {
        let share = |parameter: usize| match parameter % self.width() < self.x.ncols() {
            true => strength / self.total,
            false => 0.0,
        };
        (0..self.n_parameters()).map(share).collect()
    }

    /// Coefficients, a row for each score, and intercepts, as they are for
    /// columns that are not seen from their means.
    pub(super) fn lines(&self, at: Array1<f64>) -> (Array2<f64>, Array1<f64>) {
        let lines = self.by_score(&at);
        let coefficients = lines.slice_axis(Axis(1), self.columns()).to_owned();
        let intercepts = match self.intercept {
            true => &lines.column(self.x.ncols()) - &coefficients.dot(&self.means),
            false => Array1::zeros(self.n_scores),
        };
        (coefficients, intercepts)
    }

    /// The loss and its gradient.
    pub(super) fn slope(&self, at: &Array1<f64>) -> Slope {
        self.penalised(at, self.sums(at, false)).0
    }

    /// The loss, its gradient and its matrix of second derivatives.
    pub(super) fn curve(&self, at: &Array1<f64>) -> (Slope, Array2<f64>) {
        let sums = self.sums(at, true);
        let (slope, curvature) = self.penalised(at, sums);
        let mut hessian = self.assembled(&curvature) / self.total;
        let penalty = self.of_coefficients(self.l2 * self.total);
        let mut diagonal = hessian.diag_mut();
        diagonal += &penalty;
        (slope, hessian)
    }

    /// Of more than two classes the loss is flat in the direction in which all
    /// scores move alike, and no gradient ever points there. This curves the
    /// matrix in that direction alone, so that it can be inverted and steps stay
    /// what they are.
    pub(super) fn pin(&self, hessian: &mut Array2<f64>) {
        let (width, n_scores) = (self.width(), self.n_scores);
        if n_scores == 1 {
            return;
        }
        let pin = hessian.diag().mean().unwrap_or(1.0) / n_scores as f64;
        for (k, l) in (0..n_scores).flat_map(|k| (0..n_scores).map(move |l| (k, l))) {
            for column in 0..width {
                hessian[(k * width + column, l * width + column)] += pin;
            }
        }
    }

    /// For each parameter a bound on the second derivative with respect to it,
    /// wherever it is taken (Böhning 1992: a probability's variance is ¼ at
    /// most).
    pub(super) fn steepest(&self) -> Array1<f64> {
        let squares = fold(
            self.x.nrows(),
            &|rows| {
                let weights = self.weights_of(rows.clone());
                let block = self.block(rows);
                (block.mapv(|cell| cell * cell) * weights.insert_axis(Axis(1))).sum_axis(Axis(0))
            },
            &|a, b| a + b,
        );
        let width = self.width();
        let of = |parameter| {
            let column = parameter % width;
            let penalty = if column < self.x.ncols() {
                self.l2
            } else {
                0.0
            };
            0.25 * squares[column] / self.total + penalty
        };
        (0..self.n_parameters()).map(of).collect()
    }

    fn width(&self) -> usize {
        self.x.ncols() + usize::from(self.intercept)
    }

    fn columns(&self) -> Slice {
        Slice::from(..self.x.ncols())
    }

    fn by_score<'p>(&self, at: &'p Array1<f64>) -> ArrayView2<'p, f64> {
        let shape = (self.n_scores, self.width());
        at.view()
            .into_shape_with_order(shape)
            .expect("parameters are made by this loss")
    }

    fn sums(&self, at: &Array1<f64>, curved: bool) -> Sums {
        let lines = self.by_score(at);
        fold(
            self.x.nrows(),
            &|rows| self.sums_of(rows, lines, curved),
            &Sums::join,
        )
    }

    fn sums_of(&self, rows: Range<usize>, lines: ArrayView2<'_, f64>, curved: bool) -> Sums {
        let (codes, weights) = (&self.codes[rows.clone()], self.weights_of(rows.clone()));
        let block = self.block(rows);
        let mut scores = block.dot(&lines.t());
        let losses = scores.rows_mut().into_iter().zip(codes);
        let losses = losses.map(|(row, code)| to_probabilities(row, *code));
        let value = losses
            .zip(&weights)
            .map(|(loss, weight)| loss * weight)
            .sum();
        let curvature = match curved {
            true => curvature(&block, scores.view(), weights.view()),
            false => Vec::new(),
        };
        for ((mut row, code), weight) in scores.rows_mut().into_iter().zip(codes).zip(&weights) {
            subtract_truth(row.view_mut(), *code);
            row *= *weight;
        }
        let gradient = scores.t().dot(&block);
        Sums {
            value,
            gradient,
            curvature,
        }
    }

    /// Rows seen from the means, with a column of ones for the intercept.
    fn block(&self, rows: Range<usize>) -> Array2<f64> {
        let mut block = Array2::ones((rows.len(), self.width()));
        let mut cells = block.slice_axis_mut(Axis(1), self.columns());
        cells.assign(&within(self.x, rows));
        cells -= &self.means;
        block
    }

    fn weights_of(&self, rows: Range<usize>) -> Array1<f64> {
        match &self.weights {
            Some(weights) => weights.slice_axis(Axis(0), Slice::from(rows)).to_owned(),
            None => Array1::ones(rows.len()),
        }
    }

    fn penalised(&self, at: &Array1<f64>, sums: Sums) -> (Slope, Vec<Array2<f64>>) {
        let lines = self.by_score(at);
        let coefficients = lines.slice_axis(Axis(1), self.columns());
        let squares: f64 = coefficients.iter().map(|c| c * c).sum();
        let mut gradient = sums.gradient / self.total;
        let mut penalised = gradient.slice_axis_mut(Axis(1), self.columns());
        penalised.scaled_add(self.l2, &coefficients);
        let slope = Slope {
            value: sums.value / self.total + 0.5 * self.l2 * squares,
            gradient: gradient.flatten().into_owned(),
        };
        (slope, sums.curvature)
    }

    /// The matrix of second derivatives, of its blocks.
    fn assembled(&self, curvature: &[Array2<f64>]) -> Array2<f64> {
        if self.n_scores == 1 {
            return curvature[0].clone();
        }
        let width = self.width();
        let mut all = Array2::zeros((self.n_parameters(), self.n_parameters()));
        // Probabilities sum to 1: what scores do to each other they do, with the
        // other sign, to themselves.
        for ((k, l), own) in pairs(self.n_scores).zip(curvature) {
            for (row, column, sign) in [(k, l, 1.0), (l, k, 1.0), (k, k, -1.0), (l, l, -1.0)] {
                let mut place = all.slice_each_axis_mut(|axis| {
                    let score = if axis.axis == Axis(0) { row } else { column };
                    Slice::from(score * width..(score + 1) * width)
                });
                place.scaled_add(sign, own);
            }
        }
        all
    }
}

impl Sums {
    fn join(mut self, other: Sums) -> Sums {
        self.value += other.value;
        self.gradient += &other.gradient;
        for (own, other) in self.curvature.iter_mut().zip(&other.curvature) {
            *own += other;
        }
        self
    }
}

fn pairs(n_scores: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n_scores).flat_map(move |k| (k + 1..n_scores).map(move |l| (k, l)))
}

/// Scores of a row become probabilities; gives back the loss of its class.
fn to_probabilities(mut scores: ArrayViewMut1<'_, f64>, code: u32) -> f64 {
    if scores.len() > 1 {
        let own = scores[code as usize];
        return softmax(scores) - own;
    }
    let score = scores[0];
    let small = (-score.abs()).exp();
    let (larger, smaller) = (1.0 / (1.0 + small), small / (1.0 + small));
    scores[0] = if score >= 0.0 { larger } else { smaller };
    let against = if code == 1 { -score } else { score };
    against.max(0.0) + small.ln_1p()
}

fn subtract_truth(mut probabilities: ArrayViewMut1<'_, f64>, code: u32) {
    match probabilities.len() {
        1 => probabilities[0] -= f64::from(code),
        _ => probabilities[code as usize] -= 1.0,
    }
}

fn curvature(
    block: &Array2<f64>,
    probabilities: ArrayView2<'_, f64>,
    weights: ArrayView1<'_, f64>,
) -> Vec<Array2<f64>> {
    let gram = |by: Array1<f64>| {
        let scaled = block * &by.insert_axis(Axis(1));
        let mut gram = Array2::zeros((block.ncols(), block.ncols()));
        general_mat_mul(1.0, &scaled.t(), block, 0.0, &mut gram);
        gram
    };
    let n_scores = probabilities.ncols();
    if n_scores == 1 {
        let second = probabilities.column(0);
        return vec![gram(&weights * &second * (1.0 - &second))];
    }
    let column = |score| probabilities.column(score);
    let between = |(k, l)| gram(-(&column(k) * &column(l) * weights));
    pairs(n_scores).map(between).collect()
}
