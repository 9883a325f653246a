//! `log`: natural logarithms, as NumPy's `log` and `log1p`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::column::Column;
use super::fault::Fault;
use super::frame::Frame;

/// Of zero it is minus infinity, of what is below missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Which columns; they become float64.
    pub columns: Vec<Arc<str>>,
    /// Of 1 + x, exact for small x.
    #[serde(default)]
    pub plus_one: bool,
}

impl Log {
    pub(super) fn reads(&self) -> Vec<&str> {
        self.columns.iter().map(|name| &**name).collect()
    }

    pub(super) fn apply(&self, frame: &mut Frame) -> Result<(), Fault> {
        let log = if self.plus_one { f64::ln_1p } else { f64::ln };
        for name in &self.columns {
            let values = frame.column(name)?.numbers(name)?;
            let logs = values.values().iter().map(|value| log(*value));
            frame.set(name, Column::floats(logs.collect()));
        }
        Ok(())
    }
}
