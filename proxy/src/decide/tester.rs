//! The signed override: a tester chooses a side while weights run.
//!
//! A token is `<stage>.<side>.<until>.<signature>`: the stage's name, or `*`
//! for all; `monolith` or `candidate`; the second, since 1970, at which it
//! ends; and the HMAC-SHA-256 (RFC 2104) of what stands before it, in
//! unpadded base64url. It travels in a header or a cookie, and is worth
//! nothing once it has ended or where its signature does not fit: the request
//! is then drawn like any other.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::RequestHead;
use super::key::cookie;
use crate::route::{Side, Testers};

/// Why no token can be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TesterError {
    /// An empty key signs nothing.
    #[error("the override's key is empty")]
    EmptyKey,
}

/// A token that sends its bearer to `side` at `stage` (`*` for all) `until`
/// then.
pub fn sign(key: &[u8], stage: &str, side: Side, until: SystemTime) -> Result<String, TesterError> {
    let until = until.duration_since(UNIX_EPOCH).unwrap_or_default();
    let said = format!("{stage}.{}.{}", side.name(), until.as_secs());
    let mac = mac(key, &said).ok_or(TesterError::EmptyKey)?;
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    Ok(format!("{said}.{signature}"))
}

/// The side that the request's token chooses at `stage`.
pub(super) fn chosen(testers: &Testers, stage: &str, head: &RequestHead<'_>) -> Option<Side> {
    let in_header = head.headers.get(&testers.header);
    let token = match in_header {
        Some(value) => value.as_bytes(),
        None => cookie(head.headers, &testers.cookie)?,
    };
    let token = std::str::from_utf8(token).ok()?;
    let (said, signature) = token.rsplit_once('.')?;
    let mut parts = said.rsplitn(3, '.');
    let until: u64 = parts.next()?.parse().ok()?;
    let side = parts.next()?;
    let named = parts.next()?;
    let side = [Side::Monolith, Side::Candidate]
        .into_iter()
        .find(|known| known.name() == side)?;
    let now = head.time.duration_since(UNIX_EPOCH).ok()?.as_secs();
    if (named != "*" && named != stage) || now >= until {
        return None;
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    mac(&testers.key, said)?.verify_slice(&signature).ok()?;
    Some(side)
}

fn mac(key: &[u8], said: &str) -> Option<Hmac<Sha256>> {
    if key.is_empty() {
        return None;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(said.as_bytes());
    Some(mac)
}
