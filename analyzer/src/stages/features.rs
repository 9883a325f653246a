//! What a function says of itself: the evidence, by family.

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::{SmolStr, format_smolstr};

use super::lexicon::{hints, words};
use super::{Evidence, Stage};
use crate::catalog::Access;
use crate::effects::ResourceKind;
use crate::graph::{Certainty, FuncId};
use crate::routes::RouteKind;
use crate::syntax::FileFacts;
use crate::syntax::facts::{ExprId, ExprKind, LoopHead, ScopeId, ScopeKind, Stmt, StmtKind};

use super::Input;

/// Where evidence comes from. Each family has one weight, learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the reasons spell them out")]
pub(crate) enum Family {
    Library,
    Method,
    Name,
    Class,
    File,
    Folder,
    Doc,
    Body,
    Route,
    Resource,
    Callers,
    Callees,
    Siblings,
    Flows,
}

pub(crate) const FAMILIES: usize = 14;

/// A vector over [`Stage::ALL`].
pub(crate) type ByStage = [f64; 9];

/// What is known of one function.
#[derive(Clone, Debug, Default)]
pub(crate) struct Own {
    pub(crate) families: [ByStage; FAMILIES],
    pub(crate) evidence: Vec<(Family, Evidence)>,
    /// Statements in its body.
    pub(crate) size: usize,
    pub(crate) is_module: bool,
    pub(crate) is_handler: bool,
}

impl Own {
    fn add(&mut self, family: Family, stage: Stage, weight: f64, reason: SmolStr, line: u32) {
        self.families[family as usize][index(stage)] += weight;
        self.evidence.push((
            family,
            Evidence {
                stage,
                weight,
                reason,
                line,
            },
        ));
    }
}

pub(crate) fn index(stage: Stage) -> usize {
    Stage::ALL
        .iter()
        .position(|other| *other == stage)
        .unwrap_or(8)
}

/// Gathers every function's own evidence.
pub(super) fn gather(input: &Input<'_>) -> Vec<Own> {
    let mut owns: Vec<Own> = Vec::with_capacity(input.program.functions.len());
    let bodies = bodies(input);
    for func in input.program.func_ids() {
        let mut own = Own::default();
        names(input, func, &mut own);
        let body = &bodies[func.0 as usize];
        own.size = body.size;
        for (word, line) in &body.words {
            for (stage, weight) in hints(word) {
                let reason = format_smolstr!("says “{word}”");
                own.add(Family::Body, stage, weight, reason, *line);
            }
        }
        owns.push(own);
    }
    libraries(input, &mut owns);
    methods(input, &bodies, &mut owns);
    routes(input, &mut owns);
    resources(input, &mut owns);
    for own in &mut owns {
        own.families.iter_mut().for_each(saturate);
    }
    owns
}

/// The fifth hint to the same stage says less than the first.
fn saturate(family: &mut ByStage) {
    for value in family {
        *value = value.signum() * (1.0 + value.abs()).ln() * 1.5;
    }
}

fn names(input: &Input<'_>, func: FuncId, own: &mut Own) {
    let function = input.program.function(func);
    let facts = input.modules.facts(function.file);
    let scope = facts.scope(function.scope);
    own.is_module = scope.kind == ScopeKind::Module;
    if !own.is_module {
        say(own, Family::Name, &scope.name, "is called", scope.line);
    }
    let mut around = scope.parent;
    while let Some(parent) = around {
        let parent_scope = facts.scope(parent);
        match parent_scope.kind {
            ScopeKind::Class => {
                say(
                    own,
                    Family::Class,
                    &parent_scope.name,
                    "stands in class",
                    parent_scope.line,
                );
            }
            ScopeKind::Function => {
                say(
                    own,
                    Family::Class,
                    &parent_scope.name,
                    "stands in",
                    parent_scope.line,
                );
            }
            _ => {}
        }
        around = parent_scope.parent;
    }
    if let Some(doc) = &scope.doc {
        let first: String = doc.chars().take(240).collect();
        say(own, Family::Doc, &first, "is described with", scope.line);
    }
    let (folder, file) = facts.path.rsplit_once('/').unwrap_or(("", &facts.path));
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    say(own, Family::File, stem, "stands in file", 0);
    say(own, Family::Folder, folder, "stands in folder", 0);
}

fn say(own: &mut Own, family: Family, text: &str, how: &str, line: u32) {
    let mut seen = FxHashSet::default();
    for word in words(text) {
        if !seen.insert(word.clone()) {
            continue;
        }
        for (stage, weight) in hints(&word) {
            let about: String = text.chars().take(60).collect();
            let reason = match family {
                Family::Doc => format_smolstr!("is described with “{word}”"),
                _ => format_smolstr!("{how} {about}"),
            };
            own.add(family, stage, weight, reason, line);
        }
    }
}

