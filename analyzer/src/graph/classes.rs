//! Attributes, methods, construction and the protocols behind syntax.

use super::bind::{self, by_position};
use super::program::{ClassId, FuncId};
use super::solve::{At, Key, Node, Owner, Part, SiteArg, Solver, Target, Use};
use super::values::{AllocId, InstId, Sym, Value, ValueId};
use super::{containers, interfaces, library, root, text};
use crate::modules::{FileId, ModuleRef};
use crate::syntax::facts::{ArgKind, Base, ClassForm, ScopeId, StmtKind};

/// As [`load`], of a field or a method of an instance alone.
pub(super) fn load_part(
    solver: &mut Solver<'_>,
    value: ValueId,
    name: Sym,
    dst: Node,
    at: At,
    part: Part,
) {
    match *solver.get(value) {
        Value::Instance(class) => load_instance(solver, value, class, name, dst, at, part),
        _ => load(solver, value, name, dst, at),
    }
}

/// `value.name` goes to `dst`.
pub(super) fn load(solver: &mut Solver<'_>, value: ValueId, name: Sym, dst: Node, at: At) {
    match solver.get(value).clone() {
        Value::Instance(class) => {
            load_instance(solver, value, class, name, dst, at, Part::Any);
        }
        Value::Class(class) => load_class(solver, value, class, name, dst, at),
        Value::Super(class, receiver) => load_super(solver, class, receiver, name, dst, at),
        Value::Module(module) => load_module(solver, module, name, dst, at),
        Value::External(path) => {
            load_kept(solver, value, name, dst, at);
            if root::load(solver, value, name, dst, at) {
                return;
            }
            let path = format!("{}.{}", solver.text(path), solver.text(name));
            library::load_external(solver, &path, dst);
        }
        Value::Object(path, _) => {
            load_kept(solver, value, name, dst, at);
            if interfaces::load_extension(solver, value, name, dst, at)
                || root::load(solver, value, name, dst, at)
            {
                return;
            }
            let path = solver.symbols.text(path).clone();
            let name = solver.symbols.text(name).clone();
            library::load_member(solver, &path, &name, dst, value);
        }
        Value::Container(alloc) => {
            interfaces::load_extension(solver, value, name, dst, at);
            solver.put(dst, Value::ContainerMethod(alloc, name));
        }
        Value::Function(_) | Value::Bound(..) => {
            let attr = solver.node(Key::Attr(value, name));
            solver.edge(attr, dst);
            root::load(solver, value, name, dst, at);
        }
        Value::Property(getter, _) => {
            if matches!(solver.text(name), "setter" | "deleter" | "getter") {
                solver.put(dst, Value::Setter(getter));
            }
        }
        Value::Config(id) => {
            let key = solver.symbols.text(name).clone();
            if let Some(child) = solver.configs.child(id, &key) {
                solver.config_of(child, dst);
            } else {
                let path = format!("builtins.dict.{key}");
                solver.put_external(dst, &path);
            }
        }
        Value::Text(_) => {
            interfaces::load_extension(solver, value, name, dst, at);
            if !root::load(solver, value, name, dst, at) {
                library::load_text(solver, value, name, dst);
            }
        }
        Value::Handle(_) => {
            let path = format!("io.TextIOWrapper.{}", solver.text(name));
            solver.put_external(dst, &path);
        }
        Value::Generator(_) | Value::Partial(_) => {}
        Value::Static(_) | Value::ClassMethod(_) | Value::Setter(_) | Value::Nothing => {}
        Value::Inherited(..) => {}
        Value::ContainerMethod(..) => {}
    }
}

fn load_instance(
    solver: &mut Solver<'_>,
    value: ValueId,
    class: ClassId,
    name: Sym,
    dst: Node,
    at: At,
    part: Part,
) {
    if interfaces::is_interface(solver, class)
        && interfaces::load(solver, class, name, dst, at, part)
    {
        return;
    }
    let mro = solver.program.class(class).mro.clone();
    if part != Part::Method {
        for ancestor in &mro {
            let instance = solver.value(Value::Instance(*ancestor));
            let attr = solver.node(Key::Attr(instance, name));
            solver.edge(attr, dst);
        }
        solver.touch(at, Owner::Class(class), name, false);
    }
    if part == Part::Field {
        return;
    }
    if let Some(text) = from_environment(solver, class, name) {
        // What stands there when it is not set is a guess at best.
        solver.put(dst, Value::Text(text));
        return;
    }
    if class_attribute(solver, &mro, name, value, dst, at)
        || interfaces::load_extension(solver, value, name, dst, at)
    {
        return;
    }
    let text = solver.symbols.text(name).clone();
    for base in solver.program.library_bases(class) {
        library::load_member(solver, &base, &text, dst, value);
    }
    if let Some(getattr) = method(solver, class, "__getattr__") {
        let inst = method_instance(solver, getattr);
        let known = solver.set(dst).is_empty();
        if known {
            bind::invoke(solver, inst, Some(value), at, &[], dst);
        }
    }
}

