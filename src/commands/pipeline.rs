//! What the runtime's commands share: `functions.toml` read, checked and shown,
//! and the data folder opened.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use cutline_runtime::function::Services;
use cutline_runtime::pipeline::Pipeline;
use cutline_runtime::stages;
use cutline_runtime::store::blob;
use cutline_runtime::store::clock::SystemClock;
use cutline_runtime::store::folder::{DataFolder, FolderError};
use cutline_runtime::store::seal::Key;

use crate::error::{CommandError, Kind};
use crate::problem::Problem;

/// Which pipeline.
#[derive(Args)]
pub(super) struct PipelineArgs {
    /// The functions.
    #[arg(long, value_name = "FILE", default_value = "functions.toml")]
    pub(super) config: PathBuf,
    /// The file with the key that the data folder is encrypted with: 32 bytes
    /// as 64 hexadecimal digits [default: what CUTLINE_KEY says, or no key].
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

/// A pipeline with its data folder open.
pub(super) struct Opened {
    pub(super) pipeline: Pipeline,
    pub(super) folder: DataFolder,
    pub(super) services: Services,
}

impl PipelineArgs {
    /// Reads and checks the file.
    pub(super) fn read(&self) -> Result<Pipeline, CommandError> {
        let wrong = |error: anyhow::Error| CommandError::new(Kind::Configuration, error);
        let shown = self.config.display().to_string();
        let text = fs::read_to_string(&self.config)
            .with_context(|| format!("cannot read {shown}"))
            .map_err(|error| wrong(error).hint("--config names the file"))?;
        Pipeline::parse(&text, stages::ALL).map_err(|problem| {
            let problem = Problem {
                message: problem.message,
                span: problem.span,
                label: problem.label,
            };
            CommandError::message(Kind::Configuration, problem.shown(&shown, &text))
        })
    }

    /// Reads the file, and opens its data folder.
    pub(super) fn open(&self) -> Result<Opened, CommandError> {
        let pipeline = self.read()?;
        let folder = self.beside(&pipeline.store.folder);
        let folder =
            DataFolder::open(&folder, self.key()?, Arc::new(SystemClock)).map_err(opening)?;
        let incoming = self.beside(&pipeline.store.incoming);
        let incoming = format!("file:{}", incoming.display());
        let blobs = blob::open(&incoming).context("cannot use the folder of what comes in")?;
        let services = Services {
            space: folder.live().clone(),
            blobs,
            logs: Arc::clone(folder.store()),
            code: concat!("cutline ", env!("CARGO_PKG_VERSION")).into(),
        };
        Ok(Opened {
            pipeline: pipeline.beside(&self.beside("")),
            folder,
            services,
        })
    }

    /// A path of the file, which is relative to it.
    fn beside(&self, path: &str) -> PathBuf {
        self.config.parent().unwrap_or(Path::new("")).join(path)
    }

    fn key(&self) -> Result<Option<Key>, CommandError> {
        let (from, text) = match (&self.key_file, std::env::var("CUTLINE_KEY")) {
            (Some(file), _) => {
                let text = fs::read_to_string(file);
                let text = text.with_context(|| format!("cannot read {}", file.display()))?;
                (file.display().to_string(), text)
            }
            (None, Ok(text)) => ("CUTLINE_KEY".to_owned(), text),
            (None, Err(_)) => return Ok(None),
        };
        let mut bytes = [0; 32];
        match hex(text.trim(), &mut bytes) {
            true => Ok(Some(Key::new(bytes))),
            false => Err(CommandError::message(
                Kind::Configuration,
                format!("{from} holds no key"),
            )
            .hint("a key is 32 bytes as 64 hexadecimal digits: openssl rand -hex 32")),
        }
    }
}

fn hex(text: &str, bytes: &mut [u8; 32]) -> bool {
    let is_hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex
        && bytes.iter_mut().enumerate().all(|(index, byte)| {
            let digits = text.get(2 * index..2 * index + 2);
            let parsed = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            *byte = parsed.unwrap_or_default();
            parsed.is_some()
        })
}

fn opening(error: FolderError) -> CommandError {
    let kind = match &error {
        FolderError::Newer { .. }
        | FolderError::NeedsKey { .. }
        | FolderError::NeedsNoKey { .. }
        | FolderError::WrongKey { .. }
        | FolderError::Foreign { .. } => Kind::Configuration,
        _ => Kind::Internal,
    };
    CommandError::new(kind, error)
}

/// A runtime for a command that asks a store something.
pub(super) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    Ok(runtime.context("cannot start")?.block_on(work))
}
