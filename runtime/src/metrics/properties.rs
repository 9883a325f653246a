//! What holds of any predictions.

use ndarray::Array2;
use proptest::prelude::*;

use super::*;

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => -10.0..10.0_f64,
        1 => any::<f64>(),
        1 => prop::sample::select(vec![0.0, -0.0, f64::NAN, f64::INFINITY, f64::MAX, f64::MIN_POSITIVE]),
    ]
}

fn scored() -> impl Strategy<Value = (Vec<usize>, Vec<f64>)> {
    prop::collection::vec((0..2_usize, -3..3_i32), 0..30).prop_map(|rows| {
        rows.into_iter()
            .map(|(y, s)| (y, f64::from(s) / 2.0))
            .unzip()
    })
}

proptest! {
    #[test]
    fn whatever_is_given_no_metric_panics_and_none_is_nan(
        n_classes in 0..4_usize,
        rows in prop::collection::vec((0..4_usize, any_number(), any_number(), any_number()), 0..20),
        weighted in any::<bool>(),
    ) {
        let truth: Vec<usize> = rows.iter().map(|row| row.0).collect();
        let numbers = |pick: fn(&(usize, f64, f64, f64)) -> f64| rows.iter().map(pick).collect::<Vec<_>>();
        let weights = numbers(|row| row.3);
        let cell = |(row, class): (usize, usize)| {
            let share = (rows[row].1.abs() / 10.0).min(1.0);
            if class == 0 { 1.0 - share } else { share }
        };
        let probabilities = Array2::from_shape_fn((rows.len(), n_classes), cell);
        let classes = Classified::probabilities(truth.clone(), probabilities);
        let decisions = Classified::decisions(truth, numbers(|row| row.1));
        let regressed = Regressed::new(numbers(|row| row.1), numbers(|row| row.2));
        let mut all: Vec<Predictions> = Vec::new();
        for classified in [classes, decisions].into_iter().flatten() {
            let weighed = classified.clone().with_weights(weights.clone());
            all.push(Predictions::Classes(weighed.ok().filter(|_| weighted).unwrap_or(classified)));
        }
        if let Ok(regressed) = regressed {
            let weighed = regressed.clone().with_weights(weights.clone());
            all.push(Predictions::Numbers(weighed.ok().filter(|_| weighted).unwrap_or(regressed)));
        }
        for predictions in &all {
            for metric in Metric::ALL {
                if let Ok(value) = metric.score(predictions) {
                    prop_assert!(value.is_finite(), "{metric} {value}");
                }
            }
        }
    }

    #[test]
    fn turning_the_scores_round_turns_the_area_round((truth, scores) in scored()) {
        let auc = |scores: Vec<f64>| {
            roc_auc(&Classified::decisions(truth.clone(), scores).unwrap(), Average::Macro)
        };
        let turned = scores.iter().map(|score| -score).collect();
        if let (Ok(area), Ok(turned)) = (auc(scores), auc(turned)) {
            prop_assert!((0.0..=1.0).contains(&area));
            prop_assert!((area + turned - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn the_area_is_how_many_pairs_are_in_order((truth, scores) in scored()) {
        let classified = Classified::decisions(truth.clone(), scores.clone()).unwrap();
        let of = |class: usize| {
            let rows = truth.iter().zip(&scores).filter(move |(y, _)| **y == class);
            rows.map(|(_, score)| *score).collect::<Vec<f64>>()
        };
        let (negative, positive) = (of(0), of(1));
        let half = |(n, p): (f64, f64)| if p > n { 1.0 } else if p == n { 0.5 } else { 0.0 };
        let pairs = negative.iter().flat_map(|n| positive.iter().map(move |p| (*n, *p)));
        let in_order: f64 = pairs.map(half).sum();
        if let Ok(area) = roc_auc(&classified, Average::Macro) {
            let expected = in_order / (negative.len() * positive.len()) as f64;
            prop_assert!((area - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn a_row_twice_is_a_row_of_weight_two((truth, scores) in scored(), at in any::<prop::sample::Index>()) {
        prop_assume!(!truth.is_empty());
        let at = at.index(truth.len());
        let once = Predictions::Classes(Classified::decisions(truth.clone(), scores.clone()).unwrap());
        let rows: Vec<usize> = (0..truth.len()).chain([at]).collect();
        let weights = (0..truth.len()).map(|row| if row == at { 2.0 } else { 1.0 });
        let weighted = Classified::decisions(truth.clone(), scores).unwrap();
        let weighted = Predictions::Classes(weighted.with_weights(weights.collect()).unwrap());
        // The top tenth is one of rows, however much they weigh.
        for metric in Metric::ALL.into_iter().filter(|metric| *metric != Metric::TopDecileLift) {
            match (metric.score(&once.select(&rows)), metric.score(&weighted)) {
                (Ok(twice), Ok(weighted)) => prop_assert!((twice - weighted).abs() < 1e-12, "{metric}"),
                (twice, weighted) => prop_assert_eq!(twice, weighted),
            }
        }
    }
}
