//! How good probabilities are: log loss and Brier score.

use super::average::mean;
use super::sample::Classified;
use super::undefined::{Score, Undefined};

/// The mean negative logarithm of the probability of the true class, in nats.
/// A probability is kept 2⁻⁵² away from 0 and 1, as scikit-learn does.
pub fn log_loss(classified: &Classified) -> Score {
    let probabilities = classified.probability_matrix()?;
    if classified.n_classes() < 2 {
        return Err(Undefined::OneClass { class: 0 });
    }
    let loss = |(row, class): (usize, &usize)| {
        let p = probabilities[[row, *class]];
        -p.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
    };
    let losses = classified.truth().iter().enumerate().map(loss);
    mean(losses, classified.weights())
}

/// The mean squared distance of the positive class's probability from 1 for
/// positive rows and from 0 for the others (Brier 1950). Two classes only.
pub fn brier(classified: &Classified) -> Score {
    let probabilities = classified.positive_probabilities()?;
    let pairs = classified.truth().iter().zip(probabilities);
    let squares = pairs.map(|(class, p)| (*class as f64 - p).powi(2));
    mean(squares, classified.weights())
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_sure_mistake_is_finite() {
        let sure = Classified::probabilities(vec![0], array![[0.0, 1.0]]).unwrap();
        assert_eq!(log_loss(&sure), Ok(-f64::EPSILON.ln()));
        assert_eq!(brier(&sure), Ok(1.0));
    }

    #[test]
    fn probabilities_are_needed() {
        let labels = Classified::labels(2, vec![0], vec![1]).unwrap();
        assert_eq!(log_loss(&labels), Err(Undefined::NoProbabilities));
        let three = Classified::probabilities(vec![0], array![[0.5, 0.3, 0.2]]).unwrap();
        assert_eq!(brier(&three), Err(Undefined::NotBinary { n_classes: 3 }));
    }
}
