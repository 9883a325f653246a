//! [`Classified`]: classes predicted for rows whose class is known.

use std::cmp::Ordering;

use ndarray::{Array2, ArrayView1, Axis};

use super::{BadSample, check_finite, check_weights, existing, picked, same_length};
use crate::metrics::undefined::Undefined;

/// Classes predicted for rows whose class is known. Classes are indices below
/// [`Classified::n_classes`]; of two, 1 is the positive one.
#[derive(Clone, Debug, PartialEq)]
pub struct Classified {
    n_classes: usize,
    truth: Vec<usize>,
    predicted: Vec<usize>,
    scores: Option<Scores>,
    weights: Option<Vec<f64>>,
}

/// What the rows can be ordered by.
#[derive(Clone, Debug, PartialEq)]
enum Scores {
    /// Rows × classes, each in [0, 1].
    Probabilities(Array2<f64>),
    /// How much the positive class is favoured, on any scale.
    Decisions(Vec<f64>),
}

impl Classified {
    /// Classes without probabilities.
    pub fn labels(
        n_classes: usize,
        truth: Vec<usize>,
        predicted: Vec<usize>,
    ) -> Result<Classified, BadSample> {
        same_length("predictions", predicted.len(), truth.len())?;
        check_classes(&truth, n_classes)?;
        check_classes(&predicted, n_classes)?;
        Ok(Classified {
            n_classes,
            truth,
            predicted,
            scores: None,
            weights: None,
        })
    }

    /// Probabilities, rows × classes. The predicted class is the most probable
    /// one, of equals the first.
    pub fn probabilities(
        truth: Vec<usize>,
        probabilities: Array2<f64>,
    ) -> Result<Classified, BadSample> {
        same_length("rows of probabilities", probabilities.nrows(), truth.len())?;
        let bad = |value: &f64| !(0.0..=1.0).contains(value);
        if let Some(((row, class), value)) = probabilities.indexed_iter().find(|(_, p)| bad(p)) {
            let value = *value;
            return Err(BadSample::Probability { row, class, value });
        }
        let n_classes = match probabilities.ncols() {
            0 => return Err(BadSample::NoClasses),
            n_classes => n_classes,
        };
        let predicted = probabilities
            .axis_iter(Axis(0))
            .map(most_probable)
            .collect();
        let mut classified = Classified::labels(n_classes, truth, predicted)?;
        classified.scores = Some(Scores::Probabilities(probabilities));
        Ok(classified)
    }

    /// The same classes, as they were predicted by whatever threshold, each with
    /// the probability of the positive class of two.
    pub fn with_positive(mut self, positive: &[f64]) -> Result<Classified, BadSample> {
        if self.n_classes != 2 {
            return Err(BadSample::Threshold);
        }
        let both = Array2::from_shape_fn((positive.len(), 2), |(row, class)| match class {
            0 => 1.0 - positive[row],
            _ => positive[row],
        });
        self.scores = Classified::probabilities(self.truth.clone(), both)?.scores;
        Ok(self)
    }

    /// Scores of the positive class of two, on any scale. It is predicted where
    /// its score is above 0.
    pub fn decisions(truth: Vec<usize>, scores: Vec<f64>) -> Result<Classified, BadSample> {
        check_finite("score", &scores)?;
        let predicted = scores.iter().map(|score| usize::from(*score > 0.0));
        let mut classified = Classified::labels(2, truth, predicted.collect())?;
        classified.scores = Some(Scores::Decisions(scores));
        Ok(classified)
    }

    /// The same, each row counting as much as its weight says.
    pub fn with_weights(mut self, weights: Vec<f64>) -> Result<Classified, BadSample> {
        check_weights(&weights, self.truth.len())?;
        self.weights = Some(weights);
        Ok(self)
    }

