//! What a pipeline needs to be hosted elsewhere, as data: whoever calls writes
//! the files.

mod alerts;
mod functions;
mod roles;
#[cfg(test)]
mod sample;
mod schedule;

use std::path::PathBuf;

pub use alerts::{ALERTS, Alert};
pub use functions::functions;
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
        key: &'static str,
        /// The file.
        file: String,
    },
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
