//! `pipeline.tf`: what the pipeline says, and what cutline decides.

use super::write::{Hcl, body, quoted};
use crate::manifest::ALERTS;
use crate::manifest::infra::model::{
    EVENT_HOURS, Infra, LOGGED, PARTITIONS, RECOVERY_DAYS, RETENTION_DAYS, VAULT_RECOVERY_DAYS,
};

pub(super) fn pipeline(infra: &Infra) -> String {
    let names = |names: &[String]| Hcl::set(names.iter().map(String::as_str));
    let keys = infra.apps.iter().map(|app| app.key.as_str());
    let told = infra.subscriptions.iter().map(|told| {
        let entries = [
            ("begins", &told.begins),
            ("ends", &told.ends),
            ("queue", &told.queue),
        ];
        let entries = entries.map(|(key, value)| (key.to_owned(), Hcl::text(value)));
        (quoted(&told.key), Hcl::Map(entries.into()))
    });
    let mut said = vec![
        ("apps", Hcl::set(keys)),
        ("containers", names(&infra.containers)),
        ("data_account", Hcl::text(&infra.account)),
        ("queues", names(&infra.queues)),
        ("subscriptions", Hcl::Map(told.collect())),
    ];
    let zones = infra.zones().into_iter();
    let zones = zones.map(|(of, zone)| (of.to_owned(), Hcl::text(zone)));
    let logged = LOGGED.map(|(of, logs)| (of.to_owned(), Hcl::list(logs.iter().copied())));
    let mut decided = vec![
        ("recovery_days", Hcl::Number(RECOVERY_DAYS)),
        ("retention_days", Hcl::Number(RETENTION_DAYS)),
        ("vault_recovery_days", Hcl::Number(VAULT_RECOVERY_DAYS)),
        ("alerts", alerts()),
        ("logged", Hcl::Map(logged.into())),
        ("zones", Hcl::Map(zones.collect())),
    ];
    if !infra.hubs.is_empty() {
        said.extend(hubs(infra));
        decided.push(("event_hours", Hcl::Number(EVENT_HOURS)));
        decided.push(("partitions", Hcl::Number(PARTITIONS)));
    }
    format!(
        "# What functions.toml says.\nlocals {{\n{}}}\n\n# What cutline decides.\nlocals {{\n{}}}\n",
        body(&said.into_iter().map(owned).collect::<Vec<_>>(), 2),
        body(&decided.into_iter().map(owned).collect::<Vec<_>>(), 2),
    )
}

/// Whose events are heard of, and who keeps in mind what was read.
fn hubs(infra: &Infra) -> [(&'static str, Hcl); 2] {
    let names = infra.hubs.iter().map(|hub| hub.name.as_str());
    let groups = infra.hubs.iter().flat_map(|hub| {
        hub.groups.iter().map(|group| {
            let entries = [("hub", &hub.name), ("name", group)];
            let entries = entries.map(|(key, value)| (key.to_owned(), Hcl::text(value)));
            let key = quoted(&format!("{}/{group}", hub.name));
            (key, Hcl::Map(entries.into()))
        })
    });
    [
        ("hub_groups", Hcl::Map(groups.collect())),
        ("hub_names", Hcl::set(names)),
    ]
}

fn alerts() -> Hcl {
    let alerts = ALERTS.iter().map(|alert| {
        let entries = [
            ("what", Hcl::text(alert.what)),
            ("query", Hcl::text(alert.query)),
            ("measure", Hcl::text(alert.measure)),
            ("by", Hcl::list(alert.by.iter().copied())),
            ("above", Hcl::Code(alert.above.to_string())),
            ("window", Hcl::text(alert.window)),
            ("every", Hcl::text(alert.every)),
            ("severity", Hcl::Number(alert.severity.into())),
        ];
        (alert.name.to_owned(), Hcl::Map(entries.map(owned).into()))
    });
    Hcl::Map(alerts.collect())
}

fn owned((key, value): (&str, Hcl)) -> (String, Hcl) {
    (key.to_owned(), value)
}
