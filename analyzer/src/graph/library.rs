//! Calls into libraries and builtins: what they return, call and pass on.
//!
//! Most of it is the catalog's word (`returns`, `calls`, `registers`). The
//! functions whose meaning is Python's own (`map`, `getattr`,
//! `functools.partial`, `os.path.join`) stand in [`MEANINGS`].

use rustc_hash::FxHashMap;
use std::sync::LazyLock;

use super::bind::{argument, by_position, call_value};
use super::solve::{At, EMPTY, ItemKey, Node, SiteArg, Solver, Use};
use super::text::{self, TextOp};
use super::values::{ContainerKind, ElemKey, Sym, Value, ValueId};
use super::{classes, containers, root};
use crate::catalog::ArgumentRef;
use crate::syntax::facts::ArgKind;

/// What a call of a builtin means to the graph.
type Meaning = fn(&mut Solver<'_>, At, &[SiteArg], Node);

static MEANINGS: LazyLock<FxHashMap<&'static str, Meaning>> = LazyLock::new(|| {
    let table: &[(&str, Meaning)] = &[
        ("builtins.all", |s, at, args, _| drain(s, at, args)),
        ("builtins.any", |s, at, args, _| drain(s, at, args)),
        ("builtins.classmethod", |s, _, args, to| {
            wrap(s, args, to, Value::ClassMethod)
        }),
        ("builtins.dict", copy_container),
        ("builtins.enumerate", enumerate),
        ("builtins.filter", filter),
        ("builtins.frozenset", copy_container),
        ("builtins.getattr", get_attribute),
        ("builtins.iter", iterate),
        ("builtins.len", |s, at, args, to| {
            protocol(s, at, args, "__len__", to)
        }),
        ("builtins.list", copy_container),
        ("builtins.map", map),
        ("builtins.max", pick),
        ("builtins.min", pick),
        ("builtins.next", next),
        ("builtins.open", open),
        ("builtins.property", |s, _, args, to| {
            wrap(s, args, to, |f| Value::Property(f, None))
        }),
        ("builtins.repr", |s, at, args, to| {
            protocol(s, at, args, "__repr__", to)
        }),
        ("builtins.reversed", copy_container),
        ("builtins.set", copy_container),
        ("builtins.setattr", set_attribute),
        ("builtins.sorted", sorted),
        ("builtins.staticmethod", |s, _, args, to| {
            wrap(s, args, to, Value::Static)
        }),
        ("builtins.str", to_text),
        ("builtins.sum", |s, at, args, _| drain(s, at, args)),
        ("builtins.tuple", copy_container),
        ("builtins.type", type_of),
        ("builtins.zip", zip),
        ("collections.ChainMap", copy_container),
        ("collections.OrderedDict", copy_container),
        ("collections.deque", copy_container),
        ("copy.copy", |s, _, args, to| pass_on(s, args, to)),
        ("copy.deepcopy", |s, _, args, to| pass_on(s, args, to)),
        ("attr.Factory", made_by_default),
        ("dataclasses.field", made_by_default),
        ("decouple.config", environment_call),
        ("environ.Env.__call__", environment_call),
        ("environ.Env.path", environment_call),
        ("environ.Env.str", environment_call),
        ("environs.Env.__call__", environment_call),
        ("environs.Env.path", environment_call),
        ("environs.Env.str", environment_call),
        ("functools.cached_property", |s, _, args, to| {
            wrap(s, args, to, |f| Value::Property(f, None))
        }),
        ("functools.partial", classes::partial),
        ("functools.reduce", reduce),
        ("importlib.import_module", import_module),
        ("itertools.chain", chain),
        ("json.load", read_config),
        ("os.environ.get", environment_call),
        ("os.environ.setdefault", environment_call),
        ("os.getcwd", |s, _, _, to| s.put_text(to, "")),
        ("os.getenv", environment_call),
        ("os.path.abspath", same_text),
        ("os.path.basename", base_name),
        ("os.path.dirname", dir_name),
        ("os.path.expanduser", same_text),
        ("os.path.join", join_paths),
        ("os.path.normpath", same_text),
        ("os.path.realpath", same_text),
        ("pathlib.Path", join_paths),
        ("pathlib.Path.cwd", |s, _, _, to| s.put_text(to, "")),
        ("pathlib.PurePath", join_paths),
        ("pydantic.Field", made_by_default),
        ("sklearn.model_selection.train_test_split", parts_of_all),
        ("std.collections.BTreeMap.new", new_mapping),
        ("std.collections.BTreeSet.new", new_list),
        ("std.collections.BinaryHeap.new", new_list),
        ("std.collections.HashMap.new", new_mapping),
        ("std.collections.HashMap.with_capacity", new_mapping),
        ("std.collections.HashSet.new", new_list),
        ("std.collections.HashSet.with_capacity", new_list),
        ("std.collections.VecDeque.new", new_list),
        ("std.collections.VecDeque.with_capacity", new_list),
        ("std.env.var", environment_call),
        ("std.env.var_os", environment_call),
        ("std.vec.Vec.from", copy_container),
        ("std.vec.Vec.new", new_list),
        ("std.vec.Vec.with_capacity", new_list),
        ("toml.load", read_config),
        ("tomllib.load", read_config),
        ("typing.cast", |s, _, args, to| {
            let value = argument(s, args, Some(1), Some("val"));
            s.edge(value, to);
        }),
        ("yaml.full_load", read_config),
        ("yaml.load", read_config),
        ("yaml.safe_load", read_config),
    ];
    table.iter().copied().collect()
});

