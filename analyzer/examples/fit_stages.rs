//! Learns the weights of stage evidence from the labelled functions of the
//! `tune` repositories, and prints `analyzer/src/stages/weights.rs`.
//!
//! `cargo run --release -p cutline-analyzer --example fit_stages -- DIR > weights.rs`
//!
//! DIR holds clones as for `score_labels`. Multinomial logistic regression
//! with L2, by Adam (Kingma and Ba 2015). Each repository is seen twice, once
//! without what its files and folders are called. What its neighbours say of a
//! function comes from weights that never saw its repository, as it will in
//! use (stacking: Wolpert 1992). stderr reports how each repository fares
//! under the weights learnt from the others; the temperature is chosen there.

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

use std::collections::BTreeMap;
use std::path::PathBuf;

use cutline_analyzer::stages::fitting::{self, PARAMETERS, Prepared, Sample};
use cutline_analyzer::stages::{Input, Stage};
use cutline_analyzer::{Analysis, Catalog, Options, SourceOptions, SourceTree, examine};
use labels::Split;
use rayon::prelude::*;

/// Penalties of a family's weight, of its difference at a stage, of a fact's
/// weight, of a bias, of a telling fact's weight.
const PENALTIES: [f64; 5] = [1.0, 20.0, 20.0, 2.0, 4.0];
const STEPS: usize = 300;
/// How often neighbours are asked again while learning.
const ROUNDS: usize = 3;
/// How much a label counts of which two careful people could disagree.
const UNSURE: f64 = 0.4;

struct Repository {
    name: String,
    /// With what files and folders are called, and without.
    prepared: [Prepared; 2],
    /// Function, stage, weight.
    labels: Vec<(usize, usize, f64)>,
}

struct Row {
    repository: usize,
    /// Files and folders say nothing.
    pathless: bool,
    sample: Sample,
    stage: usize,
    weight: f64,
}

fn main() -> Result<(), support::Error> {
    let dir = PathBuf::from(std::env::args().nth(1).ok_or("usage: fit_stages DIR")?);
    let repositories = read(&dir)?;
    let all = 0..repositories.len();
    // Without repository `r`, for each, and with all.
    let rows = rows(&repositories, |prepared, _| prepared.alone());
    let alone_without: Vec<_> = all
        .clone()
        .into_par_iter()
        .map(|r| fit(&rows, Some(r), None, true))
        .collect();
    let alone = fit(&rows, None, None, true);
    report("alone", &repositories, &rows, &alone_without);
    let mut without: Vec<Option<Vec<f64>>> = vec![None; repositories.len()];
    for _ in 0..ROUNDS {
        let rows = self::rows(&repositories, |prepared, r| {
            prepared.together(&alone_without[r], without[r].as_deref())
        });
        without = all
            .clone()
            .into_par_iter()
            .map(|r| Some(fit(&rows, Some(r), without[r].as_deref(), false)))
            .collect();
    }
    let without: Vec<Vec<f64>> = without.into_iter().flatten().collect();
    let rows = self::rows(&repositories, |prepared, r| {
        prepared.together(&alone_without[r], Some(&without[r]))
    });
    let temperature = report("together", &repositories, &rows, &without);
    let together = fit(&rows, None, None, false);
    print_weights(&alone, &together, temperature);
    Ok(())
}

fn read(dir: &std::path::Path) -> Result<Vec<Repository>, support::Error> {
    let options = Options {
        catalog: Catalog::built_in(),
        pins: Vec::new(),
    };
    let mut repositories = Vec::new();
    for labels in labels::read_all(Split::Tune)? {
        let path = labels::checked_out(&labels, dir)?;
        let tree = SourceTree::read(&path, &SourceOptions::default())?;
        let analysis = examine(&tree, &options);
        let input = Input {
            modules: &analysis.modules,
            program: &analysis.program,
            catalog: &options.catalog,
            call_graph: &analysis.call_graph,
            data_flow: &analysis.data_flow,
            effects: &analysis.effects,
            routes: &analysis.routes,
        };
        let mut pathless = Prepared::new(&input);
        pathless.forget_paths();
        repositories.push(Repository {
            labels: found(&analysis, &labels),
            prepared: [Prepared::new(&input), pathless],
            name: labels.name,
        });
    }
    Ok(repositories)
}

fn found(analysis: &Analysis, labels: &labels::Labels) -> Vec<(usize, usize, f64)> {
    let mut found = BTreeMap::new();
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
            // Of functions of one name the last counts, as in the report.
            found.extend(stage.map(|stage| (qualname_of(label), (func.0 as usize, stage, weight))));
        }
    }
    found.into_values().collect()
}

fn qualname_of(label: &labels::Label) -> (&str, &str) {
    (&label.file, &label.qualname)
}

