//! Whose name a name is.

use std::rc::Rc;

use rustc_hash::FxHashSet;
use smol_str::{SmolStr, format_smolstr};

use crate::graph::library;
use crate::graph::solve::{At, EMPTY, Key, Node, Solver};
use crate::graph::values::{InstId, Sym, Value};
use crate::modules::{FileId, Symbol};
use crate::syntax::FileFacts;
use crate::syntax::facts::{
    BinaryOp, ClassForm, ExprId, ExprKind, ImportBinds, ImportRule, LoopHead, ScopeId, ScopeKind,
    Stmt, StmtKind,
};

/// Names that `scope` binds itself.
pub fn locals(facts: &FileFacts, scope: ScopeId) -> FxHashSet<SmolStr> {
    let definition = facts.scope(scope);
    let params = definition.params.iter().map(|param| param.name.clone());
    let mut names: FxHashSet<SmolStr> = params.collect();
    names.extend(assigned(facts, &definition.body));
    names.extend(walrus_names(facts, scope));
    for name in definition.globals.iter().chain(&definition.nonlocals) {
        names.remove(name);
    }
    names
}

/// Names that functions of a file rebind by `nonlocal`, or by `global` too.
#[derive(Debug, Default)]
pub(in crate::graph) struct Rebound {
    nonlocals: Rc<FxHashSet<SmolStr>>,
    any: Rc<FxHashSet<SmolStr>>,
}

impl Rebound {
    pub(in crate::graph) fn of(facts: &FileFacts) -> Rebound {
        let scopes = facts.scopes.iter();
        let nonlocals = scopes.clone().flat_map(|scope| &scope.nonlocals);
        let any = scopes.flat_map(|scope| scope.nonlocals.iter().chain(&scope.globals));
        Rebound {
            nonlocals: Rc::new(nonlocals.cloned().collect()),
            any: Rc::new(any.cloned().collect()),
        }
    }

    /// Names of a scope of `kind` that may change while it runs.
    pub(super) fn inside(&self, kind: ScopeKind) -> Rc<FxHashSet<SmolStr>> {
        match kind {
            ScopeKind::Module => self.any.clone(),
            _ => self.nonlocals.clone(),
        }
    }
}

/// As [`locals`], found once for each scope.
pub(super) fn known_locals(
    solver: &mut Solver<'_>,
    file: FileId,
    scope: ScopeId,
) -> Rc<FxHashSet<SmolStr>> {
    let facts = solver.modules.facts(file);
    let known = solver.locals.entry((file, scope));
    known
        .or_insert_with(|| Rc::new(locals(facts, scope)))
        .clone()
}

/// `:=` inside a comprehension binds in the scope around it.
fn walrus_names(facts: &FileFacts, scope: ScopeId) -> Vec<SmolStr> {
    let mut names = Vec::new();
    for expr in &facts.walruses {
        let expr = facts.expr(*expr);
        if let ExprKind::Walrus { target, .. } = &expr.kind
            && let ExprKind::Name(name) = &facts.expr(*target).kind
            && (facts.scope(scope).line..=facts.scope(scope).end_line).contains(&expr.line)
            && facts.scope(scope).kind != ScopeKind::Class
        {
            names.push(name.clone());
        }
    }
    names
}

/// Names bound by a body's own statements, in order, each once.
pub(in crate::graph) fn assigned(facts: &FileFacts, body: &[Stmt]) -> Vec<SmolStr> {
    let mut names = indexmap::IndexSet::new();
    collect(facts, body, &mut names);
    names.into_iter().collect()
}

