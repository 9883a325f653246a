//! Versions copied from one store to another: from a folder to a storage
//! account, or from a test's to production's.

use futures_util::TryStreamExt;

use super::signing::statement;
use super::{Registered, Registry, RegistryError};
use crate::store::artifact::{Artifact, ArtifactId};
use crate::store::cells::Cell;
use crate::store::lineage::{LineageError, Lineages};

/// What a copy did.
#[derive(Clone, Debug, PartialEq)]
pub struct Copied {
    /// The version, as it is there.
    pub registered: Registered,
    /// How many of its artifacts were not there before.
    pub artifacts: usize,
}

impl Registry {
    /// Copies a version with its model, its preprocessing, the rows it was
    /// trained on, its card and its signatures, and what is known of where each
    /// came from. There it has the next number, unless it is there already; no
    /// alias is moved. Broken off, it can be done again: what is there stays.
    ///
    /// # Errors
    /// When an artifact is damaged or gone, one of the two stores cannot be
    /// used, or the other asks for a signature that it has not.
    pub async fn copy_to(
        &self,
        to: &Registry,
        registered: &Registered,
        by: &str,
    ) -> Result<Copied, RegistryError> {
        let signatures = self.signatures_for(to, registered).await?;
        let mut artifacts = 0;
        for id in parts(registered) {
            artifacts += usize::from(self.copy_artifact(to, &id).await?);
        }
        self.copy_lineage(to, registered).await?;
        for (key, cell) in signatures {
            to.cells.swap(&key, None, cell.value).await?;
        }
        let version = registered.version.clone();
        let numbered = to.numbered_as_next(&registered.model, version, by);
        let registered = numbered.await?;
        to.believe(&registered).await?;
        Ok(Copied {
            registered,
            artifacts,
        })
    }

    /// Says whether it was not there before.
    async fn copy_artifact(&self, to: &Registry, id: &ArtifactId) -> Result<bool, RegistryError> {
        if to.artifacts.find(id).await?.is_some() {
            return Ok(false);
        }
        let Artifact {
            description,
            made,
            parts,
            ..
        } = self.artifacts.get(id).await?;
        let mut writer = to.artifacts.write(description);
        for part in &parts {
            if !part.name.is_empty() {
                writer.part(&part.name).await?;
            }
            let mut content = self.artifacts.stream(id, &part.name).await?;
            while let Some(piece) = content.try_next().await? {
                writer.write(&piece).await?;
            }
        }
        writer.finish(made).await?;
        Ok(true)
    }

    async fn copy_lineage(&self, to: &Registry, of: &Registered) -> Result<(), RegistryError> {
        let from = Lineages::new(self.artifacts.clone(), self.cells.clone());
        let into = Lineages::new(to.artifacts.clone(), to.cells.clone());
        let lineage = from.of(&of.id).await?;
        for (id, origin) in &lineage.artifacts {
            for made in &origin.made {
                into.record(id, made).await?;
            }
        }
        Ok(())
    }

    /// Those that are believed there: a copy vouches for nothing itself. Where
    /// none is asked for, all.
    async fn signatures_for(
        &self,
        to: &Registry,
        of: &Registered,
    ) -> Result<Vec<(String, Cell)>, RegistryError> {
        let statement = statement(&of.model, &of.id);
        let prefix = format!("signature/{}/{}/", of.model, of.id);
        let mut found = self.cells.list(&prefix).await?;
        if to.signing.is_asked_for() {
            found.retain(|(key, cell)| to.signing.finds(key, cell, &statement));
            if found.is_empty() && to.signed_by(&of.model, &of.id).await?.is_empty() {
                return Err(RegistryError::Unsigned {
                    model: of.model.clone(),
                    number: of.number,
                });
            }
        }
        Ok(found)
    }
}

/// What a version is made of, each once.
fn parts(registered: &Registered) -> Vec<ArtifactId> {
    let version = &registered.version;
    let named = [Some(version.model), version.preprocessing, version.card];
    let mut parts: Vec<ArtifactId> = named.into_iter().flatten().collect();
    parts.push(version.data);
    parts.sort();
    parts.dedup();
    parts
}

