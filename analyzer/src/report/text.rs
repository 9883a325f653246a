//! One screen of a terminal: where would I cut, what stops me, what do I do
//! first.

mod hazards;
mod line;

use line::{Line, Sheet};

use super::document::{LineEntry, Report, RouteEntry, StageEntry};
use super::{Style, words};
use crate::stages::Stage;

/// Boundaries that are written out.
const MAX_LINES: usize = 7;
/// Boundaries that get as many lines as they need; the others get one.
const MAX_WHOLE: usize = 3;
/// Fat routes, skipped files and the like that are named.
const MAX_NAMED: usize = 3;
/// Narrower than this no table can be read.
const MIN_WIDTH: usize = 60;

/// The whole report on one screen, or little more.
pub(super) fn render(report: &Report, style: &Style) -> String {
    let mut sheet = Sheet::new(style.color, style.width.max(MIN_WIDTH));
    header(report, &mut sheet);
    if report.functions.is_empty() {
        sheet.gap();
        sheet.wrap(
            0,
            Line::new().plain("No functions were found: there is nothing to cut."),
        );
    } else {
        stages(report, &mut sheet);
        cut(report, &mut sheet);
        hazards::write(report, &mut sheet);
        order(report, &mut sheet);
        fat_routes(report, &mut sheet);
    }
    skipped(report, &mut sheet);
    sheet.finish()
}

fn header(report: &Report, sheet: &mut Sheet) {
    let summary = &report.summary;
    let mut line = Line::new().bold(&report.name).plain(&format!(
        " · {} · {}",
        words::count(summary.files, "file"),
        words::count(summary.lines, "line")
    ));
    for names in [&summary.frameworks, &summary.libraries] {
        if !names.is_empty() {
            line = line.plain(" · ").plain(&some(names, 6, ", "));
        }
    }
    sheet.cut_off(line);
}

fn stages(report: &Report, sheet: &mut Sheet) {
    sheet.gap();
    let routes_at = 27;
    let routes_width = sheet.width.saturating_sub(routes_at + 13);
    let heading = Line::new()
        .head("STAGE")
        .pad(15)
        .head("FUNCTIONS")
        .pad(routes_at)
        .head("ROUTES")
        .pad(routes_at + routes_width + 3)
        .head("CONFIDENCE");
    sheet.cut_off(heading);
    for entry in words::rows(report) {
        let line = Line::new().accent(entry.stage, entry.stage.name());
        let functions = match entry.functions {
            0 => "–".to_string(),
            functions => words::grouped(functions),
        };
        let about = about(report, entry, routes_width);
        let line = line
            .pad(24_usize.saturating_sub(functions.chars().count()))
            .plain(&functions)
            .pad(routes_at);
        let line = if about.is_empty() {
            line.dim("–")
        } else {
            line.plain(&about)
        };
        let confidence = entry
            .confidence
            .map_or("–".to_string(), |share| format!("{share:.2}"));
        sheet.cut_off(line.pad(routes_at + routes_width + 3).plain(&confidence));
    }
}

/// A stage's routes; for the functions of several stages, what to do with them.
fn about(report: &Report, entry: &StageEntry, width: usize) -> String {
    match entry.stage {
        Stage::Shared if !report.cut.shared.is_empty() => {
            let names: Vec<String> = report
                .cut
                .shared
                .iter()
                .map(|shared| {
                    let stages = words::count(shared.stages.len(), "stage");
                    format!(
                        "{}: {} ({stages})",
                        words::advice(shared.advice),
                        words::short(&shared.function)
                    )
                })
                .collect();
            fitting(&names, width)
        }
        Stage::None if entry.routes.is_empty() => "outside the pipeline".to_string(),
        _ => fitting(&entry.routes, width),
    }
}

fn cut(report: &Report, sheet: &mut Sheet) {
    sheet.gap();
    let lines = &report.cut.lines;
    if lines.is_empty() {
        sheet.wrap(
            0,
            Line::new()
                .head("CUT")
                .plain("  no call or data crosses between stages"),
        );
        return;
    }
    let mut title = Line::new().head("CUT").plain(&format!(
        "  price {} · {} · {}",
        words::price(report.cut.price),
        words::count(lines.len(), "line"),
        words::count(report.crossings.len(), "crossing"),
    ));
    match words::blocked_lines(report) {
        0 => {}
        1 => title = title.plain(" · ").bad("1 cannot be cut as it is"),
        n => {
            title = title
                .plain(" · ")
                .bad(&format!("{n} cannot be cut as they are"))
        }
    }
    sheet.cut_off(title);
    for (idx, line) in lines.iter().take(MAX_LINES).enumerate() {
        cut_line(report, line, idx < MAX_WHOLE, sheet);
    }
    if let Some(rest) = lines.get(MAX_LINES..).filter(|rest| !rest.is_empty()) {
        let price: f64 = rest.iter().map(|line| line.price).sum();
        let text = format!(
            "… and {} more, price {} together",
            rest.len(),
            words::price(price)
        );
        sheet.cut_off(Line::new().pad(2).dim(&text));
    }
}

