//! Pictures for Graphviz: stages with their cut lines, and functions.

use std::fmt::Write;

use super::document::{LineEntry, Report};
use super::network::Network;
use super::{palette, words};
use crate::stages::Stage;

/// The stage graph: functions per stage, and a line per boundary.
pub(super) fn render(report: &Report) -> String {
    let mut out = header(report, "LR");
    for entry in words::rows(report) {
        let label = format!(
            "{}\n{}",
            entry.stage,
            words::count(entry.functions, "function")
        );
        let color = palette::accent(entry.stage).light;
        put(
            &mut out,
            format_args!(
                "  {} [label={}, fillcolor=\"{color}\", fontcolor=\"#ffffff\"];",
                entry.stage,
                quoted(&label)
            ),
        );
    }
    for line in &report.cut.lines {
        put(&mut out, format_args!("  {}", cut_line(line)));
    }
    out + "}\n"
}

/// Functions by stage with their calls, and data that passes without one
/// (dashed). Drawn per module where there are too many edges to follow.
pub fn graph_dot(report: &Report) -> String {
    let network = Network::new(report);
    let mut out = header(report, "LR");
    if let Some(note) = &network.note {
        put(&mut out, format_args!("  // {note}"));
    }
    for stage in Stage::ALL {
        if network.of_stage(stage).next().is_none() {
            continue;
        }
        let color = palette::accent(stage).light;
        put(&mut out, format_args!("  subgraph cluster_{stage} {{"));
        put(
            &mut out,
            format_args!(
                "    label={}; color=\"{color}\"; fontcolor=\"{color}\"; fontname=\"Helvetica\";",
                quoted(stage.name())
            ),
        );
        for (idx, node) in network.of_stage(stage) {
            let label = quoted(&node.label);
            put(
                &mut out,
                format_args!(
                    "    n{idx} [label={label}, fillcolor=\"#ffffff\", color=\"{color}\"];"
                ),
            );
        }
        put(&mut out, format_args!("  }}"));
    }
    for edge in &network.edges {
        let style = if edge.data { ", style=dashed" } else { "" };
        let label = quoted(&edge.label);
        put(
            &mut out,
            format_args!("  n{} -> n{} [label={label}{style}];", edge.from, edge.to),
        );
    }
    out + "}\n"
}

fn header(report: &Report, direction: &str) -> String {
    format!(
        "digraph {} {{\n  rankdir={direction};\n  node [shape=box, style=\"rounded,filled\", penwidth=1, fontname=\"Helvetica\", fontsize=11];\n  edge [color=\"#56616f\", fontname=\"Helvetica\", fontsize=10];\n",
        quoted(&report.name)
    )
}

fn cut_line(line: &LineEntry) -> String {
    let label = format!(
        "price {}, {}{}",
        words::price(line.price),
        words::count(line.crossings, "crossing"),
        if line.blocked.is_empty() {
            ""
        } else {
            "\nblocked"
        }
    );
    let style = if line.blocked.is_empty() {
        "solid"
    } else {
        "dashed"
    };
    let width = pen(line.price);
    format!(
        "{} -> {} [label={}, penwidth={width:.1}, style={style}];",
        line.from,
        line.to,
        quoted(&label)
    )
}

/// From 1 to 6, slower as prices rise.
fn pen(price: f64) -> f64 {
    (1.0 + price.max(0.0).sqrt()).min(6.0)
}

/// A string of the language, on one line unless it holds line ends of ours.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            character if character.is_control() => out.push(' '),
            character => out.push(character),
        }
    }
    out.push('"');
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
        insta::assert_snapshot!(graph_dot(&sample::churn()));
    }

    #[test]
    fn many_edges_are_drawn_per_module() {
        let picture = graph_dot(&sample::large());
        assert!(picture.contains("drawn per module"));
        assert!(picture.matches(" -> ").count() <= 300);
    }

    #[test]
    fn strings_stay_strings() {
        assert_eq!(quoted("a\"b\\c\nd\u{1b}"), "\"a\\\"b\\\\c\\nd \"");
    }
}
