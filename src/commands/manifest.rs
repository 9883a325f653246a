//! `cutline manifest`

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use cutline_runtime::manifest::{self, File, ManifestError};
use cutline_runtime::pipeline::Pipeline;

use super::pipeline::PipelineArgs;
use crate::console::Console;
use crate::error::{CommandError, Kind};

/// Writes an app of Azure Functions: host.json, a function.json for each
/// function and face, functions.toml and this program; or the infrastructure of
/// all functions.
///
/// `func azure functionapp publish` deploys the app's folder, `func start` runs
/// it on one's own machine. local.settings.json says where the store is, and
/// holds no secret. With --format bicep or terraform the folder gets templates of
/// an app for each function and all that these touch; its README.md says how
/// they are deployed.
#[derive(Args)]
pub(crate) struct ManifestArgs {
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// What is written.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Functions)]
    format: Format,
    /// The folder; made where there is none.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Only this function, for an app and an identity of its own; may be said
    /// several times.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// The program that the host starts, for Linux [default: this one].
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Writes over files that are there and differ.
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The app: what is published.
    Functions,
    /// Its infrastructure as modules of Bicep.
    Bicep,
    /// The same for Terraform.
    Terraform,
}

/// Writes the folder, and says what is in it.
pub(crate) fn manifest(args: &ManifestArgs, console: &Console) -> Result<(), CommandError> {
    let pipeline = args.pipeline.read()?;
    super::run::known(&pipeline, &args.only)?;
    match args.format {
        Format::Functions => app(args, &pipeline, console),
        Format::Bicep => templates(args, manifest::bicep(&pipeline), console),
        Format::Terraform => templates(args, manifest::terraform(&pipeline), console),
    }
}

fn templates(
    args: &ManifestArgs,
    files: Result<Vec<File>, ManifestError>,
    console: &Console,
) -> Result<(), CommandError> {
    if !args.only.is_empty() || args.binary.is_some() {
        let message = "templates are of all functions, and hold no program";
        return Err(CommandError::message(Kind::Usage, message)
            .hint("--only and --binary go with --format functions"));
    }
    console.print(&write_all(args, files.map_err(refused)?)?)?;
    Ok(())
}

fn app(args: &ManifestArgs, pipeline: &Pipeline, console: &Console) -> Result<(), CommandError> {
    let config = fs::read_to_string(&args.pipeline.config);
    let config =
        config.with_context(|| format!("cannot read {}", args.pipeline.config.display()))?;
    let mut files = vec![File {
        path: PathBuf::from("functions.toml"),
        text: config,
    }];
    files.extend(manifest::functions(pipeline, &args.only).map_err(refused)?);
    let mut said = write_all(args, files)?;
    let binary = match &args.binary {
        Some(binary) => binary.clone(),
        None => std::env::current_exe().context("this program cannot be found")?,
    };
    let target = args.out.join("cutline");
    let same = matches!((binary.canonicalize(), target.canonicalize()), (Ok(one), Ok(other)) if one == other);
    // Keeps that it can be run; onto itself it would be emptied.
    if !same {
        fs::copy(&binary, &target)
            .with_context(|| format!("cannot copy {} to {}", binary.display(), target.display()))?;
    }
    said.push_str(&format!("{}\n", target.display()));
    console.print(&said)?;
    if is_dynamic(&binary)? {
        console.note(
            "the program needs the C library of the machine that it was built on: build one for every Linux with RUSTFLAGS=\"-C target-feature=+crt-static\" cargo build --release --target x86_64-unknown-linux-gnu, and name it with --binary\n",
        );
    }
    Ok(())
}

/// All or none where one is there that may not be written over; says which.
fn write_all(args: &ManifestArgs, files: Vec<File>) -> Result<String, CommandError> {
    for file in &files {
        differs(args, &file.path, file.text.as_bytes())?;
    }
    let mut said = String::new();
    for file in &files {
        let path = args.out.join(&file.path);
        write(&path, file.text.as_bytes())?;
        said.push_str(&format!("{}\n", path.display()));
    }
    Ok(said)
}

fn refused(error: ManifestError) -> CommandError {
    CommandError::new(Kind::Configuration, error)
}

fn differs(args: &ManifestArgs, path: &Path, content: &[u8]) -> Result<(), CommandError> {
    let path = args.out.join(path);
    match fs::read(&path) {
        Ok(there) if there != content && !args.force => {
            let message = format!("{} is there, and differs", path.display());
            Err(CommandError::message(Kind::Usage, message)
                .hint("--force writes over it, --out names another folder"))
        }
        _ => Ok(()),
    }
}

fn write(path: &Path, content: &[u8]) -> Result<(), CommandError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    Ok(fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))?)
}

/// Whether it names a loader of shared libraries (ELF's `PT_INTERP`).
fn is_dynamic(binary: &Path) -> Result<bool, CommandError> {
    use std::io::Read;
    const BEGINNING: u64 = 4_096;
    let mut beginning = Vec::new();
    fs::File::open(binary)
        .and_then(|file| file.take(BEGINNING).read_to_end(&mut beginning))
        .with_context(|| format!("cannot read {}", binary.display()))?;
    let loader = b"/ld-linux";
    let names = |part: &[u8]| part == loader;
    Ok(beginning.windows(loader.len()).any(names))
}
