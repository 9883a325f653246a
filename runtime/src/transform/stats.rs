//! What is learnt of numbers. Sums are compensated (Neumaier, *Rundungsfehler-
//! analyse einiger Verfahren zur Summation endlicher Summen*, 1974), so that
//! the order of rows hardly matters.

use super::column::Column;
use super::fault::Fault;
use super::frame::Frame;

/// The values of a column that are not missing. Fails where it holds no
/// numbers, none at all, or an infinite one.
pub(super) fn present(frame: &Frame, name: &str) -> Result<Vec<f64>, Fault> {
    let values = finite(frame.column(name)?, name)?;
    match values.is_empty() {
        true => Err(Fault::NoValues {
            column: name.to_owned(),
        }),
        false => Ok(values),
    }
}

fn finite(column: &Column, name: &str) -> Result<Vec<f64>, Fault> {
    let values = column.numbers(name)?;
    if let Some(row) = values.values().iter().position(|value| value.is_infinite()) {
        let problem = "is infinite: clip it, or drop the row";
        return Err(Fault::value(name, row, values.value(row), problem));
    }
    let present = values.values().iter().filter(|value| !value.is_nan());
    Ok(present.copied().collect())
}

/// NaN of no values.
pub(super) fn mean(values: &[f64]) -> f64 {
    sum(values.iter().copied()) / values.len() as f64
}

/// The mean of squared distances from the mean, with `ddof` less than the
/// number of values below the line; NaN where that is not above zero.
pub(super) fn variance(values: &[f64], ddof: usize) -> f64 {
    let mean = mean(values);
    let below = values.len() as f64 - ddof as f64;
    let squares = sum(values.iter().map(|value| (value - mean).powi(2)));
    if below > 0.0 {
        squares / below
    } else {
        f64::NAN
    }
}

pub(super) fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0f64, 0.0f64);
    for value in values {
        let next = sum + value;
        lost += match sum.abs() >= value.abs() {
            true => (sum - next) + value,
            false => (value - next) + sum,
        };
        sum = next;
    }
    if lost.is_finite() { sum + lost } else { sum }
}

/// Middle of sorted values, or the mean of the two in the middle; NaN of none.
pub(super) fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    match (sorted.len(), sorted.len() % 2) {
        (0, _) => f64::NAN,
        (_, 1) => sorted[half],
        _ => (sorted[half - 1] + sorted[half]) / 2.0,
    }
}

/// The quantile `q` in [0, 1] of sorted values, interpolated as NumPy's method
/// `linear` (Hyndman and Fan's type 7), from the nearer of both neighbours;
/// NaN of none.
pub(super) fn quantile(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = q * last as f64;
    let below = (place.floor() as usize).min(last);
    let above = (below + 1).min(last);
    let (low, high, share) = (sorted[below], sorted[above], place - below as f64);
    let step = high - low;
    match share >= 0.5 {
        true => high - step * (1.0 - share),
        false => low + step * share,
    }
}

pub(super) fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_lose_nothing_that_fits() {
        assert_eq!(sum([1e100, 1.0, -1e100].into_iter()), 1.0);
        assert_eq!(sum([f64::INFINITY, 1.0].into_iter()), f64::INFINITY);
    }

    #[test]
    fn quantiles_lie_between_neighbours() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        assert_eq!(quantile(&sorted, 0.0), 1.0);
        assert_eq!(quantile(&sorted, 0.5), 3.0);
        assert_eq!(quantile(&sorted, 1.0), 8.0);
        assert_eq!(median(&sorted), 3.0);
        assert!(quantile(&[], 0.5).is_nan());
    }
}
