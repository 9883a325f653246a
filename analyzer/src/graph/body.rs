//! A function's body to nodes and uses.
//!
//! Walks statements in order with an environment from each local name to the
//! node that holds its present value: an assignment starts a new node, the
//! branches of an `if` are joined in one, a loop's head joins what comes in
//! and what comes round. Names of other scopes are read as everything they
//! ever hold.

mod assignment;
mod calls;
mod expressions;
mod imports;
mod items;
pub(super) mod names;

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::solve::{At, EMPTY, ItemKey, Key, Node, SiteArg, Solver, Use};
use super::values::{ElemKey, InstId, Value};
use super::{annotation, classes};
use crate::modules::FileId;
use crate::syntax::FileFacts;
use crate::syntax::facts::{
    ArgKind, ExprId, ExprKind, LoopHead, ParamKind, ScopeId, ScopeKind, Stmt, StmtKind,
};

/// Present values of a scope's own names.
#[derive(Clone, Debug)]
struct Frame {
    scope: ScopeId,
    locals: Rc<FxHashSet<SmolStr>>,
    now: FxHashMap<SmolStr, Node>,
    /// Names that inner functions may rebind at any time.
    weak: Rc<FxHashSet<SmolStr>>,
}

struct Body<'s, 'a> {
    solver: &'s mut Solver<'a>,
    facts: &'a FileFacts,
    file: FileId,
    inst: InstId,
    frames: Vec<Frame>,
}

pub(super) use names::{assigned as assigned_names, lookup_path};

/// Walks the body of `inst`.
pub(super) fn walk(solver: &mut Solver<'_>, inst: InstId) {
    let function = solver.program.function(solver.func_of(inst)).clone();
    let modules = solver.modules;
    let facts = modules.facts(function.file);
    let mut body = Body {
        solver,
        facts,
        file: function.file,
        inst,
        frames: Vec::new(),
    };
    body.enter(function.scope);
    body.params(function.scope);
    let scope = facts.scope(function.scope);
    body.block(&scope.body);
}

/// Notes which module-level names functions rebind by `global`.
pub(super) fn note_global_writes(solver: &mut Solver<'_>, file: FileId) {
    let modules = solver.modules;
    for (_, scope) in modules.facts(file).scopes() {
        for name in &scope.globals {
            let sym = solver.symbols.intern(name);
            solver.global_writes.insert((file, sym));
        }
    }
}