fn collect(facts: &FileFacts, body: &[Stmt], names: &mut indexmap::IndexSet<SmolStr>) {
    for stmt in body {
        match &stmt.kind {
            StmtKind::Assign { targets, .. } | StmtKind::Delete(targets) => {
                targets
                    .iter()
                    .for_each(|target| collect_target(facts, *target, names));
            }
            StmtKind::Augment { target, .. } | StmtKind::Declare { target, .. } => {
                collect_target(facts, *target, names);
            }
            StmtKind::Function(scope) | StmtKind::Class(scope) => {
                names.insert(facts.scope(*scope).name.clone());
            }
            StmtKind::Import(import) => match &import.binds {
                ImportBinds::Module { alias: Some(alias) } => {
                    names.insert(alias.clone());
                }
                ImportBinds::Module { alias: None } => {
                    names.extend(import.module.split('.').next().map(SmolStr::from));
                }
                ImportBinds::Names(pairs) => {
                    let bound = pairs
                        .iter()
                        .map(|(name, alias)| alias.as_ref().unwrap_or(name));
                    names.extend(bound.cloned());
                }
                ImportBinds::Star => {}
            },
            StmtKind::If { then, other, .. } => {
                collect(facts, then, names);
                collect(facts, other, names);
            }
            StmtKind::Loop { head, body, other } => {
                if let LoopHead::For { target, .. } = head {
                    collect_target(facts, *target, names);
                }
                collect(facts, body, names);
                collect(facts, other, names);
            }
            StmtKind::With { items, body } => {
                let targets = items.iter().filter_map(|(_, target)| *target);
                targets.for_each(|target| collect_target(facts, target, names));
                collect(facts, body, names);
            }
            StmtKind::Try {
                body,
                handlers,
                other,
                finally,
            } => {
                collect(facts, body, names);
                for handler in handlers {
                    names.extend(handler.name.clone());
                    collect(facts, &handler.body, names);
                }
                collect(facts, other, names);
                collect(facts, finally, names);
            }
            StmtKind::Expr(_)
            | StmtKind::Return(_)
            | StmtKind::Raise(_)
            | StmtKind::Assert(_)
            | StmtKind::Leave => {}
        }
    }
}

fn collect_target(facts: &FileFacts, target: ExprId, names: &mut indexmap::IndexSet<SmolStr>) {
    match &facts.expr(target).kind {
        ExprKind::Name(name) => {
            names.insert(name.clone());
        }
        ExprKind::Tuple(parts) | ExprKind::List(parts) => {
            parts
                .iter()
                .for_each(|part| collect_target(facts, *part, names));
        }
        ExprKind::Starred(inner) => collect_target(facts, *inner, names),
        _ => {}
    }
}

/// The node of a name that is bound outside the frame at hand: an enclosing
/// function's, the module's, a builtin's, a starred import's.
pub(in crate::graph) fn outer(
    solver: &mut Solver<'_>,
    inst: InstId,
    file: FileId,
    scope: ScopeId,
    name: &str,
    sym: Sym,
) -> Node {
    let facts = solver.modules.facts(file);
    let global = facts
        .scope(scope)
        .globals
        .iter()
        .any(|global| global == name);
    let mut inst = inst;
    let mut at = facts.scope(scope).parent;
    let own = facts.scope(scope).kind;
    // A function's own scope may be a comprehension inside `inst`.
    let mut crossed = matches!(own, ScopeKind::Function | ScopeKind::Lambda);
    while let Some(around) = at {
        let definition = facts.scope(around);
        if crossed {
            inst = match solver.inst(inst).parent {
                Some(parent) => parent,
                None => break,
            };
        }
        let visible = match definition.kind {
            ScopeKind::Class => definition.form == ClassForm::Namespace,
            ScopeKind::Module => true,
            _ => !global,
        };
        if visible && binds(facts, around, name, solver, file) {
            if let Some(class) = solver.program.class_at(file, around) {
                let class = solver.value(Value::Class(class));
                return solver.node(Key::Attr(class, sym));
            }
            return solver.node(Key::Var(inst, around, sym));
        }
        crossed = matches!(definition.kind, ScopeKind::Function | ScopeKind::Lambda);
        at = definition.parent;
    }
    unbound(solver, file, name, sym)
}

fn binds(
    facts: &FileFacts,
    scope: ScopeId,
    name: &str,
    solver: &mut Solver<'_>,
    file: FileId,
) -> bool {
    if known_locals(solver, file, scope).contains(name) {
        return true;
    }
    let sym = solver.symbols.intern(name);
    facts.scope(scope).kind == ScopeKind::Module
        && (solver.global_writes.contains(&(file, sym)) || solver.starred.contains(&(file, sym)))
}

