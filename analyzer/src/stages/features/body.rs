//! The words of a function's own body: what it calls, names and writes out.

use rustc_hash::FxHashMap;
use smol_str::{SmolStr, format_smolstr};

use super::{Family, Own};
use crate::catalog::{Catalog, Matter};
use crate::graph::FuncId;
use crate::graph::root;
use crate::stages::Input;
use crate::stages::lexicon::heard;
use crate::syntax::FileFacts;
use crate::syntax::facts::{ExprId, ExprKind, LoopHead, ScopeId, Stmt, StmtKind};

/// A function's own body: comprehensions belong to it, nested functions do not.
pub(super) struct BodyFacts {
    /// Distinct names and literals by where they stand, with the first line.
    texts: Vec<((Family, SmolStr), u32)>,
    /// Methods called by name.
    pub(super) methods: Vec<(SmolStr, u32, ExprId)>,
    /// Statements.
    pub(super) size: usize,
    /// It returns or yields something.
    pub(super) gives_back: bool,
}

/// Puts the body's words among the evidence: a word counts once per family.
pub(super) fn weigh(body: &BodyFacts, own: &mut Own) {
    let mut seen = FxHashMap::default();
    for ((family, text), line) in &body.texts {
        for (said, hints) in heard(text) {
            seen.entry((*family, said)).or_insert((*line, hints));
        }
    }
    let mut seen: Vec<_> = seen.into_iter().collect();
    seen.sort_by(|a, b| a.0.cmp(&b.0));
    for ((family, said), (line, hints)) in seen {
        let how = match family {
            Family::Called => "calls something named",
            Family::Message => "logs",
            _ => "says",
        };
        for (stage, weight) in hints {
            let reason = format_smolstr!("{how} “{said}”");
            own.add(family, stage, weight, reason, line);
        }
    }
}

pub(super) fn bodies(input: &Input<'_>) -> Vec<BodyFacts> {
    let listen = |func: FuncId| {
        let function = input.program.function(func);
        let facts = input.modules.facts(function.file);
        let idioms = |name: &str| root::is_idiom(input.catalog, facts.rules.root, name);
        let logs = |call: ExprId| {
            let mut calls = input.call_graph.library_calls_at(function.file, call);
            calls.any(|call| only_logs(input.catalog, &call.path))
        };
        let mut listener = Listener {
            facts,
            idioms: &idioms,
            logs: &logs,
            seen: FxHashMap::default(),
            methods: Vec::new(),
            size: 0,
            gives_back: false,
            in_message: false,
        };
        listener.block(&facts.scope(function.scope).body);
        let mut texts: Vec<_> = listener.seen.into_iter().collect();
        texts.sort_by(|a, b| a.1.cmp(&b.1).then(a.0.cmp(&b.0)));
        BodyFacts {
            texts,
            methods: listener.methods,
            size: listener.size,
            gives_back: listener.gives_back,
        }
    };
    input.program.func_ids().map(listen).collect()
}

