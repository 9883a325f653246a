//! Models of LightGBM, as `Booster.save_model` writes them: the text format of
//! `src/io/gbdt_model_text.cpp` and `src/io/tree.cpp`.

mod text;

use super::answer::{Answer, Class, Kernel, Label, Model, Takes, labels, of_numbers};
use super::check::{Names, Place};
use super::document::Scalar;
use super::error::{Flaw, ImportError};
use super::numbers::{argmax, expit, max};
use super::tree::Tree;
use text::Block;

/// A saved model, and the classes that a classifier numbers.
#[derive(serde::Deserialize)]
pub(super) struct LightgbmWritten {
    classes: Option<Vec<Option<Scalar>>>,
    text: String,
}

pub(super) fn checked(
    written: LightgbmWritten,
    names: &Names,
    at: &Place,
) -> Result<Box<dyn Model>, ImportError> {
    let saved = Saved::read(&written.text, at)?;
    at.length("feature_names", saved.names.len(), names.len())?;
    let classes = written
        .classes
        .map(|classes| labels(classes, at))
        .transpose()?;
    saved.model(names, classes, at)
}

/// A model file alone, with the names that it has itself.
pub(super) fn saved(text: &str, at: &Place) -> Result<(Names, Box<dyn Model>), ImportError> {
    let mut saved = Saved::read(text, at)?;
    let names = std::mem::take(&mut saved.names);
    let model = saved.model(&names, None, at)?;
    Ok((names, model))
}

struct Saved {
    names: Names,
    objective: Objective,
    n_scores: usize,
    /// A random forest: scores are averages.
    averaged: bool,
    trees: Vec<Tree>,
}

/// What becomes of the scores.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Objective {
    Binary {
        sigmoid: f64,
    },
    Softmax,
    OneVersusAll {
        sigmoid: f64,
    },
    Identity,
    /// Trained on the root: the value is the square, with the score's sign.
    Squared,
    Exp,
    Logistic,
}

impl Saved {
    fn read(text: &str, at: &Place) -> Result<Saved, ImportError> {
        let body = text.split("end of trees").next().unwrap_or_default();
        let mut blocks = body.split("\nTree=");
        let head = Block::of("the head", blocks.next().unwrap_or_default(), at);
        if head.first("max_feature_idx").is_none() {
            return Err(at.unknown("what is no text model of LightGBM"));
        }
        categories_of_pandas(text, at)?;
        let n_features: usize = head.one::<usize>("max_feature_idx")?.saturating_add(1);
        let names: Names = head
            .text("feature_names")?
            .split_ascii_whitespace()
            .map(Into::into)
            .collect();
        at.length("feature_names", names.len(), n_features)?;
        let n_scores: usize = head.one("num_tree_per_iteration")?;
        let objective = Objective::read(
            head.first("objective").unwrap_or("regression"),
            n_scores,
            at,
        )?;
        let trees = blocks.enumerate().map(|(number, block)| {
            let block = block.split_once('\n').map_or("", |(_, lines)| lines);
            Block::of(&format!("tree {number}"), block, at).tree(number, n_features)
        });
        let trees: Vec<Tree> = trees.collect::<Result<_, _>>()?;
        at.not_empty("trees", &trees)?;
        match trees.len() % n_scores {
            0 => {}
            rest => at.length("the last iteration", rest, n_scores)?,
        }
        let averaged = head.first("average_output").is_some();
        Ok(Saved {
            names,
            objective,
            n_scores,
            averaged,
            trees,
        })
    }

    fn model(
        self,
        names: &Names,
        classes: Option<Vec<Label>>,
        at: &Place,
    ) -> Result<Box<dyn Model>, ImportError> {
        let n_classes = match self.objective {
            Objective::Binary { .. } => Some(2),
            Objective::Softmax | Objective::OneVersusAll { .. } => Some(self.n_scores),
            Objective::Identity | Objective::Squared | Objective::Exp | Objective::Logistic => None,
        };
        let numbered = |n| (0..n).map(|class| Label::Int(class as i64)).collect();
        let classes = n_classes.map(|n| classes.unwrap_or_else(|| numbered(n)));
        if let (Some(classes), Some(n)) = (&classes, n_classes) {
            at.length("classes", classes.len(), n)?;
        }
        Ok(of_numbers(
            names,
            Takes::Any,
            Lightgbm {
                saved: self,
                classes,
            },
        ))
    }
}

