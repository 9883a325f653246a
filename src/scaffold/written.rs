//! The folder as it is written, and what is said of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path};

use anyhow::Context;
use cutline_analyzer::hazards::secret_line;
use cutline_analyzer::report::scaffold::Secrets;
use serde_json::{Map, Value};

use super::{Decided, readme};
use crate::error::CommandError;

/// Data that is larger belongs into a container.
const MOST_BYTES: u64 = 20 << 20;
const DOCUMENT: &str = "scaffold.json";
/// What a person fills in.
const SETTINGS: &str = "local.settings.json";

/// Files, by their paths in the folder.
type Files = BTreeMap<String, Vec<u8>>;

/// Writes every app, README.md and scaffold.json, and removes what an earlier
/// scaffold wrote and this one does not. What is not copied is added to what is
/// not done. All is read before anything is written.
pub(crate) fn write_all(
    decided: &mut Decided,
    repository: &Path,
    out: &Path,
) -> Result<(), CommandError> {
    let before = listed(out)?;
    let files = files(decided, repository, out)?;
    for (path, content) in &files {
        write(&out.join(path), content)?;
    }
    for path in before.iter().filter(|path| !files.contains_key(*path)) {
        remove(out, path)?;
    }
    Ok(())
}

fn files(decided: &mut Decided, repository: &Path, out: &Path) -> Result<Files, CommandError> {
    let mut files = Files::new();
    let folders = held_folders(repository, out);
    for app in &mut decided.python.apps {
        let folder = app.stage.name();
        for (path, text) in &app.files {
            files.insert(format!("{folder}/{path}"), text.clone().into_bytes());
        }
        let unclear = app.unclear.iter();
        decided.left.extend(unclear.map(|name| {
            format!("{name} is not copied: several files of the repository are called so")
        }));
        let mut copies = std::mem::take(&mut app.copies);
        copies.extend(folders.iter().cloned());
        for path in copies {
            match copy(&repository.join(&path), &decided.secrets)? {
                Ok(content) => {
                    files.insert(format!("{folder}/monolith/{path}"), content);
                    app.copies.push(path);
                }
                Err(why) => decided.left.push(format!("{path} is not copied: {why}")),
            }
        }
    }
    for app in &decided.rust {
        for (path, text) in &app.files {
            files.insert(
                format!("{}/{}", app.function, path.display()),
                text.clone().into_bytes(),
            );
        }
    }
    for (path, content) in &mut files {
        if path.ends_with(&format!("/{SETTINGS}")) {
            *content = filled(&out.join(path), content)?;
        }
    }
    decided.left.sort();
    decided.left.dedup();
    decided.python.left.clone_from(&decided.left);
    files.insert("README.md".to_owned(), readme(decided).into_bytes());
    let mut names: Vec<String> = files.keys().cloned().collect();
    names.push(DOCUMENT.to_owned());
    names.sort();
    let document = serde_json::to_string_pretty(&decided.document(&names))
        .context("scaffold.json cannot be written")?;
    files.insert(DOCUMENT.to_owned(), format!("{document}\n").into_bytes());
    Ok(files)
}

/// What an earlier scaffold wrote into the folder, as its scaffold.json lists it.
fn listed(out: &Path) -> Result<BTreeSet<String>, CommandError> {
    let Some(content) = there(&out.join(DOCUMENT))? else {
        return Ok(BTreeSet::new());
    };
    let document: Value = serde_json::from_slice(&content).unwrap_or_default();
    let files = document["files"].as_array().into_iter().flatten();
    Ok(files
        .filter_map(|path| path.as_str().map(str::to_owned))
        .collect())
}

/// Takes a file away, and the folders that it leaves empty. What a person filled
/// in stays.
fn remove(out: &Path, path: &str) -> Result<(), CommandError> {
    let is_inside = Path::new(path)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let is_filled = path.rsplit('/').next() == Some(SETTINGS);
    if !is_inside || is_filled {
        return Ok(());
    }
    let file = out.join(path);
    match fs::remove_file(&file) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error)
                .with_context(|| format!("cannot remove {}", file.display()))
                .map_err(Into::into);
        }
        _ => {}
    }
    let mut folder = file.parent();
    // One that is not empty is not removed.
    while let Some(empty) = folder.filter(|it| *it != out && fs::remove_dir(it).is_ok()) {
        folder = empty.parent();
    }
    Ok(())
}

/// The settings as they are written, with what a person filled in.
fn filled(file: &Path, written: &[u8]) -> Result<Vec<u8>, CommandError> {
    let Some(content) = there(file)? else {
        return Ok(written.to_vec());
    };
    let is_no_json = || format!("{} is no JSON: mend or remove it", file.display());
    let there: Map<String, Value> = serde_json::from_slice(&content).with_context(is_no_json)?;
    let mut settings: Map<String, Value> =
        serde_json::from_slice(written).context("the settings cannot be written")?;
    for (key, value) in there {
        match (settings.get_mut(&key), value) {
            (Some(Value::Object(own)), Value::Object(filled)) => {
                let filled = filled.into_iter();
                own.extend(filled.filter(|(_, value)| value.as_str() != Some("")));
            }
            (_, value) => drop(settings.insert(key, value)),
        }
    }
    let text = serde_json::to_string_pretty(&settings).context("the settings cannot be written")?;
    Ok(format!("{text}\n").into_bytes())
}

