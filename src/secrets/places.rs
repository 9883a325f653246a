//! Secrets of this machine: in the environment, or in files.

use std::path::Path;

use anyhow::Context;
use zeroize::Zeroizing;

use crate::private;

/// What Azure leaves in a setting in place of a secret that it could not fetch.
const UNRESOLVED: &str = "@Microsoft.KeyVault(";

/// What a variable of the environment says.
pub(super) fn env(name: &str) -> anyhow::Result<Zeroizing<String>> {
    let text = std::env::var(name);
    let text = text.with_context(|| format!("the environment variable {name} cannot be read"))?;
    told(name, &Zeroizing::new(text))
}

/// What a file says that its owner alone can read.
pub(super) fn file(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    let text = private::read(path)?;
    told(&path.display().to_string(), &text)
}

/// The secret of a text that should be one.
fn told(place: &str, text: &str) -> anyhow::Result<Zeroizing<String>> {
    let trimmed = text.trim();
    anyhow::ensure!(!trimmed.is_empty(), "{place} is empty");
    anyhow::ensure!(
        !trimmed.starts_with(UNRESOLVED),
        "the setting {place} is a Key Vault reference that was not resolved: see that its secret is there and enabled, that the app's identity is Key Vault Secrets User on it and the app's keyVaultReferenceIdentity, and that the app reaches the vault; then restart the app"
    );
    Ok(Zeroizing::new(trimmed.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Result<String, String> {
        let told = told("CHURN_DB", text);
        told.map(|text| text.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_stands_there_is_the_secret_without_the_space_around_it() {
        assert_eq!(said(" s3cret\n").as_deref(), Ok("s3cret"));
        assert_eq!(said(" \n").unwrap_err(), "CHURN_DB is empty");
    }

    #[test]
    fn a_reference_that_azure_did_not_resolve_is_no_secret() {
        let text = "@Microsoft.KeyVault(SecretUri=https://churn.vault.azure.net/secrets/churn-db)";
        let refused = said(text).unwrap_err();
        let begins = "the setting CHURN_DB is a Key Vault reference that was not resolved";
        assert!(refused.starts_with(begins), "{refused}");
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        let refused = format!("{:#}", env("CUTLINE_NO_SUCH_SECRET").unwrap_err());
        assert_eq!(
            refused,
            "the environment variable CUTLINE_NO_SUCH_SECRET cannot be read: environment variable not found"
        );
    }
}
