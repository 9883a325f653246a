//! [`Sketch`]: a distribution in bounded space.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How numbers are distributed, to within 1 % of each: a DDSketch (Masson, Rim
/// and Lee, VLDB 2019) for numbers of either sign.
///
/// A number x lies in the bin of index ⌈ln |x| / ln γ⌉ of its sign, with
/// γ = 1.01 / 0.99, whose middle is at most 1 % from it; numbers nearer to zero
/// than 1e-12 are zero. Beyond [`MOST_BINS`] bins of one sign, those nearest to
/// zero become one. Two sketches are added bin by bin, in any order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sketch {
    negative: BTreeMap<i32, u64>,
    zero: u64,
    positive: BTreeMap<i32, u64>,
    sum: f64,
    /// The least and the greatest, exactly.
    range: Option<(f64, f64)>,
}

/// Of one sign.
pub const MOST_BINS: usize = 1_024;

/// What is nearer to zero is zero.
const ZERO: f64 = 1e-12;

const GAMMA: f64 = 1.01 / 0.99;

impl Sketch {
    /// Adds a number; one that is not finite is left out.
    pub fn add(&mut self, x: f64) {
        if !x.is_finite() {
            return;
        }
        if x.abs() < ZERO {
            self.zero += 1;
        } else {
            let bins = if x < 0.0 {
                &mut self.negative
            } else {
                &mut self.positive
            };
            *bins.entry(index(x.abs())).or_default() += 1;
            bound(bins);
        }
        // A sum beyond what a number can be would not survive being kept.
        self.sum = (self.sum + x).clamp(f64::MIN, f64::MAX);
        let (least, greatest) = self.range.unwrap_or((x, x));
        self.range = Some((least.min(x), greatest.max(x)));
    }

    /// Adds what another one holds.
    pub fn merge(&mut self, other: &Sketch) {
        self.zero += other.zero;
        for (bins, more) in [
            (&mut self.negative, &other.negative),
            (&mut self.positive, &other.positive),
        ] {
            for (index, count) in more {
                *bins.entry(*index).or_default() += count;
            }
            bound(bins);
        }
        self.sum = (self.sum + other.sum).clamp(f64::MIN, f64::MAX);
        self.range = match (self.range, other.range) {
            (Some(own), Some(more)) => Some((own.0.min(more.0), own.1.max(more.1))),
            (own, more) => own.or(more),
        };
    }

    /// How many numbers it holds.
    pub fn len(&self) -> u64 {
        self.zero + self.negative.values().sum::<u64>() + self.positive.values().sum::<u64>()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.range.is_none()
    }

    /// Their sum.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// Their mean; None where there are none.
    pub fn mean(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.sum / self.len() as f64)
    }

    /// The least and the greatest.
    pub fn range(&self) -> Option<(f64, f64)> {
        self.range
    }

    /// The bins from the least up: the middle of each and how many it holds.
    pub fn bins(&self) -> impl Iterator<Item = (f64, u64)> {
        let negative = self.negative.iter().rev();
        let negative = negative.map(|(index, count)| (-middle(*index), *count));
        let positive = self.positive.iter();
        let positive = positive.map(|(index, count)| (middle(*index), *count));
        let zero = (self.zero > 0).then_some((0.0, self.zero));
        negative.chain(zero).chain(positive)
    }

    /// The number that the share `q` of all is not above, to within 1 % of it.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let (least, greatest) = self.range?;
        let rank = (q.clamp(0.0, 1.0) * self.len().saturating_sub(1) as f64).floor() as u64;
        let mut below = 0;
        for (middle, count) in self.bins() {
            below += count;
            if below > rank {
                return Some(middle.clamp(least, greatest));
            }
        }
        Some(greatest)
    }

    /// The greatest distance between the two distribution functions, to within
    /// a bin: the statistic of Kolmogorov and Smirnov, from 0 to 1. None where
    /// one holds nothing.
    pub fn distance(&self, other: &Sketch) -> Option<f64> {
        if self.is_empty() || other.is_empty() {
            return None;
        }
        let (n, m) = (self.len() as f64, other.len() as f64);
        let mut at: Vec<(f64, f64, f64)> = Vec::new();
        at.extend(
            self.bins()
                .map(|(middle, count)| (middle, count as f64 / n, 0.0)),
        );
        at.extend(
            other
                .bins()
                .map(|(middle, count)| (middle, 0.0, count as f64 / m)),
        );
        at.sort_by(|own, other| own.0.total_cmp(&other.0));
        let (mut own, mut others, mut greatest) = (0.0_f64, 0.0_f64, 0.0_f64);
        let mut steps = at.into_iter().peekable();
        while let Some((middle, more_own, more_other)) = steps.next() {
            own += more_own;
            others += more_other;
            let goes_on = steps.peek().is_some_and(|next| next.0 == middle);
            if !goes_on {
                greatest = greatest.max((own - others).abs());
            }
        }
        Some(greatest.min(1.0))
    }
}

