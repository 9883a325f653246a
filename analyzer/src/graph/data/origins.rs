//! Within one function: which calls a value came from.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::syntax::FileFacts;
use crate::syntax::facts::{ExprId, ExprKind, LoopHead, ScopeId, Stmt, StmtKind};
use crate::syntax::walk::each_stmt;

/// Where a value comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sources {
    /// Calls whose result it is, or is made of.
    pub calls: BTreeSet<ExprId>,
    /// Made here, given to the function, or read from elsewhere.
    pub own: bool,
}

impl Sources {
    fn own() -> Sources {
        Sources {
            own: true,
            ..Sources::default()
        }
    }

    fn join(&mut self, other: &Sources) {
        self.calls.extend(&other.calls);
        self.own |= other.own;
    }

    /// Nothing but literals.
    pub(super) fn is_constant(&self) -> bool {
        !self.own && self.calls.is_empty()
    }
}

/// A call with where its arguments come from.
#[derive(Clone, Debug)]
pub(super) struct CallSources {
    pub expr: ExprId,
    /// Of what a method is called on.
    pub receiver: Sources,
    pub args: Vec<Sources>,
    /// Something is done with the result.
    pub used: bool,
}

/// The calls of a function's body.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins {
    pub calls: Vec<CallSources>,
}

struct Walk<'f> {
    facts: &'f FileFacts,
    now: FxHashMap<SmolStr, Sources>,
    calls: FxHashMap<ExprId, CallSources>,
    /// What the lambdas that are walked have given back, innermost last.
    returned: Vec<Sources>,
}

/// Follows the values of `scope`'s body. Loops are walked twice, so that what
/// comes round is seen.
pub(super) fn of(facts: &FileFacts, scope: ScopeId) -> Origins {
    let mut walk = Walk {
        facts,
        now: FxHashMap::default(),
        calls: FxHashMap::default(),
        returned: Vec::new(),
    };
    for param in &facts.scope(scope).params {
        walk.now.insert(param.name.clone(), Sources::own());
    }
    walk.block(&facts.scope(scope).body);
    let mut calls: Vec<CallSources> = walk.calls.into_values().collect();
    calls.sort_by_key(|call| call.expr);
    Origins { calls }
}

/// True if the body has a `return` with a value other than `None`.
pub(super) fn returns_value(facts: &FileFacts, body: &[Stmt]) -> bool {
    let mut found = false;
    each_stmt(body, &mut |stmt| {
        if let StmtKind::Return(Some(value)) = &stmt.kind {
            found |= !matches!(facts.expr(*value).kind, ExprKind::None);
        }
    });
    found
}

