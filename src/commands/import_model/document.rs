//! [`Document`]: a model's file as the registry keeps it, and which columns it
//! takes.

use std::fs;
use std::process::Command;

use anyhow::Context;
use cutline_runtime::import::{EXPORT_SCRIPT, ImportError, Imported};

use super::ImportModelArgs;
use crate::error::{CommandError, Kind};

/// A model's document, checked.
pub(super) struct Document {
    pub(super) bytes: Vec<u8>,
    pub(super) kind: &'static str,
    imported: Imported,
}

impl Document {
    fn new(bytes: Vec<u8>, kind: &'static str) -> Result<Document, ImportError> {
        let imported = match kind {
            "lightgbm-model" => Imported::lightgbm(&String::from_utf8_lossy(&bytes)),
            "onnx-model" => Imported::onnx(&bytes),
            "xgboost-model" => Imported::xgboost(&bytes),
            _ => Imported::read(&bytes),
        };
        Ok(Document {
            imported: imported?,
            bytes,
            kind,
        })
    }

    /// The same with these names of its columns.
    fn of(self, columns: &[String]) -> Result<Document, ImportError> {
        let bytes = match self.kind {
            "lightgbm-model" => {
                let text = String::from_utf8_lossy(&self.bytes);
                Imported::lightgbm_of(&text, columns).into_bytes()
            }
            "onnx-model" => Imported::onnx_of(self.bytes, columns),
            "xgboost-model" => Imported::xgboost_of(&self.bytes, columns)?,
            _ => Imported::document_of(&self.bytes, columns)?,
        };
        Document::new(bytes, self.kind)
    }

    fn columns(&self) -> Vec<&str> {
        let inputs = self.imported.inputs().iter();
        inputs.map(|input| &*input.name).collect()
    }
}

/// The model as a document that was checked, with the columns' names that are
/// in it.
pub(super) fn read(args: &ImportModelArgs) -> Result<Document, CommandError> {
    let shown = args.file.display();
    let wrong = |error: anyhow::Error| CommandError::new(Kind::Configuration, error);
    let read = || {
        let read = fs::read(&args.file).with_context(|| format!("cannot read {shown}"));
        read.map_err(wrong)
    };
    let ending = args.file.extension().and_then(|ending| ending.to_str());
    let (bytes, kind) = match ending {
        Some("txt") => (read()?, "lightgbm-model"),
        Some("json") => (read()?, "xgboost-model"),
        Some("onnx") => (read()?, "onnx-model"),
        _ => (exported(args)?, "imported-model"),
    };
    if !args.before.is_empty() && kind != "imported-model" {
        let message = format!("nothing can be put before {shown}");
        return Err(CommandError::message(Kind::Usage, message)
            .hint("--before is for models that were pickled"));
    }
    Document::new(bytes, kind)
        .with_context(|| format!("{shown} cannot be imported"))
        .map_err(wrong)
}

/// The document with the names of its columns: its own, those that were told,
/// or in their order `features`, what the preprocessing before it makes.
pub(super) fn named(
    args: &ImportModelArgs,
    document: Document,
    features: Option<&[String]>,
) -> Result<Document, CommandError> {
    let shown = args.file.display();
    let own = document.columns();
    let (n_own, listed) = (own.len(), own.join(","));
    let told = !args.columns.is_empty();
    let refused =
        |message: String, hint: String| Err(CommandError::message(Kind::Usage, message).hint(hint));
    if document.imported.is_named() && document.kind != "onnx-model" {
        return match told && args.columns != own {
            true => refused(
                format!("{shown} names its columns itself"),
                format!("leave --columns away; they are {listed}"),
            ),
            false => Ok(document),
        };
    }
    let columns = match features {
        _ if told => &*args.columns,
        _ if document.imported.is_named() => return Ok(document),
        Some(features) if features.len() == n_own => features,
        Some(features) => {
            return refused(
                format!(
                    "{shown} was trained on arrays of {n_own} columns, and the preprocessing makes {}: {}",
                    features.len(),
                    features.join(", ")
                ),
                "--columns names those that the model takes, in its order, or --preprocessing none"
                    .to_owned(),
            );
        }
        None => {
            return refused(
                format!("{shown} was trained on arrays: nothing names its {n_own} columns"),
                format!("--columns names them in the model's order; {listed}, if requests say so"),
            );
        }
    };
    if document.kind != "onnx-model" && columns.len() != n_own {
        let n_told = columns.len();
        return refused(
            format!("{shown} takes {n_own} columns, and --columns names {n_told}"),
            "name all of them, in the model's order".to_owned(),
        );
    }
    let spaced = columns
        .iter()
        .find(|name| name.contains(char::is_whitespace));
    if let (Some(name), "lightgbm-model") = (spaced, document.kind) {
        return refused(
            format!("LightGBM has no names with spaces in them, as {name:?}"),
            "give the column another name".to_owned(),
        );
    }
    let named = document.of(columns);
    named
        .with_context(|| format!("{shown} cannot be imported"))
        .map_err(|error| CommandError::new(Kind::Configuration, error))
}

/// What the script writes in the monolith's environment.
fn exported(args: &ImportModelArgs) -> Result<Vec<u8>, CommandError> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let script = folder.path().join("export.py");
    fs::write(&script, EXPORT_SCRIPT).context("cannot write the script")?;
    let out = folder.path().join("model.json");
    let mut command = Command::new(&args.python);
    command.arg(&script).arg(&args.file).arg("--out").arg(&out);
    if let Some(key) = &args.key {
        command.args(["--key", key]);
    }
    for before in &args.before {
        command.arg("--before").arg(before);
    }
    let names_python = "--python names the monolith's interpreter, like .venv/bin/python";
    let ran = command
        .output()
        .with_context(|| format!("cannot run {}", args.python.display()))
        .map_err(|error| CommandError::new(Kind::Usage, error).hint(names_python))?;
    if !ran.status.success() {
        let said = String::from_utf8_lossy(&ran.stderr);
        let last = said.lines().rev().find(|line| !line.trim().is_empty());
        let last = last.unwrap_or("the script failed");
        let message = format!("{} cannot be imported: {last}", args.file.display());
        let error = CommandError::message(Kind::Configuration, message);
        return Err(match last.contains("No module named") {
            true => error.hint(format!(
                "{names_python}; modules of its own are found by PYTHONPATH"
            )),
            false => error,
        });
    }
    Ok(fs::read(&out).context("the script wrote nothing")?)
}
