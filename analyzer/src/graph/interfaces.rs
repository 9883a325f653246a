//! Interfaces and extensions: methods that others define, and what stands in
//! for a value of which only a bound is known.
//!
//! A value declared as an interface (`dyn Trait`) may be of any type that
//! implements it. One declared by a bound (`T: Trait`, `impl Trait`) is what
//! callers pass; only where nobody is seen to pass anything, it is any of
//! these types too.

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::program::{Class, ClassId, FuncId};
use super::solve::{At, Certainty, Node, Part, SiteArg, Solver, Use};
use super::values::{ContainerKind, InstId, Sym, Value, ValueId};
use super::{bind, classes};
use crate::modules::{FileId, Symbol};
use crate::syntax::facts::{ClassForm, ExprId, ExprKind, ParamKind, ScopeId};

/// More implementers than this are not told apart.
const MAX_IMPLEMENTERS: usize = 64;

/// Functions like Rust's `From::from`, by what they take: a type of the tree,
/// or a library's by name.
#[derive(Debug, Default)]
pub(crate) struct Conversions {
    of_class: FxHashMap<ClassId, Vec<FuncId>>,
    of_library: FxHashMap<SmolStr, Vec<FuncId>>,
}

/// Interfaces of a library whose one function makes a value of another.
const CONVERSIONS: &[(&str, &str)] = &[
    ("std.convert.From", "from"),
    ("std.convert.TryFrom", "try_from"),
];

pub(super) fn is_interface(solver: &Solver<'_>, class: ClassId) -> bool {
    solver.program.class(class).form == ClassForm::Interface
}

pub(super) fn is_of_interface(solver: &Solver<'_>, value: ValueId) -> bool {
    matches!(*solver.get(value), Value::Class(class) if is_interface(solver, class))
}

/// Loads `name` from each type that implements the interface `class`; false if
/// none does.
pub(super) fn load(
    solver: &mut Solver<'_>,
    class: ClassId,
    name: Sym,
    dst: Node,
    at: At,
    part: Part,
) -> bool {
    let implementers = implementers(solver, class);
    for implementer in &implementers {
        let value = solver.value(Value::Instance(*implementer));
        classes::load_part(solver, value, name, dst, at, part);
    }
    !implementers.is_empty()
}

fn implementers(solver: &Solver<'_>, class: ClassId) -> Vec<ClassId> {
    let mut found = solver.program.implementers(class);
    found.truncate(MAX_IMPLEMENTERS);
    found
}

/// A value of a bounded type: one of the interface waits for what callers say.
pub(super) fn some_of(solver: &mut Solver<'_>, value: ValueId, dst: Node, inst: InstId) {
    match *solver.get(value) {
        Value::Instance(class) if is_interface(solver, class) => {
            solver.fallbacks.push((dst, value, inst));
        }
        _ => solver.add(dst, value),
    }
}

/// What no caller has told is what its bound says.
pub(super) fn fall_back(solver: &mut Solver<'_>) {
    for (node, value, inst) in std::mem::take(&mut solver.fallbacks) {
        let func = solver.func_of(inst);
        // Called through instances of its own, this one serves nobody.
        let serves = solver.inst(inst).site.is_some() || !solver.has_instances(func);
        if serves && solver.set(node).is_empty() {
            solver.add(node, value);
        }
    }
}

/// `Type` seen through an interface: the extension that implements it there,
/// or the type itself.
pub(super) fn seen_through(solver: &mut Solver<'_>, base: ValueId, interface: ValueId, dst: Node) {
    let of = match *solver.get(base) {
        Value::Class(class) => class,
        _ => return,
    };
    let through = match *solver.get(interface) {
        Value::Class(through) if is_interface(solver, through) => through,
        _ => {
            solver.add(dst, base);
            return;
        }
    };
    let bases = solver.program.class(of).bases.clone();
    let implements = |base: &ClassId| {
        let base = solver.program.class(*base);
        matches!(base.form, ClassForm::Extension(_)) && base.bases.contains(&through)
    };
    let found: Vec<ClassId> = bases.into_iter().filter(implements).collect();
    if found.is_empty() {
        solver.add(dst, base);
    }
    for extension in found {
        solver.put(dst, Value::Class(extension));
    }
}

/// The function of `inst` is declared by an interface, which does not run
/// itself when it is called by the interface's name.
pub(super) fn declares(solver: &Solver<'_>, inst: InstId) -> bool {
    let class = solver.program.function(solver.func_of(inst)).class;
    class.is_some_and(|class| is_interface(solver, class))
}

