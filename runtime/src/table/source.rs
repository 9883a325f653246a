//! [`Source`]: the bytes of a table, which can be read more than once.

use std::fs::File;
use std::io::{self, BufWriter, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tempfile::NamedTempFile;

use super::TableError;

/// The bytes of a table and the name that messages call it by.
///
/// It can be opened again and again, because types are inferred over the whole
/// of it before the first batch. What can be read only once (an HTTP body, a
/// download) is copied to disk first, by [`Source::spool`].
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    bytes: Kept,
}

#[derive(Clone, Debug)]
pub(super) enum Kept {
    Memory(Bytes),
    File(PathBuf),
    /// Gone when the last clone is dropped.
    Spooled(Arc<NamedTempFile>),
}

impl Source {
    /// A file, named by its path.
    pub fn file(path: impl AsRef<Path>) -> Source {
        let path = path.as_ref().to_owned();
        Source {
            name: path.display().to_string(),
            bytes: Kept::File(path),
        }
    }

    /// Bytes in memory.
    pub fn memory(name: impl Into<String>, bytes: impl Into<Bytes>) -> Source {
        Source {
            name: name.into(),
            bytes: Kept::Memory(bytes.into()),
        }
    }

    /// What `input` holds, copied into a temporary file that lives as long as
    /// the source. Fails when `input` does or when the disk is full.
    pub fn spool(name: impl Into<String>, mut input: impl Read) -> Result<Source, TableError> {
        let name = name.into();
        let mut file = NamedTempFile::new()?;
        let mut out = BufWriter::with_capacity(1 << 16, file.as_file_mut());
        copy(&name, &mut input, &mut out)?;
        drop(out);
        Ok(Source {
            name,
            bytes: Kept::Spooled(Arc::new(file)),
        })
    }

    /// What messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bytes from the start.
    pub(super) fn open(&self) -> Result<Box<dyn Read + Send>, TableError> {
        match &self.bytes {
            Kept::Memory(bytes) => Ok(Box::new(Cursor::new(bytes.clone()))),
            Kept::File(_) | Kept::Spooled(_) => Ok(Box::new(self.open_file()?)),
        }
    }

    /// Where the bytes are kept.
    pub(super) fn kept(&self) -> &Kept {
        &self.bytes
    }

    /// The file, for what is not in memory.
    pub(super) fn open_file(&self) -> Result<File, TableError> {
        let opened = match &self.bytes {
            Kept::Memory(_) => Err(io::ErrorKind::Unsupported.into()),
            Kept::File(path) => File::open(path),
            Kept::Spooled(file) => file.reopen(),
        };
        opened.map_err(TableError::read(&self.name))
    }
}

/// Copies, and tells whose fault a failure is.
fn copy(name: &str, input: &mut impl Read, out: &mut impl Write) -> Result<(), TableError> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return Ok(out.flush()?),
            Ok(n_read) => out.write_all(&buffer[..n_read])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(TableError::read(name)(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(source: &Source) -> String {
        let mut text = String::new();
        source.open().unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn what_was_spooled_is_read_twice() {
        let source = Source::spool("body", &b"a,b\n1,2\n"[..]).unwrap();
        assert_eq!(text(&source), "a,b\n1,2\n");
        assert_eq!(text(&source), "a,b\n1,2\n");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Source::file("no/such.csv").open().err().unwrap();
        assert!(error.to_string().starts_with("no/such.csv: cannot be read"));
    }

    #[test]
    fn an_input_that_breaks_off_is_not_the_disks_fault() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
        let error = Source::spool("body", Broken).unwrap_err();
        assert!(matches!(error, TableError::Read { .. }), "{error}");
    }
}
