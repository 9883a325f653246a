//! The call graph in the form of the field's benchmark (Salis et al., "PyCG:
//! Practical Call Graph Generation in Python", ICSE 2021): for each function
//! by dotted path, the dotted paths it calls.

use std::collections::{BTreeMap, BTreeSet};

use super::call::{CallGraph, dotted_name};
use super::program::Program;
use crate::modules::ModuleSet;

/// The edges by caller; every function is a key, also one that calls nothing.
pub fn edges(
    modules: &ModuleSet,
    program: &Program,
    call_graph: &CallGraph,
) -> BTreeMap<String, BTreeSet<String>> {
    let names: Vec<String> = program
        .func_ids()
        .map(|func| dotted_name(modules, program, func))
        .collect();
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for name in &names {
        edges.entry(name.clone()).or_default();
    }
    for call in &call_graph.calls {
        let callee = names[call.callee.0 as usize].clone();
        edges
            .entry(names[call.caller.0 as usize].clone())
            .or_default()
            .insert(callee);
    }
    for call in &call_graph.library_calls {
        let Some(callee) = external(&call.path) else {
            continue;
        };
        edges
            .entry(names[call.caller.0 as usize].clone())
            .or_default()
            .insert(callee);
    }
    edges
}

/// How the benchmark writes builtins and methods of literals.
fn external(path: &str) -> Option<String> {
    // What syntax calls in a library (`os.environ[…]`) the benchmark leaves out.
    let implicit = path
        .rsplit('.')
        .next()
        .is_some_and(|name| name.starts_with("__"));
    if path.ends_with("()") || implicit {
        return None;
    }
    let Some(builtin) = path.strip_prefix("builtins.") else {
        return Some(path.to_owned());
    };
    let literal = match builtin.split_once('.') {
        Some(("str", method)) => Some(("Str", method)),
        Some(("list", method)) => Some(("List", method)),
        Some(("dict", method)) => Some(("Dict", method)),
        Some(("set", method)) => Some(("Set", method)),
        Some(("tuple", method)) => Some(("Tuple", method)),
        _ => None,
    };
    Some(match literal {
        Some((kind, method)) => format!("<**Py{kind}**>.{method}"),
        None => format!("<builtin>.{builtin}"),
    })
}
