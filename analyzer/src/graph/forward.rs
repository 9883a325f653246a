//! Wrappers that pass on what they are given: `wrapper(*args, **kwargs)`
//! around `func(*args, **kwargs)`, as decorators make them.

use rustc_hash::FxHashMap;

use super::solve::{At, Solver, Target};
use super::values::InstId;
use crate::syntax::FileFacts;
use crate::syntax::facts::{ArgKind, ExprId, ExprKind, ParamKind, ScopeId, ScopeKind};

/// What each wrapper's instance forwards to.
pub(super) struct Forwards {
    is_forwarder: Vec<bool>,
    targets: FxHashMap<InstId, Vec<InstId>>,
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
        }
    }

    /// The functions behind a call of `target`, looking through wrappers.
    pub(super) fn behind(&self, solver: &Solver<'_>, at: At, target: InstId) -> Vec<InstId> {
        if self.forwards(solver, at.inst) && spreads(solver, at) {
            return Vec::new();
        }
        let mut found = Vec::new();
        self.collect(solver, target, &mut found, 0);
        found
    }

    fn collect(&self, solver: &Solver<'_>, inst: InstId, found: &mut Vec<InstId>, depth: u32) {
        let behind = self.targets.get(&inst).filter(|_| depth < 6);
        match behind {
            Some(behind) if self.forwards(solver, inst) => {
                for target in behind {
                    self.collect(solver, *target, found, depth + 1);
                }
            }
            _ if !found.contains(&inst) => found.push(inst),
            _ => {}
        }
    }

    fn forwards(&self, solver: &Solver<'_>, inst: InstId) -> bool {
        self.is_forwarder[solver.func_of(inst).0 as usize]
    }
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
