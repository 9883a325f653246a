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
    let settings = settings.map(|(name, value)| (name.clone(), setting(value, app)));
    settings.collect()
}

fn setting(setting: &Setting, app: &App) -> Hcl {
    let key = quoted(&app.key);
    let identity = format!("azurerm_user_assigned_identity.app[{key}].client_id");
    let code = match setting {
        Setting::Text(text) => return Hcl::text(text),
        Setting::Identity => identity,
        Setting::HostAccount => format!("azurerm_storage_account.host[{key}].name"),
        Setting::EventsNamespace => {
            "\"${azurerm_eventhub_namespace.main.name}.servicebus.windows.net\"".to_owned()
        }
        Setting::Telemetry => "azurerm_application_insights.main.connection_string".to_owned(),
        Setting::TelemetryIdentity => format!("\"ClientId=${{{identity}}};Authorization=AAD\""),
        Setting::Secret(secret) => format!(
            "\"@Microsoft.KeyVault(SecretUri=${{azurerm_key_vault.main.vault_uri}}secrets/{secret})\""
        ),
    };
    Hcl::Code(code)
}
