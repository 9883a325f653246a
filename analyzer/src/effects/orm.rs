//! Mapped classes: the table that each stands for, and what calls do to it.
//!
//! SQLAlchemy (declarative, Flask's, core tables), SQLModel, Django and
//! peewee. What a session is need not be known: it is handed a mapped class,
//! or an instance of one.

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use crate::catalog::Access;
use crate::graph::{CallGraph, ClassId, Held, Program};
use crate::modules::{FileId, ModuleSet};
use crate::syntax::FileFacts;
use crate::syntax::facts::{Arg, ExprId, ExprKind, Scope, Stmt, StmtKind};

/// The tables of a tree's mapped classes.
pub(super) struct Orm<'a> {
    modules: &'a ModuleSet,
    call_graph: &'a CallGraph,
    tables: FxHashMap<ClassId, SmolStr>,
}

impl<'a> Orm<'a> {
    pub(super) fn new(
        modules: &'a ModuleSet,
        program: &'a Program,
        call_graph: &'a CallGraph,
    ) -> Orm<'a> {
        let mut orm = Orm {
            modules,
            call_graph,
            tables: FxHashMap::default(),
        };
        let own = (0..program.classes.len() as u32).map(ClassId);
        let own: FxHashMap<ClassId, SmolStr> = own
            .filter_map(|class| Some((class, orm.own_table(program, class)?)))
            .collect();
        for idx in 0..program.classes.len() as u32 {
            let class = ClassId(idx);
            let mro = program.class(class).mro.iter();
            // A subclass without a table of its own shares its parent's.
            let table = mro.filter_map(|class| own.get(class)).next();
            if let Some(table) = table.filter(|table| !table.is_empty()) {
                orm.tables.insert(class, table.clone());
            }
        }
        orm
    }

    /// The table that the class itself names, or the framework names for it.
    fn own_table(&self, program: &Program, class: ClassId) -> Option<SmolStr> {
        let definition = program.class(class);
        let facts = self.modules.facts(definition.file);
        let scope = facts.scope(definition.scope);
        if let Some(value) = assigned(facts, &scope.body, "__tablename__") {
            return self.text(definition.file, facts, value);
        }
        if let Some(value) = assigned(facts, &scope.body, "__table__") {
            return self.table_of(definition.file, facts, value, 0);
        }
        let bases = program.library_bases(class);
        let has = |name: &str| bases.iter().any(|base| base == name);
        let meta = |key: &str| {
            let meta = nested(facts, &scope.body, "Meta")?;
            assigned(facts, &meta.body, key)
        };
        let meta_text = |key: &str| self.text(definition.file, facts, meta(key)?);
        if has("django.db.models.Model")
            || bases
                .iter()
                .any(|base| base.starts_with("django") && base.ends_with("Model"))
        {
            if meta("abstract").is_some() {
                return None;
            }
            let app = meta_text("app_label").unwrap_or_else(|| app_of(&facts.path));
            return meta_text("db_table")
                .or_else(|| Some(format!("{app}_{}", scope.name.to_lowercase()).into()));
        }
        if has("peewee.Model") {
            // The base that only holds the database has no fields.
            let has_fields = scope.body.iter().any(|stmt| {
                matches!(&stmt.kind, StmtKind::Assign { value, .. }
                    if matches!(facts.expr(*value).kind, ExprKind::Call { .. }))
            });
            return meta_text("table_name")
                .or_else(|| meta_text("db_table"))
                .or_else(|| has_fields.then(|| scope.name.to_lowercase().into()));
        }
        let is_table = scope
            .bases
            .iter()
            .any(|base| base.keyword.as_deref() == Some("table"));
        if is_table && has("sqlmodel.SQLModel") {
            return Some(scope.name.to_lowercase().into());
        }
        let by_flask = scope.bases.iter().any(|base| {
            let ExprKind::Attr { base, name } = &facts.expr(base.expr).kind else {
                return false;
            };
            let held = self.call_graph.held(definition.file, *base);
            name == "Model"
                && held
                    .iter()
                    .any(|held| matches!(held, Held::Object(path, _) if path == "flask_sqlalchemy.SQLAlchemy"))
        });
        by_flask.then(|| snake(&scope.name))
    }

    fn text(&self, file: FileId, facts: &FileFacts, expr: ExprId) -> Option<SmolStr> {
        match &facts.expr(expr).kind {
            ExprKind::Str(text) => Some(text.clone()),
            _ => self.call_graph.texts(file, expr).into_iter().next(),
        }
    }

    /// The table that `expr` stands for: a mapped class, its instance, one of
    /// its columns, or something made of these.
    fn table_of(
        &self,
        file: FileId,
        facts: &FileFacts,
        expr: ExprId,
        depth: u32,
    ) -> Option<SmolStr> {
        if depth > 4 {
            return None;
        }
        if let Some(table) = self.held_table(&self.call_graph.held(file, expr)) {
            return Some(table);
        }
        let inside = |expr| self.table_of(file, facts, expr, depth + 1);
        match &facts.expr(expr).kind {
            ExprKind::Attr { base, .. } => inside(*base),
            ExprKind::Await(inner) | ExprKind::Starred(inner) => inside(*inner),
            ExprKind::Call { callee, args } => {
                if facts
                    .dotted(*callee)
                    .is_some_and(|callee| callee == "Table" || callee.ends_with(".Table"))
                {
                    return self.text(file, facts, args.first()?.value);
                }
                inside(*callee).or_else(|| args.iter().find_map(|arg| inside(arg.value)))
            }
            ExprKind::List(parts) | ExprKind::Tuple(parts) => {
                parts.iter().find_map(|part| inside(*part))
            }
            _ => self.held_table(&self.call_graph.held_elements(file, expr)),
        }
    }

    fn held_table(&self, held: &[Held]) -> Option<SmolStr> {
        held.iter().find_map(|held| match held {
            Held::Class(class) | Held::Instance(class) => self.tables.get(class).cloned(),
            Held::Object(path, Some((file, expr))) if path == "sqlalchemy.Table" => {
                let facts = self.modules.facts(*file);
                match &facts.expr(*expr).kind {
                    ExprKind::Call { args, .. } => self.text(*file, facts, args.first()?.value),
                    _ => None,
                }
            }
            _ => None,
        })
    }

    /// What the call `expr` does, and to which table. The calls inside it
    /// that are part of the same statement are added to `done`.
    pub(super) fn access(
        &self,
        file: FileId,
        facts: &FileFacts,
        expr: ExprId,
        done: &mut FxHashSet<ExprId>,
    ) -> Option<(SmolStr, Access)> {
        let ExprKind::Call { callee, args } = &facts.expr(expr).kind else {
            return None;
        };
        match &facts.expr(*callee).kind {
            ExprKind::Name(_) => self.statement(file, facts, *callee, args),
            ExprKind::Attr { base, name } => self
                .chained(file, facts, expr, done)
                .or_else(|| self.session(file, facts, expr, name, args))
                .or_else(|| {
                    let by_library = matches!(facts.expr(*base).kind, ExprKind::Name(_));
                    by_library.then(|| self.statement(file, facts, *callee, args))?
                }),
            _ => None,
        }
    }

    /// `select(Model)`, `insert(Model)`, …
    fn statement(
        &self,
        file: FileId,
        facts: &FileFacts,
        callee: ExprId,
        args: &[Arg],
    ) -> Option<(SmolStr, Access)> {
        let held = self.call_graph.held(file, callee);
        let path = held.iter().find_map(|held| match held {
            Held::External(path)
                if path.starts_with("sqlalchemy")
                    || path.starts_with("sqlmodel")
                    || path.starts_with("django.shortcuts") =>
            {
                Some(path)
            }
            _ => None,
        })?;
        let access = match path.rsplit('.').next()? {
            "select" | "get_object_or_404" | "get_list_or_404" => Access::Read,
            "insert" => Access::Append,
            "update" => Access::Write,
            "delete" => Access::Delete,
            _ => return None,
        };
        let mut args = args.iter();
        let table = args.find_map(|arg| self.table_of(file, facts, arg.value, 0))?;
        Some((table, access))
    }

    /// `session.add(row)`, `session.query(Model)`, …
    fn session(
        &self,
        file: FileId,
        facts: &FileFacts,
        expr: ExprId,
        name: &str,
        args: &[Arg],
    ) -> Option<(SmolStr, Access)> {
        let access = match name {
            "query" | "get" | "get_one" => Access::Read,
            "add" | "add_all" | "bulk_save_objects" | "bulk_insert_mappings" => Access::Append,
            "merge" | "bulk_update_mappings" => Access::Write,
            "delete" => Access::Delete,
            _ => return None,
        };
        let mut calls = self.call_graph.library_calls_at(file, expr);
        if calls.any(|call| call.path.starts_with("builtins.")) {
            return None;
        }
        let table = match name {
            // `cache.get(row)` asks for no row; `session.get(Model, 1)` does.
            "get" | "get_one" => {
                let first = args.first()?.value;
                let held = self.call_graph.held(file, first);
                let classes: Vec<Held> = held
                    .into_iter()
                    .filter(|held| matches!(held, Held::Class(_)))
                    .collect();
                self.held_table(&classes)?
            }
            _ => {
                let mut args = args.iter();
                args.find_map(|arg| self.table_of(file, facts, arg.value, 0))?
            }
        };
        Some((table, access))
    }

    /// `Model.objects.filter(…).delete()`, `Model.query.all()`,
    /// `session.query(Model).filter(…).update(…)`, `row.save()`.
    fn chained(
        &self,
        file: FileId,
        facts: &FileFacts,
        expr: ExprId,
        done: &mut FxHashSet<ExprId>,
    ) -> Option<(SmolStr, Access)> {
        let mut links: Vec<(&str, Option<&[Arg]>)> = Vec::new();
        let mut inner: Vec<ExprId> = Vec::new();
        let mut at = expr;
        let mut args = None;
        loop {
            match &facts.expr(at).kind {
                ExprKind::Call {
                    callee,
                    args: given,
                } => {
                    if at != expr {
                        inner.push(at);
                    }
                    args = Some(&**given);
                    if !matches!(facts.expr(*callee).kind, ExprKind::Attr { .. }) {
                        break;
                    }
                    at = *callee;
                }
                ExprKind::Attr { base, name } => {
                    links.push((name, args.take()));
                    at = *base;
                }
                ExprKind::Item { base, .. } => at = *base,
                ExprKind::Await(base) => at = *base,
                _ => break,
            }
        }
        links.reverse();
        let root = self.call_graph.held(file, at);
        let of_class = root.iter().any(|held| matches!(held, Held::Class(_)));
        let verbs = || links.iter().map(|(name, _)| *name);
        let (table, access) = if let Some(table) = self.held_table(&root) {
            let (first, _) = links.first()?;
            let access = match *first {
                "objects" | "query" => verbs().skip(1).find_map(changes).unwrap_or(Access::Read),
                "select" | "get_by_id" | "get_or_none" | "select_related" if of_class => {
                    Access::Read
                }
                "get" if of_class => Access::Read,
                "create" | "insert" | "insert_many" | "bulk_create" if of_class => Access::Append,
                "get_or_create" | "replace" | "replace_many" if of_class => Access::Write,
                "update" if of_class || is_core(&root) => Access::Write,
                "insert" if is_core(&root) => Access::Append,
                "select" if is_core(&root) => Access::Read,
                "delete" | "delete_instance" | "delete_by_id" => Access::Delete,
                "save" if !of_class => Access::Write,
                _ => return None,
            };
            (table, access)
        } else {
            // The model stands in the chain: `session.query(Model)…`.
            let query = links
                .iter()
                .position(|(name, args)| *name == "query" && args.is_some())?;
            let (_, args) = links[query];
            let table = args?
                .iter()
                .find_map(|arg| self.table_of(file, facts, arg.value, 0))?;
            let access = links[query + 1..]
                .iter()
                .find_map(|(name, _)| changes(name))
                .unwrap_or(Access::Read);
            (table, access)
        };
        done.extend(inner);
        Some((table, access))
    }
}

