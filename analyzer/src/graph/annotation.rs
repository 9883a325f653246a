//! Declared types to values.

use super::body::lookup_path;
use super::classes;
use super::solve::{At, Node, Solver, Use};
use super::values::{ContainerKind, ElemKey, Value, ValueId};
use crate::modules::Symbol;
use crate::syntax::facts::{BinaryOp, ExprId, ExprKind, ImportRule, ScopeId};

/// Types that are what they hold, as far as names go.
const TRANSPARENT: &[&str] = &[
    "Annotated",
    "Arc",
    "ArcSwap",
    "ArcSwapOption",
    "AsyncGenerator",
    "AsyncIterator",
    "Awaitable",
    "Box",
    "Cell",
    "ClassVar",
    "Coroutine",
    "Cow",
    "Data",
    "Extension",
    "Final",
    "Form",
    "Future",
    "Json",
    "Lazy",
    "LazyCell",
    "LazyLock",
    "ManuallyDrop",
    "Mapped",
    "Mutex",
    "MutexGuard",
    "NonNull",
    "OnceCell",
    "OnceLock",
    "Option",
    "Optional",
    "Path",
    "Pin",
    "Query",
    "Rc",
    "Ref",
    "RefCell",
    "RefMut",
    "ReqData",
    "Result",
    "Reverse",
    "RwLock",
    "RwLockReadGuard",
    "RwLockWriteGuard",
    "State",
    "Union",
    "UnsafeCell",
    "Weak",
    "Wrapping",
];
/// Types whose items are of their first argument.
const SEQUENCES: &[&str] = &[
    "Collection",
    "Deque",
    "FrozenSet",
    "Generator",
    "BTreeSet",
    "BinaryHeap",
    "DoubleEndedIterator",
    "ExactSizeIterator",
    "HashSet",
    "IndexSet",
    "IntoIterator",
    "Iter",
    "Iterable",
    "Iterator",
    "List",
    "ParallelIterator",
    "Peekable",
    "Receiver",
    "Sequence",
    "Set",
    "SmallVec",
    "Stream",
    "Tuple",
    "Vec",
    "VecDeque",
    "deque",
    "frozenset",
    "list",
    "set",
    "tuple",
];
/// Types whose items are of their second argument.
const MAPPINGS: &[&str] = &[
    "BTreeMap",
    "DashMap",
    "DefaultDict",
    "Dict",
    "FxHashMap",
    "HashMap",
    "IndexMap",
    "Mapping",
    "MutableMapping",
    "OrderedDict",
    "defaultdict",
    "dict",
];

/// The type `path` is what it holds.
pub(super) fn is_transparent(path: &str) -> bool {
    TRANSPARENT.contains(&path.rsplit('.').next().unwrap_or(path))
}

/// Types of what is called: values say what runs.
const FUNCTIONS: &[&str] = &["Fn", "FnMut", "FnOnce", "fn"];

type Lookup<'l> = dyn FnMut(&mut Solver<'_>, &str) -> Node + 'l;

/// Instances of the type that the expression at `at` writes reach `node`.
pub(super) fn declare(solver: &mut Solver<'_>, at: At, node: Node, lookup: &mut Lookup<'_>) {
    declare_inner(solver, at, node, lookup, 0);
}

