//! Reads a Python or Rust monolith into a call and data-flow graph and
//! suggests where to cut it.

pub mod catalog;
pub mod graph;
pub mod modules;
pub mod source;
pub mod syntax;
