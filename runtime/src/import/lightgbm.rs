//! Models of LightGBM, as `Booster.save_model` writes them: the text format of
//! `src/io/gbdt_model_text.cpp` and `src/io/tree.cpp`.

use std::str::FromStr;

use rustc_hash::FxHashMap;

use super::answer::{Answer, Class, Kernel, Label, Model, Takes, labels, of_numbers};
use super::check::{Names, Place};
use super::document::{Real, Scalar};
use super::error::{Flaw, ImportError};
use super::numbers::{argmax, expit, max};
use super::tree::{SetWritten, Tree, TreeWritten};

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

/// One block of `key=value` lines.
struct Block<'t> {
    lines: FxHashMap<&'t str, &'t str>,
    name: String,
    at: &'t Place,
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
        let averaged = head.lines.contains_key("average_output");
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

impl<'t> Block<'t> {
    fn of(name: &str, text: &'t str, at: &'t Place) -> Block<'t> {
        let lines = text
            .lines()
            .map(|line| line.split_once('=').unwrap_or((line, "")));
        Block {
            lines: lines.collect(),
            name: name.to_owned(),
            at,
        }
    }

    fn first(&self, key: &str) -> Option<&'t str> {
        self.lines.get(key).copied()
    }

    fn text(&self, key: &'static str) -> Result<&'t str, ImportError> {
        self.first(key).ok_or_else(|| self.broken(key, ""))
    }

    fn one<T: FromStr>(&self, key: &'static str) -> Result<T, ImportError> {
        let text = self.text(key)?;
        text.trim().parse().map_err(|_| self.broken(key, text))
    }

    fn all<T: FromStr>(&self, key: &'static str) -> Result<Vec<T>, ImportError> {
        let words = self.text(key)?.split_ascii_whitespace();
        words
            .map(|word| word.parse().map_err(|_| self.broken(key, word)))
            .collect()
    }

    fn broken(&self, key: &str, found: &str) -> ImportError {
        let what = format!("{key} of {}", self.name);
        self.at.flaw(Flaw::Text {
            what,
            found: found.chars().take(40).collect(),
        })
    }

    fn tree(&self, number: usize, n_features: usize) -> Result<Tree, ImportError> {
        if self
            .first("is_linear")
            .is_some_and(|linear| linear.trim() == "1")
        {
            return Err(self.at.unknown("LightGBM with linear_tree"));
        }
        let n_leaves: usize = self.one("num_leaves")?;
        let values: Vec<f64> = self.all("leaf_value")?;
        self.at.length("leaf_value", values.len(), n_leaves)?;
        let written = match n_leaves {
            1 => leaf_alone(),
            _ => self.splits(n_leaves)?,
        };
        let values = values.into_iter().map(|value| vec![Real(value)]).collect();
        Tree::new(
            TreeWritten { values, ..written },
            number,
            n_features,
            1,
            self.at,
        )
    }

    /// The splits, with the leaves behind them.
    fn splits(&self, n_leaves: usize) -> Result<TreeWritten, ImportError> {
        let n_splits = n_leaves.saturating_sub(1);
        let child = |child: i64| match child < 0 {
            true => n_splits as i64 + !child,
            false => child,
        };
        let children = |key| -> Result<Vec<i64>, ImportError> {
            let children: Vec<i64> = self.all(key)?;
            self.at.length(key, children.len(), n_splits)?;
            let leaves = std::iter::repeat_n(-1, n_leaves);
            Ok(children.into_iter().map(child).chain(leaves).collect())
        };
        let (left, right) = (children("left_child")?, children("right_child")?);
        let mut feature: Vec<usize> = self.all("split_feature")?;
        let thresholds: Vec<f64> = self.all("threshold")?;
        let decisions: Vec<u8> = self.all("decision_type")?;
        self.at.length("threshold", thresholds.len(), n_splits)?;
        self.at.length("decision_type", decisions.len(), n_splits)?;
        self.at.length("split_feature", feature.len(), n_splits)?;
        let (mut missing_left, mut set) = (Vec::new(), Vec::new());
        for (threshold, decision) in thresholds.iter().zip(decisions) {
            let decision = Decision::read(decision, self.at)?;
            missing_left.push(u8::from(decision.missing_left(*threshold)));
            set.push(if decision.categorical {
                *threshold as i64
            } else {
                -1
            });
        }
        let nodes = n_splits + n_leaves;
        feature.resize(nodes, 0);
        missing_left.resize(nodes, 0);
        set.resize(nodes, -1);
        let threshold = thresholds
            .into_iter()
            .chain(std::iter::repeat_n(0.0, n_leaves));
        Ok(TreeWritten {
            left,
            right,
            feature,
            threshold: threshold.map(Real).collect(),
            missing_left: Some(missing_left),
            set: Some(set),
            sets: self.sets()?,
            values: Vec::new(),
        })
    }

    /// The categories that go left, as bits of words of 32.
    fn sets(&self) -> Result<Vec<SetWritten>, ImportError> {
        if self.one::<usize>("num_cat")? == 0 {
            return Ok(Vec::new());
        }
        let bounds: Vec<usize> = self.all("cat_boundaries")?;
        let words: Vec<u32> = self.all("cat_threshold")?;
        let set = |bounds: &[usize]| {
            let words = words.get(bounds[0]..bounds[1]);
            let words = words.ok_or_else(|| self.broken("cat_boundaries", ""))?;
            let members = (0_u32..).zip(words).flat_map(|(index, word)| {
                let bits = (0..32).filter(move |bit| word >> bit & 1 == 1);
                bits.map(move |bit| index * 32 + bit)
            });
            Ok(SetWritten {
                left: members.collect(),
                known: None,
            })
        };
        bounds.windows(2).map(set).collect()
    }
}

fn leaf_alone() -> TreeWritten {
    TreeWritten {
        left: vec![-1],
        right: vec![-1],
        feature: vec![0],
        threshold: vec![Real(0.0)],
        missing_left: None,
        set: None,
        sets: Vec::new(),
        values: Vec::new(),
    }
}

/// The bits of `decision_type`.
struct Decision {
    categorical: bool,
    default_left: bool,
    missing: Missing,
}

enum Missing {
    /// There was none in training: it counts as 0.
    None,
    Nan,
}

impl Decision {
    fn read(bits: u8, at: &Place) -> Result<Decision, ImportError> {
        let missing = match bits >> 2 & 3 {
            0 => Missing::None,
            2 => Missing::Nan,
            _ => return Err(at.unknown("LightGBM with zero_as_missing")),
        };
        Ok(Decision {
            categorical: bits & 1 == 1,
            default_left: bits & 2 == 2,
            missing,
        })
    }

    fn missing_left(&self, threshold: f64) -> bool {
        match self.missing {
            _ if self.categorical => false,
            Missing::None => 0.0 <= threshold,
            Missing::Nan => self.default_left,
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
