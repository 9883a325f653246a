//! [`Key`]: what a data folder is sealed with.

use std::fmt;
use std::str::FromStr;

use aes_gcm::{Aes256Gcm, KeyInit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hkdf::Hkdf;
use rand::TryRngCore;
use rand::rngs::OsRng;
use sha2::Sha256;
use zeroize::Zeroizing;

/// 256 bits that nobody else has. It is wiped from memory when it is dropped,
/// and never shown.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; 32]>);

/// A text that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the key is not 32 bytes in base64 or hexadecimal: make one with `openssl rand -base64 32`"
)]
pub struct NoKey;

impl Key {
    /// A key of these bytes, all of them hard to guess: a password is none.
    pub fn new(bytes: [u8; 32]) -> Key {
        Key(Zeroizing::new(bytes))
    }

    /// A new key from the system's randomness.
    pub fn generate() -> Result<Key, rand::rand_core::OsError> {
        let mut bytes = Zeroizing::new([0; 32]);
        OsRng.try_fill_bytes(&mut *bytes)?;
        Ok(Key(bytes))
    }

    /// The cipher for one value.
    pub(super) fn cipher(&self, salt: &[u8; 32], context: &str) -> Aes256Gcm {
        let derived = self.derive(salt, &["cutline value v1:", context].concat());
        Aes256Gcm::new((&*derived).into())
    }

    /// What tells this key from another, and says nothing of it.
    pub(crate) fn check(&self, salt: &[u8; 32]) -> [u8; 32] {
        *self.derive(salt, "cutline key check v1")
    }

    fn derive(&self, salt: &[u8; 32], info: &str) -> Zeroizing<[u8; 32]> {
        let mut derived = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(Some(salt), &*self.0)
            .expand(info.as_bytes(), &mut *derived)
            .expect("32 bytes are fewer than the 8,160 HKDF can make");
        derived
    }
}

/// From 32 bytes in base64 or hexadecimal, with or without space around it.
impl FromStr for Key {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Key, NoKey> {
        let text = text.trim();
        let bytes = Zeroizing::new(match text.len() {
            64 => hex::decode(text).map_err(|_| NoKey)?,
            _ => STANDARD.decode(text).map_err(|_| NoKey)?,
        });
        bytes[..].try_into().map(Key::new).map_err(|_| NoKey)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_openssl_writes_it_and_is_never_shown() {
        let base64: Key = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n"
            .parse()
            .unwrap();
        let hex: Key = "07".repeat(32).parse().unwrap();
        assert_eq!(*base64.0, [7; 32]);
        assert_eq!(*hex.0, [7; 32]);
        assert_eq!(format!("{hex:?}"), "Key(…)");
        for wrong in ["", "secret", "BwcH", &"07".repeat(31), &"0g".repeat(32)] {
            assert_eq!(wrong.parse::<Key>().unwrap_err(), NoKey, "{wrong}");
        }
    }

    #[test]
    fn the_check_tells_keys_apart() {
        let salt = [1; 32];
        let check = Key::new([7; 32]).check(&salt);
        assert_eq!(check, Key::new([7; 32]).check(&salt));
        assert_ne!(check, Key::new([8; 32]).check(&salt));
        assert_ne!(check, Key::new([7; 32]).check(&[2; 32]));
    }
}
