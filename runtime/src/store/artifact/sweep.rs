//! Listing, removing, and what is left over.

use std::collections::HashSet;

use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt};

use super::{Artifact, ArtifactError, ArtifactId, Artifacts, document};
use crate::store::artifact::write::blob_path;
use crate::store::clock::Timestamp;

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Blobs that belonged to no artifact.
    pub blobs: u64,
    /// How long they were together.
    pub bytes: u64,
}

impl Artifacts {
    /// The names of all artifacts.
    pub async fn list(&self) -> Result<Vec<ArtifactId>, ArtifactError> {
        let names = self.names("artifacts").await;
        let names = names.map_err(|source| ArtifactError::List { source })?;
        let mut ids: Vec<_> = names.iter().filter_map(id).collect();
        ids.sort();
        Ok(ids)
    }

    /// Removes an artifact. Nothing else is looked at: what still names it will
    /// not find it.
    pub async fn remove(&self, id: &ArtifactId) -> Result<(), ArtifactError> {
        let Some(artifact) = self.own(id).await? else {
            return Ok(());
        };
        let remove = async {
            // Without its document, it is no longer there; in this order, an
            // artifact is never there in part.
            delete(self, &document(id)).await?;
            for part in &artifact.parts {
                delete(self, &blob_path(&part.blob)).await?;
            }
            Ok(())
        };
        remove
            .await
            .map_err(|source| ArtifactError::List { source })
    }

    /// Removes blobs from before `before` that belong to no artifact: what
    /// writers left that died. It must lie further back than any writer takes.
    pub async fn sweep(&self, before: Timestamp) -> Result<Swept, ArtifactError> {
        let wrong = |source| ArtifactError::List { source };
        // First the blobs: one that gets its document meanwhile is then seen.
        let folder = Path::from("blobs");
        let listed: Vec<_> = self
            .store
            .list(Some(&folder))
            .try_collect()
            .await
            .map_err(wrong)?;
        let kept = self.blobs_of_artifacts().await?;
        let mut swept = Swept::default();
        for meta in listed {
            let written = Timestamp::from(std::time::SystemTime::from(meta.last_modified));
            if kept.contains(&meta.location) || written >= before {
                continue;
            }
            delete(self, &meta.location).await.map_err(wrong)?;
            swept.blobs += 1;
            swept.bytes += meta.size;
        }
        Ok(swept)
    }

    /// Those of damaged ones, too.
    async fn blobs_of_artifacts(&self) -> Result<HashSet<Path>, ArtifactError> {
        let wrong = |source| ArtifactError::List { source };
        let mut kept = HashSet::new();
        for folder in ["artifacts", "damaged"] {
            for name in self.names(folder).await.map_err(wrong)? {
                let found = self.store.get(&name).await.map_err(wrong)?;
                let text = found.bytes().await.map_err(wrong)?;
                match (serde_json::from_slice::<Artifact>(&text), id(&name)) {
                    (Ok(artifact), _) => {
                        kept.extend(artifact.parts.iter().map(|part| blob_path(&part.blob)));
                    }
                    // What it names is not known: then nothing may be removed.
                    (Err(source), Some(id)) => return Err(ArtifactError::Document { id, source }),
                    (Err(_), None) => {}
                }
            }
        }
        Ok(kept)
    }

    async fn names(&self, folder: &str) -> Result<Vec<Path>, Error> {
        let folder = Path::from(folder);
        let listed = self.store.list(Some(&folder));
        listed.map_ok(|meta| meta.location).try_collect().await
    }
}

/// The artifact that a document is of.
fn id(document: &Path) -> Option<ArtifactId> {
    document.filename()?.get(..64)?.parse().ok()
}

async fn delete(artifacts: &Artifacts, location: &Path) -> Result<(), Error> {
    match artifacts.store.delete(location).await {
        Err(Error::NotFound { .. }) => Ok(()),
        other => other,
    }
}