/// What a settings class's text field is: the variable's name in braces.
fn from_environment(solver: &mut Solver<'_>, class: ClassId, name: Sym) -> Option<Sym> {
    if !solver.settings.contains_key(&class) {
        let (modules, program) = (solver.modules, &*solver.program);
        let fields = super::settings::fields(modules, program, solver.catalog, class);
        let texts = fields.iter().filter(|field| field.is_text);
        let texts = texts
            .map(|field| {
                let variable = format!("{{{}}}", field.variable);
                let name = solver.symbols.intern(&field.name);
                (name, solver.symbols.intern(&variable))
            })
            .collect();
        solver.settings.insert(class, texts);
    }
    solver.settings.get(&class)?.get(&name).copied()
}

/// The type whose instances keep what is put into them, when `value` is one.
pub(super) fn keeper(solver: &mut Solver<'_>, value: ValueId) -> Option<(ValueId, Owner)> {
    let (Value::Object(path, _) | Value::External(path)) = *solver.get(value) else {
        return None;
    };
    let path = solver.symbols.text(path).clone();
    if !solver.catalog.ty(&path)?.keeps {
        return None;
    }
    let canonical = solver.catalog.canonical(&path).into_owned();
    let ty = solver.symbols.intern(&canonical);
    Some((solver.value(Value::Object(ty, None)), Owner::Keeper(ty)))
}

/// What was put into a keeper under `name` goes to `dst`.
pub(super) fn load_kept(solver: &mut Solver<'_>, value: ValueId, name: Sym, dst: Node, at: At) {
    if let Some((kept, owner)) = keeper(solver, value) {
        solver.touch(at, owner, name, false);
        let attr = solver.node(Key::Attr(kept, name));
        solver.edge(attr, dst);
    }
}

/// `src` is put into a keeper under `name`.
pub(super) fn store_kept(solver: &mut Solver<'_>, value: ValueId, name: Sym, src: Node, at: At) {
    if let Some((kept, owner)) = keeper(solver, value) {
        solver.touch(at, owner, name, true);
        let attr = solver.node(Key::Attr(kept, name));
        solver.edge(src, attr);
    }
}

/// Loads `name` from the first class of `mro` that has it; false if none has.
fn class_attribute(
    solver: &mut Solver<'_>,
    mro: &[ClassId],
    name: Sym,
    receiver: ValueId,
    dst: Node,
    at: At,
) -> bool {
    let text = solver.symbols.text(name).clone();
    let owner = mro
        .iter()
        .find(|class| defines(solver, **class, &text))
        .copied();
    let Some(owner) = owner else {
        // Set from outside (`Class.attr = …`): any ancestor may hold it.
        for ancestor in mro {
            let class = solver.value(Value::Class(*ancestor));
            let attr = solver.node(Key::Attr(class, name));
            solver.on(attr, Use::Bind { receiver, dst, at });
        }
        return false;
    };
    for owner in beside(solver, mro, owner, &text) {
        let class = solver.value(Value::Class(owner));
        let attr = solver.node(Key::Attr(class, name));
        solver.on(attr, Use::Bind { receiver, dst, at });
    }
    true
}

/// `owner`, and where it is an extension by a generic interface, the others by
/// the same interface: types alone would tell which is meant.
fn beside(solver: &mut Solver<'_>, mro: &[ClassId], owner: ClassId, name: &str) -> Vec<ClassId> {
    let class = solver.program.class(owner).clone();
    if !matches!(class.form, ClassForm::Extension(_)) {
        return vec![owner];
    }
    let same = |other: &ClassId| {
        let other = solver.program.class(*other);
        matches!(other.form, ClassForm::Extension(_))
            && (&other.bases, &other.library_bases) == (&class.bases, &class.library_bases)
    };
    let others: Vec<ClassId> = mro.iter().copied().filter(same).collect();
    let mut found = others;
    found.retain(|other| defines(solver, *other, name));
    found
}

