//! What the runtime's commands share: `functions.toml` read, checked and shown,
//! and the data folder opened.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::Context;
use clap::Args;
#[cfg(feature = "azure")]
use cutline_runtime::azure::Credential;
use cutline_runtime::host::{Guard, OpenError, Opened, check_faces};
#[cfg(feature = "azure")]
use cutline_runtime::pipeline::Shows;
use cutline_runtime::pipeline::{Pipeline, Place};
use cutline_runtime::secret::{SecretFrom, Secrets};
use cutline_runtime::stages;
use cutline_runtime::store::folder::FolderError;
use cutline_runtime::store::seal::{Key, NoKey};
use zeroize::Zeroizing;

#[cfg(feature = "azure")]
use crate::azure;
use crate::error::{CommandError, Kind};
use crate::private;
use crate::problem::Problem;
use crate::secrets::Known;

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
    /// Without a file there is no key.
    #[arg(skip)]
    only_by_file: bool,
    /// One for all: it keeps what it fetched.
    #[arg(skip)]
    known: OnceLock<Arc<Known>>,
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
    /// Of another file; CUTLINE_KEY is not its key.
    pub(super) fn at(config: PathBuf, key_file: Option<PathBuf>) -> PipelineArgs {
        PipelineArgs {
            config,
            key_file,
            only_by_file: true,
            known: OnceLock::new(),
        }
    }

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
        let secrets = self.secrets(&pipeline)?;
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
                Shows::Sas(from) => Credential::Sas(secret(&*secrets, from, "store.sas").await?),
                Shows::Key(from) => Credential::Key(secret(&*secrets, from, "store.key").await?),
            };
            let account = azure::account(kept, credential, http)?;
            let opened = Opened::on_azure(pipeline, &self.config, &account, CODE).await;
            return opened
                .map(|opened| opened.knowing(secrets))
                .map_err(opening);
        }
        let opened = Opened::new(pipeline, &self.config, key, CODE);
        opened
            .map(|opened| opened.knowing(secrets))
            .map_err(opening)
    }

    /// Where its data folder is.
    pub(super) fn folder(&self) -> Result<PathBuf, CommandError> {
        match self.read()?.store.place {
            Place::Folders { data, .. } => Ok(self.home().join(data)),
            Place::Azure { kept, .. } => {
                let message = format!("the store is {kept}, and no data folder");
                Err(CommandError::message(Kind::Usage, message)
                    .hint("Azure keeps earlier versions of blobs, if the account says so"))
            }
        }
    }

    /// What lets requests in, where the file asks for a token.
    pub(super) async fn guard(&self, pipeline: &Pipeline) -> Result<Option<Guard>, CommandError> {
        let header = pipeline
            .token
            .as_ref()
            .and_then(|token| token.header.clone());
        let text = self.token_text(pipeline).await?;
        Ok(text.map(|text| Guard::new(text, header)))
    }

    /// The header with which a request shows the token, where the file asks for
    /// one.
    pub(super) async fn token(
        &self,
        pipeline: &Pipeline,
    ) -> Result<Option<(String, Zeroizing<String>)>, CommandError> {
        let header = pipeline
            .token
            .as_ref()
            .and_then(|token| token.header.as_ref());
        let text = self.token_text(pipeline).await?;
        Ok(text.map(|text| match header {
            Some(header) => (header.to_string(), text),
            None => {
                let shown = Zeroizing::new(format!("Bearer {}", *text));
                ("authorization".to_owned(), shown)
            }
        }))
    }

    async fn token_text(
        &self,
        pipeline: &Pipeline,
    ) -> Result<Option<Zeroizing<String>>, CommandError> {
        let Some(token) = &pipeline.token else {
            return Ok(None);
        };
        let secrets = self.secrets(pipeline)?;
        secret(&*secrets, &token.from, "serve.token")
            .await
            .map(Some)
    }

    /// Who knows what the file refers to.
    pub(super) fn secrets(&self, pipeline: &Pipeline) -> Result<Arc<Known>, CommandError> {
        if let Some(known) = self.known.get() {
            return Ok(Arc::clone(known));
        }
        let known = Known::of(pipeline, self.home())?;
        Ok(Arc::clone(self.known.get_or_init(|| known)))
    }

    /// The folder that the file is in.
    pub(super) fn home(&self) -> &Path {
        self.config.parent().unwrap_or(Path::new(""))
    }

    fn key(&self) -> Result<Option<Key>, CommandError> {
        let (from, text) = match (&self.key_file, std::env::var("CUTLINE_KEY")) {
            (Some(file), _) => {
                let text = private::read(file);
                let text = text.map_err(|error| CommandError::new(Kind::Configuration, error))?;
                (file.display().to_string(), text)
            }
            (None, Ok(text)) if !self.only_by_file => {
                ("CUTLINE_KEY".to_owned(), Zeroizing::new(text))
            }
            (None, _) => return Ok(None),
        };
        let key = text.parse();
        key.map(Some).map_err(|error: NoKey| {
            let error = anyhow::Error::new(error).context(format!("{from} holds no key"));
            CommandError::new(Kind::Configuration, error)
        })
    }
}

/// What stands where the file says that a secret is.
async fn secret(
    secrets: &dyn Secrets,
    from: &SecretFrom,
    key: &str,
) -> Result<Zeroizing<String>, CommandError> {
    secrets.text(from).await.map_err(|error| {
        let error = anyhow::Error::new(error).context(format!("{key} cannot be used"));
        CommandError::new(Kind::Configuration, error)
    })
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
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, CommandError> {
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
            only_by_file: false,
            known: OnceLock::new(),
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
            only_by_file: false,
            known: OnceLock::new(),
        };
        let token = folder.path().join("token");
        fs::write(&args.config, FILE).unwrap();
        fs::write(&token, "s3cret\n").unwrap();
        let pipeline = args.read().map_err(|_| "the file is right").unwrap();
        let guard = |mode| {
            fs::set_permissions(&token, fs::Permissions::from_mode(mode)).unwrap();
            let guard = block_on(args.guard(&pipeline)).and_then(|guard| guard);
            let guard = guard.map(|guard| guard.is_some());
            guard.map_err(|error| error.to_string())
        };
        assert_eq!(guard(0o600), Ok(true));
        let refused = guard(0o644).unwrap_err();
        let told = format!("chmod 600 {}", token.display());
        assert!(refused.contains(&told), "{refused}");
        assert!(!refused.contains("s3cret"), "{refused}");
    }
}
