//! [`Cells`]: small named documents that change by compare-and-swap only.
//!
//! All that moves in a data folder is a cell: a registry's aliases, the
//! ledger's entries, lineage. What they point to never changes. So a backend
//! has to offer nothing but this one operation: SQLite does here, and any
//! object store with conditional writes does as [`BlobCells`].

mod blob;
#[cfg(test)]
pub(super) mod contract;
mod embedded;

use std::fmt;

use bytes::Bytes;
use futures_util::future::BoxFuture;

pub use blob::BlobCells;
pub use embedded::EmbeddedCells;

use super::database::DatabaseError;
use super::seal::SealError;

/// Cells by their keys. A key is words of letters, digits, `.`, `_` and `-` with
/// slashes between, as `alias/churn/champion`; a value is not empty.
pub trait Cells: Send + Sync + fmt::Debug {
    /// What is in a cell.
    fn read<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Cell>, CellError>>;

    /// Puts `value` into a cell if it is still as `seen`; `None` is a cell that
    /// there is not. Of several at once exactly one succeeds, and the others
    /// are told what it put there.
    fn swap<'a>(
        &'a self,
        key: &'a str,
        seen: Option<&'a Revision>,
        value: Bytes,
    ) -> BoxFuture<'a, Result<Swapped, CellError>>;

    /// Takes a cell away if it is still as `seen`; says whether it did.
    fn remove<'a>(
        &'a self,
        key: &'a str,
        seen: &'a Revision,
    ) -> BoxFuture<'a, Result<bool, CellError>>;

    /// Every cell whose key begins with `prefix`, by its key.
    fn list<'a>(&'a self, prefix: &'a str)
    -> BoxFuture<'a, Result<Vec<(String, Cell)>, CellError>>;
}

/// A cell as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// What is in it.
    pub value: Bytes,
    /// Changes whenever the value is put anew.
    pub revision: Revision,
}

/// Which value of a cell was seen. Only its own backend knows what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision(pub(super) String);

/// What came of a swap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Swapped {
    /// It holds, as of this revision.
    Done(Revision),
    /// Another was first; this is there now.
    Lost(Option<Cell>),
}

/// Why a cell cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum CellError {
    /// The database says no.
    #[error("the cell {key} cannot be used")]
    Database {
        /// Which.
        key: String,
        /// Why.
        source: DatabaseError,
    },
    /// The object store says no.
    #[error("the cell {key} cannot be used")]
    Blob {
        /// Which.
        key: String,
        /// Why.
        source: object_store::Error,
    },
    /// It was not sealed here.
    #[error("the cell {key} cannot be used")]
    Seal {
        /// Which.
        key: String,
        /// Why.
        source: SealError,
    },
    /// It holds no document of the kind that is kept under such a key.
    #[error("the cell {key} holds nothing that this cutline understands")]
    Document {
        /// Which.
        key: String,
        /// Why.
        source: serde_json::Error,
    },
}

/// A document as it lies in a cell.
pub(super) fn document<T: serde::Serialize>(key: &str, document: &T) -> Result<Bytes, CellError> {
    let written = serde_json::to_vec(document);
    written
        .map(Bytes::from)
        .map_err(|source| CellError::Document {
            key: key.to_owned(),
            source,
        })
}

/// The document that lies in a cell.
pub(super) fn read_document<T: serde::de::DeserializeOwned>(
    key: &str,
    cell: &Cell,
) -> Result<T, CellError> {
    serde_json::from_slice(&cell.value).map_err(|source| CellError::Document {
        key: key.to_owned(),
        source,
    })
}
