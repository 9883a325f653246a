//! The rooms in their order: one line each.

use std::borrow::Cow;

use rayon::prelude::*;

use crate::catalog::Catalog;
use crate::cut::{self, CutPlan};
use crate::effects::{self, Effects};
use crate::graph::data::{self, DataFlowGraph};
use crate::graph::globals::global_accesses;
use crate::graph::{self, CallGraph, ConfigDocs, FuncId, Program};
use crate::hazards::{self, Finding};
use crate::modules::ModuleSet;
use crate::report::{self, Report};
use crate::routes::{self, Route};
use crate::source::{Language, SkipReason, Skipped, SourceFile, SourceTree};
use crate::stages::{self, Input, Stage, StageMap};
use crate::syntax::rust::{FileMacros, Macros};
use crate::syntax::{FileFacts, SyntaxError, python, rust};

/// Stack of the threads that walk syntax: the front ends bound their depth to
/// what fits in it.
const STACK_BYTES: usize = 64 << 20;

/// What steers an analysis, besides the code.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is known of libraries.
    pub catalog: Catalog,
    /// Functions whose stage is given, in the order in which they were
    /// written: `file.py:qualname` or a glob of files, and the stage.
    pub pins: Vec<(String, String)>,
}

/// What each room found.
#[derive(Debug)]
#[allow(missing_docs, reason = "each field is the room of its type")]
pub struct Analysis {
    pub modules: ModuleSet,
    pub program: Program,
    pub call_graph: CallGraph,
    pub data_flow: DataFlowGraph,
    pub routes: Vec<Route>,
    /// What each route reaches, in their order.
    pub reach: Vec<Vec<FuncId>>,
    pub effects: Effects,
    pub stages: StageMap,
    pub findings: Vec<Finding>,
    pub plan: CutPlan,
    pub skipped: Vec<Skipped>,
}

/// Told the name of each room on entering it.
pub type Watch<'w> = dyn FnMut(&'static str) + Send + 'w;

/// Reads `tree` and suggests where to cut it.
pub fn analyze(tree: &SourceTree, options: &Options) -> Report {
    analyze_watched(tree, options, &mut |_| {})
}

/// As [`analyze`], and tells `watch` how far it is.
pub fn analyze_watched(tree: &SourceTree, options: &Options, watch: &mut Watch<'_>) -> Report {
    with_stack(|| {
        let analysis = examine_here(tree, options, watch);
        watch("report");
        report::build(tree, &analysis, &options.catalog)
    })
}

/// As [`analyze`], with what each room found.
pub fn survey(tree: &SourceTree, options: &Options) -> (Analysis, Report) {
    with_stack(|| {
        let analysis = examine_here(tree, options, &mut |_| {});
        let report = report::build(tree, &analysis, &options.catalog);
        (analysis, report)
    })
}

/// Reads `tree` through every room.
pub fn examine(tree: &SourceTree, options: &Options) -> Analysis {
    with_stack(|| examine_here(tree, options, &mut |_| {}))
}

fn examine_here(tree: &SourceTree, options: &Options, watch: &mut Watch<'_>) -> Analysis {
    let catalog = &options.catalog;
    watch("syntax");
    let (facts, skipped) = lower(tree);
    watch("modules");
    let modules = ModuleSet::new(
        facts,
        &tree.configs,
        &tree.name,
        catalog.libraries().into_keys(),
    );
    let mut program = Program::new(&modules);
    let configs = ConfigDocs::read(&tree.configs);
    watch("graph");
    let mut call_graph = graph::solve(&modules, catalog, &mut program, &configs);
    let injected = routes::injected(&modules, &program, catalog, &call_graph);
    call_graph.add_injected(&modules, &program, &injected);
    let bridges = graph::bridges(&modules, &program, catalog, &call_graph);
    call_graph.add_calls(bridges);
    watch("flows");
    let globals = global_accesses(&modules, &program);
    let mut data_flow = data::flows(&modules, &program, &call_graph, &globals);
    data_flow.add_injected(&program, &modules, &injected);
    watch("effects");
    let mut effects = effects::effects(&modules, &program, catalog, &call_graph, &globals);
    effects::add_datasets(
        &modules,
        &program,
        &call_graph,
        &configs,
        &mut effects,
        &mut data_flow,
    );
    effects::add_flows(&effects, &mut data_flow);
    watch("routes");
    let routes = routes::routes(&modules, &program, catalog, &call_graph);
    let reach = routes::reach(&modules, &program, catalog, &call_graph, &routes);
    let requests = routes::requests(&modules, &program, catalog, &call_graph, &configs, &routes);
    data_flow.flows.extend(requests);
    data_flow.tidy();
    watch("stages");
    let input = Input {
        modules: &modules,
        program: &program,
        catalog,
        call_graph: &call_graph,
        data_flow: &data_flow,
        effects: &effects,
        routes: &routes,
    };
    let pins = pinned(&modules, &program, &options.pins);
    let stages = stages::stages(&input, &pins);
    watch("hazards");
    let ctx = hazards::Context {
        modules: &modules,
        program: &program,
        catalog,
        call_graph: &call_graph,
        data_flow: &data_flow,
        effects: &effects,
        routes: &routes,
        stages: &stages,
    };
    let findings = hazards::check_all(&ctx);
    watch("cut");
    let plan = cut::plan(&ctx, &findings);
    Analysis {
        modules,
        program,
        call_graph,
        data_flow,
        routes,
        reach,
        effects,
        stages,
        findings,
        plan,
        skipped,
    }
}

