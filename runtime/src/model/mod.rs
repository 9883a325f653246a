//! Models: one file per algorithm behind linfa's traits.
//!
//! A [`ModelSpec`] says which kind of model to train and how; [`Checked`] once,
//! it [fits](Checked::fit_telling) a [`TrainingSet`] and gives a [`Model`],
//! which is written and read as one JSON document and says a [`Prediction`] of
//! new rows. [`search`] tries several specs by cross-validation.

mod class_weight;
mod document;
mod error;
mod k_means;
mod linear;
mod logistic;
mod matrix;
mod naive_bayes;
mod params;
#[cfg(test)]
mod parity;
mod prediction;
mod probability;
mod progress;
mod rows;
pub mod search;
mod solve;
mod spec;
mod target;
mod training_set;
pub mod tree;

pub use class_weight::ClassWeight;
pub use document::Model;
pub use error::ModelError;
pub use k_means::{Init, KMeans, KMeansModel};
pub use linear::{ElasticNet, Lasso, Linear, LinearRegression, Ridge};
pub use logistic::{Logistic, LogisticRegression, Penalty};
pub use naive_bayes::{GaussianNaiveBayes, GaussianNb};
pub use params::{Algorithm, Checked};
pub use prediction::{Prediction, Predictor};
pub use progress::{Event, Progress};
pub use spec::ModelSpec;
pub use target::{Label, Labels, Target};
pub use training_set::TrainingSet;

use ndarray::{ArrayView1, ArrayView2};

