//! `select`: these columns, in this order.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::frame::Frame;

/// A column that is not there is an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Select {
    /// Which, in order.
    pub columns: Vec<Arc<str>>,
    /// Which besides, where they are there: what serving does not know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub optional: Vec<Arc<str>>,
}

impl Select {
    pub(super) fn reads(&self) -> Vec<&str> {
        self.columns.iter().map(|name| &**name).collect()
    }

    pub(super) fn apply(&self, frame: &mut Frame) -> Result<(), Fault> {
        let mut selected = frame.bare();
        for name in &self.columns {
            selected.add(name, frame.column(name)?.clone())?;
        }
        for name in &self.optional {
            if let Some(column) = frame.get(name) {
                selected.add(name, column.clone())?;
            }
        }
        *frame = selected;
        Ok(())
    }
}
