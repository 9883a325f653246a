//! `modules/roles.bicep`: every role that an identity of the pipeline has.

use std::collections::BTreeSet;

use super::write::{symbol, text, told_apart};
use crate::manifest::infra::model::{Granted, Identity, Infra, On};
use crate::manifest::roles::{Role, Scope};

pub(super) fn roles(infra: &Infra) -> String {
    let mut roles = String::from(
        "// Every role that an identity has here, each on one thing.\n\nparam dataAccount string\nparam vaultName string\nparam insightsName string\n",
    );
    for app in &infra.apps {
        let symbol = symbol(&app.key);
        roles.push_str(&format!(
            "param host_{symbol} string\nparam principal_{symbol} string\n"
        ));
    }
    if !infra.subscriptions.is_empty() {
        roles.push_str("param principalOfEvents string\n");
    }
    if !infra.hubs.is_empty() {
        roles.push_str("param eventsNamespace string\n");
    }
    roles.push('\n');
    let kinds: BTreeSet<Role> = infra.granted.iter().map(|granted| granted.role).collect();
    for role in kinds {
        roles.push_str(&format!(
            "var {} = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', {})\n",
            variable(role),
            text(role.id()),
        ));
    }
    roles.push_str(&things(infra));
    for granted in &infra.granted {
        roles.push_str(&assignment(granted));
    }
    roles
}

/// `Storage Blob Data Reader` as `storageBlobDataReader`.
fn variable(role: Role) -> String {
    let plain: String = role.name().split(' ').collect();
    let (first, rest) = plain.split_at(1);
    format!("{}{rest}", first.to_ascii_lowercase())
}

/// What roles are on. It is there already.
fn things(infra: &Infra) -> String {
    let mut things = String::from(
        "
resource data 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: dataAccount
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' existing = {
  parent: data
  name: 'default'
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2024-01-01' existing = {
  parent: data
  name: 'default'
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: vaultName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}
",
    );
    if !infra.hubs.is_empty() {
        things.push_str(
            "
resource hubs 'Microsoft.EventHub/namespaces@2024-01-01' existing = {
  name: eventsNamespace
}
",
        );
    }
    let on: BTreeSet<&On> = infra.granted.iter().map(|granted| &granted.on).collect();
    for on in on {
        let (kind, parent, name) = match on {
            On::Data(Scope::Container(name)) => (
                "Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01",
                Some("blobs"),
                text(name),
            ),
            On::Data(Scope::Hub(name)) => (
                "Microsoft.EventHub/namespaces/eventhubs@2024-01-01",
                Some("hubs"),
                text(name),
            ),
            On::Data(Scope::Queue(name)) => (
                "Microsoft.Storage/storageAccounts/queueServices/queues@2024-01-01",
                Some("queues"),
                text(name),
            ),
            On::Secret(name) => (
                "Microsoft.KeyVault/vaults/secrets@2023-07-01",
                Some("vault"),
                text(name),
            ),
            On::Host(key) => (
                "Microsoft.Storage/storageAccounts@2024-01-01",
                None,
                format!("host_{}", symbol(key)),
            ),
            On::Telemetry => continue,
        };
        let parent = parent.map(|parent| format!("  parent: {parent}\n"));
        things.push_str(&format!(
            "\nresource {} '{kind}' existing = {{\n{}  name: {name}\n}}\n",
            thing(on),
            parent.unwrap_or_default(),
        ));
    }
    things
}

fn thing(on: &On) -> String {
    match on {
        On::Data(Scope::Container(name)) => format!("container_{}", symbol(name)),
        On::Data(Scope::Hub(name)) => format!("hub_{}", told_apart(name)),
        On::Data(Scope::Queue(name)) => format!("queue_{}", symbol(name)),
        On::Secret(name) => format!("secret_{}", symbol(name)),
        On::Host(key) => format!("account_{}", symbol(key)),
        On::Telemetry => "insights".to_owned(),
    }
}

fn assignment(granted: &Granted) -> String {
    let (who, principal) = match &granted.to {
        Identity::App(key) => {
            let symbol = symbol(key);
            (format!("app_{symbol}"), format!("principal_{symbol}"))
        }
        Identity::Events => ("events".to_owned(), "principalOfEvents".to_owned()),
    };
    let (on, role) = (thing(&granted.on), variable(granted.role));
    format!(
        "
resource {who}__{on}__{role} 'Microsoft.Authorization/roleAssignments@2022-04-01' = {{
  scope: {on}
  name: guid({on}.id, {principal}, {role})
  properties: {{
    principalId: {principal}
    principalType: 'ServicePrincipal'
    roleDefinitionId: {role}
  }}
}}
"
    )
}
