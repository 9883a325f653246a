//! Pearson's χ² test: whether frequencies are those the reference expects.

use statrs::function::gamma::checked_gamma_ur;

/// How probable frequencies at least as far from those expected are, where the
/// current sample is drawn from the reference's shares (Pearson 1900). Expected
/// are the reference's frequencies, scaled to the size of the current sample; a
/// value that the reference lacks makes it 0. None of fewer than two values, or
/// where a side is empty.
pub fn chi_square(reference: &[f64], current: &[f64]) -> Option<f64> {
    let [r_sum, c_sum] = [reference, current].map(|side| side.iter().sum::<f64>());
    if reference.len() < 2 || !(r_sum > 0.0 && c_sum > 0.0) {
        return None;
    }
    let pairs = reference.iter().zip(current);
    let squares = pairs.map(|(r, c)| {
        let expected = r * (c_sum / r_sum);
        match expected == 0.0 && *c == 0.0 {
            true => 0.0,
            false => (c - expected).powi(2) / expected,
        }
    });
    upper_tail(squares.sum(), (reference.len() - 1) as f64)
}

/// The share of the χ² distribution above `statistic`.
fn upper_tail(statistic: f64, freedom: f64) -> Option<f64> {
    match statistic {
        statistic if statistic.is_nan() => None,
        0.0 => Some(1.0),
        f64::INFINITY => Some(0.0),
        _ => checked_gamma_ur(freedom / 2.0, statistic / 2.0).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_and_what_is_not() {
        assert_eq!(chi_square(&[5.0, 5.0], &[10.0, 10.0]), Some(1.0));
        assert_eq!(chi_square(&[5.0, 0.0], &[5.0, 1.0]), Some(0.0));
        assert_eq!(chi_square(&[5.0], &[5.0]), None);
        assert_eq!(chi_square(&[0.0, 0.0], &[5.0, 1.0]), None);
        // With one degree of freedom, the normal distribution's two tails.
        let p = chi_square(&[50.0, 50.0], &[60.0, 40.0]).unwrap();
        assert!((p - 0.045_500_263_896_358_4).abs() < 1e-12, "{p}");
    }
}
