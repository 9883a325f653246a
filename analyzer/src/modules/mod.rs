//! Which module a file is, and what an import means.
//!
//! Resolution follows what would happen when the program runs, as far as the
//! layout tells: the folder of a script, then the root of the package, then
//! the folders above, then any other root of the repository. A folder without
//! `__init__.py` never shadows an installed library, as in Python. Where files
//! form crates, their manifests say instead.

mod bindings;
mod crates;
mod layout;
pub(crate) mod natives;
mod symbols;

use rayon::prelude::*;
use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use crate::source::ConfigFile;
use crate::syntax::FileFacts;
use crate::syntax::facts::{ExprId, ExprKind, ImportRule, OWN_FILE, ScopeId, StmtKind};

use bindings::Bindings;
use crates::Crates;
pub use layout::DirId;
use layout::Layout;
use natives::Natives;
pub use symbols::Symbol;

/// Index of a file in [`ModuleSet::files`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// An expression where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct At {
    pub(crate) file: FileId,
    pub(crate) scope: ScopeId,
    pub(crate) expr: ExprId,
}

impl At {
    /// A part of it, or of what is around it.
    pub(crate) fn part(self, expr: ExprId) -> At {
        At { expr, ..self }
    }
}

/// What a dotted path can lead to inside the analysed tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ModuleRef {
    /// A file: a module, or a package through its `__init__`.
    File(FileId),
    /// A folder without `__init__`.
    Folder(DirId),
}

/// Every file's facts, with names and imports resolved.
#[derive(Debug)]
pub struct ModuleSet {
    /// Sorted by path.
    pub files: Vec<FileFacts>,
    /// By file, by scope.
    bindings: Vec<Vec<Bindings>>,
    layout: Layout,
    crates: Crates,
    natives: Natives,
    /// Import names of installed libraries.
    libraries: FxHashSet<SmolStr>,
}

impl ModuleSet {
    /// Builds the set. `root` is the name of the analysed folder: when it is
    /// itself a package, imports may begin with it. `configs` are searched for
    /// manifests. `libraries` are the import names that, outside the tree,
    /// mean an installed library.
    pub fn new(
        files: Vec<FileFacts>,
        configs: &[ConfigFile],
        root: &str,
        libraries: impl IntoIterator<Item = SmolStr>,
    ) -> ModuleSet {
        let layout = Layout::new(&files, root);
        let crates = Crates::new(&files, configs);
        let bindings = files.par_iter().map(Bindings::of_file).collect();
        let mut set = ModuleSet {
            files,
            bindings,
            layout,
            crates,
            natives: Natives::default(),
            libraries: libraries.into_iter().collect(),
        };
        set.natives = Natives::new(&set, configs);
        set
    }

    /// Modules that crates of the tree give to another language.
    pub(crate) fn natives(&self) -> &Natives {
        &self.natives
    }

    /// The qualified name that an import has whose path leads to one of the
    /// [`ModuleSet::natives`].
    pub(crate) fn native(&self, from: FileId, level: u32, path: &str) -> Option<SmolStr> {
        self.natives.imported(self, from, level, path)
    }

    /// As [`ModuleSet::native`], of the module `name` in the package `of`.
    pub(crate) fn native_in(&self, of: ModuleRef, name: &str) -> Option<SmolStr> {
        self.natives.submodule(self, of, name)
    }

    /// What a starred import of one of the [`ModuleSet::natives`] binds.
    pub(crate) fn native_names(&self, path: &str) -> Option<Vec<SmolStr>> {
        self.natives.public_names(path)
    }

    /// How others call the crate that `file` belongs to.
    pub(crate) fn crate_name(&self, file: FileId) -> Option<&SmolStr> {
        self.crates.name(file)
    }

    /// The root of the crate that `file` belongs to.
    pub(crate) fn crate_root(&self, file: FileId) -> Option<FileId> {
        self.crates.root(file)
    }

    /// Programs that the crates of the tree build: package, name and root.
    pub(crate) fn programs(&self) -> impl Iterator<Item = (&str, &str, FileId)> {
        self.crates.programs()
    }

    /// The facts of `file`.
    pub fn facts(&self, file: FileId) -> &FileFacts {
        &self.files[file.0 as usize]
    }

    fn bindings(&self, file: FileId, scope: ScopeId) -> &Bindings {
        &self.bindings[file.0 as usize][scope.0 as usize]
    }

