//! The rooms' results to the document.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};

use super::document::*;
use super::{fields, listens};
use crate::catalog::{Access, Catalog};
use crate::cut::{Contract, ContractPlace, Crossing, EntryKind};
use crate::effects::{EffectKind, ResourceKind};
use crate::graph::FuncId;
use crate::line::Analysis;
use crate::modules::FileId;
use crate::routes::{Route, RouteKind};
use crate::source::{Language, SourceTree};
use crate::stages::Stage;
use crate::syntax::facts::ScopeKind;

/// Version of the document's shape.
const SCHEMA: u32 = 1;

/// Writes down what `analysis` found.
pub fn build(tree: &SourceTree, analysis: &Analysis, catalog: &Catalog) -> Report {
    let writer = Writer::new(tree, analysis);
    let routes = writer.routes();
    Report {
        schema: SCHEMA,
        name: tree.name.to_string(),
        summary: writer.summary(catalog),
        stages: writer.stages(&routes),
        functions: writer.functions(),
        resources: writer.resources(),
        calls: writer.calls(),
        flows: writer.flows(),
        crossings: writer.crossings(),
        contracts: writer.contracts(),
        operations: writer.operations(),
        findings: writer.findings(),
        cut: writer.cut(),
        order: writer.order(),
        skipped: writer.skipped(),
        listens: writer.listens(),
        routes,
    }
}

struct Writer<'a> {
    tree: &'a SourceTree,
    analysis: &'a Analysis,
    /// The tree's file of each [`FileId`].
    source_of: FxHashMap<&'a str, usize>,
    /// Functions that are listed: all but module bodies without work.
    listed: Vec<bool>,
    /// Lines whose text must not be shown.
    secret_lines: FxHashSet<(FileId, u32)>,
}

