//! Crates of the tree: where a path begins, and which file is whose module.
//!
//! Manifests say what a package is called, where its roots are, and under
//! which names it knows others. Which file is whose child follows from the
//! folders, as rustc looks them up (Rust Reference, "Module source
//! filenames"); `#[path]` is not followed. Features and `cfg` only say that a
//! thing may be left out, so they are taken to hold.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::FileId;
use crate::source::ConfigFile;
use crate::syntax::FileFacts;
use crate::syntax::facts::{ImportBinds, ImportRule, ScopeId, StmtKind};

/// The crates of a tree.
#[derive(Debug, Default)]
pub(super) struct Crates {
    packages: Vec<Package>,
    /// By file; `None` for what is no module of a crate.
    modules: Vec<Option<Module>>,
    /// The module of a name in a module; dotted where inline modules stand
    /// between them.
    children: FxHashMap<(FileId, SmolStr), FileId>,
    /// Names of crates that some manifest depends on, outside the tree.
    outside: FxHashSet<SmolStr>,
}

#[derive(Debug)]
struct Package {
    /// Its folder, with a slash at the end unless it is the analysed one.
    folder: String,
    /// How others call its library.
    name: SmolStr,
    library: Option<FileId>,
    roots: Vec<FileId>,
    /// What it is called in its manifest.
    called: SmolStr,
    /// Programs by name.
    programs: Vec<(SmolStr, FileId)>,
    /// Packages of the tree by the name they have here.
    siblings: BTreeMap<SmolStr, usize>,
}

#[derive(Clone, Copy, Debug)]
struct Module {
    package: usize,
    root: FileId,
    parent: Option<FileId>,
}

/// What a manifest says, as far as it matters here.
struct Manifest {
    folder: String,
    table: toml::Table,
}

impl Crates {
    pub(super) fn new(files: &[FileFacts], configs: &[ConfigFile]) -> Crates {
        let ids: BTreeMap<&str, FileId> = (0..)
            .map(FileId)
            .zip(files)
            .filter(|(_, facts)| facts.rules.imports == ImportRule::Crates)
            .map(|(id, facts)| (facts.path.as_str(), id))
            .collect();
        if ids.is_empty() {
            return Crates::default();
        }
        let manifests: Vec<Manifest> = configs.iter().filter_map(manifest).collect();
        let mut crates = Crates {
            modules: vec![None; files.len()],
            ..Crates::default()
        };
        for manifest in &manifests {
            if let Some(package) = package(manifest, &ids) {
                crates.packages.push(package);
            }
        }
        crates.add_without_manifest(&ids);
        crates.link(&manifests);
        crates.place(files, &ids);
        crates
    }

    /// Files above which no manifest stands: the nearest folder with a root.
    fn add_without_manifest(&mut self, ids: &BTreeMap<&str, FileId>) {
        for (path, id) in ids {
            let (folder, name) = split(path);
            let covered = self
                .packages
                .iter()
                .any(|package| path.starts_with(&package.folder));
            if covered || !matches!(name, "lib.rs" | "main.rs") {
                continue;
            }
            let home = folder.trim_end_matches('/');
            let outer = home
                .strip_suffix("src")
                .unwrap_or(home)
                .trim_end_matches('/');
            let library = (name == "lib.rs").then_some(*id);
            let known = self
                .packages
                .iter_mut()
                .find(|package| package.folder == folder);
            match known {
                Some(package) => {
                    package.library = package.library.or(library);
                    package.roots.push(*id);
                }
                None => self.packages.push(Package {
                    folder: folder.to_owned(),
                    name: crate_name(split(outer).1),
                    library,
                    roots: vec![*id],
                    called: split(outer).1.into(),
                    programs: Vec::new(),
                    siblings: BTreeMap::new(),
                }),
            }
        }
    }

    /// Resolves what manifests depend on.
    fn link(&mut self, manifests: &[Manifest]) {
        let by_folder: BTreeMap<String, usize> = (self.packages.iter().enumerate())
            .map(|(idx, package)| (package.folder.clone(), idx))
            .collect();
        let by_name: BTreeMap<SmolStr, usize> = (self.packages.iter().enumerate())
            .map(|(idx, package)| (package.name.clone(), idx))
            .collect();
        for manifest in manifests {
            let shared = workspace_dependencies(manifest, manifests);
            let own = by_folder.get(&manifest.folder).copied();
            for (alias, value, base) in dependencies(manifest, &shared) {
                let name = value.get("package").and_then(toml::Value::as_str);
                let by_path = value.get("path").and_then(toml::Value::as_str);
                let by_path = by_path.and_then(|path| by_folder.get(&joined(base, path)));
                let called = crate_name(name.unwrap_or(&alias));
                let found = by_path.or_else(|| by_name.get(&called));
                match (own, found) {
                    (Some(own), Some(found)) if own != *found => {
                        let siblings = &mut self.packages[own].siblings;
                        siblings.insert(crate_name(&alias), *found);
                    }
                    (_, None) => {
                        self.outside.insert(crate_name(&alias));
                    }
                    _ => {}
                }
            }
        }
    }

