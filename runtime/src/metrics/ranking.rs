//! How well scores order the rows: ROC and precision/recall curves, the areas
//! under them, the best threshold, and lift.
//!
//! [`Ranked`] puts the rows in order once; all curves are read from it. Rows
//! with equal scores are taken together, as scikit-learn's `roc_curve` and
//! `precision_recall_curve` do (Fawcett 2006, "An introduction to ROC
//! analysis", §5).

use std::cmp::Ordering;

use super::average::{Average, Sum};
use super::sample::Classified;
use super::undefined::{Score, Undefined, finite};

/// Rows in the order of their scores, highest first: at each score that occurs,
/// what the positive and the negative rows with that score or a higher one
/// weigh.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    steps: Vec<Step>,
    /// Of the first rows in order, as many as a tenth: what they weigh, and
    /// the positive ones among them.
    decile: (f64, f64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Step {
    threshold: f64,
    positive: f64,
    negative: f64,
}

/// A point of the ROC curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RocPoint {
    /// Rows from this score on are predicted positive; infinite at the start.
    pub threshold: f64,
    /// The share of negative rows predicted positive.
    pub false_positive_rate: f64,
    /// The share of positive rows predicted positive.
    pub true_positive_rate: f64,
}

/// A point of the precision/recall curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PrPoint {
    /// Rows from this score on are predicted positive.
    pub threshold: f64,
    /// Of the rows predicted positive, the share that are.
    pub precision: f64,
    /// Of the positive rows, the share predicted so.
    pub recall: f64,
}

/// A threshold and how good it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Operating {
    /// Rows from this score on are predicted positive.
    pub threshold: f64,
    /// There.
    pub precision: f64,
    /// There.
    pub recall: f64,
    /// There.
    pub f1: f64,
}

/// The area under the ROC curve: how probable it is that a row of the positive
/// class scores above one of the other, equals counting half. With more than
/// two classes each is told from the rest, and `average` says how they become
/// one figure; with two it makes no difference.
pub fn roc_auc(classified: &Classified, average: Average) -> Score {
    over_classes(classified, average, Ranked::roc_auc)
}

/// The area under the precision/recall curve as average precision: the mean of
/// the precisions, each weighing what recall gains there; not interpolated.
/// Classes as in [`roc_auc`].
pub fn average_precision(classified: &Classified, average: Average) -> Score {
    over_classes(classified, average, Ranked::average_precision)
}

fn over_classes(classified: &Classified, average: Average, score: fn(&Ranked) -> Score) -> Score {
    if classified.n_classes() == 2 {
        return score(&Ranked::of(classified, 1)?);
    }
    let supports = classified.supports();
    match supports.iter().position(|support| *support == 0.0) {
        Some(_) if classified.truth().is_empty() => return Err(Undefined::Empty),
        Some(class) => return Err(Undefined::Absent { class }),
        None => {}
    }
    let scores: Result<Vec<f64>, Undefined> = (0..classified.n_classes())
        .map(|class| score(&Ranked::of(classified, class)?))
        .collect();
    average.of(&scores?, &supports)
}

impl Ranked {
    /// Orders the rows by their score for `class` against all others. Rows that
    /// weigh nothing are left out.
    pub fn of(classified: &Classified, class: usize) -> Result<Ranked, Undefined> {
        let scores = classified.scores_of(class)?;
        let weighs = |row: &usize| classified.weight(*row) > 0.0;
        let mut rows: Vec<usize> = (0..scores.len()).filter(weighs).collect();
        // Stable: of equal scores, the row that came first stays first. Scores
        // are finite, so that all can be compared.
        rows.sort_by(|a, b| {
            scores[*b]
                .partial_cmp(&scores[*a])
                .unwrap_or(Ordering::Equal)
        });
        let weighed = rows.iter().map(|row| {
            let positive = classified.truth()[*row] == class;
            (scores[*row], positive, classified.weight(*row))
        });
        Ok(Ranked::ordered(weighed.collect()))
    }

    fn ordered(rows: Vec<(f64, bool, f64)>) -> Ranked {
        let n_decile = (rows.len() / 10).max(1);
        let mut steps: Vec<Step> = Vec::new();
        let mut decile = (0.0, 0.0);
        let (mut positive, mut negative) = (Sum::default(), Sum::default());
        for (place, (score, is_positive, weight)) in rows.iter().enumerate() {
            match is_positive {
                true => positive.add(*weight),
                false => negative.add(*weight),
            }
            let step = Step {
                threshold: *score,
                positive: positive.value(),
                negative: negative.value(),
            };
            match steps.last_mut() {
                Some(last) if last.threshold == *score => *last = step,
                _ => steps.push(step),
            }
            if place + 1 == n_decile {
                decile = (step.positive + step.negative, step.positive);
            }
        }
        Ranked { steps, decile }
    }

    /// The curve from (0, 0) to (1, 1), a point for each score that occurs.
    pub fn roc(&self) -> Result<Vec<RocPoint>, Undefined> {
        let (positives, negatives) = self.both_classes()?;
        let start = Step {
            threshold: f64::INFINITY,
            positive: 0.0,
            negative: 0.0,
        };
        let point = |step: &Step| RocPoint {
            threshold: step.threshold,
            false_positive_rate: step.negative / negatives,
            true_positive_rate: step.positive / positives,
        };
        Ok([start].iter().chain(&self.steps).map(point).collect())
    }

    /// The area under [`Ranked::roc`].
    pub fn roc_auc(&self) -> Score {
        let mut area = Sum::default();
        for pair in self.roc()?.windows(2) {
            let width = pair[1].false_positive_rate - pair[0].false_positive_rate;
            area.add(width * (pair[1].true_positive_rate + pair[0].true_positive_rate) / 2.0);
        }
        finite(area.value().clamp(0.0, 1.0))
    }

