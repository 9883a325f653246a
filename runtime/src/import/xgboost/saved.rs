//! A saved model, as written, and its trees.

use super::super::check::{MOST_COLUMNS, Place};
use super::super::document::{Real, numbers};
use super::super::error::{Flaw, ImportError};
use super::super::tree::{Tree, TreeWritten};
use super::Objective;

#[derive(serde::Deserialize)]
pub(super) struct SavedWritten {
    pub(super) learner: LearnerWritten,
}

#[derive(serde::Deserialize)]
pub(super) struct LearnerWritten {
    #[serde(default)]
    pub(super) feature_names: Vec<String>,
    #[serde(default)]
    pub(super) feature_types: Vec<String>,
    pub(super) gradient_booster: BoosterWritten,
    pub(super) learner_model_param: ParamsWritten,
    pub(super) objective: ObjectiveWritten,
}

/// Its numbers are texts.
#[derive(serde::Deserialize)]
pub(super) struct ParamsWritten {
    pub(super) base_score: String,
    pub(super) num_class: String,
    pub(super) num_feature: String,
    #[serde(default)]
    pub(super) num_target: Option<String>,
}

#[derive(serde::Deserialize)]
pub(super) struct ObjectiveWritten {
    pub(super) name: String,
}

#[derive(serde::Deserialize)]
pub(super) struct BoosterWritten {
    pub(super) name: String,
    model: Option<TreesWritten>,
}

#[derive(serde::Deserialize)]
struct TreesWritten {
    tree_info: Vec<usize>,
    trees: Vec<SplitsWritten>,
}

/// Arrays over nodes; of a leaf the condition is the value.
#[derive(serde::Deserialize)]
struct SplitsWritten {
    left_children: Vec<i64>,
    right_children: Vec<i64>,
    split_indices: Vec<usize>,
    split_conditions: Vec<Real>,
    default_left: Vec<Flag>,
}

#[derive(Clone, Copy, serde::Deserialize)]
#[serde(untagged)]
enum Flag {
    Bool(bool),
    Int(u8),
}

impl ParamsWritten {
    pub(super) fn n_features(&self, at: &Place) -> Result<usize, ImportError> {
        self.number("num_feature", &self.num_feature, at)
    }

    pub(super) fn number(&self, what: &str, text: &str, at: &Place) -> Result<usize, ImportError> {
        let number = text.parse().ok().filter(|number| *number < MOST_COLUMNS);
        number.ok_or_else(|| broken(what, text, at))
    }

    /// What scores start from: the base score, one or one per score, as what it
    /// is before the link.
    pub(super) fn start(
        &self,
        objective: Objective,
        n_scores: usize,
        at: &Place,
    ) -> Result<Vec<f32>, ImportError> {
        let text = &self.base_score;
        let list = text
            .trim_start_matches('[')
            .trim_end_matches(']')
            .split(',');
        let base: Result<Vec<f32>, _> = list.map(|number| number.trim().parse()).collect();
        let mut base = base.map_err(|_| broken("base_score", text, at))?;
        if base.len() == 1 {
            base.resize(n_scores, base[0]);
        }
        at.length("base_score", base.len(), n_scores)?;
        let margin = |base: f32| match objective {
            Objective::Binary | Objective::BinaryRaw | Objective::Logistic => {
                -(1.0 / base - 1.0).ln()
            }
            Objective::Exp => base.ln(),
            Objective::Identity | Objective::Softmax => base,
        };
        Ok(base.into_iter().map(margin).collect())
    }
}

fn broken(what: &str, found: &str, at: &Place) -> ImportError {
    at.flaw(Flaw::Text {
        what: what.to_owned(),
        found: found.chars().take(40).collect(),
    })
}

impl BoosterWritten {
    pub(super) fn trees(
        self,
        n_features: usize,
        n_scores: usize,
        at: &Place,
    ) -> Result<Vec<(Tree, usize)>, ImportError> {
        let Some(model) = self.model.filter(|_| self.name == "gbtree") else {
            return Err(at.unknown(format!("XGBoost's booster {:?}", self.name)));
        };
        at.length("tree_info", model.tree_info.len(), model.trees.len())?;
        at.indices("a tree's score", &model.tree_info, n_scores)?;
        let trees = model.trees.into_iter().zip(model.tree_info).enumerate();
        let tree = |(number, (tree, score)): (usize, (SplitsWritten, usize))| {
            let tree = Tree::new(tree.written(at)?, number, n_features, 1, at)?;
            Ok((tree, score))
        };
        trees.map(tree).collect()
    }
}

impl SplitsWritten {
    fn written(self, at: &Place) -> Result<TreeWritten, ImportError> {
        at.length(
            "split_conditions",
            self.split_conditions.len(),
            self.left_children.len(),
        )?;
        let conditions = numbers(self.split_conditions);
        let leaves = self
            .left_children
            .iter()
            .zip(&conditions)
            .filter(|(left, _)| **left < 0);
        let values = leaves.map(|(_, value)| vec![Real(*value)]).collect();
        let missing_left = self.default_left.into_iter().map(|flag| match flag {
            Flag::Bool(left) => u8::from(left),
            Flag::Int(left) => left,
        });
        // Less than the condition is at most the number before it.
        let threshold = |condition: f64| Real(f64::from((condition as f32).next_down()));
        Ok(TreeWritten {
            threshold: conditions
                .iter()
                .map(|condition| threshold(*condition))
                .collect(),
            left: self.left_children,
            right: self.right_children,
            feature: self.split_indices,
            missing_left: Some(missing_left.collect()),
            set: None,
            sets: Vec::new(),
            values,
        })
    }
}
