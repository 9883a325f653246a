//! The best split of a node, found among bins.
//!
//! Chen and Guestrin, *XGBoost* (2016): equation 5 for what a leaf says,
//! equation 7 for what a split gains, algorithm 3 for missing values, which are
//! tried on both sides.

use super::bins::{Binned, Bins};
use super::histogram::{BINS, Sum};

/// Hessians of a child must sum to this at least.
const MIN_HESSIAN: f64 = 1e-3;

/// What the rows of a node come to, and what it says of them as it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Totals {
    pub(super) gradient: f64,
    pub(super) hessian: f64,
    pub(super) n: u32,
    pub(super) value: f64,
}

/// A split of a node; rows up to the bin go left.
#[derive(Clone, Copy, Debug)]
pub(super) struct BinSplit {
    pub(super) gain: f64,
    pub(super) feature: usize,
    pub(super) bin: u8,
    pub(super) missing_left: bool,
    pub(super) left: Totals,
    pub(super) right: Totals,
}

/// What a split must keep to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) min_samples_leaf: u32,
    pub(super) l2_regularization: f64,
}

impl Totals {
    /// Those of rows with these sums.
    fn new(gradient: f64, hessian: f64, n: u32, rules: &Rules) -> Self {
        Totals {
            gradient,
            hessian,
            n,
            value: -gradient / (hessian + rules.l2_regularization + 1e-15),
        }
    }

    fn loss(&self) -> f64 {
        self.gradient * self.value
    }

    fn is_enough(&self, rules: &Rules) -> bool {
        self.n >= rules.min_samples_leaf && self.hessian >= MIN_HESSIAN
    }
}

/// The split that gains most; of several as good, the first feature's, and the
/// lowest threshold. None if no split gains anything.
pub(super) fn best_split(
    node: &Totals,
    histogram: &[Sum],
    bins: &Bins,
    binned: &Binned,
    rules: &Rules,
) -> Option<BinSplit> {
    let mut best: Option<BinSplit> = None;
    for (feature, sums) in histogram.chunks(BINS).enumerate() {
        let n_bins = bins.n_bins(feature);
        let search = Search {
            node,
            feature,
            sums,
            rules,
        };
        let has_missing = binned.has_missing(feature);
        // Behind the last bin only missing values are left to go right.
        let to_right = if has_missing { n_bins } else { n_bins - 1 };
        let mut found = search.scan_up(to_right);
        if has_missing {
            found = search.scan_down(n_bins, found);
        }
        if let Some(found) = found
            && best.is_none_or(|best| found.gain > best.gain)
        {
            best = Some(found);
        }
    }
    best
}

/// The splits of a node by one feature.
struct Search<'a> {
    node: &'a Totals,
    feature: usize,
    sums: &'a [Sum],
    rules: &'a Rules,
}

impl Search<'_> {
    /// Splits behind each of the first bins; what is missing goes right.
    fn scan_up(&self, n_bins: usize) -> Option<BinSplit> {
        let mut best = None;
        let mut side = Sum::default();
        for bin in 0..n_bins {
            add(&mut side, self.sums[bin]);
            let (left, right) = self.sides(side);
            if !left.is_enough(self.rules) {
                continue;
            }
            if !right.is_enough(self.rules) {
                break;
            }
            self.try_split(bin, left, right, false, &mut best);
        }
        best
    }

    /// Splits before each bin but the first; what is missing goes left.
    fn scan_down(&self, n_bins: usize, mut best: Option<BinSplit>) -> Option<BinSplit> {
        let mut side = Sum::default();
        for bin in (1..n_bins).rev() {
            add(&mut side, self.sums[bin]);
            let (right, left) = self.sides(side);
            if !right.is_enough(self.rules) {
                continue;
            }
            if !left.is_enough(self.rules) {
                break;
            }
            self.try_split(bin - 1, left, right, true, &mut best);
        }
        best
    }

    /// One side, and the rest of the node.
    fn sides(&self, side: Sum) -> (Totals, Totals) {
        let Totals {
            gradient,
            hessian,
            n,
            ..
        } = *self.node;
        (
            Totals::new(side.gradient, side.hessian, side.n, self.rules),
            Totals::new(
                gradient - side.gradient,
                hessian - side.hessian,
                n - side.n,
                self.rules,
            ),
        )
    }

    fn try_split(
        &self,
        bin: usize,
        left: Totals,
        right: Totals,
        missing_left: bool,
        best: &mut Option<BinSplit>,
    ) {
        let gain = self.node.gradient * self.node.value - left.loss() - right.loss();
        if gain > best.map_or(0.0, |best| best.gain) {
            *best = Some(BinSplit {
                gain,
                feature: self.feature,
                bin: bin as u8,
                missing_left,
                left,
                right,
            });
        }
    }
}

fn add(side: &mut Sum, bin: Sum) {
    side.gradient += bin.gradient;
    side.hessian += bin.hessian;
    side.n += bin.n;
}
