//! Lists, tuples, sets and dicts: items, iteration, and their methods.

use super::bind::argument;
use super::solve::{At, EMPTY, ItemKey, Node, Owner, SiteArg, Solver, Use};
use super::values::{AllocId, ContainerKind, ElemKey, Sym, Value, ValueId};
use super::{classes, library, sequences};

/// `value[key]` goes to `dst`.
pub(super) fn load_item(solver: &mut Solver<'_>, value: ValueId, key: ItemKey, dst: Node, at: At) {
    match solver.get(value).clone() {
        Value::Container(alloc) => match key {
            ItemKey::Known(key) => {
                if let ElemKey::Text(name) = key {
                    solver.touch(at, Owner::Container(alloc), name, false);
                }
                known_item(solver, value, key, dst);
            }
            ItemKey::Node(node) => {
                solver.on(node, Use::KeyedLoad { base: value, dst });
                if solver.set(node).is_empty() {
                    // A key nobody knows reads anything.
                    known_item(solver, value, ElemKey::Any, dst);
                }
            }
        },
        Value::Config(id) => {
            if let ItemKey::Known(ElemKey::Text(key)) = key {
                let key = solver.symbols.text(key).clone();
                if let Some(child) = solver.configs.child(id, &key) {
                    solver.config_of(child, dst);
                }
            }
        }
        Value::Object(path, _) => {
            if let ItemKey::Known(ElemKey::Text(name)) = key {
                classes::load_kept(solver, value, name, dst, at);
            }
            let path = solver.symbols.text(path).clone();
            library::load_element(solver, &path, key, dst);
        }
        Value::External(path) => {
            if let ItemKey::Known(ElemKey::Text(name)) = key {
                classes::load_kept(solver, value, name, dst, at);
            }
            // `Type[T]`, or `os.environ["X"]`.
            let text = solver.symbols.text(path).clone();
            match library::is_environment(&text) {
                true => {
                    classes::record_external(solver, at, "os.environ.__getitem__");
                    library::environment(solver, key, dst);
                }
                false => solver.add(dst, value),
            }
        }
        Value::Class(_) => match key {
            // `<Type as Interface>`
            ItemKey::Node(through) if solver.modules.facts(at.file).rules.root.is_some() => {
                solver.on(through, Use::SeenThrough { base: value, dst });
            }
            _ => solver.add(dst, value),
        },
        _ => {}
    }
}

pub(super) fn known_item(solver: &mut Solver<'_>, value: ValueId, key: ElemKey, dst: Node) {
    let Value::Container(alloc) = *solver.get(value) else {
        return;
    };
    match key {
        ElemKey::Any | ElemKey::Keys => {
            let all = solver.allocs[alloc.0 as usize].all;
            solver.edge(all, dst);
        }
        ElemKey::Number(number) if number < 0 => {
            // From the end: only a literal's length would tell.
            let n_known = solver.allocs[alloc.0 as usize].keys.len() as i64;
            let from_start = ElemKey::Number(n_known + number);
            let elem = solver.item(alloc, from_start);
            solver.edge(elem, dst);
            let any = solver.elem(alloc, ElemKey::Any);
            solver.edge(any, dst);
        }
        key => {
            let elem = solver.item(alloc, key);
            solver.edge(elem, dst);
            let any = solver.elem(alloc, ElemKey::Any);
            solver.edge(any, dst);
        }
    }
}

/// A value of the key arrived for the container `base`.
pub(super) fn keyed(solver: &mut Solver<'_>, base: ValueId, key: ValueId, node: Node, load: bool) {
    let key = match *solver.get(key) {
        Value::Text(sym) => ElemKey::Text(sym),
        _ => ElemKey::Any,
    };
    match (*solver.get(base)).clone() {
        Value::Container(_) if load => known_item(solver, base, key, node),
        Value::Container(alloc) => {
            let elem = solver.elem(alloc, key);
            solver.edge(node, elem);
        }
        _ => {}
    }
}

/// `value[key] = src`.
pub(super) fn store_item(solver: &mut Solver<'_>, value: ValueId, key: ItemKey, src: Node, at: At) {
    if let Value::External(path) = solver.get(value)
        && library::is_environment(solver.text(*path))
    {
        classes::record_external(solver, at, "os.environ.__setitem__");
    }
    if let ItemKey::Known(ElemKey::Text(name)) = key {
        classes::store_kept(solver, value, name, src, at);
    }
    let Value::Container(alloc) = *solver.get(value) else {
        return;
    };
    match key {
        ItemKey::Known(key) => {
            if let ElemKey::Text(sym) = key {
                solver.touch(at, Owner::Container(alloc), sym, true);
                let keys = solver.elem(alloc, ElemKey::Keys);
                solver.put(keys, Value::Text(sym));
            }
            let elem = solver.elem(alloc, key);
            solver.edge(src, elem);
        }
        ItemKey::Node(node) => {
            let keys = solver.elem(alloc, ElemKey::Keys);
            solver.edge(node, keys);
            solver.on(node, Use::KeyedStore { base: value, src });
            if solver.set(node).is_empty() {
                let any = solver.elem(alloc, ElemKey::Any);
                solver.edge(src, any);
            }
        }
    }
}

