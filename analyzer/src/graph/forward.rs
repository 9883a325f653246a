//! Wrappers that pass on what they are given: `wrapper(*args, **kwargs)`
//! around `func(*args, **kwargs)`, as decorators make them.

use rustc_hash::{FxHashMap, FxHashSet};

use super::solve::{At, Solver, Target};
use super::values::InstId;
use crate::syntax::FileFacts;
use crate::syntax::facts::{ArgKind, ExprId, ExprKind, ParamKind, ScopeId, ScopeKind};

/// What each wrapper's instance forwards to.
pub(super) struct Forwards {
    is_forwarder: Vec<bool>,
    targets: FxHashMap<InstId, Vec<InstId>>,
    /// What is behind a wrapper, once it was asked for.
    behind: FxHashMap<InstId, Vec<InstId>>,
}

impl Forwards {
    pub(super) fn new(solver: &Solver<'_>) -> Forwards {
        let functions = solver.program.functions.iter();
        let is_forwarder: Vec<bool> = functions
            .map(|function| {
                let facts = solver.modules.facts(function.file);
                forwards(facts, function.scope)
            })
            .collect();
        let mut targets: FxHashMap<InstId, Vec<InstId>> = FxHashMap::default();
        for (at, target) in solver.calls.keys() {
            let Target::Func(inst) = target else { continue };
            let forwards = is_forwarder[solver.func_of(at.inst).0 as usize];
            if forwards && spreads(solver, *at) {
                targets.entry(at.inst).or_default().push(*inst);
            }
        }
        Forwards {
            is_forwarder,
            targets,
            behind: FxHashMap::default(),
        }
    }

    /// The functions behind a call of `target`, looking through wrappers.
    pub(super) fn behind(&mut self, solver: &Solver<'_>, at: At, target: InstId) -> Vec<InstId> {
        if self.forwards(solver, at.inst) && spreads(solver, at) {
            return Vec::new();
        }
        let targets = &self.targets;
        let behind = self.behind.entry(target);
        behind
            .or_insert_with(|| look_through(targets, target))
            .clone()
    }

    fn forwards(&self, solver: &Solver<'_>, inst: InstId) -> bool {
        self.is_forwarder[solver.func_of(inst).0 as usize]
    }
}

/// Each function once, however many ways lead to it: wrappers around wrappers
/// make exponentially many. Wrappers around nothing but each other stand for
/// themselves.
fn look_through(targets: &FxHashMap<InstId, Vec<InstId>>, wrapper: InstId) -> Vec<InstId> {
    let (mut found, mut open) = (Vec::new(), vec![wrapper]);
    let mut seen = FxHashSet::default();
    while let Some(inst) = open.pop() {
        if !seen.insert(inst) {
            continue;
        }
        match targets.get(&inst) {
            Some(inner) => open.extend(inner.iter().rev()),
            None => found.push(inst),
        }
    }
    if found.is_empty() {
        found.push(wrapper);
    }
    found
}

/// A nested function with `*args` that a call in its body spreads again.
fn forwards(facts: &FileFacts, scope: ScopeId) -> bool {
    let definition = facts.scope(scope);
    let nested = definition
        .parent
        .is_some_and(|parent| facts.scope(parent).kind == ScopeKind::Function);
    let rest = definition
        .params
        .iter()
        .any(|param| param.kind == ParamKind::Rest);
    nested && rest && definition.kind == ScopeKind::Function
}

fn spreads(solver: &Solver<'_>, at: At) -> bool {
    let facts = solver.modules.facts(at.file);
    let expr = |id: ExprId| facts.exprs.get(id.0 as usize);
    match expr(at.expr).map(|expr| &expr.kind) {
        Some(ExprKind::Call { args, .. }) => args.iter().any(|arg| arg.kind == ArgKind::Spread),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use crate::{Catalog, Options, SourceTree};

    /// Thirty decorators around one another in any order: 30 to the power of
    /// the depth ways to the function.
    #[test]
    fn wrappers_in_any_order_are_looked_through_once() {
        let mut text = String::from("def work(x):\n    return x\n");
        for number in 0..30 {
            writeln!(
                text,
                "def d{number}(func):\n    def wrapper(*args):\n        return func(*args)\n    return wrapper"
            )
            .unwrap();
        }
        text.push_str("f = work\n");
        for _ in 0..2 {
            for number in 0..30 {
                writeln!(text, "if f:\n    f = d{number}(f)").unwrap();
            }
        }
        text.push_str("def start():\n    return f(1)\n");
        let options = Options {
            catalog: Catalog::default(),
            pins: Vec::new(),
        };
        let tree = SourceTree::from_texts("wrapped", [("a.py", text.as_str())]);
        let analysis = crate::examine(&tree, &options);
        let name = |func| {
            let function = analysis.program.function(func);
            let facts = analysis.modules.facts(function.file);
            facts.scope(function.scope).qualname.to_string()
        };
        let calls = analysis.call_graph.seen_through.iter();
        let behind: Vec<_> = calls
            .filter(|call| name(call.caller) == "start")
            .map(|call| name(call.callee))
            .collect();
        assert_eq!(behind, ["work"]);
    }
}
