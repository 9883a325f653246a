//! What `analyze` and `graph` share: which code to read, and with what
//! knowledge; flags and `cutline.toml` joined.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use cutline_analyzer::source::{NoSource, SourceError};
use cutline_analyzer::{Analysis, Catalog, Options, Report, SourceOptions, SourceTree};

use crate::config::{Config, parse_size};
use crate::console::Console;
use crate::error::{CommandError, Kind};

/// Which code to read.
#[derive(Args)]
pub(super) struct SourceArgs {
    /// Folder, Python or Rust file, or notebook to read.
    ///
    /// A `cutline.toml` in the folder can set what the flags set, and pin
    /// functions to stages; flags win over it.
    pub(super) path: PathBuf,
    /// Adds what FILE says about a library; may be repeated.
    #[arg(long, value_name = "FILE")]
    catalog: Vec<PathBuf>,
    /// Reads tests too.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", hide_possible_values = true)]
    include_tests: Option<bool>,
    /// Reads virtual environments, build output and vendored packages too.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", hide_possible_values = true)]
    include_venvs: Option<bool>,
    /// Reads what git ignores too.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", hide_possible_values = true)]
    no_ignore: Option<bool>,
    /// Leaves out paths that match GLOB, written as in a .gitignore; may be
    /// repeated.
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Skips source files above this size [default: 2MiB].
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_file_size: Option<u64>,
}

impl SourceArgs {
    /// Reads and analyses the code.
    pub(super) fn analyze(
        &self,
        config: &Config,
        console: &Console,
    ) -> Result<Report, CommandError> {
        let (tree, options) = self.read(config, console)?;
        let _progress = console.progress(format!("analysing {}", tree.name));
        Ok(cutline_analyzer::analyze(&tree, &options))
    }

    /// Reads the code and finds its graph, without a report.
    pub(super) fn examine(
        &self,
        config: &Config,
        console: &Console,
    ) -> Result<Analysis, CommandError> {
        let (tree, options) = self.read(config, console)?;
        let _progress = console.progress(format!("analysing {}", tree.name));
        Ok(cutline_analyzer::examine(&tree, &options))
    }

    /// Reads and analyses the code, and gives all of that.
    #[cfg(feature = "runtime")]
    pub(super) fn survey(
        &self,
        config: &Config,
        console: &Console,
    ) -> Result<(SourceTree, Analysis, Report), CommandError> {
        let (tree, options) = self.read(config, console)?;
        let _progress = console.progress(format!("analysing {}", tree.name));
        let (analysis, report) = cutline_analyzer::survey(&tree, &options);
        Ok((tree, analysis, report))
    }

    fn read(
        &self,
        config: &Config,
        console: &Console,
    ) -> Result<(SourceTree, Options), CommandError> {
        let options = Options {
            catalog: self.catalog(config)?,
            pins: config.pins(),
        };
        let path = self.path.display();
        let progress = console.progress(format!("reading {path}"));
        let mut tree =
            SourceTree::read(&self.path, &self.source_options(config)).map_err(source)?;
        drop(progress);
        if let Some(name) = &config.analyze.name {
            tree.name = name.as_str().into();
        }
        Ok((tree, options))
    }

    fn source_options(&self, config: &Config) -> SourceOptions {
        let file = &config.analyze;
        let default = SourceOptions::default();
        SourceOptions {
            include_tests: self.include_tests.or(file.include_tests).unwrap_or(false),
            include_virtualenvs: self.include_venvs.or(file.include_venvs).unwrap_or(false),
            no_ignore: self.no_ignore.or(file.no_ignore).unwrap_or(false),
            // Those of the command line come last, so `!glob` there wins.
            exclude: file.exclude.iter().chain(&self.exclude).cloned().collect(),
            max_file_bytes: self
                .max_file_size
                .or(file.max_file_bytes())
                .unwrap_or(default.max_file_bytes),
        }
    }

    /// The built-in catalog and the user's files, later entries winning.
    fn catalog(&self, config: &Config) -> Result<Catalog, CommandError> {
        let mut catalog = Catalog::built_in();
        for file in config.catalogs().iter().chain(&self.catalog) {
            add_catalog(&mut catalog, file)?;
        }
        Ok(catalog)
    }
}

fn add_catalog(catalog: &mut Catalog, file: &Path) -> Result<(), CommandError> {
    let wrong = |error: anyhow::Error| CommandError::new(Kind::Configuration, error);
    let name = file.display().to_string();
    let text = fs::read_to_string(file)
        .with_context(|| format!("cannot read the catalog file {name}"))
        .map_err(wrong)?;
    catalog
        .add(&name, &text)
        .map_err(|error| wrong(error.into()))
}

/// The user's side of an unreadable source tree.
fn source(error: SourceError) -> CommandError {
    let (kind, hint) = match &error {
        SourceError::NotFound { .. } => (Kind::Input, None),
        SourceError::NotReadable { .. } => (Kind::Input, None),
        SourceError::BadGlob { .. } => (
            Kind::Usage,
            Some("patterns are written as in a .gitignore, such as `legacy/` or `*_gen.py`"),
        ),
        SourceError::NoSource { why, .. } => (Kind::Input, Some(hint(*why))),
        SourceError::AllSkipped { .. } => (Kind::Input, None),
    };
    let error = CommandError::new(kind, error);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn hint(why: NoSource) -> &'static str {
    match why {
        NoSource::Empty | NoSource::OtherFiles => {
            "give the folder that holds the monolith's Python or Rust files"
        }
        NoSource::OtherFile => "give a folder, or a file that ends in .py, .rs or .ipynb",
        NoSource::OnlyTests => "--include-tests reads them",
        NoSource::OnlyVirtualenvs => "--include-venvs reads them",
        NoSource::OnlyIgnored => "--no-ignore reads them",
        NoSource::OnlyExcluded => {
            "see --exclude, --include-tests, --include-venvs, --no-ignore and cutline.toml"
        }
    }
}
