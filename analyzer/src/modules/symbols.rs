//! Names to definitions, by what is written at the top of scopes: imports,
//! `def`, `class`, and aliases (`Base = other.Base`). What needs values is the
//! graph's work.

use rustc_hash::FxHashSet;
use smol_str::{SmolStr, format_smolstr};

use super::{FileId, ModuleRef, ModuleSet};
use crate::syntax::FileFacts;
use crate::syntax::facts::{
    ClassForm, ExprKind, Import, ImportBinds, ImportRule, ScopeId, ScopeKind, Stmt, StmtKind,
};

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Symbol {
    /// A class, function or lambda of the tree.
    Scope(FileId, ScopeId),
    /// A module of the tree.
    Module(ModuleRef),
    /// A variable at the top level of a file.
    Variable(FileId, SmolStr),
    /// Something of a library: its qualified name.
    External(SmolStr),
}

type Seen = FxHashSet<(FileId, ScopeId, SmolStr)>;

pub(super) fn enclosing(facts: &FileFacts, scope: ScopeId) -> Vec<ScopeId> {
    let mut found = vec![scope];
    let mut at = scope;
    while let Some(parent) = facts.scope(at).parent {
        let around = facts.scope(parent);
        if around.kind != ScopeKind::Class || around.form == ClassForm::Namespace {
            found.push(parent);
        }
        at = parent;
    }
    found
}

pub(super) fn resolve(
    set: &ModuleSet,
    file: FileId,
    scope: ScopeId,
    path: &str,
    seen: &mut Seen,
) -> Option<Symbol> {
    let (first, rest) = match path.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    let scopes = enclosing(set.facts(file), scope);
    let bound = scopes
        .into_iter()
        .find_map(|scope| in_scope(set, file, scope, first, seen));
    let outside = || {
        set.is_outside(file, first)
            .then(|| Symbol::External(first.into()))
    };
    let prelude = || set.facts(file).rules.prelude(first);
    let start = bound
        .or_else(|| set.head(file, first).map(Symbol::Module))
        .or_else(|| prelude().map(|path| Symbol::External(path.into())))
        .or_else(outside)?;
    match rest {
        None => Some(start),
        Some(rest) => rest
            .split('.')
            .try_fold(start, |at, name| member(set, at, name, seen)),
    }
}

fn member(set: &ModuleSet, of: Symbol, name: &str, seen: &mut Seen) -> Option<Symbol> {
    match of {
        Symbol::External(path) => Some(Symbol::External(format_smolstr!("{path}.{name}"))),
        Symbol::Scope(file, scope) => in_scope(set, file, scope, name, seen),
        Symbol::Variable(..) => None,
        Symbol::Module(module) => {
            let own = match module {
                ModuleRef::File(file) => in_scope(set, file, ScopeId::MODULE, name, seen),
                ModuleRef::Folder(_) => None,
            };
            own.or_else(|| set.submodule(module, name).map(Symbol::Module))
                .or_else(|| set.native_in(module, name).map(Symbol::External))
        }
    }
}

fn in_scope(
    set: &ModuleSet,
    file: FileId,
    scope: ScopeId,
    name: &str,
    seen: &mut Seen,
) -> Option<Symbol> {
    if !seen.insert((file, scope, name.into())) {
        return None;
    }
    let facts = set.facts(file);
    let mut found = None;
    each_binding(&facts.scope(scope).body, &mut |stmt| {
        if let Some(symbol) = binding(set, file, scope, stmt, name, seen) {
            found = Some(symbol);
        }
    });
    seen.remove(&(file, scope, name.into()));
    found
}

/// Visits every statement of a body that can bind, nested blocks included.
fn each_binding(body: &[Stmt], visit: &mut dyn FnMut(&Stmt)) {
    for stmt in body {
        match &stmt.kind {
            StmtKind::If { then, other, .. } => {
                each_binding(then, visit);
                each_binding(other, visit);
            }
            StmtKind::Loop { body, other, .. } => {
                each_binding(body, visit);
                each_binding(other, visit);
            }
            StmtKind::With { body, .. } => each_binding(body, visit),
            StmtKind::Try {
                body,
                handlers,
                other,
                finally,
            } => {
                // What the body binds wins over a fallback in a handler.
                for handler in handlers {
                    each_binding(&handler.body, visit);
                }
                for block in [body, other, finally] {
                    each_binding(block, visit);
                }
            }
            _ => visit(stmt),
        }
    }
}

