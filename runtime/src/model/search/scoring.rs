//! [`Scoring`]: how good predictions are, in one number.

use ndarray::ArrayView1;

use super::super::{Labels, ModelError, Prediction, Target};

/// Tells how good predictions are.
pub trait Scoring: Sync {
    /// As it is written.
    fn name(&self) -> &'static str;

    /// How good predictions are for rows with this truth and these weights, one
    /// for each row; higher is better. Fails where the model says nothing of
    /// what is scored.
    fn score(
        &self,
        truth: &Target,
        said: &Prediction,
        weights: ArrayView1<'_, f64>,
    ) -> Result<f64, ModelError>;
}

/// All of them, by name. Others can be handed to [`search`](super::search).
pub static ALL: &[&dyn Scoring] = &[&Accuracy, &NegLogLoss, &R2, &RocAuc];

/// The one of that name.
pub fn named(name: &str) -> Option<&'static dyn Scoring> {
    ALL.iter().find(|own| own.name() == name).copied()
}

/// The share of rows whose class is right.
struct Accuracy;

/// The mean logarithm of what the right class was given; at least that of the
/// smallest difference from 1 that a double can tell, as in scikit-learn.
struct NegLogLoss;

/// The share of the values' variance that predictions explain.
struct R2;

/// How often a row of the second class is held likelier to be of it than one of
/// the first, of two classes.
struct RocAuc;

impl Scoring for Accuracy {
    fn name(&self) -> &'static str {
        "accuracy"
    }

    fn score(
        &self,
        truth: &Target,
        said: &Prediction,
        weights: ArrayView1<'_, f64>,
    ) -> Result<f64, ModelError> {
        let (truth, said) = (labels(self, truth)?, labels(self, &said.target)?);
        let pairs = truth.iter().zip(said.iter()).zip(weights);
        let right: f64 = pairs
            .filter(|((a, b), _)| a == b)
            .map(|(_, weight)| weight)
            .sum();
        Ok(right / weights.sum())
    }
}

impl Scoring for NegLogLoss {
    fn name(&self) -> &'static str {
        "neg-log-loss"
    }

    fn score(
        &self,
        truth: &Target,
        said: &Prediction,
        weights: ArrayView1<'_, f64>,
    ) -> Result<f64, ModelError> {
        let (truth, known) = (labels(self, truth)?, labels(self, &said.target)?);
        let probabilities = said
            .probabilities
            .as_ref()
            .ok_or_else(|| not(self, "no probabilities"))?;
        let column = |label| known.classes().iter().position(|class| class == label);
        let rows = truth.iter().zip(probabilities.rows()).zip(weights);
        let sum: f64 = rows
            .map(|((label, row), weight)| {
                let given = column(label).map_or(0.0, |column| row[column]);
                weight * given.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
            })
            .sum();
        Ok(sum / weights.sum())
    }
}

impl Scoring for R2 {
    fn name(&self) -> &'static str {
        "r2"
    }

    fn score(
        &self,
        truth: &Target,
        said: &Prediction,
        weights: ArrayView1<'_, f64>,
    ) -> Result<f64, ModelError> {
        let (Target::Values(truth), Target::Values(said)) = (truth, &said.target) else {
            return Err(not(self, truth.holds()));
        };
        let mean = truth.dot(&weights) / weights.sum();
        let squares = |apart: ndarray::Array1<f64>| (&apart * &apart).dot(&weights);
        let (left, all) = (squares(truth - said), squares(truth - mean));
        Ok(match (left == 0.0, all == 0.0) {
            (true, _) => 1.0,
            (false, true) => 0.0,
            (false, false) => 1.0 - left / all,
        })
    }
}

