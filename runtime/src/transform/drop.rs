//! `drop`: columns that go.

use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::frame::Frame;

/// When fitted, a column that is not there is an error, so that a slip of the
/// pen is seen; afterwards there is nothing to drop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DropColumns {
    /// Which.
    pub columns: Vec<String>,
}

impl DropColumns {
    pub(super) fn fit(&self, frame: &Frame) -> Result<DropColumns, Fault> {
        for name in &self.columns {
            frame.column(name)?;
        }
        Ok(self.clone())
    }

    pub(super) fn apply(&self, frame: &mut Frame) {
        for name in &self.columns {
            frame.remove(name);
        }
    }
}
