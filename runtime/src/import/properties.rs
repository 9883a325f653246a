//! Whatever the document says, nothing panics.
