//! On which thread a call runs: one that asynchronous code shares, or one that
//! may wait.

use std::collections::hash_map::Entry;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::Context;
use super::super::support::places::{AllPlaces, Places, Role};
use crate::catalog::{Blocks, Matter};
use crate::graph::{CallEdge, Certainty, FuncId, LibraryCall};
use crate::modules::FileId;
use crate::syntax::facts::{ExprId, ExprKind, ScopeId, ScopeKind};

/// A call that holds the thread of an asynchronous function.
pub(super) struct Hit<'c> {
    /// The asynchronous function, or the one that its block stands in.
    pub(super) function: FuncId,
    pub(super) kind: Blocks,
    /// Where the function makes the call, or goes on the way to it.
    pub(super) file: FileId,
    pub(super) line: u32,
    /// The plain functions on the way to the call.
    pub(super) way: Vec<FuncId>,
    pub(super) call: &'c LibraryCall,
}

/// What runs a call.
enum Runs {
    /// Asynchronous code of this function.
    Async(FuncId),
    /// This function, on the thread of its caller.
    Plain(FuncId),
    /// A thread that may wait, or nothing that is known.
    Aside,
}

/// A plain function's way to a blocking call.
#[derive(Clone, Copy)]
struct Step<'c> {
    next: Option<FuncId>,
    call: &'c LibraryCall,
}

/// Ways with more functions than this are not told.
const MAX_WAY: usize = 12;

/// Ask whether something is there, which is done at once.
const PROBES: &[&str] = &[
    "exists",
    "try_exists",
    "is_file",
    "is_dir",
    "is_symlink",
    "isfile",
    "isdir",
    "stat",
    "getsize",
    "getmtime",
    "metadata",
    "symlink_metadata",
    "mkdir",
    "makedirs",
];

pub(super) struct Threads<'c> {
    ctx: &'c Context<'c>,
    places: AllPlaces<'c>,
    /// Decorators, annotations and defaults of parameters: a framework calls
    /// what they name.
    signatures: FxHashSet<(FileId, ExprId)>,
    callers: FxHashMap<FuncId, Vec<&'c CallEdge>>,
}

