//! What functions touch outside their own memory: files, tables, models,
//! queues, globals, environment, network, clock, randomness.

mod alike;
mod datasets;
mod flows;
mod identity;
mod memos;
mod orm;
mod sql;
#[cfg(test)]
mod tests;
mod walk;
mod work;

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

pub use crate::catalog::Access;
use crate::catalog::{Catalog, EffectEntry, Matter};
use crate::graph::globals::GlobalAccess;
use crate::graph::settings::{self, SettingsField};
use crate::graph::{Behalf, CallGraph, ClassId, FuncId, Held, LibraryCall, Program};
use crate::modules::{FileId, ModuleSet};
use crate::syntax::FileFacts;
use crate::syntax::facts::{ExprId, ExprKind};
pub use datasets::add_datasets;
pub use flows::add_flows;
pub(crate) use sql::bound;

/// Kinds of resources.
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
pub enum ResourceKind {
    /// A file or folder, by path.
    File,
    /// A database table, by name.
    Table,
    /// A model: a file that holds one, or a registry's entry.
    Model,
    /// A queue or topic.
    Queue,
    /// A blob or object.
    Blob,
    /// A module's or class's mutable global: `file.py:NAME`.
    Global,
    /// An environment variable.
    Environment,
    /// A secret, by where it stands or its name.
    Secret,
    /// A key-value cache.
    Cache,
    /// An experiment tracker.
    Tracking,
}

/// Something several functions may touch.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// What it is.
    pub kind: ResourceKind,
    /// Which one: a path, a table's name; `{…}` stands for what is not known.
    pub identity: SmolStr,
    /// Who touches it, by function and place.
    pub accesses: Vec<ResourceAccess>,
}

/// One touch of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceAccess {
    /// What is done.
    pub access: Access,
    /// Who does it.
    pub function: FuncId,
    /// Where: the file.
    pub file: FileId,
    /// The line.
    pub line: u32,
    /// The expression.
    pub expr: ExprId,
    /// Callers on whose behalf a small helper does it: what it touches is
    /// theirs to say.
    pub behalf: Vec<Behalf>,
}

/// An effect on nothing that has an identity: network, clock, randomness,
/// process, thread, log.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// What is touched.
    pub kind: EffectKind,
    /// Who does it.
    pub function: FuncId,
    /// Where: the file.
    pub file: FileId,
    /// The line.
    pub line: u32,
    /// The expression.
    pub expr: ExprId,
    /// Qualified name of what is called.
    pub path: SmolStr,
    /// What it is about, where the call says: a URL, a command.
    pub about: Option<SmolStr>,
    /// For network: a time limit is given, or the library has one.
    pub bounded: bool,
}

/// Kinds of [`Effect`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EffectKind {
    /// A request over the network.
    Network,
    /// The wall clock is read.
    Clock,
    /// A random number is drawn without a seed.
    Randomness,
    /// A process is started.
    Process,
    /// A thread or job is started.
    Thread,
    /// A log line is written.
    Log,
}

/// What the tree's functions touch.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// Resources by kind, then identity.
    pub resources: Vec<Resource>,
    /// Other effects by function, then place.
    pub effects: Vec<Effect>,
    /// Globals, by identity, that functions only ever fill while they are
    /// empty, with what no request changes: `if _settings is None: …`.
    pub memos: BTreeSet<SmolStr>,
}

/// Finds what the functions of the tree touch.
pub fn effects(
    modules: &ModuleSet,
    program: &Program,
    catalog: &Catalog,
    call_graph: &CallGraph,
    globals: &[GlobalAccess],
) -> Effects {
    let mut found = Found::default();
    for call in &call_graph.library_calls {
        let Some(entry) = catalog.call(&call.path) else {
            continue;
        };
        for effect in &entry.effects {
            found.add(modules, call_graph, call, effect);
        }
    }
    found.helpers();
    let known = Known {
        modules,
        program,
        catalog,
        call_graph,
    };
    found.written_out(&known);
    for access in globals {
        found.global(modules, program, call_graph, globals, access);
    }
    found.finish()
}

/// What effects that no library call names are read from.
struct Known<'a> {
    modules: &'a ModuleSet,
    program: &'a Program,
    catalog: &'a Catalog,
    call_graph: &'a CallGraph,
}

