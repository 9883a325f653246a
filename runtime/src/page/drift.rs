//! A drift report as a page.

use super::figures;
use super::frame::page;
use super::html::{escaped, section, table};
use super::words::{grouped, number};
use crate::drift::{ColumnDrift, DriftReport, Problem};

/// The report as one self-contained page: what has drifted first.
pub fn drift_html(title: &str, report: &DriftReport) -> String {
    let content = lead(title, report) + &sections(report);
    page(&format!("{title}: drift"), &content)
}

/// All but the head.
pub(super) fn sections(report: &DriftReport) -> String {
    let columns = in_order(report);
    let sections = [
        section("Data quality", &problems(&report.problems)),
        section("Columns", &scores(&columns)),
        section("Distributions", &distributions(&columns)),
    ];
    sections.concat()
}

/// The predictions first, then what has drifted, then the rest.
fn in_order(report: &DriftReport) -> Vec<&ColumnDrift> {
    let (drifted, calm): (Vec<&ColumnDrift>, _) = report.columns.iter().partition(|c| drifted(c));
    report
        .predictions
        .iter()
        .chain(drifted)
        .chain(calm)
        .collect()
}

fn drifted(column: &ColumnDrift) -> bool {
    column.outcome.is_some_and(|outcome| outcome.drifted)
}

pub(super) fn lead(title: &str, report: &DriftReport) -> String {
    let verdict = match report.drifted {
        true => "<span class=\"bad\">The data has drifted.</span>",
        false => "<span class=\"good\">The data has not drifted.</span>",
    };
    let n_drifted = report
        .columns
        .iter()
        .filter(|column| drifted(column))
        .count();
    let [reference, current] = report.rows.map(|rows| grouped(rows as f64));
    format!(
        "<header>\n<h1>{}</h1>\n<p class=\"lead\">{verdict} {n_drifted} of {} columns differ from the \
         reference. {current} current rows, {reference} in the reference.</p>\n</header>\n",
        escaped(title),
        report.columns.len()
    )
}

fn problems(problems: &[Problem]) -> String {
    let line = |problem: &Problem| format!("<li>{}</li>\n", escaped(&problem.says()));
    let lines: String = problems.iter().map(line).collect();
    match lines.is_empty() {
        true => lines,
        false => format!("<ul>\n{lines}</ul>\n"),
    }
}

fn scores(columns: &[&ColumnDrift]) -> String {
    let row = |column: &&ColumnDrift| {
        let name = escaped(&column.column);
        let Some(outcome) = column.outcome else {
            let why = column.untestable.as_deref().unwrap_or_default();
            return vec![name, "–".into(), "–".into(), "–".into(), escaped(why)];
        };
        let says = match outcome.drifted {
            true => "<span class=\"bad\">drifted</span>",
            false => "<span class=\"muted\">no drift</span>",
        };
        let side = if outcome.test.is_p_value() {
            "below"
        } else {
            "from"
        };
        vec![
            name,
            escaped(outcome.test.title()),
            number(outcome.score),
            format!("{side} {}", number(outcome.threshold)),
            says.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = columns.iter().map(row).collect();
    match rows.is_empty() {
        true => String::new(),
        false => table(&["Column", "Test", "Score", "Drift is", "Result"], &rows),
    }
}

fn distributions(columns: &[&ColumnDrift]) -> String {
    let figure = |column: &&ColumnDrift| {
        let caption = match column.outcome {
            Some(outcome) => format!("{} {}", outcome.test.title(), number(outcome.score)),
            None => column.untestable.clone().unwrap_or_default(),
        };
        figures::distribution(&column.column, &caption, &column.distribution)
    };
    let figures: String = columns.iter().filter_map(figure).collect();
    match figures.is_empty() {
        true => figures,
        false => format!(
            "<p class=\"key\"><span>reference</span><span class=\"two\">current</span></p>\n\
             <div class=\"figures\">\n{figures}</div>\n"
        ),
    }
}