impl<'c> Threads<'c> {
    pub(super) fn new(ctx: &'c Context<'c>) -> Threads<'c> {
        let mut signatures = FxHashSet::default();
        for (file, facts) in ctx.modules.iter() {
            for (_, scope) in facts.scopes() {
                let params = scope.params.iter();
                let params = params.flat_map(|param| [param.default, param.annotation]);
                let exprs = params.flatten().chain(scope.decorators.iter().copied());
                signatures.extend(exprs.map(|expr| (file, expr)));
            }
        }
        let mut callers: FxHashMap<FuncId, Vec<&CallEdge>> = FxHashMap::default();
        let graph = ctx.call_graph;
        for edge in graph.calls.iter().chain(&graph.seen_through) {
            if edge.certainty != Certainty::Guessed && edge.caller != edge.callee {
                callers.entry(edge.callee).or_default().push(edge);
            }
        }
        Threads {
            ctx,
            places: AllPlaces::new(ctx.modules),
            signatures,
            callers,
        }
    }

    /// Every call that holds a thread of asynchronous code.
    pub(super) fn hits(&self) -> Vec<Hit<'c>> {
        let mut hits = Vec::new();
        let mut plain: FxHashMap<Blocks, Vec<(FuncId, Step<'c>)>> = FxHashMap::default();
        for call in &self.ctx.call_graph.library_calls {
            let Some(kind) = self.holds(call) else {
                continue;
            };
            match self.runs(call.file, call.expr) {
                Runs::Async(function) => hits.push(Hit {
                    function,
                    kind,
                    file: call.file,
                    line: call.line,
                    way: Vec::new(),
                    call,
                }),
                Runs::Plain(function) => {
                    let step = Step { next: None, call };
                    plain.entry(kind).or_default().push((function, step));
                }
                Runs::Aside => {}
            }
        }
        for (kind, starts) in plain {
            self.spread(kind, starts, &mut hits);
        }
        // A helper that is analysed per call site makes its calls once.
        let mut seen = FxHashSet::default();
        hits.retain(|hit| {
            let place = (hit.file, hit.line, hit.call.file, hit.call.expr);
            seen.insert((hit.function, hit.kind, place))
        });
        hits
    }

    /// Goes from the plain functions that block to those that call them, each
    /// by its shortest way.
    fn spread(&self, kind: Blocks, starts: Vec<(FuncId, Step<'c>)>, hits: &mut Vec<Hit<'c>>) {
        let mut steps: FxHashMap<FuncId, Step<'c>> = FxHashMap::default();
        let mut todo = Vec::new();
        for (function, step) in starts {
            if let Entry::Vacant(entry) = steps.entry(function) {
                entry.insert(step);
                todo.push(function);
            }
        }
        let mut at = 0;
        while let Some(function) = todo.get(at).copied() {
            at += 1;
            for edge in self.callers.get(&function).into_iter().flatten() {
                if !self.is_run_there(edge) {
                    continue;
                }
                match self.runs(edge.file, edge.expr) {
                    Runs::Async(outer) => {
                        let way = way(&steps, function);
                        let call = steps[&function].call;
                        hits.push(Hit {
                            function: outer,
                            kind,
                            file: edge.file,
                            line: edge.line,
                            way,
                            call,
                        });
                    }
                    Runs::Plain(outer) => {
                        let call = steps[&function].call;
                        let next = Some(function);
                        if let Entry::Vacant(entry) = steps.entry(outer) {
                            entry.insert(Step { next, call });
                            todo.push(outer);
                        }
                    }
                    Runs::Aside => {}
                }
            }
        }
    }

    /// What the thread of `call` stands still for.
    fn holds(&self, call: &LibraryCall) -> Option<Blocks> {
        let kind = self.ctx.catalog.blocks(&call.path)?;
        let last = call.path.rsplit('.').next().unwrap_or_default();
        let probes = kind == Blocks::File && PROBES.contains(&last);
        let is_sure = call.certainty != Certainty::Guessed;
        let here = is_sure && !probes && !self.is_aside(call.file, call.expr, true);
        let places = self.places.of(call.file);
        (here && !is_awaited(&places, call.expr)).then_some(kind)
    }

    /// True if the call runs what it calls, and at once: no thread is given
    /// it, no framework fills it in.
    fn is_run_there(&self, edge: &CallEdge) -> bool {
        if self.signatures.contains(&(edge.file, edge.expr))
            || self.is_aside(edge.file, edge.expr, true)
        {
            return false;
        }
        // A generator that is handed on runs where it is iterated.
        let callee = self.ctx.program.function(edge.callee);
        let scope = self.ctx.modules.facts(callee.file).scope(callee.scope);
        let places = self.places.of(edge.file);
        let parent = places.parent(edge.expr);
        let handed = parent.is_some_and(|parent| {
            matches!(&places.facts.expr(parent).kind, ExprKind::Call { callee, .. } if *callee != edge.expr)
        });
        !(scope.is_generator && handed)
    }

    /// What runs the expression.
    fn runs(&self, file: FileId, expr: ExprId) -> Runs {
        let places = self.places.of(file);
        let facts = places.facts;
        let mut at = places.owner(expr);
        let mut asynchronous = false;
        loop {
            let scope = facts.scope(at);
            asynchronous |= scope.is_async;
            let is_part = scope.kind == ScopeKind::Lambda && facts.rules.lambdas_are_parts;
            if is_part && self.lambda_is_aside(&places, file, at, !asynchronous) {
                return Runs::Aside;
            }
            match scope.parent.filter(|_| is_part) {
                Some(parent) => at = facts.owner(parent),
                None => break,
            }
        }
        match self.ctx.program.func_at(file, at) {
            Some(function) if asynchronous => Runs::Async(function),
            Some(function) => Runs::Plain(function),
            None => Runs::Aside,
        }
    }

    /// True if the lambda is handed to another thread, by itself or by the
    /// name that it is given.
    fn lambda_is_aside(
        &self,
        places: &Places<'_>,
        file: FileId,
        scope: ScopeId,
        keeps: bool,
    ) -> bool {
        let Some(lambda) = places.lambda(scope) else {
            return false;
        };
        let mut looks = vec![lambda];
        if let (None, Role::Assigned(targets)) = (places.parent(lambda), places.role(lambda)) {
            for target in targets {
                if let ExprKind::Name(name) = &places.facts.expr(*target).kind {
                    looks.extend(places.uses(places.owner(*target), name));
                }
            }
        }
        looks.into_iter().any(|mut at| {
            while let Some(parent) = places.parent(at) {
                let ExprKind::Call { args, .. } = &places.facts.expr(parent).kind else {
                    return false;
                };
                if !args.iter().any(|arg| arg.value == at) {
                    return false;
                }
                if self.is_aside(file, parent, keeps) {
                    return true;
                }
                at = parent;
            }
            false
        })
    }

    /// True if what `expr` calls runs on a thread of its own, or later where
    /// `keeps` asks for that too.
    fn is_aside(&self, file: FileId, expr: ExprId, keeps: bool) -> bool {
        let mut calls = self.ctx.call_graph.library_calls_at(file, expr);
        calls.any(|call| {
            let Some(entry) = self.ctx.catalog.call(&call.path) else {
                return false;
            };
            let threads = entry
                .effects
                .iter()
                .any(|effect| effect.on == Matter::Thread);
            threads || (keeps && !entry.registers.is_empty())
        })
    }
}

/// The plain functions from `function` to the one that makes the call.
fn way(steps: &FxHashMap<FuncId, Step<'_>>, function: FuncId) -> Vec<FuncId> {
    let mut way = vec![function];
    let mut at = function;
    while let Some(next) = steps.get(&at).and_then(|step| step.next) {
        if way.len() == MAX_WAY {
            break;
        }
        way.push(next);
        at = next;
    }
    way
}

/// True if the call, or what is called on its result, is awaited: it only
/// begins something.
fn is_awaited(places: &Places<'_>, expr: ExprId) -> bool {
    let facts = places.facts;
    let mut at = expr;
    while let Some(parent) = places.parent(at) {
        match &facts.expr(parent).kind {
            ExprKind::Await(_) if !facts.tries.contains(&parent) => return true,
            ExprKind::Await(_) | ExprKind::Attr { .. } => {}
            ExprKind::Call { callee, .. } if *callee == at => {}
            _ => return false,
        }
        at = parent;
    }
    false
}
