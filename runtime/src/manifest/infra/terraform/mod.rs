//! An [`Infra`] in Terraform, for the providers azurerm and azapi.

mod pipeline;
mod roles;
mod settings;
mod variables;
mod write;

use super::model::Infra;
use super::{file, readme};
use crate::manifest::File;

/// Files that no pipeline changes.
const SHARED: &[(&str, &str)] = &[
    ("alerts.tf", include_str!("alerts.tf")),
    ("apps.tf", include_str!("apps.tf")),
    ("data.tf", include_str!("data.tf")),
    ("events.tf", include_str!("events.tf")),
    ("hosts.tf", include_str!("hosts.tf")),
    ("identities.tf", include_str!("identities.tf")),
    ("main.tf", include_str!("main.tf")),
    ("monitoring.tf", include_str!("monitoring.tf")),
    ("network.tf", include_str!("network.tf")),
    ("outputs.tf", include_str!("outputs.tf")),
    ("vault.tf", include_str!("vault.tf")),
];

/// Where functions hear of events.
const HUBS: (&str, &str) = ("hubs.tf", include_str!("hubs.tf"));

pub(super) fn files(infra: &Infra) -> Vec<File> {
    let mut files = vec![
        file("README.md", readme::terraform(infra)),
        file("pipeline.tf", pipeline::pipeline(infra)),
        file("roles.tf", roles::roles(infra)),
        file("settings.tf", settings::settings(infra)),
        file("variables.tf", variables::variables(infra)),
    ];
    let hubs = (!infra.hubs.is_empty()).then_some(&HUBS);
    let shared = SHARED.iter().chain(hubs);
    files.extend(shared.map(|(path, text)| file(path, *text)));
    files
}
