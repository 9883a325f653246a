//! What the code of an app touches: global variables, files of the repository.

use std::collections::{BTreeMap, BTreeSet};

use super::app::Apps;
use crate::catalog::Access;
use crate::effects::ResourceKind;
use crate::graph::FuncId;
use crate::modules::FileId;
use crate::stages::Stage;
use crate::syntax::facts::ExprKind;

/// Files that one name may mean, to be copied all.
const MOST_ALIKE: usize = 4;

impl Apps<'_> {
    /// Global variables that one stage writes and another touches.
    pub(super) fn shared(&self, files: &BTreeSet<FileId>) -> Vec<String> {
        let modules: BTreeMap<&str, FileId> = files
            .iter()
            .map(|file| (self.layout.path(*file), *file))
            .collect();
        let mut shared = BTreeSet::new();
        for resource in &self.analysis.effects.resources {
            if !matches!(resource.kind, ResourceKind::Global | ResourceKind::Queue) {
                continue;
            }
            let stages = |does: &dyn Fn(Access) -> bool| -> BTreeSet<Stage> {
                let accesses = resource
                    .accesses
                    .iter()
                    .filter(|access| does(access.access));
                let stages = accesses.map(|access| self.analysis.stages.stage(access.function));
                stages.filter(|stage| stage.is_pipeline()).collect()
            };
            let all = stages(&|_| true);
            let writers = stages(&|access| access != Access::Read);
            let Some((file, name)) = resource.identity.rsplit_once(':') else {
                continue;
            };
            if let (2.., false, Some(file)) = (all.len(), writers.is_empty(), modules.get(file)) {
                shared.insert(format!("{}:{name}", self.layout.module(*file)));
            }
        }
        shared.into_iter().collect()
    }

    /// Files of the repository that the modules name, and what lies in folders
    /// of templates, where requests are answered.
    pub(super) fn copies(
        &self,
        files: &BTreeSet<FileId>,
        is_asked: bool,
    ) -> (Vec<String>, Vec<String>) {
        let mut copied: BTreeSet<&str> = BTreeSet::new();
        let mut unclear: BTreeSet<String> = BTreeSet::new();
        for text in self.texts(files) {
            match self.named(text) {
                named if named.len() <= MOST_ALIKE => copied.extend(named),
                _ => drop(unclear.insert(text.to_owned())),
            }
        }
        let is_template = |path: &&str| {
            let mut folders = path.split('/').rev().skip(1);
            folders.any(|folder| matches!(folder, "templates" | "static"))
        };
        let others = self.tree.others.iter().map(|path| path.as_str());
        copied.extend(others.filter(|path| is_asked && is_template(path)));
        let is_free = |path: &&str| !is_private(path.rsplit('/').next().unwrap_or_default());
        let copied = copied.into_iter().filter(is_free).map(str::to_owned);
        (copied.collect(), unclear.into_iter().collect())
    }

    /// Folders of the repository that the modules name: what has no file that is
    /// copied would not be there.
    pub(super) fn folders(&self, files: &BTreeSet<FileId>) -> Vec<String> {
        let mut named: BTreeSet<String> = BTreeSet::new();
        for text in self.texts(files) {
            let parts = text.split(['/', '\\']);
            named.extend(parts.filter(|part| !part.is_empty()).map(str::to_owned));
        }
        let mut folders = BTreeSet::new();
        for path in &self.tree.others {
            let ends = path.match_indices('/').map(|(end, _)| &path[..end]);
            let is_named =
                |folder: &&str| named.contains(folder.rsplit('/').next().unwrap_or_default());
            folders.extend(ends.filter(is_named).map(str::to_owned));
        }
        folders.into_iter().collect()
    }

    /// Texts in the modules, and in what configuration they name.
    fn texts(&self, files: &BTreeSet<FileId>) -> Vec<&str> {
        let mut texts: Vec<&str> = Vec::new();
        for file in files {
            let exprs = self.analysis.modules.facts(*file).exprs.iter();
            texts.extend(exprs.filter_map(|expr| match &expr.kind {
                ExprKind::Str(text) => Some(text.as_str()),
                _ => None,
            }));
        }
        // Configuration may name another.
        let mut read: BTreeSet<&str> = BTreeSet::new();
        let mut next = 0;
        while let Some(text) = texts.get(next).copied() {
            next += 1;
            for path in self.named(text) {
                let config = self.tree.configs.iter().find(|config| config.path == path);
                if let (Some(config), true) = (config, read.insert(path)) {
                    let around = |c: char| c.is_whitespace() || "\"',;[]{}()=<>".contains(c);
                    texts.extend(config.text.split(around).filter(|text| !text.is_empty()));
                }
            }
        }
        texts
    }

    /// The files that a text in the code may mean: those that end like it,
    /// nearest to the root.
    fn named(&self, text: &str) -> Vec<&str> {
        let text = text.trim_start_matches(['.', '/', '\\']);
        if !text.contains('.') || text.contains(char::is_whitespace) {
            return Vec::new();
        }
        let text = text.replace('\\', "/");
        let others = self.tree.others.iter().map(|path| path.as_str());
        let ends = |path: &&str| {
            let before = path.strip_suffix(text.as_str());
            before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
        };
        let found: Vec<&str> = others.filter(ends).collect();
        let depth = |path: &&str| path.matches('/').count();
        let nearest = found.iter().map(depth).min();
        let near = |path: &&str| Some(depth(path)) == nearest;
        found.into_iter().filter(near).collect()
    }

    /// What a function does outside its own memory, in words: files, tables and
    /// models.
    pub(super) fn does(&self, func: FuncId) -> Vec<String> {
        let mut done = BTreeSet::new();
        for resource in &self.analysis.effects.resources {
            let kind = match resource.kind {
                ResourceKind::File => "file",
                ResourceKind::Table => "table",
                ResourceKind::Model => "model",
                _ => continue,
            };
            for access in &resource.accesses {
                if access.function == func {
                    let does = if access.access == Access::Read {
                        "reads"
                    } else {
                        "writes"
                    };
                    done.insert(format!("{does} {kind} {}", resource.identity));
                }
            }
        }
        done.into_iter().collect()
    }
}

/// Files that hold secrets by what they are.
fn is_private(name: &str) -> bool {
    let ends = [".pem", ".key", ".pfx", ".p12", ".jks", ".kdbx"];
    name.starts_with(".env")
        || name.starts_with("id_rsa")
        || name.starts_with("id_ed25519")
        || ends.iter().any(|end| name.ends_with(end))
}