/// Decorators that give back the function they were given, whatever else.
const WRAPPERS: &[&str] = &[
    "functools.wraps",
    "functools.lru_cache",
    "functools.cache",
    "functools.update_wrapper",
    "functools.singledispatch",
    "functools.total_ordering",
    "contextlib.contextmanager",
    "contextlib.asynccontextmanager",
    "abc.abstractmethod",
    "typing.overload",
    "dataclasses.dataclass",
    "typing.final",
];

// ---- attributes

/// A member of a library's module or class.
pub(super) fn load_external(solver: &mut Solver<'_>, path: &str, dst: Node) {
    let canonical = solver.catalog.canonical(path).into_owned();
    if is_environment(&canonical) {
        solver.put_external(dst, "os.environ");
        return;
    }
    solver.put_external(dst, &canonical);
}

/// A member of an instance of a library's type: an attribute whose type the
/// catalog tells, or a method.
pub(super) fn load_member(
    solver: &mut Solver<'_>,
    path: &str,
    name: &str,
    dst: Node,
    receiver: ValueId,
) {
    if root::is_of(solver, receiver, path) {
        root::method(solver, receiver, path, name, dst);
        return;
    }
    if let Some(ty) = solver.catalog.attribute(path, name).cloned() {
        let ty = if ty == "self" { path.into() } else { ty };
        solver.put_object(dst, &ty);
        return;
    }
    let path = format!("{path}.{name}");
    let sym = solver.symbols.intern(&path);
    match solver.get(receiver) {
        Value::Instance(_) => {
            solver.put(dst, Value::Inherited(sym, receiver));
        }
        _ => {
            solver.receivers.entry(sym).or_insert(receiver);
            solver.put_external(dst, &path);
        }
    }
}

/// Calls a library's method on an instance of a class of the tree that
/// inherits it; such a method may call back methods of the class.
pub(super) fn call_inherited(
    solver: &mut Solver<'_>,
    path: Sym,
    receiver: ValueId,
    at: At,
    args: &[SiteArg],
    result: Node,
) {
    let path = solver.symbols.text(path).clone();
    if root::has(solver, at, &path) {
        return root::call(solver, &path, receiver, at, args, result);
    }
    call_path(solver, &path, at, args, result, false, Some(receiver));
    let Value::Instance(class) = *solver.get(receiver) else {
        return;
    };
    let invoked = solver
        .catalog
        .call(&path)
        .map(|entry| entry.invokes.clone());
    for name in invoked.into_iter().flatten() {
        if let Some(func) = classes::method(solver, class, &name) {
            let inst = classes::method_instance(solver, func);
            super::bind::invoke(solver, inst, Some(receiver), at, args, result);
        }
    }
}