/// True if the class body itself binds `name` to a value.
fn defines(solver: &mut Solver<'_>, class: ClassId, name: &str) -> bool {
    let (file, scope, has_method) = {
        let class = solver.program.class(class);
        (class.file, class.scope, class.methods.contains_key(name))
    };
    if has_method {
        return true;
    }
    let facts = solver.modules.facts(file);
    let names = solver.class_names.entry(class).or_insert_with(|| {
        let body = &facts.scope(scope).body;
        let bound = body
            .iter()
            .filter(|stmt| !matches!(stmt.kind, StmtKind::Declare { .. }));
        let bound: Vec<_> = bound.cloned().collect();
        super::body::assigned_names(facts, &bound)
            .into_iter()
            .collect()
    });
    names.contains(name)
}

fn load_class(
    solver: &mut Solver<'_>,
    value: ValueId,
    class: ClassId,
    name: Sym,
    dst: Node,
    at: At,
) {
    let mro = solver.program.class(class).mro.clone();
    solver.touch(at, Owner::Class(class), name, false);
    if !class_attribute(solver, &mro, name, value, dst, at) {
        let text = solver.symbols.text(name).clone();
        for base in solver.program.library_bases(class) {
            library::load_member(solver, &base, &text, dst, value);
        }
    }
}

fn load_super(
    solver: &mut Solver<'_>,
    class: ClassId,
    receiver: ValueId,
    name: Sym,
    dst: Node,
    at: At,
) {
    let of = match solver.get(receiver) {
        Value::Instance(of) | Value::Class(of) => *of,
        _ => class,
    };
    let mro = solver.program.class(of).mro.clone();
    let after = mro.iter().position(|ancestor| *ancestor == class);
    let rest: Vec<ClassId> = match after {
        Some(at) => mro[at + 1..].to_vec(),
        None => solver
            .program
            .class(class)
            .mro
            .iter()
            .skip(1)
            .copied()
            .collect(),
    };
    if !class_attribute(solver, &rest, name, receiver, dst, at) {
        let text = solver.symbols.text(name).clone();
        for base in solver.program.library_bases(class) {
            library::load_member(solver, &base, &text, dst, receiver);
        }
    }
}

fn load_module(solver: &mut Solver<'_>, module: ModuleRef, name: Sym, dst: Node, at: At) {
    if let ModuleRef::File(file) = module {
        if let Some(inst) = module_instance(solver, file) {
            let var = solver.node(Key::Var(inst, ScopeId::MODULE, name));
            solver.edge(var, dst);
        }
        solver.touch(at, Owner::Module(file), name, false);
    }
    let text = solver.symbols.text(name).clone();
    if let Some(submodule) = solver.modules.submodule(module, &text) {
        solver.put(dst, Value::Module(submodule));
    } else if let Some(native) = solver.modules.native_in(module, &text) {
        solver.put_external(dst, &native);
    }
}

/// The one instance of a module's body.
pub(super) fn module_instance(solver: &mut Solver<'_>, file: FileId) -> Option<InstId> {
    let func = solver.program.module_func(file)?;
    Some(solver.instance(func, None, None))
}

/// A class attribute seen through `receiver`: functions become methods.
pub(super) fn bind(solver: &mut Solver<'_>, value: ValueId, receiver: ValueId, dst: Node, at: At) {
    let through_class = matches!(solver.get(receiver), Value::Class(_));
    match solver.get(value).clone() {
        // A type's own way to what it inherits from an interface.
        Value::Function(inst)
            if through_class
                && interfaces::declares(solver, inst)
                && !interfaces::is_of_interface(solver, receiver) =>
        {
            solver.put(dst, Value::Static(inst));
        }
        Value::Function(inst) if !through_class => {
            solver.put(dst, Value::Bound(inst, receiver));
        }
        Value::Static(inst) => {
            solver.put(dst, Value::Function(inst));
        }
        Value::ClassMethod(inst) => {
            let class = match solver.get(receiver) {
                Value::Instance(class) => solver.value(Value::Class(*class)),
                _ => receiver,
            };
            solver.put(dst, Value::Bound(inst, class));
        }
        Value::Property(getter, _) if !through_class => {
            bind::invoke(solver, getter, Some(receiver), at, &[], dst);
        }
        _ => solver.add(dst, value),
    }
}

