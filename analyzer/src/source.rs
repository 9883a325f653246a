//! The code to analyse, as files in memory: the analyzer's only file input.
//!
//! [`SourceTree::read`] walks a folder, or takes a single file or notebook.
//! Only the tree as a whole can fail to be read; a file that cannot be read
//! stands under [`SourceTree::skipped`] with its reason. The same folder gives
//! the same tree, whatever the order in which its files were read.

mod decode;
mod notebook;
mod walk;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use smol_str::SmolStr;

use walk::{Found, Kind, Walked};

/// How much larger than a source file a notebook may be: its outputs count in
/// its size and are dropped.
const NOTEBOOK_FACTOR: u64 = 16;
/// Configuration files above this size hold data.
const MAX_CONFIG_BYTES: u64 = 256 << 10;
/// All configuration files together; those near the root are read first.
const MAX_CONFIG_TOTAL: u64 = 16 << 20;

/// The files of one code base.
#[derive(Clone, Debug, Default)]
pub struct SourceTree {
    /// Name of the folder, or of the file without its extension.
    pub name: SmolStr,
    /// Source files, sorted by path.
    pub files: Vec<SourceFile>,
    /// Configuration files, sorted by path.
    pub configs: Vec<ConfigFile>,
    /// Paths of the files that hold no source, configuration among them, sorted.
    pub others: Vec<SmolStr>,
    /// What could not be read, sorted by path.
    pub skipped: Vec<Skipped>,
}

/// One source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Relative to the root, with forward slashes.
    pub path: SmolStr,
    /// What it is written in.
    pub language: Language,
    /// Its text; of a notebook the code cells, one after the other.
    pub text: String,
    /// The code cells of a notebook; empty for any other file.
    pub cells: Vec<Cell>,
}

/// Languages that have a front end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// `.py`, `.pyw` and notebooks.
    Python,
    /// `.rs`
    Rust,
}

/// A code cell of a notebook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Its first line in [`SourceFile::text`], from 1.
    pub line: u32,
    /// Its number among the code cells, from 1.
    pub number: u32,
}

/// A small file in which code may find paths, table names and parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFile {
    /// Relative to the root, with forward slashes.
    pub path: SmolStr,
    /// How it is written.
    pub format: ConfigFormat,
    /// Its text, not checked.
    pub text: String,
}

/// Formats of [`ConfigFile`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConfigFormat {
    /// `.yaml`, `.yml`
    Yaml,
    /// `.json`
    Json,
    /// `.toml`
    Toml,
    /// `.ini`, `.cfg`
    Ini,
    /// `.env`
    Env,
}

/// A file that is left out of the analysis, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Relative to the root, with forward slashes.
    pub path: SmolStr,
    /// Why.
    pub reason: SkipReason,
}

/// Why a file, or a cell of a notebook, is left out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SkipReason {
    /// Bytes that are not UTF-8, and no coding cookie that says what they are.
    #[error("is not UTF-8 at {line}:{column}, and no coding comment says what it is")]
    NotUtf8 {
        /// Line of the first such byte, from 1.
        line: u32,
        /// Its column in characters, from 1.
        column: u32,
    },
    /// A coding cookie that names an encoding not known here.
    #[error("is in {encoding}, which is not read here; save it as UTF-8")]
    UnknownEncoding {
        /// The encoding as written.
        encoding: SmolStr,
    },
    /// It holds NUL bytes.
    #[error("is binary")]
    Binary,
    /// It is larger than the limit.
    #[error("is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// The system refused to read it.
    #[error("cannot be read: {message}")]
    Unreadable {
        /// What the system said.
        message: SmolStr,
    },
    /// It was there when the folder was walked and gone when it was read.
    #[error("vanished while it was read")]
    Vanished,
    /// A link to itself or to a folder around it.
    #[error("is a symbolic link that leads back to itself")]
    SymlinkLoop,
    /// A link to something that is not there.
    #[error("is a symbolic link to nothing")]
    BrokenLink,
    /// A link to something outside the root.
    #[error("is a symbolic link that leaves the folder")]
    LeavesRoot,
    /// A notebook that is not JSON, or not of a notebook's shape.
    #[error("is not a notebook: {message}")]
    BrokenNotebook {
        /// What is wrong, with line and column.
        message: SmolStr,
    },
    /// A notebook in a language that has no front end.
    #[error("is a notebook in {language}")]
    NotebookLanguage {
        /// The language as the notebook names it.
        language: SmolStr,
    },
    /// A cell of a notebook that is no Python; the other cells are read.
    #[error("code cell {number} does not parse; the other cells are read")]
    BrokenCell {
        /// Its number among the code cells, from 1.
        number: u32,
    },
    /// The front end found no program in it.
    #[error("does not parse at {line}:{column}")]
    DoesNotParse {
        /// Line of the first error, from 1.
        line: u32,
        /// Column of the first error, from 1.
        column: u32,
    },
    /// It nests too deep for the front end.
    #[error("nests deeper than {limit} levels at line {line}")]
    TooDeep {
        /// The limit.
        limit: u32,
        /// Where it was reached.
        line: u32,
    },
}