fn declare_inner(solver: &mut Solver<'_>, at: At, node: Node, lookup: &mut Lookup<'_>, depth: u32) {
    if depth > 8 {
        return;
    }
    let facts = solver.modules.facts(at.file);
    let inner = |expr: ExprId| At { expr, ..at };
    match &facts.expr(at.expr).kind {
        ExprKind::Name(_) | ExprKind::Attr { .. } => {
            if let Some(path) = facts.dotted(at.expr)
                && !declare_alias(solver, at, &path, node, depth)
            {
                let ty = lookup(solver, &path);
                solver.on(ty, Use::Typed { dst: node });
            }
        }
        ExprKind::Str(text) => {
            let path = text.trim();
            let is_path = path
                .chars()
                .all(|c| c.is_alphanumeric() || c == '_' || c == '.');
            if is_path && !path.is_empty() {
                let ty = lookup(solver, path);
                solver.on(ty, Use::Typed { dst: node });
            }
        }
        ExprKind::Binary {
            op: BinaryOp::BitOr,
            left,
            right,
        } => {
            for side in [*left, *right] {
                declare_inner(solver, inner(side), node, lookup, depth + 1);
            }
        }
        ExprKind::List(parts) => {
            // `[T]`
            let alloc = solver.alloc(at, 3, ContainerKind::List);
            let any = solver.elem(alloc, ElemKey::Any);
            for part in parts {
                declare_inner(solver, inner(*part), any, lookup, depth + 1);
            }
            solver.put(node, Value::Container(alloc));
        }
        ExprKind::Tuple(parts) => {
            // `(A, B)`
            let alloc = solver.alloc(at, 3, ContainerKind::Tuple);
            for (idx, part) in parts.iter().enumerate() {
                let elem = solver.elem(alloc, ElemKey::Number(idx as i64));
                declare_inner(solver, inner(*part), elem, lookup, depth + 1);
            }
            solver.put(node, Value::Container(alloc));
        }
        ExprKind::Opaque(parts) => {
            for part in parts {
                declare_inner(solver, inner(*part), node, lookup, depth + 1);
            }
        }
        ExprKind::Item { base, index } => {
            let Some(path) = facts.dotted(*base) else {
                return;
            };
            if path == "impl" {
                let some = solver.fresh();
                declare_inner(solver, inner(*index), some, lookup, depth + 1);
                solver.on(
                    some,
                    Use::SomeOf {
                        dst: node,
                        inst: at.inst,
                    },
                );
                return;
            }
            let name = path.rsplit('.').next().unwrap_or(&path);
            let args: Vec<ExprId> = match &facts.expr(*index).kind {
                ExprKind::Tuple(parts) => parts.to_vec(),
                _ => vec![*index],
            };
            if TRANSPARENT.contains(&name) {
                let first_only = name == "Annotated" || name == "Result";
                let n_args = if first_only { 1 } else { args.len() };
                for arg in args.iter().take(n_args) {
                    declare_inner(solver, inner(*arg), node, lookup, depth + 1);
                }
            } else if SEQUENCES.contains(&name) || MAPPINGS.contains(&name) {
                let is_mapping = MAPPINGS.contains(&name);
                let kind = if is_mapping {
                    ContainerKind::Dict
                } else {
                    ContainerKind::List
                };
                let alloc = solver.alloc(at, 3, kind);
                let any = solver.elem(alloc, ElemKey::Any);
                let held = if is_mapping {
                    args.get(1)
                } else {
                    args.first()
                };
                if let Some(held) = held {
                    declare_inner(solver, inner(*held), any, lookup, depth + 1);
                }
                solver.put(node, Value::Container(alloc));
            } else if FUNCTIONS.contains(&name) {
            } else if matches!(name, "Type" | "type") {
                if let Some(path) = args.first().and_then(|arg| facts.dotted(*arg)) {
                    let ty = lookup(solver, &path);
                    solver.edge(ty, node);
                }
            } else {
                declare_inner(solver, inner(*base), node, lookup, depth + 1);
            }
        }
        _ => {}
    }
}

/// `type Rows = Vec<Row>`: the name declares what it stands for; false if
/// `path` is no such name.
fn declare_alias(solver: &mut Solver<'_>, at: At, path: &str, node: Node, depth: u32) -> bool {
    let modules = solver.modules;
    if modules.facts(at.file).rules.imports != ImportRule::Crates {
        return false;
    }
    let scope = solver.program.function(solver.func_of(at.inst)).scope;
    let Some(Symbol::Variable(file, name)) = modules.symbol(at.file, scope, path) else {
        return false;
    };
    let facts = modules.facts(file);
    let value = modules.assigned(file, &name);
    let (Some(expr), Some(inst)) = (value, classes::module_instance(solver, file)) else {
        return false;
    };
    if facts.dotted(expr).is_some() {
        return false;
    }
    let there = At { inst, file, expr };
    let lookup = &mut |solver: &mut Solver<'_>, path: &str| {
        lookup_path(solver, there, ScopeId::MODULE, path)
    };
    declare_inner(solver, there, node, lookup, depth + 1);
    true
}

/// The type `value` has instances; they go to `dst`.
pub(super) fn instance_of(solver: &mut Solver<'_>, value: ValueId, dst: Node) {
    match solver.get(value).clone() {
        Value::Class(class) => {
            solver.put(dst, Value::Instance(class));
        }
        Value::External(path) => {
            let path = solver.symbols.text(path).clone();
            let name = path.rsplit('.').next().unwrap_or(&path);
            let is_type = name.starts_with(|first: char| first.is_uppercase());
            if is_type && !path.starts_with("typing.") && !path.starts_with("builtins.") {
                let canonical = solver.catalog.canonical(&path).into_owned();
                solver.put_object(dst, &canonical);
            }
        }
        _ => {}
    }
}
