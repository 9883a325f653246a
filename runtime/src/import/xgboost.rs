//! Models of XGBoost, as `Booster.save_model` writes them in JSON (its schema is
//! `doc/model.schema`). All of its arithmetic is in single precision, and so is
//! ours.

use super::answer::{Answer, Class, Kernel, Label, Model, Takes, labels, of_numbers};
use super::check::{Names, Place};
use super::document::{Real, Scalar, numbers};
use super::error::{Flaw, ImportError};
use super::numbers::argmax;
use super::tree::{Tree, TreeWritten};

/// A saved model, and the classes that a classifier numbers.
#[derive(serde::Deserialize)]
pub(super) struct XgboostWritten {
    classes: Option<Vec<Option<Scalar>>>,
    model: SavedWritten,
}

#[derive(serde::Deserialize)]
struct SavedWritten {
    learner: LearnerWritten,
}

#[derive(serde::Deserialize)]
struct LearnerWritten {
    #[serde(default)]
    feature_names: Vec<String>,
    #[serde(default)]
    feature_types: Vec<String>,
    gradient_booster: BoosterWritten,
    learner_model_param: ParamsWritten,
    objective: ObjectiveWritten,
}

/// Its numbers are texts.
#[derive(serde::Deserialize)]
struct ParamsWritten {
    base_score: String,
    num_class: String,
    num_feature: String,
    #[serde(default)]
    num_target: Option<String>,
}

#[derive(serde::Deserialize)]
struct ObjectiveWritten {
    name: String,
}

#[derive(serde::Deserialize)]
struct BoosterWritten {
    name: String,
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

pub(super) fn checked(
    written: XgboostWritten,
    names: &Names,
    at: &Place,
) -> Result<Box<dyn Model>, ImportError> {
    let classes = written
        .classes
        .map(|classes| labels(classes, at))
        .transpose()?;
    written.model.learner.model(names, classes, at)
}

/// A model file alone, with the names that it has itself.
pub(super) fn saved(json: &[u8], at: &Place) -> Result<(Names, Box<dyn Model>), ImportError> {
    let saved: SavedWritten =
        serde_json::from_slice(json).map_err(|source| ImportError::Json { source })?;
    let learner = saved.learner;
    let n_features = learner.learner_model_param.n_features(at)?;
    at.columns(n_features)?;
    let names: Names = match learner.feature_names.is_empty() {
        true => (0..n_features)
            .map(|index| format!("f{index}").into())
            .collect(),
        false => learner
            .feature_names
            .iter()
            .map(|name| name.as_str().into())
            .collect(),
    };
    let model = learner.model(&names, None, at)?;
    Ok((names, model))
}

/// What becomes of the scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Objective {
    /// Of two classes, by probability.
    Binary,
    /// Of two classes, by the score alone.
    BinaryRaw,
    Softmax,
    Identity,
    Exp,
    Logistic,
}

struct Xgboost {
    objective: Objective,
    classes: Option<Vec<Label>>,
    start: Vec<f32>,
    /// Each with the score that it adds to.
    trees: Vec<(Tree, usize)>,
}

impl LearnerWritten {
    fn model(
        self,
        names: &Names,
        classes: Option<Vec<Label>>,
        at: &Place,
    ) -> Result<Box<dyn Model>, ImportError> {
        let params = &self.learner_model_param;
        at.length("num_feature", params.n_features(at)?, names.len())?;
        if let Some(feature) = self.feature_types.iter().position(|ty| ty == "c") {
            return Err(at.unknown(format!("XGBoost's categorical feature {feature}")));
        }
        let objective = Objective::read(&self.objective.name, at)?;
        let n_scores = match objective {
            Objective::Softmax => params.number("num_class", &params.num_class, at)?,
            _ => 1,
        };
        let n_targets = params.num_target.as_ref();
        let n_targets = n_targets.map_or(Ok(1), |n| params.number("num_target", n, at))?;
        if n_targets > 1 {
            return Err(at.unknown("XGBoost with several targets"));
        }
        let start = params.start(objective, n_scores, at)?;
        let trees = self.gradient_booster.trees(names.len(), n_scores, at)?;
        let classes = objective.classes(classes, n_scores, at)?;
        let kernel = Xgboost {
            objective,
            classes,
            start,
            trees,
        };
        Ok(of_numbers(names, Takes::Single { missing: true }, kernel))
    }
}