/// What to read and what to leave out.
#[derive(Clone, Debug)]
pub struct SourceOptions {
    /// Read tests too: folders `tests` and `test`, `test_*.py`, `*_test.py`,
    /// `conftest.py`, `tests.rs`, `*_tests.rs`, and a crate's `benches`.
    pub include_tests: bool,
    /// Read virtual environments, build output and vendored packages too.
    pub include_virtualenvs: bool,
    /// Read what `.gitignore` names too.
    pub no_ignore: bool,
    /// Paths to leave out, as lines of a `.gitignore` at the root.
    pub exclude: Vec<String>,
    /// Source files above this size are skipped.
    pub max_file_bytes: u64,
}

impl Default for SourceOptions {
    fn default() -> SourceOptions {
        SourceOptions {
            include_tests: false,
            include_virtualenvs: false,
            no_ignore: false,
            exclude: Vec::new(),
            max_file_bytes: 2 << 20,
        }
    }
}

/// Why a tree cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Nothing is at the path.
    #[error("{} does not exist", path.display())]
    NotFound {
        /// The path as given.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{} cannot be read", path.display())]
    NotReadable {
        /// The path as given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A pattern in [`SourceOptions::exclude`] is none.
    #[error("`{glob}` is not a pattern: {message}")]
    BadGlob {
        /// The pattern.
        glob: String,
        /// What is wrong with it.
        message: String,
    },
    /// There is no source file to analyse.
    #[error("{}: {why}", path.display())]
    NoSource {
        /// The path as given.
        path: PathBuf,
        /// Where the source files may have gone.
        why: NoSource,
    },
    /// There are source files, and every one had to be skipped.
    #[error("{}: no source file can be read: {} {}{}", path.display(), skipped[0].path, skipped[0].reason, and_more(skipped.len()))]
    AllSkipped {
        /// The path as given.
        path: PathBuf,
        /// The files, at least one.
        skipped: Vec<Skipped>,
    },
}

/// Why there is no source file in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSource {
    /// The folder holds nothing.
    #[error("the folder is empty")]
    Empty,
    /// A single file of another kind.
    #[error("not a Python file, a Rust file or a notebook")]
    OtherFile,
    /// Files, none of them Python or Rust.
    #[error("no Python or Rust file in it")]
    OtherFiles,
    /// Only files that [`SourceOptions::include_tests`] would bring.
    #[error("no Python or Rust file in it but tests")]
    OnlyTests,
    /// Only files that [`SourceOptions::include_virtualenvs`] would bring.
    #[error("no Python or Rust file in it but installed or vendored packages and build output")]
    OnlyVirtualenvs,
    /// Only files that [`SourceOptions::no_ignore`] would bring.
    #[error("no Python or Rust file in it that git does not ignore")]
    OnlyIgnored,
    /// Only files that [`SourceOptions::exclude`] names, or that several of
    /// the rules leave out together.
    #[error("every Python or Rust file in it is left out")]
    OnlyExcluded,
}

fn and_more(n: usize) -> String {
    match n {
        0 | 1 => String::new(),
        2 => " (and 1 more)".to_owned(),
        n => format!(" (and {} more)", n - 1),
    }
}

