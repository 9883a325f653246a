//! Stages that functions.toml says, as apps of the custom handler.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use cutline_analyzer::stages::Stage;
use cutline_runtime::manifest;
use cutline_runtime::pipeline::Pipeline;
use cutline_runtime::stages;
use serde::Serialize;
use toml::{Table, Value};

use crate::error::{CommandError, Kind};

/// What Azurite has on one's own machine.
const LOCAL: &str = "azure:http://127.0.0.1:10000/devstoreaccount1/cutline";
const LOCAL_QUEUES: &str = "http://127.0.0.1:10001/devstoreaccount1";

/// An app of the custom handler.
#[derive(Debug, Serialize)]
pub(crate) struct RustApp {
    pub(crate) stage: String,
    /// The function of functions.toml.
    pub(crate) function: String,
    #[serde(skip)]
    pub(crate) files: Vec<(PathBuf, String)>,
}

/// What a functions.toml says of stages.
pub(crate) struct Expressed {
    file: Table,
    /// By stage: the functions, and what is open in one of them.
    functions: BTreeMap<Stage, (Vec<String>, Option<String>)>,
}

impl Expressed {
    pub(crate) fn read(text: &str) -> Result<Expressed, CommandError> {
        let file: Table = text
            .parse()
            .context("functions.toml is no TOML")
            .map_err(|error| CommandError::new(Kind::Configuration, error))?;
        let mut functions: BTreeMap<Stage, (Vec<String>, Option<String>)> = BTreeMap::new();
        let all = file.get("function").and_then(Value::as_table);
        for (name, function) in all.into_iter().flatten() {
            let stage = function.get("stage").and_then(Value::as_str);
            let Some(stage) = Stage::from_name(stage.unwrap_or(name)) else {
                continue;
            };
            let (names, open) = functions.entry(stage).or_default();
            names.push(name.clone());
            if let Some(key) = todo(function, &format!("function.{name}")) {
                open.get_or_insert(format!("functions.toml does not say {key}"));
            }
        }
        Ok(Expressed { file, functions })
    }

    /// Why functions.toml does not say what the stage does; nothing where it
    /// does.
    pub(crate) fn open(&self, stage: Stage) -> Option<&str> {
        match self.functions.get(&stage) {
            Some((_, open)) => open.as_deref(),
            None => Some("functions.toml has no function of it"),
        }
    }

    pub(crate) fn is_started_by_queue(&self, stage: Stage) -> bool {
        let names = self.functions.get(&stage).map(|(names, _)| names);
        let triggers = names.into_iter().flatten().filter_map(|name| {
            let function = self.file.get("function")?.get(name)?;
            function.get("trigger")?.get("queue")
        });
        !self.functions.contains_key(&stage) || triggers.count() > 0
    }

    /// The stages with a function.
    pub(crate) fn stages(&self) -> impl Iterator<Item = Stage> {
        self.functions.keys().copied()
    }

    /// The file with the functions of these stages, the faces that are
    /// complete, and a store on Azure. Routes that are left out come second.
    fn of(&self, stages: &[Stage], account: Option<&str>) -> (Table, Vec<String>) {
        let mut file = self.file.clone();
        let kept: Vec<&String> = stages
            .iter()
            .filter_map(|stage| self.functions.get(stage))
            .flat_map(|(names, _)| names)
            .collect();
        if let Some(functions) = file.get_mut("function").and_then(Value::as_table_mut) {
            functions.retain(|name, _| kept.iter().any(|kept| *kept == name));
        }
        let mut left = Vec::new();
        if let Some(faces) = file.get_mut("http").and_then(Value::as_array_mut) {
            faces.retain(|face| {
                let of = face.get("function").and_then(Value::as_str);
                let is_here = of.is_none_or(|name| kept.iter().any(|kept| *kept == name));
                let open = todo(face, "http");
                let route = face.get("route").and_then(Value::as_str);
                if let (true, Some(key)) = (is_here, &open) {
                    left.push(format!(
                        "{}: functions.toml does not say {key}",
                        route.unwrap_or_default()
                    ));
                }
                is_here && open.is_none()
            });
        }
        let store = file
            .entry("store")
            .or_insert_with(|| Value::Table(Table::new()));
        if let Some(store) = store.as_table_mut()
            && store.get("url").is_none_or(|url| url.as_str().is_none())
        {
            store.remove("folder");
            let url = match account {
                Some(account) => format!("azure:https://{account}.blob.core.windows.net/cutline"),
                None => LOCAL.to_owned(),
            };
            store.insert("url".to_owned(), Value::String(url));
            if account.is_none() {
                store.insert("queues".to_owned(), Value::from(LOCAL_QUEUES));
                let key = Table::from_iter([("env".to_owned(), Value::from("AZURITE_KEY"))]);
                store.insert("key".to_owned(), Value::Table(key));
            }
        }
        (file, left)
    }
}

/// The first key that is still open in a value.
fn todo(value: &Value, key: &str) -> Option<String> {
    match value {
        Value::String(text) if text == "TODO" => Some(key.to_owned()),
        Value::Array(parts) => parts.iter().find_map(|part| todo(part, key)),
        Value::Table(table) => table
            .iter()
            .find_map(|(name, value)| todo(value, &format!("{key}.{name}"))),
        _ => None,
    }
}

/// An app for each function of these stages, and the routes that are left out.
///
/// # Errors
/// When the functions do not hold together, or cannot be hosted.
pub(crate) fn apps(
    expressed: &Expressed,
    stages: &[Stage],
    account: Option<&str>,
) -> Result<(Vec<RustApp>, Vec<String>), CommandError> {
    let wrong = |error: anyhow::Error| CommandError::new(Kind::Configuration, error);
    let (file, left) = expressed.of(stages, account);
    let text = toml::to_string_pretty(&file)
        .context("functions.toml cannot be written")
        .map_err(wrong)?;
    let pipeline = Pipeline::parse(&text, stages::ALL)
        .map_err(|problem| wrong(anyhow::anyhow!("functions.toml: {}", problem.message)))?;
    let mut apps = Vec::new();
    for stage in stages {
        let names = expressed.functions.get(stage).map(|(names, _)| names);
        for name in names.into_iter().flatten() {
            let only = [name.clone()];
            let files = manifest::functions(&pipeline, &only)
                .map_err(|error| CommandError::new(Kind::Configuration, error))?;
            let mut files: Vec<(PathBuf, String)> = files
                .into_iter()
                .map(|file| (file.path, file.text))
                .collect();
            files.push((PathBuf::from("functions.toml"), text.clone()));
            apps.push(RustApp {
                stage: stage.name().to_owned(),
                function: name.clone(),
                files,
            });
        }
    }
    Ok((apps, left))
}
