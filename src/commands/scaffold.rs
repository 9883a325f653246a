//! `cutline scaffold`

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use cutline_analyzer::report::scaffold::{self, Scaffold, ScaffoldError, Secrets, Wish};
use cutline_analyzer::report::{self, Format, Style};
use cutline_analyzer::stages::Stage;
use cutline_analyzer::{Analysis, Report, SourceTree};

use super::source::SourceArgs;
use crate::config::Config;
use crate::console::Console;
use crate::error::{CommandError, Kind};
use crate::scaffold::{Decided, Expressed, RustApp, apps, python, said, write_all};

/// Writes an app of Azure Functions for each stage.
///
/// A stage that functions.toml says is an app of the custom handler, as
/// `cutline manifest --only` writes it. A stage that it does not say stays
/// Python: an app in the Python v2 programming model that calls the monolith's
/// own functions, with a queue and a container for each crossing and the
/// stage's routes. The modules that it needs are copied, without the secrets in
/// them, which are settings of the app instead. README.md tells what each app is
/// and what is to be filled in; scaffold.json says the same for machines.
#[derive(Args)]
pub(crate) struct ScaffoldArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// For which platform.
    #[arg(long, value_enum)]
    target: Target,
    /// Writes into DIR [default: cutline/azure/ in the repository].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Keeps this stage in Python, whatever functions.toml says; may be
    /// repeated.
    #[arg(long, value_name = "STAGE", value_parser = stage)]
    python: Vec<Stage>,
    /// The functions, as a person completed them [default: as the code says
    /// them].
    #[arg(long, value_name = "FILE")]
    functions: Option<PathBuf>,
    /// The storage account of the custom handlers' store [default: Azurite's on
    /// this machine].
    #[arg(long, value_name = "NAME", value_parser = account)]
    account: Option<String>,
    /// Writes into a folder that is not empty, over files that are there: what
    /// `local.settings.json` was filled with stays, and what an earlier scaffold
    /// wrote and this one does not is removed.
    #[arg(long)]
    force: bool,
}

/// Platforms that apps are written for.
#[derive(Clone, Copy, ValueEnum)]
enum Target {
    /// Azure Functions, with queues and blobs of Azure Storage.
    Azure,
}

fn stage(name: &str) -> Result<Stage, String> {
    let stage = Stage::from_name(name).filter(|stage| stage.is_pipeline());
    stage.ok_or_else(|| {
        let all = Stage::ALL.iter().filter(|stage| stage.is_pipeline());
        let all: Vec<&str> = all.map(|stage| stage.name()).collect();
        format!("there is no such stage: {}", all.join(", "))
    })
}

fn account(name: &str) -> Result<String, String> {
    let is_char = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    match (3..=24).contains(&name.len()) && name.chars().all(is_char) {
        true => Ok(name.to_owned()),
        false => Err("an account has 3 to 24 small letters and digits".to_owned()),
    }
}

/// Analyses the repository, decides, and writes the folder.
pub(crate) fn scaffold(args: &ScaffoldArgs, console: &Console) -> Result<(), CommandError> {
    let Target::Azure = args.target;
    let repository = &args.source.path;
    if !repository.is_dir() && args.out.is_none() {
        let message = format!("{} is no folder", repository.display());
        return Err(CommandError::message(Kind::Usage, message)
            .hint("name the repository's folder, or say with --out where to write"));
    }
    let out = args.out.clone();
    let out = out.unwrap_or_else(|| repository.join("cutline").join("azure"));
    is_free(&out, args.force)?;
    let config = Config::beside(repository)?;
    let (tree, analysis, report) = args.source.survey(&config, console)?;
    let mut decided = decide(args, &tree, &analysis, &report)?;
    write_all(&mut decided, repository, &out)?;
    console.print(&said(&decided, &out))
}

/// Which stages become what, and what is written for them.
fn decide(
    args: &ScaffoldArgs,
    tree: &SourceTree,
    analysis: &Analysis,
    report: &Report,
) -> Result<Decided, CommandError> {
    let expressed = Expressed::read(&functions(args, report)?)?;
    let possible = scaffold::stages(analysis);
    let passed = scaffold::passed(analysis);
    let mut why = python(&expressed, &possible, &passed, &args.python);
    let handled = handlers(&expressed, &why);
    let (rust, mut left) = match apps(&expressed, &handled, args.account.as_deref()) {
        Ok(found) => found,
        // What the code alone says need not hold together without the rest.
        Err(error) if args.functions.is_none() => {
            let (of, without): (Vec<Stage>, Vec<Stage>) =
                handled.iter().partition(|stage| possible.contains(stage));
            why.extend(of.into_iter().map(|stage| (stage, error.to_string())));
            let left = without.into_iter().map(|stage| format!("{stage}: {error}"));
            (Vec::new(), left.collect())
        }
        Err(error) => return Err(error),
    };
    let wish = Wish {
        python: why.keys().copied().collect(),
        requirements: requirements(tree, &args.source.path),
    };
    let python = match wish.python.is_empty() {
        true => Scaffold::default(),
        false => scaffold::scaffold(tree, analysis, report, &wish).map_err(refused)?,
    };
    if rust.is_empty() && python.apps.is_empty() {
        return Err(refused(ScaffoldError::Nothing));
    }
    left.extend(python.left.clone());
    left.extend(apart(&python, &rust, &args.python, &possible));
    left.extend(nowhere(&expressed, &possible));
    Ok(Decided {
        name: report.name.clone(),
        python,
        rust,
        why,
        left,
        secrets: Secrets::of(analysis),
    })
}

