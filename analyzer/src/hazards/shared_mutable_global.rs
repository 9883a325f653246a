use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::{SmolStr, format_smolstr};

use super::support::places::{AllPlaces, Role};
use super::support::{Callers, listed};
use super::{Context, Finding, Hazard, Severity};
use crate::graph::call::AttributeOwner;
use crate::graph::globals::global_accesses;
use crate::graph::{ClassId, FuncId, Held};
use crate::modules::FileId;
use crate::stages::Stage;
use crate::syntax::facts::{CompareOp, ExprId, ExprKind, ScopeId, StmtKind};

/// State that functions of several stages change and read.
pub(super) struct SharedMutableGlobal;

const EXPLANATION: &str = r#"
## What it finds
A module's global, a class attribute or a module-level object that a function
of one stage changes and a function of another stage reads. Within one stage
it is noted when the change happens in a request, a thread or a job. What is
only filled while modules are imported, such as a registry, is not found.

## Why it matters at a cut
The two stages see the same variable only because they share a process. After
the cut each has its own copy: the change is made on one side and never
arrives on the other, without any error.

## Example
```python
MODEL = None

def promote(path):  # deployment
    global MODEL
    MODEL = load(path)

def predict(rows):  # inference
    return MODEL.predict(rows)
```

## What to do
Hand the value over by name: keep it in a registry, blob, table or queue, and
let the reader fetch it or be told. What only serves as a cache stays within
the stage that reads it.
"#;

impl Hazard for SharedMutableGlobal {
    fn name(&self) -> &'static str {
        "shared-mutable-global"
    }

    fn explanation(&self) -> &'static str {
        EXPLANATION
    }

    fn check(&self, ctx: &Context<'_>, found: &mut Vec<Finding>) {
        let callers = Callers::new(ctx);
        let places = AllPlaces::new(ctx.modules);
        let mut touches = of_globals(ctx, &places);
        touches.extend(of_classes(ctx, &places));
        for (variable, touches) in touches {
            found.extend(judge(ctx, &callers, &variable, &touches));
        }
    }
}

/// What is shared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Variable {
    file: FileId,
    name: SmolStr,
    line: u32,
}

#[derive(Clone, Debug)]
struct Touch {
    function: FuncId,
    file: FileId,
    line: u32,
    key: Option<SmolStr>,
    writes: bool,
    /// Bound anew, not changed in place.
    rebinds: bool,
}

type Touches = BTreeMap<Variable, Vec<Touch>>;

fn of_globals(ctx: &Context<'_>, places: &AllPlaces<'_>) -> Touches {
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
        let is_init = scope.name == "__init__";
        if on_self && !is_init && (touch.writes || in_place(places, touch.file, touch.expr)) {
            changing.insert(touch.function);
        }
    }
    changing
}

