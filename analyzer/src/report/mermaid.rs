//! Pictures for Mermaid: stages with their cut lines, and functions.

use std::fmt::Write;

use super::document::{LineEntry, Report};
use super::network::Network;
use super::{palette, words};
use crate::stages::Stage;

/// The stage graph: functions per stage, and a line per boundary.
pub(super) fn render(report: &Report) -> String {
    let mut out = String::from("flowchart LR\n");
    for entry in words::rows(report) {
        let stage = entry.stage;
        let functions = words::count(entry.functions, "function");
        put(
            &mut out,
            format_args!(
                "  {}[\"{stage}<br/>{functions}\"]:::{}",
                node(stage),
                node(stage)
            ),
        );
    }
    for line in &report.cut.lines {
        put(&mut out, format_args!("  {}", cut_line(line)));
    }
    classes(&mut out, words::rows(report).map(|entry| entry.stage));
    out
}

/// Functions by stage with their calls, and data that passes without one
/// (dotted). Drawn per module where there are too many edges to follow.
pub fn graph_mermaid(report: &Report) -> String {
    let network = Network::new(report);
    let mut out = String::from("flowchart LR\n");
    if let Some(note) = &network.note {
        put(&mut out, format_args!("  %% {note}"));
    }
    let held = |stage: &Stage| network.of_stage(*stage).next().is_some();
    for stage in Stage::ALL.into_iter().filter(held) {
        put(
            &mut out,
            format_args!("  subgraph {}[\"{stage}\"]", node(stage)),
        );
        for (idx, function) in network.of_stage(stage) {
            put(
                &mut out,
                format_args!(
                    "    n{idx}[\"{}\"]:::{}_",
                    escaped(&function.label),
                    node(stage)
                ),
            );
        }
        put(&mut out, format_args!("  end"));
    }
    for edge in &network.edges {
        let arrow = if edge.data { "-.->" } else { "-->" };
        let label = match edge.label.as_str() {
            "" => String::new(),
            label => format!("|\"{}\"|", escaped(label)),
        };
        put(
            &mut out,
            format_args!("  n{} {arrow}{label} n{}", edge.from, edge.to),
        );
    }
    for stage in Stage::ALL.into_iter().filter(held) {
        let color = palette::accent(stage).light;
        put(
            &mut out,
            format_args!(
                "  classDef {}_ fill:{color},stroke:{color},color:#ffffff",
                node(stage)
            ),
        );
    }
    out
}

fn cut_line(line: &LineEntry) -> String {
    let text = format!(
        "price {}, {}",
        words::price(line.price),
        words::count(line.crossings, "crossing")
    );
    let (from, to) = (node(line.from), node(line.to));
    if line.blocked.is_empty() {
        format!("{from} -->|\"{text}\"| {to}")
    } else {
        format!("{from} -. \"{text}, blocked\" .-> {to}")
    }
}

fn classes(out: &mut String, stages: impl Iterator<Item = Stage>) {
    for stage in stages {
        let color = palette::accent(stage).light;
        put(
            out,
            format_args!(
                "  classDef {} fill:{color},stroke:{color},color:#ffffff",
                node(stage)
            ),
        );
    }
}

/// A name that no keyword of the language is.
fn node(stage: Stage) -> String {
    format!("s_{stage}")
}

/// Text for between quotes: entities for what means something there.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' => out.push_str("#quot;"),
            '#' | '%' | '&' | '<' | '>' | '`' | '|' | '{' | '}' | '[' | ']' | '\\' => {
                let _ = write!(out, "#{};", character as u32);
            }
            character if character.is_control() => out.push(' '),
            character => out.push(character),
        }
    }
    out
}

fn put(out: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(out, "{line}").expect("a String takes all");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn stages_and_cut_lines() {
        insta::assert_snapshot!(render(&sample::churn()));
    }

    #[test]
    fn functions_by_stage() {
        insta::assert_snapshot!(graph_mermaid(&sample::churn()));
    }

    #[test]
    fn many_edges_are_drawn_per_module() {
        let picture = graph_mermaid(&sample::large());
        assert!(picture.contains("drawn per module"));
        assert!(picture.matches("-->").count() <= 300);
    }

    #[test]
    fn names_cannot_leave_their_quotes() {
        let picture = graph_mermaid(&sample::hostile());
        assert!(!picture.contains("<script>") && !picture.contains("%%{init"));
        assert_eq!(escaped("a\"<b>"), "a#quot;#60;b#62;");
    }
}
