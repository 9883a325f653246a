//! `cutline status`

mod parts;
mod stands;

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use crate::client::AdminArgs;
use crate::console::Console;
use crate::error::CommandError;
use crate::table::table;
use crate::words::{self, about, grouped, millis, text};
use parts::Found;

/// Shows where each stage stands, what was seen of it, and what to do next.
///
/// It asks the proxy and the functions, and reads the report; what is missing
/// or does not answer is said with the command that makes or starts it.
#[derive(Args)]
pub(crate) struct StatusArgs {
    /// As JSON, with everything the proxy says.
    #[arg(long)]
    json: bool,
    /// The split report, or the folder with it
    /// [default: cutline/report.json if it is there].
    #[arg(long, value_name = "DIR_OR_FILE")]
    report: Option<PathBuf>,
    /// The functions [default: cutline/functions.toml, or functions.toml, if it
    /// is there].
    #[arg(long, value_name = "FILE")]
    functions: Option<PathBuf>,
    #[command(flatten)]
    admin: AdminArgs,
}

/// Asks and reads the three parts, and prints what they say.
pub(crate) fn status(args: &StatusArgs, console: &Console) -> Result<(), CommandError> {
    if args.json {
        let said = args.admin.client()?.get("/api/status")?;
        return console.print(&format!("{said:#}\n"));
    }
    let found = parts::find(args)?;
    let nothing = found.known.report.is_none() && found.known.functions.is_none();
    match found.no_proxy {
        Some(error) if nothing => Err(error),
        _ => console.print(&whole(&found)),
    }
}

/// What the proxy says, then where each stage stands, then what is missing.
fn whole(found: &Found) -> String {
    let mut parts = Vec::new();
    parts.extend(found.known.board.as_ref().map(shown));
    let rows = stands::rows(&found.known);
    if !rows.is_empty() {
        let rows = rows.into_iter();
        let rows: Vec<_> = rows
            .map(|row| vec![row.stage, row.stands, row.next])
            .collect();
        parts.push(table(&["STAGE", "STANDS", "NEXT"], &rows));
    }
    if !found.missing.is_empty() {
        parts.push(found.missing.join("\n") + "\n");
    }
    parts.join("\n")
}

const HEADINGS: [&str; 6] = [
    "STAGE",
    "MODE",
    "SHARE>",
    "EVIDENCE",
    "MISMATCH",
    "P99 mono/cand>",
];

fn shown(board: &Value) -> String {
    let stages = board["stages"].as_array().into_iter().flatten();
    let rows: Vec<_> = stages.clone().map(row).collect();
    let mut text = table(&HEADINGS, &rows);
    let notes = notes(board, stages);
    if !notes.is_empty() {
        text.push('\n');
        text.push_str(&notes.join("\n"));
        text.push('\n');
    }
    text
}

fn row(stage: &Value) -> Vec<String> {
    let now = &stage["now"];
    vec![
        text(&stage["name"]).to_owned(),
        text(&now["mode"]).to_owned(),
        percent(now).unwrap_or_else(|| "–".to_owned()),
        evidence(stage),
        mismatch(&stage["compared"]["rate"]),
        latency(stage),
    ]
}

/// How much was seen of what the next step takes.
pub(crate) fn evidence(stage: &Value) -> String {
    let rollout = &stage["rollout"];
    if rollout.is_null() {
        return match stage["compared"]["answers"].as_u64() {
            Some(compared) => format!("{} compared", grouped(compared)),
            None => "–".to_owned(),
        };
    }
    if text(&rollout["judged"]) == "not-started" {
        return "not started".to_owned();
    }
    let seen = rollout["gathered"].as_u64().unwrap_or(0);
    let needed = rollout["needed"].as_u64();
    match (text(&rollout["evidence"]), needed) {
        ("runs", Some(needed)) if needed > seen => format!("{seen} of {needed} runs"),
        ("runs", _) => format!("{seen} runs"),
        (_, Some(needed)) if needed > seen => {
            format!("{} of ~{} needed", grouped(seen), about(needed))
        }
        _ => format!("{} gathered", grouped(seen)),
    }
}

/// `0.51 % (0.36–0.68)`
fn mismatch(rate: &Value) -> String {
    let (Some(value), Some(low)) = (rate["value"].as_f64(), rate["low"].as_f64()) else {
        return "–".to_owned();
    };
    let high = rate["high"].as_f64().unwrap_or(1.0);
    let [value, low, high] = [value, low, high].map(words::percent);
    format!("{value} % ({low}–{high})")
}

