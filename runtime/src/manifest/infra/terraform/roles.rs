//! `roles.tf`: every role that an identity of the pipeline has.

use super::write::{Hcl, body, quoted};
use crate::manifest::infra::model::{Granted, Identity, Infra, On};
use crate::manifest::roles::Scope;

/// What gives them.
const GRANTED: &str = r#"
resource "azurerm_role_assignment" "granted" {
  for_each = local.granted

  scope                = each.value.on
  role_definition_name = each.value.role
  principal_id         = each.value.to
  principal_type       = "ServicePrincipal"
}
"#;

pub(super) fn roles(infra: &Infra) -> String {
    let granted = infra.granted.iter().map(|granted| {
        let entries = [
            ("on", Hcl::Code(on(&granted.on))),
            ("role", Hcl::text(granted.role.name())),
            ("to", Hcl::Code(to(&granted.to))),
        ];
        let entries = entries.map(|(key, value)| (key.to_owned(), value));
        (quoted(&said(granted)), Hcl::Map(entries.into()))
    });
    let granted = [("granted".to_owned(), Hcl::Map(granted.collect()))];
    format!(
        "# Every role that an identity has here, each on one thing.\nlocals {{\n{}}}\n{GRANTED}",
        body(&granted, 2)
    )
}

fn said(granted: &Granted) -> String {
    let to = match &granted.to {
        Identity::App(key) => key,
        Identity::Events => "Event Grid",
    };
    let on = match &granted.on {
        On::Data(Scope::Container(name)) => format!("container {name}"),
        On::Data(Scope::Hub(name)) => format!("event hub {name}"),
        On::Data(Scope::Queue(name)) => format!("queue {name}"),
        On::Host(_) => "its host's account".to_owned(),
        On::Secret(name) => format!("secret {name}"),
        On::Telemetry => "telemetry".to_owned(),
    };
    format!("{to}, {on}: {}", granted.role.name())
}

fn on(on: &On) -> String {
    match on {
        On::Data(Scope::Container(name)) => {
            format!("azurerm_storage_container.data[{}].id", quoted(name))
        }
        On::Data(Scope::Hub(name)) => format!("azurerm_eventhub.main[{}].id", quoted(name)),
        On::Data(Scope::Queue(name)) => format!("azurerm_storage_queue.data[{}].id", quoted(name)),
        On::Host(key) => format!("azurerm_storage_account.host[{}].id", quoted(key)),
        On::Secret(name) => format!("\"${{azurerm_key_vault.main.id}}/secrets/{name}\""),
        On::Telemetry => "azurerm_application_insights.main.id".to_owned(),
    }
}

fn to(identity: &Identity) -> String {
    match identity {
        Identity::App(key) => {
            format!(
                "azurerm_user_assigned_identity.app[{}].principal_id",
                quoted(key)
            )
        }
        Identity::Events => "azurerm_user_assigned_identity.events[0].principal_id".to_owned(),
    }
}