impl Walk<'_> {
    fn block(&mut self, body: &[Stmt]) {
        body.iter().for_each(|stmt| self.stmt(stmt));
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Expr(expr) => {
                self.value(*expr);
                if let Some(call) = self.calls.get_mut(&self.awaited(*expr)) {
                    call.used = false;
                }
            }
            StmtKind::Assign { targets, value, .. } => {
                let sources = self.value(*value);
                targets
                    .iter()
                    .for_each(|target| self.assign(*target, &sources));
            }
            StmtKind::Augment { target, value, .. } => {
                let mut sources = self.value(*target);
                let added = self.value(*value);
                sources.join(&added);
                self.assign(*target, &sources);
            }
            StmtKind::Return(value) => {
                if let Some(value) = value {
                    let sources = self.value(*value);
                    if let Some(returned) = self.returned.last_mut() {
                        returned.join(&sources);
                    }
                }
            }
            StmtKind::Raise(value) => {
                if let Some(value) = value {
                    self.value(*value);
                }
            }
            StmtKind::Assert(test) => {
                self.value(*test);
            }
            StmtKind::Function(scope) => {
                let definition = self.facts.scope(*scope);
                let decorators = definition.decorators.iter();
                let defaults = definition
                    .params
                    .iter()
                    .filter_map(|param| param.default.as_ref());
                decorators.chain(defaults).for_each(|expr| {
                    self.value(*expr);
                });
            }
            StmtKind::Class(scope) => {
                let facts = self.facts;
                self.block(&facts.scope(*scope).body);
            }
            StmtKind::If { test, then, other } => {
                self.value(*test);
                let before = self.now.clone();
                self.block(then);
                let after = std::mem::replace(&mut self.now, before);
                self.block(other);
                self.join(after);
            }
            StmtKind::Loop { head, body, other } => {
                for _ in 0..2 {
                    let before = self.now.clone();
                    match head {
                        LoopHead::For { target, iter } => {
                            let sources = self.value(*iter);
                            self.assign(*target, &sources);
                        }
                        LoopHead::While(test) => {
                            self.value(*test);
                        }
                    }
                    self.block(body);
                    self.join(before);
                }
                self.block(other);
            }
            StmtKind::With { items, body } => {
                for (context, target) in items {
                    let sources = self.value(*context);
                    if let Some(target) = target {
                        self.assign(*target, &sources);
                    }
                }
                self.block(body);
            }
            StmtKind::Try {
                body,
                handlers,
                other,
                finally,
            } => {
                let before = self.now.clone();
                self.block(body);
                self.block(other);
                self.join(before);
                for handler in handlers {
                    let before = self.now.clone();
                    self.block(&handler.body);
                    self.join(before);
                }
                self.block(finally);
            }
            StmtKind::Declare { .. }
            | StmtKind::Import(_)
            | StmtKind::Delete(_)
            | StmtKind::Leave => {}
        }
    }

    fn awaited(&self, expr: ExprId) -> ExprId {
        match self.facts.expr(expr).kind {
            ExprKind::Await(inner) => self.awaited(inner),
            _ => expr,
        }
    }

    fn join(&mut self, other: FxHashMap<SmolStr, Sources>) {
        for (name, sources) in other {
            self.now.entry(name).or_default().join(&sources);
        }
    }

    fn assign(&mut self, target: ExprId, sources: &Sources) {
        let facts = self.facts;
        match &facts.expr(target).kind {
            ExprKind::Name(name) => {
                self.now.insert(name.clone(), sources.clone());
            }
            ExprKind::Tuple(parts) | ExprKind::List(parts) => {
                parts.iter().for_each(|part| self.assign(*part, sources));
            }
            ExprKind::Starred(inner) => self.assign(*inner, sources),
            // What is put into a thing is part of it from then on.
            ExprKind::Item { base, .. } | ExprKind::Attr { base, .. } => {
                self.value(target);
                if let ExprKind::Name(name) = &facts.expr(*base).kind
                    && let Some(now) = self.now.get_mut(name)
                {
                    now.join(sources);
                }
            }
            _ => {}
        }
    }

    /// Where the value of `expr` comes from; notes the calls in it.
    fn value(&mut self, expr: ExprId) -> Sources {
        let facts = self.facts;
        match &facts.expr(expr).kind {
            ExprKind::Name(name) => self.now.get(name).cloned().unwrap_or_else(Sources::own),
            ExprKind::Str(_)
            | ExprKind::Bytes
            | ExprKind::Number(_)
            | ExprKind::Bool(_)
            | ExprKind::None => Sources::default(),
            ExprKind::Attr { base, .. } => {
                let mut sources = self.value(*base);
                sources.own = true;
                sources
            }
            ExprKind::Call { callee, args } => {
                let receiver = match &facts.expr(*callee).kind {
                    ExprKind::Attr { base, .. } => self.value(*base),
                    _ => {
                        self.value(*callee);
                        Sources::default()
                    }
                };
                let handed = args.iter().map(|arg| self.handed(arg.value, &receiver));
                let args: Vec<Sources> = handed.collect();
                let mut sources = receiver.clone();
                args.iter().for_each(|arg| sources.join(arg));
                sources.calls.insert(expr);
                sources.own = true;
                match self.calls.get_mut(&expr) {
                    Some(known) => {
                        for (known, new) in known.args.iter_mut().zip(&args) {
                            known.join(new);
                        }
                        known.receiver.join(&receiver);
                    }
                    None => {
                        let used = true;
                        let call = CallSources {
                            expr,
                            receiver,
                            args,
                            used,
                        };
                        self.calls.insert(expr, call);
                    }
                }
                sources
            }
            ExprKind::Comprehension { scope, .. } => {
                let saved = self.now.clone();
                let mut sources = Sources::own();
                self.comprehension(&facts.scope(*scope).body, &mut sources);
                self.now = saved;
                sources
            }
            ExprKind::Walrus { target, value } => {
                let sources = self.value(*value);
                self.assign(*target, &sources);
                sources
            }
            ExprKind::Compare { operands, .. } => {
                operands.iter().for_each(|operand| {
                    self.value(*operand);
                });
                Sources::own()
            }
            kind => {
                let mut parts = Vec::new();
                kind.parts(|part| parts.push(part));
                let mut sources = Sources::default();
                for part in parts {
                    let part = self.value(part);
                    sources.join(&part);
                }
                if let ExprKind::Lambda(scope) = kind {
                    if facts.rules.lambdas_are_parts {
                        return self.lambda(*scope, &Sources::own());
                    }
                    sources.own = true;
                }
                sources
            }
        }
    }

    /// An argument; a lambda that is a part of the function sees what the
    /// receiver is made of, and the call is made of what it gives back.
    fn handed(&mut self, arg: ExprId, receiver: &Sources) -> Sources {
        let facts = self.facts;
        match facts.expr(arg).kind {
            ExprKind::Lambda(scope) if facts.rules.lambdas_are_parts => {
                self.lambda(scope, receiver)
            }
            _ => self.value(arg),
        }
    }

    fn lambda(&mut self, scope: ScopeId, given: &Sources) -> Sources {
        let facts = self.facts;
        let params = facts.scope(scope).params.iter().map(|param| &param.name);
        let hidden: Vec<(&SmolStr, Option<Sources>)> = params
            .map(|name| (name, self.now.insert(name.clone(), given.clone())))
            .collect();
        self.returned.push(Sources::own());
        self.block(&facts.scope(scope).body);
        for (name, before) in hidden {
            match before {
                Some(before) => self.now.insert(name.clone(), before),
                None => self.now.remove(name),
            };
        }
        self.returned.pop().unwrap_or_default()
    }

    fn comprehension(&mut self, body: &[Stmt], sources: &mut Sources) {
        for stmt in body {
            match &stmt.kind {
                StmtKind::Loop {
                    head: LoopHead::For { target, iter },
                    body,
                    ..
                } => {
                    let iterated = self.value(*iter);
                    self.assign(*target, &iterated);
                    self.comprehension(body, sources);
                }
                StmtKind::If { test, then, .. } => {
                    self.value(*test);
                    self.comprehension(then, sources);
                }
                StmtKind::Expr(expr) => {
                    let element = self.value(*expr);
                    sources.join(&element);
                }
                _ => self.stmt(stmt),
            }
        }
    }
}
