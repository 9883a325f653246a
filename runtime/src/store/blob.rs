//! Blobs by URL: which object store a scheme stands for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;

/// The schemes that [`open`] knows.
pub const SCHEMES: &[&str] = &["file", "memory"];

/// Why blobs cannot be had at a URL.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// It begins with no scheme that is known.
    #[error("{url:?} names no store of blobs: write file:FOLDER or memory:")]
    Scheme {
        /// As written.
        url: String,
    },
    /// The folder cannot be made or opened.
    #[error("the folder {path} cannot be used for blobs: see that it is writable")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Opens the blobs at a URL:
///
/// ```text
/// memory:             in this process, gone with it
/// file:FOLDER         files in a folder, made where there is none; file:///FOLDER likewise
/// ```
///
/// What is put into a folder has reached the disk, whole, before the put
/// returns.
pub fn open(url: &str) -> Result<Arc<dyn ObjectStore>, BlobError> {
    match url.split_once(':') {
        Some(("memory", "" | "//" | "///")) => Ok(Arc::new(InMemory::new())),
        Some(("file", path)) if !path.is_empty() => {
            folder(Path::new(path.strip_prefix("//").unwrap_or(path)))
        }
        _ => Err(BlobError::Scheme {
            url: url.to_owned(),
        }),
    }
}

/// The blobs in a folder, as `file:` opens them.
pub(super) fn folder(path: &Path) -> Result<Arc<dyn ObjectStore>, BlobError> {
    let wrong = |source| BlobError::Folder {
        path: path.to_owned(),
        source,
    };
    std::fs::create_dir_all(path).map_err(|error| wrong(error.into()))?;
    let store = LocalFileSystem::new_with_prefix(path).map_err(|error| wrong(error.into()))?;
    Ok(Arc::new(store.with_fsync(true)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::ObjectStoreExt;

    #[tokio::test]
    async fn a_scheme_says_where_blobs_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/blobs");
        let file = format!("file:{}", path.display());
        let slashes = format!("file://{}", path.display());
        let location = "a/b".into();
        for url in ["memory:", "memory://", &file] {
            let store = open(url).unwrap();
            store.put(&location, "content".into()).await.unwrap();
            let read = store.get(&location).await.unwrap().bytes().await.unwrap();
            assert_eq!(read, "content", "{url}");
        }
        let again = open(&slashes).unwrap();
        assert!(again.head(&location).await.is_ok());
        assert_eq!(std::fs::read(path.join("a/b")).unwrap(), b"content");
    }

    #[test]
    fn what_is_no_url_of_blobs_is_refused() {
        for url in ["", "file:", "blobs", "s3://bucket", "memory:name"] {
            let error = open(url).unwrap_err().to_string();
            assert!(error.contains("names no store of blobs"), "{url}: {error}");
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = open(&format!("file:{}", file.path().display())).unwrap_err();
        assert!(error.to_string().contains("cannot be used for blobs"));
    }
}