/// `Interface::method(args)`.
pub(super) fn call_declared(
    solver: &mut Solver<'_>,
    inst: InstId,
    at: At,
    args: &[SiteArg],
    result: Node,
) {
    let function = solver.program.function(solver.func_of(inst)).clone();
    let facts = solver.modules.facts(function.file);
    let first = facts.scope(function.scope).params.first();
    let has_receiver = first.is_some_and(|param| param.kind == ParamKind::Receiver);
    match args.first() {
        Some(receiver) if has_receiver => {
            let used = Use::Dispatch {
                inst,
                at,
                args: args.into(),
                result,
            };
            solver.on(receiver.node, used);
        }
        _ => {
            let Some(interface) = function.class else {
                return;
            };
            let before = solver.phase;
            solver.phase = before.min(Certainty::Inferred);
            invoke_all(solver, inst, interface, at, args, result);
            solver.phase = before;
        }
    }
}

/// The receiver `value` arrived at a call of an interface's method.
pub(super) fn dispatch(
    solver: &mut Solver<'_>,
    inst: InstId,
    value: ValueId,
    at: At,
    args: &[SiteArg],
    result: Node,
) {
    let Some(interface) = solver.program.function(solver.func_of(inst)).class else {
        return;
    };
    let class = match *solver.get(value) {
        Value::Instance(class) | Value::Class(class) => class,
        _ => return,
    };
    if is_interface(solver, class) {
        return invoke_all(solver, inst, class, at, args, result);
    }
    let view = view(solver, class, interface);
    invoke_in(solver, inst, view, at, args, result);
}

/// The extension through which `class` implements `interface`, or `class`.
fn view(solver: &Solver<'_>, class: ClassId, interface: ClassId) -> ClassId {
    let program = &solver.program;
    let mut bases = program.class(class).mro.iter();
    let implements = |base: &&ClassId| {
        let base = program.class(**base);
        matches!(base.form, ClassForm::Extension(_)) && base.bases.contains(&interface)
    };
    bases.find(implements).copied().unwrap_or(class)
}

fn invoke_all(
    solver: &mut Solver<'_>,
    inst: InstId,
    interface: ClassId,
    at: At,
    args: &[SiteArg],
    result: Node,
) {
    let implementers = implementers(solver, interface);
    if implementers.is_empty() {
        return bind::invoke(solver, inst, None, at, args, result);
    }
    for implementer in implementers {
        let view = view(solver, implementer, interface);
        invoke_in(solver, inst, view, at, args, result);
    }
}

fn invoke_in(
    solver: &mut Solver<'_>,
    declared: InstId,
    class: ClassId,
    at: At,
    args: &[SiteArg],
    result: Node,
) {
    let function = solver.program.function(solver.func_of(declared)).clone();
    let name = solver
        .modules
        .facts(function.file)
        .scope(function.scope)
        .name
        .clone();
    let inst = match classes::method(solver, class, &name) {
        Some(func) => classes::method_instance(solver, func),
        None => declared,
    };
    bind::invoke(solver, inst, None, at, args, result);
}

/// Methods that extensions of a library's type give its values.
pub(super) fn load_extension(
    solver: &mut Solver<'_>,
    value: ValueId,
    name: Sym,
    dst: Node,
    at: At,
) -> bool {
    let Some(root) = solver.modules.facts(at.file).rules.root else {
        return false;
    };
    if solver.program.extensions.is_empty() {
        return false;
    }
    let mut types: Vec<SmolStr> = match solver.get(value) {
        Value::Object(path, _) => {
            let path = solver.symbols.text(*path).clone();
            solver.catalog.ancestors(&path)
        }
        Value::Container(alloc) => match solver.allocs[alloc.0 as usize].kind {
            ContainerKind::Dict => vec!["std.collections.HashMap".into()],
            _ => vec!["std.vec.Vec".into(), "builtins.list".into()],
        },
        Value::Text(_) => vec!["std.string.String".into(), "std.path.Path".into()],
        _ => Vec::new(),
    };
    types.push(root.into());
    let text = solver.symbols.text(name).clone();
    let extensions: Vec<ClassId> = types
        .iter()
        .filter_map(|ty| solver.program.extensions.get(ty))
        .flatten()
        .copied()
        .collect();
    let mut any = false;
    for extension in extensions {
        if let Some(func) = classes::method(solver, extension, &text) {
            let inst = classes::method_instance(solver, func);
            solver.put(dst, Value::Bound(inst, value));
            any = true;
        }
    }
    any
}

