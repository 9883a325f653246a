//! Calls that leave the language, or the process, and stay in the tree.

use super::call::{CallEdge, CallGraph};
use super::program::Program;
use super::{natives, processes};
use crate::catalog::Catalog;
use crate::modules::ModuleSet;

/// The calls of what the tree's own crates give to another language, and of
/// its own programs. Nothing but names leads over: each is inferred.
pub fn bridges(
    modules: &ModuleSet,
    program: &Program,
    catalog: &Catalog,
    call_graph: &CallGraph,
) -> Vec<CallEdge> {
    let mut found = natives::calls(modules, program, call_graph);
    found.extend(processes::calls(modules, program, catalog, call_graph));
    let known = |edge: &CallEdge| {
        let mut here = call_graph.seen_through_at(edge.caller, edge.file, edge.expr);
        here.any(|call| call.callee == edge.callee)
    };
    found.retain(|edge| edge.caller != edge.callee && !known(edge));
    let place = |edge: &CallEdge| (edge.caller, edge.file, edge.expr, edge.callee);
    found.sort_by_key(place);
    found.dedup_by_key(|edge| place(edge));
    found
}