impl From<LineageError> for RegistryError {
    fn from(error: LineageError) -> RegistryError {
        match error {
            LineageError::Artifact(error) => RegistryError::Artifact(error),
            LineageError::Cell(error) => RegistryError::Cell(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::signing::tests::{generated, signing};
    use super::super::tests::{churn, registry, version};
    use super::*;
    use crate::store::artifact::{ArtifactError, Description, Making};

    async fn put(registry: &Registry, content: &str, inputs: &[ArtifactId]) -> ArtifactId {
        let made = Making {
            function: content.to_owned(),
            code: "test".to_owned(),
            parameters: Default::default(),
            inputs: inputs.to_vec(),
            at: registry.clock.now(),
        };
        let artifacts = &registry.artifacts;
        let put = artifacts.put(Description::default(), made, content.to_owned());
        put.await.unwrap().id
    }

    async fn registered(registry: &Registry) -> Registered {
        let raw = put(registry, "raw", &[]).await;
        let data = put(registry, "customers", &[raw]).await;
        let steps = put(registry, "scaler", &[data]).await;
        let mut version = version("model");
        version.model = put(registry, "model", &[data]).await;
        version.data = data;
        version.preprocessing = Some(steps);
        registry.register(&churn(), version, "one").await.unwrap()
    }

    #[tokio::test]
    async fn a_version_comes_with_what_it_is_made_of_and_from() {
        let (from, to) = (registry(), registry());
        let here = registered(&from).await;
        let other = version("another");
        to.register(&churn(), other, "two").await.unwrap();

        let copied = from.copy_to(&to, &here, "copy").await.unwrap();
        assert_eq!(copied.artifacts, 3);
        assert_eq!(copied.registered.number.to_string(), "v2");
        assert_eq!(copied.registered.id, here.id);
        assert_eq!(copied.registered.version, here.version);
        for id in parts(&here) {
            to.artifacts.verify(&id).await.unwrap();
        }
        let lineage = async |registry: &Registry| {
            let lineages = Lineages::new(registry.artifacts.clone(), registry.cells.clone());
            let lineage = lineages.of(&here.id).await.unwrap();
            let ids: Vec<ArtifactId> = lineage.artifacts.keys().copied().collect();
            ids
        };
        assert_eq!(lineage(&to).await, lineage(&from).await);

        let again = from.copy_to(&to, &here, "copy").await.unwrap();
        assert_eq!((again.artifacts, again.registered), (0, copied.registered));
    }

    #[tokio::test]
    async fn what_is_gone_is_named_and_nothing_is_registered() {
        let (from, to) = (registry(), registry());
        let here = from.register(&churn(), version("a"), "one").await.unwrap();
        let refused = from.copy_to(&to, &here, "copy").await.unwrap_err();
        assert!(
            matches!(
                refused,
                RegistryError::Artifact(ArtifactError::Missing { .. })
            ),
            "{refused}"
        );
        assert_eq!(to.versions(&churn()).await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_copy_vouches_for_nothing() {
        let ((key, public), (other_key, other)) = (generated(), generated());
        let from = registry().signed(signing(&[public], Some(key)));
        let here = registered(&from).await;
        // Where the key is trusted, the signature comes along, and no key is
        // needed.
        let to = registry().signed(signing(&[public], None));
        let copied = from.copy_to(&to, &here, "copy").await.unwrap();
        let there = to.version(&churn(), copied.registered.number).await;
        assert_eq!(there.unwrap().id, here.id);
        // Where it is not, a key that would be is no help, and nothing is there.
        let strict = registry().signed(signing(&[other], Some(other_key)));
        let refused = from.copy_to(&strict, &here, "copy").await.unwrap_err();
        assert!(
            matches!(refused, RegistryError::Unsigned { .. }),
            "{refused}"
        );
        assert_eq!(strict.versions(&churn()).await.unwrap(), []);
        assert_eq!(strict.artifacts.list().await.unwrap(), []);
        // Until somebody whom it trusts vouches for it here.
        let vouching = from
            .clone()
            .signed(signing(&[public, other], Some(other_key)));
        vouching.sign(&here).await.unwrap();
        from.copy_to(&strict, &here, "copy").await.unwrap();
    }
}
