//! Sums, softmax and the like, operation by operation as NumPy, SciPy and
//! scikit-learn have them.

/// The sum as NumPy adds up a contiguous row: one after the other below eight,
/// in eight lanes up to 128, in halves above (`pairwise_sum` in NumPy's
/// `loops_utils.h.src`).
pub(super) fn pairwise_sum(values: &[f64]) -> f64 {
    const BLOCK: usize = 128;
    if values.len() < 8 {
        return values.iter().fold(-0.0, |sum, value| sum + value);
    }
    if values.len() <= BLOCK {
        let (lanes, rest) = values.as_chunks::<8>();
        let mut r = lanes[0];
        for lane in &lanes[1..] {
            r.iter_mut()
                .zip(lane)
                .for_each(|(sum, value)| *sum += value);
        }
        let sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
        return rest.iter().fold(sum, |sum, value| sum + value);
    }
    let half = values.len() / 2;
    let (low, high) = values.split_at(half - half % 8);
    pairwise_sum(low) + pairwise_sum(high)
}

/// Products added up in the order of features.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}

/// `1 / (1 + e^-x)`, as SciPy's `expit`.
pub(super) fn expit(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// scikit-learn's `softmax`: the greatest taken off first.
pub(super) fn softmax(scores: &[f64]) -> Vec<f64> {
    let greatest = max(scores);
    let mut shares: Vec<f64> = scores
        .iter()
        .map(|score| (score - greatest).exp())
        .collect();
    let sum = pairwise_sum(&shares);
    shares.iter_mut().for_each(|share| *share /= sum);
    shares
}

/// Divides by the sum; where that is 0, all are the same.
pub(super) fn normalize(shares: &mut [f64]) {
    let sum = pairwise_sum(shares);
    let each = 1.0 / shares.len() as f64;
    for share in shares {
        *share = if sum == 0.0 { each } else { *share / sum };
    }
}

/// The greatest value; of none, negative infinity.
pub(super) fn max(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// Where the greatest stands, the first of equals, as NumPy's `argmax`: a NaN is
/// greater than all. Of none, 0.
pub(super) fn argmax(values: &[f64]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if values[best].is_nan() {
            break;
        }
        if value.is_nan() || *value > values[best] {
            best = index;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_the_first_and_nan_is_the_greatest() {
        assert_eq!(argmax(&[1.0, 3.0, 3.0]), 1);
        assert_eq!(argmax(&[1.0, f64::NAN, 3.0, f64::NAN]), 1);
        assert_eq!(argmax(&[]), 0);
    }

    #[test]
    fn large_scores_do_not_overflow() {
        assert_eq!(softmax(&[1e4, 1e4]), [0.5, 0.5]);
        assert_eq!((expit(-1e4), expit(1e4)), (0.0, 1.0));
    }

    #[test]
    fn shares_of_nothing_are_equal() {
        let mut shares = [0.0, 0.0];
        normalize(&mut shares);
        assert_eq!(shares, [0.5, 0.5]);
    }

    /// What NumPy 2.1.3 says: `np.sum(1.0 / np.arange(1, n + 1))`.
    #[test]
    fn sums_are_numpys() {
        let harmonic = |n: u32| -> Vec<f64> { (1..=n).map(|i| 1.0 / f64::from(i)).collect() };
        for (n, sum) in [(7, SUM_7), (20, SUM_20), (300, SUM_300)] {
            assert_eq!(pairwise_sum(&harmonic(n)), sum, "{n}");
        }
    }

    const SUM_7: f64 = 2.592_857_142_857_142_5;
    const SUM_20: f64 = 3.597_739_657_143_682;
    const SUM_300: f64 = 6.282_663_880_299_504;
}
