//! Where everything is kept, in a data folder or on Azure: blobs, cells, and
//! what is made of them, registry, ledger, lineage and runs.

pub mod artifact;
pub mod blob;
mod canonical;
pub mod cells;
pub mod clock;
pub mod database;
pub mod folder;
pub mod ledger;
pub mod lineage;
#[cfg(test)]
mod losing;
pub mod owners;
pub mod place;
pub mod registry;
pub mod runs;
pub mod seal;
pub mod space;
pub mod storage;
pub mod turn;
