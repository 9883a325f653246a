//! Transformations, fitted once and then frozen: one file per transformer.
