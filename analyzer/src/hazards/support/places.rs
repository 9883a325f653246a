//! Where the expressions of a file stand: inside which other, in which
//! statement, in which scope.

use std::cell::RefCell;
use std::rc::Rc;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::modules::{FileId, ModuleSet};
use crate::syntax::FileFacts;
use crate::syntax::facts::{ExprId, ExprKind, LoopHead, ScopeId, ScopeKind, Stmt, StmtKind};

/// What a statement does with an expression that stands in no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hazards) enum Role<'m> {
    /// Its value is dropped.
    Dropped,
    /// Assigned to these.
    Assigned(&'m [ExprId]),
    /// Added to, or otherwise combined with, this.
    Augments(ExprId),
    /// Assigned to.
    Target,
    /// Changed in place by an operator.
    Augmented,
    /// Given back.
    Returned,
    /// Decides a branch or loop.
    Test,
    /// Anything else.
    Other,
}

/// The expressions of one file.
pub(in crate::hazards) struct Places<'m> {
    pub(in crate::hazards) facts: &'m FileFacts,
    parent: Vec<Option<ExprId>>,
    role: FxHashMap<ExprId, Role<'m>>,
    scope: Vec<ScopeId>,
    names: FxHashMap<(ScopeId, SmolStr), Vec<ExprId>>,
    lambdas: FxHashMap<ScopeId, ExprId>,
    given: FxHashMap<(ScopeId, SmolStr), ExprId>,
}

/// The places of every file that was asked for.
pub(in crate::hazards) struct AllPlaces<'m> {
    modules: &'m ModuleSet,
    known: RefCell<FxHashMap<FileId, Rc<Places<'m>>>>,
}

impl<'m> AllPlaces<'m> {
    pub(in crate::hazards) fn new(modules: &'m ModuleSet) -> AllPlaces<'m> {
        AllPlaces {
            modules,
            known: RefCell::default(),
        }
    }

    /// The places of `file`.
    pub(in crate::hazards) fn of(&self, file: FileId) -> Rc<Places<'m>> {
        let mut known = self.known.borrow_mut();
        let places = known
            .entry(file)
            .or_insert_with(|| Rc::new(Places::new(self.modules.facts(file))));
        Rc::clone(places)
    }
}

impl<'m> Places<'m> {
    pub(in crate::hazards) fn new(facts: &'m FileFacts) -> Places<'m> {
        let mut places = Places {
            facts,
            parent: vec![None; facts.exprs.len()],
            role: FxHashMap::default(),
            scope: vec![ScopeId::MODULE; facts.exprs.len()],
            names: FxHashMap::default(),
            lambdas: FxHashMap::default(),
            given: FxHashMap::default(),
        };
        for (id, expr) in (0..).map(ExprId).zip(&facts.exprs) {
            if let ExprKind::Lambda(scope) = expr.kind {
                places.lambdas.insert(scope, id);
            }
        }
        for (id, scope) in facts.scopes() {
            let outer = scope.parent.unwrap_or(ScopeId::MODULE);
            for decorator in &scope.decorators {
                places.root(outer, *decorator, Role::Other);
            }
            for default in scope.params.iter().filter_map(|param| param.default) {
                places.root(outer, default, Role::Other);
            }
            places.block(id, &scope.body);
        }
        places.link_comprehensions();
        places
    }

    /// The expression around `expr`.
    pub(in crate::hazards) fn parent(&self, expr: ExprId) -> Option<ExprId> {
        self.parent[expr.0 as usize]
    }

    /// What the statement does with `expr`, if no expression is around it.
    pub(in crate::hazards) fn role(&self, expr: ExprId) -> Role<'m> {
        self.role.get(&expr).copied().unwrap_or(Role::Other)
    }

    /// The function, class or module that `expr` stands in.
    pub(in crate::hazards) fn owner(&self, expr: ExprId) -> ScopeId {
        self.facts.owner(self.scope[expr.0 as usize])
    }

    /// Where the lambda `scope` stands.
    pub(in crate::hazards) fn lambda(&self, scope: ScopeId) -> Option<ExprId> {
        self.lambdas.get(&scope).copied()
    }

    /// Where `name` is used in the function `scope`, its comprehensions and
    /// lambdas included.
    pub(in crate::hazards) fn uses(&self, scope: ScopeId, name: &str) -> &[ExprId] {
        let key = (scope, SmolStr::from(name));
        self.names.get(&key).map_or(&[], Vec::as_slice)
    }

    /// What `name` was last assigned in the function `scope`.
    pub(in crate::hazards) fn given(&self, scope: ScopeId, name: &str) -> Option<ExprId> {
        self.given.get(&(scope, SmolStr::from(name))).copied()
    }

