//! Scores the call graph on the public Rust benchmark.
//!
//! `cargo run --release -p cutline-analyzer --example rust_benchmark -- SRC [-v]`
//!
//! SRC is the folder `src` of the public repository
//! `ktrianta/rust-callgraph-benchmark`. Its calls are annotated by comments
//! above them: what kind of call it is, and what it reaches. A call is found
//! when every function it is annotated with is reached from that line; where
//! the annotation names a trait's method or a function's type, when something
//! of that name, or anything at all, is reached. An edge is extra when it
//! leaves an annotated line for a function with another name.

#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::Path;

use cutline_analyzer::graph::Certainty;
use cutline_analyzer::source::{SourceOptions, SourceTree};
use cutline_analyzer::{Analysis, Catalog, Options};

/// A call as the benchmark describes it.
struct Expected {
    /// The statements below the comment.
    lines: RangeInclusive<u32>,
    target: Target,
    written: String,
}

enum Target {
    /// The function of this qualified name, in the crate of that name.
    Function { krate: String, qualname: String },
    /// A trait's method: whoever implements it.
    Method { name: String },
    /// A call through a function pointer: whatever it can hold.
    Pointer,
}

#[derive(Default)]
struct Score {
    expected: usize,
    found: usize,
    edges: usize,
    extra: usize,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let root = args.next().ok_or("usage: rust_benchmark SRC [-v]")?;
    let verbose = args.any(|arg| arg == "-v");
    if !Path::new(&root).join("static_dispatch").is_dir() {
        return Err(format!(
            "{root} is not the benchmark: fetch ktrianta/rust-callgraph-benchmark and give its src"
        )
        .into());
    }
    let tree = SourceTree::read(Path::new(&root), &SourceOptions::default())?;
    let options = Options {
        catalog: Catalog::built_in(),
        pins: Vec::new(),
    };
    let analysis = cutline_analyzer::examine(&tree, &options);
    let mut scores: BTreeMap<String, Score> = BTreeMap::new();
    for file in &tree.files {
        let path = file.path.to_string();
        let package = path.split('/').next().unwrap_or_default().to_owned();
        let edges = edges_of(&analysis, &path);
        let score = scores.entry(package).or_default();
        for expected in annotations(&file.text) {
            let from_here: Vec<&Edge> = edges
                .iter()
                .filter(|edge| expected.lines.contains(&edge.line))
                .collect();
            score.expected += 1;
            score.edges += from_here.len();
            let meant = |edge: &&&Edge| meets(edge, &expected.target);
            let extra: Vec<_> = from_here.iter().filter(|edge| !meant(edge)).collect();
            score.extra += extra.len();
            let found = from_here.iter().any(|edge| meant(&edge));
            score.found += usize::from(found);
            if verbose {
                let sign = if found { "ok     " } else { "missing" };
                println!(
                    "{sign} {path}:{} {}",
                    expected.lines.start(),
                    expected.written
                );
                for edge in extra {
                    println!(
                        "  extra {}: {} ({:?})",
                        edge.krate, edge.qualname, edge.certainty
                    );
                }
            }
        }
    }
    let mut all = Score::default();
    println!("| package | calls | found | recall | edges | extra | precision |");
    println!("|---|---|---|---|---|---|---|");
    for (package, score) in &scores {
        all.expected += score.expected;
        all.found += score.found;
        all.edges += score.edges;
        all.extra += score.extra;
        if score.expected > 0 {
            print_row(package, score);
        }
    }
    print_row("all", &all);
    Ok(())
}

fn print_row(name: &str, score: &Score) {
    let percent = |part: usize, of: usize| 100.0 * part as f64 / of.max(1) as f64;
    println!(
        "| {name} | {} | {} | {:.1} % | {} | {} | {:.1} % |",
        score.expected,
        score.found,
        percent(score.found, score.expected),
        score.edges,
        score.extra,
        percent(score.edges - score.extra, score.edges),
    );
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    line: u32,
    certainty: Certainty,
    krate: String,
    qualname: String,
}

fn edges_of(analysis: &Analysis, path: &str) -> BTreeSet<Edge> {
    let calls = analysis.call_graph.calls.iter();
    let here = calls.filter(|call| analysis.modules.facts(call.file).path == path);
    here.map(|call| {
        let callee = analysis.program.function(call.callee);
        let facts = analysis.modules.facts(callee.file);
        let krate = facts.path.split('/').next().unwrap_or_default().to_owned();
        Edge {
            line: call.line,
            certainty: call.certainty,
            krate,
            qualname: facts.scope(callee.scope).qualname.to_string(),
        }
    })
    .collect()
}

