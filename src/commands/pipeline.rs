//! What the runtime's commands share: `functions.toml` read, checked and shown,
//! and the data folder opened.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
#[cfg(feature = "azure")]
use cutline_runtime::azure::Credential;
use cutline_runtime::host::{Guard, OpenError, Opened, check_faces};
#[cfg(feature = "azure")]
use cutline_runtime::pipeline::Shows;
use cutline_runtime::pipeline::{Pipeline, Place, TokenFrom};
use cutline_runtime::stages;
use cutline_runtime::store::folder::FolderError;
use cutline_runtime::store::seal::{Key, NoKey};

#[cfg(feature = "azure")]
use crate::azure;
use crate::error::{CommandError, Kind};
use crate::private;
use crate::problem::Problem;

/// Which pipeline.
#[derive(Args)]
pub(super) struct PipelineArgs {
    /// The functions.
    #[arg(long, value_name = "FILE", default_value = "functions.toml")]
    pub(super) config: PathBuf,
    /// The file with the key that the data folder is encrypted with: 32 bytes
    /// in base64 or hexadecimal [default: what CUTLINE_KEY says, or no key].
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

/// Reads and checks a file.
pub(crate) fn read(path: &Path) -> Result<Pipeline, CommandError> {
    let wrong = |error: anyhow::Error| CommandError::new(Kind::Configuration, error);
    let shown = path.display().to_string();
    let text = fs::read_to_string(path)
        .with_context(|| format!("cannot read {shown}"))
        .map_err(|error| wrong(error).hint("--config names the file"))?;
    let checked = Pipeline::parse(&text, stages::ALL)
        .and_then(|pipeline| check_faces(&pipeline).map(|()| pipeline));
    checked.map_err(|problem| {
        let problem = Problem {
            message: problem.message,
            span: problem.span,
            label: problem.label,
        };
        CommandError::message(Kind::Configuration, problem.shown(&shown, &text))
    })
}

impl PipelineArgs {
    /// Reads and checks the file.
    pub(super) fn read(&self) -> Result<Pipeline, CommandError> {
        read(&self.config)
    }

    /// Reads the file, and opens its store.
    pub(super) async fn open(&self) -> Result<Opened, CommandError> {
        self.open_of(self.read()?).await
    }

    /// Opens the store of the file, which was read.
    pub(super) async fn open_of(&self, pipeline: Pipeline) -> Result<Opened, CommandError> {
        const CODE: &str = concat!("cutline ", env!("CARGO_PKG_VERSION"));
        let key = self.key()?;
        #[cfg(feature = "azure")]
        if let Place::Azure { kept, shows, .. } = &pipeline.store.place {
            if key.is_some() {
                let message = format!(
                    "{kept} takes no key: Azure encrypts it, with a key of yours where its account says so"
                );
                return Err(CommandError::message(Kind::Configuration, message)
                    .hint("leave out --key-file and CUTLINE_KEY"));
            }
            let http = azure::http()?;
            let credential = match shows {
                Shows::Identity => Credential::Token(azure::identity(&http)?),
                Shows::Sas(from) => Credential::Sas(self.secret(from, "store.sas")?),
                Shows::Key(from) => Credential::Key(self.secret(from, "store.key")?),
            };
            let account = azure::account(kept, credential, http)?;
            let opened = Opened::on_azure(pipeline, &self.config, &account, CODE).await;
            return opened.map_err(opening);
        }
        Opened::new(pipeline, &self.config, key, CODE).map_err(opening)
    }

    /// Where its data folder is.
    pub(super) fn folder(&self) -> Result<PathBuf, CommandError> {
        let home = self.config.parent().unwrap_or(Path::new(""));
        match self.read()?.store.place {
            Place::Folders { data, .. } => Ok(home.join(data)),
            Place::Azure { kept, .. } => {
                let message = format!("the store is {kept}, and no data folder");
                Err(CommandError::message(Kind::Usage, message)
                    .hint("Azure keeps earlier versions of blobs, if the account says so"))
            }
        }
    }

    /// What lets requests in, where the file asks for a token.
    pub(super) fn guard(&self, pipeline: &Pipeline) -> Result<Option<Guard>, CommandError> {
        let header = pipeline
            .token
            .as_ref()
            .and_then(|token| token.header.clone());
        let text = self.token_text(pipeline)?;
        Ok(text.map(|text| Guard::new(text, header)))
    }

