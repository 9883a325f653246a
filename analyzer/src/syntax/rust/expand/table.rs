//! The `macro_rules!` of a whole tree.

use std::collections::HashMap;
use std::sync::Arc;

use proc_macro2::TokenStream;
use smol_str::SmolStr;

use super::super::{depth, program};
use super::rules::{self, Definition};

/// The `macro_rules!` that the files of a tree define, by name. Plain data:
/// it may be made on one thread and read on others.
#[derive(Clone, Debug, Default)]
pub struct Macros {
    by_name: Arc<HashMap<SmolStr, Vec<Defined>>>,
}

/// One definition and the file it stands in.
#[derive(Clone, Debug)]
struct Defined {
    path: SmolStr,
    definition: Arc<Definition>,
}

/// What one file adds to [`Macros`].
#[derive(Debug, Default)]
pub struct FileMacros {
    path: SmolStr,
    found: Vec<(SmolStr, Definition)>,
}

impl FileMacros {
    /// The macros that the Rust file `text` at `path` defines; none where it
    /// cannot be read. Never panics. As with [`lower`](super::super::lower),
    /// positions that proc_macro2 keeps for this thread are forgotten.
    pub fn read(path: &str, text: &str) -> FileMacros {
        let mut macros = FileMacros {
            path: path.into(),
            found: Vec::new(),
        };
        if text.contains("macro_rules") {
            macros.found = read(text).unwrap_or_default();
            proc_macro2::extra::invalidate_current_thread_spans();
        }
        macros
    }
}

fn read(text: &str) -> Option<Vec<(SmolStr, Definition)>> {
    let tokens: TokenStream = program(text).parse().ok()?;
    depth::check(tokens.clone()).ok()?;
    let found = rules::definitions(tokens).into_iter();
    Some(found.map(|(name, _, rules)| (name, rules)).collect())
}

impl Macros {
    /// What `files` define; of two definitions of a name in one file the last
    /// one holds.
    pub fn new(files: impl IntoIterator<Item = FileMacros>) -> Macros {
        let mut by_name: HashMap<SmolStr, Vec<Defined>> = HashMap::new();
        for file in files {
            for (name, definition) in file.found {
                let defined = Defined {
                    path: file.path.clone(),
                    definition: Arc::new(definition),
                };
                let all = by_name.entry(name).or_default();
                all.retain(|other| other.path != defined.path);
                all.push(defined);
            }
        }
        Macros {
            by_name: Arc::new(by_name),
        }
    }

    /// The definition of `name` in the folder nearest to the file `path`, and
    /// its file; of several the one nearest to the root, then the first.
    pub(super) fn nearest(&self, name: &str, path: &str) -> Option<(&SmolStr, &Arc<Definition>)> {
        let all = self.by_name.get(name)?.iter();
        let nearest = all.min_by_key(|defined| {
            let there = defined.path.as_str();
            let n_up = folders(path).count() - n_common(there, path);
            let n_down = folders(there).count() - n_common(there, path);
            (n_up, n_down, there)
        })?;
        Some((&nearest.path, &nearest.definition))
    }
}

/// The folders of a path, outermost first.
fn folders(path: &str) -> impl Iterator<Item = &str> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    folder.split('/').filter(|part| !part.is_empty())
}

/// How many folders two paths have in common.
fn n_common(a: &str, b: &str) -> usize {
    let pairs = folders(a).zip(folders(b));
    pairs.take_while(|(a, b)| a == b).count()
}
