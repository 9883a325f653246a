//! How a model does in use, as a page.

use super::drift::{lead, sections};
use super::figures;
use super::frame::page;
use super::html::{escaped, section, table};
use super::words;
use crate::drift::{Live, LiveReport, Window};

/// The report as one self-contained page: limits that were crossed first, then
/// how good the answers were, then what was asked.
pub fn live_html(title: &str, report: &LiveReport) -> String {
    let content = [
        lead(title, &report.drift),
        section("Limits crossed", &crossed(report)),
        section("Performance", &performance(report)),
        section("Latency", &latency(report)),
        section("Over time", &over_time(&report.windows)),
        sections(&report.drift),
    ];
    page(&format!("{title}: monitoring"), &content.concat())
}

fn crossed(report: &LiveReport) -> String {
    let line = |says: String| format!("<li class=\"bad\">{}</li>\n", escaped(&says));
    let lines: String = report.crossed.iter().map(|one| line(one.says())).collect();
    match lines.is_empty() {
        true => lines,
        false => format!("<ul>\n{lines}</ul>\n"),
    }
}

fn performance(report: &LiveReport) -> String {
    let Some(performance) = &report.performance else {
        return String::new();
    };
    let row = |live: &Live| {
        let said = match (&live.now.interval, &live.now.undefined) {
            (Some(interval), _) => words::interval(interval),
            (None, Some(why)) => escaped(why),
            (None, None) => String::new(),
        };
        let result = match (live.fell, live.before) {
            (true, _) => "<span class=\"bad\">worse</span>",
            (false, Some(_)) => "<span class=\"muted\">not shown worse</span>",
            (false, None) => "",
        };
        vec![
            escaped(live.now.metric.title()),
            words::value(&live.now),
            said,
            words::optional(live.before),
            result.to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = performance.metrics.iter().map(row).collect();
    let head = ["Metric", "Now", "Interval", "At evaluation", "Result"];
    format!(
        "<p class=\"muted\">Of {} predictions, what came is known.</p>\n{}",
        words::grouped(performance.rows as f64),
        table(&head, &rows)
    )
}

fn latency(report: &LiveReport) -> String {
    let Some(latency) = report.latency else {
        return String::new();
    };
    let row = |name: &str, seconds: f64| {
        vec![
            name.to_owned(),
            format!("{} ms", words::number(seconds * 1e3)),
        ]
    };
    let rows = [
        row("half of the requests", latency.p50),
        row("95 %", latency.p95),
        row("99 %", latency.p99),
    ];
    table(&["Took no longer", "Time"], &rows)
}

fn over_time(windows: &[Window]) -> String {
    let answers = windows.iter().map(|window| Some(window.answers as f64));
    let scores = windows.iter().map(|window| window.scores.mean());
    let slow = windows.iter().map(|window| {
        let took = window.latency.quantile(0.95)?;
        Some(took.as_secs_f64() * 1e3)
    });
    let figures = [
        figures::over_time("Answers", "How many in each span.", windows, answers),
        figures::over_time("Prediction", "The mean in each span.", windows, scores),
        figures::over_time(
            "Latency",
            "95 % of the answers took no longer, in ms.",
            windows,
            slow,
        ),
    ];
    let figures: String = figures.into_iter().flatten().collect();
    match figures.is_empty() {
        true => figures,
        false => format!("<div class=\"figures\">\n{figures}</div>\n"),
    }
}
