//! Tables that are read: by a query, or from a file.

use serde_json::{Map, Value};
use smol_str::SmolStr;
use sqlparser::ast::{Expr, Select, SelectItem};

use super::super::code::At;
use super::super::transforms::{Env, only_table, select, sources, sql_aggregates};
use super::condition::{condition, is_bound};
use super::walk::Walk;
use super::{Bound, MAX_DEPTH, key, texts};
use crate::cut::{Key, Operation};
use crate::syntax::facts::{Arg, ExprKind};

impl<'a> Walk<'_, 'a> {
    /// What the arguments of a call read.
    pub(super) fn read(&mut self, at: At, args: &'a [Arg]) {
        for arg in args {
            let given = at.part(arg.value);
            // What a parameter holds is read where it is given.
            if self.is_parameter(given) {
                continue;
            }
            for text in self.code.ctx.call_graph.texts(at.file, arg.value) {
                let (Some(table), Some(select)) = (only_table(&text), select(&text)) else {
                    continue;
                };
                self.queried_table(at, &table, &text, &select);
            }
        }
    }

    fn is_parameter(&self, at: At) -> bool {
        let ExprKind::Name(name) = self.code.kind(at) else {
            return false;
        };
        let facts = self.code.facts(at.file);
        let around = facts.scope(facts.owner(at.scope));
        around.params.iter().any(|param| param.name == *name)
    }

    fn queried_table(&mut self, at: At, table: &SmolStr, text: &str, select: &Select) {
        let made = sql_aggregates(text);
        // One figure of a table is no table.
        let figure = select.projection.iter().all(|item| {
            matches!(
                item,
                SelectItem::UnnamedExpr(Expr::Function(_))
                    | SelectItem::ExprWithAlias {
                        expr: Expr::Function(_),
                        ..
                    }
            )
        });
        if figure && made.is_empty() {
            return;
        }
        let mut columns = sources(text);
        columns.dedup();
        let keys = vec![
            key("table", Value::from(table.as_str())),
            key("columns", (!columns.is_empty()).then(|| texts(&columns))),
        ];
        self.note(Operation::of(at, self.code, "read", keys));
        let mut reads = self.found.iter().filter(|found| found.kind == "read");
        let first = reads.next().is_none_or(|first| {
            let read = first.keys.first().and_then(|key| key.value.as_ref());
            read.and_then(Value::as_str) == Some(table.as_str())
        });
        // Parameters say which rows a request asks for, not which are good.
        if let Some(rules) = select.selection.as_ref()
            && first
            && !is_bound(rules)
        {
            let rules = condition(rules).map(|text| {
                let mut rules = Map::new();
                rules.insert("selected".to_owned(), Value::from(text));
                Value::Object(rules)
            });
            let keys = vec![key("keep", rules)];
            self.note(Operation::of(at, self.code, "filter", keys));
        }
        let mut columns = Map::new();
        let mut by = Vec::new();
        for (name, form) in &made {
            let Some((function, rest)) = form.split_once('(') else {
                continue;
            };
            let Some((of, keys)) = rest.split_once(") by ") else {
                continue;
            };
            let of = of.rsplit('.').next().unwrap_or(of);
            by = keys.split(", ").map(SmolStr::from).collect();
            columns.insert(name.to_string(), serde_json::json!([of, function]));
        }
        let grouped = !columns.is_empty();
        if grouped {
            self.aggregate(at, table, Some(texts(&by)), Some(Value::Object(columns)));
        }
        let renamed = renamed(select);
        if !renamed.is_empty() {
            let table = (!first || grouped).then(|| key("table", Value::from(table.as_str())));
            let mut keys: Vec<Key> = table.into_iter().collect();
            keys.push(key("columns", Value::Object(renamed)));
            self.note(Operation::of(at, self.code, "rename", keys));
        }
    }

    /// The table whose rows, or groups of rows, a frame holds.
    pub(super) fn table_of(&self, at: At, env: &Env, depth: u32) -> Option<SmolStr> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.code.kind(at) {
            ExprKind::Name(name) => match env.get(name) {
                Some(Bound::Expr(at, env)) => self.table_of(*at, &env.clone(), depth + 1),
                Some(Bound::Text(_)) => None,
                None => {
                    let values = self.forms.values_of(at, name).into_iter();
                    values
                        .filter_map(|value| self.table_of(value, env, depth + 1))
                        .next()
                }
            },
            ExprKind::Item { base, .. } => self.table_of(at.part(*base), env, depth + 1),
            ExprKind::Call { callee, args } => {
                for arg in args {
                    for text in self.code.ctx.call_graph.texts(at.file, arg.value) {
                        if let Some(table) = only_table(&text) {
                            return Some(table);
                        }
                    }
                }
                let callee = at.part(*callee);
                if let Some((func, env)) = self.forms.callee_of(at, callee, args, env) {
                    let values = self.code.returns(func).into_iter();
                    return values
                        .filter_map(|value| self.table_of(value, &env, depth + 1))
                        .next();
                }
                match self.code.kind(callee) {
                    ExprKind::Attr { base, .. } if self.code.external(callee).is_none() => {
                        self.table_of(at.part(*base), env, depth + 1)
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// Columns that come out under another name.
fn renamed(select: &Select) -> Map<String, Value> {
    let mut columns = Map::new();
    for item in &select.projection {
        let SelectItem::ExprWithAlias { expr, alias } = item else {
            continue;
        };
        let name = match expr {
            Expr::Identifier(name) => Some(name),
            Expr::CompoundIdentifier(parts) => parts.last(),
            _ => None,
        };
        if let Some(name) = name.filter(|name| name.value != alias.value) {
            columns.insert(name.value.clone(), Value::from(alias.value.as_str()));
        }
    }
    columns
}
