//! The z-test: whether a share has moved.

use statrs::function::erf::erfc;

/// How probable a difference of two shares at least as great is, where both
/// samples are drawn from one (the two-sided test with the pooled share).
/// Each side is how often the value was taken and how often not. 1 where both
/// are all of one kind; None where a side is empty.
pub fn z_test(reference: [f64; 2], current: [f64; 2]) -> Option<f64> {
    let [n_r, n_c] = [reference, current].map(|side| side[0] + side[1]);
    if !(n_r > 0.0 && n_c > 0.0) {
        return None;
    }
    let pooled = (reference[1] + current[1]) / (n_r + n_c);
    let variance = pooled * (1.0 - pooled) * (1.0 / n_r + 1.0 / n_c);
    if variance <= 0.0 {
        return Some(1.0);
    }
    let z = (reference[1] / n_r - current[1] / n_c) / variance.sqrt();
    Some(erfc(z.abs() / std::f64::consts::SQRT_2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_share_and_another() {
        assert_eq!(z_test([5.0, 5.0], [50.0, 50.0]), Some(1.0));
        assert_eq!(z_test([5.0, 0.0], [9.0, 0.0]), Some(1.0));
        assert!(z_test([50.0, 50.0], [90.0, 10.0]).unwrap() < 1e-9);
        assert_eq!(z_test([0.0, 0.0], [1.0, 1.0]), None);
    }
}
