//! Growing one tree, depth first, with the best split at every node.
//!
//! CART (Breiman, Friedman, Olshen and Stone 1984) as scikit-learn 1.5 grows
//! it: the threshold lies half way between two neighbouring values, computed in
//! double precision from values in single precision. Among splits that are
//! equally good the one seen first stays: features are seen in the order in
//! which the seed draws them, thresholds from below, and missing values are
//! first tried on the right.

use super::columns::{Columns, NEAR, order, ordered};
use super::features::Features;
use super::impurity::Impurity;
use super::nodes::{Nodes, Place};
use super::random::Xorshift;

/// When to stop, and how much to look at.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub(super) max_depth: usize,
    pub(super) min_samples_split: usize,
    pub(super) min_samples_leaf: usize,
    /// How many features are looked at in a node.
    pub(super) max_features: usize,
    pub(super) min_impurity_decrease: f64,
}

/// A tree, and how much each feature has made the targets less mixed, in all
/// one unless nothing did.
pub(super) struct Grown {
    pub(super) nodes: Nodes,
    pub(super) importances: Vec<f64>,
}

/// A node still to be looked at.
struct Open {
    place: Place,
    start: usize,
    end: usize,
    depth: usize,
    impurity: f64,
    n_constant: usize,
}

/// The best split of a node so far.
#[derive(Clone, Copy)]
struct Best {
    gain: f64,
    feature: usize,
    threshold: f64,
    missing_left: bool,
}

struct Grower<'a, I> {
    columns: &'a Columns,
    limits: &'a Limits,
    impurity: I,
    random: Xorshift,
    features: Features,
    /// The rows; those of a node lie together, in ascending order.
    rows: Vec<u32>,
    /// The rows of a node by one feature: [`order`] of the value, and the row.
    sorted: Vec<u64>,
    spare: Vec<u32>,
}

/// Grows a tree on `rows`, which ascend and have weights above zero.
pub(super) fn grow<I: Impurity>(
    columns: &Columns,
    rows: Vec<u32>,
    impurity: I,
    limits: &Limits,
    seed: u32,
) -> Grown {
    let mut grower = Grower {
        columns,
        limits,
        impurity,
        random: Xorshift::of_tree(seed),
        features: Features::new(columns.n_features()),
        sorted: Vec::with_capacity(rows.len()),
        spare: Vec::with_capacity(rows.len()),
        rows,
    };
    grower.grow()
}

