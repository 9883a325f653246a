//! Configuration files to values: YAML, JSON, TOML, INI and `.env`.

use indexmap::IndexMap;
use smol_str::{SmolStr, ToSmolStr};
use yaml_rust2::{Yaml, YamlLoader};

use super::{ConfigDocs, ConfigValue};
use crate::source::{ConfigFile, ConfigFormat};

/// Deeper documents are no configuration.
const MAX_DEPTH: u32 = 40;

impl ConfigDocs {
    /// Reads the documents; one that is broken is left out.
    pub fn read(files: &[ConfigFile]) -> ConfigDocs {
        let mut docs = ConfigDocs::default();
        for file in files {
            let value = match file.format {
                ConfigFormat::Yaml => yaml(&file.text),
                ConfigFormat::Json => serde_json::from_str(&file.text).ok().map(|v| json(&v, 0)),
                ConfigFormat::Toml => toml::from_str(&file.text).ok().map(|v| toml(&v, 0)),
                ConfigFormat::Ini => Some(ini(&file.text)),
                ConfigFormat::Env => Some(lines(&file.text)),
            };
            if let Some(value) = value {
                docs.add(&file.path, &value);
            }
        }
        docs
    }
}

fn yaml(text: &str) -> Option<ConfigValue> {
    // The loader recurses: deep nesting must not reach it.
    let deepest = text
        .lines()
        .map(|line| line.len() - line.trim_start().len())
        .max();
    let brackets = text.matches(['[', '{']).count();
    if deepest.unwrap_or(0) > 400 || brackets > 2_000 {
        return None;
    }
    let documents = YamlLoader::load_from_str(text).ok()?;
    documents.first().map(|document| from_yaml(document, 0))
}

fn from_yaml(value: &Yaml, depth: u32) -> ConfigValue {
    match value {
        _ if depth > MAX_DEPTH => ConfigValue::List(Vec::new()),
        Yaml::String(text) | Yaml::Real(text) => ConfigValue::Scalar(text.into()),
        Yaml::Integer(number) => ConfigValue::Scalar(number.to_smolstr()),
        Yaml::Boolean(flag) => ConfigValue::Scalar(flag.to_smolstr()),
        Yaml::Array(items) => ConfigValue::List(
            items
                .iter()
                .map(|item| from_yaml(item, depth + 1))
                .collect(),
        ),
        Yaml::Hash(map) => ConfigValue::Map(
            map.iter()
                .filter_map(|(key, value)| {
                    Some((key.as_str()?.into(), from_yaml(value, depth + 1)))
                })
                .collect(),
        ),
        Yaml::Alias(_) | Yaml::Null | Yaml::BadValue => ConfigValue::Scalar(SmolStr::default()),
    }
}

fn json(value: &serde_json::Value, depth: u32) -> ConfigValue {
    use serde_json::Value;
    match value {
        _ if depth > MAX_DEPTH => ConfigValue::List(Vec::new()),
        Value::String(text) => ConfigValue::Scalar(text.into()),
        Value::Null => ConfigValue::Scalar(SmolStr::default()),
        Value::Bool(flag) => ConfigValue::Scalar(flag.to_smolstr()),
        Value::Number(number) => ConfigValue::Scalar(number.to_smolstr()),
        Value::Array(items) => {
            ConfigValue::List(items.iter().map(|item| json(item, depth + 1)).collect())
        }
        Value::Object(map) => ConfigValue::Map(
            map.iter()
                .map(|(key, value)| (key.into(), json(value, depth + 1)))
                .collect(),
        ),
    }
}

fn toml(value: &toml::Value, depth: u32) -> ConfigValue {
    use toml::Value;
    match value {
        _ if depth > MAX_DEPTH => ConfigValue::List(Vec::new()),
        Value::String(text) => ConfigValue::Scalar(text.into()),
        Value::Array(items) => {
            ConfigValue::List(items.iter().map(|item| toml(item, depth + 1)).collect())
        }
        Value::Table(map) => ConfigValue::Map(
            map.iter()
                .map(|(key, value)| (key.into(), toml(value, depth + 1)))
                .collect(),
        ),
        other => ConfigValue::Scalar(other.to_smolstr()),
    }
}

/// Sections of `key = value` and `key: value`.
fn ini(text: &str) -> ConfigValue {
    let mut sections: IndexMap<SmolStr, ConfigValue> = IndexMap::new();
    let mut section = SmolStr::default();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            section = name.trim().into();
        } else if let Some((key, value)) = key_value(line, &['=', ':']) {
            let entry = sections
                .entry(section.clone())
                .or_insert_with(|| ConfigValue::Map(IndexMap::new()));
            if let ConfigValue::Map(map) = entry {
                map.insert(key, ConfigValue::Scalar(value));
            }
        }
    }
    ConfigValue::Map(sections)
}

/// `KEY=value` per line.
fn lines(text: &str) -> ConfigValue {
    let pairs = text
        .lines()
        .filter_map(|line| key_value(line.trim(), &['=']));
    ConfigValue::Map(
        pairs
            .map(|(key, value)| (key, ConfigValue::Scalar(value)))
            .collect(),
    )
}

fn key_value(line: &str, marks: &[char]) -> Option<(SmolStr, SmolStr)> {
    if line.starts_with(['#', ';']) {
        return None;
    }
    let (key, value) = line.split_once(marks)?;
    let value = value.trim().trim_matches(['"', '\'']);
    Some((
        key.trim().trim_start_matches("export ").into(),
        value.into(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn child<'v>(value: &'v ConfigValue, key: &str) -> Option<&'v ConfigValue> {
        match value {
            ConfigValue::Map(map) => map.get(key),
            _ => None,
        }
    }

    #[test]
    fn every_format_gives_the_same_value() {
        let scalar = Some(ConfigValue::Scalar("data/raw.csv".into()));
        let documents = [
            yaml("data:\n  path: data/raw.csv\n"),
            serde_json::from_str(r#"{"data": {"path": "data/raw.csv"}}"#)
                .ok()
                .map(|v| json(&v, 0)),
            toml::from_str("[data]\npath = 'data/raw.csv'")
                .ok()
                .map(|v| toml(&v, 0)),
            Some(ini("[data]\npath = data/raw.csv")),
        ];
        for document in documents {
            let path = document
                .as_ref()
                .and_then(|document| child(child(document, "data")?, "path"));
            assert_eq!(path.cloned(), scalar);
        }
    }

    #[test]
    fn a_broken_document_is_left_out() {
        assert_eq!(yaml("a: [1, 2"), None);
        assert_eq!(yaml(&"[".repeat(100_000)), None);
    }
}
