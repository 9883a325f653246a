use std::collections::BTreeMap;

use rustc_hash::FxHashSet;
use smol_str::format_smolstr;

use super::support::{Callers, listed};
use super::{Context, Finding, Hazard, Severity};
use crate::effects::{Access, Resource, ResourceAccess, ResourceKind};
use crate::graph::FuncId;
use crate::modules::FileId;
use crate::stages::Stage;

/// A file that one stage writes and another reads.
pub(super) struct LocalFileHandoff;

const EXPLANATION: &str = r#"
## What it finds
A file or model, by its path, that a function of one stage writes and a
function of another stage reads. Between two functions of one stage it is only
noted.

## Why it matters at a cut
The path works because both sides share a disk. After the cut they run on
different machines: the reader finds nothing, or an old version, or half of a
file that is still being written.

## Example
```python
import joblib

def train(rows):  # training
    joblib.dump(fit(rows), "model.joblib")

def load():  # inference
    return joblib.load("model.joblib")
```

## What to do
Make the file a blob with a version in its name: write it whole, then announce
it, and let the reader ask for that version.
"#;

impl Hazard for LocalFileHandoff {
    fn name(&self) -> &'static str {
        "local-file-handoff"
    }

    fn explanation(&self) -> &'static str {
        EXPLANATION
    }

    fn check(&self, ctx: &Context<'_>, found: &mut Vec<Finding>) {
        let callers = Callers::new(ctx);
        let files = ctx.effects.resources.iter().filter(|resource| {
            matches!(resource.kind, ResourceKind::File | ResourceKind::Model)
                && resource.is_identified()
        });
        for resource in files {
            judge(ctx, &callers, resource, found);
        }
    }
}

/// An access and one function that it is made for.
type Side<'r> = (&'r ResourceAccess, FuncId);

fn judge(ctx: &Context<'_>, callers: &Callers<'_>, resource: &Resource, found: &mut Vec<Finding>) {
    let side = |wanted: &[Access]| -> Vec<Side<'_>> {
        let accesses = resource.accesses.iter();
        accesses
            .filter(|access| wanted.contains(&access.access) && !is_probe(ctx, access))
            .flat_map(|access| {
                access
                    .actors()
                    .into_iter()
                    .map(move |actor| (access, actor))
            })
            .collect()
    };
    let writes = side(&[Access::Write, Access::Append]);
    let reads = side(&[Access::Read]);
    let mut handoffs: Vec<(Stage, Stage, Side<'_>, Side<'_>)> = Vec::new();
    for write in &writes {
        for read in reads.iter().filter(|read| read.1 != write.1) {
            for from in callers.stages(write.1) {
                for to in callers.stages(read.1) {
                    handoffs.push((from, to, *write, *read));
                }
            }
        }
    }
    let across = handoffs.iter().any(|(from, to, ..)| from != to);
    handoffs.retain(|(from, to, ..)| (from != to) == across);
    let Some((from, to, write, _)) = handoffs.first().copied() else {
        return;
    };
    // Of each function that reads it, the first place.
    let mut reads: BTreeMap<(Stage, FuncId), (FileId, u32)> = BTreeMap::new();
    for (_, to, _, (access, actor)) in &handoffs {
        let place = place_of(ctx, access, *actor);
        let first = reads.entry((*to, *actor)).or_insert(place);
        *first = place.min(*first);
    }
    let mut readers: Vec<String> = reads
        .iter()
        .map(|((to, _), (file, line))| format!("{} ({to})", ctx.place(*file, *line)))
        .collect();
    readers.sort();
    readers.dedup();
    let mut told = FxHashSet::default();
    let sides = handoffs
        .iter()
        .flat_map(|(_, _, write, read)| [(write, "writes"), (read, "reads")]);
    let sides = sides.filter(|((access, actor), does)| {
        told.insert((std::ptr::from_ref(*access), *actor, *does))
    });
    let related = sides.map(|((access, actor), does)| {
        let note = format_smolstr!("{} {does} it", ctx.qualname(*actor));
        let (file, line) = place_of(ctx, access, *actor);
        (file, line, note)
    });
    let verb = if readers.len() == 1 { "reads" } else { "read" };
    let (access, actor) = write;
    let (file, line) = place_of(ctx, access, actor);
    found.push(Finding {
        hazard: LocalFileHandoff.name(),
        severity: if across {
            Severity::Costs
        } else {
            Severity::Note
        },
        file,
        line,
        function: actor,
        message: format!(
            "{} is written by {} ({from}) and {} {verb} it",
            resource.identity,
            ctx.place(file, line),
            listed(&readers),
        ),
        mend: if across {
            format!(
                "Keep {} as a versioned blob that {from} announces and {to} fetches.",
                resource.identity
            )
        } else {
            format!(
                "Keep {} as a blob when {from} is to run on more than one machine.",
                resource.identity
            )
        },
        between: across.then_some((from, to)),
        related: related.collect(),
        setting: None,
    });
}

/// Where it happens; for a helper, where it is called by the function that it
/// works for.
fn place_of(ctx: &Context<'_>, access: &ResourceAccess, actor: FuncId) -> (FileId, u32) {
    let calls = &ctx.call_graph.calls;
    let start = calls.partition_point(|edge| edge.caller < actor);
    let mut edges = calls[start..].iter();
    let edge = edges
        .by_ref()
        .take_while(|edge| edge.caller == actor)
        .find(|edge| edge.callee == access.function);
    match edge {
        Some(edge) if actor != access.function => (edge.file, edge.line),
        _ => (access.file, access.line),
    }
}

