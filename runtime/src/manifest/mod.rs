//! What a pipeline needs to be hosted elsewhere, as data: whoever calls writes
//! the files.

mod alerts;
mod functions;
mod infra;
mod roles;
#[cfg(test)]
mod sample;
mod schedule;
mod settings;

use std::path::PathBuf;

pub use alerts::{ALERTS, Alert};
pub use functions::functions;
pub use infra::{bicep, terraform};
pub use roles::{Assignment, Role, Scope, roles};

/// A file to be written, under the folder of what is deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Relative, with `/` between its parts.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

/// Why a pipeline cannot be hosted so.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Its store is a folder.
    #[error(
        "the functions of an app keep nothing on its disk: name a container with store.url = \"azure:https://…\""
    )]
    Folder,
    /// Azure has no such schedule.
    #[error(
        "function {function}: trigger: every {every} cannot be said as NCRONTAB, by which Azure's timers go: write seconds or minutes that divide 60, hours that divide 24, or 1day"
    )]
    Schedule {
        /// The function.
        function: String,
        /// How often.
        every: String,
    },
    /// A secret is in a file, which is not deployed.
    #[error(
        "{key}: an app carries no file with a secret, and this one is in {file}: write {{ env = \"VARIABLE\" }}, which a setting of the app becomes"
    )]
    SecretFile {
        /// The key that names it.
        key: String,
        /// The file.
        file: String,
    },
    /// No setting of an app can be called so.
    #[error(
        "{key}: {name:?} names no variable that an app's setting can become: write letters, digits and underscores, no digit first, and no name of Azure's own (AZURE_…, WEBSITE_…)"
    )]
    Variable {
        /// The key that names it.
        key: String,
        /// What it is called.
        name: String,
    },
    /// Its store is no account that can be made.
    #[error(
        "store.url: {found} is no account that a template can make: name one as azure:https://ACCOUNT.blob.core.windows.net/CONTAINER, 3 to 24 lower-case letters and digits"
    )]
    Account {
        /// Where it is.
        found: String,
    },
    /// Its vault is none that can be made.
    #[error(
        "secrets.vault: {found} is no vault that a template can make: write https://NAME.vault.azure.net, a name of 3 to 24"
    )]
    Vault {
        /// Where it is.
        found: String,
    },
    /// Its requests show what the account refuses.
    #[error(
        "store.sas: the account of the templates takes no signature of its key: leave it out, and the app's identity is shown, which has the roles"
    )]
    Signature,
    /// There is nothing to host.
    #[error("there is no function, so there is nothing to host")]
    Empty,
    /// Two functions of the app would be called the same.
    #[error("{one} and {other} would both be the function {name} of the app: call one otherwise")]
    Twice {
        /// The name.
        name: String,
        /// The first.
        one: String,
        /// The second.
        other: String,
    },
    /// A face would be taken for an invocation.
    #[error(
        "http route {route:?}: the host invokes the function {function} there: call that otherwise"
    )]
    Taken {
        /// The face.
        route: String,
        /// The function.
        function: String,
    },
    /// A face is not as it should be.
    #[error("{0}")]
    Problem(crate::pipeline::Problem),
    /// It cannot be written as JSON.
    #[error("{path} cannot be written")]
    Json {
        /// The file.
        path: String,
        /// Why.
        source: serde_json::Error,
    },
}
