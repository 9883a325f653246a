//! Whether of the rows given 70 %, seven in ten are positive.

use serde::{Deserialize, Serialize};

use super::average::{Sum, mean};
use super::sample::Classified;
use super::undefined::{Score, Undefined};

/// Where the bins of a calibration curve end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bins {
    /// Equally wide.
    Uniform(usize),
    /// With equally many rows, as far as equal probabilities allow.
    Quantile(usize),
}

/// Rows of two classes by their probability, and how many are positive.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Those with rows, by rising probability.
    pub bins: Vec<CalibrationBin>,
}

/// Rows with about the same probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibrationBin {
    /// The mean probability of the positive class.
    pub predicted: f64,
    /// The share of positive rows.
    pub observed: f64,
    /// What the rows weigh.
    pub weight: f64,
}

/// The curve: scikit-learn's `calibration_curve`, and with weights the same of
/// weighted rows (bins by quantiles are those of the rows without weights).
/// A probability on the edge of two bins is in the lower one. No bins are one.
pub fn calibration(classified: &Classified, bins: Bins) -> Result<Calibration, Undefined> {
    let probabilities = classified.positive_probabilities()?;
    if probabilities.is_empty() {
        return Err(Undefined::Empty);
    }
    let edges = bins.inner_edges(probabilities.to_vec());
    let mut sums = vec![[Sum::default(); 3]; edges.len() + 1];
    for (row, p) in probabilities.iter().enumerate() {
        let bin = &mut sums[edges.partition_point(|edge| edge < p)];
        let weight = classified.weight(row);
        bin[0].add(weight * p);
        bin[1].add(weight * classified.truth()[row] as f64);
        bin[2].add(weight);
    }
    let bin = |sums: [Sum; 3]| {
        let [predicted, positive, weight] = sums.map(Sum::value);
        (weight > 0.0).then(|| CalibrationBin {
            predicted: predicted / weight,
            observed: positive / weight,
            weight,
        })
    };
    let bins: Vec<CalibrationBin> = sums.into_iter().filter_map(bin).collect();
    match bins.is_empty() {
        true => Err(Undefined::NoWeight),
        false => Ok(Calibration { bins }),
    }
}

impl Calibration {
    /// The expected calibration error: the mean distance of what was predicted
    /// from what was observed, each bin weighing as its rows do (Naeini, Cooper
    /// and Hauskrecht 2015, §3).
    pub fn expected_error(&self) -> Score {
        let apart = self
            .bins
            .iter()
            .map(|bin| (bin.predicted - bin.observed).abs());
        let weights: Vec<f64> = self.bins.iter().map(|bin| bin.weight).collect();
        mean(apart, Some(&weights))
    }
}

impl Bins {
    /// Between the bins, rising.
    fn inner_edges(self, mut probabilities: Vec<f64>) -> Vec<f64> {
        match self {
            Bins::Uniform(n) => (1..n).map(|bin| bin as f64 * (1.0 / n as f64)).collect(),
            Bins::Quantile(n) => {
                probabilities.sort_by(f64::total_cmp);
                let edge = |bin: usize| quantile(&probabilities, bin as f64 * (1.0 / n as f64));
                (1..n).map(edge).collect()
            }
        }
    }
}

/// The quantile of sorted values, between two of them by linear interpolation
/// (Hyndman and Fan 1996, type 7; NumPy's default). NaN of nothing.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = (place.floor() as usize).min(last);
    let above = (below + 1).min(last);
    let (a, b, t) = (sorted[below], sorted[above], place - below as f64);
    // As NumPy has it, so that both ends come out exactly.
    match t >= 0.5 {
        true => b - (b - a) * (1.0 - t),
        false => a + (b - a) * t,
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    fn classified(truth: Vec<usize>, positive: &[f64]) -> Classified {
        let p = |(row, class): (usize, usize)| match class {
            1 => positive[row],
            _ => 1.0 - positive[row],
        };
        Classified::probabilities(truth, Array2::from_shape_fn((positive.len(), 2), p)).unwrap()
    }

    #[test]
    fn a_bin_holds_what_was_predicted_and_what_came() {
        let rows = classified(vec![0, 1, 1, 1], &[0.1, 0.3, 0.7, 0.9]);
        let curve = calibration(&rows, Bins::Uniform(2)).unwrap();
        let points: Vec<_> = curve
            .bins
            .iter()
            .map(|b| (b.predicted, b.observed))
            .collect();
        assert_eq!(points, [(0.2, 0.5), (0.8, 1.0)]);
        assert!((curve.expected_error().unwrap() - 0.25).abs() < 1e-15);
    }

    #[test]
    fn any_number_of_bins_will_do() {
        let rows = classified(vec![0, 1], &[0.0, 1.0]);
        for bins in [Bins::Uniform(0), Bins::Quantile(0), Bins::Quantile(1)] {
            assert_eq!(calibration(&rows, bins).unwrap().bins.len(), 1);
        }
        let none = classified(vec![], &[]);
        assert_eq!(calibration(&none, Bins::Uniform(5)), Err(Undefined::Empty));
    }

    #[test]
    fn quantiles_lie_between_values() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), 3.0);
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 1.0), 4.0);
        assert!(quantile(&[], 0.5).is_nan());
    }
}
