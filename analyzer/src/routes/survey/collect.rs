//! The walk over every statement, once: calls, decorations, imports.

use std::rc::Rc;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::{Call, Decoration, Env, MAX_ELEMENTS, MAX_STEPS, Spot, Survey};
use crate::graph::ClassId;
use crate::modules::FileId;
use crate::syntax::facts::{ExprId, ExprKind, LoopHead, ScopeId, Stmt, StmtKind};

impl<'a> Survey<'a> {
    pub(super) fn block(&mut self, file: FileId, scope: ScopeId, body: &'a [Stmt], env: &Env) {
        for stmt in body {
            self.stmt(file, scope, stmt, env);
        }
    }

    pub(super) fn stmt(&mut self, file: FileId, scope: ScopeId, stmt: &'a Stmt, env: &Env) {
        let mut see = |expr: ExprId| self.expression(file, scope, expr, env);
        match &stmt.kind {
            StmtKind::Expr(expr) | StmtKind::Assert(expr) => see(*expr),
            StmtKind::Assign { targets, value, .. } => {
                see(*value);
                targets.iter().copied().for_each(see);
            }
            StmtKind::Augment { target, value, .. } => {
                see(*target);
                see(*value);
            }
            StmtKind::Declare { .. } | StmtKind::Function(_) | StmtKind::Leave => {}
            StmtKind::Class(inner) => {
                let bases = &self.modules.facts(file).scope(*inner).bases;
                for base in bases {
                    self.expression(file, scope, base.expr, env);
                }
            }
            StmtKind::Import(import) => {
                let first = import.module.split('.').next().unwrap_or_default();
                if import.level == 0 {
                    self.imports.insert(first.into());
                }
            }
            StmtKind::Return(value) | StmtKind::Raise(value) => value.iter().copied().for_each(see),
            StmtKind::Delete(targets) => targets.iter().copied().for_each(see),
            StmtKind::If { test, then, other } => {
                see(*test);
                self.block(file, scope, then, env);
                self.block(file, scope, other, env);
            }
            StmtKind::Loop { head, body, other } => {
                self.repeat(file, scope, head, body, env);
                self.block(file, scope, other, env);
            }
            StmtKind::With { items, body } => {
                items.iter().for_each(|(context, _)| see(*context));
                self.block(file, scope, body, env);
            }
            StmtKind::Try {
                body,
                handlers,
                other,
                finally,
            } => {
                self.block(file, scope, body, env);
                for handler in handlers {
                    self.block(file, scope, &handler.body, env);
                }
                self.block(file, scope, other, env);
                self.block(file, scope, finally, env);
            }
        }
    }

    pub(super) fn repeat(
        &mut self,
        file: FileId,
        scope: ScopeId,
        head: &LoopHead,
        body: &'a [Stmt],
        env: &Env,
    ) {
        let (target, iter) = match head {
            LoopHead::While(test) => {
                self.expression(file, scope, *test, env);
                return self.block(file, scope, body, env);
            }
            LoopHead::For { target, iter } => (*target, *iter),
        };
        self.expression(file, scope, iter, env);
        let iterated = Spot {
            file,
            scope,
            expr: iter,
            env: env.clone(),
        };
        // Nested loops multiply: only the first level is read by element.
        let elements = match env.is_empty() {
            true => self.elements(&iterated, 0),
            false => Vec::new(),
        };
        if elements.is_empty() {
            return self.block(file, scope, body, env);
        }
        for element in elements.iter().take(MAX_ELEMENTS) {
            let mut bound = env.as_ref().clone();
            self.bind(file, target, element, &mut bound);
            self.block(file, scope, body, &Rc::new(bound));
        }
    }

