//! [`StateFolder`]: what the proxy keeps between two starts, and what the
//! command line finds it by.
//!
//! ```text
//! .gitignore      keeps all of it out of a repository
//! admin.address   where the admin interface is, while the proxy runs: its URL;
//!                 over TLS also the address to connect to, and the file with
//!                 the certificate by which it is known
//! admin.token     what the admin interface wants to see; made once
//! journal.sqlite  every change of a stage's share
//! takeover.sock   asked by the process that is to take the place of the one
//!                 that runs
//! ```

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::{fmt, fs};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRngCore;
use rand::rngs::OsRng;

/// A folder that only its owner can look into.
#[derive(Clone, Debug)]
pub struct StateFolder {
    path: PathBuf,
}

/// Where an admin interface is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminAddress {
    /// `http://127.0.0.1:9901`, or `https://` and a name in its certificate.
    pub url: String,
    /// Over TLS.
    pub secure: Option<SecureAddress>,
}

/// What one must know beside the URL where TLS is spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecureAddress {
    /// Where to connect to, whatever the name in the URL resolves to.
    pub connect: SocketAddr,
    /// The file, with an absolute path, of certificates that are trusted.
    pub trusted: PathBuf,
}

/// Why the folder cannot be used.
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
        source: io::Error,
    },
    /// Others than its owner can write into it.
    #[error("others can write to the state folder {path}: run chmod 700 {path}")]
    Shared {
        /// The folder.
        path: PathBuf,
    },
    /// Others than its owner can read it.
    #[error(
        "others can read the token file {path}: run chmod 600 {path}, or remove it so that the next start makes a new one"
    )]
    Readable {
        /// The file.
        path: PathBuf,
    },
    /// It holds nothing that could be a token.
    #[error("{path} holds no token: remove it, and the next start makes one")]
    NoToken {
        /// The file.
        path: PathBuf,
    },
}

/// In bytes, before they are written as text.
const TOKEN_LENGTH: usize = 32;

impl StateFolder {
    /// The folder at `path`, made where there is none.
    pub fn make(path: &Path) -> Result<StateFolder, FolderError> {
        let io = |source| wrong("cannot make the state folder", path, source);
        if !path.exists() {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(io)?;
            }
            match make_private(path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(io(error));
                }
                // The token is no part of anybody's repository.
                _ => fs::write(path.join(".gitignore"), "*\n").map_err(io)?,
            }
        }
        let folder = StateFolder::at(path);
        match folder.bits(path)? & 0o022 {
            0 => Ok(folder),
            _ => Err(FolderError::Shared {
                path: path.to_owned(),
            }),
        }
    }

    /// The folder at `path`, as some proxy made it.
    pub fn at(path: &Path) -> StateFolder {
        StateFolder {
            path: path.to_owned(),
        }
    }

    /// Where the journal is.
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal.sqlite")
    }

    /// Where the token is.
    pub fn token_file(&self) -> PathBuf {
        self.path.join("admin.token")
    }

    /// Where the address of the admin interface is.
    pub fn address_file(&self) -> PathBuf {
        self.path.join("admin.address")
    }

    /// Where a process offers its place to the next one.
    pub fn take_over_socket(&self) -> PathBuf {
        self.path.join("takeover.sock")
    }

    /// The token of this folder, made where there is none.
    pub fn token(&self) -> Result<String, FolderError> {
        let path = self.token_file();
        if !path.exists() {
            let made = self
                .path
                .join(format!(".admin.token.{}", std::process::id()));
            let io = |source| wrong("cannot make the token file", &path, source);
            let mut random = [0; TOKEN_LENGTH];
            let drawn = OsRng.try_fill_bytes(&mut random);
            drawn.map_err(|error| io(io::Error::other(error)))?;
            let text = format!("{}\n", URL_SAFE_NO_PAD.encode(random));
            let _ = fs::remove_file(&made);
            write_private(&made, &text).map_err(io)?;
            // Linked, not renamed: of two processes, the first one's stays.
            let linked = fs::hard_link(&made, &path);
            fs::remove_file(&made).map_err(io)?;
            match linked {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(io(error));
                }
                _ => {}
            }
        }
        token(&path)
    }

    /// Says where the admin interface is.
    pub fn set_address(&self, address: &AdminAddress) -> Result<(), FolderError> {
        let (made, path) = (self.path.join(".admin.address"), self.address_file());
        fs::write(&made, address.to_string())
            .and_then(|()| fs::rename(&made, &path))
            .map_err(|source| wrong("cannot write", &path, source))
    }

    /// Where the admin interface is, or was when the proxy died.
    pub fn address(&self) -> Result<AdminAddress, FolderError> {
        let path = self.address_file();
        let text = fs::read_to_string(&path);
        let parsed = text.and_then(|text| text.parse());
        parsed.map_err(|source| wrong("cannot read", &path, source))
    }

    /// Takes back what [`StateFolder::set_address`] said, unless another
    /// process has said something else since.
    pub fn remove_address(&self, address: &AdminAddress) {
        if self.address().is_ok_and(|known| known == *address) {
            // One that stays is only stale.
            let _ = fs::remove_file(self.address_file());
        }
    }

    fn bits(&self, path: &Path) -> Result<u32, FolderError> {
        bits(path).map_err(|source| wrong("cannot look at", path, source))
    }
}