// ---- the body's own words

/// A function's own body: comprehensions belong to it, nested functions do not.
struct BodyFacts {
    /// Distinct words of identifiers and literals, with the first line.
    words: Vec<(String, u32)>,
    /// Methods called by name.
    methods: Vec<(SmolStr, u32, ExprId)>,
    /// Statements.
    size: usize,
}

fn bodies(input: &Input<'_>) -> Vec<BodyFacts> {
    let listen = |func: FuncId| {
        let function = input.program.function(func);
        let facts = input.modules.facts(function.file);
        let mut listener = Listener {
            facts,
            seen: FxHashMap::default(),
            methods: Vec::new(),
            size: 0,
        };
        listener.block(&facts.scope(function.scope).body);
        let mut words: Vec<(String, u32)> = listener.seen.into_iter().collect();
        words.sort_unstable();
        BodyFacts {
            words,
            methods: listener.methods,
            size: listener.size,
        }
    };
    input.program.func_ids().map(listen).collect()
}

struct Listener<'f> {
    facts: &'f FileFacts,
    seen: FxHashMap<String, u32>,
    methods: Vec<(SmolStr, u32, ExprId)>,
    size: usize,
}

impl Listener<'_> {
    fn block(&mut self, body: &[Stmt]) {
        for stmt in body {
            self.stmt(stmt);
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        self.size += usize::from(!matches!(
            stmt.kind,
            StmtKind::Import(_) | StmtKind::Function(_) | StmtKind::Class(_)
        ));
        match &stmt.kind {
            StmtKind::Expr(expr) => {
                // A docstring is no work.
                if matches!(self.facts.expr(*expr).kind, ExprKind::Str(_)) {
                    self.size -= 1;
                } else {
                    self.expr(*expr);
                }
            }
            StmtKind::Assert(expr) => self.expr(*expr),
            StmtKind::Assign { targets, value, .. } => {
                targets.iter().for_each(|target| self.expr(*target));
                self.expr(*value);
            }
            StmtKind::Augment { target, value, .. } => {
                self.expr(*target);
                self.expr(*value);
            }
            StmtKind::Return(value) | StmtKind::Raise(value) => {
                value.iter().for_each(|value| self.expr(*value));
            }
            StmtKind::Delete(targets) => targets.iter().for_each(|target| self.expr(*target)),
            StmtKind::If { test, then, other } => {
                self.expr(*test);
                self.block(then);
                self.block(other);
            }
            StmtKind::Loop { head, body, other } => {
                match head {
                    LoopHead::For { target, iter } => {
                        self.expr(*target);
                        self.expr(*iter);
                    }
                    LoopHead::While(test) => self.expr(*test),
                }
                self.block(body);
                self.block(other);
            }
            StmtKind::With { items, body } => {
                items.iter().for_each(|(context, _)| self.expr(*context));
                self.block(body);
            }
            StmtKind::Try {
                body,
                handlers,
                other,
                finally,
            } => {
                self.block(body);
                handlers
                    .iter()
                    .for_each(|handler| self.block(&handler.body));
                self.block(other);
                self.block(finally);
            }
            StmtKind::Declare { .. }
            | StmtKind::Import(_)
            | StmtKind::Function(_)
            | StmtKind::Class(_) => {}
        }
    }

    fn expr(&mut self, expr: ExprId) {
        let facts = self.facts;
        let line = facts.expr(expr).line;
        let kind = &facts.expr(expr).kind;
        match kind {
            ExprKind::Name(name) => self.hear(name, line),
            ExprKind::Attr { name, .. } => self.hear(name, line),
            ExprKind::Str(text) if text.len() < 80 => self.hear(text, line),
            ExprKind::Comprehension { scope, .. } => self.scope(*scope),
            ExprKind::Call { callee, args } => {
                if let ExprKind::Attr { name, .. } = &facts.expr(*callee).kind {
                    self.methods.push((name.clone(), line, expr));
                }
                for arg in args {
                    if let Some(name) = &arg.name {
                        self.hear(name, line);
                    }
                }
            }
            _ => {}
        }
        let mut parts = Vec::new();
        kind.parts(|part| parts.push(part));
        parts.into_iter().for_each(|part| self.expr(part));
    }

    fn scope(&mut self, scope: ScopeId) {
        let facts = self.facts;
        self.block(&facts.scope(scope).body);
    }

    fn hear(&mut self, text: &str, line: u32) {
        for word in words(text) {
            self.seen.entry(word).or_insert(line);
        }
    }
}