/// The functions, as a person or the code says them.
fn functions(args: &ScaffoldArgs, report: &Report) -> Result<String, CommandError> {
    match &args.functions {
        Some(file) => fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))
            .map_err(|error| CommandError::new(Kind::Configuration, error)),
        None => Ok(report::render(report, Format::Functions, &Style::default())),
    }
}

/// The stages that are apps of the custom handler.
fn handlers(expressed: &Expressed, why: &BTreeMap<Stage, String>) -> Vec<Stage> {
    let said = expressed.stages();
    said.filter(|stage| expressed.open(*stage).is_none() && !why.contains_key(stage))
        .collect()
}

/// Stages that no app does.
fn nowhere(expressed: &Expressed, possible: &BTreeSet<Stage>) -> Vec<String> {
    let stages = expressed.stages().filter(|stage| !possible.contains(stage));
    let open = stages.filter_map(|stage| Some((stage, expressed.open(stage)?)));
    open.map(|(stage, open)| format!("{stage}: {open}, and nothing in the code starts it"))
        .collect()
}

fn refused(error: ScaffoldError) -> CommandError {
    CommandError::new(Kind::Input, error)
}

/// A folder in which something is, is somebody's.
fn is_free(out: &Path, force: bool) -> Result<(), CommandError> {
    let is_used = fs::read_dir(out).is_ok_and(|mut all| all.next().is_some());
    if is_used && !force {
        let message = format!("{} is there, and not empty", out.display());
        return Err(CommandError::message(Kind::Usage, message)
            .hint("--force writes over what is in it, --out names another folder"));
    }
    Ok(())
}

/// What says the monolith's dependencies, the nearest to its root first.
fn requirements(tree: &SourceTree, repository: &Path) -> Vec<(String, String)> {
    let says = |path: &&str| {
        let name = path.rsplit('/').next().unwrap_or_default();
        let is_list = name.starts_with("requirements") && name.ends_with(".txt");
        let in_folder = path.contains("requirements/") && name.ends_with(".txt");
        let is_conda = ["environment.", "conda."]
            .iter()
            .any(|it| name.starts_with(it))
            && (name.ends_with(".yml") || name.ends_with(".yaml"));
        let names = ["pyproject.toml", "Pipfile", "setup.py", "setup.cfg"];
        is_list || in_folder || is_conda || names.contains(&name)
    };
    let files = tree.files.iter().map(|file| file.path.as_str());
    let others = tree.others.iter().map(|path| path.as_str());
    let mut found: Vec<&str> = others.chain(files).filter(says).collect();
    found.sort_by_key(|path| {
        (
            path.matches('/').count(),
            !path.ends_with(".txt"),
            path.len(),
        )
    });
    let read = |path: &str| Some(decoded(&fs::read(repository.join(path)).ok()?));
    found
        .into_iter()
        .filter_map(|path| Some((path.to_owned(), read(path)?)))
        .collect()
}

/// UTF-8, or what Windows' shell writes when pip's output is sent to a file.
fn decoded(content: &[u8]) -> String {
    let units = |of: fn([u8; 2]) -> u16| -> Vec<u16> {
        let (pairs, _) = content[2..].as_chunks::<2>();
        pairs.iter().map(|pair| of(*pair)).collect()
    };
    match content {
        [0xff, 0xfe, ..] => String::from_utf16_lossy(&units(u16::from_le_bytes)),
        [0xfe, 0xff, ..] => String::from_utf16_lossy(&units(u16::from_be_bytes)),
        _ => String::from_utf8_lossy(content).into_owned(),
    }
}

/// What does not pass between apps of both kinds, and what cannot be Python.
fn apart(
    python: &Scaffold,
    rust: &[RustApp],
    forced: &[Stage],
    possible: &BTreeSet<Stage>,
) -> Vec<String> {
    let mut left = Vec::new();
    if !python.apps.is_empty() {
        for app in rust {
            left.push(format!(
                "{} is an app of the custom handler, and gets nothing of what the Python apps hand over: bring a model to it with cutline import-model",
                app.function
            ));
        }
    }
    for stage in forced.iter().filter(|stage| !possible.contains(stage)) {
        left.push(format!(
            "--python {stage}: nothing starts that stage: no function that asks several stages asks it, no script and no route is its own"
        ));
    }
    left
}
