//! Reads a Python or Rust monolith into a call and data-flow graph and
//! suggests where to cut it.

pub mod catalog;
pub mod graph;
mod line;
pub mod modules;
pub mod source;
pub mod syntax;

pub use line::{Analysis, examine};
