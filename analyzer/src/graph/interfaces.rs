//! Interfaces and extensions: methods that others define, and what stands in
//! for a value of which only a bound is known.
//!
//! A value declared as an interface (`dyn Trait`) may be of any type that
//! implements it. One declared by a bound (`T: Trait`, `impl Trait`) is what
//! callers pass; only where nobody is seen to pass anything, it is any of
//! these types too.

use smol_str::SmolStr;

use super::program::{ClassId, Program};
use super::solve::{At, Certainty, Node, Part, SiteArg, Solver, Use};
use super::values::{ContainerKind, InstId, Sym, Value, ValueId};
use super::{bind, classes};
use crate::syntax::facts::{ClassForm, ParamKind};

/// More implementers than this are not told apart.
const MAX_IMPLEMENTERS: usize = 64;

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
    let found: Vec<ClassId> = bases
        .into_iter()
        .filter(|base| implements(solver.program, *base, through))
        .collect();
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
    let mut bases = solver.program.class(class).mro.iter().copied();
    bases
        .find(|base| implements(solver.program, *base, interface))
        .unwrap_or(class)
}

/// `class` is the extension by which a type implements `interface`.
fn implements(program: &Program, class: ClassId, interface: ClassId) -> bool {
    let class = program.class(class);
    matches!(class.form, ClassForm::Extension(_)) && class.bases.contains(&interface)
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
