//! [`Credential`]: with what an account is asked.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential};
use object_store::CredentialProvider;
use object_store::azure::{AzureAccessKey, AzureCredential};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::store::clock::Timestamp;
use crate::store::place::AzurePlace;

/// With what an account is asked.
#[derive(Clone)]
pub enum Credential {
    /// A shared access signature: the query of its URL.
    Sas(Zeroizing<String>),
    /// The account's key. An emulator has one that everybody knows; a real one
    /// opens everything, so it is taken for an emulator alone.
    Key(Zeroizing<String>),
    /// Tokens of an identity, over https.
    Token(Arc<dyn TokenCredential>),
}

/// Why a credential cannot be right. None of it is repeated.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// It lacks what makes it one.
    #[error("the SAS has no {part}: copy the whole query of its URL, from sv= to sig=…")]
    NoSas {
        /// Which part.
        part: &'static str,
    },
    /// Its time is over.
    #[error(
        "the SAS was good until {until}: make a new one, or see that this machine's clock is right"
    )]
    Expired {
        /// Its end.
        until: String,
    },
    /// Its time has not come.
    #[error(
        "the SAS is not good before {from}: see that this machine's clock is right, and that of the one that made it"
    )]
    NotYet {
        /// Its beginning.
        from: String,
    },
    /// It is no key.
    #[error("the key is not in base64")]
    NoKey,
    /// Account keys open everything.
    #[error(
        "an account's key is taken for an emulator on this machine only: give this program an identity with the roles that it needs, or a SAS"
    )]
    KeyOffLoopback,
    /// Tokens are for https.
    #[error("a token is shown over https only: write https in store.url, or use a SAS")]
    TokenOverHttp,
}

/// What every request shows.
#[derive(Clone)]
pub(super) struct Shown(Arc<dyn CredentialProvider<Credential = AzureCredential>>);

/// How far clocks may differ before it is said. ("Best practices when using SAS":
/// up to 15 minutes)
const SKEW: Duration = Duration::from_secs(15 * 60);

const SCOPE: &str = "https://storage.azure.com/.default";

/// So long before its end a token is asked for anew.
const EARLY: Duration = Duration::from_secs(300);

impl Shown {
    pub(super) fn new(
        credential: Credential,
        place: &AzurePlace,
    ) -> Result<Shown, CredentialError> {
        let fixed = match credential {
            Credential::Sas(text) => AzureCredential::SASToken(sas(&text, SystemTime::now())?),
            Credential::Key(_) if !place.is_emulator() => {
                return Err(CredentialError::KeyOffLoopback);
            }
            Credential::Key(text) => {
                let key = AzureAccessKey::try_new(text.trim());
                AzureCredential::AccessKey(key.map_err(|_| CredentialError::NoKey)?)
            }
            Credential::Token(tokens) => {
                let is_safe = place.blobs.scheme() == "https" && place.queues.scheme() == "https";
                return match is_safe {
                    true => Ok(Shown(Arc::new(Tokens::new(tokens)))),
                    false => Err(CredentialError::TokenOverHttp),
                };
            }
        };
        Ok(Shown(Arc::new(Fixed(Arc::new(fixed)))))
    }

    pub(super) fn provider(&self) -> Arc<dyn CredentialProvider<Credential = AzureCredential>> {
        Arc::clone(&self.0)
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown")
    }
}

/// The pairs of a SAS.
fn sas(text: &str, now: SystemTime) -> Result<Vec<(String, String)>, CredentialError> {
    let query = text.trim().trim_start_matches('?');
    let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let part = |name: &str| {
        pairs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    };
    if part("sig").is_none() {
        return Err(CredentialError::NoSas { part: "sig" });
    }
    if let Some(from) = part("st")
        && from
            .parse::<Timestamp>()
            .is_ok_and(|begins| begins > Timestamp::from(now + SKEW))
    {
        return Err(CredentialError::NotYet { from: from.clone() });
    }
    // One that names a policy of the account has its end there.
    match (part("se"), part("si")) {
        (Some(until), _) => match until.parse::<Timestamp>() {
            Ok(end) if end <= Timestamp::from(now) => Err(CredentialError::Expired {
                until: until.clone(),
            }),
            _ => Ok(pairs),
        },
        (None, Some(_)) => Ok(pairs),
        (None, None) => Err(CredentialError::NoSas { part: "se" }),
    }
}

/// Always the same. What holds it may be printed.
struct Fixed(Arc<AzureCredential>);

impl fmt::Debug for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fixed")
    }
}

#[async_trait]
impl CredentialProvider for Fixed {
    type Credential = AzureCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AzureCredential>> {
        Ok(Arc::clone(&self.0))
    }
}

/// Tokens of an identity, each kept until it is nearly over.
struct Tokens {
    from: Arc<dyn TokenCredential>,
    kept: Mutex<Option<(AccessToken, Arc<AzureCredential>)>>,
}

impl Tokens {
    fn new(from: Arc<dyn TokenCredential>) -> Tokens {
        Tokens {
            from,
            kept: Mutex::default(),
        }
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens")
    }
}

