//! [`Registry`]: versions of models, and which of them serve.
//!
//! ```text
//! version/MODEL/00000003              which version is v3: the artifact that says all of it
//! alias/MODEL/champion                the last move of the alias, and so where it points
//! history/MODEL/champion/00000002     the moves before
//! signature/MODEL/ID/KEY              who vouches for the version of that name
//! ```
//!
//! Each line is a cell. A version's number is taken by creating its cell, in
//! order, so that numbers have no gaps and no version has two. Whoever moves an
//! alias first writes down the move that is there, and then puts his own in its
//! place if that is still there: the history is whole whenever anybody dies,
//! and of two that move at once exactly one does.

mod alias;
mod copy;
mod signing;
mod version;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use alias::{Alias, Move};
pub use copy::Copied;
pub use signing::{NoPublicKey, PublicKey, Signing, SigningError};
pub use version::{
    ModelName, ModelVersion, NoModelName, NoVersionNumber, Registered, VersionNumber,
};

use super::artifact::{ArtifactError, ArtifactId, Artifacts, Description, Making};
use super::cells::{CellError, Cells, Swapped, document, read_document};
use super::clock::{Clock, Timestamp};

/// The registry of a space. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Registry {
    artifacts: Artifacts,
    cells: Arc<dyn Cells>,
    clock: Arc<dyn Clock>,
    signing: Signing,
}

/// Why the registry cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// There is no such version.
    #[error("the model {model} has no version {number}")]
    NoVersion {
        /// The model.
        model: ModelName,
        /// The number asked for.
        number: VersionNumber,
    },
    /// Another deployer was first. Nothing was changed.
    #[error(
        "the {alias} of {model} was moved to {to} by {by} at {at} meanwhile: look at that version, and move it again if this one is still wanted",
        to = winner.to, by = winner.by, at = winner.at
    )]
    Conflict {
        /// The model.
        model: ModelName,
        /// The alias.
        alias: Alias,
        /// The move that holds.
        winner: Box<Move>,
    },
    /// The move that was seen was none of this alias, which was never moved.
    #[error(
        "the {alias} of {model} was never pointed to a version: look at it again, and then move it"
    )]
    NeverPointed {
        /// The model.
        model: ModelName,
        /// The alias.
        alias: Alias,
    },
    /// There is nothing to go back to.
    #[error("the {alias} of {model} cannot be rolled back: no version was it before")]
    NothingBefore {
        /// The model.
        model: ModelName,
        /// The alias.
        alias: Alias,
    },
    /// A metric is no number.
    #[error(
        "the metric {metric} of a new version of {model} is {value}: leave out what could not be computed"
    )]
    Metric {
        /// The model.
        model: ModelName,
        /// The metric.
        metric: String,
        /// What it is.
        value: f64,
    },
    /// A version cannot be written or understood.
    #[error("a version of the model {model} cannot be written, or is of a later cutline")]
    Version {
        /// The model.
        model: ModelName,
        /// Why.
        source: serde_json::Error,
    },
    /// Nobody who is trusted vouches for it.
    #[error(
        "no key of signing.trusted signed {number} of {model}: `cutline registry sign {model} {number}` vouches for it; until then it serves nobody"
    )]
    Unsigned {
        /// The model.
        model: ModelName,
        /// The version.
        number: VersionNumber,
    },
    /// It cannot be signed.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// The cells cannot be used.
    #[error(transparent)]
    Cell(#[from] CellError),
    /// The artifacts cannot be used.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
}

/// What a version's cell says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Numbered {
    id: ArtifactId,
    at: Timestamp,
    by: String,
}

impl Registry {
    /// Of these artifacts and cells.
    pub fn new(artifacts: Artifacts, cells: Arc<dyn Cells>, clock: Arc<dyn Clock>) -> Registry {
        Registry {
            artifacts,
            cells,
            clock,
            signing: Signing::default(),
        }
    }

    /// The same, where versions are signed.
    #[must_use]
    pub fn signed(self, signing: Signing) -> Registry {
        Registry { signing, ..self }
    }

    /// Whether a version has to be signed to serve.
    #[must_use]
    pub fn asks_for_signatures(&self) -> bool {
        self.signing.is_asked_for()
    }

    /// Keeps a version under the next number, and signs it where signatures are
    /// asked for. One that is there already comes back as it is, whoever
    /// registered it.
    pub async fn register(
        &self,
        model: &ModelName,
        version: ModelVersion,
        by: &str,
    ) -> Result<Registered, RegistryError> {
        // Who cannot sign it takes no number.
        let signer = match self.signing.is_asked_for() {
            true => Some(self.signing.signer().await?),
            false => None,
        };
        let registered = self.numbered_as_next(model, version, by).await?;
        if let Some(signer) = &signer {
            self.sign_with(signer, &registered).await?;
        }
        Ok(registered)
    }

