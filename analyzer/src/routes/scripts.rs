//! Files run as programs: `if __name__ == "__main__":`, and Rust's `main`.

use smol_str::SmolStr;

use super::survey::Survey;
use super::{Framework, Route, RouteKind};
use crate::syntax::FileFacts;
use crate::syntax::facts::{ExprKind, ScopeId, ScopeKind, Stmt, StmtKind};
use crate::syntax::walk::blocks;

pub(super) struct Scripts;

impl Framework for Scripts {
    fn name(&self) -> &'static str {
        "scripts"
    }

    fn routes(&self, survey: &Survey<'_>, found: &mut Vec<Route>) {
        let pages = super::apps::pages(survey);
        for (file, facts) in survey.modules.iter() {
            if pages.contains(&file) {
                continue;
            }
            let body = &facts.scope(ScopeId::MODULE).body;
            let main = match facts.path.ends_with(".rs") {
                true => rust_main(facts),
                false => main_block(facts, body).map(|line| (ScopeId::MODULE, line)),
            };
            let Some((scope, line)) = main else { continue };
            found.extend(survey.program.func_at(file, scope).map(|handler| Route {
                kind: RouteKind::Script,
                method: SmolStr::default(),
                path: facts.path.clone(),
                handler,
                file,
                line,
                framework: "script",
            }));
        }
    }
}

/// The line of the module's main block.
fn main_block(facts: &FileFacts, body: &[Stmt]) -> Option<u32> {
    body.iter().find_map(|stmt| {
        if let StmtKind::If { test, .. } = &stmt.kind
            && let ExprKind::Compare { operands, .. } = &facts.expr(*test).kind
        {
            let mut kinds = operands.iter().map(|part| &facts.expr(*part).kind);
            let is_main = kinds
                .clone()
                .any(|kind| matches!(kind, ExprKind::Str(text) if text == "__main__"));
            if is_main && kinds.any(|kind| matches!(kind, ExprKind::Name(n) if n == "__name__")) {
                return Some(stmt.line);
            }
        }
        let mut inner = None;
        blocks(stmt, &mut |body| {
            inner = inner.or_else(|| main_block(facts, body));
        });
        inner
    })
}

fn rust_main(facts: &FileFacts) -> Option<(ScopeId, u32)> {
    let mut scopes = facts.scopes();
    let (id, scope) = scopes.find(|(_, scope)| {
        scope.kind == ScopeKind::Function
            && scope.name == "main"
            && scope.parent == Some(ScopeId::MODULE)
    })?;
    Some((id, scope.line))
}
