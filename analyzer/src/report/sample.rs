//! Reports to try the formats on.

mod parts;
mod rows;

use std::collections::BTreeMap;

use parts::{calls, contracts, order, resources, routes};
use rows::{CROSSINGS, CrossingRow, FINDINGS, FUNCTIONS, FindingRow, FunctionRow};

use super::document::*;
use crate::cut::Advice;
use crate::graph::data::Via;
use crate::stages::Stage::{self, Deployment, Evaluation, Inference, Monitoring, Preprocessing};

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
        listens: None,
        calls: vec![],
        flows: vec![],
        crossings: vec![],
        contracts: vec![],
        operations: vec![],
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

fn function(of: &FunctionRow) -> FunctionEntry {
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
        setting: None,
    }
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

fn skipped(file: &str, reason: &str) -> SkippedEntry {
    SkippedEntry {
        file: file.to_string(),
        reason: reason.to_string(),
    }
}
