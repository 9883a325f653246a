//! Reports to try the formats on.

use std::collections::BTreeMap;

use super::document::*;
use crate::catalog::Access;
use crate::cut::{Advice, EntryKind};
use crate::effects::ResourceKind;
use crate::graph::data::Via;
use crate::hazards::Severity;
use crate::routes::RouteKind;
use crate::stages::Stage::{
    self, Deployment, Evaluation, Inference, Ingestion, Monitoring, Preprocessing, Shared, Training,
};

/// A churn service: seven stages, a fat route, two blocked lines.
pub(super) fn churn() -> Report {
    let mut report = empty();
    report.name = "churn".to_string();
    report.summary = Summary {
        files: 14,
        lines: 3912,
        languages: vec!["Python".to_string()],
        libraries: ["pandas", "scikit-learn", "sqlite3", "joblib"]
            .map(String::from)
            .to_vec(),
        frameworks: vec!["Flask".to_string()],
    };
    report.functions = FUNCTIONS.iter().map(function).collect();
    report.routes = routes();
    report.stages = stage_entries(&report);
    report.crossings = CROSSINGS.iter().map(crossing).collect();
    report.cut = cut(&report.crossings);
    report.contracts = contracts();
    report.findings = FINDINGS.iter().map(finding).collect();
    report.findings[0].between = vec![Deployment, Inference];
    report.findings[0].related = vec![
        Related {
            place: at("churn/deploy.py", 97, "state.MODEL = bundle"),
            what: "replaced here".into(),
        },
        Related {
            place: at("churn/serve.py", 40, "bundle = state.MODEL"),
            what: "read here".into(),
        },
    ];
    report.findings[1].between = vec![Inference, Monitoring];
    report.order = order();
    report.calls = calls();
    report.flows = vec![flow(
        "churn/training.py:save_model",
        "churn/deploy.py:find_model",
        Via::File,
        "model.pkl",
    )];
    report.resources = resources();
    report.skipped = vec![
        skipped("churn/legacy/py2.py", "does not parse at 12:8"),
        skipped("churn/data/dump.py", "51,204 kB: larger than 10 MB"),
        skipped("notebooks/old.ipynb", "is not valid JSON"),
    ];
    report
}

/// A folder in which nothing was found.
pub(super) fn empty() -> Report {
    Report {
        schema: 1,
        name: "nothing".to_string(),
        summary: Summary {
            files: 0,
            lines: 0,
            languages: vec![],
            libraries: vec![],
            frameworks: vec![],
        },
        stages: Stage::ALL
            .map(|stage| StageEntry {
                stage,
                functions: 0,
                routes: vec![],
                confidence: None,
            })
            .to_vec(),
        functions: vec![],
        resources: vec![],
        routes: vec![],
        calls: vec![],
        flows: vec![],
        crossings: vec![],
        contracts: vec![],
        findings: vec![],
        cut: CutEntry {
            price: 0.0,
            lines: vec![],
            shared: vec![],
        },
        order: vec![],
        skipped: vec![],
    }
}

/// Names and code that would break out of a format that lets them.
pub(super) fn hostile() -> Report {
    let evil = "</script><script>alert('x')</script>\"`|&\u{1b}[31m\n--> %%{init}%%";
    let mut report = churn();
    report.name = evil.to_string();
    for function in &mut report.functions {
        function.qualname = format!("{evil}{}", function.qualname);
        function.id = format!("{}:{}", function.file, function.qualname);
    }
    for crossing in &mut report.crossings {
        crossing.name = evil.to_string();
        crossing.place.code = evil.to_string();
        crossing.becomes = evil.to_string();
    }
    for finding in &mut report.findings {
        finding.message = evil.to_string();
        finding.mend = evil.to_string();
        finding.place.file = evil.to_string();
    }
    for line in &mut report.cut.lines {
        line.headline = evil.to_string();
    }
    for contract in &mut report.contracts {
        contract.entries[0].name = evil.to_string();
        contract.entries[0].value = evil.to_string();
    }
    report.skipped[0].file = evil.to_string();
    report.order[0].reasons[0] = evil.to_string();
    report
}

