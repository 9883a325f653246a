//! Where data goes: flows between functions.
//!
//! Within a function, each value is followed back to where it came from: the
//! call that returned it, or the function itself. What a call is handed then
//! flows from there to the callee, even when an orchestrator stands between
//! (`clean(load())` is a flow from `load` to `clean`). Attributes and globals
//! carry data from whoever writes them to whoever reads them, and so do the
//! items of a mapping that is handed from step to step, and what is put into
//! an application's state. Flows through
//! files and tables are added by `effects`.

mod origins;

use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::call::{AttributeOwner, CallEdge, CallGraph};
use super::globals::GlobalAccess;
use super::natives;
use super::program::{FuncId, Program};
use crate::modules::{FileId, ModuleSet};
use crate::syntax::facts::{Arg, ArgKind, ExprKind, ParamKind, ScopeKind};

/// Data made in `from` reaches `to`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Flow {
    /// Where the data comes from.
    pub from: FuncId,
    /// Where it arrives.
    pub to: FuncId,
    /// How.
    pub via: Via,
    /// Parameter, attribute, global, key, file or table, where it has a name.
    pub name: SmolStr,
    /// Where it passes: the file.
    pub file: FileId,
    /// The line.
    pub line: u32,
}

/// How data passes from function to function.
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
pub enum Via {
    /// Given as an argument.
    Argument,
    /// Given back.
    Return,
    /// Written to an attribute and read from it.
    Attribute,
    /// Written to a key of a container and read from it.
    Item,
    /// Written to a global and read from it.
    Global,
    /// Through a file.
    File,
    /// Through a table.
    Table,
    /// Through a queue.
    Queue,
    /// Through an environment variable.
    Environment,
    /// Sent in a request over HTTP.
    Request,
}

impl Via {
    /// The word for it, as in every document.
    pub fn name(self) -> &'static str {
        match self {
            Via::Argument => "argument",
            Via::Return => "return",
            Via::Attribute => "attribute",
            Via::Item => "item",
            Via::Global => "global",
            Via::File => "file",
            Via::Table => "table",
            Via::Queue => "queue",
            Via::Environment => "environment",
            Via::Request => "request",
        }
    }
}

/// A framework calls `dependency` before `function`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Injected {
    /// Whose parameter is filled, or who only wants it called.
    pub function: FuncId,
    /// What is called.
    pub dependency: FuncId,
    /// The parameter that takes what it gives.
    pub param: Option<SmolStr>,
}

/// The flows of a tree, by source, target and place.
#[derive(Clone, Debug, Default)]
pub struct DataFlowGraph {
    /// Each flow once.
    pub flows: Vec<Flow>,
}

/// One thing's pairs of writers and readers beyond this are not spelled out.
const MAX_PAIRS: usize = 400;

/// Finds the flows through arguments, returns, attributes, items and globals.
pub fn flows(
    modules: &ModuleSet,
    program: &Program,
    call_graph: &CallGraph,
    globals: &[GlobalAccess],
) -> DataFlowGraph {
    let mut flows = Vec::new();
    let whole = program
        .func_ids()
        .filter(|func| program.home(*func) == *func);
    for func in whole {
        through_calls(modules, program, call_graph, func, &mut flows);
    }
    through_attributes(modules, program, call_graph, &mut flows);
    through_globals(modules, program, globals, &mut flows);
    let mut data_flow = DataFlowGraph { flows };
    data_flow.tidy();
    data_flow
}

impl DataFlowGraph {
    /// Adds what a framework hands to a function's parameters.
    pub fn add_injected(&mut self, program: &Program, modules: &ModuleSet, injected: &[Injected]) {
        for Injected {
            function: func,
            dependency,
            param,
        } in injected
        {
            let function = program.function(*func);
            let (via, name) = match param {
                Some(param) => (Via::Argument, param.clone()),
                None => (Via::Return, bare_name(modules, program, *dependency)),
            };
            self.flows.push(Flow {
                from: *dependency,
                to: *func,
                via,
                name,
                file: function.file,
                line: modules.facts(function.file).scope(function.scope).line,
            });
        }
        self.tidy();
    }

    /// Sorts, and drops repetitions and flows from a function to itself.
    pub fn tidy(&mut self) {
        self.flows.retain(|flow| flow.from != flow.to);
        self.flows.sort_unstable();
        self.flows.dedup();
    }
}