/// A member of a text, which is also what paths are.
pub(super) fn load_text(solver: &mut Solver<'_>, value: ValueId, name: Sym, dst: Node) {
    let name = solver.symbols.text(name).clone();
    classes::path_part(solver, value, &name, dst);
    let path = match name.as_str() {
        "read_text" | "write_text" | "read_bytes" | "write_bytes" | "open" | "mkdir" | "unlink"
        | "exists" | "glob" | "rglob" | "iterdir" | "is_file" | "is_dir" | "touch" | "rename"
        | "parent" | "stat" | "rmdir" => format!("pathlib.Path.{name}"),
        _ => format!("builtins.str.{name}"),
    };
    if !matches!(name.as_str(), "parent" | "name" | "stem" | "suffix") {
        solver.put_external(dst, &path);
    }
}

/// An item of an instance of a library's type.
pub(super) fn load_element(solver: &mut Solver<'_>, path: &str, key: ItemKey, dst: Node) {
    // A key that is computed may be a list of names or a mask: a part of the
    // thing, of the same type.
    if matches!(key, ItemKey::Node(_)) {
        solver.put_object(dst, path);
    }
    let ancestors = solver.catalog.ancestors(path);
    let item = ancestors
        .iter()
        .find_map(|ty| solver.catalog.ty(ty).and_then(|ty| ty.item.clone()));
    match item {
        Some(item) if item == "self" => solver.put_object(dst, path),
        Some(item) => solver.put_object(dst, &item),
        None => {}
    }
}

pub(super) fn is_environment(path: &str) -> bool {
    path == "os.environ"
}

/// `os.environ[key]`: what is set there nobody knows, so it is its name.
pub(super) fn environment(solver: &mut Solver<'_>, key: ItemKey, dst: Node) {
    if let ItemKey::Known(ElemKey::Text(name)) = key {
        let text = format!("{{{}}}", solver.text(name));
        solver.put_text(dst, &text);
    }
}

// ---- calls

/// Calls something of a library.
pub(super) fn call_external(
    solver: &mut Solver<'_>,
    path: Sym,
    at: At,
    args: &[SiteArg],
    result: Node,
    decorates: bool,
) {
    let path = solver.symbols.text(path).clone();
    let receiver = solver
        .symbols
        .get(&path)
        .and_then(|sym| solver.receivers.get(&sym).copied());
    call_path(solver, &path, at, args, result, decorates, receiver);
}

/// Calls a member of a library's instance.
pub(super) fn call_object(
    solver: &mut Solver<'_>,
    path: &str,
    at: At,
    args: &[SiteArg],
    result: Node,
    decorates: bool,
) {
    call_path(solver, path, at, args, result, decorates, None);
}

fn call_path(
    solver: &mut Solver<'_>,
    path: &str,
    at: At,
    args: &[SiteArg],
    result: Node,
    decorates: bool,
    receiver: Option<ValueId>,
) {
    classes::record_external(solver, at, path);
    if let Some(meaning) = MEANINGS.get(path) {
        meaning(solver, at, args, result);
        if path != "builtins.open" {
            return;
        }
    }
    if WRAPPERS.contains(&path) {
        // `wraps(f)` is about `f` but gives something else.
        if path != "functools.wraps" && path != "functools.update_wrapper" {
            pass_callables(solver, args, result);
        }
        // `wraps(f)` gives a decorator that gives back what it decorates.
        let same = format!("{path}()");
        solver.put_external(result, &same);
        return;
    }
    if decorates || path.ends_with("()") {
        pass_callables(solver, args, result);
    }
    let entry = solver.catalog.call(path).cloned();
    match &entry {
        Some(entry) => {
            for argument_ref in &entry.calls {
                let function = argument_of(solver, args, argument_ref);
                let passed = callback_args(solver, args, argument_ref, receiver);
                let called = match entry.returns.as_deref() {
                    Some("callback") => result,
                    _ => EMPTY,
                };
                hand_over(solver, function, at, &passed, called);
            }
            for argument_ref in &entry.registers {
                let function = argument_of(solver, args, argument_ref);
                let entry_point = (at, function);
                solver.registered.push(entry_point);
            }
            let constructs = entry.returns.as_deref() == Some(path);
            if let Some(returns) = entry.returns.clone().filter(|_| !constructs) {
                give(solver, &returns, receiver, args, result);
                return;
            }
        }
        None => {
            // A function handed to a library nobody knows is taken to be
            // called by it.
            if !decorates {
                for arg in args {
                    solver.on(arg.node, Use::Handed { at });
                }
            }
        }
    }
    default_result(solver, path, at, result);
}

