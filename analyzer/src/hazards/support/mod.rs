//! What several rules ask: where an expression stands, who calls whom, which
//! stages a function works for.

pub(super) mod places;
#[cfg(test)]
pub(super) mod testing;

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::{Context, Finding};
use crate::graph::{CallEdge, FuncId};
use crate::modules::FileId;
use crate::stages::Stage;

impl Context<'_> {
    /// `churn/serve.py:40`
    pub(super) fn place(&self, file: FileId, line: u32) -> String {
        format!("{}:{line}", self.modules.facts(file).path)
    }

    /// The qualified name of `func`.
    pub(super) fn qualname(&self, func: FuncId) -> &SmolStr {
        let function = self.program.function(func);
        let facts = self.modules.facts(function.file);
        &facts.scope(function.scope).qualname
    }

    /// True if `func` is a module's body.
    pub(super) fn is_module(&self, func: FuncId) -> bool {
        self.program.function(func).parent.is_none()
    }
}

/// Who calls whom, seen from the callee.
pub(super) struct Callers<'c> {
    ctx: &'c Context<'c>,
    of: FxHashMap<FuncId, Vec<(FuncId, u32)>>,
    /// Functions that something outside the tree calls.
    entries: FxHashSet<FuncId>,
}

impl<'c> Callers<'c> {
    pub(super) fn new(ctx: &'c Context<'c>) -> Callers<'c> {
        let literal = by_callee(&ctx.call_graph.calls);
        let mut of = by_callee(&ctx.call_graph.seen_through);
        // A decorator's wrapper is looked through: what it forwards to has the
        // callers of the decorated name, not all that the decorator serves.
        let is_wrapper = {
            let seen: FxHashSet<FuncId> = of.keys().copied().collect();
            let called = &literal;
            move |func: FuncId| called.contains_key(&func) && !seen.contains(&func)
        };
        for callers in of.values_mut() {
            if callers.iter().any(|(caller, _)| !is_wrapper(*caller)) {
                callers.retain(|(caller, _)| !is_wrapper(*caller));
            }
        }
        let missing: Vec<FuncId> = literal
            .keys()
            .copied()
            .filter(|func| is_wrapper(*func))
            .collect();
        for func in missing {
            of.insert(func, literal[&func].clone());
        }
        let handlers = ctx.routes.iter().map(|route| route.handler);
        let registered = ctx.call_graph.registrations.iter().map(|reg| reg.target);
        Callers {
            ctx,
            of,
            entries: handlers.chain(registered).collect(),
        }
    }

    /// Callers of `func` with the lines of their calls.
    pub(super) fn of(&self, func: FuncId) -> &[(FuncId, u32)] {
        self.of.get(&func).map_or(&[], Vec::as_slice)
    }

    /// The pipeline's stages that `func` works for: its own, or, when it has
    /// none of its own, those that call it.
    pub(super) fn stages(&self, func: FuncId) -> BTreeSet<Stage> {
        let mut stages = BTreeSet::new();
        let mut seen = FxHashSet::default();
        let mut todo = vec![func];
        while let Some(func) = todo.pop() {
            if !seen.insert(func) {
                continue;
            }
            match self.ctx.stages.stage(func) {
                stage if stage.is_pipeline() => {
                    stages.insert(stage);
                }
                _ => todo.extend(self.of(func).iter().map(|(caller, _)| *caller)),
            }
        }
        stages
    }

    /// True if `func` belongs to the pipeline, or works for it.
    pub(super) fn concern(&self, func: FuncId) -> bool {
        self.ctx.stages.stage(func) != Stage::None || !self.stages(func).is_empty()
    }

    /// True if `func` runs only while modules are imported: decorators,
    /// registries.
    pub(super) fn only_at_import(&self, func: FuncId) -> bool {
        let mut seen = FxHashSet::default();
        let mut todo = vec![func];
        while let Some(func) = todo.pop() {
            if self.ctx.is_module(func) || !seen.insert(func) {
                continue;
            }
            let callers = self.of(func);
            if callers.is_empty() || self.entries.contains(&func) {
                return false;
            }
            todo.extend(callers.iter().map(|(caller, _)| *caller));
        }
        true
    }

    /// True if `func` runs for a request, or in a thread or job.
    pub(super) fn is_concurrent(&self, func: FuncId) -> bool {
        let mut seen = FxHashSet::default();
        let mut todo = vec![func];
        while let Some(func) = todo.pop() {
            if self.entries.contains(&func) {
                return true;
            }
            if seen.insert(func) {
                todo.extend(self.of(func).iter().map(|(caller, _)| *caller));
            }
        }
        false
    }
}

fn by_callee(edges: &[CallEdge]) -> FxHashMap<FuncId, Vec<(FuncId, u32)>> {
    let mut callers: FxHashMap<FuncId, Vec<(FuncId, u32)>> = FxHashMap::default();
    for edge in edges.iter().filter(|edge| edge.caller != edge.callee) {
        let of = callers.entry(edge.callee).or_default();
        of.push((edge.caller, edge.line));
    }
    for callers in callers.values_mut() {
        callers.sort_unstable();
        callers.dedup();
    }
    callers
}

/// `a`, `a and b`, `a, b and c`; what is too long ends in a count.
pub(super) fn listed(parts: &[String]) -> String {
    const MAX: usize = 4;
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        parts if parts.len() > MAX => {
            let rest = parts.len() - MAX;
            format!("{} and {rest} more", parts[..MAX].join(", "))
        }
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// One finding per rule and place; places of what is merged stay as related.
/// Worst first, then by place.
pub(super) fn tidy(found: Vec<Finding>) -> Vec<Finding> {
    let mut at: FxHashMap<(&'static str, FileId, u32), usize> = FxHashMap::default();
    let mut merged: Vec<Finding> = Vec::new();
    for finding in found {
        let key = (finding.hazard, finding.file, finding.line);
        let Some(idx) = at.get(&key).copied() else {
            at.insert(key, merged.len());
            merged.push(finding);
            continue;
        };
        let known = &mut merged[idx];
        let (mut kept, other) = if finding.severity > known.severity {
            (finding, known.clone())
        } else {
            (known.clone(), finding)
        };
        kept.related.extend(other.related);
        *known = kept;
    }
    for finding in &mut merged {
        finding.related.sort_unstable();
        finding.related.dedup();
    }
    merged.sort_by(|a, b| {
        let key = |finding: &Finding| (finding.file, finding.line, finding.hazard);
        (b.severity, key(a)).cmp(&(a.severity, key(b)))
    });
    merged
}