    /// The curve by rising threshold, so from the lowest score, where all rows
    /// are predicted positive, to the highest.
    pub fn precision_recall(&self) -> Result<Vec<PrPoint>, Undefined> {
        let positives = self.positives()?;
        let point = |step: &Step| PrPoint {
            threshold: step.threshold,
            precision: step.positive / (step.positive + step.negative),
            recall: step.positive / positives,
        };
        Ok(self.steps.iter().rev().map(point).collect())
    }

    /// The area under [`Ranked::precision_recall`], as a step function.
    pub fn average_precision(&self) -> Score {
        let mut area = Sum::default();
        let mut reached = 0.0;
        for point in self.precision_recall()?.iter().rev() {
            area.add((point.recall - reached) * point.precision);
            reached = point.recall;
        }
        finite(area.value().clamp(0.0, 1.0))
    }

    /// The threshold with the best F1 among the scores that occur; of equally
    /// good ones the lowest.
    pub fn best_threshold(&self) -> Result<Operating, Undefined> {
        let best = self
            .precision_recall()?
            .into_iter()
            .map(Operating::at)
            .reduce(|best, next| if next.f1 > best.f1 { next } else { best });
        best.ok_or(Undefined::Empty)
    }

    /// How many times as many of the tenth of the rows that score highest are
    /// positive as of all rows. The tenth is rounded down, to one row at least;
    /// of equal scores the rows that came first are in it.
    pub fn top_decile_lift(&self) -> Score {
        let positives = self.positives()?;
        let all = positives + self.negatives();
        let (weight, hits) = self.decile;
        finite((hits / weight) / (positives / all))
    }

    fn positives(&self) -> Result<f64, Undefined> {
        match self.steps.last() {
            None => Err(Undefined::Empty),
            Some(last) if last.positive > 0.0 => Ok(last.positive),
            Some(_) => Err(Undefined::OneClass { class: 0 }),
        }
    }

    fn negatives(&self) -> f64 {
        self.steps.last().map_or(0.0, |last| last.negative)
    }

    fn both_classes(&self) -> Result<(f64, f64), Undefined> {
        let positives = self.positives()?;
        match self.negatives() {
            negatives if negatives > 0.0 => Ok((positives, negatives)),
            _ => Err(Undefined::OneClass { class: 1 }),
        }
    }
}

impl Operating {
    fn at(point: PrPoint) -> Operating {
        let sum = point.precision + point.recall;
        Operating {
            threshold: point.threshold,
            precision: point.precision,
            recall: point.recall,
            f1: match sum > 0.0 {
                true => 2.0 * point.precision * point.recall / sum,
                false => 0.0,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranked(truth: &[usize], scores: &[f64]) -> Ranked {
        let classified = Classified::decisions(truth.to_vec(), scores.to_vec()).unwrap();
        Ranked::of(&classified, 1).unwrap()
    }

    #[test]
    fn equal_scores_count_half() {
        assert_eq!(ranked(&[0, 1], &[0.5, 0.5]).roc_auc(), Ok(0.5));
        assert_eq!(ranked(&[0, 1], &[0.1, 0.9]).roc_auc(), Ok(1.0));
        assert_eq!(ranked(&[1, 0], &[0.1, 0.9]).roc_auc(), Ok(0.0));
        assert_eq!(ranked(&[0, 1, 0], &[-0.0, 0.0, -1.0]).roc_auc(), Ok(0.75));
    }

    #[test]
    fn the_best_threshold_parts_the_classes() {
        let best = ranked(&[0, 0, 1, 1], &[0.1, 0.4, 0.6, 0.7]).best_threshold();
        assert_eq!(best.map(|best| (best.threshold, best.f1)), Ok((0.6, 1.0)));
    }

    #[test]
    fn the_top_decile_keeps_the_order_of_equal_scores() {
        let mut truth = vec![0; 20];
        (truth[0], truth[1]) = (1, 1);
        assert_eq!(ranked(&truth, &[0.5; 20]).top_decile_lift(), Ok(10.0));
        truth.reverse();
        assert_eq!(ranked(&truth, &[0.5; 20]).top_decile_lift(), Ok(0.0));
    }

    #[test]
    fn of_many_classes_the_one_without_rows_is_named() {
        let of = |truth: Vec<usize>| {
            let even = ndarray::Array2::from_elem((truth.len(), 3), 1.0 / 3.0);
            roc_auc(
                &Classified::probabilities(truth, even).unwrap(),
                Average::Macro,
            )
        };
        assert_eq!(of(vec![0, 1, 2]), Ok(0.5));
        assert_eq!(of(vec![0, 2, 2]), Err(Undefined::Absent { class: 1 }));
        assert_eq!(of(vec![]), Err(Undefined::Empty));
    }

    #[test]
    fn one_class_alone_is_said() {
        let only = |class: usize| ranked(&[class, class], &[0.1, 0.2]);
        assert_eq!(only(0).roc_auc(), Err(Undefined::OneClass { class: 0 }));
        assert_eq!(only(1).roc_auc(), Err(Undefined::OneClass { class: 1 }));
        assert_eq!(only(1).average_precision(), Ok(1.0));
        assert_eq!(ranked(&[], &[]).roc_auc(), Err(Undefined::Empty));
        let labels = Classified::labels(2, vec![0, 1], vec![0, 1]).unwrap();
        assert_eq!(Ranked::of(&labels, 1), Err(Undefined::NoScores));
    }
}