impl<'a> Writer<'a> {
    fn new(tree: &'a SourceTree, analysis: &'a Analysis) -> Writer<'a> {
        let sources = tree.files.iter().enumerate();
        let findings = analysis.findings.iter();
        Writer {
            tree,
            analysis,
            source_of: sources
                .map(|(idx, file)| (file.path.as_str(), idx))
                .collect(),
            listed: listed(analysis),
            secret_lines: findings
                .filter(|finding| finding.hazard == "secret-in-code")
                .map(|finding| (finding.file, finding.line))
                .collect(),
        }
    }

    // ---- names and places

    fn path(&self, file: FileId) -> String {
        self.analysis.modules.facts(file).path.to_string()
    }

    fn qualname(&self, func: FuncId) -> String {
        let function = self.analysis.program.function(func);
        let facts = self.analysis.modules.facts(function.file);
        facts.scope(function.scope).qualname.to_string()
    }

    fn id(&self, func: FuncId) -> String {
        let function = self.analysis.program.function(func);
        format!("{}:{}", self.path(function.file), self.qualname(func))
    }

    fn line(&self, func: FuncId) -> u32 {
        let function = self.analysis.program.function(func);
        let facts = self.analysis.modules.facts(function.file);
        facts.scope(function.scope).line
    }

    fn place(&self, file: FileId, line: u32) -> Place {
        let path = self.path(file);
        let source = self
            .source_of
            .get(path.as_str())
            .map(|idx| &self.tree.files[*idx]);
        let code = match source {
            _ if self.secret_lines.contains(&(file, line)) => "••••".to_owned(),
            Some(source) if line > 0 => {
                let text = source
                    .text
                    .lines()
                    .nth(line as usize - 1)
                    .unwrap_or_default();
                text.trim().chars().take(160).collect()
            }
            _ => String::new(),
        };
        let cells = source
            .map(|source| source.cells.as_slice())
            .unwrap_or_default();
        let cell = cells.iter().rfind(|cell| cell.line <= line);
        Place {
            file: path,
            line,
            cell: cell.map(|cell| cell.number),
            code,
        }
    }

    fn stage(&self, func: FuncId) -> Stage {
        self.analysis.stages.stage(func)
    }

    // ---- sections

    fn summary(&self, catalog: &Catalog) -> Summary {
        let files = &self.analysis.modules.files;
        let mut languages: Vec<String> = Vec::new();
        for (language, name) in [(Language::Python, "Python"), (Language::Rust, "Rust")] {
            if self.tree.files.iter().any(|file| file.language == language) {
                languages.push(name.to_owned());
            }
        }
        let mut used: BTreeMap<String, usize> = BTreeMap::new();
        for call in &self.analysis.call_graph.library_calls {
            let library = catalog.library(&call.path);
            if let Some(library) = library.filter(|library| !library.standard) {
                *used.entry(library.name.to_string()).or_default() += 1;
            }
        }
        let mut libraries: Vec<(String, usize)> = used.into_iter().collect();
        libraries.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        let routes = self.analysis.routes.iter();
        let frameworks: BTreeSet<&str> = routes
            .map(|route| route.framework)
            .filter(|framework| *framework != "script")
            .collect();
        Summary {
            files: files.len(),
            lines: files.iter().map(|facts| facts.lines as usize).sum(),
            languages,
            libraries: libraries.into_iter().map(|(name, _)| name).collect(),
            frameworks: frameworks.into_iter().map(str::to_owned).collect(),
        }
    }

    fn stages(&self, routes: &[RouteEntry]) -> Vec<StageEntry> {
        let entry = |stage: Stage| {
            let of = self.analysis.stages.of.iter().zip(&self.listed);
            let confidences: Vec<f64> = of
                .filter(|(staging, listed)| **listed && staging.stage == stage)
                .map(|(staging, _)| staging.confidence)
                .collect();
            let mean = confidences.iter().sum::<f64>() / confidences.len().max(1) as f64;
            let http = routes.iter().filter(|route| route.kind == RouteKind::Http);
            let mut names: Vec<String> = http
                .filter(|route| route.stage == stage)
                .map(|route| format!("{} {}", route.method, route.path))
                .collect();
            // Two services, or a notebook and its package, can share a name.
            names.dedup();
            StageEntry {
                stage,
                functions: confidences.len(),
                routes: names,
                confidence: (!confidences.is_empty()).then(|| rounded(mean)),
            }
        };
        Stage::ALL.into_iter().map(entry).collect()
    }

    fn functions(&self) -> Vec<FunctionEntry> {
        let ids = self.analysis.program.func_ids();
        let listed = ids.filter(|func| self.listed[func.0 as usize]);
        let mut functions: Vec<FunctionEntry> = listed.map(|func| self.function(func)).collect();
        functions
            .sort_by(|a, b| (&a.file, a.line, &a.qualname).cmp(&(&b.file, b.line, &b.qualname)));
        functions
    }

    fn function(&self, func: FuncId) -> FunctionEntry {
        let function = self.analysis.program.function(func);
        let facts = self.analysis.modules.facts(function.file);
        let scope = facts.scope(function.scope);
        let staging = &self.analysis.stages.of[func.0 as usize];
        let shares = Stage::ALL.iter().zip(staging.distribution);
        FunctionEntry {
            id: self.id(func),
            file: facts.path.to_string(),
            qualname: scope.qualname.to_string(),
            line: scope.line,
            end_line: scope.end_line,
            stage: staging.stage,
            confidence: rounded(staging.confidence),
            distribution: shares
                .map(|(stage, share)| (stage.name().to_owned(), rounded(share)))
                .filter(|(_, share)| *share >= 0.01)
                .collect(),
            evidence: staging
                .evidence
                .iter()
                .map(|evidence| EvidenceEntry {
                    stage: evidence.stage,
                    weight: rounded(evidence.weight),
                    reason: evidence.reason.to_string(),
                    line: evidence.line,
                })
                .collect(),
            pinned: staging.pinned,
        }
    }

    fn resources(&self) -> Vec<ResourceEntry> {
        let resources = self.analysis.effects.resources.iter();
        resources
            .map(|resource| {
                let mut accesses: Vec<AccessEntry> = Vec::new();
                for access in &resource.accesses {
                    let is_helped = !access.behalf.is_empty();
                    for (function, file, line) in access.places() {
                        let entry = AccessEntry {
                            access: access.access,
                            file: self.path(file),
                            qualname: self.qualname(function),
                            line,
                            through: is_helped.then(|| self.id(access.function)),
                        };
                        if !accesses.contains(&entry) {
                            accesses.push(entry);
                        }
                    }
                }
                accesses.sort_by(|a, b| {
                    let key = |entry: &AccessEntry| (entry.file.clone(), entry.line, entry.access);
                    key(a).cmp(&key(b)).then(a.qualname.cmp(&b.qualname))
                });
                ResourceEntry {
                    kind: resource.kind,
                    identity: resource.identity.to_string(),
                    accesses,
                }
            })
            .collect()
    }

    fn listens(&self) -> Option<ListenEntry> {
        let found = listens::listens(&self.analysis.modules, &self.tree.configs)?;
        let place = match found.place {
            listens::Place::Source(file, line) => self.place(file, line),
            // Text of configuration may hold secrets.
            listens::Place::Config(file, line) => Place {
                file,
                line,
                cell: None,
                code: String::new(),
            },
        };
        Some(ListenEntry {
            port: found.port,
            place,
        })
    }

    fn routes(&self) -> Vec<RouteEntry> {
        let routes = self.analysis.routes.iter().zip(&self.analysis.reach);
        routes
            .map(|(route, reached)| self.route(route, reached))
            .collect()
    }

    fn route(&self, route: &Route, reached: &[FuncId]) -> RouteEntry {
        let mut stages: Vec<Stage> = reached
            .iter()
            .map(|func| self.stage(*func))
            .filter(|stage| stage.is_pipeline())
            .collect();
        stages.sort_unstable();
        stages.dedup();
        let answers = matches!(route.kind, RouteKind::Http | RouteKind::WebSocket);
        RouteEntry {
            kind: route.kind,
            method: route.method.to_string(),
            path: route.path.to_string(),
            handler: self.id(route.handler),
            place: self.place(route.file, route.line),
            framework: route.framework.to_owned(),
            stage: self.stage(route.handler),
            fat: answers && stages.len() >= FAT,
            stages,
            side_effects: self.side_effects(reached),
            reaches: reached.iter().map(|func| self.id(*func)).collect(),
        }
    }

    /// What the functions change that outlives the answer, in words. A global
    /// that is only filled once, whoever asks, is no change.
    fn side_effects(&self, reached: &[FuncId]) -> Vec<String> {
        let reached: FxHashSet<FuncId> = reached.iter().copied().collect();
        let mut found = BTreeSet::new();
        for resource in &self.analysis.effects.resources {
            let (kind, what) = match resource.kind {
                ResourceKind::File => ("file", &resource.identity),
                ResourceKind::Table => ("table", &resource.identity),
                ResourceKind::Model => ("model", &resource.identity),
                ResourceKind::Queue => ("queue", &resource.identity),
                ResourceKind::Blob => ("blob", &resource.identity),
                ResourceKind::Global => ("global", &resource.identity),
                ResourceKind::Cache => ("cache", &resource.identity),
                _ => continue,
            };
            let is_global = resource.kind == ResourceKind::Global;
            if is_global && self.analysis.effects.memos.contains(&resource.identity) {
                continue;
            }
            for access in &resource.accesses {
                let by = access.actors().iter().any(|actor| reached.contains(actor))
                    && reached.contains(&access.function);
                let verb = match access.access {
                    Access::Write => "writes",
                    Access::Append => "appends to",
                    Access::Delete => "deletes",
                    Access::Read | Access::Use => continue,
                };
                if by {
                    found.insert(format!("{verb} {kind} {what}"));
                }
            }
        }
        for effect in &self.analysis.effects.effects {
            if !reached.contains(&effect.function) {
                continue;
            }
            match effect.kind {
                EffectKind::Process => found.insert(format!("starts a process ({})", effect.path)),
                EffectKind::Thread => found.insert(format!("starts a thread ({})", effect.path)),
                EffectKind::Network => found.insert(format!("calls the network ({})", effect.path)),
                _ => false,
            };
        }
        found.into_iter().collect()
    }

    fn calls(&self) -> Vec<CallEntry> {
        let mut calls: Vec<CallEntry> = self
            .analysis
            .call_graph
            .calls
            .iter()
            .map(|call| CallEntry {
                caller: self.id(call.caller),
                callee: self.id(call.callee),
                line: call.line,
                certainty: call.certainty.to_string(),
            })
            .collect();
        calls.sort_by(|a, b| (&a.caller, a.line, &a.callee).cmp(&(&b.caller, b.line, &b.callee)));
        calls.dedup();
        calls
    }

    fn flows(&self) -> Vec<FlowEntry> {
        let flows = self.analysis.data_flow.flows.iter();
        let mut flows: Vec<FlowEntry> = flows
            .map(|flow| FlowEntry {
                from: self.id(flow.from),
                to: self.id(flow.to),
                via: flow.via,
                name: flow.name.to_string(),
                file: self.path(flow.file),
                line: flow.line,
            })
            .collect();
        flows.sort_by(|a, b| {
            (&a.from, &a.to, a.via, &a.name, a.line).cmp(&(&b.from, &b.to, b.via, &b.name, b.line))
        });
        flows
    }

    fn crossings(&self) -> Vec<CrossingEntry> {
        let lines = self.analysis.plan.lines.iter();
        lines
            .flat_map(|line| {
                let crossings = line.crossings.iter();
                crossings.map(|crossing| self.crossing(line.from, line.to, crossing))
            })
            .collect()
    }

    fn crossing(&self, from_stage: Stage, to_stage: Stage, crossing: &Crossing) -> CrossingEntry {
        // The place is at one end; the far end is the other function.
        let near = self.analysis.program.function(crossing.from).file == crossing.file
            && self.line(crossing.from) <= crossing.line;
        let far = if near { crossing.to } else { crossing.from };
        let far_file = self.analysis.program.function(far).file;
        CrossingEntry {
            from_stage,
            to_stage,
            from: self.id(crossing.from),
            to: self.id(crossing.to),
            via: crossing.via.map_or("call", |via| via.name()).to_owned(),
            name: crossing.name.to_string(),
            place: self.place(crossing.file, crossing.line),
            far: self.place(far_file, self.line(far)),
            price: rounded(crossing.price),
            becomes: crossing.becomes.to_owned(),
        }
    }

    fn contracts(&self) -> Vec<ContractEntryDoc> {
        let contracts = self.analysis.plan.contracts.iter();
        contracts.map(|contract| self.contract(contract)).collect()
    }

    fn contract(&self, contract: &Contract) -> ContractEntryDoc {
        let entries = contract.entries.iter().map(|entry| ContractItem {
            kind: entry.kind,
            name: entry.name.to_string(),
            value: match &entry.value {
                Some(value) => value.to_string(),
                None => "unknown".to_owned(),
            },
            optional: entry.optional,
            made: entry.made.clone(),
            place: self.place(entry.file, entry.line),
        });
        let entries: Vec<ContractItem> = entries.collect();
        let of = |kind| fields::schema(entries.iter().filter(|entry| entry.kind == kind));
        ContractEntryDoc {
            at: match &contract.at {
                ContractPlace::Line(from, to) => format!("{from} -> {to}"),
                ContractPlace::Route(idx) => match self.analysis.routes.get(*idx) {
                    Some(route) => format!("{} {}", route.method, route.path).trim().to_owned(),
                    None => "a route".to_owned(),
                },
            },
            ignores: contract.ignores,
            request: of(EntryKind::RequestField),
            response: of(EntryKind::ResponseField),
            entries,
        }
    }

    fn operations(&self) -> Vec<OperationEntry> {
        let operations = self.analysis.plan.operations.iter();
        operations
            .map(|operation| OperationEntry {
                stage: operation.stage,
                kind: operation.kind.to_string(),
                keys: operation
                    .keys
                    .iter()
                    .map(|key| KeyEntry {
                        name: key.name.to_string(),
                        value: key.value.clone(),
                    })
                    .collect(),
                only_fit: operation.only_fit,
                place: self.place(operation.file, operation.line),
            })
            .collect()
    }

    fn findings(&self) -> Vec<FindingEntry> {
        let findings = self.analysis.findings.iter();
        findings
            .map(|finding| FindingEntry {
                hazard: finding.hazard.to_owned(),
                severity: finding.severity,
                place: self.place(finding.file, finding.line),
                function: self.id(finding.function),
                message: finding.message.clone(),
                mend: finding.mend.clone(),
                between: finding.between.map_or_else(Vec::new, |(a, b)| vec![a, b]),
                related: finding
                    .related
                    .iter()
                    .map(|(file, line, what)| Related {
                        place: self.place(*file, *line),
                        what: what.to_string(),
                    })
                    .collect(),
                setting: finding.setting.clone(),
            })
            .collect()
    }

    fn cut(&self) -> CutEntry {
        let plan = &self.analysis.plan;
        CutEntry {
            // A sum of none is -0.
            price: rounded(plan.lines.iter().map(|line| line.price).sum::<f64>() + 0.0),
            lines: plan
                .lines
                .iter()
                .map(|line| LineEntry {
                    from: line.from,
                    to: line.to,
                    price: rounded(line.price),
                    crossings: line.crossings.len(),
                    headline: self.headline(&line.crossings),
                    blocked: line.blocked.clone().unwrap_or_default(),
                })
                .collect(),
            shared: plan
                .shared
                .iter()
                .map(|shared| SharedEntry {
                    function: self.id(shared.function),
                    line: self.line(shared.function),
                    stages: shared.stages.clone(),
                    advice: shared.advice,
                    reason: shared.reason.clone(),
                })
                .collect(),
        }
    }

    /// The dearest crossing in words.
    fn headline(&self, crossings: &[Crossing]) -> String {
        let Some(first) = crossings.first() else {
            return String::new();
        };
        let at = format!("{}:{}", self.path(first.file), first.line);
        let (from, to) = (self.qualname(first.from), self.qualname(first.to));
        let what = match first.via {
            None => format!("{from} calls {to} at {at}"),
            Some(via) if first.name.is_empty() => {
                format!("{from} → {to} by {} at {at}", via.name())
            }
            Some(via) => format!("{} {}: {from} → {to} at {at}", via.name(), first.name),
        };
        format!("{what}; {}", first.becomes)
    }

    fn order(&self) -> Vec<StepEntry> {
        let order = self.analysis.plan.order.iter();
        order
            .map(|step| StepEntry {
                stage: step.stage,
                reasons: step.reasons.clone(),
            })
            .collect()
    }

    fn skipped(&self) -> Vec<SkippedEntry> {
        let skipped = self.analysis.skipped.iter();
        skipped
            .map(|skipped| SkippedEntry {
                file: skipped.path.to_string(),
                reason: skipped.reason.to_string(),
            })
            .collect()
    }
}