fn through_calls(
    modules: &ModuleSet,
    program: &Program,
    call_graph: &CallGraph,
    func: FuncId,
    flows: &mut Vec<Flow>,
) {
    let function = program.function(func);
    let facts = modules.facts(function.file);
    let file = function.file;
    let origins = origins::of(facts, function.scope);
    for call in &origins.calls {
        let ExprKind::Call { args, .. } = &facts.expr(call.expr).kind else {
            continue;
        };
        handed_over(modules, program, call_graph, func, call, args, flows);
        let edges: Vec<&CallEdge> = call_graph.seen_through_at(func, file, call.expr).collect();
        for edge in &edges {
            for (idx, arg) in args.iter().enumerate() {
                let Some(sources) = call.args.get(idx) else {
                    continue;
                };
                if sources.is_constant() {
                    continue;
                }
                let name = param_name(modules, program, (file, edge.callee), args, idx, arg);
                let flow = |from| Flow {
                    from,
                    to: edge.callee,
                    via: Via::Argument,
                    name: name.clone(),
                    file,
                    line: edge.line,
                };
                flows.push(flow(func));
                for source in &sources.calls {
                    let made = call_graph.seen_through_at(func, file, *source);
                    flows.extend(made.map(|made| flow(made.callee)));
                }
            }
            if takes_receiver(modules, program, edge.callee) {
                for source in &call.receiver.calls {
                    let made = call_graph.seen_through_at(func, file, *source);
                    flows.extend(made.map(|made| Flow {
                        from: made.callee,
                        to: edge.callee,
                        via: Via::Argument,
                        name: SmolStr::new_static("self"),
                        file,
                        line: edge.line,
                    }));
                }
            }
            if call.used && returns_data(modules, program, edge.callee) {
                flows.push(Flow {
                    from: edge.callee,
                    to: func,
                    via: Via::Return,
                    name: bare_name(modules, program, edge.callee),
                    file,
                    line: edge.line,
                });
            }
        }
    }
}

/// What goes with a function that a library calls later:
/// `tasks.add_task(f, x)`, `Thread(target=f, args=(x,))`.
fn handed_over(
    modules: &ModuleSet,
    program: &Program,
    call_graph: &CallGraph,
    func: FuncId,
    call: &origins::CallSources,
    args: &[Arg],
    flows: &mut Vec<Flow>,
) {
    let file = program.function(func).file;
    let here = call_graph.registrations_at(file, call.expr);
    for registration in here.filter(|registration| registration.by == func) {
        let is_target = |arg: &Arg| {
            call_graph
                .functions(file, arg.value)
                .contains(&registration.target)
        };
        let Some(start) = args.iter().position(is_target) else {
            continue;
        };
        let target = program.function(registration.target);
        let params = &modules.facts(target.file).scope(target.scope).params;
        let passed = |arg: &Arg| match arg.kind {
            ArgKind::Named => {
                let name = arg.name.as_deref().unwrap_or_default();
                matches!(name, "args" | "kwargs") || params.iter().any(|param| param.name == name)
            }
            _ => args[start].kind == ArgKind::Positional,
        };
        for (idx, arg) in args.iter().enumerate().skip(start + 1) {
            let Some(sources) = call.args.get(idx).filter(|_| passed(arg)) else {
                continue;
            };
            if sources.is_constant() {
                continue;
            }
            let facts = modules.facts(file);
            let name = match (&arg.name, &facts.expr(arg.value).kind) {
                (Some(name), ExprKind::Tuple(parts) | ExprKind::List(parts)) if name == "args" => {
                    // Of several, which one it is the tuple does not tell.
                    let only = params.first().filter(|_| parts.len() == 1);
                    only.map(|param| param.name.clone()).unwrap_or_default()
                }
                (Some(name), _) if matches!(name.as_str(), "args" | "kwargs") => SmolStr::default(),
                _ => {
                    let (given, idx) = (&args[start + 1..], idx - start - 1);
                    param_name(
                        modules,
                        program,
                        (file, registration.target),
                        given,
                        idx,
                        arg,
                    )
                }
            };
            let flow = |from| Flow {
                from,
                to: registration.target,
                via: Via::Argument,
                name: name.clone(),
                file,
                line: registration.line,
            };
            flows.push(flow(func));
            for source in &sources.calls {
                let made = call_graph.seen_through_at(func, file, *source);
                flows.extend(made.map(|made| flow(made.callee)));
            }
        }
    }
}

/// A receiver is among the parameters that `func` declares.
fn takes_receiver(modules: &ModuleSet, program: &Program, func: FuncId) -> bool {
    let function = program.function(func);
    let scope = modules.facts(function.file).scope(function.scope);
    let first = scope.params.first();
    first.is_some_and(|param| param.kind == ParamKind::Receiver)
}

fn bare_name(modules: &ModuleSet, program: &Program, func: FuncId) -> SmolStr {
    let function = program.function(func);
    modules
        .facts(function.file)
        .scope(function.scope)
        .name
        .clone()
}

/// True if calling `func` gives more than `None`.
fn returns_data(modules: &ModuleSet, program: &Program, func: FuncId) -> bool {
    let function = program.function(func);
    let facts = modules.facts(function.file);
    let scope = facts.scope(function.scope);
    scope.is_generator
        || scope.kind == ScopeKind::Lambda
        || origins::returns_value(facts, &scope.body)
}

