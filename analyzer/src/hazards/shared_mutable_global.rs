mod touches;

use std::collections::BTreeMap;

use smol_str::format_smolstr;

use super::support::places::AllPlaces;
use super::support::{Callers, listed};
use super::{Context, Finding, Hazard, Severity};
use crate::graph::FuncId;
use crate::stages::Stage;
use touches::{Touch, Variable, of_classes, of_globals, of_shared_fields};

/// State that functions of several stages change and read.
pub(super) struct SharedMutableGlobal;

const EXPLANATION: &str = r#"
## What it finds
A module's global, a class attribute or a module-level object that a function
of one stage changes and a function of another stage reads; in Rust also what a
static, or a field of a shared state, guards by a mutex, cell or atomic. Within
one stage
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
        touches.extend(of_shared_fields(ctx, &places));
        for (variable, touches) in touches {
            found.extend(judge(ctx, &callers, &variable, &touches));
        }
    }
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
        setting: None,
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

    /// Findings in a Rust crate of one file whose functions are of the stages
    /// that `pins` say.
    fn in_rust(text: &str, pins: &[(&str, &str)]) -> Vec<String> {
        let pins = pins
            .iter()
            .map(|(name, stage)| (format!("src/main.rs:{name}"), (*stage).to_owned()));
        let options = crate::Options {
            catalog: crate::Catalog::built_in(),
            pins: pins.collect(),
        };
        let files = [
            ("Cargo.toml", "[package]\nname = \"app\""),
            ("src/main.rs", text),
        ];
        let tree = crate::SourceTree::from_texts("app", files);
        let analysis = crate::examine(&tree, &options);
        let found = analysis.findings.iter();
        found
            .filter(|finding| finding.hazard == SharedMutableGlobal.name())
            .map(|finding| finding.message.clone())
            .collect()
    }

    #[test]
    fn statics_are_shared_whatever_guards_them() {
        let text = "
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, RwLock, atomic::{AtomicU64, Ordering}};
static CACHE: LazyLock<Mutex<HashMap<u64, f64>>> = LazyLock::new(|| Mutex::new(HashMap::new()));
static MODEL: RwLock<Option<String>> = RwLock::new(None);
static SEEN: AtomicU64 = AtomicU64::new(0);
static mut LIMIT: f64 = 0.5;
const NAMES: [&str; 2] = [\"a\", \"b\"];
fn learn(id: u64) { let mut cache = CACHE.lock().unwrap(); cache.insert(id, 1.0); NAMES.len(); }
fn swap(model: String) { *MODEL.write().unwrap() = Some(model); unsafe { LIMIT = 0.7 } }
fn predict(id: u64) -> Option<f64> {
    SEEN.fetch_add(1, Ordering::Relaxed);
    let model = MODEL.read().unwrap();
    if unsafe { LIMIT } > 0.6 { return None; }
    CACHE.lock().unwrap().get(&id).copied()
}
fn watch() -> u64 { SEEN.load(Ordering::Relaxed) + NAMES.len() as u64 }
";
        let stages = [
            ("learn", "training"),
            ("swap", "deployment"),
            ("predict", "inference"),
            ("watch", "monitoring"),
        ];
        assert_eq!(
            in_rust(text, &stages),
            [
                "CACHE is changed by src/main.rs:9 (training) while src/main.rs:15 (inference) reads it",
                "MODEL is replaced by src/main.rs:10 (deployment) while src/main.rs:13 (inference) reads it",
                "SEEN is changed by src/main.rs:12 (inference) while src/main.rs:17 (monitoring) reads it",
                "LIMIT is replaced by src/main.rs:10 (deployment) while src/main.rs:14 (inference) reads it",
            ]
        );
    }

    #[test]
    fn fields_of_a_shared_state_are_shared() {
        let text = "
use std::sync::{Arc, Mutex, RwLock, atomic::{AtomicU64, Ordering}};
struct Model { weights: Vec<f64> }
#[derive(Clone)]
struct State { live: Arc<RwLock<Model>>, seen: Arc<AtomicU64>,
    log: Arc<Mutex<Vec<f64>>>, home: String }
impl State { fn open() -> State { State { live: Arc::new(RwLock::new(Model { weights: Vec::new() })), seen: Arc::default(), log: Arc::default(), home: String::new() } } }
fn promote(state: &State, model: Model) { *state.live.write().unwrap() = model; }
fn predict(state: &State) -> f64 {
    state.seen.fetch_add(1, Ordering::Relaxed);
    let score = state.live.read().unwrap().weights[0];
    let mut log = state.log.lock().unwrap();
    log.push(score);
    score
}
fn drift(state: &State) -> usize { state.home.len() + state.log.lock().unwrap().len() }
";
        let stages = [
            ("promote", "deployment"),
            ("predict", "inference"),
            ("drift", "monitoring"),
            ("State::open", "none"),
        ];
        assert_eq!(
            in_rust(text, &stages),
            [
                "State.live is replaced by src/main.rs:8 (deployment) while src/main.rs:11 (inference) reads it",
                "State.log is changed by src/main.rs:12 (inference) while src/main.rs:16 (monitoring) reads it",
            ]
        );
    }
}
