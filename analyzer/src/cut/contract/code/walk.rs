//! Every expression of a function, what stands in its comprehensions too.

use super::{At, Code};
use crate::graph::FuncId;
use crate::modules::FileId;
use crate::syntax::facts::{ExprKind, ScopeId};
use crate::syntax::walk::{each_stmt, roots};

impl Code<'_> {
    /// Visits every expression of a function in order, comprehensions and
    /// lambdas included, each with the scope it stands in.
    pub(in crate::cut::contract) fn each_expr(&self, func: FuncId, visit: &mut dyn FnMut(At)) {
        let (file, scope) = self.scope_of(func);
        self.each_expr_of(file, scope, visit);
    }

    pub(super) fn each_expr_of(&self, file: FileId, scope: ScopeId, visit: &mut dyn FnMut(At)) {
        let mut found = Vec::new();
        each_stmt(&self.facts(file).scope(scope).body, &mut |stmt| {
            roots(stmt, &mut found)
        });
        for root in found {
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
