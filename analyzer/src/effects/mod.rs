//! What functions touch outside their own memory: files, tables, models,
//! queues, globals, environment, network, clock, randomness.

use smol_str::SmolStr;

pub use crate::catalog::Access;
use crate::graph::FuncId;
use crate::modules::FileId;
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
    _modules: &crate::modules::ModuleSet,
    _program: &crate::graph::Program,
    _catalog: &crate::catalog::Catalog,
    _call_graph: &crate::graph::CallGraph,
) -> Effects {
    Effects::default()
}
