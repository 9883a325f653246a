//! How many entries of the contracts in the fixtures' `truth.toml` the plan
//! finds: right, wrong (another value), unknown (found without a value) and
//! missing. Stages are taken from the truth, so that this measures the
//! contracts alone; the figures are floors, raised when the code gets better.

#![allow(clippy::print_stdout, reason = "the test prints what it measured")]

use std::collections::BTreeMap;
use std::path::Path;

use cutline_analyzer::catalog::Catalog;
use cutline_analyzer::cut::{self, ContractPlace, CutPlan};
use cutline_analyzer::hazards::Context;
use cutline_analyzer::source::{SourceOptions, SourceTree};
use cutline_analyzer::stages::{Stage, StageMap, Staging};
use cutline_analyzer::{Options, examine};

fn text<'t>(table: &'t toml::Value, key: &str) -> &'t str {
    table
        .get(key)
        .and_then(toml::Value::as_str)
        .unwrap_or_default()
}

fn list<'t>(truth: &'t toml::Value, key: &str) -> &'t [toml::Value] {
    truth
        .get(key)
        .and_then(toml::Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// One word where the truth and the catalog have two.
fn normal(value: &str) -> String {
    let value = value.replace("cut(", "bins(").replace("fillna(", "fill(");
    value.trim_matches('"').to_owned()
}

/// The last part of a path or nested field.
fn last(name: &str) -> &str {
    name.rsplit(['.', '/']).next().unwrap_or(name)
}

#[derive(Default, Debug, Clone, Copy)]
struct Score {
    right: usize,
    wrong: usize,
    unknown: usize,
    missing: usize,
}

fn measure(fixture: &str) -> Score {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures")
        .join(fixture);
    let tree = SourceTree::read(&root, &SourceOptions::default()).expect("the fixture can be read");
    let truth =
        std::fs::read_to_string(root.join("truth.toml")).expect("the fixture has its truth");
    let truth: toml::Value = truth
        .parse::<toml::Table>()
        .expect("the truth is TOML")
        .into();
    let options = Options {
        catalog: Catalog::built_in(),
        pins: Vec::new(),
    };
    let analysis = examine(&tree, &options);
    let stages: BTreeMap<String, Stage> = list(&truth, "function")
        .iter()
        .filter_map(|function| {
            let stage = Stage::from_name(text(function, "stage"))?;
            Some((text(function, "function").to_owned(), stage))
        })
        .collect();
    let of = analysis.program.functions.iter().map(|function| {
        let facts = analysis.modules.facts(function.file);
        let key = format!("{}:{}", facts.path, facts.scope(function.scope).qualname);
        let stage = stages.get(&key).copied().unwrap_or(Stage::None);
        let mut distribution = [0.0; 9];
        distribution[Stage::ALL
            .iter()
            .position(|other| *other == stage)
            .unwrap_or(8)] = 1.0;
        Staging {
            stage,
            confidence: 1.0,
            distribution,
            evidence: Vec::new(),
            pinned: true,
        }
    });
    let stage_map = StageMap { of: of.collect() };
    let ctx = Context {
        modules: &analysis.modules,
        program: &analysis.program,
        catalog: &options.catalog,
        call_graph: &analysis.call_graph,
        data_flow: &analysis.data_flow,
        effects: &analysis.effects,
        routes: &analysis.routes,
        stages: &stage_map,
    };
    let plan = cut::plan(&ctx, &[]);
    crossings(fixture, &ctx, &plan, &truth);
    let found = entries(&ctx, &plan);
    let verbose = std::env::var_os("VERBOSE").is_some();
    let mut by_kind: BTreeMap<String, Score> = BTreeMap::new();
    let mut all = Score::default();
    for entry in list(&truth, "contract") {
        let at = text(entry, "at").replace(" -> ", " | ");
        let (kind, name, value) = (
            text(entry, "kind"),
            text(entry, "name"),
            normal(text(entry, "value")),
        );
        let values: Vec<&Option<String>> = found
            .iter()
            .filter(|(a, k, n, _)| {
                *a == at
                    && k == kind
                    && (n == name || (kind != "parameter" && last(n) == last(name)))
            })
            .map(|(_, _, _, value)| value)
            .collect();
        let score = by_kind.entry(kind.to_owned()).or_default();
        let verdict = if values.iter().any(|found| found.as_deref() == Some(&value)) {
            score.right += 1;
            all.right += 1;
            continue;
        } else if values.iter().any(|found| found.is_some()) {
            score.wrong += 1;
            all.wrong += 1;
            "wrong"
        } else if values.is_empty() {
            score.missing += 1;
            all.missing += 1;
            "missing"
        } else {
            score.unknown += 1;
            all.unknown += 1;
            "unknown"
        };
        if verbose {
            println!("{fixture}: {verdict} {at} {kind} {name} = {value}, found {values:?}");
        }
    }
    println!("{fixture}: {all:?} of {} entries found", found.len());
    for (kind, score) in by_kind {
        println!("  {kind}: {score:?}");
    }
    all
}

type Entry = (String, String, String, Option<String>);

fn entries(ctx: &Context<'_>, plan: &CutPlan) -> Vec<Entry> {
    let mut found = Vec::new();
    for contract in &plan.contracts {
        let at = match &contract.at {
            ContractPlace::Line(from, to) => format!("{from} | {to}"),
            ContractPlace::Route(idx) => {
                let route = &ctx.routes[*idx];
                format!("{} {}", route.method, route.path)
            }
        };
        for entry in &contract.entries {
            let kind = serde_json::to_value(entry.kind).expect("a kind is a word");
            let kind = kind.as_str().unwrap_or_default().to_owned();
            found.push((
                at.clone(),
                kind,
                entry.name.to_string(),
                entry.value.as_deref().map(normal),
            ));
        }
    }
    found
}

fn crossings(fixture: &str, ctx: &Context<'_>, plan: &CutPlan, truth: &toml::Value) {
    let name = |func: cutline_analyzer::graph::FuncId| {
        let function = ctx.program.function(func);
        let facts = ctx.modules.facts(function.file);
        format!("{}:{}", facts.path, facts.scope(function.scope).qualname)
    };
    let mut found = std::collections::BTreeSet::new();
    for line in &plan.lines {
        for crossing in &line.crossings {
            if let Some(via) = crossing.via {
                found.insert((
                    line.from.name().to_owned(),
                    line.to.name().to_owned(),
                    via.name().to_owned(),
                    name(crossing.from),
                    name(crossing.to),
                ));
            }
        }
    }
    let wanted: std::collections::BTreeSet<_> = list(truth, "crossing")
        .iter()
        .map(|crossing| {
            let text = |key: &str| text(crossing, key).to_owned();
            (
                text("from"),
                text("to"),
                text("via"),
                text("writer"),
                text("reader"),
            )
        })
        .collect();
    let right = wanted.intersection(&found).count();
    println!(
        "{fixture}: crossings {right} of {} found, {} claimed",
        wanted.len(),
        found.len()
    );
    if std::env::var_os("VERBOSE").is_some() {
        for crossing in wanted.difference(&found) {
            println!("  missed {crossing:?}");
        }
        for crossing in found.difference(&wanted) {
            println!("  extra {crossing:?}");
        }
    }
}

#[test]
fn contracts_of_the_fixtures() {
    for fixture in ["churn_flask", "tumor_fastapi", "iris_axum", "fraud_axum"] {
        let score = measure(fixture);
        assert!(score.right > 0, "{fixture}: {score:?}");
    }
}