/// Without word of what it returns: a class gives an instance of itself, and
/// anything else something that is called after it.
fn default_result(solver: &mut Solver<'_>, path: &str, at: At, result: Node) {
    let name = path.rsplit('.').next().unwrap_or(path);
    let is_class = name.starts_with(|first: char| first.is_uppercase());
    if path.starts_with("builtins.") {
        return;
    }
    if let Some(made) =
        constructed(path).filter(|_| solver.modules.facts(at.file).rules.root.is_some())
    {
        let sym = solver.symbols.intern(made);
        solver.put(result, Value::Object(sym, Some((at.file, at.expr))));
        return;
    }
    if is_class {
        let sym = solver.symbols.intern(path);
        solver.put(result, Value::Object(sym, Some((at.file, at.expr))));
    } else if solver.catalog.call(path).is_none() {
        solver.put_external(result, path);
    }
}

/// What an associated function that is called like a constructor makes.
fn constructed(path: &str) -> Option<&str> {
    let (owner, name) = path.rsplit_once('.')?;
    let ty = owner.rsplit('.').next().unwrap_or(owner);
    let by_name = matches!(
        name,
        "new" | "default" | "build" | "connect" | "create" | "open"
    ) || ["new_", "from_", "try_new", "with_"]
        .iter()
        .any(|start| name.starts_with(start))
        || name == "from";
    (ty.starts_with(char::is_uppercase) && by_name).then_some(owner)
}

/// `returns` of the catalog as a value.
pub(super) fn give(
    solver: &mut Solver<'_>,
    returns: &str,
    receiver: Option<ValueId>,
    args: &[SiteArg],
    result: Node,
) {
    if returns == "callback" {
        return;
    }
    if returns == "self" {
        if let Some(receiver) = receiver {
            solver.add(result, receiver);
        }
        return;
    }
    if let Some(position) = returns.strip_prefix("argument ") {
        if let Ok(position) = position.parse() {
            let node = argument(solver, args, Some(position), None);
            solver.edge(node, result);
        }
        return;
    }
    solver.put_object(result, returns);
}

/// A library class stands at the base of the class being constructed.
pub(super) fn construct_base(solver: &mut Solver<'_>, base: &str, at: At) {
    if solver.catalog.call(base).is_some() {
        classes::record_external(solver, at, base);
    }
}

pub(super) fn argument_of(solver: &Solver<'_>, args: &[SiteArg], which: &ArgumentRef) -> Node {
    let position = which.position.map(|position| position as usize);
    argument(solver, args, position, which.argument.as_deref())
}

/// What a library passes to a function handed to it: the elements of its
/// other arguments, or the receiver.
fn callback_args(
    solver: &mut Solver<'_>,
    args: &[SiteArg],
    function: &ArgumentRef,
    receiver: Option<ValueId>,
) -> Vec<Node> {
    let own = argument_of(solver, args, function);
    let mut passed: Vec<Node> = Vec::new();
    if let Some(receiver) = receiver {
        let node = solver.fresh();
        solver.add(node, receiver);
        passed.push(node);
    }
    let others = args
        .iter()
        .filter(|arg| arg.node != own && arg.kind == ArgKind::Positional);
    passed.extend(others.map(|arg| arg.node));
    passed
}

