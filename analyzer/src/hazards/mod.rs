//! What breaks, and what it costs, when code is cut: one file per rule.

mod blocking_call_in_async;
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

pub use secret_in_code::{SecretPlace, secret_line, secrets};

use crate::catalog::Catalog;
use crate::effects::Effects;
use crate::graph::data::DataFlowGraph;
use crate::graph::{CallGraph, FuncId, Program};
use crate::modules::{FileId, ModuleSet};
use crate::routes::Route;
use crate::stages::{Stage, StageMap};

/// Every rule, by name.
pub static ALL: &[&dyn Hazard] = &[
    &blocking_call_in_async::BlockingCallInAsync,
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
    /// The setting that replaces a secret.
    pub setting: Option<String>,
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
        insta::assert_snapshot!(in_fixture("churn_flask", "churn_flask"), @r#"
        churn/evaluate.py:71 blocks table models has 3 writers: training inserts (churn/training.py:37), evaluation updates (churn/evaluate.py:71) and deployment updates (churn/deploy.py:63 and churn/deploy.py:64)
        churn/state.py:7 blocks MODEL is replaced by churn/deploy.py:55 (deployment) while churn/serve.py:28 (inference) reads it
        churn/state.py:8 blocks MODEL_VERSION is replaced by churn/deploy.py:56 (deployment) while churn/app.py:54 (inference), churn/serve.py:97 (inference) and churn/serve.py:131 (inference) read it
        churn/state.py:11 blocks CACHE is changed by churn/deploy.py:57 (deployment) while churn/serve.py:102 (inference) reads it
        churn/state.py:14 blocks RECENT_PREDICTIONS is changed by churn/serve.py:70 (inference) while churn/monitor.py:49 (monitoring) and churn/monitor.py:88 (monitoring) read it
        churn/state.py:17 blocks RETRAIN_REQUESTS is changed by churn/monitor.py:62 (monitoring) while churn/training.py:94 (training) reads it
        churn/clean.py:63 costs {CHURN_HOME}/fill.json is written by churn/clean.py:63 (preprocessing) and churn/clean.py:68 (inference) reads it
        churn/config.py:22 costs BILLING_API_KEY at churn/config.py:22 is a secret that stands in the code
        churn/config.py:25 costs CHURN_TOKEN at churn/config.py:25 falls back to a secret that stands in the code
        churn/db.py:73 costs churn/db.py:73 adds rows to outcomes and payments without a key: a retry of load_payments and record_outcomes doubles them
        churn/deploy.py:49 costs {CHURN_HOME}/current.joblib is written by churn/deploy.py:49 (deployment) and churn/serve.py:33 (inference) reads it
        churn/deploy.py:72 costs requests.post to {CHURN_WEBHOOK_URL} at churn/deploy.py:72 (deployment) has no time limit, and nothing handles its failure
        churn/evaluate.py:65 costs {CHURN_HOME}/thresholds.json is written by churn/evaluate.py:65 (evaluation) and churn/serve.py:39 (inference) reads it
        churn/ingest.py:64 costs churn/ingest.py:64 appends to {CHURN_HOME}/raw/customers-{utcnow}.csv: a retry of keep_copy appends the same again
        churn/ingest.py:95 costs churn/ingest.py:95 adds rows to customers without a key: a retry of load_customers doubles them
        churn/ingest.py:107 costs churn/ingest.py:107 adds rows to calls without a key: a retry of load_calls doubles them
        churn/ingest.py:119 costs requests.get to {CHURN_BILLING_URL}/payments at churn/ingest.py:119 (ingestion) has no time limit, and nothing handles its failure
        churn/monitor.py:49 costs the wall clock, read at churn/util.py:27, decides a comparison at churn/monitor.py:49
        churn/monitor.py:62 costs churn/monitor.py:62 sends to churn/state.py:RETRAIN_REQUESTS: a retry of request_retraining sends the same again
        churn/monitor.py:81 costs the wall clock, read at churn/util.py:27, becomes column seen_at at churn/monitor.py:81
        churn/prepare.py:28 costs the seed of train_test_split at churn/prepare.py:28 (preprocessing) can be None
        churn/prepare.py:37 costs {CHURN_HOME}/train.csv is written by churn/prepare.py:37 (preprocessing) and churn/training.py:20 (training) reads it
        churn/prepare.py:38 costs {CHURN_HOME}/test.csv is written by churn/prepare.py:38 (preprocessing) and churn/evaluate.py:39 (evaluation) reads it
        churn/prepare.py:44 costs {CHURN_HOME}/reference.csv is written by churn/prepare.py:44 (preprocessing) and churn/monitor.py:41 (monitoring) reads it
        churn/serve.py:106 costs the wall clock decides a comparison at churn/serve.py:106
        churn/trainers.py:88 costs the seed of RandomForestClassifier at churn/trainers.py:88 (training) can be None
        churn/training.py:34 costs {CHURN_HOME}/models/v{}.joblib is written by churn/training.py:34 (training) and churn/evaluate.py:46 (evaluation) reads it
        churn/training.py:80 costs the wall clock, read at churn/util.py:27, decides a comparison at churn/training.py:80
        churn/training.py:127 costs churn/training.py:127 sends to churn/state.py:RETRAIN_REQUESTS: a retry of train_route sends the same again
        churn/evaluate.py:69 note {CHURN_HOME}/models/v{}.metrics.json is written by churn/evaluate.py:69 (evaluation) and churn/deploy.py:36 (evaluation) reads it
        churn/ingest.py:64 note the wall clock, read at churn/util.py:27, is part of a file's name at churn/ingest.py:64
        churn/monitor.py:62 note the wall clock, read at churn/util.py:27, is stored in queue churn/state.py:RETRAIN_REQUESTS at churn/monitor.py:62
        churn/pipeline.py:76 note the wall clock, read at churn/util.py:27, is part of a file's name at churn/pipeline.py:76
        churn/prepare.py:56 note the wall clock, read at churn/util.py:27, is kept in LAST_RUN at churn/prepare.py:56
        churn/serve.py:70 note churn/serve.py:70 adds an entry to RECENT_PREDICTIONS: a retry of remember adds it again
        churn/serve.py:70 note the wall clock, read at churn/util.py:27, is kept in RECENT_PREDICTIONS at churn/serve.py:70
        churn/serve.py:130 note the wall clock is kept in CACHE at churn/serve.py:130
        churn/training.py:37 note churn/training.py:37 inserts into models, whose key makes a retry of save_model fail
        churn/training.py:37 note the wall clock, read at churn/util.py:27, is stored in table models at churn/training.py:37
        churn/util.py:13 note TIMINGS is changed by churn/util.py:40 (called by ingestion, preprocessing, training and inference) while churn/web.py:21 (none) reads it
        "#);
    }

    #[test]
    fn tumor_fastapi() {
        insta::assert_snapshot!(in_fixture("tumor_fastapi", "tumor_fastapi"), @r#"
        src/tumor/features.py:37 costs the seed of train_test_split at src/tumor/features.py:37 (preprocessing) can be None
        src/tumor/features.py:60 costs {TUMOR_HOME}/work/reference.json is written by src/tumor/features.py:60 (preprocessing) and src/tumor/monitor.py:20 (monitoring) reads it
        src/tumor/ingest.py:25 costs {TUMOR_HOME}/data/raw.csv is written by src/tumor/ingest.py:25 (ingestion) and src/tumor/pipeline.py:63 (preprocessing) reads it
        src/tumor/pipeline.py:68 costs {TUMOR_HOME}/work/test.csv is written by src/tumor/pipeline.py:68 (preprocessing) and src/tumor/pipeline.py:91 (evaluation) reads it
        src/tumor/prediction_log.py:24 costs {TUMOR_HOME}/logs/predictions.ndjson is written by src/tumor/prediction_log.py:24 (inference) and src/tumor/prediction_log.py:30 (monitoring) reads it
        src/tumor/prediction_log.py:24 costs src/tumor/prediction_log.py:24 appends to {TUMOR_HOME}/logs/predictions.ndjson: a retry of PredictionLog.append appends the same again
        src/tumor/registry.py:44 costs {TUMOR_HOME}/models/current.json is written by src/tumor/registry.py:44 (deployment) and src/tumor/registry.py:50 (inference) reads it
        src/tumor/train.py:40 costs {TUMOR_HOME}/work/candidate.joblib is written by src/tumor/train.py:40 (training) and src/tumor/pipeline.py:90 (evaluation) and src/tumor/registry.py:30 (deployment) read it
        src/tumor/api/models.py:13 note list_models (deployment) is async, and its thread stands still for a file: pathlib.Path.read_text at src/tumor/registry.py:50, by way of ModelRegistry.current, and 2 more
        src/tumor/api/monitoring.py:20 note the wall clock, read at src/tumor/api/monitoring.py:22, is stored in table feedback at src/tumor/api/monitoring.py:20
        src/tumor/api/predict.py:37 note predict_batch (inference) is async, and its thread stands still for a file: pathlib.Path.open at src/tumor/prediction_log.py:24, by way of PredictionLog.append
        src/tumor/api/runs.py:15 note start_run (shared) is async, and its thread stands still for a database: sqlite3.Connection.execute at src/tumor/pipeline.py:128, by way of open_run
        src/tumor/app.py:14 note lifespan (inference) is async, and its thread stands still for a file: pathlib.Path.read_text at src/tumor/registry.py:50, by way of reload_predictor and ModelRegistry.current
        src/tumor/pipeline.py:128 note src/tumor/pipeline.py:128 inserts into runs, whose key makes a retry of open_run fail
        src/tumor/pipeline.py:128 note the wall clock, read at src/tumor/pipeline.py:127, is stored in table runs at src/tumor/pipeline.py:128
        src/tumor/registry.py:32 note {TUMOR_HOME}/models/v1/metadata.json is written by src/tumor/registry.py:32 (deployment) and src/tumor/registry.py:42 (deployment) reads it
        src/tumor/registry.py:32 note the wall clock, read at src/tumor/registry.py:31, is stored in file {TUMOR_HOME}/models/v{}/metadata.json at src/tumor/registry.py:32
        src/tumor/registry.py:44 note the wall clock, read at src/tumor/registry.py:43, is stored in file {TUMOR_HOME}/models/current.json at src/tumor/registry.py:44
        src/tumor/serving.py:16 note PREDICTOR is replaced by src/tumor/app.py:16 (inference) while src/tumor/app.py:25 (none) and src/tumor/serving.py:49 (inference) read it
        "#);
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
            let examples = |head: &str| -> Vec<String> {
                let parts = text.split(head).skip(1);
                let ends = parts.filter_map(|rest| rest.split_once("```"));
                ends.map(|(example, _)| example.to_owned()).collect()
            };
            let python = examples("```python\n");
            assert!(!python.is_empty(), "{} has no example", hazard.name());
            let rust = examples("```rust\n").into_iter();
            let rust = rust.map(|example| format!("// --- src/main.rs\n{example}"));
            for example in python.into_iter().chain(rust) {
                let found = findings(*hazard, &example);
                assert!(!found.is_empty(), "{} misses\n{example}", hazard.name());
                assert!(found.iter().all(|finding| finding.hazard == hazard.name()));
            }
        }
    }
}
