//! What an app has to be told: variables that its code reads, secrets that stood
//! in it, and parameters that nothing says.

use std::collections::{BTreeMap, BTreeSet};

use super::super::document::Report;
use super::copied::TakenOut;
use super::document::Setting;
use crate::effects::ResourceKind;

/// The settings of an app whose code is `modules`, by name.
pub(super) fn settings(
    report: &Report,
    modules: &BTreeSet<String>,
    taken: &[TakenOut],
    open: &[String],
) -> Vec<Setting> {
    let mut found: BTreeMap<String, Setting> = BTreeMap::new();
    for resource in &report.resources {
        let kind = match resource.kind {
            ResourceKind::Environment => "environment",
            ResourceKind::Secret => "secret",
            _ => continue,
        };
        let read = resource.accesses.iter();
        let read = read.filter(|access| modules.contains(&access.file));
        let from: BTreeSet<String> = read
            .map(|access| format!("{}:{}", access.file, access.line))
            .collect();
        if from.is_empty() || !is_variable(&resource.identity) {
            continue;
        }
        let name = resource.identity.clone();
        found.entry(name.clone()).or_insert(Setting {
            name,
            kind,
            needed: false,
            from: from.into_iter().collect(),
        });
    }
    for secret in taken {
        let setting = found.entry(secret.setting.clone()).or_insert(Setting {
            name: secret.setting.clone(),
            kind: "secret",
            needed: true,
            from: Vec::new(),
        });
        (setting.kind, setting.needed) = ("secret", true);
        if !setting.from.contains(&secret.place) {
            setting.from.push(secret.place.clone());
        }
    }
    for name in open {
        found.entry(name.clone()).or_insert(Setting {
            name: name.clone(),
            kind: "argument",
            needed: false,
            from: Vec::new(),
        });
    }
    found.into_values().collect()
}

fn is_variable(name: &str) -> bool {
    let is_char = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(is_char)
}
