//! When a file that somebody edits is to be read.

use std::fs;
use std::path::{Path, PathBuf};

/// A file's text, or why it cannot be read.
pub(super) type Read = Result<String, String>;

/// Looks at the content of a file again and again.
///
/// A content counts once it was seen twice in a row: an editor may be found
/// with half the file written, and half a file can be a valid one.
#[derive(Debug)]
pub(super) struct Watch {
    path: PathBuf,
    /// What was acted on last.
    known: Read,
    /// Seen once.
    seen: Option<Read>,
}

impl Watch {
    /// Of a file that was read already.
    pub(super) fn new(path: &Path, text: String) -> Watch {
        Watch {
            path: path.to_owned(),
            known: Ok(text),
            seen: None,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The content that was acted on last.
    pub(super) fn known(&self) -> &Read {
        &self.known
    }

    /// The content now, which counts as acted on.
    pub(super) fn read(&mut self) -> Read {
        self.known = fs::read_to_string(&self.path).map_err(|error| error.to_string());
        self.seen = None;
        self.known.clone()
    }

    /// The content, if it is another than the one that was acted on last.
    pub(super) fn look(&mut self) -> Option<Read> {
        let read = fs::read_to_string(&self.path).map_err(|error| error.to_string());
        self.changed(read)
    }

    fn changed(&mut self, read: Read) -> Option<Read> {
        if read == self.known {
            self.seen = None;
            return None;
        }
        if self.seen.as_ref() != Some(&read) {
            self.seen = Some(read);
            return None;
        }
        self.seen = None;
        self.known = read.clone();
        Some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Read {
        Ok(text.to_owned())
    }

    #[test]
    fn a_content_counts_once_it_stands() {
        let mut watch = Watch::new(Path::new("routes.toml"), "a".to_owned());
        assert_eq!(watch.changed(read("a")), None);
        assert_eq!(watch.changed(read("b, half")), None);
        assert_eq!(watch.changed(read("b, whole")), None);
        assert_eq!(watch.changed(read("b, whole")), Some(read("b, whole")));
        assert_eq!(watch.changed(read("b, whole")), None, "acted on");
        let gone: Read = Err("no such file".to_owned());
        assert_eq!(
            watch.changed(gone.clone()),
            None,
            "it may be being replaced"
        );
        assert_eq!(watch.changed(read("b, whole")), None);
        assert_eq!(watch.changed(gone.clone()), None);
        assert_eq!(watch.changed(gone.clone()), Some(gone));
        assert_eq!(watch.changed(read("a")), None);
        assert_eq!(watch.changed(read("a")), Some(read("a")));
    }
}