fn unbound(solver: &mut Solver<'_>, file: FileId, name: &str, sym: Sym) -> Node {
    if name == "__file__" {
        let node = solver.fresh();
        let path = solver.modules.facts(file).path.clone();
        solver.put_text(node, &path);
        return node;
    }
    if let Some(module) = solver.modules.head(file, name) {
        let node = solver.fresh();
        solver.put(node, Value::Module(module));
        return node;
    }
    let rules = solver.modules.facts(file).rules;
    if let Some(path) = name
        .strip_suffix('!')
        .and_then(|name| mac(solver, file, name))
    {
        let node = solver.fresh();
        library::load_external(solver, &path, node);
        return node;
    }
    let outside = solver.modules.is_outside(file, name).then_some(name);
    if let Some(path) = rules.prelude(name).or(outside) {
        let node = solver.fresh();
        solver.put_external(node, path);
        return node;
    }
    let is_python = rules.imports == ImportRule::Packages;
    if let Some(node) = solver.builtin_nodes.get(&sym).filter(|_| is_python) {
        return *node;
    }
    if is_python && BUILTINS.binary_search(&name).is_ok() {
        let node = solver.fresh();
        solver.put_external(node, &format_smolstr!("builtins.{name}"));
        solver.builtin_nodes.insert(sym, node);
        return node;
    }
    let starred = solver
        .star_externals
        .get(&file)
        .cloned()
        .unwrap_or_default();
    match starred.as_slice() {
        [] => EMPTY,
        modules => {
            let node = solver.fresh();
            let path = |module: &Sym| format_smolstr!("{}.{name}", solver.text(*module));
            let mut paths: Vec<SmolStr> = modules.iter().map(path).collect();
            // Where the catalog knows one of them, that is meant.
            if paths.iter().any(|path| solver.catalog.names(path)) {
                paths.retain(|path| solver.catalog.names(path));
            }
            for path in paths {
                library::load_external(solver, &path, node);
            }
            node
        }
    }
}

/// The path of the macro that is called by `name`: what is imported under
/// it, or what every file has.
fn mac(solver: &Solver<'_>, file: FileId, name: &str) -> Option<String> {
    match solver.modules.symbol(file, ScopeId::MODULE, name) {
        Some(Symbol::External(path)) => Some(format!("{path}!")),
        Some(_) => None,
        None => Some(format!("std.{name}!")).filter(|path| solver.catalog.names(path)),
    }
}

/// The node of a dotted path given as text, as in a quoted annotation.
pub(in crate::graph) fn lookup_path(
    solver: &mut Solver<'_>,
    at: At,
    scope: ScopeId,
    path: &str,
) -> Node {
    use crate::graph::solve::Use;
    let mut parts = path.split('.');
    let first = parts.next().unwrap_or(path);
    let sym = solver.symbols.intern(first);
    let facts = solver.modules.facts(at.file);
    let own = match facts.scope(scope).kind {
        ScopeKind::Module => known_locals(solver, at.file, scope).contains(first),
        ScopeKind::Class => false,
        // A function may import the types it names.
        _ => imports(facts, scope, first) || stars(facts, scope, &solver.starred, at.file, sym),
    };
    let mut node = match own {
        true => solver.node(Key::Var(at.inst, scope, sym)),
        false => outer(solver, at.inst, at.file, scope, first, sym),
    };
    for part in parts {
        let dst = solver.fresh();
        let name = solver.symbols.intern(part);
        solver.on(node, Use::Load { name, dst, at });
        node = dst;
    }
    node
}

/// The body of `scope` itself imports `name`.
fn imports(facts: &FileFacts, scope: ScopeId, name: &str) -> bool {
    let mut body = facts.scope(scope).body.iter();
    body.any(|stmt| match &stmt.kind {
        StmtKind::Import(import) => match &import.binds {
            ImportBinds::Names(pairs) => pairs
                .iter()
                .any(|(original, alias)| alias.as_ref().unwrap_or(original) == name),
            ImportBinds::Module { alias: Some(alias) } => alias == name,
            ImportBinds::Module { alias: None } => import.module.split('.').next() == Some(name),
            ImportBinds::Star => false,
        },
        _ => false,
    })
}

