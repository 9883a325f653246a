//! A function's body to nodes and uses.
//!
//! Walks statements in order with an environment from each local name to the
//! node that holds its present value: an assignment starts a new node, the
//! branches of an `if` are joined in one, a loop's head joins what comes in
//! and what comes round. Names of other scopes are read as everything they
//! ever hold.

mod expressions;
pub(super) mod names;

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::solve::{At, EMPTY, ItemKey, Key, NOWHERE, Node, SiteArg, Solver, Use};
use super::values::{ContainerKind, ElemKey, InstId, Sym, Value};
use super::{annotation, classes};
use crate::modules::{FileId, ModuleRef, Symbol};
use crate::syntax::FileFacts;
use crate::syntax::facts::{
    ArgKind, ExprId, ExprKind, Import, ImportBinds, ImportRule, LoopHead, ParamKind, ScopeId,
    ScopeKind, Stmt, StmtKind,
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

    // ---- assignment

    fn assign(&mut self, target: ExprId, node: Node) {
        let facts = self.facts;
        match &facts.expr(target).kind {
            ExprKind::Name(name) => self.assign_name(name, node),
            ExprKind::Attr { base, name } => {
                let base = self.eval(*base);
                let name = self.solver.symbols.intern(name);
                let at = self.at(target);
                self.solver.on(
                    base,
                    Use::Store {
                        name,
                        src: node,
                        at,
                    },
                );
            }
            ExprKind::Item { base, index } => {
                let base = self.eval(*base);
                let key = self.item_key(*index);
                let at = self.at(target);
                self.solver.on(base, Use::ItemStore { key, src: node, at });
                let method = self.solver.symbols.intern("__setitem__");
                let dst = self.solver.fresh();
                let operator = Use::Operator {
                    method,
                    dst,
                    at,
                    arg: Some(node),
                };
                self.solver.on(base, operator);
            }
            ExprKind::Tuple(parts) | ExprKind::List(parts) => self.unpack(target, parts, node),
            ExprKind::Starred(inner) => self.assign(*inner, node),
            _ => {
                self.eval(target);
            }
        }
    }

    fn unpack(&mut self, target: ExprId, parts: &'a [ExprId], node: Node) {
        let at = self.at(target);
        let mut after_star = false;
        for (index, part) in parts.iter().enumerate() {
            let element = self.solver.fresh();
            if let ExprKind::Starred(inner) = &self.facts.expr(*part).kind {
                after_star = true;
                let rest = self.solver.alloc(self.at(*part), 0, ContainerKind::List);
                let any = self.solver.elem(rest, ElemKey::Any);
                for position in index..index + 8 {
                    self.solver.on(
                        node,
                        Use::Position {
                            index: position,
                            dst: any,
                            at,
                        },
                    );
                }
                self.solver.put(element, Value::Container(rest));
                self.assign(*inner, element);
                continue;
            }
            let used = match after_star {
                true => Use::Elements { dst: element, at },
                false => Use::Position {
                    index,
                    dst: element,
                    at,
                },
            };
            self.solver.on(node, used);
            self.assign(*part, element);
        }
    }

    fn assign_name(&mut self, name: &SmolStr, node: Node) {
        let sym = self.solver.symbols.intern(name);
        let Some(depth) = self.binding_frame(name) else {
            let target = names::outer(self.solver, self.inst, self.file, self.scope(), name, sym);
            self.solver.edge(node, target);
            return;
        };
        let scope = self.frames[depth].scope;
        let var = self.var(scope, sym);
        self.solver.edge(node, var);
        let frame = &mut self.frames[depth];
        let weak = frame.weak.contains(name);
        frame
            .now
            .insert(name.clone(), if weak { var } else { node });
    }

    /// The frame that owns `name`, if one of this body's does.
    fn binding_frame(&self, name: &str) -> Option<usize> {
        let last = self.frames.len().checked_sub(1)?;
        self.frames[last].locals.contains(name).then_some(last)
    }

    fn var(&mut self, scope: ScopeId, sym: Sym) -> Node {
        match self.facts.scope(scope).kind {
            ScopeKind::Class => match self.solver.program.class_at(self.file, scope) {
                Some(class) => {
                    let class = self.solver.value(Value::Class(class));
                    self.solver.node(Key::Attr(class, sym))
                }
                None => EMPTY,
            },
            _ => self.solver.node(Key::Var(self.inst, scope, sym)),
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

    // ---- imports

    fn import(&mut self, import: &'a Import) {
        match &import.binds {
            ImportBinds::Module { alias: Some(alias) } => {
                let node = self.imported(import.level, &import.module);
                self.assign_name(alias, node);
            }
            ImportBinds::Module { alias: None } => {
                let (first, node) = self.imported_top(import);
                self.assign_name(&first.into(), node);
            }
            ImportBinds::Names(pairs) => {
                let from = self.imported(import.level, &import.module);
                for (name, alias) in pairs {
                    let dst = self.load_of(from, name);
                    self.assign_name(alias.as_ref().unwrap_or(name), dst);
                }
            }
            ImportBinds::Star => self.import_star(import),
        }
    }

    /// What `import a.b` binds: its first name.
    fn imported_top(&mut self, import: &'a Import) -> (&'a str, Node) {
        let first = import.module.split('.').next().unwrap_or_default();
        let modules = self.solver.modules;
        let module = modules.imported(self.file, import.level, &import.module);
        let native = modules.native(self.file, import.level, &import.module);
        if modules.facts(self.file).rules.imports == ImportRule::Crates {
            return (first, self.imported(import.level, first));
        }
        let top = match import.level {
            0 => modules
                .absolute(self.file, first)
                .filter(|_| module.is_some() || native.is_some()),
            _ => module,
        };
        (first, self.module_node(top, first))
    }

    /// The node of what an import's path names.
    fn imported(&mut self, level: u32, path: &str) -> Node {
        if let Some((module, rest)) = self.solver.modules.lead(self.file, level, path) {
            let node = self.module_node(Some(module), path);
            return rest
                .into_iter()
                .fold(node, |at, name| self.load_of(at, name));
        }
        // `use Kind::*` of an enum that the scope sees.
        let first = path.split('.').next().unwrap_or(path);
        let is_crates = self.facts.rules.imports == ImportRule::Crates;
        let symbol = || self.solver.modules.symbol(self.file, self.scope(), first);
        if is_crates && level == 0 && !matches!(symbol(), None | Some(Symbol::External(_))) {
            let start = self.name(&first.into());
            return path
                .split('.')
                .skip(1)
                .fold(start, |at, name| self.load_of(at, name));
        }
        let native = self.solver.modules.native(self.file, level, path);
        self.module_node(None, native.as_deref().unwrap_or(path))
    }

    fn load_of(&mut self, from: Node, name: &str) -> Node {
        let dst = self.solver.fresh();
        let at = self.at_import();
        let name = self.solver.symbols.intern(name);
        self.solver.on(from, Use::Load { name, dst, at });
        dst
    }

    /// Imports hang on no expression; what they find calls nothing.
    fn at_import(&self) -> At {
        self.at(NOWHERE)
    }

    fn module_node(&mut self, module: Option<ModuleRef>, path: &str) -> Node {
        let node = self.solver.fresh();
        match module {
            Some(module) => {
                self.solver.put(node, Value::Module(module));
            }
            None => self.solver.put_external(node, path),
        }
        node
    }

    fn import_star(&mut self, import: &'a Import) {
        let path = &import.module;
        let modules = self.solver.modules;
        let led = modules.lead(self.file, import.level, path);
        let names = match led {
            Some((ModuleRef::File(from), ref rest)) if rest.is_empty() => {
                modules.public_names(from)
            }
            Some((ModuleRef::Folder(_), _)) => return,
            _ => match self.names_of(import).or_else(|| self.native_names(import)) {
                Some(names) => names,
                None => return self.import_unknown(path),
            },
        };
        let node = self.imported(import.level, path);
        for name in names {
            let dst = self.load_of(node, &name);
            let sym = self.solver.symbols.intern(&name);
            self.bind_star(&name, dst, sym);
        }
    }

    /// Everything an unbound name of the file may then mean.
    fn import_unknown(&mut self, path: &str) {
        let sym = self.solver.symbols.intern(path);
        let externals = self.solver.star_externals.entry(self.file).or_default();
        externals.push(sym);
    }

    /// Names that a module of a crate of the tree binds when it is starred.
    fn native_names(&self, import: &Import) -> Option<Vec<SmolStr>> {
        let modules = self.solver.modules;
        let path = modules.native(self.file, import.level, &import.module)?;
        modules.native_names(&path)
    }

    /// Names that the class or namespace behind a starred path binds.
    fn names_of(&mut self, import: &'a Import) -> Option<Vec<SmolStr>> {
        let symbol = self
            .solver
            .modules
            .starred(self.file, self.scope(), import)?;
        let Symbol::Scope(file, scope) = symbol else {
            return None;
        };
        let names = names::known_locals(self.solver, file, scope);
        let mut names: Vec<SmolStr> = names.iter().cloned().collect();
        names.sort_unstable();
        Some(names)
    }

    /// A starred name is no local that the text shows: it is put into the
    /// module's variables directly.
    fn bind_star(&mut self, name: &SmolStr, node: Node, sym: Sym) {
        let scope = self.scope();
        let var = self.var(scope, sym);
        self.solver.edge(node, var);
        self.solver.starred.insert((self.file, sym));
        if let Some(frame) = self.frames.last_mut() {
            Rc::make_mut(&mut frame.locals).insert(name.clone());
            frame.now.insert(name.clone(), node);
        }
    }
}
