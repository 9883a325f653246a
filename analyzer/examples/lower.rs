//! Times the Python front end on a tree of files: parsing alone, then parsing
//! and lowering.
//!
//! `cargo run --release -p cutline-analyzer --example lower -- PATH…`

#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cutline_analyzer::syntax::python;
use tree_sitter::Parser;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_python::LANGUAGE.into())?;
    let mut files = Vec::new();
    for root in std::env::args().skip(1) {
        python_files(Path::new(&root), &mut files)?;
    }
    let (mut parsing, mut both) = (Duration::ZERO, Duration::ZERO);
    let (mut n_bytes, mut n_failed) = (0, 0);
    for path in &files {
        let Ok(text) = std::fs::read_to_string(path) else {
            continue;
        };
        n_bytes += text.len();
        let start = Instant::now();
        drop(parser.parse(&text, None));
        parsing += start.elapsed();
        let start = Instant::now();
        let lowered = python::lower(&path.to_string_lossy(), &text);
        both += start.elapsed();
        if let Err(error) = lowered {
            n_failed += 1;
            println!("{}: {error}", path.display());
        }
    }
    println!(
        "{} files, {n_bytes} bytes, {n_failed} failed; parse {parsing:.2?}, parse and lower {both:.2?}",
        files.len()
    );
    Ok(())
}

fn python_files(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            python_files(&entry?.path(), files)?;
        }
    } else if path.extension().is_some_and(|extension| extension == "py") {
        files.push(path.to_owned());
    }
    Ok(())
}