#[derive(Default)]
struct Found {
    resources: BTreeMap<(ResourceKind, SmolStr), Vec<ResourceAccess>>,
    effects: Vec<Effect>,
    memos: BTreeSet<SmolStr>,
    /// Globals whose object has methods that change it.
    changed_later: BTreeSet<SmolStr>,
}

impl Found {
    fn add(
        &mut self,
        modules: &ModuleSet,
        call_graph: &CallGraph,
        call: &LibraryCall,
        effect: &EffectEntry,
    ) {
        if identity::is_averted(call, effect) {
            return;
        }
        let does = identity::access(call, effect);
        let kind = match effect.on {
            Matter::File => ResourceKind::File,
            Matter::Table => ResourceKind::Table,
            Matter::Queue => ResourceKind::Queue,
            Matter::Blob => ResourceKind::Blob,
            Matter::Model => ResourceKind::Model,
            Matter::Tracking => ResourceKind::Tracking,
            Matter::Cache => ResourceKind::Cache,
            Matter::Secret => ResourceKind::Secret,
            Matter::Environment => ResourceKind::Environment,
            Matter::Sql => return self.sql(modules, call_graph, call, effect),
            Matter::Network => return self.effect(EffectKind::Network, call, effect),
            Matter::Clock => return self.effect(EffectKind::Clock, call, effect),
            Matter::Randomness => return self.effect(EffectKind::Randomness, call, effect),
            Matter::Process => return self.effect(EffectKind::Process, call, effect),
            Matter::Thread => return self.effect(EffectKind::Thread, call, effect),
            Matter::Log => return self.effect(EffectKind::Log, call, effect),
            // A connection carries nothing by itself.
            Matter::Database => return,
        };
        for name in identity::names(modules, call_graph, call, effect) {
            let kind = identity::refine(kind, &name);
            self.touch(kind, name, does, call);
        }
    }

    fn sql(
        &mut self,
        modules: &ModuleSet,
        call_graph: &CallGraph,
        call: &LibraryCall,
        effect: &EffectEntry,
    ) {
        for text in identity::names(modules, call_graph, call, effect) {
            for (table, does) in sql::tables(&text) {
                self.touch(ResourceKind::Table, table, does, call);
            }
        }
    }

    fn touch(&mut self, kind: ResourceKind, name: SmolStr, does: Access, call: &LibraryCall) {
        let access = ResourceAccess {
            access: does,
            function: call.caller,
            file: call.file,
            line: call.line,
            expr: call.expr,
            behalf: call.behalf.clone(),
        };
        self.note(kind, name, access);
    }

    fn note(&mut self, kind: ResourceKind, name: SmolStr, access: ResourceAccess) {
        let accesses = self.resources.entry((kind, name)).or_default();
        if !accesses.contains(&access) {
            accesses.push(access);
        }
    }

    /// A helper that touches the same thing whoever calls it, or serves only
    /// one function, acts for itself.
    fn helpers(&mut self) {
        type Touched<'f> = BTreeMap<&'f [Behalf], BTreeSet<(ResourceKind, &'f SmolStr)>>;
        let mut by_place: FxHashMap<(FuncId, FileId, ExprId), Touched<'_>> = FxHashMap::default();
        for ((kind, name), accesses) in &self.resources {
            for access in accesses {
                let place = (access.function, access.file, access.expr);
                let touched = by_place.entry(place).or_default();
                touched
                    .entry(&access.behalf)
                    .or_default()
                    .insert((*kind, name));
            }
        }
        let acts_alone = |touched: &Touched<'_>| {
            let callers: BTreeSet<FuncId> = touched
                .keys()
                .flat_map(|behalf| behalf.iter().map(|caller| caller.function))
                .collect();
            let mut things = touched.values();
            let first = things.next();
            callers.len() < 2 || things.all(|other| Some(other) == first)
        };
        let alone: FxHashSet<(FuncId, FileId, ExprId)> = by_place
            .iter()
            .filter(|(_, touched)| acts_alone(touched))
            .map(|(place, _)| *place)
            .collect();
        // What is known where calls are told apart, nobody asks of a call
        // whose path is not.
        let known: FxHashSet<(FuncId, FileId, ExprId)> = by_place
            .iter()
            .filter(|(_, touched)| {
                let mut things = touched.values().flatten();
                things.any(|(_, name)| identity::says_something(name))
            })
            .map(|(place, _)| *place)
            .collect();
        let names_at: FxHashMap<(FuncId, FileId, ExprId), Vec<&SmolStr>> = by_place
            .iter()
            .map(|(place, touched)| {
                let things = touched.values().flatten();
                (*place, things.map(|(_, name)| *name).collect())
            })
            .collect();
        let less_known: FxHashSet<(FuncId, FileId, ExprId, SmolStr)> = names_at
            .iter()
            .flat_map(|((function, file, expr), names)| {
                let less = names
                    .iter()
                    .filter(|name| alike::is_less_known(name, names));
                less.map(|name| (*function, *file, *expr, (*name).clone()))
            })
            .collect();
        self.resources.retain(|(_, name), accesses| {
            if !less_known.is_empty() {
                accesses.retain(|access| {
                    let place = (access.function, access.file, access.expr, name.clone());
                    !less_known.contains(&place)
                });
            }
            if !identity::says_something(name) {
                accesses
                    .retain(|access| !known.contains(&(access.function, access.file, access.expr)));
            }
            !accesses.is_empty()
        });
        for accesses in self.resources.values_mut() {
            for access in accesses.iter_mut() {
                if alone.contains(&(access.function, access.file, access.expr)) {
                    access.behalf.clear();
                }
            }
            let mut seen = Vec::with_capacity(accesses.len());
            accesses.retain(|access| {
                let is_new = !seen.contains(access);
                if is_new {
                    seen.push(access.clone());
                }
                is_new
            });
        }
    }

