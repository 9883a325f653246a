//! A tree as a document: one array for each thing that is said of the splits.

use serde::{Deserialize, Serialize};

use super::nodes::{Nodes, Split};

/// The splits of a tree, one entry in each array for each, parents before their
/// children, and the numbers of its leaves, one leaf after the other.
///
/// A child that is not negative is the split of that number, `-1 - leaf` is a
/// leaf. Splits on whether a value is missing have the largest double as
/// threshold.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NodesDocument {
    n_values: usize,
    feature: Vec<u32>,
    threshold: Vec<f64>,
    left: Vec<i32>,
    right: Vec<i32>,
    /// 1 where a missing value goes left, else 0.
    missing_left: Vec<u8>,
    value: Vec<f64>,
}

/// Why arrays are no tree.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotATree {
    #[error("the arrays of a tree differ in length")]
    Lengths,
    #[error("a tree has {0} numbers at its leaves, which is not some for each of its leaves")]
    Values(usize),
    #[error("split {0} of a tree names a child that is not there, or comes before it")]
    Child(usize),
    #[error("a tree names split or leaf {0} twice, or not at all")]
    NotOnce(usize),
    #[error("split {0} of a tree has a threshold that is not finite")]
    Threshold(usize),
}

impl From<Nodes> for NodesDocument {
    fn from(nodes: Nodes) -> Self {
        let splits = nodes.splits.iter();
        NodesDocument {
            n_values: nodes.n_values,
            feature: splits.clone().map(|split| split.feature).collect(),
            threshold: splits.clone().map(|split| split.threshold).collect(),
            left: splits.clone().map(|split| split.left).collect(),
            right: splits.clone().map(|split| split.right).collect(),
            missing_left: splits.map(|split| split.missing_left.into()).collect(),
            value: nodes.values,
        }
    }
}

impl TryFrom<NodesDocument> for Nodes {
    type Error = NotATree;

    fn try_from(document: NodesDocument) -> Result<Self, NotATree> {
        let NodesDocument {
            n_values,
            feature,
            threshold,
            left,
            right,
            missing_left,
            value,
        } = document;
        let n = feature.len();
        if [threshold.len(), left.len(), right.len(), missing_left.len()] != [n; 4] {
            return Err(NotATree::Lengths);
        }
        if n_values.checked_mul(n + 1) != Some(value.len()) || n_values == 0 {
            return Err(NotATree::Values(value.len()));
        }
        let split = |at: usize| Split {
            threshold: threshold[at],
            feature: feature[at],
            left: left[at],
            right: right[at],
            missing_left: missing_left[at] != 0,
        };
        let splits: Vec<Split> = (0..n).map(split).collect();
        check(&splits)?;
        Ok(Nodes {
            splits,
            values: value,
            n_values,
        })
    }
}

/// Whether every split but the first, and every leaf, is the child of one split
/// before it.
fn check(splits: &[Split]) -> Result<(), NotATree> {
    let n = splits.len();
    // The root is nobody's child, and the only leaf of no split neither.
    let mut is_child = vec![false; n];
    let mut is_leaf = vec![n == 0; n + 1];
    if let Some(root) = is_child.first_mut() {
        *root = true;
    }
    for (at, split) in splits.iter().enumerate() {
        if !split.threshold.is_finite() {
            return Err(NotATree::Threshold(at));
        }
        for child in [split.left, split.right] {
            let (seen, number) = match usize::try_from(child) {
                Ok(child) if child <= at => return Err(NotATree::Child(at)),
                Ok(child) => (&mut is_child, child),
                Err(_) => (&mut is_leaf, !child as usize),
            };
            let seen = seen.get_mut(number).ok_or(NotATree::Child(at))?;
            if std::mem::replace(seen, true) {
                return Err(NotATree::NotOnce(number));
            }
        }
    }
    match is_child.iter().chain(&is_leaf).position(|seen| !seen) {
        Some(number) => Err(NotATree::NotOnce(number)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TREE: &str = r#"{"n_values":1,"feature":[0,1],"threshold":[1.0,0.1],
        "left":[-1,-2],"right":[1,-3],"missing_left":[0,1],"value":[1.0,2.0,3.0]}"#;

    #[test]
    fn a_tree_is_read_as_it_was_written() {
        let nodes: Nodes = serde_json::from_str(TREE).unwrap();
        let text = serde_json::to_string(&nodes).unwrap();
        assert_eq!(text, TREE.split_whitespace().collect::<String>());
    }

    #[test]
    fn arrays_that_are_no_tree_are_refused() {
        for (there, instead) in [
            (r#""left":[-1,-2]"#, r#""left":[0,-2]"#),
            (r#""left":[-1,-2]"#, r#""left":[-1,-3]"#),
            (r#""left":[-1,-2]"#, r#""left":[1,-2]"#),
            (r#""left":[-1,-2]"#, r#""left":[-1,-9]"#),
            (r#""left":[-1,-2]"#, r#""left":[-1]"#),
            (r#""value":[1.0,2.0,3.0]"#, r#""value":[1.0,2.0]"#),
            (r#""n_values":1"#, r#""n_values":0"#),
            (r#""threshold":[1.0,0.1]"#, r#""threshold":[1.0,null]"#),
        ] {
            let text = TREE.replace(there, instead);
            assert_ne!(text, TREE);
            assert!(serde_json::from_str::<Nodes>(&text).is_err(), "{instead}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_can_be_walked(
            children in prop::collection::vec((-5_i32..5, -5_i32..5), 0..4),
        ) {
            let n = children.len();
            let document = NodesDocument {
                n_values: 1,
                feature: vec![0; n],
                threshold: vec![0.0; n],
                left: children.iter().map(|pair| pair.0).collect(),
                right: children.iter().map(|pair| pair.1).collect(),
                missing_left: vec![0; n],
                value: vec![0.0; n + 1],
            };
            if let Ok(nodes) = Nodes::try_from(document) {
                for value in [-1.0, 1.0, f64::NAN] {
                    prop_assert!(nodes.leaf_of(&[value]) <= n);
                }
            }
        }
    }
}
