//! One self-contained page: no network, no server, works from `file://`.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::document::Report;
use super::palette;
use crate::stages::Stage;

const PAGE: &str = include_str!("html/page.html");
const CSS: &str = include_str!("html/page.css");
/// In the order they run.
const SCRIPTS: [&str; 4] = [
    include_str!("html/base.js"),
    include_str!("html/map.js"),
    include_str!("html/sections.js"),
    include_str!("html/panel.js"),
];
/// Reasons that the page shows for a function's stage.
const MAX_EVIDENCE: usize = 6;

/// The page. What comes from the report stands in a block of JSON, and the
/// page's script puts it in as text only.
pub(super) fn render(report: &Report) -> String {
    let css = format!("{}{CSS}", accents());
    let script = format!(
        "\"use strict\";\n(() => {{\n{}\n}})();\n",
        SCRIPTS.join("\n")
    );
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        hash(&css),
        hash(&script),
    );
    let parts = [
        ("{{policy}}", policy),
        ("{{css}}", css),
        ("{{script}}", script),
        ("{{title}}", escaped(&report.name)),
        ("{{data}}", data(report)),
    ];
    let mut rest = PAGE;
    let mut out = String::new();
    while let Some(at) = rest.find("{{") {
        let (before, after) = rest.split_at(at);
        out += before;
        let part = parts.iter().find(|(mark, _)| after.starts_with(mark));
        let (mark, value) = part.expect("the template names only parts there are");
        out += value;
        rest = &after[mark.len()..];
    }
    out + rest
}

/// The report as the page needs it, safe inside a `<script>`: without flows,
/// with calls as indices of functions.
fn data(report: &Report) -> String {
    let mut value = serde_json::to_value(report).expect("plain data with string keys");
    let index: rustc_hash::FxHashMap<&str, usize> = report
        .functions
        .iter()
        .enumerate()
        .map(|(idx, function)| (function.id.as_str(), idx))
        .collect();
    let calls: Vec<[usize; 3]> = report
        .calls
        .iter()
        .filter_map(|call| {
            let caller = *index.get(call.caller.as_str())?;
            let callee = *index.get(call.callee.as_str())?;
            Some([caller, callee, call.line as usize])
        })
        .collect();
    value["calls"] = json!(calls);
    value["flows"] = Value::Array(Vec::new());
    if let Some(functions) = value["functions"].as_array_mut() {
        for function in functions {
            if let Some(evidence) = function["evidence"].as_array_mut() {
                evidence.truncate(MAX_EVIDENCE);
            }
        }
    }
    value["stage_abouts"] = Stage::ALL
        .map(|stage| (stage.name().to_string(), Value::from(stage.about())))
        .into_iter()
        .collect();
    let text = value.to_string();
    // `</script` and `<!--` would end or change the block.
    text.replace('<', "\\u003c")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

/// The stages' accents as CSS, for light and for dark.
fn accents() -> String {
    let rules = |color: fn(Stage) -> &'static str| -> String {
        let rule =
            |stage: Stage| format!("[data-stage=\"{stage}\"]{{--accent:{}}}\n", color(stage));
        Stage::ALL.into_iter().map(rule).collect()
    };
    let light = rules(|stage| palette::accent(stage).light);
    let dark = rules(|stage| palette::accent(stage).dark);
    format!("{light}@media (prefers-color-scheme: dark) {{\n{dark}}}\n")
}

fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    /// What stands between `open` and the next `close`.
    fn between<'a>(page: &'a str, open: &str, close: &str) -> &'a str {
        let start = page.find(open).expect("it opens") + open.len();
        let end = page[start..].find(close).expect("it closes");
        &page[start..start + end]
    }

    #[test]
    fn the_policy_allows_this_page_and_nothing_else() {
        let page = render(&sample::churn());
        let style = between(&page, "<style>", "</style>");
        let script = between(&page, "<script>", "</script>");
        assert!(page.contains("default-src 'none'"));
        assert!(page.contains(&format!("style-src '{}'", hash(style))));
        assert!(page.contains(&format!("script-src '{}'", hash(script))));
        for reach in ["http://", "https://", "//cdn", "@import", "url("] {
            assert!(
                !style.contains(reach)
                    && !script
                        .replace("http://www.w3.org/2000/svg", "")
                        .contains(reach),
                "{reach}"
            );
        }
        assert!(!script.contains("innerHTML") && !script.contains("insertAdjacentHTML"));
    }

    #[test]
    fn nothing_in_a_report_becomes_markup() {
        let report = sample::hostile();
        let page = render(&report);
        assert_eq!(page.matches("<script").count(), 2);
        assert_eq!(page.matches("</script").count(), 2);
        let block = between(
            &page,
            "<script type=\"application/json\" id=\"report\">",
            "</script>",
        );
        let value: Value = serde_json::from_str(block).expect("it is JSON");
        assert_eq!(value["name"], report.name);
        assert_eq!(
            value["crossings"][0]["place"]["code"],
            report.crossings[0].place.code
        );
    }

    #[test]
    fn the_template_is_filled() {
        let page = render(&sample::churn());
        assert!(!page.contains("{{"), "no mark is left");
    }
}
