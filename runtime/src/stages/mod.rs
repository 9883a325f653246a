//! The seven stages. They are thin: what they read is handed to a kernel, and
//! what it gives is kept under the name that the declaration says.

mod brain;
mod bundle;
mod deployment;
mod evaluation;
mod inference;
mod ingestion;
mod monitoring;
mod preprocessing;
mod serving;
mod tables;
mod training;
mod truth;

pub use bundle::Bundle;
pub use serving::Serving;
pub use tables::{frame, keep};

use crate::function::Kind;

/// Every stage, in the order of data.
pub static ALL: &[Kind] = &[
    ingestion::KIND,
    preprocessing::KIND,
    training::KIND,
    evaluation::KIND,
    deployment::KIND,
    inference::KIND,
    monitoring::KIND,
];

#[cfg(test)]
mod tests;
