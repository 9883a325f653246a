//! Kedro's data sets: a node reads and writes them by name, and the catalog
//! under `conf/` says which file a name is. One that stands in no catalog is
//! handed over in memory.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::{Access, Effects, Resource, ResourceAccess, ResourceKind, identity};
use crate::graph::data::{DataFlowGraph, Via, pairs};
use crate::graph::{CallGraph, ConfigDocs, FuncId, LibraryCall, Program};
use crate::modules::{FileId, ModuleSet};
use crate::syntax::FileFacts;
use crate::syntax::facts::{ArgKind, ExprId, ExprKind};

#[derive(Default)]
struct Dataset {
    writers: Vec<(FuncId, FileId, u32)>,
    readers: Vec<(FuncId, FileId, u32)>,
}

/// Adds what the nodes of Kedro's pipelines read and write.
pub fn add_datasets(
    modules: &ModuleSet,
    program: &Program,
    call_graph: &CallGraph,
    configs: &ConfigDocs,
    effects: &mut Effects,
    data_flow: &mut DataFlowGraph,
) {
    let mut datasets: BTreeMap<SmolStr, Dataset> = BTreeMap::new();
    for call in &call_graph.library_calls {
        let is_node =
            call.path.starts_with("kedro.") && call.path.to_lowercase().ends_with(".node");
        if !is_node {
            continue;
        }
        let facts = modules.facts(call.file);
        let Some(func) = argument(call, "func", 0) else {
            continue;
        };
        for func in call_graph.functions(call.file, func) {
            let function = program.function(func);
            let line = modules.facts(function.file).scope(function.scope).line;
            let place = (func, function.file, line);
            for name in argument(call, "inputs", 1)
                .map(|expr| names(facts, expr))
                .into_iter()
                .flatten()
            {
                datasets.entry(name).or_default().readers.push(place);
            }
            for name in argument(call, "outputs", 2)
                .map(|expr| names(facts, expr))
                .into_iter()
                .flatten()
            {
                datasets.entry(name).or_default().writers.push(place);
            }
        }
    }
    for (name, mut dataset) in datasets {
        for side in [&mut dataset.readers, &mut dataset.writers] {
            side.sort_unstable();
            side.dedup();
        }
        match configs.dataset_path(&name) {
            Some(path) => add_file(effects, &path, &dataset),
            None => pairs(
                &dataset.writers,
                &dataset.readers,
                Via::Argument,
                &name,
                &mut data_flow.flows,
            ),
        }
    }
    data_flow.tidy();
}

fn add_file(effects: &mut Effects, path: &str, dataset: &Dataset) {
    let path: SmolStr = path.replace("${", "{").into();
    let kind = identity::refine(ResourceKind::File, &path);
    let access = |does, side: &[(FuncId, FileId, u32)]| -> Vec<ResourceAccess> {
        let places = side.iter();
        places
            .map(|(function, file, line)| ResourceAccess {
                access: does,
                function: *function,
                file: *file,
                line: *line,
                expr: ExprId(0),
                behalf: Vec::new(),
            })
            .collect()
    };
    let mut accesses = access(Access::Write, &dataset.writers);
    accesses.extend(access(Access::Read, &dataset.readers));
    let key = |resource: &Resource| (resource.kind, resource.identity.clone());
    match effects
        .resources
        .binary_search_by_key(&(kind, path.clone()), key)
    {
        Ok(at) => effects.resources[at].accesses.extend(accesses),
        Err(at) => effects.resources.insert(
            at,
            Resource {
                kind,
                identity: path,
                accesses,
            },
        ),
    }
}

fn argument(call: &LibraryCall, name: &str, position: usize) -> Option<ExprId> {
    let named = call
        .args
        .iter()
        .find(|arg| arg.name.as_deref() == Some(name));
    let mut by_position = call
        .args
        .iter()
        .filter(|arg| arg.kind == ArgKind::Positional);
    named
        .or_else(|| by_position.nth(position))
        .map(|arg| arg.expr)
}

/// Names of data sets: a text, several, or a mapping's values; parameters
/// are none.
fn names(facts: &FileFacts, expr: ExprId) -> Vec<SmolStr> {
    match &facts.expr(expr).kind {
        ExprKind::Str(text) if text.starts_with("params:") || text == "parameters" => Vec::new(),
        ExprKind::Str(text) => vec![text.clone()],
        ExprKind::List(parts) | ExprKind::Tuple(parts) => {
            parts.iter().flat_map(|part| names(facts, *part)).collect()
        }
        ExprKind::Dict(entries) => entries
            .iter()
            .flat_map(|(_, value)| names(facts, *value))
            .collect(),
        _ => Vec::new(),
    }
}
