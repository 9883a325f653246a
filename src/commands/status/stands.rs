//! Where each stage stands, from what the proxy, the functions and the report
//! say: any of the three may be missing.

use std::collections::BTreeSet;

use serde_json::Value;
use toml::Table;

use super::{evidence, share};
use crate::words::{roughly, text};

/// The stages in the order of the data.
const STAGES: [&str; 7] = [
    "ingestion",
    "preprocessing",
    "training",
    "evaluation",
    "deployment",
    "inference",
    "monitoring",
];

/// What is known.
#[derive(Default)]
pub(super) struct Known {
    /// What the proxy says.
    pub(super) board: Option<Value>,
    /// The split report.
    pub(super) report: Option<Value>,
    pub(super) functions: Option<Functions>,
    /// The file that the proxy is started with, for commands.
    pub(super) routes: String,
    /// The stages of that file; nothing where it cannot be read.
    pub(super) stages: Option<BTreeSet<String>>,
}

/// `functions.toml`.
pub(super) struct Functions {
    /// As commands name it.
    pub(super) file: String,
    pub(super) table: Table,
    /// `cutline run` answers where the file says.
    pub(super) runs: bool,
}

/// One stage.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) stage: String,
    /// How far it has come.
    pub(super) stands: String,
    /// What comes next by itself, or the command that takes it further.
    pub(super) next: String,
}

/// A row for each stage that something is known of: first in the order in which
/// the report would move them, then in that of the data, then the proxy's own.
pub(super) fn rows(known: &Known) -> Vec<Row> {
    let order = list(known.report.as_ref(), "order").map(|step| text(&step["stage"]));
    let proxied = list(known.board.as_ref(), "stages").map(|stage| text(&stage["name"]));
    let mut seen = BTreeSet::new();
    let stages = order.chain(STAGES).chain(proxied);
    stages
        .filter(|stage| !stage.is_empty() && seen.insert(*stage))
        .filter_map(|stage| row(known, stage))
        .collect()
}

fn row(known: &Known, stage: &str) -> Option<Row> {
    let board = list(known.board.as_ref(), "stages").find(|known| text(&known["name"]) == stage);
    let declared = known
        .functions
        .as_ref()
        .and_then(|functions| Some((functions, functions.open(stage)?)));
    let analysed = list(known.report.as_ref(), "stages")
        .any(|entry| text(&entry["stage"]) == stage && entry["functions"].as_u64() > Some(0));
    let moved = board.filter(|stage| text(&stage["now"]["mode"]) != "monolith");
    let (stands, next) = match (moved, declared, board) {
        (Some(board), _, _) => moving(stage, board),
        (None, Some((functions, 0)), _) => (
            "configured".to_owned(),
            configured(known, functions, stage, board),
        ),
        (None, Some((functions, open)), _) => (
            match open {
                1 => "configured, 1 value open".to_owned(),
                open => format!("configured, {open} values open"),
            },
            format!("cutline functions --config {}", functions.file),
        ),
        (None, None, Some(board)) => ("with the monolith".to_owned(), begin(known, stage, board)),
        (None, None, None) if analysed => ("analyzed".to_owned(), declare(known)),
        (None, None, None) => return None,
    };
    Some(Row {
        stage: stage.to_owned(),
        stands,
        next,
    })
}

/// Some of its requests reach the candidate.
fn moving(stage: &str, board: &Value) -> (String, String) {
    let now = &board["now"];
    let seen = match evidence(board).as_str() {
        "–" => "nothing compared yet".to_owned(),
        seen => seen.to_owned(),
    };
    let shown = share(now);
    let stands = match text(&now["mode"]) {
        "candidate" => {
            return (
                "retired: the candidate answers all".to_owned(),
                "–".to_owned(),
            );
        }
        "shadow" => format!("shadowing {}: {seen}", shown.trim_start_matches("shadow ")),
        "split" => format!("split at {}: {seen}", shown.trim_start_matches("split ")),
        "reverse-shadow" => format!("the candidate answers, the monolith is asked too: {seen}"),
        _ => format!("{shown}: {seen}"),
    };
    let next = match rollout(stage, board) {
        Some(next) => next,
        None if now["percent"].as_f64() == Some(100.0) && text(&now["mode"]) != "shadow" => {
            format!("cutline mode {stage} candidate")
        }
        None => format!("cutline diff {stage}"),
    };
    (stands, next)
}

