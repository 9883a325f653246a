//! [`open`]: from `functions.toml` to what a host needs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;

#[cfg(feature = "azure")]
use crate::azure::{Account, AccountError};
use crate::function::{Kind, Services};
use crate::pipeline::{Pipeline, Place, Problem};
use crate::secret::Secrets;
use crate::store::blob::{self, BlobError};
use crate::store::clock::SystemClock;
use crate::store::folder::{DataFolder, FolderError};
use crate::store::owners::Owners;
use crate::store::seal::Key;
use crate::store::storage::Storage;

/// A pipeline with its storage open.
pub struct Opened {
    /// What is hosted.
    pub pipeline: Pipeline,
    /// Where everything is. A data folder is this process's alone, until all
    /// that came from it is dropped.
    pub storage: Storage,
    /// Where its functions keep things.
    pub services: Services,
}

/// Why a pipeline cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It says something that cannot be.
    #[error("{path}:{problem}")]
    Problem {
        /// The file.
        path: PathBuf,
        /// What, and where.
        problem: Problem,
    },
    /// The data folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// It is not on this machine.
    #[error("the store is {place}: this program works with a data folder only")]
    Elsewhere {
        /// Where it is.
        place: String,
    },
    /// It is on this machine.
    #[cfg(feature = "azure")]
    #[error("the store is a data folder, and no storage account")]
    Here,
    /// The storage account cannot be used.
    #[cfg(feature = "azure")]
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The folder of what comes in cannot be used.
    #[error("the folder of what comes in cannot be used")]
    Incoming(#[from] BlobError),
}

/// Reads and checks the file at `path`, and opens the data folder that it
/// names, with `key` where that is encrypted. `kinds` are the stages there are;
/// `code` says which code they are, and becomes part of every artifact's record:
/// with other code the same input is other work. Blocks.
///
/// # Errors
/// When the file or a folder cannot be read, or the file is wrong.
pub fn open(
    path: &Path,
    kinds: &[Kind],
    key: Option<Key>,
    code: &str,
) -> Result<Opened, OpenError> {
    let text = fs::read_to_string(path).map_err(|source| OpenError::Read {
        path: path.to_owned(),
        source,
    })?;
    let pipeline = Pipeline::parse(&text, kinds).map_err(|problem| OpenError::Problem {
        path: path.to_owned(),
        problem,
    })?;
    Opened::new(pipeline, path, key, code)
}

impl Opened {
    /// Of a pipeline that was read from the file at `path`: folders that it
    /// names are relative to that. Blocks.
    ///
    /// # Errors
    /// When a folder cannot be used, or the file's store is elsewhere.
    pub fn new(
        pipeline: Pipeline,
        path: &Path,
        key: Option<Key>,
        code: &str,
    ) -> Result<Opened, OpenError> {
        let home = path.parent().unwrap_or(Path::new(""));
        let (data, incoming) = match &pipeline.store.place {
            Place::Folders { data, incoming } => (home.join(data), home.join(incoming)),
            Place::Azure { kept, .. } => {
                return Err(OpenError::Elsewhere {
                    place: kept.to_string(),
                });
            }
        };
        let folder = DataFolder::open(&data, key, Arc::new(SystemClock))?;
        let blobs = blob::open(&format!("file:{}", incoming.display()))?;
        Ok(Opened::of(
            pipeline,
            home,
            folder.storage().clone(),
            blobs,
            code,
        ))
    }

    /// Of a pipeline whose file says that its store is in this account.
    ///
    /// # Errors
    /// When the account cannot be used, or the file's store is no such one.
    #[cfg(feature = "azure")]
    pub async fn on_azure(
        pipeline: Pipeline,
        path: &Path,
        account: &Account,
        code: &str,
    ) -> Result<Opened, OpenError> {
        let home = path.parent().unwrap_or(Path::new(""));
        let Place::Azure { incoming, .. } = &pipeline.store.place else {
            return Err(OpenError::Here);
        };
        let storage = account.storage(Arc::new(SystemClock)).await?;
        let blobs = account.at((**incoming).clone()).blobs()?;
        Ok(Opened::of(pipeline, home, storage, blobs, code))
    }

    /// With who knows the secrets that the file refers to.
    #[must_use]
    pub fn knowing(mut self, secrets: Arc<dyn Secrets>) -> Opened {
        let signing = self.pipeline.signing.clone().knowing(Arc::clone(&secrets));
        self.storage = self.storage.signed(signing);
        self.services.space = self.storage.live().clone();
        self.services.owners = self.services.owners.knowing(secrets);
        self
    }

    fn of(
        pipeline: Pipeline,
        home: &Path,
        storage: Storage,
        blobs: Arc<dyn ObjectStore>,
        code: &str,
    ) -> Opened {
        let pipeline = pipeline.beside(home);
        let storage = storage.signed(pipeline.signing.clone());
        let services = Services {
            space: storage.live().clone(),
            blobs,
            logs: Arc::clone(storage.store()),
            owners: Owners::new(home, pipeline.databases.clone()),
            code: code.into(),
        };
        Opened {
            pipeline,
            storage,
            services,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages;

    fn opened(home: &Path, text: &str) -> Result<Opened, OpenError> {
        let path = home.join("functions.toml");
        fs::write(&path, text).unwrap();
        open(&path, stages::ALL, None, "a test")
    }

    #[test]
    fn folders_are_beside_the_file() {
        let home = tempfile::tempdir().unwrap();
        let text = "[store]\nfolder = \"kept\"\nincoming = \"raw\"\n";
        let opened = opened(home.path(), text).unwrap();
        assert!(home.path().join("kept/cutline.json").is_file());
        assert!(home.path().join("raw").is_dir());
        assert_eq!(&*opened.services.code, "a test");
    }

    #[test]
    fn a_wrong_file_is_named_with_the_place() {
        let home = tempfile::tempdir().unwrap();
        let Err(error) = opened(home.path(), "[function.labeling]\n") else {
            panic!("labeling is none of the seven stages");
        };
        let told = error.to_string();
        assert!(
            told.contains("functions.toml:1:11: function labeling: "),
            "{told}"
        );
        let missing = home.path().join("other.toml");
        assert!(matches!(
            open(&missing, stages::ALL, None, "a test"),
            Err(OpenError::Read { path, .. }) if path == missing
        ));
    }

    #[test]
    fn a_folder_is_opened_by_one_at_a_time() {
        let home = tempfile::tempdir().unwrap();
        let first = opened(home.path(), "").unwrap();
        assert!(matches!(
            opened(home.path(), ""),
            Err(OpenError::Folder(FolderError::InUse { .. }))
        ));
        drop(first);
        opened(home.path(), "").unwrap();
    }
}
