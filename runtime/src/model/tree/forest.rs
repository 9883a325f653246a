//! [`RandomForest`]: many trees, each grown on rows drawn at random.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::{Array1, Array2, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Criterion;
use super::columns::{Columns, single};
use super::decision::grow_for;
use super::grow::{Grown, normalize};
use super::lesson::{Goal, Lesson};
use super::limits::{MaxFeatures, Stopping};
use super::nodes::Nodes;
use super::random::RandomState;
use super::rows::ask;
use crate::model::params::require;
use crate::model::progress::go_on;
use crate::model::{
    Algorithm, ClassWeight, Event, Label, Labels, ModelError, Prediction, Predictor, Progress,
    Target, TrainingSet,
};

const KIND: &str = "random-forest";

/// A random forest (Breiman 2001): the mean of what many trees say, each grown
/// on as many rows as there are, drawn with replacement, and looking at some
/// features only at each split.
///
/// Each tree has a seed of its own, drawn from `seed` as scikit-learn 1.5 draws
/// it, so that the trees are the same on any number of threads, and the same as
/// scikit-learn's as far as [`DecisionTree`](super::DecisionTree) says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomForest {
    /// How many trees.
    pub n_estimators: usize,
    /// What is to become less mixed, where classes are learnt; for values it
    /// is the squared error.
    pub criterion: Criterion,
    /// How many splits lead to a leaf at most; none: as many as it takes.
    pub max_depth: Option<usize>,
    /// A node with fewer rows stays a leaf.
    pub min_samples_split: usize,
    /// No leaf has fewer rows.
    pub min_samples_leaf: usize,
    /// How many features a node looks at; none: `"sqrt"` for classes, `"all"`
    /// for values.
    pub max_features: Option<MaxFeatures>,
    /// A split that makes all rows less mixed by less than this is not made.
    pub min_impurity_decrease: f64,
    /// Whether each tree draws its rows; otherwise each learns from all.
    pub bootstrap: bool,
    /// Whether the forest is tried, for each row, with the trees that did not
    /// learn from it.
    pub oob_score: bool,
    /// How much rows of each class count.
    pub class_weight: Option<ClassWeight>,
    /// What draws the trees' seeds.
    pub seed: u32,
}

/// Trees that answer together: a random forest, or one decision tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forest {
    n_features: usize,
    classes: Option<Arc<[Label]>>,
    /// How much each feature has made the rows less mixed, in all one.
    importances: Vec<f64>,
    /// Accuracy, or R² for values, over rows that some tree did not learn from,
    /// by these trees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    oob_score: Option<f64>,
    trees: Vec<Nodes>,
}

impl Default for RandomForest {
    fn default() -> Self {
        RandomForest {
            n_estimators: 100,
            criterion: Criterion::Gini,
            max_depth: None,
            min_samples_split: 2,
            min_samples_leaf: 1,
            max_features: None,
            min_impurity_decrease: 0.0,
            bootstrap: true,
            oob_score: false,
            class_weight: None,
            seed: 0,
        }
    }
}

impl RandomForest {
    fn stopping(&self, usual: MaxFeatures) -> Stopping {
        Stopping {
            kind: KIND,
            max_depth: self.max_depth,
            min_samples_split: self.min_samples_split,
            min_samples_leaf: self.min_samples_leaf,
            max_features: self.max_features.unwrap_or(usual),
            min_impurity_decrease: self.min_impurity_decrease,
        }
    }
}

impl Algorithm for RandomForest {
    type Fitted = Forest;

    fn check(&self) -> Result<(), ModelError> {
        let n = self.n_estimators;
        require(n > 0, KIND, "n_estimators", n, "at least 1")?;
        require(
            self.bootstrap || !self.oob_score,
            KIND,
            "oob_score",
            true,
            "false without `bootstrap`",
        )?;
        self.stopping(MaxFeatures::ALL).check()
    }

