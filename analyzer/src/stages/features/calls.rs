//! What a function calls and touches, and where the world enters it.

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::{SmolStr, format_smolstr};

use super::body::BodyFacts;
use super::{Family, Own};
use crate::catalog::Access;
use crate::effects::ResourceKind;
use crate::graph::{Certainty, FuncId};
use crate::routes::RouteKind;
use crate::stages::lexicon::heard;
use crate::stages::{Input, Stage};

pub(super) fn gather(input: &Input<'_>, bodies: &[BodyFacts], owns: &mut [Own]) {
    libraries(input, owns);
    interfaces(input, owns);
    methods(input, bodies, owns);
    routes(input, owns);
    resources(input, owns);
}

fn libraries(input: &Input<'_>, owns: &mut [Own]) {
    let mut seen: FxHashSet<(FuncId, SmolStr)> = FxHashSet::default();
    for call in &input.call_graph.library_calls {
        if !seen.insert((call.caller, call.path.clone())) {
            continue;
        }
        let entry = input.catalog.call(&call.path);
        let stages = match entry {
            Some(entry) => Some(&entry.stages),
            None => input
                .catalog
                .library(&call.path)
                .map(|library| &library.stages),
        };
        let sure = match call.certainty {
            Certainty::Guessed => 0.6,
            _ => 1.0,
        };
        for (stage, weight) in stages.into_iter().flatten() {
            let Some(stage) = Stage::from_name(stage) else {
                continue;
            };
            let reason = format_smolstr!("calls {}", call.path);
            let own = &mut owns[call.caller.0 as usize];
            own.add(Family::Library, stage, weight * sure, reason, call.line);
        }
    }
}

/// Methods that a library asks for and calls: `training_step` of a
/// `LightningModule`, `batch` of a `Batcher`.
fn interfaces(input: &Input<'_>, owns: &mut [Own]) {
    for func in input.program.func_ids() {
        let function = input.program.function(func);
        let Some(class) = function.class else {
            continue;
        };
        let scope = input.modules.facts(function.file).scope(function.scope);
        let bases = input.program.library_bases(class).into_iter();
        let paths = bases.map(|base| format_smolstr!("{base}.{}", scope.name));
        let known = paths.filter(|path| input.catalog.knows_call(path));
        let Some((path, entry)) = known
            .filter_map(|path| Some((path.clone(), input.catalog.call(&path)?)))
            .find(|(_, entry)| !entry.stages.is_empty())
        else {
            continue;
        };
        for (stage, weight) in &entry.stages {
            let Some(stage) = Stage::from_name(stage) else {
                continue;
            };
            let reason = format_smolstr!("is what {path} asks for");
            let own = &mut owns[func.0 as usize];
            own.add(Family::Library, stage, *weight, reason, scope.line);
        }
    }
}

/// Methods called on receivers that nothing types: what libraries' types have
/// such a method, and what would that say?
fn methods(input: &Input<'_>, bodies: &[BodyFacts], owns: &mut [Own]) {
    for func in input.program.func_ids() {
        let file = input.program.function(func).file;
        let mut seen = FxHashSet::default();
        for (name, line, expr) in &bodies[func.0 as usize].methods {
            let known = input.call_graph.calls_at(file, *expr).next().is_some()
                || input
                    .call_graph
                    .library_calls_at(file, *expr)
                    .next()
                    .is_some();
            if known || !seen.insert(name.clone()) {
                continue;
            }
            for (stage, weight) in method_hints(input, name) {
                let reason = format_smolstr!("calls .{name}() on something untyped");
                owns[func.0 as usize].add(Family::Method, stage, weight, reason, *line);
            }
        }
    }
}

fn method_hints(input: &Input<'_>, name: &str) -> Vec<(Stage, f64)> {
    let types = input.catalog.types_with_method(name);
    let mut sums: FxHashMap<Stage, f64> = FxHashMap::default();
    for ty in types {
        let entry = input.catalog.call(&format!("{ty}.{name}"));
        for (stage, weight) in entry.into_iter().flat_map(|entry| &entry.stages) {
            if let Some(stage) = Stage::from_name(stage) {
                *sums.entry(stage).or_default() += weight;
            }
        }
    }
    let mut hints: Vec<(Stage, f64)> = sums
        .into_iter()
        .map(|(stage, sum)| (stage, sum / types.len() as f64))
        .filter(|(_, mean)| *mean > 0.15)
        .collect();
    hints.sort_by_key(|(stage, _)| *stage);
    hints
}

fn routes(input: &Input<'_>, owns: &mut [Own]) {
    for route in input.routes {
        if matches!(route.kind, RouteKind::Script | RouteKind::Hook) {
            continue;
        }
        let own = &mut owns[route.handler.0 as usize];
        let how = format_smolstr!("answers {} {} as", route.method, route.path);
        let mut seen = FxHashSet::default();
        for (said, hints) in heard(&route.path) {
            if !seen.insert(said) {
                continue;
            }
            for (stage, weight) in hints {
                own.add(Family::Route, stage, weight, how.clone(), route.line);
            }
        }
    }
}

fn resources(input: &Input<'_>, owns: &mut [Own]) {
    for resource in &input.effects.resources {
        for access in &resource.accesses {
            let hint = match (resource.kind, access.access) {
                (ResourceKind::Model, Access::Read) => Some((Stage::Inference, 0.6)),
                (ResourceKind::Model, Access::Write) => Some((Stage::Training, 0.8)),
                _ => None,
            };
            for actor in access.actors() {
                let own = &mut owns[actor.0 as usize];
                if let Some((stage, weight)) = hint {
                    let reason = format_smolstr!("touches the model {}", resource.identity);
                    own.add(Family::Resource, stage, weight, reason, access.line);
                }
                if !resource.is_identified() || resource.kind == ResourceKind::Global {
                    continue;
                }
                for (_, hints) in heard(&resource.identity) {
                    for (stage, weight) in hints {
                        let reason = format_smolstr!("touches {}", resource.identity);
                        own.add(Family::Resource, stage, weight * 0.6, reason, access.line);
                    }
                }
            }
        }
    }
}
