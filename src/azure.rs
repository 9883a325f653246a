//! How Azure is asked: over which HTTP client, and as whom.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use azure_core::credentials::TokenCredential;
use azure_core::http::{ClientOptions, Transport};
use azure_identity::{
    ClientAssertionCredentialOptions, DeveloperToolsCredential, ManagedIdentityCredential,
    ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions,
};
use cutline_runtime::azure::{Account, Credential};
use cutline_runtime::store::place::AzurePlace;

use crate::error::{CommandError, Kind};

const CONNECT: Duration = Duration::from_secs(10);
/// Between two pieces of an answer.
const READ: Duration = Duration::from_secs(60);

/// The account of this place.
pub(crate) fn account(
    place: &AzurePlace,
    credential: Credential,
    http: reqwest::Client,
) -> Result<Account, CommandError> {
    let account = Account::new(place.clone(), credential, http);
    account.map_err(|error| CommandError::new(Kind::Configuration, error))
}

/// Believes the system's authorities, or those that SSL_CERT_FILE names in their
/// place.
pub(crate) fn http() -> Result<reqwest::Client, CommandError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS cannot be set up")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(CONNECT)
        .read_timeout(READ)
        .redirect(reqwest::redirect::Policy::none())
        .build();
    Ok(client.context("the HTTP client cannot be made")?)
}

/// As whom: what AZURE_TOKEN_CREDENTIALS names, as in Azure's other SDKs; or
/// what this machine's environment offers; or whoever is logged in with
/// Azure's command line.
pub(crate) fn identity(http: &reqwest::Client) -> Result<Arc<dyn TokenCredential>, CommandError> {
    identity_of(http, None)
}

/// The same; of several managed ones the one with this client id.
pub(crate) fn identity_of(
    http: &reqwest::Client,
    client_id: Option<&str>,
) -> Result<Arc<dyn TokenCredential>, CommandError> {
    let environment = |name: &str| std::env::var(name).ok();
    let client_id = client_id.map(ToOwned::to_owned);
    let client_id = client_id.or_else(|| environment("AZURE_CLIENT_ID"));
    let options = || ClientOptions {
        transport: Some(Transport::new(Arc::new(http.clone()))),
        ..ClientOptions::default()
    };
    let kind = named(&environment)?;
    let made: azure_core::Result<Arc<dyn TokenCredential>> = match kind {
        Identity::Workload => {
            WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
                credential_options: ClientAssertionCredentialOptions {
                    client_options: options(),
                },
                ..WorkloadIdentityCredentialOptions::default()
            }))
            .map(|made| made as Arc<dyn TokenCredential>)
        }
        Identity::Managed => {
            ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
                user_assigned_id: client_id.map(UserAssignedId::ClientId),
                client_options: options(),
            }))
            .map(|made| made as Arc<dyn TokenCredential>)
        }
        Identity::DeveloperTools => {
            DeveloperToolsCredential::new(None).map(|made| made as Arc<dyn TokenCredential>)
        }
    };
    made.map_err(|error| {
        let error = anyhow::Error::new(error).context("this machine's identity cannot be used");
        CommandError::new(Kind::Configuration, error)
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Identity {
    Workload,
    Managed,
    DeveloperTools,
}

fn named(environment: &impl Fn(&str) -> Option<String>) -> Result<Identity, CommandError> {
    const NAME: &str = "AZURE_TOKEN_CREDENTIALS";
    let offers = |name| environment(name).is_some();
    match environment(NAME).as_deref() {
        Some("WorkloadIdentityCredential") => Ok(Identity::Workload),
        Some("ManagedIdentityCredential") => Ok(Identity::Managed),
        Some("AzureCliCredential" | "AzureDeveloperCliCredential" | "dev") => {
            Ok(Identity::DeveloperTools)
        }
        Some("prod") | None if offers("AZURE_FEDERATED_TOKEN_FILE") => Ok(Identity::Workload),
        Some("prod") => Ok(Identity::Managed),
        // Azure's app services and functions say where theirs is.
        None if offers("IDENTITY_ENDPOINT") || offers("MSI_ENDPOINT") => Ok(Identity::Managed),
        None => Ok(Identity::DeveloperTools),
        Some(other) => {
            let message = format!("{NAME}: there is no {other:?}");
            Err(CommandError::message(Kind::Configuration, message).hint(
                "write prod, dev, ManagedIdentityCredential, WorkloadIdentityCredential or AzureCliCredential",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(environment: &[(&str, &str)]) -> Result<Identity, String> {
        let named = named(&|name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        named.map_err(|error| error.to_string())
    }

    #[test]
    fn the_environment_says_as_whom() {
        let endpoint = ("IDENTITY_ENDPOINT", "http://127.0.0.1:4141/token");
        let federated = ("AZURE_FEDERATED_TOKEN_FILE", "/var/run/token");
        let named = |name| ("AZURE_TOKEN_CREDENTIALS", name);
        assert_eq!(of(&[]), Ok(Identity::DeveloperTools));
        assert_eq!(of(&[endpoint]), Ok(Identity::Managed));
        assert_eq!(of(&[endpoint, federated]), Ok(Identity::Workload));
        assert_eq!(of(&[named("prod")]), Ok(Identity::Managed));
        assert_eq!(of(&[named("prod"), federated]), Ok(Identity::Workload));
        assert_eq!(of(&[named("dev"), endpoint]), Ok(Identity::DeveloperTools));
        assert_eq!(
            of(&[named("ManagedIdentityCredential"), federated]),
            Ok(Identity::Managed)
        );
        let unknown = of(&[named("Managed")]).unwrap_err();
        assert!(unknown.contains("there is no \"Managed\""), "{unknown}");
    }
}
