//! Everything, for machines.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::document::Report;

/// Where the published schema can be found.
const SCHEMA_ID: &str = "https://github.com/cutline-dev/cutline/blob/main/docs/report.schema.json";

/// The document itself, indented.
pub(super) fn render(report: &Report) -> String {
    pretty(report)
}

/// The JSON Schema (draft 2020-12) of what [`Format::Json`](super::Format)
/// writes. `docs/report.schema.json` holds it.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<Report>();
    let mut ordered = serde_json::Map::new();
    // What says which document this is stands first.
    if let Some(draft) = schema.remove("$schema") {
        ordered.insert("$schema".to_string(), draft);
    }
    ordered.insert("$id".to_string(), SCHEMA_ID.into());
    let rest = schema.to_value();
    let rest = rest.as_object().expect("a root schema is an object");
    ordered.extend(rest.iter().map(|(key, value)| (key.clone(), value.clone())));
    Value::Object(ordered)
}

/// Functions, calls and flows alone: what `cutline graph --format json`
/// prints. Each has the shape it has in the report.
pub fn graph_json(report: &Report) -> String {
    pretty(&json!({
        "schema": report.schema,
        "name": report.name,
        "functions": report.functions,
        "calls": report.calls,
        "flows": report.flows,
    }))
}

fn pretty(document: &impl serde::Serialize) -> String {
    let mut text = serde_json::to_string_pretty(document)
        .expect("the document has string keys and nothing that can fail");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::report::sample;

    #[test]
    fn the_published_schema_is_current() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let current = pretty(&schema());
        let published =
            fs::read_to_string(root.join("docs/report.schema.json")).unwrap_or_default();
        if published != current {
            fs::create_dir_all(root.join("target")).expect("target can be written");
            fs::write(root.join("target/report.schema.json"), current)
                .expect("target can be written");
            panic!(
                "the document's shape has changed: raise `schema` if readers must know, then `cp target/report.schema.json docs/`"
            );
        }
    }

    #[test]
    fn reports_validate_and_read_back() {
        let validator = jsonschema::validator_for(&schema()).expect("the schema is one");
        for report in [sample::churn(), sample::empty(), sample::hostile()] {
            let text = render(&report);
            let value: Value = serde_json::from_str(&text).expect("it is JSON");
            let errors: Vec<String> = validator
                .iter_errors(&value)
                .map(|error| error.to_string())
                .collect();
            assert!(errors.is_empty(), "{errors:?}");
            let back: Report = serde_json::from_str(&text).expect("it reads back");
            assert_eq!(back, report);
        }
    }

    #[test]
    fn the_schema_refuses_what_is_missing() {
        let validator = jsonschema::validator_for(&schema()).expect("the schema is one");
        let mut value = serde_json::to_value(sample::churn()).expect("plain data");
        value["functions"][0]["stage"] = json!("cooking");
        assert!(!validator.is_valid(&value));
        let mut value = serde_json::to_value(sample::churn()).expect("plain data");
        value
            .as_object_mut()
            .expect("an object")
            .remove("crossings");
        assert!(!validator.is_valid(&value));
    }
}
