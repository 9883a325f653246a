//! Times an analysis, room by room as far as the library shows its rooms.
//!
//! `cargo run --release -p cutline-analyzer --example time_analysis -- PATH`
//!
//! Tests in PATH are read too, so that the files are those that `lower` parses.

#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::path::Path;
use std::time::Instant;

use cutline_analyzer::catalog::Catalog;
use cutline_analyzer::source::{SourceOptions, SourceTree};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: time_analysis PATH")?;
    let start = Instant::now();
    let catalog = Catalog::built_in();
    let catalog_read = start.elapsed();
    let options = SourceOptions {
        include_tests: true,
        include_virtualenvs: true,
        no_ignore: true,
        ..SourceOptions::default()
    };
    let tree = SourceTree::read(Path::new(&path), &options)?;
    let tree_read = start.elapsed();
    let analysis = cutline_analyzer::examine(&tree, &catalog);
    let examined = start.elapsed();
    let n_lines: usize = tree
        .files
        .iter()
        .map(|file| file.text.lines().count())
        .sum();
    println!(
        "{} files, {n_lines} lines, {} skipped",
        tree.files.len(),
        analysis.skipped.len()
    );
    println!("catalog         {catalog_read:>9.2?}");
    println!("source          {:>9.2?}", tree_read - catalog_read);
    println!("syntax to graph {:>9.2?}", examined - tree_read);
    println!("total           {:>9.2?}", start.elapsed());
    Ok(())
}
