//! [`Tree`]: decisions over numbers, of all libraries alike.

mod set;

use super::check::Place;
use super::document::Real;
use super::error::{Flaw, ImportError};
use set::Set;

pub(super) use set::SetWritten;

/// Arrays over nodes, of which the first is the root: a leaf has -1 for its
/// children. `set` says which of `sets` a node asks instead of its threshold,
/// or -1. `values` are the leaves', in the order of nodes.
#[derive(serde::Deserialize)]
pub(super) struct TreeWritten {
    pub(super) left: Vec<i64>,
    pub(super) right: Vec<i64>,
    pub(super) feature: Vec<usize>,
    pub(super) threshold: Vec<Real>,
    pub(super) missing_left: Option<Vec<u8>>,
    pub(super) set: Option<Vec<i64>>,
    #[serde(default)]
    pub(super) sets: Vec<SetWritten>,
    pub(super) values: Vec<Vec<Real>>,
}

/// A binary tree in the order in which a walk goes left first: the left child
/// stands behind its node.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    sets: Vec<Set>,
    /// Of each leaf as many as there are outputs.
    values: Vec<f64>,
    n_outputs: usize,
}

#[derive(Clone, Copy, Debug)]
enum Node {
    Leaf {
        first_value: u32,
    },
    /// Left at most the threshold.
    Number {
        feature: u32,
        missing_left: bool,
        right: u32,
        threshold: f64,
    },
    /// Left within the set.
    Category {
        feature: u32,
        missing_left: bool,
        right: u32,
        set: u32,
    },
}

impl Tree {
    /// Checks the tree `number` of a model with `n_features`: every node is
    /// reached once at most, and every leaf has `n_outputs` values.
    pub(super) fn new(
        written: TreeWritten,
        number: usize,
        n_features: usize,
        n_outputs: usize,
        at: &Place,
    ) -> Result<Tree, ImportError> {
        let n_nodes = written.left.len();
        at.not_empty("a tree", &written.left)?;
        at.length("right", written.right.len(), n_nodes)?;
        at.length("feature", written.feature.len(), n_nodes)?;
        at.length("threshold", written.threshold.len(), n_nodes)?;
        if let Some(missing_left) = &written.missing_left {
            at.length("missing_left", missing_left.len(), n_nodes)?;
        }
        if let Some(set) = &written.set {
            at.length("set", set.len(), n_nodes)?;
        }
        if n_nodes > u32::MAX as usize / n_outputs.max(1) {
            return Err(at.flaw(Flaw::TooMuch {
                what: "the number of nodes",
                most: u32::MAX as usize,
            }));
        }
        let n_leaves = written.left.iter().filter(|left| **left < 0).count();
        at.length("values", written.values.len(), n_leaves)?;
        for value in &written.values {
            at.length("a leaf's values", value.len(), n_outputs)?;
        }
        let mut walk = Walk {
            written: &written,
            number,
            n_features,
            n_outputs,
            at,
        };
        let nodes = walk.nodes()?;
        let values = written.values.iter().flatten().map(|real| real.0).collect();
        let sets = written
            .sets
            .iter()
            .map(|set| Set::new(set, at))
            .collect::<Result<_, _>>()?;
        Ok(Tree {
            nodes,
            sets,
            values,
            n_outputs,
        })
    }

    /// The values of the leaf that `x` comes to.
    pub(super) fn values(&self, x: &[f64]) -> &[f64] {
        let mut index = 0;
        loop {
            let (left, right) = match self.nodes[index] {
                Node::Leaf { first_value } => {
                    let first = first_value as usize;
                    return &self.values[first..first + self.n_outputs];
                }
                Node::Number {
                    feature,
                    missing_left,
                    right,
                    threshold,
                } => {
                    let x = x[feature as usize];
                    (x <= threshold || (missing_left && x.is_nan()), right)
                }
                Node::Category {
                    feature,
                    missing_left,
                    right,
                    set,
                } => {
                    let side = self.sets[set as usize].left(x[feature as usize]);
                    (side.unwrap_or(missing_left), right)
                }
            };
            index = if left { index + 1 } else { right as usize };
        }
    }

    /// The first value of the leaf that `x` comes to.
    pub(super) fn value(&self, x: &[f64]) -> f64 {
        self.values(x)[0]
    }
}

struct Walk<'w> {
    written: &'w TreeWritten,
    number: usize,
    n_features: usize,
    n_outputs: usize,
    at: &'w Place,
}

