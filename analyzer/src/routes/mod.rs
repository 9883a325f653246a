//! Where the outside world enters: HTTP routes, commands, schedules, steps.

mod actix;
mod aiohttp;
mod apps;
mod axum;
mod bottle;
mod clap;
mod cli;
mod django;
mod falcon;
mod fastapi;
mod flask;
mod jobs;
mod litestar;
mod poem;
mod requests;
mod rocket;
mod scripts;
mod serving;
mod steps;
mod survey;
#[cfg(test)]
mod tests;
mod tokio;
mod tornado;
mod warp;

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::catalog::Catalog;
use crate::graph::data::Injected;
use crate::graph::{CallGraph, FuncId, Program};
use crate::modules::{FileId, ModuleSet};
pub use requests::requests;
use survey::Survey;

/// A framework, or a family of them. Its file holds its rules and tests.
trait Framework: Sync {
    /// Name of its file.
    #[cfg_attr(
        not(test),
        allow(dead_code, reason = "the test of the room compares it")
    )]
    fn name(&self) -> &'static str;
    /// Adds the ways in that the tree declares with it.
    fn routes(&self, survey: &Survey<'_>, found: &mut Vec<Route>);
}

/// Every framework, by name.
static ALL: &[&dyn Framework] = &[
    &actix::Actix,
    &aiohttp::Aiohttp,
    &apps::Apps,
    &axum::Axum,
    &bottle::Bottle,
    &clap::Clap,
    &cli::Cli,
    &django::Django,
    &falcon::Falcon,
    &fastapi::FastApi,
    &flask::Flask,
    &jobs::Jobs,
    &litestar::Litestar,
    &poem::Poem,
    &rocket::Rocket,
    &scripts::Scripts,
    &serving::Serving,
    &steps::Steps,
    &tokio::Tokio,
    &tornado::Tornado,
    &warp::Warp,
];

/// The ways into the program: by kind, path and method, each once.
pub fn routes(
    modules: &ModuleSet,
    program: &Program,
    catalog: &Catalog,
    call_graph: &CallGraph,
) -> Vec<Route> {
    let survey = Survey::new(modules, program, catalog, call_graph);
    let mut found = Vec::new();
    for framework in ALL {
        framework.routes(&survey, &mut found);
    }
    found.sort_by(|a, b| {
        let key = |route: &Route| (route.kind, route.path.clone(), route.method.clone());
        (key(a), a).cmp(&(key(b), b))
    });
    found.dedup();
    found
}

/// The functions that each route's handler reaches, itself included, sorted;
/// in the order of `routes`.
///
/// What counts is calls, the dependencies that FastAPI resolves before it
/// calls the handler, and the background tasks that belong to the request.
/// Threads and queued jobs are ways in of their own.
pub fn reach(
    modules: &ModuleSet,
    program: &Program,
    catalog: &Catalog,
    call_graph: &CallGraph,
    routes: &[Route],
) -> Vec<Vec<FuncId>> {
    let survey = Survey::new(modules, program, catalog, call_graph);
    let mut next = successors(call_graph);
    fastapi::add_tasks(call_graph, &mut next);
    let by_type = survey::extractors::injected(&survey);
    let injected = fastapi::injected(&survey);
    for (func, dependencies) in injected.iter().chain(&by_type) {
        next.entry(*func)
            .or_default()
            .extend(dependencies.iter().map(|(needed, _)| *needed));
    }
    let starts = routes.iter().map(|route| route.handler);
    starts.map(|start| closure(&next, start)).collect()
}

/// What a framework calls before a function, to fill its parameters, sorted.
pub fn injected(
    modules: &ModuleSet,
    program: &Program,
    catalog: &Catalog,
    call_graph: &CallGraph,
) -> Vec<Injected> {
    let survey = Survey::new(modules, program, catalog, call_graph);
    let by_type = survey::extractors::injected(&survey);
    let pairs = fastapi::injected(&survey).into_iter().chain(by_type);
    let mut pairs: Vec<_> = pairs
        .flat_map(|(function, needs)| {
            needs.into_iter().map(move |(dependency, param)| Injected {
                function,
                dependency,
                param,
            })
        })
        .collect();
    pairs.sort_unstable();
    pairs
}

type Successors = FxHashMap<FuncId, BTreeSet<FuncId>>;

fn successors(call_graph: &CallGraph) -> Successors {
    let mut next = Successors::default();
    for call in &call_graph.seen_through {
        next.entry(call.caller).or_default().insert(call.callee);
    }
    next
}

fn closure(next: &Successors, from: FuncId) -> Vec<FuncId> {
    let mut seen = BTreeSet::from([from]);
    let mut todo = vec![from];
    while let Some(func) = todo.pop() {
        for callee in next.get(&func).into_iter().flatten() {
            if seen.insert(*callee) {
                todo.push(*callee);
            }
        }
    }
    seen.into_iter().collect()
}

/// HTTP methods that handlers of a class are named after.
const HTTP_METHODS: [&str; 8] = [
    "get", "post", "put", "patch", "delete", "head", "options", "trace",
];

fn is_http_method(name: &str) -> bool {
    HTTP_METHODS.contains(&name)
}

/// The class's own answers, by upper-case method.
fn class_handlers(survey: &Survey<'_>, class: crate::graph::ClassId) -> BTreeMap<SmolStr, FuncId> {
    let methods = HTTP_METHODS.iter();
    methods
        .filter_map(|name| {
            let func = survey.method(class, name)?;
            Some((SmolStr::from(name.to_uppercase()), func))
        })
        .collect()
}

/// A way in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// What kind of way.
    pub kind: RouteKind,
    /// `GET`, `POST`, …; `ANY` where the framework takes all; empty for what
    /// is not HTTP.
    pub method: SmolStr,
    /// Path template with `{name}` for parameters; a command's or job's name.
    pub path: SmolStr,
    /// Who answers.
    pub handler: FuncId,
    /// Where it is declared: the file.
    pub file: FileId,
    /// The line.
    pub line: u32,
    /// The framework: `flask`, `fastapi`, `celery`, …
    pub framework: &'static str,
}

/// Kinds of [`Route`].
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum RouteKind {
    /// An HTTP route.
    Http,
    /// A WebSocket.
    WebSocket,
    /// A command of a command-line interface.
    Command,
    /// A scheduled or queued job, or a background thread.
    Job,
    /// A step of a pipeline framework.
    Step,
    /// A script's main block.
    Script,
    /// A hook of the framework: start-up, before each request.
    Hook,
}
