//! The fixtures' truth, as a floor: what was reached is not lost again. The
//! whole score is `examples/score_truth.rs`.

use std::collections::BTreeSet;
use std::path::Path;

use cutline_analyzer::{Catalog, Options, Report, SourceOptions, SourceTree, analyze};

struct Floor {
    fixture: &'static str,
    call_precision: f64,
    call_recall: f64,
    stages: f64,
}

const FLOORS: [Floor; 4] = [
    Floor {
        fixture: "churn_flask",
        call_precision: 0.98,
        call_recall: 0.98,
        stages: 0.85,
    },
    Floor {
        fixture: "tumor_fastapi",
        call_precision: 0.98,
        call_recall: 0.95,
        stages: 0.80,
    },
    Floor {
        fixture: "iris_axum",
        call_precision: 0.98,
        call_recall: 0.98,
        stages: 0.53,
    },
    Floor {
        fixture: "fraud_axum",
        call_precision: 0.97,
        call_recall: 0.98,
        stages: 0.68,
    },
];

#[test]
fn the_fixtures_are_read_at_least_as_well_as_before() {
    let options = Options {
        catalog: Catalog::built_in(),
        pins: Vec::new(),
    };
    for floor in FLOORS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../fixtures")
            .join(floor.fixture);
        let text =
            std::fs::read_to_string(path.join("truth.toml")).expect("a fixture has its truth");
        let truth: toml::Table = toml::from_str(&text).expect("the truth is TOML");
        let tree = SourceTree::read(&path, &SourceOptions::default()).expect("the fixture reads");
        let report = analyze(&tree, &options);
        assert_at_least(
            &floor,
            "calls, precision",
            floor.call_precision,
            precision(&truth, &report),
        );
        assert_at_least(
            &floor,
            "calls, recall",
            floor.call_recall,
            recall(&truth, &report),
        );
        assert_at_least(&floor, "stages", floor.stages, stages(&truth, &report));
    }
}

fn assert_at_least(floor: &Floor, what: &str, least: f64, found: f64) {
    assert!(
        found >= least,
        "{}: {what} is {found:.3}, below {least}; see examples/score_truth.rs -v",
        floor.fixture
    );
}

fn rows<'t>(truth: &'t toml::Table, name: &str) -> Vec<&'t toml::Table> {
    let rows = truth[name].as_array().expect("the truth lists them");
    rows.iter().filter_map(toml::Value::as_table).collect()
}

fn text(row: &toml::Table, key: &str) -> String {
    row[key].as_str().unwrap_or_default().to_owned()
}

/// Lambdas in comprehensions are named as Python 3.12 names them.
fn normal(id: &str) -> String {
    id.replace(".<listcomp>", "")
        .replace(".<locals>.<locals>", ".<locals>")
}

fn edges(report: &Report) -> BTreeSet<(String, String)> {
    let calls = report.calls.iter();
    calls
        .map(|call| (normal(&call.caller), normal(&call.callee)))
        .collect()
}

fn known_edges(truth: &toml::Table) -> BTreeSet<(String, String)> {
    let calls = rows(truth, "call").into_iter();
    calls
        .map(|call| (text(call, "caller"), text(call, "callee")))
        .collect()
}

fn precision(truth: &toml::Table, report: &Report) -> f64 {
    let (known, found) = (known_edges(truth), edges(report));
    known.intersection(&found).count() as f64 / found.len() as f64
}

fn recall(truth: &toml::Table, report: &Report) -> f64 {
    let (known, found) = (known_edges(truth), edges(report));
    known.intersection(&found).count() as f64 / known.len() as f64
}

fn stages(truth: &toml::Table, report: &Report) -> f64 {
    let known = rows(truth, "function");
    let right = known.iter().filter(|row| {
        let id = text(row, "function");
        let mut functions = report.functions.iter();
        let function = functions.find(|function| normal(&function.id) == id);
        function.is_some_and(|function| function.stage.name() == text(row, "stage"))
    });
    right.count() as f64 / known.len() as f64
}
