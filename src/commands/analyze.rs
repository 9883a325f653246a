//! `cutline analyze`

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use cutline_analyzer::Report;
use cutline_analyzer::report::{self, Format, Style};

use super::source::SourceArgs;
use crate::config::Config;
use crate::console::Console;
use crate::error::CommandError;

/// Written when no format is asked for.
const DEFAULT_FORMATS: [Format; 3] = [Format::Html, Format::Json, Format::Markdown];

/// Reads a monolith and suggests where to cut it.
///
/// Prints the report and writes it to reports/<name>/ as index.html,
/// report.json and report.md. With --format it prints that one document and
/// writes nothing; with --out and --format it writes that one document.
#[derive(Args)]
pub(crate) struct AnalyzeArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Writes the report to DIR [default: reports/<name>].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// One document instead of all.
    #[arg(long, value_parser = format_parser())]
    format: Option<Format>,
}

fn format_parser() -> impl TypedValueParser<Value = Format> {
    let names = Format::ALL.iter().map(|format| format.name());
    PossibleValuesParser::new(names).try_map(|name| format_named(&name).ok_or("no such format"))
}

fn format_named(name: &str) -> Option<Format> {
    let mut all = Format::ALL.iter().copied();
    all.find(|format| format.name() == name)
}

/// Analyses, prints and writes.
pub(crate) fn analyze(args: &AnalyzeArgs, console: &Console) -> Result<(), CommandError> {
    let config = Config::beside(&args.source.path)?;
    let report = args.source.analyze(&config, console)?;
    let out = args.out.clone().or_else(|| config.out());
    match (args.format, out) {
        (Some(format), None) => console.print(&report::render(&report, format, &console.style())),
        (Some(format), Some(out)) => write(&report, &[format], &out, console),
        (None, out) => {
            let out = out.unwrap_or_else(|| Path::new("reports").join(&report.name));
            let text = report::render(&report, Format::Text, &console.style());
            console.print(&text)?;
            write(&report, &DEFAULT_FORMATS, &out, console)
        }
    }
}

fn write(
    report: &Report,
    formats: &[Format],
    out: &Path,
    console: &Console,
) -> Result<(), CommandError> {
    let hinted = |error: anyhow::Error| {
        CommandError::from(error).hint("--out names another folder; --format writes none")
    };
    fs::create_dir_all(out)
        .with_context(|| format!("cannot create the folder {}", out.display()))
        .map_err(hinted)?;
    for format in formats {
        let file = out.join(format.file_name());
        let text = report::render(report, *format, &Style::default());
        fs::write(&file, text)
            .with_context(|| format!("cannot write {}", file.display()))
            .map_err(hinted)?;
    }
    let names: Vec<_> = formats.iter().map(|format| format.file_name()).collect();
    let names = match names.as_slice() {
        [name] => (*name).to_owned(),
        names => format!("{{{}}}", names.join(", ")),
    };
    console.print(&format!("Wrote {}/{names}\n", out.display()))
}