impl SourceTree {
    /// Reads the folder, file or notebook at `path`.
    pub fn read(path: &Path, options: &SourceOptions) -> Result<SourceTree, SourceError> {
        let root = path
            .canonicalize()
            .map_err(|source| not_readable(path, source))?;
        let metadata = root
            .metadata()
            .map_err(|source| not_readable(path, source))?;
        let walked = if metadata.is_dir() {
            walk::walk(&root, options)?
        } else {
            walk::single(&root)
        };
        let no_source = walked.sources.is_empty() && walked.skipped.is_empty();
        if no_source {
            let why = match metadata.is_dir() {
                true => walk::why_nothing(&root, options)?,
                false => NoSource::OtherFile,
            };
            let path = path.to_owned();
            return Err(SourceError::NoSource { path, why });
        }
        let tree = load(name_of(&root, metadata.is_dir()), walked, options);
        if tree.files.is_empty() {
            return Err(SourceError::AllSkipped {
                path: path.to_owned(),
                skipped: tree.skipped,
            });
        }
        Ok(tree)
    }

    /// A tree of the given files (path, text), for tests and examples.
    pub fn from_texts<'a>(
        name: &str,
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> SourceTree {
        let limit = SourceOptions::default().max_file_bytes;
        let mut tree = SourceTree {
            name: name.into(),
            ..SourceTree::default()
        };
        for (path, text) in files {
            let kind = Kind::of(path);
            if matches!(kind, None | Some(Kind::Config(_))) {
                tree.others.push(path.into());
            }
            match kind {
                Some(Kind::Config(format)) => tree.configs.push(ConfigFile {
                    path: path.into(),
                    format,
                    text: text.to_owned(),
                }),
                Some(kind) => tree.add(path.into(), interpret(kind, text.into(), limit)),
                None => {}
            }
        }
        tree.sort();
        tree
    }

    fn add(&mut self, path: SmolStr, read: Result<Interpreted, SkipReason>) {
        let skip = |reason| Skipped {
            path: path.clone(),
            reason,
        };
        match read {
            Ok(read) => {
                self.skipped.extend(read.skipped.into_iter().map(skip));
                self.files.push(SourceFile {
                    path,
                    language: read.language,
                    text: read.text,
                    cells: read.cells,
                });
            }
            Err(reason) => self.skipped.push(skip(reason)),
        }
    }

    /// Stable, so that the cells of one notebook stay in order.
    fn sort(&mut self) {
        self.files.sort_by(|a, b| a.path.cmp(&b.path));
        self.configs.sort_by(|a, b| a.path.cmp(&b.path));
        self.others.sort();
        self.skipped.sort_by(|a, b| a.path.cmp(&b.path));
    }
}

fn not_readable(path: &Path, source: io::Error) -> SourceError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound => SourceError::NotFound { path },
        _ => SourceError::NotReadable { path, source },
    }
}

fn name_of(root: &Path, is_dir: bool) -> SmolStr {
    let name = if is_dir {
        root.file_name()
    } else {
        root.file_stem()
    };
    match name {
        Some(name) => name.to_string_lossy().into(),
        None => SmolStr::new_static("root"),
    }
}

/// Reads what was found, in parallel.
fn load(name: SmolStr, walked: Walked, options: &SourceOptions) -> SourceTree {
    let mut tree = SourceTree {
        name,
        others: walked.others,
        skipped: walked.skipped,
        ..SourceTree::default()
    };
    let limit = options.max_file_bytes;
    let sources: Vec<_> = walked
        .sources
        .into_par_iter()
        .map(|found| {
            let read = read_source(&found, limit);
            (found.path, read)
        })
        .collect();
    for (path, read) in sources {
        tree.add(path, read);
    }
    tree.configs = within_budget(walked.configs)
        .into_par_iter()
        .filter_map(read_config)
        .collect();
    tree.sort();
    tree
}

fn read_source(found: &Found, limit: u64) -> Result<Interpreted, SkipReason> {
    let file_limit = match found.kind {
        Kind::Notebook => limit.saturating_mul(NOTEBOOK_FACTOR),
        _ => limit,
    };
    let bytes = read_bytes(&found.file, file_limit)?;
    interpret(found.kind, bytes, limit)
}

fn read_bytes(file: &Path, limit: u64) -> Result<Vec<u8>, SkipReason> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => SkipReason::Vanished,
        _ => SkipReason::Unreadable {
            message: error.to_string().into(),
        },
    };
    let file = File::open(file).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    if size > limit {
        return Err(SkipReason::TooLarge { limit });
    }
    // It may still grow while it is read.
    let mut bytes = Vec::with_capacity(size as usize);
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        return Err(SkipReason::TooLarge { limit });
    }
    Ok(bytes)
}

