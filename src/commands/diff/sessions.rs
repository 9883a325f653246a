//! `cutline diff --sessions`

use serde_json::Value;

use super::list;
use crate::words::{grouped, harmless, text};

/// Of so many requests of a session it is shown what came of each.
const MOST: usize = 60;

/// How many sessions differ, and where those that do begin to.
pub(super) fn shown(told: &Value) -> String {
    let stage = text(&told["stage"]);
    let count = |name: &str| told[name].as_u64().unwrap_or(0);
    let mut shown = match told["sentence"].as_str() {
        Some(sentence) => format!("{sentence}\n"),
        None => format!(
            "{stage}: no whole session is kept since the present step began: `sticky` names what clients are told apart by, and `sample` in its compare how many are kept\n"
        ),
    };
    if count("unavailable") > 0 {
        let n = grouped(count("unavailable"));
        shown.push_str(&format!("  not comparable: {n}×\n"));
    }
    if count("differing_beside") > 0 {
        let n = grouped(count("differing_beside"));
        let known = "of which only what differs is kept";
        shown.push_str(&format!("  beside the sample, {known}: {n} more differ\n"));
    }
    for session in list(&told["sessions"]) {
        shown.push('\n');
        shown.push_str(&self::session(session, stage));
    }
    shown
}

/// What came of its requests in their order, and the first that differs.
fn session(session: &Value, stage: &str) -> String {
    let count = |name: &str| session[name].as_u64().unwrap_or(0);
    let id = text(&session["session"]);
    let (differ, all) = (grouped(count("mismatches")), grouped(count("requests")));
    let kept = match session["sampled"] == Value::Bool(true) {
        true => "",
        false => " that are kept",
    };
    let first = &session["first"];
    let request = format!("{} {}", text(&first["method"]), text(&first["target"]));
    let fields: Vec<_> = list(&first["fields"]).map(text).collect();
    let (request, fields) = (harmless(&request), harmless(&fields.join(", ")));
    let at = grouped(count("first_at"));
    let mut marks: String = list(&session["in_order"]).take(MOST).map(mark).collect();
    if count("requests") > MOST as u64 {
        marks.push('…');
    }
    format!(
        "session {id}  {differ} of {all} requests{kept} differ\n  {marks}\n  \
         first, number {at}: {request}  {fields}\n  \
         again: cutline replay {stage} --session {id}\n"
    )
}

fn mark(request: &Value) -> char {
    match text(&request["verdict"]) {
        "match" => '=',
        "mismatch" => '≠',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_session_is_told_by_its_first_request_that_differs() {
        let request = |verdict: &str| json!({ "verdict": verdict });
        let verdicts = ["match", "match", "mismatch", "unavailable", "mismatch"];
        let session = json!({
            "session": "00c0ffee00000000", "sampled": true,
            "requests": 5, "mismatches": 2, "unavailable": 1, "first_at": 3,
            "first": { "method": "POST", "target": "/cart", "fields": ["/total", "/items"] },
            "in_order": verdicts.map(request),
        });
        let told = json!({
            "stage": "orders", "sentence": "1 of 12 sessions differ (8.33 %, 0.94–46.14 % at 99 %)",
            "unavailable": 2, "differing_beside": 41, "sessions": [session],
        });
        let expected = "\
1 of 12 sessions differ (8.33 %, 0.94–46.14 % at 99 %)
  not comparable: 2×
  beside the sample, of which only what differs is kept: 41 more differ

session 00c0ffee00000000  2 of 5 requests differ
  ==≠?≠
  first, number 3: POST /cart  /total, /items
  again: cutline replay orders --session 00c0ffee00000000
";
        assert_eq!(shown(&told), expected);
    }

    #[test]
    fn nothing_kept_is_said_with_what_to_do() {
        let told = json!({ "stage": "orders", "sentence": null, "sessions": [] });
        assert!(shown(&told).starts_with("orders: no whole session is kept"));
    }
}
