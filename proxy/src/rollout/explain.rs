//! Stands in until the sentences are written.

use super::{Evidence, Judgement, Policy, Position};

/// What was judged, in words.
pub struct Explained<'a> {
    /// Of which stage.
    pub stage: &'a str,
    /// By which policy.
    pub policy: &'a Policy,
    /// Where it stands.
    pub position: &'a Position,
    /// What was seen.
    pub evidence: &'a Evidence,
    /// What came of it.
    pub judgement: &'a Judgement,
}

impl Explained<'_> {
    /// In one sentence.
    pub fn sentence(&self) -> String {
        format!("{:?}", self.judgement.action)
    }

    /// In one paragraph, where there is more to say.
    pub fn paragraph(&self) -> Option<String> {
        None
    }
}
