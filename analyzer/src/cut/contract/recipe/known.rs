//! What a walk knows at a place, by what was done before it.

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;
use smol_str::SmolStr;

use super::split::Rows;
use crate::graph::FuncId;
use crate::modules::FileId;
use crate::syntax::facts::ExprId;

#[derive(Clone, Default)]
pub(super) struct Known {
    /// Statistics that were taken of columns and not yet used: `median`.
    pub(super) learnt: FxHashMap<SmolStr, &'static str>,
    /// Columns whose missing values something else filled after that, by
    /// the column that holds it.
    pub(super) estimated: FxHashMap<SmolStr, SmolStr>,
    /// Columns of which no value is missing any more.
    pub(super) imputed: FxHashSet<SmolStr>,
    /// Categories that columns were given.
    pub(super) categories: FxHashMap<SmolStr, Value>,
    /// Rows that were split.
    pub(super) split: FxHashSet<Rows>,
    /// Calls that were seen, and in what.
    pub(super) seen: FxHashSet<(FileId, ExprId, FuncId)>,
}

impl Known {
    /// Adds what is known where another way was gone.
    pub(super) fn join(&mut self, other: Known) {
        self.learnt.extend(other.learnt);
        self.estimated.extend(other.estimated);
        self.imputed.extend(other.imputed);
        self.categories.extend(other.categories);
        self.split.extend(other.split);
        self.seen.extend(other.seen);
    }
}
