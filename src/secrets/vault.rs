//! Secrets of a Key Vault, asked for with this machine's identity.
//!
//! What was fetched is kept for a few minutes, a version for good. Then it is
//! fetched anew, by one of those who ask; a vault that is slow, or cannot be
//! reached, keeps nobody waiting who can go on with what it said last, for a
//! day. What it says is gone, or may not be read, is used no longer.

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
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;
use zeroize::Zeroizing;

use crate::azure;
use crate::error::{CommandError, Kind};

/// A secret that was fetched this long ago is fetched anew.
const FRESH: Duration = Duration::from_secs(5 * 60);
/// A vault that did not tell is asked again after this long.
const PAUSE: Duration = Duration::from_secs(30);
/// What it said last is used this long, if it says nothing more.
const STALE: Duration = Duration::from_secs(24 * 3600);
/// Who has what it said last waits this long for what it says now.
const IMPATIENCE: Duration = Duration::from_secs(1);
/// Who has nothing waits this long.
const PATIENCE: Duration = Duration::from_secs(30);
/// For how long one question is asked again.
const RETRIES: azure_core::time::Duration = azure_core::time::Duration::seconds(15);

/// One Key Vault.
pub(super) struct Vault {
    inner: Arc<Inner>,
    places: std::sync::Mutex<HashMap<VaultSecret, Arc<Place>>>,
    ages: Ages,
}

struct Inner {
    url: Url,
    client: SecretClient,
}

/// How old what is kept may be.
struct Ages {
    fresh: Duration,
    pause: Duration,
    stale: Duration,
}

/// One secret.
#[derive(Default)]
struct Place {
    /// Held by who fetches.
    fetching: Arc<Mutex<()>>,
    said: std::sync::Mutex<Said>,
}

/// What the vault said of it.
#[derive(Clone, Default)]
struct Said {
    told: Option<(Zeroizing<String>, Instant)>,
    /// Since then, it did not tell.
    not: Option<(NotTold, Instant)>,
    /// It is to be asked anew.
    is_over: bool,
}

/// Why a vault tells no secret.
#[derive(Clone)]
struct NotTold {
    why: String,
    /// It said so itself, and not that it is busy.
    is_final: bool,
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
                    max_total_elapsed: RETRIES,
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
            inner: Arc::new(Inner { url, client }),
            places: std::sync::Mutex::default(),
            ages,
        })
    }

    /// What the secret is now.
    pub(super) async fn text(
        &self,
        from: &SecretFrom,
        secret: &VaultSecret,
    ) -> Result<Zeroizing<String>, SecretError> {
        let place = {
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(places.entry(secret.clone()).or_default())
        };
        if let Some(answer) = self.known(from, secret, &place) {
            return answer;
        }
        // Of several that ask at once one fetches; who can go on does so.
        let has_some = place.said().told.is_some();
        let turn = match Arc::clone(&place.fetching).try_lock_owned() {
            Ok(turn) => turn,
            Err(_) if has_some => return self.last(from, &place),
            Err(_) => Arc::clone(&place.fetching).lock_owned().await,
        };
        if let Some(answer) = self.known(from, secret, &place) {
            return answer;
        }
        let (inner, named, into) = (Arc::clone(&self.inner), secret.clone(), Arc::clone(&place));
        let fetching = tokio::spawn(async move {
            let fetched = tokio::time::timeout(PATIENCE, inner.fetch(&named)).await;
            into.hears(fetched.unwrap_or_else(|_| Err(NotTold::away("it is too slow"))));
            drop(turn);
        });
        let patience = if has_some { IMPATIENCE } else { PATIENCE };
        // What it says too late is there for who asks next.
        let _ = tokio::time::timeout(patience, fetching).await;
        self.last(from, &place)
    }

    /// Asks anew for what may have changed.
    pub(super) fn forget(&self) {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, place) in places.iter().filter(|(secret, _)| secret.version.is_none()) {
            let mut said = place.said.lock().unwrap_or_else(PoisonError::into_inner);
            said.is_over = true;
            said.not = None;
        }
    }

    /// What needs not be asked for.
    fn known(
        &self,
        from: &SecretFrom,
        secret: &VaultSecret,
        place: &Place,
    ) -> Option<Result<Zeroizing<String>, SecretError>> {
        let Said { told, not, is_over } = place.said();
        let is_fresh = told.is_some_and(|(_, at)| {
            secret.version.is_some() || !is_over && at.elapsed() < self.ages.fresh
        });
        let waits = not.is_some_and(|(_, at)| at.elapsed() < self.ages.pause);
        (is_fresh || waits).then(|| self.last(from, place))
    }

    /// What it said last, if that may be used.
    fn last(&self, from: &SecretFrom, place: &Place) -> Result<Zeroizing<String>, SecretError> {
        let Said { told, not, .. } = place.said();
        if let Some((text, _)) = told.filter(|(_, at)| at.elapsed() < self.ages.stale) {
            if let Some((not, _)) = not {
                let (why, vault) = (not.why, &self.inner.url);
                tracing::warn!(secret = %from, %vault, why, "the Key Vault does not tell; what it said last is used");
            }
            return Ok(text);
        }
        let not = not.map_or_else(|| NotTold::away("it is too slow"), |(not, _)| not);
        Err(SecretError {
            may_pass: !not.is_final,
            ..SecretError::lasting(from, format!("{}: {}", self.inner.url, not.why))
        })
    }
}

