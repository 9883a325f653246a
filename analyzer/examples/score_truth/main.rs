//! Scores a report against what is really in a fixture.
//!
//! `cargo run --release -p cutline-analyzer --example score_truth -- FIXTURE [REPORT.json] [-v]`
//!
//! FIXTURE is a folder with a `truth.toml`: `fixtures/churn_flask`. It is
//! analysed, unless a report on it is given. `-v` lists what was missed, and
//! what was found that is not so.

#![allow(clippy::print_stdout, reason = "an example prints its result")]

mod contracts;
mod graph;
mod hazards;
mod resources;
mod stages;
#[path = "../support/mod.rs"]
mod support;
mod truth;

use std::path::PathBuf;

use support::Error;
use truth::Truth;

fn main() -> Result<(), Error> {
    let (flags, paths): (Vec<_>, Vec<_>) = std::env::args()
        .skip(1)
        .partition(|arg| arg.starts_with('-'));
    let mut paths = paths.into_iter().map(PathBuf::from);
    let usage = "usage: score_truth FIXTURE [REPORT.json] [-v]";
    let fixture = paths.next().ok_or(usage)?;
    let given = paths.next();
    if let Some(flag) = flags.iter().find(|flag| *flag != "-v") {
        return Err(format!("{flag} is no flag; {usage}").into());
    }
    let truth = std::fs::read_to_string(fixture.join("truth.toml"))
        .map_err(|error| format!("{} has no truth.toml: {error}", fixture.display()))?;
    let truth: Truth = toml::from_str(&truth)?;
    let report = support::report_on(&fixture, given.as_deref())?;
    let sheet = Sheet {
        verbose: !flags.is_empty(),
    };
    println!("{}", truth.name);
    graph::calls(&truth, &report, &sheet);
    stages::stages(&truth, &report, &sheet);
    resources::routes(&truth, &report, &sheet);
    resources::resources(&truth, &report, &sheet);
    graph::flows(&truth, &report, &sheet);
    graph::crossings(&truth, &report, &sheet);
    contracts::contracts(&truth, &report, &sheet);
    hazards::hazards(&truth, &report, &sheet);
    Ok(())
}

/// What is printed.
struct Sheet {
    verbose: bool,
}

impl Sheet {
    fn line(&self, what: &str, result: impl std::fmt::Display) {
        println!("{what:<34} {result}");
    }

    /// With `-v` only.
    fn list(&self, what: &str, items: impl IntoIterator<Item = String>) {
        if self.verbose {
            items
                .into_iter()
                .for_each(|item| println!("    {what} {item}"));
        }
    }
}
