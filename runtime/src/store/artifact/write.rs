//! [`ArtifactWriter`]: an artifact being made, piece by piece.

use bytes::Bytes;
use object_store::path::Path;
use object_store::{
    Error, MultipartUpload, ObjectStore, ObjectStoreExt, PutMode, PutOptions, UploadPart,
};
use rand::TryRngCore;
use rand::rngs::OsRng;
use sha2::{Digest, Sha256};

use super::document::name;
use super::{Artifact, ArtifactError, ArtifactId, Artifacts, Description, Making, Part, document};

/// Takes the content of an artifact. Memory is bounded by two times
/// [`PIECE`], whatever the length. Dropped before [`ArtifactWriter::finish`],
/// nothing of it is ever seen.
#[derive(Debug)]
pub struct ArtifactWriter {
    artifacts: Artifacts,
    description: Description,
    parts: Vec<Part>,
    open: Option<OpenPart>,
}

/// A part that more may come to.
#[derive(Debug)]
struct OpenPart {
    name: String,
    blob: String,
    bytes: u64,
    /// Not handed on yet.
    rest: Vec<u8>,
    /// None while a piece is on its way to it.
    upload: Option<Upload>,
}

#[derive(Debug)]
struct Upload {
    hash: Sha256,
    target: Box<dyn MultipartUpload>,
}

/// Uploaded at once; object stores want 5 MiB.
const PIECE: usize = 8 << 20;

impl Artifacts {
    /// Begins an artifact.
    pub fn write(&self, description: Description) -> ArtifactWriter {
        ArtifactWriter {
            artifacts: self.clone(),
            description,
            parts: Vec::new(),
            open: None,
        }
    }

    /// Keeps content that is at hand.
    pub async fn put(
        &self,
        description: Description,
        made: Making,
        content: impl Into<Bytes>,
    ) -> Result<Artifact, ArtifactError> {
        let mut writer = self.write(description);
        writer.write(&content.into()).await?;
        writer.finish(made).await
    }
}

impl ArtifactWriter {
    /// Begins a part of this name; what is written from here on is its
    /// content. An artifact in one piece has no need of it.
    pub async fn part(&mut self, name: &str) -> Result<(), ArtifactError> {
        self.close().await?;
        self.open(name).await
    }

    /// Adds to the content.
    pub async fn write(&mut self, mut content: &[u8]) -> Result<(), ArtifactError> {
        if self.open.is_none() {
            self.open("").await?;
        }
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        while !content.is_empty() {
            let (head, tail) = content.split_at(content.len().min(PIECE - open.rest.len()));
            open.rest.extend_from_slice(head);
            content = tail;
            if open.rest.len() == PIECE {
                let sent = open.send().await;
                sent.map_err(|source| wrong(&self.description, source))?;
            }
        }
        Ok(())
    }

    /// There is no more. The artifact is on the disk, and the same content that
    /// was made before, by whomever, is that artifact: it comes back as it was
    /// made then.
    pub async fn finish(mut self, made: Making) -> Result<Artifact, ArtifactError> {
        if self.open.is_none() && self.parts.is_empty() {
            self.open("").await?;
        }
        self.close().await?;
        self.parts.sort_by(|one, other| one.name.cmp(&other.name));
        let artifact = Artifact {
            id: name(&self.parts),
            description: self.description,
            made,
            parts: self.parts,
        };
        let artifacts = self.artifacts;
        if let Some(known) = artifacts.find(&artifact.id).await? {
            artifacts.forget(&artifact).await;
            return Ok(known);
        }
        artifacts.publish(artifact).await
    }

    async fn open(&mut self, name: &str) -> Result<(), ArtifactError> {
        // Content without a name has no parts beside it.
        let other = |part: &Part| part.name == name || part.name.is_empty() || name.is_empty();
        if self.parts.iter().any(other) {
            return Err(ArtifactError::PartTwice {
                part: name.to_owned(),
            });
        }
        let blob = random().map_err(|source| wrong(&self.description, source))?;
        let location = blob_path(&blob);
        let target = self.artifacts.store.put_multipart(&location).await;
        let target = target.map_err(|source| wrong(&self.description, source))?;
        let hash = Sha256::new();
        self.open = Some(OpenPart {
            name: name.to_owned(),
            blob,
            bytes: 0,
            rest: Vec::new(),
            upload: Some(Upload { hash, target }),
        });
        Ok(())
    }

    async fn close(&mut self) -> Result<(), ArtifactError> {
        if let Some(open) = self.open.take() {
            let part = open.finish().await;
            self.parts
                .push(part.map_err(|source| wrong(&self.description, source))?);
        }
        Ok(())
    }
}

impl OpenPart {
    /// Hands on what there is. Hashing (and sealing) many bytes takes too long
    /// for a thread that serves others.
    async fn send(&mut self) -> Result<(), Error> {
        let piece = Bytes::from(std::mem::take(&mut self.rest));
        self.bytes += piece.len() as u64;
        let mut upload = self.upload.take().ok_or_else(broken_off)?;
        let handed = tokio::task::spawn_blocking(move || -> (Upload, UploadPart) {
            upload.hash.update(&piece);
            let part = upload.target.put_part(piece.into());
            (upload, part)
        });
        let (upload, part) = handed.await?;
        part.await?;
        self.upload = Some(upload);
        Ok(())
    }

    async fn finish(mut self) -> Result<Part, Error> {
        if !self.rest.is_empty() {
            self.send().await?;
        }
        let mut upload = self.upload.take().ok_or_else(broken_off)?;
        upload.target.complete().await?;
        Ok(Part {
            name: self.name,
            sha256: ArtifactId::from_hash(upload.hash),
            bytes: self.bytes,
            blob: self.blob,
        })
    }
}

impl Artifacts {
    /// Makes an artifact be there, unless another writer was first.
    async fn publish(&self, artifact: Artifact) -> Result<Artifact, ArtifactError> {
        let id = artifact.id;
        let text = serde_json::to_vec(&artifact);
        let text = text.map_err(|source| ArtifactError::Document { id, source })?;
        let create = PutOptions::from(PutMode::Create);
        let location = document(&id);
        match self.store.put_opts(&location, text.into(), create).await {
            Ok(_) => Ok(artifact),
            Err(Error::AlreadyExists { .. }) => {
                let there = self.get(&id).await?;
                // It may be this one, put before by a request whose answer was
                // lost.
                if there.parts != artifact.parts {
                    self.forget(&artifact).await;
                }
                Ok(there)
            }
            Err(source) => Err(wrong(&artifact.description, source)),
        }
    }

    /// Removes the blobs of an artifact that was there before. What fails here
    /// is left for [`Artifacts::sweep`].
    async fn forget(&self, artifact: &Artifact) {
        for part in &artifact.parts {
            let _ = self.store.delete(&blob_path(&part.blob)).await;
        }
    }
}

pub(super) fn blob_path(blob: &str) -> Path {
    Path::from(format!("blobs/{blob}"))
}

/// 128 bits: nobody draws the same ones again.
pub(super) fn random() -> Result<String, Error> {
    let mut bytes = [0; 16];
    let drawn = OsRng.try_fill_bytes(&mut bytes);
    drawn.map_err(|error| Error::Generic {
        store: "random",
        source: Box::new(error),
    })?;
    Ok(hex::encode(bytes))
}

fn broken_off() -> Error {
    Error::NotSupported {
        source: "an earlier piece of it could not be written".into(),
    }
}

fn wrong(description: &Description, source: Error) -> ArtifactError {
    ArtifactError::Write {
        name: description.name.clone(),
        source,
    }
}
