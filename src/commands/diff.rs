//! `cutline diff`

mod sessions;

use clap::Args;
use serde_json::Value;

use super::shift::named;
use crate::client::AdminArgs;
use crate::console::Console;
use crate::error::CommandError;
use crate::sides::beside;
use crate::table::table;
use crate::words::{grouped, harmless, millis, percent, text};

/// Shows in what the two sides' answers of a stage differ.
///
/// The share of answers that differ with its interval, the fields that differ
/// most, what was found to be noise, and examples side by side: all since the
/// stage's present step began.
#[derive(Args)]
pub(crate) struct DiffArgs {
    /// The stage, as routes.toml calls it.
    stage: String,
    /// Whole sequences of requests instead, each of one client, for routes that
    /// keep state.
    #[arg(long)]
    sessions: bool,
    /// As JSON, with everything the proxy says.
    #[arg(long)]
    json: bool,
    /// Examples, or sessions, to show [default: 3; with --json all there are].
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    admin: AdminArgs,
}

/// Asks the proxy and prints what it says.
pub(crate) fn diff(args: &DiffArgs, console: &Console) -> Result<(), CommandError> {
    named(&args.stage)?;
    let client = args.admin.client()?;
    let (path, listed) = match args.sessions {
        true => ("sessions", "sessions"),
        false => ("differences", "examples"),
    };
    let mut differences = client.get(&format!("/api/{path}?stage={}", args.stage))?;
    let limit = args.limit.or((!args.json).then_some(3));
    if let (Some(limit), Some(listed)) = (limit, differences[listed].as_array_mut()) {
        listed.truncate(limit);
    }
    if args.json {
        return console.print(&format!("{differences:#}\n"));
    }
    if args.sessions {
        return console.print(&sessions::shown(&differences));
    }
    let board = client.get("/api/board")?;
    let limit = limit_of(&board, &args.stage);
    console.print(&shown(&differences, limit, console.width()))
}

/// Of the share of answers that may differ, where the file states one.
fn limit_of(board: &Value, stage: &str) -> Option<f64> {
    let stages = board["stages"].as_array()?;
    let own = stages.iter().find(|own| own["name"] == stage)?;
    let criteria = own["rollout"]["criteria"].as_array()?;
    let mismatch = criteria.iter().find(|own| own["name"] == "mismatch")?;
    mismatch["limit"].as_f64()
}

