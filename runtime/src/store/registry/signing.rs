//! [`Signing`]: who vouches for a version of a model.
//!
//! A version names every artifact of it by its hash, and is itself named by the
//! hash of its document. So a signature of that name, with the model's, vouches
//! for each byte that serves. It is Ed25519 (RFC 8032) over
//!
//! ```text
//! cutline model version
//! MODEL
//! ID
//! ```
//!
//! and lies in a cell of its own, `signature/MODEL/ID/KEY`: a version may be
//! signed by several keys, and once more when one is replaced.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use rustc_hash::FxHashSet;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};

use super::{ModelName, Registered, Registry, RegistryError};
use crate::function::whole;
use crate::secret::{SecretError, SecretFrom, Secrets};
use crate::store::artifact::ArtifactId;
use crate::store::cells::{Cell, Swapped, document, read_document};
use crate::store::clock::Timestamp;

/// Whose signatures are asked for, and with which key this program signs.
/// Without any trusted key nothing is asked for.
#[derive(Clone, Debug, Default)]
pub struct Signing {
    trusted: Arc<[PublicKey]>,
    key: Option<SecretFrom>,
    secrets: Option<Arc<dyn Secrets>>,
    known: Arc<Mutex<FxHashSet<(ModelName, ArtifactId)>>>,
}

/// The public half of a key: shown as the one line between the first and the
/// last of `openssl pkey -pubout`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PublicKey([u8; 32]);

/// A text that is no public key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no Ed25519 public key: write the one line between BEGIN and END of `openssl pkey -in KEY.pem -pubout`"
)]
pub struct NoPublicKey {
    text: String,
}

/// Why a version cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// This program has no key.
    #[error(
        "signing.trusted asks for signatures, and this program has nothing to sign with: write signing.key beside it, where versions are registered"
    )]
    NoKey,
    /// It was not told who knows it.
    #[error("this program was given nobody who knows signing.key: see `Opened::knowing`")]
    Nobody,
    /// The key cannot be had.
    #[error("signing.key cannot be used")]
    Secret(#[from] SecretError),
    /// What is there is no key.
    #[error(
        "signing.key: {from} holds no Ed25519 private key: make one with `openssl genpkey -algorithm ed25519`"
    )]
    Form {
        /// Where.
        from: SecretFrom,
    },
    /// Nobody would believe it.
    #[error("signing.key is not trusted: add {public} to signing.trusted")]
    NotTrusted {
        /// Its public half.
        public: PublicKey,
    },
}

/// What a signature's cell says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    key: PublicKey,
    signature: String,
    at: Timestamp,
}

/// The DER of an Ed25519 key before its 32 bytes. (RFC 8410, section 4)
const SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

impl Signing {
    /// Asks for a signature of one of these keys; signs with the key that is
    /// there, if any.
    #[must_use]
    pub fn new(trusted: Vec<PublicKey>, key: Option<SecretFrom>) -> Signing {
        Signing {
            trusted: trusted.into(),
            key,
            secrets: None,
            known: Arc::default(),
        }
    }

    /// With who knows the key.
    #[must_use]
    pub fn knowing(self, secrets: Arc<dyn Secrets>) -> Signing {
        Signing {
            secrets: Some(secrets),
            ..self
        }
    }

    /// Where its key is.
    pub(crate) fn key(&self) -> Option<&SecretFrom> {
        self.key.as_ref()
    }

    /// Whether signatures are asked for.
    #[must_use]
    pub fn is_asked_for(&self) -> bool {
        !self.trusted.is_empty()
    }

    /// Asked each time: keys are replaced.
    pub(super) async fn signer(&self) -> Result<(Ed25519KeyPair, PublicKey), SigningError> {
        let from = self.key.as_ref().ok_or(SigningError::NoKey)?;
        let secrets = self.secrets.as_ref().ok_or(SigningError::Nobody)?;
        let text = secrets.text(from).await?;
        let pair = key_pair(&text).ok_or_else(|| SigningError::Form { from: from.clone() })?;
        let public = PublicKey::of(&pair);
        match self.trusted.contains(&public) {
            true => Ok((pair, public)),
            false => Err(SigningError::NotTrusted { public }),
        }
    }

    /// Whether a cell holds a signature of a trusted key.
    pub(super) fn finds(&self, key: &str, cell: &Cell, statement: &[u8]) -> bool {
        match read_document(key, cell) {
            Ok(signed) => self.believes(&signed, statement),
            Err(error) => {
                tracing::warn!(error = whole(&error), "a signature cannot be read");
                false
            }
        }
    }

