//! Who calls whom, as far as it matters for the way of a run.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;

use super::arguments;
use super::way::in_order;
use crate::graph::{CallEdge, ClassId, FuncId};
use crate::line::Analysis;
use crate::modules::FileId;
use crate::routes::RouteKind;
use crate::stages::Stage;
use crate::syntax::facts::{ScopeId, ScopeKind, Stmt, StmtKind};

/// A function that asks this many stages is no stage's own: it is looked into.
const ASKS: usize = 3;

/// Calls between functions, looking through wrappers.
pub(super) struct Calls<'a> {
    analysis: &'a Analysis,
    /// Who is called, in the order of the lines.
    of: BTreeMap<FuncId, Vec<FuncId>>,
    /// Handlers of requests.
    handlers: FxHashSet<FuncId>,
    /// What starts a server, and so never ends.
    pub(super) servers: FxHashSet<FuncId>,
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
    pub(super) fn of(analysis: &'a Analysis) -> Calls<'a> {
        let mut edges: Vec<_> = analysis.call_graph.seen_through.iter().collect();
        edges.sort_by_key(|edge| (edge.caller, edge.line));
        let routes = analysis.routes.iter();
        let asked = routes.filter(|route| {
            matches!(
                route.kind,
                RouteKind::Http | RouteKind::WebSocket | RouteKind::Hook
            )
        });
        let mut calls = Calls {
            analysis,
            of: by_caller(&edges),
            handlers: asked.map(|route| route.handler).collect(),
            servers: analysis
                .call_graph
                .library_calls
                .iter()
                .filter(|call| SERVES.iter().any(|serves| call.path.ends_with(serves)))
                .map(|call| call.caller)
                .collect(),
        };
        // One line may ask for many, such as for each of a list: in the order of
        // the stages that they do the work of, which need not be their own.
        edges.sort_by_cached_key(|edge| {
            let own = analysis.stages.stage(edge.callee);
            let does = calls.stage(edge.callee).unwrap_or(own);
            (edge.caller, edge.line, does)
        });
        calls.of = by_caller(&edges);
        calls
    }

    pub(super) fn file(&self, func: FuncId) -> FileId {
        self.analysis.program.function(func).file
    }

    fn is_module(&self, func: FuncId) -> bool {
        let function = self.analysis.program.function(func);
        let facts = self.analysis.modules.facts(function.file);
        facts.scope(function.scope).kind == ScopeKind::Module
    }

    /// It can be called from outside, by its name, and not only by a request.
    pub(super) fn can_drive(&self, func: FuncId) -> bool {
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
    pub(super) fn is_function(&self, func: FuncId) -> bool {
        !self.is_module(func) && self.analysis.program.function(func).class.is_none()
    }

    /// It has a name by which it is found before it runs.
    pub(super) fn can_be_asked(&self, func: FuncId) -> bool {
        let function = self.analysis.program.function(func);
        let facts = self.analysis.modules.facts(function.file);
        let scope = facts.scope(function.scope);
        let is_plain = scope.kind == ScopeKind::Function
            && !scope.qualname.contains("<locals>")
            && !(scope.name.starts_with("__") && scope.name.ends_with("__"));
        // What a generator gives lies in no archive: it is asked bit by bit.
        is_plain && !scope.is_generator && is_python(&facts.path)
    }

    /// What `driver` asks of stages, in order, and what lies between.
    pub(super) fn asked(&self, driver: FuncId) -> (Vec<(FuncId, Stage)>, BTreeSet<FuncId>) {
        let (passed, found) = self.passed(driver);
        let asked: BTreeSet<FuncId> = found.iter().map(|(func, _)| *func).collect();
        let between = passed.into_iter().filter(|func| !asked.contains(func));
        (in_order(&found), between.chain([driver]).collect())
    }

    /// All that a run comes to, in order, and which of it is asked of a stage.
    pub(super) fn passed(&self, driver: FuncId) -> (Vec<FuncId>, Vec<(FuncId, Stage)>) {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let mut passed = Vec::new();
        self.look(driver, driver, &mut seen, &mut passed, &mut found);
        (passed, found)
    }

    /// What a function comes to, itself included.
    pub(super) fn reached(&self, func: FuncId) -> BTreeSet<FuncId> {
        let mut reached = BTreeSet::new();
        let mut todo = vec![func];
        while let Some(func) = todo.pop() {
            if reached.insert(func) {
                todo.extend(self.of.get(&func).into_iter().flatten());
            }
        }
        reached
    }

    fn look(
        &self,
        func: FuncId,
        driver: FuncId,
        seen: &mut BTreeSet<FuncId>,
        passed: &mut Vec<FuncId>,
        found: &mut Vec<(FuncId, Stage)>,
    ) {
        for callee in self.of.get(&func).into_iter().flatten() {
            if *callee == driver || !seen.insert(*callee) {
                continue;
            }
            passed.push(*callee);
            match self.stage(*callee) {
                Some(stage) => found.push((*callee, stage)),
                None => self.look(*callee, driver, seen, passed, found),
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

fn by_caller(edges: &[&CallEdge]) -> BTreeMap<FuncId, Vec<FuncId>> {
    let mut of: BTreeMap<FuncId, Vec<FuncId>> = BTreeMap::new();
    for edge in edges {
        of.entry(edge.caller).or_default().push(edge.callee);
    }
    of
}

fn is_python(path: &str) -> bool {
    path.ends_with(".py")
}
