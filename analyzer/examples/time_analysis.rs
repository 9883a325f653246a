//! Times an analysis, room by room.
//!
//! `cargo run --release -p cutline-analyzer --example time_analysis -- PATH`
//!
//! Tests in PATH are read too, so that the files are those that `lower` parses.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example prints its result"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use cutline_analyzer::{Catalog, Options, SourceOptions, SourceTree};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: time_analysis PATH")?;
    let start = Instant::now();
    let options = Options {
        catalog: Catalog::built_in(),
        pins: Vec::new(),
    };
    let catalog = start.elapsed();
    let everything = SourceOptions {
        include_tests: true,
        include_virtualenvs: true,
        no_ignore: true,
        ..SourceOptions::default()
    };
    let tree = SourceTree::read(Path::new(&path), &everything)?;
    let source = start.elapsed();
    let mut entered: Vec<(&str, Duration)> = Vec::new();
    let report = cutline_analyzer::analyze_watched(&tree, &options, &mut |room| {
        // A run that is given up tells how far it came.
        eprintln!("{:>9.2?} {room}", start.elapsed());
        entered.push((room, start.elapsed()));
    });
    let total = start.elapsed();
    println!(
        "{} files, {} lines, {} skipped; {} functions, {} calls, {} flows",
        report.summary.files,
        report.summary.lines,
        report.skipped.len(),
        report.functions.len(),
        report.calls.len(),
        report.flows.len(),
    );
    println!("catalog  {catalog:>9.2?}");
    println!("source   {:>9.2?}", source - catalog);
    let ends = entered.iter().skip(1).map(|(_, end)| *end).chain([total]);
    for ((room, entry), end) in entered.iter().zip(ends) {
        println!("  {room:<8} {:>9.2?}", end - *entry);
    }
    println!("analysis {:>9.2?}", total - source);
    println!("total    {total:>9.2?}");
    Ok(())
}
