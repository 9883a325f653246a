//! What a language lets one do with any value: unwrap it, lock it, clone it.
//!
//! The methods are the catalog's (`core.any`); a type's own method of the same
//! name wins. No call is recorded: only what they pass on matters.

use super::bind::{self, argument};
use super::solve::{At, EMPTY, Node, SiteArg, Solver};
use super::values::{Sym, Value, ValueId};
use super::{classes, conversions, library, sequences};
use crate::catalog::Catalog;

/// `path` is the type that every value of the class's language has.
pub(super) fn is_of(solver: &Solver<'_>, receiver: ValueId, path: &str) -> bool {
    match *solver.get(receiver) {
        Value::Instance(class) | Value::Class(class) => {
            solver.program.class(class).root == Some(path)
        }
        _ => false,
    }
}

/// A method that every value of a language has, where the value's own type
/// has none of that name; false if there is no such method.
pub(super) fn load(solver: &mut Solver<'_>, value: ValueId, name: Sym, dst: Node, at: At) -> bool {
    let Some(root) = solver.modules.facts(at.file).rules.root else {
        return false;
    };
    let name = solver.symbols.text(name).clone();
    let own = match *solver.get(value) {
        Value::Object(path, _) => Some(path),
        // A path's last name is a type or a module: what follows is its own.
        Value::External(path) => {
            let path_text = solver.text(path);
            let last = path_text.rsplit('.').next().unwrap_or(path_text);
            if last.starts_with(char::is_uppercase) || !path_text.contains('.') {
                return false;
            }
            Some(path)
        }
        _ => None,
    };
    if let Some(path) = own {
        let member = format!("{}.{name}", solver.text(path));
        if solver.catalog.knows_call(&member) {
            return false;
        }
    }
    let is_text = matches!(solver.get(value), Value::Text(_));
    method(solver, value, root, &name, dst)
        || (is_text && method(solver, value, ROOT_OF_TEXTS, &name, dst))
}

/// `name` is a method of every value, or of every collection, where a language
/// has the root type `root`: it tells nothing of what it is called on.
pub(crate) fn is_idiom(catalog: &Catalog, root: Option<&str>, name: &str) -> bool {
    let Some(root) = root else {
        return false;
    };
    let mut of_all = [root, ROOT_OF_TEXTS].into_iter();
    sequences::knows(name) || of_all.any(|of| catalog.call(&format!("{of}.{name}")).is_some())
}

/// What texts have besides, where a language's paths are texts.
const ROOT_OF_TEXTS: &str = "core.text";

pub(super) fn method(
    solver: &mut Solver<'_>,
    value: ValueId,
    root: &str,
    name: &str,
    dst: Node,
) -> bool {
    let path = format!("{root}.{name}");
    if solver.catalog.call(&path).is_none() {
        return false;
    }
    let sym = solver.symbols.intern(&path);
    solver.put(dst, Value::Inherited(sym, value));
    true
}

/// `path` is a method that every value of the language at `at` has.
pub(super) fn has(solver: &Solver<'_>, at: At, path: &str) -> bool {
    let root = solver.modules.facts(at.file).rules.root;
    let of = path.rsplit_once('.').map(|(of, _)| of);
    root.is_some() && (of == root || of == Some(ROOT_OF_TEXTS))
}

/// Calls a method that every value has: only what it passes on matters.
pub(super) fn call(
    solver: &mut Solver<'_>,
    path: &str,
    receiver: ValueId,
    at: At,
    args: &[SiteArg],
    result: Node,
) {
    let Some(entry) = solver.catalog.call(path).cloned() else {
        return;
    };
    if entry.converts && conversions::convert(solver, receiver, at, result) {
        return;
    }
    // What stands there when a variable is not set is a guess at best.
    let is_set = match solver.get(receiver) {
        Value::Text(text) => !solver.text(*text).contains('{'),
        _ => true,
    };
    let called = match entry.returns.as_deref() {
        Some("self or callback") if !is_set => EMPTY,
        Some("callback" | "self or callback") => result,
        _ => EMPTY,
    };
    for function in &entry.calls {
        let function = library::argument_of(solver, args, function);
        let passed = solver.fresh();
        solver.add(passed, receiver);
        library::hand_over(solver, function, at, &[passed], called);
    }
    match entry.returns.as_deref() {
        Some("self" | "self or callback") => match *solver.get(receiver) {
            Value::Class(class) => {
                solver.put(result, Value::Instance(class));
            }
            _ => solver.add(result, receiver),
        },
        Some("callback") | None => {}
        Some(returns) => library::give(solver, returns, Some(receiver), args, result),
    }
    if let Value::Instance(class) = *solver.get(receiver) {
        for name in &entry.invokes {
            if let Some(func) = classes::method(solver, class, name) {
                let inst = classes::method_instance(solver, func);
                bind::invoke(solver, inst, Some(receiver), at, &[], EMPTY);
            }
        }
    }
    for alternative in entry.alternatives.iter().filter(|_| is_set) {
        let node = argument(solver, args, Some(*alternative as usize), None);
        solver.edge(node, result);
    }
}