impl Place {
    fn said(&self) -> Said {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.clone()
    }

    fn hears(&self, fetched: Result<Zeroizing<String>, NotTold>) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        match fetched {
            Ok(text) => {
                *said = Said {
                    told: Some((text, now)),
                    ..Said::default()
                }
            }
            Err(not) => {
                if not.is_final {
                    said.told = None;
                }
                said.not = Some((not, now));
            }
        }
    }
}

impl Inner {
    async fn fetch(&self, secret: &VaultSecret) -> Result<Zeroizing<String>, NotTold> {
        let options = SecretClientGetSecretOptions {
            secret_version: secret.version.clone(),
            ..SecretClientGetSecretOptions::default()
        };
        let answer = self.client.get_secret(&secret.name, Some(options)).await;
        let told = answer.and_then(azure_core::http::Response::into_model);
        let value = told.map_err(|error| not_told(&error))?.value;
        let value = value.map(Zeroizing::new).unwrap_or_default();
        match value.trim() {
            "" => Err(NotTold {
                why: "the secret is empty".to_owned(),
                is_final: true,
            }),
            value => Ok(Zeroizing::new(value.to_owned())),
        }
    }
}

impl NotTold {
    fn away(why: &str) -> NotTold {
        NotTold {
            why: format!("the vault does not answer: {why}"),
            is_final: false,
        }
    }
}

/// ("Key Vault REST API error codes")
fn not_told(error: &azure_core::Error) -> NotTold {
    let status = error.http_status().map(u16::from);
    let code = code(error);
    let why = match (status, code.as_str()) {
        (Some(404), _) => {
            "there is no such secret, or it was deleted: `az keyvault secret list-deleted` tells, and `recover` brings it back"
        }
        (Some(403), "ForbiddenByFirewall" | "ForbiddenByConnection") => {
            "the vault lets nobody in from here: see its network rules and private endpoints"
        }
        (Some(403), "SecretDisabled") => "the secret is disabled: enable it, or another version",
        (Some(403), _) => {
            "this program's identity may not read it: give it Key Vault Secrets User on the secret"
        }
        (Some(401), _) => {
            "the vault does not believe the token: it may be of another tenant, or this machine's clock is off"
        }
        (Some(400), _) => "the vault takes no such question: see the URL, the name and the version",
        _ if matches!(error.kind(), ErrorKind::Credential) => {
            return NotTold::away(&format!(
                "no token could be had: see the identity of this machine (AZURE_TOKEN_CREDENTIALS, AZURE_CLIENT_ID): {error}"
            ));
        }
        _ => return NotTold::away(&error.to_string()),
    };
    NotTold {
        why: why.to_owned(),
        is_final: true,
    }
}

/// The innermost code of what a vault answered.
fn code(error: &azure_core::Error) -> String {
    let ErrorKind::HttpResponse {
        raw_response: Some(answer),
        ..
    } = error.kind()
    else {
        return String::new();
    };
    let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let inner = &body["error"]["innererror"]["code"];
    let code = inner.as_str().or(body["error"]["code"].as_str());
    code.unwrap_or_default().to_owned()
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Vault")
            .field(&self.inner.url.as_str())
            .finish()
    }
}

#[cfg(test)]
mod tests;
