//! What a function's neighbours say: who calls it, what it calls, what stands
//! beside it, where its data comes from and goes, from where it is entered.

use std::collections::VecDeque;

use indexmap::IndexMap;
use rustc_hash::FxHashSet;
use smol_str::{SmolStr, format_smolstr};

use super::features::{ByStage, Fact, Family, Own, index, is_logger, is_telling};
use super::{Evidence, Input, Stage};
use crate::graph::FuncId;
use crate::routes::RouteKind;

/// More neighbours of one kind than this say nothing new.
const MOST: usize = 60;

/// Edges between functions, by function.
pub(crate) struct Edges {
    lists: [Vec<Vec<u32>>; KINDS.len()],
    /// Number of files its callers lie in.
    caller_files: Vec<usize>,
    /// An HTTP route reaches it.
    served: Vec<bool>,
    /// A way in that is no HTTP route reaches it.
    unserved: Vec<bool>,
    /// Neither it nor anything that calls or data joins it to does a
    /// pipeline's work.
    outside: Vec<bool>,
}

/// Kinds of neighbours: their family, and how the reasons put it.
const KINDS: [(Family, &str); 8] = [
    (Family::Callers, "is called by"),
    (Family::Callees, "calls"),
    (Family::Classmates, "is of one class with"),
    (Family::Filemates, "stands beside"),
    (Family::Foldermates, "lies in one folder with"),
    (Family::Sources, "takes data from"),
    (Family::Sinks, "gives data to"),
    (Family::Roots, "is reached from"),
];

const CALLERS: usize = 0;
const CALLEES: usize = 1;
const CLASSMATES: usize = 2;
const FILEMATES: usize = 3;
const FOLDERMATES: usize = 4;
const SOURCES: usize = 5;
const SINKS: usize = 6;
const ROOTS: usize = 7;

impl Edges {
    pub(crate) fn new(input: &Input<'_>) -> Edges {
        let n = input.program.functions.len();
        let mut edges = Edges {
            lists: std::array::from_fn(|_| vec![Vec::new(); n]),
            caller_files: vec![0; n],
            served: vec![false; n],
            unserved: vec![false; n],
            outside: vec![false; n],
        };
        let calls = input.call_graph.seen_through.iter();
        let calls = calls.map(|call| (call.caller, call.callee));
        let kept = input.call_graph.registrations.iter();
        let kept = kept.map(|registration| (registration.by, registration.target));
        for (caller, callee) in calls.chain(kept) {
            if caller != callee {
                edges.add(CALLERS, callee, caller);
                edges.add(CALLEES, caller, callee);
            }
        }
        for flow in &input.data_flow.flows {
            // A logger that functions share joins nothing.
            if flow.from != flow.to && !is_logger(&flow.name) {
                edges.add(SINKS, flow.from, flow.to);
                edges.add(SOURCES, flow.to, flow.from);
            }
        }
        edges.tidy();
        edges.add_mates(input);
        edges.add_roots(input);
        edges.tidy();
        edges.find_outside(input);
        for (files, callers) in edges.caller_files.iter_mut().zip(&edges.lists[CALLERS]) {
            let of = |func: &u32| input.program.functions[*func as usize].file;
            *files = callers.iter().map(of).collect::<FxHashSet<_>>().len();
        }
        edges
    }

    fn add(&mut self, kind: usize, of: FuncId, neighbour: FuncId) {
        self.lists[kind][of.0 as usize].push(neighbour.0);
    }

    fn tidy(&mut self) {
        for list in self.lists.iter_mut().flatten() {
            list.sort_unstable();
            list.dedup();
        }
    }

    /// Methods of a class, functions of a file, functions of the other files
    /// of a folder.
    fn add_mates(&mut self, input: &Input<'_>) {
        let mut files: IndexMap<u32, Vec<u32>> = IndexMap::new();
        let mut classes: IndexMap<u32, Vec<u32>> = IndexMap::new();
        let mut folders: IndexMap<&str, Vec<u32>> = IndexMap::new();
        for func in input.program.func_ids() {
            let function = input.program.function(func);
            if function.part_of.is_some() || input.program.is_declaration(input.modules, func) {
                continue;
            }
            files.entry(function.file.0).or_default().push(func.0);
            if let Some(class) = function.class {
                classes.entry(class.0).or_default().push(func.0);
            }
            let path = &input.modules.facts(function.file).path;
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            folders.entry(folder).or_default().push(func.0);
        }
        let file_of = |func: u32| input.program.functions[func as usize].file;
        let class_of = |func: u32| input.program.functions[func as usize].class;
        let groups = classes.values().map(|group| (CLASSMATES, group));
        let groups = groups.chain(files.values().map(|group| (FILEMATES, group)));
        for (kind, group) in groups.chain(folders.values().map(|group| (FOLDERMATES, group))) {
            for func in group {
                let near = group.iter().filter(|other| match kind {
                    CLASSMATES => *other != func,
                    FILEMATES => {
                        *other != func
                            && (class_of(*func).is_none() || class_of(*func) != class_of(**other))
                    }
                    _ => file_of(**other) != file_of(*func),
                });
                self.lists[kind][*func as usize].extend(near.take(MOST));
            }
        }
    }