    /// The header with which a request shows the token, where the file asks for
    /// one.
    pub(super) fn token(
        &self,
        pipeline: &Pipeline,
    ) -> Result<Option<(String, String)>, CommandError> {
        let header = pipeline
            .token
            .as_ref()
            .and_then(|token| token.header.as_ref());
        let text = self.token_text(pipeline)?;
        Ok(text.map(|text| match header {
            Some(header) => (header.to_string(), text),
            None => ("authorization".to_owned(), format!("Bearer {text}")),
        }))
    }

    fn token_text(&self, pipeline: &Pipeline) -> Result<Option<String>, CommandError> {
        let token = pipeline.token.as_ref();
        let text = token.map(|token| self.secret(&token.from, "serve.token"));
        text.transpose()
    }

    /// What stands where the file says that a secret is.
    fn secret(&self, from: &TokenFrom, key: &str) -> Result<String, CommandError> {
        let wrong = |error: anyhow::Error| {
            let error = error.context(format!("{key} cannot be used"));
            CommandError::new(Kind::Configuration, error)
        };
        let (from, text) = match from {
            TokenFrom::Env(name) => {
                let text = std::env::var(name);
                let text = text.with_context(|| format!("the environment variable {name}"));
                (name.clone(), text.map_err(wrong)?)
            }
            TokenFrom::File(file) => {
                let path = self.config.parent().unwrap_or(Path::new("")).join(file);
                let text = private::read(&path).map_err(wrong)?;
                (path.display().to_string(), text)
            }
        };
        match text.trim() {
            some if !some.is_empty() => Ok(some.to_owned()),
            _ => Err(wrong(anyhow::anyhow!("{from} is empty"))),
        }
    }

    fn key(&self) -> Result<Option<Key>, CommandError> {
        let (from, text) = match (&self.key_file, std::env::var("CUTLINE_KEY")) {
            (Some(file), _) => {
                let text = private::read(file);
                let text = text.map_err(|error| CommandError::new(Kind::Configuration, error))?;
                (file.display().to_string(), text)
            }
            (None, Ok(text)) => ("CUTLINE_KEY".to_owned(), text),
            (None, Err(_)) => return Ok(None),
        };
        let key = text.parse();
        key.map(Some).map_err(|error: NoKey| {
            let error = anyhow::Error::new(error).context(format!("{from} holds no key"));
            CommandError::new(Kind::Configuration, error)
        })
    }
}

fn opening(error: OpenError) -> CommandError {
    let kind = match &error {
        OpenError::Folder(
            FolderError::Newer { .. }
            | FolderError::NeedsKey { .. }
            | FolderError::NeedsNoKey { .. }
            | FolderError::WrongKey { .. }
            | FolderError::Foreign { .. },
        )
        | OpenError::Elsewhere { .. } => Kind::Configuration,
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

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const FILE: &str = "\
[serve]
token = { file = \"token\" }

[function.ingestion]
trigger = { queue = \"raw-arrived\" }
input   = { blob = \"{name}.csv\" }
output  = { artifact = \"rows\" }
";

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("data.key");
        fs::write(&file, "07".repeat(32)).unwrap();
        let args = PipelineArgs {
            config: folder.path().join("functions.toml"),
            key_file: Some(file.clone()),
        };
        let key = |mode| {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            let key = args.key().map(|key| key.is_some());
            key.map_err(|error| error.to_string())
        };
        assert_eq!(key(0o600), Ok(true));
        let refused = key(0o640).unwrap_err();
        assert!(refused.contains("chmod 600"), "{refused}");
        assert!(!refused.contains("0707"), "{refused}");
    }

    #[test]
    fn a_token_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let args = PipelineArgs {
            config: folder.path().join("functions.toml"),
            key_file: None,
        };
        let token = folder.path().join("token");
        fs::write(&args.config, FILE).unwrap();
        fs::write(&token, "s3cret\n").unwrap();
        let pipeline = args.read().map_err(|_| "the file is right").unwrap();
        let guard = |mode| {
            fs::set_permissions(&token, fs::Permissions::from_mode(mode)).unwrap();
            let guard = args.guard(&pipeline).map(|guard| guard.is_some());
            guard.map_err(|error| error.to_string())
        };
        assert_eq!(guard(0o600), Ok(true));
        let refused = guard(0o644).unwrap_err();
        let told = format!("chmod 600 {}", token.display());
        assert!(refused.contains(&told), "{refused}");
        assert!(!refused.contains("s3cret"), "{refused}");
    }
}
