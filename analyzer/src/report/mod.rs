//! The split report: plain data, and one file per format.

mod document;

pub use document::*;