/// The annotations of `text`: runs of comments whose first line says what kind
/// of call follows.
fn annotations(text: &str) -> Vec<Expected> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let kind = lines[at].strip_prefix("// ").unwrap_or_default();
        let is_call = ["static ", "instance ", "function pointer call"]
            .iter()
            .any(|start| kind.starts_with(start));
        let is_call = is_call && (kind.ends_with(" call") || kind.contains(" call ("));
        if !is_call {
            at += 1;
            continue;
        }
        let written = lines[at + 1].trim_start_matches("//").trim().to_owned();
        while at < lines.len() && lines[at].starts_with("//") {
            at += 1;
        }
        let end = (at..lines.len())
            .find(|at| lines[*at].is_empty() || lines[*at].starts_with("//"))
            .unwrap_or(lines.len());
        if let Some(target) = target(kind, &written) {
            let here = at as u32 + 1..=end as u32;
            found.push(Expected {
                lines: call_of_macro(&lines, at).unwrap_or(here),
                target,
                written,
            });
        }
    }
    found
}

/// Where the macro around line `at` is called: what its body calls, it calls
/// there.
fn call_of_macro(lines: &[&str], at: usize) -> Option<RangeInclusive<u32>> {
    let start = lines[..at]
        .iter()
        .rposition(|line| line.starts_with("macro_rules!"))?;
    let depth = |line: &&str| line.matches('{').count() as i64 - line.matches('}').count() as i64;
    if lines[start..at].iter().map(depth).sum::<i64>() <= 0 {
        return None;
    }
    let name = lines[start].trim_start_matches("macro_rules!").trim();
    let call = format!("{}!", name.split([' ', '{']).next().unwrap_or(name));
    let line = lines
        .iter()
        .position(|line| line.contains(&call) && !line.starts_with("//"))?;
    Some(line as u32 + 1..=line as u32 + 1)
}

fn target(kind: &str, written: &str) -> Option<Target> {
    if kind.starts_with("function pointer") || written.contains("Fn(") {
        return Some(Target::Pointer);
    }
    if written.starts_with("std::") || written.is_empty() {
        return None;
    }
    // `<T as a::Trait>::method`, `a::Trait<i32>::method`
    if let Some((_, method)) = written
        .rsplit_once(">::")
        .filter(|_| kind.contains("(trait)"))
    {
        return Some(Target::Method {
            name: method.into(),
        });
    }
    // `a::b::{impl Trait for T}::method`
    if let Some((_, rest)) = written.split_once('{') {
        let (head, method) = rest.split_once("}::")?;
        let (_, ty) = head.split_once(" for ")?;
        if ty.contains('(') {
            return Some(Target::Method {
                name: method.into(),
            });
        }
        let krate = written.split("::").next()?.to_owned();
        let (interface, _) = head.strip_prefix("impl ")?.split_once(" for ")?;
        return Some(Target::Function {
            krate,
            qualname: format!("<{ty} as {interface}>::{method}"),
        });
    }
    let plain = written.split("::<").next().unwrap_or(written);
    let (krate, rest) = plain.split_once("::")?;
    if kind.contains("(trait)") {
        let name = rest.rsplit("::").next()?.to_owned();
        return Some(Target::Method { name });
    }
    Some(Target::Function {
        krate: krate.into(),
        qualname: rest.into(),
    })
}

/// The last two parts decide: where modules lie in files, and how an `impl` is
/// written, the names differ.
fn meets(edge: &Edge, target: &Target) -> bool {
    let name = |qualname: &str| qualname.rsplit("::").next().unwrap_or(qualname).to_owned();
    match target {
        Target::Pointer => true,
        Target::Method { name: method } => name(&edge.qualname) == *method,
        Target::Function { krate, qualname } => {
            let (own, wanted) = (ty_and_name(&edge.qualname), ty_and_name(qualname));
            edge.krate == *krate
                && (own == wanted || own.1 == wanted.1 && own.0 == short(&wanted.0))
        }
    }
}

/// `Type` or `<Type as Trait>`, and the method.
fn ty_and_name(qualname: &str) -> (String, String) {
    if let Some((head, name)) = qualname.rsplit_once(">::") {
        let head = head.rsplit_once('<').map_or(head, |(_, head)| head);
        return (format!("<{head}>"), name.to_owned());
    }
    let mut parts = qualname.rsplit("::");
    let name = parts.next().unwrap_or_default().to_owned();
    let owner = parts.next().unwrap_or_default();
    let is_type = owner.starts_with(char::is_uppercase);
    (if is_type { owner } else { "" }.to_owned(), name)
}

fn short(head: &str) -> String {
    let inner = head.trim_start_matches('<');
    inner.split(" as ").next().unwrap_or(inner).to_owned()
}