/// A file's bytes, understood.
#[derive(Debug)]
struct Interpreted {
    language: Language,
    text: String,
    cells: Vec<Cell>,
    /// Cells that are left out.
    skipped: Vec<SkipReason>,
}

fn interpret(kind: Kind, bytes: Vec<u8>, limit: u64) -> Result<Interpreted, SkipReason> {
    let plain = |language, text| Interpreted {
        language,
        text,
        cells: Vec::new(),
        skipped: Vec::new(),
    };
    match kind {
        Kind::Python => Ok(plain(Language::Python, decode::python(bytes)?)),
        Kind::Rust | Kind::Config(_) => Ok(plain(Language::Rust, decode::utf8(bytes)?)),
        Kind::Notebook => {
            let notebook = notebook::read(&decode::utf8(bytes)?)?;
            if notebook.text.len() as u64 > limit {
                return Err(SkipReason::TooLarge { limit });
            }
            Ok(Interpreted {
                language: Language::Python,
                text: notebook.text,
                cells: notebook.cells,
                skipped: notebook.skipped,
            })
        }
    }
}

/// The configuration files nearest to the root that fit the budget.
fn within_budget(mut configs: Vec<Found>) -> Vec<Found> {
    configs.sort_by_cached_key(|found| (found.path.matches('/').count(), found.path.clone()));
    let mut total = 0;
    configs.retain(|found| {
        let size = found.file.metadata().map_or(u64::MAX, |data| data.len());
        let fits = size <= MAX_CONFIG_BYTES && total + size <= MAX_CONFIG_TOTAL;
        if fits {
            total += size;
        }
        fits
    });
    configs
}