    fn place(&mut self, files: &[FileFacts], ids: &BTreeMap<&str, FileId>) {
        let mut roots_in: BTreeMap<String, Vec<FileId>> = BTreeMap::new();
        let mut is_root = FxHashSet::default();
        for (idx, package) in self.packages.iter().enumerate() {
            for root in &package.roots {
                let (folder, _) = split(&files[root.0 as usize].path);
                roots_in.entry(folder.to_owned()).or_default().push(*root);
                is_root.insert(*root);
                self.modules[root.0 as usize] = Some(Module {
                    package: idx,
                    root: *root,
                    parent: None,
                });
            }
        }
        // Parents first: a child's folder lies below its parent's.
        let mut rest: Vec<(&str, FileId)> = ids
            .iter()
            .filter(|(_, id)| !is_root.contains(*id))
            .map(|(path, id)| (*path, *id))
            .collect();
        rest.sort_by_key(|(path, _)| (depth(path), *path));
        let owners = Owners {
            files,
            ids,
            roots_in: &roots_in,
            is_root: &is_root,
        };
        for (path, id) in rest {
            let (container, name) = container(path);
            let Some((parent, between)) = owners.of(container, &name, id) else {
                continue;
            };
            let Some(module) = self.modules[parent.0 as usize] else {
                continue;
            };
            let key = match between.is_empty() {
                true => name,
                false => format!("{}.{name}", between.join(".")).into(),
            };
            self.children.entry((parent, key)).or_insert(id);
            self.modules[id.0 as usize] = Some(Module {
                parent: Some(parent),
                ..module
            });
        }
    }

    /// The longest start of `path` that leads to a file, and what is left.
    pub(super) fn lead<'p>(
        &self,
        from: FileId,
        level: u32,
        path: &'p str,
    ) -> Option<(FileId, Vec<&'p str>)> {
        let parts: Vec<&str> = path.split('.').filter(|part| !part.is_empty()).collect();
        if level > 0 {
            let start = (1..level).try_fold(from, |at, _| self.parent(at))?;
            return Some(self.descend(start, &parts));
        }
        let (first, rest) = parts.split_first()?;
        if *first == "crate" {
            return Some(self.descend(self.root(from)?, rest));
        }
        if let Some(child) = self.child(from, first) {
            return Some(self.descend(child, rest));
        }
        Some(self.descend(self.library(from, first)?, rest))
    }

    fn descend<'p>(&self, mut at: FileId, parts: &[&'p str]) -> (FileId, Vec<&'p str>) {
        let mut rest = parts;
        'down: while !rest.is_empty() {
            for n_parts in 1..=rest.len() {
                if let Some(child) = self.child(at, &rest[..n_parts].join(".")) {
                    at = child;
                    rest = &rest[n_parts..];
                    continue 'down;
                }
            }
            break;
        }
        (at, rest.to_vec())
    }

    pub(super) fn child(&self, of: FileId, name: &str) -> Option<FileId> {
        self.children.get(&(of, name.into())).copied()
    }

    pub(super) fn parent(&self, of: FileId) -> Option<FileId> {
        self.modules.get(of.0 as usize)?.as_ref()?.parent
    }

    pub(super) fn root(&self, of: FileId) -> Option<FileId> {
        Some(self.modules.get(of.0 as usize)?.as_ref()?.root)
    }

    /// How others call the crate of `of`.
    pub(super) fn name(&self, of: FileId) -> Option<&SmolStr> {
        let module = self.modules.get(of.0 as usize)?.as_ref()?;
        Some(&self.packages[module.package].name)
    }

    /// Package, name and root of each program.
    pub(super) fn programs(&self) -> impl Iterator<Item = (&str, &str, FileId)> {
        self.packages.iter().flat_map(|package| {
            let programs = package.programs.iter();
            programs.map(|(name, root)| (package.called.as_str(), name.as_str(), *root))
        })
    }

    /// The library that `name` means in the package of `from`.
    fn library(&self, from: FileId, name: &str) -> Option<FileId> {
        let module = self.modules.get(from.0 as usize)?.as_ref()?;
        let package = &self.packages[module.package];
        if package.name == name {
            return package.library.filter(|library| *library != module.root);
        }
        let sibling = package.siblings.get(name)?;
        self.packages[*sibling].library
    }

    /// `name` is a crate outside the tree that a manifest depends on.
    pub(super) fn is_outside(&self, name: &str) -> bool {
        matches!(name, "std" | "core" | "alloc") || self.outside.contains(name)
    }
}