    /// What the code says without a call that a catalog could name: rows of
    /// mapped classes, settings that the environment fills, work sent to a
    /// task.
    fn written_out(&mut self, known: &Known<'_>) {
        let orm = orm::Orm::new(known.modules, known.program, known.call_graph);
        let mut settings: BTreeMap<ClassId, Vec<SettingsField>> = BTreeMap::new();
        for idx in 0..known.program.classes.len() as u32 {
            let class = ClassId(idx);
            let fields = settings::fields(known.modules, known.program, known.catalog, class);
            if !fields.is_empty() {
                settings.insert(class, fields);
            }
        }
        let mut made: BTreeSet<ClassId> = BTreeSet::new();
        for func in known.program.func_ids() {
            let mut done = FxHashSet::default();
            walk::each_expr(
                known.modules,
                known.program,
                func,
                &mut |facts, file, expr| {
                    let ExprKind::Call { callee, .. } = &facts.expr(expr).kind else {
                        return;
                    };
                    let whole = known.program.home(func);
                    let access = |does| touch_of(facts, whole, file, expr, does);
                    if !done.contains(&expr)
                        && let Some((table, does)) = orm.access(file, facts, expr, &mut done)
                    {
                        self.note(ResourceKind::Table, table, access(does));
                    }
                    if !settings.is_empty() {
                        for held in known.call_graph.held(file, *callee) {
                            let Held::Class(class) = held else { continue };
                            let Some(fields) = settings.get(&class) else {
                                continue;
                            };
                            made.insert(class);
                            self.settings(fields, &access(Access::Read));
                        }
                    }
                    let (modules, program) = (known.modules, known.program);
                    let sent = work::sent(modules, program, known.call_graph, facts, file, expr);
                    for (task, queue) in sent {
                        self.note(ResourceKind::Queue, queue.clone(), access(Access::Append));
                        let function = program.function(task);
                        let taken = ResourceAccess {
                            access: Access::Read,
                            function: task,
                            file: function.file,
                            line: modules.facts(function.file).scope(function.scope).line,
                            expr,
                            behalf: Vec::new(),
                        };
                        self.note(ResourceKind::Queue, queue, taken);
                    }
                },
            );
        }
        // One that nobody makes is read where it is defined.
        let bases: BTreeSet<ClassId> = settings
            .keys()
            .flat_map(|class| known.program.class(*class).mro.iter().skip(1))
            .copied()
            .collect();
        for (class, fields) in &settings {
            let definition = known.program.class(*class);
            let module = known.program.module_func(definition.file);
            if made.contains(class) || bases.contains(class) {
                continue;
            }
            if let Some(function) = module {
                let facts = known.modules.facts(definition.file);
                let line = facts.scope(definition.scope).line;
                let access = ResourceAccess {
                    access: Access::Read,
                    function,
                    file: definition.file,
                    line,
                    expr: ExprId(0),
                    behalf: Vec::new(),
                };
                self.settings(fields, &access);
            }
        }
    }