/// The functions that the configuration pins; the last matching line wins.
fn pinned(
    modules: &ModuleSet,
    program: &Program,
    pins: &[(String, String)],
) -> Vec<(FuncId, Stage)> {
    let mut found = Vec::new();
    for func in program.func_ids() {
        let function = program.function(func);
        let facts = modules.facts(function.file);
        let qualname = &facts.scope(function.scope).qualname;
        let id = format!("{}:{qualname}", facts.path);
        let matching = pins.iter().rfind(|(pattern, _)| {
            *pattern == id || (!pattern.contains(':') && glob(pattern, &facts.path))
        });
        if let Some(stage) = matching.and_then(|(_, stage)| Stage::from_name(stage)) {
            found.push((func, stage));
        }
    }
    found
}

fn glob(pattern: &str, path: &str) -> bool {
    let mut builder = ignore::overrides::OverrideBuilder::new("");
    let added = builder.add(pattern).is_ok();
    let matcher = builder.build();
    added && matcher.is_ok_and(|matcher| matcher.matched(path, false).is_whitelist())
}

/// Runs `work` on threads whose stack is deep enough for any accepted file.
pub(crate) fn with_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
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
    let macros: Vec<_> = tree.files.par_iter().filter_map(macros_of).collect();
    let macros = Macros::new(macros);
    let lowered = tree.files.par_iter().map(|file| lower_file(file, &macros));
    let lowered: Vec<_> = lowered.collect();
    let mut facts = Vec::new();
    let mut skipped = tree.skipped.clone();
    for (file, left_out) in lowered {
        facts.extend(file);
        skipped.extend(left_out);
    }
    skipped.sort_by(|a, b| a.path.cmp(&b.path));
    (facts, skipped)
}

fn macros_of(file: &SourceFile) -> Option<FileMacros> {
    let is_rust = file.language == Language::Rust;
    is_rust.then(|| FileMacros::read(&file.path, &file.text))
}

/// The facts of `file`, and what of it is left out. A cell that is no Python,
/// often prose, costs only itself.
fn lower_file(file: &SourceFile, macros: &Macros) -> (Option<FileFacts>, Vec<Skipped>) {
    let skip = |reason| Skipped {
        path: file.path.clone(),
        reason,
    };
    let mut text = Cow::Borrowed(file.text.as_str());
    let mut left_out: Vec<u32> = Vec::new();
    loop {
        let lowered = match file.language {
            Language::Python => python::lower(&file.path, &text),
            Language::Rust => rust::lower_in(&file.path, &text, macros),
        };
        let broken = left_out
            .iter()
            .map(|number| skip(SkipReason::BrokenCell { number: *number }));
        let reason = match lowered {
            Ok(facts) => return (Some(facts), broken.collect()),
            Err(SyntaxError::Parse { line, column }) => {
                let cell = file.cells.iter().rfind(|cell| cell.line <= line);
                let cell = cell.filter(|cell| !left_out.contains(&cell.number));
                if let Some(cell) = cell {
                    text = without(&text, file, cell.number).into();
                    left_out.push(cell.number);
                    continue;
                }
                SkipReason::DoesNotParse { line, column }
            }
            Err(SyntaxError::TooDeep { limit, line }) => SkipReason::TooDeep { limit, line },
        };
        return (None, vec![skip(reason)]);
    }
}

/// `text` with the lines of a cell as comments.
fn without(text: &str, file: &SourceFile, number: u32) -> String {
    let start = |number| {
        let cell = file.cells.iter().find(|cell| cell.number == number);
        cell.map_or(u32::MAX, |cell| cell.line)
    };
    let gone = start(number)..start(number + 1);
    let mut out = String::new();
    for (line, number) in text.lines().zip(1..) {
        if gone.contains(&number) {
            out.push_str("# ");
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Cell;

    #[test]
    fn a_cell_of_prose_costs_only_itself() {
        let cells = [(1, 1), (2, 2), (3, 3)];
        let file = SourceFile {
            path: "a.ipynb".into(),
            language: Language::Python,
            text: "def f(): pass\nthe score as a plot\ndef g(): pass\n".into(),
            cells: cells.map(|(line, number)| Cell { line, number }).into(),
        };
        let (facts, left_out) = lower_file(&file, &Macros::default());
        let facts = facts.unwrap();
        let names: Vec<&str> = facts
            .scopes()
            .map(|(_, scope)| scope.name.as_str())
            .collect();
        assert!(names.contains(&"f") && names.contains(&"g"), "{names:?}");
        let reasons: Vec<&SkipReason> = left_out.iter().map(|file| &file.reason).collect();
        assert_eq!(reasons, [&SkipReason::BrokenCell { number: 2 }]);
    }
}
