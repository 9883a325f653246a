//! What several rules ask: where an expression stands, who calls whom, which
//! stages a function works for.

pub(super) mod places;
#[cfg(test)]
pub(super) mod testing;

use std::cell::RefCell;
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
    /// Lines on which a module decorates.
    decorators: FxHashSet<(FuncId, u32)>,
    /// Functions that something outside the tree calls.
    entries: FxHashSet<FuncId>,
    /// The stages of those that were asked for.
    stages: RefCell<FxHashMap<FuncId, BTreeSet<Stage>>>,
}

impl<'c> Callers<'c> {
    pub(super) fn new(ctx: &'c Context<'c>) -> Callers<'c> {
        // A wrapper's own call of what it wraps says nothing of who calls that:
        // the callers of the decorated name do.
        let graph = ctx.call_graph;
        let (literal, wrapped): (Vec<&CallEdge>, Vec<&CallEdge>) =
            graph.calls.iter().partition(|edge| {
                let mut behind = graph.seen_through_at(edge.caller, edge.file, edge.expr);
                behind.next().is_some()
            });
        let mut decorators = FxHashSet::default();
        let mut decorating = FxHashSet::default();
        for (file, facts) in ctx.modules.iter() {
            let exprs = facts.scopes().flat_map(|(_, scope)| &scope.decorators);
            for expr in exprs {
                decorating.insert((file, *expr));
                let module = ctx.program.module_func(file);
                decorators.extend(module.map(|module| (module, facts.expr(*expr).line)));
            }
        }
        // A library's decorator, such as `functools.wraps`, calls nothing of
        // what it is put on.
        let calls = |edge: &&CallEdge| {
            let mut library = graph.library_calls_at(edge.file, edge.expr);
            !decorating.contains(&(edge.file, edge.expr)) || library.next().is_none()
        };
        let of = by_callee(graph.seen_through.iter().chain(literal).filter(calls));
        let handlers = ctx.routes.iter().map(|route| route.handler);
        let registered = ctx.call_graph.registrations.iter().map(|reg| reg.target);
        let mut entries: FxHashSet<FuncId> = handlers.chain(registered).collect();
        // What is handed over wrapped is entered through its wrapper.
        for _ in 0..3 {
            let inside = wrapped.iter().filter(|edge| entries.contains(&edge.caller));
            let inside: Vec<FuncId> = inside.map(|edge| edge.callee).collect();
            entries.extend(inside);
        }
        Callers {
            ctx,
            of,
            decorators,
            entries,
            stages: RefCell::default(),
        }
    }

    /// Callers of `func` with the lines of their calls.
    pub(super) fn of(&self, func: FuncId) -> &[(FuncId, u32)] {
        self.of.get(&func).map_or(&[], Vec::as_slice)
    }

    /// The pipeline's stages that `func` works for: its own, or, when it has
    /// none of its own, those that call it.
    pub(super) fn stages(&self, func: FuncId) -> BTreeSet<Stage> {
        if let Some(stages) = self.stages.borrow().get(&func) {
            return stages.clone();
        }
        let stages = self.find_stages(func);
        self.stages.borrow_mut().insert(func, stages.clone());
        stages
    }

    fn find_stages(&self, func: FuncId) -> BTreeSet<Stage> {
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

    /// True if `func` runs only when something is decorated: it fills a
    /// registry while modules are imported.
    pub(super) fn only_at_import(&self, func: FuncId) -> bool {
        let mut seen = FxHashSet::default();
        let mut todo = vec![func];
        let mut decorates = false;
        while let Some(func) = todo.pop() {
            if !seen.insert(func) {
                continue;
            }
            let callers = self.of(func);
            if callers.is_empty() || self.entries.contains(&func) {
                return false;
            }
            for call in callers {
                if !self.ctx.is_module(call.0) {
                    todo.push(call.0);
                } else if self.decorators.contains(call) {
                    decorates = true;
                } else {
                    return false;
                }
            }
        }
        decorates
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

fn by_callee<'e>(
    edges: impl Iterator<Item = &'e CallEdge>,
) -> FxHashMap<FuncId, Vec<(FuncId, u32)>> {
    let mut callers: FxHashMap<FuncId, Vec<(FuncId, u32)>> = FxHashMap::default();
    for edge in edges.filter(|edge| edge.caller != edge.callee) {
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
