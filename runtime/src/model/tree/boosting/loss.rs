//! What boosting makes small, and how steeply it falls.
//!
//! As scikit-learn's `HalfSquaredError`, `HalfBinomialLoss` and
//! `HalfMultinomialLoss` (with the diagonal of the hessian, Friedman, Hastie and
//! Tibshirani 2000).

use rayon::prelude::*;

use super::histogram::Slopes;

/// How many rows are taken at once.
const ROWS: usize = 4_096;

/// The loss, with one number raised or lowered for each row: `n_outputs` of
/// them, which lie one after the other for the same output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// Half the squared error.
    Squared,
    /// Log loss of two classes; the number is the log-odds of the second.
    Binomial,
    /// Log loss of so many classes, each with a number.
    Multinomial(usize),
}

/// What there is to learn of rows: a value, or the place of a class; and how
/// much each counts, unless each counts one.
pub(super) struct Targets {
    pub(super) of: Vec<f64>,
    pub(super) weights: Option<Vec<f64>>,
}

impl Targets {
    fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }

    /// The weighted mean of what `of` makes of targets.
    fn mean(&self, of: impl Fn(f64) -> f64) -> f64 {
        let rows = self.of.iter().enumerate();
        let (sum, weight) = rows.fold((0.0, 0.0), |(sum, all), (row, target)| {
            let weight = self.weight(row);
            (sum + of(*target) * weight, all + weight)
        });
        sum / weight
    }
}

impl Loss {
    pub(super) fn n_outputs(self) -> usize {
        match self {
            Loss::Squared | Loss::Binomial => 1,
            Loss::Multinomial(n) => n,
        }
    }

    /// Where boosting begins: what makes the loss least without any tree.
    pub(super) fn baseline(self, targets: &Targets) -> Vec<f64> {
        match self {
            Loss::Squared => vec![targets.mean(|value| value)],
            Loss::Binomial => {
                let least = 10.0 * f64::EPSILON;
                let share = targets.mean(|class| class).clamp(least, 1.0 - least);
                vec![(share / (1.0 - share)).ln()]
            }
            Loss::Multinomial(n) => {
                let share = |class| {
                    let is_class = |own| if own == class as f64 { 1.0 } else { 0.0 };
                    let share = targets.mean(is_class);
                    share.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
                };
                let logs: Vec<f64> = (0..n).map(share).collect();
                let mean = logs.iter().sum::<f64>() / n as f64;
                logs.into_iter().map(|log| log - mean).collect()
            }
        }
    }

    /// Whether each hessian is one.
    pub(super) fn is_constant(self, targets: &Targets) -> bool {
        self == Loss::Squared && targets.weights.is_none()
    }

    /// The slopes of the loss at what has been `said`, for each output.
    pub(super) fn slopes(self, targets: &Targets, said: &[f64], slopes: &mut [Slopes]) {
        let n_rows = targets.of.len();
        match (self, slopes) {
            (Loss::Multinomial(n), slopes) => {
                let mut shares = vec![0.0; n];
                for row in 0..n_rows {
                    softmax(
                        (0..n).map(|output| said[output * n_rows + row]),
                        &mut shares,
                    );
                    let (class, weight) = (targets.of[row], targets.weight(row));
                    for (output, (share, slopes)) in
                        shares.iter().zip(slopes.iter_mut()).enumerate()
                    {
                        let is_class = if class == output as f64 { 1.0 } else { 0.0 };
                        slopes.gradients[row] = ((share - is_class) * weight) as f32;
                        if let Some(hessians) = &mut slopes.hessians {
                            hessians[row] = (share * (1.0 - share) * weight) as f32;
                        }
                    }
                }
            }
            (loss, [slopes]) => slopes_of_one(loss, targets, said, slopes),
            _ => {}
        }
    }

    /// The weighted mean of the loss.
    pub(super) fn mean(self, targets: &Targets, said: &[f64]) -> f64 {
        let n_rows = targets.of.len();
        let (mut sum, mut all) = (0.0, 0.0);
        for (row, target) in targets.of.iter().enumerate() {
            let loss = match self {
                Loss::Squared => 0.5 * (said[row] - target).powi(2),
                Loss::Binomial => ln_1p_exp(said[row]) - target * said[row],
                Loss::Multinomial(n) => {
                    let outputs = (0..n).map(|output| said[output * n_rows + row]);
                    let most = outputs.clone().fold(f64::NEG_INFINITY, f64::max);
                    let sum: f64 = outputs.map(|output| (output - most).exp()).sum();
                    sum.ln() + most - said[*target as usize * n_rows + row]
                }
            };
            let weight = targets.weight(row);
            sum += loss * weight;
            all += weight;
        }
        sum / all
    }

