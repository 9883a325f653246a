//! [`Evaluation`]: everything that is measured of one model, as a document.

use serde::{Deserialize, Serialize};

use super::bootstrap::{Bootstrap, Interval};
use super::calibration::{Bins, calibration};
use super::confusion::Confusion;
use super::metric::Metric;
use super::ranking::{Operating, Ranked};
use super::sample::{Classified, Predictions};
use super::slices::Slice;
use super::undefined::Undefined;

/// What is to be measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluationSpec {
    /// In the order they are to be shown.
    pub metrics: Vec<Metric>,
    /// How intervals are found.
    pub bootstrap: Bootstrap,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// How many rows.
    pub rows: usize,
    /// Over all rows.
    pub measures: Vec<Measure>,
    /// Of each class; empty where numbers are predicted.
    pub classes: Vec<ClassReport>,
    /// What the rows of each true class, predicted as each class, weigh.
    pub confusion: Vec<Vec<f64>>,
    /// Where there are two classes and probabilities.
    pub curves: Option<Curves>,
    /// Over parts of the rows.
    pub slices: Vec<SliceReport>,
}

/// One metric: its value, or why it has none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// Which.
    pub metric: Metric,
    /// Its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Between which values it lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// Why it has no value, or no interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undefined: Option<String>,
}

/// How well one class is told from the others; None where undefined.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassReport {
    /// As the data calls it.
    pub name: String,
    /// Of the rows predicted so, the share that are.
    pub precision: Option<f64>,
    /// Of the rows that are, the share predicted so.
    pub recall: Option<f64>,
    /// The harmonic mean of both.
    pub f1: Option<f64>,
    /// What its rows weigh.
    pub support: f64,
}

/// Points to draw, thinned out where there are many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curves {
    /// False positive rate and true positive rate.
    pub roc: Vec<[f64; 2]>,
    /// Recall and precision, by rising recall.
    pub precision_recall: Vec<[f64; 2]>,
    /// Mean probability, share of positive rows, weight of the rows: of ten
    /// equally wide bins, those with rows.
    pub calibration: Vec<[f64; 3]>,
    /// The threshold with the best F1.
    pub best_threshold: f64,
    /// The F1 there.
    pub best_f1: f64,
}

/// A part of the rows, measured by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SliceReport {
    /// The column the rows were parted by.
    pub by: String,
    /// What they have in common.
    pub name: String,
    /// How many.
    pub rows: usize,
    /// Over these rows.
    pub measures: Vec<Measure>,
}

/// A curve keeps so many points.
const MOST_POINTS: usize = 200;

/// Measures `predictions`. `class_names` are in the order of the classes; one
/// that is missing is called by its number. `slices` go by the column they were
/// parted by.
pub fn evaluate(
    spec: &EvaluationSpec,
    predictions: &Predictions,
    class_names: &[String],
    slices: &[(String, Vec<Slice>)],
) -> Evaluation {
    let classified = match predictions {
        Predictions::Classes(classified) => Some(classified),
        Predictions::Numbers(_) => None,
    };
    let confusion = classified.map(Confusion::of);
    let slice = |by: &str, slice: &Slice| {
        let part = predictions.select(&slice.rows);
        SliceReport {
            by: by.to_string(),
            name: slice.name.clone(),
            rows: part.n_rows(),
            measures: Measure::all(&spec.metrics, &part, &spec.bootstrap),
        }
    };
    Evaluation {
        rows: predictions.n_rows(),
        measures: Measure::all(&spec.metrics, predictions, &spec.bootstrap),
        classes: confusion
            .as_ref()
            .map_or_else(Vec::new, |c| class_reports(c, class_names)),
        confusion: confusion.as_ref().map_or_else(Vec::new, |c| {
            c.matrix().outer_iter().map(|row| row.to_vec()).collect()
        }),
        curves: classified.and_then(curves),
        slices: slices
            .iter()
            .flat_map(|(by, parts)| parts.iter().map(move |part| slice(by, part)))
            .collect(),
    }
}

impl Measure {
    /// Each metric over all rows, with its interval.
    pub fn all(
        metrics: &[Metric],
        predictions: &Predictions,
        bootstrap: &Bootstrap,
    ) -> Vec<Measure> {
        let ranked = predictions.ranked();
        let scores = |rows: &[usize]| {
            let drawn = ranked.select(rows);
            metrics.iter().map(|metric| metric.score(&drawn)).collect()
        };
        let intervals = bootstrap.intervals(predictions.n_rows(), scores);
        let measure = |(metric, interval): (&Metric, Result<Interval, Undefined>)| Measure {
            metric: *metric,
            value: metric.score(predictions).ok(),
            undefined: interval.as_ref().err().map(ToString::to_string),
            interval: interval.ok(),
        };
        metrics.iter().zip(intervals).map(measure).collect()
    }
}

