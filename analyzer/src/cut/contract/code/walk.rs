//! Every expression of a function, every statement of a body.

use super::{At, Code};
use crate::graph::FuncId;
use crate::modules::FileId;
use crate::syntax::facts::{ExprId, ExprKind, LoopHead, ScopeId, Stmt, StmtKind};

impl Code<'_> {
    /// Visits every expression of a function in order, comprehensions and
    /// lambdas included, each with the scope it stands in.
    pub(in crate::cut::contract) fn each_expr(&self, func: FuncId, visit: &mut dyn FnMut(At)) {
        let (file, scope) = self.scope_of(func);
        self.each_expr_of(file, scope, visit);
    }

    pub(super) fn each_expr_of(&self, file: FileId, scope: ScopeId, visit: &mut dyn FnMut(At)) {
        let mut roots = Vec::new();
        each_stmt(&self.facts(file).scope(scope).body, &mut |stmt| {
            roots_of(stmt, &mut roots)
        });
        for root in roots {
            self.below(
                At {
                    file,
                    scope,
                    expr: root,
                },
                visit,
            );
        }
    }

    /// Visits an expression and its parts, in order.
    pub(in crate::cut::contract) fn below(&self, at: At, visit: &mut dyn FnMut(At)) {
        let mut todo = vec![at];
        while let Some(at) = todo.pop() {
            visit(at);
            match self.kind(at) {
                ExprKind::Comprehension { scope, .. } => {
                    self.each_expr_of(at.file, *scope, visit);
                }
                kind => {
                    let start = todo.len();
                    kind.parts(|expr| todo.push(at.part(expr)));
                    todo[start..].reverse();
                }
            }
        }
    }
}

/// Visits statements in order, nested ones after the one that holds them;
/// bodies of functions and classes are not entered.
pub(in crate::cut::contract) fn each_stmt<'s>(body: &'s [Stmt], visit: &mut dyn FnMut(&'s Stmt)) {
    for stmt in body {
        visit(stmt);
        match &stmt.kind {
            StmtKind::If { then, other, .. } => {
                each_stmt(then, visit);
                each_stmt(other, visit);
            }
            StmtKind::Loop { body, other, .. } => {
                each_stmt(body, visit);
                each_stmt(other, visit);
            }
            StmtKind::With { body, .. } => each_stmt(body, visit),
            StmtKind::Try {
                body,
                handlers,
                other,
                finally,
            } => {
                each_stmt(body, visit);
                for handler in handlers {
                    each_stmt(&handler.body, visit);
                }
                each_stmt(other, visit);
                each_stmt(finally, visit);
            }
            _ => {}
        }
    }
}

/// Expressions that stand directly in a statement.
pub(super) fn roots_of(stmt: &Stmt, roots: &mut Vec<ExprId>) {
    match &stmt.kind {
        StmtKind::Expr(expr) | StmtKind::Assert(expr) => roots.push(*expr),
        StmtKind::Assign { targets, value, .. } => {
            roots.push(*value);
            roots.extend(targets);
        }
        StmtKind::Augment { target, value, .. } => roots.extend([*value, *target]),
        StmtKind::Return(value) | StmtKind::Raise(value) => roots.extend(value),
        StmtKind::Delete(targets) => roots.extend(targets),
        StmtKind::If { test, .. } => roots.push(*test),
        StmtKind::Loop { head, .. } => match head {
            LoopHead::For { target, iter } => roots.extend([*iter, *target]),
            LoopHead::While(test) => roots.push(*test),
        },
        StmtKind::With { items, .. } => {
            for (context, target) in items {
                roots.push(*context);
                roots.extend(target);
            }
        }
        _ => {}
    }
}
