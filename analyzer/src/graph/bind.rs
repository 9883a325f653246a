//! A call meets a value: which function runs, and what its parameters get.

use super::solve::{At, EMPTY, Key, Node, SiteArg, SiteId, Solver, Target, Use};
use super::values::{AllocId, ContainerKind, ElemKey, InstId, Value, ValueId};
use super::{classes, containers, interfaces, library};
use crate::syntax::facts::{ArgKind, ParamKind, ScopeKind};

/// Applies the call `site` to the callee `value`.
pub(super) fn call(solver: &mut Solver<'_>, site: SiteId, value: ValueId) {
    let site = solver.sites[site.0 as usize].clone();
    call_value(
        solver,
        value,
        site.at,
        &site.args,
        site.result,
        site.decorates,
    );
}

/// Calls `value` with `args`; what it returns goes to `result`.
pub(super) fn call_value(
    solver: &mut Solver<'_>,
    value: ValueId,
    at: At,
    args: &[SiteArg],
    result: Node,
    decorates: bool,
) {
    match solver.get(value).clone() {
        Value::Function(inst) if interfaces::declares(solver, inst) => {
            interfaces::call_declared(solver, inst, at, args, result);
        }
        Value::Function(inst) | Value::Static(inst) => {
            invoke(solver, inst, None, at, args, result);
        }
        Value::Bound(inst, receiver) => {
            invoke(solver, inst, Some(receiver), at, args, result);
        }
        Value::ClassMethod(inst) => invoke(solver, inst, None, at, args, result),
        Value::Class(class) => classes::instantiate(solver, class, at, args, result),
        Value::Instance(class) => {
            if let Some(func) = classes::method(solver, class, "__call__") {
                let inst = classes::method_instance(solver, func);
                invoke(solver, inst, Some(value), at, args, result);
            } else {
                let dst = solver.fresh();
                for base in solver.program.library_bases(class) {
                    library::load_member(solver, &base, "__call__", dst, value);
                }
                let args = args.iter().map(|arg| arg.node).collect();
                solver.on(dst, Use::Callback { at, args, result });
            }
        }
        Value::External(path) => {
            library::call_external(solver, path, at, args, result, decorates);
        }
        Value::Inherited(path, receiver) => {
            library::call_inherited(solver, path, receiver, at, args, result);
        }
        Value::Object(path, _) => {
            let path = format!("{}.__call__", solver.text(path));
            library::call_object(solver, &path, at, args, result, decorates);
        }
        Value::ContainerMethod(alloc, name) => {
            containers::call_method(solver, alloc, name, at, args, result);
        }
        Value::Setter(getter) => {
            let Some(arg) = args.first() else { return };
            for value in solver.set(arg.node).to_vec() {
                if let Value::Function(setter) = *solver.get(value) {
                    solver.put(result, Value::Property(getter, Some(setter)));
                }
            }
        }
        Value::Partial(alloc) => call_partial(solver, alloc, at, args, result),
        _ => {}
    }
}

/// How deep partials of partials are looked into.
const MAX_NESTED_PARTIALS: usize = 4;

/// One made in a loop may hold itself: it is entered once.
fn call_partial(solver: &mut Solver<'_>, alloc: AllocId, at: At, args: &[SiteArg], result: Node) {
    let open = &solver.open_partials;
    if open.len() >= MAX_NESTED_PARTIALS || open.contains(&alloc) {
        return;
    }
    let Some((callee, mut kept)) = solver.allocs[alloc.0 as usize].partial.clone() else {
        return;
    };
    kept.extend_from_slice(args);
    solver.open_partials.push(alloc);
    for value in solver.set(callee).to_vec() {
        call_value(solver, value, at, &kept, result, false);
    }
    solver.open_partials.pop();
}

/// The function of `inst` runs for the call at `at`.
pub(super) fn invoke(
    solver: &mut Solver<'_>,
    inst: InstId,
    receiver: Option<ValueId>,
    at: At,
    args: &[SiteArg],
    result: Node,
) {
    let func = solver.func_of(inst);
    let target = match solver.per_site[func.0 as usize] {
        true => {
            let parent = solver.inst(inst).parent;
            let target = solver.instance(func, parent, Some((at.file, at.expr)));
            share_defaults(solver, inst, target);
            target
        }
        false => inst,
    };
    solver.record(at, Target::Func(target));
    pass(solver, target, receiver, args);
    let function = solver.program.function(func).clone();
    let facts = solver.modules.facts(function.file);
    let scope = facts.scope(function.scope);
    if scope.is_generator {
        solver.put(result, Value::Generator(target));
    }
    if scope.kind == ScopeKind::Lambda || !scope.is_generator {
        let returned = solver.node(Key::Return(target));
        solver.edge(returned, result);
    }
}