/// Of what was compared, or else of what clients got.
fn latency(stage: &Value) -> String {
    let of = |side: &str| {
        let compared = &stage["compared"][side]["p99"];
        let served = &stage["traffic"]["seconds"][side]["p99"];
        let seconds = compared.as_f64().or(served.as_f64());
        seconds.map_or("–".to_owned(), millis)
    };
    let (monolith, candidate) = (of("monolith"), of("candidate"));
    match monolith == "–" && candidate == "–" {
        true => monolith,
        false => format!("{monolith} / {candidate} ms"),
    }
}

/// What somebody should know, or do something about.
fn notes<'a>(status: &Value, stages: impl Iterator<Item = &'a Value>) -> Vec<String> {
    let mut notes = Vec::new();
    let file = &status["file"];
    let refused = &file["refused"];
    if !refused.is_null() {
        let place = match (refused["line"].as_u64(), refused["column"].as_u64()) {
            (Some(line), Some(column)) => format!(":{line}:{column}"),
            _ => String::new(),
        };
        let mend = match text(&refused["mend"]) {
            "" => String::new(),
            mend => format!(" ({mend})"),
        };
        notes.push(format!(
            "{}{place} is refused, and what it said before holds: {}{mend}",
            text(&file["path"]),
            text(&refused["message"]),
        ));
    }
    let restart: Vec<_> = file["restart_for"]
        .as_array()
        .into_iter()
        .flatten()
        .map(text)
        .collect();
    if !restart.is_empty() {
        let fields = restart.join(", ");
        notes.push(format!(
            "restart the proxy for what the file says of {fields}"
        ));
    }
    let monolith = status["monolith"].as_array().into_iter().flatten();
    notes.extend(monolith.filter_map(|upstream| left_out("monolith", upstream)));
    for stage in stages {
        notes.extend(notes_of(stage));
    }
    notes.extend(answered("no stage", &status["unowned"]));
    notes
}

/// `41,220 answered by the monolith, 12 by it in the candidate's place`
fn answered(of: &str, traffic: &Value) -> Option<String> {
    let ends = [
        ("monolith", "answered by the monolith"),
        ("candidate", "by the candidate"),
        ("fallback", "by the monolith in the candidate's place"),
        ("refused", "by the proxy itself"),
        ("aborted", "broken off"),
    ];
    let counted = ends.into_iter().filter_map(|(end, words)| {
        let n = traffic["requests"][end].as_u64().filter(|n| *n > 0)?;
        Some(format!("{} {words}", grouped(n)))
    });
    let mirrored = traffic["mirrored"].as_object().into_iter().flatten();
    let mirrored: u64 = mirrored.filter_map(|(_, n)| n.as_u64()).sum();
    let mirrored = (mirrored > 0).then(|| format!("{} mirrored", grouped(mirrored)));
    let counted: Vec<_> = counted.chain(mirrored).collect();
    (!counted.is_empty()).then(|| format!("{of}: {}", counted.join(", ")))
}

fn notes_of(stage: &Value) -> Vec<String> {
    let name = text(&stage["name"]);
    let (now, since) = (&stage["now"], &stage["since"]);
    let mut notes: Vec<String> = answered(name, &stage["traffic"]).into_iter().collect();
    if stage["declared"] != *now {
        let why = match text(&since["why"]) {
            "" => String::new(),
            why => format!(" ({why})"),
        };
        notes.push(format!(
            "{name}: {} since {} by {}{why}; routes.toml says {}",
            share(now),
            text(&since["time"]),
            text(&since["who"]),
            share(&stage["declared"]),
        ));
    }
    let candidate = stage["candidate"].as_array().into_iter().flatten();
    notes.extend(candidate.filter_map(|upstream| left_out(name, upstream)));
    let traffic = &stage["traffic"];
    for side in ["monolith", "candidate"] {
        match traffic["failures"][side].as_u64() {
            None | Some(0) => {}
            Some(n) => notes.push(format!("{name}: {} failures of the {side}", grouped(n))),
        }
    }
    let dropped = traffic["dropped"].as_object().into_iter().flatten();
    let dropped: Vec<_> = dropped
        .map(|(reason, n)| format!("{} {reason}", grouped(n.as_u64().unwrap_or(0))))
        .collect();
    if !dropped.is_empty() {
        notes.push(format!("{name}: copies not sent: {}", dropped.join(", ")));
    }
    notes
}

fn left_out(of: &str, upstream: &Value) -> Option<String> {
    let url = text(&upstream["url"]);
    let healthy = upstream["healthy"] == Value::Bool(true);
    (!healthy).then(|| format!("{of}: {url} is left out: it failed too often"))
}

/// `split 10 %`, `monolith`.
pub(crate) fn share(share: &Value) -> String {
    match (text(&share["mode"]), percent(share)) {
        ("", _) => "nothing".to_owned(),
        (mode, Some(percent)) => format!("{mode} {percent}"),
        (mode, None) => mode.to_owned(),
    }
}

