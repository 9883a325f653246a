//! Steps of a run that are no stage's own, and that change something: each runs
//! in one app, and the others are told what it said.

use std::collections::{BTreeMap, BTreeSet};

use super::calls::Calls;
use super::way::Way;
use crate::catalog::Access;
use crate::effects::ResourceKind;
use crate::graph::FuncId;
use crate::line::Analysis;
use crate::stages::Stage;

/// What functions change themselves.
struct Changes {
    /// What lasts: files, tables, models, messages.
    lasting: BTreeSet<FuncId>,
    /// Global variables.
    globals: BTreeSet<FuncId>,
}

/// Adds the steps to the entries of `way`, and takes them from what lies between.
pub(super) fn place(analysis: &Analysis, calls: &Calls<'_>, way: &mut Way) {
    let Some(driver) = &way.whole else {
        return;
    };
    let changes = Changes::of(analysis);
    let (passed, found) = calls.passed(driver.func);
    let kept: BTreeMap<FuncId, Stage> = way.entries.iter().copied().collect();
    let found: BTreeMap<FuncId, Stage> = found.into_iter().collect();
    let Some((_, first)) = way.entries.first().copied() else {
        return;
    };
    let mut placed: Vec<(FuncId, Stage)> = Vec::new();
    // What an earlier entry asks for is its own.
    let mut before = first;
    for (idx, func) in passed.iter().enumerate() {
        if let Some(stage) = kept.get(func) {
            before = *stage;
            placed.push((*func, *stage));
            continue;
        }
        let reached = calls.reached(*func);
        let leads_on = reached
            .iter()
            .any(|it| it != func && (kept.contains_key(it) && !found.contains_key(func)));
        if leads_on || !calls.can_be_asked(*func) || !changes.happen_in(analysis, &reached) {
            continue;
        }
        let mut behind = passed[idx..].iter().filter_map(|func| kept.get(func));
        let after = behind.next().copied().unwrap_or(last(way));
        let does = found.get(func).copied();
        let does = does.or_else(|| most(analysis, &reached)).unwrap_or(before);
        let stage = match before <= after {
            true => nearest(way, does.clamp(before, after)),
            false => before,
        };
        placed.push((*func, stage));
        way.between.remove(func);
        way.steps.insert(*func);
    }
    way.entries = placed;
}

fn last(way: &Way) -> Stage {
    let stages = way.entries.iter().map(|(_, stage)| *stage);
    stages.max().unwrap_or(Stage::Monitoring)
}

/// A stage that the run passes: no later one than `stage`.
fn nearest(way: &Way, stage: Stage) -> Stage {
    let stages = way.stages().into_iter();
    let earlier = stages.filter(|it| *it <= stage).max();
    earlier.unwrap_or(stage)
}

/// The stage that most of these belong to; of several the first.
fn most(analysis: &Analysis, reached: &BTreeSet<FuncId>) -> Option<Stage> {
    let mut count: BTreeMap<Stage, usize> = BTreeMap::new();
    for stage in pipeline(analysis, reached) {
        *count.entry(stage).or_default() += 1;
    }
    let most = count.values().max().copied()?;
    count
        .into_iter()
        .find_map(|(stage, n)| (n == most).then_some(stage))
}

fn pipeline<'a>(
    analysis: &'a Analysis,
    functions: &'a BTreeSet<FuncId>,
) -> impl Iterator<Item = Stage> + 'a {
    let stages = functions
        .iter()
        .map(move |func| analysis.stages.stage(*func));
    stages.filter(|stage| stage.is_pipeline())
}

impl Changes {
    fn of(analysis: &Analysis) -> Changes {
        let mut changes = Changes {
            lasting: BTreeSet::new(),
            globals: BTreeSet::new(),
        };
        for resource in &analysis.effects.resources {
            let functions = match resource.kind {
                ResourceKind::Environment | ResourceKind::Secret => continue,
                ResourceKind::Global => &mut changes.globals,
                _ => &mut changes.lasting,
            };
            let writes = resource.accesses.iter();
            let writes = writes.filter(|access| access.access != Access::Read);
            functions.extend(writes.map(|access| access.function));
        }
        changes
    }

    /// Something lasts of these, or they do a stage's work in memory. A global
    /// variable alone may hold a connection, which each app makes for itself.
    fn happen_in(&self, analysis: &Analysis, reached: &BTreeSet<FuncId>) -> bool {
        let has = |functions: &BTreeSet<FuncId>| !functions.is_disjoint(reached);
        has(&self.lasting) || has(&self.globals) && pipeline(analysis, reached).next().is_some()
    }
}