fn cut_line(report: &Report, line: &LineEntry, whole: bool, sheet: &mut Sheet) {
    let text_at = 42;
    let first = Line::new()
        .pad(2)
        .accent(line.from, line.from.name())
        .dim(" | ")
        .accent(line.to, line.to.name())
        .pad(31)
        .plain(&format!("price {}", words::price(line.price)))
        .pad(text_at)
        .plain(&line.headline);
    if whole {
        sheet.wrap(text_at, first);
    } else {
        sheet.cut_off(first);
    }
    if !line.blocked.is_empty() {
        let blocked = Line::new()
            .pad(text_at)
            .bad("blocked: ")
            .plain(&line.blocked);
        sheet.cut_off(blocked);
    }
    if !whole {
        return;
    }
    if let Some(contract) = words::contract_of(report, line.from, line.to) {
        let summary = words::contract_summary(&contract.entries, 2);
        sheet.cut_off(
            Line::new()
                .pad(text_at)
                .dim(&format!("contract: {summary}")),
        );
    }
}

fn order(report: &Report, sheet: &mut Sheet) {
    let Some(first) = report.order.first() else {
        return;
    };
    sheet.gap();
    let mut line = Line::new().head("ORDER").plain("  ");
    for (idx, step) in report.order.iter().enumerate() {
        if idx > 0 {
            line = line.dim(" → ");
        }
        line = line.accent(step.stage, step.stage.name());
    }
    sheet.wrap(7, line);
    if !first.reasons.is_empty() {
        let line = Line::new()
            .pad(7)
            .accent(first.stage, first.stage.name())
            .plain(" first: ")
            .plain(&first.reasons.join("; "));
        sheet.wrap(7, line);
    }
}

fn fat_routes(report: &Report, sheet: &mut Sheet) {
    let fat: Vec<&RouteEntry> = report.routes.iter().filter(|route| route.fat).collect();
    if fat.is_empty() {
        return;
    }
    sheet.gap();
    for route in fat.iter().take(MAX_NAMED) {
        let name = format!("{} {}", route.method, route.path);
        let line = Line::new().bold(name.trim()).plain(&format!(
            " spans {}: split it before its stages move.",
            words::count(route.stages.len(), "stage")
        ));
        sheet.wrap(2, line);
    }
    if fat.len() > MAX_NAMED {
        let more = words::count(fat.len() - MAX_NAMED, "more route");
        sheet.cut_off(Line::new().plain(&format!("{more} span several stages.")));
    }
}

fn skipped(report: &Report, sheet: &mut Sheet) {
    if report.skipped.is_empty() {
        return;
    }
    let named: Vec<String> = report
        .skipped
        .iter()
        .map(|file| format!("{}: {}", file.file, file.reason))
        .collect();
    let skipped = words::count(report.skipped.len(), "file");
    if !report.routes.iter().any(|route| route.fat) {
        sheet.gap();
    }
    let text = format!("{skipped} skipped ({})", some(&named, MAX_NAMED, "; "));
    sheet.wrap(2, Line::new().plain(&text));
}

/// The first `shown`, and `…` where there are more.
fn some(names: &[String], shown: usize, separator: &str) -> String {
    let mut parts: Vec<&str> = names.iter().take(shown).map(String::as_str).collect();
    if names.len() > shown {
        parts.push("…");
    }
    parts.join(separator)
}

/// As many whole names as fit in `width`, then how many are left.
fn fitting(names: &[String], width: usize) -> String {
    for shown in (1..=names.len()).rev() {
        let mut text = names[..shown].join(", ");
        if shown < names.len() {
            text += &format!(" +{}", names.len() - shown);
        }
        if line::columns(&text) <= width || shown == 1 {
            return line::truncated(&text, width);
        }
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_churn_service() {
        insta::assert_snapshot!(render(&sample::churn(), &Style::default()));
    }

    #[test]
    fn an_empty_folder() {
        insta::assert_snapshot!(render(&sample::empty(), &Style::default()), @r"
        nothing · 0 files · 0 lines

        No functions were found: there is nothing to cut.
        ");
    }

    #[test]
    fn no_line_is_too_long_and_no_control_character_passes() {
        let reports = [sample::churn(), sample::hostile(), sample::large()];
        for (report, width) in reports.iter().zip([60, 80, 100]) {
            let text = render(
                report,
                &Style {
                    color: false,
                    width,
                },
            );
            for line in text.lines() {
                assert!(line::columns(line) <= width, "{width}: {line}");
                assert!(!line.chars().any(char::is_control), "{line:?}");
            }
        }
    }

    #[test]
    fn a_large_tree_still_fits_a_screen() {
        let text = render(
            &sample::large(),
            &Style {
                color: false,
                width: 120,
            },
        );
        assert!(text.lines().count() < 60, "{text}");
    }

    #[test]
    fn colour_changes_nothing_but_colour() {
        let style = Style {
            color: true,
            width: 100,
        };
        let colored = render(&sample::churn(), &style);
        assert!(colored.contains("\u{1b}[38;5;"));
        let mut plain = String::new();
        let mut rest = colored.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            plain += before;
            rest = after.split_once('m').expect("an escape ends in m").1;
        }
        plain += rest;
        assert_eq!(plain, render(&sample::churn(), &Style::default()));
    }
}