fn shown(differences: &Value, limit: Option<f64>, width: usize) -> String {
    let compared = &differences["compared"];
    let Some(sentence) = differences["sentence"].as_str() else {
        return format!(
            "{}: no answers were compared since the present step began\n",
            text(&differences["stage"])
        );
    };
    let mut shown = format!("{sentence}{}\n", held_to(&compared["rate"], limit));
    shown.push_str(&fields(differences));
    for remark in list(&differences["remarks"]) {
        shown.push_str(&format!("  not counted: {}\n", harmless(text(remark))));
    }
    shown.push_str(&beside_the_fields(differences));
    for example in list(&differences["examples"]) {
        shown.push('\n');
        shown.push_str(&self::example(example, width));
    }
    shown
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// On which side of the limit the truth lies.
fn held_to(rate: &Value, limit: Option<f64>) -> String {
    let (Some(limit), Some(low)) = (limit, rate["low"].as_f64()) else {
        return String::new();
    };
    let how = match rate["high"].as_f64() {
        _ if low > limit => "above",
        Some(high) if high <= limit => "within",
        _ => "not yet known to be within",
    };
    format!(", {how} the limit of {} %", percent(limit))
}

/// A line per field: how often, and how.
fn fields(differences: &Value) -> String {
    let rows = list(&differences["fields"]).map(|field| {
        let path = format!("  {}", harmless(text(&field["path"])));
        let noise = &field["noise"];
        if noise.is_null() {
            let count = format!("{}×", grouped(field["count"].as_u64().unwrap_or(0)));
            return vec![path, count, harmless(text(&field["how"]))];
        }
        let looks = match noise["looks_like"].as_str() {
            Some(looks) => format!(", and looks like {looks}"),
            None => String::new(),
        };
        let times = |name: &str| grouped(noise[name].as_u64().unwrap_or(0));
        let (differed, asked) = (times("differed"), times("asked"));
        let how = format!("the monolith differs from itself in {differed} of {asked}{looks}");
        vec![path, "noise".to_owned(), how]
    });
    let rows: Vec<_> = rows.collect();
    let lines = table(&["", ">", ""], &rows);
    // There is no heading.
    lines
        .split_once('\n')
        .map_or(String::new(), |(_, lines)| lines.to_owned())
}

/// What could not be compared, and what was predicted.
fn beside_the_fields(differences: &Value) -> String {
    let mut shown = String::new();
    let unavailable = differences["compared"]["unavailable"].as_object();
    for (reason, n) in unavailable.into_iter().flatten() {
        let n = grouped(n.as_u64().unwrap_or(0));
        shown.push_str(&format!("  not comparable: {n}× {}\n", harmless(reason)));
    }
    let predictions = &differences["predictions"];
    if let Some(labels) = predictions["labels"].as_u64().filter(|labels| *labels > 0) {
        let flipped = predictions["flipped"].as_u64().unwrap_or(0);
        let flips = list(&predictions["flips"]).take(3).map(|flip| {
            let (from, to) = (harmless(text(&flip["from"])), harmless(text(&flip["to"])));
            format!(
                "{from} → {to} {}×",
                grouped(flip["count"].as_u64().unwrap_or(0))
            )
        });
        let flips: Vec<_> = flips.collect();
        let flips = match flips.is_empty() {
            true => String::new(),
            false => format!(": {}", flips.join(", ")),
        };
        let (flipped, labels) = (grouped(flipped), grouped(labels));
        shown.push_str(&format!("  labels: {flipped} of {labels} flip{flips}\n"));
    }
    let quantiles = list(&predictions["score_differences"]).filter_map(|quantile| {
        let (share, value) = (quantile["share"].as_f64()?, quantile["value"].as_f64()?);
        Some(format!("{} % within {value:.2e}", share * 100.0))
    });
    let quantiles: Vec<_> = quantiles.collect();
    if !quantiles.is_empty() {
        shown.push_str(&format!("  scores: {} apart\n", quantiles.join(", ")));
    }
    shown
}

fn example(example: &Value, width: usize) -> String {
    let fields: Vec<_> = list(&example["fields"])
        .map(|path| harmless(text(path)))
        .collect();
    let mut shown = format!(
        "example {}  {} {}  {}\n",
        text(&example["id"]),
        harmless(text(&example["method"])),
        harmless(text(&example["path"])),
        fields.join(", "),
    );
    let (monolith, candidate) = (answer("monolith", example), answer("candidate", example));
    shown.push_str(&indented(&beside(
        &monolith,
        &candidate,
        width.saturating_sub(2),
    )));
    shown
}

/// Its head and its body.
fn answer(side: &str, example: &Value) -> String {
    let answer = &example[side];
    let head = match answer["status"].as_u64() {
        Some(status) => format!("{side}: {status}"),
        None => format!("{side}: no answer ({})", text(&answer["failure"])),
    };
    let time = answer["milliseconds"].as_f64();
    let time = time.map(|time| format!(", {} ms", millis(time / 1e3)));
    let cut = match answer["cut"] == Value::Bool(true) {
        true => "\n… (only the beginning was kept)",
        false => "",
    };
    let body = text(&answer["body"]);
    format!("{head}{}\n{body}{cut}", time.unwrap_or_default())
}

fn indented(lines: &str) -> String {
    lines.lines().map(|line| format!("  {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_differs_is_told_with_its_evidence() {
        let answer = |score: &str| {
            let body = format!("{{\n  \"label\": 1,\n  \"score\": {score}\n}}");
            json!({ "status": 200, "failure": null, "milliseconds": 12.0, "body": body, "cut": false })
        };
        let differences = json!({
            "stage": "inference",
            "sentence": "41 of 8,113 answers differ (0.51 %, 0.36–0.68 % at 99 %)",
            "compared": {
                "rate": { "value": 0.0051, "low": 0.0036, "high": 0.0068, "sure": 0.99 },
                "unavailable": { "the candidate: the body broke off": 3 },
            },
            "fields": [
                { "path": "/score", "count": 41, "how": "candidate rounds to 3 decimals", "noise": null },
                { "path": "/served_at", "count": 200, "how": "a value",
                  "noise": { "asked": 200, "differed": 199, "looks_like": "a time" } },
            ],
            "remarks": ["content coding: gzip, none"],
            "predictions": { "labels": 8113, "flipped": 1, "flips": [{ "from": "1", "to": "0", "count": 1 }],
                "scores": 8113, "score_differences": [{ "share": 0.99, "value": 0.00049 }] },
            "examples": [{ "id": "4f1c", "method": "POST", "path": "/predict", "fields": ["/score"],
                "monolith": answer("0.81734"), "candidate": answer("0.817") }],
        });
        let told = shown(&differences, Some(0.001), 64);
        let told = told.replace("\x1b[33m", "").replace("\x1b[0m", "");
        let expected = "\
41 of 8,113 answers differ (0.51 %, 0.36–0.68 % at 99 %), above the limit of 0.10 %
  /score         41×   candidate rounds to 3 decimals
  /served_at   noise   the monolith differs from itself in 199 of 200, and looks like a time
  not counted: content coding: gzip, none
  not comparable: 3× the candidate: the body broke off
  labels: 1 of 8,113 flip: 1 → 0 1×
  scores: 99 % within 4.90e-4 apart

example 4f1c  POST /predict  /score
  monolith: 200, 12 ms          | candidate: 200, 12 ms
  {                               {
    \"label\": 1,                     \"label\": 1,
    \"score\": 0.81734            |   \"score\": 0.817
  }                               }
";
        assert_eq!(told, expected);
        let rate = json!({ "low": 0.0, "high": 0.0005 });
        assert_eq!(held_to(&rate, Some(0.001)), ", within the limit of 0.10 %");
        let rate = json!({ "low": 0.0, "high": null });
        assert!(held_to(&rate, Some(0.001)).contains("not yet known"));
    }

    #[test]
    fn nothing_compared_is_said() {
        let differences = json!({ "stage": "inference", "sentence": null, "compared": null });
        assert_eq!(
            shown(&differences, None, 80),
            "inference: no answers were compared since the present step began\n"
        );
    }
}
