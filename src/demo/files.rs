//! The folder in which the story happens, and the service that comes with
//! cutline.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::Context;
use cutline_analyzer::{Catalog, Options, Report, SourceOptions, SourceTree};
use include_dir::{Dir, include_dir};
use serde_json::{Map, Value};
use tempfile::TempDir;

use super::process;
use crate::error::{CommandError, Kind};

static SERVICE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/fixtures/churn_flask/churn");

/// What the service needs of Python.
pub(super) const REQUIREMENTS: &str = include_str!("../../fixtures/churn_flask/requirements.txt");

/// Where it happens.
pub(super) struct Folder {
    path: PathBuf,
    temporary: Option<TempDir>,
}

impl Folder {
    /// In `keep`, which has to be empty or new, or in a temporary folder; with
    /// the service in it.
    pub(super) fn open(keep: Option<&Path>) -> Result<Folder, CommandError> {
        let (path, temporary) = match keep {
            Some(path) => {
                let full = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
                if full {
                    let message = format!("{} is not empty", path.display());
                    return Err(CommandError::message(Kind::Usage, message)
                        .hint("name a new folder with --keep"));
                }
                fs::create_dir_all(path)
                    .with_context(|| format!("cannot create {}", path.display()))?;
                let path = path
                    .canonicalize()
                    .with_context(|| format!("cannot find {}", path.display()))?;
                (path, None)
            }
            None => {
                let made = tempfile::Builder::new().prefix("cutline-demo-").tempdir();
                let made = made.context("cannot make a temporary folder")?;
                (made.path().to_owned(), Some(made))
            }
        };
        let folder = Folder { path, temporary };
        folder.unpack()?;
        Ok(folder)
    }

    fn unpack(&self) -> Result<(), CommandError> {
        let service = self.path.join("churn");
        fs::create_dir_all(&service)
            .with_context(|| format!("cannot create {}", service.display()))?;
        for file in SERVICE.files() {
            let is_source = file
                .path()
                .extension()
                .is_some_and(|ending| ending == "py" || ending == "yaml");
            if is_source {
                let path = service.join(file.path());
                fs::write(&path, file.contents())
                    .with_context(|| format!("cannot write {}", path.display()))?;
            }
        }
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where somebody finds it afterwards.
    pub(super) fn kept(&self) -> Option<&Path> {
        self.temporary.is_none().then_some(self.path.as_path())
    }

    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.log"))
    }

    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), CommandError> {
        let path = self.path.join(name);
        Ok(fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?)
    }

    pub(super) fn make(&self, name: &str) -> Result<(), CommandError> {
        let path = self.path.join(name);
        Ok(fs::create_dir_all(&path)
            .with_context(|| format!("cannot create {}", path.display()))?)
    }

    /// The split report of the service.
    pub(super) fn analyzed(&self) -> Result<Report, CommandError> {
        let service = self.path.join("churn");
        let mut tree = SourceTree::read(&self.path, &SourceOptions::default())
            .map_err(|error| CommandError::new(Kind::Internal, error))
            .map_err(|error| error.hint(format!("{} cannot be read", service.display())))?;
        tree.name = "churn".into();
        let options = Options {
            catalog: Catalog::built_in(),
            pins: Vec::new(),
        };
        Ok(cutline_analyzer::analyze(&tree, &options))
    }

    /// The customers as clients know them: what is missing is left out.
    pub(super) fn customers(&self) -> Result<Vec<Value>, CommandError> {
        let path = self.path.join("incoming/may/customers.csv");
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut lines = text.lines();
        let names: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
        let customer = |line: &str| {
            let known = names.iter().zip(line.split(',')).filter(|(name, value)| {
                !value.is_empty() && !matches!(**name, "signup_date" | "churned")
            });
            let known = known.map(|(name, value)| {
                let number = value.parse::<f64>().ok();
                let value = match (value.parse::<i64>(), number) {
                    (Ok(whole), _) => Value::from(whole),
                    (_, Some(number)) => Value::from(number),
                    _ => Value::from(value),
                };
                ((*name).to_owned(), value)
            });
            Value::Object(known.collect::<Map<_, _>>())
        };
        Ok(lines.map(customer).collect())
    }
}

/// The token that whoever changes something shows, to the monolith and to its
/// stages: another one each time.
pub(super) fn token() -> &'static str {
    static TOKEN: OnceLock<String> = OnceLock::new();
    TOKEN.get_or_init(|| format!("{:032x}", rand::random::<u128>()))
}

/// Where files arrive, as the monolith and the stages see them.
const INCOMING: &str = "incoming";

/// Runs the service's package where files arrive, with its state beside.
pub(super) fn python_module(
    folder: &Folder,
    python: &Path,
    args: &[&str],
) -> std::process::Command {
    let mut command = std::process::Command::new(python);
    command
        .arg("-m")
        .args(args)
        .current_dir(folder.path().join(INCOMING))
        .env("PYTHONPATH", folder.path())
        .envs([("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONUNBUFFERED", "1")])
        // The seed that a split of functions.toml has where nothing says one.
        .envs([("CHURN_SEED", "0"), ("CHURN_PORT", "0")])
        .env("CHURN_HOME", folder.path().join("var"))
        .env("CHURN_TOKEN", token())
        // Nobody answers there, at once.
        .env("CHURN_BILLING_URL", "http://127.0.0.1:1");
    command
}

/// Makes the rows that everybody starts from.
pub(super) fn generate(folder: &Folder, python: &Path, rows: u32) -> Result<(), CommandError> {
    let rows = rows.to_string();
    let args = [
        "churn.generate",
        "--rows",
        &rows,
        "--seed",
        "7",
        "--out",
        "may",
    ];
    folder.make(INCOMING)?;
    process::run(&mut python_module(folder, python, &args)).map(drop)
}
