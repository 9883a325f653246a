//! What an import binds.

use std::rc::Rc;

use smol_str::SmolStr;

use super::{Body, names};
use crate::graph::solve::{At, NOWHERE, Node, Use};
use crate::graph::values::{Sym, Value};
use crate::modules::{ModuleRef, Symbol};
use crate::syntax::facts::{Import, ImportBinds, ImportRule};

impl<'a> Body<'_, 'a> {
    pub(super) fn import(&mut self, import: &'a Import) {
        match &import.binds {
            ImportBinds::Module { alias: Some(alias) } => {
                let node = self.imported(import.level, &import.module);
                self.assign_name(alias, node);
            }
            ImportBinds::Module { alias: None } => {
                let (first, node) = self.imported_top(import);
                self.assign_name(&first.into(), node);
            }
            ImportBinds::Names(pairs) => {
                let from = self.imported(import.level, &import.module);
                for (name, alias) in pairs {
                    let dst = self.load_of(from, name);
                    self.assign_name(alias.as_ref().unwrap_or(name), dst);
                }
            }
            ImportBinds::Star => self.import_star(import),
        }
    }

    /// What `import a.b` binds: its first name.
    fn imported_top(&mut self, import: &'a Import) -> (&'a str, Node) {
        let first = import.module.split('.').next().unwrap_or_default();
        let modules = self.solver.modules;
        let module = modules.imported(self.file, import.level, &import.module);
        let native = modules.native(self.file, import.level, &import.module);
        if modules.facts(self.file).rules.imports == ImportRule::Crates {
            return (first, self.imported(import.level, first));
        }
        let top = match import.level {
            0 => modules
                .absolute(self.file, first)
                .filter(|_| module.is_some() || native.is_some()),
            _ => module,
        };
        (first, self.module_node(top, first))
    }

    /// The node of what an import's path names.
    fn imported(&mut self, level: u32, path: &str) -> Node {
        if let Some((module, rest)) = self.solver.modules.lead(self.file, level, path) {
            let node = self.module_node(Some(module), path);
            return rest
                .into_iter()
                .fold(node, |at, name| self.load_of(at, name));
        }
        // `use Kind::*` of an enum that the scope sees.
        let first = path.split('.').next().unwrap_or(path);
        let is_crates = self.facts.rules.imports == ImportRule::Crates;
        let symbol = || self.solver.modules.symbol(self.file, self.scope(), first);
        if is_crates && level == 0 && !matches!(symbol(), None | Some(Symbol::External(_))) {
            let start = self.name(&first.into());
            return path
                .split('.')
                .skip(1)
                .fold(start, |at, name| self.load_of(at, name));
        }
        let native = self.solver.modules.native(self.file, level, path);
        self.module_node(None, native.as_deref().unwrap_or(path))
    }

    fn load_of(&mut self, from: Node, name: &str) -> Node {
        let dst = self.solver.fresh();
        let at = self.at_import();
        let name = self.solver.symbols.intern(name);
        self.solver.on(from, Use::Load { name, dst, at });
        dst
    }

    /// Imports hang on no expression; what they find calls nothing.
    fn at_import(&self) -> At {
        self.at(NOWHERE)
    }

    fn module_node(&mut self, module: Option<ModuleRef>, path: &str) -> Node {
        let node = self.solver.fresh();
        match module {
            Some(module) => {
                self.solver.put(node, Value::Module(module));
            }
            None => self.solver.put_external(node, path),
        }
        node
    }

    fn import_star(&mut self, import: &'a Import) {
        let path = &import.module;
        let modules = self.solver.modules;
        let led = modules.lead(self.file, import.level, path);
        let names = match led {
            Some((ModuleRef::File(from), ref rest)) if rest.is_empty() => {
                modules.public_names(from)
            }
            Some((ModuleRef::Folder(_), _)) => return,
            _ => match self.names_of(import).or_else(|| self.native_names(import)) {
                Some(names) => names,
                None => return self.import_unknown(path),
            },
        };
        let node = self.imported(import.level, path);
        for name in names {
            let dst = self.load_of(node, &name);
            let sym = self.solver.symbols.intern(&name);
            self.bind_star(&name, dst, sym);
        }
    }

    /// Everything an unbound name of the file may then mean.
    fn import_unknown(&mut self, path: &str) {
        let sym = self.solver.symbols.intern(path);
        let externals = self.solver.star_externals.entry(self.file).or_default();
        externals.push(sym);
    }

    /// Names that a module of a crate of the tree binds when it is starred.
    fn native_names(&self, import: &Import) -> Option<Vec<SmolStr>> {
        let modules = self.solver.modules;
        let path = modules.native(self.file, import.level, &import.module)?;
        modules.native_names(&path)
    }

    /// Names that the class or namespace behind a starred path binds.
    fn names_of(&mut self, import: &'a Import) -> Option<Vec<SmolStr>> {
        let symbol = self
            .solver
            .modules
            .starred(self.file, self.scope(), import)?;
        let Symbol::Scope(file, scope) = symbol else {
            return None;
        };
        let names = names::known_locals(self.solver, file, scope);
        let mut names: Vec<SmolStr> = names.iter().cloned().collect();
        names.sort_unstable();
        Some(names)
    }

    /// A starred name is no local that the text shows: it is put into the
    /// module's variables directly.
    fn bind_star(&mut self, name: &SmolStr, node: Node, sym: Sym) {
        let scope = self.scope();
        let var = self.var(scope, sym);
        self.solver.edge(node, var);
        self.solver.starred.insert((self.file, sym));
        if let Some(frame) = self.frames.last_mut() {
            Rc::make_mut(&mut frame.locals).insert(name.clone());
            frame.now.insert(name.clone(), node);
        }
    }
}
