//! The population stability index: how much shares have moved.

use super::shares::Tally;
use crate::metrics::quantile;

/// What an empty share counts as, so that its logarithm is finite. Where the
/// least share is not above it, a millionth of that.
const EMPTY: f64 = 0.0001;

/// The index of two sets of shares: Σ (r − c) ln(r / c), 0 where they are the
/// same. An empty share counts as 0.0001, or as a millionth of the least other
/// one where that is no more.
pub(super) fn of_tally(tally: &Tally) -> f64 {
    let [reference, current] = tally.shares().map(filled);
    psi(&reference, &current)
}

/// The index of shares that are all above 0.
pub fn psi(reference: &[f64], current: &[f64]) -> f64 {
    let pairs = reference.iter().zip(current);
    pairs.map(|(r, c)| (r - c) * (r / c).ln()).sum()
}

fn filled(shares: Vec<f64>) -> Vec<f64> {
    let some = shares.iter().copied().filter(|share| *share > 0.0);
    let least = some.fold(f64::INFINITY, f64::min);
    let empty = if least <= EMPTY { least / 1e6 } else { EMPTY };
    let fill = |share: f64| if share > 0.0 { share } else { empty };
    shares.into_iter().map(fill).collect()
}

/// Bins that hold equal shares of a reference, kept instead of it. Many
/// monoliths watch drift so.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ReferenceBins {
    /// Between the bins, rising. A value on an edge is in the bin above.
    pub edges: Vec<f64>,
    /// The share of the reference in each bin, at least 0.0001.
    pub shares: Vec<f64>,
}

impl ReferenceBins {
    /// Bins between the quantiles of the reference; equal ones are one. None of
    /// no values.
    pub fn of(reference: &[f64], n_bins: usize) -> Option<ReferenceBins> {
        let mut sorted = super::finite(reference.iter().copied());
        sorted.sort_by(f64::total_cmp);
        let n_bins = n_bins.clamp(1, 1_000);
        let edge = |bin: usize| quantile(&sorted, bin as f64 * (1.0 / n_bins as f64));
        let mut edges: Vec<f64> = (0..=n_bins).map(edge).collect();
        edges.dedup();
        let inner = edges.get(1..edges.len() - 1).unwrap_or_default().to_vec();
        let shares = floored_shares(&sorted, &inner)?;
        Some(ReferenceBins {
            edges: inner,
            shares,
        })
    }

    /// The index of current values against the reference; None of no values, or
    /// where there are not as many shares as bins.
    pub fn psi(&self, current: &[f64]) -> Option<f64> {
        let shares = floored_shares(&super::finite(current.iter().copied()), &self.edges)?;
        (shares.len() == self.shares.len()).then(|| psi(&shares, &self.shares))
    }
}

fn floored_shares(values: &[f64], edges: &[f64]) -> Option<Vec<f64>> {
    let mut counts = vec![0.0; edges.len() + 1];
    for value in values {
        counts[edges.partition_point(|edge| edge <= value)] += 1.0;
    }
    let share = |count: f64| (count / values.len() as f64).max(EMPTY);
    (!values.is_empty()).then(|| counts.into_iter().map(share).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_share_is_small_and_not_nothing() {
        assert_eq!(filled(vec![0.5, 0.0, 0.5]), [0.5, 0.0001, 0.5]);
        assert_eq!(filled(vec![0.99995, 0.00005, 0.0])[2], 0.00005 / 1e6);
    }

    #[test]
    fn reference_bins_hold_equal_shares() {
        let reference: Vec<f64> = (0..100).map(f64::from).collect();
        let bins = ReferenceBins::of(&reference, 4).unwrap();
        assert_eq!(bins.edges, [24.75, 49.5, 74.25]);
        assert_eq!(bins.shares, [0.25; 4]);
        assert_eq!(bins.psi(&reference), Some(0.0));
        assert!(bins.psi(&[99.0; 10]).unwrap() > 5.0);
        assert_eq!(bins.psi(&[f64::NAN]), None);
        let constant = ReferenceBins::of(&[3.0; 9], 10).unwrap();
        assert_eq!((constant.edges.len(), constant.shares.len()), (0, 1));
        assert_eq!(ReferenceBins::of(&[], 10), None);
    }
}