    fn train(&self, data: &TrainingSet<'_>, progress: &dyn Progress) -> Result<Forest, ModelError> {
        let lesson = Lesson::of(data, KIND, self.class_weight.as_ref())?;
        let columns = Columns::new(data.x())?;
        let usual = match lesson.goal {
            Goal::Classes(_) => MaxFeatures::SQRT,
            Goal::Values(_) => MaxFeatures::ALL,
        };
        let limits = self.stopping(usual).limits(columns.n_features());
        let mut random = RandomState::new(self.seed);
        let seeds: Vec<u32> = (0..self.n_estimators).map(|_| random.seed()).collect();
        let done = AtomicUsize::new(0);
        let tree = |seed: &u32| {
            go_on(progress)?;
            let weights = self
                .bootstrap
                .then(|| drawn_weights(&lesson.weights, *seed));
            let weights = weights.as_deref().unwrap_or(&lesson.weights);
            let grown = grow_for(
                &lesson.goal,
                &columns,
                weights,
                self.criterion,
                &limits,
                *seed,
            );
            progress.tell(Event::Step {
                what: "tree",
                done: done.fetch_add(1, Ordering::Relaxed) + 1,
                most: self.n_estimators,
                objective: None,
            });
            Ok(grown)
        };
        let grown: Result<Vec<Grown>, ModelError> = seeds.par_iter().map(tree).collect();
        let grown = grown?;
        let mut forest = Forest::new(&lesson.goal, grown);
        if self.oob_score {
            forest.oob_score = out_of_bag(&forest, data.x(), &lesson, &seeds);
        }
        Ok(forest)
    }
}

/// How often each row was drawn for the tree of this seed.
fn draws(n_rows: usize, seed: u32) -> Vec<u32> {
    let mut random = RandomState::new(seed);
    let mut draws = vec![0; n_rows];
    for _ in 0..n_rows {
        draws[random.below(n_rows as u32) as usize] += 1;
    }
    draws
}

/// How much each row counts for the tree of this seed. If it drew only rows
/// that do not count, it learns from all.
fn drawn_weights(weights: &[f64], seed: u32) -> Vec<f64> {
    let draws = draws(weights.len(), seed);
    let drawn = weights
        .iter()
        .zip(draws)
        .map(|(weight, n)| weight * f64::from(n));
    let drawn: Vec<f64> = drawn.collect();
    match drawn.iter().any(|weight| *weight > 0.0) {
        true => drawn,
        false => weights.to_vec(),
    }
}

/// The score of the trees, each for the rows that it did not draw; none if
/// every row was drawn for every tree.
fn out_of_bag(
    forest: &Forest,
    x: ArrayView2<'_, f64>,
    lesson: &Lesson<'_>,
    seeds: &[u32],
) -> Option<f64> {
    let n_values = forest.n_values();
    let mut said = vec![0.0; x.nrows() * n_values];
    let mut n_trees = vec![0_u32; x.nrows()];
    for (tree, seed) in forest.trees.iter().zip(seeds) {
        let draws = draws(x.nrows(), *seed);
        let rows = said.par_chunks_mut(n_values).zip(&mut n_trees).zip(draws);
        rows.enumerate().for_each(|(at, ((said, n_trees), draws))| {
            if draws == 0 {
                let row: Vec<f64> = x.row(at).iter().map(|cell| single(*cell).into()).collect();
                add(said, tree.say(&row));
                *n_trees += 1;
            }
        });
    }
    let asked = said.chunks(n_values).zip(&n_trees).enumerate();
    let asked = asked.filter(|(_, (_, n))| **n > 0);
    match &lesson.goal {
        Goal::Classes(labels) => {
            let right = asked.map(|(row, (said, _))| largest(said) == labels.codes()[row] as usize);
            mean(right.map(|right| if right { 1.0 } else { 0.0 }))
        }
        Goal::Values(values) => {
            let pairs = asked.map(|(row, (said, n))| (values[row], said[0] / f64::from(*n)));
            let pairs: Vec<(f64, f64)> = pairs.collect();
            let middle = mean(pairs.iter().map(|(value, _)| *value))?;
            let left = mean(pairs.iter().map(|(value, said)| (value - said).powi(2)))?;
            let all = mean(pairs.iter().map(|(value, _)| (value - middle).powi(2)))?;
            (all > 0.0).then(|| 1.0 - left / all)
        }
    }
}

