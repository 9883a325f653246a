//! Shim.
use super::{Evidence, Judgement, Policy, Position};
/// Shim.
pub struct Explained<'a> {
    pub stage: &'a str,
    pub policy: &'a Policy,
    pub position: &'a Position,
    pub evidence: &'a Evidence,
    pub judgement: &'a Judgement,
}
impl Explained<'_> {
    /// Shim.
    pub fn sentence(&self) -> String {
        format!("{:?}", self.judgement.action)
    }
    /// Shim.
    pub fn paragraph(&self) -> Option<String> {
        None
    }
}