/// A starred import of the body of `scope` itself binds `name`.
fn stars(
    facts: &FileFacts,
    scope: ScopeId,
    starred: &FxHashSet<(FileId, Sym)>,
    file: FileId,
    name: Sym,
) -> bool {
    let is_star = |stmt: &Stmt| match &stmt.kind {
        StmtKind::Import(import) => matches!(import.binds, ImportBinds::Star),
        _ => false,
    };
    starred.contains(&(file, name)) && facts.scope(scope).body.iter().any(is_star)
}

/// The method an operator calls.
pub(super) fn operator(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "__add__",
        BinaryOp::Sub => "__sub__",
        BinaryOp::Mul => "__mul__",
        BinaryOp::Div => "__truediv__",
        BinaryOp::FloorDiv => "__floordiv__",
        BinaryOp::Mod => "__mod__",
        BinaryOp::Pow => "__pow__",
        BinaryOp::MatMul => "__matmul__",
        BinaryOp::BitAnd => "__and__",
        BinaryOp::BitOr => "__or__",
        BinaryOp::BitXor => "__xor__",
        BinaryOp::Shl => "__lshift__",
        BinaryOp::Shr => "__rshift__",
    }
}

/// The method an augmented assignment calls first.
pub(super) fn in_place(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "__iadd__",
        BinaryOp::Sub => "__isub__",
        BinaryOp::Mul => "__imul__",
        BinaryOp::Div => "__itruediv__",
        BinaryOp::FloorDiv => "__ifloordiv__",
        BinaryOp::Mod => "__imod__",
        BinaryOp::Pow => "__ipow__",
        BinaryOp::MatMul => "__imatmul__",
        BinaryOp::BitAnd => "__iand__",
        BinaryOp::BitOr => "__ior__",
        BinaryOp::BitXor => "__ixor__",
        BinaryOp::Shl => "__ilshift__",
        BinaryOp::Shr => "__irshift__",
    }
}

/// Python's builtins, sorted.
const BUILTINS: &[&str] = &[
    "ArithmeticError",
    "AssertionError",
    "AttributeError",
    "BaseException",
    "ConnectionError",
    "EOFError",
    "Exception",
    "FileExistsError",
    "FileNotFoundError",
    "FloatingPointError",
    "IOError",
    "ImportError",
    "IndexError",
    "InterruptedError",
    "KeyError",
    "KeyboardInterrupt",
    "LookupError",
    "MemoryError",
    "ModuleNotFoundError",
    "NameError",
    "NotImplementedError",
    "OSError",
    "OverflowError",
    "PermissionError",
    "RecursionError",
    "ReferenceError",
    "RuntimeError",
    "StopAsyncIteration",
    "StopIteration",
    "SyntaxError",
    "SystemError",
    "SystemExit",
    "TimeoutError",
    "TypeError",
    "UnicodeDecodeError",
    "UnicodeEncodeError",
    "UnicodeError",
    "UserWarning",
    "ValueError",
    "Warning",
    "ZeroDivisionError",
    "__import__",
    "abs",
    "aiter",
    "all",
    "anext",
    "any",
    "ascii",
    "bin",
    "bool",
    "breakpoint",
    "bytearray",
    "bytes",
    "callable",
    "chr",
    "classmethod",
    "compile",
    "complex",
    "delattr",
    "dict",
    "dir",
    "divmod",
    "enumerate",
    "eval",
    "exec",
    "exit",
    "filter",
    "float",
    "format",
    "frozenset",
    "getattr",
    "globals",
    "hasattr",
    "hash",
    "help",
    "hex",
    "id",
    "input",
    "int",
    "isinstance",
    "issubclass",
    "iter",
    "len",
    "list",
    "locals",
    "map",
    "max",
    "memoryview",
    "min",
    "next",
    "object",
    "oct",
    "open",
    "ord",
    "pow",
    "print",
    "property",
    "quit",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "setattr",
    "slice",
    "sorted",
    "staticmethod",
    "str",
    "sum",
    "super",
    "tuple",
    "type",
    "vars",
    "zip",
];

#[cfg(test)]
mod tests {
    #[test]
    fn builtins_are_sorted() {
        assert!(super::BUILTINS.is_sorted());
    }
}
