//! Which stage each function belongs to, and why.
//!
//! Evidence is gathered per function by family (library calls, names, words
//! of the body, routes, resources). A softmax over the nine stages weighs the
//! families; its few weights are learnt from labelled functions of public
//! repositories (`benches/labels`, `examples/fit_stages.rs`). Then what the
//! callers, callees, siblings and flow partners are is evidence too, and the
//! verdicts are taken again until they settle: iterative classification
//! (Neville and Jensen, "Iterative Classification in Relational Data", 2000).

pub(crate) mod features;
pub mod fitting;
mod lexicon;
pub(crate) mod model;
mod neighbours;
mod stage;
#[cfg(test)]
mod tests;
mod weights;

use smol_str::SmolStr;

pub use stage::Stage;

use crate::catalog::Catalog;
use crate::effects::Effects;
use crate::graph::data::DataFlowGraph;
use crate::graph::{CallGraph, FuncId, Program};
use crate::modules::ModuleSet;
use crate::routes::Route;

/// A function's stage with its reasons.
#[derive(Clone, Debug, PartialEq)]
pub struct Staging {
    /// The likeliest.
    pub stage: Stage,
    /// How often such a verdict is right, measured: 0 to 1.
    pub confidence: f64,
    /// Share of each stage, as [`Stage::ALL`] orders them; sums to 1.
    pub distribution: [f64; 9],
    /// What speaks for which stage, strongest first.
    pub evidence: Vec<Evidence>,
    /// Pinned by the user's configuration.
    pub pinned: bool,
}

/// One reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// For which stage it speaks.
    pub stage: Stage,
    /// How strongly, as log-odds.
    pub weight: f64,
    /// In words: `calls sklearn.linear_model.LogisticRegression.fit`.
    pub reason: SmolStr,
    /// The line it stands on; 0 where it has none.
    pub line: u32,
}

/// The stage of every function, by [`FuncId`].
#[derive(Clone, Debug, Default)]
pub struct StageMap {
    /// By [`FuncId`].
    pub of: Vec<Staging>,
}

impl StageMap {
    /// The stage of `func`.
    pub fn stage(&self, func: FuncId) -> Stage {
        self.of[func.0 as usize].stage
    }
}

/// The rooms that the verdict rests on.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "each field is the room of its type")]
pub struct Input<'a> {
    pub modules: &'a ModuleSet,
    pub program: &'a Program,
    pub catalog: &'a Catalog,
    pub call_graph: &'a CallGraph,
    pub data_flow: &'a DataFlowGraph,
    pub effects: &'a Effects,
    pub routes: &'a [Route],
}

/// Rounds in which neighbours' verdicts are taken into account.
const ROUNDS: usize = 3;

/// Finds every function's stage. `pins` gives some, by function.
pub fn stages(input: &Input<'_>, pins: &[(FuncId, Stage)]) -> StageMap {
    let mut owns = features::gather(input);
    let edges = neighbours::Edges::new(input);
    let mut shares: Vec<[f64; 9]> = owns
        .iter()
        .map(|own| model::distribution(&weights::ALONE, own))
        .collect();
    pin(&mut shares, pins);
    for _ in 0..ROUNDS {
        edges.spread(&mut owns, &shares);
        shares = owns
            .iter()
            .map(|own| model::distribution(&weights::TOGETHER, own))
            .collect();
        pin(&mut shares, pins);
    }
    let neighbours = edges.evidence(input, &shares);
    let of = owns.iter().zip(shares).zip(neighbours).enumerate();
    StageMap {
        of: of
            .map(|(idx, ((own, share), near))| {
                let pinned = pins.iter().any(|(func, _)| func.0 as usize == idx);
                verdict(own, near, share, pinned)
            })
            .collect(),
    }
}

fn pin(shares: &mut [[f64; 9]], pins: &[(FuncId, Stage)]) {
    for (func, stage) in pins {
        let share = &mut shares[func.0 as usize];
        *share = [0.0; 9];
        share[features::index(*stage)] = 1.0;
    }
}

fn verdict(
    own: &features::Own,
    near: Vec<(features::Family, Evidence)>,
    distribution: [f64; 9],
    pinned: bool,
) -> Staging {
    let best = (0..9)
        .max_by(|a, b| distribution[*a].total_cmp(&distribution[*b]))
        .unwrap_or(8);
    let all = own.evidence.iter().cloned().chain(near);
    let mut evidence: Vec<Evidence> = all
        .map(|(family, evidence)| Evidence {
            weight: evidence.weight
                * weights::TOGETHER.families[family as usize][features::index(evidence.stage)],
            ..evidence
        })
        .filter(|evidence| evidence.weight > 0.05)
        .collect();
    evidence.sort_by(|a, b| {
        let for_verdict = |e: &Evidence| e.stage != Stage::ALL[best];
        for_verdict(a)
            .cmp(&for_verdict(b))
            .then(b.weight.total_cmp(&a.weight))
            .then(a.reason.cmp(&b.reason))
    });
    evidence.dedup_by(|a, b| a.reason == b.reason && a.stage == b.stage);
    evidence.truncate(12);
    Staging {
        stage: Stage::ALL[best],
        confidence: if pinned { 1.0 } else { distribution[best] },
        distribution,
        evidence,
        pinned,
    }
}
