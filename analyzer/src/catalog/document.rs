//! The shape of a catalog file.

use std::collections::BTreeMap;

use serde::Deserialize;
use smol_str::SmolStr;

/// One file of the catalog.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogFile {
    /// The library's name as people write it.
    pub library: SmolStr,
    /// Names under which it is imported.
    pub imports: Vec<SmolStr>,
    /// The language it is for, `python` if nothing is said: receivers that
    /// nothing types are guessed by the methods of its own language.
    #[serde(default)]
    pub language: CatalogLanguage,
    /// It comes with the language, or does what such libraries do: no news in
    /// a summary.
    #[serde(default)]
    pub standard: bool,
    /// What its calls do outside, they do while their thread goes on: it is
    /// made for `async`.
    #[serde(default)]
    pub asynchronous: bool,
    /// Stage evidence of any call into the library without an entry.
    #[serde(default)]
    pub stages: BTreeMap<SmolStr, f64>,
    /// Other public paths of the same thing: path to canonical path.
    #[serde(default)]
    pub alias: BTreeMap<SmolStr, SmolStr>,
    /// Types.
    #[serde(default, rename = "type")]
    pub types: Vec<TypeEntry>,
    /// Functions, methods and constructors.
    #[serde(default, rename = "call")]
    pub calls: Vec<CallEntry>,
}

/// The language a file of the catalog is for.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum CatalogLanguage {
    /// Python.
    #[default]
    Python,
    /// Rust.
    Rust,
}

/// One or several names.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Names {
    /// One.
    One(SmolStr),
    /// Several that are alike.
    Several(Vec<SmolStr>),
}

impl Names {
    /// The names.
    pub fn iter(&self) -> std::slice::Iter<'_, SmolStr> {
        match self {
            Names::One(name) => std::slice::from_ref(name).iter(),
            Names::Several(names) => names.iter(),
        }
    }
}

/// A type of a library. `name = "m.*"` stands for every class of `m`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeEntry {
    /// Qualified name.
    pub name: Names,
    /// Types whose entries it inherits; they need not exist in the library
    /// (`sklearn.Estimator` stands for a manner of classes).
    #[serde(default)]
    pub bases: Vec<SmolStr>,
    /// Types of attributes.
    #[serde(default)]
    pub attributes: BTreeMap<SmolStr, SmolStr>,
    /// Type of an item, and of what iteration gives.
    pub item: Option<SmolStr>,
    /// Its instances are models: they are trained, kept and served.
    #[serde(default)]
    pub estimator: bool,
    /// Its instances keep what is put into them, for other functions to take
    /// out: an application's state, a request's globals. All of them are one.
    #[serde(default)]
    pub keeps: bool,
    /// Its methods are made for `async`, or are not, whatever the rest of the
    /// library is.
    pub asynchronous: Option<bool>,
}

/// What calling something does.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallEntry {
    /// Qualified name: `pandas.read_csv`, `pandas.DataFrame.to_csv`; a last
    /// part `*` stands for every member without an entry.
    pub name: Names,
    /// Type of the result: a qualified name, `self` for the receiver,
    /// `argument 0` for what is given there, `callback` for what the functions
    /// it calls return, `self or callback` for either.
    pub returns: Option<SmolStr>,
    /// Positions of arguments that the result can be instead.
    #[serde(default)]
    pub alternatives: Vec<u32>,
    /// Its receiver becomes what a conversion of the tree makes of it, if one
    /// takes it (Rust's `into` and `From`).
    #[serde(default)]
    pub converts: bool,
    /// What it does outside the process's own memory.
    #[serde(default)]
    pub effects: Vec<EffectEntry>,
    /// Stage evidence, as log-odds: 0.5 a hint, 1 clear, 2 strong.
    #[serde(default)]
    pub stages: BTreeMap<SmolStr, f64>,
    /// Arguments it calls before it returns.
    #[serde(default)]
    pub calls: Vec<ArgumentRef>,
    /// Arguments it keeps, for something else to call later.
    #[serde(default)]
    pub registers: Vec<ArgumentRef>,
    /// Methods of its receiver that it calls, when a class of the tree
    /// overrides them: `run` for `threading.Thread.start`.
    #[serde(default)]
    pub invokes: Vec<SmolStr>,
    /// What its thread stands still for, where the effects do not say.
    pub blocks: Option<Blocks>,
    /// What it does to columns, in one word: `one-hot`, `bins`, `fill`, …
    pub transform: Option<SmolStr>,
}

/// What a thread stands still for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
pub enum Blocks {
    /// Nothing, whatever the effects are.
    Nothing,
    /// Files.
    File,
    /// A database or store.
    Database,
    /// An answer over the network.
    Network,
    /// Another process.
    Process,
    /// A computation that takes long: a model is trained.
    Computation,
    /// Time to pass, or another thread.
    Wait,
}

/// Which argument, by name, by position (receiver not counted), or both.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct ArgumentRef {
    /// Name.
    pub argument: Option<SmolStr>,
    /// Position from 0.
    pub position: Option<u32>,
}

/// One effect of a call.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EffectEntry {
    /// What is done.
    pub does: Access,
    /// To what kind of thing.
    pub on: Matter,
    /// The argument that names it.
    pub argument: Option<SmolStr>,
    /// Its position from 0; the receiver is not counted.
    pub position: Option<u32>,
    /// The thing is named by the receiver (a path, a handle, a client).
    #[serde(default)]
    pub receiver: bool,
    /// The thing's name, where the call itself says it.
    pub identity: Option<SmolStr>,
    /// The argument that changes `does`.
    pub mode: Option<Mode>,
    /// The effect is absent when one of these arguments is given and is not
    /// `None`: a seed, an explicit clock.
    #[serde(default)]
    pub unless: Vec<SmolStr>,
    /// The argument that bounds the wait of a network call.
    pub timeout: Option<SmolStr>,
}

/// An argument whose text changes what is done: `open`'s mode, `if_exists`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mode {
    /// Name.
    pub argument: Option<SmolStr>,
    /// Position from 0.
    pub position: Option<u32>,
    /// First match wins: text that the argument contains, and what is done.
    pub when: Vec<(SmolStr, Access)>,
}

/// What is done to a resource.
#[derive(
    Clone,
    Copy,
    Debug,
    Deserialize,
    serde::Serialize,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Looked at.
    Read,
    /// Replaced: doing it twice is doing it once.
    Write,
    /// Added to: doing it twice adds twice.
    Append,
    /// Removed.
    Delete,
    /// Used in some other way: a request sent, a process started.
    Use,
}

/// Kinds of things outside a function's own memory.
#[derive(
    Clone, Copy, Debug, Deserialize, serde::Serialize, PartialEq, Eq, Hash, PartialOrd, Ord,
)]
#[serde(rename_all = "kebab-case")]
pub enum Matter {
    /// A file or folder, named by its path or an open handle.
    File,
    /// A table, named by its name.
    Table,
    /// Tables, named inside SQL text.
    Sql,
    /// A queue or topic.
    Queue,
    /// A blob or object in a bucket.
    Blob,
    /// A trained model in a registry or hub, named by its name.
    Model,
    /// A run or metric in an experiment tracker.
    Tracking,
    /// A key in a cache or key-value store.
    Cache,
    /// A database as a whole: a connection is opened.
    Database,
    /// A secret.
    Secret,
    /// An environment variable.
    Environment,
    /// A request over the network, named by its URL.
    Network,
    /// The wall clock.
    Clock,
    /// A random number.
    Randomness,
    /// Another process.
    Process,
    /// A thread or background job.
    Thread,
    /// A log line.
    Log,
}
