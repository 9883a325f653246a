//! Confidence intervals by resampling the rows.
//!
//! Efron and Tibshirani 1993, "An Introduction to the Bootstrap": percentile
//! intervals (chapter 13), and bias-corrected and accelerated ones (BCa,
//! chapter 14), which also hold their level where the metric is skewed near the
//! end of its range, as an AUC near 1 is.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use statrs::function::erf::{erfc, erfc_inv};

use super::calibration::quantile;
use super::undefined::{Score, Undefined, finite};

/// How intervals are found. The same seed gives the same interval, on any
/// number of threads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bootstrap {
    /// How many times the rows are drawn anew; more make the ends steadier.
    pub resamples: usize,
    /// How often an interval is to hold the truth, 0.95 meaning 19 times of 20.
    pub level: f64,
    /// Which kind of interval.
    pub method: Method,
    /// What the draws begin from.
    pub seed: u64,
}

/// Which kind of interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Bias-corrected and accelerated.
    Bca,
    /// Quantiles of the resamples as they are.
    Percentile,
}

/// Between which two values a figure lies, as often as `level` says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// How often an interval so found holds the truth.
    pub level: f64,
}

/// The jackknife leaves out so many parts of the rows, one at a time; of fewer
/// rows, each row (Efron and Tibshirani 1993, §11.5 and problem 14.13).
const MOST_PARTS: usize = 200;
/// So large a share of the resamples needs a value.
const LEAST_DEFINED: f64 = 0.5;

impl Default for Bootstrap {
    fn default() -> Bootstrap {
        Bootstrap {
            resamples: 1_000,
            level: 0.95,
            method: Method::Bca,
            seed: 7,
        }
    }
}

impl Bootstrap {
    /// The interval of one metric, as [`Bootstrap::intervals`] finds it.
    pub fn interval(
        &self,
        n_rows: usize,
        metric: impl Fn(&[usize]) -> Score + Sync,
    ) -> Result<Interval, Undefined> {
        let mut intervals = self.intervals(n_rows, |rows| vec![metric(rows)]);
        intervals.pop().unwrap_or(Err(Undefined::Empty))
    }

    /// The intervals of several metrics over `n_rows` rows, from the same
    /// resamples.
    ///
    /// `metrics` is given the rows that were drawn, rising, some more than once,
    /// and gives each metric's score, always in the same order. Where one has no
    /// value for a resample, that one is left out; where that is so for most of
    /// them, or for the rows themselves, it has no interval. A level that is not
    /// between 0 and 1 is taken as the nearer of the two.
    pub fn intervals(
        &self,
        n_rows: usize,
        metrics: impl Fn(&[usize]) -> Vec<Score> + Sync,
    ) -> Vec<Result<Interval, Undefined>> {
        let all: Vec<usize> = (0..n_rows).collect();
        let estimates = metrics(&all);
        if estimates.iter().all(Result::is_err) {
            let undefined = |score: Score| Err(score.err().unwrap_or(Undefined::Empty));
            return estimates.into_iter().map(undefined).collect();
        }
        let replicates: Vec<Vec<Score>> = (0..self.resamples.max(1))
            .into_par_iter()
            .map(|resample| metrics(&self.draw(n_rows, resample)))
            .collect();
        let without = match self.method {
            Method::Bca => jackknife(n_rows, &metrics),
            Method::Percentile => Vec::new(),
        };
        let interval = |(metric, estimate): (usize, Score)| {
            let estimate = estimate?;
            let values = defined(scores_of(metric, &replicates))?;
            let without: Vec<f64> = scores_of(metric, &without).flatten().copied().collect();
            self.between(estimate, values, &without)
        };
        estimates.into_iter().enumerate().map(interval).collect()
    }

    fn between(
        &self,
        estimate: f64,
        mut replicates: Vec<f64>,
        without: &[f64],
    ) -> Result<Interval, Undefined> {
        replicates.sort_by(f64::total_cmp);
        let tails = self.tails();
        let ends = match self.method {
            Method::Percentile => tails,
            Method::Bca => bca(estimate, &replicates, without, tails),
        };
        let [low, high] = ends.map(|share| quantile(&replicates, share));
        Ok(Interval {
            low: finite(low)?,
            high: finite(high)?,
            level: self.level.clamp(0.0, 1.0),
        })
    }

