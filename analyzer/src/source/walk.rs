//! Which files of a folder are read.
//!
//! Git's ignore rules hold outside a repository too; hidden files and folders
//! are left out, and so are tests, virtual environments, build output and
//! vendored packages unless the options ask for them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use ignore::{DirEntry, WalkBuilder};
use smol_str::SmolStr;

use super::{ConfigFormat, NoSource, SkipReason, Skipped, SourceError, SourceOptions};

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Python,
    Rust,
    Notebook,
    Config(ConfigFormat),
}

impl Kind {
    pub(super) fn of(path: &str) -> Option<Kind> {
        let (_, extension) = path.rsplit_once('.')?;
        Some(match extension.to_ascii_lowercase().as_str() {
            "py" | "pyw" => Kind::Python,
            "rs" => Kind::Rust,
            "ipynb" => Kind::Notebook,
            "yaml" | "yml" => Kind::Config(ConfigFormat::Yaml),
            "json" => Kind::Config(ConfigFormat::Json),
            "toml" => Kind::Config(ConfigFormat::Toml),
            "ini" | "cfg" => Kind::Config(ConfigFormat::Ini),
            "env" => Kind::Config(ConfigFormat::Env),
            _ => return None,
        })
    }
}

/// A file to be read.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Relative to the root, with forward slashes.
    pub(super) path: SmolStr,
    /// Where it is.
    pub(super) file: PathBuf,
    pub(super) kind: Kind,
}

/// What a walk brings.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) sources: Vec<Found>,
    pub(super) configs: Vec<Found>,
    /// Files that hold no source, by their paths.
    pub(super) others: Vec<SmolStr>,
    pub(super) skipped: Vec<Skipped>,
}

impl Walked {
    fn skip(&mut self, path: SmolStr, reason: SkipReason) {
        self.skipped.push(Skipped { path, reason });
    }

    fn add(&mut self, root: &Path, file: &Path) {
        let path = relative(root, file);
        let Some(kind) = Kind::of(&path) else {
            self.others.push(path);
            return;
        };
        if matches!(kind, Kind::Config(_)) {
            self.others.push(path.clone());
        }
        let found = Found {
            path,
            file: file.to_owned(),
            kind,
        };
        match kind {
            Kind::Config(_) => self.configs.push(found),
            _ => self.sources.push(found),
        }
    }
}

/// The one file `file`, whatever the options leave out.
pub(super) fn single(file: &Path) -> Walked {
    let mut walked = Walked::default();
    walked.add(file.parent().unwrap_or(file), file);
    walked
}

/// The files under the folder `root`, a canonical path.
pub(super) fn walk(root: &Path, options: &SourceOptions) -> Result<Walked, SourceError> {
    let rules = Rules {
        root: root.to_owned(),
        include_tests: options.include_tests,
        include_virtualenvs: options.include_virtualenvs,
        exclude: exclude(root, &options.exclude)?,
    };
    let rules = Arc::new(rules);
    let in_git = root.ancestors().any(|folder| folder.join(".git").exists());
    let entries = WalkBuilder::new(root)
        .hidden(false)
        .ignore(false)
        // Depends on who runs it, not on the folder.
        .git_global(false)
        .git_ignore(!options.no_ignore)
        .git_exclude(!options.no_ignore)
        .parents(in_git)
        .require_git(false)
        .filter_entry({
            let rules = Arc::clone(&rules);
            move |entry| rules.keep(entry)
        })
        .build();

    let mut walked = Walked::default();
    for entry in entries {
        match entry {
            Ok(entry) if entry.depth() == 0 => {}
            Ok(entry) => take(&mut walked, root, &entry),
            Err(error) => {
                let path = error_path(&error)
                    .map_or_else(|| SmolStr::new_static("."), |path| relative(root, path));
                walked.skip(path, io_reason(error.io_error(), &error.to_string()));
            }
        }
    }
    Ok(walked)
}

