//! Folders, packages and the search path of an import.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::{FileId, ModuleRef};
use crate::syntax::FileFacts;

/// Index of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DirId(pub u32);

/// File names that stand for their folder, in order of preference.
const INITS: [&str; 4] = ["__init__.py", "mod.rs", "lib.rs", "main.rs"];

#[derive(Debug, Default)]
struct Dir {
    parent: Option<DirId>,
    path: String,
    init: Option<FileId>,
    files: BTreeMap<SmolStr, FileId>,
    dirs: BTreeMap<SmolStr, DirId>,
}

/// The folders of the tree. `dirs[0]` is the analysed folder; a virtual
/// folder above it holds it under its own name when it is a package.
#[derive(Debug)]
pub(super) struct Layout {
    dirs: Vec<Dir>,
    home: Vec<DirId>,
    above: Option<DirId>,
    /// Folders that contain a module or package of a name.
    holders: FxHashMap<SmolStr, Vec<DirId>>,
}

const ROOT: DirId = DirId(0);

impl Layout {
    pub(super) fn new(files: &[FileFacts], root: &str) -> Layout {
        let mut layout = Layout {
            dirs: vec![Dir::default()],
            home: Vec::with_capacity(files.len()),
            above: None,
            holders: FxHashMap::default(),
        };
        let mut by_path = FxHashMap::from_iter([(String::new(), ROOT)]);
        for (idx, facts) in files.iter().enumerate() {
            layout.place(FileId(idx as u32), &facts.path, &mut by_path);
        }
        if layout.dirs[0].init.is_some() {
            let above = DirId(layout.dirs.len() as u32);
            layout.dirs.push(Dir {
                path: "..".into(),
                dirs: BTreeMap::from([(root.into(), ROOT)]),
                ..Dir::default()
            });
            layout.above = Some(above);
        }
        layout.index_holders();
        layout
    }

    fn place(&mut self, file: FileId, path: &str, by_path: &mut FxHashMap<String, DirId>) {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let dir = self.dir(folder, by_path);
        self.home.push(dir);
        if let Some(rank) = INITS.iter().position(|init| *init == name) {
            let current = self.dirs[dir.0 as usize].init;
            if current.is_none() || rank == 0 {
                self.dirs[dir.0 as usize].init = Some(file);
            }
        }
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        self.dirs[dir.0 as usize]
            .files
            .entry(stem.into())
            .or_insert(file);
    }

    fn dir(&mut self, path: &str, by_path: &mut FxHashMap<String, DirId>) -> DirId {
        if let Some(dir) = by_path.get(path) {
            return *dir;
        }
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = self.dir(parent, by_path);
        let dir = DirId(self.dirs.len() as u32);
        self.dirs.push(Dir {
            parent: Some(parent),
            path: path.to_owned(),
            ..Dir::default()
        });
        self.dirs[parent.0 as usize].dirs.insert(name.into(), dir);
        by_path.insert(path.to_owned(), dir);
        dir
    }

    fn index_holders(&mut self) {
        for (idx, dir) in self.dirs.iter().enumerate() {
            for name in dir.files.keys().chain(dir.dirs.keys()) {
                let holders = self.holders.entry(name.clone()).or_default();
                if holders.last() != Some(&DirId(idx as u32)) {
                    holders.push(DirId(idx as u32));
                }
            }
        }
        for holders in self.holders.values_mut() {
            let depth = |dir: &DirId| {
                let path = &self.dirs[dir.0 as usize].path;
                (path.matches('/').count(), path.clone())
            };
            holders.sort_by_key(depth);
        }
    }

    fn get(&self, dir: DirId) -> &Dir {
        &self.dirs[dir.0 as usize]
    }

    /// Folders in which `first` is looked for, in order.
    pub(super) fn search_path(&self, from: FileId, first: &str, is_library: bool) -> Vec<DirId> {
        let mut dir = self.home[from.0 as usize];
        while self.get(dir).init.is_some() {
            match self.get(dir).parent {
                Some(parent) => dir = parent,
                None => break,
            }
        }
        let mut path = vec![dir];
        while let Some(parent) = self.get(dir).parent {
            path.push(parent);
            dir = parent;
        }
        path.extend(self.above);
        // A script beside the package module is found when it is run as a file.
        if !is_library {
            path.push(self.home[from.0 as usize]);
            path.extend(self.holders.get(first).into_iter().flatten());
        }
        path.retain(|dir| self.holds(*dir, first, is_library));
        path
    }

    /// A folder counts as a package without `__init__` unless a library of
    /// that name is installed.
    fn holds(&self, dir: DirId, name: &str, is_library: bool) -> bool {
        let dir = self.get(dir);
        let package = dir.dirs.get(name).map(|child| self.get(*child));
        dir.files.contains_key(name)
            || package.is_some_and(|child| child.init.is_some() || !is_library)
    }

    /// Follows `parts` down from `dir`.
    pub(super) fn descend<'p>(
        &self,
        dir: DirId,
        parts: impl Iterator<Item = &'p str>,
    ) -> Option<ModuleRef> {
        parts
            .filter(|part| !part.is_empty())
            .try_fold(self.as_module(dir), |at, part| match at {
                ModuleRef::Folder(dir) => self.child(dir, part),
                ModuleRef::File(_) => self.submodule(at, part),
            })
    }

    pub(super) fn submodule(&self, of: ModuleRef, name: &str) -> Option<ModuleRef> {
        match of {
            ModuleRef::Folder(dir) => self.child(dir, name),
            ModuleRef::File(file) => {
                let home = self.home[file.0 as usize];
                if self.get(home).init == Some(file) {
                    return self.child(home, name).filter(|child| *child != of);
                }
                // `serve.rs` beside `serve/`.
                let stem = self.get(home).files.iter().find(|(_, id)| **id == file)?.0;
                let folder = self.get(home).dirs.get(stem)?;
                self.child(*folder, name)
            }
        }
    }

    fn child(&self, dir: DirId, name: &str) -> Option<ModuleRef> {
        let dir = self.get(dir);
        let folder = dir.dirs.get(name).copied();
        let package = folder.filter(|folder| self.get(*folder).init.is_some());
        let file = dir.files.get(name).copied().map(ModuleRef::File);
        package
            .map(|package| self.as_module(package))
            .or(file)
            .or(folder.map(ModuleRef::Folder))
    }

    /// The folder as a module: its `__init__` where it has one.
    pub(super) fn as_module(&self, dir: DirId) -> ModuleRef {
        match self.get(dir).init {
            Some(init) => ModuleRef::File(init),
            None => ModuleRef::Folder(dir),
        }
    }

    /// The package `level` dots up from `file`.
    pub(super) fn package_of(&self, file: FileId, level: u32) -> Option<DirId> {
        let home = self.home[file.0 as usize];
        (1..level).try_fold(home, |dir, _| self.get(dir).parent)
    }
}

/// `a/b/__init__.py` is `a.b`.
pub(super) fn dotted_name(path: &str) -> String {
    let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
    let stem = stem.strip_suffix("/__init__").unwrap_or(stem);
    let stem = stem.strip_suffix("/mod").unwrap_or(stem);
    stem.replace('/', ".")
}
