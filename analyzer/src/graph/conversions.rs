//! Functions like Rust's `From::from`: who calls them without naming them.
//!
//! `value.into()` is such a call, and `x?` in a function that gives errors of
//! another type than `x` does.

use std::rc::Rc;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::program::{Class, ClassId, FuncId};
use super::solve::{At, Node, Solver};
use super::values::{Value, ValueId};
use super::{bind, classes};
use crate::modules::{FileId, Symbol};
use crate::syntax::facts::{ExprId, ExprKind, ScopeId};

/// Conversions by what they take: a type of the tree,
/// or a library's by name.
#[derive(Debug, Default)]
pub(crate) struct Conversions {
    of_class: FxHashMap<ClassId, Vec<FuncId>>,
    of_library: FxHashMap<SmolStr, Vec<FuncId>>,
}

/// Interfaces of a library whose one function makes a value of another.
const CONVERSIONS: &[(&str, &str)] = &[
    ("std.convert.From", "from"),
    ("std.convert.TryFrom", "try_from"),
];

/// `value.into()`: the functions that take a value of its type and make
/// another; false if there is none.
pub(super) fn convert(solver: &mut Solver<'_>, value: ValueId, at: At, result: Node) -> bool {
    let conversions = known(solver);
    let funcs = match solver.get(value) {
        Value::Instance(class) | Value::Class(class) => conversions.of_class.get(class),
        // What the standard library has is converted to too much to tell.
        Value::Object(path, _) if !solver.text(*path).starts_with("std.") => {
            conversions.of_library.get(solver.text(*path))
        }
        _ => None,
    };
    let Some(funcs) = funcs else { return false };
    let node = solver.fresh();
    solver.add(node, value);
    for func in funcs {
        let inst = classes::method_instance(solver, *func);
        let args = bind::by_position(&[node]);
        bind::invoke(solver, inst, None, at, &args, result);
    }
    true
}

/// The type of the tree whose errors `func` gives.
pub(super) fn error_of(solver: &Solver<'_>, func: FuncId) -> Option<ClassId> {
    let function = solver.program.function(func);
    let facts = solver.modules.facts(function.file);
    let returns = facts.scope(function.scope).returns?;
    let around = facts
        .scope(function.scope)
        .parent
        .unwrap_or(ScopeId::MODULE);
    error_type(solver, function.file, around, returns, 0)
}

fn error_type(
    solver: &Solver<'_>,
    file: FileId,
    around: ScopeId,
    returns: ExprId,
    depth: u32,
) -> Option<ClassId> {
    let facts = solver.modules.facts(file);
    let (base, index) = match &facts.expr(returns).kind {
        ExprKind::Item { base, index } => (*base, Some(*index)),
        _ => (returns, None),
    };
    if let Some(index) = index
        && let ExprKind::Tuple(parts) = &facts.expr(index).kind
    {
        let error = parts.last().and_then(|error| facts.dotted(*error))?;
        return match solver.modules.symbol(file, around, &error)? {
            Symbol::Scope(file, scope) => solver.program.class_at(file, scope),
            _ => None,
        };
    }
    // `type Result<T> = std::result::Result<T, Error>`
    let path = facts.dotted(base)?;
    let Symbol::Variable(file, name) = solver.modules.symbol(file, around, &path)? else {
        return None;
    };
    let aliased = solver.modules.assigned(file, &name).filter(|_| depth < 4)?;
    error_type(solver, file, ScopeId::MODULE, aliased, depth + 1)
}

/// `value` is called by `x?` in a function that gives errors of type `into`:
/// another type's error is converted.
pub(super) fn tried(solver: &mut Solver<'_>, value: ValueId, into: ClassId, at: At) {
    let path = match solver.get(value).clone() {
        Value::Function(inst) | Value::Bound(inst, _) | Value::Static(inst) => {
            let func = solver.func_of(inst);
            match error_of(solver, func) {
                Some(from) if from != into => return convert_from(solver, from, into, at),
                Some(_) => return,
                // A library's error, which only what takes anything is sure to take.
                None => return convert_any(solver, into, at),
            }
        }
        Value::External(path) => solver.symbols.text(path).clone(),
        _ => return,
    };
    let krate = path.split('.').next().unwrap_or(&path);
    // Tokio's input and output fail as the standard library's do.
    let krate = if krate == "tokio" { "std" } else { krate };
    let conversions = conversions_into(solver, into);
    let chosen: Vec<FuncId> = conversions
        .iter()
        .filter(|(_, taken)| {
            taken.as_deref().and_then(|path| path.split('.').next()) == Some(krate)
        })
        .map(|(func, _)| *func)
        .collect();
    match chosen.is_empty() {
        true => convert_any(solver, into, at),
        false => call(solver, chosen, at),
    }
}

