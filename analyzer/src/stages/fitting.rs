//! What the weights are learnt from: every function's evidence as numbers.
//! For `examples/fit_stages.rs`; nothing else needs it.

use super::features::{self, FAMILIES};
use super::model::{self, GENERAL, Weights};
use super::{Input, ROUNDS, neighbours, weights};

/// Evidence of one function.
#[derive(Clone, Debug)]
pub struct Sample {
    /// By family, then stage.
    pub families: [[f64; 9]; FAMILIES],
    /// General facts, for `shared` and `none`.
    pub general: [f64; GENERAL],
}

/// The learnt numbers in a row: families, biases, shared, none.
pub const PARAMETERS: usize = FAMILIES + 9 + 2 * GENERAL;

/// Every function's evidence, by function, without neighbours or with what
/// `alone` and `together` say of them.
pub fn samples(input: &Input<'_>, parameters: Option<(&[f64], &[f64])>) -> Vec<Sample> {
    let mut owns = features::gather(input);
    let none = vec![model::Context::default(); owns.len()];
    let contexts = match parameters {
        None => none,
        Some((alone, together)) => {
            let (alone, together) = (unpack(alone), unpack(together));
            let edges = neighbours::Edges::new(input);
            let mut shares: Vec<_> = owns
                .iter()
                .map(|own| model::distribution(&alone, own, &model::Context::default()))
                .collect();
            let mut contexts = edges.contexts(&mut owns, &shares);
            for _ in 1..ROUNDS {
                shares = owns
                    .iter()
                    .zip(&contexts)
                    .map(|(own, context)| model::distribution(&together, own, context))
                    .collect();
                contexts = edges.contexts(&mut owns, &shares);
            }
            contexts
        }
    };
    owns.iter()
        .zip(&contexts)
        .map(|(own, context)| Sample {
            families: own.families,
            general: model::general(own, context),
        })
        .collect()
}

/// The weights now in use, as parameters.
pub fn current() -> (Vec<f64>, Vec<f64>) {
    (pack(&weights::ALONE), pack(&weights::TOGETHER))
}

fn pack(weights: &Weights) -> Vec<f64> {
    let mut row = weights.families.to_vec();
    row.extend(weights.bias);
    row.extend(weights.shared);
    row.extend(weights.none);
    row
}

fn unpack(row: &[f64]) -> Weights {
    let mut weights = weights::TOGETHER;
    let (families, rest) = row.split_at(FAMILIES);
    let (bias, rest) = rest.split_at(9);
    let (shared, none) = rest.split_at(GENERAL);
    weights.families.copy_from_slice(families);
    weights.bias.copy_from_slice(bias);
    weights.shared.copy_from_slice(shared);
    weights.none.copy_from_slice(none);
    weights.temperature = 1.0;
    weights
}
