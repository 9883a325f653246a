//! Numbers, counts and places as every format writes them.

use super::document::{ContractEntryDoc, ContractItem, Place, Report, RouteEntry, StageEntry};
use crate::cut::{Advice, EntryKind};
use crate::hazards::Severity;
use crate::routes::RouteKind;
use crate::stages::Stage;

/// `3,912`
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 file`, `3,912 files`.
pub(super) fn count(number: usize, one: &str) -> String {
    let number_text = grouped(number);
    match one.strip_suffix('y') {
        _ if number == 1 => format!("1 {one}"),
        Some(stem) => format!("{number_text} {stem}ies"),
        None => format!("{number_text} {one}s"),
    }
}

/// A price with at most one decimal: `8`, `8.5`.
pub(super) fn price(price: f64) -> String {
    let text = format!("{price:.1}");
    match text.strip_suffix(".0") {
        Some(whole) => whole.to_string(),
        None => text,
    }
}

/// `train.py:88`, `notebook.ipynb[3]:2`.
pub(super) fn place(place: &Place) -> String {
    match place.cell {
        Some(cell) => format!("{}[{cell}]:{}", place.file, place.line),
        None => format!("{}:{}", place.file, place.line),
    }
}

/// The last part of the file and the qualified name of `file:qualname`:
/// `features.build_frame`.
pub(super) fn short(id: &str) -> String {
    // The first colon: Rust's `A::b` has its own, a path has none.
    let Some((file, qualname)) = id.split_once(':') else {
        return id.to_string();
    };
    let name = file.rsplit('/').next().unwrap_or(file);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    format!("{stem}.{qualname}")
}

/// What a way in is that is no HTTP route: `luigi step`, `script`.
pub(super) fn way(route: &RouteEntry) -> Option<String> {
    let kind = match route.kind {
        RouteKind::Http => return None,
        RouteKind::WebSocket => "WebSocket",
        RouteKind::Command => "command",
        RouteKind::Job => "job",
        RouteKind::Step => "step",
        RouteKind::Script if route.framework == "script" => return Some("script".to_owned()),
        RouteKind::Script => "script",
        RouteKind::Hook => "hook",
    };
    Some(format!("{} {kind}", route.framework))
}

/// The word for a severity.
pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Blocks => "blocks",
        Severity::Costs => "costs",
        Severity::Note => "note",
    }
}

/// What to do with a shared function, as a clause.
pub(super) fn advice(advice: Advice) -> &'static str {
    match advice {
        Advice::Duplicate => "copy",
        Advice::Library => "make a library",
        Advice::Split => "split",
    }
}

/// The word for a kind of contract entry.
pub(super) fn entry_kind(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Column => "column",
        EntryKind::File => "file",
        EntryKind::Table => "table",
        EntryKind::RequestField => "request field",
        EntryKind::ResponseField => "response field",
        EntryKind::Estimator => "estimator",
        EntryKind::Parameter => "parameter",
        EntryKind::Transform => "transform",
    }
}

/// The contract at the boundary from `from` to `to`.
pub(super) fn contract_of(report: &Report, from: Stage, to: Stage) -> Option<&ContractEntryDoc> {
    let at = format!("{from} -> {to}");
    report
        .contracts
        .iter()
        .find(|contract| contract.at == at && !contract.entries.is_empty())
}

/// A contract on one line: `14 columns (age f64?, plan str, …), 1 file
/// (model.pkl)`. Names at most `shown` of each kind.
pub(super) fn contract_summary(entries: &[ContractItem], shown: usize) -> String {
    let mut kinds: Vec<EntryKind> = entries.iter().map(|entry| entry.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let clauses = kinds.into_iter().map(|kind| {
        let of_kind: Vec<&ContractItem> =
            entries.iter().filter(|entry| entry.kind == kind).collect();
        let mut names: Vec<String> = of_kind
            .iter()
            .take(shown)
            .map(|entry| named(entry))
            .collect();
        if of_kind.len() > shown {
            names.push("…".to_string());
        }
        format!(
            "{} ({})",
            count(of_kind.len(), entry_kind(kind)),
            names.join(", ")
        )
    });
    clauses.collect::<Vec<_>>().join(", ")
}

/// A column or field with its type; other entries by name alone.
fn named(entry: &ContractItem) -> String {
    match entry.kind {
        EntryKind::Column | EntryKind::RequestField | EntryKind::ResponseField => {
            format!(
                "{} {}",
                entry.name,
                if entry.value == "unknown" {
                    "?"
                } else {
                    &entry.value
                }
            )
        }
        _ => entry.name.clone(),
    }
}

/// The stages worth a row: the seven, then the others where they hold
/// something.
pub(super) fn rows(report: &Report) -> impl Iterator<Item = &StageEntry> {
    report
        .stages
        .iter()
        .filter(|entry| entry.stage.is_pipeline() || entry.functions > 0)
}

/// How many of the cut lines cannot be cut as they are.
pub(super) fn blocked_lines(report: &Report) -> usize {
    let blocked = |line: &&super::document::LineEntry| !line.blocked.is_empty();
    report.cut.lines.iter().filter(blocked).count()
}

/// How many findings have `severity`.
pub(super) fn n_findings(report: &Report, severity: Severity) -> usize {
    report
        .findings
        .iter()
        .filter(|finding| finding.severity == severity)
        .count()
}

/// Stage names joined by `separator`.
pub(super) fn stages(stages: &[Stage], separator: &str) -> String {
    let names: Vec<&str> = stages.iter().map(|stage| stage.name()).collect();
    names.join(separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(count(1, "library"), "1 library");
        assert_eq!(count(2, "library"), "2 libraries");
        assert_eq!(price(8.0), "8");
        assert_eq!(price(8.25), "8.2");
    }

    #[test]
    fn names_are_short() {
        assert_eq!(
            short("churn/features.py:build_frame"),
            "features.build_frame"
        );
        assert_eq!(short("src/model.rs:Forest::fit"), "model.Forest::fit");
        assert_eq!(short("app.py:<module>"), "app.<module>");
        assert_eq!(short("odd"), "odd");
    }
}