struct Listener<'f> {
    facts: &'f FileFacts,
    idioms: &'f dyn Fn(&str) -> bool,
    logs: &'f dyn Fn(ExprId) -> bool,
    seen: FxHashMap<(Family, SmolStr), u32>,
    methods: Vec<(SmolStr, u32, ExprId)>,
    size: usize,
    gives_back: bool,
    in_message: bool,
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
            StmtKind::Import(_) | StmtKind::Function(_) | StmtKind::Class(_) | StmtKind::Leave
        ));
        match &stmt.kind {
            StmtKind::Expr(expr) => {
                // Neither a docstring nor a log line is work.
                let kind = &self.facts.expr(*expr).kind;
                self.size -= usize::from(match kind {
                    ExprKind::Str(_) => true,
                    ExprKind::Call { callee, .. } => self.is_message(*expr, *callee),
                    _ => false,
                });
                if !matches!(kind, ExprKind::Str(_)) {
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
            StmtKind::Return(value) => {
                self.gives_back |= value.is_some();
                value.iter().for_each(|value| self.expr(*value));
            }
            StmtKind::Raise(value) => {
                let was = std::mem::replace(&mut self.in_message, true);
                value.iter().for_each(|value| self.expr(*value));
                self.in_message = was;
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
            | StmtKind::Class(_)
            | StmtKind::Leave => {}
        }
    }

    fn expr(&mut self, expr: ExprId) {
        let facts = self.facts;
        let line = facts.expr(expr).line;
        let kind = &facts.expr(expr).kind;
        match kind {
            ExprKind::Name(name) => self.hear(Family::Said, name, line),
            ExprKind::Attr { name, .. } if (self.idioms)(name) => {}
            ExprKind::Attr { name, .. } => self.hear(Family::Said, name, line),
            ExprKind::Str(text) if text.len() < 80 => self.hear(Family::Literal, text, line),
            ExprKind::Comprehension { scope, .. } => self.scope(*scope),
            ExprKind::Lambda(scope) if facts.rules.lambdas_are_parts => {
                let gives_back = self.gives_back;
                self.block(&facts.scope(*scope).body);
                self.gives_back = gives_back;
            }
            ExprKind::Yield(Some(_)) | ExprKind::YieldFrom(_) => self.gives_back = true,
            ExprKind::Call { callee, args } => {
                self.call(expr, *callee);
                let was = self.in_message;
                self.in_message |= self.is_message(expr, *callee);
                for arg in args {
                    if let Some(name) = &arg.name {
                        self.hear(Family::Said, name, line);
                    }
                    self.expr(arg.value);
                }
                self.in_message = was;
                return;
            }
            _ => {}
        }
        let mut parts = Vec::new();
        kind.parts(|part| parts.push(part));
        parts.into_iter().for_each(|part| self.expr(part));
    }

    /// What a call calls. Of a logger's call only what it logs counts.
    fn call(&mut self, call: ExprId, callee: ExprId) {
        let facts = self.facts;
        let line = facts.expr(call).line;
        match &facts.expr(callee).kind {
            _ if self.is_message(call, callee) => {}
            ExprKind::Name(name) => self.hear(Family::Called, name, line),
            ExprKind::Attr { base, name } if (self.idioms)(name) => self.expr(*base),
            ExprKind::Attr { base, name } => {
                self.methods.push((name.clone(), line, call));
                self.hear(Family::Called, name, line);
                self.expr(*base);
            }
            _ => self.expr(callee),
        }
    }

    fn is_message(&self, call: ExprId, callee: ExprId) -> bool {
        is_message(self.facts, callee) || (self.logs)(call)
    }

    fn scope(&mut self, scope: ScopeId) {
        let facts = self.facts;
        // Its elements are no results of the function.
        let was = self.gives_back;
        self.block(&facts.scope(scope).body);
        self.gives_back = was;
    }

    fn hear(&mut self, family: Family, text: &SmolStr, line: u32) {
        let family = match family {
            Family::Literal if self.in_message => Family::Message,
            family => family,
        };
        if family == Family::Said && is_logger(text) {
            return;
        }
        self.seen.entry((family, text.clone())).or_insert(line);
    }
}

/// A library's function that tells people something and does nothing else.
fn only_logs(catalog: &Catalog, path: &str) -> bool {
    let entry = catalog.call(path);
    entry.is_some_and(|entry| {
        let mut effects = entry.effects.iter();
        !entry.effects.is_empty() && effects.all(|effect| effect.on == Matter::Log)
    })
}

/// `logger.info`, `logging.getLogger`, `self.log.debug`, `print`.
fn is_message(facts: &FileFacts, callee: ExprId) -> bool {
    match &facts.expr(callee).kind {
        ExprKind::Name(name) => name == "print" || is_logger(name),
        ExprKind::Attr { base, .. } => match &facts.expr(*base).kind {
            ExprKind::Name(name) | ExprKind::Attr { name, .. } => is_logger(name),
            _ => false,
        },
        _ => false,
    }
}

/// A name under which a logger goes.
pub(crate) fn is_logger(name: &str) -> bool {
    let name = name.trim_matches('_').to_ascii_lowercase();
    matches!(
        name.as_str(),
        "log" | "logs" | "logger" | "logging" | "getlogger" | "get_logger"
    ) || name.ends_with("_logger")
        || name.starts_with("logger_")
}

#[cfg(test)]
mod tests {
    use super::is_logger;

    #[test]
    fn loggers_go_under_a_few_names() {
        assert!(is_logger("logger") && is_logger("_LOGGER") && is_logger("app_logger"));
        assert!(!is_logger("log_loss") && !is_logger("catalog"));
    }
}