    /// Whether the key is trusted, and signed it.
    fn believes(&self, signed: &Signed, statement: &[u8]) -> bool {
        let signature = STANDARD.decode(&signed.signature);
        self.trusted.contains(&signed.key)
            && signature.is_ok_and(|signature| {
                let key = UnparsedPublicKey::new(&ED25519, signed.key.0);
                key.verify(statement, &signature).is_ok()
            })
    }

    /// What was believed once goes on being so: whom to trust is said at the
    /// start, and a version never changes.
    fn has_believed(&self, model: &ModelName, id: &ArtifactId) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(&(model.clone(), *id))
    }

    fn believed(&self, model: &ModelName, id: &ArtifactId) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert((model.clone(), *id));
    }
}

/// PKCS #8, in PEM or its base64 alone.
fn key_pair(text: &str) -> Option<Ed25519KeyPair> {
    let der = match PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()) {
        Ok(key) => zeroize::Zeroizing::new(key.secret_pkcs8_der().to_vec()),
        Err(_) => zeroize::Zeroizing::new(STANDARD.decode(text.trim()).ok()?),
    };
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).ok()
}

/// What is signed. A model's name has no line feed.
pub(super) fn statement(model: &ModelName, id: &ArtifactId) -> Vec<u8> {
    format!("cutline model version\n{model}\n{id}\n").into_bytes()
}

impl PublicKey {
    fn of(pair: &Ed25519KeyPair) -> PublicKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(pair.public_key().as_ref());
        PublicKey(bytes)
    }
}

impl FromStr for PublicKey {
    type Err = NoPublicKey;

    fn from_str(text: &str) -> Result<PublicKey, NoPublicKey> {
        let der = STANDARD.decode(text.trim()).ok();
        let bytes = der.and_then(|der| der.strip_prefix(&SPKI)?.try_into().ok());
        bytes.map(PublicKey).ok_or_else(|| NoPublicKey {
            text: text.to_owned(),
        })
    }
}

impl TryFrom<String> for PublicKey {
    type Error = NoPublicKey;

