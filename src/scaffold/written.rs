//! The folder as it is written, and what is said of it.

use std::fs;
use std::path::Path;

use anyhow::Context;
use cutline_analyzer::hazards::secret_line;

use super::{Decided, readme};
use crate::error::CommandError;

/// Data that is larger belongs into a container.
const MOST_BYTES: u64 = 20 << 20;

/// Writes every app, README.md and scaffold.json. What is not copied is added
/// to what is not done.
pub(crate) fn write_all(
    decided: &mut Decided,
    repository: &Path,
    out: &Path,
) -> Result<(), CommandError> {
    for app in &mut decided.python.apps {
        let folder = out.join(app.stage.name());
        for (path, text) in &app.files {
            write(&folder.join(path), text.as_bytes())?;
        }
        let unclear = app.unclear.iter();
        decided.left.extend(unclear.map(|name| {
            format!("{name} is not copied: several files of the repository are called so")
        }));
        let copies = std::mem::take(&mut app.copies);
        for path in copies {
            match copy(
                &repository.join(&path),
                &folder.join("monolith").join(&path),
            )? {
                None => app.copies.push(path),
                Some(why) => decided.left.push(format!("{path} is not copied: {why}")),
            }
        }
    }
    for app in &decided.rust {
        for (path, text) in &app.files {
            write(&out.join(&app.function).join(path), text.as_bytes())?;
        }
    }
    decided.left.sort();
    decided.left.dedup();
    decided.python.left.clone_from(&decided.left);
    write(&out.join("README.md"), readme(decided).as_bytes())?;
    let document = serde_json::to_string_pretty(&decided.document())
        .context("scaffold.json cannot be written")?;
    write(
        &out.join("scaffold.json"),
        format!("{document}\n").as_bytes(),
    )
}

/// Copies a file of the repository; says why, where it does not.
fn copy(from: &Path, to: &Path) -> Result<Option<String>, CommandError> {
    let metadata = fs::metadata(from);
    let metadata = metadata.with_context(|| format!("cannot read {}", from.display()))?;
    if metadata.len() > MOST_BYTES {
        let why = format!(
            "it has {} bytes, and belongs into a container",
            metadata.len()
        );
        return Ok(Some(why));
    }
    let content = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    if let Some(line) = secret_line(&String::from_utf8_lossy(&content)) {
        let why = format!("a secret stands in line {line}: say it by a setting of the app");
        return Ok(Some(why));
    }
    write(to, &content)?;
    Ok(None)
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
