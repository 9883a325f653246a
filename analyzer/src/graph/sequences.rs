//! Methods of Rust's collections and iterators: an adapter that keeps the
//! elements keeps the container, one that makes new elements makes a new one.

use super::bind::argument;
use super::solve::{At, EMPTY, ItemKey, Node, SiteArg, Solver, Use};
use super::values::{AllocId, ContainerKind, ElemKey, Value};
use super::{containers, library};

/// What a method does, as far as values go.
enum Method {
    /// The same elements in the same container.
    Same,
    /// One of the elements.
    Element,
    /// A pair of an element and something else, or of two.
    Pairs,
    /// New elements: what the function gives for each.
    Mapped,
    /// As `Mapped`, and what it gives is iterated itself.
    FlatMapped,
    /// The same elements; the function only looks at them.
    Kept,
    /// One of the elements, chosen by a function.
    Chosen,
    /// Nothing of the elements; the function sees each.
    Visited,
    /// The argument is added.
    Added,
    /// The argument's elements are added.
    Extended,
    /// The function sees what it gave before, and each element.
    Folded,
}

/// Sorted by name.
const METHODS: &[(&str, Method)] = &[
    ("all", Method::Visited),
    ("any", Method::Visited),
    ("append", Method::Extended),
    ("as_mut_slice", Method::Same),
    ("as_slice", Method::Same),
    ("back", Method::Element),
    ("chain", Method::Extended),
    ("chars", Method::Same),
    ("choose", Method::Element),
    ("chunks", Method::Pairs),
    ("chunks_exact", Method::Pairs),
    ("cloned", Method::Same),
    ("collect", Method::Same),
    ("copied", Method::Same),
    ("cycle", Method::Same),
    ("dedup", Method::Same),
    ("dedup_by_key", Method::Kept),
    ("drain", Method::Same),
    ("enumerate", Method::Pairs),
    ("extend", Method::Extended),
    ("extend_from_slice", Method::Extended),
    ("filter", Method::Kept),
    ("filter_map", Method::Mapped),
    ("find", Method::Chosen),
    ("find_map", Method::Folded),
    ("first", Method::Element),
    ("first_mut", Method::Element),
    ("flat_map", Method::FlatMapped),
    ("flatten", Method::Element),
    ("fold", Method::Folded),
    ("for_each", Method::Visited),
    ("front", Method::Element),
    ("get", Method::Element),
    ("get_mut", Method::Element),
    ("inspect", Method::Kept),
    ("into_iter", Method::Same),
    ("iter", Method::Same),
    ("iter_mut", Method::Same),
    ("last", Method::Element),
    ("last_mut", Method::Element),
    ("map", Method::Mapped),
    ("map_while", Method::Mapped),
    ("max", Method::Element),
    ("max_by", Method::Chosen),
    ("max_by_key", Method::Chosen),
    ("min", Method::Element),
    ("min_by", Method::Chosen),
    ("min_by_key", Method::Chosen),
    ("next", Method::Element),
    ("next_back", Method::Element),
    ("nth", Method::Element),
    ("partition", Method::Pairs),
    ("peek", Method::Element),
    ("peekable", Method::Same),
    ("pop", Method::Element),
    ("pop_back", Method::Element),
    ("pop_front", Method::Element),
    ("position", Method::Visited),
    ("push", Method::Added),
    ("push_back", Method::Added),
    ("push_front", Method::Added),
    ("recv", Method::Element),
    ("reduce", Method::Folded),
    ("remove", Method::Element),
    ("retain", Method::Kept),
    ("retain_mut", Method::Kept),
    ("rev", Method::Same),
    ("reverse", Method::Same),
    ("rposition", Method::Visited),
    ("scan", Method::Folded),
    ("send", Method::Added),
    ("skip", Method::Same),
    ("skip_while", Method::Kept),
    ("sort", Method::Same),
    ("sort_by", Method::Kept),
    ("sort_by_key", Method::Kept),
    ("sort_unstable", Method::Same),
    ("sort_unstable_by", Method::Kept),
    ("sort_unstable_by_key", Method::Kept),
    ("split_at", Method::Pairs),
    ("split_first", Method::Pairs),
    ("split_last", Method::Pairs),
    ("split_whitespace", Method::Same),
    ("step_by", Method::Same),
    ("swap_remove", Method::Element),
    ("take", Method::Same),
    ("take_while", Method::Kept),
    ("to_vec", Method::Same),
    ("try_fold", Method::Folded),
    ("try_for_each", Method::Visited),
    ("try_recv", Method::Element),
    ("values", Method::Same),
    ("values_mut", Method::Same),
    ("windows", Method::Pairs),
    ("zip", Method::Pairs),
];