/// What a rollout does next, or what a person has to say of it.
fn rollout(stage: &str, board: &Value) -> Option<String> {
    let rollout = &board["rollout"];
    if rollout.is_null() {
        return None;
    }
    let at = rollout["at"].as_u64().map_or(0, |at| at as usize + 1);
    let step = text(&rollout["steps"][at]["name"]);
    let step = if step.is_empty() { "the end" } else { step };
    let left = rollout["seconds_left"].as_f64();
    let left = left.filter(|left| *left > 0.0);
    Some(match (text(&rollout["judged"]), left) {
        ("not-started", _) => format!("cutline rollout {stage} start"),
        ("advance", _) => format!("{step} now"),
        ("hold", Some(left)) => format!("{step} in {}", roughly(left)),
        ("not-enough-evidence", Some(left)) => {
            format!("not enough evidence: {step} in {}", roughly(left))
        }
        ("not-enough-evidence", None) => "not enough evidence".to_owned(),
        ("rolled-back", _) => format!("rolled back: cutline rollout {stage} resume"),
        ("paused", _) => format!("paused: cutline rollout {stage} resume"),
        ("awaiting-confirmation", _) => format!("{step}: cutline rollout {stage} confirm"),
        ("done", _) => format!("cutline mode {stage} candidate"),
        _ => format!("{step} once all is within its limit"),
    })
}

/// Its functions are declared in full.
fn configured(known: &Known, functions: &Functions, stage: &str, board: Option<&Value>) -> String {
    let routes = list(known.report.as_ref(), "routes")
        .any(|route| text(&route["stage"]) == stage && text(&route["kind"]) == "http");
    let in_file = known.stages.as_ref().map(|all| all.contains(stage));
    match (functions.runs, board, &known.board) {
        (false, _, _) => format!("cutline run --config {}", functions.file),
        (true, Some(board), _) => begin(known, stage, board),
        // The proxy has not taken up what the file says.
        (true, None, Some(_)) if in_file == Some(true) => check(known),
        (true, None, None) if in_file != Some(false) => {
            format!("cutline proxy --config {}", known.routes)
        }
        (true, None, _) if routes => format!("name its routes in {}", known.routes),
        // It has no routes, and runs by itself.
        (true, None, _) => "–".to_owned(),
    }
}

/// The first step of a stage that is all with the monolith.
fn begin(known: &Known, stage: &str, board: &Value) -> String {
    let candidate = board["candidate"].as_array();
    match candidate.is_some_and(|all| !all.is_empty()) {
        true => rollout(stage, board).unwrap_or_else(|| format!("cutline mode {stage} shadow")),
        // routes.toml names no candidate.
        false => check(known),
    }
}

fn check(known: &Known) -> String {
    format!("cutline proxy check --config {}", known.routes)
}

fn declare(known: &Known) -> String {
    match known.functions {
        Some(_) => "cutline analyze . --format functions".to_owned(),
        None => "cutline init .".to_owned(),
    }
}

fn list<'v>(document: Option<&'v Value>, name: &str) -> impl Iterator<Item = &'v Value> {
    let list = document.and_then(|document| document[name].as_array());
    list.into_iter().flatten()
}

impl Functions {
    /// How many values of a stage's functions and their faces are `"TODO"`;
    /// nothing where the stage has no function.
    fn open(&self, stage: &str) -> Option<usize> {
        let functions = self.table.get("function")?.as_table()?;
        let own = functions.iter().filter(|(name, function)| {
            let said = function.get("stage").and_then(toml::Value::as_str);
            said.unwrap_or(name) == stage
        });
        let own: Vec<_> = own.collect();
        if own.is_empty() {
            return None;
        }
        let faces = self.table.get("http").and_then(toml::Value::as_array);
        let faces = faces.into_iter().flatten().filter(|face| {
            let of = face.get("function").and_then(toml::Value::as_str);
            own.iter().any(|(name, _)| Some(name.as_str()) == of)
        });
        let faces = faces.map(open).sum::<usize>();
        Some(
            faces
                + own
                    .iter()
                    .map(|(_, function)| open(function))
                    .sum::<usize>(),
        )
    }
}