    /// What the outputs of one row mean: its value, or how likely each class
    /// is, put at the end.
    pub(super) fn mean_of(self, outputs: &[f64], meant: &mut Vec<f64>) {
        match self {
            Loss::Squared => meant.extend(outputs),
            Loss::Binomial => {
                let share = outputs
                    .first()
                    .map_or(0.5, |odds| 1.0 / (1.0 + (-odds).exp()));
                meant.extend([1.0 - share, share]);
            }
            Loss::Multinomial(n) => {
                let from = meant.len();
                meant.resize(from + n, 0.0);
                softmax(outputs.iter().copied(), &mut meant[from..]);
            }
        }
    }
}

/// The slopes of a loss with one output.
fn slopes_of_one(loss: Loss, targets: &Targets, said: &[f64], slopes: &mut Slopes) {
    let slope = |row: usize| {
        let (target, said, weight) = (targets.of[row], said[row], targets.weight(row));
        let (gradient, hessian) = match loss {
            Loss::Squared => (said - target, 1.0),
            _ => binomial(target, said),
        };
        ((gradient * weight) as f32, (hessian * weight) as f32)
    };
    let gradients = slopes.gradients.par_chunks_mut(ROWS).enumerate();
    match &mut slopes.hessians {
        None => gradients.for_each(|(at, gradients)| {
            for (row, gradient) in gradients.iter_mut().enumerate() {
                *gradient = slope(at * ROWS + row).0;
            }
        }),
        Some(hessians) => {
            let both = gradients.zip(hessians.par_chunks_mut(ROWS));
            both.for_each(|((at, gradients), hessians)| {
                for (row, pair) in gradients.iter_mut().zip(hessians).enumerate() {
                    (*pair.0, *pair.1) = slope(at * ROWS + row);
                }
            });
        }
    }
}

/// The slopes of the log loss of two classes.
fn binomial(target: f64, odds: f64) -> (f64, f64) {
    // Below, one plus the exponential is the exponential.
    if odds <= -37.0 {
        let share = odds.exp();
        return (share - target, share);
    }
    let inverse = (-odds).exp();
    let gradient = ((1.0 - target) - target * inverse) / (1.0 + inverse);
    (gradient, inverse / (1.0 + inverse).powi(2))
}

/// Shares in proportion to exponentials.
fn softmax(outputs: impl Iterator<Item = f64> + Clone, shares: &mut [f64]) {
    let most = outputs.clone().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for (share, output) in shares.iter_mut().zip(outputs) {
        *share = (output - most).exp();
        sum += *share;
    }
    shares.iter_mut().for_each(|share| *share /= sum);
}

fn ln_1p_exp(x: f64) -> f64 {
    if x > 0.0 {
        x + (-x).exp().ln_1p()
    } else {
        x.exp().ln_1p()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_gradient_is_how_the_loss_falls(
            class in 0_u8..2, odds in -30.0..30.0, other in -5.0..5.0, weight in 0.1..3.0,
        ) {
            const STEP: f64 = 1e-6;
            let targets = Targets { of: vec![class.into()], weights: Some(vec![weight]) };
            for (loss, said) in [
                (Loss::Squared, vec![odds]),
                (Loss::Binomial, vec![odds]),
                (Loss::Multinomial(3), vec![odds, other, 0.0]),
            ] {
                let mut slopes = vec![Slopes::new(1, false); loss.n_outputs()];
                loss.slopes(&targets, &said, &mut slopes);
                let mut further = said.clone();
                further[0] += STEP;
                let fall = (loss.mean(&targets, &further) - loss.mean(&targets, &said)) / STEP;
                let gradient = f64::from(slopes[0].gradients[0]) / weight;
                prop_assert!((fall - gradient).abs() < 1e-3 * (1.0 + gradient.abs()));
            }
        }

        #[test]
        fn nothing_overflows(class in 0_u8..2, odds in prop::num::f64::NORMAL) {
            let targets = Targets { of: vec![class.into()], weights: None };
            let mut slopes = [Slopes::new(1, false)];
            Loss::Binomial.slopes(&targets, &[odds], &mut slopes);
            prop_assert!(slopes[0].gradients[0].abs() <= 1.0);
            let mut meant = Vec::new();
            Loss::Binomial.mean_of(&[odds], &mut meant);
            Loss::Multinomial(2).mean_of(&[odds, 0.0], &mut meant);
            prop_assert!(meant.iter().all(|share| (0.0..=1.0).contains(share)));
        }
    }
}