impl Walk<'_> {
    /// The nodes, left first.
    fn nodes(&mut self) -> Result<Vec<Node>, ImportError> {
        let n_nodes = self.written.left.len();
        let mut leaf_of = vec![0_u32; n_nodes];
        let mut n_leaves = 0;
        for (leaf, left) in leaf_of.iter_mut().zip(&self.written.left) {
            *leaf = n_leaves;
            n_leaves += u32::from(*left < 0);
        }
        let mut seen = vec![false; n_nodes];
        let mut nodes: Vec<Node> = Vec::with_capacity(n_nodes);
        // What is still to be visited, and whose right child it is.
        let mut open = vec![(0, None)];
        while let Some((index, right_of)) = open.pop() {
            if std::mem::replace(&mut seen[index], true) {
                let flaw = Flaw::Cycle {
                    tree: self.number,
                    node: index,
                };
                return Err(self.at.flaw(flaw));
            }
            let here = nodes.len() as u32;
            if let Some(parent) = right_of {
                nodes[parent] = with_right(nodes[parent], here);
            }
            if self.written.left[index] < 0 {
                let first_value = leaf_of[index] * self.n_outputs as u32;
                nodes.push(Node::Leaf { first_value });
                continue;
            }
            let right = self.index("a right child", self.written.right[index], n_nodes)?;
            let left = self.index("a left child", self.written.left[index], n_nodes)?;
            nodes.push(self.split(index)?);
            open.push((right, Some(here as usize)));
            open.push((left, None));
        }
        Ok(nodes)
    }

    fn split(&self, index: usize) -> Result<Node, ImportError> {
        let feature = self.written.feature[index];
        self.at.indices("a feature", [&feature], self.n_features)?;
        let feature = feature as u32;
        let missing_left = self
            .written
            .missing_left
            .as_ref()
            .is_some_and(|left| left[index] != 0);
        let set = self.written.set.as_ref().map_or(-1, |set| set[index]);
        if set >= 0 {
            let set = self.index("a set", set, self.written.sets.len())? as u32;
            return Ok(Node::Category {
                feature,
                missing_left,
                right: 0,
                set,
            });
        }
        let threshold = self.written.threshold[index].0;
        match threshold.is_nan() {
            true => Err(self.at.flaw(Flaw::Number {
                what: "a threshold",
                found: threshold,
            })),
            false => Ok(Node::Number {
                feature,
                missing_left,
                right: 0,
                threshold,
            }),
        }
    }

    fn index(&self, what: &'static str, found: i64, below: usize) -> Result<usize, ImportError> {
        let index = usize::try_from(found).ok().filter(|index| *index < below);
        index.ok_or_else(|| self.at.flaw(Flaw::Index { what, found, below }))
    }
}

fn with_right(node: Node, right: u32) -> Node {
    match node {
        Node::Leaf { .. } => node,
        Node::Number {
            feature,
            missing_left,
            threshold,
            ..
        } => Node::Number {
            feature,
            missing_left,
            right,
            threshold,
        },
        Node::Category {
            feature,
            missing_left,
            set,
            ..
        } => Node::Category {
            feature,
            missing_left,
            right,
            set,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(json: &str) -> Result<Tree, String> {
        let written = serde_json::from_str(json).unwrap();
        Tree::new(written, 0, 2, 1, &Place::root()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_value_on_the_threshold_goes_left_and_a_missing_one_as_told() {
        let tree = checked(
            r#"{"left": [1, -1, 3, -1, -1], "right": [2, -1, 4, -1, -1], "feature": [0, 0, 1, 0, 0],
                "threshold": [1, 0, 2, 0, 0], "missing_left": [0, 0, 1, 0, 0],
                "values": [[10], [20], [30]]}"#,
        )
        .unwrap();
        assert_eq!(tree.value(&[1.0, 9.0]), 10.0);
        assert_eq!(tree.value(&[f64::NAN, 2.0]), 20.0);
        assert_eq!(tree.value(&[f64::NAN, 2.1]), 30.0);
        assert_eq!(tree.value(&[2.0, f64::NAN]), 20.0);
    }

    #[test]
    fn children_may_stand_before_their_parents() {
        let tree = checked(
            r#"{"left": [2, -1, 3, -1, -1], "right": [1, -1, 4, -1, -1], "feature": [0, 0, 1, 0, 0],
                "threshold": [1, 0, 2, 0, 0], "values": [[1], [2], [3]]}"#,
        )
        .unwrap();
        assert_eq!(tree.value(&[5.0, 0.0]), 1.0);
        assert_eq!(tree.value(&[0.0, 0.0]), 2.0);
        assert_eq!(tree.value(&[0.0, 5.0]), 3.0);
    }

    #[test]
    fn categories_go_by_their_sets() {
        let tree = checked(
            r#"{"left": [1, -1, -1], "right": [2, -1, -1], "feature": [0, 0, 0], "threshold": [0, 0, 0],
                "missing_left": [1, 0, 0], "set": [0, -1, -1],
                "sets": [{"left": [1, 70], "known": [0, 1, 70]}], "values": [[1], [2]]}"#,
        )
        .unwrap();
        let value = |x: f64| tree.value(&[x, 0.0]);
        assert_eq!((value(1.0), value(70.0), value(0.0)), (1.0, 1.0, 2.0));
        // Not known: as a missing one.
        assert_eq!(
            (value(2.0), value(-3.0), value(f64::NAN), value(1e300)),
            (1.0, 1.0, 1.0, 1.0)
        );
    }

    #[test]
    fn what_is_no_tree_is_said() {
        let cycle = checked(
            r#"{"left": [1, 0], "right": [1, 1], "feature": [0, 0], "threshold": [0, 0], "values": []}"#,
        );
        assert!(
            cycle
                .unwrap_err()
                .contains("node 0 of tree 0 is reached on two ways")
        );
        let outside = checked(
            r#"{"left": [7, -1], "right": [1, -1], "feature": [0, 0], "threshold": [0, 0], "values": [[1]]}"#,
        );
        assert!(
            outside
                .unwrap_err()
                .contains("a left child 7 is not below 2")
        );
        let feature = checked(
            r#"{"left": [1, -1, -1], "right": [2, -1, -1], "feature": [2, 0, 0], "threshold": [0, 0, 0],
                "values": [[1], [2]]}"#,
        );
        assert!(feature.unwrap_err().contains("a feature 2 is not below 2"));
    }
}
