//! The rooms in their order: one line each.

use rayon::prelude::*;

use crate::catalog::Catalog;
use crate::graph::{self, CallGraph, ConfigDocs, Program};
use crate::modules::ModuleSet;
use crate::report::Report;
use crate::source::{Language, SkipReason, Skipped, SourceFile, SourceTree};
use crate::syntax::{FileFacts, SyntaxError, python, rust};

/// Stack of the threads that walk syntax: the front ends bound their depth to
/// what fits in it.
const STACK_BYTES: usize = 64 << 20;

/// What the rooms up to the graph found.
#[derive(Debug)]
pub struct Analysis {
    /// Files with their names resolved.
    pub modules: ModuleSet,
    /// Functions and classes.
    pub program: Program,
    /// Who calls whom.
    pub call_graph: CallGraph,
    /// What was left out, by path.
    pub skipped: Vec<Skipped>,
}

/// What steers an analysis, besides the code.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is known of libraries.
    pub catalog: Catalog,
    /// Functions whose stage is given, in the order in which they were
    /// written: `file.py:qualname` or a glob of files, and the stage.
    pub pins: Vec<(String, String)>,
}

/// Reads `tree` and suggests where to cut it.
pub fn analyze(tree: &SourceTree, options: &Options) -> Report {
    let analysis = examine(tree, &options.catalog);
    crate::report::build(tree, &analysis, options)
}

/// Reads `tree` up to the call graph.
pub fn examine(tree: &SourceTree, catalog: &Catalog) -> Analysis {
    with_stack(|| {
        let (facts, skipped) = lower(tree);
        let libraries = catalog.libraries().into_keys();
        let modules = ModuleSet::new(facts, &tree.name, libraries);
        let mut program = Program::new(&modules);
        let configs = ConfigDocs::default();
        let call_graph = graph::solve(&modules, catalog, &mut program, &configs);
        Analysis {
            modules,
            program,
            call_graph,
            skipped,
        }
    })
}

/// Runs `work` on threads whose stack is deep enough for any accepted file.
fn with_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new()
        .stack_size(STACK_BYTES)
        .build();
    match pool {
        Ok(pool) => pool.install(work),
        // No thread can be had: the caller's own has to do.
        Err(_) => work(),
    }
}

/// Lowers every file, in parallel; what does not lower is skipped.
fn lower(tree: &SourceTree) -> (Vec<FileFacts>, Vec<Skipped>) {
    let lowered: Vec<_> = tree.files.par_iter().map(lower_file).collect();
    let mut facts = Vec::new();
    let mut skipped = tree.skipped.clone();
    for result in lowered {
        match result {
            Ok(file) => facts.push(file),
            Err(file) => skipped.push(file),
        }
    }
    skipped.sort_by(|a, b| a.path.cmp(&b.path));
    (facts, skipped)
}

fn lower_file(file: &SourceFile) -> Result<FileFacts, Skipped> {
    let lowered = match file.language {
        Language::Python => python::lower(&file.path, &file.text),
        Language::Rust => rust::lower(&file.path, &file.text),
    };
    lowered.map_err(|error| Skipped {
        path: file.path.clone(),
        reason: match error {
            SyntaxError::Parse { line, column } => SkipReason::DoesNotParse { line, column },
            SyntaxError::TooDeep { limit, line } => SkipReason::TooDeep { limit, line },
        },
    })
}
