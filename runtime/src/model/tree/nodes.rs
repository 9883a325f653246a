//! [`Nodes`]: a tree as it is kept and walked.

use serde::{Deserialize, Serialize};

use super::document::NodesDocument;

/// A binary tree. At a split a row goes left if its value is at most the
/// threshold; at a leaf it finds `n_values` numbers.
///
/// Only splits are nodes; a child that is a leaf is told by its number. A child
/// that is a split comes after its parent, so that no walk goes in a circle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "NodesDocument", try_from = "NodesDocument")]
pub struct Nodes {
    pub(super) splits: Vec<Split>,
    pub(super) values: Vec<f64>,
    pub(super) n_values: usize,
}

/// A split; children below zero are leaves, as `!leaf`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Split {
    pub(super) threshold: f64,
    pub(super) feature: u32,
    pub(super) left: i32,
    pub(super) right: i32,
    /// Where a row goes whose value is NaN.
    pub(super) missing_left: bool,
}

/// Where in a growing tree the next split or leaf is put.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Root,
    Left(usize),
    Right(usize),
}

impl Nodes {
    pub(super) fn new(n_values: usize) -> Self {
        Nodes {
            splits: Vec::new(),
            values: Vec::new(),
            n_values,
        }
    }

    /// Adds a split, whose children are still to come, and says its number.
    pub(super) fn split(
        &mut self,
        place: Place,
        feature: usize,
        threshold: f64,
        missing_left: bool,
    ) -> usize {
        let at = self.splits.len();
        self.put(place, at as i32);
        self.splits.push(Split {
            threshold,
            feature: feature as u32,
            left: !0,
            right: !0,
            missing_left,
        });
        at
    }

    /// Adds a leaf; `say` puts its numbers at the end.
    pub(super) fn leaf(&mut self, place: Place, say: impl FnOnce(&mut Vec<f64>)) {
        let leaf = self.n_leaves();
        say(&mut self.values);
        debug_assert_eq!(self.values.len(), (leaf + 1) * self.n_values);
        self.put(place, !(leaf as i32));
    }

    fn put(&mut self, place: Place, child: i32) {
        match place {
            Place::Root => {}
            Place::Left(parent) => self.splits[parent].left = child,
            Place::Right(parent) => self.splits[parent].right = child,
        }
    }

    /// How many leaves there are.
    pub fn n_leaves(&self) -> usize {
        self.values.len() / self.n_values
    }

    /// How many splits lead to the leaf that is furthest down.
    pub fn depth(&self) -> usize {
        let mut depths = vec![0; self.splits.len()];
        let mut deepest = 0;
        for (at, split) in self.splits.iter().enumerate() {
            let below = depths[at] + 1;
            deepest = deepest.max(below);
            for child in [split.left, split.right] {
                if let Ok(child) = usize::try_from(child) {
                    depths[child] = below;
                }
            }
        }
        deepest
    }

    /// Whether no split asks for a feature beyond so many.
    pub(super) fn knows(&self, n_features: usize) -> bool {
        let mut splits = self.splits.iter();
        splits.all(|split| (split.feature as usize) < n_features)
    }

    /// The leaf that a row comes to; it has as many values as the tree knows
    /// features.
    pub(super) fn leaf_of(&self, row: &[f64]) -> usize {
        let mut at = if self.splits.is_empty() { !0 } else { 0 };
        while let Ok(split) = usize::try_from(at) {
            let Split {
                threshold,
                feature,
                left,
                right,
                missing_left,
            } = self.splits[split];
            let value = row[feature as usize];
            // Of NaN no comparison holds.
            let goes_left = value <= threshold || (missing_left && value.is_nan());
            at = if goes_left { left } else { right };
        }
        !at as usize
    }

    /// The numbers at the leaf that a row comes to.
    pub(super) fn say(&self, row: &[f64]) -> &[f64] {
        let leaf = self.leaf_of(row);
        &self.values[leaf * self.n_values..][..self.n_values]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Left of 1 one leaf; right of it, by the second feature, two.
    pub(super) fn tree() -> Nodes {
        let mut nodes = Nodes::new(1);
        let root = nodes.split(Place::Root, 0, 1.0, false);
        nodes.leaf(Place::Left(root), |values| values.push(10.0));
        let right = nodes.split(Place::Right(root), 1, -0.5, true);
        nodes.leaf(Place::Left(right), |values| values.push(20.0));
        nodes.leaf(Place::Right(right), |values| values.push(30.0));
        nodes
    }

    #[test]
    fn a_row_goes_left_up_to_the_threshold() {
        let nodes = tree();
        assert_eq!(nodes.say(&[1.0, 0.0]), [10.0]);
        assert_eq!(nodes.say(&[1.1, -0.5]), [20.0]);
        assert_eq!(nodes.say(&[f64::INFINITY, 0.0]), [30.0]);
        assert_eq!((nodes.n_leaves(), nodes.depth()), (3, 2));
    }

    #[test]
    fn what_is_missing_goes_to_the_side_said() {
        let nodes = tree();
        assert_eq!(nodes.say(&[f64::NAN, f64::NAN]), [20.0]);
        assert_eq!(nodes.say(&[f64::NAN, 3.0]), [30.0]);
    }

    #[test]
    fn a_tree_of_one_leaf_says_the_same_of_every_row() {
        let mut nodes = Nodes::new(2);
        nodes.leaf(Place::Root, |values| values.extend([0.25, 0.75]));
        assert_eq!(nodes.say(&[7.0]), [0.25, 0.75]);
        assert_eq!(nodes.depth(), 0);
    }
}
