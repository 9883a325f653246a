//! Receivers that nothing types, guessed from the methods used on them.
//!
//! `tlist.token_next_by(…)` on an untyped parameter says much: if the classes
//! that have every attribute used on it form one hierarchy, the receiver is
//! taken to be of that hierarchy. The edges that follow are marked as guessed.

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::program::ClassId;
use super::solve::{Node, Solver, Use};
use super::values::{Sym, Value};

/// More candidates than this are no guess but a lottery.
const MAX_CLASSES: usize = 4;

/// Seeds untyped receivers; false if none could be.
pub(super) fn guess_receivers(solver: &mut Solver<'_>) -> bool {
    let by_method = classes_by_method(solver);
    let mut seeds: Vec<(Node, Vec<ClassId>)> = Vec::new();
    for idx in 1..solver.n_nodes() {
        let node = Node(idx);
        if !solver.is_unknown(node) {
            continue;
        }
        let loaded = loaded_names(solver, node);
        if loaded.is_empty() {
            continue;
        }
        if let Some(classes) = candidates(solver, &by_method, &loaded) {
            seeds.push((node, classes));
        }
    }
    let any = !seeds.is_empty();
    for (node, classes) in seeds {
        for class in classes {
            solver.put(node, Value::Instance(class));
        }
    }
    any
}

fn classes_by_method(solver: &Solver<'_>) -> FxHashMap<SmolStr, Vec<ClassId>> {
    let mut by_method: FxHashMap<SmolStr, Vec<ClassId>> = FxHashMap::default();
    for (idx, class) in solver.program.classes.iter().enumerate() {
        for name in class.methods.keys() {
            by_method
                .entry(name.clone())
                .or_default()
                .push(ClassId(idx as u32));
        }
    }
    by_method
}

fn loaded_names(solver: &Solver<'_>, node: Node) -> Vec<Sym> {
    let loads = solver.uses(node).iter().filter_map(|used| match used {
        Use::Load { name, .. } | Use::LoadPart { name, .. } => Some(*name),
        _ => None,
    });
    let mut names: Vec<Sym> = loads.collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The classes that may be meant, or `None` when that is anyone's guess.
fn candidates(
    solver: &Solver<'_>,
    by_method: &FxHashMap<SmolStr, Vec<ClassId>>,
    loaded: &[Sym],
) -> Option<Vec<ClassId>> {
    let telling: Vec<&SmolStr> = loaded
        .iter()
        .map(|name| solver.symbols.text(*name))
        .filter(|name| {
            let classes = by_method.get(*name);
            classes.is_some_and(|classes| is_telling(solver, classes, name))
        })
        .collect();
    let (first, rest) = telling.split_first()?;
    let mut classes = by_method[*first].clone();
    for name in rest {
        classes.retain(|class| super::classes::method(solver, *class, name).is_some());
    }
    if classes.is_empty() || classes.len() > MAX_CLASSES || !one_hierarchy(solver, &classes) {
        return None;
    }
    Some(classes)
}

/// A name that a library's or builtin type has too tells nothing.
fn is_telling(solver: &Solver<'_>, classes: &[ClassId], name: &str) -> bool {
    let is_idiom = |class: &ClassId| {
        let root = solver.program.class(*class).root;
        super::root::is_idiom(solver.catalog, root, name)
    };
    !name.starts_with("__")
        && solver.catalog.types_with_method(name).is_empty()
        && !classes.iter().any(is_idiom)
        && !COMMON.contains(&name)
}

const COMMON: &[&str] = &[
    "add",
    "append",
    "clear",
    "close",
    "copy",
    "count",
    "decode",
    "discard",
    "encode",
    "endswith",
    "execute",
    "extend",
    "find",
    "fit",
    "flush",
    "format",
    "get",
    "index",
    "info",
    "insert",
    "items",
    "join",
    "json",
    "keys",
    "load",
    "lower",
    "open",
    "pop",
    "predict",
    "put",
    "read",
    "remove",
    "replace",
    "reverse",
    "run",
    "save",
    "send",
    "set",
    "shape",
    "sort",
    "split",
    "start",
    "startswith",
    "stop",
    "strip",
    "transform",
    "update",
    "upper",
    "values",
    "write",
];

fn one_hierarchy(solver: &Solver<'_>, classes: &[ClassId]) -> bool {
    let roots = |class: ClassId| -> FxHashSet<ClassId> {
        let mro = &solver.program.class(class).mro;
        mro.iter().copied().collect()
    };
    let mut common = roots(classes[0]);
    for class in &classes[1..] {
        common.retain(|root| solver.program.class(*class).mro.contains(root));
    }
    !common.is_empty()
}
