//! Azure Storage: an account, and how what asks it shows who it is.
//!
//! Blobs go through object_store, queues through azure_storage_queue; both over
//! one HTTP client, and authorized in one place. Where tokens come from, and
//! whom TLS believes, is handed in.

mod authorize;
mod client;
mod credential;
pub(crate) mod hint;
mod patient;
mod stamp;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use azure_core::http::{ClientOptions, ExponentialRetryOptions, RetryOptions, Transport};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, RetryConfig};

pub use credential::{Credential, CredentialError};

use self::authorize::Authorizing;
use self::client::{Connector, Discreet};
use self::credential::Shown;
use self::patient::Patient;
use crate::function::whole;
use crate::queue::AzureQueues;
use crate::store::artifact::Artifacts;
use crate::store::cells::BlobCells;
use crate::store::clock::Clock;
use crate::store::place::AzurePlace;
use crate::store::space::Space;
use crate::store::storage::Storage;

/// How long a request is tried again that the service does not take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where cells are in a container.
const CELLS: &str = "cells";

/// One storage account, by the container and the queues of it that are used.
/// Clones are the same one.
#[derive(Clone)]
pub struct Account {
    place: AzurePlace,
    shown: Shown,
    http: reqwest::Client,
}

/// Why an account cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// What it is asked with is of no use.
    #[error("{place} cannot be used")]
    Credential {
        /// The container.
        place: String,
        /// Why.
        source: CredentialError,
    },
    /// Its blobs cannot be asked for.
    #[error("{place} cannot be used: {hint}")]
    Blobs {
        /// The container.
        place: String,
        /// What to do.
        hint: &'static str,
        /// Why.
        source: object_store::Error,
    },
    /// Its queues cannot be asked for.
    #[error("the queues beside {place} cannot be used")]
    Queues {
        /// The container.
        place: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What stamps it cannot be understood.
    #[error("{place} holds a cutline.json that is none of cutline's: name another container")]
    Foreign {
        /// The container.
        place: String,
        /// Why.
        source: serde_json::Error,
    },
    /// It is for a later version.
    #[error("{place} was made by cutline {by}, in format {format}, and this one knows format {known}: use that version, or name another container", known = stamp::FORMAT)]
    Newer {
        /// The container.
        place: String,
        /// The version that made it.
        by: String,
        /// Its format.
        format: u32,
    },
}

impl AccountError {
    fn blobs(place: &str, source: object_store::Error) -> AccountError {
        AccountError::Blobs {
            place: place.to_owned(),
            hint: hint(&source),
            source,
        }
    }
}

impl Account {
    /// The account of this place, asked over `http` and shown `credential`.
    ///
    /// # Errors
    /// When the credential cannot be right.
    pub fn new(
        place: AzurePlace,
        credential: Credential,
        http: reqwest::Client,
    ) -> Result<Account, AccountError> {
        let shown = Shown::new(credential, &place).map_err(|source| AccountError::Credential {
            place: place.to_string(),
            source,
        })?;
        Ok(Account { place, shown, http })
    }

    /// Another container of the same account.
    #[must_use]
    pub fn at(&self, place: AzurePlace) -> Account {
        Account {
            place,
            ..self.clone()
        }
    }

    /// Where it is.
    pub fn place(&self) -> &AzurePlace {
        &self.place
    }

    /// The blobs of its container.
    ///
    /// # Errors
    /// When the client of them cannot be made.
    pub fn blobs(&self) -> Result<Arc<dyn ObjectStore>, AccountError> {
        let retry = RetryConfig {
            retry_timeout: PATIENCE,
            ..RetryConfig::default()
        };
        let store = MicrosoftAzureBuilder::new()
            .with_account(&self.place.account)
            .with_container_name(&self.place.container)
            .with_endpoint(self.place.blobs.to_string())
            // `AzurePlace` takes http for this machine only.
            .with_allow_http(true)
            .with_credentials(self.shown.provider())
            .with_http_connector(Connector(self.http.clone()))
            .with_retry(retry)
            .build();
        let store = store.map_err(|source| AccountError::blobs(&self.place.to_string(), source))?;
        Ok(Arc::new(Patient::new(Arc::new(store))))
    }

    /// Its queues.
    ///
    /// # Errors
    /// When the client of them cannot be made.
    pub fn queues(&self) -> Result<AzureQueues, AccountError> {
        let options = ClientOptions {
            per_try_policies: vec![Arc::new(Authorizing::new(
                self.shown.clone(),
                self.place.account.clone(),
            ))],
            retry: RetryOptions::exponential(ExponentialRetryOptions {
                max_total_elapsed: azure_core::time::Duration::try_from(PATIENCE)
                    .unwrap_or(azure_core::time::Duration::MINUTE),
                ..ExponentialRetryOptions::default()
            }),
            transport: Some(Transport::new(Arc::new(Discreet(self.http.clone())))),
            ..ClientOptions::default()
        };
        let queues = AzureQueues::new(self.place.queues.clone(), options);
        queues.map_err(|source| AccountError::Queues {
            place: self.place.to_string(),
            source: source.into(),
        })
    }

    /// Artifacts and cells in its container, and its queues; stamps the
    /// container, if nothing is there yet.
    ///
    /// # Errors
    /// When the container is not there, lets this program not in, or holds what
    /// a later version made.
    pub async fn storage(&self, clock: Arc<dyn Clock>) -> Result<Storage, AccountError> {
        let store = self.blobs()?;
        let place = self.place.to_string();
        stamp::check(&*store, &place, clock.now()).await?;
        let cells = Arc::new(PrefixStore::new(Arc::clone(&store), CELLS));
        let live = Space::new(
            Artifacts::new(Arc::clone(&store)),
            Arc::new(BlobCells::new(cells)),
            Arc::new(self.queues()?),
            clock,
        );
        Ok(Storage::new(place, live, store).shared())
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

fn hint(error: &object_store::Error) -> &'static str {
    use object_store::Error;
    let status = match error {
        Error::NotFound { .. } => Some(404),
        Error::PermissionDenied { .. } => Some(403),
        Error::Unauthenticated { .. } => Some(401),
        _ => None,
    };
    hint::hint(hint::Of::Blobs, status, hint::code(&whole(error)))
}