/// Where the source files of a folder without any may have gone.
pub(super) fn why_nothing(root: &Path, options: &SourceOptions) -> Result<NoSource, SourceError> {
    let brings = |change: &dyn Fn(&mut SourceOptions)| {
        let mut options = options.clone();
        change(&mut options);
        Ok(!walk(root, &options)?.sources.is_empty())
    };
    let everything = |options: &mut SourceOptions| {
        *options = SourceOptions {
            include_tests: true,
            include_virtualenvs: true,
            no_ignore: true,
            ..SourceOptions::default()
        }
    };
    Ok(
        if fs::read_dir(root).is_ok_and(|mut all| all.next().is_none()) {
            NoSource::Empty
        } else if !brings(&everything)? {
            NoSource::OtherFiles
        } else if brings(&|options| options.include_tests = true)? {
            NoSource::OnlyTests
        } else if brings(&|options| options.include_virtualenvs = true)? {
            NoSource::OnlyVirtualenvs
        } else if brings(&|options| options.no_ignore = true)? {
            NoSource::OnlyIgnored
        } else {
            NoSource::OnlyExcluded
        },
    )
}

fn take(walked: &mut Walked, root: &Path, entry: &DirEntry) {
    let Some(file_type) = entry.file_type() else {
        return;
    };
    if file_type.is_symlink() {
        take_link(walked, root, entry.path());
    } else if file_type.is_file() {
        walked.add(root, entry.path());
    }
}

/// A link to a file inside the root is a file of its own, as Python sees it;
/// a linked folder is read where it lies.
fn take_link(walked: &mut Walked, root: &Path, link: &Path) {
    let path = relative(root, link);
    let is_source = !matches!(Kind::of(&path), None | Some(Kind::Config(_)));
    match link.canonicalize() {
        Ok(target) if target.is_dir() => {
            if link.starts_with(&target) {
                walked.skip(path, SkipReason::SymlinkLoop);
            } else if !target.starts_with(root) {
                walked.skip(path, SkipReason::LeavesRoot);
            }
        }
        Ok(target) if !target.starts_with(root) => {
            if is_source {
                walked.skip(path, SkipReason::LeavesRoot);
            }
        }
        // Not a device, a socket or a pipe, on which reading could wait.
        Ok(target) if target.is_file() => walked.add(root, link),
        Ok(_) => {}
        Err(error) if is_loop(&error) => walked.skip(path, SkipReason::SymlinkLoop),
        Err(error) if is_source => {
            let reason = match error.kind() {
                io::ErrorKind::NotFound => SkipReason::BrokenLink,
                _ => io_reason(Some(&error), ""),
            };
            walked.skip(path, reason);
        }
        Err(_) => {}
    }
}

/// `ELOOP`, which `io::ErrorKind` does not name yet.
fn is_loop(error: &io::Error) -> bool {
    let eloop = if cfg!(target_os = "linux") { 40 } else { 62 };
    cfg!(unix) && error.raw_os_error() == Some(eloop)
}

fn io_reason(error: Option<&io::Error>, otherwise: &str) -> SkipReason {
    match error {
        Some(error) if error.kind() == io::ErrorKind::NotFound => SkipReason::Vanished,
        Some(error) => SkipReason::Unreadable {
            message: error.to_string().into(),
        },
        None => SkipReason::Unreadable {
            message: otherwise.into(),
        },
    }
}

fn error_path(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            error_path(err)
        }
        _ => None,
    }
}

fn relative(root: &Path, path: &Path) -> SmolStr {
    let path = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/").into()
}

fn exclude(root: &Path, globs: &[String]) -> Result<Gitignore, SourceError> {
    let bad = |glob: &str, error: ignore::Error| SourceError::BadGlob {
        glob: glob.to_owned(),
        message: error.to_string(),
    };
    let mut builder = GitignoreBuilder::new(root);
    for glob in globs {
        builder
            .add_line(None, glob)
            .map_err(|error| bad(glob, error))?;
    }
    builder
        .build()
        .map_err(|error| bad(&globs.join(" "), error))
}

/// What is left out besides what git ignores.
struct Rules {
    root: PathBuf,
    include_tests: bool,
    include_virtualenvs: bool,
    exclude: Gitignore,
}

