//! The two-sample Kolmogorov-Smirnov test.

use super::kolmogorov;

/// How far two samples' distribution functions are apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KolmogorovSmirnov {
    /// The greatest distance, from 0 to 1.
    pub statistic: f64,
    /// How probable one at least as great is, where both samples are drawn from
    /// one distribution.
    pub p_value: f64,
}

/// With more values in a sample than this, the probability is asymptotic.
const MOST_EXACT: usize = 10_000;

/// The two-sided test. As SciPy's `ks_2samp(method="auto")`: the probability is
/// exact up to 10,000 values in each sample (Hodges 1958, "The significance
/// probability of the Smirnov two-sample test"), and above that the one of the
/// one-sample statistic for `n m / (n + m)` values. None where a sample is empty.
pub fn kolmogorov_smirnov(reference: &[f64], current: &[f64]) -> Option<KolmogorovSmirnov> {
    if reference.is_empty() || current.is_empty() {
        return None;
    }
    let (n, m) = (reference.len(), current.len());
    let statistic = statistic(reference, current);
    let p_value = match n.max(m) <= MOST_EXACT {
        true => exact(n, m, statistic),
        false => {
            let (n, m) = (n as f64, m as f64);
            kolmogorov::upper_tail((n * m / (n + m)).round_ties_even(), statistic)
        }
    };
    Some(KolmogorovSmirnov {
        statistic,
        p_value: p_value.clamp(0.0, 1.0),
    })
}

fn statistic(reference: &[f64], current: &[f64]) -> f64 {
    let [reference, current] = [reference, current].map(|values| {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted
    });
    let (mut r, mut c, mut greatest) = (0, 0, 0.0_f64);
    while let (Some(a), Some(b)) = (reference.get(r), current.get(c)) {
        let at = a.min(*b);
        r += reference[r..]
            .iter()
            .take_while(|value| **value <= at)
            .count();
        c += current[c..]
            .iter()
            .take_while(|value| **value <= at)
            .count();
        let apart = r as f64 / reference.len() as f64 - c as f64 / current.len() as f64;
        greatest = greatest.max(apart.abs());
    }
    greatest
}

/// Two samples in order are a path over a grid of n × m, each as probable as any
/// other; this is the share of paths that leave the band around the diagonal
/// where the distribution functions are less than `statistic` apart.
///
/// `outside[y]` is the share among the paths to (x, y), and follows from its two
/// neighbours; working on the share that leaves, rather than on the one that
/// stays, keeps small probabilities exact.
fn exact(n: usize, m: usize, statistic: f64) -> f64 {
    let (n, m) = (n.max(m) as u64, n.min(m) as u64);
    let divisor = gcd(n, m);
    let (n_step, m_step) = (n / divisor, m / divisor);
    let apart = (statistic * (n_step * m) as f64).round_ties_even() as u64;
    if apart == 0 {
        return 1.0;
    }
    let inside = |x: u64, y: u64| (m_step * x).abs_diff(n_step * y) < apart;
    let mut outside: Vec<f64> = (0..=m)
        .map(|y| if inside(0, y) { 0.0 } else { 1.0 })
        .collect();
    let mut first = 0;
    for x in 1..=n {
        while first <= m && n_step * first < m_step * x && !inside(x, first) {
            outside[first as usize] = 1.0;
            first += 1;
        }
        for y in first..=m {
            if !inside(x, y) {
                break;
            }
            let below = if y == 0 {
                0.0
            } else {
                outside[y as usize - 1] * y as f64
            };
            let share = (outside[y as usize] * x as f64 + below) / (x + y) as f64;
            outside[y as usize] = share;
        }
    }
    outside.last().copied().unwrap_or(1.0)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_samples_are_counted_out() {
        // Of the 20 orders of 3 and 3, two keep the samples wholly apart.
        let apart = kolmogorov_smirnov(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]).unwrap();
        assert_eq!(apart.statistic, 1.0);
        assert!((apart.p_value - 0.1).abs() < 1e-15);
        let same = kolmogorov_smirnov(&[1.0, 2.0], &[1.0, 2.0]).unwrap();
        assert_eq!((same.statistic, same.p_value), (0.0, 1.0));
        assert_eq!(kolmogorov_smirnov(&[], &[1.0]), None);
    }
}