    /// As many rows as there are, drawn with replacement. They are in order, so
    /// that what is sorted stays sorted.
    fn draw(&self, n_rows: usize, resample: usize) -> Vec<usize> {
        // Each resample has its own generator, so that threads change nothing.
        let mut rng = StdRng::seed_from_u64(self.seed ^ ((resample as u64 + 1) << 32));
        let mut times = vec![0_usize; n_rows];
        for _ in 0..n_rows {
            times[rng.random_range(0..n_rows)] += 1;
        }
        let repeated = |(row, times): (usize, usize)| std::iter::repeat_n(row, times);
        times.into_iter().enumerate().flat_map(repeated).collect()
    }

    fn tails(&self) -> [f64; 2] {
        let tail = (1.0 - self.level.clamp(0.0, 1.0)) / 2.0;
        [tail, 1.0 - tail]
    }
}

/// The scores of one metric.
fn scores_of(metric: usize, all: &[Vec<Score>]) -> impl Iterator<Item = &Score> {
    all.iter().filter_map(move |scores| scores.get(metric))
}

/// The scores that have a value, where enough have one.
fn defined<'a>(scores: impl Iterator<Item = &'a Score>) -> Result<Vec<f64>, Undefined> {
    let mut values = Vec::new();
    let mut first_why = None;
    let mut resamples = 0_u32;
    for score in scores {
        resamples += 1;
        match score {
            Ok(value) => values.push(*value),
            Err(why) => first_why = first_why.or(Some(why)),
        }
    }
    match first_why {
        Some(why) if (values.len() as f64) < LEAST_DEFINED * f64::from(resamples) => {
            Err(Undefined::FewResamples {
                defined: values.len(),
                resamples: resamples as usize,
                why: Box::new(why.clone()),
            })
        }
        _ => Ok(values),
    }
}

/// The scores without each part of the rows.
fn jackknife(n_rows: usize, metrics: &(impl Fn(&[usize]) -> Vec<Score> + Sync)) -> Vec<Vec<Score>> {
    let parts = n_rows.min(MOST_PARTS);
    let without = |part: usize| {
        let rows: Vec<usize> = (0..n_rows).filter(|row| row % parts != part).collect();
        metrics(&rows)
    };
    (0..parts).into_par_iter().map(without).collect()
}

/// Where among the sorted replicates the interval ends: the tails, corrected for
/// the bias of the median and for how fast the spread changes with the value
/// (Efron and Tibshirani 1993, equations 14.9 to 14.15).
fn bca(estimate: f64, replicates: &[f64], jackknife: &[f64], tails: [f64; 2]) -> [f64; 2] {
    let below = replicates.partition_point(|value| *value < estimate);
    let upto = replicates.partition_point(|value| *value <= estimate);
    let share = (below + upto) as f64 / (2 * replicates.len()) as f64;
    if share <= 0.0 || share >= 1.0 {
        return tails;
    }
    let bias = normal_quantile(share);
    let acceleration = acceleration(jackknife);
    tails.map(|tail| {
        let z = bias + normal_quantile(tail);
        let corrected = normal(bias + z / (1.0 - acceleration * z));
        if corrected.is_nan() { tail } else { corrected }
    })
}

fn acceleration(jackknife: &[f64]) -> f64 {
    let mean = jackknife.iter().sum::<f64>() / jackknife.len() as f64;
    let power = |n: i32| jackknife.iter().map(|v| (mean - v).powi(n)).sum::<f64>();
    let acceleration = power(3) / (6.0 * power(2).powf(1.5));
    if acceleration.is_finite() {
        acceleration
    } else {
        0.0
    }
}

fn normal(z: f64) -> f64 {
    0.5 * erfc(-z / std::f64::consts::SQRT_2)
}

