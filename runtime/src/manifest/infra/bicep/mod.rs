//! An [`Infra`] in Bicep: `main.bicep` and its modules.

mod alerts;
mod main;
mod roles;
mod write;

use super::model::Infra;
use super::{file, readme};
use crate::manifest::File;

/// Modules that no pipeline changes.
const MODULES: &[(&str, &str)] = &[
    ("account", include_str!("modules/account.bicep")),
    ("alerts", include_str!("modules/alerts.bicep")),
    ("app", include_str!("modules/app.bicep")),
    ("endpoint", include_str!("modules/endpoint.bicep")),
    ("events", include_str!("modules/events.bicep")),
    ("hubs", include_str!("modules/hubs.bicep")),
    ("monitoring", include_str!("modules/monitoring.bicep")),
    ("network", include_str!("modules/network.bicep")),
    ("vault", include_str!("modules/vault.bicep")),
];

pub(super) fn files(infra: &Infra) -> Vec<File> {
    let mut files = vec![
        file("README.md", readme::bicep(infra)),
        file("main.bicep", main::main(infra)),
        file("modules/roles.bicep", roles::roles(infra)),
    ];
    for (name, text) in MODULES {
        files.push(file(&format!("modules/{name}.bicep"), *text));
    }
    files
}
