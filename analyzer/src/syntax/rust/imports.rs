//! `use`, `mod x;` and `extern crate` to imports.
//!
//! Levels are counted from the file's module: inside an inline module
//! `super::x` is this file's own `x` (level 1), and `self::x` is `x` of that
//! module (level 1, module `m`).

use proc_macro2::Span;
use smol_str::SmolStr;
use syn::{UseTree, spanned::Spanned};

use super::super::facts::{Import, ImportBinds, StmtKind};
use super::builder::{Lowering, word};

/// Names a `use` takes from one module, with their aliases.
type Names = Vec<(SmolStr, Option<SmolStr>)>;

impl Lowering {
    pub(super) fn lower_use(&mut self, item: &syn::ItemUse) {
        let span = item.use_token.span;
        self.use_tree(&mut Vec::new(), &item.tree, span);
    }

    fn use_tree(&mut self, prefix: &mut Vec<SmolStr>, tree: &UseTree, span: Span) {
        match tree {
            UseTree::Path(path) => {
                prefix.push(word(&path.ident));
                self.use_tree(prefix, &path.tree, span);
                prefix.pop();
            }
            UseTree::Group(group) => self.use_group(prefix, group, span),
            UseTree::Glob(_) => self.import(prefix, ImportBinds::Star, span),
            UseTree::Name(_) | UseTree::Rename(_) => {
                self.import_leaves(prefix, leaf(tree).into_iter().collect(), span);
            }
        }
    }

    fn use_group(&mut self, prefix: &mut Vec<SmolStr>, group: &syn::UseGroup, span: Span) {
        let leaves = group.items.iter().filter_map(leaf).collect();
        self.import_leaves(prefix, leaves, span);
        for tree in &group.items {
            if leaf(tree).is_none() {
                self.use_tree(prefix, tree, tree.span());
            }
        }
    }

    /// Imports `leaves` from `prefix`; `self` is `prefix` itself.
    fn import_leaves(&mut self, prefix: &[SmolStr], leaves: Names, span: Span) {
        let (own, names): (Names, Names) = leaves.into_iter().partition(|leaf| leaf.0 == "self");
        for (_, alias) in own {
            if let Some((last, outer)) = prefix.split_last() {
                self.import_names(outer, vec![(last.clone(), alias)], span);
            }
        }
        if !names.is_empty() {
            self.import_names(prefix, names, span);
        }
    }

    fn import_names(&mut self, prefix: &[SmolStr], names: Names, span: Span) {
        if !prefix.is_empty() {
            return self.import(prefix, ImportBinds::Names(names), span);
        }
        for (name, alias) in names {
            self.import(&[name], ImportBinds::Module { alias }, span);
        }
    }

    fn import(&mut self, path: &[SmolStr], binds: ImportBinds, span: Span) {
        let n_supers = path.iter().take_while(|part| *part == "super").count();
        let is_self = path.first().is_some_and(|part| part == "self");
        let (level, module) = if n_supers > 0 {
            self.relative(n_supers, &path[n_supers..])
        } else if is_self {
            let n_supers = path[1..].iter().take_while(|part| *part == "super").count();
            self.relative(n_supers, &path[1 + n_supers..])
        } else {
            (0, path.join(".").into())
        };
        let import = Import {
            module,
            level,
            binds,
        };
        self.stmt(StmtKind::Import(import), span);
    }

    /// Level and dotted path of `rest`, `n_supers` modules up from here.
    fn relative(&self, n_supers: usize, rest: &[SmolStr]) -> (u32, SmolStr) {
        let n_kept = self.modules.len().saturating_sub(n_supers);
        let n_up = n_supers.saturating_sub(self.modules.len());
        let parts: Vec<&str> = self.modules[..n_kept]
            .iter()
            .chain(rest)
            .map(SmolStr::as_str)
            .collect();
        (1 + n_up as u32, parts.join(".").into())
    }

    /// `mod name;`: the file of that name.
    pub(super) fn import_file(&mut self, item: &syn::ItemMod) {
        let name = word(&item.ident);
        let (level, module) = self.relative(0, std::slice::from_ref(&name));
        let alias = (!self.modules.is_empty()).then_some(name);
        let import = Import {
            module,
            level,
            binds: ImportBinds::Module { alias },
        };
        self.stmt(StmtKind::Import(import), item.mod_token.span);
    }

    pub(super) fn extern_crate(&mut self, item: &syn::ItemExternCrate) {
        let alias = item.rename.as_ref().map(|(_, alias)| word(alias));
        let import = Import {
            module: word(&item.ident),
            level: 0,
            binds: ImportBinds::Module { alias },
        };
        self.stmt(StmtKind::Import(import), item.extern_token.span);
    }
}

fn leaf(tree: &UseTree) -> Option<(SmolStr, Option<SmolStr>)> {
    match tree {
        UseTree::Name(name) => Some((word(&name.ident), None)),
        UseTree::Rename(rename) => Some((word(&rename.ident), Some(word(&rename.rename)))),
        UseTree::Path(_) | UseTree::Group(_) | UseTree::Glob(_) => None,
    }
}
