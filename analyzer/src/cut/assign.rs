//! To which side functions of uncertain or no stage belong at the least price.
//!
//! Choosing a side for every function so that the crossings cost least is the
//! multiway cut problem, NP-hard from three stages on (Dahlhaus et al., "The
//! Complexity of Multiterminal Cuts", SIAM J. Comput. 1994); expansion moves
//! come within a factor of two (Boykov, Veksler, Zabih, "Fast Approximate
//! Energy Minimization via Graph Cuts", PAMI 2001). Few functions are free
//! here, those with a clear stage being terminals, so single moves that lower
//! the price are made until none does (Besag, "On the Statistical Analysis of
//! Dirty Pictures", 1986): the price falls with every move, ties keep the
//! stage that the evidence gave, and functions are visited by id, so the result is
//! the same for the same graph.

use std::collections::{BTreeMap, BTreeSet};

use crate::effects::EffectKind;
use crate::graph::FuncId;
use crate::hazards::Context;
use crate::stages::Stage;

use super::crossings::name_of;
use super::{Advice, SharedFunction};

/// Below this confidence a function may change sides.
const UNCERTAIN: f64 = 0.5;
/// A stage that the evidence gives less than this is no side to move to.
const POSSIBLE: f64 = 0.15;
/// What going wholly against the evidence costs, in prices of crossings.
const EVIDENCE: f64 = 6.0;
/// Rounds over all free functions; a price that still falls then is rare.
const MAX_ROUNDS: usize = 16;
/// Longest function worth copying, in lines.
const SMALL: u32 = 12;
/// From this many stages on, a copy in each is no longer kept alike by hand.
const MANY: usize = 3;
/// A function with two stages of at least this share does the work of both.
const WORK: f64 = 0.3;

