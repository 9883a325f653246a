//! [`DataFolder`]: one folder that holds all that the runtime keeps.
//!
//! ```text
//! .gitignore       keeps all of it out of a repository
//! cutline.json     which version of cutline it is for, and whether it is sealed
//! lock             held by the process that uses it, which it names
//! cutline.sqlite   queues and cells
//! store/           artifacts; store/shadow/ what shadow requests made
//! ```

mod backup;
mod lock;
mod stamp;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;

pub use backup::{BackedUp, back_up};
pub use lock::Holder;

use self::lock::Lock;
use self::stamp::Stamp;
use super::artifact::Artifacts;
use super::blob::{self, BlobError};
use super::cells::EmbeddedCells;
use super::clock::Clock;
use super::database::{Database, DatabaseError};
use super::seal::{Key, SealedStore};
use super::space::Space;
use super::storage::Storage;
use crate::queue::EmbeddedQueues;

/// An open data folder. It is this process's alone until it and all that came
/// from it is dropped, spaces and queues too.
#[derive(Clone)]
pub struct DataFolder {
    path: PathBuf,
    storage: Storage,
}

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The system refuses.
    #[error("{what} {path}")]
    Io {
        /// `cannot read`, …
        what: &'static str,
        /// What.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process uses it.
    #[error("the data folder {path} is in use by {holder}: stop that one, or name another folder")]
    InUse {
        /// The folder.
        path: PathBuf,
        /// By whom.
        holder: Holder,
    },
    /// It holds other things.
    #[error("{path} is no data folder of cutline, and not empty: name another folder")]
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// Its stamp cannot be understood.
    #[error("{path} is damaged: restore it from a backup of the data folder")]
    Stamp {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// It is for a later version.
    #[error(
        "the data folder {path} was made by cutline {by}, in format {format}, and this one knows format {known}: use that version, or name another folder",
        known = stamp::FORMAT
    )]
    Newer {
        /// The folder.
        path: PathBuf,
        /// The version that made it.
        by: String,
        /// Its format.
        format: u32,
    },
    /// It is encrypted, and there is no key.
    #[error("the data folder {path} is encrypted: give its key")]
    NeedsKey {
        /// The folder.
        path: PathBuf,
    },
    /// It is not encrypted, and there is a key.
    #[error(
        "the data folder {path} is not encrypted, and a key was given: leave the key out, or name a new folder"
    )]
    NeedsNoKey {
        /// The folder.
        path: PathBuf,
    },
    /// It is encrypted with another key.
    #[error("the key is not the one that the data folder {path} is encrypted with")]
    WrongKey {
        /// The folder.
        path: PathBuf,
    },
    /// There are no random numbers to be had.
    #[error("the data folder {path} cannot be encrypted: the system gives no random numbers")]
    Random {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: rand::rand_core::OsError,
    },
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The blobs cannot be used.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// There is nothing to back up.
    #[error("there is no data folder {path}: name the functions.toml that a run used")]
    Missing {
        /// The folder.
        path: PathBuf,
    },
    /// A backup does not overwrite.
    #[error("{path} is there already: back up into a new folder")]
    BackupExists {
        /// The folder.
        path: PathBuf,
    },
}

impl DataFolder {
    /// Opens the folder at `path`, making it where there is none: encrypted, if
    /// there is a key. Blocks; only one process at a time can.
    pub fn open(
        path: &Path,
        key: Option<Key>,
        clock: Arc<dyn Clock>,
    ) -> Result<DataFolder, FolderError> {
        make_private(path).map_err(|source| io("cannot make", path, source))?;
        let lock = Lock::take(path)?;
        Stamp::check(path, key.as_ref(), clock.now())?;
        let folder = path.join("store");
        remove_half_written(&folder)?;
        let plain = blob::folder(&folder)?;
        let store: Arc<dyn ObjectStore> = match &key {
            Some(key) => Arc::new(SealedStore::new(plain, key.clone())),
            None => plain,
        };
        let database = Database::guarded(&path.join("cutline.sqlite"), lock)?;
        let cells = Arc::new(EmbeddedCells::new(database.clone(), key.clone()));
        let queues = Arc::new(EmbeddedQueues::new(database, key, clock.clone()));
        let live = Space::new(Artifacts::new(store.clone()), cells, queues, clock);
        Ok(DataFolder {
            path: path.to_owned(),
            storage: Storage::new(path.display().to_string(), live, store),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is in it, sealed if the folder is.
    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// What everybody sees.
    pub fn live(&self) -> &Space {
        self.storage.live()
    }
}

/// A folder that only its owner can look into, where there is none.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// Removes what a process that died was writing. object_store writes a file
/// under its name and `#` with a number, and then renames it.
fn remove_half_written(folder: &Path) -> Result<(), FolderError> {
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            entries => entries.map_err(|source| io("cannot read", &folder, source))?,
        };
        for entry in entries {
            let entry = entry.map_err(|source| io("cannot read", &folder, source))?;
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                left.push(path);
            } else if is_half_written(&entry.file_name()) {
                std::fs::remove_file(&path).map_err(|source| io("cannot remove", &path, source))?;
            }
        }
    }
    Ok(())
}

fn is_half_written(name: &std::ffi::OsStr) -> bool {
    name.to_string_lossy().contains('#')
}

fn io(what: &'static str, path: &Path, source: std::io::Error) -> FolderError {
    FolderError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}

impl fmt::Debug for DataFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataFolder")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