impl Scoring for RocAuc {
    fn name(&self) -> &'static str {
        "roc-auc"
    }

    fn score(
        &self,
        truth: &Target,
        said: &Prediction,
        weights: ArrayView1<'_, f64>,
    ) -> Result<f64, ModelError> {
        let truth = labels(self, truth)?;
        let probabilities = said.probabilities.as_ref().filter(|p| p.ncols() == 2);
        let (Some(probabilities), 2) = (probabilities, truth.classes().len()) else {
            return Err(not(self, "no probabilities of two classes"));
        };
        let second = probabilities.column(1);
        let mut rows: Vec<usize> = (0..second.len()).collect();
        rows.sort_by(|a, b| second[*a].total_cmp(&second[*b]));
        let (mut below, mut ordered) = (0.0, 0.0);
        let (mut firsts, mut seconds) = (0.0, 0.0);
        for equal in rows.chunk_by(|a, b| second[*a] == second[*b]) {
            let of = |code: u32| -> f64 {
                let own = equal.iter().filter(|row| truth.codes()[**row] == code);
                own.map(|row| weights[*row]).sum()
            };
            let (first, own) = (of(0), of(1));
            ordered += own * (below + 0.5 * first);
            below += first;
            firsts += first;
            seconds += own;
        }
        match firsts * seconds > 0.0 {
            true => Ok(ordered / (firsts * seconds)),
            false => Err(not(self, "one class alone")),
        }
    }
}

fn labels<'t>(scoring: &dyn Scoring, target: &'t Target) -> Result<&'t Labels, ModelError> {
    match target {
        Target::Labels(labels) => Ok(labels),
        Target::Values(_) | Target::None => Err(not(scoring, target.holds())),
    }
}

fn not(scoring: &dyn Scoring, found: &'static str) -> ModelError {
    ModelError::Target {
        kind: scoring.name(),
        expected: match scoring.name() {
            "r2" => "values",
            "accuracy" => "labels",
            _ => "labels and probabilities",
        },
        found,
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, array};

    use super::super::super::Label;
    use super::*;

    fn said(codes: &[i64], second: &[f64]) -> Prediction {
        let second = Array1::from(second.to_vec());
        let first = 1.0 - &second;
        Prediction {
            target: target(codes),
            probabilities: ndarray::stack(ndarray::Axis(1), &[first.view(), second.view()]).ok(),
            scores: None,
        }
    }

    fn target(codes: &[i64]) -> Target {
        Target::Labels(Labels::new(
            &codes.iter().map(|c| Label::Int(*c)).collect::<Vec<_>>(),
        ))
    }

    fn score(name: &str, truth: &Target, said: &Prediction, weights: &[f64]) -> f64 {
        named(name)
            .unwrap()
            .score(truth, said, ArrayView1::from(weights))
            .unwrap()
    }

    #[test]
    fn classes() {
        // By hand, and as scikit-learn 1.5.2 has them.
        let (truth, said) = (
            target(&[0, 1, 1, 0]),
            said(&[0, 1, 0, 0], &[0.2, 0.7, 0.3, 0.3]),
        );
        let even = [1.0; 4];
        assert_eq!(score("accuracy", &truth, &said, &even), 0.75);
        assert_eq!(score("accuracy", &truth, &said, &[1.0, 1.0, 2.0, 1.0]), 0.6);
        assert_eq!(score("roc-auc", &truth, &said, &even), 0.875);
        let loss = (0.8f64.ln() + 0.7f64.ln() + 0.3f64.ln() + 0.7f64.ln()) / 4.0;
        assert!((score("neg-log-loss", &truth, &said, &even) - loss).abs() < 1e-15);
    }

    #[test]
    fn values() {
        let said = |values: Array1<f64>| Prediction {
            target: Target::Values(values),
            probabilities: None,
            scores: None,
        };
        let truth = Target::Values(array![1.0, 2.0, 3.0]);
        assert_eq!(
            score("r2", &truth, &said(array![1.0, 2.0, 3.0]), &[1.0; 3]),
            1.0
        );
        assert_eq!(
            score("r2", &truth, &said(array![2.0, 2.0, 2.0]), &[1.0; 3]),
            0.0
        );
        let labels =
            named("accuracy")
                .unwrap()
                .score(&truth, &said(array![1.0]), array![1.0].view());
        assert!(
            labels
                .unwrap_err()
                .to_string()
                .contains("accuracy needs labels")
        );
    }
}
