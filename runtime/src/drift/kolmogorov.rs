//! The distribution of Kolmogorov's statistic.
//!
//! How far the distribution function of `n` values is from the one they are
//! drawn from. Which formula holds where follows Simard and L'Ecuyer 2011,
//! "Computing the two-sided Kolmogorov-Smirnov distribution", as SciPy's
//! `kstwo` does.

use std::f64::consts::PI;

/// Up to so many values the probability is exact.
const MOST_EXACT: f64 = 140.0;

/// How probable a statistic above `x` is for `n` values, a whole number. The
/// error is below 1e-10.
pub(super) fn upper_tail(n: f64, x: f64) -> f64 {
    let t = n * x;
    let square = t * x;
    if n < 1.0 || t <= 0.5 || x.is_nan() {
        1.0
    } else if x >= 1.0 || (n > MOST_EXACT && square >= 370.0) {
        0.0
    } else if t >= n - 1.0 {
        2.0 * (1.0 - x).powf(n)
    } else if x >= 0.5 || square > if n <= MOST_EXACT { 4.0 } else { 2.2 } {
        2.0 * one_sided(n, x)
    } else if n <= MOST_EXACT || (n <= 100_000.0 && n * x.powf(1.5) <= 1.4) {
        1.0 - durbin(n as u32, x)
    } else {
        1.0 - pelz_good(n, x)
    }
}

/// How probable it is that the distribution function of the values lies above
/// the true one by `x` anywhere (Smirnov 1944): over all j up to n (1 − x),
/// x / p times the binomial probability of j of n at p = x + j / n.
fn one_sided(n: f64, x: f64) -> f64 {
    let last = (n * (1.0 - x)).floor() as u64;
    let term = |j: u64| {
        let p = x + j as f64 / n;
        binomial(j as f64, n, p.min(1.0)) * (x / p)
    };
    (0..=last).map(term).sum()
}

/// The probability of `k` of `n` at `p`, precise also where the factorials are
/// large (Loader 2000, "Fast and accurate computation of binomial
/// probabilities").
fn binomial(k: f64, n: f64, p: f64) -> f64 {
    let q = 1.0 - p;
    if k <= 0.0 {
        return q.powf(n);
    }
    if k >= n {
        return p.powf(n);
    }
    let corrections = stirling_error(n) - stirling_error(k) - stirling_error(n - k);
    let deviances = deviance(k, n * p) + deviance(n - k, n * q);
    (corrections - deviances).exp() * (n / (2.0 * PI * k * (n - k))).sqrt()
}

/// ln n! less Stirling's formula for it.
fn stirling_error(n: f64) -> f64 {
    if n < 16.0 {
        let factorial: f64 = (1..=n as u32).map(f64::from).product();
        return factorial.ln() - ((n + 0.5) * n.ln() - n + 0.5 * (2.0 * PI).ln());
    }
    let square = n * n;
    let series = [
        1.0 / 12.0,
        1.0 / 360.0,
        1.0 / 1260.0,
        1.0 / 1680.0,
        1.0 / 1188.0,
        691.0 / 360_360.0,
    ];
    series
        .iter()
        .rev()
        .fold(0.0, |sum, term| term - sum / square)
        / n
}