/// Defaults were evaluated once, where the function was defined.
fn share_defaults(solver: &mut Solver<'_>, from: InstId, to: InstId) {
    if from == to {
        return;
    }
    let function = solver.program.function(solver.func_of(from)).clone();
    let facts = solver.modules.facts(function.file);
    let scope = facts.scope(function.scope);
    for param in &scope.params {
        if param.default.is_some() {
            let sym = solver.symbols.intern(&param.name);
            let from = solver.node(Key::Var(from, function.scope, sym));
            let to = solver.node(Key::Var(to, function.scope, sym));
            solver.edge(from, to);
        }
    }
    if scope.returns.is_some() {
        let declared = solver.node(Key::Return(from));
        let returned = solver.node(Key::Return(to));
        solver.edge(declared, returned);
    }
}

/// Passes the receiver and the arguments to the parameters of `inst`.
fn pass(solver: &mut Solver<'_>, inst: InstId, receiver: Option<ValueId>, args: &[SiteArg]) {
    let mut position = 0;
    if let Some(receiver) = receiver {
        if let Some(node) = positional(solver, inst, 0) {
            solver.add(node, receiver);
        }
        position = 1;
    }
    let mut spread = false;
    for arg in args {
        match arg.kind {
            ArgKind::Positional if spread => {
                // After `*args` nobody knows the position.
                for idx in position..position + 8 {
                    if let Some(node) = positional(solver, inst, idx) {
                        solver.edge(arg.node, node);
                    }
                }
            }
            ArgKind::Positional => {
                if let Some(node) = positional(solver, inst, position) {
                    solver.edge(arg.node, node);
                }
                position += 1;
            }
            ArgKind::Named => {
                if let Some(name) = arg.name
                    && let Some(node) = named(solver, inst, name)
                {
                    solver.edge(arg.node, node);
                }
            }
            ArgKind::Spread => {
                spread = true;
                solver.on(
                    arg.node,
                    Use::Spread {
                        inst,
                        from: position,
                    },
                );
            }
            ArgKind::SpreadNamed => solver.on(arg.node, Use::SpreadNamed { inst }),
        }
    }
}

/// The node of the parameter that takes the argument at `position`.
fn positional(solver: &mut Solver<'_>, inst: InstId, position: usize) -> Option<Node> {
    let function = solver.program.function(solver.func_of(inst)).clone();
    let facts = solver.modules.facts(function.file);
    let params = &facts.scope(function.scope).params;
    let by_position = |kind: ParamKind| {
        matches!(
            kind,
            ParamKind::Receiver | ParamKind::Plain | ParamKind::PositionalOnly
        )
    };
    let mut plain = params.iter().filter(|param| by_position(param.kind));
    if let Some(param) = plain.nth(position) {
        let sym = solver.symbols.intern(&param.name);
        return Some(solver.node(Key::Var(inst, function.scope, sym)));
    }
    let rest = params.iter().find(|param| param.kind == ParamKind::Rest)?;
    let n_plain = params
        .iter()
        .filter(|param| by_position(param.kind))
        .count();
    let alloc = rest_container(solver, inst, &rest.name, ContainerKind::Tuple);
    Some(solver.elem(alloc, ElemKey::Number((position - n_plain) as i64)))
}

fn named(solver: &mut Solver<'_>, inst: InstId, name: super::values::Sym) -> Option<Node> {
    let function = solver.program.function(solver.func_of(inst)).clone();
    let facts = solver.modules.facts(function.file);
    let params = &facts.scope(function.scope).params;
    let text = solver.symbols.text(name).clone();
    let takes = |kind: ParamKind| !matches!(kind, ParamKind::Rest | ParamKind::RestNamed);
    if params
        .iter()
        .any(|param| takes(param.kind) && param.name == text)
    {
        return Some(solver.node(Key::Var(inst, function.scope, name)));
    }
    let rest = params
        .iter()
        .find(|param| param.kind == ParamKind::RestNamed)?;
    let alloc = rest_container(solver, inst, &rest.name, ContainerKind::Dict);
    Some(solver.elem(alloc, ElemKey::Text(name)))
}