fn binding(
    set: &ModuleSet,
    file: FileId,
    scope: ScopeId,
    stmt: &Stmt,
    name: &str,
    seen: &mut Seen,
) -> Option<Symbol> {
    let facts = set.facts(file);
    match &stmt.kind {
        StmtKind::Function(id) | StmtKind::Class(id) => {
            (facts.scope(*id).name == name).then_some(Symbol::Scope(file, *id))
        }
        StmtKind::Import(import) => imported(set, file, scope, import, name, seen),
        StmtKind::Assign { targets, value, .. } => {
            let binds = targets
                .iter()
                .any(|target| matches!(&facts.expr(*target).kind, ExprKind::Name(n) if n == name));
            if !binds {
                return None;
            }
            let alias = facts.dotted(*value);
            let meant = alias.and_then(|path| resolve(set, file, scope, &path, seen));
            let own = || (scope == ScopeId::MODULE).then(|| Symbol::Variable(file, name.into()));
            meant
                .filter(|meant| !matches!(meant, Symbol::Variable(..)))
                .or_else(own)
        }
        _ => None,
    }
}

fn imported(
    set: &ModuleSet,
    file: FileId,
    scope: ScopeId,
    import: &Import,
    name: &str,
    seen: &mut Seen,
) -> Option<Symbol> {
    match &import.binds {
        ImportBinds::Module { alias: Some(alias) } => {
            if alias != name {
                return None;
            }
            of_module(set, file, scope, import.level, &import.module, seen)
        }
        ImportBinds::Module { alias: None } => {
            let first = import.module.split('.').next().unwrap_or_default();
            if first != name {
                return None;
            }
            of_module(set, file, scope, import.level, first, seen)
        }
        ImportBinds::Names(names) => {
            let (original, _) = names
                .iter()
                .find(|(original, alias)| alias.as_ref().unwrap_or(original) == name)?;
            let module = of_module(set, file, scope, import.level, &import.module, seen)?;
            member(set, module, original, seen)
        }
        ImportBinds::Star => {
            if name.starts_with('_') {
                return None;
            }
            let module = of_module(set, file, scope, import.level, &import.module, seen)?;
            match module {
                Symbol::External(path) => {
                    let names = set.native_names(&path)?;
                    let bound = names.iter().any(|bound| bound == name);
                    bound.then(|| Symbol::External(format_smolstr!("{path}.{name}")))
                }
                module => member(set, module, name, seen),
            }
        }
    }
}

pub(super) fn starred(
    set: &ModuleSet,
    file: FileId,
    scope: ScopeId,
    import: &Import,
) -> Option<Symbol> {
    let seen = &mut FxHashSet::default();
    of_module(set, file, scope, import.level, &import.module, seen)
}

/// What the path of an import names: a module, something in one, something
/// that the scope itself binds, or something of a library.
fn of_module(
    set: &ModuleSet,
    file: FileId,
    scope: ScopeId,
    level: u32,
    path: &str,
    seen: &mut Seen,
) -> Option<Symbol> {
    if let Some((module, rest)) = set.lead(file, level, path) {
        let mut names = rest.into_iter();
        return names.try_fold(Symbol::Module(module), |at, name| {
            member(set, at, name, seen)
        });
    }
    let is_crates = set.facts(file).rules.imports == ImportRule::Crates;
    let own = match is_crates && level == 0 {
        true => resolve(set, file, scope, path, seen),
        false => None,
    };
    let outside = || set.native(file, level, path).unwrap_or_else(|| path.into());
    Some(own.unwrap_or_else(|| Symbol::External(outside())))
}

pub(super) fn public_names(set: &ModuleSet, file: FileId) -> Vec<SmolStr> {
    let mut names = Vec::new();
    collect_public(set, file, &mut names, &mut FxHashSet::default());
    names.sort_unstable();
    names.dedup();
    names
}

fn collect_public(
    set: &ModuleSet,
    file: FileId,
    names: &mut Vec<SmolStr>,
    seen: &mut FxHashSet<FileId>,
) {
    if !seen.insert(file) {
        return;
    }
    let facts = set.facts(file);
    each_binding(
        &facts.scope(ScopeId::MODULE).body,
        &mut |stmt| match &stmt.kind {
            StmtKind::Function(id) | StmtKind::Class(id) => {
                names.push(facts.scope(*id).name.clone())
            }
            StmtKind::Assign { targets, .. } => {
                for target in targets {
                    if let ExprKind::Name(name) = &facts.expr(*target).kind {
                        names.push(name.clone());
                    }
                }
            }
            StmtKind::Import(import) => match &import.binds {
                ImportBinds::Names(pairs) => {
                    names.extend(
                        pairs
                            .iter()
                            .map(|(name, alias)| alias.as_ref().unwrap_or(name).clone()),
                    );
                }
                ImportBinds::Module { alias: Some(alias) } => names.push(alias.clone()),
                ImportBinds::Module { alias: None } => {
                    names.extend(import.module.split('.').next().map(SmolStr::from));
                }
                ImportBinds::Star => {
                    if let Some(ModuleRef::File(from)) =
                        set.imported(file, import.level, &import.module)
                    {
                        collect_public(set, from, names, seen);
                    } else if let Some(path) = set.native(file, import.level, &import.module) {
                        names.extend(set.native_names(&path).into_iter().flatten());
                    }
                }
            },
            _ => {}
        },
    );
    names.retain(|name| !name.starts_with('_'));
}
