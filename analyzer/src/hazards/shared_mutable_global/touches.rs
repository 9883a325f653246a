//! Who reads and who changes what is shared: module globals, and attributes of classes.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::{SmolStr, format_smolstr};

use super::super::Context;
use super::super::support::places::{AllPlaces, Places, Role};
use crate::graph::call::AttributeOwner;
use crate::graph::globals::{MUTATORS, global_accesses};
use crate::graph::guards;
use crate::graph::{ClassId, FuncId, Held};
use crate::modules::FileId;
use crate::syntax::facts::{CompareOp, ExprId, ExprKind, ScopeId, StmtKind};
use crate::syntax::walk::each_stmt;

/// What is shared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Variable {
    pub(super) file: FileId,
    pub(super) name: SmolStr,
    pub(super) line: u32,
}

#[derive(Clone, Debug)]
pub(super) struct Touch {
    pub(super) function: FuncId,
    pub(super) file: FileId,
    pub(super) line: u32,
    pub(super) key: Option<SmolStr>,
    pub(super) writes: bool,
    /// Bound anew, not changed in place.
    pub(super) rebinds: bool,
}

pub(super) type Touches = BTreeMap<Variable, Vec<Touch>>;

pub(super) fn of_globals(ctx: &Context<'_>, places: &AllPlaces<'_>) -> Touches {
    let changing = changing_methods(ctx, places);
    let mut touches: Touches = BTreeMap::new();
    for access in global_accesses(ctx.modules, ctx.program) {
        let places = places.of(access.file);
        let method = places.method_call(access.expr);
        if method.is_some() && access.writes && is_a_client(ctx, access.file, access.expr) {
            continue;
        }
        // An object's own methods may change it.
        let changes = method.is_some_and(|(call, _)| {
            let mut calls = ctx.call_graph.calls_at(access.file, call);
            calls.any(|edge| changing.contains(&edge.callee))
        });
        let key = access.key.clone().or_else(|| {
            let parent = places.parent(access.expr).filter(|_| method.is_none())?;
            match &places.facts.expr(parent).kind {
                ExprKind::Attr { name, .. } => Some(name.clone()),
                ExprKind::Compare { operands, ops } => match ops[..] {
                    // `"key" in STATE`
                    [CompareOp::In | CompareOp::NotIn] => {
                        match &places.facts.expr(operands[0]).kind {
                            ExprKind::Str(key) => Some(key.clone()),
                            _ => None,
                        }
                    }
                    _ => None,
                },
                _ => None,
            }
        });
        let is_target = matches!(places.role(access.expr), Role::Target | Role::Augmented);
        let variable = Variable {
            file: access.owner,
            line: defined_at(ctx, access.owner, ScopeId::MODULE, &access.name),
            name: access.name,
        };
        touches.entry(variable).or_default().push(Touch {
            function: access.function,
            file: access.file,
            line: access.line,
            writes: access.writes || changes,
            rebinds: is_target && key.is_none() && places.parent(access.expr).is_none(),
            key,
        });
    }
    touches
}

/// True if `expr` holds a library's object that is no container: its `add` or
/// `update` changes something outside, which is an effect, not a global.
fn is_a_client(ctx: &Context<'_>, file: FileId, expr: ExprId) -> bool {
    const CONTAINERS: &[&str] = &[
        "list",
        "dict",
        "set",
        "bytearray",
        "collections",
        "queue",
        "builtins",
        "multiprocessing",
        "pandas",
        "numpy",
        "asyncio",
        "cachetools",
        "arc_swap",
        "core",
        "crossbeam",
        "dashmap",
        "once_cell",
        "parking_lot",
        "std",
        "tokio",
    ];
    let held = ctx.call_graph.held(file, expr);
    let mut objects = held.iter().filter_map(|held| match held {
        Held::Object(path, _) | Held::External(path) => path.split('.').next(),
        _ => None,
    });
    let any = !held.is_empty();
    any && objects.clone().next().is_some() && objects.all(|root| !CONTAINERS.contains(&root))
}