/// `name` is a method of collections and iterators.
pub(crate) fn knows(name: &str) -> bool {
    METHODS
        .binary_search_by(|(known, _)| (*known).cmp(name))
        .is_ok()
}

/// The pairs of key and value that iterating a mapping gives.
pub(super) fn pairs(solver: &mut Solver<'_>, alloc: AllocId, at: At) -> Node {
    let pair = solver.alloc(at, 2, ContainerKind::Tuple);
    let keys = solver.elem(alloc, ElemKey::Keys);
    let key = solver.elem(pair, ElemKey::Number(0));
    solver.edge(keys, key);
    let all = solver.allocs[alloc.0 as usize].all;
    let value = solver.elem(pair, ElemKey::Number(1));
    solver.edge(all, value);
    let node = solver.fresh();
    solver.put(node, Value::Container(pair));
    node
}

/// A method of the container `alloc` is called.
pub(super) fn call(
    solver: &mut Solver<'_>,
    alloc: AllocId,
    name: &str,
    at: At,
    args: &[SiteArg],
    result: Node,
) {
    let first = argument(solver, args, Some(0), None);
    let second = argument(solver, args, Some(1), None);
    let is_mapping = solver.allocs[alloc.0 as usize].kind == ContainerKind::Dict;
    if is_mapping && call_mapping(solver, alloc, name, at, args, result) {
        return;
    }
    let container = solver.value(Value::Container(alloc));
    let element = solver.fresh();
    let known = METHODS.binary_search_by(|(known, _)| (*known).cmp(name));
    let Ok(known) = known else {
        // Slices, sorts, clones, collects, locks: the elements stay.
        solver.add(result, container);
        for arg in args {
            library::hand_over(solver, arg.node, at, &[element], EMPTY);
        }
        containers::elements(solver, container, element, at);
        return;
    };
    let method = &METHODS[known].1;
    if !matches!(method, Method::Same) {
        containers::elements(solver, container, element, at);
    }
    match method {
        Method::Same => solver.add(result, container),
        Method::Element => {
            solver.edge(element, result);
            library::hand_over(solver, first, at, &[element], EMPTY);
        }
        Method::Kept => {
            solver.add(result, container);
            library::hand_over(solver, first, at, &[element, element], EMPTY);
        }
        Method::Chosen => {
            solver.edge(element, result);
            library::hand_over(solver, first, at, &[element, element], EMPTY);
        }
        Method::Visited => library::hand_over(solver, first, at, &[element], EMPTY),
        Method::Mapped => {
            let made = made(solver, at, result);
            library::hand_over(solver, first, at, &[element], made);
        }
        Method::FlatMapped => {
            let made = made(solver, at, result);
            let given = solver.fresh();
            library::hand_over(solver, first, at, &[element], given);
            solver.on(given, Use::Elements { dst: made, at });
        }
        Method::Pairs => pair_up(solver, name, element, first, at, result),
        Method::Added => {
            let any = solver.elem(alloc, ElemKey::Any);
            solver.edge(first, any);
        }
        Method::Extended => {
            let any = solver.elem(alloc, ElemKey::Any);
            solver.on(first, Use::Elements { dst: any, at });
            solver.add(result, container);
        }
        Method::Folded => {
            let function = if second == EMPTY { first } else { second };
            let state = match second {
                EMPTY => element,
                _ => first,
            };
            solver.edge(state, result);
            let passed = match name {
                "find_map" => vec![element],
                _ => vec![result, element],
            };
            library::hand_over(solver, function, at, &passed, result);
        }
    }
}

