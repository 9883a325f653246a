//! Reads a Python or Rust monolith into a call and data-flow graph and
//! suggests where to cut it.

pub mod catalog;
pub mod cut;
pub mod effects;
pub mod explain;
pub mod graph;
pub mod hazards;
mod line;
pub mod modules;
pub mod report;
pub mod routes;
pub mod source;
pub mod stages;
pub mod syntax;

pub use catalog::Catalog;
pub use line::{Analysis, Options, Watch, analyze, analyze_watched, examine, survey};
pub use report::Report;
pub use source::{SourceOptions, SourceTree};
