//! [`Numbers`]: what a column of numbers is like.

use serde::{Deserialize, Serialize};

use super::sketch::{Distinct, Quantiles};

/// What a column of numbers is like. Figures are of finite values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Numbers {
    /// Finite values.
    pub count: u64,
    /// Null or NaN.
    pub missing: u64,
    /// Infinite ones.
    pub infinite: u64,
    /// The least; None where there are none.
    pub min: Option<f64>,
    /// The greatest.
    pub max: Option<f64>,
    mean: f64,
    /// The sum of squared distances from the mean (Welford 1962).
    squares: f64,
    quantiles: Quantiles,
    distinct: Distinct,
}

impl Numbers {
    /// One more value.
    pub fn add(&mut self, value: Option<f64>) {
        match value {
            Some(value) if value.is_finite() => self.add_finite(value),
            Some(value) if value.is_infinite() => self.infinite += 1,
            _ => self.missing += 1,
        }
    }

    /// Those of another column, too.
    pub fn merge(&mut self, other: &Numbers) {
        let counts = [self.count as f64, other.count as f64];
        let all = counts[0] + counts[1];
        if other.count > 0 {
            // Chan, Golub and LeVeque 1983.
            let apart = bounded(other.mean - self.mean);
            let between = apart * (apart * (counts[0] * counts[1] / all));
            self.mean = bounded(self.mean + apart * (counts[1] / all));
            self.squares = bounded(self.squares + other.squares + between);
        }
        self.min = either(self.min, other.min, f64::min);
        self.max = either(self.max, other.max, f64::max);
        self.count = self.count.saturating_add(other.count);
        self.missing = self.missing.saturating_add(other.missing);
        self.infinite = self.infinite.saturating_add(other.infinite);
        self.quantiles.merge(&other.quantiles);
        self.distinct.merge(&other.distinct);
    }

    /// None where there are no values.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// The standard deviation of the values as a sample; None of fewer than two.
    pub fn std(&self) -> Option<f64> {
        (self.count > 1).then(|| (self.squares / (self.count - 1) as f64).sqrt())
    }

    /// Such that about this share of the values is not above it.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        self.quantiles.quantile(share)
    }

    /// About which share of the values lies outside two bounds.
    pub fn share_outside(&self, min: f64, max: f64) -> Option<f64> {
        if self.min? >= min && self.max? <= max {
            return Some(0.0);
        }
        let (below, upto) = (self.quantiles.rank(min)?, self.quantiles.rank(max)?);
        Some((below + 1.0 - upto).clamp(0.0, 1.0))
    }

    /// How many distinct values, and whether that is exact: above 1,000 it is
    /// told to about 2 %.
    pub fn distinct(&self) -> (u64, bool) {
        self.distinct.count()
    }

    fn add_finite(&mut self, value: f64) {
        self.count += 1;
        let apart = bounded(value - self.mean);
        self.mean = bounded(self.mean + apart / self.count as f64);
        self.squares = bounded(self.squares + apart * (value - self.mean));
        self.min = either(self.min, Some(value), f64::min);
        self.max = either(self.max, Some(value), f64::max);
        self.quantiles.add(value);
        // Zero has no sign.
        self.distinct.add((value + 0.0).to_bits());
    }
}

/// A figure that stays finite, so that a document can hold it.
fn bounded(value: f64) -> f64 {
    value.clamp(f64::MIN, f64::MAX)
}

fn either(a: Option<f64>, b: Option<f64>, of: fn(f64, f64) -> f64) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(of(a, b)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: impl IntoIterator<Item = f64>) -> Numbers {
        let mut numbers = Numbers::default();
        values
            .into_iter()
            .for_each(|value| numbers.add(Some(value)));
        numbers
    }

    #[test]
    fn figures_of_ten_thousand_values() {
        let numbers = of((0..10_000).map(f64::from).chain([f64::NAN, f64::INFINITY]));
        assert_eq!(
            (numbers.count, numbers.missing, numbers.infinite),
            (10_000, 1, 1)
        );
        assert_eq!((numbers.min, numbers.max), (Some(0.0), Some(9_999.0)));
        assert!((numbers.mean().unwrap() - 4_999.5).abs() < 1e-9);
        assert!((numbers.std().unwrap() - 2_886.895_679_907).abs() < 1e-6);
        assert!((numbers.quantile(0.25).unwrap() - 2_500.0).abs() < 50.0);
        let outside = numbers.share_outside(1_000.0, 9_000.0).unwrap();
        assert!((outside - 0.2).abs() < 0.01, "{outside}");
        let (distinct, exact) = numbers.distinct();
        assert!(!exact && (9_500..10_500).contains(&distinct), "{distinct}");
        assert_eq!(of([0.0, -0.0, 2.0]).distinct(), (2, true));
        assert_eq!((of([]).mean(), of([1.0]).std()), (None, None));
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole(
            values in prop::collection::vec(prop_oneof![9 => -1e3..1e3_f64, 1 => any::<f64>()], 0..60),
            at in any::<prop::sample::Index>(),
        ) {
            let (left, right) = values.split_at(at.index(values.len() + 1));
            let whole = of(values.iter().copied());
            let mut parts = of(left.iter().copied());
            parts.merge(&of(right.iter().copied()));
            prop_assert_eq!((parts.count, parts.missing), (whole.count, whole.missing));
            prop_assert_eq!((parts.min, parts.max), (whole.min, whole.max));
            prop_assert_eq!(parts.distinct(), whole.distinct());
            let text = serde_json::to_string(&parts).unwrap();
            let read: Numbers = serde_json::from_str(&text).unwrap();
            prop_assert_eq!((read.count, read.mean, read.squares), (parts.count, parts.mean, parts.squares));
            prop_assert_eq!((read.min, read.max, read.distinct()), (parts.min, parts.max, parts.distinct()));
            if let (Some(a), Some(b)) = (parts.mean(), whole.mean())
                && values.iter().all(|value| value.abs() < 1e3)
            {
                prop_assert!((a - b).abs() < 1e-9);
                prop_assert!((parts.squares - whole.squares).abs() < 1e-6);
            }
        }
    }
}