/// True if the call only asks whether the file is there, or makes a folder:
/// neither hands anything on.
fn is_probe(ctx: &Context<'_>, access: &ResourceAccess) -> bool {
    const PROBES: &[&str] = &[
        "exists",
        "try_exists",
        "is_file",
        "is_dir",
        "isfile",
        "isdir",
        "stat",
        "metadata",
        "symlink_metadata",
        "getsize",
        "getmtime",
        "makedirs",
        "mkdir",
    ];
    let mut calls = ctx.call_graph.library_calls_at(access.file, access.expr);
    calls.any(|call| PROBES.contains(&call.path.rsplit('.').next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hazards::support::testing::check;

    #[test]
    fn a_file_between_two_stages_costs() {
        check(
            &LocalFileHandoff,
            "
import os
import pandas as pd
HOME = 'var'
def prepare(frame):  # preprocessing
    frame = pd.DataFrame(frame)
    frame.to_csv(f'{HOME}/train.csv')
def train():  # training
    return pd.read_csv(os.path.join(HOME, 'train.csv'))
",
            &[
                "app.py:6 costs var/train.csv is written by app.py:6 (preprocessing) and app.py:8 (training) reads it",
            ],
        );
    }

    #[test]
    fn a_helper_writes_for_its_caller() {
        check(
            &LocalFileHandoff,
            "
import json
def save(path, value):  # shared
    with open(path, 'w') as handle:
        json.dump(value, handle)
def load(path):  # shared
    with open(path) as handle:
        return json.load(handle)
def evaluate():  # evaluation
    save('threshold.json', 1)
def predict():  # inference
    return load('threshold.json')
def note():  # monitoring
    save('drift.json', 1)
",
            &[
                "app.py:9 costs threshold.json is written by app.py:9 (evaluation) and app.py:6 (inference) reads it",
            ],
        );
    }

    #[test]
    fn making_a_folder_hands_nothing_on() {
        check(
            &LocalFileHandoff,
            "
import os
def prepare():  # preprocessing
    os.makedirs('data/raw', exist_ok=True)
def train():  # training
    return os.listdir('data/raw')
",
            &[],
        );
    }

    #[test]
    fn within_a_stage_it_is_a_note_and_one_function_alone_is_nothing() {
        check(
            &LocalFileHandoff,
            "
import joblib
def save(model):  # training
    joblib.dump(model, 'tmp.joblib')
def resume():  # training
    return joblib.load('tmp.joblib')
def again(model):  # evaluation
    joblib.dump(model, 'own.joblib')
    return joblib.load('own.joblib')
",
            &["app.py:3 note"],
        );
    }

    #[test]
    fn a_path_that_says_nothing_is_not_compared() {
        check(
            &LocalFileHandoff,
            "
import joblib
def save(model, path):  # training
    joblib.dump(model, path)
def load(path):  # inference
    return joblib.load(path)
",
            &[],
        );
    }

    #[test]
    fn files_of_rust_are_handed_over_too() {
        check(
            &LocalFileHandoff,
            r#"
// --- src/main.rs
use std::fs::{self, File};
use std::io::{BufReader, BufWriter};
const HOME: &str = "var";
fn prepare(text: &str) { // preprocessing
    fs::write(format!("{HOME}/train.csv"), text).unwrap();
}
fn train() -> Vec<Row> { // training
    let mut reader = csv::Reader::from_path("var/train.csv").unwrap();
    reader.deserialize().collect()
}
fn evaluate(report: &Report) { // evaluation
    let file = File::create("metrics.json").unwrap();
    serde_json::to_writer(BufWriter::new(file), report).unwrap();
}
fn gate() -> Report { // deployment
    let file = File::open("metrics.json").unwrap();
    serde_json::from_reader(BufReader::new(file)).unwrap()
}
fn export(rows: &[Row]) { // ingestion
    let mut writer = csv::Writer::from_path("raw.csv").unwrap();
    writer.serialize(rows).unwrap();
}
fn clean() -> String { // preprocessing
    std::fs::read_to_string("raw.csv").unwrap()
}
fn main() {}
"#,
            &[
                "src/main.rs:5 costs var/train.csv is written by src/main.rs:5 (preprocessing) and src/main.rs:8 (training) reads it",
                "src/main.rs:12 costs metrics.json is written by src/main.rs:12 (evaluation) and src/main.rs:16 (deployment) reads it",
                "src/main.rs:20 costs raw.csv is written by src/main.rs:20 (ingestion) and src/main.rs:24 (preprocessing) reads it",
            ],
        );
    }

    #[test]
    fn asking_whether_a_file_is_there_hands_nothing_on_in_rust() {
        check(
            &LocalFileHandoff,
            r#"
// --- src/main.rs
use std::path::Path;
fn prepare(text: &str) { // preprocessing
    std::fs::create_dir_all("data").unwrap();
    std::fs::write("data/done", text).unwrap();
}
fn train() -> bool { // training
    Path::new("data/done").exists() && std::fs::metadata("data/done").is_ok()
}
fn main() {}
"#,
            &[],
        );
    }
}
