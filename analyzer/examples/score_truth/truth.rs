//! A fixture's `truth.toml`.

use serde::Deserialize;

use cutline_analyzer::cut::EntryKind;
use cutline_analyzer::effects::{Access, ResourceKind};
use cutline_analyzer::graph::data::Via;
use cutline_analyzer::stages::Stage;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    pub name: String,
    #[serde(rename = "call")]
    pub calls: Vec<Call>,
    #[serde(rename = "function")]
    pub functions: Vec<Function>,
    #[serde(rename = "route")]
    pub routes: Vec<Route>,
    #[serde(rename = "resource")]
    pub resources: Vec<Resource>,
    #[serde(rename = "flow")]
    pub flows: Vec<Flow>,
    #[serde(rename = "crossing")]
    pub crossings: Vec<Crossing>,
    #[serde(rename = "contract")]
    pub contracts: Vec<ContractEntry>,
}

#[derive(Debug, Deserialize)]
pub struct Call {
    pub caller: String,
    pub callee: String,
    /// `recorded` while the fixture's tests ran, or `by hand`.
    pub source: String,
}

#[derive(Debug, Deserialize)]
pub struct Function {
    pub function: String,
    pub stage: Stage,
}

#[derive(Debug, Deserialize)]
pub struct Route {
    pub method: String,
    pub path: String,
    pub handler: String,
    /// Pipeline stages only.
    pub stages: Vec<Stage>,
}

#[derive(Debug, Deserialize)]
pub struct Resource {
    pub kind: ResourceKind,
    pub identity: String,
    pub accesses: Vec<ResourceAccess>,
}

#[derive(Debug, Deserialize)]
pub struct ResourceAccess {
    pub access: Access,
    pub function: String,
}

#[derive(Debug, Deserialize)]
pub struct Flow {
    pub from: String,
    pub to: String,
    pub via: Via,
    #[serde(default)]
    pub name: String,
    pub file: String,
    pub line: u32,
    /// False for a flow that looks likely and is none.
    pub exists: bool,
    #[serde(default)]
    pub why: String,
}

#[derive(Debug, Deserialize)]
pub struct Crossing {
    pub from: Stage,
    pub to: Stage,
    pub via: String,
    pub name: String,
    pub writer: String,
    pub reader: String,
}

#[derive(Debug, Deserialize)]
pub struct ContractEntry {
    pub at: String,
    pub kind: EntryKind,
    pub name: String,
    pub value: String,
    pub file: String,
    pub line: u32,
}
