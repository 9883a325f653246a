//! Plain facts of a function: its form, and its place between the world and
//! the rest of the tree.

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::body::BodyFacts;
use super::{Fact, Family, Own};
use crate::catalog::Access;
use crate::effects::{EffectKind, Resource, ResourceKind};
use crate::graph::FuncId;
use crate::modules::FileId;
use crate::routes::RouteKind;
use crate::stages::Input;
use crate::syntax::FileFacts;
use crate::syntax::facts::{ExprId, ExprKind, ScopeKind};

/// A call whose catalog entry gives a stage this much says what it is for.
const TELLING: f64 = 0.7;

pub(super) fn gather(input: &Input<'_>, bodies: &[BodyFacts], owns: &mut [Own]) {
    let data_files = data_files(input);
    for func in input.program.func_ids() {
        let own = &mut owns[func.0 as usize];
        form(input, func, &bodies[func.0 as usize], own);
        let file = input.program.function(func).file;
        own.mark(Fact::FileDoesData, data_files.contains(&file));
        let work = own.strongest(Family::Library);
        own.set(Fact::LibraryWork, work);
        own.mark(Fact::NoLibraryWork, work == 0.0);
        let talk = own.strongest(Family::Called) + own.strongest(Family::Said);
        own.set(Fact::Talk, talk + own.strongest(Family::Literal));
        let named = own
            .strongest(Family::Name)
            .max(own.strongest(Family::Purpose));
        own.set(Fact::Named, named);
    }
    ways_in(input, owns);
    resources(input, owns);
    effects(input, owns);
    estimators(input, bodies, owns);
    idle_answers(input, owns);
    nothing_trains(input, owns);
}

/// No function of the tree trains a model: what prepares data there prepares
/// it for serving.
fn nothing_trains(input: &Input<'_>, owns: &mut [Own]) {
    let trains = |path: &str| {
        let entry = input.catalog.call(path);
        entry.is_some_and(|entry| entry.stages.get("training").is_some_and(|w| *w >= TELLING))
    };
    let mut calls = input.call_graph.library_calls.iter();
    let fits = |own: &Own| own.facts[Fact::Fits as usize] > 0.0;
    if !owns.iter().any(fits) && !calls.any(|call| trains(&call.path)) {
        for own in owns {
            own.mark(Fact::NothingTrains, true);
        }
    }
}

/// A handler that neither calls the tree nor does a pipeline's work: a page.
fn idle_answers(input: &Input<'_>, owns: &mut [Own]) {
    let calls = input.call_graph.seen_through.iter();
    let busy: FxHashSet<FuncId> = calls.map(|call| call.caller).collect();
    for func in input.program.func_ids() {
        let own = &mut owns[func.0 as usize];
        let has = |fact: Fact| own.facts[fact as usize] > 0.0;
        let answers = has(Fact::AnswersGet) || has(Fact::AnswersPost);
        let is_idle = own.strongest(Family::Library) < 0.5 && !busy.contains(&func);
        own.mark(Fact::IdleAnswer, answers && is_idle);
    }
}

fn form(input: &Input<'_>, func: FuncId, body: &BodyFacts, own: &mut Own) {
    let function = input.program.function(func);
    let facts = input.modules.facts(function.file);
    let scope = facts.scope(function.scope);
    own.set(Fact::Size, (1.0 + body.size as f64).ln());
    own.mark(Fact::IsModule, scope.kind == ScopeKind::Module);
    own.mark(Fact::IsMethod, function.class.is_some());
    let in_function = |parent| facts.scope(parent).kind == ScopeKind::Function;
    own.mark(Fact::IsNested, scope.parent.is_some_and(in_function));
    let makes = input.program.constructs(input.modules, func).is_some();
    own.mark(Fact::IsConstructor, makes);
    let is_protocol = input.program.is_protocol(input.modules, func);
    own.mark(Fact::IsProtocol, is_protocol && !makes);
    let decorators = scope.decorators.iter();
    let named = decorators.filter_map(|decorator| last_name(facts, *decorator));
    own.mark(Fact::IsFlow, named.into_iter().any(is_flow));
    own.mark(Fact::IsNotebook, facts.path.ends_with(".ipynb"));
    own.set(Fact::Params, (1.0 + scope.params.len() as f64).ln());
    own.mark(Fact::GivesBack, body.gives_back);
}

/// The name a decorator goes under: `pipeline` of `@dsl.pipeline(name="x")`.
fn last_name(facts: &FileFacts, decorator: ExprId) -> Option<&SmolStr> {
    match &facts.expr(decorator).kind {
        ExprKind::Name(name) | ExprKind::Attr { name, .. } => Some(name),
        ExprKind::Call { callee, .. } => match &facts.expr(*callee).kind {
            ExprKind::Name(name) | ExprKind::Attr { name, .. } => Some(name),
            _ => None,
        },
        _ => None,
    }
}

/// What pipeline frameworks call a function that puts steps together.
fn is_flow(name: &SmolStr) -> bool {
    matches!(
        name.as_str(),
        "pipeline" | "flow" | "dag" | "job" | "graph" | "workflow"
    )
}

