//! Steps and the model, from the report's operations.

use serde_json::Value;

use super::super::document::{KeyEntry, OperationEntry, Report};
use super::of_kind;
use super::toml::{Lines, at, named, quoted, value};
use crate::cut::NO_STEPS;
use crate::stages::Stage;

/// Other models are named up to here.
const MOST_OTHERS: usize = 4;

/// A request has no column `label`, so that no step may ask for it there.
pub(super) fn render(out: &mut Lines, report: &Report, stage: Stage, label: Option<&str>) {
    let function = stage.name();
    let operations = report.operations.iter();
    let steps = operations.filter(|operation| {
        operation.stage == stage && !NO_STEPS.contains(&operation.kind.as_str())
    });
    for operation in steps {
        match label {
            Some(label) if operation.kind == "select" => {
                step(out, function, &with_optional(operation, label));
            }
            _ => step(out, function, operation),
        }
    }
}

fn with_optional(select: &OperationEntry, label: &str) -> OperationEntry {
    let mut select = select.clone();
    for key in &mut select.keys {
        if let Some(Value::Array(columns)) = &mut key.value {
            columns.retain(|column| column != label);
        }
    }
    select.keys.push(KeyEntry {
        name: "optional".to_owned(),
        value: Some(Value::from(vec![label])),
    });
    select
}

fn step(out: &mut Lines, function: &str, operation: &OperationEntry) {
    out.blank();
    out.put(&format!(
        "[[function.{function}.step]] # {}",
        at(&operation.place)
    ));
    match operation.kind.as_str() {
        "TODO" => out.todo("kind", Some(&operation.place)),
        kind => out.put(&format!("kind = {}", quoted(kind))),
    }
    if operation.only_fit {
        out.put("only = \"fit\"");
    }
    let mut tables = Vec::new();
    for key in &operation.keys {
        match &key.value {
            // Expressions read better a line each.
            Some(Value::Object(entries))
                if matches!(key.name.as_str(), "columns" | "keep" | "categories")
                    && operation.kind != "aggregate" =>
            {
                tables.push((key, entries));
            }
            _ => self::key(out, key, operation),
        }
    }
    for (key, entries) in tables {
        out.put(&format!("[function.{function}.step.{}]", key.name));
        for (name, given) in entries {
            match value(given) {
                Some(text) => out.put(&format!("{} = {text}", named(name))),
                None => out.todo(&named(name), Some(&operation.place)),
            }
        }
    }
}

fn key(out: &mut Lines, key: &KeyEntry, operation: &OperationEntry) {
    let words = || {
        key.value
            .as_ref()
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let name = match (operation.kind.as_str(), key.name.as_str()) {
        // Words of the code, not keys.
        ("TODO", "transformer") | (_, "class") => {
            out.put(&format!("# {}: {}", key.name, words()));
            return;
        }
        (_, "either") => {
            let sides = key.value.as_ref().and_then(Value::as_array);
            let sides = sides.into_iter().flatten().filter_map(Value::as_str);
            let sides: Vec<&str> = sides.collect();
            out.put(&format!("# either {}", sides.join(", or ")));
            return;
        }
        ("model", "argument") => {
            let said = words();
            let look = format!(
                "{}: {said} is of the code's model only",
                at(&operation.place)
            );
            let name = said.split(" = ").next().unwrap_or(said);
            out.open("", name, &look);
            return;
        }
        (_, name) => named(name),
    };
    match key.value.as_ref().and_then(value) {
        Some(text) => out.put(&format!("{name} = {text}")),
        None => out.todo(&name, Some(&operation.place)),
    }
}

/// The model; others that the code can fit stand beside it.
pub(super) fn model(out: &mut Lines, report: &Report) {
    let mut models = of_kind(report, "model");
    let Some(first) = models.next() else {
        let look = "no model that cutline knows is fitted in this code";
        out.open("model   = \"TODO\"", "model", look);
        return;
    };
    let mut others: Vec<String> = models
        .map(|other| {
            let kind = other.key("kind").or_else(|| other.key("class"));
            let kind = kind.and_then(Value::as_str).unwrap_or("another model");
            format!("{kind} ({})", at(&other.place))
        })
        .collect();
    let more = others.len().saturating_sub(MOST_OTHERS);
    others.truncate(MOST_OTHERS);
    if more > 0 {
        others.push(format!("{more} more"));
    }
    if !others.is_empty() {
        out.put(&format!("# The code also fits: {}", others.join(", ")));
    }
    out.blank();
    out.put(&format!("[function.training.model] # {}", at(&first.place)));
    for given in &first.keys {
        key(out, given, first);
    }
}