/// A new container of what an adapter makes; gives the node of its elements.
fn made(solver: &mut Solver<'_>, at: At, result: Node) -> Node {
    let alloc = solver.alloc(at, 7, ContainerKind::List);
    solver.put(result, Value::Container(alloc));
    solver.elem(alloc, ElemKey::Any)
}

fn pair_up(solver: &mut Solver<'_>, name: &str, element: Node, other: Node, at: At, result: Node) {
    let pair = solver.alloc(at, 5, ContainerKind::Tuple);
    let pair_value = solver.value(Value::Container(pair));
    let left = solver.elem(pair, ElemKey::Number(0));
    let right = solver.elem(pair, ElemKey::Number(1));
    match name {
        "enumerate" => solver.edge(element, right),
        "zip" => {
            solver.edge(element, left);
            solver.on(other, Use::Elements { dst: right, at });
        }
        "split_first" | "split_last" => {
            solver.edge(element, left);
            let rest = solver.alloc(at, 6, ContainerKind::List);
            let any = solver.elem(rest, ElemKey::Any);
            solver.edge(element, any);
            solver.put(right, Value::Container(rest));
            solver.add(result, pair_value);
            return;
        }
        "partition" | "split_at" => {
            library::hand_over(solver, other, at, &[element], EMPTY);
            for side in [left, right] {
                let part = solver.alloc(at, 6, ContainerKind::List);
                let any = solver.elem(part, ElemKey::Any);
                solver.edge(element, any);
                solver.put(side, Value::Container(part));
            }
            solver.add(result, pair_value);
            return;
        }
        // Windows and chunks: lists of the same elements.
        _ => {
            solver.edge(element, left);
            solver.edge(element, right);
            let any = solver.elem(pair, ElemKey::Any);
            solver.edge(element, any);
        }
    }
    let made = made(solver, at, result);
    solver.add(made, pair_value);
}

/// Methods that a mapping has under the name of a sequence's, or alone; false
/// if it has no such method.
fn call_mapping(
    solver: &mut Solver<'_>,
    alloc: AllocId,
    name: &str,
    at: At,
    args: &[SiteArg],
    result: Node,
) -> bool {
    let container = solver.value(Value::Container(alloc));
    let first = argument(solver, args, Some(0), None);
    let second = argument(solver, args, Some(1), None);
    let all = solver.allocs[alloc.0 as usize].all;
    match name {
        "entry" => solver.add(result, container),
        "get" | "get_mut" | "remove" => {
            containers::load_item(solver, container, ItemKey::Node(first), result, at);
            solver.edge(all, result);
        }
        "insert" => {
            containers::store_item(solver, container, ItemKey::Node(first), second, at);
            solver.edge(all, result);
        }
        "values" | "values_mut" | "into_values" => {
            let made = made(solver, at, result);
            solver.edge(all, made);
        }
        "keys" | "into_keys" => {
            let made = made(solver, at, result);
            let keys = solver.elem(alloc, ElemKey::Keys);
            solver.edge(keys, made);
        }
        "or_insert" | "or_insert_with" | "or_default" | "and_modify" => {
            let made = solver.fresh();
            library::hand_over(solver, first, at, &[all], made);
            let any = solver.elem(alloc, ElemKey::Any);
            for node in [first, made] {
                solver.edge(node, any);
            }
            solver.edge(all, result);
        }
        "iter" | "iter_mut" | "into_iter" | "drain" | "range" => {
            let made = made(solver, at, result);
            let pair = pairs(solver, alloc, at);
            solver.edge(pair, made);
        }
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::METHODS;

    #[test]
    fn methods_are_sorted() {
        assert!(METHODS.is_sorted_by_key(|(name, _)| *name));
    }
}
