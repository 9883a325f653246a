//! The softmax that weighs the evidence.

use super::features::{ByStage, FACTS, FAMILIES, Own};

/// The learnt weights.
#[derive(Clone, Debug)]
pub(crate) struct Weights {
    /// How much each family's evidence for a stage counts.
    pub(crate) families: [ByStage; FAMILIES],
    /// What each fact says for or against each stage.
    pub(crate) facts: [ByStage; FACTS],
    /// A constant per stage.
    pub(crate) bias: ByStage,
    /// Divides the scores: the softmax says 0.8 where 8 of 10 are right.
    pub(crate) temperature: f64,
}

/// Scores before the softmax.
fn scores(weights: &Weights, own: &Own) -> ByStage {
    let mut scores = weights.bias;
    for (family, weights) in own.families.iter().zip(&weights.families) {
        for stage in 0..9 {
            scores[stage] += weights[stage] * family[stage];
        }
    }
    for (fact, weights) in own.facts.iter().zip(&weights.facts) {
        if *fact != 0.0 {
            for stage in 0..9 {
                scores[stage] += weights[stage] * fact;
            }
        }
    }
    scores
}

/// The share of each stage.
pub(crate) fn distribution(weights: &Weights, own: &Own) -> ByStage {
    softmax(scores(weights, own), weights.temperature)
}

pub(crate) fn softmax(scores: ByStage, temperature: f64) -> ByStage {
    let highest = scores.iter().fold(f64::MIN, |a, b| a.max(*b));
    let mut shares = scores.map(|score| ((score - highest) / temperature).exp());
    let sum: f64 = shares.iter().sum();
    shares.iter_mut().for_each(|share| *share /= sum);
    shares
}
