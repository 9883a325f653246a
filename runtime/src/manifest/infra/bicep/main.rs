//! `main.bicep`: parameters, what the pipeline decides, and the modules.

use super::alerts::alerts;
use super::write::{list, object, symbol, text};
use crate::manifest::infra::model::{
    ACCOUNT, ADDRESSES, APPS_ADDRESSES, App, ENDPOINTS_ADDRESSES, EVENT_HOURS, Hub,
    INSTANCE_MEMORY, Infra, LOGGED, MAXIMUM_INSTANCES, NAME, NAMESPACE, PARTITIONS, RECOVERY_DAYS,
    REPLICATION, RETENTION_DAYS, RUNTIME_VERSION, VAULT, VAULT_RECOVERY_DAYS,
};
use crate::manifest::settings::Setting;

/// Modules that each pipeline has.
const SHARED: &str = include_str!("shared.bicep");

/// The hubs, where functions hear of events.
const HUBS: &str = include_str!("hubs.bicep");

/// What Event Grid has, where something is told to it.
const EVENTS: &str = include_str!("told.bicep");

pub(super) fn main(infra: &Infra) -> String {
    let mut main = params(infra);
    main.push_str(&decided(infra));
    main.push_str(&alerts());
    main.push_str(SHARED);
    if !infra.hubs.is_empty() {
        main.push_str(HUBS);
    }
    for app in &infra.apps {
        main.push_str(&identity(app));
        main.push_str(&host(app));
    }
    if !infra.subscriptions.is_empty() {
        main.push_str(EVENTS);
    }
    main.push_str(&roles(infra));
    for app in &infra.apps {
        main.push_str(&hosted(app));
    }
    main.push_str(&outputs(infra));
    main
}

fn params(infra: &Infra) -> String {
    let mut params = format!(
        r"// What a pipeline of cutline runs on. README.md says how it is deployed.

targetScope = 'resourceGroup'

@description('Where all of it is.')
param location string = resourceGroup().location

@description('What names begin with. Apps are called so in all of Azure: choose what nobody has.')
@minLength({name_least})
@maxLength({name_most})
param name string = {name}

@description('{vault_what}')
{vault_allowed}@minLength({vault_least})
@maxLength({vault_most})
param vaultName string = {vault}

@description('How the account of the data is replicated.')
@allowed([
  'Standard_LRS'
  'Standard_ZRS'
  'Standard_GRS'
  'Standard_GZRS'
])
param replication string = {replication}

@description('Whether what runs is spread over zones, of which a region may have none.')
param zoneRedundant bool = false

@description('Addresses outside the network that reach the accounts, the vault and event hubs: none unless said.')
param allowedAddresses array = []

@description('Whether clients reach the apps from the internet. Each is asked for a key of the function.')
param publicFaces bool = false

@description('The action groups that are told of alerts, by their resource ids: none unless said.')
param actionGroups array = []

@description('The key of the vault that encrypts the accounts; empty: a key of Microsoft.')
param encryptionKey string = ''

@description('Of the network, in two halves.')
param addressSpace string = {ADDRESSES}
param appsAddresses string = {APPS}
param endpointsAddresses string = {ENDPOINTS}

@description('As Flex Consumption calls the runtime of custom handlers.')
param runtimeVersion string = {runtime}
param instanceMemory int = {INSTANCE_MEMORY}
param maximumInstances int = {MAXIMUM_INSTANCES}
",
        name_least = NAME.start(),
        name_most = NAME.end(),
        name = text(&infra.name),
        vault_least = VAULT.start(),
        vault_most = VAULT.end(),
        vault = text(&infra.vault),
        vault_what = match infra.names_vault {
            true => "The vault that functions.toml names, and its functions ask.",
            false => "The vault. Vaults are called so in all of Azure.",
        },
        vault_allowed = match infra.names_vault {
            true => format!("@allowed([\n  {}\n])\n", text(&infra.vault)),
            false => String::new(),
        },
        replication = text(&format!("Standard_{REPLICATION}")),
        ADDRESSES = text(ADDRESSES),
        APPS = text(APPS_ADDRESSES),
        ENDPOINTS = text(ENDPOINTS_ADDRESSES),
        runtime = text(RUNTIME_VERSION),
    );
    if !infra.hubs.is_empty() {
        params.push_str(&format!(
            "
@description('The namespace of event hubs. Namespaces are called so in all of Azure.')
@minLength({least})
@maxLength({most})
param eventsNamespace string = {namespace}
",
            least = NAMESPACE.start(),
            most = NAMESPACE.end(),
            namespace = text(&infra.namespace),
        ));
    }
    for app in &infra.apps {
        params.push_str(&format!(
            "
@description('The account of the Functions host of {function}.')
@minLength({least})
@maxLength({most})
param host_{symbol} string = {host}
",
            function = app.key,
            least = ACCOUNT.start(),
            most = ACCOUNT.end(),
            symbol = symbol(&app.key),
            host = text(&app.host),
        ));
    }
    params
}