/// None where the mode sends everything one way.
fn percent(share: &Value) -> Option<String> {
    match text(&share["mode"]) {
        "monolith" => None,
        "candidate" => None,
        _ => Some(format!("{} %", share["percent"].as_f64()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn board() -> Value {
        let quiet =
            json!({ "requests": {}, "failures": {}, "mirrored": {}, "dropped": {}, "seconds": {} });
        json!({
            "file": { "path": "routes.toml", "refused": null, "restart_for": [] },
            "monolith": [{ "url": "http://127.0.0.1:5000", "healthy": true }],
            "stages": [
                {
                    "name": "inference",
                    "now": { "mode": "split", "percent": 25.0 },
                    "declared": { "mode": "shadow", "percent": 100.0 },
                    "since": { "time": "2026-11-24T14:02:00.000Z", "by": "admin", "who": "anna", "why": "" },
                    "candidate": [{ "url": "http://127.0.0.1:7070", "healthy": false }],
                    "traffic": {
                        "requests": { "monolith": 41220, "candidate": 13740, "fallback": 12 },
                        "failures": { "candidate": 12 },
                        "mirrored": { "candidate": 1000 },
                        "dropped": { "memory": 3 },
                        "seconds": { "monolith": { "p50": 0.04, "p99": 0.14 }, "candidate": { "p50": 0.001, "p99": 0.003 } },
                    },
                    "compared": {
                        "answers": 8113,
                        "rate": { "value": 0.0002, "low": 0.0, "high": 0.0006, "sure": 0.99 },
                        "monolith": null, "candidate": null,
                    },
                    "rollout": rollout("hold", Some(2_400.0)),
                },
                {
                    "name": "training",
                    "now": { "mode": "monolith", "percent": 0.0 },
                    "declared": { "mode": "monolith", "percent": 0.0 },
                    "since": null, "candidate": [{ "url": "http://127.0.0.1:7071", "healthy": true }],
                    "traffic": quiet, "compared": null, "rollout": null,
                },
            ],
            "unowned": { "requests": { "monolith": 7, "refused": 1 } },
        })
    }

    fn rollout(judged: &str, left: Option<f64>) -> Value {
        json!({
            "steps": [{ "name": "shadow" }, { "name": "25 %" }, { "name": "50 %" }],
            "at": 1, "evidence": "requests", "judged": judged,
            "gathered": 8113, "needed": 11397, "seconds_left": left,
        })
    }

    #[test]
    fn a_row_per_stage_and_then_what_matters() {
        let expected = "\
STAGE       MODE       SHARE   EVIDENCE                  MISMATCH             P99 mono/cand
inference   split       25 %   8,113 of ~11,400 needed   0.02 % (0.00–0.06)    140 / 3.0 ms
training    monolith       –   –                         –                                –

inference: 41,220 answered by the monolith, 13,740 by the candidate, 12 by the monolith in the candidate's place, 1,000 mirrored
inference: split 25 % since 2026-11-24T14:02:00.000Z by anna; routes.toml says shadow 100 %
inference: http://127.0.0.1:7070 is left out: it failed too often
inference: 12 failures of the candidate
inference: copies not sent: 3 memory
no stage: 7 answered by the monolith, 1 by the proxy itself
";
        assert_eq!(shown(&board()), expected);
    }

    #[test]
    fn what_comes_next_is_said_once() {
        let found = Found {
            known: stands::Known {
                board: Some(board()),
                ..stands::Known::default()
            },
            missing: Vec::new(),
            no_proxy: None,
        };
        let text = whole(&found);
        assert_eq!(text.matches("NEXT").count(), 1, "{text}");
        let expected = "\
STAGE       STANDS                                   NEXT
training    with the monolith                        cutline mode training shadow
inference   split at 25 %: 8,113 of ~11,400 needed   50 % in ~40 min
";
        assert!(text.ends_with(expected), "{text}");
    }

    #[test]
    fn a_refused_file_is_said_first() {
        let mut board = board();
        board["stages"] = json!([]);
        board["file"]["restart_for"] = json!(["listen", "limits"]);
        board["file"]["refused"] = json!({
            "line": 14, "column": 13, "message": "no URL", "mend": "write one",
        });
        let shown = shown(&board);
        let notes: Vec<_> = shown.lines().skip(2).collect();
        assert_eq!(
            notes,
            [
                "routes.toml:14:13 is refused, and what it said before holds: no URL (write one)",
                "restart the proxy for what the file says of listen, limits",
                "no stage: 7 answered by the monolith, 1 by the proxy itself",
            ]
        );
    }
}
