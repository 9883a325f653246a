//! Data that passes through what functions touch: whoever writes a file, a
//! table or a queue hands it to whoever reads it.

use std::collections::BTreeSet;

use smol_str::SmolStr;

use super::{Access, Effects, Resource, ResourceAccess, ResourceKind, alike};
use crate::graph::FuncId;
use crate::graph::data::{DataFlowGraph, Via, pairs};
use crate::modules::FileId;

/// Adds the flows through files, tables and queues: from every function that
/// writes one to every function that reads it.
pub fn add_flows(effects: &Effects, data_flow: &mut DataFlowGraph) {
    for resource in &effects.resources {
        let via = match resource.kind {
            ResourceKind::File | ResourceKind::Model | ResourceKind::Blob => Via::File,
            ResourceKind::Table => Via::Table,
            ResourceKind::Queue => Via::Queue,
            ResourceKind::Environment => Via::Environment,
            _ => continue,
        };
        if !resource.is_identified() {
            continue;
        }
        let side = |wanted: &[Access]| -> Vec<(FuncId, FileId, u32)> {
            let accesses = resource.accesses.iter();
            accesses
                .filter(|access| wanted.contains(&access.access))
                .flat_map(ResourceAccess::places)
                .collect()
        };
        let writers = side(&[Access::Write, Access::Append]);
        let readers = side(&[Access::Read]);
        pairs(
            &writers,
            &readers,
            via,
            &resource.identity,
            &mut data_flow.flows,
        );
    }
    through_open_paths(effects, data_flow);
    // What goes through a queue does not go through the global that holds it
    // as well.
    let queued: BTreeSet<(FuncId, FuncId, SmolStr)> = data_flow
        .flows
        .iter()
        .filter(|flow| flow.via == Via::Queue)
        .filter_map(|flow| {
            let (_, name) = flow.name.rsplit_once(':')?;
            Some((flow.from, flow.to, name.into()))
        })
        .collect();
    data_flow.flows.retain(|flow| {
        let key = (flow.from, flow.to, flow.name.clone());
        flow.via != Via::Global || !queued.contains(&key)
    });
    data_flow.tidy();
}

/// Flows through files whose paths are not wholly known: a path that is only
/// read is one that may be the same, when only one function writes such.
fn through_open_paths(effects: &Effects, data_flow: &mut DataFlowGraph) {
    let files: Vec<&Resource> = effects
        .resources
        .iter()
        .filter(|resource| {
            let is_file = matches!(
                resource.kind,
                ResourceKind::File | ResourceKind::Model | ResourceKind::Blob
            );
            is_file && resource.is_identified()
        })
        .collect();
    let places = |resource: &Resource, reads: bool| -> Vec<(FuncId, FileId, u32)> {
        let accesses = resource.accesses.iter();
        accesses
            .filter(|access| match reads {
                true => access.access == Access::Read,
                false => matches!(access.access, Access::Write | Access::Append),
            })
            .flat_map(ResourceAccess::places)
            .collect()
    };
    for read in &files {
        let readers = places(read, true);
        if readers.is_empty() || !places(read, false).is_empty() {
            continue;
        }
        let writers: Vec<(FuncId, FileId, u32)> = files
            .iter()
            .filter(|other| {
                other.kind == read.kind && alike::may_be_same(&other.identity, &read.identity)
            })
            .flat_map(|other| places(other, false))
            .collect();
        let functions: BTreeSet<FuncId> = writers.iter().map(|(writer, ..)| *writer).collect();
        if functions.len() == 1 {
            pairs(
                &writers,
                &readers,
                Via::File,
                &read.identity,
                &mut data_flow.flows,
            );
        }
    }
}
