//! Every edge over a boundary between two stages, with its place.
//!
//! A flow crosses when its two ends lie in different pipeline stages. A call
//! crosses when caller and callee do and no flow stands for it already.
//! Functions without a pipeline stage are looked through where they have one
//! stage on the caller's side: a helper that only training calls acts for
//! training. Where several stages call it, or none does, the far side is not
//! clear and nothing is claimed; data that an orchestrator hands on is a flow
//! from producer to consumer already. What is no data of the pipeline, and what
//! crossed already, is left out: see [`passing`].

mod passing;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use crate::graph::FuncId;
use crate::graph::data::Via;
use crate::hazards::Context;
use crate::modules::FileId;
use crate::stages::Stage;
use passing::Passing;

/// A crossing before it is priced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    /// Stage of the producer or caller.
    pub(super) from_stage: Stage,
    /// Stage of the consumer or callee.
    pub(super) to_stage: Stage,
    /// Producer or caller.
    pub(super) from: FuncId,
    /// Consumer or callee.
    pub(super) to: FuncId,
    /// How; `None` for a call without data.
    pub(super) via: Option<Via>,
    /// Parameter, resource, or the callee of a call without data.
    pub(super) name: SmolStr,
    /// Where.
    pub(super) file: FileId,
    /// The line.
    pub(super) line: u32,
}

/// What tells crossings apart: stages, functions, how, and the name.
type Key = (Stage, Stage, FuncId, FuncId, Option<Via>, SmolStr);

/// How many helpers a look goes through.
const MAX_LOOK: usize = 4;

/// Each crossing once, in a fixed order that does not depend on the order of
/// flows or calls. `stages` is the stage of each function, by id.
pub(super) fn crossings(ctx: &Context<'_>, stages: &[Stage]) -> Vec<Edge> {
    let sides = Sides::new(ctx, stages);
    let mut found: BTreeMap<Key, (FileId, u32)> = BTreeMap::new();
    let mut carried: BTreeSet<(FuncId, FuncId)> = BTreeSet::new();
    let passing = Passing::new(ctx);
    for flow in &ctx.data_flow.flows {
        if passing.is_no_data(flow) {
            continue;
        }
        match flow.via {
            Via::Argument => carried.insert((flow.from, flow.to)),
            Via::Return => carried.insert((flow.to, flow.from)),
            _ => false,
        };
        let (Some(from), Some(to)) = (sides.of(flow.from), sides.of(flow.to)) else {
            continue;
        };
        if from != to {
            let key = (
                from,
                to,
                flow.from,
                flow.to,
                Some(flow.via),
                flow.name.clone(),
            );
            keep_first(&mut found, key, (flow.file, flow.line));
        }
    }
    for call in &ctx.call_graph.seen_through {
        if carried.contains(&(call.caller, call.callee)) {
            continue;
        }
        let (Some(from), Some(to)) = (sides.of(call.caller), sides.own(call.callee)) else {
            continue;
        };
        if from != to {
            let name = name_of(ctx, call.callee);
            let key = (from, to, call.caller, call.callee, None, name);
            keep_first(&mut found, key, (call.file, call.line));
        }
    }
    let edges = found
        .into_iter()
        .map(
            |((from_stage, to_stage, from, to, via, name), (file, line))| Edge {
                from_stage,
                to_stage,
                from,
                to,
                via,
                name,
                file,
                line,
            },
        )
        .collect();
    passing.once(edges, |func| sides.of(func))
}

fn keep_first<K: Ord>(found: &mut BTreeMap<K, (FileId, u32)>, key: K, place: (FileId, u32)) {
    let kept = found.entry(key).or_insert(place);
    *kept = (*kept).min(place);
}

/// The bare name of a function.
pub(super) fn name_of(ctx: &Context<'_>, func: FuncId) -> SmolStr {
    let function = ctx.program.function(func);
    let scope = ctx.modules.facts(function.file).scope(function.scope);
    scope.name.clone()
}

/// For whom each function acts, found once for each that is asked for.
struct Sides<'a> {
    stages: &'a [Stage],
    callers: Vec<Vec<FuncId>>,
    known: RefCell<FxHashMap<FuncId, Option<Stage>>>,
}

impl<'a> Sides<'a> {
    fn new(ctx: &Context<'_>, stages: &'a [Stage]) -> Sides<'a> {
        let mut callers = vec![Vec::new(); stages.len()];
        for call in &ctx.call_graph.seen_through {
            if let Some(callers) = callers.get_mut(call.callee.0 as usize)
                && call.caller != call.callee
            {
                callers.push(call.caller);
            }
        }
        for callers in &mut callers {
            callers.sort_unstable();
            callers.dedup();
        }
        Sides {
            stages,
            callers,
            known: RefCell::default(),
        }
    }

    fn own(&self, func: FuncId) -> Option<Stage> {
        let stage = self.stages.get(func.0 as usize).copied();
        stage.filter(|stage| stage.is_pipeline())
    }

    /// Its stage; of a function without one the only stage that calls it.
    fn of(&self, func: FuncId) -> Option<Stage> {
        if let Some(known) = self.known.borrow().get(&func) {
            return *known;
        }
        let stage = self.own(func).or_else(|| self.only_caller(func));
        self.known.borrow_mut().insert(func, stage);
        stage
    }

    fn only_caller(&self, func: FuncId) -> Option<Stage> {
        let mut stages = BTreeSet::new();
        let mut seen = FxHashSet::from_iter([func]);
        let mut next = vec![func];
        for _ in 0..MAX_LOOK {
            for func in std::mem::take(&mut next) {
                let callers = self.callers.get(func.0 as usize)?;
                if callers.is_empty() {
                    return None;
                }
                for caller in callers {
                    match self.own(*caller) {
                        Some(stage) => {
                            stages.insert(stage);
                        }
                        None if seen.insert(*caller) => next.push(*caller),
                        None => {}
                    }
                }
                if stages.len() > 1 {
                    return None;
                }
            }
            if next.is_empty() {
                break;
            }
        }
        let clear = next.is_empty() && stages.len() == 1;
        stages.first().copied().filter(|_| clear)
    }
}

#[cfg(test)]
mod tests {
    use crate::cut::testing::{Given, line_texts};

    #[test]
    fn what_an_orchestrator_hands_on_crosses_from_producer_to_consumer() {
        let given = Given::new(
            "def load():\n    return open('a').read()\n\
             def fit(frame):\n    return frame\n\
             def main():\n    fit(load())\n",
            &[
                ("load", "ingestion"),
                ("fit", "training"),
                ("main", "shared"),
            ],
        );
        insta::assert_snapshot!(given.with_plan(line_texts), @"ingestion | training: argument frame load -> fit :6");
    }

    #[test]
    fn a_call_without_data_crosses_from_caller_to_callee() {
        let given = Given::new(
            "def notify():\n    print('x')\ndef fit():\n    notify()\n",
            &[("notify", "monitoring"), ("fit", "training")],
        );
        insta::assert_snapshot!(given.with_plan(line_texts), @"training | monitoring: call notify fit -> notify :4");
    }

    #[test]
    fn a_helper_that_one_stage_calls_acts_for_it() {
        let given = Given::new(
            "def clean(x):\n    print(x)\ndef helper(x):\n    clean(x + 1)\ndef fit():\n    helper(1)\n",
            &[
                ("clean", "preprocessing"),
                ("helper", "shared"),
                ("fit", "training"),
            ],
        );
        insta::assert_snapshot!(given.with_plan(line_texts), @"training | preprocessing: argument x helper -> clean :4");
    }
}
