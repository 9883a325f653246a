//! What the statements of each scope bind, by name, so that a name is looked
//! up without reading the scope again.

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::syntax::FileFacts;
use crate::syntax::facts::{ExprId, ExprKind, Import, ImportBinds, Scope, ScopeId, Stmt, StmtKind};

/// One statement that binds a name.
#[derive(Clone, Debug)]
pub(super) enum Binding {
    /// `def`, `class`.
    Definition(ScopeId),
    /// An assignment of this.
    Value(ExprId),
    /// An import of the module itself, or of one name in it.
    Import {
        level: u32,
        module: SmolStr,
        name: Option<SmolStr>,
    },
}

/// `from module import *`.
#[derive(Clone, Debug)]
pub(super) struct Star {
    pub(super) level: u32,
    pub(super) module: SmolStr,
}

/// The bindings of one scope, numbered in the order in which they hold.
#[derive(Debug, Default)]
pub(super) struct Bindings {
    by_name: FxHashMap<SmolStr, Vec<(u32, Binding)>>,
    stars: Vec<(u32, Star)>,
}

/// What may give a name its meaning.
pub(super) enum Candidate<'b> {
    Own(&'b Binding),
    Star(&'b Star),
}

impl Bindings {
    /// Of every scope of a file, by [`ScopeId`].
    pub(super) fn of_file(facts: &FileFacts) -> Vec<Bindings> {
        let scopes = facts.scopes.iter();
        scopes.map(|scope| Bindings::of(facts, scope)).collect()
    }

    fn of(facts: &FileFacts, scope: &Scope) -> Bindings {
        let mut bindings = Bindings::default();
        let mut order = 0;
        each_binding(&scope.body, &mut |stmt| {
            order += 1;
            bindings.add(facts, stmt, order);
        });
        bindings
    }

    fn add(&mut self, facts: &FileFacts, stmt: &Stmt, order: u32) {
        match &stmt.kind {
            StmtKind::Function(id) | StmtKind::Class(id) => {
                self.bind(&facts.scope(*id).name, order, Binding::Definition(*id));
            }
            StmtKind::Assign { targets, value, .. } => {
                for target in targets {
                    if let ExprKind::Name(name) = &facts.expr(*target).kind {
                        self.bind(name, order, Binding::Value(*value));
                    }
                }
            }
            StmtKind::Import(import) => self.import(import, order),
            _ => {}
        }
    }

    fn import(&mut self, import: &Import, order: u32) {
        let binding = |module: &SmolStr, name: Option<&SmolStr>| Binding::Import {
            level: import.level,
            module: module.clone(),
            name: name.cloned(),
        };
        match &import.binds {
            ImportBinds::Module { alias: Some(alias) } => {
                self.bind(alias, order, binding(&import.module, None));
            }
            ImportBinds::Module { alias: None } => {
                let first = import.module.split('.').next().unwrap_or_default().into();
                self.bind(&first, order, binding(&first, None));
            }
            ImportBinds::Names(names) => {
                for (name, alias) in names {
                    let bound = alias.as_ref().unwrap_or(name);
                    self.bind(bound, order, binding(&import.module, Some(name)));
                }
            }
            ImportBinds::Star => {
                let star = Star {
                    level: import.level,
                    module: import.module.clone(),
                };
                self.stars.push((order, star));
            }
        }
    }

    fn bind(&mut self, name: &SmolStr, order: u32, binding: Binding) {
        let bound = self.by_name.entry(name.clone()).or_default();
        // Of one import that names a thing twice, the first counts.
        if bound.last().is_none_or(|(last, _)| *last != order) {
            bound.push((order, binding));
        }
    }

    /// What may give `name` its meaning, what holds last first.
    pub(super) fn candidates(&self, name: &str) -> impl Iterator<Item = Candidate<'_>> {
        let mut own = self
            .by_name
            .get(name)
            .into_iter()
            .flatten()
            .rev()
            .peekable();
        let mut stars = self.stars.iter().rev().peekable();
        std::iter::from_fn(move || {
            let star_first = match (own.peek(), stars.peek()) {
                (Some((own, _)), Some((star, _))) => star > own,
                (own, _) => own.is_none(),
            };
            match star_first {
                true => stars.next().map(|(_, star)| Candidate::Star(star)),
                false => own.next().map(|(_, own)| Candidate::Own(own)),
            }
        })
    }

    /// Names that it binds itself, in no order.
    pub(super) fn names(&self) -> impl Iterator<Item = &SmolStr> {
        self.by_name.keys()
    }

    /// What it takes in whole.
    pub(super) fn stars(&self) -> impl Iterator<Item = &Star> {
        self.stars.iter().map(|(_, star)| star)
    }
}

/// Visits every statement of a body that can bind, nested blocks included.
fn each_binding(body: &[Stmt], visit: &mut dyn FnMut(&Stmt)) {
    for stmt in body {
        match &stmt.kind {
            StmtKind::If { then, other, .. } => {
                each_binding(then, visit);
                each_binding(other, visit);
            }
            StmtKind::Loop { body, other, .. } => {
                each_binding(body, visit);
                each_binding(other, visit);
            }
            StmtKind::With { body, .. } => each_binding(body, visit),
            StmtKind::Try {
                body,
                handlers,
                other,
                finally,
            } => {
                // What the body binds wins over a fallback in a handler.
                for handler in handlers {
                    each_binding(&handler.body, visit);
                }
                for block in [body, other, finally] {
                    each_binding(block, visit);
                }
            }
            _ => visit(stmt),
        }
    }
}