/// The parameter of `callee` that takes argument `idx` of a call in `from`.
fn param_name(
    modules: &ModuleSet,
    program: &Program,
    (from, callee): (FileId, FuncId),
    args: &[Arg],
    idx: usize,
    arg: &Arg,
) -> SmolStr {
    if let Some(name) = &arg.name {
        return name.clone();
    }
    let function = program.function(callee);
    let scope = modules.facts(function.file).scope(function.scope);
    let has_receiver = function.class.is_some()
        && scope.params.first().is_some_and(|first| {
            matches!(first.name.as_str(), "self" | "cls") || first.kind == ParamKind::Receiver
        });
    let position = args[..idx]
        .iter()
        .filter(|arg| arg.kind == ArgKind::Positional)
        .count();
    let position = position + usize::from(has_receiver);
    let by_position = |kind| {
        matches!(
            kind,
            ParamKind::Receiver | ParamKind::Plain | ParamKind::PositionalOnly
        )
    };
    let facts = modules.facts(function.file);
    let foreign = facts.rules != modules.facts(from).rules;
    let mut plain = scope
        .params
        .iter()
        .filter(|param| by_position(param.kind))
        .filter(|param| !(foreign && natives::is_filled_in(facts, param)));
    match arg.kind {
        ArgKind::Positional => plain
            .nth(position)
            .or_else(|| {
                scope
                    .params
                    .iter()
                    .find(|param| param.kind == ParamKind::Rest)
            })
            .map_or_else(SmolStr::default, |param| param.name.clone()),
        _ => SmolStr::default(),
    }
}

fn through_attributes(
    modules: &ModuleSet,
    program: &Program,
    call_graph: &CallGraph,
    flows: &mut Vec<Flow>,
) {
    type Touches = (Vec<(FuncId, FileId, u32)>, Vec<(FuncId, FileId, u32)>);
    let mut by_attribute: BTreeMap<(AttributeOwner, u32), Touches> = BTreeMap::new();
    for touch in &call_graph.attributes {
        let line = modules.facts(touch.file).expr(touch.expr).line;
        let (writers, readers) = by_attribute.entry((touch.owner, touch.name)).or_default();
        let side = if touch.writes { writers } else { readers };
        side.push((touch.function, touch.file, line));
    }
    let _ = program;
    for ((owner, name), (writers, readers)) in by_attribute {
        // Module attributes are globals, which have their own way.
        let via = match owner {
            AttributeOwner::Module(_) => continue,
            AttributeOwner::Container(_) => Via::Item,
            AttributeOwner::Class(_) | AttributeOwner::Keeper(_) => Via::Attribute,
        };
        let name = call_graph.attribute_name(name);
        pairs(&writers, &readers, via, name, flows);
    }
}

fn through_globals(
    modules: &ModuleSet,
    program: &Program,
    globals: &[GlobalAccess],
    flows: &mut Vec<Flow>,
) {
    let _ = modules;
    let mut by_global: BTreeMap<(FileId, &SmolStr), Vec<&GlobalAccess>> = BTreeMap::new();
    for access in globals {
        by_global
            .entry((access.owner, &access.name))
            .or_default()
            .push(access);
    }
    for ((_, name), accesses) in by_global {
        let is_module = |func: FuncId| program.function(func).parent.is_none();
        let changes = accesses
            .iter()
            .any(|access| access.writes && !is_module(access.function));
        if !changes {
            continue;
        }
        for write in accesses.iter().filter(|access| access.writes) {
            if is_module(write.function) && write.key.is_none() {
                // `MODEL = None` at the top only makes room.
                continue;
            }
            for read in accesses.iter().filter(|access| !access.writes) {
                // Two constant keys that differ are two things.
                if let (Some(a), Some(b)) = (&write.key, &read.key)
                    && a != b
                {
                    continue;
                }
                let key = write.key.as_ref().filter(|_| read.key.is_some());
                flows.push(Flow {
                    from: write.function,
                    to: read.function,
                    via: if key.is_some() {
                        Via::Item
                    } else {
                        Via::Global
                    },
                    name: key.unwrap_or(name).clone(),
                    file: read.file,
                    line: read.line,
                });
            }
        }
    }
}

/// Every writer's data reaches every reader.
pub(crate) fn pairs(
    writers: &[(FuncId, FileId, u32)],
    readers: &[(FuncId, FileId, u32)],
    via: Via,
    name: &SmolStr,
    flows: &mut Vec<Flow>,
) {
    let all = writers
        .iter()
        .flat_map(|writer| readers.iter().map(move |reader| (writer, reader)));
    for ((from, ..), (to, file, line)) in all.take(MAX_PAIRS) {
        flows.push(Flow {
            from: *from,
            to: *to,
            via,
            name: name.clone(),
            file: *file,
            line: *line,
        });
    }
}