/// The labelled functions with their evidence, as `samples` finds it for a
/// repository of that number.
fn rows(
    repositories: &[Repository],
    samples: impl Fn(&Prepared, usize) -> Vec<Sample>,
) -> Vec<Row> {
    let mut rows = Vec::new();
    for (idx, repository) in repositories.iter().enumerate() {
        for (prepared, pathless) in repository.prepared.iter().zip([false, true]) {
            let samples = samples(prepared, idx);
            for (func, stage, weight) in &repository.labels {
                rows.push(Row {
                    repository: idx,
                    pathless,
                    sample: samples[*func].clone(),
                    stage: *stage,
                    weight: *weight,
                });
            }
        }
    }
    rows
}

/// Learns from every repository but `without`, starting at `start`.
fn fit(rows: &[Row], without: Option<usize>, start: Option<&[f64]>, alone: bool) -> Vec<f64> {
    let rows = rows.iter().filter(|row| Some(row.repository) != without);
    let rows: Vec<&Row> = rows.collect();
    let penalties = fitting::penalties(PENALTIES);
    let mut parameters = start.map_or_else(|| vec![0.0; PARAMETERS], <[f64]>::to_vec);
    let (mut first, mut second) = (vec![0.0; PARAMETERS], vec![0.0; PARAMETERS]);
    for step in 1..=STEPS {
        let mut gradient: Vec<f64> = parameters
            .iter()
            .zip(&penalties)
            .map(|(parameter, penalty)| penalty * parameter)
            .collect();
        let shares = fitting::shares(rows.iter().map(|row| &row.sample), &parameters, 1.0);
        for (row, mut errors) in rows.iter().zip(shares) {
            errors[row.stage] -= 1.0;
            // A function is there twice.
            let weight = row.weight / 2.0;
            fitting::accumulate(
                &row.sample,
                &errors.map(|error| weight * error),
                &mut gradient,
            );
        }
        let rate = 0.05 * (1.0 - step as f64 / (STEPS + 1) as f64);
        for idx in 0..PARAMETERS {
            first[idx] = 0.9 * first[idx] + 0.1 * gradient[idx];
            second[idx] = 0.999 * second[idx] + 0.001 * gradient[idx] * gradient[idx];
            let first = first[idx] / (1.0 - 0.9_f64.powi(step as i32));
            let second = second[idx] / (1.0 - 0.999_f64.powi(step as i32));
            parameters[idx] -= rate * first / (second.sqrt() + 1e-8);
        }
        if alone {
            fitting::without_neighbours(&mut parameters);
        }
        fitting::without_negative_families(&mut parameters);
    }
    parameters
}

/// Says how each repository fares under the weights of the others; returns
/// the best temperature.
fn report(name: &str, repositories: &[Repository], rows: &[Row], without: &[Vec<f64>]) -> f64 {
    for pathless in [false, true] {
        let (mut all, mut sure) = (support::Share::default(), support::Share::default());
        for (r, parameters) in without.iter().enumerate() {
            let mut here = support::Share::default();
            let of = |row: &&Row| row.repository == r && row.pathless == pathless;
            let rows: Vec<&Row> = rows.iter().filter(of).collect();
            let shares = fitting::shares(rows.iter().map(|row| &row.sample), parameters, 1.0);
            for (row, shares) in rows.iter().zip(shares) {
                let best = (0..9).max_by(|a, b| shares[*a].total_cmp(&shares[*b]));
                here.add(best == Some(row.stage));
                all.add(best == Some(row.stage));
                if row.weight == 1.0 {
                    sure.add(best == Some(row.stage));
                }
            }
            eprintln!("    {:<60} {here}", repositories[r].name);
        }
        let paths = if pathless {
            ", files and folders say nothing"
        } else {
            ""
        };
        eprintln!("{name}{paths}: left-out accuracy {all}, sure {sure}");
    }
    let loss = |temperature: f64| -> f64 {
        let of = |(r, parameters): (usize, &Vec<f64>)| -> f64 {
            let of = |row: &&Row| row.repository == r && !row.pathless;
            let rows: Vec<&Row> = rows.iter().filter(of).collect();
            let samples = rows.iter().map(|row| &row.sample);
            let shares = fitting::shares(samples, parameters, temperature);
            let each = rows.iter().zip(shares);
            each.map(|(row, shares)| -shares[row.stage].max(1e-9).ln())
                .sum()
        };
        without.iter().enumerate().map(of).sum()
    };
    let temperatures = (10..80).map(|step| f64::from(step) / 20.0);
    let best = temperatures
        .min_by(|a, b| loss(*a).total_cmp(&loss(*b)))
        .unwrap_or(1.0);
    let n: usize = repositories
        .iter()
        .map(|repository| repository.labels.len())
        .sum();
    eprintln!(
        "{name}: temperature {best}, loss {:.4}",
        loss(best) / n as f64
    );
    best
}

fn print_weights(alone: &[f64], together: &[f64], temperature: f64) {
    println!("//! The learnt weights, as `examples/fit_stages.rs` prints them.\n");
    println!("#![allow(clippy::approx_constant, reason = \"a weight may lie near one\")]\n");
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
