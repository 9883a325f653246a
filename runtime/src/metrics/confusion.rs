//! [`Confusion`]: which class was taken for which, and the rates that follow.

use ndarray::Array2;

use super::average::{Average, Sum};
use super::sample::Classified;
use super::undefined::{Score, Undefined};

/// What the rows of each true class (first index) that were predicted as each
/// class (second index) weigh; without weights, how many they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Confusion {
    matrix: Array2<f64>,
}

/// How well one class is told from the others.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassScores {
    /// Of the rows predicted so, the share that are.
    pub precision: Score,
    /// Of the rows that are, the share predicted so.
    pub recall: Score,
    /// The harmonic mean of both.
    pub f1: Score,
    /// What the rows that are of this class weigh.
    pub support: f64,
}

impl Confusion {
    /// Counts the rows.
    pub fn of(classified: &Classified) -> Confusion {
        let n = classified.n_classes();
        let mut sums = Array2::from_elem((n, n), Sum::default());
        let pairs = classified.truth().iter().zip(classified.predicted());
        for (row, (truth, predicted)) in pairs.enumerate() {
            sums[[*truth, *predicted]].add(classified.weight(row));
        }
        Confusion {
            matrix: sums.mapv(Sum::value),
        }
    }

    /// True class × predicted class.
    pub fn matrix(&self) -> &Array2<f64> {
        &self.matrix
    }

    /// The share of rows whose class is predicted.
    pub fn accuracy(&self) -> Score {
        ratio(self.matrix.diag().sum(), self.matrix.sum()).ok_or(Undefined::Empty)
    }

    /// The mean recall of the classes that have rows.
    pub fn balanced_accuracy(&self) -> Score {
        let recalls: Vec<f64> = self
            .classes()
            .filter_map(|class| self.recall(class).ok())
            .collect();
        if recalls.is_empty() {
            return Err(Undefined::Empty);
        }
        Average::Macro.of(&recalls, &[])
    }

    /// How well `class` is told from the others.
    pub fn class(&self, class: usize) -> ClassScores {
        ClassScores {
            precision: self.precision(class),
            recall: self.recall(class),
            f1: self.f1(class),
            support: self.true_rows(class),
        }
    }

    /// The precision of `class`; undefined where it is never predicted.
    pub fn precision(&self, class: usize) -> Score {
        ratio(self.hits(class), self.predicted_rows(class))
            .ok_or(Undefined::NeverPredicted { class })
    }

    /// The recall of `class`; undefined where no row is of it.
    pub fn recall(&self, class: usize) -> Score {
        ratio(self.hits(class), self.true_rows(class)).ok_or(Undefined::Absent { class })
    }

    /// The F1 of `class`; undefined where no row is of it nor predicted so.
    pub fn f1(&self, class: usize) -> Score {
        let rows = self.true_rows(class) + self.predicted_rows(class);
        ratio(2.0 * self.hits(class), rows).ok_or(Undefined::Absent { class })
    }

    /// The mean precision of the classes that occur, in truth or prediction.
    /// One that is never predicted counts as 0, as scikit-learn's
    /// `zero_division=0` has it.
    pub fn mean_precision(&self, average: Average) -> Score {
        self.mean(average, Confusion::precision)
    }

    /// The mean recall, likewise.
    pub fn mean_recall(&self, average: Average) -> Score {
        self.mean(average, Confusion::recall)
    }

    /// The mean F1, likewise.
    pub fn mean_f1(&self, average: Average) -> Score {
        self.mean(average, Confusion::f1)
    }

    fn mean(&self, average: Average, score: fn(&Confusion, usize) -> Score) -> Score {
        let occurs = |class: &usize| self.true_rows(*class) + self.predicted_rows(*class) > 0.0;
        let occurring: Vec<usize> = self.classes().filter(occurs).collect();
        let score = |class: &usize| score(self, *class).unwrap_or(0.0);
        let scores: Vec<f64> = occurring.iter().map(score).collect();
        let supports: Vec<f64> = occurring
            .iter()
            .map(|class| self.true_rows(*class))
            .collect();
        match scores.is_empty() {
            true => Err(Undefined::Empty),
            false => average.of(&scores, &supports),
        }
    }

    fn classes(&self) -> std::ops::Range<usize> {
        0..self.matrix.nrows()
    }

    fn hits(&self, class: usize) -> f64 {
        self.matrix[[class, class]]
    }

    fn true_rows(&self, class: usize) -> f64 {
        self.matrix.row(class).sum()
    }

    fn predicted_rows(&self, class: usize) -> f64 {
        self.matrix.column(class).sum()
    }
}

/// None of nothing.
fn ratio(part: f64, whole: f64) -> Option<f64> {
    let ratio = part / whole;
    (whole > 0.0 && ratio.is_finite()).then_some(ratio)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confusion() -> Confusion {
        let truth = vec![0, 0, 0, 1, 1, 2];
        let predicted = vec![0, 0, 1, 1, 1, 1];
        Confusion::of(&Classified::labels(4, truth, predicted).unwrap())
    }

    #[test]
    fn a_class_is_told_from_the_others() {
        let one = confusion().class(1);
        assert_eq!(one.precision, Ok(0.5));
        assert_eq!(one.recall, Ok(1.0));
        assert_eq!(one.f1, Ok(2.0 / 3.0));
        assert_eq!(one.support, 2.0);
    }

    #[test]
    fn what_is_missing_is_said_and_counts_as_nothing_in_a_mean() {
        let confusion = confusion();
        assert_eq!(
            confusion.precision(2),
            Err(Undefined::NeverPredicted { class: 2 })
        );
        assert_eq!(confusion.recall(3), Err(Undefined::Absent { class: 3 }));
        assert_eq!(confusion.mean_precision(Average::Macro), Ok(0.5));
        assert_eq!(confusion.accuracy(), Ok(4.0 / 6.0));
        assert_eq!(confusion.balanced_accuracy(), Ok((2.0 / 3.0 + 1.0) / 3.0));
    }

    #[test]
    fn nothing_has_no_accuracy() {
        let nothing = Confusion::of(&Classified::labels(2, vec![], vec![]).unwrap());
        assert_eq!(nothing.accuracy(), Err(Undefined::Empty));
        assert_eq!(nothing.balanced_accuracy(), Err(Undefined::Empty));
        assert_eq!(nothing.mean_f1(Average::Weighted), Err(Undefined::Empty));
    }
}
