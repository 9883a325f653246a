//! A few lines of Python or Rust, and what a rule finds in them.
//!
//! A comment behind `def` or `fn` says the function's stage and, behind a
//! comma, the route it answers: `def predict():  # inference, POST /predict`.
//! A line `# --- name.py` begins another file, and so does
//! `// --- src/main.rs`, of a crate whose name is `app`.

use std::sync::LazyLock;

use crate::catalog::Catalog;
use crate::effects::{Effects, add_flows, effects};
use crate::graph::data::{DataFlowGraph, flows};
use crate::graph::globals::global_accesses;
use crate::graph::{CallGraph, ConfigDocs, Program, solve};
use crate::hazards::{Context, Finding, Hazard, support};
use crate::modules::ModuleSet;
use crate::routes::{Route, RouteKind};
use crate::source::{ConfigFile, ConfigFormat};
use crate::stages::{Stage, StageMap, Staging};
use crate::syntax::{FileFacts, python, rust};

static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::built_in);

/// A tree with all that rules look at.
pub(in crate::hazards) struct Tree {
    pub(in crate::hazards) modules: ModuleSet,
    program: Program,
    call_graph: CallGraph,
    data_flow: DataFlowGraph,
    effects: Effects,
    routes: Vec<Route>,
    stages: StageMap,
}

impl Tree {
    pub(in crate::hazards) fn new(
        facts: Vec<FileFacts>,
        name: &str,
        stage: impl Fn(&FileFacts, &str, u32) -> (Stage, Option<String>),
    ) -> Tree {
        let libraries = CATALOG.libraries().into_keys();
        let has_rust = facts.iter().any(|facts| facts.path.ends_with(".rs"));
        let manifests: &[ConfigFile] = if has_rust { &[manifest()] } else { &[] };
        let modules = ModuleSet::new(facts, manifests, name, libraries);
        let mut program = Program::new(&modules);
        let call_graph = solve(&modules, &CATALOG, &mut program, &ConfigDocs::default());
        let globals = global_accesses(&modules, &program);
        let mut data_flow = flows(&modules, &program, &call_graph, &globals);
        let effects = effects(&modules, &program, &CATALOG, &call_graph, &globals);
        add_flows(&effects, &mut data_flow);
        let (mut of, mut routes) = (Vec::new(), Vec::new());
        for func in program.func_ids() {
            let function = program.function(func);
            let facts = modules.facts(function.file);
            let scope = facts.scope(function.scope);
            let (stage, route) = stage(facts, &scope.qualname, scope.line);
            of.push(staging(stage));
            if let Some(route) = route {
                let (method, path) = route.split_once(' ').unwrap_or(("GET", &route));
                routes.push(Route {
                    kind: RouteKind::Http,
                    method: method.into(),
                    path: path.into(),
                    handler: func,
                    file: function.file,
                    line: scope.line,
                    framework: "flask",
                });
            }
        }
        Tree {
            modules,
            program,
            call_graph,
            data_flow,
            effects,
            routes,
            stages: StageMap { of },
        }
    }

    /// The tree of a case.
    pub(in crate::hazards) fn of(source: &str) -> Tree {
        let files = split(source);
        let facts = files
            .iter()
            .map(|(path, text)| match path.ends_with(".rs") {
                true => rust::lower(path, text).expect("a case is Rust"),
                false => python::lower(path, text).expect("a case is Python"),
            })
            .collect();
        Tree::new(facts, "case", |facts, qualname, line| {
            let (_, text) = files
                .iter()
                .find(|(path, _)| *path == facts.path)
                .expect("a file of the case");
            match qualname {
                "<module>" => (Stage::None, None),
                _ => mark(text, line),
            }
        })
    }

    pub(in crate::hazards) fn context(&self) -> Context<'_> {
        Context {
            modules: &self.modules,
            program: &self.program,
            catalog: &CATALOG,
            call_graph: &self.call_graph,
            data_flow: &self.data_flow,
            effects: &self.effects,
            routes: &self.routes,
            stages: &self.stages,
        }
    }
}

fn manifest() -> ConfigFile {
    ConfigFile {
        path: "Cargo.toml".into(),
        format: ConfigFormat::Toml,
        text: "[package]\nname = \"app\"".into(),
    }
}

fn staging(stage: Stage) -> Staging {
    Staging {
        stage,
        confidence: 1.0,
        distribution: Stage::ALL.map(|other| f64::from(u8::from(other == stage))),
        evidence: Vec::new(),
        pinned: true,
    }
}

fn split(source: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = Vec::new();
    for line in source.trim_start_matches('\n').lines() {
        let header = line.strip_prefix("# --- ");
        match header.or_else(|| line.strip_prefix("// --- ")) {
            Some(path) => files.push((path.trim().to_owned(), String::new())),
            None => {
                if files.is_empty() {
                    files.push(("app.py".to_owned(), String::new()));
                }
                if let Some((_, text)) = files.last_mut() {
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
    }
    files.sort();
    files
}

fn mark(text: &str, line: u32) -> (Stage, Option<String>) {
    let line = text.lines().nth(line as usize - 1).unwrap_or_default();
    let words = || line.split_whitespace();
    let is_def = words().take(2).any(|word| word == "def");
    let comment = match is_def {
        true => line.rsplit_once("# "),
        false => line
            .rsplit_once("// ")
            .filter(|_| words().any(|word| word == "fn")),
    };
    let Some((_, comment)) = comment else {
        return (Stage::None, None);
    };
    let (stage, route) = match comment.split_once(", ") {
        Some((stage, route)) => (stage, Some(route.to_owned())),
        None => (comment, None),
    };
    let stage = Stage::from_name(stage).expect("the comment behind a function names a stage");
    (stage, route)
}

/// What `rule` finds in `source`.
pub(in crate::hazards) fn findings(rule: &dyn Hazard, source: &str) -> Vec<Finding> {
    let tree = Tree::of(source);
    let mut found = Vec::new();
    rule.check(&tree.context(), &mut found);
    support::tidy(found)
}

/// One line per finding: place, severity, message.
pub(in crate::hazards) fn lines(modules: &ModuleSet, found: &[Finding]) -> String {
    let line = |finding: &Finding| {
        let path = &modules.facts(finding.file).path;
        let severity = format!("{:?}", finding.severity).to_lowercase();
        format!("{path}:{} {severity} {}\n", finding.line, finding.message)
    };
    found.iter().map(line).collect()
}

/// Asserts what `rule` finds: `line severity message`, one per line; the
/// message may be left out.
#[track_caller]
pub(in crate::hazards) fn check(rule: &dyn Hazard, source: &str, expect: &[&str]) {
    let tree = Tree::of(source);
    let mut found = Vec::new();
    rule.check(&tree.context(), &mut found);
    let found = support::tidy(found);
    let text = lines(&tree.modules, &found);
    let matches = found.len() == expect.len()
        && text.lines().zip(expect).all(|(line, expect)| {
            let rest = line.strip_prefix(expect);
            rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        });
    assert!(matches, "found\n{text}instead of\n{}", expect.join("\n"));
}