/// How many values in it are `"TODO"`.
fn open(value: &toml::Value) -> usize {
    match value {
        toml::Value::String(text) => usize::from(text == "TODO"),
        toml::Value::Array(parts) => parts.iter().map(open).sum(),
        toml::Value::Table(entries) => entries.values().map(open).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FUNCTIONS: &str = "\
[function.training]
model = { kind = \"TODO\", c = \"TODO\" }

[function.scoring]
stage = \"inference\"

[[http]]
function = \"scoring\"
response = { \"/score\" = \"/probabilities/0/1\" }
";

    fn report() -> Value {
        json!({
            "order": [{ "stage": "inference" }, { "stage": "training" }],
            "stages": [
                { "stage": "training", "functions": 3 },
                { "stage": "inference", "functions": 2 },
                { "stage": "monitoring", "functions": 1 },
                { "stage": "deployment", "functions": 0 },
            ],
            "routes": [{ "stage": "inference", "kind": "http", "path": "/predict" }],
        })
    }

    fn board(now: Value, rollout: Value) -> Value {
        json!({ "stages": [{
            "name": "inference", "now": now, "rollout": rollout,
            "compared": { "answers": 1200 },
            "candidate": [{ "url": "http://127.0.0.1:7070" }],
        }] })
    }

    fn known() -> Known {
        Known {
            routes: "cutline/routes.toml".to_owned(),
            ..Known::default()
        }
    }

    fn functions(runs: bool) -> Option<Functions> {
        Some(Functions {
            file: "functions.toml".to_owned(),
            table: toml::from_str(FUNCTIONS).unwrap(),
            runs,
        })
    }

    #[track_caller]
    fn check(known: &Known, expected: &[&str]) {
        let rows = rows(known).into_iter();
        let rows = rows.map(|row| format!("{} | {} | {}", row.stage, row.stands, row.next));
        assert_eq!(rows.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_only_read_is_to_be_declared() {
        let mut known = known();
        check(&known, &[]);
        known.report = Some(report());
        let init = "analyzed | cutline init .";
        let rows = ["inference", "training", "monitoring"].map(|stage| format!("{stage} | {init}"));
        check(&known, &rows.each_ref().map(String::as_str));
    }

    #[test]
    fn what_is_declared_is_to_be_completed_run_and_proxied() {
        let mut known = Known {
            report: Some(report()),
            functions: functions(false),
            ..known()
        };
        let rest = [
            "training | configured, 2 values open | cutline functions --config functions.toml",
            "monitoring | analyzed | cutline analyze . --format functions",
        ];
        let with = |inference: &'static str| [inference, rest[0], rest[1]];
        check(
            &known,
            &with("inference | configured | cutline run --config functions.toml"),
        );
        known.functions = functions(true);
        check(
            &known,
            &with("inference | configured | cutline proxy --config cutline/routes.toml"),
        );
        known.board = Some(json!({ "stages": [] }));
        let named = "inference | configured | name its routes in cutline/routes.toml";
        check(&known, &with(named));
        known.stages = Some(BTreeSet::new());
        check(&known, &with(named));
        known.board = None;
        check(&known, &with(named));
        known.stages = Some(BTreeSet::from(["inference".to_owned()]));
        known.board = Some(json!({ "stages": [] }));
        check(
            &known,
            &with("inference | configured | cutline proxy check --config cutline/routes.toml"),
        );
        let monolith = json!({ "mode": "monolith", "percent": 0.0 });
        known.board = Some(board(monolith.clone(), Value::Null));
        check(
            &known,
            &with("inference | configured | cutline mode inference shadow"),
        );
        known.board = Some(board(monolith, json!({ "judged": "not-started" })));
        check(
            &known,
            &with("inference | configured | cutline rollout inference start"),
        );
    }

    #[test]
    fn what_moves_says_how_far_it_has_come() {
        let of = |mode: &str, percent: f64, rollout: Value| Known {
            board: Some(board(json!({ "mode": mode, "percent": percent }), rollout)),
            ..known()
        };
        let judged = |judged: &str| {
            json!({
                "judged": judged, "evidence": "requests", "gathered": 300, "needed": 900,
                "steps": [{ "name": "25 %" }, { "name": "50 %" }], "at": 0,
            })
        };
        for (known, expected) in [
            (
                of("monolith", 0.0, Value::Null),
                "with the monolith | cutline mode inference shadow",
            ),
            (
                of("shadow", 100.0, Value::Null),
                "shadowing 100 %: 1,200 compared | cutline diff inference",
            ),
            (
                of("split", 25.0, judged("hold")),
                "split at 25 %: 300 of ~900 needed | 50 % once all is within its limit",
            ),
            (
                of("split", 25.0, judged("awaiting-confirmation")),
                "split at 25 %: 300 of ~900 needed | 50 %: cutline rollout inference confirm",
            ),
            (
                of("shadow", 100.0, judged("rolled-back")),
                "shadowing 100 %: 300 of ~900 needed | rolled back: cutline rollout inference resume",
            ),
            (
                of("split", 100.0, Value::Null),
                "split at 100 %: 1,200 compared | cutline mode inference candidate",
            ),
            (
                of("candidate", 100.0, Value::Null),
                "retired: the candidate answers all | –",
            ),
        ] {
            check(&known, &[&format!("inference | {expected}")]);
        }
    }

    #[test]
    fn what_comes_next_is_a_step_or_a_command() {
        for (judged, left, expected) in [
            ("not-started", None, "cutline rollout inference start"),
            ("not-enough-evidence", None, "not enough evidence"),
            (
                "not-enough-evidence",
                Some(21_600.0),
                "not enough evidence: 50 % in ~6 h",
            ),
            ("hold", None, "50 % once all is within its limit"),
            (
                "rolled-back",
                None,
                "rolled back: cutline rollout inference resume",
            ),
            (
                "paused",
                Some(1.0),
                "paused: cutline rollout inference resume",
            ),
            (
                "awaiting-confirmation",
                None,
                "50 %: cutline rollout inference confirm",
            ),
            ("done", None, "cutline mode inference candidate"),
        ] {
            let stage = json!({ "rollout": {
                "steps": [{ "name": "shadow" }, { "name": "25 %" }, { "name": "50 %" }],
                "at": 1, "judged": judged, "seconds_left": left,
            } });
            assert_eq!(rollout("inference", &stage).as_deref(), Some(expected));
        }
    }
}
