//! From scores to probabilities and classes.

use std::sync::Arc;

use ndarray::{Array2, ArrayView1, ArrayViewMut1};

use super::{Label, Labels, Target};

/// `1 / (1 + e^-z)`, without overflow.
pub(super) fn sigmoid(z: f64) -> f64 {
    match z >= 0.0 {
        true => 1.0 / (1.0 + (-z).exp()),
        false => {
            let e = z.exp();
            e / (1.0 + e)
        }
    }
}

/// Scores become `e^score / Σ e^score`, without overflow; gives back the
/// logarithm of that sum.
pub(super) fn softmax(mut scores: ArrayViewMut1<'_, f64>) -> f64 {
    let most = scores.fold(f64::NEG_INFINITY, |most, score| most.max(*score));
    scores.mapv_inplace(|score| (score - most).exp());
    let sum = scores.sum();
    scores.mapv_inplace(|score| score / sum);
    most + sum.ln()
}

/// For each row the class of its highest score; the first of equals.
pub(super) fn highest(classes: &Arc<[Label]>, scores: &Array2<f64>) -> Target {
    let codes = scores.rows().into_iter().map(first_highest);
    Target::Labels(Labels::of_codes(classes.clone(), codes.collect()))
}

fn first_highest(scores: ArrayView1<'_, f64>) -> u32 {
    let mut best = 0;
    for (place, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = place;
        }
    }
    best as u32
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn nothing_overflows() {
        assert_eq!(
            (sigmoid(-800.0), sigmoid(0.0), sigmoid(800.0)),
            (0.0, 0.5, 1.0)
        );
        let mut scores = array![1000.0, 1000.0, -1000.0];
        let sum = softmax(scores.view_mut());
        assert_eq!(scores, array![0.5, 0.5, 0.0]);
        assert!((sum - 1000.0 - 2f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn of_equal_scores_the_first_is_taken() {
        assert_eq!(first_highest(array![0.2, 0.4, 0.4].view()), 1);
    }
}