/// Stages of all functions, where uncertain ones stand on the cheapest side.
pub(super) fn assign(ctx: &Context<'_>) -> Vec<Stage> {
    let of = &ctx.stages.of;
    let mut stages: Vec<Stage> = of.iter().map(|staging| staging.stage).collect();
    let edges = neighbours(ctx);
    let free: Vec<usize> = (0..stages.len())
        .filter(|idx| {
            let staging = &of[*idx];
            !staging.pinned && staging.stage.is_pipeline() && staging.confidence < UNCERTAIN
        })
        .collect();
    for _ in 0..MAX_ROUNDS {
        let mut moved = false;
        for idx in &free {
            let staging = &of[*idx];
            let cost = |stage: Stage| {
                let share = share(&staging.distribution, stage);
                let unlike = edges[*idx].iter().filter(|(other, _)| {
                    let other = stages[**other];
                    other.is_pipeline() && other != stage
                });
                let cut: u32 = unlike.map(|(_, n)| *n).sum();
                f64::from(cut) + (1.0 - share) * EVIDENCE * staging.confidence
            };
            let mut best = (cost(stages[*idx]), stages[*idx]);
            for stage in Stage::PIPELINE {
                if share(&staging.distribution, stage) >= POSSIBLE && cost(stage) + 1e-9 < best.0 {
                    best = (cost(stage), stage);
                }
            }
            if best.1 != stages[*idx] {
                stages[*idx] = best.1;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    stages
}

fn share(distribution: &[f64; 9], stage: Stage) -> f64 {
    let idx = Stage::ALL.iter().position(|other| *other == stage);
    idx.map_or(0.0, |idx| distribution[idx])
}

/// For each function, those it exchanges calls or data with, and how often.
fn neighbours(ctx: &Context<'_>) -> Vec<BTreeMap<usize, u32>> {
    let mut found = vec![BTreeMap::new(); ctx.stages.of.len()];
    let calls = ctx
        .call_graph
        .seen_through
        .iter()
        .map(|call| (call.caller, call.callee));
    let flows = ctx.data_flow.flows.iter().map(|flow| (flow.from, flow.to));
    let pairs: BTreeSet<(FuncId, FuncId)> = calls.chain(flows).collect();
    for (a, b) in pairs {
        let (a, b) = (a.0 as usize, b.0 as usize);
        if a != b && a < found.len() && b < found.len() {
            *found[a].entry(b).or_insert(0) += 1;
            *found[b].entry(a).or_insert(0) += 1;
        }
    }
    found
}

/// Functions that two or more stages call, with what to do about each; and
/// those that stand on another side than their evidence, by function.
pub(super) fn shared(ctx: &Context<'_>, stages: &[Stage]) -> Vec<SharedFunction> {
    let mut callers: BTreeMap<FuncId, BTreeSet<Stage>> = BTreeMap::new();
    let mut callees: BTreeMap<FuncId, BTreeSet<Stage>> = BTreeMap::new();
    let mut calls: BTreeMap<FuncId, Vec<FuncId>> = BTreeMap::new();
    for call in &ctx.call_graph.seen_through {
        if call.caller == call.callee {
            continue;
        }
        let stage = |func: FuncId| {
            stages
                .get(func.0 as usize)
                .filter(|stage| stage.is_pipeline())
        };
        if let Some(stage) = stage(call.caller) {
            callers.entry(call.callee).or_default().insert(*stage);
        }
        if let Some(stage) = stage(call.callee) {
            callees.entry(call.caller).or_default().insert(*stage);
        }
        calls.entry(call.caller).or_default().push(call.callee);
    }
    let touches = touches(ctx);
    let none = BTreeSet::new();
    let mut found: Vec<SharedFunction> = callers
        .iter()
        .filter(|(_, stages)| stages.len() > 1)
        .map(|(func, callers)| {
            let does = callees.get(func).unwrap_or(&none);
            advise(
                ctx,
                *func,
                callers,
                does,
                &state_behind(*func, &calls, &touches),
            )
        })
        .collect();
    for (idx, staging) in ctx.stages.of.iter().enumerate() {
        let (func, now) = (FuncId(idx as u32), stages[idx]);
        if staging.stage == now || found.iter().any(|shared| shared.function == func) {
            continue;
        }
        let mut both = vec![staging.stage, now];
        both.sort_unstable();
        found.push(SharedFunction {
            function: func,
            stages: both,
            advice: Advice::Library,
            reason: format!(
                "its stage is uncertain ({} at {:.2}); on the side of {now} the cut is cheaper",
                staging.stage, staging.confidence
            ),
        });
    }
    found.sort_by_key(|shared| shared.function);
    found
}

fn advise(
    ctx: &Context<'_>,
    func: FuncId,
    callers: &BTreeSet<Stage>,
    does: &BTreeSet<Stage>,
    state: &BTreeSet<String>,
) -> SharedFunction {
    let function = ctx.program.function(func);
    let scope = ctx.modules.facts(function.file).scope(function.scope);
    let lines = scope.end_line.saturating_sub(scope.line) + 1;
    let distribution = &ctx.stages.of[func.0 as usize].distribution;
    let own: Vec<Stage> = Stage::PIPELINE
        .into_iter()
        .filter(|stage| share(distribution, *stage) >= WORK)
        .collect();
    let names = |stages: Vec<Stage>| -> String {
        let names: Vec<_> = stages.iter().map(|stage| stage.name()).collect();
        names.join(", ")
    };
    let n_callers = callers.len();
    let by = names(callers.iter().copied().collect());
    let state_text: Vec<&str> = state.iter().map(String::as_str).take(3).collect();
    let (advice, reason) = if does.len() > 1 {
        let does = names(does.iter().copied().collect());
        (
            Advice::Split,
            format!("called by {by}; it calls into {does} itself"),
        )
    } else if own.len() > 1 {
        (
            Advice::Split,
            format!("called by {by}; it does the work of {}", names(own)),
        )
    } else if !state.is_empty() {
        let what = state_text.join(", ");
        (
            Advice::Library,
            format!("called by {by}; touches {what}, which the library must be given"),
        )
    } else if lines <= SMALL && n_callers < MANY {
        (
            Advice::Duplicate,
            format!("called by {by}; {lines} lines without state or effects"),
        )
    } else if n_callers >= MANY {
        (
            Advice::Library,
            format!("called by {n_callers} stages ({by}); without state or effects"),
        )
    } else {
        (
            Advice::Library,
            format!("called by {by}; {lines} lines without state or effects"),
        )
    };
    SharedFunction {
        function: func,
        stages: callers.iter().copied().collect(),
        advice,
        reason,
    }
}

/// What each function touches itself. Logging is no state; the clock is none
/// either, but a copy reads another clock, so it counts.
fn touches(ctx: &Context<'_>) -> BTreeMap<FuncId, BTreeSet<String>> {
    let mut found: BTreeMap<FuncId, BTreeSet<String>> = BTreeMap::new();
    for resource in &ctx.effects.resources {
        for access in &resource.accesses {
            let what = match resource.is_identified() {
                true => resource.identity.to_string(),
                false => format!("what {} names", name_of(ctx, access.function)),
            };
            found.entry(access.function).or_default().insert(what);
        }
    }
    for effect in &ctx.effects.effects {
        let what = match effect.kind {
            EffectKind::Log => continue,
            EffectKind::Network => "the network",
            EffectKind::Clock => "the clock",
            EffectKind::Randomness => "random numbers",
            EffectKind::Process => "a process",
            EffectKind::Thread => "a thread",
        };
        found
            .entry(effect.function)
            .or_default()
            .insert(what.into());
    }
    found
}

/// What the function touches, itself or through the functions it calls.
fn state_behind(
    func: FuncId,
    calls: &BTreeMap<FuncId, Vec<FuncId>>,
    touches: &BTreeMap<FuncId, BTreeSet<String>>,
) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::from([func]);
    let mut todo = vec![func];
    while let Some(func) = todo.pop() {
        found.extend(touches.get(&func).into_iter().flatten().cloned());
        for callee in calls.get(&func).into_iter().flatten() {
            if seen.len() < 64 && seen.insert(*callee) {
                todo.push(*callee);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::cut::testing::{Given, shared_texts};

    #[test]
    fn small_and_pure_is_copied_and_larger_use_is_a_library() {
        let given = Given::new(
            "def ratio(a, b):\n    return a / b\n\
             def save(x):\n    open('x.txt', 'w').write(x)\n\
             def prep():\n    ratio(1, 2)\n    save('a')\n\
             def fit():\n    ratio(2, 3)\n    save('b')\n",
            &[
                ("ratio", "shared"),
                ("save", "shared"),
                ("prep", "preprocessing"),
                ("fit", "training"),
            ],
        );
        insta::assert_snapshot!(given.with_plan(shared_texts), @r"
        ratio: Duplicate: called by preprocessing, training; 2 lines without state or effects
        save: Library: called by preprocessing, training; touches x.txt, which the library must be given
        ");
    }

    #[test]
    fn an_orchestrator_that_stages_call_is_split() {
        let given = Given::new(
            "def prep(): pass\ndef fit(): pass\n\
             def both():\n    prep()\n    fit()\n\
             def a(): both()\ndef b(): both()\n",
            &[
                ("prep", "preprocessing"),
                ("fit", "training"),
                ("both", "shared"),
                ("a", "evaluation"),
                ("b", "monitoring"),
            ],
        );
        insta::assert_snapshot!(given.with_plan(shared_texts), @"both: Split: called by evaluation, monitoring; it calls into preprocessing, training itself");
    }
}