/// `value.into()`: the functions that take a value of its type and make
/// another; false if there is none.
pub(super) fn convert(solver: &mut Solver<'_>, value: ValueId, at: At, result: Node) -> bool {
    let conversions = match &solver.conversions {
        Some(conversions) => conversions.clone(),
        None => {
            let conversions = std::rc::Rc::new(find_conversions(solver));
            solver.conversions.insert(conversions).clone()
        }
    };
    let funcs = match solver.get(value) {
        Value::Instance(class) | Value::Class(class) => conversions.of_class.get(class),
        // What the standard library has is converted to too much to tell.
        Value::Object(path, _) if !solver.text(*path).starts_with("std.") => {
            conversions.of_library.get(solver.text(*path))
        }
        _ => None,
    };
    let Some(funcs) = funcs else { return false };
    let node = solver.fresh();
    solver.add(node, value);
    for func in funcs {
        let inst = classes::method_instance(solver, *func);
        let args = bind::by_position(&[node]);
        bind::invoke(solver, inst, None, at, &args, result);
    }
    true
}

/// The type of the tree whose errors `func` gives.
pub(super) fn error_of(solver: &Solver<'_>, func: FuncId) -> Option<ClassId> {
    let function = solver.program.function(func);
    let facts = solver.modules.facts(function.file);
    let returns = facts.scope(function.scope).returns?;
    let around = facts
        .scope(function.scope)
        .parent
        .unwrap_or(ScopeId::MODULE);
    error_type(solver, function.file, around, returns, 0)
}

fn error_type(
    solver: &Solver<'_>,
    file: FileId,
    around: ScopeId,
    returns: ExprId,
    depth: u32,
) -> Option<ClassId> {
    let facts = solver.modules.facts(file);
    let (base, index) = match &facts.expr(returns).kind {
        ExprKind::Item { base, index } => (*base, Some(*index)),
        _ => (returns, None),
    };
    if let Some(index) = index
        && let ExprKind::Tuple(parts) = &facts.expr(index).kind
    {
        let error = parts.last().and_then(|error| facts.dotted(*error))?;
        return match solver.modules.symbol(file, around, &error)? {
            Symbol::Scope(file, scope) => solver.program.class_at(file, scope),
            _ => None,
        };
    }
    // `type Result<T> = std::result::Result<T, Error>`
    let path = facts.dotted(base)?;
    let Symbol::Variable(file, name) = solver.modules.symbol(file, around, &path)? else {
        return None;
    };
    let aliased = solver.modules.assigned(file, &name).filter(|_| depth < 4)?;
    error_type(solver, file, ScopeId::MODULE, aliased, depth + 1)
}

/// `value` is called by `x?` in a function that gives errors of type `into`:
/// another type's error is converted.
pub(super) fn tried(solver: &mut Solver<'_>, value: ValueId, into: ClassId, at: At) {
    let path = match solver.get(value).clone() {
        Value::Function(inst) | Value::Bound(inst, _) | Value::Static(inst) => {
            let func = solver.func_of(inst);
            match error_of(solver, func) {
                Some(from) if from != into => return convert_from(solver, from, into, at),
                Some(_) => return,
                // A library's error, which only what takes anything is sure to take.
                None => return convert_any(solver, into, at),
            }
        }
        Value::External(path) => solver.symbols.text(path).clone(),
        _ => return,
    };
    let krate = path.split('.').next().unwrap_or(&path);
    let conversions: Vec<(FuncId, Option<SmolStr>)> = conversions_into(solver, into);
    let of_crate = |taken: &Option<SmolStr>| {
        let taken = taken.as_deref().unwrap_or_default();
        taken.split('.').next() == Some(krate) || (taken.starts_with("std.io") && krate == "tokio")
    };
    let of_crate: Vec<FuncId> = (conversions.iter())
        .filter(|(_, taken)| of_crate(taken))
        .map(|(func, _)| *func)
        .collect();
    // One that takes anything takes this.
    let open = conversions.iter().filter(|(_, taken)| taken.is_none());
    let chosen = match of_crate.is_empty() {
        true => open.map(|(func, _)| *func).collect(),
        false => of_crate,
    };
    call_conversions(solver, chosen, at);
}

fn convert_any(solver: &mut Solver<'_>, into: ClassId, at: At) {
    let conversions = conversions_into(solver, into).into_iter();
    let open = conversions.filter(|(_, taken)| taken.is_none());
    let chosen = open.map(|(func, _)| func).collect();
    call_conversions(solver, chosen, at);
}