    /// Files with their ids, by path.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &FileFacts)> {
        let ids = (0..).map(FileId);
        ids.zip(&self.files)
    }

    /// The dotted name of `file` relative to the analysed folder.
    pub fn name(&self, file: FileId) -> String {
        layout::dotted_name(&self.facts(file).path)
    }

    /// What `import path` in `from` leads to, if it is inside the tree.
    pub fn absolute(&self, from: FileId, path: &str) -> Option<ModuleRef> {
        self.imported(from, 0, path)
    }

    /// The module an import statement names.
    pub fn imported(&self, from: FileId, level: u32, path: &str) -> Option<ModuleRef> {
        let (module, rest) = self.lead(from, level, path)?;
        rest.is_empty().then_some(module)
    }

    /// The module of the tree that an import statement leads to, and the names
    /// in it that it goes on with: `use crate::shapes::Kind::Round` may end in
    /// a file, or in a type of that file.
    pub(crate) fn lead<'p>(
        &self,
        from: FileId,
        level: u32,
        path: &'p str,
    ) -> Option<(ModuleRef, Vec<&'p str>)> {
        if self.facts(from).rules.imports == ImportRule::Crates {
            let (file, rest) = self.crates.lead(from, level, path)?;
            return Some((ModuleRef::File(file), rest));
        }
        let module = match level {
            0 => self.on_search_path(from, path),
            _ => self.in_package(from, level, path),
        };
        Some((module?, Vec::new()))
    }

    fn on_search_path(&self, from: FileId, path: &str) -> Option<ModuleRef> {
        let first = path.split('.').next().unwrap_or(path);
        let is_library = self.libraries.contains(first);
        let starts = self.layout.search_path(from, first, is_library);
        starts
            .into_iter()
            .find_map(|dir| self.layout.descend(dir, path.split('.')))
    }

    fn in_package(&self, from: FileId, level: u32, path: &str) -> Option<ModuleRef> {
        let dir = self.layout.package_of(from, level)?;
        match path {
            "" => Some(self.layout.as_module(dir)),
            _ => self.layout.descend(dir, path.split('.')),
        }
    }

    /// The module `name` inside the package `of`.
    pub fn submodule(&self, of: ModuleRef, name: &str) -> Option<ModuleRef> {
        match of {
            ModuleRef::File(file) if self.facts(file).rules.imports == ImportRule::Crates => {
                self.crates.child(file, name).map(ModuleRef::File)
            }
            _ => self.layout.submodule(of, name),
        }
    }

    /// The module that `name` means at the head of a path in `from`, where
    /// nothing binds it: the crate's root, the module around, another crate.
    pub(crate) fn head(&self, from: FileId, name: &str) -> Option<ModuleRef> {
        if self.facts(from).rules.imports != ImportRule::Crates {
            return None;
        }
        let file = match name {
            OWN_FILE => from,
            "super" => self.crates.parent(from)?,
            _ => self.crates.lead(from, 0, name)?.0,
        };
        Some(ModuleRef::File(file))
    }

    /// `name` at the head of a path in `from` means a crate outside the tree.
    pub(crate) fn is_outside(&self, from: FileId, name: &str) -> bool {
        self.facts(from).rules.imports == ImportRule::Crates
            && (self.crates.is_outside(name) || self.libraries.contains(name))
    }

    /// The scope's own symbols and those around it that its body sees, from
    /// the inside out: class scopes other than the first are passed over.
    pub fn enclosing(&self, file: FileId, scope: ScopeId) -> Vec<ScopeId> {
        symbols::enclosing(self.facts(file), scope)
    }

    /// What the dotted `path` means in `scope` of `file`, from imports,
    /// definitions and plain aliases alone.
    pub fn symbol(&self, file: FileId, scope: ScopeId, path: &str) -> Option<Symbol> {
        symbols::resolve(self, file, scope, path, &mut FxHashSet::default())
    }

    /// What the path of `from path import *` in `scope` of `file` names.
    pub(crate) fn starred(
        &self,
        file: FileId,
        scope: ScopeId,
        import: &crate::syntax::facts::Import,
    ) -> Option<Symbol> {
        symbols::starred(self, file, scope, import)
    }

    /// What is assigned to the variable `name` at the top of `file`, the first
    /// time.
    pub(crate) fn assigned(&self, file: FileId, name: &str) -> Option<ExprId> {
        let facts = self.facts(file);
        let mut body = facts.scope(ScopeId::MODULE).body.iter();
        body.find_map(|stmt| match &stmt.kind {
            StmtKind::Assign { targets, value, .. } => {
                let is_it = |target: &ExprId| {
                    matches!(&facts.expr(*target).kind, ExprKind::Name(own) if own == name)
                };
                targets.iter().any(is_it).then_some(*value)
            }
            _ => None,
        })
    }

    /// Public names at the top level of `file`, star imports included.
    pub fn public_names(&self, file: FileId) -> Vec<SmolStr> {
        symbols::public_names(self, file)
    }
}
