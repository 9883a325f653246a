//! The settings of an app: what the Functions host and the program find in
//! their environment, in Azure and on one's own machine.

use serde_json::{Map, Value, json};
use url::Url;

use super::ManifestError;
use crate::pipeline::Pipeline;
use crate::secret::SecretFrom;
use crate::store::place::AzurePlace;

/// The connection of queues. Where the app's identity is used, its settings
/// are `CUTLINE__queueServiceUri`, `CUTLINE__credential` and `CUTLINE__clientId`.
pub(super) const CONNECTION: &str = "CUTLINE";

/// The connection of event hubs: their namespace is in
/// `CUTLINE_EVENTS__fullyQualifiedNamespace`.
pub(super) const EVENTS: &str = "CUTLINE_EVENTS";

/// The connection that the host keeps its own things by.
const OWN: &str = "AzureWebJobsStorage";

/// What a setting says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Setting {
    /// This.
    Text(String),
    /// The client id of the app's identity.
    Identity,
    /// What the account is called that the host keeps its own things in.
    HostAccount,
    /// Where the namespace of event hubs is.
    EventsNamespace,
    /// Where telemetry goes.
    Telemetry,
    /// As whom it goes there: the app's identity.
    TelemetryIdentity,
    /// What a secret of the vault holds, which is called so there.
    Secret(String),
}

/// The secrets that an app needs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Secrets {
    /// The variables that they are in, which settings become.
    pub(super) variables: Vec<String>,
    /// What those are called that the program asks the vault for by itself.
    pub(super) asked_for: Vec<String>,
}

/// Those of an app of these functions, or of all.
///
/// # Errors
/// When one is in a file, or no setting can be called so.
pub(super) fn secrets(pipeline: &Pipeline, only: &[String]) -> Result<Secrets, ManifestError> {
    let mut secrets = Secrets::default();
    for (key, from) in pipeline.secrets(only) {
        match from {
            // Clients speak TLS with the app's host.
            _ if key == "serve.tls.key" => {}
            // Nobody asks an app that has no faces.
            _ if key == "serve.token" && !pipeline.has_faces(only) => {}
            SecretFrom::Env(name) if is_variable(&name) && !is_taken(&name) => {
                secrets.variables.push(name);
            }
            SecretFrom::Env(name) => return Err(ManifestError::Variable { key, name }),
            SecretFrom::File(file) => return Err(ManifestError::SecretFile { key, file }),
            // The vault does not tell letters apart by their case.
            SecretFrom::Vault(secret) => secrets.asked_for.push(secret.name.to_ascii_lowercase()),
        }
    }
    for names in [&mut secrets.variables, &mut secrets.asked_for] {
        names.sort();
        names.dedup();
    }
    Ok(secrets)
}

/// What Linux and Azure both take for the name of a variable.
fn is_variable(name: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(inside)
}

/// Whether a setting of the host's or of the program's own is called so.
fn is_taken(name: &str) -> bool {
    const BEGINNINGS: [&str; 7] = [
        "APPLICATIONINSIGHTS_",
        "AZURE_",
        "AzureWebJobs",
        "CUTLINE__",
        "CUTLINE_EVENTS__",
        "FUNCTIONS_",
        "WEBSITE_",
    ];
    BEGINNINGS.iter().any(|begins| name.starts_with(begins))
}

/// In Azure, in the order of their names. `secrets` are variables, each with
/// what its secret is called in the vault; who `hears` of events, needs to know
/// where.
pub(super) fn hosted(
    kept: &AzurePlace,
    secrets: &[(&str, String)],
    hears: bool,
) -> Vec<(String, Setting)> {
    let text = |text: &str| Setting::Text(text.to_owned());
    let mut settings = vec![
        // Which identity the program shows.
        ("AZURE_CLIENT_ID".to_owned(), Setting::Identity),
        (
            "AZURE_TOKEN_CREDENTIALS".to_owned(),
            text("ManagedIdentityCredential"),
        ),
        (
            "APPLICATIONINSIGHTS_CONNECTION_STRING".to_owned(),
            Setting::Telemetry,
        ),
        (
            "APPLICATIONINSIGHTS_AUTHENTICATION_STRING".to_owned(),
            Setting::TelemetryIdentity,
        ),
        (format!("{OWN}__accountName"), Setting::HostAccount),
    ];
    let mut connections = vec![OWN, CONNECTION];
    if hears {
        connections.push(EVENTS);
        settings.push((namespace(), Setting::EventsNamespace));
    }
    for connection in connections {
        settings.push((format!("{connection}__credential"), text("managedidentity")));
        settings.push((format!("{connection}__clientId"), Setting::Identity));
    }
    let services = services(kept).map(|(name, uri)| (name, Setting::Text(uri)));
    settings.extend(services);
    let secrets = secrets.iter();
    settings.extend(secrets.map(|(name, secret)| {
        let secret = Setting::Secret(secret.clone());
        ((*name).to_owned(), secret)
    }));
    settings.sort();
    settings
}

/// For `func start` on one's own machine: where things are, and never what
/// opens them.
pub(super) fn local(kept: &AzurePlace, secrets: &[String], hears: bool) -> Value {
    const EMULATOR: &str = "UseDevelopmentStorage=true";
    let mut values = Map::new();
    let mut say = |name: &str, value: &str| values.insert(name.to_owned(), value.into());
    say("FUNCTIONS_WORKER_RUNTIME", "custom");
    say(OWN, EMULATOR);
    // The host knows no identity that an emulator takes.
    match kept.is_emulator() {
        true => {
            say(CONNECTION, EMULATOR);
        }
        false => {
            for (name, uri) in services(kept) {
                say(&name, &uri);
            }
        }
    }
    if hears {
        say(&namespace(), "");
    }
    for secret in secrets {
        say(secret, "");
    }
    json!({ "IsEncrypted": false, "Values": values })
}

/// Where the connection of event hubs leads.
fn namespace() -> String {
    format!("{EVENTS}__fullyQualifiedNamespace")
}

/// Where the connection leads.
fn services(kept: &AzurePlace) -> [(String, String); 2] {
    let at = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
    [
        (format!("{CONNECTION}__blobServiceUri"), at(&kept.blobs)),
        (format!("{CONNECTION}__queueServiceUri"), at(&kept.queues)),
    ]
}
