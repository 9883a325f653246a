//! What a data folder holds: its lock and version, blobs, registry, ledger, encryption.
