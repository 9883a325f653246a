//! The way of a run through the stages: the monolith's own function that asks
//! them one after the other, and what it asks.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;

use super::arguments::{self, Argument};
use super::layout::Layout;
use crate::graph::{ClassId, FuncId};
use crate::line::Analysis;
use crate::modules::FileId;
use crate::routes::RouteKind;
use crate::stages::Stage;
use crate::syntax::facts::{ScopeId, ScopeKind, Stmt, StmtKind};

/// Something of the monolith that is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Driver {
    pub(super) func: FuncId,
    pub(super) arguments: Vec<Argument>,
}

/// How a run goes.
#[derive(Clone, Debug, Default)]
pub(super) struct Way {
    /// The function that asks several stages; nothing where each stage has
    /// scripts of its own.
    pub(super) whole: Option<Driver>,
    /// What it asks, in order: where one stage ends and the next begins.
    pub(super) entries: Vec<(FuncId, Stage)>,
    /// What is started for a stage alone.
    pub(super) scripts: BTreeMap<Stage, Vec<Driver>>,
    /// What lies between: it runs again in each stage.
    pub(super) between: BTreeSet<FuncId>,
}

impl Way {
    /// The stages that a run passes, in order.
    pub(super) fn stages(&self) -> Vec<Stage> {
        let entries = self.entries.iter().map(|(_, stage)| *stage);
        let stages: BTreeSet<Stage> = entries.chain(self.scripts.keys().copied()).collect();
        stages.into_iter().collect()
    }
}

/// A function that asks this many stages is no stage's own: it is looked into.
const ASKS: usize = 3;

/// The way through `analysis`; empty where nothing but requests starts a stage.
pub(super) fn way(analysis: &Analysis, layout: &Layout) -> Way {
    let calls = Calls::of(analysis);
    let mut best: Option<(Rank, Way)> = None;
    for func in analysis.program.func_ids() {
        if !calls.can_drive(func) {
            continue;
        }
        let (entries, between) = calls.asked(func);
        let stages: BTreeSet<Stage> = entries.iter().map(|(_, stage)| *stage).collect();
        if stages.len() < 2 || between.iter().any(|func| calls.servers.contains(func)) {
            continue;
        }
        let arguments = arguments::of(analysis, layout, func);
        let rank = Rank {
            stages: stages.len(),
            known: usize::MAX - arguments.iter().filter(|one| one.is_open()).count(),
            is_function: calls.is_function(func),
            small: usize::MAX - layout.closure([calls.file(func)]).len(),
            near: usize::MAX - between.len(),
        };
        if best.as_ref().is_none_or(|(other, _)| rank > *other) {
            let whole = Some(Driver { func, arguments });
            let way = Way {
                whole,
                entries,
                between,
                scripts: BTreeMap::new(),
            };
            best = Some((rank, way));
        }
    }
    let way = best.map(|(_, way)| way).unwrap_or_default();
    let scripts = scripts(analysis, layout, &calls);
    match scripts.len() > way.stages().len() {
        true => Way {
            scripts,
            ..Way::default()
        },
        false => way,
    }
}

/// The better driver is greater: it asks more stages, needs less from outside,
/// imports less, and is nearer to what it asks.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    stages: usize,
    known: usize,
    is_function: bool,
    small: usize,
    near: usize,
}

struct Calls<'a> {
    analysis: &'a Analysis,
    /// Who is called, in the order of the lines.
    of: BTreeMap<FuncId, Vec<FuncId>>,
    /// Handlers of requests.
    handlers: FxHashSet<FuncId>,
    /// What starts a server, and so never ends.
    servers: FxHashSet<FuncId>,
}

/// What starts a server.
const SERVES: &[&str] = &[
    "Bottle.run",
    "Flask.run",
    "Quart.run",
    "Sanic.run",
    "gradio.Interface.launch",
    "hypercorn.asyncio.serve",
    "uvicorn.run",
    "waitress.serve",
];

