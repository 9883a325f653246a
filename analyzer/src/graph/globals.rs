//! Reads and writes of module-level variables by functions.

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::body::names::locals;
use super::guards;
use super::program::{FuncId, Program};
use crate::modules::{FileId, ModuleSet, Symbol};
use crate::syntax::FileFacts;
use crate::syntax::facts::{
    CompareOp, ExprId, ExprKind, LoopHead, ScopeId, ScopeKind, Stmt, StmtKind, UnaryOp,
};

/// A function touches a module-level variable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GlobalAccess {
    /// The module that owns the variable.
    pub owner: FileId,
    /// The variable.
    pub name: SmolStr,
    /// A constant key, when an item of it is touched: `STATE["model"]`.
    pub key: Option<SmolStr>,
    /// Who touches it; module bodies count for their own top level.
    pub function: FuncId,
    /// Where: the file.
    pub file: FileId,
    /// The line.
    pub line: u32,
    /// The expression.
    pub expr: ExprId,
    /// Rebound or changed in place.
    pub writes: bool,
    /// Bound only while it is still empty: under `if NAME is None`, in a
    /// function that is handed nothing and asks no request.
    pub fills: bool,
}

/// Methods that change what they are called on.
pub const MUTATORS: &[&str] = &[
    "add",
    "append",
    "appendleft",
    "clear",
    "discard",
    "extend",
    "insert",
    "move_to_end",
    "pop",
    "popitem",
    "popleft",
    "push",
    "put",
    "remove",
    "reverse",
    "rotate",
    "setdefault",
    "sort",
    "update",
];

/// Makers of containers.
const CONTAINERS: &[&str] = &[
    "Counter",
    "LifoQueue",
    "OrderedDict",
    "PriorityQueue",
    "Queue",
    "SimpleQueue",
    "bytearray",
    "defaultdict",
    "deque",
    "dict",
    "list",
    "set",
];

