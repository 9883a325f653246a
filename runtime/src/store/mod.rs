//! What a data folder holds: its lock and version, blobs, registry, ledger, encryption.

pub mod artifact;
pub mod blob;
mod canonical;
pub mod cells;
pub mod clock;
pub mod database;
pub mod folder;
pub mod ledger;
pub mod lineage;
pub mod owners;
pub mod registry;
pub mod runs;
pub mod seal;
pub mod space;