fn there(file: &Path) -> Result<Option<Vec<u8>>, CommandError> {
    match fs::read(file) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error)
            .with_context(|| format!("cannot read {}", file.display()))
            .map_err(Into::into),
    }
}

/// The files that only hold an empty folder in a repository.
fn held_folders(repository: &Path, out: &Path) -> Vec<String> {
    let mut held = Vec::new();
    let mut todo = vec![repository.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let is_code = !name.to_string_lossy().starts_with('.')
                && name != "node_modules"
                && name != "venv"
                && path != out;
            if is_folder && is_code {
                todo.push(path);
            } else if !is_folder && (name == ".gitkeep" || name == ".keep") {
                let inside = path.strip_prefix(repository).unwrap_or(&path);
                held.push(inside.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    held.sort();
    held
}

/// What a file of the repository holds; says why, where it is not copied.
fn copy(from: &Path, secrets: &Secrets) -> Result<Result<Vec<u8>, String>, CommandError> {
    let metadata = fs::metadata(from);
    let metadata = metadata.with_context(|| format!("cannot read {}", from.display()))?;
    if metadata.len() > MOST_BYTES {
        return Ok(Err(format!(
            "it has {} bytes, and belongs into a container",
            metadata.len()
        )));
    }
    let content = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    let text = String::from_utf8_lossy(&content);
    if let Some(line) = secret_line(&text) {
        return Ok(Err(format!(
            "a secret stands in line {line}: say it by a setting of the app"
        )));
    }
    if let Some(line) = secrets.line(&text) {
        return Ok(Err(format!("a secret of the code stands in line {line}")));
    }
    Ok(Ok(content))
}

/// What was decided, for the terminal.
pub(crate) fn said(decided: &Decided, out: &Path) -> String {
    let mut said = String::new();
    for app in &decided.python.apps {
        let functions = match app.functions.len() {
            1 => "1 function".to_owned(),
            functions => format!("{functions} functions"),
        };
        let why = decided.why.get(&app.stage).map_or("", String::as_str);
        said.push_str(&format!(
            "  {:<14} Python, {functions}: {why}\n",
            app.stage.name()
        ));
    }
    for app in &decided.rust {
        said.push_str(&format!("  {:<14} custom handler\n", app.function));
    }
    let mut secrets: Vec<&str> = decided
        .python
        .apps
        .iter()
        .flat_map(|app| &app.settings)
        .filter(|setting| setting.needed)
        .map(|setting| setting.name.as_str())
        .collect();
    secrets.sort_unstable();
    secrets.dedup();
    if !secrets.is_empty() {
        said.push_str(&format!(
            "\nSecrets stood in the code; the copies read settings instead: {}\n",
            secrets.join(", ")
        ));
    }
    if !decided.left.is_empty() {
        said.push_str("\nNot done:\n");
        for left in &decided.left {
            said.push_str(&format!("  {left}\n"));
        }
    }
    said.push_str(&format!("\nNext: {}\n", out.join("README.md").display()));
    said
}

fn write(path: &Path, content: &[u8]) -> Result<(), CommandError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    Ok(fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))?)
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_filled_in_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(SETTINGS);
        let written = json!({ "IsEncrypted": false, "Values": { "KEY": "", "NEW": "" } });
        let written = written.to_string().into_bytes();
        assert_eq!(filled(&file, &written).unwrap(), written);
        let mine = json!({ "Values": { "KEY": "mine", "NEW": "", "MORE": "1" }, "Host": {} });
        fs::write(&file, mine.to_string()).unwrap();
        let settings: Value = serde_json::from_slice(&filled(&file, &written).unwrap()).unwrap();
        assert_eq!(
            settings,
            json!({ "IsEncrypted": false, "Host": {},
                    "Values": { "KEY": "mine", "NEW": "", "MORE": "1" } })
        );
        fs::write(&file, "{").unwrap();
        assert!(filled(&file, &written).is_err());
    }

    #[test]
    fn only_what_was_written_and_lies_inside_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        for path in ["app/old.py", "app/local.settings.json", "own.txt"] {
            write(&out.join(path), b"x").unwrap();
        }
        write(&folder.path().join("outside"), b"x").unwrap();
        write(&out.join("gone/deep/old.py"), b"x").unwrap();
        let list = json!({ "files": ["app/old.py", "app/local.settings.json", "gone/deep/old.py", "../outside"] });
        fs::write(out.join(DOCUMENT), list.to_string()).unwrap();
        for path in listed(&out).unwrap() {
            remove(&out, &path).unwrap();
        }
        let is_there = |path: &str| out.join(path).exists();
        assert!(!is_there("app/old.py") && !is_there("gone"));
        assert!(is_there("app/local.settings.json") && is_there("own.txt"));
        assert!(is_there("../outside"));
    }

    #[test]
    fn folders_that_are_held_are_found() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["data/out/.gitkeep", ".git/x/.gitkeep", "azure/data/.keep"] {
            write(&folder.path().join(path), b"").unwrap();
        }
        let held = held_folders(folder.path(), &folder.path().join("azure"));
        assert_eq!(held, ["data/out/.gitkeep"]);
    }
}
