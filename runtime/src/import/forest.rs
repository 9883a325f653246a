//! Decision trees and forests of `sklearn.tree` and `sklearn.ensemble`.

use super::answer::{Answer, Class, Kernel, Label, Model, Takes, labels, of_numbers};
use super::check::{Names, Place};
use super::document::Scalar;
use super::error::ImportError;
use super::numbers::argmax;
use super::tree::{Tree, TreeWritten};

/// Trees whose leaves hold the share of each class, or the value.
#[derive(serde::Deserialize)]
pub(super) struct ForestWritten {
    #[serde(default)]
    classes: Vec<Option<Scalar>>,
    features: usize,
    missing: bool,
    trees: Vec<TreeWritten>,
}

/// Checks trees of as many features as there are columns.
pub(super) fn trees(
    written: Vec<TreeWritten>,
    n_features: usize,
    n_outputs: usize,
    at: &Place,
) -> Result<Vec<Tree>, ImportError> {
    at.not_empty("trees", &written)?;
    let numbered = written.into_iter().enumerate();
    numbered
        .map(|(number, tree)| Tree::new(tree, number, n_features, n_outputs, at))
        .collect()
}

struct Classifier {
    classes: Vec<Label>,
    trees: Vec<Tree>,
}

pub(super) fn classifier(
    written: ForestWritten,
    names: &Names,
    at: &Place,
) -> Result<Box<dyn Model>, ImportError> {
    at.length("features", written.features, names.len())?;
    let classes = labels(written.classes, at)?;
    let trees = trees(written.trees, names.len(), classes.len(), at)?;
    let takes = Takes::Single {
        missing: written.missing,
    };
    Ok(of_numbers(names, takes, Classifier { classes, trees }))
}

impl Kernel for Classifier {
    fn answer(&self, x: &[f64]) -> Answer {
        let mut probabilities = vec![0.0; self.classes.len()];
        for tree in &self.trees {
            let shares = probabilities.iter_mut().zip(tree.values(x));
            shares.for_each(|(sum, share)| *sum += share);
        }
        let n_trees = self.trees.len() as f64;
        probabilities.iter_mut().for_each(|sum| *sum /= n_trees);
        let index = argmax(&probabilities);
        Answer::Class(Class {
            index,
            probabilities,
            scores: Vec::new(),
        })
    }

    fn classes(&self) -> Option<&[Label]> {
        Some(&self.classes)
    }
}

struct Regressor {
    trees: Vec<Tree>,
}

pub(super) fn regressor(
    written: ForestWritten,
    names: &Names,
    at: &Place,
) -> Result<Box<dyn Model>, ImportError> {
    at.length("features", written.features, names.len())?;
    let trees = trees(written.trees, names.len(), 1, at)?;
    let takes = Takes::Single {
        missing: written.missing,
    };
    Ok(of_numbers(names, takes, Regressor { trees }))
}

impl Kernel for Regressor {
    fn answer(&self, x: &[f64]) -> Answer {
        let sum = self.trees.iter().fold(0.0, |sum, tree| sum + tree.value(x));
        Answer::Value(sum / self.trees.len() as f64)
    }

    fn classes(&self) -> Option<&[Label]> {
        None
    }
}
