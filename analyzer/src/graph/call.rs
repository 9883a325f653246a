//! Who calls whom, and what every expression can hold.

use std::fmt;

use indexmap::IndexMap;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::data::Injected;
use super::program::{ClassId, FuncId, Program};
use super::solve::{At, EMPTY, NOWHERE, Node, Owner, Solver, Target};
use super::values::{InstId, Symbols, Value, ValueId};
use super::{Certainty, ConfigDocs};
use crate::catalog::Catalog;
use crate::modules::{FileId, ModuleSet};
use crate::syntax::facts::{ArgKind, ExprId, ExprKind, ScopeKind};

/// A call of one function of the tree by another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallEdge {
    /// Who calls.
    pub caller: FuncId,
    /// What runs.
    pub callee: FuncId,
    /// Where: the caller's file.
    pub file: FileId,
    /// The call expression.
    pub expr: ExprId,
    /// Its line.
    pub line: u32,
    /// How sure the edge is.
    pub certainty: Certainty,
}

/// A call of a library or builtin.
#[derive(Clone, Debug)]
pub struct LibraryCall {
    /// Who calls.
    pub caller: FuncId,
    /// Qualified name of what is called, as the catalog spells it.
    pub path: SmolStr,
    /// Where.
    pub file: FileId,
    /// The call expression, or the operator, `with` or decorator behind it.
    pub expr: ExprId,
    /// Its line.
    pub line: u32,
    /// How sure the edge is.
    pub certainty: Certainty,
    /// Arguments in order, with the texts they can be.
    pub args: Vec<CallArg>,
    /// Texts the receiver can be: a path, or a handle's path.
    pub receiver: Vec<SmolStr>,
    /// When a small helper is analysed per call site: who called it, so that
    /// a `load(path)` helper's effects can be laid at its callers' doors.
    pub behalf: Vec<Behalf>,
}

/// A caller that a small helper serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Behalf {
    /// Who calls the helper.
    pub function: FuncId,
    /// Where: the file.
    pub file: FileId,
    /// The line of the call.
    pub line: u32,
}

/// An argument of a [`LibraryCall`].
#[derive(Clone, Debug)]
pub struct CallArg {
    /// How it is given.
    pub kind: ArgKind,
    /// Its name, when named.
    pub name: Option<SmolStr>,
    /// The expression.
    pub expr: ExprId,
    /// Texts it can be.
    pub texts: Vec<SmolStr>,
    /// It is `None`, or can be.
    pub maybe_none: bool,
}

/// A function handed to a library that keeps it: a thread's target, a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Who hands it over.
    pub by: FuncId,
    /// What is handed over.
    pub target: FuncId,
    /// Where.
    pub file: FileId,
    /// The registering call.
    pub expr: ExprId,
    /// Its line.
    pub line: u32,
}

/// An attribute of a class of the tree, or a module's global, is read or
/// written by a function through an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttributeAccess {
    /// Whose attribute.
    pub owner: AttributeOwner,
    /// Index of its name, see [`CallGraph::attribute_name`].
    pub name: u32,
    /// Who touches it.
    pub function: FuncId,
    /// Where: the file.
    pub file: FileId,
    /// The attribute expression.
    pub expr: ExprId,
    /// Written, not read.
    pub writes: bool,
}

/// Whose attribute it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AttributeOwner {
    /// Instances of a class, or the class.
    Class(ClassId),
    /// A module: its global names.
    Module(FileId),
    /// A container by where it is made: its items with constant keys.
    Container(u32),
    /// All instances of a library's type that keeps what is put into it, by
    /// the index of its name: an application's `state`, its `config`.
    Keeper(u32),
}

/// What one expression can hold, as later rooms ask for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Held {
    /// A function of the tree, plain or bound.
    Function(FuncId),
    /// A class of the tree.
    Class(ClassId),
    /// An instance of it.
    Instance(ClassId),
    /// Something of a library, by qualified name.
    External(SmolStr),
    /// An instance of a library's type, and where it is constructed.
    Object(SmolStr, Option<(FileId, ExprId)>),
    /// A text constant.
    Text(SmolStr),
}

