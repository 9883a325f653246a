//! [`Lineages`]: where artifacts come from, back to the first.
//!
//! Every making of an artifact is a cell, `made/ARTIFACT/MAKING`, beside the
//! one that its own document tells of: the same content may have been made
//! twice, from different inputs or by different code.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::FxHashSet;
use serde::Serialize;
use serde_json::json;

use super::artifact::{ArtifactError, ArtifactId, Artifacts, Description, Making};
use super::canonical::canonical;
use super::cells::{CellError, Cells, document, read_document};

/// The lineages of a space. Clones are the same ones.
#[derive(Clone, Debug)]
pub struct Lineages {
    artifacts: Artifacts,
    cells: Arc<dyn Cells>,
}

/// Where one artifact comes from. Shown, it is a tree.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lineage {
    /// The artifact.
    pub of: ArtifactId,
    /// That one, then what it was made from, then what that was made from, …
    pub artifacts: IndexMap<ArtifactId, Origin>,
}

/// Where an artifact comes from, by one step.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Origin {
    /// What it is; nothing if it was removed, or never was here.
    pub artifact: Option<Description>,
    /// Each way in which it was made, the first first.
    pub made: Vec<Making>,
}

/// Why a lineage cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum LineageError {
    /// An artifact cannot be read.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// A cell cannot be used.
    #[error(transparent)]
    Cell(#[from] CellError),
}

impl Lineages {
    /// Of these artifacts and cells.
    pub fn new(artifacts: Artifacts, cells: Arc<dyn Cells>) -> Lineages {
        Lineages { artifacts, cells }
    }

    /// Notes a making of an artifact. The same one again, whenever, is the
    /// same.
    pub async fn record(&self, id: &ArtifactId, made: &Making) -> Result<(), LineageError> {
        let key = format!("made/{id}/{}", identity(made));
        self.cells.swap(&key, None, document(&key, made)?).await?;
        Ok(())
    }

    /// Where an artifact comes from: a model version's is that of
    /// [`Registered::id`](super::registry::Registered::id).
    pub async fn of(&self, id: &ArtifactId) -> Result<Lineage, LineageError> {
        let mut artifacts = IndexMap::new();
        let mut next = VecDeque::from([*id]);
        while let Some(id) = next.pop_front() {
            if artifacts.contains_key(&id) {
                continue;
            }
            let origin = self.origin(&id).await?;
            next.extend(origin.made.iter().flat_map(|made| &made.inputs));
            artifacts.insert(id, origin);
        }
        Ok(Lineage { of: *id, artifacts })
    }

    async fn origin(&self, id: &ArtifactId) -> Result<Origin, LineageError> {
        let mut made = IndexMap::new();
        for (key, cell) in self.cells.list(&format!("made/{id}/")).await? {
            let making: Making = read_document(&key, &cell)?;
            made.insert(identity(&making), making);
        }
        let found = self.artifacts.find(id).await?;
        let artifact = found.map(|artifact| {
            made.entry(identity(&artifact.made))
                .or_insert(artifact.made);
            artifact.description
        });
        let mut made: Vec<_> = made.into_values().collect();
        made.sort_by_key(|making| making.at);
        Ok(Origin { artifact, made })
    }
}

/// What a making is told by: all but when it was.
fn identity(made: &Making) -> ArtifactId {
    let Making {
        function,
        code,
        parameters,
        inputs,
        at: _,
    } = made;
    ArtifactId::of(canonical(json!([function, code, parameters, inputs])).as_bytes())
}

/// A tree: under an artifact how it was made, under that from what.
impl fmt::Display for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nothing = Origin::default();
        let mut shown = FxHashSet::default();
        // Chains may be long: no recursion.
        let mut left = vec![Line::Artifact(0, self.of)];
        while let Some(line) = left.pop() {
            match line {
                Line::Artifact(depth, id) => {
                    let origin = self.artifacts.get(&id).unwrap_or(&nothing);
                    let again = !shown.insert(id);
                    write_artifact(f, depth, &id, origin, again)?;
                    if !again {
                        let made = origin.made.iter().rev();
                        left.extend(made.map(|made| Line::Making(depth + 1, made)));
                    }
                }
                Line::Making(depth, made) => {
                    write_making(f, depth, made)?;
                    let inputs = made.inputs.iter().rev();
                    left.extend(inputs.map(|input| Line::Artifact(depth + 1, *input)));
                }
            }
        }
        Ok(())
    }
}

/// A line of the tree, and how deep it lies.
enum Line<'a> {
    Artifact(usize, ArtifactId),
    Making(usize, &'a Making),
}

/// Lines that lie deeper are not moved further in.
const DEEPEST: usize = 30;