/// What iterating `value` gives goes to `dst`.
pub(super) fn elements(solver: &mut Solver<'_>, value: ValueId, dst: Node, at: At) {
    match solver.get(value).clone() {
        Value::Container(alloc) => {
            let from = match solver.allocs[alloc.0 as usize].kind {
                ContainerKind::Dict if solver.modules.facts(at.file).rules.mapping_gives_pairs => {
                    sequences::pairs(solver, alloc, at)
                }
                ContainerKind::Dict => solver.elem(alloc, ElemKey::Keys),
                _ => solver.allocs[alloc.0 as usize].all,
            };
            solver.edge(from, dst);
        }
        Value::Generator(inst) => {
            let yielded = solver.node(super::solve::Key::Yield(inst));
            solver.edge(yielded, dst);
        }
        Value::Instance(class) => classes::iterate(solver, value, class, dst, at),
        Value::Object(path, _) => {
            let path = solver.symbols.text(path).clone();
            library::load_element(solver, &path, ItemKey::Known(ElemKey::Any), dst);
        }
        Value::Config(id) => {
            for child in solver.configs.children(id) {
                solver.config_of(child, dst);
            }
        }
        _ => {}
    }
}

/// The element at `index` when `value` is unpacked.
pub(super) fn position(solver: &mut Solver<'_>, value: ValueId, index: usize, dst: Node, at: At) {
    match solver.get(value).clone() {
        Value::Container(alloc) if solver.allocs[alloc.0 as usize].kind != ContainerKind::Dict => {
            let elem = solver.item(alloc, ElemKey::Number(index as i64));
            solver.edge(elem, dst);
            let any = solver.elem(alloc, ElemKey::Any);
            solver.edge(any, dst);
        }
        _ => elements(solver, value, dst, at),
    }
}

/// `{**node}` and `d.update(node)`.
pub(super) fn merge_into(solver: &mut Solver<'_>, into: AllocId, node: Node, at: At) {
    if solver.allocs[into.0 as usize].kind != ContainerKind::Dict {
        let any = solver.elem(into, ElemKey::Any);
        solver.on(node, Use::Elements { dst: any, at });
    } else if node != EMPTY {
        let hub = solver.hub(node);
        solver.copy(hub, into);
    }
}

/// A method of a container is called.
pub(super) fn call_method(
    solver: &mut Solver<'_>,
    alloc: AllocId,
    name: Sym,
    at: At,
    args: &[SiteArg],
    result: Node,
) {
    let kind = solver.allocs[alloc.0 as usize].kind;
    let name = solver.symbols.text(name).clone();
    let path = format!("builtins.{}.{name}", kind.type_name());
    classes::record_external(solver, at, &path);
    if solver.modules.facts(at.file).rules.root.is_some() {
        return sequences::call(solver, alloc, &name, at, args, result);
    }
    let container = solver.value(Value::Container(alloc));
    let first = argument(solver, args, Some(0), None);
    let second = argument(solver, args, Some(1), None);
    let all = solver.allocs[alloc.0 as usize].all;
    match name.as_str() {
        "append" | "add" | "appendleft" => {
            let any = solver.elem(alloc, ElemKey::Any);
            solver.edge(first, any);
        }
        "insert" => {
            let any = solver.elem(alloc, ElemKey::Any);
            solver.edge(second, any);
        }
        "extend" | "update" | "union" => merge_into(solver, alloc, first, at),
        "get" | "pop" | "setdefault" | "popitem" | "popleft" | "__getitem__" => {
            let key = only_key(solver, first, kind);
            match key {
                Some(key) => {
                    if let ElemKey::Text(name) = key {
                        solver.touch(at, Owner::Container(alloc), name, false);
                    }
                    known_item(solver, container, key, result);
                }
                None if first != EMPTY && kind == ContainerKind::Dict => {
                    load_item(solver, container, ItemKey::Node(first), result, at);
                }
                None => solver.edge(all, result),
            }
            solver.edge(second, result);
            if name == "setdefault" {
                store_item(solver, container, ItemKey::Node(first), second, at);
            }
        }
        "values" => {
            let values = solver.alloc(at, 1, ContainerKind::List);
            let any = solver.elem(values, ElemKey::Any);
            solver.edge(all, any);
            solver.put(result, Value::Container(values));
        }
        "keys" => {
            let names = solver.alloc(at, 1, ContainerKind::List);
            let any = solver.elem(names, ElemKey::Any);
            let keys = solver.elem(alloc, ElemKey::Keys);
            solver.edge(keys, any);
            solver.put(result, Value::Container(names));
        }
        "items" => {
            let pair = solver.alloc(at, 2, ContainerKind::Tuple);
            let keys = solver.elem(alloc, ElemKey::Keys);
            let key = solver.elem(pair, ElemKey::Number(0));
            solver.edge(keys, key);
            let value = solver.elem(pair, ElemKey::Number(1));
            solver.edge(all, value);
            let items = solver.alloc(at, 1, ContainerKind::List);
            let any = solver.elem(items, ElemKey::Any);
            solver.put(any, Value::Container(pair));
            solver.put(result, Value::Container(items));
        }
        "copy" | "__iter__" => solver.add(result, container),
        "sort" => {
            let key = argument(solver, args, None, Some("key"));
            library::hand_over(solver, key, at, &[all], EMPTY);
        }
        _ => {}
    }
}

/// The one key a node names, when it is certain.
fn only_key(solver: &Solver<'_>, node: Node, kind: ContainerKind) -> Option<ElemKey> {
    if kind != ContainerKind::Dict {
        return Some(ElemKey::Any);
    }
    match solver.texts(node).as_slice() {
        [only] => Some(ElemKey::Text(*only)),
        _ => None,
    }
}