/// The tuple or dict that `*args` or `**kwargs` holds.
fn rest_container(
    solver: &mut Solver<'_>,
    inst: InstId,
    name: &str,
    kind: ContainerKind,
) -> AllocId {
    let owner = own_place(solver, inst);
    let scope = solver.program.function(solver.func_of(inst)).scope;
    let sym = solver.symbols.intern(name);
    let alloc = solver.alloc(owner, sym.0 + 1, kind);
    let node = solver.node(Key::Var(inst, scope, sym));
    solver.put(node, Value::Container(alloc));
    alloc
}

/// `f(*value)`: the elements go to the positions from `from` on.
pub(super) fn spread(solver: &mut Solver<'_>, inst: InstId, value: ValueId, from: usize) {
    let Value::Container(alloc) = solver.get(value).clone() else {
        return;
    };
    for position in 0..8 {
        if let Some(node) = positional(solver, inst, from + position) {
            let elem = solver.item(alloc, ElemKey::Number(position as i64));
            solver.edge(elem, node);
            let any = solver.elem(alloc, ElemKey::Any);
            solver.edge(any, node);
        }
    }
}

/// `f(**value)`: the values go to the parameters of their keys' names.
pub(super) fn spread_named(solver: &mut Solver<'_>, inst: InstId, value: ValueId) {
    let Value::Container(alloc) = solver.get(value).clone() else {
        return;
    };
    let function = solver.program.function(solver.func_of(inst)).clone();
    let facts = solver.modules.facts(function.file);
    for param in &facts.scope(function.scope).params {
        let sym = solver.symbols.intern(&param.name);
        match param.kind {
            ParamKind::RestNamed => {
                let rest = rest_container(solver, inst, &param.name, ContainerKind::Dict);
                solver.copy(alloc, rest);
            }
            ParamKind::Rest => {}
            _ => {
                let node = solver.node(Key::Var(inst, function.scope, sym));
                let elem = solver.item(alloc, ElemKey::Text(sym));
                solver.edge(elem, node);
            }
        }
    }
}

fn own_place(solver: &Solver<'_>, inst: InstId) -> At {
    let function = solver.program.function(solver.func_of(inst));
    At {
        inst,
        file: function.file,
        expr: super::solve::NOWHERE,
    }
}

/// Arguments by position.
pub(super) fn by_position(nodes: &[Node]) -> Vec<SiteArg> {
    let arg = |node: &Node| SiteArg {
        kind: ArgKind::Positional,
        name: None,
        node: *node,
    };
    nodes.iter().map(arg).collect()
}

/// The argument at `position` or called `name`.
pub(super) fn argument(
    solver: &Solver<'_>,
    args: &[SiteArg],
    position: Option<usize>,
    name: Option<&str>,
) -> Node {
    let named = args.iter().find(|arg| {
        arg.kind == ArgKind::Named && name.is_some() && arg.name.map(|sym| solver.text(sym)) == name
    });
    let mut positional = args.iter().filter(|arg| arg.kind == ArgKind::Positional);
    let by_position = || position.and_then(|position| positional.nth(position));
    named.or_else(by_position).map_or(EMPTY, |arg| arg.node)
}

#[cfg(test)]
mod tests {
    use crate::{Catalog, Options, SourceTree};

    /// Each holds itself and the other, with ever more arguments.
    #[test]
    fn partials_made_in_a_loop_come_to_an_end() {
        let text = "
from functools import partial

def work(x):
    return x

def start(f, xs):
    for x in xs:
        g = partial(f, x)
        f = partial(g, x)
    return f(1)

start(work, [])
";
        let options = Options {
            catalog: Catalog::built_in(),
            pins: Vec::new(),
        };
        let tree = SourceTree::from_texts("partials", [("a.py", text)]);
        let analysis = crate::examine(&tree, &options);
        let name = |func| {
            let function = analysis.program.function(func);
            let facts = analysis.modules.facts(function.file);
            facts.scope(function.scope).qualname.to_string()
        };
        let calls = analysis.call_graph.calls.iter();
        let called: Vec<_> = calls
            .filter(|call| name(call.caller) == "start")
            .map(|call| name(call.callee))
            .collect();
        assert_eq!(called, ["work"]);
    }
}
