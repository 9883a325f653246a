//! [`Subject`]: the model that is evaluated, wherever it comes from.

use crate::function::{StageContext, StageError};
use crate::pipeline::Input;
use crate::stages::bundle::Bundle;
use crate::stages::tables::registered;
use crate::store::artifact::{Artifact, ArtifactId};

/// A model, what it is called, and how it was made where that is known.
pub(super) struct Subject {
    pub(super) bundle: Bundle,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) artifact: Option<Artifact>,
}

impl Subject {
    /// The input `model`: an artifact, the version behind an alias, or a file.
    pub(super) async fn of(ctx: &StageContext) -> Result<Subject, StageError> {
        match ctx.input("model")? {
            Input::Artifact(_) => {
                let artifact = ctx.artifact("model").await?;
                Ok(Subject {
                    bundle: Bundle::read(ctx.open("model").await?)?,
                    name: artifact.description.name.clone(),
                    version: short(&artifact.id),
                    artifact: Some(artifact),
                })
            }
            Input::Model(alias) => {
                let registered = registered(ctx, "model", alias).await?;
                let artifact = ctx.described(&registered.version.model).await?;
                if artifact.description.kind != "model" {
                    return Err(StageError::data(format!(
                        "{} {} was imported: what is evaluated was trained here",
                        registered.model, registered.number
                    )));
                }
                let document = ctx.content(&artifact.id).await?;
                Ok(Subject {
                    bundle: Bundle::read(&*document)?,
                    name: registered.model.to_string(),
                    version: registered.number.to_string(),
                    artifact: Some(artifact),
                })
            }
            _ => {
                let document = ctx.read("model").await?;
                Ok(Subject {
                    bundle: Bundle::read(&*document)?,
                    name: ctx.path("model")?.unwrap_or_default(),
                    version: short(&ArtifactId::of(&document)),
                    artifact: None,
                })
            }
        }
    }
}

/// The beginning of a name, enough to tell it from others.
pub(super) fn short(id: &ArtifactId) -> String {
    id.to_string().chars().take(12).collect()
}
