//! Statements and expressions of a body, each once: the one walk for whoever
//! needs no more than that.

use super::FileFacts;
use super::facts::{ExprId, LoopHead, ScopeId, Stmt, StmtKind};

/// Visits the blocks inside a statement, in the order in which they run;
/// bodies of functions and classes are none.
pub(crate) fn blocks<'s>(stmt: &'s Stmt, visit: &mut dyn FnMut(&'s [Stmt])) {
    match &stmt.kind {
        StmtKind::If { then, other, .. } => {
            visit(then);
            visit(other);
        }
        StmtKind::Loop { body, other, .. } => {
            visit(body);
            visit(other);
        }
        StmtKind::With { body, .. } => visit(body),
        StmtKind::Try {
            body,
            handlers,
            other,
            finally,
        } => {
            visit(body);
            handlers.iter().for_each(|handler| visit(&handler.body));
            visit(other);
            visit(finally);
        }
        _ => {}
    }
}

/// Visits every statement of a body, nested ones behind the one that holds
/// them; bodies of functions and classes are not entered.
pub(crate) fn each_stmt<'s>(body: &'s [Stmt], visit: &mut dyn FnMut(&'s Stmt)) {
    for stmt in body {
        visit(stmt);
        blocks(stmt, &mut |body| each_stmt(body, visit));
    }
}

/// Visits every expression of a scope's own body: what stands in the scopes
/// inside it, comprehensions too, is theirs.
pub(crate) fn each_expr(facts: &FileFacts, scope: ScopeId, visit: &mut dyn FnMut(ExprId)) {
    let mut todo = Vec::new();
    each_stmt(&facts.scope(scope).body, &mut |stmt| roots(stmt, &mut todo));
    while let Some(expr) = todo.pop() {
        visit(expr);
        facts.expr(expr).kind.parts(|part| todo.push(part));
    }
}

/// The expressions that stand directly in a statement.
pub(crate) fn roots(stmt: &Stmt, found: &mut Vec<ExprId>) {
    match &stmt.kind {
        StmtKind::Expr(expr) | StmtKind::Assert(expr) => found.push(*expr),
        StmtKind::Assign { targets, value, .. } => {
            found.push(*value);
            found.extend(targets);
        }
        StmtKind::Augment { target, value, .. } => found.extend([*value, *target]),
        StmtKind::Return(value) | StmtKind::Raise(value) => found.extend(value),
        StmtKind::Delete(targets) => found.extend(targets),
        StmtKind::If { test, .. } => found.push(*test),
        StmtKind::Loop { head, .. } => match head {
            LoopHead::For { target, iter } => found.extend([*iter, *target]),
            LoopHead::While(test) => found.push(*test),
        },
        StmtKind::With { items, .. } => {
            for (context, target) in items {
                found.push(*context);
                found.extend(target);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::facts::ExprKind;
    use crate::syntax::python;

    #[test]
    fn each_name_is_met_once_in_its_own_scope() {
        let text = "a = [b for c in d]\nif e:\n    f(g)\nelse:\n    def h(i):\n        return j\n\
                    try:\n    k\nexcept L:\n    m\nelse:\n    n\nfinally:\n    with o as p:\n        q\n";
        let facts = python::lower("a.py", text).expect("it is Python");
        let names: Vec<String> = facts
            .scopes()
            .map(|(scope, _)| {
                let mut names = Vec::new();
                each_expr(&facts, scope, &mut |expr| {
                    if let ExprKind::Name(name) = &facts.expr(expr).kind {
                        names.push(name.to_string());
                    }
                });
                names.sort();
                names.join(" ")
            })
            .collect();
        let mut sorted = names.clone();
        sorted.sort();
        assert_eq!(sorted, ["a e f g k m n o p q", "b c d", "j"], "{names:?}");
    }
}