fn read_config(found: Found) -> Option<ConfigFile> {
    let Kind::Config(format) = found.kind else {
        return None;
    };
    let bytes = read_bytes(&found.file, MAX_CONFIG_BYTES).ok()?;
    let text = decode::utf8(bytes).ok()?;
    Some(ConfigFile {
        path: found.path,
        format,
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, bytes) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        dir
    }

    fn read(dir: &tempfile::TempDir) -> SourceTree {
        SourceTree::read(dir.path(), &SourceOptions::default()).unwrap()
    }

    fn paths(tree: &SourceTree) -> Vec<&str> {
        tree.files.iter().map(|file| file.path.as_str()).collect()
    }

    fn skipped(tree: &SourceTree) -> Vec<String> {
        tree.skipped
            .iter()
            .map(|skipped| format!("{} {}", skipped.path, skipped.reason))
            .collect()
    }

    fn error(path: &Path) -> String {
        let error = SourceTree::read(path, &SourceOptions::default()).unwrap_err();
        let message = error.to_string();
        message.replace(&path.display().to_string(), "PATH")
    }

    #[test]
    fn files_come_sorted_with_their_language() {
        let dir = folder(&[
            ("b/x.py", b"x = 1\n"),
            ("a.rs", b"fn main() {}\n"),
            ("b.py", b""),
            ("README.md", b"# no"),
        ]);
        let tree = read(&dir);
        assert_eq!(paths(&tree), ["a.rs", "b.py", "b/x.py"]);
        assert_eq!(tree.files[0].language, Language::Rust);
        assert_eq!(tree.files[2].text, "x = 1\n");
    }

    #[test]
    fn configuration_is_read_and_never_skipped() {
        let large = vec![b' '; MAX_CONFIG_BYTES as usize + 1];
        let dir = folder(&[
            ("a.py", b""),
            ("conf/params.yaml", b"path: data/raw.csv"),
            ("broken.json", b"{"),
            ("latin.ini", b"\xe9"),
            ("large.json", &large),
            (".env", b"DB=x.db"),
        ]);
        let tree = read(&dir);
        let configs: Vec<_> = tree.configs.iter().map(|c| c.path.as_str()).collect();
        assert_eq!(configs, [".env", "broken.json", "conf/params.yaml"]);
        assert_eq!(tree.configs[2].format, ConfigFormat::Yaml);
        assert!(tree.skipped.is_empty());
    }

    #[test]
    fn a_file_that_cannot_be_read_costs_only_itself() {
        let large = vec![b'#'; (2 << 20) + 1];
        let dir = folder(&[
            ("good.py", b"x = 1\n"),
            ("latin.py", b"x = 1\ny = '\xe9'\n"),
            ("binary.py", b"\x00\x01"),
            ("large.py", &large),
            ("broken.ipynb", b"{\"cells\": ["),
        ]);
        let tree = read(&dir);
        assert_eq!(paths(&tree), ["good.py"]);
        assert_eq!(
            skipped(&tree),
            [
                "binary.py is binary",
                "broken.ipynb is not a notebook: EOF while parsing a list at line 1 column 11",
                "large.py is larger than 2097152 bytes",
                "latin.py is not UTF-8 at 2:6, and no coding comment says what it is",
            ]
        );
    }

    #[test]
    fn a_file_that_vanishes_costs_only_itself() {
        let dir = folder(&[("a.py", b""), ("b.py", b"")]);
        let options = SourceOptions::default();
        let walked = walk::walk(dir.path(), &options).unwrap();
        fs::remove_file(dir.path().join("a.py")).unwrap();
        let tree = load("t".into(), walked, &options);
        assert_eq!(paths(&tree), ["b.py"]);
        assert_eq!(skipped(&tree), ["a.py vanished while it was read"]);
    }

    #[test]
    fn a_single_file_or_notebook_is_a_tree() {
        let notebook = br#"{"cells": [{"cell_type": "code", "source": "x = 1"}]}"#;
        let dir = folder(&[
            ("train.py", b"x = 1\n"),
            ("other.py", b""),
            ("tests/test_a.py", b""),
            ("eda.ipynb", notebook),
        ]);
        let tree = |path: &str| {
            SourceTree::read(&dir.path().join(path), &SourceOptions::default()).unwrap()
        };
        assert_eq!(paths(&tree("train.py")), ["train.py"]);
        assert_eq!(tree("train.py").name, "train");
        assert_eq!(paths(&tree("tests/test_a.py")), ["test_a.py"]);
        assert_eq!(tree("eda.ipynb").files[0].cells.len(), 1);
    }

    #[test]
    fn a_tree_without_source_says_why() {
        assert_eq!(error(Path::new("/nowhere/at/all")), "PATH does not exist");
        assert_eq!(error(folder(&[]).path()), "PATH: the folder is empty");
        let text = folder(&[("notes.txt", b"x")]);
        assert_eq!(error(text.path()), "PATH: no Python or Rust file in it");
        assert_eq!(
            error(&text.path().join("notes.txt")),
            "PATH: not a Python file, a Rust file or a notebook"
        );
        assert_eq!(
            error(folder(&[("tests/test_a.py", b"")]).path()),
            "PATH: no Python or Rust file in it but tests"
        );
        assert_eq!(
            error(folder(&[("a.py", b""), (".gitignore", b"*.py")]).path()),
            "PATH: no Python or Rust file in it that git does not ignore"
        );
        assert_eq!(
            error(folder(&[("a.py", b"\0"), ("b.py", b"\0")]).path()),
            "PATH: no source file can be read: a.py is binary (and 1 more)"
        );
    }

    #[test]
    fn texts_make_a_tree() {
        let tree = SourceTree::from_texts("t", [("b.py", "x"), ("a.py", ""), ("c.yaml", "a: 1")]);
        assert_eq!(paths(&tree), ["a.py", "b.py"]);
        assert_eq!(tree.configs[0].text, "a: 1");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            for kind in [Kind::Python, Kind::Rust, Kind::Notebook] {
                let _ = interpret(kind, bytes.clone(), 300);
            }
        }

        #[test]
        fn cells_keep_their_lines(
            cells in proptest::collection::vec("([a-z%!?#'\"\\\\(\\[ =\r\u{e9}]{0,8}\n?){0,5}", 0..5)
        ) {
            let document = serde_json::json!({ "cells": cells
                .iter()
                .map(|source| serde_json::json!({ "cell_type": "code", "source": source }))
                .collect::<Vec<_>>() });
            let read = interpret(Kind::Notebook, document.to_string().into_bytes(), 1 << 20).unwrap();
            let mut line = 1;
            prop_assert_eq!(read.cells.len(), cells.len());
            for (cell, source) in read.cells.iter().zip(&cells) {
                prop_assert_eq!(cell.line, line);
                line += source.lines().count() as u32;
            }
            prop_assert_eq!(read.text.lines().count() as u32, line - 1);
        }
    }
}
