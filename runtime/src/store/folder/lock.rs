//! One process at a time.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::{FolderError, io};

/// The folder's lock file, held: by the system's lock on it, which goes with
/// the process however that ends. What is in the file only says who it is.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Who uses a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder(String);

impl Lock {
    pub(super) fn take(folder: &Path) -> Result<Lock, FolderError> {
        let path = folder.join("lock");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options
            .open(&path)
            .map_err(|source| io("cannot open", &path, source))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(FolderError::InUse {
                    path: folder.to_owned(),
                    holder: Holder::read(&mut file),
                });
            }
            Err(TryLockError::Error(source)) => return Err(io("cannot lock", &path, source)),
        }
        let me = format!("process {} on {}\n", std::process::id(), host());
        let written = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(me.as_bytes()));
        written.map_err(|source| io("cannot write", &path, source))?;
        Ok(Lock { _file: file })
    }
}

impl Holder {
    fn read(file: &mut File) -> Holder {
        let mut text = String::new();
        // It has only just taken the lock, or the system keeps it to itself.
        let read = file.take(1_000).read_to_string(&mut text);
        match (read, text.trim()) {
            (Err(_), _) | (_, "") => Holder("another process".to_owned()),
            (Ok(_), text) => Holder(text.to_owned()),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(unix)]
fn host() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

#[cfg(not(unix))]
fn host() -> String {
    "this machine".to_owned()
}
