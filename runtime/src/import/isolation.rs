//! IsolationForest of `sklearn.ensemble` (Liu, Ting and Zhou 2008, "Isolation
//! forest").

use super::answer::{Answer, Class, Kernel, Label, Model, Takes, of_numbers};
use super::check::{Names, Place};
use super::document::Real;
use super::error::{Flaw, ImportError};
use super::forest::trees;
use super::tree::{Tree, TreeWritten};

/// Trees whose leaves hold the length of the path that ends there; what all
/// paths together are divided by; and from which score on a row is no outlier.
#[derive(serde::Deserialize)]
pub(super) struct IsolationWritten {
    features: usize,
    offset: Real,
    denominator: Real,
    trees: Vec<TreeWritten>,
}

struct Isolation {
    trees: Vec<Tree>,
    offset: f64,
    denominator: f64,
}

const CLASSES: [Label; 2] = [Label::Int(-1), Label::Int(1)];

pub(super) fn checked(
    written: IsolationWritten,
    names: &Names,
    at: &Place,
) -> Result<Box<dyn Model>, ImportError> {
    at.length("features", written.features, names.len())?;
    let (offset, denominator) = (written.offset.0, written.denominator.0);
    for (what, found) in [("the offset", offset), ("the denominator", denominator)] {
        if !found.is_finite() {
            return Err(at.flaw(Flaw::Number { what, found }));
        }
    }
    let trees = trees(written.trees, names.len(), 1, at)?;
    let kernel = Isolation {
        trees,
        offset,
        denominator,
    };
    Ok(of_numbers(names, Takes::Single { missing: false }, kernel))
}

impl Kernel for Isolation {
    /// The score is `decision_function`'s: below 0 is an outlier.
    fn answer(&self, x: &[f64]) -> Answer {
        let depths = self.trees.iter().fold(0.0, |sum, tree| sum + tree.value(x));
        let share = if self.denominator == 0.0 {
            1.0
        } else {
            depths / self.denominator
        };
        let score = -(2.0_f64.powf(-share)) - self.offset;
        Answer::Class(Class {
            index: usize::from(score >= 0.0),
            probabilities: Vec::new(),
            scores: vec![score],
        })
    }

    fn classes(&self) -> Option<&[Label]> {
        Some(&CLASSES)
    }
}
