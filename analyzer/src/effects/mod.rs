//! What functions touch outside their own memory: files, tables, models,
//! queues, globals, environment, network, clock, randomness.

mod identity;
mod sql;

use std::collections::BTreeMap;

use smol_str::SmolStr;

pub use crate::catalog::Access;
use crate::catalog::{Catalog, EffectEntry, Matter};
use crate::graph::data::{DataFlowGraph, Via, pairs};
use crate::graph::globals::GlobalAccess;
use crate::graph::{CallGraph, FuncId, LibraryCall, Program};
use crate::modules::{FileId, ModuleSet};
use crate::syntax::facts::ExprId;

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
    /// Callers on whose behalf a small helper does it.
    pub behalf: Vec<FuncId>,
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
            found.add(modules, catalog, call, effect);
        }
    }
    for access in globals {
        found.global(modules, program, globals, access);
    }
    found.finish()
}

#[derive(Default)]
struct Found {
    resources: BTreeMap<(ResourceKind, SmolStr), Vec<ResourceAccess>>,
    effects: Vec<Effect>,
}

impl Found {
    fn add(
        &mut self,
        modules: &ModuleSet,
        catalog: &Catalog,
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
            Matter::Sql => return self.sql(modules, call, effect),
            Matter::Network => return self.effect(EffectKind::Network, call, effect),
            Matter::Clock => return self.effect(EffectKind::Clock, call, effect),
            Matter::Randomness => return self.effect(EffectKind::Randomness, call, effect),
            Matter::Process => return self.effect(EffectKind::Process, call, effect),
            Matter::Thread => return self.effect(EffectKind::Thread, call, effect),
            Matter::Log => return self.effect(EffectKind::Log, call, effect),
            // A connection carries nothing by itself.
            Matter::Database => return,
        };
        for name in identity::names(modules, call, effect) {
            let kind = identity::refine(catalog, call, kind, &name);
            self.touch(kind, name, does, call);
        }
    }

    fn sql(&mut self, modules: &ModuleSet, call: &LibraryCall, effect: &EffectEntry) {
        for text in identity::names(modules, call, effect) {
            for (table, does) in sql::tables(&text) {
                self.touch(ResourceKind::Table, table, does, call);
            }
        }
    }

    fn touch(&mut self, kind: ResourceKind, name: SmolStr, does: Access, call: &LibraryCall) {
        let accesses = self.resources.entry((kind, name)).or_default();
        let access = ResourceAccess {
            access: does,
            function: call.caller,
            file: call.file,
            line: call.line,
            expr: call.expr,
            behalf: call.behalf.clone(),
        };
        if !accesses.contains(&access) {
            accesses.push(access);
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
        all: &[GlobalAccess],
        access: &GlobalAccess,
    ) {
        let same = |other: &&GlobalAccess| other.owner == access.owner && other.name == access.name;
        let start =
            all.partition_point(|other| (other.owner, &other.name) < (access.owner, &access.name));
        let is_module = |func: FuncId| program.function(func).parent.is_none();
        let changed = all[start..]
            .iter()
            .take_while(same)
            .any(|other| other.writes && !is_module(other.function));
        if !changed || is_module(access.function) {
            return;
        }
        let identity = format!("{}:{}", modules.facts(access.owner).path, access.name);
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

    fn finish(self) -> Effects {
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
        }
    }
}

impl ResourceAccess {
    /// Who really does it: the callers a helper serves, or the function.
    pub fn actors(&self) -> Vec<FuncId> {
        match self.behalf.as_slice() {
            [] => vec![self.function],
            behalf => behalf.to_vec(),
        }
    }
}

impl Resource {
    /// True if the identity says which one it is: `{path}` alone does not.
    pub fn is_identified(&self) -> bool {
        identity::says_something(&self.identity)
    }
}

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
                .flat_map(|access| {
                    let actors = access.actors().into_iter();
                    actors.map(|actor| (actor, access.file, access.line))
                })
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
    data_flow.tidy();
}
