//! Names to definitions, by what is written at the top of scopes: imports,
//! `def`, `class`, and aliases (`Base = other.Base`). What needs values is the
//! graph's work.

use rustc_hash::FxHashSet;
use smol_str::{SmolStr, format_smolstr};

use super::bindings::{Binding, Candidate, Star};
use super::{FileId, ModuleRef, ModuleSet};
use crate::syntax::FileFacts;
use crate::syntax::facts::{ClassForm, Import, ImportRule, ScopeId, ScopeKind};

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
    let mut candidates = set.bindings(file, scope).candidates(name).peekable();
    candidates.peek()?;
    if !seen.insert((file, scope, name.into())) {
        return None;
    }
    let found = candidates.find_map(|candidate| match candidate {
        Candidate::Own(binding) => bound(set, file, scope, binding, name, seen),
        Candidate::Star(star) => through_star(set, file, scope, star, name, seen),
    });
    seen.remove(&(file, scope, name.into()));
    found
}

fn bound(
    set: &ModuleSet,
    file: FileId,
    scope: ScopeId,
    binding: &Binding,
    name: &str,
    seen: &mut Seen,
) -> Option<Symbol> {
    match binding {
        Binding::Definition(id) => Some(Symbol::Scope(file, *id)),
        Binding::Import {
            level,
            module,
            name,
        } => {
            let module = of_module(set, file, scope, *level, module, seen)?;
            match name {
                Some(name) => member(set, module, name, seen),
                None => Some(module),
            }
        }
        Binding::Value(value) => {
            let alias = set.facts(file).dotted(*value);
            let meant = alias.and_then(|path| resolve(set, file, scope, &path, seen));
            let own = || (scope == ScopeId::MODULE).then(|| Symbol::Variable(file, name.into()));
            meant
                .filter(|meant| !matches!(meant, Symbol::Variable(..)))
                .or_else(own)
        }
    }
}

fn through_star(
    set: &ModuleSet,
    file: FileId,
    scope: ScopeId,
    star: &Star,
    name: &str,
    seen: &mut Seen,
) -> Option<Symbol> {
    if name.starts_with('_') {
        return None;
    }
    match of_module(set, file, scope, star.level, &star.module, seen)? {
        Symbol::External(path) => {
            let names = set.native_names(&path)?;
            let bound = names.iter().any(|bound| bound == name);
            bound.then(|| Symbol::External(format_smolstr!("{path}.{name}")))
        }
        module => member(set, module, name, seen),
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
    let bindings = set.bindings(file, ScopeId::MODULE);
    names.extend(bindings.names().cloned());
    for star in bindings.stars() {
        if let Some(ModuleRef::File(from)) = set.imported(file, star.level, &star.module) {
            collect_public(set, from, names, seen);
        } else if let Some(path) = set.native(file, star.level, &star.module) {
            names.extend(set.native_names(&path).into_iter().flatten());
        }
    }
    names.retain(|name| !name.starts_with('_'));
}