fn mean(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let (n, sum) = numbers.fold((0_u64, 0.0), |(n, sum), number| (n + 1, sum + number));
    (n > 0).then(|| sum / n as f64)
}

impl Forest {
    pub(super) fn new(goal: &Goal<'_>, grown: Vec<Grown>) -> Self {
        let n_features = grown.first().map_or(0, |tree| tree.importances.len());
        let mut importances = vec![0.0; n_features];
        for tree in &grown {
            add(&mut importances, &tree.importances);
        }
        normalize(&mut importances);
        Forest {
            n_features,
            classes: match goal {
                Goal::Classes(labels) => Some(labels.classes().clone()),
                Goal::Values(_) => None,
            },
            importances,
            oob_score: None,
            trees: grown.into_iter().map(|tree| tree.nodes).collect(),
        }
    }

    /// How much each feature has made the rows less mixed, over all trees; in
    /// all one, unless no tree has a split.
    pub fn importances(&self) -> &[f64] {
        &self.importances
    }

    /// Accuracy, or R² for values, over rows by the trees that did not learn
    /// from them, if that was asked for.
    pub fn oob_score(&self) -> Option<f64> {
        self.oob_score
    }

    /// The trees.
    pub fn trees(&self) -> &[Nodes] {
        &self.trees
    }

    fn n_values(&self) -> usize {
        self.classes.as_ref().map_or(1, |classes| classes.len())
    }

    fn add_block(&self, rows: &[f64], said: &mut [f64]) {
        let n_values = self.n_values();
        for tree in &self.trees {
            for (row, said) in rows.chunks(self.n_features).zip(said.chunks_mut(n_values)) {
                add(said, tree.say(row));
            }
        }
    }
}

impl Predictor for Forest {
    fn n_features(&self) -> usize {
        self.n_features
    }

    fn classes(&self) -> Option<&Arc<[Label]>> {
        self.classes.as_ref()
    }

    fn takes_missing(&self) -> bool {
        true
    }

    fn check(&self) -> Result<(), ModelError> {
        let shape = |problem: &str| ModelError::Shape {
            kind: KIND,
            problem: problem.to_owned(),
        };
        if self.n_features == 0 || self.trees.is_empty() || self.n_values() == 0 {
            return Err(shape("it has no features, no trees or no classes"));
        }
        if self
            .trees
            .iter()
            .any(|tree| tree.n_values != self.n_values())
        {
            return Err(shape(
                "a leaf has more or less than one number for each class",
            ));
        }
        match self.trees.iter().all(|tree| tree.knows(self.n_features)) {
            true => Ok(()),
            false => Err(shape("a split asks for a feature that there is not")),
        }
    }

    fn predict_checked(&self, x: ArrayView2<'_, f64>) -> Prediction {
        let n_values = self.n_values();
        let to_single = |cell| f64::from(single(cell));
        let mut said = ask(x, n_values, to_single, |rows, said| {
            self.add_block(rows, said)
        });
        let n_trees = self.trees.len() as f64;
        said.iter_mut().for_each(|sum| *sum /= n_trees);
        say(said, self.classes.as_ref())
    }
}

/// Shares of classes, row by row, or values as a prediction.
pub(super) fn say(said: Vec<f64>, classes: Option<&Arc<[Label]>>) -> Prediction {
    let Some(classes) = classes else {
        return Prediction {
            target: Target::Values(Array1::from(said)),
            probabilities: None,
            scores: None,
        };
    };
    let n = classes.len();
    let codes: Vec<u32> = said.chunks(n).map(|row| largest(row) as u32).collect();
    let shape = (codes.len(), n);
    Prediction {
        target: Target::Labels(Labels::of_codes(classes.clone(), codes)),
        probabilities: Array2::from_shape_vec(shape, said).ok(),
        scores: None,
    }
}

/// Where the largest number is, of several the first.
fn largest(numbers: &[f64]) -> usize {
    let mut largest = 0;
    for (at, number) in numbers.iter().enumerate() {
        if *number > numbers[largest] {
            largest = at;
        }
    }
    largest
}

pub(super) fn add(sums: &mut [f64], numbers: &[f64]) {
    for (sum, number) in sums.iter_mut().zip(numbers) {
        *sum += number;
    }
}
