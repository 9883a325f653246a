//! The same figures as scikit-learn's; `runtime/tests/parity/metrics.py` says
//! how the data was made.

use ndarray::Array2;
use serde::Deserialize;
use std::collections::BTreeMap;

use super::*;

#[derive(Deserialize)]
struct Data {
    binary: Vec<Classes>,
    multiclass: Vec<Classes>,
    regression: Vec<Numbers>,
}

#[derive(Deserialize)]
struct Classes {
    truth: Vec<usize>,
    probabilities: Vec<Vec<f64>>,
    weights: Option<Vec<f64>>,
    scores: BTreeMap<Metric, f64>,
    confusion: Vec<Vec<f64>>,
    per_class: Vec<[f64; 4]>,
    #[serde(default)]
    roc: Vec<[f64; 2]>,
    #[serde(default)]
    precision_recall: Vec<[f64; 3]>,
    best_threshold: Option<f64>,
    calibration: Option<BTreeMap<String, Vec<[f64; 2]>>>,
}

#[derive(Deserialize)]
struct Numbers {
    truth: Vec<f64>,
    predicted: Vec<f64>,
    weights: Option<Vec<f64>>,
    scores: BTreeMap<Metric, f64>,
}

fn data() -> Data {
    serde_json::from_str(include_str!("../../tests/parity/data/metrics.json")).unwrap()
}

impl Classes {
    fn classified(&self) -> Classified {
        let shape = (self.truth.len(), self.probabilities[0].len());
        let probabilities = Array2::from_shape_fn(shape, |(row, c)| self.probabilities[row][c]);
        let classified = Classified::probabilities(self.truth.clone(), probabilities).unwrap();
        match &self.weights {
            Some(weights) => classified.with_weights(weights.clone()).unwrap(),
            None => classified,
        }
    }
}

#[track_caller]
fn close(found: f64, expected: f64) {
    let apart = (found - expected).abs();
    assert!(
        apart <= 1e-12 * expected.abs().max(1.0),
        "{found} {expected}"
    );
}

#[track_caller]
fn all_close<const N: usize>(found: &[[f64; N]], expected: &[[f64; N]]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        found.iter().zip(expected).for_each(|(f, e)| close(*f, *e));
    }
}

fn check_scores(predictions: &Predictions, scores: &BTreeMap<Metric, f64>) {
    for (metric, expected) in scores {
        close(metric.score(predictions).unwrap(), *expected);
    }
}

#[test]
fn classes() {
    let data = data();
    for case in data.binary.iter().chain(&data.multiclass) {
        let classified = case.classified();
        check_scores(&Predictions::Classes(classified.clone()), &case.scores);
        let confusion = Confusion::of(&classified);
        let rows: Vec<Vec<f64>> = confusion
            .matrix()
            .outer_iter()
            .map(|r| r.to_vec())
            .collect();
        for (found, expected) in rows.concat().iter().zip(case.confusion.concat()) {
            close(*found, expected);
        }
        for (class, [precision, recall, f1, support]) in case.per_class.iter().enumerate() {
            let found = confusion.class(class);
            close(found.precision.unwrap_or(0.0), *precision);
            close(found.recall.unwrap_or(0.0), *recall);
            close(found.f1.unwrap_or(0.0), *f1);
            if case.weights.is_some() {
                close(found.support, *support);
            }
        }
    }
}

#[test]
fn curves() {
    for case in &data().binary {
        let classified = case.classified();
        let ranked = Ranked::of(&classified, 1).unwrap();
        let roc = ranked.roc().unwrap();
        let roc: Vec<_> = roc
            .iter()
            .map(|p| [p.false_positive_rate, p.true_positive_rate])
            .collect();
        all_close(&roc, &case.roc);
        let pr = ranked.precision_recall().unwrap();
        let pr: Vec<_> = pr
            .iter()
            .map(|p| [p.threshold, p.precision, p.recall])
            .collect();
        all_close(&pr, &case.precision_recall);
        close(
            ranked.best_threshold().unwrap().threshold,
            case.best_threshold.unwrap(),
        );
        let Some(curves) = &case.calibration else {
            continue;
        };
        for (bins, name) in [
            (Bins::Uniform(10), "uniform"),
            (Bins::Quantile(10), "quantile"),
        ] {
            let found = calibration(&classified, bins).unwrap().bins;
            let found: Vec<_> = found
                .iter()
                .map(|bin| [bin.predicted, bin.observed])
                .collect();
            all_close(&found, &curves[name]);
        }
    }
}

#[test]
fn numbers() {
    for case in &data().regression {
        let regressed = Regressed::new(case.truth.clone(), case.predicted.clone()).unwrap();
        let regressed = match &case.weights {
            Some(weights) => regressed.with_weights(weights.clone()).unwrap(),
            None => regressed,
        };
        check_scores(&Predictions::Numbers(regressed), &case.scores);
    }
}