/// `value.name = src`.
pub(super) fn store(solver: &mut Solver<'_>, value: ValueId, name: Sym, src: Node, at: At) {
    match solver.get(value).clone() {
        Value::Instance(class) => {
            solver.touch(at, Owner::Class(class), name, true);
            let attr = solver.node(Key::Attr(value, name));
            solver.edge(src, attr);
            call_setter(solver, class, value, name, src, at);
        }
        Value::Class(class) => {
            solver.touch(at, Owner::Class(class), name, true);
            let attr = solver.node(Key::Attr(value, name));
            solver.edge(src, attr);
        }
        Value::Module(ModuleRef::File(file)) => {
            solver.touch(at, Owner::Module(file), name, true);
            if let Some(inst) = module_instance(solver, file) {
                let var = solver.node(Key::Var(inst, ScopeId::MODULE, name));
                solver.edge(src, var);
            }
        }
        Value::Function(_) => {
            let attr = solver.node(Key::Attr(value, name));
            solver.edge(src, attr);
        }
        Value::Object(..) | Value::External(_) => store_kept(solver, value, name, src, at),
        _ => {}
    }
}

fn call_setter(
    solver: &mut Solver<'_>,
    class: ClassId,
    receiver: ValueId,
    name: Sym,
    src: Node,
    at: At,
) {
    let mro = solver.program.class(class).mro.clone();
    let text = solver.symbols.text(name).clone();
    let Some(owner) = mro
        .iter()
        .find(|class| defines(solver, **class, &text))
        .copied()
    else {
        return;
    };
    let owner = solver.value(Value::Class(owner));
    let attr = solver.node(Key::Attr(owner, name));
    for value in solver.set(attr).to_vec() {
        if let Value::Property(_, Some(setter)) = solver.get(value).clone() {
            let result = solver.fresh();
            bind::invoke(
                solver,
                setter,
                Some(receiver),
                at,
                &by_position(&[src]),
                result,
            );
        }
    }
}

/// `Class(args)`.
pub(super) fn instantiate(
    solver: &mut Solver<'_>,
    class: ClassId,
    at: At,
    args: &[SiteArg],
    result: Node,
) {
    let instance = solver.value(Value::Instance(class));
    for name in ["__new__", "__init__"] {
        let Some(func) = method(solver, class, name) else {
            continue;
        };
        let inst = method_instance(solver, func);
        match name {
            "__new__" => {
                let class = solver.value(Value::Class(class));
                bind::invoke(solver, inst, Some(class), at, args, result);
            }
            _ => {
                let dropped = solver.fresh();
                bind::invoke(solver, inst, Some(instance), at, args, dropped);
            }
        }
    }
    if method(solver, class, "__init__").is_none() {
        fill_fields(solver, class, instance, at, args);
        for base in solver.program.library_bases(class) {
            library::construct_base(solver, &base, at);
        }
    }
    interfaces::destroyed(solver, class, at);
    solver.add(result, instance);
}

/// A class without `__init__` (a dataclass, a model, a struct): arguments are
/// its fields.
fn fill_fields(
    solver: &mut Solver<'_>,
    class: ClassId,
    instance: ValueId,
    at: At,
    args: &[SiteArg],
) {
    let numbered = solver.program.class(class).root.is_some();
    let fields = declared_fields(solver, class);
    let mut position = 0;
    for arg in args {
        let name = match arg.kind {
            ArgKind::Positional if numbered => {
                position += 1;
                solver.symbols.intern(&(position - 1).to_string())
            }
            ArgKind::Positional => {
                position += 1;
                let Some(field) = fields.get(position - 1) else {
                    continue;
                };
                solver.symbols.intern(field)
            }
            ArgKind::Named => match arg.name {
                Some(name) => name,
                None => continue,
            },
            _ => continue,
        };
        if numbered {
            solver.touch(at, Owner::Class(class), name, true);
        }
        let attr = solver.node(Key::Attr(instance, name));
        solver.edge(arg.node, attr);
    }
}

