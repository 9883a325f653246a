//! What breaks, and what it costs, when code is cut: one file per rule.

mod local_file_handoff;
mod non_idempotent_write;
mod secret_in_code;
mod shared_mutable_global;
mod shared_table;
mod support;
mod unbounded_network_call;
mod unseeded_randomness;
mod wall_clock_in_logic;

use smol_str::SmolStr;

use crate::catalog::Catalog;
use crate::effects::Effects;
use crate::graph::data::DataFlowGraph;
use crate::graph::{CallGraph, FuncId, Program};
use crate::modules::{FileId, ModuleSet};
use crate::routes::Route;
use crate::stages::{Stage, StageMap};

/// Every rule, by name.
pub static ALL: &[&dyn Hazard] = &[
    &local_file_handoff::LocalFileHandoff,
    &non_idempotent_write::NonIdempotentWrite,
    &secret_in_code::SecretInCode,
    &shared_mutable_global::SharedMutableGlobal,
    &shared_table::SharedTable,
    &unbounded_network_call::UnboundedNetworkCall,
    &unseeded_randomness::UnseededRandomness,
    &wall_clock_in_logic::WallClockInLogic,
];

/// What all rules find: worst first, then by file and line; one finding per
/// rule and place.
pub fn check_all(ctx: &Context<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for hazard in ALL {
        hazard.check(ctx, &mut found);
    }
    support::tidy(found)
}

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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::support::testing::findings;
    use super::*;

    #[test]
    fn every_file_of_the_room_is_in_the_list() {
        let room = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/hazards");
        let mut files: Vec<String> = std::fs::read_dir(room)
            .expect("the room is a folder")
            .filter_map(|entry| entry.expect("an entry").file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(".rs").map(str::to_owned))
            .filter(|name| name != "mod")
            .map(|name| name.replace('_', "-"))
            .collect();
        files.sort();
        let names: Vec<&str> = ALL.iter().map(|hazard| hazard.name()).collect();
        assert_eq!(names, files);
    }

    /// What the rules find in a fixture, with the stages that its truth says.
    fn in_fixture(name: &str, root: &str) -> String {
        use super::support::testing::{Tree, lines};
        use crate::source::{SourceOptions, SourceTree};
        use crate::syntax::python;

        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../fixtures")
            .join(name);
        let truth = std::fs::read_to_string(folder.join("truth.toml")).expect("a truth");
        let truth: toml::Table = truth.parse().expect("the truth is TOML");
        let functions = truth["function"].as_array().expect("functions");
        let stages: std::collections::HashMap<&str, &str> = functions
            .iter()
            .filter_map(|entry| Some((entry["function"].as_str()?, entry["stage"].as_str()?)))
            .collect();
        let tree = SourceTree::read(&folder, &SourceOptions::default()).expect("a tree");
        let python_files = tree.files.iter().filter(|file| file.path.ends_with(".py"));
        let facts = python_files
            .map(|file| python::lower(&file.path, &file.text).expect("the fixture is Python"))
            .collect();
        let tree = Tree::new(facts, root, |facts, qualname, _| {
            let stage = stages.get(format!("{}:{qualname}", facts.path).as_str());
            let stage = stage.and_then(|stage| Stage::from_name(stage));
            (stage.unwrap_or(Stage::None), None)
        });
        lines(&tree.modules, &check_all(&tree.context()))
    }

    #[test]
    fn churn_flask() {
        insta::assert_snapshot!(in_fixture("churn_flask", "churn_flask"), @"");
    }

    #[test]
    fn tumor_fastapi() {
        insta::assert_snapshot!(in_fixture("tumor_fastapi", "tumor_fastapi"), @"");
    }

    #[test]
    fn each_rule_finds_its_own_example() {
        for hazard in ALL {
            let text = hazard.explanation();
            for part in [
                "## What it finds",
                "## Why it matters at a cut",
                "## Example",
                "## What to do",
            ] {
                assert!(text.contains(part), "{} lacks {part}", hazard.name());
            }
            let (_, rest) = text.split_once("```python\n").expect("an example");
            let (example, _) = rest.split_once("```").expect("the example ends");
            let found = findings(*hazard, example);
            assert!(!found.is_empty(), "{} misses its example", hazard.name());
            assert!(found.iter().all(|finding| finding.hazard == hazard.name()));
        }
    }
}
