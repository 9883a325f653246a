//! Every role that is given, whole: one that is wider, on more, missing or added
//! fails here, in either format.

use super::{Files, in_bicep, in_terraform, read_bicep, read_terraform, sample};
use crate::manifest::infra::tests::read_bicep::{Resource, Value};
use crate::manifest::roles::Role;

const ROLES: [Role; 9] = [
    Role::BlobReader,
    Role::BlobContributor,
    Role::BlobOwner,
    Role::QueueContributor,
    Role::QueueSender,
    Role::EventsReceiver,
    Role::SecretsUser,
    Role::EncryptionUser,
    Role::MetricsPublisher,
];

/// What the bindings of the sample's functions need.
const OF_FUNCTIONS: &[&str] = &[
    "hearing, container incoming: Storage Blob Data Reader",
    "hearing, container kept: Storage Blob Data Contributor",
    "hearing, hub Customer.events: Azure Event Hubs Data Receiver",
    "hearing, queue heard: Storage Queue Data Message Sender",
    "hearing, queue hearing-events-poison: Storage Queue Data Message Sender",
    "hearing, queue hearing-events: Storage Queue Data Contributor",
    "inference, container kept: Storage Blob Data Contributor",
    "inference, secret churn-token: Key Vault Secrets User",
    "ingestion, container incoming: Storage Blob Data Reader",
    "ingestion, container kept: Storage Blob Data Contributor",
    "ingestion, queue customers-ready: Storage Queue Data Message Sender",
    "ingestion, queue raw-arrived-poison: Storage Queue Data Message Sender",
    "ingestion, queue raw-arrived: Storage Queue Data Contributor",
    "ingestion, secret churn-db: Key Vault Secrets User",
    "ingestion, secret churn-token: Key Vault Secrets User",
    "monitoring, container kept: Storage Blob Data Contributor",
    "monitoring, queue monitoring-due-poison: Storage Queue Data Message Sender",
    "training, container kept: Storage Blob Data Contributor",
    "training, queue customers-ready-poison: Storage Queue Data Message Sender",
    "training, queue customers-ready: Storage Queue Data Contributor",
    "training, queue model-trained: Storage Queue Data Message Sender",
];

/// What the Functions host needs as each of their identities.
const OF_HOSTS: &[&str] = &[
    "hearing, host account of hearing: Storage Blob Data Owner",
    "hearing, telemetry: Monitoring Metrics Publisher",
    "inference, host account of inference: Storage Blob Data Owner",
    "inference, telemetry: Monitoring Metrics Publisher",
    "ingestion, host account of ingestion: Storage Blob Data Owner",
    "ingestion, telemetry: Monitoring Metrics Publisher",
    "monitoring, host account of monitoring: Storage Blob Data Owner",
    "monitoring, telemetry: Monitoring Metrics Publisher",
    "training, host account of training: Storage Blob Data Owner",
    "training, telemetry: Monitoring Metrics Publisher",
];

/// Event Grid's, and that of the accounts where a key of one's own encrypts them.
const OF_OTHERS: &[&str] = &[
    "encryption, key encryption_key: Key Vault Crypto Service Encryption User",
    "events, queue raw-arrived: Storage Queue Data Message Sender",
];

fn all() -> Vec<String> {
    let all = [OF_FUNCTIONS, OF_HOSTS, OF_OTHERS].concat();
    let mut all: Vec<String> = all.into_iter().map(str::to_owned).collect();
    all.sort();
    all
}

#[test]
fn bicep_gives_these_roles_and_no_other() {
    assert_eq!(given_in_bicep(&in_bicep(&sample()).unwrap()), all());
}

#[test]
fn terraform_gives_these_roles_and_no_other() {
    assert_eq!(given_in_terraform(&in_terraform(&sample()).unwrap()), all());
}

/// From "Azure built-in roles", where each has the same id in every directory.
#[test]
fn roles_have_the_ids_that_azure_lists() {
    let ids = ROLES.map(|role| format!("{} {}", role.id(), role.name()));
    assert_eq!(
        ids,
        [
            "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1 Storage Blob Data Reader",
            "ba92f5b4-2d11-453d-a403-e96b0029c9fe Storage Blob Data Contributor",
            "b7e6dc6d-f1e8-4753-8033-0f276bb0955b Storage Blob Data Owner",
            "974c5e8b-45b9-4653-ba55-5f855dd0fb88 Storage Queue Data Contributor",
            "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a Storage Queue Data Message Sender",
            "a638d3c7-ab3a-418d-83e6-5f17a39d4fde Azure Event Hubs Data Receiver",
            "4633458b-17de-408a-b874-0445c86b69e6 Key Vault Secrets User",
            "e147488a-f6f5-4113-8e2d-b22465e65bf6 Key Vault Crypto Service Encryption User",
            "3913510d-42f4-4e42-8a64-420c390055eb Monitoring Metrics Publisher",
        ]
    );
}