/// Trains the model that `spec` asks for. Without `weights` each row counts 1.
pub fn fit<'a>(
    spec: &Checked<ModelSpec>,
    x: ArrayView2<'a, f64>,
    y: &'a Target,
    weights: Option<ArrayView1<'a, f64>>,
    progress: &dyn Progress,
) -> Result<Model, ModelError> {
    spec.fit_telling(&TrainingSet::new(x, y, weights)?, progress)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2, array};
    use proptest::prelude::*;

    use super::*;

    const LABELLED: &[&str] = &[
        r#"{ "kind": "gaussian-naive-bayes" }"#,
        r#"{ "kind": "logistic-regression" }"#,
        r#"{ "kind": "logistic-regression", "penalty": "none", "max_iter": 50 }"#,
        r#"{ "kind": "logistic-regression", "penalty": "l1", "class_weight": "balanced" }"#,
    ];

    const VALUED: &[&str] = &[
        r#"{ "kind": "elastic-net", "alpha": 0.01 }"#,
        r#"{ "kind": "lasso", "alpha": 0.01 }"#,
        r#"{ "kind": "linear-regression" }"#,
        r#"{ "kind": "ridge" }"#,
        r#"{ "kind": "ridge", "alpha": 0.0 }"#,
    ];

    const UNLED: &[&str] = &[
        r#"{ "kind": "k-means", "n_clusters": 2 }"#,
        r#"{ "kind": "k-means", "n_clusters": 2, "init": "random", "n_init": 2 }"#,
    ];

    fn spec(json: &str) -> Checked<ModelSpec> {
        Checked::new(serde_json::from_str(json).unwrap()).unwrap()
    }

    fn labels(codes: &[i64]) -> Target {
        Target::Labels(Labels::new(
            &codes
                .iter()
                .map(|code| Label::Int(*code))
                .collect::<Vec<_>>(),
        ))
    }

    /// Whatever happens is an error or a model whose document is the model.
    fn survives(json: &str, x: &Array2<f64>, y: &Target) -> Result<Prediction, ModelError> {
        let model = fit(&spec(json), x.view(), y, None, &())?;
        let said = model.predict(x.view())?;
        let read = Model::from_json(&model.to_json()?)?;
        assert_eq!(read, model, "{json}");
        for row in said.probabilities.iter().flat_map(|all| all.rows()) {
            assert!((row.sum() - 1.0).abs() < 1e-9, "{json}: {row}");
        }
        Ok(said)
    }

    fn refused(json: &str, x: &Array2<f64>, y: &Target) -> String {
        survives(json, x, y).expect_err(json).to_string()
    }

    #[test]
    fn every_kind_says_what_is_wrong_with_rows() {
        let y = [
            labels(&[0, 1]),
            Target::Values(array![1.0, 2.0]),
            Target::None,
        ];
        let bad = array![[1.0, 2.0], [3.0, f64::NEG_INFINITY]];
        for (kinds, y) in [LABELLED, VALUED, UNLED].iter().zip(&y) {
            for json in *kinds {
                let said = refused(json, &bad, y);
                assert!(
                    said.contains("row 1, column 1 holds -inf"),
                    "{json}: {said}"
                );
                let said = refused(json, &Array2::zeros((2, 0)), y);
                assert!(said.contains("0 columns"), "{json}: {said}");
            }
        }
    }

    #[test]
    fn every_kind_says_what_is_wrong_with_targets() {
        let x = array![[1.0, 2.0], [3.0, 4.0]];
        for json in LABELLED {
            assert!(refused(json, &x, &labels(&[3, 3])).contains("of class 3"));
            assert!(refused(json, &x, &Target::None).contains("needs labels"));
        }
        for json in VALUED {
            assert!(refused(json, &x, &labels(&[0, 1])).contains("needs values"));
        }
        let many = r#"{ "kind": "k-means", "n_clusters": 3 }"#;
        assert!(refused(many, &x, &Target::None).contains("at least 3 rows"));
    }

    #[test]
    fn constant_columns_and_few_rows_are_no_trouble() {
        let x = array![
            [1.0, 5.0, 0.3, 2.0],
            [3.0, 5.0, 0.1, 2.0],
            [2.0, 5.0, 0.7, 2.0]
        ];
        for json in LABELLED {
            survives(json, &x, &labels(&[0, 1, 1])).expect(json);
        }
        for json in VALUED {
            survives(json, &x, &Target::Values(array![1.0, 2.0, 4.0])).expect(json);
        }
        for json in UNLED {
            survives(json, &x, &Target::None).expect(json);
        }
    }

    #[test]
    fn many_parameters_are_no_other_model() {
        // 300 columns and 3 classes are more than Newton's method is used for; a
        // quarter of them, all the others being 0, are not.
        let cell = |(row, column): (usize, usize)| match column < 75 {
            true => ((row * 31 + column * 17 + row * column) % 13) as f64 - 6.0,
            false => 0.0,
        };
        let x = Array2::from_shape_fn((90, 300), cell);
        let few = x
            .slice_axis(ndarray::Axis(1), ndarray::Slice::from(..75))
            .to_owned();
        let y = labels(&(0..90).map(|row| (row * 7 / 5) % 3).collect::<Vec<_>>());
        let json = r#"{ "kind": "logistic-regression", "c": 0.01 }"#;
        let said = |x: &Array2<f64>| survives(json, x, &y).unwrap().probabilities.unwrap();
        let apart = said(&x) - said(&few);
        assert!(apart.iter().all(|apart| apart.abs() < 1e-6));
    }

    #[test]
    fn a_data_set_of_linfa_is_trained_on() {
        use linfa::traits::{Fit, Predict};
        let x = array![[0.0], [1.0], [2.0], [3.0]];
        let set = linfa::DatasetBase::new(x.clone(), labels(&[0, 0, 1, 1]));
        let model = spec(LABELLED[1]).fit(&set).unwrap();
        let said: Result<Prediction, ModelError> = Predict::predict(&model, x.view());
        assert_eq!(said.unwrap().target, labels(&[0, 0, 1, 1]));
    }

    #[test]
    fn weights_count_as_often_as_rows_would() {
        let x = array![[0.0, 1.0], [1.0, 0.3], [2.0, 0.2], [3.0, 1.5]];
        let y = Target::Values(array![0.3, 1.0, 2.5, 2.0]);
        let weights = array![1.0, 2.0, 1.0, 2.0];
        let rows = [0, 1, 1, 2, 3, 3];
        let (twice, y_twice) = (x.select(ndarray::Axis(0), &rows), y.select(&rows));
        for json in VALUED {
            let weighted = fit(&spec(json), x.view(), &y, Some(weights.view()), &()).unwrap();
            let repeated = fit(&spec(json), twice.view(), &y_twice, None, &()).unwrap();
            let said = |model: &Model| match model.predict(x.view()).unwrap().target {
                Target::Values(values) => values,
                other => panic!("{other:?}"),
            };
            let apart: Array1<f64> = said(&weighted) - said(&repeated);
            assert!(
                apart.iter().all(|apart| apart.abs() < 1e-9),
                "{json}: {apart}"
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_finite_matrix_is_a_panic(
            (rows, columns) in (2..9_usize, 1..5_usize),
            cells in prop::collection::vec(prop_oneof![-9.0..9.0_f64, Just(0.0), -1e300..1e300_f64], 40),
            codes in prop::collection::vec(0..3_i64, 9),
        ) {
            let x = Array2::from_shape_fn((rows, columns), |(row, column)| cells[row * 4 + column]);
            let y = Target::Values(cells[..rows].to_vec().into());
            for json in VALUED {
                let _ = survives(json, &x, &y);
            }
            for json in UNLED {
                let _ = survives(json, &x, &Target::None);
            }
            for json in LABELLED {
                let _ = survives(json, &x, &labels(&codes[..rows]));
            }
        }
    }
}