fn decided(infra: &Infra) -> String {
    let names = |names: &[String]| list(names.iter().map(String::as_str), 0);
    let zones = infra.zones().into_iter();
    let zones = zones.map(|(of, zone)| (of.to_owned(), text(zone)));
    let logged = LOGGED.map(|(of, logs)| (of.to_owned(), list(logs.iter().copied(), 2)));
    let mut decided = format!(
        "
// What functions.toml says.
var dataAccount = {account}
var containers = {containers}
var queues = {queues}

// What cutline decides.
var zones = {zones}
var logged = {logged}
var retentionDays = {RETENTION_DAYS}
var recoveryDays = {RECOVERY_DAYS}
var vaultRecoveryDays = {VAULT_RECOVERY_DAYS}
",
        account = text(&infra.account),
        containers = names(&infra.containers),
        queues = names(&infra.queues),
        zones = object(zones, 0),
        logged = object(logged, 0),
    );
    if !infra.hubs.is_empty() {
        decided.push_str(&hubs(infra));
    }
    decided
}

fn hubs(infra: &Infra) -> String {
    let names = infra.hubs.iter().map(|hub| hub.name.as_str());
    let of_hub = |hub: &Hub| {
        let groups = hub.groups.iter().map(|group| {
            let entries = [("hub", &hub.name), ("name", group)];
            let entries = entries.map(|(key, value)| (key.to_owned(), text(value)));
            format!("  {}\n", object(entries, 2))
        });
        groups.collect::<String>()
    };
    let groups: String = infra.hubs.iter().map(of_hub).collect();
    format!(
        "
// Whose events are heard of, and who keeps in mind what was read.
var hubNames = {names}
var hubGroups = [\n{groups}]
var partitions = {PARTITIONS}
var eventHours = {EVENT_HOURS}
",
        names = list(names, 0),
    )
}

fn identity(app: &App) -> String {
    format!(
        "
resource identity_{symbol} 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {{
  name: '${{name}}-{key}'
  location: location
}}
",
        symbol = symbol(&app.key),
        key = app.key,
    )
}

/// Where the Functions host keeps leases, its keys and the package.
fn host(app: &App) -> String {
    format!(
        "
module account_{symbol} 'modules/account.bicep' = {{
  name: 'account-{key}'
  params: {{
    location: location
    name: '${{name}}-{key}-host'
    accountName: host_{symbol}
    accountSku: zoneRedundant ? 'Standard_ZRS' : 'Standard_LRS'
    containers: [
      'package'
    ]
    queues: []
    services: [
      'blob'
    ]
    versioned: false
    trustsAzure: false
    publicNetworkAccess: outside
    allowedAddresses: allowedAddresses
    recoveryDays: recoveryDays
    workspace: monitoring.outputs.workspace
    logged: logged.storage
    endpointsSubnet: network.outputs.endpointsSubnet
    zones: zones
    vaultUri: vault.outputs.uri
    encryptionKey: encryptionKey
    encryptionIdentity: vault.outputs.encryptionIdentity
  }}
}}
",
        symbol = symbol(&app.key),
        key = app.key,
    )
}