/// 2,000 functions in 125 files, with 600 crossings and 400 findings.
pub(super) fn large() -> Report {
    let mut report = churn();
    report.name = "warehouse-ml".to_string();
    report.summary.files = 125;
    report.summary.lines = 81_233;
    let id = |idx: usize| {
        format!(
            "src/pkg_{}/module_{:02}.py:Step{}.run_{idx}",
            idx % 5,
            (idx / 16) % 125,
            idx % 7
        )
    };
    report.functions = (0..2000)
        .map(|idx| {
            let mut entry = function(&FUNCTIONS[idx % FUNCTIONS.len()]);
            entry.id = id(idx);
            let (file, qualname) = entry.id.split_once(':').expect("made above");
            (entry.file, entry.qualname) = (file.to_string(), qualname.to_string());
            entry.stage = Stage::ALL[(idx / 16) % 9];
            entry.line = 10 + (idx % 16) as u32 * 12;
            entry.end_line = entry.line + 9;
            entry
        })
        .collect();
    report.crossings = (0..600)
        .map(|idx| {
            let from = &report.functions[(idx * 37) % 2000];
            let to = &report.functions[(idx * 37 + 16 + 16 * (idx % 4)) % 2000];
            let mut entry = crossing(&CROSSINGS[idx % CROSSINGS.len()]);
            (entry.from, entry.to) = (from.id.clone(), to.id.clone());
            (entry.from_stage, entry.to_stage) = (from.stage, to.stage);
            entry
        })
        .filter(|entry| entry.from_stage != entry.to_stage)
        .collect();
    report.cut = cut(&report.crossings);
    report.findings = (0..400)
        .map(|idx| finding(&FINDINGS[idx % FINDINGS.len()]))
        .collect();
    report
        .findings
        .sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    report.calls = (0..5000)
        .map(|idx| CallEntry {
            caller: id(idx % 2000),
            callee: id((idx * 7 + 3) % 2000),
            line: 12,
            certainty: "certain".into(),
        })
        .collect();
    report.stages = stage_entries(&report);
    report
}

fn at(file: &str, line: u32, code: &str) -> Place {
    Place {
        file: file.to_string(),
        line,
        cell: None,
        code: code.to_string(),
    }
}

/// Id, line, stage, confidence, first reason.
const FUNCTIONS: [(&str, u32, Stage, f64, &str); 26] = [
    (
        "churn/app.py:create_app",
        21,
        Shared,
        0.93,
        "wires five stages",
    ),
    (
        "churn/ingest.py:<module>",
        1,
        Ingestion,
        0.71,
        "declares the routes under /ingest",
    ),
    (
        "churn/ingest.py:fetch_billing",
        31,
        Ingestion,
        0.97,
        "calls requests.get",
    ),
    (
        "churn/ingest.py:load_customers",
        58,
        Ingestion,
        0.98,
        "appends to table customers",
    ),
    (
        "churn/ingest.py:ingest_customers",
        92,
        Ingestion,
        0.95,
        "answers POST /ingest/customers",
    ),
    (
        "churn/clean.py:validate",
        24,
        Preprocessing,
        0.94,
        "drops rows of a DataFrame",
    ),
    (
        "churn/clean.py:fill_missing",
        41,
        Preprocessing,
        0.97,
        "calls pandas.DataFrame.fillna",
    ),
    (
        "churn/features.py:build_frame",
        79,
        Preprocessing,
        0.92,
        "called by preprocessing and inference",
    ),
    (
        "churn/prepare.py:split",
        18,
        Preprocessing,
        0.99,
        "calls sklearn.model_selection.train_test_split",
    ),
    (
        "churn/prepare.py:prepare",
        40,
        Preprocessing,
        0.96,
        "writes train.csv",
    ),
    (
        "churn/training.py:train_model",
        58,
        Training,
        0.98,
        "calls sklearn.linear_model.LogisticRegression.fit",
    ),
    (
        "churn/training.py:save_model",
        34,
        Training,
        0.96,
        "calls joblib.dump on an estimator",
    ),
    (
        "churn/training.py:RetrainThread.run",
        93,
        Training,
        0.88,
        "calls train_model",
    ),
    (
        "churn/evaluate.py:evaluate_model",
        29,
        Evaluation,
        0.99,
        "calls sklearn.metrics.roc_auc_score",
    ),
    (
        "churn/evaluate.py:passes_gate",
        61,
        Evaluation,
        0.83,
        "compares a metric with a limit",
    ),
    (
        "churn/deploy.py:promote",
        44,
        Deployment,
        0.95,
        "copies the model to current.joblib",
    ),
    (
        "churn/deploy.py:swap",
        88,
        Deployment,
        0.77,
        "replaces the served model",
    ),
    (
        "churn/deploy.py:find_model",
        31,
        Deployment,
        0.81,
        "reads table models",
    ),
    (
        "churn/serve.py:current_model",
        27,
        Inference,
        0.96,
        "calls joblib.load",
    ),
    (
        "churn/serve.py:score_frame",
        84,
        Inference,
        0.99,
        "calls predict_proba",
    ),
    (
        "churn/serve.py:predict",
        96,
        Inference,
        0.99,
        "answers POST /predict",
    ),
    (
        "churn/serve.py:remember",
        69,
        Inference,
        0.74,
        "appends to RECENT_PREDICTIONS",
    ),
    (
        "churn/monitor.py:recent_frame",
        52,
        Monitoring,
        0.9,
        "reads RECENT_PREDICTIONS",
    ),
    (
        "churn/monitor.py:check_drift",
        71,
        Monitoring,
        0.97,
        "computes a population stability index",
    ),
    (
        "churn/pipeline.py:run_pipeline",
        65,
        Shared,
        0.97,
        "calls seven stages",
    ),
    (
        "churn/util.py:read_json",
        40,
        Shared,
        0.95,
        "called from five stages",
    ),
];