/// The call graph with what was learnt on the way.
#[derive(Debug)]
pub struct CallGraph {
    /// Edges inside the tree, by caller, then place.
    pub calls: Vec<CallEdge>,
    /// The same, looking through wrappers: a call of a decorated function is
    /// an edge to that function, not to the decorator's wrapper that forwards
    /// `*args` to it.
    pub seen_through: Vec<CallEdge>,
    /// Calls of libraries, by caller, then place.
    pub library_calls: Vec<LibraryCall>,
    /// Functions handed to libraries.
    pub registrations: Vec<Registration>,
    /// Attributes touched.
    pub attributes: Vec<AttributeAccess>,
    /// What it took.
    pub effort: Effort,
    symbols: Symbols,
    values: Vec<Value>,
    sets: Vec<Vec<ValueId>>,
    nodes_of: FxHashMap<(FileId, ExprId), Vec<Node>>,
    /// What each container holds, by its number.
    elements: Vec<Node>,
    funcs: Vec<FuncId>,
    calls_at: FxHashMap<(FileId, ExprId), Vec<u32>>,
    seen_through_index: FxHashMap<(FileId, ExprId), Vec<u32>>,
    library_at: FxHashMap<(FileId, ExprId), Vec<u32>>,
    registered_at: FxHashMap<(FileId, ExprId), Vec<u32>>,
}

/// What solving took: the same for the same tree on every machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Functions in contexts.
    pub instances: usize,
    /// Sets of values.
    pub nodes: usize,
    /// How often a value was offered to a set or met a use.
    pub steps: u64,
}

/// Solves `program` and returns its call graph.
pub fn solve(
    modules: &ModuleSet,
    catalog: &Catalog,
    program: &mut Program,
    configs: &ConfigDocs,
) -> CallGraph {
    let mut solver = Solver::new(modules, catalog, program, configs);
    solver.run();
    collect(solver)
}

fn collect(mut solver: Solver<'_>) -> CallGraph {
    let effort = solver.effort();
    let mut forwards = super::forward::Forwards::new(&solver);
    let calls = call_edges(&solver, |_, target| vec![target]);
    let seen_through = call_edges(&solver, |at, target| forwards.behind(&solver, at, target));
    let library_calls = library_calls(&solver);
    let registrations = registrations(&mut solver);
    let attributes = attributes(&solver);
    let mut nodes_of: FxHashMap<(FileId, ExprId), Vec<Node>> = FxHashMap::default();
    for ((_, file, expr), node) in &solver.exprs {
        nodes_of.entry((*file, *expr)).or_default().push(*node);
    }
    nodes_of
        .values_mut()
        .for_each(|nodes| nodes.sort_unstable());
    let funcs = solver.insts.iter();
    let funcs = funcs.map(|inst| solver.program.home(inst.func)).collect();
    let calls_at = index(calls.iter().map(|call| (call.file, call.expr)));
    let seen_through_index = index(seen_through.iter().map(|call| (call.file, call.expr)));
    let library_at = index(library_calls.iter().map(|call| (call.file, call.expr)));
    let registered_at = index(registrations.iter().map(|given| (given.file, given.expr)));
    let elements = solver.allocs.iter().map(|alloc| alloc.all).collect();
    let (symbols, values, sets) = solver.into_sets();
    CallGraph {
        calls,
        seen_through,
        library_calls,
        registrations,
        attributes,
        effort,
        symbols,
        values,
        sets,
        nodes_of,
        elements,
        funcs,
        calls_at,
        seen_through_index,
        library_at,
        registered_at,
    }
}

fn index(places: impl Iterator<Item = (FileId, ExprId)>) -> FxHashMap<(FileId, ExprId), Vec<u32>> {
    let mut index: FxHashMap<(FileId, ExprId), Vec<u32>> = FxHashMap::default();
    for (idx, place) in places.enumerate() {
        index.entry(place).or_default().push(idx as u32);
    }
    index
}

fn line_of(solver: &Solver<'_>, at: At) -> u32 {
    let facts = solver.modules.facts(at.file);
    facts
        .exprs
        .get(at.expr.0 as usize)
        .map_or(0, |expr| expr.line)
}

