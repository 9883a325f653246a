//! [`Latency`]: how long answers took, in buckets that grow with the time.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Buckets in each doubling: each is 2.2 % wider than the one before, which is
/// how exactly a quantile can be told (Masson, Rim and Lee 2019, "DDSketch").
const PER_DOUBLING: f64 = 32.0;
/// Longer than so many buckets from a microsecond, over an hour, is that.
const LAST: u16 = 1_023;

/// How long answers took, from a microsecond to an hour, each to 2.2 %.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Latency {
    buckets: BTreeMap<u16, u64>,
}

impl Latency {
    /// One more answer.
    pub fn add(&mut self, took: Duration) {
        let micros = took.as_secs_f64() * 1e6;
        let bucket = (micros.max(1.0).log2() * PER_DOUBLING) as u16;
        *self.buckets.entry(bucket.min(LAST)).or_default() += 1;
    }

    /// Those of another, too.
    pub fn merge(&mut self, other: &Latency) {
        for (bucket, n) in &other.buckets {
            let count = self.buckets.entry(*bucket).or_default();
            *count = count.saturating_add(*n);
        }
    }

    /// How many answers.
    pub fn len(&self) -> u64 {
        self.buckets
            .values()
            .fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// Such that a share of the answers took no longer; None of nothing.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let rank = (share * self.len() as f64).ceil().max(1.0) as u64;
        let mut upto = 0_u64;
        let (bucket, _) = self.buckets.iter().find(|(_, n)| {
            upto = upto.saturating_add(**n);
            upto >= rank
        })?;
        let end = (f64::from(bucket.saturating_add(1)) / PER_DOUBLING).exp2() / 1e6;
        Duration::try_from_secs_f64(end).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_told_to_two_percent_and_histograms_add_up() {
        let (mut even, mut odd) = (Latency::default(), Latency::default());
        for ms in 1..=1_000 {
            let side = if ms % 2 == 0 { &mut even } else { &mut odd };
            side.add(Duration::from_millis(ms));
        }
        even.merge(&odd);
        assert_eq!(even.len(), 1_000);
        for (share, ms) in [(0.5, 500.0), (0.99, 990.0), (1.0, 1_000.0)] {
            let told = even.quantile(share).unwrap().as_secs_f64() * 1e3;
            assert!((ms..ms * 1.023).contains(&told), "{share}: {told}");
        }
        assert_eq!(Latency::default().quantile(0.5), None);
    }

    #[test]
    fn any_document_and_any_time_will_do() {
        let mut odd: Latency =
            serde_json::from_str("{\"65535\": 18446744073709551615, \"0\": 1}").unwrap();
        odd.add(Duration::MAX);
        odd.merge(&odd.clone());
        assert!(odd.quantile(f64::NAN).is_some());
    }
}
