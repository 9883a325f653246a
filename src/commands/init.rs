//! `cutline init`

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use cutline_analyzer::report::{self, Format, Style};

use super::source::SourceArgs;
use crate::config::Config;
use crate::console::Console;
use crate::error::{CommandError, Kind};
use crate::steps;

/// Prepares a repository for its migration: writes a folder `cutline/` into it.
///
/// In it are the split report, a first routes.toml and functions.toml from what
/// the code says, the next steps for exactly this repository (README.md), a
/// check for continuous integration (ci.yml), and a .gitignore for what the
/// proxy and the functions keep there. A file that is already there is
/// kept as it is; where the new one differs it is written beside it, with
/// `.new` behind its name.
#[derive(Args)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Writes into DIR [default: cutline/ in the repository].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// The documents of the report that are written.
const FORMATS: [Format; 5] = [
    Format::Html,
    Format::Json,
    Format::Markdown,
    Format::Routes,
    Format::Functions,
];

/// Documents that a person goes on to write; the others are made anew.
const KEPT: [Format; 2] = [Format::Routes, Format::Functions];

/// Analyses the repository and writes the folder.
pub(crate) fn init(args: &InitArgs, console: &Console) -> Result<(), CommandError> {
    let repository = &args.source.path;
    if !repository.is_dir() && args.out.is_none() {
        let message = format!("{} is no folder", repository.display());
        return Err(CommandError::message(Kind::Usage, message)
            .hint("name the repository's folder, or say with --out where to write"));
    }
    let config = Config::beside(repository)?;
    let report = args.source.analyze(&config, console)?;
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| repository.join("cutline"));
    fs::create_dir_all(&out)
        .with_context(|| format!("cannot create the folder {}", out.display()))?;
    let mut said = String::new();
    for format in FORMATS {
        let text = report::render(&report, format, &Style::default());
        let keeps = KEPT.contains(&format);
        said.push_str(&written(&out, format.file_name(), &text, keeps)?);
    }
    let steps = steps::of(&report);
    said.push_str(&written(&out, "README.md", &steps.readme(), true)?);
    said.push_str(&written(&out, "ci.yml", steps::CI, true)?);
    said.push_str(&written(&out, ".gitignore", steps::IGNORED, true)?);
    said.push('\n');
    said.push_str(&steps.summary(&out));
    console.print(&said)
}

/// Writes a file, and says what became of it.
fn written(out: &Path, name: &str, text: &str, keeps: bool) -> Result<String, CommandError> {
    let file = out.join(name);
    let there = fs::read(&file).ok();
    let (file, said) = match there {
        Some(there) if there == text.as_bytes() => {
            return Ok(format!("  same  {}\n", file.display()));
        }
        Some(_) if keeps => {
            let beside = out.join(format!("{name}.new"));
            let said = format!(
                "  kept  {} (what would be written now is in {name}.new)\n",
                file.display()
            );
            (beside, said)
        }
        _ => {
            let said = format!("  wrote {}\n", file.display());
            (file, said)
        }
    };
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(said)
}