fn class_reports(confusion: &Confusion, names: &[String]) -> Vec<ClassReport> {
    let name = |class: usize| {
        names
            .get(class)
            .cloned()
            .unwrap_or_else(|| class.to_string())
    };
    let report = |class: usize| {
        let scores = confusion.class(class);
        ClassReport {
            name: name(class),
            precision: scores.precision.ok(),
            recall: scores.recall.ok(),
            f1: scores.f1.ok(),
            support: scores.support,
        }
    };
    (0..confusion.matrix().nrows()).map(report).collect()
}

/// None where there are no curves to draw.
fn curves(classified: &Classified) -> Option<Curves> {
    let calibration = calibration(classified, Bins::Uniform(10)).ok()?;
    let ranked = Ranked::of(classified, 1).ok()?;
    let roc = ranked.roc().ok()?;
    let precision_recall = ranked.precision_recall().ok()?;
    let Operating { threshold, f1, .. } = ranked.best_threshold().ok()?;
    let roc = roc
        .iter()
        .map(|p| [p.false_positive_rate, p.true_positive_rate]);
    let precision_recall = precision_recall
        .iter()
        .rev()
        .map(|p| [p.recall, p.precision]);
    Some(Curves {
        roc: thinned(roc.collect()),
        precision_recall: thinned(precision_recall.collect()),
        calibration: calibration
            .bins
            .iter()
            .map(|bin| [bin.predicted, bin.observed, bin.weight])
            .collect(),
        best_threshold: threshold,
        best_f1: f1,
    })
}

/// Both ends, and points evenly between them.
fn thinned(points: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    if points.len() <= MOST_POINTS {
        return points;
    }
    let last = points.len() - 1;
    (0..MOST_POINTS)
        .map(|point| points[point * last / (MOST_POINTS - 1)])
        .collect()
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::metrics::by_value;

    fn predictions(n_rows: usize) -> Predictions {
        let truth: Vec<usize> = (0..n_rows).map(|row| usize::from(row % 3 == 0)).collect();
        let p = |row: usize| (row * 7 % 10) as f64 / 20.0 + truth[row] as f64 * 0.4;
        let cell = |(row, class): (usize, usize)| if class == 1 { p(row) } else { 1.0 - p(row) };
        let probabilities = Array2::from_shape_fn((n_rows, 2), cell);
        Predictions::Classes(Classified::probabilities(truth, probabilities).unwrap())
    }

    #[test]
    fn all_is_measured_and_the_document_holds_it() {
        let spec = EvaluationSpec {
            metrics: vec![Metric::RocAuc, Metric::Mae],
            bootstrap: Bootstrap::default(),
        };
        let parts = by_value((0..90).map(|row| Some(if row < 40 { "a" } else { "b" })), 5);
        let names = ["stays".to_string(), "leaves".to_string()];
        let slices = [("plan".to_string(), parts)];
        let evaluation = evaluate(&spec, &predictions(90), &names, &slices);
        let [auc, mae] = evaluation.measures.as_slice() else {
            panic!()
        };
        let interval = auc.interval.unwrap();
        assert!(interval.low < auc.value.unwrap() && auc.value.unwrap() < interval.high);
        assert_eq!(mae.value, None);
        assert!(
            mae.undefined
                .as_ref()
                .unwrap()
                .starts_with("mae is a metric of numbers")
        );
        assert_eq!(evaluation.classes[1].name, "leaves");
        assert_eq!(evaluation.slices[0].name, "b");
        let curves = evaluation.curves.as_ref().unwrap();
        assert_eq!(curves.roc.last(), Some(&[1.0, 1.0]));
        let text = serde_json::to_string(&evaluation).unwrap();
        assert_eq!(
            serde_json::from_str::<Evaluation>(&text).unwrap(),
            evaluation
        );
    }

    #[test]
    fn long_curves_keep_their_ends() {
        let thin = thinned((0..1_000).map(|x| [f64::from(x), 0.0]).collect());
        assert_eq!(thin.len(), MOST_POINTS);
        assert_eq!((thin[0][0], thin[MOST_POINTS - 1][0]), (0.0, 999.0));
    }

    #[test]
    fn nothing_is_measured_of_nothing() {
        let evaluation = evaluate(&EvaluationSpec::default(), &predictions(0), &[], &[]);
        assert_eq!((evaluation.rows, evaluation.curves), (0, None));
    }
}