    /// The same, with the positive class predicted from this probability on.
    pub fn with_threshold(mut self, threshold: f64) -> Result<Classified, BadSample> {
        match &self.scores {
            Some(Scores::Probabilities(p)) if self.n_classes == 2 => {
                let positive = |p: &f64| usize::from(*p >= threshold);
                self.predicted = p.column(1).iter().map(positive).collect();
                Ok(self)
            }
            _ => Err(BadSample::Threshold),
        }
    }

    /// How many classes there are, whether rows are of them or not.
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// The true class of each row.
    pub fn truth(&self) -> &[usize] {
        &self.truth
    }

    /// The predicted class of each row.
    pub fn predicted(&self) -> &[usize] {
        &self.predicted
    }

    /// What each row weighs; None where all weigh the same.
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    pub(in crate::metrics) fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }

    pub(in crate::metrics) fn probability_matrix(&self) -> Result<&Array2<f64>, Undefined> {
        match &self.scores {
            Some(Scores::Probabilities(probabilities)) => Ok(probabilities),
            _ => Err(Undefined::NoProbabilities),
        }
    }

    /// The probability of the positive class of two.
    pub(in crate::metrics) fn positive_probabilities(
        &self,
    ) -> Result<ArrayView1<'_, f64>, Undefined> {
        self.check_binary()?;
        Ok(self.probability_matrix()?.column(1))
    }

    /// What rows are ordered by for `class`.
    pub(in crate::metrics) fn scores_of(&self, class: usize) -> Result<Vec<f64>, Undefined> {
        match &self.scores {
            Some(Scores::Probabilities(probabilities)) => Ok(probabilities.column(class).to_vec()),
            Some(Scores::Decisions(scores)) if class == 1 => Ok(scores.clone()),
            Some(Scores::Decisions(scores)) => Ok(scores.iter().map(|score| -score).collect()),
            None => Err(Undefined::NoScores),
        }
    }

    pub(in crate::metrics) fn check_binary(&self) -> Result<(), Undefined> {
        match self.n_classes {
            2 => Ok(()),
            n_classes => Err(Undefined::NotBinary { n_classes }),
        }
    }

    /// What the rows of each class weigh.
    pub(in crate::metrics) fn supports(&self) -> Vec<f64> {
        let mut supports = vec![0.0; self.n_classes];
        for (row, class) in self.truth.iter().enumerate() {
            supports[*class] += self.weight(row);
        }
        supports
    }

    pub(in crate::metrics) fn ranked(&self) -> Classified {
        let Ok(scores) = self.scores_of(self.n_classes - 1) else {
            return self.clone();
        };
        let mut rows: Vec<usize> = (0..self.truth.len()).collect();
        rows.sort_by(|a, b| {
            scores[*b]
                .partial_cmp(&scores[*a])
                .unwrap_or(Ordering::Equal)
        });
        self.select(&rows)
    }

    pub(in crate::metrics) fn select(&self, rows: &[usize]) -> Classified {
        let rows = &existing(rows, self.truth.len());
        let scores = self.scores.as_ref().map(|scores| match scores {
            Scores::Probabilities(p) => Scores::Probabilities(p.select(Axis(0), rows)),
            Scores::Decisions(scores) => Scores::Decisions(picked(scores, rows)),
        });
        Classified {
            n_classes: self.n_classes,
            truth: picked(&self.truth, rows),
            predicted: picked(&self.predicted, rows),
            scores,
            weights: self.weights.as_ref().map(|weights| picked(weights, rows)),
        }
    }
}

fn most_probable(row: ArrayView1<'_, f64>) -> usize {
    let better = |best: usize, (class, p): (usize, &f64)| if *p > row[best] { class } else { best };
    row.iter().enumerate().fold(0, better)
}

fn check_classes(classes: &[usize], n_classes: usize) -> Result<(), BadSample> {
    if n_classes == 0 {
        return Err(BadSample::NoClasses);
    }
    match classes.iter().position(|class| *class >= n_classes) {
        None => Ok(()),
        Some(row) => Err(BadSample::Class {
            row,
            class: classes[row],
            n_classes,
        }),
    }
}