/// x ln(x / m) + m − x, without cancellation where both are close.
fn deviance(x: f64, m: f64) -> f64 {
    let apart = x - m;
    if apart.abs() >= 0.1 * (x + m) {
        return x * (x / m).ln() - apart;
    }
    let v = apart / (x + m);
    let mut power = 2.0 * x * v;
    let mut sum = apart * v;
    for term in 1..1_000 {
        power *= v * v;
        let next = sum + power / f64::from(2 * term + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

/// How probable a statistic up to `x` is, exactly (Durbin 1968; Marsaglia, Tsang
/// and Wang 2003): n! / nⁿ times the middle of the n-th power of a matrix, whose
/// size grows with n x.
fn durbin(n: u32, x: f64) -> f64 {
    let t = f64::from(n) * x;
    let k = t.ceil().max(1.0) as usize;
    let size = 2 * k - 1;
    let step = durbin_matrix(size, k as f64 - t);
    let (power, exponent) = scaled_power(step, n, k - 1);
    let mut p = power[[k - 1, k - 1]];
    let mut exponent = exponent;
    for i in 1..=n {
        p *= f64::from(i) / f64::from(n);
        if p.abs() < SCALE.recip() {
            p *= SCALE;
            exponent -= 1;
        }
    }
    p * SCALE.powi(exponent)
}

/// 2¹²⁸: numbers are kept within its reach, and how often they were divided by
/// it is counted.
const SCALE: f64 = 340_282_366_920_938_463_463_374_607_431_768_211_456.0;

fn durbin_matrix(size: usize, h: f64) -> ndarray::Array2<f64> {
    // 1 / i!, which may become 0.
    let inverse: Vec<f64> = (1..=size)
        .scan(1.0, |inverse, i| {
            *inverse /= i as f64;
            Some(*inverse)
        })
        .collect();
    let edge = |i: usize| (1.0 - h.powi(i as i32 + 1)) * inverse[i];
    let corner = (2.0 * h - 1.0).max(0.0).powi(size as i32) - 2.0 * h.powi(size as i32) + 1.0;
    ndarray::Array2::from_shape_fn((size, size), |(row, column)| {
        match (row + 1 == size, column == 0) {
            (true, true) => corner * inverse[size - 1],
            (_, true) => edge(row),
            (true, _) => edge(size - 1 - column),
            _ if column == row + 1 => 1.0,
            _ if column > row + 1 => 0.0,
            _ => inverse[row - column],
        }
    })
}

/// The n-th power, and how often it was divided by [`SCALE`], judged by the
/// middle of the matrix.
fn scaled_power(
    mut step: ndarray::Array2<f64>,
    n: u32,
    middle: usize,
) -> (ndarray::Array2<f64>, i32) {
    let mut power = ndarray::Array2::eye(step.nrows());
    let (mut power_scale, mut step_scale) = (0, 0);
    let mut left = n;
    while left > 0 {
        if left % 2 == 1 {
            power = power.dot(&step);
            power_scale += step_scale;
        }
        step = step.dot(&step);
        step_scale *= 2;
        if step[[middle, middle]].abs() > SCALE {
            step /= SCALE;
            step_scale += 1;
        }
        left /= 2;
    }
    (power, power_scale)
}

/// How probable a statistic up to `x` is, approximately: Kolmogorov's limit and
/// three corrections in powers of 1 / √n (Pelz and Good 1976).
fn pelz_good(n: f64, x: f64) -> f64 {
    let z = n.sqrt() * x;
    let z2 = z * z;
    let pi2 = PI * PI;
    let (z4, z6) = (z2 * z2, z2 * z2 * z2);
    if -pi2 / 8.0 / z2 < -708.0 {
        return 0.0;
    }
    let mut sums = [0.0_f64; 4];
    let most = (16.0 * z / PI).ceil() as u32;
    for k in (1..=most).rev() {
        let odd = f64::from(2 * k - 1).powi(2);
        let weight = (-pi2 / 8.0 / z2 * odd).exp();
        let terms = [
            1.0,
            -z2 + pi2 / 4.0 * odd,
            6.0 * z6
                + 2.0 * z4
                + (2.0 * z4 - 5.0 * z2) * pi2 / 4.0 * odd
                + pi2.powi(2) * (1.0 - 2.0 * z2) / 16.0 * odd.powi(2),
            -30.0 * z6 - 90.0 * z4 * z4
                + pi2 * (135.0 * z4 - 96.0 * z6) / 4.0 * odd
                + pi2.powi(2) * (212.0 * z4 - 60.0 * z2) / 16.0 * odd.powi(2)
                + pi2.powi(3) * (5.0 - 30.0 * z2) / 64.0 * odd.powi(3),
        ];
        for (sum, term) in sums.iter_mut().zip(terms) {
            *sum += weight * term;
        }
    }
    let root = (2.0 * PI).sqrt();
    let divisors = [z, 6.0 * z4, 72.0 * z6 * z, 6480.0 * z6 * z4];
    for (sum, divisor) in sums.iter_mut().zip(divisors) {
        *sum *= root / divisor;
    }
    for k in 1..=most {
        let k2 = f64::from(k).powi(2);
        let weight = (-pi2 / 2.0 / z2 * k2).exp() * k2 * pi2 * root;
        sums[2] -= weight / (36.0 * z2 * z);
        sums[3] += weight * (3.0 * z2 - pi2 * k2) / (216.0 * z6);
    }
    let terms = sums.into_iter().enumerate();
    terms
        .map(|(power, sum)| sum / n.sqrt().powi(power as i32))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_is_known_by_hand() {
        // Of one value u the statistic is max(u, 1 − u).
        for x in [0.5, 0.6, 0.9, 1.0] {
            assert!((upper_tail(1.0, x) - (2.0 - 2.0 * x)).abs() < 1e-15, "{x}");
        }
        assert_eq!(upper_tail(0.0, 0.3), 1.0);
    }

    #[test]
    fn formulas_meet_where_they_take_over() {
        for n in [10_u32, 50, 140] {
            let x = (1.5 / f64::from(n)).sqrt();
            let apart = (1.0 - durbin(n, x) - (2.0 * one_sided(f64::from(n), x))).abs();
            assert!(apart < 1e-3, "{n} {apart}");
        }
        let (n, x) = (2_000.0, (1.4_f64 / 2_000.0).powf(2.0 / 3.0));
        assert!((durbin(2_000, x) - pelz_good(n, x)).abs() < 1e-7);
    }

    #[test]
    fn binomial_probabilities_add_up() {
        let sum: f64 = (0..=1_000)
            .map(|k| binomial(f64::from(k), 1_000.0, 0.3))
            .sum();
        assert!((sum - 1.0).abs() < 1e-13);
    }
}