/// As it is kept: a line for each part.
impl fmt::Display for AdminAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.url)?;
        match &self.secure {
            Some(secure) => writeln!(f, "{}\n{}", secure.connect, secure.trusted.display()),
            None => Ok(()),
        }
    }
}

impl FromStr for AdminAddress {
    type Err = io::Error;

    fn from_str(text: &str) -> io::Result<AdminAddress> {
        let wrong = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        let mut lines = text.lines();
        let url = lines.next().filter(|url| !url.is_empty());
        let secure = match (lines.next(), lines.next()) {
            (None, _) => None,
            (Some(connect), Some(trusted)) => Some(SecureAddress {
                connect: connect
                    .parse()
                    .map_err(|_| wrong("its second line is no address"))?,
                trusted: trusted.into(),
            }),
            (Some(_), None) => return Err(wrong("it names no file of certificates")),
        };
        Ok(AdminAddress {
            url: url.ok_or_else(|| wrong("it is empty"))?.to_owned(),
            secure,
        })
    }
}

/// Reads a token that nobody but its owner can read.
pub fn token(path: &Path) -> Result<String, FolderError> {
    let io = |source| wrong("cannot read the token file", path, source);
    if bits(path).map_err(io)? & 0o077 != 0 {
        return Err(FolderError::Readable {
            path: path.to_owned(),
        });
    }
    let text = fs::read_to_string(path).map_err(io)?;
    let token = text.trim();
    match token.len() >= TOKEN_LENGTH && token.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(token.to_owned()),
        false => Err(FolderError::NoToken {
            path: path.to_owned(),
        }),
    }
}

fn wrong(what: &'static str, path: &Path, source: io::Error) -> FolderError {
    FolderError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}

#[cfg(unix)]
fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_private(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Who may do what with it.
#[cfg(unix)]
fn bits(path: &Path) -> io::Result<u32> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::metadata(path)?.permissions().mode())
}

/// Elsewhere, the folder it lies in says who may read it.
#[cfg(not(unix))]
fn bits(path: &Path) -> io::Result<u32> {
    fs::metadata(path).map(|_| 0)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_folder_and_its_token_are_its_owners_and_the_token_stays() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("deep/.cutline");
        let folder = StateFolder::make(&path).unwrap();
        let token = folder.token().unwrap();
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&folder.token_file()), 0o600);
        assert_eq!(token.len(), 43);
        let again = StateFolder::make(&path).unwrap();
        assert_eq!(again.token().unwrap(), token);
        let left: Vec<_> = fs::read_dir(&path).unwrap().collect();
        // The token, and what keeps the folder out of a repository.
        assert_eq!(left.len(), 2, "{left:?}");
    }

    #[test]
    fn what_others_can_read_or_write_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("state");
        let folder = StateFolder::make(&path).unwrap();
        folder.token().unwrap();
        set_mode(&folder.token_file(), 0o640);
        let error = folder.token().unwrap_err().to_string();
        assert!(error.contains("run chmod 600"), "{error}");
        set_mode(&folder.token_file(), 0o600);
        fs::write(folder.token_file(), "\n").unwrap();
        let error = folder.token().unwrap_err().to_string();
        assert!(error.contains("holds no token"), "{error}");
        set_mode(&path, 0o770);
        let error = StateFolder::make(&path).unwrap_err().to_string();
        assert!(error.contains("run chmod 700"), "{error}");
    }

    #[test]
    fn an_address_is_taken_back_by_whom_it_is_of() {
        let parent = tempfile::tempdir().unwrap();
        let folder = StateFolder::make(&parent.path().join("state")).unwrap();
        let [first, second] = [1, 2].map(|port| AdminAddress {
            url: format!("https://proxy.example:{port}"),
            secure: Some(SecureAddress {
                connect: ([127, 0, 0, 1], port).into(),
                trusted: "/etc/cutline/admin.pem".into(),
            }),
        });
        folder.set_address(&first).unwrap();
        folder.set_address(&second).unwrap();
        folder.remove_address(&first);
        assert_eq!(folder.address().unwrap(), second);
        folder.remove_address(&second);
        let error = folder.address().unwrap_err().to_string();
        assert!(error.starts_with("cannot read"), "{error}");
        let plain = "http://127.0.0.1:1\n".parse::<AdminAddress>().unwrap();
        assert_eq!((&*plain.url, &plain.secure), ("http://127.0.0.1:1", &None));
        for wrong in ["", "https://a\nx\n/a", "https://a\n127.0.0.1:1\n"] {
            assert!(wrong.parse::<AdminAddress>().is_err(), "{wrong}");
        }
    }
}
