//! Where a name got its value, through imports.

use rustc_hash::FxHashMap;

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
            let definitions = &self.definitions[file.0 as usize][scope.0 as usize];
            if rest.is_none()
                && let Some(expr) = definitions.assigned(first, line)
            {
                return Some(self.spot(file, scope, expr));
            }
            for import in definitions.imports_of(first) {
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

/// What the names of a scope are given, and its imports, those of nested
/// blocks too; read once.
#[derive(Debug, Default)]
pub(super) struct Definitions<'a> {
    assigned: FxHashMap<&'a str, Vec<(u32, ExprId)>>,
    /// By the first name of what they bind; numbered in order.
    imports: FxHashMap<&'a str, Vec<(usize, &'a Import)>>,
    stars: Vec<(usize, &'a Import)>,
}

impl<'a> Definitions<'a> {
    /// Of every scope of a file, by [`ScopeId`].
    pub(super) fn of_file(facts: &'a FileFacts) -> Vec<Definitions<'a>> {
        let scopes = facts.scopes.iter();
        let bodies = scopes.map(|scope| &scope.body);
        bodies.map(|body| Definitions::of(facts, body)).collect()
    }

    fn of(facts: &'a FileFacts, body: &'a [Stmt]) -> Definitions<'a> {
        let mut definitions = Definitions::default();
        each_assignment(body, &mut |line, target, value| {
            if let ExprKind::Name(name) = &facts.expr(target).kind {
                let given = definitions.assigned.entry(name).or_default();
                given.push((line, value));
            }
        });
        let mut imports = Vec::new();
        all_imports(body, &mut imports);
        for (order, import) in imports.into_iter().enumerate() {
            let mut bind = |name: &'a str| {
                let bound = definitions.imports.entry(name).or_default();
                if bound.last().is_none_or(|(last, _)| *last != order) {
                    bound.push((order, import));
                }
            };
            match &import.binds {
                ImportBinds::Module { alias: Some(alias) } => bind(alias),
                ImportBinds::Module { alias: None } => {
                    bind(import.module.split('.').next().unwrap_or_default());
                }
                ImportBinds::Names(names) => {
                    for (name, alias) in names {
                        bind(alias.as_ref().unwrap_or(name));
                    }
                }
                ImportBinds::Star => definitions.stars.push((order, import)),
            }
        }
        definitions
    }

    /// The value last assigned to `name` before `line`, or at all.
    fn assigned(&self, name: &str, line: u32) -> Option<ExprId> {
        let given = self.assigned.get(name)?;
        let before = given.iter().rev().find(|(at, _)| *at < line);
        before.or(given.last()).map(|(_, value)| *value)
    }

    /// Imports that may bind `name`, the last first.
    fn imports_of(&self, name: &str) -> Vec<&'a Import> {
        let named = self.imports.get(name).into_iter().flatten();
        let mut found: Vec<_> = named.chain(&self.stars).copied().collect();
        found.sort_unstable_by_key(|(order, _)| std::cmp::Reverse(*order));
        found.into_iter().map(|(_, import)| import).collect()
    }
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
