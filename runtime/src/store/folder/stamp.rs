//! What a folder is: `cutline.json`.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

use rand::TryRngCore;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};

use super::{FolderError, io};
use crate::store::clock::Timestamp;
use crate::store::seal::Key;

/// The format of folders that this version makes and understands.
pub(super) const FORMAT: u32 = 1;

pub(super) const FILE: &str = "cutline.json";

/// What the file says. Later versions may add to it, and keep these.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Stamp {
    format: u32,
    /// The version of cutline that made the folder.
    cutline: String,
    made: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<Sealed>,
}

/// By which the right key is known.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Sealed {
    salt: String,
    check: String,
}

impl Stamp {
    /// Sees that the folder is one of ours and opens with this key; stamps it,
    /// if it is empty. It must be locked.
    pub(super) fn check(
        folder: &Path,
        key: Option<&Key>,
        now: Timestamp,
    ) -> Result<(), FolderError> {
        let path = folder.join(FILE);
        match fs::read(&path) {
            Ok(text) => {
                let parsed = serde_json::from_slice::<Stamp>(&text);
                let stamp = parsed.map_err(|source| FolderError::Stamp { path, source })?;
                stamp.fits(folder, key)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                is_empty(folder)?;
                let ignored = folder.join(".gitignore");
                fs::write(&ignored, "*\n")
                    .map_err(|source| io("cannot write", &ignored, source))?;
                Stamp::new(folder, key, now)?.write(folder)
            }
            Err(source) => Err(io("cannot read", &path, source)),
        }
    }

    fn new(folder: &Path, key: Option<&Key>, made: Timestamp) -> Result<Stamp, FolderError> {
        let seal = |key: &Key| {
            let mut salt = [0; 32];
            let drawn = OsRng.try_fill_bytes(&mut salt);
            drawn.map_err(|source| FolderError::Random {
                path: folder.to_owned(),
                source,
            })?;
            Ok::<_, FolderError>(Sealed {
                salt: hex::encode(salt),
                check: hex::encode(key.check(&salt)),
            })
        };
        Ok(Stamp {
            format: FORMAT,
            cutline: env!("CARGO_PKG_VERSION").to_owned(),
            made,
            sealed: key.map(seal).transpose()?,
        })
    }

    fn fits(&self, folder: &Path, key: Option<&Key>) -> Result<(), FolderError> {
        let path = folder.to_owned();
        if self.format > FORMAT {
            return Err(FolderError::Newer {
                path,
                by: self.cutline.clone(),
                format: self.format,
            });
        }
        match (&self.sealed, key) {
            (None, None) => Ok(()),
            (Some(_), None) => Err(FolderError::NeedsKey { path }),
            (None, Some(_)) => Err(FolderError::NeedsNoKey { path }),
            (Some(sealed), Some(key)) if sealed.is_by(key) => Ok(()),
            (Some(_), Some(_)) => Err(FolderError::WrongKey { path }),
        }
    }

    /// Whole or not at all.
    fn write(&self, folder: &Path) -> Result<(), FolderError> {
        let path = folder.join(FILE);
        let wrong = |source| io("cannot write", &path, source);
        let text = serde_json::to_string_pretty(self).map_err(|error| wrong(error.into()))?;
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(wrong)?;
        writeln!(file, "{text}").map_err(wrong)?;
        file.as_file().sync_all().map_err(wrong)?;
        file.persist(&path).map_err(|error| wrong(error.error))?;
        sync_folder(folder).map_err(wrong)
    }
}

impl Sealed {
    fn is_by(&self, key: &Key) -> bool {
        let mut salt = [0; 32];
        hex::decode_to_slice(&self.salt, &mut salt).is_ok()
            && hex::encode(key.check(&salt)) == self.check
    }
}

/// But for the lock, and a stamp that was being written.
fn is_empty(folder: &Path) -> Result<(), FolderError> {
    let wrong = |source| io("cannot read", folder, source);
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let name = entry.map_err(wrong)?.file_name();
        let name = name.to_string_lossy();
        if name != "lock" && name != ".gitignore" && !name.starts_with(".tmp") {
            return Err(FolderError::Foreign {
                path: folder.to_owned(),
            });
        }
    }
    Ok(())
}

/// What was put into a folder is there after a crash, too. Elsewhere than on
/// Unix folders cannot be opened, and need not be.
pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    match cfg!(unix) {
        true => File::open(folder)?.sync_all(),
        false => Ok(()),
    }
}
