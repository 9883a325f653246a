//! Source text to [`FileFacts`]: one front end per language.
//!
//! tree-sitter stays in `python`, syn in `rust`. A front end never panics and
//! never fails for less than a whole file: what it cannot read it says as a
//! [`SyntaxError`], and the caller lists the file under `skipped`.

pub mod facts;
pub mod python;
pub mod rust;
pub(crate) mod walk;

pub use facts::FileFacts;

/// Why a file gives no facts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// The text is not a program.
    #[error("does not parse at {line}:{column}")]
    Parse {
        /// Line of the first error, from 1.
        line: u32,
        /// Column of the first error, from 1.
        column: u32,
    },
    /// The text nests so deep that reading it could exhaust the stack.
    #[error("nests deeper than {limit} levels at line {line}")]
    TooDeep {
        /// The limit.
        limit: u32,
        /// Where it was reached.
        line: u32,
    },
}
