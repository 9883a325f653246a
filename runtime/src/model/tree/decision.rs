//! [`DecisionTree`]: one tree, for classes or for values.

use serde::{Deserialize, Serialize};

use super::columns::Columns;
use super::forest::Forest;
use super::grow::{Grown, Limits, grow};
use super::impurity::{Classes, Values};
use super::lesson::{Goal, Lesson};
use super::limits::{MaxFeatures, Stopping};
use crate::model::{Algorithm, ClassWeight, ModelError, Progress, TrainingSet};

const KIND: &str = "decision-tree";

/// What a split is to make less mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Criterion {
    /// How often two rows drawn at random are of different classes.
    Gini,
    /// How much there is to say about the class of a row.
    Entropy,
}

/// A decision tree (CART): of labels it learns classes, of values their mean.
///
/// With the same `seed` it is the tree that scikit-learn 1.5 grows: splits that
/// are equally good are told apart by the order in which the seed draws
/// features, then by the lower threshold. A cell that is NaN is missing, and
/// goes to the side that fits it better; only there may trees differ, because
/// scikit-learn can count a row without a value on the wrong side of a split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecisionTree {
    /// What is to become less mixed, where classes are learnt; for values it
    /// is the squared error.
    pub criterion: Criterion,
    /// How many splits lead to a leaf at most; none: as many as it takes.
    pub max_depth: Option<usize>,
    /// A node with fewer rows stays a leaf.
    pub min_samples_split: usize,
    /// No leaf has fewer rows.
    pub min_samples_leaf: usize,
    /// How many features a node looks at.
    pub max_features: MaxFeatures,
    /// A split that makes all rows less mixed by less than this is not made.
    pub min_impurity_decrease: f64,
    /// How much rows of each class count.
    pub class_weight: Option<ClassWeight>,
    /// What draws the features.
    pub seed: u32,
}

impl Default for DecisionTree {
    fn default() -> Self {
        DecisionTree {
            criterion: Criterion::Gini,
            max_depth: None,
            min_samples_split: 2,
            min_samples_leaf: 1,
            max_features: MaxFeatures::ALL,
            min_impurity_decrease: 0.0,
            class_weight: None,
            seed: 0,
        }
    }
}

impl DecisionTree {
    fn stopping(&self) -> Stopping {
        Stopping {
            kind: KIND,
            max_depth: self.max_depth,
            min_samples_split: self.min_samples_split,
            min_samples_leaf: self.min_samples_leaf,
            max_features: self.max_features,
            min_impurity_decrease: self.min_impurity_decrease,
        }
    }
}

impl Algorithm for DecisionTree {
    type Fitted = Forest;

    fn check(&self) -> Result<(), ModelError> {
        self.stopping().check()
    }

    /// A forest of one tree.
    fn train(&self, data: &TrainingSet<'_>, _: &dyn Progress) -> Result<Forest, ModelError> {
        let lesson = Lesson::of(data, KIND, self.class_weight.as_ref())?;
        let columns = Columns::new(data.x())?;
        let limits = self.stopping().limits(columns.n_features());
        let weights = &lesson.weights;
        let grown = grow_for(
            &lesson.goal,
            &columns,
            weights,
            self.criterion,
            &limits,
            self.seed,
        );
        Ok(Forest::new(&lesson.goal, vec![grown]))
    }
}

/// Grows one tree for what there is to learn.
pub(super) fn grow_for(
    goal: &Goal<'_>,
    columns: &Columns,
    weights: &[f64],
    criterion: Criterion,
    limits: &Limits,
    seed: u32,
) -> Grown {
    let rows = Lesson::rows(weights);
    match goal {
        Goal::Classes(labels) => {
            let classes = Classes::new(labels.codes(), labels.classes().len(), weights, criterion);
            grow(columns, rows, classes, limits, seed)
        }
        Goal::Values(values) => grow(columns, rows, Values::new(values, weights), limits, seed),
    }
}