impl<'a> Body<'_, 'a> {
    fn at(&self, expr: ExprId) -> At {
        At {
            inst: self.inst,
            file: self.file,
            expr,
        }
    }

    fn scope(&self) -> ScopeId {
        self.frames
            .last()
            .map_or(ScopeId::MODULE, |frame| frame.scope)
    }

    fn enter(&mut self, scope: ScopeId) {
        let locals = names::known_locals(self.solver, self.file, scope);
        let rebound = self.solver.rebound.entry(self.file);
        let rebound = rebound.or_insert_with(|| names::Rebound::of(self.facts));
        let weak = rebound.inside(self.facts.scope(scope).kind);
        self.frames.push(Frame {
            scope,
            locals,
            now: FxHashMap::default(),
            weak,
        });
    }

    // ---- parameters

    fn params(&mut self, scope: ScopeId) {
        let facts = self.facts;
        for param in &facts.scope(scope).params {
            let node = self.param_node(scope, &param.name);
            if let Some(frame) = self.frames.last_mut() {
                frame.now.insert(param.name.clone(), node);
            }
            if let Some(annotation) = param.annotation {
                self.annotated(annotation, node, param.kind);
            }
        }
    }

    fn annotated(&mut self, annotation: ExprId, node: Node, kind: ParamKind) {
        if kind == ParamKind::Plain
            || kind == ParamKind::NamedOnly
            || kind == ParamKind::PositionalOnly
        {
            self.declare(annotation, node);
        }
    }

    /// Values of the declared type reach `node`.
    fn declare(&mut self, annotation: ExprId, node: Node) {
        let at = self.at(annotation);
        let scope = self.scope();
        annotation::declare(self.solver, at, node, &mut |solver, path| {
            names::lookup_path(solver, at, scope, path)
        });
    }

    fn param_node(&mut self, scope: ScopeId, name: &str) -> Node {
        let sym = self.solver.symbols.intern(name);
        self.solver.node(Key::Var(self.inst, scope, sym))
    }

    // ---- statements

    fn block(&mut self, body: &'a [Stmt]) {
        for stmt in body {
            self.stmt(stmt);
        }
    }

    fn stmt(&mut self, stmt: &'a Stmt) {
        match &stmt.kind {
            StmtKind::Expr(expr) => {
                self.eval(*expr);
            }
            StmtKind::Assign {
                targets,
                value,
                annotation,
            } => {
                let node = self.eval(*value);
                let node = match annotation {
                    Some(annotation) => self.with_declared(*annotation, node),
                    None => node,
                };
                for target in targets {
                    self.assign(*target, node);
                }
            }
            StmtKind::Augment { target, op, value } => self.augment(*target, *op, *value),
            StmtKind::Declare { target, annotation } => {
                let node = self.solver.fresh();
                self.declare(*annotation, node);
                self.declare_target(*target, node);
            }
            StmtKind::Leave => {}
            StmtKind::Import(import) => self.import(import),
            StmtKind::Return(value) => self.give_back(*value),
            StmtKind::Raise(value) => {
                if let Some(value) = value {
                    let raised = self.eval(*value);
                    self.raise(*value, raised);
                }
            }
            StmtKind::Assert(test) => {
                self.eval(*test);
            }
            StmtKind::Delete(targets) => {
                for target in targets {
                    self.eval(*target);
                }
            }
            StmtKind::Function(scope) => self.define_function(*scope),
            StmtKind::Class(scope) => self.define_class(*scope),
            StmtKind::If { test, then, other } => {
                self.eval(*test);
                self.branches(&[then, other]);
            }
            StmtKind::Loop { head, body, other } => self.repeat(head, body, other),
            StmtKind::With { items, body } => {
                for (context, target) in items {
                    let manager = self.eval(*context);
                    let dst = self.solver.fresh();
                    let at = self.at(*context);
                    self.solver.on(manager, Use::Enter { dst, at });
                    if let Some(target) = target {
                        self.assign(*target, dst);
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
                let before = self.save();
                self.block(body);
                self.block(other);
                let after = self.save();
                self.join(&before);
                let broken = self.save();
                let mut ends = vec![after];
                for handler in handlers {
                    self.restore(&broken);
                    let caught = handler.caught.map_or(EMPTY, |caught| self.eval(caught));
                    if let Some(name) = &handler.name {
                        let node = self.solver.fresh();
                        self.solver.on(caught, Use::Typed { dst: node });
                        self.assign_name(name, node);
                    }
                    self.block(&handler.body);
                    ends.push(self.save());
                }
                self.join_all(ends);
                self.block(finally);
            }
        }
    }

    /// A class raised bare is instantiated.
    fn raise(&mut self, expr: ExprId, raised: Node) {
        if matches!(
            self.facts.expr(expr).kind,
            ExprKind::Name(_) | ExprKind::Attr { .. }
        ) {
            self.site(expr, raised, Vec::new(), false);
        }
    }

    fn with_declared(&mut self, annotation: ExprId, node: Node) -> Node {
        let declared = self.solver.fresh();
        self.solver.edge(node, declared);
        self.declare(annotation, declared);
        declared
    }

    fn declare_target(&mut self, target: ExprId, node: Node) {
        let in_class = self.facts.scope(self.scope()).kind == ScopeKind::Class;
        match (&self.facts.expr(target).kind, in_class) {
            // A field: its instances hold values of the type.
            (ExprKind::Name(name), true) => {
                let class = self.solver.program.class_at(self.file, self.scope());
                if let Some(class) = class {
                    let sym = self.solver.symbols.intern(name);
                    let instance = self.solver.value(Value::Instance(class));
                    let field = self.solver.node(Key::Attr(instance, sym));
                    self.solver.edge(node, field);
                }
            }
            _ => self.assign(target, node),
        }
    }

    fn give_back(&mut self, value: Option<ExprId>) {
        let Some(value) = value else { return };
        let node = self.eval(value);
        let result = self.solver.node(Key::Return(self.inst));
        self.solver.edge(node, result);
    }

    fn augment(&mut self, target: ExprId, op: crate::syntax::facts::BinaryOp, value: ExprId) {
        let old = self.eval(target);
        let new = self.eval(value);
        let result = self.solver.fresh();
        self.solver.edge(old, result);
        let at = self.at(target);
        for method in [names::in_place(op), names::operator(op)] {
            let method = self.solver.symbols.intern(method);
            self.solver.on(
                old,
                Use::Operator {
                    method,
                    dst: result,
                    at,
                    arg: Some(new),
                },
            );
        }
        if op == crate::syntax::facts::BinaryOp::Add {
            // `list += other` takes in the other's elements.
            let elements = self.solver.fresh();
            self.solver.on(new, Use::Elements { dst: elements, at });
            self.solver.on(
                old,
                Use::ItemStore {
                    key: ItemKey::Known(ElemKey::Any),
                    src: elements,
                    at,
                },
            );
        }
        self.assign(target, result);
    }

    fn repeat(&mut self, head: &'a LoopHead, body: &'a [Stmt], other: &'a [Stmt]) {
        if let LoopHead::For { iter, .. } = head {
            self.eval(*iter);
        }
        let before = self.save();
        let mut heads = Vec::new();
        for name in names::assigned(self.facts, body) {
            let Some(frame) = self.frames.last_mut() else {
                break;
            };
            if let Some(now) = frame.now.get(&name).copied() {
                let joined = self.solver.fresh();
                self.solver.edge(now, joined);
                frame.now.insert(name.clone(), joined);
                heads.push((name, joined));
            }
        }
        match head {
            LoopHead::For { target, iter } => {
                let iterated = self.eval_again(*iter);
                let element = self.solver.fresh();
                let at = self.at(*iter);
                self.solver.on(iterated, Use::Elements { dst: element, at });
                self.assign(*target, element);
            }
            LoopHead::While(test) => {
                self.eval(*test);
            }
        }
        self.block(body);
        if let Some(frame) = self.frames.last() {
            let ends: Vec<_> = heads
                .iter()
                .filter_map(|(name, head)| Some((*frame.now.get(name)?, *head)))
                .collect();
            for (end, head) in ends {
                self.solver.edge(end, head);
            }
        }
        self.join(&before);
        self.block(other);
    }

    // ---- branches

    fn save(&self) -> FxHashMap<SmolStr, Node> {
        self.frames
            .last()
            .map(|frame| frame.now.clone())
            .unwrap_or_default()
    }

    fn restore(&mut self, saved: &FxHashMap<SmolStr, Node>) {
        if let Some(frame) = self.frames.last_mut() {
            frame.now = saved.clone();
        }
    }

    /// Joins `other` into the present environment.
    fn join(&mut self, other: &FxHashMap<SmolStr, Node>) {
        let mut names: Vec<_> = other.keys().cloned().collect();
        names.sort_unstable();
        for name in names {
            let there = other[&name];
            let Some(frame) = self.frames.last_mut() else {
                return;
            };
            let joined = match frame.now.get(&name).copied() {
                Some(here) if here == there => continue,
                Some(here) => {
                    let joined = self.solver.fresh();
                    self.solver.edge(here, joined);
                    self.solver.edge(there, joined);
                    joined
                }
                None => there,
            };
            frame.now.insert(name, joined);
        }
    }

    fn join_all(&mut self, ends: Vec<FxHashMap<SmolStr, Node>>) {
        let mut ends = ends.into_iter();
        if let Some(first) = ends.next() {
            self.restore(&first);
        }
        for end in ends {
            self.join(&end);
        }
    }

    fn branches(&mut self, blocks: &[&'a Vec<Stmt>]) {
        let before = self.save();
        let mut ends = Vec::new();
        for block in blocks {
            self.restore(&before);
            self.block(block);
            // A branch that leaves does not reach what follows.
            let leaves = block
                .last()
                .is_some_and(|stmt| matches!(stmt.kind, StmtKind::Return(_) | StmtKind::Raise(_)));
            if !leaves {
                ends.push(self.save());
            }
        }
        match ends.is_empty() {
            true => self.restore(&before),
            false => self.join_all(ends),
        }
    }

    // ---- definitions

    fn define_function(&mut self, scope: ScopeId) {
        let facts = self.facts;
        let definition = facts.scope(scope);
        self.defaults(scope);
        let node = self.function_value(scope);
        let mut value = node;
        for decorator in definition.decorators.iter().rev() {
            let callee = self.eval(*decorator);
            let arg = SiteArg {
                kind: ArgKind::Positional,
                name: None,
                node: value,
            };
            value = self.site(*decorator, callee, vec![arg], true);
        }
        self.assign_name(&definition.name, value);
    }

    fn defaults(&mut self, scope: ScopeId) {
        let Some(func) = self.solver.program.func_at(self.file, scope) else {
            return;
        };
        let inst = self.solver.instance(func, Some(self.inst), None);
        let facts = self.facts;
        for param in &facts.scope(scope).params {
            if let Some(default) = param.default {
                let node = self.eval(default);
                let sym = self.solver.symbols.intern(&param.name);
                let target = self.solver.node(Key::Var(inst, scope, sym));
                self.solver.edge(node, target);
            }
        }
        if let Some(returns) = facts.scope(scope).returns {
            let result = self.solver.node(Key::Return(inst));
            self.declare(returns, result);
        }
    }

    fn function_value(&mut self, scope: ScopeId) -> Node {
        let node = self.solver.fresh();
        if let Some(func) = self.solver.program.func_at(self.file, scope) {
            let inst = self.solver.instance(func, Some(self.inst), None);
            self.solver.put(node, Value::Function(inst));
        }
        node
    }

    fn define_class(&mut self, scope: ScopeId) {
        let facts = self.facts;
        let definition = facts.scope(scope);
        for base in &definition.bases {
            let node = self.eval(base.expr);
            classes::note_base(self.solver, self.file, scope, base, node);
        }
        self.enter(scope);
        self.block(&definition.body);
        self.frames.pop();
        let Some(class) = self.solver.program.class_at(self.file, scope) else {
            return;
        };
        let mut value = self.solver.fresh();
        self.solver.put(value, Value::Class(class));
        for decorator in definition.decorators.iter().rev() {
            let callee = self.eval(*decorator);
            let arg = SiteArg {
                kind: ArgKind::Positional,
                name: None,
                node: value,
            };
            value = self.site(*decorator, callee, vec![arg], true);
        }
        self.assign_name(&definition.name, value);
    }
}
