//! `settings.tf`: the settings of each app.

use super::write::{Hcl, body, quoted};
use crate::manifest::infra::model::{App, Infra};
use crate::manifest::settings::Setting;

pub(super) fn settings(infra: &Infra) -> String {
    let apps = infra.apps.iter();
    let apps = apps.map(|app| (quoted(&app.key), Hcl::Map(of(app))));
    let settings = [("settings".to_owned(), Hcl::Map(apps.collect()))];
    format!("locals {{\n{}}}\n", body(&settings, 2))
}

fn of(app: &App) -> Vec<(String, Hcl)> {
    let settings = app.settings.iter();
    let settings = settings.filter_map(|(name, value)| Some((name.clone(), setting(value, app)?)));
    settings.collect()
}

/// Where telemetry goes azurerm sets by itself: `apps.tf` says it.
fn setting(setting: &Setting, app: &App) -> Option<Hcl> {
    let identity = format!(
        "azurerm_user_assigned_identity.app[{}].client_id",
        quoted(&app.key)
    );
    Some(match setting {
        Setting::Text(text) => Hcl::text(text),
        Setting::Identity => Hcl::Code(identity),
        Setting::HostAccount => Hcl::Code(format!(
            "azurerm_storage_account.host[{}].name",
            quoted(&app.key)
        )),
        Setting::Telemetry => return None,
        Setting::TelemetryIdentity => {
            Hcl::Code(format!("\"ClientId=${{{identity}}};Authorization=AAD\""))
        }
        Setting::Secret(secret) => Hcl::Code(format!(
            "\"@Microsoft.KeyVault(SecretUri=${{azurerm_key_vault.main.vault_uri}}secrets/{secret})\""
        )),
    })
}
