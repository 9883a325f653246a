//! What is blackened before an answer or a request is kept.

use std::collections::BTreeSet;

use http::HeaderName;

use super::paths::{NoPath, Path, Paths};

/// What is blackened: what the rules name, beside what is always.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Redact {
    places: Paths<bool>,
    headers: BTreeSet<Box<str>>,
    queries: BTreeSet<Box<str>>,
}

/// A text that names nothing to blacken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSecret {
    /// Behind `header:` stands no name of one.
    #[error("`{0}` is no name of a header")]
    Header(String),
    /// Behind `query:` stands nothing.
    #[error("behind `query:` stands no name")]
    Query,
    /// It is no JSON pointer.
    #[error("{0}")]
    Path(#[from] NoPath),
}

impl Redact {
    /// Adds `/customer/email`, `header:x-user` or `query:email`.
    pub fn name(&mut self, text: &str) -> Result<(), NoSecret> {
        if let Some(name) = text.strip_prefix("header:") {
            let parsed: Result<HeaderName, _> = name.parse();
            let parsed = parsed.map_err(|_| NoSecret::Header(name.to_owned()))?;
            self.headers.insert(parsed.as_str().into());
        } else if let Some(name) = text.strip_prefix("query:") {
            if name.is_empty() {
                return Err(NoSecret::Query);
            }
            self.queries.insert(name.into());
        } else {
            *self.places.at(&Path::parse(text)?) = true;
        }
        Ok(())
    }
}
