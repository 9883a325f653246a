//! The way of a run through the stages: the monolith's own function that asks
//! them one after the other, and what it asks.

use std::collections::{BTreeMap, BTreeSet};

use super::arguments::{self, Argument};
use super::calls::Calls;
use super::layout::Layout;
use super::steps;
use crate::graph::FuncId;
use crate::line::Analysis;
use crate::routes::RouteKind;
use crate::stages::Stage;

/// Something of the monolith that is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Driver {
    pub(super) func: FuncId,
    pub(super) arguments: Vec<Argument>,
}

/// How a run goes.
#[derive(Clone, Debug, Default)]
pub(super) struct Way {
    /// The function that asks several stages; nothing where each stage has
    /// scripts of its own.
    pub(super) whole: Option<Driver>,
    /// What it asks, in order: where one stage ends and the next begins.
    pub(super) entries: Vec<(FuncId, Stage)>,
    /// What is started for a stage alone.
    pub(super) scripts: BTreeMap<Stage, Vec<Driver>>,
    /// What lies between: it runs again in each stage.
    pub(super) between: BTreeSet<FuncId>,
    /// Of the entries those that are no stage's own.
    pub(super) steps: BTreeSet<FuncId>,
}

impl Way {
    /// The stages that a run passes, in order.
    pub(super) fn stages(&self) -> Vec<Stage> {
        let entries = self.entries.iter().map(|(_, stage)| *stage);
        let stages: BTreeSet<Stage> = entries.chain(self.scripts.keys().copied()).collect();
        stages.into_iter().collect()
    }
}

/// The way through `analysis`; empty where nothing but requests starts a stage.
pub(super) fn way(analysis: &Analysis, layout: &Layout) -> Way {
    let calls = Calls::of(analysis);
    let mut best: Option<(Rank, Way)> = None;
    for func in analysis.program.func_ids() {
        if !calls.can_drive(func) {
            continue;
        }
        let (entries, between) = calls.asked(func);
        let stages: BTreeSet<Stage> = entries.iter().map(|(_, stage)| *stage).collect();
        if stages.len() < 2 || between.iter().any(|func| calls.servers.contains(func)) {
            continue;
        }
        let arguments = arguments::of(analysis, layout, func);
        let rank = Rank {
            stages: stages.len(),
            known: usize::MAX - arguments.iter().filter(|one| one.is_open()).count(),
            is_function: calls.is_function(func),
            small: usize::MAX - layout.closure([calls.file(func)]).len(),
            near: usize::MAX - between.len(),
        };
        if best.as_ref().is_none_or(|(other, _)| rank > *other) {
            let whole = Some(Driver { func, arguments });
            let way = Way {
                whole,
                entries,
                between,
                ..Way::default()
            };
            best = Some((rank, way));
        }
    }
    let mut way = best.map(|(_, way)| way).unwrap_or_default();
    let scripts = scripts(analysis, layout, &calls);
    match scripts.len() > way.stages().len() {
        true => Way {
            scripts,
            ..Way::default()
        },
        false => {
            steps::place(analysis, &calls, &mut way);
            way
        }
    }
}

/// The better driver is greater: it asks more stages, needs less from outside,
/// imports less, and is nearer to what it asks.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    stages: usize,
    known: usize,
    is_function: bool,
    small: usize,
    near: usize,
}

/// The most of what is asked that goes from stage to stage in the order of
/// data. What is asked too early for its stage runs with what lies between.
pub(super) fn in_order(found: &[(FuncId, Stage)]) -> Vec<(FuncId, Stage)> {
    // Of each end, the best that leads there: stages, then entries.
    let mut best: Vec<((usize, usize), Option<usize>)> = Vec::new();
    for (idx, (_, stage)) in found.iter().enumerate() {
        let mut own = ((1, 1), None);
        for before in 0..idx {
            let (stages, entries) = best[before].0;
            let earlier = found[before].1;
            if earlier <= *stage {
                let reached = (stages + usize::from(earlier < *stage), entries + 1);
                if reached > own.0 {
                    own = (reached, Some(before));
                }
            }
        }
        best.push(own);
    }
    let mut at = (0..best.len()).rev().max_by_key(|idx| best[*idx].0);
    let mut entries = Vec::new();
    while let Some(idx) = at {
        entries.push(found[idx]);
        at = best[idx].1;
    }
    entries.reverse();
    entries
}

/// Scripts, commands and jobs that belong to one stage, by file and line.
fn scripts(
    analysis: &Analysis,
    layout: &Layout,
    calls: &Calls<'_>,
) -> BTreeMap<Stage, Vec<Driver>> {
    let mut found: BTreeMap<Stage, Vec<Driver>> = BTreeMap::new();
    for route in &analysis.routes {
        let stage = script_stage(analysis, calls, route.handler);
        let (_, between) = calls.asked(route.handler);
        let ends = !between.iter().any(|func| calls.servers.contains(func));
        let starts = ends && matches!(route.kind, RouteKind::Script | RouteKind::Step);
        let (Some(stage), true, true) = (stage, starts, calls.can_drive(route.handler)) else {
            continue;
        };
        let of = found.entry(stage).or_default();
        if of.iter().any(|driver| driver.func == route.handler) {
            continue;
        }
        of.push(Driver {
            func: route.handler,
            arguments: arguments::of(analysis, layout, route.handler),
        });
    }
    found
}

/// The stage of what a script's main block does: its own, or the one that most
/// of what it asks belongs to.
fn script_stage(analysis: &Analysis, calls: &Calls<'_>, func: FuncId) -> Option<Stage> {
    let own = analysis.stages.stage(func);
    if own.is_pipeline() {
        return Some(own);
    }
    let mut asked: BTreeMap<Stage, usize> = BTreeMap::new();
    for (_, stage) in calls.asked(func).0 {
        *asked.entry(stage).or_default() += 1;
    }
    let most = asked.into_iter().max_by_key(|(stage, n)| (*n, *stage));
    most.map(|(stage, _)| stage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_too_early_is_left_out() {
        let entry = |number: u32, stage| (FuncId(number), stage);
        let (i, p, t, m) = (
            Stage::Ingestion,
            Stage::Preprocessing,
            Stage::Training,
            Stage::Monitoring,
        );
        let found = [
            entry(0, m),
            entry(1, i),
            entry(2, p),
            entry(3, p),
            entry(4, t),
        ];
        assert_eq!(in_order(&found), found[1..]);
        let found = [entry(0, t), entry(1, i), entry(2, p), entry(3, t)];
        assert_eq!(in_order(&found), found[1..]);
        assert_eq!(in_order(&[]), []);
    }
}