/// Methods that write to an attribute of `self`, or change one in place.
fn changing_methods(ctx: &Context<'_>, places: &AllPlaces<'_>) -> FxHashSet<FuncId> {
    let mut changing = FxHashSet::default();
    for touch in &ctx.call_graph.attributes {
        let function = ctx.program.function(touch.function);
        if function.class.is_none() || !matches!(touch.owner, AttributeOwner::Class(_)) {
            continue;
        }
        let facts = ctx.modules.facts(function.file);
        let scope = facts.scope(function.scope);
        let ExprKind::Attr { base, .. } = &facts.expr(touch.expr).kind else {
            continue;
        };
        let receiver = scope.params.first().map(|param| &param.name);
        let on_self =
            matches!(&facts.expr(*base).kind, ExprKind::Name(name) if Some(name) == receiver);
        let makes = ctx.program.constructs(ctx.modules, touch.function);
        if on_self && makes.is_none() && (touch.writes || in_place(places, touch.file, touch.expr))
        {
            changing.insert(touch.function);
        }
    }
    changing
}

/// True if `expr` is changed in place: by a method, an item or `del`.
fn in_place(places: &AllPlaces<'_>, file: FileId, expr: ExprId) -> bool {
    let places = places.of(file);
    if let Some((_, method)) = places.method_call(expr) {
        return MUTATORS.contains(&method.as_str());
    }
    let Some(parent) = places.parent(expr) else {
        return false;
    };
    let is_item =
        matches!(&places.facts.expr(parent).kind, ExprKind::Item { base, .. } if *base == expr);
    is_item && matches!(places.role(parent), Role::Target | Role::Augmented)
}

/// Attributes that stand in a class's body, touched through the class, or
/// changed in place through an instance that has none of its own.
pub(super) fn of_classes(ctx: &Context<'_>, places: &AllPlaces<'_>) -> Touches {
    let mut by_attribute: FxHashMap<(ClassId, u32), Vec<_>> = FxHashMap::default();
    for touch in &ctx.call_graph.attributes {
        if let AttributeOwner::Class(class) = touch.owner {
            by_attribute
                .entry((class, touch.name))
                .or_default()
                .push(touch);
        }
    }
    let mut found: Touches = BTreeMap::new();
    for ((class, name), touches) in by_attribute {
        let definition = ctx.program.class(class);
        let name = ctx.call_graph.attribute_name(name);
        let line = defined_at(ctx, definition.file, definition.scope, name);
        if line == 0 {
            continue;
        }
        let through_class = |file: FileId, expr: ExprId| {
            let ExprKind::Attr { base, .. } = &ctx.modules.facts(file).expr(expr).kind else {
                return false;
            };
            let held = ctx.call_graph.held(file, *base);
            held.iter().any(|held| matches!(held, Held::Class(_)))
        };
        let own = touches
            .iter()
            .any(|touch| touch.writes && !through_class(touch.file, touch.expr));
        let scope = ctx.modules.facts(definition.file).scope(definition.scope);
        let variable = Variable {
            file: definition.file,
            name: format_smolstr!("{}.{name}", scope.qualname),
            line,
        };
        for touch in touches {
            let of_instance = own || !is_shared_container(ctx, class, name);
            if of_instance && !through_class(touch.file, touch.expr) {
                continue;
            }
            let changed = in_place(places, touch.file, touch.expr);
            found.entry(variable.clone()).or_default().push(Touch {
                function: touch.function,
                file: touch.file,
                line: ctx.modules.facts(touch.file).expr(touch.expr).line,
                key: None,
                writes: touch.writes || changed,
                rebinds: touch.writes,
            });
        }
    }
    found
}

/// Fields of a type through which threads share what they guard: a mutex, a
/// cell, an atomic.
pub(super) fn of_shared_fields(ctx: &Context<'_>, places: &AllPlaces<'_>) -> Touches {
    let mut found: Touches = BTreeMap::new();
    for touch in &ctx.call_graph.attributes {
        let AttributeOwner::Class(class) = touch.owner else {
            continue;
        };
        let definition = ctx.program.class(class);
        let name = ctx.call_graph.attribute_name(touch.name);
        let facts = ctx.modules.facts(touch.file);
        // To be made is not to be changed.
        if definition.root.is_none() || matches!(facts.expr(touch.expr).kind, ExprKind::Call { .. })
        {
            continue;
        }
        let Some(line) = guarded_field(ctx, class, name) else {
            continue;
        };
        let of = places.of(touch.file);
        let changed = changed_behind(&of, touch.expr);
        let scope = ctx.modules.facts(definition.file).scope(definition.scope);
        let variable = Variable {
            file: definition.file,
            name: format_smolstr!("{}.{name}", scope.qualname),
            line,
        };
        found.entry(variable).or_default().push(Touch {
            function: touch.function,
            file: touch.file,
            line: facts.expr(touch.expr).line,
            key: None,
            writes: touch.writes || changed,
            rebinds: touch.writes,
        });
    }
    found
}

