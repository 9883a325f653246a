//! `derive`: columns from an expression over the others.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::expression::Expression;
use super::fault::Fault;
use super::frame::Frame;

/// `columns = { per_month = "total / max(months, 1)" }`, one after the other:
/// each sees those before it. A name that is there is overwritten in place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Derive {
    /// By name what it is.
    pub columns: IndexMap<Arc<str>, Expression>,
}

impl Derive {
    /// What is read of the columns that were there before.
    pub(super) fn reads(&self) -> Vec<&str> {
        let mut made: Vec<&str> = Vec::new();
        let mut names = Vec::new();
        for (name, expression) in &self.columns {
            names.extend(
                expression
                    .reads()
                    .into_iter()
                    .filter(|name| !made.contains(name)),
            );
            made.push(name);
        }
        names
    }

    pub(super) fn apply(&self, frame: &mut Frame) -> Result<(), Fault> {
        for (name, expression) in &self.columns {
            let column = expression.column(frame)?;
            frame.set(name, column);
        }
        Ok(())
    }
}
