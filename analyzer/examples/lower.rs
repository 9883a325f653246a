//! Times the front ends on a tree of files: parsing alone (tree-sitter for
//! Python, syn for Rust), then parsing and lowering.
//!
//! `cargo run --release -p cutline-analyzer --example lower -- [--parse-only] [--parallel] PATH…`
//!
//! `--parallel` shares the files among all cores: the times are then from
//! start to end.

#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cutline_analyzer::syntax::{python, rust};
use rayon::prelude::*;
use tree_sitter::Parser;

/// A path and its text.
type Files = Vec<(PathBuf, String)>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (flags, roots): (Vec<_>, Vec<_>) = std::env::args()
        .skip(1)
        .partition(|arg| arg.starts_with("--"));
    let is_set = |name: &str| flags.iter().any(|flag| flag == name);
    let mut files = Vec::new();
    for root in roots {
        source_files(Path::new(&root), &mut files)?;
    }
    let n_threads = usize::from(!is_set("--parallel"));
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(n_threads)
        .build()?;
    let n_bytes: usize = files.iter().map(|(_, text)| text.len()).sum();
    let parsing = timed(|| pool.install(|| files.par_iter().for_each_init(parser, parse)));
    println!(
        "{} files, {n_bytes} bytes; parse {parsing:.2?}",
        files.len()
    );
    if !is_set("--parse-only") {
        let mut failed = Vec::new();
        let both = timed(|| failed = pool.install(|| lower(&files)));
        failed.iter().for_each(|line| println!("{line}"));
        println!("{} failed; parse and lower {both:.2?}", failed.len());
    }
    Ok(())
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn parser() -> Parser {
    let mut parser = Parser::new();
    parser
        .set_language(&tree_sitter_python::LANGUAGE.into())
        .expect("the grammar is of the parser's version");
    parser
}

fn parse(parser: &mut Parser, (path, text): &(PathBuf, String)) {
    match is_rust(path) {
        true => {
            drop(syn::parse_file(text));
            proc_macro2::extra::invalidate_current_thread_spans();
        }
        false => drop(parser.parse(text, None)),
    }
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

/// What does not lower, and why.
fn lower(files: &Files) -> Vec<String> {
    let lowered = files.par_iter().filter_map(|(path, text)| {
        let name = path.to_string_lossy();
        let lowered = match is_rust(path) {
            true => rust::lower(&name, text),
            false => python::lower(&name, text),
        };
        let error = lowered.err()?;
        Some(format!("{}: {error}", path.display()))
    });
    lowered.collect()
}

/// Reads the `.py` and `.rs` files; what is not UTF-8 is left out.
fn source_files(path: &Path, files: &mut Files) -> std::io::Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            source_files(&entry?.path(), files)?;
        }
    } else if path
        .extension()
        .is_some_and(|extension| extension == "py" || extension == "rs")
        && let Ok(text) = std::fs::read_to_string(path)
    {
        files.push((path.to_owned(), text));
    }
    Ok(())
}
