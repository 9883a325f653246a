//! The report as data: what `report.json` holds.
//!
//! Every list is sorted, so the same input gives the same bytes. A function is
//! written `file:qualname`; `qualname` is Python's `__qualname__` (in Rust
//! `A::b`), `<module>` for code at module level.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::catalog::Access;
use crate::cut::{Advice, EntryKind, Making};
use crate::effects::ResourceKind;
use crate::graph::data::Via;
use crate::hazards::Severity;
use crate::routes::RouteKind;
use crate::stages::Stage;

/// A split report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Version of this document's shape.
    pub schema: u32,
    /// Name of the analysed folder.
    pub name: String,
    /// What was read.
    pub summary: Summary,
    /// One entry per stage, in the order of data, then shared and none.
    pub stages: Vec<StageEntry>,
    /// Every function, by file and line. Module bodies that do something are
    /// functions too.
    pub functions: Vec<FunctionEntry>,
    /// What functions touch outside their own memory.
    pub resources: Vec<ResourceEntry>,
    /// Ways in.
    pub routes: Vec<RouteEntry>,
    /// Where it listens; nothing where the code does not say it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub listens: Option<ListenEntry>,
    /// Calls inside the tree.
    pub calls: Vec<CallEntry>,
    /// Where data goes.
    pub flows: Vec<FlowEntry>,
    /// Edges over boundaries, dearest first within a boundary.
    pub crossings: Vec<CrossingEntry>,
    /// What must pass at boundaries and routes.
    pub contracts: Vec<ContractEntryDoc>,
    /// What preparation and training do to tables, in order.
    #[serde(default)]
    pub operations: Vec<OperationEntry>,
    /// What the hazard rules found.
    pub findings: Vec<FindingEntry>,
    /// Where to cut.
    pub cut: CutEntry,
    /// In which order to extract the stages.
    pub order: Vec<StepEntry>,
    /// What was left out, and why.
    pub skipped: Vec<SkippedEntry>,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Source files analysed.
    pub files: usize,
    /// Their lines.
    pub lines: usize,
    /// Languages.
    pub languages: Vec<String>,
    /// Libraries used that the catalog knows, most used first.
    pub libraries: Vec<String>,
    /// Web and pipeline frameworks found.
    pub frameworks: Vec<String>,
}

/// Where the monolith listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListenEntry {
    /// Its port, as long as the environment says no other.
    pub port: u16,
    /// Where the code says it.
    pub place: Place,
}

/// A place in the code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// Relative to the analysed folder.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// For a notebook: the number of the code cell.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cell: Option<u32>,
    /// The line's text, trimmed; secrets masked.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub code: String,
}

/// A stage as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StageEntry {
    /// Which.
    pub stage: Stage,
    /// Number of functions.
    pub functions: usize,
    /// HTTP routes whose handler belongs to it: `POST /predict`.
    pub routes: Vec<String>,
    /// Mean confidence of its functions; absent when it has none.
    pub confidence: Option<f64>,
}

/// A function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FunctionEntry {
    /// `file:qualname`
    pub id: String,
    /// Relative to the analysed folder.
    pub file: String,
    /// Qualified name.
    pub qualname: String,
    /// Line of `def` or `fn`.
    pub line: u32,
    /// Last line.
    pub end_line: u32,
    /// Its stage.
    pub stage: Stage,
    /// How often such a verdict is right: 0 to 1.
    pub confidence: f64,
    /// Share of each stage that has one.
    pub distribution: BTreeMap<String, f64>,
    /// Why, strongest first.
    pub evidence: Vec<EvidenceEntry>,
    /// Pinned by `cutline.toml`.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub pinned: bool,
}

/// One reason for a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceEntry {
    /// For which stage.
    pub stage: Stage,
    /// Log-odds.
    pub weight: f64,
    /// In words.
    pub reason: String,
    /// Where; 0 where it has no line.
    pub line: u32,
}

/// A resource and who touches it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceEntry {
    /// What it is.
    pub kind: ResourceKind,
    /// Which one.
    pub identity: String,
    /// Who touches it.
    pub accesses: Vec<AccessEntry>,
}

/// One touch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccessEntry {
    /// What is done.
    pub access: Access,
    /// Who: the file.
    pub file: String,
    /// Who: the function.
    pub qualname: String,
    /// Where, in that file.
    pub line: u32,
    /// The small helper that does it for the function, which says what is
    /// touched, as `file:qualname`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub through: Option<String>,
}

/// A way in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RouteEntry {
    /// What kind of way.
    pub kind: RouteKind,
    /// `GET`, `POST`, …; empty for what is not HTTP.
    pub method: String,
    /// Path template, or name.
    pub path: String,
    /// Who answers: `file:qualname`.
    pub handler: String,
    /// Where it is declared.
    pub place: Place,
    /// Framework.
    pub framework: String,
    /// Stage of the handler.
    pub stage: Stage,
    /// Every stage its calls reach, in the order of data.
    pub stages: Vec<Stage>,
    /// Functions it reaches, as `file:qualname`.
    pub reaches: Vec<String>,
    /// It spans several stages and must be split.
    pub fat: bool,
    /// What it changes outside: `writes table customers`; empty when nothing.
    pub side_effects: Vec<String>,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallEntry {
    /// `file:qualname`
    pub caller: String,
    /// `file:qualname`
    pub callee: String,
    /// Line of the call in the caller's file.
    pub line: u32,
    /// `certain`, `inferred` or `guessed`.
    pub certainty: String,
}

