//! A copy of a folder that is in use.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::stamp::{self, sync_folder};
use super::{DataFolder, FolderError, io as wrong, is_half_written};

/// What a backup holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackedUp {
    /// Files.
    pub files: u64,
    /// How long they are together.
    pub bytes: u64,
}

impl DataFolder {
    /// Copies the folder to `target`, which must not be there, while it is in
    /// use. The copy is a data folder with the same key: to restore it, open it
    /// or put it in the place of the old one.
    ///
    /// It is consistent: queues and cells are as of one moment, and every
    /// artifact that was there then is in it, since they are copied after and
    /// never change. It appears under its name when it is complete. What
    /// shadow requests made is left out.
    pub async fn back_up(&self, target: &Path) -> Result<BackedUp, FolderError> {
        if target.exists() {
            return Err(FolderError::BackupExists {
                path: target.to_owned(),
            });
        }
        let mut name = target.as_os_str().to_owned();
        name.push(".part");
        let part = PathBuf::from(name);
        let (source, copy) = (self.path.clone(), part.clone());
        run(move || begin(&source, &copy)).await?;
        self.database.copy_to(&part.join("cutline.sqlite")).await?;
        let (source, target) = (self.path.clone(), target.to_owned());
        run(move || finish(&source, &part, &target)).await
    }
}

async fn run<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FolderError> + Send + 'static,
) -> Result<T, FolderError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        let source = io::Error::other(error);
        Err(wrong("cannot copy", Path::new("the data folder"), source))
    })
}

/// What an earlier backup left that was broken off gives way.
fn begin(source: &Path, part: &Path) -> Result<(), FolderError> {
    match fs::remove_dir_all(part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(wrong("cannot remove", part, error));
        }
        _ => {}
    }
    fs::create_dir_all(part).map_err(|error| wrong("cannot make", part, error))?;
    copy(&source.join(stamp::FILE), &part.join(stamp::FILE)).map(drop)
}

fn finish(source: &Path, part: &Path, target: &Path) -> Result<BackedUp, FolderError> {
    let mut done = BackedUp::default();
    // Documents before the blobs that they name: what gets its document
    // meanwhile is left out, and its blob does no harm.
    for folder in ["artifacts", "damaged", "blobs"] {
        let folder = Path::new("store").join(folder);
        copy_files(&source.join(&folder), &part.join(&folder), &mut done)?;
    }
    for name in ["cutline.sqlite", stamp::FILE] {
        let path = part.join(name);
        let synced = File::open(&path).and_then(|file| file.sync_all().and(file.metadata()));
        let meta = synced.map_err(|error| wrong("cannot write", &path, error))?;
        done.files += 1;
        done.bytes += meta.len();
    }
    let renamed = sync_folder(part).and_then(|()| fs::rename(part, target));
    renamed.map_err(|error| wrong("cannot write", target, error))?;
    let parent = target
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let synced = sync_folder(parent.unwrap_or(Path::new(".")));
    synced.map_err(|error| wrong("cannot write", target, error))?;
    Ok(done)
}

fn copy_files(source: &Path, target: &Path, done: &mut BackedUp) -> Result<(), FolderError> {
    let entries = match fs::read_dir(source) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|error| wrong("cannot read", source, error))?,
    };
    fs::create_dir_all(target).map_err(|error| wrong("cannot make", target, error))?;
    for entry in entries {
        let name = entry
            .map_err(|error| wrong("cannot read", source, error))?
            .file_name();
        if is_half_written(&name) {
            continue;
        }
        if let Some(bytes) = copy(&source.join(&name), &target.join(&name))? {
            done.files += 1;
            done.bytes += bytes;
        }
    }
    sync_folder(target).map_err(|error| wrong("cannot write", target, error))
}

/// The length of the copy, which has reached the disk; nothing, if there is no
/// such file any more.
fn copy(source: &Path, target: &Path) -> Result<Option<u64>, FolderError> {
    let copied = fs::copy(source, target).and_then(|bytes| {
        File::open(target)?.sync_all()?;
        Ok(Some(bytes))
    });
    match copied {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        copied => copied.map_err(|error| wrong("cannot copy", source, error)),
    }
}