/// The function of `inst`; of a part, what it is a part of.
fn home(solver: &Solver<'_>, inst: InstId) -> FuncId {
    solver.program.home(solver.func_of(inst))
}

fn call_edges(
    solver: &Solver<'_>,
    mut behind: impl FnMut(At, InstId) -> Vec<InstId>,
) -> Vec<CallEdge> {
    let mut edges: IndexMap<(FuncId, FuncId, FileId, ExprId), Certainty, FxBuildHasher> =
        IndexMap::default();
    for ((at, target), certainty) in &solver.calls {
        let Target::Func(inst) = target else { continue };
        if at.expr == NOWHERE {
            continue;
        }
        for inst in behind(*at, *inst) {
            // A part of a function is not called but run as it is.
            if solver
                .program
                .function(solver.func_of(inst))
                .part_of
                .is_some()
            {
                continue;
            }
            let key = (home(solver, at.inst), home(solver, inst), at.file, at.expr);
            let known = edges.entry(key).or_insert(*certainty);
            *known = (*known).max(*certainty);
        }
    }
    let mut calls: Vec<CallEdge> = edges
        .into_iter()
        .map(|((caller, callee, file, expr), certainty)| CallEdge {
            caller,
            callee,
            file,
            expr,
            line: solver
                .modules
                .facts(file)
                .exprs
                .get(expr.0 as usize)
                .map_or(0, |e| e.line),
            certainty,
        })
        .collect();
    calls.sort_by_key(|call| (call.caller, call.line, call.expr, call.callee));
    calls
}

fn library_calls(solver: &Solver<'_>) -> Vec<LibraryCall> {
    let mut sites: FxHashMap<At, Vec<usize>> = FxHashMap::default();
    for (idx, site) in solver.sites.iter().enumerate() {
        sites.entry(site.at).or_default().push(idx);
    }
    let mut callers: FxHashMap<InstId, FxHashSet<Behalf>> = FxHashMap::default();
    for (at, target) in solver.calls.keys() {
        if let Target::Func(inst) = target
            && solver.inst(*inst).site.is_some()
        {
            callers.entry(*inst).or_default().insert(Behalf {
                function: home(solver, at.inst),
                file: at.file,
                line: line_of(solver, *at),
            });
        }
    }
    let mut found: Vec<LibraryCall> = Vec::new();
    for ((at, target), certainty) in &solver.calls {
        let Target::External(path) = target else {
            continue;
        };
        if at.expr == NOWHERE {
            continue;
        }
        let path = solver.symbols.text(*path).clone();
        let site = sites.get(at).and_then(|sites| {
            let calls = |idx: &&usize| calls_path(solver, solver.sites[**idx].callee, &path);
            sites.iter().find(calls).or(sites.first())
        });
        let mut behalf: Vec<Behalf> = callers
            .get(&at.inst)
            .into_iter()
            .flatten()
            .copied()
            .collect();
        behalf.sort_unstable();
        found.push(LibraryCall {
            caller: home(solver, at.inst),
            file: at.file,
            expr: at.expr,
            line: line_of(solver, *at),
            certainty: *certainty,
            args: args_of(solver, *at, site.copied()),
            receiver: receiver_texts(solver, *at),
            behalf,
            path,
        });
    }
    found.sort_by(|a, b| {
        let key = |call: &LibraryCall| (call.caller, call.line, call.expr, call.behalf.clone());
        (key(a), &a.path).cmp(&(key(b), &b.path))
    });
    found
}

fn calls_path(solver: &Solver<'_>, callee: Node, path: &str) -> bool {
    solver
        .set(callee)
        .iter()
        .any(|value| match solver.get(*value) {
            Value::External(sym) => solver.text(*sym) == path,
            _ => false,
        })
}