/// One that takes anything takes this.
fn convert_any(solver: &mut Solver<'_>, into: ClassId, at: At) {
    let conversions = conversions_into(solver, into).into_iter();
    let open = conversions.filter(|(_, taken)| taken.is_none());
    let chosen = open.map(|(func, _)| func).collect();
    call(solver, chosen, at);
}

fn convert_from(solver: &mut Solver<'_>, from: ClassId, into: ClassId, at: At) {
    let conversions = known(solver);
    let funcs = conversions.of_class.get(&from).into_iter().flatten();
    let makes = |func: &&FuncId| {
        let class = solver.program.function(**func).class;
        class.is_some_and(|class| solver.program.subject(class) == into)
    };
    let chosen: Vec<FuncId> = funcs.filter(makes).copied().collect();
    call(solver, chosen, at);
}

fn call(solver: &mut Solver<'_>, funcs: Vec<FuncId>, at: At) {
    for func in funcs {
        let inst = classes::method_instance(solver, func);
        let dropped = solver.fresh();
        bind::invoke(solver, inst, None, at, &[], dropped);
    }
}

/// Functions that make a value of `into`, with the library type each takes;
/// without one where it takes anything.
fn conversions_into(solver: &Solver<'_>, into: ClassId) -> Vec<(FuncId, Option<SmolStr>)> {
    let mut found = Vec::new();
    for base in &solver.program.class(into).bases {
        let class = solver.program.class(*base);
        let converts = class
            .library_bases
            .iter()
            .any(|path| path == CONVERSIONS[0].0);
        let Some(func) = class.methods.get(CONVERSIONS[0].1).filter(|_| converts) else {
            continue;
        };
        match taken_type(solver, class) {
            Taken::Library(path) => found.push((*func, Some(path))),
            Taken::Anything => found.push((*func, None)),
            Taken::Class(_) | Taken::Unknown => {}
        }
    }
    found
}

/// What a conversion takes.
enum Taken {
    Class(ClassId),
    Library(SmolStr),
    Anything,
    Unknown,
}

fn taken_type(solver: &Solver<'_>, class: &Class) -> Taken {
    let facts = solver.modules.facts(class.file);
    let around = facts.scope(class.scope).parent.unwrap_or(ScopeId::MODULE);
    let mut bases = facts.scope(class.scope).bases.iter();
    let index = bases.find_map(|base| match &facts.expr(base.expr).kind {
        ExprKind::Item { index, .. } => Some(*index),
        _ => None,
    });
    let Some(index) = index else {
        return Taken::Unknown;
    };
    if let ExprKind::Item { base, .. } = &facts.expr(index).kind
        && facts.dotted(*base).as_deref() == Some("impl")
    {
        return Taken::Anything;
    }
    let path = facts.dotted(index);
    match path.and_then(|path| solver.modules.symbol(class.file, around, &path)) {
        Some(Symbol::Scope(file, scope)) => match solver.program.class_at(file, scope) {
            Some(class) => Taken::Class(class),
            None => Taken::Unknown,
        },
        Some(Symbol::External(path)) => Taken::Library(path),
        _ => Taken::Unknown,
    }
}

/// Every conversion of the tree, found once.
fn known(solver: &mut Solver<'_>) -> Rc<Conversions> {
    if let Some(conversions) = &solver.conversions {
        return conversions.clone();
    }
    let conversions = Rc::new(find(solver));
    solver.conversions.insert(conversions).clone()
}

fn find(solver: &Solver<'_>) -> Conversions {
    let mut found = Conversions::default();
    for class in &solver.program.classes {
        let converts = |path: &SmolStr| CONVERSIONS.iter().find(|(name, _)| name == path);
        let Some((_, method)) = class.library_bases.iter().find_map(converts) else {
            continue;
        };
        let Some(func) = class.methods.get(*method) else {
            continue;
        };
        match taken_type(solver, class) {
            Taken::Class(class) => found.of_class.entry(class).or_default().push(*func),
            Taken::Library(path) => {
                let path = solver.catalog.canonical(&path).into_owned();
                found.of_library.entry(path.into()).or_default().push(*func);
            }
            Taken::Anything | Taken::Unknown => {}
        }
    }
    found
}