    async fn numbered_as_next(
        &self,
        model: &ModelName,
        version: ModelVersion,
        by: &str,
    ) -> Result<Registered, RegistryError> {
        let id = self.keep(model, &version).await?;
        let mine = Numbered {
            id,
            at: self.clock.now(),
            by: by.to_owned(),
        };
        let known = self.numbered(model).await?;
        let mut next = known.last().map_or(1, |(number, _)| number.0 + 1);
        if let Some((number, numbered)) = known.into_iter().find(|(_, known)| known.id == id) {
            return Ok(registered(model, number, numbered, version));
        }
        loop {
            let number = VersionNumber(next);
            let key = version_key(model, number);
            match self.cells.swap(&key, None, document(&key, &mine)?).await? {
                Swapped::Done(_) => return Ok(registered(model, number, mine, version)),
                Swapped::Lost(None) => {}
                // Taken meanwhile; perhaps by this very version.
                Swapped::Lost(Some(cell)) => {
                    let numbered: Numbered = read_document(&key, &cell)?;
                    if numbered.id == id {
                        return Ok(registered(model, number, numbered, version));
                    }
                    next += 1;
                }
            }
        }
    }

    /// Every version of a model, the first first.
    pub async fn versions(&self, model: &ModelName) -> Result<Vec<Registered>, RegistryError> {
        let mut versions = Vec::new();
        for (number, numbered) in self.numbered(model).await? {
            versions.push(self.load(model, number, numbered).await?);
        }
        Ok(versions)
    }

    /// One version of a model, which may serve: where signatures are asked for,
    /// it has one.
    pub async fn version(
        &self,
        model: &ModelName,
        number: VersionNumber,
    ) -> Result<Registered, RegistryError> {
        let registered = self.any_version(model, number).await?;
        self.believe(&registered).await?;
        Ok(registered)
    }

    /// One version of a model, signed or not.
    pub async fn any_version(
        &self,
        model: &ModelName,
        number: VersionNumber,
    ) -> Result<Registered, RegistryError> {
        let key = version_key(model, number);
        let Some(cell) = self.cells.read(&key).await? else {
            let model = model.clone();
            return Err(RegistryError::NoVersion { model, number });
        };
        self.load(model, number, read_document(&key, &cell)?).await
    }

    async fn keep(
        &self,
        model: &ModelName,
        version: &ModelVersion,
    ) -> Result<ArtifactId, RegistryError> {
        let description = Description {
            kind: "model-version".to_owned(),
            name: model.to_string(),
            ..Description::default()
        };
        let inputs = [
            Some(version.model),
            version.preprocessing,
            Some(version.data),
        ];
        let made = Making {
            function: "registry".to_owned(),
            code: version.code.clone(),
            parameters: version.parameters.clone(),
            inputs: inputs.into_iter().flatten().collect(),
            at: self.clock.now(),
        };
        let text = version.canonical(model)?;
        Ok(self.artifacts.put(description, made, text).await?.id)
    }

    async fn load(
        &self,
        model: &ModelName,
        number: VersionNumber,
        numbered: Numbered,
    ) -> Result<Registered, RegistryError> {
        let text = self.artifacts.read(&numbered.id, "").await?;
        let version = serde_json::from_slice(&text).map_err(|source| RegistryError::Version {
            model: model.clone(),
            source,
        })?;
        Ok(registered(model, number, numbered, version))
    }

    async fn numbered(
        &self,
        model: &ModelName,
    ) -> Result<Vec<(VersionNumber, Numbered)>, RegistryError> {
        let prefix = format!("version/{model}/");
        let mut numbered = Vec::new();
        for (key, cell) in self.cells.list(&prefix).await? {
            let number = key
                .strip_prefix(&prefix)
                .and_then(|digits| digits.parse().ok());
            if let Some(number) = number {
                numbered.push((VersionNumber(number), read_document(&key, &cell)?));
            }
        }
        Ok(numbered)
    }
}

fn registered(
    model: &ModelName,
    number: VersionNumber,
    numbered: Numbered,
    version: ModelVersion,
) -> Registered {
    Registered {
        model: model.clone(),
        number,
        id: numbered.id,
        at: numbered.at,
        by: numbered.by,
        version,
    }
}

fn version_key(model: &ModelName, number: VersionNumber) -> String {
    format!("version/{model}/{:08}", number.0)
}

#[cfg(test)]
mod tests;
