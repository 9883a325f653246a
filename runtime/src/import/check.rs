//! [`Place`]: where in the pipeline a document is checked, and the checks that
//! all families make.

use std::sync::Arc;

use super::document::Real;
use super::error::{Flaw, ImportError};

/// The columns that a step is given, each by the name of the column that it
/// came from: what is told to be wrong is told of the request's own columns.
pub(super) type Names = Vec<Arc<str>>;

/// How deep steps and models may stand in one another.
const MOST_DEEP: usize = 32;

/// How many columns a step may make.
pub(super) const MOST_COLUMNS: usize = 1 << 20;

/// The path of a step, like `model.features.scale`.
#[derive(Clone, Debug)]
pub(super) struct Place {
    at: String,
    depth: usize,
}

impl Place {
    pub(super) fn root() -> Place {
        Place {
            at: "model".to_owned(),
            depth: 0,
        }
    }

    /// The place of the step `name` in this one.
    pub(super) fn of(&self, name: &str) -> Result<Place, ImportError> {
        let depth = self.depth + 1;
        if depth > MOST_DEEP {
            return Err(self.flaw(Flaw::TooMuch {
                what: "the depth of steps",
                most: MOST_DEEP,
            }));
        }
        Ok(Place {
            at: format!("{}.{name}", self.at),
            depth,
        })
    }

    pub(super) fn flaw(&self, flaw: Flaw) -> ImportError {
        ImportError::Step {
            at: self.at.clone(),
            flaw,
        }
    }

    pub(super) fn unknown(&self, what: impl Into<String>) -> ImportError {
        ImportError::Unknown {
            at: self.at.clone(),
            what: what.into(),
        }
    }

    /// A list of `found` entries has `expected` ones.
    pub(super) fn length(
        &self,
        what: &'static str,
        found: usize,
        expected: usize,
    ) -> Result<(), ImportError> {
        match found == expected {
            true => Ok(()),
            false => Err(self.flaw(Flaw::Length {
                what,
                found,
                expected,
            })),
        }
    }

    /// Every index is below `below`.
    pub(super) fn indices<'i>(
        &self,
        what: &'static str,
        indices: impl IntoIterator<Item = &'i usize>,
        below: usize,
    ) -> Result<(), ImportError> {
        match indices.into_iter().find(|index| **index >= below) {
            None => Ok(()),
            Some(index) => {
                let found = i64::try_from(*index).unwrap_or(i64::MAX);
                Err(self.flaw(Flaw::Index { what, found, below }))
            }
        }
    }

    pub(super) fn not_empty<T>(&self, what: &'static str, list: &[T]) -> Result<(), ImportError> {
        match list.is_empty() {
            true => Err(self.flaw(Flaw::Empty { what })),
            false => Ok(()),
        }
    }

    /// A step makes no more columns than are taken.
    pub(super) fn columns(&self, found: usize) -> Result<(), ImportError> {
        match found > MOST_COLUMNS {
            true => Err(self.flaw(Flaw::TooMuch {
                what: "the number of columns",
                most: MOST_COLUMNS,
            })),
            false => Ok(()),
        }
    }

    /// A list of one number per column.
    pub(super) fn per_column(
        &self,
        what: &'static str,
        reals: Vec<Real>,
        width: usize,
    ) -> Result<Vec<f64>, ImportError> {
        self.length(what, reals.len(), width)?;
        Ok(super::document::numbers(reals))
    }

    /// A list of rows of one number per column.
    pub(super) fn rows(
        &self,
        what: &'static str,
        rows: Vec<Vec<Real>>,
        width: usize,
    ) -> Result<Vec<Vec<f64>>, ImportError> {
        self.not_empty(what, &rows)?;
        rows.into_iter()
            .map(|row| self.per_column(what, row, width))
            .collect()
    }
}