/// Where pandas told it of categories, texts become numbers outside of the trees.
fn categories_of_pandas(text: &str, at: &Place) -> Result<(), ImportError> {
    let line = text
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("pandas_categorical:"));
    match line.map(str::trim) {
        None | Some("null" | "[]") => Ok(()),
        Some(_) => Err(at.unknown("LightGBM on pandas' own categories")),
    }
}

impl Objective {
    fn read(line: &str, n_scores: usize, at: &Place) -> Result<Objective, ImportError> {
        let mut words = line.split_ascii_whitespace();
        let name = words.next().unwrap_or_default();
        let rest: Vec<&str> = words.collect();
        let sigmoid = rest.iter().find_map(|word| word.strip_prefix("sigmoid:"));
        let sigmoid = sigmoid
            .and_then(|number| number.parse().ok())
            .unwrap_or(1.0);
        let objective = match name {
            "binary" => Objective::Binary { sigmoid },
            "multiclass" => Objective::Softmax,
            "multiclassova" => Objective::OneVersusAll { sigmoid },
            "regression" if rest.contains(&"sqrt") => Objective::Squared,
            "regression" | "regression_l1" | "huber" | "fair" | "quantile" | "mape"
            | "lambdarank" | "rank_xendcg" => Objective::Identity,
            "poisson" | "gamma" | "tweedie" => Objective::Exp,
            "cross_entropy" => Objective::Logistic,
            _ => return Err(at.unknown(format!("LightGBM's objective {name:?}"))),
        };
        let one_each = matches!(
            objective,
            Objective::Softmax | Objective::OneVersusAll { .. }
        );
        match one_each {
            true if n_scores < 2 => Err(at.flaw(Flaw::Empty {
                what: "num_tree_per_iteration",
            })),
            true => Ok(objective),
            false => at
                .length("num_tree_per_iteration", n_scores, 1)
                .map(|()| objective),
        }
    }
}

struct Lightgbm {
    saved: Saved,
    classes: Option<Vec<Label>>,
}

impl Lightgbm {
    fn scores(&self, x: &[f64]) -> Vec<f64> {
        let mut scores = vec![0.0; self.saved.n_scores];
        for iteration in self.saved.trees.chunks_exact(scores.len()) {
            scores
                .iter_mut()
                .zip(iteration)
                .for_each(|(score, tree)| *score += tree.value(x));
        }
        if self.saved.averaged {
            let n_iterations = (self.saved.trees.len() / scores.len()) as f64;
            scores.iter_mut().for_each(|score| *score /= n_iterations);
        }
        scores
    }
}

impl Kernel for Lightgbm {
    fn answer(&self, x: &[f64]) -> Answer {
        let scores = self.scores(x);
        let score = scores[0];
        let probabilities = match self.saved.objective {
            Objective::Identity => return Answer::Value(score),
            Objective::Squared => return Answer::Value(score.signum() * score * score),
            Objective::Exp => return Answer::Value(score.exp()),
            Objective::Logistic => return Answer::Value(expit(score)),
            Objective::Binary { sigmoid } => {
                let positive = expit(sigmoid * score);
                vec![1.0 - positive, positive]
            }
            Objective::Softmax => softmax(&scores),
            Objective::OneVersusAll { sigmoid } => {
                scores.iter().map(|score| expit(sigmoid * score)).collect()
            }
        };
        Answer::Class(Class {
            index: argmax(&probabilities),
            probabilities,
            scores,
        })
    }

    fn classes(&self) -> Option<&[Label]> {
        self.classes.as_deref()
    }
}

/// As LightGBM's `Common::Softmax`: added up one after the other.
fn softmax(scores: &[f64]) -> Vec<f64> {
    let greatest = max(scores);
    let shares: Vec<f64> = scores
        .iter()
        .map(|score| (score - greatest).exp())
        .collect();
    let sum = shares.iter().fold(0.0, |sum, share| sum + share);
    shares.into_iter().map(|share| share / sum).collect()
}
