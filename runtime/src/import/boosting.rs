//! GradientBoosting and HistGradientBoosting of `sklearn.ensemble`.

use super::answer::{Answer, Class, Kernel, Label, Model, Takes, labels, of_numbers};
use super::check::{Names, Place};
use super::document::{Real, Scalar};
use super::error::{Flaw, ImportError};
use super::numbers::{argmax, expit, max};
use super::tree::{Tree, TreeWritten};

/// What each score starts from, and stages of one tree per score, each times
/// the rate.
#[derive(serde::Deserialize)]
pub(super) struct BoostingWritten {
    #[serde(default)]
    classes: Vec<Option<Scalar>>,
    features: usize,
    start: Vec<Real>,
    rate: Real,
    stages: Vec<Vec<TreeWritten>>,
    precision: Precision,
    link: Link,
}

/// In which features are compared with thresholds; gradient boosting has single
/// and takes no missing value, histogram boosting has double and takes all.
#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Precision {
    Single,
    Double,
}

/// What becomes of the scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Link {
    /// The value is `e` to the score.
    Exp,
    /// Of two classes, with exponential loss.
    Exponential,
    /// The value is the score.
    Identity,
    /// Of two classes.
    Logistic,
    /// Of several classes.
    Softmax,
}

struct Boosted {
    start: Vec<f64>,
    rate: f64,
    /// One stage after the other.
    trees: Vec<Tree>,
}

impl Boosted {
    fn new(
        start: Vec<Real>,
        rate: Real,
        stages: Vec<Vec<TreeWritten>>,
        n_features: usize,
        at: &Place,
    ) -> Result<Boosted, ImportError> {
        at.not_empty("start", &start)?;
        let mut trees = Vec::new();
        for stage in stages {
            at.length("a stage", stage.len(), start.len())?;
            for tree in stage {
                trees.push(Tree::new(tree, trees.len(), n_features, 1, at)?);
            }
        }
        let start = super::document::numbers(start);
        Ok(Boosted {
            start,
            rate: rate.0,
            trees,
        })
    }

    fn scores(&self, x: &[f64]) -> Vec<f64> {
        let mut scores = self.start.clone();
        for stage in self.trees.chunks_exact(scores.len()) {
            let of_tree = scores.iter_mut().zip(stage);
            of_tree.for_each(|(score, tree)| *score += self.rate * tree.value(x));
        }
        scores
    }
}

impl Precision {
    fn takes(self) -> Takes {
        match self {
            Precision::Single => Takes::Single { missing: false },
            Precision::Double => Takes::Any,
        }
    }
}

struct Classifier {
    classes: Vec<Label>,
    boosted: Boosted,
    link: Link,
}

pub(super) fn classifier(
    written: BoostingWritten,
    names: &Names,
    at: &Place,
) -> Result<Box<dyn Model>, ImportError> {
    at.length("features", written.features, names.len())?;
    let classes = labels(written.classes, at)?;
    let n_scores = match written.link {
        Link::Exponential | Link::Logistic => 1,
        Link::Softmax => classes.len(),
        Link::Exp | Link::Identity => {
            return Err(at.flaw(Flaw::Role {
                what: "a link of a classifier",
            }));
        }
    };
    at.length("start", written.start.len(), n_scores)?;
    at.length("classes", classes.len(), n_scores.max(2))?;
    let BoostingWritten {
        start,
        rate,
        stages,
        precision,
        link,
        ..
    } = written;
    let boosted = Boosted::new(start, rate, stages, names.len(), at)?;
    Ok(of_numbers(
        names,
        precision.takes(),
        Classifier {
            classes,
            boosted,
            link,
        },
    ))
}

impl Kernel for Classifier {
    fn answer(&self, x: &[f64]) -> Answer {
        let scores = self.boosted.scores(x);
        let of_two = |positive: f64| vec![1.0 - positive, positive];
        let (index, probabilities) = match self.link {
            Link::Softmax | Link::Exp | Link::Identity => (argmax(&scores), softmax(&scores)),
            Link::Logistic => (usize::from(scores[0] >= 0.0), of_two(expit(scores[0]))),
            Link::Exponential => (
                usize::from(scores[0] >= 0.0),
                of_two(expit(2.0 * scores[0])),
            ),
        };
        Answer::Class(Class {
            index,
            probabilities,
            scores,
        })
    }

    fn classes(&self) -> Option<&[Label]> {
        Some(&self.classes)
    }
}

/// As scikit-learn's losses have it: added up one after the other.
fn softmax(scores: &[f64]) -> Vec<f64> {
    let greatest = max(scores);
    let shares: Vec<f64> = scores
        .iter()
        .map(|score| (score - greatest).exp())
        .collect();
    let sum = shares.iter().fold(0.0, |sum, share| sum + share);
    shares.into_iter().map(|share| share / sum).collect()
}

struct Regressor {
    boosted: Boosted,
    exp: bool,
}

pub(super) fn regressor(
    written: BoostingWritten,
    names: &Names,
    at: &Place,
) -> Result<Box<dyn Model>, ImportError> {
    at.length("features", written.features, names.len())?;
    at.length("start", written.start.len(), 1)?;
    let exp = match written.link {
        Link::Exp => true,
        Link::Identity => false,
        Link::Exponential | Link::Logistic | Link::Softmax => {
            return Err(at.flaw(Flaw::Role {
                what: "a link of a regressor",
            }));
        }
    };
    let BoostingWritten {
        start,
        rate,
        stages,
        precision,
        ..
    } = written;
    let boosted = Boosted::new(start, rate, stages, names.len(), at)?;
    Ok(of_numbers(
        names,
        precision.takes(),
        Regressor { boosted, exp },
    ))
}

impl Kernel for Regressor {
    fn answer(&self, x: &[f64]) -> Answer {
        let score = self.boosted.scores(x)[0];
        Answer::Value(if self.exp { score.exp() } else { score })
    }

    fn classes(&self) -> Option<&[Label]> {
        None
    }
}
