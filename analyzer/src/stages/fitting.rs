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

/// The shares that `parameters` give a sample.
pub fn shares(sample: &Sample, parameters: &[f64], temperature: f64) -> [f64; 9] {
    let mut scores = [0.0; 9];
    for (stage, score) in scores.iter_mut().enumerate() {
        *score = terms(sample, stage)
            .map(|(idx, value)| parameters[idx] * value)
            .sum();
    }
    model::softmax(scores, temperature)
}

/// Adds `error` times the sample's values to the gradient of `stage`'s score.
pub fn accumulate(sample: &Sample, stage: usize, error: f64, gradient: &mut [f64]) {
    for (idx, value) in terms(sample, stage) {
        gradient[idx] += error * value;
    }
}

/// The parameters a stage's score is made of, with their values.
fn terms(sample: &Sample, stage: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
    let families = sample.families.iter().enumerate();
    let families = families.map(move |(family, values)| (family, values[stage]));
    let bias = std::iter::once((FAMILIES + stage, 1.0));
    let start = match stage {
        7 => Some(FAMILIES + 9),
        8 => Some(FAMILIES + 9 + GENERAL),
        _ => None,
    };
    let general = start.into_iter().flat_map(move |start| {
        let facts = sample.general.iter().enumerate();
        facts.map(move |(idx, value)| (start + idx, *value))
    });
    families.chain(bias).chain(general)
}

/// Takes the neighbours' families and facts out.
pub fn without_neighbours(parameters: &mut [f64]) {
    parameters[features::Family::Callers as usize..FAMILIES].fill(0.0);
    for start in [FAMILIES + 9, FAMILIES + 9 + GENERAL] {
        parameters[start + 6..start + GENERAL].fill(0.0);
    }
}

/// Evidence for a stage never speaks against it.
pub fn without_negative_families(parameters: &mut [f64]) {
    for weight in &mut parameters[..FAMILIES] {
        *weight = weight.max(0.0);
    }
}

/// The parameters as Rust.
pub fn as_code(parameters: &[f64], temperature: f64) -> String {
    let row = |values: &[f64]| {
        let values: Vec<String> = values.iter().map(|value| format!("{value:.3}")).collect();
        format!("[{}]", values.join(", "))
    };
    let (families, rest) = parameters.split_at(FAMILIES);
    let (bias, rest) = rest.split_at(9);
    let (shared, none) = rest.split_at(GENERAL);
    format!(
        "Weights {{\n    families: {},\n    bias: {},\n    shared: {},\n    none: {},\n    temperature: {temperature:.1},\n}}",
        row(families),
        row(bias),
        row(shared),
        row(none),
    )
}