fn function(of: &(&str, u32, Stage, f64, &str)) -> FunctionEntry {
    let (id, line, stage, confidence, reason) = *of;
    let (file, qualname) = id.split_once(':').expect("file:qualname");
    let rest = (1.0 - confidence) / 2.0;
    let shares = [(stage, confidence), (Stage::None, rest), (Inference, rest)];
    let mut distribution = BTreeMap::new();
    for (stage, share) in shares {
        *distribution.entry(stage.name().to_string()).or_insert(0.0) += share;
    }
    FunctionEntry {
        id: id.to_string(),
        file: file.to_string(),
        qualname: qualname.to_string(),
        line,
        end_line: line + 11,
        stage,
        confidence,
        distribution,
        evidence: vec![
            EvidenceEntry {
                stage,
                weight: 2.4,
                reason: reason.to_string(),
                line: line + 3,
            },
            EvidenceEntry {
                stage,
                weight: 0.6,
                reason: format!("the file is named {file}"),
                line: 0,
            },
        ],
        pinned: qualname == "swap",
    }
}

fn stage_entries(report: &Report) -> Vec<StageEntry> {
    let entry = |stage| {
        let of_stage: Vec<f64> = report
            .functions
            .iter()
            .filter(|f| f.stage == stage)
            .map(|f| f.confidence)
            .collect();
        let routes = report.routes.iter().filter(|route| route.stage == stage);
        StageEntry {
            stage,
            functions: of_stage.len(),
            routes: routes
                .map(|route| format!("{} {}", route.method, route.path))
                .collect(),
            confidence: (!of_stage.is_empty())
                .then(|| of_stage.iter().sum::<f64>() / of_stage.len() as f64),
        }
    };
    Stage::ALL.map(entry).to_vec()
}