fn manifest(file: &ConfigFile) -> Option<Manifest> {
    let (folder, name) = split(&file.path);
    if name != "Cargo.toml" {
        return None;
    }
    Some(Manifest {
        folder: folder.to_owned(),
        table: toml::from_str(&file.text).ok()?,
    })
}

fn package(manifest: &Manifest, ids: &BTreeMap<&str, FileId>) -> Option<Package> {
    let package = manifest.table.get("package")?;
    let name = package.get("name")?.as_str()?;
    let at = |path: &str| {
        ids.get(joined(&manifest.folder, path).trim_end_matches('/'))
            .copied()
    };
    let lib = manifest.table.get("lib");
    let text = |key: &str| {
        lib.and_then(|lib| lib.get(key))
            .and_then(toml::Value::as_str)
    };
    let library = at(text("path").unwrap_or("src/lib.rs"));
    let mut roots: Vec<FileId> = library.into_iter().collect();
    roots.extend(at("src/main.rs"));
    roots.extend(at(package
        .get("build")
        .and_then(toml::Value::as_str)
        .unwrap_or("build.rs")));
    for kind in ["bin", "example", "test", "bench"] {
        let targets = manifest.table.get(kind).and_then(toml::Value::as_array);
        let paths = targets.into_iter().flatten();
        let paths = paths.filter_map(|target| target.get("path")?.as_str());
        roots.extend(paths.filter_map(at));
    }
    for (path, id) in ids {
        let inside = path.strip_prefix(manifest.folder.as_str());
        if inside.is_some_and(is_target) {
            roots.push(*id);
        }
    }
    let mut seen = FxHashSet::default();
    roots.retain(|root| seen.insert(*root));
    Some(Package {
        folder: manifest.folder.clone(),
        name: crate_name(text("name").unwrap_or(name)),
        library,
        roots,
        called: name.into(),
        programs: programs(manifest, name, ids),
        siblings: BTreeMap::new(),
    })
}

/// The programs of the package `name`, each once: those that its manifest
/// names, and those that Cargo finds.
fn programs(
    manifest: &Manifest,
    name: &str,
    ids: &BTreeMap<&str, FileId>,
) -> Vec<(SmolStr, FileId)> {
    let at = |path: &str| {
        ids.get(joined(&manifest.folder, path).trim_end_matches('/'))
            .copied()
    };
    let named = manifest.table.get("bin").and_then(toml::Value::as_array);
    let named = named.into_iter().flatten().filter_map(|target| {
        let name = target.get("name")?.as_str()?;
        let path = target.get("path").and_then(toml::Value::as_str);
        let usual = [
            format!("src/bin/{name}.rs"),
            format!("src/bin/{name}/main.rs"),
            "src/main.rs".to_owned(),
        ];
        let root = match path {
            Some(path) => at(path),
            None => usual.iter().find_map(|path| at(path)),
        };
        Some((SmolStr::from(name), root?))
    });
    let mut found: Vec<(SmolStr, FileId)> = named.collect();
    if let Some(main) = at("src/main.rs") {
        found.push((name.into(), main));
    }
    for (path, id) in ids {
        let inside = path.strip_prefix(manifest.folder.as_str());
        let Some(inside) = inside.and_then(|path| path.strip_prefix("src/bin/")) else {
            continue;
        };
        let stem = match inside.split_once('/') {
            None => inside.strip_suffix(".rs"),
            Some((folder, "main.rs")) => Some(folder),
            Some(_) => None,
        };
        found.extend(stem.map(|stem| (SmolStr::from(stem), *id)));
    }
    let mut seen = FxHashSet::default();
    found.retain(|(_, root)| seen.insert(*root));
    found
}

/// Cargo finds a target at `path` without being told.
fn is_target(path: &str) -> bool {
    let homes = ["src/bin/", "examples/", "tests/", "benches/"];
    let Some(rest) = homes.iter().find_map(|home| path.strip_prefix(home)) else {
        return false;
    };
    match rest.split_once('/') {
        None => true,
        Some((_, file)) => file == "main.rs",
    }
}

