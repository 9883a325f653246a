//! Scores the call graph on the micro-benchmark of PyCG.
//!
//! `cargo run --release -p cutline-analyzer --example pycg_benchmark -- SNIPPETS [-v]`
//!
//! SNIPPETS is the folder `micro-benchmark/snippets` of the public repository
//! `vitsalis/PyCG`. A case is complete when every edge found is expected,
//! sound when every expected edge is found, exact when both hold.

#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cutline_analyzer::graph::pycg;
use cutline_analyzer::source::{SourceOptions, SourceTree};
use cutline_analyzer::{Catalog, Options};

type Edges = BTreeSet<(String, String)>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let root = args.next().ok_or("usage: pycg_benchmark SNIPPETS [-v]")?;
    let verbose = args.any(|arg| arg == "-v");
    if !Path::new(&root).is_dir() {
        return Err(format!(
            "{root} is no folder: fetch vitsalis/PyCG and give its micro-benchmark/snippets"
        )
        .into());
    }
    let options = Options {
        catalog: Catalog::built_in(),
        pins: Vec::new(),
    };
    let mut cases = Vec::new();
    find_cases(Path::new(&root), &mut cases)?;
    cases.sort();
    let (mut complete, mut sound, mut exact) = (0, 0, 0);
    let (mut n_common, mut n_found, mut n_expected) = (0, 0, 0);
    for case in &cases {
        let expected = flatten(serde_json::from_str(&std::fs::read_to_string(
            case.join("callgraph.json"),
        )?)?);
        let source = SourceOptions {
            include_tests: true,
            ..SourceOptions::default()
        };
        let tree = SourceTree::read(case, &source)?;
        let analysis = cutline_analyzer::examine(&tree, &options);
        let found = flatten(pycg::edges(
            &analysis.modules,
            &analysis.program,
            &analysis.call_graph,
        ));
        let extra: Vec<_> = found.difference(&expected).collect();
        let missing: Vec<_> = expected.difference(&found).collect();
        complete += usize::from(extra.is_empty());
        sound += usize::from(missing.is_empty());
        exact += usize::from(extra.is_empty() && missing.is_empty());
        n_common += found.intersection(&expected).count();
        n_found += found.len();
        n_expected += expected.len();
        if verbose && !(extra.is_empty() && missing.is_empty()) {
            println!("{}", case.strip_prefix(&root)?.display());
            missing
                .iter()
                .for_each(|(from, to)| println!("  missing {from} -> {to}"));
            extra
                .iter()
                .for_each(|(from, to)| println!("  extra   {from} -> {to}"));
        }
    }
    let precision = n_common as f64 / n_found.max(1) as f64;
    let recall = n_common as f64 / n_expected.max(1) as f64;
    println!(
        "{} cases: complete {complete}, sound {sound}, exact {exact}",
        cases.len()
    );
    println!(
        "edges: precision {:.1} %, recall {:.1} %, F1 {:.1}",
        100.0 * precision,
        100.0 * recall,
        100.0 * 2.0 * precision * recall / (precision + recall)
    );
    Ok(())
}

fn find_cases(folder: &Path, cases: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if folder.join("callgraph.json").is_file() {
        cases.push(folder.to_owned());
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find_cases(&path, cases)?;
        }
    }
    Ok(())
}

fn flatten(edges: BTreeMap<String, BTreeSet<String>>) -> Edges {
    let pairs = edges.into_iter();
    pairs
        .flat_map(|(from, targets)| targets.into_iter().map(move |to| (from.clone(), to)))
        .collect()
}
