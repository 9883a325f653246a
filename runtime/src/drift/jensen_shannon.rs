//! The Jensen-Shannon distance between two sets of shares.

/// The root of the Jensen-Shannon divergence (Lin 1991; Endres and Schindelin
/// 2003) in nats: 0 where the shares are the same, √ln 2 where they have nothing
/// in common. Both sides are taken in shares of their sums, as SciPy does;
/// NaN where one sums to 0.
pub fn jensen_shannon(reference: &[f64], current: &[f64]) -> f64 {
    let [r_sum, c_sum] = [reference, current].map(|side| side.iter().sum::<f64>());
    let pairs = reference.iter().zip(current);
    let divergence: f64 = pairs
        .map(|(r, c)| {
            let (r, c) = (r / r_sum, c / c_sum);
            let middle = (r + c) / 2.0;
            relative_entropy(r, middle) + relative_entropy(c, middle)
        })
        .sum();
    // Rounding can leave a little less than nothing.
    match divergence.is_nan() {
        true => f64::NAN,
        false => (divergence.max(0.0) / 2.0).sqrt(),
    }
}

fn relative_entropy(share: f64, middle: f64) -> f64 {
    if share == 0.0 {
        0.0
    } else {
        share * (share / middle).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_the_same_to_nothing_in_common() {
        assert_eq!(jensen_shannon(&[2.0, 2.0], &[0.5, 0.5]), 0.0);
        let apart = jensen_shannon(&[1.0, 0.0], &[0.0, 3.0]);
        assert!((apart - 2.0_f64.ln().sqrt()).abs() < 1e-15);
        assert!(jensen_shannon(&[0.0], &[1.0]).is_nan());
    }
}
