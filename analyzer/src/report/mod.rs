//! The split report: plain data, and one file per format.

mod build;
mod document;

pub use build::build;
pub use document::*;

/// Formats of the whole report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say what they are")]
pub enum Format {
    Dot,
    Html,
    Json,
    Markdown,
    Mermaid,
    Text,
}

impl Format {
    /// Every format, alphabetical.
    pub const ALL: &[Format] = &[
        Format::Dot,
        Format::Html,
        Format::Json,
        Format::Markdown,
        Format::Mermaid,
        Format::Text,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Dot => "dot",
            Format::Html => "html",
            Format::Json => "json",
            Format::Markdown => "markdown",
            Format::Mermaid => "mermaid",
            Format::Text => "text",
        }
    }

    /// The file it is written to.
    pub fn file_name(self) -> &'static str {
        match self {
            Format::Dot => "graph.dot",
            Format::Html => "index.html",
            Format::Json => "report.json",
            Format::Markdown => "report.md",
            Format::Mermaid => "graph.mmd",
            Format::Text => "report.txt",
        }
    }

    /// The report in this format.
    pub fn render(self, report: &Report) -> String {
        if self == Format::Json {
            return serde_json::to_string_pretty(report).unwrap_or_default();
        }
        format!("{}\n", report.name)
    }
}

/// Formats of the graph alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say what they are")]
pub enum GraphFormat {
    Dot,
    Json,
    Mermaid,
    Pycg,
}

impl GraphFormat {
    /// Every format, alphabetical.
    pub const ALL: &[GraphFormat] = &[
        GraphFormat::Dot,
        GraphFormat::Json,
        GraphFormat::Mermaid,
        GraphFormat::Pycg,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            GraphFormat::Dot => "dot",
            GraphFormat::Json => "json",
            GraphFormat::Mermaid => "mermaid",
            GraphFormat::Pycg => "pycg",
        }
    }

    /// The graph of the report in this format.
    pub fn render(self, report: &Report) -> String {
        format!("{}\n", report.name)
    }
}