    /// Each element of a literal list, tuple or mapping's items: one spot, or
    /// a key and a value.
    pub(super) fn elements(&self, iterated: &Spot, steps: u32) -> Vec<Vec<Spot>> {
        if steps > MAX_STEPS {
            return Vec::new();
        }
        match self.kind(iterated) {
            ExprKind::List(parts) | ExprKind::Tuple(parts) | ExprKind::Set(parts) => {
                let spots = parts.iter().map(|part| vec![self.part(iterated, *part)]);
                spots.collect()
            }
            ExprKind::Call { callee, args } if args.is_empty() => {
                let ExprKind::Attr { base, name } = &self.facts(iterated).expr(*callee).kind else {
                    return Vec::new();
                };
                let base = self.part(iterated, *base);
                let dict = self.definition(&base).unwrap_or(base);
                match (self.kind(&dict), name.as_str()) {
                    (ExprKind::Dict(entries), "items") => entries
                        .iter()
                        .filter_map(|(key, value)| {
                            Some(vec![self.part(&dict, (*key)?), self.part(&dict, *value)])
                        })
                        .collect(),
                    // A mapping that is spread is none of the values.
                    (ExprKind::Dict(entries), "values") => entries
                        .iter()
                        .filter(|(key, _)| key.is_some())
                        .map(|(_, value)| vec![self.part(&dict, *value)])
                        .collect(),
                    _ => Vec::new(),
                }
            }
            ExprKind::Name(_) | ExprKind::Attr { .. } => match self.definition(iterated) {
                Some(list) => self.elements(&list, steps + 1),
                None => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    pub(super) fn bind(
        &self,
        file: FileId,
        target: ExprId,
        element: &[Spot],
        bound: &mut Vec<(SmolStr, FileId, ExprId)>,
    ) {
        let facts = self.modules.facts(file);
        match (&facts.expr(target).kind, element) {
            (ExprKind::Name(name), [only]) => bound.push((name.clone(), only.file, only.expr)),
            (ExprKind::Tuple(targets) | ExprKind::List(targets), [only]) => {
                if let ExprKind::Tuple(parts) | ExprKind::List(parts) = self.kind(only) {
                    for (target, part) in targets.iter().zip(parts) {
                        self.bind(file, *target, &[self.part(only, *part)], bound);
                    }
                }
            }
            (ExprKind::Tuple(targets) | ExprKind::List(targets), several) => {
                for (target, part) in targets.iter().zip(several) {
                    self.bind(file, *target, std::slice::from_ref(part), bound);
                }
            }
            _ => {}
        }
    }

    pub(super) fn expression(&mut self, file: FileId, scope: ScopeId, expr: ExprId, env: &Env) {
        let facts = self.modules.facts(file);
        let mut todo = vec![expr];
        while let Some(expr) = todo.pop() {
            let kind = &facts.expr(expr).kind;
            if let ExprKind::Call { callee, .. } = kind {
                let spot = |expr: ExprId| Spot {
                    file,
                    scope,
                    expr,
                    env: env.clone(),
                };
                let (name, base) = match &facts.expr(*callee).kind {
                    ExprKind::Attr { base, name } => (name.clone(), Some(spot(*base))),
                    ExprKind::Name(name) => (name.clone(), None),
                    _ => (SmolStr::default(), None),
                };
                self.calls.push(Call {
                    spot: spot(expr),
                    name,
                    base,
                    callee: spot(*callee),
                    line: facts.expr(expr).line,
                });
            }
            kind.parts(|part| todo.push(part));
        }
    }

    pub(super) fn decorated(&mut self, file: FileId, scope: ScopeId) {
        let facts = self.modules.facts(file);
        for decorator in &facts.scope(scope).decorators {
            self.decorations.push(Decoration {
                decorator: Spot {
                    file,
                    scope: facts.scope(scope).parent.unwrap_or(ScopeId::MODULE),
                    expr: *decorator,
                    env: Env::default(),
                },
                function: self.program.func_at(file, scope),
                class: self.program.class_at(file, scope),
                file,
                line: facts.expr(*decorator).line,
            });
        }
    }

    /// `app.route("/x")(view)`.
    pub(super) fn applied_decorators(&mut self) {
        let mut applied = Vec::new();
        for call in self.calls.iter().filter(|call| call.name.is_empty()) {
            if !matches!(self.kind(&call.callee), ExprKind::Call { .. }) {
                continue;
            }
            let Some(arg) = self.arg(&call.spot, 0, "") else {
                continue;
            };
            for function in self.functions(&arg) {
                applied.push(Decoration {
                    decorator: call.callee.clone(),
                    function: Some(function),
                    class: None,
                    file: call.spot.file,
                    line: call.line,
                });
            }
        }
        self.decorations.extend(applied);
    }

    pub(super) fn note_constructions(&mut self) {
        let mut found: FxHashMap<ClassId, Vec<(FileId, ExprId)>> = FxHashMap::default();
        for call in &self.calls {
            for class in self.classes(&call.callee) {
                if !self.program.library_bases(class).is_empty() {
                    let sites = found.entry(class).or_default();
                    sites.push((call.spot.file, call.spot.expr));
                }
            }
        }
        self.constructions = found;
    }
}