impl Rules {
    fn keep(&self, entry: &DirEntry) -> bool {
        if entry.depth() == 0 || entry.path() == self.root {
            return true;
        }
        let path = entry.path();
        let name = entry.file_name().to_string_lossy();
        let is_dir = entry.file_type().is_some_and(|kind| kind.is_dir());
        if name.starts_with('.')
            && (is_dir || Kind::of(&name) != Some(Kind::Config(ConfigFormat::Env)))
        {
            return false;
        }
        if self.exclude.matched(path, is_dir).is_ignore() {
            return false;
        }
        match is_dir {
            true => {
                (self.include_tests || !is_test_folder(path, &name))
                    && (self.include_virtualenvs || !is_foreign(path, &name))
            }
            false => self.include_tests || !is_test_file(&name),
        }
    }
}

fn is_test_folder(path: &Path, name: &str) -> bool {
    match name {
        "tests" | "test" => true,
        "benches" => path.with_file_name("Cargo.toml").exists(),
        _ => false,
    }
}

fn is_test_file(name: &str) -> bool {
    if let Some(stem) = name.strip_suffix(".rs") {
        // `test.rs` may test a model.
        return stem == "tests" || stem.ends_with("_tests");
    }
    let Some(stem) = name.strip_suffix(".py") else {
        return false;
    };
    stem == "conftest" || stem.starts_with("test_") || stem.ends_with("_test")
}

/// What `cutline scaffold` wrote: copies of this code base's own source.
fn is_scaffolded(path: &Path) -> bool {
    let said = fs::read_to_string(path.join("scaffold.json"));
    said.is_ok_and(|said| said.starts_with("{\n  \"written_by\": \"cutline scaffold\""))
}

/// Installed, built or vendored: not this code base's own source.
fn is_foreign(path: &Path, name: &str) -> bool {
    match name {
        "site-packages" | "dist-packages" | "node_modules" | "__pycache__" | "__pypackages__" => {
            true
        }
        "vendor" | "vendored" | "_vendor" | "third_party" => true,
        // Common names: only when their content shows what they are.
        "build" => path.join("lib").is_dir() || holds(path, |name| name.starts_with("bdist.")),
        "dist" => holds(path, |name| {
            name.ends_with(".whl") || name.ends_with(".tar.gz")
        }),
        _ => {
            name.ends_with(".egg-info")
                || name.ends_with(".dist-info")
                || path.join("pyvenv.cfg").exists()
                || path.join("conda-meta").is_dir()
                || path.join("CACHEDIR.TAG").exists()
                || is_scaffolded(path)
        }
    }
}

