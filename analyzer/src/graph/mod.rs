//! What calls what, and where data goes.

mod annotation;
mod bind;
mod body;
mod bridges;
pub mod call;
mod classes;
pub mod config;
mod containers;
mod conversions;
pub mod data;
mod forward;
pub mod globals;
pub(crate) mod guards;
mod guess;
mod interfaces;
mod library;
mod natives;
mod policy;
mod processes;
pub mod program;
pub mod pycg;
pub(crate) mod root;
mod sequences;
pub(crate) mod settings;
mod solve;
mod text;
mod values;

#[cfg(test)]
mod rust_tests;

pub use body::names::locals;
pub use bridges::bridges;
pub use call::{Behalf, CallEdge, CallGraph, Effort, Held, LibraryCall, solve};
pub use config::ConfigDocs;
pub use program::{Class, ClassId, FuncId, Function, Program};
pub use solve::Certainty;