fn normal_quantile(share: f64) -> f64 {
    -std::f64::consts::SQRT_2 * erfc_inv(2.0 * share)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mean_of(values: &[f64]) -> impl Fn(&[usize]) -> Score + Sync {
        move |rows| match rows.len() {
            0 => Err(Undefined::Empty),
            n => Ok(rows.iter().map(|row| values[*row]).sum::<f64>() / n as f64),
        }
    }

    #[test]
    fn an_interval_of_a_mean_is_as_wide_as_its_standard_error_says() {
        let values: Vec<f64> = (0..400).map(|row| f64::from(row % 20)).collect();
        let standard_error = (33.25_f64 / 400.0).sqrt();
        for method in [Method::Bca, Method::Percentile] {
            let bootstrap = Bootstrap {
                method,
                ..Bootstrap::default()
            };
            let interval = bootstrap.interval(400, mean_of(&values)).unwrap();
            let [below, above] = [9.5 - interval.low, interval.high - 9.5];
            for half in [below, above] {
                let times = half / standard_error;
                assert!((1.7..2.2).contains(&times), "{method:?} {times}");
            }
            assert_eq!(bootstrap.interval(400, mean_of(&values)), Ok(interval));
        }
    }

    #[test]
    fn where_most_resamples_have_no_value_there_is_no_interval() {
        let whole_only = |rows: &[usize]| match rows.windows(2).all(|pair| pair[0] < pair[1]) {
            true => Ok(1.0),
            false => Err(Undefined::OneClass { class: 0 }),
        };
        let why = Bootstrap::default().interval(50, whole_only).unwrap_err();
        assert_eq!(
            why.to_string(),
            "only 0 of 1000 resamples have a value, the others: all rows are of class 0; \
             rows of another class are needed"
        );
        let nothing = Bootstrap::default().interval(0, mean_of(&[]));
        assert_eq!(nothing, Err(Undefined::Empty));
    }

    #[test]
    fn several_metrics_share_their_resamples_and_one_may_be_undefined() {
        let values: Vec<f64> = (0..30).map(|row| f64::from(row * row)).collect();
        let mean = mean_of(&values);
        let none = |_: &[usize]| Err(Undefined::NoScores);
        let bootstrap = Bootstrap::default();
        let both = bootstrap.intervals(30, |rows| vec![none(rows), mean(rows)]);
        let alone = bootstrap.interval(30, &mean);
        assert_eq!(both, [Err(Undefined::NoScores), alone]);
    }

    #[test]
    fn a_constant_has_an_interval_without_width() {
        let interval = Bootstrap::default()
            .interval(9, mean_of(&[2.0; 9]))
            .unwrap();
        assert_eq!((interval.low, interval.high), (2.0, 2.0));
    }

    /// `runtime/tests/parity/metrics.py` says how the data was made.
    #[test]
    fn the_ends_are_those_scipy_finds_for_the_same_replicates() {
        #[derive(Deserialize)]
        struct Data {
            bca: Vec<Case>,
        }
        #[derive(Deserialize)]
        struct Case {
            estimate: f64,
            replicates: Vec<f64>,
            jackknife: Vec<f64>,
            interval: [f64; 2],
        }
        let text = include_str!("../../tests/parity/data/metrics.json");
        let data: Data = serde_json::from_str(text).unwrap();
        for case in data.bca {
            let tails = Bootstrap::default().tails();
            let shares = bca(case.estimate, &case.replicates, &case.jackknife, tails);
            for (share, expected) in shares.into_iter().zip(case.interval) {
                let found = quantile(&case.replicates, share);
                assert!((found - expected).abs() < 1e-10, "{found} {expected}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_ends_are_in_order_and_within_the_replicates(
            values in prop::collection::vec(-1e6..1e6_f64, 1..40),
            level in -1.0..2.0_f64,
            bca in any::<bool>(),
            seed in any::<u64>(),
        ) {
            let method = if bca { Method::Bca } else { Method::Percentile };
            let bootstrap = Bootstrap { resamples: 50, level, method, seed };
            let interval = bootstrap.interval(values.len(), mean_of(&values)).unwrap();
            prop_assert!(interval.low <= interval.high);
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            prop_assert!(interval.low >= least - 1e-6);
        }
    }
}
