//! Looking things up in the code: what a name is bound to, which texts a list
//! holds, which literal an expression stands for. Every answer keeps the
//! place of the literal, not of its use: a contract leads to where a column's
//! name is written.

use rustc_hash::FxHashMap;
use smol_str::{SmolStr, format_smolstr};

use crate::graph::{ClassId, FuncId, Held};
use crate::hazards::Context;
use crate::modules::{FileId, ModuleRef, Symbol};
use crate::syntax::FileFacts;
use crate::syntax::facts::{
    Arg, ArgKind, BinaryOp, ExprId, ExprKind, ImportBinds, LoopHead, ScopeId, ScopeKind, Stmt,
    StmtKind, UnaryOp,
};

/// Constants are followed through this many names.
const MAX_DEPTH: u32 = 12;

/// A text and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Text {
    pub(super) text: SmolStr,
    pub(super) file: FileId,
    pub(super) line: u32,
}

/// What binds a name in a scope.
#[derive(Clone, Copy, Debug)]
enum Bind {
    /// Assigned.
    Value(ExprId),
    /// Bound to each element of it.
    Element(ExprId),
}

/// An expression where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct At {
    pub(super) file: FileId,
    pub(super) scope: ScopeId,
    pub(super) expr: ExprId,
}

/// The context with its names indexed.
pub(super) struct Code<'a> {
    pub(super) ctx: &'a Context<'a>,
    binds: FxHashMap<(FileId, ScopeId), FxHashMap<SmolStr, Vec<Bind>>>,
    imports: FxHashMap<FileId, FxHashMap<SmolStr, (SmolStr, u32, SmolStr)>>,
}