fn holds(folder: &Path, matches: impl Fn(&str) -> bool) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| {
        entries.any(|entry| entry.is_ok_and(|entry| matches(&entry.file_name().to_string_lossy())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for line in files {
            let (path, text) = line.split_once(" = ").unwrap_or((line, ""));
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    fn found(dir: &tempfile::TempDir, options: &SourceOptions) -> Vec<String> {
        let root = dir.path().canonicalize().unwrap();
        let walked = walk(&root, options).unwrap();
        let mut paths: Vec<_> = walked.sources.iter().map(|f| f.path.to_string()).collect();
        paths.extend(
            walked
                .skipped
                .iter()
                .map(|s| format!("{}: {}", s.path, s.reason)),
        );
        paths.sort();
        paths
    }

    /// What is found by default, and what `change` brings besides.
    fn check(files: &[&str], change: fn(&mut SourceOptions), expect: &[&str], more: &[&str]) {
        let dir = folder(files);
        let by_default = found(&dir, &SourceOptions::default());
        assert_eq!(by_default, expect);
        let mut options = SourceOptions::default();
        change(&mut options);
        let mut with = found(&dir, &options);
        with.retain(|path| !by_default.contains(path));
        assert_eq!(with, more);
    }

    #[test]
    fn ignore_rules_are_gits_also_outside_a_repository() {
        check(
            &[
                ".gitignore = *_gen.py\n/out/\n!keep_gen.py\n",
                "a.py",
                "a_gen.py",
                "keep_gen.py",
                "out/b.py",
                "pkg/out/c.py",
                "pkg/.gitignore = d.py",
                "pkg/d.py",
                "d.py",
            ],
            |options| options.no_ignore = true,
            &["a.py", "d.py", "keep_gen.py", "pkg/out/c.py"],
            &["a_gen.py", "out/b.py", "pkg/d.py"],
        );
    }

    #[test]
    fn tests_are_left_out() {
        check(
            &[
                "a.py",
                "tests/b.py",
                "pkg/test/c.py",
                "test_d.py",
                "e_test.py",
                "conftest.py",
                "latest.py",
                "benches/labels.py",
                "crate/Cargo.toml",
                "crate/benches/f.rs",
                "crate/src/lib.rs",
                "crate/src/store/tests.rs",
                "crate/src/store_tests.rs",
                "crate/src/test.rs",
            ],
            |options| options.include_tests = true,
            &[
                "a.py",
                "benches/labels.py",
                "crate/src/lib.rs",
                "crate/src/test.rs",
                "latest.py",
            ],
            &[
                "conftest.py",
                "crate/benches/f.rs",
                "crate/src/store/tests.rs",
                "crate/src/store_tests.rs",
                "e_test.py",
                "pkg/test/c.py",
                "test_d.py",
                "tests/b.py",
            ],
        );
    }

    #[test]
    fn installed_built_and_vendored_code_is_left_out() {
        check(
            &[
                "a.py",
                "env/pyvenv.cfg",
                "env/lib/b.py",
                "py/site-packages/c.py",
                "web/node_modules/d.py",
                "target/CACHEDIR.TAG",
                "target/e.rs",
                "build/lib/f.py",
                "tools/build/g.py",
                "x.egg-info/h.py",
                "pkg/_vendor/i.py",
                "dist/x.whl",
                "dist/j.py",
            ],
            |options| options.include_virtualenvs = true,
            &["a.py", "tools/build/g.py"],
            &[
                "build/lib/f.py",
                "dist/j.py",
                "env/lib/b.py",
                "pkg/_vendor/i.py",
                "py/site-packages/c.py",
                "target/e.rs",
                "web/node_modules/d.py",
                "x.egg-info/h.py",
            ],
        );
    }

    #[test]
    fn hidden_folders_are_left_out() {
        let dir = folder(&["a.py", ".hidden.py", ".tox/b.py", ".env/c.py"]);
        assert_eq!(found(&dir, &SourceOptions::default()), ["a.py"]);
    }

    #[test]
    fn excludes_are_lines_of_a_gitignore() {
        let dir = folder(&["a.py", "legacy/b.py", "pkg/legacy/c.py", "pkg/d.py"]);
        let excluding = |globs: &[&str]| {
            found(
                &dir,
                &SourceOptions {
                    exclude: globs.iter().map(|glob| glob.to_string()).collect(),
                    ..SourceOptions::default()
                },
            )
        };
        assert_eq!(excluding(&["legacy/"]), ["a.py", "pkg/d.py"]);
        assert_eq!(
            excluding(&["/legacy/**"]),
            ["a.py", "pkg/d.py", "pkg/legacy/c.py"]
        );
        assert_eq!(excluding(&["*.py", "!d.py"]), ["pkg/d.py"]);
        let options = SourceOptions {
            exclude: vec!["{a".to_owned()],
            ..SourceOptions::default()
        };
        let error = walk(dir.path(), &options).unwrap_err();
        assert!(
            error.to_string().starts_with("`{a` is not a pattern: "),
            "{error}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_to_files_inside_and_never_in_circles() {
        use std::os::unix::fs::symlink;
        let outside = folder(&["z.py"]);
        let dir = folder(&["a.py", "pkg/b.py"]);
        let at = |path: &str| dir.path().join(path);
        symlink("../a.py", at("pkg/linked.py")).unwrap();
        symlink("pkg", at("same")).unwrap();
        symlink("..", at("pkg/up")).unwrap();
        symlink("self.py", at("self.py")).unwrap();
        symlink("gone", at("gone.py")).unwrap();
        symlink(outside.path().join("z.py"), at("z.py")).unwrap();
        symlink(outside.path(), at("data")).unwrap();
        symlink("/dev/zero", at("dev.txt")).unwrap();
        assert_eq!(
            found(&dir, &SourceOptions::default()),
            [
                "a.py",
                "data: is a symbolic link that leaves the folder",
                "gone.py: is a symbolic link to nothing",
                "pkg/b.py",
                "pkg/linked.py",
                "pkg/up: is a symbolic link that leads back to itself",
                "self.py: is a symbolic link that leads back to itself",
                "z.py: is a symbolic link that leaves the folder",
            ]
        );
    }
}