    fn try_from(text: String) -> Result<PublicKey, NoPublicKey> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> String {
        key.to_string()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode([&SPKI[..], &self.0].concat()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Registry {
    /// Signs a version with this program's key. Signed already, it stays so.
    ///
    /// # Errors
    /// When there is no key, it is not trusted, or the cells cannot be used.
    pub async fn sign(&self, registered: &Registered) -> Result<PublicKey, RegistryError> {
        let signer = self.signing.signer().await?;
        self.sign_with(&signer, registered).await
    }

    pub(super) async fn sign_with(
        &self,
        (pair, public): &(Ed25519KeyPair, PublicKey),
        registered: &Registered,
    ) -> Result<PublicKey, RegistryError> {
        let Registered { model, id, .. } = registered;
        let statement = statement(model, id);
        let signed = Signed {
            key: *public,
            signature: STANDARD.encode(pair.sign(&statement)),
            at: self.clock.now(),
        };
        let key = place(model, id, public);
        let mut seen = None;
        loop {
            let put = document(&key, &signed)?;
            match self.cells.swap(&key, seen.as_ref(), put).await? {
                Swapped::Done(_) => return Ok(*public),
                Swapped::Lost(Some(cell)) if self.signing.finds(&key, &cell, &statement) => {
                    return Ok(*public);
                }
                // What stands in its place vouches for nothing.
                Swapped::Lost(cell) => seen = cell.map(|cell| cell.revision),
            }
        }
    }

    /// The trusted keys that signed a version.
    ///
    /// # Errors
    /// When the cells cannot be used.
    pub async fn signed_by(
        &self,
        model: &ModelName,
        id: &ArtifactId,
    ) -> Result<Vec<PublicKey>, RegistryError> {
        let statement = statement(model, id);
        let mut signers = Vec::new();
        for public in self.signing.trusted.iter() {
            let key = place(model, id, public);
            if let Some(cell) = self.cells.read(&key).await?
                && self.signing.finds(&key, &cell, &statement)
            {
                signers.push(*public);
            }
        }
        Ok(signers)
    }

    /// A version that nobody trusted signed serves nobody.
    pub(super) async fn believe(&self, registered: &Registered) -> Result<(), RegistryError> {
        let Registered {
            model, number, id, ..
        } = registered;
        if !self.signing.is_asked_for() || self.signing.has_believed(model, id) {
            return Ok(());
        }
        if self.signed_by(model, id).await?.is_empty() {
            return Err(RegistryError::Unsigned {
                model: model.clone(),
                number: *number,
            });
        }
        self.signing.believed(model, id);
        Ok(())
    }
}

/// Where a key's signature is.
fn place(model: &ModelName, id: &ArtifactId, key: &PublicKey) -> String {
    format!("signature/{model}/{id}/{}", hex::encode(key.0))
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::{churn, registry, version};
    use super::super::{Alias, VersionNumber};
    use super::*;
    use crate::secret::tests::Told;

    /// Of `openssl genpkey -algorithm ed25519`, and its `openssl pkey -pubout`.
    const OPENSSL: (&str, &str) = (
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEILniDfbzeVMOKUCz/nsnOR1ZugEl2dWWk0yaaFd6mTJj\n-----END PRIVATE KEY-----\n",
        "MCowBQYDK2VwAyEANNFVitIF4NZDQ3Clj/t5LvhFslg6X80PuDd+N+BUL4M=",
    );
    const FROM: &str = "secret:env:SIGNING_KEY";

    pub(in super::super) fn generated() -> (&'static str, PublicKey) {
        let random = ring::rand::SystemRandom::new();
        let der = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let text = STANDARD.encode(der.as_ref());
        let public = PublicKey::of(&key_pair(&text).unwrap());
        (text.leak(), public)
    }

    pub(in super::super) fn signing(trusted: &[PublicKey], key: Option<&'static str>) -> Signing {
        let signing = Signing::new(trusted.to_vec(), key.map(|_| FROM.parse().unwrap()));
        match key {
            Some(key) => signing.knowing(Arc::new(Told(FROM, key))),
            None => signing,
        }
    }

    #[test]
    fn keys_are_openssls() {
        let (private, public) = OPENSSL;
        let pair = key_pair(private).unwrap();
        assert_eq!(PublicKey::of(&pair).to_string(), public);
        let alone: String = private
            .lines()
            .filter(|line| !line.starts_with('-'))
            .collect();
        assert_eq!(
            PublicKey::of(&key_pair(&alone).unwrap()).to_string(),
            public
        );
        assert_eq!(public.parse::<PublicKey>().unwrap().to_string(), public);
        for text in ["", "s3cret", "MCowBQYDK2VwAyEA", &public[4..], private] {
            assert!(text.parse::<PublicKey>().is_err(), "{text}");
        }
        assert!(key_pair(public).is_none());
    }

    #[tokio::test]
    async fn what_is_registered_is_signed_and_serves() {
        let (key, public) = generated();
        let registry = registry().signed(signing(&[public], Some(key)));
        let registered = registry
            .register(&churn(), version("a"), "one")
            .await
            .unwrap();
        let found = registry.version(&churn(), registered.number).await.unwrap();
        assert_eq!(found, registered);
        let by = registry.signed_by(&churn(), &found.id).await.unwrap();
        assert_eq!(by, [public]);
    }

    #[tokio::test]
    async fn what_nobody_trusted_signed_serves_nobody() {
        let (key, public) = generated();
        let plain = registry();
        let forged = plain
            .register(&churn(), version("a"), "a thief")
            .await
            .unwrap();
        let strict = plain.clone().signed(signing(&[public], Some(key)));
        let refused = strict.version(&churn(), forged.number).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "no key of signing.trusted signed v1 of churn: `cutline registry sign churn v1` vouches for it; until then it serves nobody"
        );
        let (model, champion) = (churn(), Alias::Champion);
        let pointed = strict.point(&model, champion, None, forged.number, "x", "y");
        assert!(matches!(pointed.await, Err(RegistryError::Unsigned { .. })));
        // Nor does it where somebody without the key moved the alias.
        let moved = plain.point(&model, champion, None, forged.number, "x", "y");
        moved.await.unwrap();
        let serves = strict.serving(&churn(), Alias::Champion).await;
        assert!(matches!(serves, Err(RegistryError::Unsigned { .. })));
        strict.sign(&forged).await.unwrap();
        let serves = strict.serving(&churn(), Alias::Champion).await.unwrap();
        assert_eq!(serves.map(|version| version.number), Some(VersionNumber(1)));
    }

    #[tokio::test]
    async fn a_signature_is_of_one_model_one_version_and_one_key() {
        let ((key, public), (other_key, other)) = (generated(), generated());
        let plain = registry();
        let strict = plain.clone().signed(signing(&[public], Some(key)));
        let signed = strict
            .register(&churn(), version("a"), "one")
            .await
            .unwrap();
        let good = plain
            .cells
            .list("signature/")
            .await
            .unwrap()
            .remove(0)
            .1
            .value;
        let forge = async |model: &str, id: &ArtifactId, key: &PublicKey, value: String| {
            let model = model.parse().unwrap();
            let place = place(&model, id, key);
            plain.cells.swap(&place, None, value.into()).await.unwrap();
            strict.signed_by(&model, id).await.unwrap()
        };
        let text = String::from_utf8(good.to_vec()).unwrap();
        // Moved to another version, or to another model.
        let swapped = plain
            .register(&churn(), version("b"), "a thief")
            .await
            .unwrap();
        assert_eq!(forge("churn", &swapped.id, &public, text.clone()).await, []);
        assert_eq!(forge("fraud", &signed.id, &public, text.clone()).await, []);
        // Said to be of the trusted key, by another.
        let theirs = plain.clone().signed(signing(&[other], Some(other_key)));
        theirs.sign(&swapped).await.unwrap();
        assert_eq!(strict.signed_by(&churn(), &swapped.id).await.unwrap(), []);
        let place = format!("signature/churn/{}/", swapped.id);
        let cells = plain.cells.list(&place).await.unwrap().into_iter();
        let theirs = cells.map(|(_, cell)| cell.value).find(|cell| *cell != good);
        let theirs = theirs.unwrap();
        let renamed = String::from_utf8(theirs.to_vec()).unwrap();
        let renamed = renamed.replace(&other.to_string(), &public.to_string());
        let third = plain
            .register(&churn(), version("c"), "a thief")
            .await
            .unwrap();
        assert_eq!(forge("churn", &third.id, &public, renamed).await, []);
    }

    #[tokio::test]
    async fn a_key_is_replaced_while_versions_serve() {
        let ((old, old_public), (new, new_public)) = (generated(), generated());
        let plain = registry();
        let before = plain.clone().signed(signing(&[old_public], Some(old)));
        let version = before
            .register(&churn(), version("a"), "one")
            .await
            .unwrap();
        // Both are trusted, and the new one signs what the old one did.
        let during = plain
            .clone()
            .signed(signing(&[old_public, new_public], Some(new)));
        assert!(during.version(&churn(), version.number).await.is_ok());
        assert_eq!(during.sign(&version).await.unwrap(), new_public);
        // Without the old one it still serves; where it was not signed anew, it
        // would not.
        let after = plain.clone().signed(signing(&[new_public], None));
        assert!(after.version(&churn(), version.number).await.is_ok());
    }

    #[tokio::test]
    async fn what_cannot_sign_says_what_to_do() {
        let ((key, public), (_, other)) = (generated(), generated());
        for (signing, says) in [
            (signing(&[public], None), "write signing.key beside it"),
            (
                signing(&[public], Some("s3cret")),
                "secret:env:SIGNING_KEY holds no Ed25519 private key",
            ),
            (
                signing(&[other], Some(key)),
                "signing.key is not trusted: add MCow",
            ),
        ] {
            let registry = registry().signed(signing);
            let refused = registry.register(&churn(), version("a"), "one").await;
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
            assert!(!refused.contains("s3cret"), "{refused}");
        }
    }

    #[tokio::test]
    async fn what_stands_in_a_signatures_place_is_replaced_and_stops_no_other() {
        let ((key, public), (_, other)) = (generated(), generated());
        let registry = registry().signed(signing(&[other, public], Some(key)));
        let version = version("a");
        let id = {
            let plain = registry.clone().signed(Signing::default());
            let registered = plain.register(&churn(), version.clone(), "one").await;
            registered.unwrap().id
        };
        for key in [&public, &other] {
            let place = place(&churn(), &id, key);
            let put = registry
                .cells
                .swap(&place, None, "of a later cutline".into());
            put.await.unwrap();
        }
        let registered = registry.register(&churn(), version, "one").await.unwrap();
        let found = registry.version(&churn(), registered.number).await;
        assert_eq!(found.unwrap().id, id);
        assert_eq!(registry.signed_by(&churn(), &id).await.unwrap(), [public]);
    }

    #[tokio::test]
    async fn who_cannot_sign_takes_no_number() {
        let (_, public) = generated();
        let registry = registry().signed(signing(&[public], None));
        let refused = registry.register(&churn(), version("a"), "one").await;
        assert!(matches!(refused, Err(RegistryError::Signing(_))));
        assert_eq!(registry.versions(&churn()).await.unwrap(), []);
    }
}