    /// What each way in reaches by calls.
    fn add_roots(&mut self, input: &Input<'_>) {
        let mut callees = vec![Vec::new(); self.served.len()];
        for call in &input.call_graph.seen_through {
            callees[call.caller.0 as usize].push(call.callee.0);
        }
        let mut seen_at = vec![usize::MAX; self.served.len()];
        for (number, route) in input.routes.iter().enumerate() {
            let is_http = matches!(
                route.kind,
                RouteKind::Http | RouteKind::WebSocket | RouteKind::Hook
            );
            let root = route.handler.0;
            let mut queue = VecDeque::from([root]);
            seen_at[root as usize] = number;
            while let Some(func) = queue.pop_front() {
                let idx = func as usize;
                self.served[idx] |= is_http;
                self.unserved[idx] |= !is_http;
                let roots = &mut self.lists[ROOTS][idx];
                if func != root && roots.len() < MOST && route.kind != RouteKind::Hook {
                    roots.push(root);
                }
                for callee in &callees[idx] {
                    if seen_at[*callee as usize] != number {
                        seen_at[*callee as usize] = number;
                        queue.push_back(*callee);
                    }
                }
            }
        }
    }

    /// Walks what calls and data join, and asks whether any of it works.
    fn find_outside(&mut self, input: &Input<'_>) {
        let mut works = vec![false; self.served.len()];
        for call in &input.call_graph.library_calls {
            works[call.caller.0 as usize] |= is_telling(input, &call.path);
        }
        let mut seen = vec![false; works.len()];
        for start in 0..works.len() {
            if std::mem::replace(&mut seen[start], true) {
                continue;
            }
            let mut joined = vec![start];
            let mut next = 0;
            while let Some(&idx) = joined.get(next) {
                next += 1;
                for kind in [CALLERS, CALLEES, SOURCES, SINKS, CLASSMATES] {
                    for near in &self.lists[kind][idx] {
                        if !std::mem::replace(&mut seen[*near as usize], true) {
                            joined.push(*near as usize);
                        }
                    }
                }
            }
            let is_outside = !joined.iter().any(|idx| works[*idx]);
            joined
                .iter()
                .for_each(|idx| self.outside[*idx] = is_outside);
        }
    }

    /// Puts the neighbours' shares into the families and facts.
    pub(crate) fn spread(&self, owns: &mut [Own], shares: &[ByStage]) {
        for (idx, own) in owns.iter_mut().enumerate() {
            let voice = own.voice();
            for (kind, (family, _)) in KINDS.iter().enumerate() {
                let heard = match kind {
                    CLASSMATES | FILEMATES | FOLDERMATES => voice,
                    _ => 1.0,
                };
                let mean = mean(&self.lists[kind][idx], shares);
                own.families[*family as usize] = mean.map(|share| heard * share);
            }
            let (callers, callees) = (&self.lists[CALLERS][idx], &self.lists[CALLEES][idx]);
            let work = own.facts[Fact::LibraryWork as usize];
            let by_caller = own.families[Family::Callers as usize];
            // A helper without content of its own is what its callers are.
            own.families[Family::OnlyCaller as usize] =
                by_caller.map(|share| share * (-2.0 * work).exp());
            own.set(Fact::CallerSpread, several(callers, shares));
            own.set(Fact::CalleeSpread, several(callees, shares));
            own.set(Fact::Callers, (1.0 + callers.len() as f64).ln());
            own.set(Fact::Callees, (1.0 + callees.len() as f64).ln());
            own.set(
                Fact::CallerFiles,
                (1.0 + self.caller_files[idx] as f64).ln(),
            );
            own.set(Fact::NoCaller, f64::from(callers.is_empty()));
            own.set(Fact::Served, f64::from(self.served[idx]));
            let only_served = self.served[idx] && !self.unserved[idx];
            own.set(Fact::OnlyServed, f64::from(only_served));
            // Features made for a request belong to serving.
            own.families[Family::Serving as usize] = [0.0; 9];
            let by_root = own.families[Family::Roots as usize];
            let inference = index(Stage::Inference);
            let serving = match only_served {
                true => by_caller[inference].max(by_root[inference]),
                false => by_caller[inference],
            };
            for stage in [Stage::Preprocessing, Stage::Ingestion] {
                let moved = serving * serving * said(own, stage).min(3.0);
                own.families[Family::Serving as usize][index(stage)] = -moved;
                own.families[Family::Serving as usize][index(Stage::Inference)] += moved;
            }
            own.set(Fact::Outside, f64::from(self.outside[idx]));
            let near = [CALLERS, CALLEES, SOURCES, SINKS];
            let is_isolated = near.iter().all(|kind| self.lists[*kind][idx].is_empty());
            own.set(Fact::Isolated, f64::from(is_isolated));
        }
    }

    /// The neighbours as reasons.
    pub(crate) fn evidence(
        &self,
        input: &Input<'_>,
        shares: &[ByStage],
    ) -> Vec<Vec<(Family, Evidence)>> {
        (0..shares.len())
            .map(|idx| {
                let mut found = Vec::new();
                for (kind, (family, how)) in KINDS.into_iter().enumerate() {
                    let list = &self.lists[kind][idx];
                    for (at, weight) in mean(list, shares).into_iter().enumerate() {
                        if weight > 0.2 {
                            let stage = Stage::ALL[at];
                            let names = of_stage(input, list, shares, at);
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

/// How much a function itself says for a stage.
fn said(own: &Own, stage: Stage) -> f64 {
    [Family::Library, Family::Name, Family::Purpose, Family::Said]
        .iter()
        .map(|family| own.families[*family as usize][index(stage)])
        .sum()
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
fn several(list: &[u32], shares: &[ByStage]) -> f64 {
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
