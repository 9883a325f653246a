//! Every expression of a function's own body, outer before inner.

use crate::graph::{FuncId, Program};
use crate::modules::{FileId, ModuleSet};
use crate::syntax::FileFacts;
use crate::syntax::facts::{ExprId, ExprKind, LoopHead, Stmt, StmtKind};

/// Visits the expressions of `func`; the bodies of functions and lambdas
/// inside it are theirs, those of comprehensions and classes are its own.
pub(super) fn each_expr(
    modules: &ModuleSet,
    program: &Program,
    func: FuncId,
    visit: &mut dyn FnMut(&FileFacts, FileId, ExprId),
) {
    let function = program.function(func);
    let facts = modules.facts(function.file);
    let mut walk = Walk {
        facts,
        visit: &mut |expr| visit(facts, function.file, expr),
    };
    walk.block(&facts.scope(function.scope).body);
}

struct Walk<'f, 'v> {
    facts: &'f FileFacts,
    visit: &'v mut dyn FnMut(ExprId),
}

impl Walk<'_, '_> {
    fn block(&mut self, body: &[Stmt]) {
        body.iter().for_each(|stmt| self.stmt(stmt));
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Expr(expr) | StmtKind::Assert(expr) => self.expr(*expr),
            StmtKind::Assign { targets, value, .. } => {
                self.expr(*value);
                targets.iter().for_each(|target| self.expr(*target));
            }
            StmtKind::Augment { target, value, .. } => {
                self.expr(*value);
                self.expr(*target);
            }
            StmtKind::Return(value) | StmtKind::Raise(value) => {
                value.iter().for_each(|value| self.expr(*value));
            }
            StmtKind::Delete(targets) => targets.iter().for_each(|target| self.expr(*target)),
            StmtKind::Function(scope) => {
                let scope = self.facts.scope(*scope);
                let defaults = scope.params.iter().filter_map(|param| param.default);
                let all: Vec<ExprId> = scope.decorators.iter().copied().chain(defaults).collect();
                all.into_iter().for_each(|expr| self.expr(expr));
            }
            StmtKind::Class(scope) => self.block(&self.facts.scope(*scope).body),
            StmtKind::If { test, then, other } => {
                self.expr(*test);
                self.block(then);
                self.block(other);
            }
            StmtKind::Loop { head, body, other } => {
                match head {
                    LoopHead::For { iter, .. } => self.expr(*iter),
                    LoopHead::While(test) => self.expr(*test),
                }
                self.block(body);
                self.block(other);
            }
            StmtKind::With { items, body } => {
                items.iter().for_each(|(context, _)| self.expr(*context));
                self.block(body);
            }
            StmtKind::Try {
                body,
                handlers,
                other,
                finally,
            } => {
                self.block(body);
                handlers
                    .iter()
                    .for_each(|handler| self.block(&handler.body));
                self.block(other);
                self.block(finally);
            }
            StmtKind::Declare { .. } | StmtKind::Import(_) | StmtKind::Leave => {}
        }
    }

    fn expr(&mut self, expr: ExprId) {
        (self.visit)(expr);
        match &self.facts.expr(expr).kind {
            ExprKind::Comprehension { scope, .. } => {
                self.block(&self.facts.scope(*scope).body);
            }
            kind => {
                let mut parts = Vec::new();
                kind.parts(|part| parts.push(part));
                parts.into_iter().for_each(|part| self.expr(part));
            }
        }
    }
}
