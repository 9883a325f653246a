//! The parts of the sample beside its functions and crossings.

use super::super::document::*;
use super::at;
use super::rows::FUNCTIONS;
use crate::catalog::Access;
use crate::cut::EntryKind;
use crate::effects::ResourceKind;
use crate::routes::RouteKind;
use crate::stages::Stage::{
    self, Deployment, Evaluation, Inference, Ingestion, Monitoring, Preprocessing, Shared, Training,
};

pub(super) fn routes() -> Vec<RouteEntry> {
    let route = |method: &str,
                 path: &str,
                 handler: &str,
                 line,
                 stage,
                 stages: &[Stage],
                 effects: &[&str]| RouteEntry {
        kind: RouteKind::Http,
        method: method.to_string(),
        path: path.to_string(),
        handler: handler.to_string(),
        place: at(
            handler.split(':').next().expect("file"),
            line,
            &format!("@app.route(\"{path}\")"),
        ),
        framework: "Flask".to_string(),
        stage,
        stages: stages.to_vec(),
        reaches: vec![handler.to_string()],
        fat: stages.len() > 2,
        side_effects: effects.iter().map(ToString::to_string).collect(),
    };
    vec![
        route(
            "POST",
            "/ingest/customers",
            "churn/ingest.py:ingest_customers",
            91,
            Ingestion,
            &[Ingestion],
            &["appends table customers"],
        ),
        route(
            "POST",
            "/train",
            "churn/training.py:train_model",
            57,
            Training,
            &[Preprocessing, Training],
            &["writes model.pkl", "appends table models"],
        ),
        route(
            "POST",
            "/models/{version}/deploy",
            "churn/deploy.py:promote",
            43,
            Deployment,
            &[Evaluation, Deployment],
            &["writes current.joblib"],
        ),
        route(
            "POST",
            "/predict",
            "churn/serve.py:predict",
            95,
            Inference,
            &[Preprocessing, Inference],
            &[],
        ),
        route(
            "GET",
            "/drift",
            "churn/monitor.py:check_drift",
            70,
            Monitoring,
            &[Monitoring],
            &["writes drift.json"],
        ),
        route(
            "POST",
            "/pipeline/run",
            "churn/pipeline.py:run_pipeline",
            64,
            Shared,
            &Stage::PIPELINE,
            &[
                "appends table customers",
                "writes model.pkl",
                "writes current.joblib",
            ],
        ),
    ]
}

pub(super) fn contracts() -> Vec<ContractEntryDoc> {
    use EntryKind::*;
    let item = |kind, name: &str, value: &str, file: &str, line| ContractItem {
        optional: false,
        made: None,
        kind,
        name: name.to_string(),
        value: value.to_string(),
        place: at(file, line, ""),
    };
    let column = |name: &str, value: &str| item(Column, name, value, "churn/features.py", 51);
    let contract = |at: &str, entries| ContractEntryDoc {
        at: at.to_string(),
        ignores: false,
        request: None,
        response: None,
        entries,
    };
    vec![
        contract(
            "preprocessing -> inference",
            vec![
                column("age", "float64?"),
                column("plan", "str"),
                column("tenure_months", "int64"),
                column("total_charges", "unknown"),
                column("ticket_rate", "float64"),
                item(
                    Transform,
                    "age_band",
                    "cut(age, 4 bins)",
                    "churn/features.py",
                    53,
                ),
                item(
                    Transform,
                    "plan",
                    "one-hot(free, basic, pro)",
                    "churn/features.py",
                    92,
                ),
            ],
        ),
        contract(
            "preprocessing -> training",
            vec![
                item(File, "train.csv", "csv", "churn/prepare.py", 52),
                column("churned", "int64"),
            ],
        ),
        contract(
            "training -> deployment",
            vec![
                item(File, "model.pkl", "joblib", "churn/training.py", 39),
                item(
                    Table,
                    "models",
                    "version text, kind text, path text",
                    "churn/db.py",
                    22,
                ),
                item(
                    Estimator,
                    "LogisticRegression",
                    "sklearn.linear_model.LogisticRegression",
                    "churn/trainers.py",
                    44,
                ),
                item(
                    Parameter,
                    "LogisticRegression.C",
                    "0.7",
                    "churn/trainers.py",
                    44,
                ),
            ],
        ),
        contract(
            "POST /predict",
            vec![
                item(
                    RequestField,
                    "customers[].customer_id",
                    "int",
                    "churn/serve.py",
                    16,
                ),
                item(
                    RequestField,
                    "customers[].age",
                    "unknown",
                    "churn/serve.py",
                    17,
                ),
                item(
                    ResponseField,
                    "predictions[].score",
                    "float",
                    "churn/serve.py",
                    78,
                ),
            ],
        ),
    ]
}

pub(super) fn order() -> Vec<StepEntry> {
    let step = |stage, reasons: &[&str]| StepEntry {
        stage,
        reasons: reasons.iter().map(ToString::to_string).collect(),
    };
    vec![
        step(
            Inference,
            &[
                "answers most requests",
                "4 crossings come in, none of them a write of its own",
                "its features become a library that training needs too",
            ],
        ),
        step(
            Monitoring,
            &["reads what inference sends, nothing depends on it"],
        ),
        step(Ingestion, &["one table goes out"]),
        step(
            Preprocessing,
            &["its input has a contract once ingestion is out"],
        ),
        step(Training, &["files become blobs"]),
        step(Evaluation, &["follows training"]),
        step(Deployment, &["last: it is the switch between models"]),
    ]
}

pub(super) fn resources() -> Vec<ResourceEntry> {
    let touch = |access, function: usize| {
        let (id, line, ..) = FUNCTIONS[function];
        let (file, qualname) = id.split_once(':').expect("file:qualname");
        AccessEntry {
            access,
            file: file.to_string(),
            qualname: qualname.to_string(),
            line: line + 5,
            through: None,
        }
    };
    let resource = |kind, identity: &str, accesses| ResourceEntry {
        kind,
        identity: identity.to_string(),
        accesses,
    };
    vec![
        resource(
            ResourceKind::File,
            "train.csv",
            vec![touch(Access::Write, 9), touch(Access::Read, 10)],
        ),
        resource(
            ResourceKind::Table,
            "customers",
            vec![touch(Access::Append, 3), touch(Access::Read, 9)],
        ),
        resource(
            ResourceKind::Model,
            "{home}/model.pkl",
            vec![touch(Access::Write, 11), touch(Access::Read, 17)],
        ),
        resource(
            ResourceKind::Global,
            "churn/state.py:MODEL",
            vec![touch(Access::Write, 16), touch(Access::Read, 18)],
        ),
        resource(
            ResourceKind::Environment,
            "CHURN_SEED",
            vec![touch(Access::Read, 8)],
        ),
    ]
}

pub(super) fn calls() -> Vec<CallEntry> {
    let pairs = [
        (4, 3),
        (9, 8),
        (9, 7),
        (10, 11),
        (12, 10),
        (15, 14),
        (15, 16),
        (19, 18),
        (19, 7),
        (19, 21),
        (20, 19),
        (23, 22),
        (24, 10),
        (24, 13),
        (24, 15),
    ];
    let call = |(caller, callee): (usize, usize)| CallEntry {
        caller: FUNCTIONS[caller].0.to_string(),
        callee: FUNCTIONS[callee].0.to_string(),
        line: FUNCTIONS[caller].1 + 4,
        certainty: "certain".to_string(),
    };
    pairs.into_iter().map(call).collect()
}
