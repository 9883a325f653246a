//! `rename`: other names, the same places.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::frame::Frame;

/// `columns = { old = "new" }`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// The new name by the old one.
    pub columns: BTreeMap<String, Arc<str>>,
}

impl Rename {
    pub(super) fn reads(&self) -> Vec<&str> {
        self.columns.keys().map(String::as_str).collect()
    }

    pub(super) fn apply(&self, frame: &mut Frame) -> Result<(), Fault> {
        for old in self.columns.keys() {
            frame.column(old)?;
        }
        frame.rename(|old| self.columns.get(old).cloned())
    }
}