impl<I: Impurity> Grower<'_, I> {
    fn grow(&mut self) -> Grown {
        let mut nodes = Nodes::new(self.impurity.n_values());
        let mut importances = vec![0.0; self.columns.n_features()];
        self.impurity.enter(&self.rows);
        let all = self.impurity.weight();
        let mut open = vec![Open {
            place: Place::Root,
            start: 0,
            end: self.rows.len(),
            depth: 0,
            impurity: self.impurity.impurity(),
            n_constant: 0,
        }];
        while let Some(node) = open.pop() {
            self.impurity.enter(&self.rows[node.start..node.end]);
            let Some((best, n_constant)) = self.look(&node) else {
                nodes.leaf(node.place, |values| self.impurity.value(values));
                continue;
            };
            // What the leaf would say is asked before the rows are divided.
            let weight = self.impurity.weight();
            let at = node.start + self.divide(&node, best);
            let (left, right) = self.impurity.parts(&self.rows[node.start..at]);
            let (weight_left, weight_right) = self.impurity.weights();
            let decrease = weight / all
                * (node.impurity - weight_right / weight * right - weight_left / weight * left);
            if decrease + f64::EPSILON < self.limits.min_impurity_decrease {
                nodes.leaf(node.place, |values| self.impurity.value(values));
                continue;
            }
            importances[best.feature] +=
                weight * node.impurity - weight_left * left - weight_right * right;
            let split = nodes.split(node.place, best.feature, best.threshold, best.missing_left);
            let child = |place, start, end, impurity| Open {
                place,
                start,
                end,
                depth: node.depth + 1,
                impurity,
                n_constant,
            };
            open.push(child(Place::Right(split), at, node.end, right));
            open.push(child(Place::Left(split), node.start, at, left));
        }
        normalize(&mut importances);
        Grown { nodes, importances }
    }

    /// The best split of a node, and how many features its children need not
    /// look at. None if it stays a leaf.
    fn look(&mut self, node: &Open) -> Option<(Best, usize)> {
        let n = node.end - node.start;
        let Limits {
            max_depth,
            min_samples_split,
            min_samples_leaf,
            max_features,
            ..
        } = *self.limits;
        if node.depth >= max_depth
            || n < min_samples_split
            || n / 2 < min_samples_leaf
            || node.impurity <= f64::EPSILON
        {
            return None;
        }
        let mut best: Option<Best> = None;
        let mut features = std::mem::replace(&mut self.features, Features::new(0));
        let mut drawing = features.draw(max_features, node.n_constant);
        while let Some(feature) = drawing.next(&mut self.random) {
            match self.sort(node, feature) {
                None => drawing.is_constant(),
                Some(n_missing) => {
                    drawing.varies();
                    self.search(feature, n_missing, &mut best);
                }
            }
        }
        let n_constant = drawing.end();
        self.features = features;
        best.map(|best| (best, n_constant))
    }

    /// Puts the rows of a node in order by a feature, missing values last, and
    /// says how many these are. None if the feature is constant there.
    fn sort(&mut self, node: &Open, feature: usize) -> Option<usize> {
        let column = self.columns.column(feature);
        let (mut low, mut high) = (u32::MAX, 0);
        self.sorted.clear();
        let mut n_missing = 0;
        for row in &self.rows[node.start..node.end] {
            let value = order(column[*row as usize]);
            if value == u32::MAX {
                n_missing += 1;
            } else {
                low = low.min(value);
                high = high.max(value);
            }
            self.sorted.push(u64::from(value) << 32 | u64::from(*row));
        }
        if low > high || ordered(high) <= ordered(low) + NEAR {
            return None;
        }
        self.sorted.sort_unstable();
        Some(n_missing)
    }

    /// Tries every threshold of the feature that `sorted` is in order of.
    fn search(&mut self, feature: usize, n_missing: usize, best: &mut Option<Best>) {
        self.scan(feature, n_missing, false, best);
        if n_missing > 0 {
            self.scan(feature, n_missing, true, best);
            self.part_missing(feature, n_missing, best);
        }
    }

    /// Tries every threshold, with missing values on one side.
    fn scan(
        &mut self,
        feature: usize,
        n_missing: usize,
        missing_left: bool,
        best: &mut Option<Best>,
    ) {
        let (present, missing) = self.sorted.split_at(self.sorted.len() - n_missing);
        self.impurity.restart();
        let mut n_left = 0;
        if missing_left {
            missing.iter().for_each(|item| self.impurity.move_left(row(*item)));
            n_left = n_missing;
        }
        let n = self.sorted.len();
        let min = self.limits.min_samples_leaf;
        for pair in present.windows(2) {
            self.impurity.move_left(row(pair[0]));
            n_left += 1;
            let (below, above) = (value(pair[0]), value(pair[1]));
            if above <= below + NEAR || n_left < min || n - n_left < min {
                continue;
            }
            let gain = self.impurity.gain();
            if best.is_none_or(|best| gain > best.gain) && gain > f64::NEG_INFINITY {
                *best = Some(Best {
                    gain,
                    feature,
                    threshold: half_way(below, above),
                    // Without missing values to learn from they go with most.
                    missing_left: missing_left || (n_missing == 0 && n_left > n - n_left),
                });
            }
        }
    }

    /// Tries to part missing values from all others.
    fn part_missing(&mut self, feature: usize, n_missing: usize, best: &mut Option<Best>) {
        let present = self.sorted.len() - n_missing;
        let min = self.limits.min_samples_leaf;
        if present < min || n_missing < min {
            return;
        }
        self.impurity.restart();
        for item in &self.sorted[..present] {
            self.impurity.move_left(row(*item));
        }
        let gain = self.impurity.gain();
        if best.is_none_or(|best| gain > best.gain) && gain > f64::NEG_INFINITY {
            *best = Some(Best {
                gain,
                feature,
                threshold: f64::MAX,
                missing_left: false,
            });
        }
    }

    /// Puts the rows that go left before the others, and their targets into the
    /// left part; says how many they are.
    fn divide(&mut self, node: &Open, best: Best) -> usize {
        let column = self.columns.column(best.feature);
        let rows = &mut self.rows[node.start..node.end];
        self.impurity.restart();
        self.spare.clear();
        let mut n_left = 0;
        for at in 0..rows.len() {
            let row = rows[at];
            let value = column[row as usize];
            let goes_left = match value.is_nan() {
                true => best.missing_left,
                false => f64::from(value) <= best.threshold,
            };
            if goes_left {
                self.impurity.move_left(row);
                rows[n_left] = row;
                n_left += 1;
            } else {
                self.spare.push(row);
            }
        }
        rows[n_left..].copy_from_slice(&self.spare);
        n_left
    }
}