/// `function` is called with `args` by the call at `at`.
pub(super) fn hand_over(
    solver: &mut Solver<'_>,
    function: Node,
    at: At,
    args: &[Node],
    result: Node,
) {
    let args = args.into();
    solver.on(function, Use::Callback { at, args, result });
}

/// A callable reached a place that calls it.
pub(super) fn call_back(
    solver: &mut Solver<'_>,
    value: ValueId,
    at: At,
    args: &[Node],
    result: Node,
) {
    match solver.get(value) {
        Value::Function(_)
        | Value::Static(_)
        | Value::Bound(..)
        | Value::Class(_)
        | Value::Inherited(..)
        | Value::Partial(_) => {}
        Value::Instance(class) if classes::method(solver, *class, "__call__").is_some() => {}
        Value::External(path) => {
            // `map(str, xs)` calls a library; that is no news but its result.
            let path = solver.symbols.text(*path).clone();
            call_path(solver, &path, at, &by_position(args), result, false, None);
            return;
        }
        _ => return,
    }
    call_value(solver, value, at, &by_position(args), result, false);
}

/// A value was handed to a library of which nothing is known.
pub(super) fn handed(solver: &mut Solver<'_>, value: ValueId, at: At) {
    let is_callable = matches!(
        solver.get(value),
        Value::Function(_) | Value::Bound(..) | Value::Static(_) | Value::Partial(_)
    );
    if is_callable {
        let result = solver.fresh();
        let before = solver.phase;
        solver.phase = before.min(super::solve::Certainty::Inferred);
        call_value(solver, value, at, &[], result, false);
        solver.phase = before;
    }
}

/// A decorator that nothing resolves is taken to give back the function.
pub(super) fn pass_undecided_decorators(solver: &mut Solver<'_>) {
    for idx in 0..solver.sites.len() {
        let site = &solver.sites[idx];
        if site.decorates && (site.callee == EMPTY || solver.is_unknown(site.callee)) {
            let (from, to) = (site.args[0].node, site.result);
            solver.edge(from, to);
        }
    }
}

/// Functions given to a method of something that nothing types are taken to be
/// called by it, where a language's own methods do that.
pub(super) fn hand_to_unknown(solver: &mut Solver<'_>) {
    for idx in 0..solver.sites.len() {
        let site = solver.sites[idx].clone();
        let unknown = site.callee == EMPTY || solver.is_unknown(site.callee);
        if unknown && solver.modules.facts(site.at.file).rules.root.is_some() {
            for arg in site.args.iter() {
                solver.on(arg.node, Use::Handed { at: site.at });
            }
        }
    }
}

// ---- meanings

fn pass_on(solver: &mut Solver<'_>, args: &[SiteArg], result: Node) {
    let value = argument(solver, args, Some(0), None);
    solver.edge(value, result);
}

fn pass_callables(solver: &mut Solver<'_>, args: &[SiteArg], result: Node) {
    let value = argument(solver, args, Some(0), None);
    solver.edge(value, result);
}

fn wrap(
    solver: &mut Solver<'_>,
    args: &[SiteArg],
    result: Node,
    make: fn(super::values::InstId) -> Value,
) {
    let value = argument(solver, args, Some(0), Some("fget"));
    for value in solver.set(value).to_vec() {
        if let Value::Function(inst) = *solver.get(value) {
            solver.put(result, make(inst));
        }
    }
}

/// A fresh list of everything that iterating `from` gives.
fn list_of(solver: &mut Solver<'_>, at: At, part: u32, from: Node, result: Node) -> Node {
    let alloc = solver.alloc(at, part, ContainerKind::List);
    let any = solver.elem(alloc, ElemKey::Any);
    solver.on(from, Use::Elements { dst: any, at });
    solver.put(result, Value::Container(alloc));
    any
}