fn roles(infra: &Infra) -> String {
    let mut params = vec![
        ("dataAccount".to_owned(), "data.outputs.name".to_owned()),
        ("vaultName".to_owned(), "vault.outputs.name".to_owned()),
        (
            "insightsName".to_owned(),
            "monitoring.outputs.insights".to_owned(),
        ),
    ];
    for app in &infra.apps {
        let symbol = symbol(&app.key);
        let of = |what: &str| format!("{what}_{symbol}");
        params.push((of("host"), format!("account_{symbol}.outputs.name")));
        params.push((
            of("principal"),
            format!("identity_{symbol}.properties.principalId"),
        ));
    }
    if !infra.hubs.is_empty() {
        let namespace = "hubs.outputs.name".to_owned();
        params.push(("eventsNamespace".to_owned(), namespace));
    }
    if !infra.subscriptions.is_empty() {
        let events = "eventsIdentity.properties.principalId".to_owned();
        params.push(("principalOfEvents".to_owned(), events));
    }
    let mut roles = format!(
        "
module roles 'modules/roles.bicep' = {{
  name: 'roles'
  params: {}
}}
",
        object(params, 2)
    );
    if !infra.subscriptions.is_empty() {
        roles.push_str(&events(infra));
    }
    roles
}

fn events(infra: &Infra) -> String {
    let subscriptions = infra.subscriptions.iter().map(|told| {
        let entries = [
            ("name", &told.key),
            ("begins", &told.begins),
            ("ends", &told.ends),
            ("queue", &told.queue),
        ];
        let entries = entries.map(|(key, value)| (key.to_owned(), text(value)));
        format!("      {}\n", object(entries, 6))
    });
    format!(
        "
module events 'modules/events.bicep' = {{
  name: 'events'
  params: {{
    location: location
    name: name
    accountName: data.outputs.name
    identity: eventsIdentity.id
    workspace: monitoring.outputs.workspace
    logged: logged.events
    subscriptions: [
{}    ]
  }}
  dependsOn: [
    roles
  ]
}}
",
        subscriptions.collect::<String>()
    )
}

fn hosted(app: &App) -> String {
    let symbol = symbol(&app.key);
    let settings = app.settings.iter();
    let settings = settings.map(|(name, value)| (name.clone(), setting(value, &symbol)));
    format!(
        "
module app_{symbol} 'modules/app.bicep' = {{
  name: 'app-{key}'
  params: {{
    location: location
    appName: '${{name}}-{key}'
    identity: identity_{symbol}.id
    settings: {settings}
    package: '${{account_{symbol}.outputs.blobEndpoint}}package'
    runtimeVersion: runtimeVersion
    instanceMemory: instanceMemory
    maximumInstances: maximumInstances
    zoneRedundant: zoneRedundant
    publicNetworkAccess: publicFaces ? 'Enabled' : 'Disabled'
    appsSubnet: network.outputs.appsSubnet
    endpointsSubnet: network.outputs.endpointsSubnet
    zone: zones.sites
    workspace: monitoring.outputs.workspace
    logged: logged.app
  }}
  dependsOn: [
    roles
  ]
}}
",
        key = app.key,
        settings = object(settings, 4),
    )
}

fn setting(setting: &Setting, symbol: &str) -> String {
    match setting {
        Setting::Text(plain) => text(plain),
        Setting::Identity => format!("identity_{symbol}.properties.clientId"),
        Setting::HostAccount => format!("account_{symbol}.outputs.name"),
        Setting::EventsNamespace => "'${hubs.outputs.name}.servicebus.windows.net'".to_owned(),
        Setting::Telemetry => "monitoring.outputs.connectionString".to_owned(),
        Setting::TelemetryIdentity => {
            format!("'ClientId=${{identity_{symbol}.properties.clientId}};Authorization=AAD'")
        }
        Setting::Secret(secret) => {
            format!("'@Microsoft.KeyVault(SecretUri=${{vault.outputs.uri}}secrets/{secret})'")
        }
    }
}

fn outputs(infra: &Infra) -> String {
    let of = |what: &str| {
        let apps = infra.apps.iter();
        let entries = apps.map(|app| {
            let value = format!("app_{}.outputs.{what}", symbol(&app.key));
            (text(&app.key), value)
        });
        object(entries, 0)
    };
    format!(
        "
@description('The name of each function\\'s app.')
output apps object = {names}

@description('Where each app answers.')
output faces object = {faces}

@description('Where the values of secrets are put.')
output vault string = vault.outputs.uri
",
        names = of("name"),
        faces = of("face"),
    )
}
