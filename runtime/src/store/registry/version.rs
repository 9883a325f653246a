//! What a version of a model is.

use std::fmt;
use std::str::FromStr;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::RegistryError;
use crate::store::artifact::ArtifactId;
use crate::store::canonical::canonical;
use crate::store::clock::Timestamp;

/// A trained model with all that belongs to it. It is kept as an artifact, so
/// that it never changes and the same one is never there twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelVersion {
    /// The model.
    pub model: ArtifactId,
    /// What kind of document that is, by which it is read; of versions of before
    /// its own artifact says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The transformations that were fitted with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preprocessing: Option<ArtifactId>,
    /// What its input and output look like.
    #[serde(default)]
    pub schema: Value,
    /// How good it is, by the names of metrics. Each is a finite number.
    #[serde(default)]
    pub metrics: IndexMap<String, f64>,
    /// Whether it passed its gate, where it had to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<bool>,
    /// The model card, as a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<ArtifactId>,
    /// The data it was trained on.
    pub data: ArtifactId,
    /// The code that trained it.
    pub code: String,
    /// The parameters it was trained with.
    #[serde(default)]
    pub parameters: IndexMap<String, Value>,
}

/// The number of a version, counted for each model from 1: `v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct VersionNumber(pub(super) u32);

/// A text that names no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} names no version: write it as v1")]
pub struct NoVersionNumber {
    text: String,
}

/// The name of a model: 1 to 128 letters, digits, `.`, `_` and `-`, beginning
/// with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ModelName(String);

/// A text that names no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} names no model: use 1 to 128 letters, digits, dots, dashes and underscores")]
pub struct NoModelName {
    text: String,
}

/// A version that is in the registry.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Registered {
    /// Of this model.
    pub model: ModelName,
    /// Its number.
    pub number: VersionNumber,
    /// Its name by its content.
    pub id: ArtifactId,
    /// When it was first registered.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// What it is.
    pub version: ModelVersion,
}

impl ModelVersion {
    /// The same bytes for the same version: keys in order, whatever the order
    /// in which they were put in.
    pub(super) fn canonical(&self, model: &ModelName) -> Result<String, RegistryError> {
        if let Some((metric, value)) = self.metrics.iter().find(|(_, value)| !value.is_finite()) {
            return Err(RegistryError::Metric {
                model: model.clone(),
                metric: metric.clone(),
                value: *value,
            });
        }
        let value = serde_json::to_value(self);
        value
            .map(canonical)
            .map_err(|source| RegistryError::Version {
                model: model.clone(),
                source,
            })
    }
}

impl ModelName {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ModelName {
    type Err = NoModelName;

    fn from_str(text: &str) -> Result<ModelName, NoModelName> {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let begins = text
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric());
        match begins && text.len() <= 128 && text.bytes().all(good) {
            true => Ok(ModelName(text.to_owned())),
            false => Err(NoModelName {
                text: text.to_owned(),
            }),
        }
    }
}

impl FromStr for VersionNumber {
    type Err = NoVersionNumber;

    fn from_str(text: &str) -> Result<VersionNumber, NoVersionNumber> {
        let number = text
            .strip_prefix('v')
            .and_then(|digits| digits.parse().ok());
        match number {
            // Written in one way only.
            Some(number @ 1..) if format!("v{number}") == text => Ok(VersionNumber(number)),
            _ => Err(NoVersionNumber {
                text: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for VersionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<VersionNumber> for String {
    fn from(number: VersionNumber) -> String {
        number.to_string()
    }
}

impl TryFrom<String> for VersionNumber {
    type Error = NoVersionNumber;

    fn try_from(text: String) -> Result<VersionNumber, NoVersionNumber> {
        text.parse()
    }
}

impl From<ModelName> for String {
    fn from(name: ModelName) -> String {
        name.0
    }
}

impl TryFrom<String> for ModelName {
    type Error = NoModelName;

    fn try_from(text: String) -> Result<ModelName, NoModelName> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_in_one_way() {
        let number: VersionNumber = "v12".parse().unwrap();
        assert_eq!(number.to_string(), "v12");
        for wrong in ["", "v", "v0", "v01", "12", "v-1", "V1", "v4294967296"] {
            assert!(wrong.parse::<VersionNumber>().is_err(), "{wrong}");
        }
        assert_eq!(
            "churn-2.x_a".parse::<ModelName>().unwrap().as_str(),
            "churn-2.x_a"
        );
        for wrong in ["", "a/b", "..", "-a", "ä", &"a".repeat(129)] {
            assert!(wrong.parse::<ModelName>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn keys_in_any_order_are_the_same_version() {
        let version = |text: &str| {
            let id = ArtifactId::of(b"abc");
            let text = text.replace("ID", &id.to_string());
            let version: ModelVersion = serde_json::from_str(&text).unwrap();
            version.canonical(&"churn".parse().unwrap()).unwrap()
        };
        let one = version(
            r#"{"model":"ID","data":"ID","code":"1","schema":{"a":1,"b":[{"c":1,"d":2}]},"parameters":{"c":1.0,"seed":7}}"#,
        );
        let other = version(
            r#"{"parameters":{"seed":7,"c":1.0},"code":"1","schema":{"b":[{"d":2,"c":1}],"a":1},"data":"ID","model":"ID"}"#,
        );
        assert_eq!(one, other);
    }
}
