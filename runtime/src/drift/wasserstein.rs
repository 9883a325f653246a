//! The Wasserstein distance: how far values have to be moved.

/// Below this a reference counts as having no spread.
const LEAST_SPREAD: f64 = 0.001;

/// The first Wasserstein distance between two samples, in the unit of the
/// values: the area between their distribution functions (Ramdas, Garcia and
/// Cuturi 2015, §2.1). None where a sample is empty.
pub fn wasserstein(reference: &[f64], current: &[f64]) -> Option<f64> {
    let [reference, current] = [reference, current].map(|values| {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted
    });
    let mut at = reference.first()?.min(*current.first()?);
    let (mut r, mut c, mut area) = (0, 0, 0.0);
    while r < reference.len() || c < current.len() {
        let next = match (reference.get(r), current.get(c)) {
            (Some(a), Some(b)) => a.min(*b),
            (Some(a), None) => *a,
            (None, Some(b)) => *b,
            (None, None) => break,
        };
        let apart = r as f64 / reference.len() as f64 - c as f64 / current.len() as f64;
        area += apart.abs() * (next - at);
        at = next;
        r += reference[r..]
            .iter()
            .take_while(|value| **value <= next)
            .count();
        c += current[c..]
            .iter()
            .take_while(|value| **value <= next)
            .count();
    }
    Some(area)
}

/// The distance in standard deviations of the reference, as Evidently takes it:
/// one below 0.001 counts as that.
pub fn normed_wasserstein(reference: &[f64], current: &[f64]) -> Option<f64> {
    let distance = wasserstein(reference, current)?;
    Some(distance / standard_deviation(reference).max(LEAST_SPREAD))
}

/// Of the values as a population.
fn standard_deviation(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / n).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_far_as_values_are_moved() {
        assert_eq!(wasserstein(&[0.0, 1.0, 3.0], &[5.0, 6.0, 8.0]), Some(5.0));
        assert_eq!(wasserstein(&[1.0, 1.0], &[1.0]), Some(0.0));
        assert_eq!(wasserstein(&[0.0], &[0.0, 1.0]), Some(0.5));
        assert_eq!(wasserstein(&[], &[1.0]), None);
        assert_eq!(normed_wasserstein(&[2.0], &[3.0]), Some(1_000.0));
    }
}