// ---- what it calls

fn libraries(input: &Input<'_>, owns: &mut [Own]) {
    let mut seen: FxHashSet<(FuncId, SmolStr)> = FxHashSet::default();
    for call in &input.call_graph.library_calls {
        if !seen.insert((call.caller, call.path.clone())) {
            continue;
        }
        let entry = input.catalog.call(&call.path);
        let stages = match entry {
            Some(entry) => Some(&entry.stages),
            None => input
                .catalog
                .library(&call.path)
                .map(|library| &library.stages),
        };
        let sure = match call.certainty {
            Certainty::Guessed => 0.6,
            _ => 1.0,
        };
        for (stage, weight) in stages.into_iter().flatten() {
            let Some(stage) = Stage::from_name(stage) else {
                continue;
            };
            let reason = format_smolstr!("calls {}", call.path);
            let own = &mut owns[call.caller.0 as usize];
            own.add(Family::Library, stage, weight * sure, reason, call.line);
        }
    }
}

/// Methods called on receivers that nothing types: what libraries' types have
/// such a method, and what would that say?
fn methods(input: &Input<'_>, bodies: &[BodyFacts], owns: &mut [Own]) {
    for func in input.program.func_ids() {
        let file = input.program.function(func).file;
        let mut seen = FxHashSet::default();
        for (name, line, expr) in &bodies[func.0 as usize].methods {
            let known = input.call_graph.calls_at(file, *expr).next().is_some()
                || input
                    .call_graph
                    .library_calls_at(file, *expr)
                    .next()
                    .is_some();
            if known || !seen.insert(name.clone()) {
                continue;
            }
            for (stage, weight) in method_hints(input, name) {
                let reason = format_smolstr!("calls .{name}() on something untyped");
                owns[func.0 as usize].add(Family::Method, stage, weight, reason, *line);
            }
        }
    }
}

fn method_hints(input: &Input<'_>, name: &str) -> Vec<(Stage, f64)> {
    let types = input.catalog.types_with_method(name);
    let mut sums: FxHashMap<Stage, f64> = FxHashMap::default();
    for ty in types {
        let entry = input.catalog.call(&format!("{ty}.{name}"));
        for (stage, weight) in entry.into_iter().flat_map(|entry| &entry.stages) {
            if let Some(stage) = Stage::from_name(stage) {
                *sums.entry(stage).or_default() += weight;
            }
        }
    }
    let mut hints: Vec<(Stage, f64)> = sums
        .into_iter()
        .map(|(stage, sum)| (stage, sum / types.len() as f64))
        .filter(|(_, mean)| *mean > 0.15)
        .collect();
    hints.sort_by_key(|(stage, _)| *stage);
    hints
}

fn routes(input: &Input<'_>, owns: &mut [Own]) {
    for route in input.routes {
        let own = &mut owns[route.handler.0 as usize];
        if !matches!(route.kind, RouteKind::Script | RouteKind::Hook) {
            own.is_handler |= matches!(route.kind, RouteKind::Http | RouteKind::WebSocket);
            let how = format_smolstr!("answers {} {} as", route.method, route.path);
            let mut seen = FxHashSet::default();
            for word in words(&route.path) {
                if !seen.insert(word.clone()) {
                    continue;
                }
                for (stage, weight) in hints(&word) {
                    own.add(Family::Route, stage, weight, how.clone(), route.line);
                }
            }
        }
    }
}

fn resources(input: &Input<'_>, owns: &mut [Own]) {
    for resource in &input.effects.resources {
        for access in &resource.accesses {
            let hint = match (resource.kind, access.access) {
                (ResourceKind::Model, Access::Read) => Some((Stage::Inference, 0.6)),
                (ResourceKind::Model, Access::Write) => Some((Stage::Training, 0.8)),
                _ => None,
            };
            for actor in access.actors() {
                let own = &mut owns[actor.0 as usize];
                if let Some((stage, weight)) = hint {
                    let reason = format_smolstr!("touches the model {}", resource.identity);
                    own.add(Family::Resource, stage, weight, reason, access.line);
                }
                if !resource.is_identified() || resource.kind == ResourceKind::Global {
                    continue;
                }
                for word in words(&resource.identity) {
                    for (stage, weight) in hints(&word) {
                        let reason = format_smolstr!("touches {}", resource.identity);
                        own.add(Family::Resource, stage, weight * 0.6, reason, access.line);
                    }
                }
            }
        }
    }
}
