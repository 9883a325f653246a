//! Learns the weights of stage evidence from the labelled functions of the
//! `tune` repositories, and prints `analyzer/src/stages/weights.rs`.
//!
//! `cargo run --release -p cutline-analyzer --example fit_stages -- DIR > analyzer/src/stages/weights.rs`
//!
//! DIR holds clones as for `score_labels`. Multinomial logistic regression
//! with L2, by Adam (Kingma and Ba 2015); the temperature is chosen on
//! predictions for repositories left out one by one, which stderr reports.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example prints its result"
)]

#[path = "score_labels/labels.rs"]
#[allow(dead_code, reason = "shared with score_labels")]
mod labels;
#[path = "support/mod.rs"]
mod support;

use std::path::PathBuf;

use cutline_analyzer::stages::fitting::{self, PARAMETERS, Sample};
use cutline_analyzer::stages::{Input, Stage};
use cutline_analyzer::{Analysis, Catalog, Options, SourceOptions, SourceTree, examine};
use labels::Split;

const L2: f64 = 4.0;
const STEPS: usize = 600;
/// How much a label counts of which two careful people could disagree.
const UNSURE: f64 = 0.4;

struct Repository {
    analysis: Analysis,
    /// Function, stage, weight.
    labels: Vec<(usize, usize, f64)>,
}

struct Row {
    repository: usize,
    sample: Sample,
    stage: usize,
    weight: f64,
}

fn main() -> Result<(), support::Error> {
    let dir = PathBuf::from(std::env::args().nth(1).ok_or("usage: fit_stages DIR")?);
    let options = Options {
        catalog: Catalog::built_in(),
        pins: Vec::new(),
    };
    let mut repositories = Vec::new();
    for labels in labels::read_all(Split::Tune)? {
        let path = labels::checked_out(&labels, &dir)?;
        let tree = SourceTree::read(&path, &SourceOptions::default())?;
        let analysis = examine(&tree, &options);
        repositories.push(Repository {
            labels: found(&analysis, &labels),
            analysis,
        });
    }
    let alone_rows = rows(&repositories, &options.catalog, None);
    let alone = fit(&alone_rows, None, true);
    report("alone", &alone_rows, true);
    let mut together = fitting::current().1;
    for _ in 0..4 {
        let rows = rows(&repositories, &options.catalog, Some((&alone, &together)));
        together = fit(&rows, None, false);
    }
    let rows = rows(&repositories, &options.catalog, Some((&alone, &together)));
    let temperature = report("together", &rows, false);
    print_weights(&alone, &together, temperature);
    Ok(())
}

fn found(analysis: &Analysis, labels: &labels::Labels) -> Vec<(usize, usize, f64)> {
    let mut found = Vec::new();
    for func in analysis.program.func_ids() {
        let function = analysis.program.function(func);
        let facts = analysis.modules.facts(function.file);
        let qualname = &facts.scope(function.scope).qualname;
        let label = labels
            .functions
            .iter()
            .find(|label| facts.path == label.file && *qualname == label.qualname);
        if let Some(label) = label {
            let stage = Stage::ALL.iter().position(|stage| *stage == label.stage);
            let weight = if label.sure { 1.0 } else { UNSURE };
            found.extend(stage.map(|stage| (func.0 as usize, stage, weight)));
        }
    }
    found
}

fn rows(
    repositories: &[Repository],
    catalog: &Catalog,
    parameters: Option<(&[f64], &[f64])>,
) -> Vec<Row> {
    let mut rows = Vec::new();
    for (idx, repository) in repositories.iter().enumerate() {
        let analysis = &repository.analysis;
        let input = Input {
            modules: &analysis.modules,
            program: &analysis.program,
            catalog,
            call_graph: &analysis.call_graph,
            data_flow: &analysis.data_flow,
            effects: &analysis.effects,
            routes: &analysis.routes,
        };
        let samples = fitting::samples(&input, parameters);
        for (func, stage, weight) in &repository.labels {
            rows.push(Row {
                repository: idx,
                sample: samples[*func].clone(),
                stage: *stage,
                weight: *weight,
            });
        }
    }
    rows
}

