//! What a data folder holds: its lock and version, blobs, registry, ledger, encryption.

pub mod artifact;
pub mod blob;
pub mod cells;
pub mod clock;
pub mod database;
pub mod seal;