/// Dependencies of `manifest`: the name they have here, what is said of them,
/// and the folder their paths start from.
fn dependencies<'m>(
    manifest: &'m Manifest,
    shared: &BTreeMap<&str, (&'m toml::Value, &'m str)>,
) -> Vec<(String, &'m toml::Value, &'m str)> {
    let mut tables: Vec<&toml::Value> = Vec::new();
    let mut collect = |table: &'m toml::Table| {
        for key in ["dependencies", "dev-dependencies", "build-dependencies"] {
            tables.extend(table.get(key));
        }
    };
    collect(&manifest.table);
    let targets = manifest.table.get("target").and_then(toml::Value::as_table);
    for target in targets.into_iter().flat_map(toml::Table::values) {
        if let Some(target) = target.as_table() {
            collect(target);
        }
    }
    let entries = tables
        .into_iter()
        .filter_map(toml::Value::as_table)
        .flatten();
    let resolve = |(alias, value): (&'m String, &'m toml::Value)| {
        let inherits = value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
        let (value, base) = match shared.get(alias.as_str()) {
            Some(shared) if inherits => *shared,
            _ => (value, manifest.folder.as_str()),
        };
        (alias.clone(), value, base)
    };
    entries.map(resolve).collect()
}

/// What the workspace around `manifest` says of dependencies.
fn workspace_dependencies<'m>(
    manifest: &Manifest,
    all: &'m [Manifest],
) -> BTreeMap<&'m str, (&'m toml::Value, &'m str)> {
    let around = all
        .iter()
        .filter(|other| manifest.folder.starts_with(&other.folder));
    let around = around.filter(|other| other.table.contains_key("workspace"));
    let Some(around) = around.max_by_key(|other| other.folder.len()) else {
        return BTreeMap::new();
    };
    let shared = around
        .table
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"));
    let shared = shared.and_then(toml::Value::as_table).into_iter().flatten();
    shared
        .map(|(name, value)| (name.as_str(), (value, around.folder.as_str())))
        .collect()
}

/// The folder in which the module of `path` is a child, and its name there.
fn container(path: &str) -> (&str, SmolStr) {
    let (folder, file) = split(path);
    if file == "mod.rs" {
        let (outer, name) = split(folder.trim_end_matches('/'));
        return (outer, name.into());
    }
    (folder, file.strip_suffix(".rs").unwrap_or(file).into())
}

/// Finds whose children lie in a folder.
struct Owners<'o> {
    files: &'o [FileFacts],
    ids: &'o BTreeMap<&'o str, FileId>,
    roots_in: &'o BTreeMap<String, Vec<FileId>>,
    is_root: &'o FxHashSet<FileId>,
}

impl Owners<'_> {
    /// Whose child `name`, the file `own`, in `folder` is, and the inline
    /// modules between.
    fn of<'p>(&self, folder: &'p str, name: &str, own: FileId) -> Option<(FileId, Vec<&'p str>)> {
        let mut folder = folder;
        let mut between: Vec<&str> = Vec::new();
        loop {
            let first = between.last().copied().unwrap_or(name);
            if let Some(owner) = self.owner(folder, first).filter(|owner| *owner != own) {
                between.reverse();
                return Some((owner, between));
            }
            if folder.is_empty() {
                return None;
            }
            let (outer, last) = split(folder.trim_end_matches('/'));
            between.push(last);
            folder = outer;
        }
    }

    fn owner(&self, folder: &str, child: &str) -> Option<FileId> {
        if let Some(roots) = self.roots_in.get(folder) {
            let declares = |root: &&FileId| declares(&self.files[root.0 as usize], child);
            return roots.iter().find(declares).or(roots.first()).copied();
        }
        let stem = folder.trim_end_matches('/');
        let beside = self.ids.get(format!("{stem}.rs").as_str());
        let inside = self.ids.get(format!("{folder}mod.rs").as_str());
        // A root's children lie beside it.
        let beside = beside.filter(|beside| !self.is_root.contains(beside));
        inside.or(beside).copied()
    }
}

/// `mod name;` stands at the top of the file, or inside an inline module.
fn declares(facts: &FileFacts, name: &str) -> bool {
    let is_name = |stmt: &crate::syntax::facts::Stmt| match &stmt.kind {
        StmtKind::Import(import) => {
            let binds = matches!(import.binds, ImportBinds::Module { .. });
            import.level == 1 && binds && import.module.split('.').next() == Some(name)
        }
        _ => false,
    };
    let inline = facts.scopes.iter();
    let mut inline = inline.filter(|scope| scope.parent == Some(ScopeId::MODULE));
    facts.scope(ScopeId::MODULE).body.iter().any(is_name)
        || inline.any(|scope| scope.body.iter().any(is_name))
}

fn depth(path: &str) -> usize {
    let (folder, name) = container(path);
    folder.matches('/').count() * 2 + usize::from(!name.is_empty())
}

/// Folder, with its slash, and file name.
fn split(path: &str) -> (&str, &str) {
    let at = path.rfind('/').map_or(0, |at| at + 1);
    path.split_at(at)
}

/// `path` seen from `folder`, with a slash at the end.
fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    match parts.is_empty() {
        true => String::new(),
        false => format!("{}/", parts.join("/")),
    }
}

fn crate_name(name: &str) -> SmolStr {
    name.replace('-', "_").into()
}