/// Learns from every repository but `without`.
fn fit(rows: &[Row], without: Option<usize>, alone: bool) -> Vec<f64> {
    let rows: Vec<&Row> = rows
        .iter()
        .filter(|row| Some(row.repository) != without)
        .collect();
    let mut parameters = fitting::current().1;
    parameters.iter_mut().for_each(|parameter| *parameter = 0.0);
    let (mut first, mut second) = (vec![0.0; PARAMETERS], vec![0.0; PARAMETERS]);
    for step in 1..=STEPS {
        let mut gradient: Vec<f64> = parameters.iter().map(|parameter| L2 * parameter).collect();
        for row in &rows {
            let shares = fitting::shares(&row.sample, &parameters, 1.0);
            for (stage, share) in shares.iter().enumerate() {
                let error = row.weight * (share - f64::from(stage == row.stage));
                fitting::accumulate(&row.sample, stage, error, &mut gradient);
            }
        }
        for idx in 0..PARAMETERS {
            first[idx] = 0.9 * first[idx] + 0.1 * gradient[idx];
            second[idx] = 0.999 * second[idx] + 0.001 * gradient[idx] * gradient[idx];
            let first = first[idx] / (1.0 - 0.9_f64.powi(step as i32));
            let second = second[idx] / (1.0 - 0.999_f64.powi(step as i32));
            parameters[idx] -= 0.05 * first / (second.sqrt() + 1e-8);
        }
        if alone {
            fitting::without_neighbours(&mut parameters);
        }
        fitting::without_negative_families(&mut parameters);
    }
    parameters
}

/// Leaves repositories out one by one; returns the best temperature.
fn report(name: &str, rows: &[Row], alone: bool) -> f64 {
    let n_repositories = rows.iter().map(|row| row.repository + 1).max().unwrap_or(0);
    let (mut right, mut sure_right, mut n_sure) = (0, 0, 0);
    let mut held: Vec<(&Row, Vec<f64>)> = Vec::new();
    for without in 0..n_repositories {
        let parameters = fit(rows, Some(without), alone);
        for row in rows.iter().filter(|row| row.repository == without) {
            let shares = fitting::shares(&row.sample, &parameters, 1.0);
            let best = (0..9)
                .max_by(|a, b| shares[*a].total_cmp(&shares[*b]))
                .unwrap_or(8);
            let is_right = best == row.stage;
            right += usize::from(is_right);
            if row.weight == 1.0 {
                n_sure += 1;
                sure_right += usize::from(is_right);
            }
            held.push((row, parameters.clone()));
        }
    }
    eprintln!(
        "{name}: left-out accuracy {:.3} of {} labels, {:.3} of {n_sure} sure ones",
        right as f64 / rows.len() as f64,
        rows.len(),
        sure_right as f64 / n_sure as f64,
    );
    let loss = |temperature: f64| -> f64 {
        let of = |(row, parameters): &(&Row, Vec<f64>)| {
            -fitting::shares(&row.sample, parameters, temperature)[row.stage]
                .max(1e-9)
                .ln()
        };
        held.iter().map(of).sum()
    };
    let temperatures = (5..40).map(|step| f64::from(step) / 10.0);
    let best = temperatures
        .min_by(|a, b| loss(*a).total_cmp(&loss(*b)))
        .unwrap_or(1.0);
    eprintln!("{name}: temperature {best}");
    best
}

fn print_weights(alone: &[f64], together: &[f64], temperature: f64) {
    println!("//! The learnt weights, as `examples/fit_stages.rs` prints them.\n");
    println!("use super::model::Weights;\n");
    println!("/// Without neighbours.");
    println!(
        "pub(crate) static ALONE: Weights = {};\n",
        fitting::as_code(alone, 1.0)
    );
    println!("/// With neighbours.");
    println!(
        "pub(crate) static TOGETHER: Weights = {};",
        fitting::as_code(together, temperature)
    );
}
