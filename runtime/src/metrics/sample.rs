//! What was predicted for rows whose truth is known, checked once.

use ndarray::{Array2, ArrayView1, Axis};
use thiserror::Error;

use super::undefined::Undefined;

/// What a model predicted, of either kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Predictions {
    /// Classes.
    Classes(Classified),
    /// Numbers.
    Numbers(Regressed),
}

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

/// Numbers predicted for rows whose number is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Regressed {
    truth: Vec<f64>,
    predicted: Vec<f64>,
    weights: Option<Vec<f64>>,
}

/// Why predictions cannot be measured at all.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum BadSample {
    /// Not one for each row.
    #[error("there are {found} {what} for {expected} rows; give one for each row")]
    Length {
        /// What there are too few or too many of.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many rows.
        expected: usize,
    },
    /// A class beyond the last.
    #[error("row {row}: class {class} does not exist; the classes are 0 to {last}", last = n_classes - 1)]
    Class {
        /// Counted from 0.
        row: usize,
        /// The class there.
        class: usize,
        /// How many there are.
        n_classes: usize,
    },
    /// There are no classes.
    #[error("the probabilities have no columns; give one for each class")]
    NoClasses,
    /// NaN or infinite.
    #[error("row {row}: the {what} is {value}, not a finite number")]
    NotFinite {
        /// Counted from 0.
        row: usize,
        /// `truth`, `prediction`, `score`.
        what: &'static str,
        /// As it was given.
        value: f64,
    },
    /// Not between 0 and 1.
    #[error("row {row}: the probability of class {class} is {value}, not between 0 and 1")]
    Probability {
        /// Counted from 0.
        row: usize,
        /// The class's index.
        class: usize,
        /// As it was given.
        value: f64,
    },
    /// Negative, NaN or infinite.
    #[error("row {row}: the weight is {value}; weights are finite and not negative")]
    Weight {
        /// Counted from 0.
        row: usize,
        /// As it was given.
        value: f64,
    },
    /// A threshold makes two classes of a probability, no more.
    #[error("a threshold needs the probabilities of two classes")]
    Threshold,
}

impl Predictions {
    /// How many rows.
    pub fn n_rows(&self) -> usize {
        match self {
            Predictions::Classes(classified) => classified.truth.len(),
            Predictions::Numbers(regressed) => regressed.truth.len(),
        }
    }

    /// These rows, in this order; a row may be taken more than once. Rows there
    /// are not are left out.
    pub fn select(&self, rows: &[usize]) -> Predictions {
        match self {
            Predictions::Classes(classified) => Predictions::Classes(classified.select(rows)),
            Predictions::Numbers(regressed) => Predictions::Numbers(regressed.select(rows)),
        }
    }

    /// Whether both are about the same rows: as many, with the same truth.
    pub fn same_rows(&self, other: &Predictions) -> bool {
        match (self, other) {
            (Predictions::Classes(a), Predictions::Classes(b)) => a.truth == b.truth,
            (Predictions::Numbers(a), Predictions::Numbers(b)) => a.truth == b.truth,
            _ => false,
        }
    }
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

