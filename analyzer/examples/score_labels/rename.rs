//! A tree whose files and folders say nothing: `data/ingest.py` becomes
//! `u1/u2.py`, and imports follow. One name becomes one other everywhere.
//!
//! Names in the code stay, also those that an import binds: `import ingest`
//! becomes `import u2 as ingest`.

use std::collections::{BTreeMap, BTreeSet};

use cutline_analyzer::SourceTree;

/// The tree under neutral names, and each file's new path by its old one.
pub(crate) fn renamed(mut tree: SourceTree) -> (SourceTree, BTreeMap<String, String>) {
    let names = Names::new(&tree);
    let mut paths = BTreeMap::new();
    for file in &mut tree.files {
        let path = names.path(&file.path);
        paths.insert(file.path.to_string(), path.clone());
        file.path = path.into();
        file.text = names.text(&file.text);
    }
    tree.files.sort_by(|a, b| a.path.cmp(&b.path));
    (tree, paths)
}

struct Names {
    /// What each folder and module is called now.
    now: BTreeMap<String, String>,
    /// Dotted paths under which a folder or module of the tree can be imported.
    importable: BTreeSet<String>,
}

impl Names {
    fn new(tree: &SourceTree) -> Names {
        let mut names = Names {
            now: BTreeMap::new(),
            importable: BTreeSet::new(),
        };
        for file in &tree.files {
            let stem = file
                .path
                .rsplit_once('.')
                .map_or(&*file.path, |(stem, _)| stem);
            let parts: Vec<&str> = stem.split('/').collect();
            for part in &parts {
                let next = format!("u{}", names.now.len() + 1);
                if !part.starts_with("__") {
                    names.now.entry((*part).to_owned()).or_insert(next);
                }
            }
            for start in 0..parts.len() {
                for end in start + 1..=parts.len() {
                    names.importable.insert(parts[start..end].join("."));
                }
            }
        }
        names
    }

    fn one<'n>(&'n self, name: &'n str) -> &'n str {
        self.now.get(name).map_or(name, String::as_str)
    }

    fn dotted(&self, path: &str) -> String {
        let parts: Vec<&str> = path.split('.').map(|part| self.one(part)).collect();
        parts.join(".")
    }

    fn path(&self, path: &str) -> String {
        let (stem, ending) = path.rsplit_once('.').unwrap_or((path, ""));
        let parts: Vec<&str> = stem.split('/').map(|part| self.one(part)).collect();
        format!("{}.{ending}", parts.join("/"))
    }

    /// The text with its imports rewritten, line for line.
    fn text(&self, text: &str) -> String {
        let mut lines = Vec::new();
        // Dotted paths bound by `import a.b`, used in full.
        let mut in_full = Vec::new();
        // Inside the brackets of `from module import (`.
        let mut module: Option<String> = None;
        for line in text.split('\n') {
            let (indent, code) = line.split_at(line.len() - line.trim_start().len());
            let (code, comment) = code.split_once('#').unwrap_or((code, ""));
            let comment = if comment.is_empty() {
                String::new()
            } else {
                format!("  #{comment}")
            };
            if let Some(from) = &module {
                lines.push(format!("{indent}{}{comment}", self.bound(from, code)));
                if code.contains(')') {
                    module = None;
                }
            } else if let Some((from, bound)) = from_import(code) {
                if bound.contains('(') && !bound.contains(')') {
                    module = Some(from.to_owned());
                }
                let bound = self.bound(from, bound);
                lines.push(format!(
                    "{indent}from {} import {bound}{comment}",
                    self.module(from)
                ));
            } else if let Some(rest) = code.strip_prefix("import ") {
                let parts: Vec<String> = rest
                    .split(',')
                    .map(|part| self.import(part.trim(), &mut in_full))
                    .collect();
                lines.push(format!("{indent}import {}{comment}", parts.join(", ")));
            } else {
                lines.push(line.to_owned());
            }
        }
        in_full.sort_by_key(|path: &String| std::cmp::Reverse(path.len()));
        let mut text = lines.join("\n");
        for path in in_full {
            text = text.replace(&format!("{path}."), &format!("{}.", self.dotted(&path)));
        }
        text
    }

    fn module(&self, from: &str) -> String {
        let path = from.trim_start_matches('.');
        let dots = &from[..from.len() - path.len()];
        match self.importable.contains(path) {
            true => format!("{dots}{}", self.dotted(path)),
            false => from.to_owned(),
        }
    }

    /// What is bound from `from`: modules under their new names.
    fn bound(&self, from: &str, names: &str) -> String {
        let path = from.trim_start_matches('.');
        let bind = |name: &str| {
            let bare = name.trim().trim_matches(['(', ')']).trim();
            let (original, alias) = bare.split_once(" as ").unwrap_or((bare, bare));
            let (original, alias) = (original.trim(), alias.trim());
            let full = match path {
                "" => original.to_owned(),
                path => format!("{path}.{original}"),
            };
            if self.now.contains_key(original) && self.importable.contains(&full) {
                name.replace(bare, &format!("{} as {alias}", self.one(original)))
            } else {
                name.to_owned()
            }
        };
        let names: Vec<String> = names.split(',').map(bind).collect();
        names.join(",")
    }

    fn import(&self, part: &str, in_full: &mut Vec<String>) -> String {
        let (path, alias) = match part.split_once(" as ") {
            Some((path, alias)) => (path.trim(), Some(alias.trim())),
            None => (part, None),
        };
        if !self.importable.contains(path) {
            return part.to_owned();
        }
        match alias {
            Some(alias) => format!("{} as {alias}", self.dotted(path)),
            None if path.contains('.') => {
                in_full.push(path.to_owned());
                self.dotted(path)
            }
            None => format!("{} as {path}", self.one(path)),
        }
    }
}

fn from_import(code: &str) -> Option<(&str, &str)> {
    let (from, bound) = code.strip_prefix("from ")?.split_once(" import ")?;
    Some((from.trim(), bound))
}