impl<'a> Code<'a> {
    pub(super) fn new(ctx: &'a Context<'a>) -> Code<'a> {
        let mut code = Code {
            ctx,
            binds: FxHashMap::default(),
            imports: FxHashMap::default(),
        };
        for (file, facts) in ctx.modules.iter() {
            for (id, scope) in facts.scopes() {
                each_stmt(&scope.body, &mut |stmt| code.index(file, facts, id, stmt));
            }
        }
        code
    }

    fn index(&mut self, file: FileId, facts: &FileFacts, scope: ScopeId, stmt: &Stmt) {
        let mut bind = |target: ExprId, how: Bind| {
            if let ExprKind::Name(name) = &facts.expr(target).kind {
                let names = self.binds.entry((file, scope)).or_default();
                names.entry(name.clone()).or_default().push(how);
            }
        };
        match &stmt.kind {
            StmtKind::Assign { targets, value, .. } => {
                for target in targets {
                    bind(*target, Bind::Value(*value));
                    if let (ExprKind::Tuple(names), ExprKind::Tuple(values)) =
                        (&facts.expr(*target).kind, &facts.expr(*value).kind)
                    {
                        for (name, value) in names.iter().zip(values) {
                            bind(*name, Bind::Value(*value));
                        }
                    }
                }
            }
            StmtKind::Loop {
                head: LoopHead::For { target, iter },
                ..
            } => {
                bind(*target, Bind::Element(*iter));
                if let ExprKind::Tuple(names) = &facts.expr(*target).kind
                    && let Some(first) = names.first()
                {
                    bind(*first, Bind::Element(*iter));
                }
            }
            StmtKind::Import(import) => {
                if let ImportBinds::Names(names) = &import.binds {
                    let known = self.imports.entry(file).or_default();
                    for (name, alias) in names {
                        let alias = alias.as_ref().unwrap_or(name).clone();
                        known.insert(alias, (import.module.clone(), import.level, name.clone()));
                    }
                }
            }
            _ => {}
        }
    }

    pub(super) fn facts(&self, file: FileId) -> &'a FileFacts {
        self.ctx.modules.facts(file)
    }

    pub(super) fn kind(&self, at: At) -> &'a ExprKind {
        &self.facts(at.file).expr(at.expr).kind
    }

    pub(super) fn line(&self, at: At) -> u32 {
        self.facts(at.file).expr(at.expr).line
    }

    /// The scope of a function.
    pub(super) fn scope_of(&self, func: FuncId) -> (FileId, ScopeId) {
        let function = self.ctx.program.function(func);
        (function.file, function.scope)
    }

    /// What the name or dotted path at `at` was assigned, if that is one
    /// place.
    pub(super) fn value(&self, at: At) -> Option<At> {
        match self.bound(at, 0)?.as_slice() {
            [(at, false)] => Some(*at),
            _ => None,
        }
    }

    /// Everything that the name at `at` is bound to; `true` for an element
    /// of it.
    fn bound(&self, at: At, depth: u32) -> Option<Vec<(At, bool)>> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.kind(at) {
            ExprKind::Name(name) => self.name(at.file, at.scope, name, depth),
            ExprKind::Attr { base, name } => {
                let base_at = At { expr: *base, ..at };
                if let Some(path) = self.facts(at.file).dotted(*base)
                    && let Some(Symbol::Module(ModuleRef::File(file))) =
                        self.ctx.modules.symbol(at.file, at.scope, &path)
                {
                    return self.name(file, ScopeId::MODULE, name, depth + 1);
                }
                let classes = self.classes_of(base_at);
                classes
                    .iter()
                    .find_map(|class| self.class_attribute(*class, name, depth))
            }
            _ => None,
        }
    }

    /// Classes of the tree that `at` is an instance of, or is.
    pub(super) fn classes_of(&self, at: At) -> Vec<ClassId> {
        let held = self.ctx.call_graph.held(at.file, at.expr);
        held.into_iter()
            .filter_map(|held| match held {
                Held::Instance(class) | Held::Class(class) => Some(class),
                _ => None,
            })
            .collect()
    }

    fn class_attribute(&self, class: ClassId, name: &str, depth: u32) -> Option<Vec<(At, bool)>> {
        if depth > MAX_DEPTH {
            return None;
        }
        let mro = &self.ctx.program.class(class).mro;
        mro.iter().find_map(|class| {
            let class = self.ctx.program.class(*class);
            let binds = self.binds.get(&(class.file, class.scope))?.get(name)?;
            Some(self.places(class.file, class.scope, binds))
        })
    }

    fn places(&self, file: FileId, scope: ScopeId, binds: &[Bind]) -> Vec<(At, bool)> {
        binds
            .iter()
            .map(|bind| match bind {
                Bind::Value(expr) => (
                    At {
                        file,
                        scope,
                        expr: *expr,
                    },
                    false,
                ),
                Bind::Element(expr) => (
                    At {
                        file,
                        scope,
                        expr: *expr,
                    },
                    true,
                ),
            })
            .collect()
    }

    fn name(
        &self,
        file: FileId,
        scope: ScopeId,
        name: &str,
        depth: u32,
    ) -> Option<Vec<(At, bool)>> {
        for scope in self.ctx.modules.enclosing(file, scope) {
            let definition = self.facts(file).scope(scope);
            if definition.params.iter().any(|param| param.name == name) {
                return None;
            }
            if let Some(binds) = self
                .binds
                .get(&(file, scope))
                .and_then(|names| names.get(name))
            {
                return Some(self.places(file, scope, binds));
            }
        }
        if depth > MAX_DEPTH {
            return None;
        }
        let (module, level, original) = self.imports.get(&file)?.get(name)?;
        match self.ctx.modules.imported(file, *level, module)? {
            ModuleRef::File(other) => self.name(other, ScopeId::MODULE, original, depth + 1),
            ModuleRef::Folder(_) => None,
        }
    }

    /// The texts that a list, or a single text, at `at` holds, each with the
    /// place of its literal.
    pub(super) fn texts(&self, at: At) -> Vec<Text> {
        self.texts_inner(at, 0)
    }

    fn texts_inner(&self, at: At, depth: u32) -> Vec<Text> {
        if depth > MAX_DEPTH {
            return Vec::new();
        }
        let each = |parts: &[ExprId]| {
            let parts = parts.iter();
            parts
                .flat_map(|expr| self.texts_inner(At { expr: *expr, ..at }, depth + 1))
                .collect::<Vec<Text>>()
        };
        match self.kind(at) {
            ExprKind::Str(text) => vec![Text {
                text: text.clone(),
                file: at.file,
                line: self.line(at),
            }],
            ExprKind::List(parts) | ExprKind::Tuple(parts) | ExprKind::Set(parts) => each(parts),
            ExprKind::Starred(part) => each(&[*part]),
            ExprKind::Dict(entries) => {
                let keys: Vec<ExprId> = entries.iter().filter_map(|(key, _)| *key).collect();
                each(&keys)
            }
            ExprKind::Binary {
                op: BinaryOp::Add,
                left,
                right,
            } => {
                let mut found = each(&[*left]);
                let more = each(&[*right]);
                // Two single texts are one longer text.
                if found.len() == 1
                    && more.len() == 1
                    && matches!(self.kind(At { expr: *left, ..at }), ExprKind::Str(_))
                {
                    return self.held_texts(at);
                }
                found.extend(more);
                found
            }
            ExprKind::Call { callee, args } => match (
                self.kind(At {
                    expr: *callee,
                    ..at
                }),
                args.as_ref(),
            ) {
                (ExprKind::Name(name), [only])
                    if matches!(name.as_str(), "list" | "tuple" | "set" | "sorted") =>
                {
                    each(&[only.value])
                }
                (ExprKind::Attr { base, name }, [])
                    if matches!(name.as_str(), "keys" | "items" | "copy") =>
                {
                    each(&[*base])
                }
                _ => self.held_texts(at),
            },
            ExprKind::Comprehension { scope, .. } => self.element_texts(
                At {
                    scope: *scope,
                    ..at
                },
                depth,
            ),
            ExprKind::Name(_) | ExprKind::Attr { .. } => match self.bound(at, depth) {
                Some(places) => {
                    let mut found: Vec<Text> = places
                        .iter()
                        .flat_map(|(place, _)| self.texts_inner(*place, depth + 1))
                        .collect();
                    found.dedup();
                    if found.is_empty() {
                        self.held_texts(at)
                    } else {
                        found
                    }
                }
                None => self.held_texts(at),
            },
            _ => Vec::new(),
        }
    }

    /// `[name for name in LIST if …]` can hold what `LIST` holds.
    fn element_texts(&self, at: At, depth: u32) -> Vec<Text> {
        let mut found = Vec::new();
        let mut element = None;
        each_stmt(&self.facts(at.file).scope(at.scope).body, &mut |stmt| {
            if let StmtKind::Expr(expr) = &stmt.kind
                && let ExprKind::Yield(Some(value)) = &self.facts(at.file).expr(*expr).kind
            {
                element = Some(*value);
            }
        });
        if let Some(expr) = element
            && matches!(
                self.kind(At { expr, ..at }),
                ExprKind::Name(_) | ExprKind::Str(_)
            )
        {
            found = self.texts_inner(At { expr, ..at }, depth + 1);
        }
        found
    }

    fn held_texts(&self, at: At) -> Vec<Text> {
        let texts = self.ctx.call_graph.texts(at.file, at.expr).into_iter();
        texts
            .filter(|text| !text.contains('{'))
            .map(|text| Text {
                text,
                file: at.file,
                line: self.line(at),
            })
            .collect()
    }

    /// The literal that `at` stands for, as Python writes it, with its place.
    pub(super) fn literal(&self, at: At) -> Option<Text> {
        self.literal_inner(at, 0)
    }

    fn literal_inner(&self, at: At, depth: u32) -> Option<Text> {
        if depth > MAX_DEPTH {
            return None;
        }
        let sub = |expr: ExprId| self.literal_inner(At { expr, ..at }, depth + 1);
        let here = |text: SmolStr| {
            Some(Text {
                text,
                file: at.file,
                line: self.line(at),
            })
        };
        match self.kind(at) {
            ExprKind::Str(text) => here(text.clone()),
            ExprKind::Number(text) => here(text.clone()),
            ExprKind::Bool(true) => here("True".into()),
            ExprKind::Bool(false) => here("False".into()),
            ExprKind::None => here("None".into()),
            ExprKind::Unary {
                op: UnaryOp::Neg,
                operand,
            } => {
                let inner = sub(*operand)?;
                Some(Text {
                    text: format_smolstr!("-{}", inner.text),
                    ..inner
                })
            }
            ExprKind::List(parts) | ExprKind::Tuple(parts) => {
                let parts: Option<Vec<SmolStr>> =
                    parts.iter().map(|part| Some(sub(*part)?.text)).collect();
                here(format_smolstr!("[{}]", parts?.join(", ")))
            }
            ExprKind::Name(_) | ExprKind::Attr { .. } => {
                let bound = self.bound(at, depth)?;
                let [(place, false)] = bound.as_slice() else {
                    return None;
                };
                self.literal_inner(*place, depth + 1)
            }
            // What a mapping gives when nobody set the key.
            ExprKind::Call { callee, args } => match (
                self.kind(At {
                    expr: *callee,
                    ..at
                }),
                args.as_ref(),
            ) {
                (ExprKind::Attr { base, name }, [key, default]) if name == "get" => {
                    let set = self.set_default(
                        At { expr: *base, ..at },
                        At {
                            expr: key.value,
                            ..at
                        },
                        depth,
                    );
                    set.or_else(|| sub(default.value))
                }
                (ExprKind::Attr { base, name }, [key]) if name == "get" => self.set_default(
                    At { expr: *base, ..at },
                    At {
                        expr: key.value,
                        ..at
                    },
                    depth,
                ),
                (ExprKind::Name(name), [only])
                    if matches!(name.as_str(), "int" | "float" | "str" | "bool") =>
                {
                    sub(only.value)
                }
                _ => None,
            },
            ExprKind::Item { base, index } => {
                self.set_default(At { expr: *base, ..at }, At { expr: *index, ..at }, depth)
            }
            _ => None,
        }
    }

    /// `base[key]` where the code of the class or function around it says
    /// `base.setdefault(key, literal)`, `base[key] = literal`, or `base` is a
    /// dict literal with that key.
    fn set_default(&self, base: At, key: At, depth: u32) -> Option<Text> {
        let key = self.literal_inner(key, depth + 1)?.text;
        let path = self.facts(base.file).dotted(base.expr)?;
        if let Some(place) = self.value(base)
            && let ExprKind::Dict(entries) = self.kind(place)
        {
            return entries.iter().find_map(|(entry, value)| {
                let entry = (*entry)?;
                let is_key = matches!(self.kind(At { expr: entry, ..place }), ExprKind::Str(text) if *text == key);
                is_key.then(|| self.literal_inner(At { expr: *value, ..place }, depth + 1)).flatten()
            });
        }
        let mut found = Vec::new();
        for scope in self.scopes_around(base.file, base.scope) {
            each_stmt(&self.facts(base.file).scope(scope).body, &mut |stmt| {
                let at = |expr: ExprId| At {
                    file: base.file,
                    scope,
                    expr,
                };
                let is_key = |expr: ExprId| matches!(self.kind(at(expr)), ExprKind::Str(text) if *text == key);
                let is_base =
                    |expr: ExprId| self.facts(base.file).dotted(expr).as_deref() == Some(&path);
                match &stmt.kind {
                    StmtKind::Expr(expr) => {
                        if let ExprKind::Call { callee, args } = self.kind(at(*expr))
                            && let ExprKind::Attr { base, name } = self.kind(at(*callee))
                            && name == "setdefault"
                            && is_base(*base)
                            && let [entry, value] = args.as_ref()
                            && is_key(entry.value)
                        {
                            found.push(at(value.value));
                        }
                    }
                    StmtKind::Assign { targets, value, .. } => {
                        for target in targets {
                            if let ExprKind::Item { base, index } = self.kind(at(*target))
                                && is_base(*base)
                                && is_key(*index)
                            {
                                found.push(at(*value));
                            }
                        }
                    }
                    _ => {}
                }
            });
        }
        match found.as_slice() {
            [only] => self.literal_inner(*only, depth + 1),
            _ => None,
        }
    }

    /// The function around `scope` and the methods of its class.
    fn scopes_around(&self, file: FileId, scope: ScopeId) -> Vec<ScopeId> {
        let facts = self.facts(file);
        let owner = facts.owner(scope);
        let mut found = vec![owner];
        if let Some(class) = facts
            .scope(owner)
            .parent
            .filter(|parent| facts.scope(*parent).kind == ScopeKind::Class)
        {
            let methods = facts
                .scopes()
                .filter(|(id, scope)| scope.parent == Some(class) && *id != owner);
            found.extend(methods.map(|(id, _)| id));
        }
        found
    }

    /// Visits every expression of a function in order, comprehensions and
    /// lambdas included, each with the scope it stands in.
    pub(super) fn each_expr(&self, func: FuncId, visit: &mut dyn FnMut(At)) {
        let (file, scope) = self.scope_of(func);
        self.each_expr_of(file, scope, visit);
    }

    fn each_expr_of(&self, file: FileId, scope: ScopeId, visit: &mut dyn FnMut(At)) {
        let mut roots = Vec::new();
        each_stmt(&self.facts(file).scope(scope).body, &mut |stmt| {
            roots_of(stmt, &mut roots)
        });
        for root in roots {
            self.below(
                At {
                    file,
                    scope,
                    expr: root,
                },
                visit,
            );
        }
    }

    fn below(&self, at: At, visit: &mut dyn FnMut(At)) {
        let mut todo = vec![at];
        while let Some(at) = todo.pop() {
            visit(at);
            match self.kind(at) {
                ExprKind::Comprehension { scope, .. } => {
                    self.each_expr_of(at.file, *scope, visit);
                }
                kind => {
                    let start = todo.len();
                    kind.parts(|expr| todo.push(At { expr, ..at }));
                    todo[start..].reverse();
                }
            }
        }
    }

    /// The argument called `name`, or at `position`.
    pub(super) fn arg(&self, args: &[Arg], name: &str, position: Option<usize>) -> Option<ExprId> {
        let named = args
            .iter()
            .find(|arg| arg.kind == ArgKind::Named && arg.name.as_deref() == Some(name));
        let plain = || {
            let mut plain = args
                .iter()
                .take_while(|arg| arg.kind == ArgKind::Positional);
            plain.nth(position?)
        };
        named.or_else(plain).map(|arg| arg.value)
    }

    /// Qualified names of what the call at `at` calls in libraries.
    pub(super) fn library_paths(&self, at: At) -> Vec<SmolStr> {
        let mut paths: Vec<SmolStr> = self
            .ctx
            .call_graph
            .library_calls_at(at.file, at.expr)
            .map(|call| call.path.clone())
            .collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    /// What the dotted path at `at` is called in its library.
    pub(super) fn external(&self, at: At) -> Option<SmolStr> {
        let path = self.facts(at.file).dotted(at.expr)?;
        match self.ctx.modules.symbol(at.file, at.scope, &path)? {
            Symbol::External(path) => Some(path),
            _ => None,
        }
    }

    /// A declared type as text: `list[Prediction]`, `float | None`.
    pub(super) fn type_text(&self, file: FileId, expr: ExprId) -> Option<SmolStr> {
        let facts = self.facts(file);
        let sub = |expr: ExprId| self.type_text(file, expr);
        Some(match &facts.expr(expr).kind {
            ExprKind::Name(name) | ExprKind::Attr { name, .. } => name.clone(),
            ExprKind::Str(text) => text.clone(),
            ExprKind::Number(text) => text.clone(),
            ExprKind::None => "None".into(),
            ExprKind::Item { base, index } => {
                let (base, index) = (sub(*base)?, sub(*index)?);
                if base == "Optional" {
                    format_smolstr!("{index} | None")
                } else {
                    format_smolstr!("{base}[{index}]")
                }
            }
            ExprKind::Tuple(parts) | ExprKind::List(parts) => {
                let parts: Option<Vec<SmolStr>> = parts.iter().map(|part| sub(*part)).collect();
                parts?.join(", ").into()
            }
            ExprKind::Binary {
                op: BinaryOp::BitOr,
                left,
                right,
            } => {
                format_smolstr!("{} | {}", sub(*left)?, sub(*right)?)
            }
            _ => return None,
        })
    }
}

