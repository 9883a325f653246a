//! Tokens of this machine's identity, for an Application Insights that takes no
//! key: `APPLICATIONINSIGHTS_AUTHENTICATION_STRING`, as Azure Functions has it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use azure_core::credentials::{AccessToken, TokenCredential};
use azure_core::time::OffsetDateTime;
use tokio::runtime::{Builder, Runtime};
use zeroize::Zeroizing;

use super::post::Bearer;
use crate::azure;
use crate::error::CommandError;

/// Of the public cloud; the audience ends in a slash, and the scope has one more.
const AUDIENCE: &str = "https://monitor.azure.com/";
/// A token is renewed this long before its end.
const EARLY: Duration = Duration::from_secs(5 * 60);
/// How long one is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Used on the thread that sends, which may block.
pub(super) struct Identity {
    credential: Arc<dyn TokenCredential>,
    scope: String,
    runtime: Runtime,
    kept: Mutex<Option<AccessToken>>,
}

impl Identity {
    /// Of the managed identity with this client id, or of whom the environment
    /// says; for the audience that the connection string names.
    pub(super) fn of(
        client_id: Option<&str>,
        audience: Option<&str>,
    ) -> Result<Identity, CommandError> {
        let http = azure::http()?;
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Identity {
            credential: azure::identity_of(&http, client_id)?,
            scope: format!("{}/.default", audience.unwrap_or(AUDIENCE)),
            runtime: runtime.context("cannot start")?,
            kept: Mutex::default(),
        })
    }
}

impl Bearer for Identity {
    fn token(&self) -> Result<Zeroizing<String>, String> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = OffsetDateTime::now_utc();
        if let Some(token) = kept.as_ref().filter(|token| token.expires_on > now + EARLY) {
            return Ok(Zeroizing::new(token.token.secret().to_owned()));
        }
        let asked = self.runtime.block_on(async {
            tokio::time::timeout(PATIENCE, self.credential.get_token(&[&self.scope], None)).await
        });
        let token = asked.map_err(|_| "no token came in time".to_owned())?;
        let token = token.map_err(|error| format!("no token could be had: {error}"))?;
        let text = Zeroizing::new(token.token.secret().to_owned());
        *kept = Some(token);
        Ok(text)
    }
}
