//! Growing one tree, depth first, with the best split at every node.
//!
//! CART (Breiman, Friedman, Olshen and Stone 1984) as scikit-learn 1.5 grows
//! it: the threshold lies half way between two neighbouring values, computed in
//! double precision from values in single precision. Among splits that are
//! equally good the one seen first stays: features are seen in the order in
//! which the seed draws them, thresholds from below, and missing values are
//! first tried on the right, then on the left, then alone. Where rounding makes the difference, sums run over
//! the rows in scikit-learn's order, so that it is the same difference.

use super::columns::{Columns, NEAR};
use super::features::Features;
use super::impurity::Impurity;
use super::nodes::{Nodes, Place};
use super::partition::{part, read_with_missing};
use super::random::Xorshift;
use super::sort::{Item, sort};

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
    /// How many rows go left that have a value.
    n_left: usize,
    n_missing: usize,
}

struct Grower<'a, I> {
    columns: &'a Columns,
    limits: &'a Limits,
    impurity: I,
    random: Xorshift,
    features: Features,
    /// The rows; those of a node lie together.
    items: Vec<Item>,
}

/// A place in the rows of a node by one feature; those before it are on the
/// left.
struct Cursor {
    at: usize,
    missing_left: bool,
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
        items: rows
            .into_iter()
            .map(|row| Item { value: 0.0, row })
            .collect(),
    };
    grower.grow()
}

impl<I: Impurity> Grower<'_, I> {
    fn grow(&mut self) -> Grown {
        let mut nodes = Nodes::new(self.impurity.n_values());
        let mut importances = vec![0.0; self.columns.n_features()];
        self.impurity.enter(&self.items);
        let all = self.impurity.weight();
        let mut open = vec![Open {
            place: Place::Root,
            start: 0,
            end: self.items.len(),
            depth: 0,
            impurity: self.impurity.impurity(),
            n_constant: 0,
        }];
        while let Some(node) = open.pop() {
            self.impurity.enter(&self.items[node.start..node.end]);
            let Some((best, n_constant)) = self.look(&node) else {
                nodes.leaf(node.place, |values| self.impurity.value(values));
                continue;
            };
            let weight = self.impurity.weight();
            let (at, (left, right)) = self.divide(&node, best);
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
                    self.search(node, feature, n_missing, &mut best);
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
        let items = &mut self.items[node.start..node.end];
        let n_missing = match self.columns.has_missing(feature) {
            true => read_with_missing(column, items),
            false => {
                items
                    .iter_mut()
                    .for_each(|item| item.value = column[item.row as usize]);
                0
            }
        };
        let present = &mut items[..node.end - node.start - n_missing];
        sort(present);
        let (low, high) = (present.first()?.value, present.last()?.value);
        (high > low + NEAR).then_some(n_missing)
    }

    /// Tries every threshold of the feature that the rows are in order of.
    fn search(&mut self, node: &Open, feature: usize, n_missing: usize, best: &mut Option<Best>) {
        let n_present = node.end - node.start - n_missing;
        let missing = &self.items[node.start + n_present..node.end];
        self.impurity.set_missing(missing);
        self.scan(node, feature, n_missing, false, best);
        if n_missing > 0 {
            self.scan(node, feature, n_missing, true, best);
            self.part_missing(node, feature, n_missing, best);
        }
    }

    /// Tries every threshold, with missing values on one side.
    fn scan(
        &mut self,
        node: &Open,
        feature: usize,
        n_missing: usize,
        missing_left: bool,
        best: &mut Option<Best>,
    ) {
        let items = &self.items[node.start..node.end];
        let present = &items[..items.len() - n_missing];
        let mut cursor = Cursor::start(&mut self.impurity, missing_left);
        for at in 1..present.len() {
            let (below, above) = (present[at - 1].value, present[at].value);
            if above <= below + NEAR {
                continue;
            }
            let n_left = if missing_left { at + n_missing } else { at };
            let n_right = items.len() - n_left;
            if n_left.min(n_right) < self.limits.min_samples_leaf {
                continue;
            }
            cursor.advance(&mut self.impurity, present, at);
            consider(best, || Best {
                gain: self.impurity.gain(),
                feature,
                threshold: half_way(below, above),
                // Without missing values to learn from they go with most.
                missing_left: missing_left || (n_missing == 0 && n_left > n_right),
                n_left: at,
                n_missing,
            });
        }
    }

    /// Tries to part missing values from all others.
    fn part_missing(
        &mut self,
        node: &Open,
        feature: usize,
        n_missing: usize,
        best: &mut Option<Best>,
    ) {
        let n_present = node.end - node.start - n_missing;
        if n_present.min(n_missing) < self.limits.min_samples_leaf {
            return;
        }
        self.impurity.all_left(false);
        consider(best, || Best {
            gain: self.impurity.gain(),
            feature,
            threshold: f64::MAX,
            missing_left: false,
            n_left: n_present,
            n_missing,
        });
    }

    /// Puts the rows that go left before the others, and says where these
    /// begin, and how mixed both parts are.
    fn divide(&mut self, node: &Open, best: Best) -> (usize, (f64, f64)) {
        let column = self.columns.column(best.feature);
        let items = &mut self.items[node.start..node.end];
        let n_present = items.len() - best.n_missing;
        part(column, items, best.threshold, best.n_missing);
        let (present, missing) = items.split_at(n_present);
        self.impurity.set_missing(missing);
        let missing_left = best.missing_left && best.n_missing > 0;
        let mut cursor = Cursor::start(&mut self.impurity, missing_left);
        cursor.advance(&mut self.impurity, present, best.n_left);
        let on_left: &[Item] = if missing_left { missing } else { &[] };
        let left = present[..best.n_left].iter().chain(on_left);
        let parts = self.impurity.parts(left);
        let mut at = best.n_left;
        if missing_left {
            for place in 0..best.n_missing {
                items.swap(at + place, items.len() - 1 - place);
            }
            at += best.n_missing;
        }
        (node.start + at, parts)
    }
}

impl Cursor {
    fn start(impurity: &mut impl Impurity, missing_left: bool) -> Self {
        impurity.all_right(missing_left);
        Cursor {
            at: 0,
            missing_left,
        }
    }

    /// Goes on to a place, from where it is or from the end, whichever is
    /// nearer.
    fn advance(&mut self, impurity: &mut impl Impurity, present: &[Item], to: usize) {
        if to - self.at <= present.len() - to {
            present[self.at..to]
                .iter()
                .for_each(|item| impurity.move_left(item.row));
        } else {
            impurity.all_left(self.missing_left);
            let back = present[to..].iter().rev();
            back.for_each(|item| impurity.move_right(item.row));
        }
        self.at = to;
    }
}

/// Keeps the better of two splits, the first of equals.
fn consider(best: &mut Option<Best>, split: impl FnOnce() -> Best) {
    let split = split();
    if split.gain > best.map_or(f64::NEG_INFINITY, |best| best.gain) {
        *best = Some(split);
    }
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
