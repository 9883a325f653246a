//! `cutline status`

use clap::Args;
use serde_json::Value;

use crate::client::AdminArgs;
use crate::console::Console;
use crate::error::CommandError;
use crate::table::table;

/// Shows each stage's share and what came of it.
#[derive(Args)]
pub(crate) struct StatusArgs {
    /// As JSON, with everything the proxy says.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: AdminArgs,
}

/// Asks the proxy and prints what it says.
pub(crate) fn status(args: &StatusArgs, console: &Console) -> Result<(), CommandError> {
    let status = args.admin.client()?.get("/api/status")?;
    match args.json {
        true => console.print(&format!("{status:#}\n")),
        false => console.print(&shown(&status)),
    }
}

const HEADINGS: [&str; 9] = [
    "STAGE",
    "MODE",
    "SHARE>",
    "MONOLITH>",
    "CANDIDATE>",
    "FALLBACK>",
    "REFUSED>",
    "MIRRORED>",
    "P50/P99 mono · cand>",
];

fn shown(status: &Value) -> String {
    let stages = status["stages"].as_array().into_iter().flatten();
    let mut rows: Vec<_> = stages.clone().map(row).collect();
    let mut unowned = vec!["(no stage)".to_owned(), "–".to_owned(), "–".to_owned()];
    unowned.extend(counted(&status["unowned"]));
    rows.push(unowned);
    let mut text = table(&HEADINGS, &rows);
    let notes = notes(status, stages);
    if !notes.is_empty() {
        text.push('\n');
        text.push_str(&notes.join("\n"));
        text.push('\n');
    }
    text
}

fn row(stage: &Value) -> Vec<String> {
    let now = &stage["now"];
    let mut row = vec![
        text(&stage["name"]).to_owned(),
        text(&now["mode"]).to_owned(),
        percent(now).unwrap_or_else(|| "–".to_owned()),
    ];
    row.extend(counted(&stage["traffic"]));
    row
}

fn counted(traffic: &Value) -> Vec<String> {
    let ended = |end: &str| traffic["requests"][end].as_u64().unwrap_or(0);
    let sum = |counts: &Value| -> u64 {
        let counts = counts.as_object().into_iter().flatten();
        counts.filter_map(|(_, n)| n.as_u64()).sum()
    };
    let mut cells: Vec<_> = ["monolith", "candidate", "fallback", "refused"]
        .map(|end| grouped(ended(end)))
        .into();
    cells.push(grouped(sum(&traffic["mirrored"])));
    let times = ["monolith", "candidate"].map(|side| {
        let of = |quantile: &str| traffic["seconds"][side][quantile].as_f64();
        match (of("p50"), of("p99")) {
            (Some(p50), Some(p99)) => format!("{}/{} ms", millis(p50), millis(p99)),
            _ => "–".to_owned(),
        }
    });
    cells.push(times.join(" · "));
    cells
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
    notes
}

fn notes_of(stage: &Value) -> Vec<String> {
    let name = text(&stage["name"]);
    let (now, since) = (&stage["now"], &stage["since"]);
    let mut notes = Vec::new();
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
pub(super) fn share(share: &Value) -> String {
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

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// `41,220`
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Of seconds, as precise as it matters.
fn millis(seconds: f64) -> String {
    let millis = seconds * 1_000.0;
    match millis < 10.0 {
        true => format!("{millis:.1}"),
        false => format!("{millis:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn status() -> Value {
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
                },
                {
                    "name": "training",
                    "now": { "mode": "monolith", "percent": 0.0 },
                    "declared": { "mode": "monolith", "percent": 0.0 },
                    "since": null, "candidate": [], "traffic": quiet,
                },
            ],
            "unowned": { "requests": { "monolith": 7, "refused": 1 } },
        })
    }

    #[test]
    fn a_row_per_stage_and_then_what_matters() {
        let expected = "\
STAGE        MODE       SHARE   MONOLITH   CANDIDATE   FALLBACK   REFUSED   MIRRORED      P50/P99 mono · cand
inference    split       25 %     41,220      13,740         12         0      1,000   40/140 ms · 1.0/3.0 ms
training     monolith       –          0           0          0         0          0                    – · –
(no stage)   –              –          7           0          0         1          0                    – · –

inference: split 25 % since 2026-11-24T14:02:00.000Z by anna; routes.toml says shadow 100 %
inference: http://127.0.0.1:7070 is left out: it failed too often
inference: 12 failures of the candidate
inference: copies not sent: 3 memory
";
        assert_eq!(shown(&status()), expected);
    }

    #[test]
    fn a_refused_file_is_said_first() {
        let mut status = status();
        status["stages"] = json!([]);
        status["file"]["restart_for"] = json!(["listen", "limits"]);
        status["file"]["refused"] = json!({
            "line": 14, "column": 13, "message": "no URL", "mend": "write one",
        });
        let shown = shown(&status);
        let notes: Vec<_> = shown.lines().skip(3).collect();
        assert_eq!(
            notes,
            [
                "routes.toml:14:13 is refused, and what it said before holds: no URL (write one)",
                "restart the proxy for what the file says of listen, limits",
            ]
        );
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
