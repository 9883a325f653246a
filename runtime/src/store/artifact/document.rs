//! What is known of an artifact: the document that makes it be there.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::ArtifactId;
use crate::store::clock::Timestamp;

/// An artifact: stored bytes named by their hash. It is written once and never
/// changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    /// Its name.
    pub id: ArtifactId,
    /// What it is, for those that look for it.
    #[serde(flatten)]
    pub description: Description,
    /// How it was made, the first time.
    pub made: Making,
    /// What it consists of, in the order of names. One without parts has a
    /// single one whose name is empty.
    pub parts: Vec<Part>,
}

/// What an artifact is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// `table`, `model`, `report`, …
    pub kind: String,
    /// What the pipeline calls it.
    pub name: String,
    /// Of a table, how many rows it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Of a table, what tells its columns and types from others'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
}

/// One making of an artifact: by what, from what, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Making {
    /// The function that made it.
    pub function: String,
    /// Which code that was.
    pub code: String,
    /// The function's parameters.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub parameters: IndexMap<String, serde_json::Value>,
    /// The artifacts it was made from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<ArtifactId>,
    /// When.
    pub at: Timestamp,
}

/// A piece of an artifact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// What it is called within the artifact.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The SHA-256 of its content.
    pub sha256: ArtifactId,
    /// How long its content is.
    pub bytes: u64,
    /// The blob that holds it.
    pub(super) blob: String,
}

impl Artifact {
    /// The part of this name.
    pub fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name == name)
    }

    /// How long its parts are together.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }
}

/// What the name of these parts is.
pub(super) fn name(parts: &[Part]) -> ArtifactId {
    match parts {
        [part] if part.name.is_empty() => part.sha256,
        _ => ArtifactId::of_parts(parts.iter().map(|part| (&*part.name, part.sha256))),
    }
}