fn declared_fields(solver: &Solver<'_>, class: ClassId) -> Vec<smol_str::SmolStr> {
    use crate::syntax::facts::ExprKind;
    let mut fields = Vec::new();
    for ancestor in solver.program.class(class).mro.iter().rev() {
        let class = solver.program.class(*ancestor);
        let facts = solver.modules.facts(class.file);
        for stmt in &facts.scope(class.scope).body {
            let target = match &stmt.kind {
                StmtKind::Declare { target, .. } => *target,
                StmtKind::Assign {
                    targets,
                    annotation: Some(_),
                    ..
                } => targets[0],
                _ => continue,
            };
            if let ExprKind::Name(name) = &facts.expr(target).kind {
                fields.push(name.clone());
            }
        }
    }
    fields
}

/// The function that `class` has as method `name`, through its bases.
pub(super) fn method(solver: &Solver<'_>, class: ClassId, name: &str) -> Option<FuncId> {
    let program = &solver.program;
    let of = program.class(class);
    let name = solver.modules.facts(of.file).rules.protocol(name);
    of.mro
        .iter()
        .find_map(|class| program.class(*class).methods.get(name).copied())
}

/// The shared instance of a method.
pub(super) fn method_instance(solver: &mut Solver<'_>, func: FuncId) -> InstId {
    let chain = {
        let mut chain = Vec::new();
        let mut at = solver.program.function(func).parent;
        while let Some(func) = at {
            chain.push(func);
            at = solver.program.function(func).parent;
        }
        chain
    };
    let mut parent = None;
    for func in chain.into_iter().rev() {
        parent = Some(solver.instance(func, parent, None));
    }
    solver.instance(func, parent, None)
}

/// `with value as dst`.
pub(super) fn enter(solver: &mut Solver<'_>, value: ValueId, dst: Node, at: At) {
    match solver.get(value).clone() {
        Value::Instance(class) => {
            for name in ["__enter__", "__aenter__"] {
                if let Some(func) = method(solver, class, name) {
                    let inst = method_instance(solver, func);
                    bind::invoke(solver, inst, Some(value), at, &[], dst);
                }
            }
            for name in ["__exit__", "__aexit__"] {
                if let Some(func) = method(solver, class, name) {
                    let inst = method_instance(solver, func);
                    let dropped = solver.fresh();
                    bind::invoke(solver, inst, Some(value), at, &[], dropped);
                }
            }
            if method(solver, class, "__enter__").is_none() {
                solver.add(dst, value);
            }
        }
        Value::Generator(inst) => {
            let yielded = solver.node(Key::Yield(inst));
            solver.edge(yielded, dst);
        }
        Value::Object(path, _) => {
            let entered = format!("{}.__enter__", solver.text(path));
            match solver
                .catalog
                .call(&entered)
                .and_then(|entry| entry.returns.clone())
            {
                Some(returns) => library::give(solver, &returns, Some(value), &[], dst),
                None => solver.add(dst, value),
            }
        }
        _ => solver.add(dst, value),
    }
}

/// An operator, or one of the protocols that syntax calls.
pub(super) fn operator(
    solver: &mut Solver<'_>,
    value: ValueId,
    name: Sym,
    dst: Node,
    at: At,
    arg: Option<Node>,
) {
    let text = solver.symbols.text(name).clone();
    match solver.get(value).clone() {
        Value::Instance(_) | Value::Class(_) if text == "<super>" => {
            let class = solver.super_of.get(&(at.inst, at.file, at.expr)).copied();
            if let Some(class) = class {
                solver.put(dst, Value::Super(class, value));
            }
        }
        Value::Instance(class) => {
            let Some(func) = method(solver, class, &text) else {
                return;
            };
            let inst = method_instance(solver, func);
            let args: Vec<Node> = arg.into_iter().collect();
            bind::invoke(solver, inst, Some(value), at, &by_position(&args), dst);
        }
        Value::Container(_) if text == "<same>" => solver.add(dst, value),
        // Arithmetic on a table or array gives one.
        Value::Object(..)
            if !text.starts_with('<') && text != "__getitem__" && text != "__setitem__" =>
        {
            solver.add(dst, value);
        }
        _ => {}
    }
}

