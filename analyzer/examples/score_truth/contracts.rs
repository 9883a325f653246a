//! What contracts say.

use std::collections::BTreeMap;

use cutline_analyzer::cut::EntryKind;
use cutline_analyzer::report::{ContractItem, Report};

use crate::Sheet;
use crate::truth::{ContractEntry, Truth};

/// How an entry of the truth fares in the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    /// It is there with its value.
    Right,
    /// It is there with another value.
    Wrong,
    /// It is there, and said to be unknown.
    Unknown,
    /// It is not there.
    Missing,
}

const FATES: [Fate; 4] = [Fate::Right, Fate::Wrong, Fate::Unknown, Fate::Missing];

pub(crate) fn contracts(truth: &Truth, report: &Report, sheet: &Sheet) {
    let mut per_kind: BTreeMap<EntryKind, Vec<Fate>> = BTreeMap::new();
    let mut misses = Vec::new();
    for expected in &truth.contracts {
        let values = values(expected, report);
        let fate = fate(expected, &values, truth);
        per_kind.entry(expected.kind).or_default().push(fate);
        if fate != Fate::Right {
            let ContractEntry {
                at,
                name,
                value,
                file,
                line,
                ..
            } = expected;
            let (kind, fate) = (word(expected.kind), word(fate));
            let told = values
                .iter()
                .map(|item| item.value.as_str())
                .collect::<Vec<_>>()
                .join(" | ");
            misses.push(format!(
                "{fate:<7} {at}: {kind} {name} is {value} ({file}:{line}), reported {told:?}"
            ));
        }
    }
    let all: Vec<_> = per_kind.values().flatten().copied().collect();
    sheet.line("contracts", shares(&all));
    for (kind, fates) in &per_kind {
        sheet.line(&format!("    {}", word(*kind)), shares(fates));
    }
    sheet.list("", misses);
    let n_reported: usize = report
        .contracts
        .iter()
        .map(|contract| contract.entries.len())
        .sum();
    let n_unexpected: usize = report
        .contracts
        .iter()
        .flat_map(|contract| {
            contract
                .entries
                .iter()
                .map(move |item| (&contract.at, item))
        })
        .filter(|(at, item)| {
            !truth
                .contracts
                .iter()
                .any(|entry| same_entry(entry, at, item))
        })
        .count();
    sheet.line(
        "  entries reported",
        format!("{n_reported}, of which {n_unexpected} stand not in the truth"),
    );
}

/// What the report says of an entry; the estimator's class may be named in
/// full there.
fn values<'a>(expected: &ContractEntry, report: &'a Report) -> Vec<&'a ContractItem> {
    let contracts = report
        .contracts
        .iter()
        .filter(|contract| contract.at == expected.at);
    let items = contracts.flat_map(|contract| &contract.entries);
    items
        .filter(|item| same_entry(expected, &expected.at, item))
        .collect()
}

fn same_entry(expected: &ContractEntry, at: &str, item: &ContractItem) -> bool {
    let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    // A field of a model in a model counts under its own name.
    let leaf = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let is_field = matches!(
        expected.kind,
        EntryKind::RequestField | EntryKind::ResponseField
    );
    expected.at == at
        && expected.kind == item.kind
        && (expected.name == item.name
            || (is_field && expected.name == leaf(&item.name))
            || (expected.kind == EntryKind::File && last(&expected.name) == last(&item.name)))
}

/// A column may have several transformations, each an entry with its name:
/// those that are right of another entry say nothing about this one.
fn fate(expected: &ContractEntry, items: &[&ContractItem], truth: &Truth) -> Fate {
    if items.iter().any(|item| same_value(expected, &item.value)) {
        return Fate::Right;
    }
    let is_of_another = |item: &ContractItem| {
        truth
            .contracts
            .iter()
            .any(|entry| same_entry(entry, &expected.at, item) && same_value(entry, &item.value))
    };
    let mut others = items.iter().filter(|item| !is_of_another(item));
    match others.next() {
        None => Fate::Missing,
        Some(item) if item.value == "unknown" && others.all(|item| item.value == "unknown") => {
            Fate::Unknown
        }
        Some(_) => Fate::Wrong,
    }
}

fn same_value(expected: &ContractEntry, found: &str) -> bool {
    let (a, b) = (&expected.value, found);
    match expected.kind {
        EntryKind::Transform => one_transform(a) == one_transform(b),
        EntryKind::Estimator => a == b,
        EntryKind::Parameter => squeezed(a) == squeezed(b) || same_number(a, b),
        _ => one_type(a) == one_type(b),
    }
}

/// One word where the truth has pandas' and the report the catalog's.
fn one_transform(value: &str) -> String {
    let value = squeezed(value);
    let value = value.replace("fillna(", "fill(");
    match value.strip_prefix("cut(") {
        Some(rest) => format!("bins({rest}"),
        None => value,
    }
}

/// Without spaces, quotes and case.
fn squeezed(text: &str) -> String {
    let kept = text
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\''));
    kept.flat_map(char::to_lowercase).collect()
}

fn same_number(a: &str, b: &str) -> bool {
    let number = |text: &str| text.replace('_', "").parse::<f64>().ok();
    number(a).is_some_and(|a| number(b) == Some(a))
}

/// One word for the many ways to say a type: `f64`, `float64` and `number`
/// are `float`. Whether it may be absent, and what a list holds, is left out.
fn one_type(value: &str) -> String {
    let squeezed = squeezed(value);
    let bare = squeezed
        .strip_prefix("option<")
        .or_else(|| squeezed.strip_prefix("option["))
        .or_else(|| squeezed.strip_prefix("optional["))
        .map_or(squeezed.as_str(), |inner| {
            inner.trim_end_matches(['>', ']'])
        });
    let bare = bare.trim_end_matches("|none").trim_start_matches("none|");
    let head = bare.split(['[', '<', '(']).next().unwrap_or_default();
    let word = match head {
        "float" | "float32" | "float64" | "f32" | "f64" | "number" | "double" | "real" => "float",
        "int" | "integer" | "int8" | "int16" | "int32" | "int64" | "i8" | "i16" | "i32" | "i64"
        | "u8" | "u16" | "u32" | "u64" | "usize" | "isize" | "bigint" => "int",
        "str" | "string" | "&str" | "text" | "object" | "category" | "varchar" => "str",
        "bool" | "boolean" => "bool",
        "list" | "array" | "vec" | "sequence" | "tuple" => "list",
        "" if !bare.is_empty() => "list",
        "dict" | "map" | "hashmap" | "btreemap" | "mapping" => "dict",
        "datetime" | "datetime64" | "date-time" | "timestamp" => "datetime",
        other => other,
    };
    word.to_owned()
}

fn shares(fates: &[Fate]) -> String {
    let n = fates.len();
    let parts = FATES.map(|fate| {
        let n_fate = fates.iter().filter(|one| **one == fate).count();
        format!(
            "{} {:.3} ({n_fate})",
            word(fate),
            n_fate as f64 / n.max(1) as f64
        )
    });
    format!("{}, of {n}", parts.join(", "))
}

/// `RequestField` as `request-field`.
fn word(variant: impl std::fmt::Debug) -> String {
    let mut out = String::new();
    for c in format!("{variant:?}").chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.extend(c.to_lowercase());
    }
    out
}