/// Visits statements in order, nested ones after the one that holds them;
/// bodies of functions and classes are not entered.
pub(super) fn each_stmt<'s>(body: &'s [Stmt], visit: &mut dyn FnMut(&'s Stmt)) {
    for stmt in body {
        visit(stmt);
        match &stmt.kind {
            StmtKind::If { then, other, .. } => {
                each_stmt(then, visit);
                each_stmt(other, visit);
            }
            StmtKind::Loop { body, other, .. } => {
                each_stmt(body, visit);
                each_stmt(other, visit);
            }
            StmtKind::With { body, .. } => each_stmt(body, visit),
            StmtKind::Try {
                body,
                handlers,
                other,
                finally,
            } => {
                each_stmt(body, visit);
                for handler in handlers {
                    each_stmt(&handler.body, visit);
                }
                each_stmt(other, visit);
                each_stmt(finally, visit);
            }
            _ => {}
        }
    }
}

/// Expressions that stand directly in a statement.
fn roots_of(stmt: &Stmt, roots: &mut Vec<ExprId>) {
    match &stmt.kind {
        StmtKind::Expr(expr) | StmtKind::Assert(expr) => roots.push(*expr),
        StmtKind::Assign { targets, value, .. } => {
            roots.push(*value);
            roots.extend(targets);
        }
        StmtKind::Augment { target, value, .. } => roots.extend([*value, *target]),
        StmtKind::Return(value) | StmtKind::Raise(value) => roots.extend(value),
        StmtKind::Delete(targets) => roots.extend(targets),
        StmtKind::If { test, .. } => roots.push(*test),
        StmtKind::Loop { head, .. } => match head {
            LoopHead::For { target, iter } => roots.extend([*iter, *target]),
            LoopHead::While(test) => roots.push(*test),
        },
        StmtKind::With { items, .. } => {
            for (context, target) in items {
                roots.push(*context);
                roots.extend(target);
            }
        }
        _ => {}
    }
}