fn row(item: u64) -> u32 {
    item as u32
}

fn value(item: u64) -> f32 {
    ordered((item >> 32) as u32)
}

/// The middle of two values, unless rounding makes it the upper one.
fn half_way(below: f32, above: f32) -> f64 {
    let (below, above) = (f64::from(below), f64::from(above));
    let middle = below / 2.0 + above / 2.0;
    if middle == above { below } else { middle }
}

/// Makes the sum one, unless it is nothing.
pub(super) fn normalize(shares: &mut [f64]) {
    let sum: f64 = shares.iter().sum();
    if sum > 0.0 {
        shares.iter_mut().for_each(|share| *share /= sum);
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    use super::*;
    use crate::model::tree::impurity::Values;

    const LIMITS: Limits = Limits {
        max_depth: usize::MAX,
        min_samples_split: 2,
        min_samples_leaf: 1,
        max_features: usize::MAX,
        min_impurity_decrease: 0.0,
    };

    fn tree(x: &Array2<f64>, y: &[f64], limits: &Limits) -> Nodes {
        let columns = Columns::new(x.view()).unwrap();
        let weights = vec![1.0; y.len()];
        let rows = (0..y.len() as u32).collect();
        grow(&columns, rows, Values::new(y, &weights), limits, 0).nodes
    }

    #[test]
    fn a_threshold_lies_half_way() {
        let nodes = tree(&array![[1.0], [2.0], [4.0]], &[0.0, 0.0, 1.0], &LIMITS);
        assert_eq!(nodes.splits.len(), 1);
        assert_eq!(nodes.splits[0].threshold, 3.0);
    }

    #[test]
    fn values_that_lie_too_near_are_one() {
        let x = array![[1.0], [1.0 + 1e-8], [1.0]];
        assert!(tree(&x, &[0.0, 1.0, 2.0], &LIMITS).splits.is_empty());
    }

    #[test]
    fn missing_values_go_where_they_fit() {
        let nan = f64::NAN;
        let x = array![[0.0], [1.0], [nan], [10.0], [11.0], [nan]];
        let nodes = tree(&x, &[0.0, 0.0, 5.0, 5.0, 5.0, 5.0], &LIMITS);
        assert!(!nodes.splits[0].missing_left);
        let nodes = tree(&x, &[0.0, 0.0, 0.0, 5.0, 5.0, 0.0], &LIMITS);
        assert!(nodes.splits[0].missing_left);
        let nodes = tree(&x, &[5.0, 5.0, 0.0, 5.0, 5.0, 0.0], &LIMITS);
        assert_eq!(nodes.splits[0].threshold, f64::MAX);
        assert_eq!((nodes.say(&[nan])[0], nodes.say(&[1e300])[0]), (0.0, 5.0));
    }

    proptest! {
        #[test]
        fn a_leaf_says_the_mean_of_the_rows_that_come_to_it(
            cells in prop::collection::vec(
                prop_oneof![4 => (-3_i8..3).prop_map(f64::from), 1 => Just(f64::NAN)], 60),
            targets in prop::collection::vec(-2_i8..3, 20),
            min_samples_leaf in 1_usize..4,
            max_depth in 0_usize..6,
        ) {
            let x = Array2::from_shape_vec((20, 3), cells).unwrap();
            let y: Vec<f64> = targets.into_iter().map(f64::from).collect();
            let limits = Limits { min_samples_leaf, max_depth, ..LIMITS };
            let nodes = tree(&x, &y, &limits);
            prop_assert!(nodes.depth() <= max_depth);
            let mut sums = vec![(0, 0.0); nodes.n_leaves()];
            for (row, target) in x.rows().into_iter().zip(&y) {
                let leaf = &mut sums[nodes.leaf_of(&row.to_vec())];
                *leaf = (leaf.0 + 1, leaf.1 + target);
            }
            prop_assert_eq!(sums.iter().map(|leaf| leaf.0).sum::<usize>(), 20);
            for ((n, sum), said) in sums.into_iter().zip(&nodes.values) {
                prop_assert!(n >= min_samples_leaf);
                prop_assert!((sum / n as f64 - said).abs() < 1e-12);
            }
        }
    }
}
