//! Models beside scikit-learn's, on the data that
//! `runtime/tests/parity/linear.py` makes.

use ndarray::{Array1, Array2};
use serde::Deserialize;

use super::{Checked, Label, Labels, Model, ModelSpec, Prediction, Target, fit};

#[derive(Deserialize)]
struct Document {
    tables: Vec<Vec<Vec<f64>>>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    spec: serde_json::Value,
    x: usize,
    y: Option<Vec<f64>>,
    weights: Option<Vec<f64>>,
    expect: Expected,
}

#[derive(Deserialize)]
struct Expected {
    probabilities: Option<Vec<Vec<f64>>>,
    values: Option<Vec<f64>>,
    labels: Option<Vec<i64>>,
    inertia: Option<f64>,
}

/// Trains each model of this kind: no prediction is farther from scikit-learn's
/// than `most`.
fn check(kind: &str, most: f64) {
    let json = include_str!("../../tests/parity/data/linear.json");
    let document: Document = serde_json::from_str(json).unwrap();
    let cases = document
        .cases
        .iter()
        .filter(|case| case.spec["kind"] == kind);
    let apart = cases.map(|case| (&case.name, case.apart(&document.tables)));
    let apart: Vec<(&String, f64)> = apart.collect();
    assert!(apart.len() > 4, "{kind} has {} cases", apart.len());
    let far: Vec<_> = apart.iter().filter(|(_, apart)| *apart > most).collect();
    assert!(far.is_empty(), "{far:?}");
}

impl Case {
    fn apart(&self, tables: &[Vec<Vec<f64>>]) -> f64 {
        let table = &tables[self.x];
        let x = Array2::from_shape_vec((table.len(), table[0].len()), table.concat()).unwrap();
        let (model, said) = self.train(&x);
        let read = Model::from_json(&model.to_json().unwrap()).unwrap();
        assert_eq!(read.predict(x.view()).unwrap(), said, "{}", self.name);
        self.expect.apart(&model, &said)
    }

    fn train(&self, x: &Array2<f64>) -> (Model, Prediction) {
        let target = match (&self.expect.values, &self.y) {
            (_, None) => Target::None,
            (Some(_), Some(y)) => Target::Values(y.clone().into()),
            (None, Some(y)) => {
                let labels: Vec<_> = y.iter().map(|code| Label::Int(*code as i64)).collect();
                Target::Labels(Labels::new(&labels))
            }
        };
        let weights = self.weights.clone().map(Array1::from);
        let weights = weights.as_ref().map(Array1::view);
        let spec: ModelSpec = serde_json::from_value(self.spec.clone()).unwrap();
        let spec = Checked::new(spec).unwrap();
        let model = fit(&spec, x.view(), &target, weights, &()).unwrap();
        let said = model.predict(x.view()).unwrap();
        (model, said)
    }
}

impl Expected {
    fn apart(&self, model: &Model, said: &Prediction) -> f64 {
        let mut pairs: Vec<(f64, f64)> = Vec::new();
        if let Some(probabilities) = &self.probabilities {
            let said = said.probabilities.as_ref().unwrap();
            pairs.extend(
                said.iter()
                    .copied()
                    .zip(probabilities.iter().flatten().copied()),
            );
        }
        if let (Some(values), Target::Values(said)) = (&self.values, &said.target) {
            pairs.extend(said.iter().copied().zip(values.iter().copied()));
        }
        if let (Some(labels), Target::Labels(said)) = (&self.labels, &said.target) {
            assert!(
                said.iter()
                    .eq(&labels.iter().map(|l| Label::Int(*l)).collect::<Vec<_>>())
            );
        }
        if let (Some(inertia), Model::KMeans(model)) = (self.inertia, model) {
            pairs.push((model.inertia() / inertia, 1.0));
        }
        let apart = pairs.into_iter().map(|(own, theirs)| (own - theirs).abs());
        apart.fold(0.0, |most, apart| {
            if apart.is_nan() {
                f64::INFINITY
            } else {
                most.max(apart)
            }
        })
    }
}

#[test]
fn elastic_net() {
    check("elastic-net", 1e-8);
}

#[test]
fn gaussian_naive_bayes() {
    check("gaussian-naive-bayes", 1e-9);
}

#[test]
fn k_means() {
    check("k-means", 1e-9);
}

#[test]
fn lasso() {
    check("lasso", 1e-8);
}

#[test]
fn linear_regression() {
    check("linear-regression", 1e-8);
}

#[test]
fn logistic_regression() {
    check("logistic-regression", 1e-8);
}

#[test]
fn ridge() {
    check("ridge", 1e-8);
}
