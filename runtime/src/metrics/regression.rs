//! How far predicted numbers are from the true ones.

use super::average::{Sum, mean};
use super::calibration::quantile;
use super::sample::Regressed;
use super::undefined::{Score, Undefined, finite};

/// The mean of the distances.
pub fn mean_absolute_error(regressed: &Regressed) -> Score {
    mean(distances(regressed), regressed.weights())
}

/// The root of the mean squared distance.
pub fn root_mean_squared_error(regressed: &Regressed) -> Score {
    let squares = distances(regressed).map(|distance| distance.powi(2));
    mean(squares, regressed.weights()).map(f64::sqrt)
}

/// The mean distance in terms of the true number; one nearer to 0 than 2⁻⁵²
/// counts as that, as scikit-learn has it.
pub fn mean_absolute_percentage_error(regressed: &Regressed) -> Score {
    let pairs = distances(regressed).zip(regressed.truth());
    let shares = pairs.map(|(distance, truth)| distance / truth.abs().max(f64::EPSILON));
    mean(shares, regressed.weights())
}

/// The middle one of the distances. With weights, the least one such that the
/// rows at most so far apart weigh half of all.
pub fn median_absolute_error(regressed: &Regressed) -> Score {
    let mut distances: Vec<f64> = distances(regressed).collect();
    if distances.is_empty() {
        return Err(Undefined::Empty);
    }
    match regressed.weights() {
        Some(weights) => weighted_median(&distances, weights),
        None => {
            distances.sort_by(f64::total_cmp);
            finite(quantile(&distances, 0.5))
        }
    }
}

/// The share of the truth's variance that the predictions explain. Of a truth
/// without variance, 1 where all predictions are right and 0 otherwise.
pub fn r2(regressed: &Regressed) -> Score {
    if regressed.truth().len() == 1 {
        return Err(Undefined::OneRow);
    }
    let weights = regressed.weights();
    let center = mean(regressed.truth().iter().copied(), weights)?;
    let squares = |distances: &mut dyn Iterator<Item = f64>| {
        let mut sum = Sum::default();
        for (row, distance) in distances.enumerate() {
            sum.add(weights.map_or(1.0, |weights| weights[row]) * distance.powi(2));
        }
        sum.value()
    };
    let left = squares(&mut distances(regressed));
    let all = squares(&mut regressed.truth().iter().map(|truth| truth - center));
    match (left, all) {
        (0.0, 0.0) => Ok(1.0),
        (_, 0.0) => Ok(0.0),
        (left, all) => finite(1.0 - left / all),
    }
}

fn distances(regressed: &Regressed) -> impl Iterator<Item = f64> {
    let pairs = regressed.truth().iter().zip(regressed.predicted());
    pairs.map(|(truth, predicted)| (truth - predicted).abs())
}

fn weighted_median(values: &[f64], weights: &[f64]) -> Score {
    let mut rows: Vec<usize> = (0..values.len())
        .filter(|row| weights[*row] > 0.0)
        .collect();
    rows.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    // Summed plainly and in order: where half the weight lies on an edge, the
    // last bit decides, and this is how scikit-learn adds.
    let mut sum = 0.0;
    let upto = |row: &usize| {
        sum += weights[*row];
        sum
    };
    let sums: Vec<f64> = rows.iter().map(upto).collect();
    let half = sums.last().ok_or(Undefined::NoWeight)? * 0.5;
    let place = sums.partition_point(|sum| *sum < half);
    finite(values[rows[place.min(rows.len() - 1)]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regressed(truth: &[f64], predicted: &[f64]) -> Regressed {
        Regressed::new(truth.to_vec(), predicted.to_vec()).unwrap()
    }

    #[test]
    fn distances_and_their_means() {
        let rows = regressed(&[3.0, -0.5, 2.0, 7.0], &[2.5, 0.0, 2.0, 8.0]);
        assert_eq!(mean_absolute_error(&rows), Ok(0.5));
        assert_eq!(median_absolute_error(&rows), Ok(0.5));
        assert_eq!(root_mean_squared_error(&rows), Ok(0.375_f64.sqrt()));
        let weighted = rows.with_weights(vec![0.0, 0.0, 1.0, 3.0]).unwrap();
        assert_eq!(mean_absolute_error(&weighted), Ok(0.75));
        assert_eq!(median_absolute_error(&weighted), Ok(1.0));
    }

    #[test]
    fn a_truth_without_variance_is_explained_or_not() {
        assert_eq!(r2(&regressed(&[2.0, 2.0], &[2.0, 2.0])), Ok(1.0));
        assert_eq!(r2(&regressed(&[2.0, 2.0], &[2.0, 3.0])), Ok(0.0));
        assert_eq!(r2(&regressed(&[2.0], &[2.0])), Err(Undefined::OneRow));
        assert_eq!(r2(&regressed(&[], &[])), Err(Undefined::Empty));
    }

    #[test]
    fn what_is_too_large_is_said() {
        let far = regressed(&[f64::MAX, 0.0], &[f64::MIN, 0.0]);
        assert_eq!(mean_absolute_error(&far), Err(Undefined::Overflow));
        assert_eq!(r2(&far), Err(Undefined::Overflow));
    }
}
