//! What a function's neighbours say: who calls it, what it calls, what stands
//! beside it, where its data comes from and goes.

use smol_str::{SmolStr, format_smolstr};

use super::features::{ByStage, Family, Own};
use super::model::Context;
use super::{Evidence, Input, Stage};
use crate::graph::FuncId;

/// Edges between functions, by function.
pub(crate) struct Edges {
    callers: Vec<Vec<u32>>,
    callees: Vec<Vec<u32>>,
    siblings: Vec<Vec<u32>>,
    flows: Vec<Vec<u32>>,
}

impl Edges {
    pub(crate) fn new(input: &Input<'_>) -> Edges {
        let n = input.program.functions.len();
        let mut edges = Edges {
            callers: vec![Vec::new(); n],
            callees: vec![Vec::new(); n],
            siblings: vec![Vec::new(); n],
            flows: vec![Vec::new(); n],
        };
        let calls = input.call_graph.seen_through.iter();
        let calls = calls.map(|call| (call.caller, call.callee));
        let kept = input.call_graph.registrations.iter();
        let kept = kept.map(|registration| (registration.by, registration.target));
        for (caller, callee) in calls.chain(kept) {
            if caller != callee {
                edges.callers[callee.0 as usize].push(caller.0);
                edges.callees[caller.0 as usize].push(callee.0);
            }
        }
        for flow in &input.data_flow.flows {
            edges.flows[flow.from.0 as usize].push(flow.to.0);
            edges.flows[flow.to.0 as usize].push(flow.from.0);
        }
        edges.add_siblings(input);
        let all = [
            &mut edges.callers,
            &mut edges.callees,
            &mut edges.siblings,
            &mut edges.flows,
        ];
        for lists in all {
            for list in lists {
                list.sort_unstable();
                list.dedup();
            }
        }
        edges
    }

    /// Methods of a class are siblings; functions of a file are when it has
    /// no class.
    fn add_siblings(&mut self, input: &Input<'_>) {
        let mut groups: indexmap::IndexMap<(u32, Option<u32>), Vec<u32>> =
            indexmap::IndexMap::new();
        for func in input.program.func_ids() {
            let function = input.program.function(func);
            let key = (function.file.0, function.class.map(|class| class.0));
            groups.entry(key).or_default().push(func.0);
        }
        for group in groups.values() {
            for func in group {
                let others = group.iter().filter(|other| *other != func).take(60);
                self.siblings[*func as usize].extend(others);
            }
        }
    }

    /// Puts the neighbours' shares into the families; returns each function's
    /// context.
    pub(crate) fn contexts(&self, owns: &mut [Own], shares: &[ByStage]) -> Vec<Context> {
        let mut contexts = Vec::with_capacity(owns.len());
        for (idx, own) in owns.iter_mut().enumerate() {
            let callers = mean(&self.callers[idx], shares);
            let callees = mean(&self.callees[idx], shares);
            own.families[Family::Callers as usize] = callers;
            own.families[Family::Callees as usize] = callees;
            own.families[Family::Siblings as usize] = mean(&self.siblings[idx], shares);
            own.families[Family::Flows as usize] = mean(&self.flows[idx], shares);
            contexts.push(Context {
                caller_spread: spread(&self.callers[idx], shares),
                callee_spread: spread(&self.callees[idx], shares),
                callers: (1.0 + self.callers[idx].len() as f64).ln(),
                callees: (1.0 + self.callees[idx].len() as f64).ln(),
            });
        }
        contexts
    }

    /// The neighbours as reasons.
    pub(crate) fn evidence(
        &self,
        input: &Input<'_>,
        shares: &[ByStage],
    ) -> Vec<Vec<(Family, Evidence)>> {
        let kinds: [(Family, &[Vec<u32>], &str); 4] = [
            (Family::Callers, &self.callers, "is called by"),
            (Family::Callees, &self.callees, "calls"),
            (Family::Siblings, &self.siblings, "stands beside"),
            (Family::Flows, &self.flows, "shares data with"),
        ];
        let n = self.callers.len();
        (0..n)
            .map(|idx| {
                let mut found = Vec::new();
                for (family, lists, how) in kinds {
                    let means = mean(&lists[idx], shares);
                    for (at, weight) in means.into_iter().enumerate() {
                        if weight > 0.2 {
                            let stage = Stage::ALL[at];
                            let names = of_stage(input, &lists[idx], shares, at);
                            let reason = format_smolstr!("{how} {stage}: {names}");
                            found.push((
                                family,
                                Evidence {
                                    stage,
                                    weight,
                                    reason,
                                    line: 0,
                                },
                            ));
                        }
                    }
                }
                found
            })
            .collect()
    }
}

fn of_stage(input: &Input<'_>, list: &[u32], shares: &[ByStage], stage: usize) -> SmolStr {
    let is_of = |idx: &&u32| {
        let share = &shares[**idx as usize];
        share.iter().all(|other| *other <= share[stage])
    };
    let names: Vec<SmolStr> = list
        .iter()
        .filter(is_of)
        .map(|idx| name(input, *idx))
        .collect();
    match names.len() {
        0 => "several".into(),
        1..=3 => names.join(", ").into(),
        n => format_smolstr!("{} and {} more", names[..2].join(", "), n - 2),
    }
}

fn name(input: &Input<'_>, func: u32) -> SmolStr {
    let function = input.program.function(FuncId(func));
    let facts = input.modules.facts(function.file);
    match facts.scope(function.scope).qualname.as_str() {
        "<module>" => facts.path.clone(),
        qualname => qualname.into(),
    }
}

fn mean(list: &[u32], shares: &[ByStage]) -> ByStage {
    let mut sum = [0.0; 9];
    for idx in list {
        for (sum, share) in sum.iter_mut().zip(shares[*idx as usize]) {
            *sum += share;
        }
    }
    let n = list.len().max(1) as f64;
    sum.map(|value| value / n)
}

/// How many pipeline stages the neighbours are of, beyond one: 2^H − 1, H the
/// entropy of their mean share of the seven, times that share.
fn spread(list: &[u32], shares: &[ByStage]) -> f64 {
    let mean = mean(list, shares);
    let pipeline: f64 = mean[..7].iter().sum();
    if list.len() < 2 || pipeline < 0.05 {
        return 0.0;
    }
    let entropy: f64 = mean[..7]
        .iter()
        .map(|share| share / pipeline)
        .filter(|share| *share > 0.0)
        .map(|share| -share * share.log2())
        .sum();
    (entropy.exp2() - 1.0) * pipeline
}
