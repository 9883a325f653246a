//! Reading: whatever is given out in full was verified.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use bytes::{Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::{Error, ObjectStoreExt};
use sha2::{Digest, Sha256};

use super::write::{blob_path, random};
use super::{Artifact, ArtifactError, ArtifactId, Artifacts, Part, document};
use crate::store::seal::SealError;

/// The most that [`Artifacts::read`] reads into memory: 256 MiB.
pub const MOST_AT_ONCE: u64 = 256 << 20;

/// Content piece by piece. It is whole and as it was written only if the
/// stream ends without an error: do nothing for good before.
pub type Content = BoxStream<'static, Result<Bytes, ArtifactError>>;

impl Artifacts {
    /// The content of a part, verified. An artifact in one piece has the part
    /// `""`.
    pub async fn read(&self, id: &ArtifactId, part: &str) -> Result<Bytes, ArtifactError> {
        let artifact = self.get(id).await?;
        let bytes = find_part(&artifact, part)?.bytes;
        if bytes > MOST_AT_ONCE {
            return Err(ArtifactError::TooLong { id: *id, bytes });
        }
        let mut content = BytesMut::with_capacity(bytes as usize);
        let mut pieces = self.stream(id, part).await?;
        while let Some(piece) = pieces.try_next().await? {
            content.extend_from_slice(&piece);
        }
        Ok(content.freeze())
    }

    /// The content of a part as it comes. An artifact whose content is not what
    /// its name says is set aside, and the stream ends in
    /// [`ArtifactError::Damaged`].
    pub async fn stream(&self, id: &ArtifactId, part: &str) -> Result<Content, ArtifactError> {
        let Some((artifact, among)) = self.located(id).await? else {
            return Err(ArtifactError::Missing { id: *id });
        };
        let part = find_part(&artifact, part)?.clone();
        let opened = among.store.get(&blob_path(&part.blob)).await;
        let read = match opened {
            Ok(found) => found.into_stream(),
            Err(error) => return Err(among.unreadable(&artifact, &part, error).await),
        };
        let reading = Reading {
            artifacts: among.clone(),
            artifact,
            part,
            hash: Sha256::new(),
            read: Some(read),
        };
        Ok(futures_util::stream::try_unfold(reading, Reading::next).boxed())
    }

    /// The content of a part as a file that has no name and goes with its last
    /// handle: for readers that want to seek. Verified; memory stays bounded.
    pub async fn fetch(&self, id: &ArtifactId, part: &str) -> Result<File, ArtifactError> {
        let wrong = |source: std::io::Error| ArtifactError::Read {
            id: *id,
            source: Error::Generic {
                store: "temporary file",
                source: Box::new(source),
            },
        };
        let joined = |source: tokio::task::JoinError| ArtifactError::Read {
            id: *id,
            source: source.into(),
        };
        let mut pieces = self.stream(id, part).await?;
        let opened = tokio::task::spawn_blocking(tempfile::tempfile).await;
        let mut file = opened.map_err(joined)?.map_err(wrong)?;
        while let Some(piece) = pieces.try_next().await? {
            let written = tokio::task::spawn_blocking(move || {
                file.write_all(&piece)?;
                Ok(file)
            });
            file = written.await.map_err(joined)?.map_err(wrong)?;
        }
        file.seek(SeekFrom::Start(0)).map_err(wrong)?;
        Ok(file)
    }

    /// Reads all of an artifact to see that it is as it was written.
    pub async fn verify(&self, id: &ArtifactId) -> Result<(), ArtifactError> {
        for part in self.get(id).await?.parts {
            let mut pieces = self.stream(id, &part.name).await?;
            while pieces.try_next().await?.is_some() {}
        }
        Ok(())
    }

    /// What is wrong where a blob cannot be read: one that is missing or was
    /// not sealed so is damage, and anything else may pass.
    async fn unreadable(&self, artifact: &Artifact, part: &Part, error: Error) -> ArtifactError {
        let id = artifact.id;
        match &error {
            Error::NotFound { .. } => self.set_aside(artifact, part, "(missing)").await,
            Error::Generic { source, .. } if source.is::<SealError>() => {
                self.set_aside(artifact, part, "(cannot be opened)").await
            }
            _ => ArtifactError::Read { id, source: error },
        }
    }

    /// Takes a damaged artifact out of the way of its being made anew. Its
    /// blobs stay as they are.
    async fn set_aside(&self, artifact: &Artifact, part: &Part, found: &str) -> ArtifactError {
        let id = artifact.id;
        match self.move_document(artifact).await {
            Err(source) => ArtifactError::Read { id, source },
            Ok(aside) => ArtifactError::Damaged {
                id,
                part: part.name.clone(),
                found: found.to_owned(),
                aside,
            },
        }
    }

    /// Another reader may have found the same, and the artifact may even have
    /// been made anew: then there is nothing to move.
    async fn move_document(&self, artifact: &Artifact) -> Result<String, Error> {
        let id = artifact.id;
        let aside = format!("damaged/{id}-{}.json", &random()?[..8]);
        let text = match self.store.get(&document(&id)).await {
            Err(Error::NotFound { .. }) => return Ok(format!("damaged/{id}")),
            found => found?.bytes().await?,
        };
        if serde_json::from_slice(&text).ok().as_ref() != Some(artifact) {
            return Ok(format!("damaged/{id}"));
        }
        self.store.put(&aside.as_str().into(), text.into()).await?;
        self.store.delete(&document(&id)).await?;
        Ok(aside)
    }
}

/// A part being read.
struct Reading {
    artifacts: Artifacts,
    artifact: Artifact,
    part: Part,
    hash: Sha256,
    /// None at its end.
    read: Option<BoxStream<'static, Result<Bytes, Error>>>,
}

impl Reading {
    async fn next(mut self) -> Result<Option<(Bytes, Reading)>, ArtifactError> {
        let Some(read) = &mut self.read else {
            return Ok(None);
        };
        match read.next().await {
            Some(Ok(piece)) => {
                let mut hash = std::mem::take(&mut self.hash);
                let hashed = tokio::task::spawn_blocking(move || {
                    hash.update(&piece);
                    (hash, piece)
                });
                let (hash, piece) = hashed.await.map_err(|error| ArtifactError::Read {
                    id: self.artifact.id,
                    source: error.into(),
                })?;
                self.hash = hash;
                Ok(Some((piece, self)))
            }
            Some(Err(error)) => {
                let unreadable = self.artifacts.unreadable(&self.artifact, &self.part, error);
                Err(unreadable.await)
            }
            None => self.end().await,
        }
    }

    async fn end(self) -> Result<Option<(Bytes, Reading)>, ArtifactError> {
        let found = ArtifactId::from_hash(self.hash);
        if found == self.part.sha256 {
            return Ok(None);
        }
        let found = found.to_string();
        let damaged = self.artifacts.set_aside(&self.artifact, &self.part, &found);
        Err(damaged.await)
    }
}

fn find_part<'a>(artifact: &'a Artifact, name: &str) -> Result<&'a Part, ArtifactError> {
    artifact.part(name).ok_or_else(|| {
        let has = artifact.parts.iter().map(|part| format!("{:?}", part.name));
        ArtifactError::NoPart {
            id: artifact.id,
            part: name.to_owned(),
            has: has.collect::<Vec<_>>().join(", "),
        }
    })
}
