//! Modules of the monolith: what they are called when they run, from which
//! folders they are imported, and which others come along.

use std::collections::{BTreeMap, BTreeSet};

use crate::line::Analysis;
use crate::modules::{FileId, ModuleRef};
use crate::syntax::facts::{Import, ImportBinds, StmtKind};
use crate::syntax::walk::each_stmt;

/// Where the modules of a tree lie.
pub(super) struct Layout {
    /// The folders that imports begin in, by file: as most imports of it say.
    roots: BTreeMap<FileId, String>,
    /// What each file imports of the tree.
    imports: BTreeMap<FileId, BTreeSet<FileId>>,
    /// Libraries that each file imports, by the first part of their path.
    libraries: BTreeMap<FileId, BTreeSet<String>>,
    paths: BTreeMap<FileId, String>,
}

impl Layout {
    pub(super) fn of(analysis: &Analysis) -> Layout {
        let modules = &analysis.modules;
        let mut seen: BTreeMap<FileId, BTreeMap<String, usize>> = BTreeMap::new();
        // Folders that relative imports take for packages, whatever is in them.
        let mut relative: BTreeSet<String> = BTreeSet::new();
        let mut layout = Layout {
            roots: BTreeMap::new(),
            imports: BTreeMap::new(),
            libraries: BTreeMap::new(),
            paths: modules
                .iter()
                .map(|(file, facts)| (file, facts.path.to_string()))
                .collect(),
        };
        for (file, facts) in modules.iter() {
            let folder = parent(&facts.path);
            let imports = layout.imports.entry(file).or_default();
            let libraries = layout.libraries.entry(file).or_default();
            each_import(facts, &mut |import| {
                let levels = usize::try_from(import.level).unwrap_or(usize::MAX);
                if levels > 0 && facts.path.ends_with(".py") {
                    let above = std::iter::successors(Some(folder), |it| Some(parent(it)));
                    relative.extend(
                        above
                            .take(levels)
                            .filter(|it| !it.is_empty())
                            .map(str::to_owned),
                    );
                }
                let found = modules.imported(file, import.level, &import.module);
                if let (Some(ModuleRef::File(to)), 0) = (found, import.level)
                    && let Some(root) = root_of(&modules.facts(to).path, &import.module)
                {
                    *seen.entry(to).or_default().entry(root).or_default() += 1;
                }
                let Some(found) = found else {
                    let first = import.module.split('.').next().unwrap_or_default();
                    if import.level == 0 && !first.is_empty() {
                        libraries.insert(first.to_owned());
                    }
                    return;
                };
                imports.extend(file_of(found));
                if let ImportBinds::Names(names) = &import.binds {
                    for (name, _) in names {
                        let inside = modules.submodule(found, name);
                        imports.extend(inside.and_then(file_of));
                    }
                }
            });
        }
        let files: BTreeSet<&str> = layout.paths.values().map(String::as_str).collect();
        let packages: BTreeSet<&str> = layout.paths.values().map(|path| parent(path)).collect();
        let packages: BTreeSet<&str> = packages
            .into_iter()
            .filter(|folder| files.contains(format!("{folder}/__init__.py").as_str()))
            .collect();
        let mut roots = BTreeMap::new();
        for (file, path) in &layout.paths {
            let said = seen.get(file);
            let most = said.and_then(|said| said.iter().max_by_key(|(root, n)| (**n, root.len())));
            let root = match most {
                Some((root, _)) => root.clone(),
                None => package_root(path, &packages, &relative),
            };
            roots.insert(*file, root);
        }
        layout.roots = roots;
        layout
    }

    /// The name that a module has when it runs.
    pub(super) fn module(&self, file: FileId) -> String {
        let path = &self.paths[&file];
        let root = &self.roots[&file];
        let inside = match root.is_empty() {
            true => path.as_str(),
            false => path.strip_prefix(&format!("{root}/")).unwrap_or(path),
        };
        let name = inside.trim_end_matches(".py").replace('/', ".");
        name.trim_end_matches(".__init__").to_owned()
    }

    pub(super) fn path(&self, file: FileId) -> &str {
        &self.paths[&file]
    }

    /// The files that `from` need: what they import, and the packages around.
    pub(super) fn closure(&self, from: impl IntoIterator<Item = FileId>) -> BTreeSet<FileId> {
        let by_path: BTreeMap<&str, FileId> = self
            .paths
            .iter()
            .map(|(file, path)| (path.as_str(), *file))
            .collect();
        let mut found = BTreeSet::new();
        let mut todo: Vec<FileId> = from.into_iter().collect();
        while let Some(file) = todo.pop() {
            if !self.paths[&file].ends_with(".py") || !found.insert(file) {
                continue;
            }
            todo.extend(&self.imports[&file]);
            let mut folder = parent(&self.paths[&file]);
            while !folder.is_empty() {
                todo.extend(by_path.get(format!("{folder}/__init__.py").as_str()));
                folder = parent(folder);
            }
        }
        found
    }

    /// The folders that imports of these files begin in, the nearest last.
    pub(super) fn search_path(&self, files: &BTreeSet<FileId>) -> Vec<String> {
        let roots: BTreeSet<&str> = files.iter().map(|file| self.roots[file].as_str()).collect();
        let named = |root: &&str| match root.is_empty() {
            true => ".".to_owned(),
            false => (*root).to_owned(),
        };
        let mut path: Vec<String> = roots.iter().map(named).collect();
        if !path.iter().any(|root| root == ".") {
            path.push(".".to_owned());
        }
        path
    }

    /// The libraries that any file imports.
    pub(super) fn all_libraries(&self) -> BTreeSet<String> {
        self.libraries.values().flatten().cloned().collect()
    }

    /// The libraries that these files import.
    pub(super) fn libraries(&self, files: &BTreeSet<FileId>) -> BTreeSet<String> {
        files
            .iter()
            .flat_map(|file| self.libraries[file].clone())
            .collect()
    }
}

fn each_import(facts: &crate::syntax::FileFacts, visit: &mut dyn FnMut(&Import)) {
    for (_, scope) in facts.scopes() {
        each_stmt(&scope.body, &mut |stmt| {
            if let StmtKind::Import(import) = &stmt.kind {
                visit(import);
            }
        });
    }
}

fn file_of(module: ModuleRef) -> Option<FileId> {
    match module {
        ModuleRef::File(file) => Some(file),
        ModuleRef::Folder(_) => None,
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The folder above the outermost package that a file is in.
fn package_root(path: &str, packages: &BTreeSet<&str>, relative: &BTreeSet<String>) -> String {
    let mut folder = parent(path);
    while !folder.is_empty() && (packages.contains(folder) || relative.contains(folder)) {
        folder = parent(folder);
    }
    folder.to_owned()
}

/// The folder in which the dotted `module` leads to `path`.
fn root_of(path: &str, module: &str) -> Option<String> {
    let path = path.strip_suffix(".py")?;
    let path = path.strip_suffix("/__init__").unwrap_or(path);
    let root = path.strip_suffix(&module.replace('.', "/"))?;
    match root.is_empty() {
        true => Some(String::new()),
        false => root.strip_suffix('/').map(str::to_owned),
    }
}
