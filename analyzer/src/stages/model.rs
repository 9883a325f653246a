//! The softmax that weighs the evidence.

use super::features::{ByStage, FAMILIES, Own};

/// What the neighbours say of whether a function is shared or outside.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Context {
    /// Number of pipeline stages among the callers, as 2^entropy − 1.
    pub(crate) caller_spread: f64,
    /// Likewise among the callees.
    pub(crate) callee_spread: f64,
    /// ln(1 + number of callers).
    pub(crate) callers: f64,
    /// ln(1 + number of callees in the tree).
    pub(crate) callees: f64,
}

/// Facts that speak for `shared` and `none`, against the seven.
pub(crate) const GENERAL: usize = 10;

/// The learnt weights.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weights {
    /// One per family, for every stage alike.
    pub(crate) families: [f64; FAMILIES],
    /// A constant per stage.
    pub(crate) bias: ByStage,
    /// For `shared`, per general fact.
    pub(crate) shared: [f64; GENERAL],
    /// For `none`, per general fact.
    pub(crate) none: [f64; GENERAL],
    /// Divides the scores: the softmax says 0.8 where 8 of 10 are right.
    pub(crate) temperature: f64,
}

/// The general facts of a function.
pub(crate) fn general(own: &Own, context: &Context) -> [f64; GENERAL] {
    let strongest = |family: usize| {
        let pipeline = own.families[family][..7].iter();
        pipeline.fold(0.0_f64, |a, b| a.max(*b))
    };
    let work: f64 = strongest(super::features::Family::Library as usize);
    let talk: f64 = strongest(super::features::Family::Body as usize);
    [
        work,
        talk,
        strongest(super::features::Family::Name as usize),
        (1.0 + own.size as f64).ln(),
        f64::from(own.is_module),
        f64::from(own.is_handler),
        context.caller_spread,
        context.callee_spread,
        context.callers,
        context.callees,
    ]
}

/// Scores before the softmax.
pub(crate) fn scores(weights: &Weights, own: &Own, context: &Context) -> ByStage {
    let mut scores = weights.bias;
    for (family, weight) in own.families.iter().zip(&weights.families) {
        for (score, value) in scores.iter_mut().zip(family) {
            *score += weight * value;
        }
    }
    let general = general(own, context);
    for (idx, fact) in general.iter().enumerate() {
        scores[7] += weights.shared[idx] * fact;
        scores[8] += weights.none[idx] * fact;
    }
    scores
}

/// The share of each stage.
pub(crate) fn distribution(weights: &Weights, own: &Own, context: &Context) -> ByStage {
    softmax(scores(weights, own, context), weights.temperature)
}

pub(crate) fn softmax(scores: ByStage, temperature: f64) -> ByStage {
    let highest = scores.iter().fold(f64::MIN, |a, b| a.max(*b));
    let mut shares = scores.map(|score| ((score - highest) / temperature).exp());
    let sum: f64 = shares.iter().sum();
    shares.iter_mut().for_each(|share| *share /= sum);
    shares
}