    /// The call that calls the method `name` of `expr`: `expr.name(…)`.
    pub(in crate::hazards) fn method_call(&self, expr: ExprId) -> Option<(ExprId, &'m SmolStr)> {
        let attr = self.parent(expr)?;
        let ExprKind::Attr { base, name } = &self.facts.expr(attr).kind else {
            return None;
        };
        let call = self.parent(attr)?;
        match &self.facts.expr(call).kind {
            ExprKind::Call { callee, .. } if *callee == attr && *base == expr => Some((call, name)),
            _ => None,
        }
    }

    fn block(&mut self, scope: ScopeId, body: &'m [Stmt]) {
        for stmt in body {
            self.stmt(scope, stmt);
        }
    }

    fn stmt(&mut self, scope: ScopeId, stmt: &'m Stmt) {
        match &stmt.kind {
            StmtKind::Expr(expr) => self.root(scope, *expr, Role::Dropped),
            StmtKind::Assert(expr) => self.root(scope, *expr, Role::Test),
            StmtKind::Assign { targets, value, .. } => {
                self.root(scope, *value, Role::Assigned(targets));
                for target in targets {
                    self.root(scope, *target, Role::Target);
                    if let ExprKind::Name(name) = &self.facts.expr(*target).kind {
                        let key = (self.facts.owner(scope), name.clone());
                        self.given.insert(key, *value);
                    }
                }
            }
            StmtKind::Augment { target, value, .. } => {
                self.root(scope, *value, Role::Augments(*target));
                self.root(scope, *target, Role::Augmented);
            }
            StmtKind::Return(value) => {
                if let Some(value) = value {
                    self.root(scope, *value, Role::Returned);
                }
            }
            StmtKind::Raise(value) => {
                if let Some(value) = value {
                    self.root(scope, *value, Role::Other);
                }
            }
            StmtKind::Delete(targets) => {
                for target in targets {
                    self.root(scope, *target, Role::Target);
                }
            }
            StmtKind::Declare { .. }
            | StmtKind::Import(_)
            | StmtKind::Function(_)
            | StmtKind::Class(_)
            | StmtKind::Leave => {}
            StmtKind::If { test, then, other } => {
                self.root(scope, *test, Role::Test);
                self.block(scope, then);
                self.block(scope, other);
            }
            StmtKind::Loop { head, body, other } => {
                match head {
                    LoopHead::For { target, iter } => {
                        self.root(scope, *iter, Role::Other);
                        self.root(scope, *target, Role::Target);
                    }
                    LoopHead::While(test) => self.root(scope, *test, Role::Test),
                }
                self.block(scope, body);
                self.block(scope, other);
            }
            StmtKind::With { items, body } => {
                for (context, target) in items {
                    self.root(scope, *context, Role::Other);
                    if let Some(target) = target {
                        self.root(scope, *target, Role::Target);
                    }
                }
                self.block(scope, body);
            }
            StmtKind::Try {
                body,
                handlers,
                other,
                finally,
            } => {
                self.block(scope, body);
                for handler in handlers {
                    self.block(scope, &handler.body);
                }
                self.block(scope, other);
                self.block(scope, finally);
            }
        }
    }

    fn root(&mut self, scope: ScopeId, root: ExprId, role: Role<'m>) {
        self.role.insert(root, role);
        let mut todo = vec![root];
        while let Some(expr) = todo.pop() {
            self.scope[expr.0 as usize] = scope;
            let kind = &self.facts.expr(expr).kind;
            if let ExprKind::Name(name) = kind {
                let mut owner = self.facts.owner(scope);
                loop {
                    let uses = self.names.entry((owner, name.clone())).or_default();
                    uses.push(expr);
                    let inner = self.facts.scope(owner);
                    let own = inner.params.iter().any(|param| param.name == *name);
                    let outer = inner.parent.filter(|_| inner.kind == ScopeKind::Lambda);
                    match outer {
                        Some(outer) if !own => owner = self.facts.owner(outer),
                        _ => break,
                    }
                }
            }
            kind.parts(|part| {
                self.parent[part.0 as usize] = Some(expr);
                todo.push(part);
            });
        }
    }

    /// What a comprehension yields stands inside it.
    fn link_comprehensions(&mut self) {
        let made: Vec<(ExprId, ScopeId)> = (0..)
            .map(ExprId)
            .zip(&self.facts.exprs)
            .filter_map(|(id, expr)| match expr.kind {
                ExprKind::Comprehension { scope, .. } => Some((id, scope)),
                _ => None,
            })
            .collect();
        let of_scope: FxHashMap<ScopeId, ExprId> =
            made.into_iter().map(|(id, scope)| (scope, id)).collect();
        for idx in 0..self.facts.exprs.len() {
            let is_yield = matches!(self.facts.exprs[idx].kind, ExprKind::Yield(_));
            if is_yield && self.parent[idx].is_none() {
                self.parent[idx] = of_scope.get(&self.scope[idx]).copied();
            }
        }
    }
}
