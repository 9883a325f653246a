//! [`Histogram`]: how long requests took, in buckets that grow with the time.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Buckets in each doubling: each is 2.2 % wider than the one before, which is
/// how exactly a quantile can be told (Masson, Rim and Lee 2019, "DDSketch").
const PER_DOUBLING: f64 = 32.0;

/// How long requests took, from a microsecond on, each to 2.2 %. Histograms
/// add up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram {
    buckets: BTreeMap<u16, u64>,
}

impl Histogram {
    /// As many buckets are told apart: longer than an hour is an hour.
    pub const BUCKETS: usize = 1_024;

    /// One more request.
    pub fn record(&mut self, took: Duration) {
        self.add(Histogram::bucket(took), 1);
    }

    /// The bucket of a time, below [`Histogram::BUCKETS`]: for whoever counts
    /// by other means, and adds them up later.
    pub fn bucket(took: Duration) -> usize {
        let micros = took.as_secs_f64() * 1e6;
        let bucket = (micros.max(1.0).log2() * PER_DOUBLING).floor() as usize;
        bucket.min(Histogram::BUCKETS - 1)
    }

    /// So many more requests of a bucket.
    pub fn add(&mut self, bucket: usize, n: u64) {
        let bucket = bucket.min(Histogram::BUCKETS - 1) as u16;
        *self.buckets.entry(bucket).or_default() += n;
    }

    /// How many requests.
    pub fn len(&self) -> u64 {
        self.buckets.values().sum()
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// Such that a share `quantile` took no longer; None of nothing.
    pub fn quantile(&self, quantile: f64) -> Option<Duration> {
        let rank = (quantile * self.len() as f64).ceil().max(1.0) as u64;
        let mut below = 0;
        let found = self.buckets.iter().find(|(_, n)| {
            below += *n;
            below >= rank
        });
        let end = |(bucket, _): (&u16, _)| edge(bucket.saturating_add(1));
        found.map(end).map(Duration::try_from_secs_f64)?.ok()
    }

    /// Every bucket that holds something, in order.
    pub(super) fn beyond(&self) -> Vec<Beyond> {
        let mut longer = self.len();
        let beyond = |(bucket, n): (&u16, &u64)| {
            longer -= n;
            Beyond {
                start: edge(*bucket),
                end: edge(bucket.saturating_add(1)),
                longer,
            }
        };
        self.buckets.iter().map(beyond).collect()
    }
}

/// A bucket, from `start` to `end` seconds, and how many requests took longer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Beyond {
    pub(super) start: f64,
    pub(super) end: f64,
    pub(super) longer: u64,
}

/// Where a bucket begins, in seconds.
fn edge(bucket: u16) -> f64 {
    (f64::from(bucket) / PER_DOUBLING).exp2() / 1e6
}

impl AddAssign<&Histogram> for Histogram {
    fn add_assign(&mut self, more: &Histogram) {
        for (bucket, n) in &more.buckets {
            *self.buckets.entry(*bucket).or_default() += n;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_quantile_is_told_to_two_percent() {
        let mut histogram = Histogram::default();
        (1..=1_000).for_each(|ms| histogram.record(Duration::from_millis(ms)));
        for (quantile, ms) in [(0.5, 500.0), (0.99, 990.0), (1.0, 1_000.0)] {
            let told = histogram.quantile(quantile).unwrap().as_secs_f64() * 1e3;
            assert!((ms..ms * 1.023).contains(&told), "{quantile}: {told}");
        }
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    proptest! {
        #[test]
        fn any_time_up_to_an_hour_lies_in_its_bucket(nanos in 0..3_600_000_000_000_u64) {
            let took = Duration::from_nanos(nanos);
            let mut histogram = Histogram::default();
            histogram.record(took);
            let told = histogram.quantile(0.5).unwrap().as_secs_f64();
            let least = took.as_secs_f64().max(1e-6);
            prop_assert!(told >= least * 0.999_999 && told <= least * 1.022, "{least} {told}");
            prop_assert_eq!(histogram.beyond().last().unwrap().longer, 0);
        }
    }
}
