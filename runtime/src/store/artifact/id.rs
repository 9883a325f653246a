//! [`ArtifactId`]: what an artifact is called, by what is in it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The SHA-256 of an artifact's content, written as 64 hexadecimal digits.
///
/// Of an artifact in one piece it is what `sha256sum` says. Of one in named
/// parts it is the hash of its manifest, which is what `sha256sum` says of the
/// parts in the order of their names: `DIGEST  NAME` and a line feed for each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ArtifactId([u8; 32]);

/// A text that names no artifact.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} names no artifact: its name is 64 hexadecimal digits")]
pub struct NoArtifactId {
    text: String,
}

impl ArtifactId {
    /// Of content that is at hand.
    pub fn of(content: &[u8]) -> ArtifactId {
        ArtifactId(Sha256::digest(content).into())
    }

    /// Of named parts, in whatever order.
    pub fn of_parts<'a>(parts: impl IntoIterator<Item = (&'a str, ArtifactId)>) -> ArtifactId {
        let mut lines: Vec<_> = parts.into_iter().collect();
        lines.sort();
        let mut manifest = Sha256::new();
        for (name, id) in lines {
            manifest.update(format!("{id}  {name}\n"));
        }
        ArtifactId::from_hash(manifest)
    }

    /// Of content that was hashed piece by piece.
    pub(crate) fn from_hash(hash: Sha256) -> ArtifactId {
        ArtifactId(hash.finalize().into())
    }

    /// The first 12 digits: enough for people.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..6])
    }
}

impl fmt::Display for ArtifactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ArtifactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for ArtifactId {
    type Err = NoArtifactId;

    fn from_str(text: &str) -> Result<ArtifactId, NoArtifactId> {
        let mut bytes = [0; 32];
        match hex::decode_to_slice(text, &mut bytes) {
            Ok(()) => Ok(ArtifactId(bytes)),
            Err(_) => Err(NoArtifactId {
                text: text.to_owned(),
            }),
        }
    }
}

impl From<ArtifactId> for String {
    fn from(id: ArtifactId) -> String {
        id.to_string()
    }
}

impl TryFrom<String> for ArtifactId {
    type Error = NoArtifactId;

    fn try_from(text: String) -> Result<ArtifactId, NoArtifactId> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_sha256sum_says() {
        let abc = ArtifactId::of(b"abc");
        // FIPS 180-4, example of one block.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(abc.to_string(), expected);
        assert_eq!(abc.short(), "ba7816bf8f01");
        assert_eq!(expected.parse(), Ok(abc));
        let manifest = format!("{expected}  a\n{expected}  b.json\n");
        let parts = ArtifactId::of_parts([("b.json", abc), ("a", abc)]);
        assert_eq!(parts, ArtifactId::of(manifest.as_bytes()));
    }

    #[test]
    fn nothing_else_is_a_name() {
        for text in ["", "abc", "latest", &"0".repeat(63), &"g".repeat(64)] {
            let error = text.parse::<ArtifactId>().unwrap_err().to_string();
            assert!(error.contains("names no artifact"), "{error}");
        }
    }
}