/// A flow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FlowEntry {
    /// `file:qualname`
    pub from: String,
    /// `file:qualname`
    pub to: String,
    /// How.
    pub via: Via,
    /// Parameter, attribute, global, file or table.
    pub name: String,
    /// Where it passes.
    pub file: String,
    /// The line.
    pub line: u32,
}

/// An edge over a boundary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CrossingEntry {
    /// Upstream stage.
    pub from_stage: Stage,
    /// Downstream stage.
    pub to_stage: Stage,
    /// `file:qualname`
    pub from: String,
    /// `file:qualname`
    pub to: String,
    /// How: as in flows, or `call`.
    pub via: String,
    /// Parameter, file, table, global.
    pub name: String,
    /// Where it passes.
    pub place: Place,
    /// The other end: the definition or access on the far side.
    pub far: Place,
    /// What cutting it costs.
    pub price: f64,
    /// What it becomes.
    pub becomes: String,
}

/// What must pass at one boundary or route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContractEntryDoc {
    /// `preprocessing -> training`, or `POST /predict`.
    pub at: String,
    /// A route takes the fields that it names, whatever else a request has.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub ignores: bool,
    /// Its entries.
    pub entries: Vec<ContractItem>,
    /// Of a route: the JSON Schema (draft 2020-12) of the request's fields,
    /// those of the path and the query among them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request: Option<serde_json::Value>,
    /// Of a route: the JSON Schema of the answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub response: Option<serde_json::Value>,
}

/// One entry of a contract.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContractItem {
    /// What kind.
    pub kind: EntryKind,
    /// Column, file, field, parameter.
    pub name: String,
    /// Type, class, literal or short form; `unknown` where nobody knows.
    pub value: String,
    /// A field that may be left out, by its declaration.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub optional: bool,
    /// How a field of an answer is made; nothing where the code does not say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub made: Option<Making>,
    /// Where the code says it, or where to look.
    pub place: Place,
}

/// What is done to a table, as a step of `functions.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperationEntry {
    /// Preprocessing, or training for what is part of the model.
    pub stage: Stage,
    /// The kind of step; also `read` (a table that is read), `label`, `model`,
    /// and `TODO` for a transformer that there is no step for.
    pub kind: String,
    /// Its keys, in the order in which they are written.
    pub keys: Vec<KeyEntry>,
    /// It is done to rows that are trained on, and not to those of a request.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub only_fit: bool,
    /// Where the code says it.
    pub place: Place,
}

/// A key of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KeyEntry {
    /// `columns`, `with`, …
    pub name: String,
    /// Its value; absent where the code does not say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<serde_json::Value>,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FindingEntry {
    /// The rule.
    pub hazard: String,
    /// How bad.
    pub severity: Severity,
    /// Where.
    pub place: Place,
    /// In which function: `file:qualname`.
    pub function: String,
    /// One sentence.
    pub message: String,
    /// What to do.
    pub mend: String,
    /// Stages on both sides: `[training, inference]`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub between: Vec<Stage>,
    /// Other places, with a word each.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub related: Vec<Related>,
    /// The setting that replaces a secret: an environment variable.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub setting: Option<String>,
}

/// Another place of a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Related {
    /// Where.
    pub place: Place,
    /// What happens there.
    pub what: String,
}

/// The cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CutEntry {
    /// Price of the whole plan.
    pub price: f64,
    /// One line per boundary, dearest first.
    pub lines: Vec<LineEntry>,
    /// Functions that several stages need.
    pub shared: Vec<SharedEntry>,
}

/// A boundary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LineEntry {
    /// Upstream side.
    pub from: Stage,
    /// Downstream side.
    pub to: Stage,
    /// Sum of its crossings' prices.
    pub price: f64,
    /// Number of crossings.
    pub crossings: usize,
    /// One sentence on the crossing that matters most.
    pub headline: String,
    /// Why it cannot be cut as it is; empty when it can.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub blocked: String,
}

/// A shared function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SharedEntry {
    /// `file:qualname`
    pub function: String,
    /// Line of its definition.
    pub line: u32,
    /// Stages that call it.
    pub stages: Vec<Stage>,
    /// What to do.
    pub advice: Advice,
    /// Why.
    pub reason: String,
}

/// A step of the order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepEntry {
    /// What is extracted.
    pub stage: Stage,
    /// Why now.
    pub reasons: Vec<String>,
}

/// A file left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SkippedEntry {
    /// Relative to the analysed folder.
    pub file: String,
    /// Why.
    pub reason: String,
}
