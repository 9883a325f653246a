//! Values sorted into at most 255 bins, so that a split is found among bins.
//!
//! As scikit-learn's `_BinMapper`: a feature with few different values has a
//! bin for each, another one bins of about as many rows each.

use ndarray::{ArrayView1, ArrayView2};
use rayon::prelude::*;

use crate::model::tree::random::RandomState;

/// The bin of what is missing.
pub(super) const MISSING: u8 = u8::MAX;

/// The largest number of bins for values.
pub(super) const MOST: usize = MISSING as usize;

/// With more rows, bins are found on a sample of so many.
const SAMPLE: usize = 200_000;

/// For each feature, in ascending order, the largest value of every bin but the
/// last.
pub(super) struct Bins(Vec<Vec<f64>>);

/// The bins of rows, feature by feature.
pub(super) struct Binned {
    n_rows: usize,
    codes: Vec<u8>,
    has_missing: Vec<bool>,
}

impl Bins {
    /// Finds at most `max_bins` for each feature on these rows.
    pub(super) fn find(
        x: ArrayView2<'_, f64>,
        rows: &[u32],
        max_bins: usize,
        random: &mut RandomState,
    ) -> Self {
        let sample = (rows.len() > SAMPLE).then(|| {
            let places = random.sample(rows.len() as u32, SAMPLE as u32);
            places
                .iter()
                .map(|at| rows[*at as usize])
                .collect::<Vec<_>>()
        });
        let rows = sample.as_deref().unwrap_or(rows);
        let features = (0..x.ncols()).into_par_iter();
        Bins(
            features
                .map(|feature| find(x.column(feature), rows, max_bins))
                .collect(),
        )
    }

    /// The bin of each of these rows.
    pub(super) fn sort(&self, x: ArrayView2<'_, f64>, rows: &[u32]) -> Binned {
        let n_rows = rows.len();
        let mut codes = vec![0; n_rows * self.0.len()];
        let columns = codes.par_chunks_mut(n_rows.max(1)).zip(&self.0).enumerate();
        let has_missing = columns.map(|(feature, (codes, bounds))| {
            let column = x.column(feature);
            for (code, row) in codes.iter_mut().zip(rows) {
                *code = bin(column[*row as usize], bounds);
            }
            codes.contains(&MISSING)
        });
        let has_missing = has_missing.collect();
        Binned {
            n_rows,
            codes,
            has_missing,
        }
    }

    /// How many bins a feature has for values.
    pub(super) fn n_bins(&self, feature: usize) -> usize {
        self.0[feature].len() + 1
    }

    /// The threshold between this bin and the next one. Behind the last lie
    /// only missing values.
    pub(super) fn threshold(&self, feature: usize, bin: u8) -> f64 {
        let bounds = &self.0[feature];
        bounds.get(usize::from(bin)).copied().unwrap_or(f64::MAX)
    }
}

impl Binned {
    pub(super) fn n_rows(&self) -> usize {
        self.n_rows
    }

    pub(super) fn n_features(&self) -> usize {
        self.has_missing.len()
    }

    pub(super) fn column(&self, feature: usize) -> &[u8] {
        &self.codes[feature * self.n_rows..][..self.n_rows]
    }

    pub(super) fn has_missing(&self, feature: usize) -> bool {
        self.has_missing[feature]
    }
}

/// The bin of a value: how many bounds lie below it.
fn bin(value: f64, bounds: &[f64]) -> u8 {
    match value.is_nan() {
        true => MISSING,
        false => bounds.partition_point(|bound| *bound < value) as u8,
    }
}

fn find(column: ArrayView1<'_, f64>, rows: &[u32], max_bins: usize) -> Vec<f64> {
    let values = rows.iter().map(|row| column[*row as usize]);
    let mut values: Vec<f64> = values.filter(|value| !value.is_nan()).collect();
    values.sort_unstable_by(f64::total_cmp);
    let mut different = values.clone();
    different.dedup();
    if different.len() <= max_bins {
        let pairs = different.windows(2);
        pairs.map(|pair| half_way(pair[0], pair[1])).collect()
    } else {
        let step = 100.0 / max_bins as f64;
        let shares = (1..max_bins).map(|at| at as f64 * step / 100.0);
        shares.map(|share| middle(&values, share)).collect()
    }
}

/// Half way between the two values next to a share of them (NumPy's
/// `percentile` with the method `midpoint`).
fn middle(values: &[f64], share: f64) -> f64 {
    let at = (values.len() - 1) as f64 * share;
    half_way(values[at.floor() as usize], values[at.ceil() as usize])
}

/// Half way between two values, which may be as large as they can.
fn half_way(low: f64, high: f64) -> f64 {
    low * 0.5 + high * 0.5
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use proptest::prelude::*;

    use super::*;

    fn bins(values: &[f64], max_bins: usize) -> (Bins, Binned) {
        let x = Array2::from_shape_vec((values.len(), 1), values.to_vec()).unwrap();
        let rows: Vec<u32> = (0..values.len() as u32).collect();
        let bins = Bins::find(x.view(), &rows, max_bins, &mut RandomState::new(0));
        let binned = bins.sort(x.view(), &rows);
        (bins, binned)
    }

    #[test]
    fn few_values_have_a_bin_each() {
        let (bins, binned) = bins(&[3.0, 1.0, f64::NAN, 1.0, 2.0], MOST);
        assert_eq!(bins.0, [[1.5, 2.5]]);
        assert_eq!(binned.column(0), [2, 0, MISSING, 0, 1]);
        assert!(binned.has_missing(0));
        assert_eq!(bins.threshold(0, 2), f64::MAX);
    }

    #[test]
    fn many_values_are_spread_evenly() {
        let values: Vec<f64> = (0..1_000).map(f64::from).collect();
        let (bins, binned) = bins(&values, 4);
        assert_eq!(bins.0, [[249.5, 499.5, 749.5]]);
        assert_eq!(binned.column(0)[250], 1);
    }

    proptest! {
        #[test]
        fn a_bin_and_its_threshold_say_the_same(
            values in prop::collection::vec(prop_oneof![any::<f64>(), -2.0..2.0, Just(1.0)], 1..60),
            max_bins in 2_usize..9,
        ) {
            let values: Vec<f64> = values.into_iter().filter(|value| !value.is_infinite()).collect();
            prop_assume!(!values.is_empty());
            let (bins, binned) = bins(&values, max_bins);
            prop_assert!(bins.n_bins(0) <= max_bins);
            for (value, code) in values.iter().zip(binned.column(0)) {
                for bin in 0..bins.n_bins(0) as u8 {
                    prop_assert_eq!(!value.is_nan() && *code <= bin, *value <= bins.threshold(0, bin));
                }
            }
        }
    }
}
