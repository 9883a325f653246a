//! Builds the context of a plan from a few lines of Python whose stages are
//! given by name.

use smol_str::SmolStr;

use super::CutPlan;
use super::crossings::name_of;
use crate::catalog::Catalog;
use crate::effects::Effects;
use crate::graph::data::DataFlowGraph;
use crate::hazards::Context;
use crate::line::{Analysis, Options};
use crate::routes::{Route, RouteKind};
use crate::source::{Language, SourceFile, SourceTree};
use crate::stages::{Stage, StageMap, Staging};

/// A small tree with all that a plan needs.
pub(crate) struct Given {
    pub(crate) analysis: Analysis,
    pub(crate) catalog: Catalog,
    pub(crate) data_flow: DataFlowGraph,
    pub(crate) effects: Effects,
    pub(crate) routes: Vec<Route>,
    pub(crate) stages: StageMap,
}

impl Given {
    /// One file, `a.py`. `stages` by bare name; what is not named is `none`.
    pub(crate) fn new(text: &str, stages: &[(&str, &str)]) -> Given {
        Given::of(&[("a.py", text)], |name| {
            let found = stages.iter().find(|(func, _)| *func == name);
            found
                .and_then(|(_, stage)| Stage::from_name(stage))
                .unwrap_or(Stage::None)
        })
    }

    pub(crate) fn of(files: &[(&str, &str)], stage: impl Fn(&str) -> Stage) -> Given {
        let tree = SourceTree {
            name: "given".into(),
            files: files
                .iter()
                .map(|(path, text)| SourceFile {
                    path: (*path).into(),
                    language: if path.ends_with(".rs") {
                        Language::Rust
                    } else {
                        Language::Python
                    },
                    text: (*text).to_owned(),
                    cells: Vec::new(),
                })
                .collect(),
            ..SourceTree::default()
        };
        let catalog = Catalog::built_in();
        let options = Options {
            catalog: catalog.clone(),
            pins: Vec::new(),
        };
        let analysis = crate::examine(&tree, &options);
        let (modules, program) = (&analysis.modules, &analysis.program);
        let (data_flow, effects) = (analysis.data_flow.clone(), analysis.effects.clone());
        let of = program
            .functions
            .iter()
            .map(|function| {
                let name = &modules.facts(function.file).scope(function.scope).name;
                let stage = stage(name);
                let mut distribution = [0.0; 9];
                for (idx, other) in Stage::ALL.into_iter().enumerate() {
                    distribution[idx] = f64::from(u8::from(other == stage));
                }
                Staging {
                    stage,
                    confidence: 0.9,
                    distribution,
                    evidence: Vec::new(),
                    pinned: false,
                }
            })
            .collect();
        Given {
            analysis,
            catalog,
            data_flow,
            effects,
            routes: Vec::new(),
            stages: StageMap { of },
        }
    }

    /// Adds an HTTP route whose handler is the function called `handler`.
    pub(crate) fn route(
        mut self,
        method: &str,
        path: &str,
        handler: &str,
        framework: &'static str,
    ) -> Given {
        let program = &self.analysis.program;
        let modules = &self.analysis.modules;
        self.routes.clear();
        let handler = program.func_ids().find(|func| {
            let function = program.function(*func);
            modules.facts(function.file).scope(function.scope).name == handler
        });
        if let Some(handler) = handler {
            let function = program.function(handler);
            let line = modules.facts(function.file).scope(function.scope).line;
            self.routes.push(Route {
                kind: RouteKind::Http,
                method: method.into(),
                path: path.into(),
                handler,
                file: function.file,
                line: line.saturating_sub(1),
                framework,
            });
        }
        self
    }

    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            modules: &self.analysis.modules,
            program: &self.analysis.program,
            catalog: &self.catalog,
            call_graph: &self.analysis.call_graph,
            data_flow: &self.data_flow,
            effects: &self.effects,
            routes: &self.routes,
            stages: &self.stages,
        }
    }

    pub(crate) fn with_plan<T>(&self, text: impl Fn(&Context<'_>, &CutPlan) -> T) -> T {
        let ctx = self.context();
        text(&ctx, &super::plan(&ctx, &[]))
    }
}

/// The crossings, a line each.
pub(crate) fn line_texts(ctx: &Context<'_>, plan: &CutPlan) -> String {
    let mut texts = Vec::new();
    for line in &plan.lines {
        for crossing in &line.crossings {
            texts.push(format!(
                "{} | {}: {} {} {} -> {} :{}",
                line.from,
                line.to,
                crossing.via.map_or("call", |via| via.name()),
                crossing.name,
                name_of(ctx, crossing.from),
                name_of(ctx, crossing.to),
                crossing.line
            ));
        }
    }
    texts.join("\n")
}

/// The shared functions with their advice, a line each.
pub(crate) fn shared_texts(ctx: &Context<'_>, plan: &CutPlan) -> String {
    let texts: Vec<String> = plan
        .shared
        .iter()
        .map(|shared| {
            let name = name_of(ctx, shared.function);
            format!("{name}: {:?}: {}", shared.advice, shared.reason)
        })
        .collect();
    texts.join("\n")
}

/// The contract entries, a line each.
pub(crate) fn contract_texts(_: &Context<'_>, plan: &CutPlan) -> String {
    let mut texts = Vec::new();
    for contract in &plan.contracts {
        let at = match &contract.at {
            super::ContractPlace::Line(from, to) => format!("{from} | {to}"),
            super::ContractPlace::Route(idx) => format!("route {idx}"),
        };
        for entry in &contract.entries {
            let value = entry.value.clone().unwrap_or_else(|| SmolStr::new("?"));
            texts.push(format!(
                "{at}: {:?} {} = {value} :{}",
                entry.kind, entry.name, entry.line
            ));
        }
    }
    texts.join("\n")
}
