//! The split report: plain data, and one file per format.

mod build;
mod document;
mod dot;
mod fields;
mod functions;
mod html;
mod json;
mod listens;
mod markdown;
mod mermaid;
mod network;
mod palette;
mod routes;
#[cfg(test)]
mod sample;
pub mod scaffold;
mod state;
mod text;
mod words;

pub use build::build;
pub use document::*;
pub use dot::graph_dot;
pub use functions::{OpenValue, model_name, open_values};
pub use json::{graph_json, schema};
pub use mermaid::graph_mermaid;
pub use routes::moving_stages;
pub use state::{Kept, kept_by};

/// The ways to write a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// The stage graph for Graphviz.
    Dot,
    /// A first `functions.toml` for the runtime.
    Functions,
    /// One self-contained page.
    Html,
    /// All of it, for machines; [`schema`] describes it.
    Json,
    /// For a pull request.
    Markdown,
    /// The stage graph for Mermaid.
    Mermaid,
    /// A first `routes.toml` for the proxy.
    Routes,
    /// One screen of a terminal.
    Text,
}

impl Format {
    /// All, by name.
    pub const ALL: [Format; 8] = [
        Format::Dot,
        Format::Functions,
        Format::Html,
        Format::Json,
        Format::Markdown,
        Format::Mermaid,
        Format::Routes,
        Format::Text,
    ];

    /// The word for it on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Dot => "dot",
            Format::Functions => "functions",
            Format::Html => "html",
            Format::Json => "json",
            Format::Markdown => "markdown",
            Format::Mermaid => "mermaid",
            Format::Routes => "routes",
            Format::Text => "text",
        }
    }

    /// The format of that name.
    pub fn from_name(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The file it is written to in a report's folder.
    pub fn file_name(self) -> &'static str {
        match self {
            Format::Dot => "report.dot",
            Format::Functions => "functions.toml",
            Format::Html => "index.html",
            Format::Json => "report.json",
            Format::Markdown => "report.md",
            Format::Mermaid => "report.mmd",
            Format::Routes => "routes.toml",
            Format::Text => "report.txt",
        }
    }
}

/// How text is laid out; the other formats do not depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Colours, as 256-colour escapes.
    pub color: bool,
    /// Columns to fill; fewer than 60 are taken as 60.
    pub width: usize,
}

impl Default for Style {
    /// Plain, 100 columns.
    fn default() -> Self {
        Style {
            color: false,
            width: 100,
        }
    }
}

/// Returns `report` in `format`, ending in a newline. The same report gives
/// the same bytes.
pub fn render(report: &Report, format: Format, style: &Style) -> String {
    match format {
        Format::Dot => dot::render(report),
        Format::Functions => functions::render(report),
        Format::Html => html::render(report),
        Format::Json => json::render(report),
        Format::Markdown => markdown::render(report),
        Format::Mermaid => mermaid::render(report),
        Format::Routes => routes::render(report),
        Format::Text => text::render(report, style),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_the_room_is_listed() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report");
        let found: BTreeSet<String> = fs::read_dir(folder)
            .expect("the room is there")
            .filter_map(|entry| {
                let name = entry.ok()?.file_name().into_string().ok()?;
                name.strip_suffix(".rs").map(str::to_string)
            })
            .filter(|name| name != "mod")
            .collect();
        let listed: BTreeSet<String> = include_str!("mod.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'))
            .map(str::to_string)
            .collect();
        assert_eq!(found, listed);
        for format in Format::ALL {
            assert!(
                found.contains(format.name()),
                "{} has a file",
                format.name()
            );
            assert_eq!(Format::from_name(format.name()), Some(format));
        }
    }

    #[test]
    fn every_format_ends_in_one_newline_and_repeats_itself() {
        for report in [sample::churn(), sample::empty(), sample::hostile()] {
            for format in Format::ALL {
                let once = render(&report, format, &Style::default());
                assert!(
                    once.ends_with('\n') && !once.ends_with("\n\n"),
                    "{format:?}"
                );
                assert_eq!(once, render(&report, format, &Style::default()));
            }
        }
    }

    /// Leaves the reports of the samples under `target/report-samples/`, to be
    /// looked at.
    #[test]
    fn samples_can_be_looked_at() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/report-samples");
        let samples = [
            sample::churn(),
            sample::empty(),
            sample::hostile(),
            sample::large(),
        ];
        for (report, name) in samples.iter().zip(["churn", "empty", "hostile", "large"]) {
            let folder = folder.join(name);
            fs::create_dir_all(&folder).expect("target can be written");
            for format in Format::ALL {
                let text = render(report, format, &Style::default());
                fs::write(folder.join(format.file_name()), text).expect("target can be written");
            }
            let color = Style {
                color: true,
                width: 100,
            };
            let text = render(report, Format::Text, &color);
            fs::write(folder.join("color.txt"), text).expect("target can be written");
            fs::write(folder.join("graph.dot"), graph_dot(report)).expect("target can be written");
            fs::write(folder.join("graph.mmd"), graph_mermaid(report))
                .expect("target can be written");
        }
    }
}