fn write_artifact(
    f: &mut fmt::Formatter<'_>,
    depth: usize,
    id: &ArtifactId,
    origin: &Origin,
    again: bool,
) -> fmt::Result {
    write!(f, "{}{}", "  ".repeat(depth.min(DEEPEST)), id.short())?;
    match &origin.artifact {
        Some(Description { kind, name, .. }) => write!(f, "  {kind} {name}")?,
        None => f.write_str("  not here")?,
    }
    f.write_str(if again { "  as above\n" } else { "\n" })
}

fn write_making(f: &mut fmt::Formatter<'_>, depth: usize, made: &Making) -> fmt::Result {
    let Making {
        function,
        code,
        parameters,
        at,
        ..
    } = made;
    let indent = "  ".repeat(depth.min(DEEPEST));
    write!(f, "{indent}by {function} {code} at {at}")?;
    for (name, value) in parameters {
        write!(f, " {name}={value}")?;
    }
    f.write_str("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::cells::BlobCells;
    use crate::store::clock::Timestamp;
    use object_store::memory::InMemory;

    fn lineages() -> Lineages {
        let artifacts = Artifacts::new(Arc::new(InMemory::new()));
        Lineages::new(
            artifacts,
            Arc::new(BlobCells::new(Arc::new(InMemory::new()))),
        )
    }

    fn made(function: &str, inputs: &[ArtifactId], second: u64) -> Making {
        Making {
            function: function.to_owned(),
            code: "0.1.0".to_owned(),
            parameters: IndexMap::from([("seed".to_owned(), json!(7))]),
            inputs: inputs.to_vec(),
            at: Timestamp::from_millis(1_780_000_000_000 + second * 1_000),
        }
    }

    async fn put(
        lineages: &Lineages,
        kind: &str,
        content: &'static str,
        made: Making,
    ) -> ArtifactId {
        let description = Description {
            kind: kind.to_owned(),
            name: content.to_owned(),
            ..Description::default()
        };
        let artifact = lineages
            .artifacts
            .put(description, made, content)
            .await
            .unwrap();
        artifact.id
    }

    #[tokio::test]
    async fn a_model_is_followed_back_to_the_file_it_began_with() {
        let lineages = lineages();
        let missing = ArtifactId::of(b"raw file");
        let table = put(
            &lineages,
            "table",
            "customers",
            made("ingestion", &[missing], 0),
        )
        .await;
        let scaler = put(
            &lineages,
            "transform",
            "scaler",
            made("preprocessing", &[table], 1),
        )
        .await;
        let model = put(
            &lineages,
            "model",
            "churn",
            made("training", &[table, scaler], 2),
        )
        .await;
        // The same model, made once more from other data.
        let again = made("training", &[scaler], 3);
        lineages.record(&model, &again).await.unwrap();
        lineages.record(&model, &again).await.unwrap();
        let lineage = lineages.of(&model).await.unwrap();
        insta::assert_snapshot!(lineage.to_string(), @r"
        88b2072e3e17  model churn
          by training 0.1.0 at 2026-05-28T20:26:42.000Z seed=7
            21eb2153dd14  table customers
              by ingestion 0.1.0 at 2026-05-28T20:26:40.000Z seed=7
                c10f866da9db  not here
            0adaded410f9  transform scaler
              by preprocessing 0.1.0 at 2026-05-28T20:26:41.000Z seed=7
                21eb2153dd14  table customers  as above
          by training 0.1.0 at 2026-05-28T20:26:43.000Z seed=7
            0adaded410f9  transform scaler  as above
        ");
        let json = serde_json::to_value(&lineage).unwrap();
        assert_eq!(json["of"], json!(model));
        assert_eq!(
            json["artifacts"][model.to_string()]["made"][1]["inputs"],
            json!([scaler])
        );
        assert_eq!(
            json["artifacts"][missing.to_string()]["artifact"],
            json!(null)
        );
    }

    #[tokio::test]
    async fn what_is_made_from_itself_or_over_very_many_steps_ends() {
        let lineages = lineages();
        let id = ArtifactId::of(b"unchanged");
        put(&lineages, "table", "unchanged", made("clip", &[id], 0)).await;
        assert_eq!(lineages.of(&id).await.unwrap().artifacts.len(), 1);
        let mut last = id;
        for step in 0..2_000_u64 {
            let next = ArtifactId::of(&step.to_le_bytes());
            lineages
                .record(&next, &made("append", &[last], step))
                .await
                .unwrap();
            last = next;
        }
        let lineage = lineages.of(&last).await.unwrap();
        assert_eq!(lineage.artifacts.len(), 2_001);
        assert_eq!(lineage.to_string().lines().count(), 4_003);
    }
}