fn routes() -> Vec<RouteEntry> {
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

/// From, to, how, name, code here, code there, price, becomes.
type CrossingRow = (
    usize,
    usize,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    f64,
    &'static str,
);

const CROSSINGS: [CrossingRow; 12] = [
    (
        7,
        19,
        "call",
        "frame",
        "table = features.build_frame(frame)",
        "def build_frame(frame, skip=()):",
        5.0,
        "a library call",
    ),
    (
        6,
        19,
        "call",
        "frame",
        "frame = clean.fill_missing(frame, clean.load_fill())",
        "def fill_missing(frame, values):",
        3.0,
        "a library call",
    ),
    (
        11,
        17,
        "file",
        "model.pkl",
        "joblib.dump(bundle, path)",
        "bundle = joblib.load(row[\"path\"])",
        3.5,
        "a blob",
    ),
    (
        11,
        17,
        "table",
        "models",
        "conn.execute(\"INSERT INTO models (version, kind, path) VALUES (?, ?, ?)\", row)",
        "conn.execute(\"SELECT * FROM models WHERE version = ?\", (version,))",
        1.5,
        "a registry entry",
    ),
    (
        16,
        18,
        "global",
        "churn/state.py:MODEL",
        "state.MODEL = bundle",
        "bundle = state.MODEL",
        4.0,
        "a versioned blob",
    ),
    (
        15,
        18,
        "file",
        "current.joblib",
        "shutil.copyfile(path, current)",
        "state.MODEL = joblib.load(path)",
        2.0,
        "a blob",
    ),
    (
        21,
        22,
        "global",
        "churn/state.py:RECENT_PREDICTIONS",
        "state.RECENT_PREDICTIONS.append({**row, **answer})",
        "list(state.RECENT_PREDICTIONS)",
        3.0,
        "a queue",
    ),
    (
        9,
        10,
        "file",
        "train.csv",
        "train.to_csv(config.TRAIN_CSV, index=False)",
        "frame = pd.read_csv(config.TRAIN_CSV)",
        2.0,
        "a blob",
    ),
    (
        9,
        13,
        "file",
        "test.csv",
        "test.to_csv(config.TEST_CSV, index=False)",
        "frame = pd.read_csv(config.TEST_CSV)",
        1.0,
        "a blob",
    ),
    (
        3,
        9,
        "table",
        "customers",
        "db.append(\"customers\", frame)",
        "db.query(\"SELECT * FROM customers\")",
        2.0,
        "a queue message and a blob",
    ),
    (
        14,
        15,
        "return",
        "passes_gate",
        "if not evaluate.passes_gate(metrics):",
        "return metrics[\"auc\"] >= limit",
        1.0,
        "a queue message",
    ),
    (
        23,
        12,
        "queue",
        "RETRAIN_REQUESTS",
        "state.RETRAIN_REQUESTS.put({\"reason\": reason})",
        "state.RETRAIN_REQUESTS.get(timeout=self.wait)",
        0.5,
        "a queue",
    ),
];

fn crossing(of: &CrossingRow) -> CrossingEntry {
    let (from, to, via, name, here, there, price, becomes) = *of;
    let (from, to) = (&FUNCTIONS[from], &FUNCTIONS[to]);
    let file = |id: &str| id.split(':').next().expect("file").to_string();
    // A call stands in the caller, which is downstream of what it asks for.
    let (near, far) = if via == "call" {
        (to, from)
    } else {
        (from, to)
    };
    CrossingEntry {
        from_stage: from.2,
        to_stage: to.2,
        from: from.0.to_string(),
        to: to.0.to_string(),
        via: via.to_string(),
        name: name.to_string(),
        place: at(&file(near.0), near.1 + 5, here),
        far: at(&file(far.0), far.1 + 3, there),
        price,
        becomes: becomes.to_string(),
    }
}

fn cut(crossings: &[CrossingEntry]) -> CutEntry {
    let mut lines: Vec<LineEntry> = vec![];
    for crossing in crossings {
        let (from, to) = (crossing.from_stage, crossing.to_stage);
        let line = match lines
            .iter_mut()
            .find(|line| (line.from, line.to) == (from, to))
        {
            Some(line) => line,
            None => {
                let blocked = match (from, to) {
                    (Deployment, Inference) => "MODEL is replaced while requests read it",
                    (Inference, Monitoring) => "RECENT_PREDICTIONS lives in one process",
                    _ => "",
                };
                let headline = format!(
                    "{} {}: {}:{} to {}:{}, becomes {}",
                    crossing.via,
                    crossing.name,
                    crossing.place.file,
                    crossing.place.line,
                    crossing.far.file,
                    crossing.far.line,
                    crossing.becomes
                );
                lines.push(LineEntry {
                    from,
                    to,
                    price: 0.0,
                    crossings: 0,
                    headline,
                    blocked: blocked.to_string(),
                });
                lines.last_mut().expect("just pushed")
            }
        };
        line.price += crossing.price;
        line.crossings += 1;
    }
    lines.sort_by(|a, b| {
        b.price
            .total_cmp(&a.price)
            .then(a.from.cmp(&b.from))
            .then(a.to.cmp(&b.to))
    });
    let shared = |function: &str, line, stages: &[Stage], advice, reason: &str| SharedEntry {
        function: function.to_string(),
        line,
        stages: stages.to_vec(),
        advice,
        reason: reason.to_string(),
    };
    CutEntry {
        price: lines.iter().map(|line| line.price).sum(),
        lines,
        shared: vec![
            shared(
                "churn/features.py:build_frame",
                79,
                &[Preprocessing, Inference],
                Advice::Library,
                "holds the features of training and serving: two copies would drift apart",
            ),
            shared(
                "churn/pipeline.py:run_pipeline",
                65,
                &Stage::PIPELINE,
                Advice::Split,
                "does the work of seven stages in one request",
            ),
            shared(
                "churn/util.py:read_json",
                40,
                &[Preprocessing, Evaluation, Deployment, Inference, Monitoring],
                Advice::Duplicate,
                "9 lines without state",
            ),
        ],
    }
}

fn contracts() -> Vec<ContractEntryDoc> {
    use EntryKind::*;
    let item = |kind, name: &str, value: &str, file: &str, line| ContractItem {
        kind,
        name: name.to_string(),
        value: value.to_string(),
        place: at(file, line, ""),
    };
    let column = |name: &str, value: &str| item(Column, name, value, "churn/features.py", 51);
    let contract = |at: &str, entries| ContractEntryDoc {
        at: at.to_string(),
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

/// Rule, severity, function, code, message, mend.
type FindingRow = (
    &'static str,
    Severity,
    usize,
    &'static str,
    &'static str,
    &'static str,
);

const FINDINGS: [FindingRow; 9] = [
    (
        "shared-mutable-global",
        Severity::Blocks,
        18,
        "state.MODEL = joblib.load(path)",
        "MODEL is replaced by churn/deploy.py:97 while churn/serve.py:40 reads it",
        "publish models under a version and let inference load the one it is told",
    ),
    (
        "shared-mutable-global",
        Severity::Blocks,
        21,
        "state.RECENT_PREDICTIONS.append(…)",
        "RECENT_PREDICTIONS is appended by inference and read by monitoring in one process",
        "send each prediction to a queue that monitoring reads",
    ),
    (
        "non-idempotent-write",
        Severity::Costs,
        3,
        "INSERT INTO customers",
        "INSERT into customers without a key: a retry doubles rows",
        "give the row a key and write INSERT … ON CONFLICT DO NOTHING",
    ),
    (
        "local-file-handoff",
        Severity::Costs,
        11,
        "joblib.dump(bundle, path)",
        "model.pkl is written by training and read by deployment from the same disk",
        "put it in a blob and hand over its name",
    ),
    (
        "local-file-handoff",
        Severity::Costs,
        9,
        "train.to_csv(config.TRAIN_CSV)",
        "train.csv is written by preprocessing and read by training from the same disk",
        "put it in a blob and hand over its name",
    ),
    (
        "missing-timeout",
        Severity::Costs,
        2,
        "requests.get(url, headers=headers)",
        "requests.get has no timeout: a silent billing server stops ingestion",
        "give it a timeout and a bounded retry",
    ),
    (
        "secret-in-code",
        Severity::Costs,
        2,
        "BILLING_TOKEN = \"sk-…\"",
        "BILLING_TOKEN holds a literal secret",
        "read it from the environment and rotate it",
    ),
    (
        "unseeded-randomness",
        Severity::Note,
        8,
        "train_test_split(frame, test_size=size)",
        "train_test_split has no random_state: two runs split differently",
        "pass a seed from the configuration",
    ),
    (
        "wall-clock-in-logic",
        Severity::Note,
        22,
        "since = utcnow() - timedelta(hours=hours)",
        "the window depends on this machine's clock",
        "take the time from the event",
    ),
];

fn finding(of: &FindingRow) -> FindingEntry {
    let (hazard, severity, function, code, message, mend) = *of;
    let (id, line, ..) = FUNCTIONS[function];
    FindingEntry {
        hazard: hazard.to_string(),
        severity,
        place: at(id.split(':').next().expect("file"), line + 6, code),
        function: id.to_string(),
        message: message.to_string(),
        mend: mend.to_string(),
        between: vec![],
        related: vec![],
    }
}

fn order() -> Vec<StepEntry> {
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

fn calls() -> Vec<CallEntry> {
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

fn flow(from: &str, to: &str, via: Via, name: &str) -> FlowEntry {
    FlowEntry {
        from: from.to_string(),
        to: to.to_string(),
        via,
        name: name.to_string(),
        file: "churn/deploy.py".to_string(),
        line: 34,
    }
}

fn resources() -> Vec<ResourceEntry> {
    let touch = |access, function: usize| {
        let (id, line, ..) = FUNCTIONS[function];
        let (file, qualname) = id.split_once(':').expect("file:qualname");
        AccessEntry {
            access,
            file: file.to_string(),
            qualname: qualname.to_string(),
            line: line + 5,
            behalf: vec![],
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

fn skipped(file: &str, reason: &str) -> SkippedEntry {
    SkippedEntry {
        file: file.to_string(),
        reason: reason.to_string(),
    }
}