/// The line of the field `name` of `class`, if its type guards what it holds.
fn guarded_field(ctx: &Context<'_>, class: ClassId, name: &str) -> Option<u32> {
    const GUARDED: &[&str] = &[
        "ArcSwap",
        "ArcSwapOption",
        "Cell",
        "DashMap",
        "DashSet",
        "Mutex",
        "OnceCell",
        "OnceLock",
        "RefCell",
        "RwLock",
    ];
    let definition = ctx.program.class(class);
    let facts = ctx.modules.facts(definition.file);
    let body = facts.scope(definition.scope).body.iter();
    body.into_iter().find_map(|stmt| {
        let StmtKind::Declare { target, annotation } = &stmt.kind else {
            return None;
        };
        let is_it = matches!(&facts.expr(*target).kind, ExprKind::Name(own) if own == name);
        if !is_it {
            return None;
        }
        let mut todo = vec![*annotation];
        while let Some(expr) = todo.pop() {
            if let ExprKind::Name(name) | ExprKind::Attr { name, .. } = &facts.expr(expr).kind
                && (GUARDED.contains(&name.as_str()) || name.starts_with("Atomic"))
            {
                return Some(stmt.line);
            }
            facts.expr(expr).kind.parts(|part| todo.push(part));
        }
        None
    })
}

/// What `expr` guards is changed where it stands, or under the name it gets.
fn changed_behind(places: &Places<'_>, expr: ExprId) -> bool {
    let facts = places.facts;
    let mut at = expr;
    loop {
        if let Some((call, method)) = places.method_call(at) {
            if guards::changes(facts, method) {
                return true;
            }
            if !guards::opens(facts, method) {
                return false;
            }
            at = call;
            continue;
        }
        match places.parent(at) {
            Some(parent) => match &facts.expr(parent).kind {
                ExprKind::Await(_) => at = parent,
                ExprKind::Item { base, .. } | ExprKind::Attr { base, .. } if *base == at => {
                    at = parent;
                }
                _ => return false,
            },
            None => break,
        }
    }
    match places.role(at) {
        Role::Target | Role::Augmented => true,
        Role::Assigned(targets) => targets
            .iter()
            .any(|target| match &facts.expr(*target).kind {
                ExprKind::Name(name) => {
                    let uses = places.uses(places.owner(*target), name).iter();
                    uses.filter(|used| **used != *target && **used > at)
                        .any(|used| changed_behind(places, *used))
                }
                _ => false,
            }),
        _ => false,
    }
}

/// True if the class's body makes `name` a container that all instances
/// share: a data class, or a class of a library's, may give each its own.
fn is_shared_container(ctx: &Context<'_>, class: ClassId, name: &str) -> bool {
    const MAKERS: &[&str] = &[
        "list",
        "dict",
        "set",
        "deque",
        "defaultdict",
        "OrderedDict",
        "Counter",
        "Queue",
    ];
    let definition = ctx.program.class(class);
    let facts = ctx.modules.facts(definition.file);
    let mut shared = false;
    each_stmt(&facts.scope(definition.scope).body, &mut |stmt| {
        let StmtKind::Assign { targets, value, .. } = &stmt.kind else {
            return;
        };
        let binds = targets
            .iter()
            .any(|target| matches!(&facts.expr(*target).kind, ExprKind::Name(own) if own == name));
        shared |= binds
            && match &facts.expr(*value).kind {
                ExprKind::List(_) | ExprKind::Dict(_) | ExprKind::Set(_) => true,
                ExprKind::Call { callee, .. } => {
                    let path = facts.dotted(*callee).unwrap_or_default();
                    MAKERS.contains(&path.rsplit('.').next().unwrap_or_default())
                }
                _ => false,
            };
    });
    shared && ctx.program.library_bases(class).is_empty()
}

/// The line on which a body first binds `name`; 0 if it does not.
fn defined_at(ctx: &Context<'_>, file: FileId, scope: ScopeId, name: &str) -> u32 {
    let facts = ctx.modules.facts(file);
    let binds =
        |target: &ExprId| matches!(&facts.expr(*target).kind, ExprKind::Name(own) if own == name);
    let mut line = 0;
    each_stmt(&facts.scope(scope).body, &mut |stmt| {
        let bound = match &stmt.kind {
            StmtKind::Assign { targets, .. } => targets.iter().any(binds),
            StmtKind::Declare { target, .. } => binds(target),
            _ => false,
        };
        if bound && line == 0 {
            line = stmt.line;
        }
    });
    line
}