    fn settings(&mut self, fields: &[SettingsField], access: &ResourceAccess) {
        for field in fields {
            let kind = match field.is_secret {
                true => ResourceKind::Secret,
                false => ResourceKind::Environment,
            };
            self.note(kind, field.variable.clone(), access.clone());
        }
    }

    fn effect(&mut self, kind: EffectKind, call: &LibraryCall, effect: &EffectEntry) {
        let about = identity::argument(call, effect).and_then(|arg| arg.texts.first().cloned());
        let bounded = match &effect.timeout {
            Some(timeout) => identity::is_given(call, timeout),
            None => true,
        };
        let effect = Effect {
            kind,
            function: call.caller,
            file: call.file,
            line: call.line,
            expr: call.expr,
            path: call.path.clone(),
            about,
            bounded,
        };
        if self.effects.last() != Some(&effect) {
            self.effects.push(effect);
        }
    }

    /// A global counts once a function changes it.
    fn global(
        &mut self,
        modules: &ModuleSet,
        program: &Program,
        call_graph: &CallGraph,
        all: &[GlobalAccess],
        access: &GlobalAccess,
    ) {
        let same = |other: &&GlobalAccess| other.owner == access.owner && other.name == access.name;
        let start =
            all.partition_point(|other| (other.owner, &other.name) < (access.owner, &access.name));
        let is_module = |func: FuncId| program.function(func).parent.is_none();
        let mut changes = all[start..]
            .iter()
            .take_while(same)
            .filter(|other| other.writes && !is_module(other.function))
            .peekable();
        if changes.peek().is_none() || is_module(access.function) {
            return;
        }
        let identity = format!("{}:{}", modules.facts(access.owner).path, access.name);
        if changes.all(|change| change.fills) {
            let held = call_graph.held(access.file, access.expr).into_iter();
            let mut classes = held.filter_map(|held| match held {
                Held::Instance(class) => Some(class),
                _ => None,
            });
            if classes.any(|class| memos::changes(modules, program, call_graph, class)) {
                self.changed_later.insert(identity.as_str().into());
            }
            self.memos.insert(identity.as_str().into());
        }
        let accesses = self
            .resources
            .entry((ResourceKind::Global, identity.into()))
            .or_default();
        accesses.push(ResourceAccess {
            access: if access.writes {
                Access::Write
            } else {
                Access::Read
            },
            function: access.function,
            file: access.file,
            line: access.line,
            expr: access.expr,
            behalf: Vec::new(),
        });
    }

    fn finish(mut self) -> Effects {
        // A global that is a queue is one thing.
        let queues: Vec<SmolStr> = self
            .resources
            .keys()
            .filter(|(kind, _)| *kind == ResourceKind::Queue)
            .map(|(_, name)| name.clone())
            .collect();
        for queue in queues {
            self.resources.remove(&(ResourceKind::Global, queue));
        }
        let resources = self.resources.into_iter();
        Effects {
            resources: resources
                .map(|((kind, identity), mut accesses)| {
                    accesses.sort_by_key(|access| {
                        (access.function, access.line, access.access, access.expr)
                    });
                    Resource {
                        kind,
                        identity,
                        accesses,
                    }
                })
                .collect(),
            effects: self.effects,
            memos: &self.memos - &self.changed_later,
        }
    }
}

fn touch_of(
    facts: &FileFacts,
    function: FuncId,
    file: FileId,
    expr: ExprId,
    access: Access,
) -> ResourceAccess {
    ResourceAccess {
        access,
        function,
        file,
        line: facts.expr(expr).line,
        expr,
        behalf: Vec::new(),
    }
}

impl ResourceAccess {
    /// Who really does it: the callers a helper serves, or the function.
    pub fn actors(&self) -> Vec<FuncId> {
        let places = self.places().into_iter();
        places.map(|(function, ..)| function).collect()
    }

    /// Who really does it and where, in its own body.
    pub fn places(&self) -> Vec<(FuncId, FileId, u32)> {
        match self.behalf.as_slice() {
            [] => vec![(self.function, self.file, self.line)],
            behalf => behalf
                .iter()
                .map(|caller| (caller.function, caller.file, caller.line))
                .collect(),
        }
    }
}

impl Resource {
    /// True if the identity says which one it is: `{path}` alone does not.
    pub fn is_identified(&self) -> bool {
        identity::says_something(&self.identity)
    }
}