fn index(x: f64) -> i32 {
    (x.ln() / GAMMA.ln()).ceil() as i32
}

/// Of a bin, the number from which both ends are equally far in proportion.
fn middle(index: i32) -> f64 {
    (2.0 * (f64::from(index) * GAMMA.ln()).exp() / (GAMMA + 1.0)).min(f64::MAX)
}

/// Makes the bins nearest to zero one, as long as there are too many.
fn bound(bins: &mut BTreeMap<i32, u64>) {
    while bins.len() > MOST_BINS {
        if let Some((_, count)) = bins.pop_first()
            && let Some(mut next) = bins.first_entry()
        {
            *next.get_mut() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(numbers: &[f64]) -> Sketch {
        let mut sketch = Sketch::default();
        numbers.iter().for_each(|x| sketch.add(*x));
        sketch
    }

    #[test]
    fn what_is_no_number_or_zero() {
        let sketch = of(&[f64::NAN, f64::INFINITY, 1e-15, -0.0]);
        assert_eq!(sketch.len(), 2);
        assert_eq!(sketch.bins().collect::<Vec<_>>(), [(0.0, 2)]);
        assert_eq!(of(&[]).quantile(0.5), None);
        assert_eq!(of(&[]).mean(), None);
    }

    #[test]
    fn the_distance_of_two_distributions() {
        let low: Vec<_> = (1..=100).map(|i| f64::from(i) / 100.0).collect();
        let high: Vec<_> = low.iter().map(|x| x + 1.0).collect();
        assert_eq!(of(&low).distance(&of(&low)), Some(0.0));
        assert_eq!(of(&low).distance(&of(&high)), Some(1.0));
        let half: Vec<_> = low.iter().map(|x| x + 0.25).collect();
        let distance = of(&low).distance(&of(&half)).unwrap();
        assert!((distance - 0.25).abs() < 0.03, "{distance}");
        assert_eq!(of(&low).distance(&of(&[])), None);
    }

    proptest! {
        #[test]
        fn a_quantile_is_one_percent_off_at_most(mut numbers in prop::collection::vec(-1e9..1e9_f64, 1..200), q in 0.0..=1.0_f64) {
            let sketch = of(&numbers);
            numbers.sort_by(f64::total_cmp);
            let exact = numbers[(q * (numbers.len() - 1) as f64).floor() as usize];
            let found = sketch.quantile(q).unwrap();
            prop_assert!((found - exact).abs() <= 0.0101 * exact.abs() + ZERO, "{found} {exact}");
        }

        #[test]
        fn added_in_any_order_and_bounded(numbers in prop::collection::vec(any::<f64>(), 0..300), cut in 0..300_usize) {
            let cut = cut.min(numbers.len());
            let (mut one, two) = (of(&numbers[..cut]), of(&numbers[cut..]));
            let mut other_way = two.clone();
            other_way.merge(&one);
            one.merge(&two);
            let whole = of(&numbers);
            prop_assert_eq!(one.bins().collect::<Vec<_>>(), whole.bins().collect::<Vec<_>>());
            prop_assert_eq!(other_way.range(), whole.range());
            let text = serde_json::to_string(&whole).unwrap();
            let again: Sketch = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(again.len(), whole.len());
        }
    }

    #[test]
    fn its_size_is_bounded() {
        let mut sketch = Sketch::default();
        for i in 0..40_000 {
            sketch.add((f64::from(i - 20_000) / 30.0).exp2());
            sketch.add(-(f64::from(i - 20_000) / 30.0).exp2());
        }
        assert!(sketch.bins().count() <= 2 * MOST_BINS + 1);
        let top = sketch.quantile(1.0).unwrap();
        assert!((top / 666.6_f64.exp2() - 1.0).abs() < 0.2, "{top}");
    }
}
