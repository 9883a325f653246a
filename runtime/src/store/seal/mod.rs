//! Encryption at rest: everything a data folder holds in blobs, queues and
//! cells is sealed when the folder has a key.
//!
//! A sealed value is a header of 40 bytes and then chunks:
//!
//! ```text
//! cutline\x01   8 bytes: what it is, and in which version
//! salt         32 bytes, random
//! chunk 0      64 KiB of content, encrypted, and a tag of 16 bytes
//! …
//! chunk n      the last: 1 byte to 64 KiB, or nothing where there is no content
//! ```
//!
//! Each value has a key of its own, derived by HKDF-SHA256 (RFC 5869) from the
//! folder's key, the salt and the *context*: what the value is and how it is
//! named. So nothing opens under another name than that it was sealed for, and
//! nonces need be unique only within one value. Chunks are encrypted by
//! AES-256-GCM as the STREAM construction has it (Hoang, Reyhanitabar, Rogaway
//! and Vizár 2015, "Online Authenticated-Encryption and its Nonce-Reuse
//! Misuse-Resistance"), in the form of age's payloads
//! (<https://age-encryption.org/v1>): the nonce is the chunk's number in 11
//! bytes and a byte that is 1 for the last chunk. Chunks can thus neither be
//! swapped nor repeated nor left out. The last chunk says how long the content
//! is; whoever reads any range opens it first, so that a value cut short is
//! refused before a byte of it is given out.
//!
//! What is *not* hidden: how many values there are, their names (in which are
//! the SHA-256 of artifacts), their sizes, and when they were written.

mod chunk;
mod key;
mod store;

pub(crate) use chunk::{CHUNK, HEADER, SEALED_CHUNK};
pub use chunk::{Opener, SealError, Sealer, open, seal};
pub use key::{Key, NoKey};
pub use store::SealedStore;