/// A route that reaches this many stages is fat.
const FAT: usize = 3;

/// Three decimals say enough and are the same everywhere.
fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

/// Functions to list: everything but module bodies that only define and import,
/// declarations, and parts of functions.
fn listed(analysis: &Analysis) -> Vec<bool> {
    let mut touched: FxHashSet<FuncId> = FxHashSet::default();
    let graph = &analysis.call_graph;
    touched.extend(graph.calls.iter().map(|call| call.caller));
    for resource in &analysis.effects.resources {
        touched.extend(resource.accesses.iter().map(|access| access.function));
    }
    touched.extend(analysis.routes.iter().map(|route| route.handler));
    let ids = analysis.program.func_ids();
    ids.map(|func| {
        let function = analysis.program.function(func);
        let facts = analysis.modules.facts(function.file);
        match facts.scope(function.scope).kind {
            ScopeKind::Module => touched.contains(&func) || works(analysis, func),
            // What is only declared, others define; a part is its function's.
            _ => {
                let declared = analysis.program.is_declaration(&analysis.modules, func);
                !declared && function.part_of.is_none()
            }
        }
    })
    .collect()
}

/// A module body with calls of libraries that leave a trace.
fn works(analysis: &Analysis, func: FuncId) -> bool {
    let effects = &analysis.effects.effects;
    let staged = &analysis.stages.of[func.0 as usize];
    effects.iter().any(|effect| effect.function == func)
        || staged
            .evidence
            .iter()
            .any(|evidence| evidence.reason.starts_with("calls "))
}