fn copy_container(solver: &mut Solver<'_>, at: At, args: &[SiteArg], result: Node) {
    let from = argument(solver, args, Some(0), None);
    let is_dict = args.iter().any(|arg| arg.kind == ArgKind::Named);
    let kind = if is_dict {
        ContainerKind::Dict
    } else {
        ContainerKind::List
    };
    let alloc = solver.alloc(at, 4, kind);
    for arg in args {
        if let Some(name) = arg.name {
            let elem = solver.elem(alloc, ElemKey::Text(name));
            solver.edge(arg.node, elem);
        }
    }
    let container = solver.value(Value::Container(alloc));
    solver.on(
        from,
        Use::CopyInto {
            into: container,
            at,
        },
    );
    solver.put(result, Value::Container(alloc));
}

fn new_list(solver: &mut Solver<'_>, at: At, _: &[SiteArg], result: Node) {
    let alloc = solver.alloc(at, 4, ContainerKind::List);
    solver.put(result, Value::Container(alloc));
}

fn new_mapping(solver: &mut Solver<'_>, at: At, _: &[SiteArg], result: Node) {
    let alloc = solver.alloc(at, 4, ContainerKind::Dict);
    solver.put(result, Value::Container(alloc));
}

fn enumerate(solver: &mut Solver<'_>, at: At, args: &[SiteArg], result: Node) {
    let from = argument(solver, args, Some(0), None);
    let pair = solver.alloc(at, 5, ContainerKind::Tuple);
    let value = solver.elem(pair, ElemKey::Number(1));
    solver.on(from, Use::Elements { dst: value, at });
    let pairs = solver.alloc(at, 6, ContainerKind::List);
    let any = solver.elem(pairs, ElemKey::Any);
    solver.put(any, Value::Container(pair));
    solver.put(result, Value::Container(pairs));
}

fn zip(solver: &mut Solver<'_>, at: At, args: &[SiteArg], result: Node) {
    let pair = solver.alloc(at, 5, ContainerKind::Tuple);
    for (position, arg) in args.iter().enumerate() {
        let value = solver.elem(pair, ElemKey::Number(position as i64));
        solver.on(arg.node, Use::Elements { dst: value, at });
    }
    let pairs = solver.alloc(at, 6, ContainerKind::List);
    let any = solver.elem(pairs, ElemKey::Any);
    solver.put(any, Value::Container(pair));
    solver.put(result, Value::Container(pairs));
}

fn chain(solver: &mut Solver<'_>, at: At, args: &[SiteArg], result: Node) {
    let alloc = solver.alloc(at, 7, ContainerKind::List);
    let any = solver.elem(alloc, ElemKey::Any);
    for arg in args {
        solver.on(arg.node, Use::Elements { dst: any, at });
    }
    solver.put(result, Value::Container(alloc));
}

fn map(solver: &mut Solver<'_>, at: At, args: &[SiteArg], result: Node) {
    let function = argument(solver, args, Some(0), None);
    let mut passed = Vec::new();
    for arg in args.iter().skip(1) {
        let element = solver.fresh();
        solver.on(arg.node, Use::Elements { dst: element, at });
        passed.push(element);
    }
    let alloc = solver.alloc(at, 7, ContainerKind::List);
    let any = solver.elem(alloc, ElemKey::Any);
    hand_over(solver, function, at, &passed, any);
    solver.put(result, Value::Container(alloc));
}

fn filter(solver: &mut Solver<'_>, at: At, args: &[SiteArg], result: Node) {
    let function = argument(solver, args, Some(0), None);
    let from = argument(solver, args, Some(1), None);
    let any = list_of(solver, at, 7, from, result);
    hand_over(solver, function, at, &[any], EMPTY);
}

fn sorted(solver: &mut Solver<'_>, at: At, args: &[SiteArg], result: Node) {
    let from = argument(solver, args, Some(0), None);
    let any = list_of(solver, at, 7, from, result);
    let key = argument(solver, args, None, Some("key"));
    hand_over(solver, key, at, &[any], EMPTY);
}