/// True if `expr` is changed in place: by a method, an item or `del`.
fn in_place(places: &AllPlaces<'_>, file: FileId, expr: ExprId) -> bool {
    const MUTATORS: &[&str] = &[
        "add",
        "append",
        "appendleft",
        "clear",
        "discard",
        "extend",
        "insert",
        "pop",
        "popitem",
        "popleft",
        "put",
        "remove",
        "setdefault",
        "update",
    ];
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
fn of_classes(ctx: &Context<'_>, places: &AllPlaces<'_>) -> Touches {
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
    super::support::places::each_stmt(&facts.scope(definition.scope).body, &mut |stmt| {
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
    super::support::places::each_stmt(&facts.scope(scope).body, &mut |stmt| {
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

/// A writer and a reader that do not see each other after a cut.
struct Pair<'t> {
    severity: Severity,
    write: &'t Touch,
    read: &'t Touch,
    between: Option<(Stage, Stage)>,
}

fn judge(
    ctx: &Context<'_>,
    callers: &Callers<'_>,
    variable: &Variable,
    touches: &[Touch],
) -> Option<Finding> {
    let in_function = |touch: &&Touch| !ctx.is_module(touch.function);
    let writes: Vec<&Touch> = touches
        .iter()
        .filter(in_function)
        .filter(|touch| touch.writes && !callers.only_at_import(touch.function))
        .collect();
    let reads = || {
        touches
            .iter()
            .filter(in_function)
            .filter(|touch| !touch.writes)
    };
    let mut pairs: Vec<Pair<'_>> = Vec::new();
    for write in &writes {
        for read in reads().filter(|read| read.function != write.function) {
            let apart = matches!((&write.key, &read.key), (Some(a), Some(b)) if a != b);
            if !apart {
                pairs.extend(pair(ctx, callers, write, read));
            }
        }
    }
    pairs.sort_by_key(|pair| (std::cmp::Reverse(pair.severity), !pair.write.rebinds));
    let worst = pairs.first()?;
    // Of each function that reads what the worst write leaves, the first place.
    let mut reads: BTreeMap<FuncId, &Touch> = BTreeMap::new();
    for pair in &pairs {
        let same = pair.severity == worst.severity
            && pair.between == worst.between
            && pair.write.function == worst.write.function;
        if same {
            let first = reads.entry(pair.read.function).or_insert(pair.read);
            if pair.read.line < first.line {
                *first = pair.read;
            }
        }
    }
    let readers: Vec<String> = reads
        .values()
        .map(|read| describe(ctx, callers, read))
        .collect();
    let does = if worst.write.rebinds {
        "replaced"
    } else {
        "changed"
    };
    let verb = if readers.len() == 1 { "reads" } else { "read" };
    let message = format!(
        "{} is {does} by {} while {} {verb} it",
        variable.name,
        describe(ctx, callers, worst.write),
        listed(&readers),
    );
    let mut related = Vec::new();
    for pair in &pairs {
        for (touch, does) in [(pair.write, "changes"), (pair.read, "reads")] {
            let note = format_smolstr!("{} {does} it", ctx.qualname(touch.function));
            related.push((touch.file, touch.line, note));
        }
    }
    let mend = match worst.severity {
        Severity::Note => format!(
            "Keep {} outside the process, or accept that each process has its own.",
            variable.name
        ),
        _ => format!(
            "Hand {} over by name, through a registry, blob, table or queue, and let the reader fetch it.",
            variable.name
        ),
    };
    let line = match variable.line {
        0 => worst.write.line,
        line => line,
    };
    let at_home = variable.line != 0;
    let home = ctx.program.module_func(variable.file).filter(|_| at_home);
    Some(Finding {
        hazard: SharedMutableGlobal.name(),
        severity: worst.severity,
        file: if at_home {
            variable.file
        } else {
            worst.write.file
        },
        line,
        function: home.unwrap_or(worst.write.function),
        message,
        mend,
        between: worst.between,
        related,
    })
}

fn pair<'t>(
    ctx: &Context<'_>,
    callers: &Callers<'_>,
    write: &'t Touch,
    read: &'t Touch,
) -> Option<Pair<'t>> {
    let (from, to) = (
        ctx.stages.stage(write.function),
        ctx.stages.stage(read.function),
    );
    let pair = |severity, between| {
        Some(Pair {
            severity,
            write,
            read,
            between,
        })
    };
    if from.is_pipeline() && to.is_pipeline() {
        return match from == to {
            false => pair(Severity::Blocks, Some((from, to))),
            true if callers.is_concurrent(write.function) => pair(Severity::Note, None),
            true => None,
        };
    }
    let (writers, readers) = (
        callers.stages(write.function),
        callers.stages(read.function),
    );
    let mut apart = writers
        .iter()
        .flat_map(|from| readers.iter().map(move |to| (*from, *to)))
        .filter(|(from, to)| from != to);
    match apart.next() {
        Some(between) => pair(Severity::Costs, Some(between)),
        None if writers.is_empty() && readers.is_empty() => None,
        None if callers.is_concurrent(write.function) => pair(Severity::Note, None),
        None => None,
    }
}

fn describe(ctx: &Context<'_>, callers: &Callers<'_>, touch: &Touch) -> String {
    let place = ctx.place(touch.file, touch.line);
    let stage = ctx.stages.stage(touch.function);
    let stages: Vec<String> = callers
        .stages(touch.function)
        .iter()
        .map(|stage| stage.name().to_owned())
        .collect();
    match (stage.is_pipeline(), stages.as_slice()) {
        (true, _) | (_, []) => format!("{place} ({stage})"),
        _ => format!("{place} (called by {})", listed(&stages)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hazards::support::testing::check;

    #[test]
    fn what_one_stage_replaces_and_another_reads_blocks() {
        check(
            &SharedMutableGlobal,
            "
MODEL = None
def swap(path):  # deployment
    global MODEL
    MODEL = open(path)
def predict(rows):  # inference
    return MODEL.predict(rows)
",
            &[
                "app.py:1 blocks MODEL is replaced by app.py:4 (deployment) while app.py:6 (inference) reads it",
            ],
        );
    }

    #[test]
    fn it_is_seen_through_modules_and_in_containers() {
        check(
            &SharedMutableGlobal,
            "
# --- state.py
RECENT = []
# --- serve.py
import state
def predict(row):  # inference
    state.RECENT.append(row)
# --- monitor.py
from state import RECENT
def drift():  # monitoring
    return len(RECENT)
",
            &[
                "state.py:1 blocks RECENT is changed by serve.py:3 (inference) while monitor.py:3 (monitoring) reads it",
            ],
        );
    }

    #[test]
    fn two_keys_are_two_things() {
        check(
            &SharedMutableGlobal,
            "
STATE = {}
def train():  # training
    STATE['trained'] = 1
def predict():  # inference
    return STATE['threshold']
",
            &[],
        );
    }

    #[test]
    fn attributes_of_a_class_and_objects_are_shared_too() {
        check(
            &SharedMutableGlobal,
            "
class Live:
    model = None
class Store:
    def __init__(self):
        self.rows = []
    def put(self, row):
        self.rows.append(row)
    def all(self):
        return self.rows
STORE = Store()
def promote(model):  # deployment
    Live.model = model
def predict(rows):  # inference
    STORE.put(rows)
    return Live.model.predict(rows)
def drift():  # monitoring
    return STORE.all()
",
            &[
                "app.py:2 blocks Live.model is replaced by app.py:12 (deployment) while app.py:15 (inference) reads it",
                "app.py:10 blocks STORE is changed by app.py:14 (inference) while app.py:17 (monitoring) reads it",
            ],
        );
    }

    #[test]
    fn within_a_stage_a_change_in_a_request_is_noted() {
        check(
            &SharedMutableGlobal,
            "
CACHE = {}
def predict(key):  # inference, POST /predict
    CACHE[key] = 1
def score(key):  # inference
    return CACHE.get(key)
",
            &["app.py:1 note CACHE is changed"],
        );
    }

    #[test]
    fn registries_constants_and_lazy_values_are_not_found() {
        check(
            &SharedMutableGlobal,
            "
KINDS = {}
LIMIT = 3
_settings = None
def register(name):
    def decorate(func):
        KINDS[name] = func
        return func
    return decorate
@register('a')
def train():  # training
    return LIMIT
def predict():  # inference
    return KINDS['a'], LIMIT, settings()
def settings():  # shared
    global _settings
    if _settings is None:
        _settings = 1
    return _settings
",
            &[],
        );
    }

    #[test]
    fn what_a_script_runs_is_no_registry() {
        check(
            &SharedMutableGlobal,
            "
MODEL = None
def train():  # training
    global MODEL
    MODEL = 1
def predict():  # inference
    return MODEL
if __name__ == '__main__':
    train()
    predict()
",
            &["app.py:1 blocks MODEL is replaced by app.py:4"],
        );
    }

    #[test]
    fn helpers_count_for_the_stages_that_call_them() {
        check(
            &SharedMutableGlobal,
            "
TIMES = {}
def note(name):  # shared
    TIMES[name] = 1
def train():  # training
    note('train')
def watch():  # monitoring
    return TIMES
",
            &[
                "app.py:1 costs TIMES is changed by app.py:3 (called by training) while app.py:7 (monitoring) reads it",
            ],
        );
    }
}
