//! Trees beside scikit-learn's, on the data that
//! `runtime/tests/parity/trees.py` makes.

use std::collections::HashMap;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use serde::Deserialize;

use crate::model::{Checked, Label, Labels, Model, ModelSpec, Prediction, Target, fit};

#[derive(Deserialize)]
struct Document {
    tables: HashMap<String, Table>,
    cases: Vec<Case>,
    spreads: Vec<Spread>,
}

#[derive(Deserialize)]
struct Table {
    n_train: usize,
    x: Vec<Vec<Option<f64>>>,
    classes: Vec<i64>,
    values: Vec<f64>,
    weights: Vec<f64>,
}

/// A model trained on the first rows of a table, and what scikit-learn's says
/// of the others.
#[derive(Deserialize)]
struct Case {
    spec: serde_json::Value,
    table: String,
    target: Option<String>,
    weighted: bool,
    said: Vec<f64>,
    importances: Option<Vec<f64>>,
    oob_score: Option<f64>,
    offset: Option<f64>,
}

/// How well scikit-learn's models of ten seeds do.
#[derive(Deserialize)]
struct Spread {
    spec: serde_json::Value,
    table: String,
    areas: Vec<f64>,
}

impl Table {
    fn x(&self) -> Array2<f64> {
        Array2::from_shape_fn((self.x.len(), self.x[0].len()), |(row, column)| {
            self.x[row][column].unwrap_or(f64::NAN)
        })
    }

    /// The rows to learn from, and the others.
    fn parts<'a>(&self, x: ArrayView2<'a, f64>) -> (ArrayView2<'a, f64>, ArrayView2<'a, f64>) {
        x.split_at(Axis(0), self.n_train)
    }

    fn target(&self, of: Option<&str>) -> Target {
        match of {
            Some("classes") => {
                let classes = self.classes[..self.n_train].iter();
                let labels: Vec<Label> = classes.map(|class| Label::Int(*class)).collect();
                Target::Labels(Labels::new(&labels))
            }
            Some(_) => Target::Values(Array1::from(self.values[..self.n_train].to_vec())),
            None => Target::None,
        }
    }

    fn train(
        &self,
        spec: &serde_json::Value,
        x: ArrayView2<'_, f64>,
        target: Option<&str>,
        weighted: bool,
    ) -> Model {
        let spec: ModelSpec = serde_json::from_value(spec.clone()).unwrap();
        let spec = Checked::new(spec).unwrap();
        let weights = weighted.then(|| ArrayView1::from(&self.weights[..self.n_train]));
        let target = self.target(target);
        fit(&spec, self.parts(x.view()).0, &target, weights, &()).unwrap()
    }
}

fn document() -> Document {
    let json = include_str!("../../../tests/parity/data/trees.json");
    serde_json::from_str(json).unwrap()
}

/// Of all predictions of one kind of model at least 99.9 % are scikit-learn's to
/// within `near`; and `check` holds of the models.
fn check_kind(kind: &str, near: f64, check: impl Fn(&Case, &Model)) {
    let Document { tables, cases, .. } = document();
    let (mut n_same, mut n_all) = (0, 0);
    let mut strayed = Vec::new();
    for case in cases.iter().filter(|case| case.spec["kind"] == kind) {
        let table = &tables[&case.table];
        let x = table.x();
        let model = table.train(&case.spec, x.view(), case.target.as_deref(), case.weighted);
        let unseen = table.parts(x.view()).1;
        let prediction = model.predict(unseen).unwrap();
        let read = Model::from_json(&model.to_json().unwrap()).unwrap();
        assert_eq!(read.predict(unseen).unwrap(), prediction);
        let said = numbers(prediction);
        assert_eq!(said.len(), case.said.len());
        let pairs = said.iter().zip(&case.said);
        let own = pairs
            .filter(|(own, other)| (*own - *other).abs() <= near)
            .count();
        if own < said.len() {
            strayed.push(format!(
                "{own} of {}: {} {:?} {}",
                said.len(),
                case.table,
                case.target,
                case.spec
            ));
        }
        n_same += own;
        n_all += said.len();
        check(case, &model);
    }
    assert!(n_all > 400, "{kind} has {n_all} predictions");
    assert!(n_same * 1_000 >= n_all * 999, "{strayed:#?}");
}

/// What a model says, as scikit-learn tells it.
fn numbers(prediction: Prediction) -> Vec<f64> {
    match (
        prediction.probabilities,
        prediction.scores,
        prediction.target,
    ) {
        (Some(shares), ..) => shares.into_iter().collect(),
        (None, Some(scores), _) => scores.to_vec(),
        (_, _, Target::Values(values)) => values.to_vec(),
        _ => panic!("nothing is said"),
    }
}

fn same_importances(case: &Case, model: &Model) {
    let (Model::Tree(forest) | Model::Forest(forest)) = model else {
        panic!("{} is no forest", case.spec)
    };
    let own = forest.importances().iter();
    for (own, other) in own.zip(case.importances.iter().flatten()) {
        assert!((own - other).abs() < 1e-9, "{}: {own} {other}", case.spec);
    }
    if let Some(other) = case.oob_score {
        let own = forest.oob_score().unwrap();
        assert!((own - other).abs() < 1e-9, "{}: {own} {other}", case.spec);
    }
}

#[test]
fn decision_trees_are_scikit_learns() {
    check_kind("decision-tree", 1e-12, same_importances);
}

#[test]
fn random_forests_are_scikit_learns() {
    check_kind("random-forest", 1e-12, same_importances);
}

#[test]
fn boosting_is_scikit_learns() {
    check_kind("gradient-boosting", 1e-9, |_, _| {});
}

#[test]
fn isolation_forests_are_scikit_learns() {
    check_kind("isolation-forest", 1e-12, |case, model| {
        let Model::IsolationForest(isolation) = model else {
            panic!("{} is no isolation forest", case.spec)
        };
        let other = case.offset.unwrap();
        assert!((isolation.offset() - other).abs() < 1e-12, "{}", case.spec);
    });
}

#[test]
fn ten_seeds_do_as_well_as_scikit_learns() {
    let Document {
        tables, spreads, ..
    } = document();
    for spread in spreads {
        let table = &tables[&spread.table];
        let x = table.x();
        let area = |seed: usize| {
            let mut spec = spread.spec.clone();
            spec["seed"] = seed.into();
            let model = table.train(&spec, x.view(), Some("classes"), false);
            let prediction = model.predict(table.parts(x.view()).1).unwrap();
            let shares = prediction.probabilities.unwrap();
            area(&shares.column(1).to_vec(), &table.classes[table.n_train..])
        };
        let own: Vec<f64> = (0..10).map(area).collect();
        let mean = own.iter().sum::<f64>() / 10.0;
        let worst = spread.areas.iter().copied().fold(1.0, f64::min);
        let best = spread.areas.iter().copied().fold(0.0, f64::max);
        assert!(
            (worst..=best).contains(&mean),
            "{mean} of {own:?}; {worst} to {best}"
        );
    }
}

/// The share of pairs of both classes in which the second has the higher score.
fn area(scores: &[f64], classes: &[i64]) -> f64 {
    let of = |class| {
        let both = scores.iter().zip(classes);
        both.filter(move |(_, own)| **own == class)
            .map(|(score, _)| *score)
    };
    let (mut sum, mut n) = (0.0, 0.0);
    for second in of(1) {
        for first in of(0) {
            n += 1.0;
            sum += match second.total_cmp(&first) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            };
        }
    }
    sum / n
}