fn pick(solver: &mut Solver<'_>, at: At, args: &[SiteArg], result: Node) {
    let from = argument(solver, args, Some(0), None);
    solver.on(from, Use::Elements { dst: result, at });
    let key = argument(solver, args, None, Some("key"));
    hand_over(solver, key, at, &[result], EMPTY);
}

fn reduce(solver: &mut Solver<'_>, at: At, args: &[SiteArg], result: Node) {
    let function = argument(solver, args, Some(0), None);
    let from = argument(solver, args, Some(1), None);
    let element = solver.fresh();
    solver.on(from, Use::Elements { dst: element, at });
    let initial = argument(solver, args, Some(2), None);
    solver.edge(initial, result);
    solver.edge(element, result);
    hand_over(solver, function, at, &[result, element], result);
}

/// Parts of each argument, in a list: `train_test_split(a, b)`.
fn parts_of_all(solver: &mut Solver<'_>, at: At, args: &[SiteArg], result: Node) {
    let parts = solver.alloc(at, 7, ContainerKind::List);
    for (position, arg) in args
        .iter()
        .filter(|arg| arg.kind == ArgKind::Positional)
        .enumerate()
    {
        for part in 0..2 {
            let key = ElemKey::Number((2 * position + part) as i64);
            let elem = solver.elem(parts, key);
            solver.edge(arg.node, elem);
        }
    }
    solver.put(result, Value::Container(parts));
}

fn drain(solver: &mut Solver<'_>, at: At, args: &[SiteArg]) {
    let from = argument(solver, args, Some(0), None);
    let dst = solver.fresh();
    solver.on(from, Use::Elements { dst, at });
}

fn iterate(solver: &mut Solver<'_>, at: At, args: &[SiteArg], result: Node) {
    let from = argument(solver, args, Some(0), None);
    protocol(solver, at, args, "__iter__", result);
    let elements = solver.fresh();
    solver.on(from, Use::NotInstance { dst: elements });
    list_of(solver, at, 7, elements, result);
}

fn next(solver: &mut Solver<'_>, at: At, args: &[SiteArg], result: Node) {
    let from = argument(solver, args, Some(0), None);
    solver.on(from, Use::Next { dst: result, at });
    let default = argument(solver, args, Some(1), None);
    solver.edge(default, result);
}

fn protocol(solver: &mut Solver<'_>, at: At, args: &[SiteArg], method: &str, result: Node) {
    let value = argument(solver, args, Some(0), None);
    let method = solver.symbols.intern(method);
    solver.on(
        value,
        Use::Operator {
            method,
            dst: result,
            at,
            arg: None,
        },
    );
}

fn to_text(solver: &mut Solver<'_>, at: At, args: &[SiteArg], result: Node) {
    protocol(solver, at, args, "__str__", EMPTY);
    same_text(solver, at, args, result);
}

fn type_of(solver: &mut Solver<'_>, _: At, args: &[SiteArg], result: Node) {
    let value = argument(solver, args, Some(0), None);
    solver.on(value, Use::ClassOf { dst: result });
}

fn get_attribute(solver: &mut Solver<'_>, at: At, args: &[SiteArg], result: Node) {
    let object = argument(solver, args, Some(0), None);
    let name = argument(solver, args, Some(1), None);
    for name in solver.texts(name) {
        solver.on(
            object,
            Use::Load {
                name,
                dst: result,
                at,
            },
        );
    }
    let default = argument(solver, args, Some(2), None);
    solver.edge(default, result);
}

fn set_attribute(solver: &mut Solver<'_>, at: At, args: &[SiteArg], _: Node) {
    let object = argument(solver, args, Some(0), None);
    let name = argument(solver, args, Some(1), None);
    let src = argument(solver, args, Some(2), None);
    for name in solver.texts(name) {
        solver.on(object, Use::Store { name, src, at });
    }
}

fn import_module(solver: &mut Solver<'_>, at: At, args: &[SiteArg], result: Node) {
    let name = argument(solver, args, Some(0), Some("name"));
    for name in solver.texts(name) {
        let path = solver.symbols.text(name).clone();
        match solver.modules.absolute(at.file, &path) {
            Some(module) => {
                solver.put(result, Value::Module(module));
            }
            None => solver.put_external(result, &path),
        }
    }
}