#[async_trait]
impl CredentialProvider for Tokens {
    type Credential = AzureCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AzureCredential>> {
        let mut kept = self.kept.lock().await;
        let now = azure_core::time::OffsetDateTime::now_utc();
        if let Some((token, shown)) = &*kept
            && token.expires_on > now + EARLY
        {
            return Ok(Arc::clone(shown));
        }
        match self.from.get_token(&[SCOPE], None).await {
            Ok(token) => {
                let secret = token.token.secret().to_owned();
                let shown = Arc::new(AzureCredential::BearerToken(secret));
                *kept = Some((token, Arc::clone(&shown)));
                Ok(shown)
            }
            // The old one is still good for a while.
            Err(error) => match &*kept {
                Some((token, shown)) if token.expires_on > now => {
                    tracing::warn!(%error, "no new token of the identity can be had");
                    Ok(Arc::clone(shown))
                }
                _ => Err(object_store::Error::Unauthenticated {
                    path: SCOPE.to_owned(),
                    source: Box::new(error),
                }),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use azure_core::credentials::TokenRequestOptions;
    use azure_core::time::OffsetDateTime;

    use super::*;

    fn place(url: &str) -> AzurePlace {
        AzurePlace::parse(
            url,
            Some(if url.contains("https") {
                "https://q.example"
            } else {
                "http://127.0.0.1:1/dev"
            }),
        )
        .unwrap()
    }

    fn refused(credential: Credential, url: &str) -> String {
        Shown::new(credential, &place(url)).unwrap_err().to_string()
    }

    const REAL: &str = "azure:https://churn.blob.core.windows.net/kept";
    const EMULATED: &str = "azure:http://127.0.0.1:10000/dev/kept";

    #[test]
    fn what_cannot_be_right_is_said_without_the_secret() {
        let sas = |text: &str| Credential::Sas(text.to_owned().into());
        for (credential, url, expected) in [
            (
                sas("sv=1&se=2020-01-01T00:00:00Z&sig=s3cret"),
                REAL,
                "was good until 2020-01-01T00:00:00Z",
            ),
            (
                sas("sv=1&st=2998-01-01T00:00:00Z&se=2999-01-01T00:00:00Z&sig=s3cret"),
                REAL,
                "is not good before 2998-01-01T00:00:00Z",
            ),
            (sas("?sv=1&sig=s3cret"), REAL, "has no se"),
            (sas("s3cret"), REAL, "has no sig"),
            (
                Credential::Key("s3cret".to_owned().into()),
                REAL,
                "for an emulator",
            ),
            (
                Credential::Key("s3cret!".to_owned().into()),
                EMULATED,
                "not in base64",
            ),
            (
                Credential::Token(Arc::new(Counting::default())),
                EMULATED,
                "over https only",
            ),
        ] {
            let told = refused(credential, url);
            assert!(told.contains(expected), "{told}");
            assert!(!told.contains("s3cret"), "{told}");
        }
        let good = sas("?sv=1&se=2999-01-01T00%3A00%3A00Z&sig=a%2Bb");
        assert!(Shown::new(good, &place(REAL)).is_ok());
    }

    /// Gives tokens that are over at once, or no more.
    #[derive(Debug, Default)]
    struct Counting {
        asked: AtomicU32,
        lives: Duration,
    }

    #[async_trait]
    impl TokenCredential for Counting {
        async fn get_token(
            &self,
            _: &[&str],
            _: Option<TokenRequestOptions<'_>>,
        ) -> azure_core::Result<AccessToken> {
            match self.asked.fetch_add(1, Ordering::Relaxed) {
                n @ 0..2 => {
                    let until = OffsetDateTime::now_utc() + self.lives;
                    Ok(AccessToken::new(format!("token {n}"), until))
                }
                _ => Err(azure_core::Error::with_message(
                    azure_core::error::ErrorKind::Credential,
                    "no more",
                )),
            }
        }
    }

    async fn shown(tokens: &Tokens) -> Result<String, String> {
        match tokens.get_credential().await {
            Ok(shown) => Ok(format!("{shown:?}")),
            Err(error) => Err(error.to_string()),
        }
    }

    #[tokio::test]
    async fn a_token_is_kept_renewed_early_and_used_to_its_end() {
        let long = Counting {
            lives: Duration::from_secs(3_600),
            ..Counting::default()
        };
        let tokens = Tokens::new(Arc::new(long));
        let first = shown(&tokens).await.unwrap();
        assert_eq!(shown(&tokens).await.unwrap(), first);
        // Within its last minutes another is asked for, while the old one holds.
        let short = Counting {
            lives: Duration::from_secs(200),
            ..Counting::default()
        };
        let tokens = Tokens::new(Arc::new(short));
        let first = shown(&tokens).await.unwrap();
        let second = shown(&tokens).await.unwrap();
        assert_ne!(first, second);
        assert_eq!(shown(&tokens).await.unwrap(), second);
        // One that is over is of no use.
        let tokens = Tokens::new(Arc::new(Counting::default()));
        for _ in 0..2 {
            shown(&tokens).await.unwrap();
        }
        assert!(shown(&tokens).await.is_err());
    }
}
