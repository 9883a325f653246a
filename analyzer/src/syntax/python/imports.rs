//! `import` and `from … import`.

use smol_str::{SmolStr, StrExt};
use tree_sitter::Node;

use super::build::{Lower, line};
use super::kinds::{Field, Kind, field, kind};
use crate::syntax::facts::{Import, ImportBinds, Stmt, StmtKind};

impl<'t> Lower<'t> {
    /// `import a.b, c as d`: one statement per module.
    pub(super) fn import(&mut self, node: Node<'t>, body: &mut Vec<Stmt>) {
        for name in self.fields(node, Field::Name) {
            let (module, alias) = self.imported(name);
            let import = Import {
                module,
                level: 0,
                binds: ImportBinds::Module { alias },
            };
            body.push(Stmt {
                kind: StmtKind::Import(import),
                line: line(node),
            });
        }
    }

    /// `from m import …`, of `__future__` too.
    pub(super) fn import_from(&mut self, node: Node<'t>) -> StmtKind {
        let (module, level) = match field(node, Field::ModuleName) {
            Some(module) => self.origin(module),
            None => ("__future__".into(), 0),
        };
        let names = self.fields(node, Field::Name);
        let binds = if names.is_empty() {
            ImportBinds::Star
        } else {
            ImportBinds::Names(names.into_iter().map(|name| self.imported(name)).collect())
        };
        StmtKind::Import(Import {
            module,
            level,
            binds,
        })
    }

    /// The path and leading dots of `..a.b`.
    fn origin(&mut self, node: Node<'t>) -> (SmolStr, u32) {
        if kind(node) != Kind::RelativeImport {
            return (self.dotted_name(node), 0);
        }
        let mut module = SmolStr::default();
        let mut level = 0;
        for child in self.children(node) {
            match kind(child) {
                Kind::ImportPrefix => {
                    level = self.text_of(child).matches('.').count() as u32;
                }
                _ => module = self.dotted_name(child),
            }
        }
        (module, level)
    }

    fn imported(&self, node: Node<'t>) -> (SmolStr, Option<SmolStr>) {
        let name = field(node, Field::Name).unwrap_or(node);
        let alias = field(node, Field::Alias).map(|alias| self.name(alias));
        (self.dotted_name(name), alias)
    }

    /// `a . b` may be spaced out; the path is not.
    fn dotted_name(&self, node: Node<'t>) -> SmolStr {
        let text = self.text_of(node);
        if text.contains(|c: char| c.is_whitespace() || c == '\\') {
            text.replace_smolstr("\\", "")
                .split_whitespace()
                .collect::<String>()
                .into()
        } else {
            SmolStr::new(text)
        }
    }
}