fn open(solver: &mut Solver<'_>, _: At, args: &[SiteArg], result: Node) {
    let path = argument(solver, args, Some(0), Some("file"));
    solver.on(path, Use::Opened { dst: result });
}

fn read_config(solver: &mut Solver<'_>, _: At, args: &[SiteArg], result: Node) {
    let handle = argument(solver, args, Some(0), None);
    solver.on(handle, Use::Document { dst: result });
}

fn environment_call(solver: &mut Solver<'_>, _: At, args: &[SiteArg], result: Node) {
    let name = argument(solver, args, Some(0), Some("key"));
    for name in solver.texts(name) {
        let text = format!("{{{}}}", solver.text(name));
        solver.put_text(result, &text);
    }
}

/// A field's default, or what its factory makes: the same for every instance.
fn made_by_default(solver: &mut Solver<'_>, at: At, args: &[SiteArg], result: Node) {
    for name in ["default_factory", "factory"] {
        let factory = argument(solver, args, None, Some(name));
        hand_over(solver, factory, at, &[], result);
        // `dict` and `list` are no functions of the tree.
        for value in solver.set(factory).to_vec() {
            let Value::External(path) = *solver.get(value) else {
                continue;
            };
            let kind = match solver.text(path) {
                "builtins.dict" | "collections.OrderedDict" | "collections.defaultdict" => {
                    ContainerKind::Dict
                }
                "builtins.list" => ContainerKind::List,
                "builtins.set" => ContainerKind::Set,
                _ => continue,
            };
            let alloc = solver.alloc(at, 0, kind);
            solver.put(result, Value::Container(alloc));
        }
    }
    let default = argument(solver, args, Some(0), Some("default"));
    solver.edge(default, result);
}

fn join_paths(solver: &mut Solver<'_>, _: At, args: &[SiteArg], result: Node) {
    let inputs: Vec<Node> = args.iter().map(|arg| arg.node).collect();
    let holes = inputs.iter().map(|_| "{}".into()).collect();
    text::add(solver, TextOp::path(inputs, holes), result);
}

fn same_text(solver: &mut Solver<'_>, _: At, args: &[SiteArg], result: Node) {
    let input = argument(solver, args, Some(0), None);
    text::add(solver, TextOp::same(input), result);
}

fn dir_name(solver: &mut Solver<'_>, _: At, args: &[SiteArg], result: Node) {
    let input = argument(solver, args, Some(0), None);
    text::add(solver, TextOp::parent(input), result);
}

fn base_name(solver: &mut Solver<'_>, _: At, args: &[SiteArg], result: Node) {
    let input = argument(solver, args, Some(0), None);
    text::add(solver, TextOp::name(input), result);
}

/// `list(value)`, `dict(value)`: the copy holds what the original holds.
pub(super) fn copy_into(solver: &mut Solver<'_>, value: ValueId, into: ValueId, at: At) {
    let Value::Container(into) = *solver.get(into) else {
        return;
    };
    match solver.get(value).clone() {
        Value::Container(from) => {
            let kind = solver.allocs[from.0 as usize].kind;
            if kind == ContainerKind::Dict {
                let any = solver.elem(into, ElemKey::Any);
                let keys = solver.elem(from, ElemKey::Keys);
                solver.edge(keys, any);
            }
            solver.copy(from, into);
        }
        _ => {
            let any = solver.elem(into, ElemKey::Any);
            containers::elements(solver, value, any, at);
        }
    }
}

/// The document that a handle or path opens, when the tree has it.
pub(super) fn document(solver: &mut Solver<'_>, value: ValueId, dst: Node) {
    if let Value::Handle(path) | Value::Text(path) = *solver.get(value) {
        let path = solver.symbols.text(path).clone();
        if let Some(root) = solver.configs.root(&path) {
            solver.config_of(root, dst);
        }
    }
}
