//! The labels of a repository, and its files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cutline_analyzer::stages::Stage;
use serde::Deserialize;

use crate::support::Error;

const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// What is said of one repository.
#[derive(Debug, Deserialize)]
pub(crate) struct Labels {
    /// `<owner>+<name>`, as the file is called.
    #[serde(skip)]
    pub(crate) name: String,
    pub(crate) repository: String,
    pub(crate) commit: String,
    pub(crate) split: Split,
    #[serde(rename = "function")]
    pub(crate) functions: Vec<Label>,
}

/// Whether tuning may look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Split {
    Tune,
    HeldOut,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Label {
    pub(crate) file: String,
    pub(crate) qualname: String,
    pub(crate) stage: Stage,
    /// False where two readers may differ.
    #[serde(default = "yes")]
    pub(crate) sure: bool,
}

fn yes() -> bool {
    true
}

/// The labels of that split, by name.
pub(crate) fn read_all(split: Split) -> Result<Vec<Labels>, Error> {
    let mut all = Vec::new();
    for entry in fs::read_dir(Path::new(PROJECT).join("benches/labels"))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let mut labels: Labels = toml::from_str(&fs::read_to_string(&path)?)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        labels.name = path.file_stem().unwrap_or_default().display().to_string();
        if labels.split == split {
            all.push(labels);
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// The folder with the repository's files at the labelled commit.
pub(crate) fn checked_out(labels: &Labels, repos: &Path) -> Result<PathBuf, Error> {
    let target = Path::new(PROJECT).join("target/labels");
    let folder = target.join(&labels.name);
    let done = target.join(format!("{}.commit", labels.name));
    if fs::read_to_string(&done).is_ok_and(|commit| commit == labels.commit) {
        return Ok(folder);
    }
    fs::create_dir_all(&target)?;
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir(&folder)?;
    let git_dir = match clone_in(&repos.join(&labels.name)) {
        Some(git_dir) => git_dir,
        None => cloned(labels, &target)?,
    };
    write_files(&git_dir, &labels.commit, &folder)?;
    fs::write(&done, &labels.commit)?;
    Ok(folder)
}

/// Endings of the files that the analyzer reads.
const READ: [&str; 10] = [
    ".py", ".ipynb", ".rs", ".yaml", ".yml", ".json", ".toml", ".cfg", ".ini", ".env",
];

/// Writes the commit's files that the analyzer reads. A shallow or partial
/// clone may lack some of the large ones: those are passed over.
fn write_files(git_dir: &Path, commit: &str, folder: &Path) -> Result<(), Error> {
    let git = || {
        let mut git = Command::new("git");
        git.arg("--git-dir").arg(git_dir);
        git
    };
    let listed = git()
        .args(["ls-tree", "-r", "-z", "--name-only", commit])
        .output()?;
    if !listed.status.success() {
        return Err(format!("{} has no commit {commit}", git_dir.display()).into());
    }
    let names = String::from_utf8_lossy(&listed.stdout).into_owned();
    let names = names
        .split('\0')
        .filter(|name| READ.iter().any(|end| name.ends_with(end)));
    for name in names {
        let file = git()
            .args(["cat-file", "blob", &format!("{commit}:{name}")])
            .output()?;
        if !file.status.success() {
            continue;
        }
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, file.stdout)?;
    }
    Ok(())
}

/// The git directory of a clone: the folder itself, its `.git` or `repo`, or
/// a folder in it whose name ends in `.git`.
fn clone_in(folder: &Path) -> Option<PathBuf> {
    let inside = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut ending: Vec<_> = inside
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(".git"))
        .collect();
    ending.sort();
    let mut candidates = vec![
        folder.to_owned(),
        folder.join("repo"),
        folder.join("repo/.git"),
    ];
    candidates.extend(ending);
    candidates.push(PathBuf::from(format!("{}.git", folder.display())));
    candidates
        .into_iter()
        .find(|path| path.join("HEAD").is_file())
}

fn cloned(labels: &Labels, target: &Path) -> Result<PathBuf, Error> {
    let clone = target.join(format!("{}.git", labels.name));
    if !clone.exists() {
        run(Command::new("git")
            .args(["clone", "--quiet", "--bare", &labels.repository])
            .arg(&clone))?;
    }
    Ok(clone)
}

fn run(command: &mut Command) -> Result<(), Error> {
    let status = command
        .status()
        .map_err(|error| format!("{:?} cannot be run: {error}", command.get_program()))?;
    if !status.success() {
        return Err(format!("{command:?} failed").into());
    }
    Ok(())
}
