//! A fixture's `truth.toml`.

use serde::Deserialize;

use cutline_analyzer::cut::EntryKind;
use cutline_analyzer::effects::{Access, ResourceKind};
use cutline_analyzer::graph::data::Via;
use cutline_analyzer::stages::Stage;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Truth {
    pub(crate) name: String,
    #[serde(rename = "call")]
    pub(crate) calls: Vec<Call>,
    #[serde(rename = "function")]
    pub(crate) functions: Vec<Function>,
    #[serde(rename = "route")]
    pub(crate) routes: Vec<Route>,
    #[serde(rename = "resource")]
    pub(crate) resources: Vec<Resource>,
    #[serde(rename = "flow")]
    pub(crate) flows: Vec<Flow>,
    #[serde(rename = "crossing")]
    pub(crate) crossings: Vec<Crossing>,
    #[serde(rename = "contract")]
    pub(crate) contracts: Vec<ContractEntry>,
    #[serde(rename = "hazard", default)]
    pub(crate) hazards: Vec<Hazard>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Call {
    pub(crate) caller: String,
    pub(crate) callee: String,
    /// `recorded` while the fixture's tests ran, or `by hand`.
    pub(crate) source: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Function {
    pub(crate) function: String,
    pub(crate) stage: Stage,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Route {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) handler: String,
    /// Pipeline stages only.
    pub(crate) stages: Vec<Stage>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Resource {
    pub(crate) kind: ResourceKind,
    pub(crate) identity: String,
    pub(crate) accesses: Vec<ResourceAccess>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ResourceAccess {
    pub(crate) access: Access,
    pub(crate) function: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Flow {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) via: Via,
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) line: u32,
    /// False for a flow that looks likely and is none.
    pub(crate) exists: bool,
    #[serde(default)]
    pub(crate) why: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Crossing {
    pub(crate) from: Stage,
    pub(crate) to: Stage,
    pub(crate) via: String,
    pub(crate) name: String,
    pub(crate) writer: String,
    pub(crate) reader: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ContractEntry {
    pub(crate) at: String,
    pub(crate) kind: EntryKind,
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) file: String,
    pub(crate) line: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Hazard {
    /// The rule.
    pub(crate) hazard: String,
    /// What it is about: a file, a table, a global.
    #[serde(default)]
    pub(crate) name: String,
    /// Those that have part in it; a finding may stand in any of them.
    pub(crate) functions: Vec<String>,
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) why: String,
}
