//! Models: one file per algorithm behind linfa's traits.