fn args_of(solver: &Solver<'_>, at: At, site: Option<usize>) -> Vec<CallArg> {
    let facts = solver.modules.facts(at.file);
    let Some(expr) = facts.exprs.get(at.expr.0 as usize) else {
        return Vec::new();
    };
    let plain = |kind, name, expr| {
        let node = solver.exprs.get(&(at.inst, at.file, expr)).copied();
        let node = node.unwrap_or(EMPTY);
        let values = solver.set(node).iter();
        CallArg {
            kind,
            name,
            expr,
            texts: texts_of(solver, node),
            maybe_none: values
                .map(|value| solver.get(*value))
                .any(|value| matches!(value, Value::Nothing)),
        }
    };
    match (&expr.kind, site) {
        (ExprKind::Call { args, .. }, Some(_)) => args
            .iter()
            .map(|arg| plain(arg.kind, arg.name.clone(), arg.value))
            .collect(),
        (ExprKind::Item { index, .. }, _) => {
            let mut arg = plain(ArgKind::Positional, None, *index);
            if let ExprKind::Str(key) = &facts.expr(*index).kind {
                arg.texts = vec![key.clone()];
            }
            vec![arg]
        }
        _ => Vec::new(),
    }
}

fn texts_of(solver: &Solver<'_>, node: Node) -> Vec<SmolStr> {
    let texts = solver.texts(node).into_iter();
    let mut texts: Vec<SmolStr> = texts.map(|sym| solver.symbols.text(sym).clone()).collect();
    texts.sort_unstable();
    texts
}

fn receiver_texts(solver: &Solver<'_>, at: At) -> Vec<SmolStr> {
    let facts = solver.modules.facts(at.file);
    let Some(expr) = facts.exprs.get(at.expr.0 as usize) else {
        return Vec::new();
    };
    let ExprKind::Call { callee, .. } = &expr.kind else {
        return Vec::new();
    };
    let ExprKind::Attr { base, .. } = &facts.expr(*callee).kind else {
        return Vec::new();
    };
    let node = solver.exprs.get(&(at.inst, at.file, *base));
    texts_of(solver, node.copied().unwrap_or(EMPTY))
}

fn registrations(solver: &mut Solver<'_>) -> Vec<Registration> {
    let mut found = Vec::new();
    for (at, node) in std::mem::take(&mut solver.registered) {
        for value in solver.set(node) {
            let inst = match solver.get(*value) {
                Value::Function(inst) | Value::Bound(inst, _) | Value::Static(inst) => *inst,
                _ => continue,
            };
            let registration = Registration {
                by: home(solver, at.inst),
                target: home(solver, inst),
                file: at.file,
                expr: at.expr,
                line: line_of(solver, at),
            };
            if !found.contains(&registration) {
                found.push(registration);
            }
        }
    }
    found.sort_by_key(|registration| (registration.by, registration.line, registration.target));
    found
}