/// What a link of a query does, when it does not only read.
fn changes(verb: &str) -> Option<Access> {
    Some(match verb {
        "create" | "acreate" | "bulk_create" => Access::Append,
        "get_or_create" | "update_or_create" | "update" | "bulk_update" => Access::Write,
        "delete" => Access::Delete,
        _ => return None,
    })
}

fn is_core(root: &[Held]) -> bool {
    root.iter()
        .any(|held| matches!(held, Held::Object(path, _) if path == "sqlalchemy.Table"))
}

/// What a class body assigns to `name`.
pub(super) fn assigned(facts: &FileFacts, body: &[Stmt], name: &str) -> Option<ExprId> {
    body.iter().rev().find_map(|stmt| match &stmt.kind {
        StmtKind::Assign { targets, value, .. } => {
            let named = |target: &ExprId| matches!(&facts.expr(*target).kind, ExprKind::Name(found) if found == name);
            targets.iter().any(named).then_some(*value)
        }
        _ => None,
    })
}

/// The class `name` inside a class body.
fn nested<'f>(facts: &'f FileFacts, body: &[Stmt], name: &str) -> Option<&'f Scope> {
    body.iter().find_map(|stmt| match &stmt.kind {
        StmtKind::Class(scope) => Some(facts.scope(*scope)).filter(|scope| scope.name == name),
        _ => None,
    })
}

/// Django's application of `shop/models.py` and `shop/models/order.py`.
fn app_of(path: &str) -> SmolStr {
    let mut folders = path.split('/').rev().skip(1);
    let folder = folders.find(|folder| *folder != "models");
    folder.unwrap_or("app").to_lowercase().into()
}

/// `OrderLine` as `order_line`.
fn snake(name: &str) -> SmolStr {
    let mut text = String::new();
    let mut before_lower = false;
    for c in name.chars() {
        if c.is_uppercase() && before_lower {
            text.push('_');
        }
        before_lower = c.is_lowercase() || c.is_ascii_digit();
        text.extend(c.to_lowercase());
    }
    text.into()
}