/// Every access in the tree, by owner, name and place.
pub fn global_accesses(modules: &ModuleSet, program: &Program) -> Vec<GlobalAccess> {
    let mut found = Vec::new();
    let mut known = FxHashMap::default();
    let accessors = accessors(modules, program);
    for func in program.func_ids() {
        let function = program.function(func);
        let facts = modules.facts(function.file);
        let mut walk = Walk {
            modules,
            program,
            facts,
            file: function.file,
            func: program.home(func),
            shadowed: shadowed(facts, function.scope),
            globals: facts
                .scope(function.scope)
                .globals
                .iter()
                .cloned()
                .collect(),
            top_level: function.scope == ScopeId::MODULE,
            empty: Vec::new(),
            aliases: FxHashMap::default(),
            asks: asks(facts, function.scope),
            assigned: None,
            accessors: &accessors,
            known: &mut known,
            found: &mut found,
        };
        walk.block(&facts.scope(function.scope).body);
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Names that the function and those around it bind themselves.
fn shadowed(facts: &FileFacts, scope: ScopeId) -> FxHashSet<SmolStr> {
    let mut names = FxHashSet::default();
    let mut at = Some(scope);
    while let Some(scope) = at {
        let definition = facts.scope(scope);
        if matches!(definition.kind, ScopeKind::Function | ScopeKind::Lambda) {
            // Local imports are looked up, not hidden.
            names.extend(locals(facts, scope));
            for imported in imported_names(&definition.body) {
                names.remove(&imported);
            }
        }
        at = definition.parent;
    }
    names
}

fn imported_names(body: &[Stmt]) -> Vec<SmolStr> {
    use crate::syntax::facts::ImportBinds;
    let mut names = Vec::new();
    for stmt in body {
        if let StmtKind::Import(import) = &stmt.kind {
            match &import.binds {
                ImportBinds::Names(pairs) => {
                    let bound = pairs
                        .iter()
                        .map(|(name, alias)| alias.as_ref().unwrap_or(name));
                    names.extend(bound.cloned());
                }
                ImportBinds::Module { alias } => {
                    names.push(alias.clone().unwrap_or_else(|| {
                        import.module.split('.').next().unwrap_or_default().into()
                    }))
                }
                ImportBinds::Star => {}
            }
        }
    }
    names
}

/// Functions that only give a variable, or what it guards.
type Accessors = FxHashMap<FuncId, (FileId, SmolStr)>;

/// `fn cache() -> MutexGuard<…> { CACHE.lock().unwrap() }`: to call it is to
/// touch the variable.
fn accessors(modules: &ModuleSet, program: &Program) -> Accessors {
    let mut found = Accessors::default();
    for func in program.func_ids() {
        let function = program.function(func);
        let facts = modules.facts(function.file);
        let [stmt] = facts.scope(function.scope).body.as_slice() else {
            continue;
        };
        let StmtKind::Return(Some(value)) = stmt.kind else {
            continue;
        };
        let inner = guards::behind(facts, value);
        let path = facts.dotted(inner).filter(|_| facts.rules.root.is_some());
        let symbol = path.and_then(|path| modules.symbol(function.file, ScopeId::MODULE, &path));
        if let Some(Symbol::Variable(file, name)) = symbol {
            found.insert(func, (file, name));
        }
    }
    found
}

type Known = FxHashMap<(FileId, SmolStr), Option<(FileId, SmolStr)>>;

struct Walk<'w> {
    modules: &'w ModuleSet,
    program: &'w Program,
    facts: &'w FileFacts,
    file: FileId,
    func: FuncId,
    shadowed: FxHashSet<SmolStr>,
    globals: FxHashSet<SmolStr>,
    /// A module body's locals are its globals.
    top_level: bool,
    /// Variables that are known to be empty here.
    empty: Vec<(FileId, SmolStr)>,
    /// Locals that stand for a variable or what it guards, and which.
    aliases: FxHashMap<SmolStr, (FileId, SmolStr)>,
    /// What it computes may differ from call to call.
    asks: bool,
    /// The value of the assignment whose targets are walked.
    assigned: Option<ExprId>,
    accessors: &'w Accessors,
    known: &'w mut Known,
    found: &'w mut Vec<GlobalAccess>,
}

impl Walk<'_> {
    fn block(&mut self, body: &[Stmt]) {
        body.iter().for_each(|stmt| self.stmt(stmt));
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Expr(expr) | StmtKind::Assert(expr) => self.expr(*expr),
            StmtKind::Assign { targets, value, .. } => {
                self.expr(*value);
                self.note_alias(targets, *value);
                self.assigned = Some(*value);
                targets.iter().for_each(|target| self.target(*target));
                self.assigned = None;
            }
            StmtKind::Augment { target, value, .. } => {
                self.expr(*value);
                self.expr(*target);
                self.target(*target);
            }
            StmtKind::Declare { .. } | StmtKind::Import(_) | StmtKind::Leave => {}
            StmtKind::Return(value) | StmtKind::Raise(value) => {
                value.iter().for_each(|value| self.expr(*value));
            }
            StmtKind::Delete(targets) => targets.iter().for_each(|target| self.target(*target)),
            StmtKind::Function(scope) => {
                let definition = self.facts.scope(*scope);
                definition
                    .decorators
                    .iter()
                    .for_each(|expr| self.expr(*expr));
                let defaults = definition.params.iter().filter_map(|param| param.default);
                defaults.for_each(|expr| self.expr(expr));
            }
            StmtKind::Class(scope) => {
                let facts = self.facts;
                self.block(&facts.scope(*scope).body);
            }
            StmtKind::If { test, then, other } => {
                self.expr(*test);
                let n_empty = self.empty.len();
                let tested = self.tested_empty(*test);
                self.empty.extend(tested);
                self.block(then);
                self.empty.truncate(n_empty);
                self.block(other);
            }
            StmtKind::Loop { head, body, other } => {
                match head {
                    LoopHead::For { target, iter } => {
                        self.expr(*iter);
                        self.target(*target);
                    }
                    LoopHead::While(test) => self.expr(*test),
                }
                self.block(body);
                self.block(other);
            }
            StmtKind::With { items, body } => {
                for (context, target) in items {
                    self.expr(*context);
                    target.iter().for_each(|target| self.target(*target));
                }
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
        }
    }

    /// An expression that is assigned to or deleted.
    fn target(&mut self, target: ExprId) {
        let facts = self.facts;
        match &facts.expr(target).kind {
            ExprKind::Name(name) => {
                if self.globals.contains(name) || self.top_level {
                    self.note(target, None, true);
                    self.mark_filled(target);
                }
            }
            ExprKind::Attr { base, .. } => {
                if self.variable(target).is_some() {
                    self.note(target, None, true);
                    self.mark_filled(target);
                } else if let Some(variable) = self.behind(*base) {
                    self.note_as(variable, *base, None, true);
                } else if self.variable(*base).is_some() {
                    self.note(*base, None, true);
                } else {
                    self.expr(*base);
                }
            }
            ExprKind::Item { base, index } => {
                self.expr(*index);
                match self.behind(*base).or_else(|| self.variable(*base)) {
                    Some(variable) => self.note_as(variable, *base, self.key(*index), true),
                    None => self.expr(*base),
                }
            }
            ExprKind::Tuple(parts) | ExprKind::List(parts) => {
                parts.iter().for_each(|part| self.target(*part));
            }
            ExprKind::Starred(inner) => self.target(*inner),
            ExprKind::Call { .. } => match self.behind(target) {
                Some(variable) => self.note_as(variable, target, None, true),
                None => self.expr(target),
            },
            _ => self.expr(target),
        }
    }

    fn key(&self, index: ExprId) -> Option<SmolStr> {
        match &self.facts.expr(index).kind {
            ExprKind::Str(key) => Some(key.clone()),
            _ => None,
        }
    }

    fn expr(&mut self, expr: ExprId) {
        let facts = self.facts;
        let kind = &facts.expr(expr).kind;
        match kind {
            ExprKind::Name(name) if self.aliases.contains_key(name) => {
                let variable = self.aliases[name].clone();
                self.note_as(variable, expr, None, false);
            }
            ExprKind::Name(_) => self.note(expr, None, false),
            ExprKind::Attr { base, .. } => match self.variable(expr) {
                Some(_) => self.note(expr, None, false),
                None => self.expr(*base),
            },
            ExprKind::Item { base, index } if self.variable(*base).is_some() => {
                self.expr(*index);
                self.note(*base, self.key(*index), false);
            }
            ExprKind::Call { .. } if self.behind(expr).is_some() => {
                if let Some(variable) = self.behind(expr) {
                    self.note_as(variable, expr, None, false);
                }
            }
            ExprKind::Call { callee, args } => {
                self.call(*callee, args.first().map(|arg| arg.value));
                args.iter().for_each(|arg| self.expr(arg.value));
            }
            // `"key" in STATE` looks at one key only.
            ExprKind::Compare { operands, ops }
                if operands.len() == 2
                    && matches!(ops[0], CompareOp::In | CompareOp::NotIn)
                    && self.variable(operands[1]).is_some() =>
            {
                self.expr(operands[0]);
                self.note(operands[1], self.key(operands[0]), false);
            }
            ExprKind::Comprehension { scope, .. } => {
                self.block(&facts.scope(*scope).body);
            }
            ExprKind::Lambda(_) => {}
            kind => {
                let mut parts = Vec::new();
                kind.parts(|part| parts.push(part));
                parts.into_iter().for_each(|part| self.expr(part));
            }
        }
    }

    fn call(&mut self, callee: ExprId, first: Option<ExprId>) {
        let facts = self.facts;
        let ExprKind::Attr { base, name } = &facts.expr(callee).kind else {
            return self.expr(callee);
        };
        if let Some(variable) = self.behind(*base).filter(|_| guards::changes(facts, name)) {
            self.note_as(variable.clone(), *base, None, true);
            if !matches!(name.as_str(), "store" | "set" | "insert" | "push" | "clear") {
                self.note_as(variable, *base, None, false);
            }
            return;
        }
        if self.variable(*base).is_none() {
            return self.expr(callee);
        }
        let key = first.and_then(|first| self.key(first));
        match name.as_str() {
            name if MUTATORS.contains(&name) => {
                let keyed = matches!(name, "pop" | "setdefault");
                let reads = matches!(name, "pop" | "popleft" | "popitem" | "setdefault");
                let key = key.filter(|_| keyed);
                self.note(*base, key.clone(), true);
                if reads {
                    self.note(*base, key, false);
                }
            }
            "get" => self.note(*base, key, false),
            _ => self.note(*base, None, false),
        }
    }

    /// The module-level variable that `expr` names.
    fn variable(&mut self, expr: ExprId) -> Option<(FileId, SmolStr)> {
        let path = self.facts.dotted(expr)?;
        let first = path.split('.').next().unwrap_or(&path);
        if self.shadowed.contains(first) && !self.globals.contains(first) {
            return None;
        }
        let key = (self.file, SmolStr::from(path.as_str()));
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let found = match self.modules.symbol(self.file, ScopeId::MODULE, &path) {
            Some(Symbol::Variable(file, name)) => Some((file, name)),
            _ => None,
        };
        self.known.insert(key, found.clone());
        found
    }

    /// The variable behind `expr`: through guards, or by another name.
    fn behind(&mut self, expr: ExprId) -> Option<(FileId, SmolStr)> {
        let facts = self.facts;
        facts.rules.root?;
        let inner = guards::behind(facts, expr);
        if let ExprKind::Name(name) = &facts.expr(inner).kind
            && let Some(variable) = self.aliases.get(name)
        {
            return Some(variable.clone());
        }
        if let ExprKind::Call { callee, .. } = &facts.expr(inner).kind {
            let path = facts.dotted(*callee)?;
            let symbol = self.modules.symbol(self.file, ScopeId::MODULE, &path);
            let Some(Symbol::Scope(file, scope)) = symbol else {
                return None;
            };
            let func = self.program.func_at(file, scope)?;
            return self.accessors.get(&func).cloned();
        }
        self.variable(inner)
    }

    /// `let mut cache = CACHE.lock().unwrap()`: the local stands for it.
    fn note_alias(&mut self, targets: &[ExprId], value: ExprId) {
        let facts = self.facts;
        let [target] = targets else { return };
        let ExprKind::Name(name) = &facts.expr(*target).kind else {
            return;
        };
        match self.behind(value).filter(|_| !self.top_level) {
            Some(variable) => self.aliases.insert(name.clone(), variable),
            None => self.aliases.remove(name),
        };
    }

    fn note(&mut self, expr: ExprId, key: Option<SmolStr>, writes: bool) {
        if let Some(variable) = self.variable(expr) {
            self.note_as(variable, expr, key, writes);
        }
    }

    fn note_as(
        &mut self,
        (owner, name): (FileId, SmolStr),
        expr: ExprId,
        key: Option<SmolStr>,
        writes: bool,
    ) {
        self.found.push(GlobalAccess {
            owner,
            name,
            key,
            function: self.func,
            file: self.file,
            line: self.facts.expr(expr).line,
            expr,
            writes,
            fills: false,
        });
    }

    /// The variable that `NAME is None` or `not NAME` says is empty.
    fn tested_empty(&mut self, test: ExprId) -> Option<(FileId, SmolStr)> {
        let facts = self.facts;
        match &facts.expr(test).kind {
            ExprKind::Compare { ops, operands } => match (ops.as_ref(), operands.as_ref()) {
                ([CompareOp::Is], [name, none])
                    if matches!(facts.expr(*none).kind, ExprKind::None) =>
                {
                    self.variable(*name)
                }
                _ => None,
            },
            ExprKind::Unary {
                op: UnaryOp::Not,
                operand,
            } => self.variable(*operand),
            _ => None,
        }
    }

    /// The write just noted only fills what was empty. A container is there
    /// to be filled further.
    fn mark_filled(&mut self, target: ExprId) {
        let variable = self.variable(target);
        let value = self.assigned.map(|value| &self.facts.expr(value).kind);
        let is_whole = match value {
            Some(ExprKind::Call { callee, .. }) => {
                let callee = self.facts.dotted(*callee).unwrap_or_default();
                let last = callee.rsplit('.').next().unwrap_or_default();
                !CONTAINERS.contains(&last)
            }
            Some(ExprKind::Name(_) | ExprKind::Attr { .. } | ExprKind::Item { .. }) => true,
            _ => false,
        };
        let is_empty = variable.is_some_and(|variable| self.empty.contains(&variable));
        let fills = is_whole && is_empty && !self.asks;
        if let Some(last) = self.found.last_mut().filter(|last| last.expr == target) {
            last.fills = fills;
        }
    }
}

/// The function is handed something, or looks at a request.
fn asks(facts: &FileFacts, scope: ScopeId) -> bool {
    let definition = facts.scope(scope);
    let lines = definition.line..=definition.end_line;
    let names_request = facts.exprs.iter().any(|expr| {
        let name = match &expr.kind {
            ExprKind::Name(name) | ExprKind::Attr { name, .. } => name,
            _ => return false,
        };
        lines.contains(&expr.line) && name == "request"
    });
    !definition.params.is_empty() || names_request
}
