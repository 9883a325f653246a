//! [`Artifacts`]: what stages make, kept once and for good under the hash of
//! its content.
//!
//! ```text
//! blobs/RANDOM               content, one blob for each part
//! artifacts/ID.json          the document that names the blobs of an artifact
//! damaged/ID-RANDOM.json     the document of an artifact whose content changed
//! ```
//!
//! Content is streamed to a blob of a random name, and hashed on the way. Then
//! the document is created, in one step that only the first of several can do:
//! with it the artifact is there, whole. A writer that dies before leaves blobs
//! that no document names, and [`Artifacts::sweep`] removes them. So nothing is
//! ever copied or renamed, whatever the object store and however large.

mod document;
mod id;
mod read;
mod sweep;
mod write;

use std::sync::Arc;

use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt};

pub use document::{Artifact, Description, Making, Part};
pub use id::{ArtifactId, NoArtifactId};
pub use read::{Content, MOST_AT_ONCE};
pub use sweep::Swept;
pub use write::ArtifactWriter;

/// The artifacts of an object store. Clones are the same ones.
#[derive(Clone, Debug)]
pub struct Artifacts {
    store: Arc<dyn ObjectStore>,
    /// Where those are that are only read: of a shadow, the live ones.
    base: Option<Arc<Artifacts>>,
}

/// Why an artifact cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// There is none of this name.
    #[error("there is no artifact {id}: it was never made here, or removed")]
    Missing {
        /// Its name.
        id: ArtifactId,
    },
    /// It has no such part.
    #[error("the artifact {id} has no part {part:?}: it has {has}")]
    NoPart {
        /// Its name.
        id: ArtifactId,
        /// The part asked for.
        part: String,
        /// Those it has.
        has: String,
    },
    /// Its content is not what it was.
    #[error(
        "the artifact {id} is damaged: its part {part:?} has the SHA-256 {found}; it is set aside as {aside}, and running the function again makes it anew"
    )]
    Damaged {
        /// Its name.
        id: ArtifactId,
        /// The part.
        part: String,
        /// What its content hashes to now, or why that cannot be said.
        found: String,
        /// Where its document is kept.
        aside: String,
    },
    /// Its document is of other content.
    #[error(
        "the document of the artifact {id} is that of other content, as if somebody had changed it: nothing of it is used; see who may write there"
    )]
    Misnamed {
        /// Its name.
        id: ArtifactId,
    },
    /// Its document cannot be understood.
    #[error("the document of the artifact {id} is damaged or of a later cutline")]
    Document {
        /// Its name.
        id: ArtifactId,
        /// Why.
        source: serde_json::Error,
    },
    /// It is longer than may be read into memory at once.
    #[error("the artifact {id} has {bytes} bytes, too many to be read at once: stream it")]
    TooLong {
        /// Its name.
        id: ArtifactId,
        /// Its length.
        bytes: u64,
    },
    /// A part was begun twice, or beside content without a name.
    #[error(
        "the part {part:?} of a new artifact has been written already: parts have names, each its own"
    )]
    PartTwice {
        /// The part.
        part: String,
    },
    /// The store cannot be read.
    #[error("the artifact {id} cannot be read")]
    Read {
        /// Its name.
        id: ArtifactId,
        /// Why.
        source: Error,
    },
    /// The store cannot be written.
    #[error(
        "the new artifact {name:?} cannot be written: see that the disk is neither full nor read-only"
    )]
    Write {
        /// What the pipeline calls it.
        name: String,
        /// Why.
        source: Error,
    },
    /// The store cannot be listed or swept.
    #[error("the artifacts cannot be listed or swept")]
    List {
        /// Why.
        source: Error,
    },
}

impl Artifacts {
    /// Those in this store.
    pub fn new(store: Arc<dyn ObjectStore>) -> Artifacts {
        Artifacts { store, base: None }
    }

    /// Those in this store and in `base`; what is made goes into this store
    /// only.
    pub fn over(store: Arc<dyn ObjectStore>, base: Artifacts) -> Artifacts {
        let base = Some(Arc::new(base));
        Artifacts { store, base }
    }

    /// What is known of an artifact; `None` if there is none.
    pub async fn find(&self, id: &ArtifactId) -> Result<Option<Artifact>, ArtifactError> {
        let found = self.located(id).await?;
        Ok(found.map(|(artifact, _)| artifact))
    }

    /// What is known of an artifact that should be there.
    pub async fn get(&self, id: &ArtifactId) -> Result<Artifact, ArtifactError> {
        let found = self.find(id).await?;
        found.ok_or(ArtifactError::Missing { id: *id })
    }

    /// The artifact, and the ones it is among.
    async fn located(
        &self,
        id: &ArtifactId,
    ) -> Result<Option<(Artifact, &Artifacts)>, ArtifactError> {
        let mut among = Some(self);
        while let Some(artifacts) = among {
            if let Some(artifact) = artifacts.own(id).await? {
                return Ok(Some((artifact, artifacts)));
            }
            among = artifacts.base.as_deref();
        }
        Ok(None)
    }

    async fn own(&self, id: &ArtifactId) -> Result<Option<Artifact>, ArtifactError> {
        let wrong = |source| ArtifactError::Read { id: *id, source };
        let found = match self.store.get(&document(id)).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            found => found.map_err(wrong)?,
        };
        let text = found.bytes().await.map_err(wrong)?;
        let artifact: Artifact = serde_json::from_slice(&text)
            .map_err(|source| ArtifactError::Document { id: *id, source })?;
        // Whoever may write here could name any content by it.
        match artifact.id == *id && document::name(&artifact.parts) == *id {
            true => Ok(Some(artifact)),
            false => Err(ArtifactError::Misnamed { id: *id }),
        }
    }
}

fn document(id: &ArtifactId) -> Path {
    Path::from(format!("artifacts/{id}.json"))
}

#[cfg(test)]
mod tests;