fn convert_from(solver: &mut Solver<'_>, from: ClassId, into: ClassId, at: At) {
    let conversions = match &solver.conversions {
        Some(conversions) => conversions.clone(),
        None => {
            let conversions = std::rc::Rc::new(find_conversions(solver));
            solver.conversions.insert(conversions).clone()
        }
    };
    let funcs = conversions.of_class.get(&from).into_iter().flatten();
    let makes = |func: &&FuncId| {
        let class = solver.program.function(**func).class;
        class.is_some_and(|class| solver.program.subject(class) == into)
    };
    let chosen: Vec<FuncId> = funcs.filter(makes).copied().collect();
    call_conversions(solver, chosen, at);
}

fn call_conversions(solver: &mut Solver<'_>, funcs: Vec<FuncId>, at: At) {
    for func in funcs {
        let inst = classes::method_instance(solver, func);
        let dropped = solver.fresh();
        bind::invoke(solver, inst, None, at, &[], dropped);
    }
}

/// Functions that make a value of `into`, with the library type each takes;
/// without one where it takes anything.
fn conversions_into(solver: &Solver<'_>, into: ClassId) -> Vec<(FuncId, Option<SmolStr>)> {
    let mut found = Vec::new();
    for base in &solver.program.class(into).bases {
        let class = solver.program.class(*base);
        let converts = class
            .library_bases
            .iter()
            .any(|path| path == CONVERSIONS[0].0);
        let Some(func) = class.methods.get(CONVERSIONS[0].1).filter(|_| converts) else {
            continue;
        };
        match taken_type(solver, class) {
            Taken::Library(path) => found.push((*func, Some(path))),
            Taken::Anything => found.push((*func, None)),
            Taken::Class(_) | Taken::Unknown => {}
        }
    }
    found
}

/// What a conversion takes.
enum Taken {
    Class(ClassId),
    Library(SmolStr),
    Anything,
    Unknown,
}

fn taken_type(solver: &Solver<'_>, class: &Class) -> Taken {
    let facts = solver.modules.facts(class.file);
    let around = facts.scope(class.scope).parent.unwrap_or(ScopeId::MODULE);
    let mut bases = facts.scope(class.scope).bases.iter();
    let index = bases.find_map(|base| match &facts.expr(base.expr).kind {
        ExprKind::Item { index, .. } => Some(*index),
        _ => None,
    });
    let Some(index) = index else {
        return Taken::Unknown;
    };
    if let ExprKind::Item { base, .. } = &facts.expr(index).kind
        && facts.dotted(*base).as_deref() == Some("impl")
    {
        return Taken::Anything;
    }
    let path = facts.dotted(index);
    match path.and_then(|path| solver.modules.symbol(class.file, around, &path)) {
        Some(Symbol::Scope(file, scope)) => match solver.program.class_at(file, scope) {
            Some(class) => Taken::Class(class),
            None => Taken::Unknown,
        },
        Some(Symbol::External(path)) => Taken::Library(path),
        _ => Taken::Unknown,
    }
}

fn find_conversions(solver: &Solver<'_>) -> Conversions {
    let mut found = Conversions::default();
    for class in &solver.program.classes {
        let converts = |path: &SmolStr| CONVERSIONS.iter().find(|(name, _)| name == path);
        let Some((_, method)) = class.library_bases.iter().find_map(converts) else {
            continue;
        };
        let Some(func) = class.methods.get(*method) else {
            continue;
        };
        match taken_type(solver, class) {
            Taken::Class(class) => found.of_class.entry(class).or_default().push(*func),
            Taken::Library(path) => {
                let path = solver.catalog.canonical(&path).into_owned();
                found.of_library.entry(path.into()).or_default().push(*func);
            }
            Taken::Anything | Taken::Unknown => {}
        }
    }
    found
}

/// A value of a type with a destructor was made: it will be run.
pub(super) fn destroyed(solver: &mut Solver<'_>, class: ClassId, at: At) {
    let extensions = solver.program.class(class).bases.clone();
    for extension in extensions {
        let base = solver.program.class(extension);
        let drops = base.library_bases.iter().any(|path| path == "std.ops.Drop");
        let Some(func) = base.methods.get("drop").copied().filter(|_| drops) else {
            continue;
        };
        let before = solver.phase;
        solver.phase = before.min(Certainty::Inferred);
        let inst = classes::method_instance(solver, func);
        let value = solver.value(Value::Instance(class));
        let dropped = solver.fresh();
        bind::invoke(solver, inst, Some(value), at, &[], dropped);
        solver.phase = before;
    }
}
