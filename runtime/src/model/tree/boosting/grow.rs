//! Growing one tree leaf by leaf, where the loss falls most.
//!
//! Ke et al., *LightGBM* (2017), as scikit-learn's `TreeGrower`: of two new
//! children the smaller is summed up, the larger is what is left of their
//! parent.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::Range;

use super::bins::{Binned, Bins, MISSING};
use super::histogram::{Histogram, Slopes, subtract, sum};
use super::split::{BinSplit, Rules, Totals, best_split};
use crate::model::tree::nodes::{Nodes, Place};

/// When to stop, and how far each tree goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    pub(super) max_leaf_nodes: usize,
    pub(super) max_depth: usize,
    pub(super) learning_rate: f64,
    pub(super) rules: Rules,
}

/// A tree, and which rows come to its leaves.
pub(super) struct Grown {
    pub(super) nodes: Nodes,
    rows: Vec<u32>,
    /// The rows of each leaf, and what it says of them.
    leaves: Vec<(Range<usize>, f64)>,
}

/// A node that could be split; the greatest gain comes first, then the oldest.
struct Splittable {
    node: Node,
    split: BinSplit,
    histogram: Histogram,
    age: usize,
}

struct Node {
    place: Place,
    rows: Range<usize>,
    depth: usize,
    totals: Totals,
}

struct Grower<'a> {
    bins: &'a Bins,
    binned: &'a Binned,
    slopes: &'a Slopes,
    growth: &'a Growth,
    grown: Grown,
    splittable: BinaryHeap<Splittable>,
    n_seen: usize,
    /// Room to work in.
    ordered: Slopes,
    spare: Vec<u32>,
    free: Vec<Histogram>,
}

/// Grows a tree that lowers the loss with these slopes.
pub(super) fn grow(bins: &Bins, binned: &Binned, slopes: &Slopes, growth: &Growth) -> Grown {
    let n_rows = binned.n_rows();
    let mut grower = Grower {
        bins,
        binned,
        slopes,
        growth,
        grown: Grown {
            nodes: Nodes::new(1),
            rows: (0..n_rows as u32).collect(),
            leaves: Vec::new(),
        },
        splittable: BinaryHeap::new(),
        n_seen: 0,
        ordered: Slopes::new(0, slopes.hessians.is_none()),
        spare: Vec::new(),
        free: Vec::new(),
    };
    grower.grow();
    grower.grown
}

impl Grown {
    /// Adds to each row what its leaf says.
    pub(super) fn add_to(&self, said: &mut [f64]) {
        for (rows, value) in &self.leaves {
            for row in &self.rows[rows.clone()] {
                said[*row as usize] += value;
            }
        }
    }
}

impl Grower<'_> {
    fn grow(&mut self) {
        let n_rows = self.grown.rows.len();
        let (gradient, hessian) = self.slopes.sum();
        let root = Node {
            place: Place::Root,
            rows: 0..n_rows,
            depth: 0,
            totals: Totals {
                gradient,
                hessian,
                n: n_rows as u32,
                value: 0.0,
            },
        };
        if !self.may_be_split(&root) {
            return self.finish(&root);
        }
        let mut histogram = Histogram::new();
        let Grown { rows, .. } = &self.grown;
        sum(
            self.binned,
            self.slopes,
            rows,
            &mut self.ordered,
            &mut histogram,
        );
        self.look(root, histogram);
        while let Some(best) = self.splittable.pop() {
            self.split(best);
        }
    }

    /// Splits a node, and looks at its children.
    fn split(&mut self, best: Splittable) {
        let Splittable {
            node,
            split,
            mut histogram,
            ..
        } = best;
        let at = self.divide(&node.rows, &split);
        // Without missing values to learn from they go with most.
        let missing_left = match self.binned.has_missing(split.feature) {
            true => split.missing_left,
            false => split.left.n > split.right.n,
        };
        let threshold = self.bins.threshold(split.feature, split.bin);
        let nodes = &mut self.grown.nodes;
        let parent = nodes.split(node.place, split.feature, threshold, missing_left);
        let child = |place, rows, totals| Node {
            place,
            rows,
            depth: node.depth + 1,
            totals,
        };
        let left = child(Place::Left(parent), node.rows.start..at, split.left);
        let right = child(Place::Right(parent), at..node.rows.end, split.right);

        let n_leaves = self.grown.leaves.len() + self.splittable.len() + 2;
        if n_leaves >= self.growth.max_leaf_nodes {
            self.finish(&left);
            self.finish(&right);
            while let Some(waiting) = self.splittable.pop() {
                self.finish(&waiting.node);
            }
            return;
        }
        if !self.may_be_split(&left) && !self.may_be_split(&right) {
            self.finish(&left);
            self.finish(&right);
            self.free.push(histogram);
            return;
        }
        let mut smaller = self.free.pop().unwrap_or_default();
        let is_left_smaller = left.rows.len() < right.rows.len();
        let (small, large) = if is_left_smaller {
            (left, right)
        } else {
            (right, left)
        };
        let rows = &self.grown.rows[small.rows.clone()];
        sum(
            self.binned,
            self.slopes,
            rows,
            &mut self.ordered,
            &mut smaller,
        );
        subtract(&mut histogram, &smaller);
        match is_left_smaller {
            true => {
                self.look(small, smaller);
                self.look(large, histogram);
            }
            false => {
                self.look(large, histogram);
                self.look(small, smaller);
            }
        }
    }

    /// Puts a node among those to be split, if a split of it gains anything.
    fn look(&mut self, node: Node, histogram: Histogram) {
        let rules = &self.growth.rules;
        let split = match self.may_be_split(&node) {
            true => best_split(&node.totals, &histogram, self.bins, self.binned, rules),
            false => None,
        };
        let Some(split) = split else {
            self.free.push(histogram);
            return self.finish(&node);
        };
        self.n_seen += 1;
        self.splittable.push(Splittable {
            node,
            split,
            histogram,
            age: self.n_seen,
        });
    }

    fn may_be_split(&self, node: &Node) -> bool {
        let least = self.growth.rules.min_samples_leaf as usize;
        node.depth < self.growth.max_depth && node.rows.len() / 2 >= least
    }

    /// Makes a node a leaf.
    fn finish(&mut self, node: &Node) {
        let value = node.totals.value * self.growth.learning_rate;
        self.grown
            .nodes
            .leaf(node.place, |values| values.push(value));
        self.grown.leaves.push((node.rows.clone(), value));
    }

    /// Puts the rows that go left before the others, each in the order they had.
    fn divide(&mut self, rows: &Range<usize>, split: &BinSplit) -> usize {
        let codes = self.binned.column(split.feature);
        let own = &mut self.grown.rows[rows.clone()];
        self.spare.clear();
        let mut n_left = 0;
        for at in 0..own.len() {
            let row = own[at];
            let code = codes[row as usize];
            if code <= split.bin || (split.missing_left && code == MISSING) {
                own[n_left] = row;
                n_left += 1;
            } else {
                self.spare.push(row);
            }
        }
        own[n_left..].copy_from_slice(&self.spare);
        rows.start + n_left
    }
}

impl Ord for Splittable {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_gain = self.split.gain.total_cmp(&other.split.gain);
        by_gain.then(other.age.cmp(&self.age))
    }
}

impl PartialOrd for Splittable {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Splittable {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Splittable {}
