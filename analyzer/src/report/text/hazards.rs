//! The hazards' part of the screen: what blocks first, and few lines.

use super::line::{Line, Paint, Sheet, columns, truncated};
use crate::hazards::Severity;
use crate::report::document::{FindingEntry, Report};
use crate::report::words;

/// Lines that are written out.
const MAX_ROWS: usize = 8;

/// Findings that share a line.
struct Row<'a> {
    first: &'a FindingEntry,
    n_findings: usize,
}

/// Adds the hazards: each on its own where they are few or few block,
/// otherwise one line per rule.
pub(super) fn write(report: &Report, sheet: &mut Sheet) {
    sheet.gap();
    if report.findings.is_empty() {
        sheet.cut_off(Line::new().head("HAZARDS").plain("  none found"));
        return;
    }
    sheet.cut_off(title(report));
    let rows = rows(&report.findings);
    let name_width = rows.iter().map(|row| columns(&row.first.hazard)).max();
    let place_width = rows.iter().map(|row| columns(&label(row))).max();
    let name_at = 10;
    let place_at = name_at + name_width.unwrap_or(0) + 2;
    let text_at = place_at + place_width.unwrap_or(0).min(26) + 2;
    for row in rows.iter().take(MAX_ROWS) {
        let severity = row.first.severity;
        let line = Line::new()
            .pad(2)
            .put(paint(severity), words::severity(severity))
            .pad(name_at)
            .plain(&row.first.hazard)
            .pad(place_at)
            .dim(&ending(&label(row), 26))
            .pad(text_at)
            .plain(&row.first.message);
        if severity == Severity::Blocks && text_at + 30 < sheet.width {
            sheet.wrap(text_at, line);
        } else {
            sheet.cut_off(line);
        }
    }
    if rows.len() > MAX_ROWS {
        let rest: usize = rows[MAX_ROWS..].iter().map(|row| row.n_findings).sum();
        sheet.cut_off(Line::new().pad(2).dim(&format!("… and {rest} more")));
    }
    let explain = format!("cutline explain {}", rows[0].first.hazard);
    sheet.cut_off(Line::new().pad(2).dim(&explain));
}

fn title(report: &Report) -> Line {
    let title = Line::new()
        .head("HAZARDS")
        .plain(&format!("  {}", words::grouped(report.findings.len())));
    match words::n_findings(report, Severity::Blocks) {
        0 => title.plain(", none blocks a cut"),
        1 => title.plain(": ").bad("1 blocks a cut"),
        blocking => title
            .plain(": ")
            .bad(&format!("{} block a cut", words::grouped(blocking))),
    }
}

/// Worst first, else as they come.
fn rows(findings: &[FindingEntry]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    let few = findings.len() <= MAX_ROWS;
    let blocking = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Blocks);
    let few_block = blocking.count() <= MAX_ROWS / 2;
    let alone = |finding: &FindingEntry| few || (few_block && finding.severity == Severity::Blocks);
    for finding in findings {
        let alike = |row: &&mut Row<'_>| {
            row.first.hazard == finding.hazard && row.first.severity == finding.severity
        };
        match rows.iter_mut().find(alike) {
            Some(row) if !alone(finding) => row.n_findings += 1,
            _ => rows.push(Row {
                first: finding,
                n_findings: 1,
            }),
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.first.severity));
    rows
}

/// The first place, and how many more there are.
fn label(row: &Row<'_>) -> String {
    let place = words::place(&row.first.place);
    match row.n_findings {
        1 => place,
        more => format!("{place} +{}", words::grouped(more - 1)),
    }
}

/// The end of a place, which says more than its beginning.
fn ending(place: &str, width: usize) -> String {
    if columns(place) <= width {
        return place.to_string();
    }
    let reversed: String = place.chars().rev().collect();
    truncated(&reversed, width).chars().rev().collect()
}

fn paint(severity: Severity) -> Paint {
    match severity {
        Severity::Blocks => Paint::Bad,
        Severity::Costs => Paint::Costly,
        Severity::Note => Paint::Dim,
    }
}
