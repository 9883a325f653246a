//! Models made of trees: a decision tree, a random forest, gradient boosting on
//! histograms, and the isolation forest.
//!
//! [`DecisionTree`] and [`RandomForest`] share how they grow (`grow`, with
//! `features`, `impurity`, `limits`, `partition` and `sort`); [`IsolationForest`] parts at random;
//! [`GradientBoosting`] has rooms of its own in `boosting`. All of them keep a
//! tree as [`Nodes`].

mod boosting;
mod columns;
mod decision;
mod document;
mod features;
mod forest;
mod grow;
mod impurity;
mod isolation;
mod lesson;
mod limits;
mod nodes;
#[cfg(test)]
mod parity;
mod partition;
mod random;
mod rows;
mod sort;

pub use boosting::{Boosted, GradientBoosting};
pub use decision::{Criterion, DecisionTree};
pub use forest::{Forest, RandomForest};
pub use isolation::{Isolation, IsolationForest};
pub use limits::{MaxFeatures, Rule};
pub use nodes::Nodes;

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2, array};
    use proptest::prelude::*;

    use crate::model::{Checked, Label, Labels, Model, ModelError, ModelSpec, Target, fit};

    /// A small model of each kind.
    const SPECS: [&str; 5] = [
        r#"{"kind":"decision-tree"}"#,
        r#"{"kind":"random-forest","n_estimators":3,"oob_score":true}"#,
        r#"{"kind":"gradient-boosting","max_iter":3,"min_samples_leaf":1}"#,
        r#"{"kind":"gradient-boosting","max_iter":3,"min_samples_leaf":1,"early_stopping":true,
            "validation_fraction":0.4,"max_bins":3}"#,
        r#"{"kind":"isolation-forest","n_estimators":3}"#,
    ];

    fn train(spec: &str, x: &Array2<f64>, y: &Target) -> Result<Model, ModelError> {
        let spec: ModelSpec = serde_json::from_str(spec).unwrap();
        fit(&Checked::new(spec)?, x.view(), y, None, &())
    }

    fn labels(codes: &[u8]) -> Target {
        let labels: Vec<Label> = codes
            .iter()
            .map(|code| Label::Int((*code).into()))
            .collect();
        Target::Labels(Labels::new(&labels))
    }

    #[test]
    fn what_cannot_be_learnt_is_named() {
        let x = array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0], [9.0, 10.0]];
        let y = labels(&[0, 1, 0, 1, 1]);
        for spec in SPECS {
            let mut infinite = x.clone();
            infinite[[1, 0]] = f64::INFINITY;
            let said = train(spec, &infinite, &y).unwrap_err().to_string();
            assert!(said.contains("row 1, column 0"), "{said}");
            let said = train(spec, &Array2::zeros((0, 2)), &labels(&[]))
                .unwrap_err()
                .to_string();
            assert!(said.contains("0 rows"), "{said}");
            let model = train(spec, &x, &y).unwrap();
            let said = model.predict(array![[1.0]].view()).unwrap_err().to_string();
            assert!(said.contains("trained on 2 columns"), "{said}");
        }
        for spec in &SPECS[..4] {
            let said = train(spec, &x, &labels(&[1; 5])).unwrap_err().to_string();
            assert!(said.contains("of class 1"), "{said}");
            let said = train(spec, &x, &Target::None).unwrap_err().to_string();
            assert!(said.contains("labels or values"), "{said}");
        }
        let mut missing = x;
        missing[[2, 1]] = f64::NAN;
        let said = train(SPECS[4], &missing, &y).unwrap_err().to_string();
        assert!(said.contains("row 2, column 1"), "{said}");
    }

    #[test]
    fn of_constant_columns_the_mean_is_learnt() {
        let x = Array2::from_elem((30, 2), 4.0);
        let y = Target::Values(Array1::from_shape_fn(30, |row| (row % 3) as f64));
        for spec in &SPECS[..4] {
            let Target::Values(said) = train(spec, &x, &y)
                .unwrap()
                .predict(x.view())
                .unwrap()
                .target
            else {
                panic!("values are said")
            };
            assert!(said.iter().all(|value| (value - 1.0).abs() < 0.3), "{said}");
        }
    }

    #[test]
    fn threads_do_not_change_a_bit() {
        let x = Array2::from_shape_fn((3_000, 12), |(row, column)| {
            ((row * 37 + column * 101) % 211) as f64 / 7.0
        });
        let y = Target::Values(Array1::from_shape_fn(3_000, |row| {
            (x[[row, 0]] - 3.0).sin() + x[[row, 3]] / 10.0
        }));
        for spec in SPECS {
            let on = |n| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build();
                pool.unwrap().install(|| train(spec, &x, &y)).unwrap()
            };
            assert_eq!(on(1), on(3));
        }
    }

    fn cell() -> impl Strategy<Value = f64> {
        prop_oneof![
            4 => -3.0..3.0_f64,
            3 => (-2_i8..3).prop_map(f64::from),
            1 => prop_oneof![Just(3e38), Just(-3e38), Just(1e-300), Just(-0.0)],
        ]
    }

    proptest! {
        #[test]
        fn any_finite_matrix_is_learnt_and_the_document_says_the_same(
            cells in prop::collection::vec(cell(), 3..60),
            codes in prop::collection::vec(0_u8..4, 20),
            values in prop::collection::vec(cell(), 20),
        ) {
            let n = cells.len() / 3;
            let x = Array2::from_shape_vec((n, 3), cells[..n * 3].to_vec()).unwrap();
            for target in [labels(&codes[..n]), Target::Values(values[..n].to_vec().into())] {
                for spec in SPECS {
                    let Ok(model) = train(spec, &x, &target) else {
                        continue;
                    };
                    let said = model.predict(x.view()).unwrap();
                    let read = Model::from_json(&model.to_json().unwrap()).unwrap();
                    prop_assert_eq!(&read, &model);
                    prop_assert_eq!(&read.predict(x.view()).unwrap(), &said);
                    for row in said.probabilities.iter().flat_map(|shares| shares.rows()) {
                        prop_assert!((row.sum() - 1.0).abs() < 1e-12);
                        prop_assert!(row.iter().all(|share| (0.0..=1.0).contains(share)));
                    }
                }
            }
        }
    }
}
