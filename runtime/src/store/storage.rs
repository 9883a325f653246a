//! [`Storage`]: where everything is kept, on this machine or elsewhere.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use object_store::ObjectStore;

use super::artifact::ArtifactId;
use super::cells::CellError;
use super::clock::Timestamp;
use super::registry::Signing;
use super::space::Space;

/// What is live, and the shadows of requests beside it. Clones are the same
/// one.
#[derive(Clone)]
pub struct Storage {
    /// A folder's path, or a URL.
    shown: Arc<str>,
    live: Space,
    store: Arc<dyn ObjectStore>,
    is_shared: bool,
}

/// Why what is over cannot be removed.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// A shadow's blobs stay.
    #[error("what shadow requests made cannot be removed from {place}")]
    Expire {
        /// Where.
        place: String,
        /// Why.
        source: object_store::Error,
    },
    /// The cells cannot be used.
    #[error(transparent)]
    Cell(#[from] CellError),
}

/// Where shadows are, among blobs and among cells.
const SHADOW: &str = "shadow";

impl Storage {
    /// What is live, and where its blobs are; `shown` says so to readers.
    pub fn new(shown: impl Into<Arc<str>>, live: Space, store: Arc<dyn ObjectStore>) -> Storage {
        Storage {
            shown: shown.into(),
            live,
            store,
            is_shared: false,
        }
    }

    /// With other processes at work in it.
    #[must_use]
    pub fn shared(mut self) -> Storage {
        self.is_shared = true;
        self
    }

    /// Where versions of models are signed.
    #[must_use]
    pub fn signed(mut self, signing: Signing) -> Storage {
        self.live = self.live.signed(signing);
        self
    }

    /// Whether other processes may be at work in it.
    pub fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// What everybody sees.
    pub fn live(&self) -> &Space {
        &self.live
    }

    /// Where blobs are kept.
    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// The shadow of the request `id` that came at `begun`, kept for `keep`.
    /// Asked for again with the same three, it is the same one.
    pub fn shadow(&self, id: &str, begun: Timestamp, keep: Duration) -> Space {
        let (expires, name) = (begun.after(keep), ArtifactId::of(id.as_bytes()));
        let prefix = format!("{SHADOW}/{:015}-{}", expires.millis(), name);
        self.live.shadow(self.store.clone(), &prefix)
    }

    /// Removes shadows whose time is over; says how many blobs and cells that
    /// were.
    pub async fn expire_shadows(&self) -> Result<u64, StorageError> {
        let now = self.live.clock().now();
        let mut n_removed = 0;
        for (key, cell) in self.live.cells().list(&format!("{SHADOW}/")).await? {
            if is_over(&key, now) && self.live.cells().remove(&key, &cell.revision).await? {
                n_removed += 1;
            }
        }
        let wrong = |source| StorageError::Expire {
            place: self.shown.to_string(),
            source,
        };
        let listed = self.store.list(Some(&SHADOW.into()));
        let over = listed
            .map_ok(|meta| meta.location)
            .try_filter(|location| std::future::ready(is_over(location.as_ref(), now)));
        let over: Vec<_> = over.collect().await;
        let mut removed = self
            .store
            .delete_stream(futures_util::stream::iter(over).boxed());
        while removed.try_next().await.map_err(wrong)?.is_some() {
            n_removed += 1;
        }
        Ok(n_removed)
    }
}

/// Of `shadow/MILLIS-ID/…`.
fn is_over(name: &str, now: Timestamp) -> bool {
    let shadow = name.split('/').nth(1);
    let expires = shadow.and_then(|shadow| shadow.split_once('-')?.0.parse::<u64>().ok());
    expires.is_some_and(|expires| expires <= now.millis())
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Storage").field(&self.shown).finish()
    }
}
