//! Cells as blobs of an object store that has conditional writes: memory, and
//! the clouds by their ETags. Files have none.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::future::BoxFuture;
use object_store::path::Path;
use object_store::{
    Attribute, AttributeValue, Attributes, Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    PutResult, UpdateVersion,
};

use super::{Cell, CellError, Cells, Revision, Swapped};

/// A blob for each cell. Object stores delete whatever there is, so a cell that
/// is gone stays as an empty blob.
#[derive(Clone, Debug)]
pub struct BlobCells {
    store: Arc<dyn ObjectStore>,
}

/// Says of a blob by which put it is: one whose answer was lost on the way is
/// tried again, and finds itself there.
const PUT: &str = "put";

/// Cells of a list that are read together.
const AT_ONCE: usize = 16;

impl BlobCells {
    /// Cells in this store.
    pub fn new(store: Arc<dyn ObjectStore>) -> BlobCells {
        BlobCells { store }
    }

    async fn get(&self, key: &str) -> Result<Option<Stands>, Error> {
        let found = match self.store.get(&Path::from(key)).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            found => found?,
        };
        let put = found.attributes.get(&Attribute::Metadata(PUT.into()));
        Ok(Some(Stands {
            put: put.map(|put| put.to_string()),
            revision: revision(found.meta.e_tag.clone()),
            value: found.bytes().await?,
        }))
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
        // Nothing was seen where a cell once was; by now another may be there.
        match self.get(key).await? {
            Some(stands) if !stands.value.is_empty() => Ok(Swapped::Lost(stands.cell())),
            stands => {
                let revision = stands.map(|stands| stands.revision);
                self.put_over(key, revision.as_ref(), value).await
            }
        }
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
        let put = format!("{:032x}", rand::random::<u128>());
        let known = (
            Attribute::Metadata(PUT.into()),
            AttributeValue::from(put.clone()),
        );
        let options = PutOptions {
            mode,
            attributes: Attributes::from_iter([known]),
            ..PutOptions::default()
        };
        let path = Path::from(key);
        match self.store.put_opts(&path, value.into(), options).await {
            Ok(PutResult { e_tag, .. }) => Ok(Swapped::Done(revision(e_tag))),
            Err(
                Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotFound { .. },
            ) => Ok(match self.get(key).await? {
                Some(stands) if stands.put.as_ref() == Some(&put) => Swapped::Done(stands.revision),
                Some(stands) => Swapped::Lost(stands.cell()),
                None => Swapped::Lost(None),
            }),
            // Such a put is not sent twice by the client, and may have arrived.
            Err(error) => match self.get(key).await {
                Ok(Some(stands)) if stands.put.as_ref() == Some(&put) => {
                    Ok(Swapped::Done(stands.revision))
                }
                _ => Err(error),
            },
        }
    }
}

/// What stands where a cell is or was.
struct Stands {
    value: Bytes,
    revision: Revision,
    put: Option<String>,
}

impl Stands {
    /// The cell, unless it is gone.
    fn cell(self) -> Option<Cell> {
        let Stands {
            value, revision, ..
        } = self;
        (!value.is_empty()).then_some(Cell { value, revision })
    }
}

impl Cells for BlobCells {
    fn read<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Cell>, CellError>> {
        Box::pin(async move {
            let found = self.get(key).await.map_err(|source| wrong(key, source))?;
            Ok(found.and_then(Stands::cell))
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
            let keys = listed
                // One that is gone is not asked for.
                .try_filter(|meta| std::future::ready(meta.size > 0))
                .map_ok(|meta| meta.location.to_string())
                .try_filter(|key| std::future::ready(key.starts_with(prefix)));
            let cells = keys.map_ok(|key| async move {
                let cell = self.get(&key).await?.and_then(Stands::cell);
                Ok(cell.map(|cell| (key, cell)))
            });
            let found: Vec<_> = cells
                .try_buffer_unordered(AT_ONCE)
                .try_collect()
                .await
                .map_err(wrong)?;
            let mut found: Vec<_> = found.into_iter().flatten().collect();
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
    use crate::store::losing::Losing;
    use object_store::memory::InMemory;

    #[tokio::test]
    async fn a_put_whose_answer_was_lost_is_known_again() {
        for again in [true, false] {
            let store = InMemory::new();
            contract::check(&BlobCells::new(Arc::new(Losing { store, again }))).await;
        }
    }

    #[tokio::test]
    async fn keeps_the_contract() {
        contract::check(&BlobCells::new(Arc::new(InMemory::new()))).await;
    }
}
