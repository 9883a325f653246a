//! A Python that has what the service needs.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use super::files::{Folder, REQUIREMENTS};
use super::process;
use crate::console::Console;
use crate::error::{CommandError, Kind};

/// What the service imports.
const IMPORTS: &str = "import flask, joblib, pandas, requests, sklearn, yaml";

/// The one that is named, or one in the cache folder, which is made the first
/// time.
pub(super) fn find(
    named: Option<&Path>,
    folder: &Folder,
    console: &Console,
) -> Result<PathBuf, CommandError> {
    if let Some(named) = named {
        return match has_all(named) {
            Ok(()) => Ok(named.to_owned()),
            Err(why) => {
                let message = format!("{} cannot run the service: {why}", named.display());
                Err(CommandError::message(Kind::Usage, message)
                    .hint("install Flask, pandas, scikit-learn, PyYAML and requests into it, or leave --python out"))
            }
        };
    }
    let home = cache().join("demo-python");
    let python = home.join("bin/python");
    if has_all(&python).is_ok() {
        return Ok(python);
    }
    console.print(&format!(
        "  installs what the service needs into {} (once)\n",
        home.display()
    ))?;
    let _ = fs::remove_dir_all(&home);
    fs::create_dir_all(&home).with_context(|| format!("cannot create {}", home.display()))?;
    let needs =
        "the demo needs Python 3.11 with venv and pip: install it, or name one with --python";
    process::run(Command::new("python3").args(["-m", "venv"]).arg(&home))
        .map_err(|error| error.hint(needs))?;
    folder.write("requirements.txt", REQUIREMENTS)?;
    let requirements = folder.path().join("requirements.txt");
    process::run(
        Command::new(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "-r",
            ])
            .arg(&requirements),
    )
    .map_err(|error| error.hint(needs))?;
    Ok(python)
}

fn has_all(python: &Path) -> Result<(), String> {
    let output = Command::new(python).args(["-c", IMPORTS]).output();
    match output {
        Err(error) => Err(error.to_string()),
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            Err(said.lines().last().unwrap_or("it failed").to_owned())
        }
    }
}

/// As the XDG base directory specification has it.
fn cache() -> PathBuf {
    let named = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let named = named.filter(|path| path.is_absolute());
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    named
        .or_else(home)
        .unwrap_or_else(env::temp_dir)
        .join("cutline")
}
