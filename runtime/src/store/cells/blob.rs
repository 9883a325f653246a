//! Cells as blobs of an object store that has conditional writes: memory, and
//! the clouds by their ETags. Files have none.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::future::BoxFuture;
use object_store::path::Path;
use object_store::{
    Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutResult, UpdateVersion,
};

use super::{Cell, CellError, Cells, Revision, Swapped};

/// A blob for each cell. Object stores delete whatever there is, so a cell that
/// is gone stays as an empty blob.
#[derive(Clone, Debug)]
pub struct BlobCells {
    store: Arc<dyn ObjectStore>,
}

impl BlobCells {
    /// Cells in this store.
    pub fn new(store: Arc<dyn ObjectStore>) -> BlobCells {
        BlobCells { store }
    }

    /// The cell, unless it is gone, and what stands there in any case.
    async fn get(&self, key: &str) -> Result<(Option<Cell>, Option<Revision>), Error> {
        let found = match self.store.get(&Path::from(key)).await {
            Err(Error::NotFound { .. }) => return Ok((None, None)),
            found => found?,
        };
        let revision = revision(found.meta.e_tag.clone());
        let value = found.bytes().await?;
        let stands = Some(revision.clone());
        match value.is_empty() {
            true => Ok((None, stands)),
            false => Ok((Some(Cell { value, revision }), stands)),
        }
    }

    async fn put(
        &self,
        key: &str,
        seen: Option<&Revision>,
        value: Bytes,
    ) -> Result<Swapped, Error> {
        let swapped = self.put_over(key, seen, value.clone()).await?;
        if seen.is_some() || swapped != Swapped::Lost(None) {
            return Ok(swapped);
        }
        // Nothing was seen where a cell once was.
        let (_, stands) = self.get(key).await?;
        self.put_over(key, stands.as_ref(), value).await
    }

    async fn put_over(
        &self,
        key: &str,
        seen: Option<&Revision>,
        value: Bytes,
    ) -> Result<Swapped, Error> {
        let mode = match seen {
            None => PutMode::Create,
            Some(Revision(e_tag)) => PutMode::Update(UpdateVersion {
                e_tag: Some(e_tag.clone()),
                version: None,
            }),
        };
        let (path, options) = (Path::from(key), PutOptions::from(mode));
        match self.store.put_opts(&path, value.into(), options).await {
            Ok(PutResult { e_tag, .. }) => Ok(Swapped::Done(revision(e_tag))),
            Err(
                Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotFound { .. },
            ) => Ok(Swapped::Lost(self.get(key).await?.0)),
            Err(error) => Err(error),
        }
    }
}

impl Cells for BlobCells {
    fn read<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Cell>, CellError>> {
        Box::pin(async move {
            let found = self.get(key).await;
            found
                .map(|(cell, _)| cell)
                .map_err(|source| wrong(key, source))
        })
    }

    fn swap<'a>(
        &'a self,
        key: &'a str,
        seen: Option<&'a Revision>,
        value: Bytes,
    ) -> BoxFuture<'a, Result<Swapped, CellError>> {
        Box::pin(async move {
            let swapped = self.put(key, seen, value).await;
            swapped.map_err(|source| wrong(key, source))
        })
    }

    fn remove<'a>(
        &'a self,
        key: &'a str,
        seen: &'a Revision,
    ) -> BoxFuture<'a, Result<bool, CellError>> {
        Box::pin(async move {
            let removed = self.put_over(key, Some(seen), Bytes::new()).await;
            let removed = removed.map_err(|source| wrong(key, source))?;
            Ok(matches!(removed, Swapped::Done(_)))
        })
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(String, Cell)>, CellError>> {
        Box::pin(async move {
            let wrong = |source| wrong(prefix, source);
            // Stores list whole parts of a path.
            let folder = prefix
                .rsplit_once('/')
                .map(|(folder, _)| Path::from(folder));
            let listed = self.store.list(folder.as_ref());
            let listed: Vec<_> = listed.try_collect().await.map_err(wrong)?;
            let mut found = Vec::new();
            for meta in listed {
                let key = meta.location.to_string();
                if !key.starts_with(prefix) {
                    continue;
                }
                if let (Some(cell), _) = self.get(&key).await.map_err(wrong)? {
                    found.push((key, cell));
                }
            }
            found.sort_by(|(one, _), (other, _)| one.cmp(other));
            Ok(found)
        })
    }
}

fn revision(e_tag: Option<String>) -> Revision {
    Revision(e_tag.unwrap_or_default())
}

fn wrong(key: &str, source: Error) -> CellError {
    CellError::Blob {
        key: key.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::cells::contract;
    use object_store::memory::InMemory;

    #[tokio::test]
    async fn keeps_the_contract() {
        contract::check(&BlobCells::new(Arc::new(InMemory::new()))).await;
    }
}
