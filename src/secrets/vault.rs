//! Secrets of a Key Vault, asked for with this machine's identity.
//!
//! What was fetched is kept for a few minutes, a version for good. While the
//! vault cannot be reached, what was fetched last goes on being used for a day;
//! what it says is gone, or may not be read, is used no longer.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use azure_core::credentials::TokenCredential;
use azure_core::error::ErrorKind;
use azure_core::http::{ClientOptions, ExponentialRetryOptions, RetryOptions, Transport};
use azure_security_keyvault_secrets::models::SecretClientGetSecretOptions;
use azure_security_keyvault_secrets::{SecretClient, SecretClientOptions};
use cutline_runtime::secret::{SecretError, SecretFrom, VaultSecret};
use tokio::sync::Mutex;
use url::Url;
use zeroize::Zeroizing;

use super::known::wrong;
use crate::azure;
use crate::error::{CommandError, Kind};

/// A secret that was fetched this long ago is fetched anew.
const FRESH: Duration = Duration::from_secs(5 * 60);
/// A vault that does not answer is asked again after this long.
const PAUSE: Duration = Duration::from_secs(30);
/// What it said last is used this long, if it says nothing more.
const STALE: Duration = Duration::from_secs(24 * 3600);
/// For how long one question is asked again.
const PATIENCE: azure_core::time::Duration = azure_core::time::Duration::seconds(15);

/// One Key Vault.
pub(super) struct Vault {
    url: Url,
    client: SecretClient,
    kept: std::sync::Mutex<HashMap<VaultSecret, Arc<Mutex<Option<Kept>>>>>,
    ages: Ages,
}

/// How old what is kept may be.
struct Ages {
    fresh: Duration,
    pause: Duration,
    stale: Duration,
}

struct Kept {
    text: Zeroizing<String>,
    at: Instant,
    tried: Instant,
}

/// Why a vault tells no secret.
struct NotTold {
    why: &'static str,
    /// It said so itself, and not that it is busy.
    is_final: bool,
    source: azure_core::Error,
}

impl Vault {
    /// The vault at this URL, asked over the client and as the identity that
    /// storage is.
    pub(super) fn at(url: Url) -> Result<Vault, CommandError> {
        let http = azure::http()?;
        let identity = azure::identity(&http)?;
        let ages = Ages {
            fresh: FRESH,
            pause: PAUSE,
            stale: STALE,
        };
        Vault::new(url, identity, http, ages)
    }

    fn new(
        url: Url,
        identity: Arc<dyn TokenCredential>,
        http: reqwest::Client,
        ages: Ages,
    ) -> Result<Vault, CommandError> {
        let options = SecretClientOptions {
            client_options: ClientOptions {
                transport: Some(Transport::new(Arc::new(http))),
                retry: RetryOptions::exponential(ExponentialRetryOptions {
                    max_total_elapsed: PATIENCE,
                    ..ExponentialRetryOptions::default()
                }),
                ..ClientOptions::default()
            },
            ..SecretClientOptions::default()
        };
        let client = SecretClient::new(url.as_str(), identity, Some(options));
        let client = client.map_err(|error| {
            let error = anyhow::Error::new(error).context(format!("{url} cannot be used"));
            CommandError::new(Kind::Configuration, error)
        })?;
        Ok(Vault {
            url,
            client,
            kept: std::sync::Mutex::default(),
            ages,
        })
    }

    /// What the secret is now. Of several that ask at once one fetches it.
    pub(super) async fn text(
        &self,
        from: &SecretFrom,
        secret: &VaultSecret,
    ) -> Result<Zeroizing<String>, SecretError> {
        let place = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(kept.entry(secret.clone()).or_default())
        };
        let mut kept = place.lock().await;
        if let Some(kept) = kept.as_ref().filter(|kept| self.is_good(secret, kept)) {
            return Ok(kept.text.clone());
        }
        match (self.fetch(secret).await, kept.as_mut()) {
            (Ok(text), _) => {
                let now = Instant::now();
                *kept = Some(Kept {
                    text: text.clone(),
                    at: now,
                    tried: now,
                });
                Ok(text)
            }
            (Err(not), Some(last)) if !not.is_final && last.at.elapsed() < self.ages.stale => {
                tracing::warn!(
                    secret = %from,
                    vault = %self.url,
                    error = %not.source,
                    "the Key Vault does not answer; what it said last is used"
                );
                last.tried = Instant::now();
                Ok(last.text.clone())
            }
            (Err(not), _) => {
                *kept = None;
                Err(SecretError {
                    source: Some(Box::new(not.source)),
                    ..wrong(from, format!("{}: {}", self.url, not.why))
                })
            }
        }
    }

    fn is_good(&self, secret: &VaultSecret, kept: &Kept) -> bool {
        let ages = &self.ages;
        // What the vault did not tell a moment ago, it is not asked for yet.
        let waits = kept.tried > kept.at && kept.tried.elapsed() < ages.pause;
        secret.version.is_some() || kept.at.elapsed() < ages.fresh || waits
    }

    async fn fetch(&self, secret: &VaultSecret) -> Result<Zeroizing<String>, NotTold> {
        let options = SecretClientGetSecretOptions {
            secret_version: secret.version.clone(),
            ..SecretClientGetSecretOptions::default()
        };
        let answer = self.client.get_secret(&secret.name, Some(options)).await;
        let told = answer.and_then(azure_core::http::Response::into_model);
        let value = told.map_err(not_told)?.value.map(Zeroizing::new);
        match value.filter(|value| !value.trim().is_empty()) {
            Some(value) => Ok(Zeroizing::new(value.trim().to_owned())),
            None => Err(NotTold {
                why: "the secret is empty",
                is_final: true,
                source: azure_core::Error::with_message(ErrorKind::Other, "it has no value"),
            }),
        }
    }
}

/// ("Key Vault REST API error codes")
fn not_told(source: azure_core::Error) -> NotTold {
    let status = source.http_status().map(u16::from);
    let said = source.to_string();
    let says = |word: &str| said.contains(word);
    let (why, is_final) = match status {
        Some(404) => (
            "there is no such secret, or it was deleted: `az keyvault secret list-deleted` tells, and `recover` brings it back",
            true,
        ),
        Some(403) if says("ForbiddenByFirewall") || says("ForbiddenByConnection") => (
            "the vault lets nobody in from here: see its network rules and private endpoints",
            true,
        ),
        Some(403) if says("SecretDisabled") || says("not enabled") => (
            "the secret is disabled: enable it, or another version",
            true,
        ),
        Some(403) => (
            "this program's identity may not read it: give it Key Vault Secrets User on the secret",
            true,
        ),
        Some(401) => (
            "the vault does not believe the token: it may be of another tenant, or this machine's clock is off",
            true,
        ),
        Some(400) => (
            "the vault takes no such question: see the URL, the name and the version",
            true,
        ),
        _ if matches!(source.kind(), ErrorKind::Credential) => (
            "no token could be had: see the identity of this machine (AZURE_TOKEN_CREDENTIALS, AZURE_CLIENT_ID)",
            false,
        ),
        _ => ("the vault does not answer", false),
    };
    NotTold {
        why,
        is_final,
        source,
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Vault").field(&self.url.as_str()).finish()
    }
}

#[cfg(test)]
mod tests;
