//! How far two samples of one feature are apart.
