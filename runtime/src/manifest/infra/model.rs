//! [`Infra`]: what there is to be in Azure, by names, as plain data.

use crate::manifest::roles::{Role, Scope};
use crate::manifest::settings::Setting;

/// All of it. Lists are sorted.
pub(super) struct Infra {
    /// What names begin with, unless told otherwise.
    pub(super) name: String,
    /// The account of the data, as the pipeline calls it.
    pub(super) account: String,
    /// The vault, unless told otherwise.
    pub(super) vault: String,
    /// The pipeline says which, and asks it by itself.
    pub(super) names_vault: bool,
    pub(super) containers: Vec<String>,
    /// Poison queues too.
    pub(super) queues: Vec<String>,
    /// The namespace of event hubs, unless told otherwise.
    pub(super) namespace: String,
    pub(super) hubs: Vec<Hub>,
    pub(super) apps: Vec<App>,
    pub(super) subscriptions: Vec<Subscription>,
    pub(super) granted: Vec<Granted>,
}

/// The app of one function.
pub(super) struct App {
    /// What tells it from the others: lower-case letters, digits, single dashes.
    pub(super) key: String,
    /// The function.
    pub(super) function: String,
    /// The account of the Functions host, unless told otherwise.
    pub(super) host: String,
    pub(super) settings: Vec<(String, Setting)>,
    /// Secrets of the vault that the program asks for by itself.
    pub(super) asks_for: Vec<String>,
}

impl App {
    /// What those secrets are called in the vault that it reads.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        let set = self
            .settings
            .iter()
            .filter_map(|(_, setting)| match setting {
                Setting::Secret(secret) => Some(secret.as_str()),
                _ => None,
            });
        set.chain(self.asks_for.iter().map(String::as_str))
    }
}

/// An event hub.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hub {
    pub(super) name: String,
    /// Those that it does not have by itself.
    pub(super) groups: Vec<String>,
}

/// What is told to a queue: that a blob came in whose subject begins and ends
/// so.
pub(super) struct Subscription {
    pub(super) key: String,
    pub(super) begins: String,
    pub(super) ends: String,
    pub(super) queue: String,
}

/// A role that an identity has on one thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Granted {
    pub(super) to: Identity,
    pub(super) on: On,
    pub(super) role: Role,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Identity {
    /// The app of this key.
    App(String),
    /// Event Grid's.
    Events,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum On {
    /// Of the account of the data, or of the namespace of event hubs.
    Data(Scope),
    /// The account of the host of the app with this key.
    Host(String),
    /// A secret of the vault.
    Secret(String),
    /// Application Insights.
    Telemetry,
}

/// Private names, by what is reached at them.
pub(super) const ZONES: [(&str, &str); 4] = [
    ("blob", "privatelink.blob.core.windows.net"),
    ("queue", "privatelink.queue.core.windows.net"),
    ("sites", "privatelink.azurewebsites.net"),
    ("vault", "privatelink.vaultcore.azure.net"),
];

/// The same, where there are event hubs.
pub(super) const HUBS_ZONE: (&str, &str) = ("namespace", "privatelink.servicebus.windows.net");

impl Infra {
    /// The private names that it has.
    pub(super) fn zones(&self) -> Vec<(&'static str, &'static str)> {
        let hubs = (!self.hubs.is_empty()).then_some(HUBS_ZONE);
        let mut zones: Vec<_> = ZONES.into_iter().chain(hubs).collect();
        zones.sort_unstable();
        zones
    }
}

/// Which logs go to the workspace. ("Supported resource logs", Azure Monitor.)
pub(super) const LOGGED: [(&str, &[&str]); 5] = [
    ("app", &["FunctionAppLogs"]),
    ("events", &["DeliveryFailures"]),
    ("hubs", &["OperationalLogs", "EventHubVNetConnectionEvent"]),
    ("storage", &["StorageRead", "StorageWrite", "StorageDelete"]),
    ("vault", &["AuditEvent"]),
];

/// For how many days logs are kept.
pub(super) const RETENTION_DAYS: u32 = 90;

/// For how many days what was deleted can be had back: of accounts, and of the
/// vault, which cannot be changed later.
pub(super) const RECOVERY_DAYS: u32 = 14;
pub(super) const VAULT_RECOVERY_DAYS: u32 = 90;

/// Of a hub: how many instances of an app read it at once, which cannot be
/// changed later, and for how long it keeps events: as long as it may.
pub(super) const PARTITIONS: u32 = 4;
pub(super) const EVENT_HOURS: u32 = 7 * 24;

/// Where the network is, and its two halves.
pub(super) const ADDRESSES: &str = "10.86.0.0/23";
pub(super) const APPS_ADDRESSES: &str = "10.86.0.0/24";
pub(super) const ENDPOINTS_ADDRESSES: &str = "10.86.1.0/24";

/// The data is also in a second region.
pub(super) const REPLICATION: &str = "GRS";

/// As Flex Consumption calls the runtime of custom handlers.
pub(super) const RUNTIME_VERSION: &str = "1.0";

pub(super) const INSTANCE_MEMORY: u32 = 2048;
pub(super) const MAXIMUM_INSTANCES: u32 = 40;

/// How long names may be that parameters give.
pub(super) const NAME: std::ops::RangeInclusive<usize> = 2..=20;
pub(super) const ACCOUNT: std::ops::RangeInclusive<usize> = 3..=24;
pub(super) const VAULT: std::ops::RangeInclusive<usize> = 3..=24;
pub(super) const NAMESPACE: std::ops::RangeInclusive<usize> = 6..=50;
