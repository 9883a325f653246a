//! Which functions are analysed once per call site.

use super::program::Program;
use crate::modules::ModuleSet;
use crate::syntax::FileFacts;
use crate::syntax::facts::{LoopHead, ScopeKind, Stmt, StmtKind};
use crate::syntax::walk::each_stmt;

/// A function of at most this many statements is small.
const SMALL: usize = 8;

/// For each function: true if each call site gets an instance of its own.
/// These are functions that make functions (decorators, factories) and small
/// ones that pass on what they are given.
pub(super) fn per_site(modules: &ModuleSet, program: &Program) -> Vec<bool> {
    let files = modules.iter();
    let inner: Vec<Vec<Vec<ScopeKind>>> = files.map(|(_, facts)| inner_scopes(facts)).collect();
    let functions = program.functions.iter();
    functions
        .map(|function| {
            let facts = modules.facts(function.file);
            let scope = facts.scope(function.scope);
            match scope.kind {
                ScopeKind::Function | ScopeKind::Lambda => {
                    let inner = &inner[function.file.0 as usize][function.scope.0 as usize];
                    let has_class = inner.contains(&ScopeKind::Class);
                    let makes_functions = inner
                        .iter()
                        .any(|kind| matches!(kind, ScopeKind::Function | ScopeKind::Lambda));
                    !scope.params.is_empty()
                        && !has_class
                        && (makes_functions || size(&scope.body) <= SMALL)
                }
                _ => false,
            }
        })
        .collect()
}

/// For each scope of a file: the kinds of the scopes directly inside.
fn inner_scopes(facts: &FileFacts) -> Vec<Vec<ScopeKind>> {
    let mut inner = vec![Vec::new(); facts.scopes.len()];
    for scope in &facts.scopes {
        if let Some(parent) = scope.parent {
            inner[parent.0 as usize].push(scope.kind);
        }
    }
    inner
}

/// Statements, those in others too; a `for` binds its names beside.
fn size(body: &[Stmt]) -> usize {
    let mut size = 0;
    each_stmt(body, &mut |stmt| {
        let binds = matches!(
            stmt.kind,
            StmtKind::Loop {
                head: LoopHead::For { .. },
                ..
            }
        );
        size += 1 + usize::from(binds);
    });
    size
}