fn attributes(solver: &Solver<'_>) -> Vec<AttributeAccess> {
    let mut found: Vec<AttributeAccess> = solver
        .touches
        .iter()
        .filter(|touch| touch.at.expr != NOWHERE)
        .map(|touch| AttributeAccess {
            owner: match touch.owner {
                Owner::Class(class) => AttributeOwner::Class(class),
                Owner::Module(file) => AttributeOwner::Module(file),
                Owner::Container(alloc) => AttributeOwner::Container(alloc.0),
                Owner::Keeper(ty) => AttributeOwner::Keeper(ty.0),
            },
            name: touch.name.0,
            function: home(solver, touch.at.inst),
            file: touch.at.file,
            expr: touch.at.expr,
            writes: touch.writes,
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

impl CallGraph {
    /// Adds the calls that a framework makes to fill a function's parameters,
    /// as calls by that function.
    pub fn add_injected(&mut self, modules: &ModuleSet, program: &Program, injected: &[Injected]) {
        let mut calls = Vec::new();
        for Injected {
            function: func,
            dependency,
            ..
        } in injected
        {
            let function = program.function(*func);
            let scope = modules.facts(function.file).scope(function.scope);
            // The parameter, or the decorator, names the dependency.
            let mut params = scope.params.iter();
            let named = params.find_map(|param| param.default.or(param.annotation));
            let Some(expr) = named.or(scope.decorators.first().copied()) else {
                continue;
            };
            calls.push(CallEdge {
                caller: *func,
                callee: *dependency,
                file: function.file,
                expr,
                line: scope.line,
                certainty: Certainty::Inferred,
            });
        }
        self.add_calls(calls);
    }

    /// Adds calls that no value led to.
    pub fn add_calls(&mut self, calls: Vec<CallEdge>) {
        self.calls.extend(calls.iter().cloned());
        self.seen_through.extend(calls);
        let key = |call: &CallEdge| (call.caller, call.line, call.expr, call.callee);
        self.calls.sort_by_key(key);
        self.seen_through.sort_by_key(key);
        self.calls_at = index(self.calls.iter().map(|call| (call.file, call.expr)));
        let places = self.seen_through.iter().map(|call| (call.file, call.expr));
        self.seen_through_index = index(places);
    }

    /// What `expr` of `file` can hold, in every context, sorted.
    pub fn held(&self, file: FileId, expr: ExprId) -> Vec<Held> {
        self.all_held(self.values_at(file, expr))
    }

    /// What the elements of the containers that `expr` can be can hold,
    /// sorted.
    pub fn held_elements(&self, file: FileId, expr: ExprId) -> Vec<Held> {
        let values = self.values_at(file, expr);
        let all = values.filter_map(|value| match self.values[value.0 as usize] {
            Value::Container(alloc) => self.elements.get(alloc.0 as usize),
            _ => None,
        });
        self.all_held(all.flat_map(|node| self.sets[node.0 as usize].iter().copied()))
    }

    fn values_at(&self, file: FileId, expr: ExprId) -> impl Iterator<Item = ValueId> {
        let nodes = self.nodes_of.get(&(file, expr)).into_iter().flatten();
        nodes.flat_map(|node| self.sets[node.0 as usize].iter().copied())
    }

    fn all_held(&self, values: impl Iterator<Item = ValueId>) -> Vec<Held> {
        let mut values: Vec<ValueId> = values.collect();
        values.sort_unstable();
        values.dedup();
        let held = values.into_iter().filter_map(|value| self.as_held(value));
        let mut held: Vec<Held> = held.collect();
        held.sort_unstable();
        held.dedup();
        held
    }

    /// Whether a list, dict or other container of the tree's own can be there.
    pub fn is_container(&self, file: FileId, expr: ExprId) -> bool {
        let mut values = self.values_at(file, expr);
        values.any(|value| matches!(self.values[value.0 as usize], Value::Container(_)))
    }

    fn as_held(&self, value: ValueId) -> Option<Held> {
        let text = |sym| self.symbols.text(sym).clone();
        let func = |inst: InstId| self.funcs[inst.0 as usize];
        Some(match &self.values[value.0 as usize] {
            Value::Function(inst)
            | Value::Bound(inst, _)
            | Value::Static(inst)
            | Value::ClassMethod(inst) => Held::Function(func(*inst)),
            Value::Class(class) => Held::Class(*class),
            Value::Instance(class) => Held::Instance(*class),
            Value::External(path) => Held::External(text(*path)),
            Value::Object(path, made) => Held::Object(text(*path), *made),
            Value::Text(sym) | Value::Handle(sym) => Held::Text(text(*sym)),
            _ => return None,
        })
    }

    /// Texts that `expr` can be.
    pub fn texts(&self, file: FileId, expr: ExprId) -> Vec<SmolStr> {
        let is_text = |value: &ValueId| {
            let value = &self.values[value.0 as usize];
            matches!(value, Value::Text(_) | Value::Handle(_))
        };
        let held = self.all_held(self.values_at(file, expr).filter(is_text));
        held.into_iter()
            .filter_map(|held| match held {
                Held::Text(text) => Some(text),
                _ => None,
            })
            .collect()
    }

    /// Functions that `expr` can be.
    pub fn functions(&self, file: FileId, expr: ExprId) -> Vec<FuncId> {
        let values = self.values_at(file, expr);
        let mut functions: Vec<FuncId> = values
            .filter_map(|value| match self.values[value.0 as usize] {
                Value::Function(inst)
                | Value::Bound(inst, _)
                | Value::Static(inst)
                | Value::ClassMethod(inst) => Some(self.funcs[inst.0 as usize]),
                _ => None,
            })
            .collect();
        functions.sort_unstable();
        functions.dedup();
        functions
    }

    /// Calls inside the tree made by `expr`.
    pub fn calls_at(&self, file: FileId, expr: ExprId) -> impl Iterator<Item = &CallEdge> {
        let found = self.calls_at.get(&(file, expr)).into_iter().flatten();
        found.map(|idx| &self.calls[*idx as usize])
    }

    /// Functions that `caller` calls, looking through wrappers, with
    /// repetitions.
    pub fn callees(&self, caller: FuncId) -> impl Iterator<Item = FuncId> {
        let start = self
            .seen_through
            .partition_point(|call| call.caller < caller);
        let calls = self.seen_through[start..].iter();
        calls
            .take_while(move |call| call.caller == caller)
            .map(|call| call.callee)
    }

    /// Calls of `caller` made by `expr`, looking through wrappers.
    pub fn seen_through_at(
        &self,
        caller: FuncId,
        file: FileId,
        expr: ExprId,
    ) -> impl Iterator<Item = &CallEdge> {
        let edges = self.seen_through_of(file, expr);
        edges.filter(move |edge| edge.caller == caller)
    }

    /// Calls made by `expr`, whoever the caller is, looking through wrappers.
    pub fn seen_through_of(&self, file: FileId, expr: ExprId) -> impl Iterator<Item = &CallEdge> {
        let found = self
            .seen_through_index
            .get(&(file, expr))
            .into_iter()
            .flatten();
        found.map(|idx| &self.seen_through[*idx as usize])
    }

    /// Functions that `expr` hands to a library that keeps them.
    pub fn registrations_at(
        &self,
        file: FileId,
        expr: ExprId,
    ) -> impl Iterator<Item = &Registration> {
        let found = self.registered_at.get(&(file, expr)).into_iter().flatten();
        found.map(|idx| &self.registrations[*idx as usize])
    }

    /// Calls of libraries made by `expr`.
    pub fn library_calls_at(
        &self,
        file: FileId,
        expr: ExprId,
    ) -> impl Iterator<Item = &LibraryCall> {
        let found = self.library_at.get(&(file, expr)).into_iter().flatten();
        found.map(|idx| &self.library_calls[*idx as usize])
    }

    /// The text of an [`AttributeAccess`]'s name.
    pub fn attribute_name(&self, name: u32) -> &SmolStr {
        self.symbols.text(super::values::Sym(name))
    }
}

/// Names of functions as the field's benchmark writes them: dotted paths
/// relative to the analysed folder, `main.A.method`, `main.f.<lambda1>`.
pub fn dotted_name(modules: &ModuleSet, program: &Program, func: FuncId) -> String {
    let function = program.function(func);
    let facts = modules.facts(function.file);
    let mut parts = Vec::new();
    let mut at = Some(function.scope);
    while let Some(scope) = at {
        let definition = facts.scope(scope);
        match definition.kind {
            ScopeKind::Module | ScopeKind::Comprehension => {}
            ScopeKind::Lambda => parts.push(format!("<lambda{}>", lambda_number(facts, scope))),
            _ => parts.push(definition.name.to_string()),
        }
        at = definition.parent;
    }
    parts.push(modules.name(function.file));
    parts.reverse();
    parts.join(".")
}

/// Lambdas are numbered within the function or module around them.
fn lambda_number(facts: &crate::syntax::FileFacts, scope: crate::syntax::facts::ScopeId) -> usize {
    let around = |scope: crate::syntax::facts::ScopeId| {
        facts.scope(scope).parent.map(|parent| facts.owner(parent))
    };
    let own = around(scope);
    let scopes = facts.scopes();
    scopes
        .filter(|(id, other)| other.kind == ScopeKind::Lambda && *id <= scope && around(*id) == own)
        .count()
}

impl fmt::Display for Certainty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Certainty::Certain => "certain",
            Certainty::Inferred => "inferred",
            Certainty::Guessed => "guessed",
        })
    }
}
