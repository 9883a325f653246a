//! Where a name got its value, through imports.

use super::{MAX_STEPS, Spot, Survey};
use crate::modules::{FileId, ModuleRef};
use crate::syntax::FileFacts;
use crate::syntax::facts::{ExprId, ExprKind, Import, ImportBinds, ScopeId, Stmt, StmtKind};
use crate::syntax::walk::blocks;

impl Survey<'_> {
    /// The expression that a name was last given, in its scope or the module
    /// it is imported from.
    pub(in crate::routes) fn definition(&self, spot: &Spot) -> Option<Spot> {
        if let Some(bound) = self.bound(spot) {
            return Some(bound);
        }
        let path = self.facts(spot).dotted(spot.expr)?;
        self.define(spot.file, spot.scope, &path, self.line(spot), 0)
    }

    fn define(
        &self,
        file: FileId,
        scope: ScopeId,
        path: &str,
        line: u32,
        steps: u32,
    ) -> Option<Spot> {
        if steps > MAX_STEPS {
            return None;
        }
        let (first, rest) = match path.split_once('.') {
            Some((first, rest)) => (first, Some(rest)),
            None => (path, None),
        };
        for scope in self.modules.enclosing(file, scope) {
            let facts = self.modules.facts(file);
            if rest.is_none()
                && let Some(expr) = assigned(facts, &facts.scope(scope).body, first, line)
            {
                return Some(self.spot(file, scope, expr));
            }
            let mut imports = Vec::new();
            all_imports(&facts.scope(scope).body, &mut imports);
            for import in imports.into_iter().rev() {
                if let Some(found) = self.through(file, import, path, steps) {
                    return Some(found);
                }
            }
        }
        None
    }

    fn through(&self, file: FileId, import: &Import, path: &str, steps: u32) -> Option<Spot> {
        let (first, rest) = match path.split_once('.') {
            Some((first, rest)) => (first, Some(rest)),
            None => (path, None),
        };
        let module = self.modules.imported(file, import.level, &import.module);
        match &import.binds {
            ImportBinds::Names(names) => {
                let (original, _) = names
                    .iter()
                    .find(|(original, alias)| alias.as_ref().unwrap_or(original) == first)?;
                let module = module?;
                match (rest, self.modules.submodule(module, original)) {
                    (Some(rest), Some(submodule)) => self.in_module(submodule, rest, steps),
                    (None, _) => self.in_module(module, original, steps),
                    _ => None,
                }
            }
            ImportBinds::Module { alias: Some(alias) } if alias == first => {
                self.in_module(module?, rest?, steps)
            }
            ImportBinds::Module { alias: None } => {
                let rest = path
                    .strip_prefix(import.module.as_str())?
                    .strip_prefix('.')?;
                self.in_module(module?, rest, steps)
            }
            ImportBinds::Star => self.in_module(module?, path, steps),
            ImportBinds::Module { .. } => None,
        }
    }

    fn in_module(&self, module: ModuleRef, path: &str, steps: u32) -> Option<Spot> {
        if let ModuleRef::File(file) = module
            && let Some(found) = self.define(file, ScopeId::MODULE, path, u32::MAX, steps + 1)
        {
            return Some(found);
        }
        let (first, rest) = path.split_once('.')?;
        let submodule = self.modules.submodule(module, first)?;
        self.in_module(submodule, rest, steps + 1)
    }
}

/// The value last assigned to `name` before `line`, or at all.
fn assigned(facts: &FileFacts, body: &[Stmt], name: &str, line: u32) -> Option<ExprId> {
    let mut found: Vec<(u32, ExprId)> = Vec::new();
    each_assignment(body, &mut |stmt_line, target, value| {
        if matches!(&facts.expr(target).kind, ExprKind::Name(bound) if bound == name) {
            found.push((stmt_line, value));
        }
    });
    let before = found.iter().rev().find(|(at, _)| *at < line);
    before.or(found.last()).map(|(_, value)| *value)
}

/// Visits every assignment of a body: line, target, value.
pub(in crate::routes) fn each_assignment(
    body: &[Stmt],
    visit: &mut dyn FnMut(u32, ExprId, ExprId),
) {
    for stmt in body {
        match &stmt.kind {
            StmtKind::Assign { targets, value, .. } => {
                for target in targets {
                    visit(stmt.line, *target, *value);
                }
            }
            StmtKind::Augment { target, value, .. } => visit(stmt.line, *target, *value),
            _ => blocks(stmt, &mut |body| each_assignment(body, visit)),
        }
    }
}

fn all_imports<'s>(body: &'s [Stmt], found: &mut Vec<&'s Import>) {
    for stmt in body {
        match &stmt.kind {
            StmtKind::Import(import) => found.push(import),
            _ => blocks(stmt, &mut |body| all_imports(body, found)),
        }
    }
}
