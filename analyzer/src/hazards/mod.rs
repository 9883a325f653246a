//! What breaks, and what it costs, when code is cut: one file per rule.

use smol_str::SmolStr;

use crate::catalog::Catalog;
use crate::effects::Effects;
use crate::graph::data::DataFlowGraph;
use crate::graph::{CallGraph, FuncId, Program};
use crate::modules::{FileId, ModuleSet};
use crate::routes::Route;
use crate::stages::{Stage, StageMap};

/// A rule. Its file holds the rule, its text and its tests.
pub trait Hazard: Sync {
    /// The name users see: `shared-mutable-global`.
    fn name(&self) -> &'static str;
    /// What `cutline explain` prints: what it finds, why it matters at a cut,
    /// an example, what to do.
    fn explanation(&self) -> &'static str;
    /// Adds what it finds.
    fn check(&self, ctx: &Context<'_>, found: &mut Vec<Finding>);
}

/// All that a rule can look at.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "each field is the room of its type")]
pub struct Context<'a> {
    pub modules: &'a ModuleSet,
    pub program: &'a Program,
    pub catalog: &'a Catalog,
    pub call_graph: &'a CallGraph,
    pub data_flow: &'a DataFlowGraph,
    pub effects: &'a Effects,
    pub routes: &'a [Route],
    pub stages: &'a StageMap,
}

/// What a rule found at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule's name.
    pub hazard: &'static str,
    /// How bad it is at a cut.
    pub severity: Severity,
    /// Where: the file.
    pub file: FileId,
    /// The line.
    pub line: u32,
    /// The function it stands in.
    pub function: FuncId,
    /// One sentence that names the things and places concerned. Never the
    /// text of a secret.
    pub message: String,
    /// What to do, in one sentence.
    pub mend: String,
    /// Stages on both sides, where the finding is about a boundary.
    pub between: Option<(Stage, Stage)>,
    /// Other places that belong to it: who else reads or writes.
    pub related: Vec<(FileId, u32, SmolStr)>,
}

/// How bad a finding is at a cut.
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
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Raises the price of the cut.
    Costs,
    /// The cut cannot be made before it is mended.
    Blocks,
}