/// Whether a call of that name is plainly a pipeline's work.
pub(crate) fn is_telling(input: &Input<'_>, path: &str) -> bool {
    let entry = input.catalog.call(path);
    entry.is_some_and(|entry| {
        let mut stages = entry.stages.iter();
        stages.any(|(stage, weight)| *weight >= TELLING && stage != "none" && stage != "shared")
    })
}

/// Files in which some call is plainly a pipeline's work.
fn data_files(input: &Input<'_>) -> FxHashSet<FileId> {
    let calls = input.call_graph.library_calls.iter();
    let telling = calls.filter(|call| is_telling(input, &call.path));
    telling.map(|call| call.file).collect()
}

fn ways_in(input: &Input<'_>, owns: &mut [Own]) {
    for route in input.routes {
        let own = &mut owns[route.handler.0 as usize];
        match route.kind {
            RouteKind::Http | RouteKind::WebSocket if route.method == "GET" => {
                own.mark(Fact::AnswersGet, true);
            }
            RouteKind::Http | RouteKind::WebSocket => own.mark(Fact::AnswersPost, true),
            RouteKind::Step | RouteKind::Job => own.mark(Fact::IsStep, true),
            RouteKind::Command => own.mark(Fact::IsCommand, true),
            RouteKind::Script | RouteKind::Hook => {}
        }
    }
}

/// Whether what is read was made here, and whether what is written is read
/// here: raw data against intermediate results.
fn resources(input: &Input<'_>, owns: &mut [Own]) {
    for resource in &input.effects.resources {
        let readers = actors(resource, |access| access == Access::Read);
        let writers = actors(resource, |access| {
            matches!(access, Access::Write | Access::Append)
        });
        let identified = resource.is_identified();
        let with_others = |own: &FuncId, others: &FxHashSet<FuncId>| {
            identified && others.iter().any(|other| other != own)
        };
        for reader in &readers {
            let own = &mut owns[reader.0 as usize];
            let fact = match resource.kind {
                ResourceKind::File | ResourceKind::Blob if with_others(reader, &writers) => {
                    Fact::ReadsIntermediate
                }
                ResourceKind::File | ResourceKind::Blob => Fact::ReadsOutside,
                ResourceKind::Table | ResourceKind::Queue | ResourceKind::Cache => Fact::ReadsStore,
                ResourceKind::Model => Fact::ReadsModel,
                ResourceKind::Environment | ResourceKind::Secret => Fact::ReadsEnvironment,
                ResourceKind::Global | ResourceKind::Tracking => continue,
            };
            own.mark(fact, true);
        }
        for writer in &writers {
            let own = &mut owns[writer.0 as usize];
            let fact = match resource.kind {
                ResourceKind::File | ResourceKind::Blob if with_others(writer, &readers) => {
                    Fact::WritesForOthers
                }
                ResourceKind::File | ResourceKind::Blob => Fact::WritesForNone,
                ResourceKind::Table | ResourceKind::Queue | ResourceKind::Cache => {
                    Fact::WritesStore
                }
                ResourceKind::Model => Fact::WritesModel,
                _ => continue,
            };
            own.mark(fact, true);
        }
    }
}

fn actors(resource: &Resource, is_such: impl Fn(Access) -> bool) -> FxHashSet<FuncId> {
    let accesses = resource.accesses.iter();
    let such = accesses.filter(|access| is_such(access.access));
    such.flat_map(|access| access.actors()).collect()
}

fn effects(input: &Input<'_>, owns: &mut [Own]) {
    for effect in &input.effects.effects {
        let own = &mut owns[effect.function.0 as usize];
        match effect.kind {
            EffectKind::Network => own.mark(Fact::UsesNetwork, true),
            EffectKind::Process => own.mark(Fact::StartsProcess, true),
            // A log line says nothing of a stage, nor do time and chance.
            EffectKind::Log | EffectKind::Clock | EffectKind::Randomness | EffectKind::Thread => {}
        }
    }
}

/// Whether an estimator is fitted, asked or measured here, known by type or
/// by the name of the method.
fn estimators(input: &Input<'_>, bodies: &[BodyFacts], owns: &mut [Own]) {
    for call in &input.call_graph.library_calls {
        let entry = input.catalog.call(&call.path);
        let measures = entry.is_some_and(|entry| {
            let weight = entry.stages.get("evaluation");
            weight.is_some_and(|weight| *weight >= TELLING)
        });
        owns[call.caller.0 as usize].mark(Fact::Measures, measures);
    }
    for (own, body) in owns.iter_mut().zip(bodies) {
        for (name, ..) in &body.methods {
            match name.as_str() {
                "fit" | "fit_transform" | "partial_fit" | "fit_generator" | "backward" => {
                    own.mark(Fact::Fits, true);
                }
                "predict" | "predict_proba" | "predict_batch" | "predict_on_batch" => {
                    own.mark(Fact::Predicts, true);
                }
                "transform" | "inverse_transform" => own.mark(Fact::Transforms, true),
                _ => {}
            }
        }
        let has = |fact: Fact| own.facts[fact as usize] > 0.0;
        let only = has(Fact::Predicts) && !has(Fact::Fits) && !has(Fact::Measures);
        own.mark(Fact::PredictsOnly, only);
    }
}