/// Iterates an instance: `__iter__`, then `__next__` of what it gives.
pub(super) fn iterate(solver: &mut Solver<'_>, value: ValueId, class: ClassId, dst: Node, at: At) {
    for name in ["__iter__", "__aiter__"] {
        if let Some(func) = method(solver, class, name) {
            let inst = method_instance(solver, func);
            let iterator = solver.fresh();
            bind::invoke(solver, inst, Some(value), at, &[], iterator);
            solver.on(iterator, Use::Next { dst, at });
            return;
        }
    }
    if method(solver, class, "__next__").is_some() {
        next(solver, value, dst, at);
    } else if let Some(func) = method(solver, class, "__getitem__") {
        let inst = method_instance(solver, func);
        bind::invoke(solver, inst, Some(value), at, &[], dst);
    }
}

/// What `next(value)` gives.
pub(super) fn next(solver: &mut Solver<'_>, value: ValueId, dst: Node, at: At) {
    match solver.get(value).clone() {
        Value::Instance(class) => {
            for name in ["__next__", "__anext__"] {
                if let Some(func) = method(solver, class, name) {
                    let inst = method_instance(solver, func);
                    bind::invoke(solver, inst, Some(value), at, &[], dst);
                }
            }
        }
        _ => containers::elements(solver, value, dst, at),
    }
}

/// Watches what a class statement's base evaluates to: a base that only
/// values tell is added for the next round.
pub(super) fn note_base(
    solver: &mut Solver<'_>,
    file: FileId,
    scope: ScopeId,
    base: &Base,
    node: Node,
) {
    if base.keyword.is_some() {
        return;
    }
    if let Some(class) = solver.program.class_at(file, scope) {
        solver.on(node, Use::Base { class });
    }
}

pub(super) fn found_base(solver: &mut Solver<'_>, class: ClassId, value: ValueId) {
    if let Value::Class(base) = solver.get(value).clone()
        && base != class
        && !solver.program.class(class).mro.contains(&base)
    {
        solver.new_bases.push((class, base));
    }
}

/// Methods that nothing has called yet get an instance of their own class, so
/// that what they do with `self` is seen.
pub(super) fn seed_receivers(solver: &mut Solver<'_>) {
    for idx in 0..solver.insts.len() {
        let inst = InstId(idx as u32);
        let function = solver.program.function(solver.func_of(inst)).clone();
        let Some(class) = function.class else {
            continue;
        };
        let facts = solver.modules.facts(function.file);
        let scope = facts.scope(function.scope);
        let Some(receiver) = scope.params.first() else {
            continue;
        };
        let decorated = |name: &str| {
            let mut decorators = scope.decorators.iter();
            decorators.any(|decorator| facts.dotted(*decorator).as_deref() == Some(name))
        };
        if decorated("staticmethod") {
            continue;
        }
        let sym = solver.symbols.intern(&receiver.name);
        let node = solver.node(Key::Var(inst, function.scope, sym));
        // Called through instances of its own, this one serves nobody.
        if solver.has_instances(solver.func_of(inst)) {
            continue;
        }
        let of_class = decorated("classmethod") || scope.name == "__new__";
        if !solver.is_unknown(node) {
            continue;
        }
        let library = solver.program.class(class).extends_library.clone();
        if let Some(path) = library.filter(|_| !of_class) {
            let canonical = solver.catalog.canonical(&path).into_owned();
            solver.put_object(node, &canonical);
        }
        let value = match of_class {
            true => Value::Class(class),
            false => Value::Instance(solver.program.subject(class)),
        };
        solver.put(node, value);
    }
}

/// Text of a path's parts, as attributes of a `Path`.
pub(super) fn path_part(solver: &mut Solver<'_>, value: ValueId, name: &str, dst: Node) {
    let input = solver.fresh();
    solver.add(input, value);
    let op = match name {
        "parent" => text::TextOp::parent(input),
        "name" => text::TextOp::name(input),
        _ => return,
    };
    text::add(solver, op, dst);
}

/// A partial application as a value.
pub(super) fn partial(solver: &mut Solver<'_>, at: At, args: &[SiteArg], result: Node) {
    let Some((first, kept)) = args.split_first() else {
        return;
    };
    let alloc: AllocId = solver.alloc(at, u32::MAX, super::values::ContainerKind::Tuple);
    solver.allocs[alloc.0 as usize].partial = Some((first.node, kept.to_vec()));
    solver.put(result, Value::Partial(alloc));
}

/// Records a call of a library's member.
pub(super) fn record_external(solver: &mut Solver<'_>, at: At, path: &str) {
    let sym = solver.symbols.intern(path);
    solver.record(at, Target::External(sym));
}
