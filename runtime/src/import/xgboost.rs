//! Models of XGBoost, as `Booster.save_model` writes them in JSON (its schema is
//! `doc/model.schema`). All of its arithmetic is in single precision, and so is
//! ours.

mod saved;

use super::answer::{Answer, Class, Kernel, Label, Model, Takes, labels, of_numbers};
use super::check::{Names, Place};
use super::document::Scalar;
use super::error::ImportError;
use super::numbers::argmax;
use super::tree::Tree;
use saved::{LearnerWritten, SavedWritten};

/// A saved model, and the classes that a classifier numbers.
#[derive(serde::Deserialize)]
pub(super) struct XgboostWritten {
    classes: Option<Vec<Option<Scalar>>>,
    model: SavedWritten,
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
