//! Where to cut, at what price, with which contract, in which order.

mod assign;
mod contract;
mod crossings;
mod making;
mod order;
mod price;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod testing;

pub use making::{Making, Prediction, Says, Test};
use smol_str::SmolStr;

use crate::graph::FuncId;
use crate::graph::data::Via;
use crate::hazards::{Context, Finding};
use crate::modules::FileId;
use crate::stages::Stage;

/// The plan.
#[derive(Clone, Debug, Default)]
pub struct CutPlan {
    /// One per pair of stages with a crossing, dearest first.
    pub lines: Vec<CutLine>,
    /// Functions that several stages need.
    pub shared: Vec<SharedFunction>,
    /// In which order to extract, first step first.
    pub order: Vec<Step>,
    /// Contracts of crossings and routes.
    pub contracts: Vec<Contract>,
    /// What preparation and training do to tables, in order.
    pub operations: Vec<Operation>,
}

/// A boundary between two stages.
#[derive(Clone, Debug, PartialEq)]
pub struct CutLine {
    /// Upstream side.
    pub from: Stage,
    /// Downstream side.
    pub to: Stage,
    /// Sum of its crossings' prices.
    pub price: f64,
    /// What passes.
    pub crossings: Vec<Crossing>,
    /// It cannot be cut as it is: why.
    pub blocked: Option<String>,
}

/// An edge over a boundary.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossing {
    /// Where data or control comes from.
    pub from: FuncId,
    /// Where it goes.
    pub to: FuncId,
    /// How it passes; `None` for a call that passes no data.
    pub via: Option<Via>,
    /// Parameter, file, table, global.
    pub name: SmolStr,
    /// Where: the file.
    pub file: FileId,
    /// The line.
    pub line: u32,
    /// What cutting it costs.
    pub price: f64,
    /// What it becomes: a queue message, a blob, a library call.
    pub becomes: &'static str,
}

/// A function that several stages call.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedFunction {
    /// Which.
    pub function: FuncId,
    /// The stages that call it.
    pub stages: Vec<Stage>,
    /// Copy it, make it a library, or split it.
    pub advice: Advice,
    /// Why.
    pub reason: String,
}

/// What to do with a shared function.
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
pub enum Advice {
    /// Small and without state: copy it into each stage.
    Duplicate,
    /// Make it a library that the stages share.
    Library,
    /// It does the work of several stages: split it.
    Split,
}

/// One step of the order.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What is extracted.
    pub stage: Stage,
    /// Why now.
    pub reasons: Vec<String>,
}

/// What must pass at a crossing or a route.
#[derive(Clone, Debug, PartialEq)]
pub struct Contract {
    /// At which boundary or route.
    pub at: ContractPlace,
    /// A route takes from its request the fields that it names, and no others
    /// reach anything.
    pub ignores: bool,
    /// Its entries, by kind and name.
    pub entries: Vec<ContractEntry>,
}

/// What a contract is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ContractPlace {
    /// Between two stages.
    Line(Stage, Stage),
    /// A route: index into the routes.
    Route(usize),
}

/// One entry of a contract.
#[derive(Clone, Debug, PartialEq)]
pub struct ContractEntry {
    /// What kind of entry.
    pub kind: EntryKind,
    /// Column, file, field, `LogisticRegression.C`.
    pub name: SmolStr,
    /// Type, class path, literal or short form of the transformation;
    /// `None` is unknown.
    pub value: Option<SmolStr>,
    /// A field that may be left out, by its declaration.
    pub optional: bool,
    /// How a field of an answer is made; `None` where the code does not say.
    pub made: Option<Making>,
    /// Where the code says it, or where to look: the file.
    pub file: FileId,
    /// The line.
    pub line: u32,
}

/// What is done to a table, or learnt from it, in the words of
/// `functions.toml`: the kind and keys of a step. Beside those `read` (a table
/// that is read), `label` (the column to be predicted) and `model`; `TODO` for
/// a transformer that the runtime has no step for.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Preprocessing, or training for what is part of the model.
    pub stage: Stage,
    /// `impute`, `one-hot`, …
    pub kind: SmolStr,
    /// Its keys, in the order in which they are written.
    pub keys: Vec<Key>,
    /// It is done to rows that are trained on, and not to those of a request.
    pub only_fit: bool,
    /// Where the code says it: the file.
    pub file: FileId,
    /// The line.
    pub line: u32,
}

/// Kinds of an [`Operation`] that are no steps.
pub(crate) const NO_STEPS: [&str; 5] = ["label", "metric", "model", "optional", "read"];

impl Operation {
    /// It is a step of preparation.
    pub(crate) fn is_step(&self) -> bool {
        !NO_STEPS.contains(&self.kind.as_str())
    }
}

/// A key of an [`Operation`].
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// `columns`, `with`, …
    pub name: SmolStr,
    /// Its value; `None` where the code does not say.
    pub value: Option<serde_json::Value>,
}

/// Kinds of [`ContractEntry`].
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
pub enum EntryKind {
    /// A column with its type.
    Column,
    /// A file.
    File,
    /// A table.
    Table,
    /// A field of a request.
    RequestField,
    /// A field of a response.
    ResponseField,
    /// The class of an estimator.
    Estimator,
    /// A literal argument of it.
    Parameter,
    /// A transformation of columns.
    Transform,
}

/// Where to cut, from all that the earlier rooms found. The same context and
/// findings, in whatever order they are listed, give the same plan.
pub fn plan(ctx: &Context<'_>, findings: &[Finding]) -> CutPlan {
    let stages = assign::assign(ctx);
    let edges = crossings::crossings(ctx, &stages);
    let shared = assign::shared(ctx, &stages);
    let libraries = shared
        .iter()
        .filter(|shared| shared.advice != Advice::Split)
        .map(|shared| (shared.function, shared.advice))
        .collect();
    let prices = price::Prices::new(ctx, findings, libraries);
    let lines = price::lines(&prices, &edges);
    let order = order::order(ctx, findings, &stages, &lines);
    let (contracts, operations) = contract::contracts(ctx, &stages, &lines);
    CutPlan {
        lines,
        shared,
        order,
        contracts,
        operations,
    }
}