impl ParamsWritten {
    fn n_features(&self, at: &Place) -> Result<usize, ImportError> {
        self.number("num_feature", &self.num_feature, at)
    }

    fn number(&self, what: &str, text: &str, at: &Place) -> Result<usize, ImportError> {
        let number = text
            .parse()
            .ok()
            .filter(|number| *number < super::check::MOST_COLUMNS);
        number.ok_or_else(|| broken(what, text, at))
    }

    /// What scores start from: the base score, one or one per score, as what it
    /// is before the link.
    fn start(
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

impl Objective {
    fn read(name: &str, at: &Place) -> Result<Objective, ImportError> {
        match name {
            "binary:logistic" => Ok(Objective::Binary),
            "binary:logitraw" => Ok(Objective::BinaryRaw),
            "multi:softprob" | "multi:softmax" => Ok(Objective::Softmax),
            "count:poisson" | "reg:gamma" | "reg:tweedie" => Ok(Objective::Exp),
            "reg:logistic" => Ok(Objective::Logistic),
            "reg:squarederror"
            | "reg:linear"
            | "reg:absoluteerror"
            | "reg:quantileerror"
            | "reg:pseudohubererror"
            | "reg:squaredlogerror"
            | "rank:pairwise"
            | "rank:ndcg"
            | "rank:map" => Ok(Objective::Identity),
            _ => Err(at.unknown(format!("XGBoost's objective {name:?}"))),
        }
    }

    fn classes(
        self,
        told: Option<Vec<Label>>,
        n_scores: usize,
        at: &Place,
    ) -> Result<Option<Vec<Label>>, ImportError> {
        let n_classes = match self {
            Objective::Binary | Objective::BinaryRaw => 2,
            Objective::Softmax => n_scores,
            Objective::Identity | Objective::Exp | Objective::Logistic => return Ok(None),
        };
        let numbered = || {
            (0..n_classes)
                .map(|class| Label::Int(class as i64))
                .collect()
        };
        let classes = told.unwrap_or_else(numbered);
        at.not_empty("classes", &classes)?;
        at.length("classes", classes.len(), n_classes)?;
        Ok(Some(classes))
    }
}

impl BoosterWritten {
    fn trees(
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

impl Kernel for Xgboost {
    fn answer(&self, x: &[f64]) -> Answer {
        let mut margins = self.start.clone();
        for (tree, score) in &self.trees {
            margins[*score] += tree.value(x) as f32;
        }
        let margin = margins[0];
        let (index, probabilities) = match self.objective {
            Objective::Identity => return Answer::Value(f64::from(margin)),
            Objective::Exp => return Answer::Value(f64::from(margin.exp())),
            Objective::Logistic => return Answer::Value(f64::from(sigmoid(margin))),
            Objective::BinaryRaw => (usize::from(margin > 0.0), Vec::new()),
            Objective::Binary => {
                let positive = sigmoid(margin);
                (usize::from(positive > 0.5), vec![1.0 - positive, positive])
            }
            Objective::Softmax => {
                let shares = softmax(&margins);
                (argmax(&doubles(&shares)), shares)
            }
        };
        let (probabilities, scores) = (doubles(&probabilities), doubles(&margins));
        Answer::Class(Class {
            index,
            probabilities,
            scores,
        })
    }

    fn classes(&self) -> Option<&[Label]> {
        self.classes.as_deref()
    }
}

fn doubles(singles: &[f32]) -> Vec<f64> {
    singles.iter().copied().map(f64::from).collect()
}

/// As XGBoost's `common::Sigmoid`, which keeps the exponent from overflowing.
fn sigmoid(x: f32) -> f32 {
    1.0 / ((-x).min(88.7).exp() + 1.0 + 1e-16)
}

/// As XGBoost's `common::Softmax`, which adds up in double precision.
fn softmax(margins: &[f32]) -> Vec<f32> {
    let greatest = margins.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let shares: Vec<f32> = margins
        .iter()
        .map(|margin| (margin - greatest).exp())
        .collect();
    let sum = shares
        .iter()
        .fold(0.0, |sum, share| sum + f64::from(*share)) as f32;
    shares.into_iter().map(|share| share / sum).collect()
}
