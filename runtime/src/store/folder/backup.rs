//! A copy of a folder that is in use.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::stamp::{self, sync_folder};
use super::{DataFolder, FolderError, io as wrong, is_half_written, make_private};
use crate::store::database;

/// What a backup holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackedUp {
    /// Files.
    pub files: u64,
    /// How long they are together.
    pub bytes: u64,
}

impl DataFolder {
    /// Copies the folder to `target`, as [`back_up`] does.
    ///
    /// # Errors
    /// As [`back_up`].
    pub async fn back_up(&self, target: &Path) -> Result<BackedUp, FolderError> {
        let (source, target) = (self.path.clone(), target.to_owned());
        let copied = tokio::task::spawn_blocking(move || back_up(&source, &target)).await;
        copied.unwrap_or_else(|error| {
            let source = io::Error::other(error);
            Err(wrong("cannot copy", &self.path, source))
        })
    }
}

/// Copies the data folder `source` to `target`, which must not be there, while
/// it is in use, by whichever process. The copy is a data folder with the same
/// key: to restore it, open it or put it in the place of the old one. Blocks.
///
/// It is consistent: queues and cells are as of one moment, and every artifact
/// that was there then is in it, since they are copied after and never change.
/// It appears under its name when it is complete. What shadow requests made is
/// left out.
///
/// # Errors
/// When `target` is there, `source` is no data folder, or one of them cannot be
/// read or written.
pub fn back_up(source: &Path, target: &Path) -> Result<BackedUp, FolderError> {
    if target.exists() {
        return Err(FolderError::BackupExists {
            path: target.to_owned(),
        });
    }
    if !source.join(stamp::FILE).exists() {
        return Err(FolderError::Missing {
            path: source.to_owned(),
        });
    }
    let mut name = target.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    begin(source, &part)?;
    database::copy(&source.join("cutline.sqlite"), &part.join("cutline.sqlite"))?;
    finish(source, &part, target)
}

/// What an earlier backup left that was broken off gives way.
fn begin(source: &Path, part: &Path) -> Result<(), FolderError> {
    match fs::remove_dir_all(part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(wrong("cannot remove", part, error));
        }
        _ => {}
    }
    make_private(part).map_err(|error| wrong("cannot make", part, error))?;
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
    for function in names(&source.join("store/log"))?.unwrap_or_default() {
        let folder = Path::new("store/log").join(function);
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

/// What is in a folder, if that is there.
fn names(path: &Path) -> Result<Option<Vec<OsString>>, FolderError> {
    let cannot = |error| wrong("cannot read", path, error);
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        entries => entries.map_err(cannot)?,
    };
    let named = entries.map(|entry| Ok(entry?.file_name()));
    named.collect::<io::Result<_>>().map_err(cannot).map(Some)
}

fn copy_files(source: &Path, target: &Path, done: &mut BackedUp) -> Result<(), FolderError> {
    let Some(names) = names(source)? else {
        return Ok(());
    };
    fs::create_dir_all(target).map_err(|error| wrong("cannot make", target, error))?;
    for name in names {
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