impl<'a> Calls<'a> {
    fn of(analysis: &'a Analysis) -> Calls<'a> {
        let mut edges: Vec<_> = analysis.call_graph.seen_through.iter().collect();
        edges.sort_by_key(|edge| (edge.caller, edge.line, analysis.stages.stage(edge.callee)));
        let mut of: BTreeMap<FuncId, Vec<FuncId>> = BTreeMap::new();
        for edge in edges {
            of.entry(edge.caller).or_default().push(edge.callee);
        }
        let routes = analysis.routes.iter();
        let asked = routes.filter(|route| {
            matches!(
                route.kind,
                RouteKind::Http | RouteKind::WebSocket | RouteKind::Hook
            )
        });
        Calls {
            analysis,
            of,
            handlers: asked.map(|route| route.handler).collect(),
            servers: analysis
                .call_graph
                .library_calls
                .iter()
                .filter(|call| SERVES.iter().any(|serves| call.path.ends_with(serves)))
                .map(|call| call.caller)
                .collect(),
        }
    }

    fn file(&self, func: FuncId) -> FileId {
        self.analysis.program.function(func).file
    }

    fn is_module(&self, func: FuncId) -> bool {
        let function = self.analysis.program.function(func);
        let facts = self.analysis.modules.facts(function.file);
        facts.scope(function.scope).kind == ScopeKind::Module
    }

    /// It can be called from outside, by its name, and not only by a request.
    fn can_drive(&self, func: FuncId) -> bool {
        let function = self.analysis.program.function(func);
        let facts = self.analysis.modules.facts(function.file);
        let scope = facts.scope(function.scope);
        if !is_python(&facts.path) || scope.is_generator || self.handlers.contains(&func) {
            return false;
        }
        let parent = scope.parent.map(|parent| facts.scope(parent).kind);
        match (scope.kind, function.class) {
            (ScopeKind::Module, _) => true,
            (ScopeKind::Function, None) => parent == Some(ScopeKind::Module),
            (ScopeKind::Function, Some(class)) => {
                let is_method = scope.params.first().is_some_and(|it| it.name == "self");
                is_method && !scope.name.starts_with('_') && self.is_made_of_nothing(class)
            }
            _ => false,
        }
    }

    /// A class at the top of its file whose constructor needs no argument.
    fn is_made_of_nothing(&self, class: ClassId) -> bool {
        let program = &self.analysis.program;
        let at = program.class(class);
        let facts = self.analysis.modules.facts(at.file);
        let mut methods = at.mro.iter().map(|class| &program.class(*class).methods);
        let init = methods.find_map(|methods| methods.get("__init__"));
        let needs = init.is_some_and(|init| {
            let function = program.function(*init);
            let scope = self
                .analysis
                .modules
                .facts(function.file)
                .scope(function.scope);
            scope.params.iter().skip(1).any(arguments::is_needed)
        });
        let of = facts.scope(at.scope);
        let is_open = |stmt: &Stmt| matches!(stmt.kind, StmtKind::Declare { .. });
        let has_fields = init.is_none() && of.body.iter().any(is_open);
        of.parent == Some(ScopeId::MODULE) && !needs && !has_fields
    }

    /// A function by its name alone, which no object has to be made for.
    fn is_function(&self, func: FuncId) -> bool {
        !self.is_module(func) && self.analysis.program.function(func).class.is_none()
    }

    /// It has a name by which it is found before it runs.
    fn can_be_asked(&self, func: FuncId) -> bool {
        let function = self.analysis.program.function(func);
        let facts = self.analysis.modules.facts(function.file);
        let scope = facts.scope(function.scope);
        let is_plain = scope.kind == ScopeKind::Function
            && !scope.qualname.contains("<locals>")
            && !(scope.name.starts_with("__") && scope.name.ends_with("__"));
        is_plain && is_python(&facts.path)
    }

    /// What `driver` asks of stages, in order, and what lies between.
    fn asked(&self, driver: FuncId) -> (Vec<(FuncId, Stage)>, BTreeSet<FuncId>) {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        self.look(driver, driver, &mut seen, &mut found);
        let entries = in_order(&found);
        let asked: BTreeSet<FuncId> = found.iter().map(|(func, _)| *func).collect();
        let between = seen.difference(&asked).copied();
        (entries, between.chain([driver]).collect())
    }

    fn look(
        &self,
        func: FuncId,
        driver: FuncId,
        seen: &mut BTreeSet<FuncId>,
        found: &mut Vec<(FuncId, Stage)>,
    ) {
        for callee in self.of.get(&func).into_iter().flatten() {
            if *callee == driver || !seen.insert(*callee) {
                continue;
            }
            match self.stage(*callee) {
                Some(stage) => found.push((*callee, stage)),
                None => self.look(*callee, driver, seen, found),
            }
        }
    }

    /// The stage that a function does the work of: its own, or the only one
    /// that it asks.
    fn stage(&self, func: FuncId) -> Option<Stage> {
        let own = self.analysis.stages.stage(func);
        let asked = self.asks(func);
        if !self.can_be_asked(func) || asked.len() >= ASKS {
            return None;
        }
        match own.is_pipeline() {
            true => Some(own),
            false if asked.len() == 1 => asked.into_iter().next(),
            false => None,
        }
    }

    /// The stages that a function calls directly.
    fn asks(&self, func: FuncId) -> BTreeSet<Stage> {
        let callees = self.of.get(&func).into_iter().flatten();
        callees
            .filter(|callee| self.can_be_asked(**callee))
            .map(|callee| self.analysis.stages.stage(*callee))
            .filter(|stage| stage.is_pipeline())
            .collect()
    }
}

fn is_python(path: &str) -> bool {
    path.ends_with(".py")
}

/// The most of what is asked that goes from stage to stage in the order of
/// data. What is asked too early for its stage runs with what lies between.
fn in_order(found: &[(FuncId, Stage)]) -> Vec<(FuncId, Stage)> {
    // Of each end, the best that leads there: stages, then entries.
    let mut best: Vec<((usize, usize), Option<usize>)> = Vec::new();
    for (idx, (_, stage)) in found.iter().enumerate() {
        let mut own = ((1, 1), None);
        for before in 0..idx {
            let (stages, entries) = best[before].0;
            let earlier = found[before].1;
            if earlier <= *stage {
                let reached = (stages + usize::from(earlier < *stage), entries + 1);
                if reached > own.0 {
                    own = (reached, Some(before));
                }
            }
        }
        best.push(own);
    }
    let mut at = (0..best.len()).rev().max_by_key(|idx| best[*idx].0);
    let mut entries = Vec::new();
    while let Some(idx) = at {
        entries.push(found[idx]);
        at = best[idx].1;
    }
    entries.reverse();
    entries
}

/// Scripts, commands and jobs that belong to one stage, by file and line.
fn scripts(
    analysis: &Analysis,
    layout: &Layout,
    calls: &Calls<'_>,
) -> BTreeMap<Stage, Vec<Driver>> {
    let mut found: BTreeMap<Stage, Vec<Driver>> = BTreeMap::new();
    for route in &analysis.routes {
        let stage = script_stage(analysis, calls, route.handler);
        let (_, between) = calls.asked(route.handler);
        let ends = !between.iter().any(|func| calls.servers.contains(func));
        let starts = ends && matches!(route.kind, RouteKind::Script | RouteKind::Step);
        let (Some(stage), true, true) = (stage, starts, calls.can_drive(route.handler)) else {
            continue;
        };
        let of = found.entry(stage).or_default();
        if of.iter().any(|driver| driver.func == route.handler) {
            continue;
        }
        of.push(Driver {
            func: route.handler,
            arguments: arguments::of(analysis, layout, route.handler),
        });
    }
    found
}

/// The stage of what a script's main block does: its own, or the one that most
/// of what it asks belongs to.
fn script_stage(analysis: &Analysis, calls: &Calls<'_>, func: FuncId) -> Option<Stage> {
    let own = analysis.stages.stage(func);
    if own.is_pipeline() {
        return Some(own);
    }
    let mut asked: BTreeMap<Stage, usize> = BTreeMap::new();
    for (_, stage) in calls.asked(func).0 {
        *asked.entry(stage).or_default() += 1;
    }
    let most = asked.into_iter().max_by_key(|(stage, n)| (*n, *stage));
    most.map(|(stage, _)| stage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_too_early_is_left_out() {
        let entry = |number: u32, stage| (FuncId(number), stage);
        let (i, p, t, m) = (
            Stage::Ingestion,
            Stage::Preprocessing,
            Stage::Training,
            Stage::Monitoring,
        );
        let found = [
            entry(0, m),
            entry(1, i),
            entry(2, p),
            entry(3, p),
            entry(4, t),
        ];
        assert_eq!(in_order(&found), found[1..]);
        let found = [entry(0, t), entry(1, i), entry(2, p), entry(3, t)];
        assert_eq!(in_order(&found), found[1..]);
        assert_eq!(in_order(&[]), []);
    }
}