    pub(super) fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }

    pub(super) fn probability_matrix(&self) -> Result<&Array2<f64>, Undefined> {
        match &self.scores {
            Some(Scores::Probabilities(probabilities)) => Ok(probabilities),
            _ => Err(Undefined::NoProbabilities),
        }
    }

    /// The probability of the positive class of two.
    pub(super) fn positive_probabilities(&self) -> Result<ArrayView1<'_, f64>, Undefined> {
        self.check_binary()?;
        Ok(self.probability_matrix()?.column(1))
    }

    /// What rows are ordered by for `class`.
    pub(super) fn scores_of(&self, class: usize) -> Result<Vec<f64>, Undefined> {
        match &self.scores {
            Some(Scores::Probabilities(probabilities)) => Ok(probabilities.column(class).to_vec()),
            Some(Scores::Decisions(scores)) if class == 1 => Ok(scores.clone()),
            Some(Scores::Decisions(scores)) => Ok(scores.iter().map(|score| -score).collect()),
            None => Err(Undefined::NoScores),
        }
    }

    pub(super) fn check_binary(&self) -> Result<(), Undefined> {
        match self.n_classes {
            2 => Ok(()),
            n_classes => Err(Undefined::NotBinary { n_classes }),
        }
    }

    /// What the rows of each class weigh.
    pub(super) fn supports(&self) -> Vec<f64> {
        let mut supports = vec![0.0; self.n_classes];
        for (row, class) in self.truth.iter().enumerate() {
            supports[*class] += self.weight(row);
        }
        supports
    }

    fn select(&self, rows: &[usize]) -> Classified {
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

impl Regressed {
    /// One number for each row.
    pub fn new(truth: Vec<f64>, predicted: Vec<f64>) -> Result<Regressed, BadSample> {
        same_length("predictions", predicted.len(), truth.len())?;
        check_finite("truth", &truth)?;
        check_finite("prediction", &predicted)?;
        Ok(Regressed {
            truth,
            predicted,
            weights: None,
        })
    }

    /// The same, each row counting as much as its weight says.
    pub fn with_weights(mut self, weights: Vec<f64>) -> Result<Regressed, BadSample> {
        check_weights(&weights, self.truth.len())?;
        self.weights = Some(weights);
        Ok(self)
    }

    /// The true number of each row.
    pub fn truth(&self) -> &[f64] {
        &self.truth
    }

    /// The predicted number of each row.
    pub fn predicted(&self) -> &[f64] {
        &self.predicted
    }

    /// What each row weighs; None where all weigh the same.
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    fn select(&self, rows: &[usize]) -> Regressed {
        let rows = &existing(rows, self.truth.len());
        Regressed {
            truth: picked(&self.truth, rows),
            predicted: picked(&self.predicted, rows),
            weights: self.weights.as_ref().map(|weights| picked(weights, rows)),
        }
    }
}

fn most_probable(row: ArrayView1<'_, f64>) -> usize {
    let better = |best: usize, (class, p): (usize, &f64)| if *p > row[best] { class } else { best };
    row.iter().enumerate().fold(0, better)
}

fn picked<T: Copy>(from: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().map(|row| from[*row]).collect()
}

fn existing(rows: &[usize], n_rows: usize) -> Vec<usize> {
    rows.iter().copied().filter(|row| *row < n_rows).collect()
}

fn same_length(what: &'static str, found: usize, expected: usize) -> Result<(), BadSample> {
    let bad = BadSample::Length {
        what,
        found,
        expected,
    };
    (found == expected).then_some(()).ok_or(bad)
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

fn check_finite(what: &'static str, values: &[f64]) -> Result<(), BadSample> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(row) => Err(BadSample::NotFinite {
            row,
            what,
            value: values[row],
        }),
    }
}

fn check_weights(weights: &[f64], n_rows: usize) -> Result<(), BadSample> {
    same_length("weights", weights.len(), n_rows)?;
    let bad = |weight: &f64| !(weight.is_finite() && *weight >= 0.0);
    match weights.iter().position(bad) {
        None => Ok(()),
        Some(row) => Err(BadSample::Weight {
            row,
            value: weights[row],
        }),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_most_probable_class_is_predicted_and_of_equals_the_first() {
        let probabilities = array![[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]];
        let classified = Classified::probabilities(vec![1, 1, 0], probabilities).unwrap();
        assert_eq!(classified.predicted(), [1, 0, 0]);
        let classified = classified.with_threshold(0.5).unwrap();
        assert_eq!(classified.predicted(), [1, 1, 0]);
    }

    #[test]
    fn what_is_wrong_is_said_at_its_row() {
        let says = |bad: Result<Classified, BadSample>| bad.unwrap_err().to_string();
        assert_eq!(
            says(Classified::labels(2, vec![0, 2], vec![0, 1])),
            "row 1: class 2 does not exist; the classes are 0 to 1"
        );
        assert_eq!(
            says(Classified::probabilities(vec![0], array![[0.2, f64::NAN]])),
            "row 0: the probability of class 1 is NaN, not between 0 and 1"
        );
        assert_eq!(
            says(Classified::labels(2, vec![0, 1], vec![0])),
            "there are 1 predictions for 2 rows; give one for each row"
        );
        let classified = Classified::decisions(vec![0, 1], vec![-1.0, 3.0]).unwrap();
        assert_eq!(
            says(classified.with_weights(vec![1.0, -1.0])),
            "row 1: the weight is -1; weights are finite and not negative"
        );
        let bad = Regressed::new(vec![0.0], vec![f64::INFINITY]).unwrap_err();
        assert_eq!(
            bad.to_string(),
            "row 0: the prediction is inf, not a finite number"
        );
    }

    #[test]
    fn rows_are_taken_in_order_and_again() {
        let regressed = Regressed::new(vec![1.0, 2.0, 3.0], vec![1.5, 2.5, 3.5]).unwrap();
        let some = Predictions::Numbers(regressed).select(&[2, 0, 2, 9]);
        let expected = Regressed::new(vec![3.0, 1.0, 3.0], vec![3.5, 1.5, 3.5]).unwrap();
        assert_eq!(some, Predictions::Numbers(expected));
    }
}
