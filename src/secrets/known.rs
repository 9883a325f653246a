//! [`Known`]: what a `functions.toml` refers to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cutline_runtime::pipeline::Pipeline;
use cutline_runtime::secret::{SecretError, SecretFrom, Secrets};
use futures_util::future::BoxFuture;
use zeroize::Zeroizing;

use super::places;
#[cfg(feature = "azure")]
use super::vault::Vault;
use crate::error::CommandError;

/// Those that a `functions.toml` refers to.
#[derive(Debug)]
pub(crate) struct Known {
    home: PathBuf,
    #[cfg(feature = "azure")]
    vault: Option<Vault>,
}

impl Known {
    /// Of a file in the folder `home`.
    #[cfg_attr(
        not(feature = "azure"),
        allow(unused_variables, reason = "only a vault is named there")
    )]
    pub(crate) fn of(pipeline: &Pipeline, home: &Path) -> Result<Arc<Known>, CommandError> {
        Ok(Arc::new(Known {
            home: home.to_owned(),
            #[cfg(feature = "azure")]
            vault: pipeline.vault.clone().map(Vault::at).transpose()?,
        }))
    }

    /// Looks anew for all that may have changed.
    pub(crate) fn forget(&self) {
        #[cfg(feature = "azure")]
        if let Some(vault) = &self.vault {
            vault.forget();
        }
    }

    #[cfg(feature = "azure")]
    async fn in_vault(&self, from: &SecretFrom) -> Result<Zeroizing<String>, SecretError> {
        match (from, &self.vault) {
            (SecretFrom::Vault(secret), Some(vault)) => vault.text(from, secret).await,
            _ => Err(SecretError::lasting(
                from,
                "functions.toml names no Key Vault: write [secrets] with vault = \"https://NAME.vault.azure.net\"",
            )),
        }
    }

    #[cfg(not(feature = "azure"))]
    async fn in_vault(&self, from: &SecretFrom) -> Result<Zeroizing<String>, SecretError> {
        Err(SecretError::lasting(
            from,
            "this program was built without Azure: build it with the feature azure",
        ))
    }
}

impl Secrets for Known {
    fn text<'a>(
        &'a self,
        from: &'a SecretFrom,
    ) -> BoxFuture<'a, Result<Zeroizing<String>, SecretError>> {
        Box::pin(async move {
            match from {
                SecretFrom::Env(name) => places::env(name).map_err(|error| of(from, &error)),
                SecretFrom::File(file) => {
                    let text = places::file(&self.home.join(file));
                    text.map_err(|error| of(from, &error))
                }
                SecretFrom::Vault(_) => self.in_vault(from).await,
            }
        })
    }
}

fn of(from: &SecretFrom, error: &anyhow::Error) -> SecretError {
    SecretError::lasting(from, format!("{error:#}"))
}
