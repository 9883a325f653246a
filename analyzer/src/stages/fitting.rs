//! What the weights are learnt from: every function's evidence as numbers.
//! For `examples/fit_stages.rs`; nothing else needs it.
//!
//! A family's weight for a stage is the family's own weight plus what differs
//! for that stage, so that few labels teach the first and only many the second.

use super::features::{
    self, ByStage, FACTS, FAMILIES, Fact, Family, NEIGHBOUR_FACTS, NEIGHBOURS, Own,
};
use super::model::{self, Weights};
use super::{Input, ROUNDS, neighbours};

/// Where the parameters lie in their row: families, differences by family and
/// stage, facts by stage, biases.
const DIFFERENCES: usize = FAMILIES;
const FACT_WEIGHTS: usize = DIFFERENCES + 9 * FAMILIES;
const BIASES: usize = FACT_WEIGHTS + 9 * FACTS;

/// The number of parameters.
pub const PARAMETERS: usize = BIASES + 9;

/// The functions of a tree, ready to be weighed under any parameters.
pub struct Prepared {
    owns: Vec<Own>,
    edges: neighbours::Edges,
}

/// Evidence of one function.
#[derive(Clone, Debug)]
pub struct Sample {
    families: [ByStage; FAMILIES],
    facts: [f64; FACTS],
}

impl Sample {
    fn new(own: &Own) -> Sample {
        Sample {
            families: own.families,
            facts: own.facts,
        }
    }
}

impl Prepared {
    /// Gathers the evidence.
    pub fn new(input: &Input<'_>) -> Prepared {
        Prepared {
            owns: features::gather(input),
            edges: neighbours::Edges::new(input),
        }
    }

    /// Takes out what the names of files and folders say.
    pub fn forget_paths(&mut self) {
        for own in &mut self.owns {
            own.families[Family::File as usize] = [0.0; 9];
            own.families[Family::Folder as usize] = [0.0; 9];
        }
    }

    /// Every function's own evidence.
    pub fn alone(&self) -> Vec<Sample> {
        self.owns.iter().map(Sample::new).collect()
    }

    /// Every function's evidence with its neighbours', as `alone` sees them
    /// first and then `together`, where there is one.
    pub fn together(&self, alone: &[f64], together: Option<&[f64]>) -> Vec<Sample> {
        let alone = unpack(alone, 1.0);
        let mut owns = self.owns.clone();
        let mut shares: Vec<_> = owns
            .iter()
            .map(|own| model::distribution(&alone, own))
            .collect();
        self.edges.spread(&mut owns, &shares);
        if let Some(together) = together {
            let together = unpack(together, 1.0);
            for _ in 1..ROUNDS {
                shares = owns
                    .iter()
                    .map(|own| model::distribution(&together, own))
                    .collect();
                self.edges.spread(&mut owns, &shares);
            }
        }
        owns.iter().map(Sample::new).collect()
    }
}

fn unpack(row: &[f64], temperature: f64) -> Weights {
    let by_stage = |start: usize| std::array::from_fn(|stage| row[start + stage]);
    Weights {
        families: std::array::from_fn(|family| {
            let differences: ByStage = by_stage(DIFFERENCES + 9 * family);
            differences.map(|difference| row[family] + difference)
        }),
        facts: std::array::from_fn(|fact| by_stage(FACT_WEIGHTS + 9 * fact)),
        bias: by_stage(BIASES),
        temperature,
    }
}

/// The shares that `parameters` give some samples.
pub fn shares<'s>(
    samples: impl IntoIterator<Item = &'s Sample>,
    parameters: &[f64],
    temperature: f64,
) -> Vec<[f64; 9]> {
    let weights = unpack(parameters, temperature);
    let mut own = Own::default();
    let share = |sample: &Sample| {
        own.families = sample.families;
        own.facts = sample.facts;
        model::distribution(&weights, &own)
    };
    samples.into_iter().map(share).collect()
}

/// Adds the errors of a sample's scores, times its values, to the gradient.
pub fn accumulate(sample: &Sample, errors: &[f64; 9], gradient: &mut [f64]) {
    for (family, values) in sample.families.iter().enumerate() {
        for stage in 0..9 {
            if values[stage] != 0.0 {
                let slope = errors[stage] * values[stage];
                gradient[family] += slope;
                gradient[DIFFERENCES + 9 * family + stage] += slope;
            }
        }
    }
    for (fact, value) in sample.facts.iter().enumerate() {
        if *value != 0.0 {
            for stage in 0..9 {
                gradient[FACT_WEIGHTS + 9 * fact + stage] += errors[stage] * value;
            }
        }
    }
    for stage in 0..9 {
        gradient[BIASES + stage] += errors[stage];
    }
}

/// Facts whose meaning the glossary gives: they need fewer labels.
const TELLING: [Fact; 11] = [
    Fact::Outside,
    Fact::FileDoesData,
    Fact::IsFlow,
    Fact::IdleAnswer,
    Fact::CallerSpread,
    Fact::CalleeSpread,
    Fact::NoCaller,
    Fact::Isolated,
    Fact::PredictsOnly,
    Fact::Measures,
    Fact::Fits,
];

/// How strongly each parameter is held at zero: `[family, difference, fact,
/// bias, telling fact]`.
pub fn penalties(by_kind: [f64; 5]) -> Vec<f64> {
    let kind = |idx: usize| match idx {
        0..DIFFERENCES => 0,
        DIFFERENCES..FACT_WEIGHTS => 1,
        FACT_WEIGHTS..BIASES => {
            let fact = (idx - FACT_WEIGHTS) / 9;
            if TELLING.iter().any(|telling| *telling as usize == fact) {
                4
            } else {
                2
            }
        }
        _ => 3,
    };
    (0..PARAMETERS).map(|idx| by_kind[kind(idx)]).collect()
}

/// Takes the neighbours' families and facts out.
pub fn without_neighbours(parameters: &mut [f64]) {
    parameters[NEIGHBOURS..FAMILIES].fill(0.0);
    parameters[DIFFERENCES + 9 * NEIGHBOURS..FACT_WEIGHTS].fill(0.0);
    parameters[FACT_WEIGHTS + 9 * NEIGHBOUR_FACTS..BIASES].fill(0.0);
}

/// Evidence for a stage never speaks against it.
pub fn without_negative_families(parameters: &mut [f64]) {
    for family in 0..FAMILIES {
        parameters[family] = parameters[family].max(0.0);
        let least = -parameters[family];
        let start = DIFFERENCES + 9 * family;
        for difference in &mut parameters[start..start + 9] {
            *difference = difference.max(least);
        }
    }
}

/// The parameters as Rust.
pub fn as_code(parameters: &[f64], temperature: f64) -> String {
    let weights = unpack(parameters, temperature);
    let row = |values: &ByStage| {
        let values: Vec<String> = values.iter().map(|value| format!("{value:.3}")).collect();
        format!("[{}]", values.join(", ").replace("-0.000", "0.000"))
    };
    let rows = |rows: &[ByStage]| {
        let rows: Vec<String> = rows
            .iter()
            .map(|values| format!("        {},\n", row(values)))
            .collect();
        format!("[\n{}    ]", rows.concat())
    };
    format!(
        "Weights {{\n    families: {},\n    facts: {},\n    bias: {},\n    temperature: {temperature:.2},\n}}",
        rows(&weights.families),
        rows(&weights.facts),
        row(&weights.bias),
    )
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared")
            .field("n", &self.owns.len())
            .finish()
    }
}
