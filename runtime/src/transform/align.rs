//! `align`: exactly these columns, in this order, as pandas' `reindex`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::column::Column;
use super::fault::Fault;
use super::frame::Frame;
use super::scalar::Scalar;

/// Columns that are not there are filled, those that are not named go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Align {
    /// Which; without it those there are when fitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<Arc<str>>>,
    /// What a missing column is filled with.
    #[serde(default = "zero")]
    pub fill: Scalar,
}

impl Align {
    pub(super) fn fit(&self, frame: &Frame) -> Align {
        let there = || frame.names().map(Arc::from).collect();
        Align {
            columns: Some(self.columns.clone().unwrap_or_else(there)),
            fill: self.fill.clone(),
        }
    }

    pub(super) fn apply(&self, frame: &mut Frame) -> Result<(), Fault> {
        let mut aligned = frame.bare();
        for name in self.columns.iter().flatten() {
            let there = frame.get(name).cloned();
            aligned.add(
                name,
                there.unwrap_or_else(|| Column::repeat(&self.fill, frame.n_rows())),
            )?;
        }
        *frame = aligned;
        Ok(())
    }
}

fn zero() -> Scalar {
    Scalar::Float(0.0)
}
