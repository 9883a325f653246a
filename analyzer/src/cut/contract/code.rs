//! Looking things up in the code: what a name is bound to, which texts a list
//! holds, which literal an expression stands for. Every answer keeps the
//! place of the literal, not of its use: a contract leads to where a column's
//! name is written.

mod texts;
mod walk;

use rustc_hash::FxHashMap;
use smol_str::{SmolStr, format_smolstr};

pub(super) use crate::modules::At;
pub(super) use crate::syntax::walk::each_stmt;

use crate::graph::{ClassId, FuncId, Held};
use crate::hazards::Context;
use crate::modules::{FileId, ModuleRef, Symbol};
use crate::syntax::FileFacts;
use crate::syntax::facts::{
    Arg, ArgKind, BinaryOp, ExprId, ExprKind, ImportBinds, LoopHead, ScopeId, ScopeKind, Stmt,
    StmtKind,
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

    /// What the `return`s of a function give, first first.
    pub(super) fn returns(&self, func: FuncId) -> Vec<At> {
        let (file, scope) = self.scope_of(func);
        self.returns_of(file, scope)
    }

    /// Likewise of a lambda, or another scope.
    pub(super) fn returns_of(&self, file: FileId, scope: ScopeId) -> Vec<At> {
        let mut found = Vec::new();
        each_stmt(&self.facts(file).scope(scope).body, &mut |stmt| {
            if let StmtKind::Return(Some(expr)) = stmt.kind {
                found.push(At { file, scope, expr });
            }
        });
        found
    }

    /// What a function gives, where it has one `return`.
    pub(super) fn only_return(&self, func: FuncId) -> Option<At> {
        match self.returns(func).as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }

    /// What the call at `at` is a method of, and the method's name.
    pub(super) fn method(&self, at: At) -> Option<(At, &'a str)> {
        let ExprKind::Call { callee, .. } = self.kind(at) else {
            return None;
        };
        match self.kind(at.part(*callee)) {
            ExprKind::Attr { base, name } => Some((at.part(*base), name.as_str())),
            _ => None,
        }
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
                let base_at = at.part(*base);
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