fn given_in_bicep(files: &Files) -> Vec<String> {
    let resources = read_bicep::resources(files);
    let assignments = resources
        .iter()
        .filter(|resource| resource.kind == "Microsoft.Authorization/roleAssignments");
    let given = assignments.map(|assignment| {
        let at = |path: &str| assignment.body.at(path).unwrap().as_text().to_owned();
        let principal = at("properties.principalId");
        let to = match principal.strip_prefix("principal_") {
            Some(app) => app.to_owned(),
            None if principal == "principalOfEvents" => "events".to_owned(),
            None if principal.ends_with(": encryption.properties.principalId")
                || principal.contains("'' : encryption.properties.principalId") =>
            {
                "encryption".to_owned()
            }
            None => principal,
        };
        let on = thing(&resources, &at("scope"));
        let role = at("properties.roleDefinitionId");
        format!("{to}, {on}: {}", role_in_bicep(files, &role))
    });
    let mut given: Vec<String> = given.collect();
    given.sort();
    given
}

/// What a symbol is of, up to the account or vault that it is in.
fn thing(resources: &[Resource], symbol: &str) -> String {
    let mut found = resources
        .iter()
        .filter(|resource| resource.symbol == symbol && resource.is_there);
    let (Some(resource), None) = (found.next(), found.next()) else {
        return symbol.to_owned();
    };
    let name = resource.body.at("name").unwrap().as_text();
    let parent = resource.body.at("parent").map(Value::as_text);
    let kind = resource.kind.rsplit('/').next().unwrap();
    match (kind, parent) {
        ("containers", Some("blobs")) => format!("container {name}"),
        ("queues", Some("queues")) => format!("queue {name}"),
        ("eventhubs", Some("hubs")) => format!("hub {name}"),
        ("secrets", Some("vault")) => format!("secret {name}"),
        ("keys", Some("vault")) if name.ends_with("encryptionKey") => {
            "key encryption_key".to_owned()
        }
        ("components", None) if name == "insightsName" => "telemetry".to_owned(),
        ("storageAccounts", None) if name.starts_with("host_") => {
            format!("host account of {}", &name["host_".len()..])
        }
        _ => format!("{kind} {name}"),
    }
}

fn role_in_bicep(files: &Files, written: &str) -> String {
    let definition = match written.starts_with("subscriptionResourceId(") {
        true => written.to_owned(),
        false => read_bicep::variable(files, written).as_text().to_owned(),
    };
    let role = ROLES.iter().find(|role| {
        definition
            == format!(
                "subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '{}')",
                role.id()
            )
    });
    role.map_or(definition.clone(), |role| role.name().to_owned())
}

fn given_in_terraform(files: &Files) -> Vec<String> {
    let mut given = Vec::new();
    for (kind, name, body) in read_terraform::resources(files) {
        if kind != "azurerm_role_assignment" {
            continue;
        }
        let at = |path: &str| read_terraform::at(&body, path).unwrap();
        let assigned = (at("principal_id"), at("scope"), at("role_definition_name"));
        match name.as_str() {
            "granted" => {
                let as_listed = ("each.value.to", "each.value.on", "each.value.role");
                let (to, on, role) = &assigned;
                assert_eq!((to.as_str(), on.as_str(), role.as_str()), as_listed);
                assert_eq!(at("for_each"), "local.granted");
                given.extend(listed(files));
            }
            _ => given.push(said(&assigned)),
        }
    }
    given.sort();
    given
}

fn listed(files: &Files) -> Vec<String> {
    let granted = read_terraform::entries(&read_terraform::local(files, "granted"));
    let granted = granted.iter().map(|(_, granted)| {
        let entries = read_terraform::entries(granted);
        let at = |key: &str| {
            let found = entries.iter().find(|(known, _)| known == key);
            read_terraform::text(&found.unwrap().1)
        };
        said(&(at("to"), at("on"), at("role")))
    });
    granted.collect()
}

/// What the references mean; as it is written where it means nothing known.
fn said((to, on, role): &(String, String, String)) -> String {
    let inside = |text: &str, before: &str, behind: &str| {
        let inside = text.strip_prefix(before)?.strip_suffix(behind)?;
        Some(inside.to_owned())
    };
    let to = inside(
        to,
        "azurerm_user_assigned_identity.app[\"",
        "\"].principal_id",
    )
    .or_else(|| inside(to, "azurerm_user_assigned_identity.", "[0].principal_id"))
    .unwrap_or_else(|| to.clone());
    let known = [
        ("azurerm_storage_container.data[\"", "\"].id", "container "),
        ("azurerm_storage_queue.data[\"", "\"].id", "queue "),
        ("azurerm_eventhub.main[\"", "\"].id", "hub "),
        (
            "azurerm_storage_account.host[\"",
            "\"].id",
            "host account of ",
        ),
        ("\"${azurerm_key_vault.main.id}/secrets/", "\"", "secret "),
        ("\"${azurerm_key_vault.main.id}/keys/${var.", "}\"", "key "),
        ("azurerm_application_insights.main.id", "", "telemetry"),
    ];
    let on = known
        .iter()
        .find_map(|(before, behind, what)| Some(format!("{what}{}", inside(on, before, behind)?)))
        .unwrap_or_else(|| on.clone());
    format!("{to}, {on}: {role}")
}
