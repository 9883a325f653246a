//! Tables that are read: by a query, or from a file.

use serde_json::{Map, Value};
use smol_str::SmolStr;
use sqlparser::ast::{BinaryOperator, Expr, Select, SelectItem};

use super::super::code::At;
use super::super::transforms::{Env, only_table, select, sources, sql_aggregates};
use super::expression::{column, quoted};
use super::walk::Walk;
use super::{Bound, MAX_DEPTH, key, texts};
use crate::cut::Operation;
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
        if let Some(rules) = select.selection.as_ref() {
            let text = condition(rules);
            // Parameters say which rows a request asks for, not which are good.
            let shown = rules.to_string();
            let bound = text.is_none()
                && ["?", " :", "%s", "%(", "$1"]
                    .iter()
                    .any(|sign| shown.contains(sign));
            let reads = self
                .found
                .iter()
                .filter(|operation| operation.kind == "read");
            let first = reads.clone().next().is_none_or(|first| {
                first
                    .keys
                    .first()
                    .and_then(|key| key.value.as_ref())
                    .and_then(Value::as_str)
                    == Some(table.as_str())
            });
            if !bound && first {
                let rules = text.map(|text| {
                    let mut rules = Map::new();
                    rules.insert("selected".to_owned(), Value::from(text));
                    Value::Object(rules)
                });
                self.note(Operation::of(
                    at,
                    self.code,
                    "filter",
                    vec![key("keep", rules)],
                ));
            }
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
        if !columns.is_empty() {
            self.aggregate(at, table, texts(&by), Some(Value::Object(columns)));
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

/// A condition in the runtime's words.
fn condition(expr: &Expr) -> Option<String> {
    let name = |expr: &Expr| match expr {
        Expr::Identifier(name) => Some(column(&name.value)),
        Expr::CompoundIdentifier(parts) => Some(column(&parts.last()?.value)),
        _ => None,
    };
    let side = |expr: &Expr| match expr {
        Expr::Value(value) => match &value.value {
            sqlparser::ast::Value::Number(number, _) => Some(number.to_string()),
            sqlparser::ast::Value::SingleQuotedString(text) => Some(quoted(text)),
            _ => None,
        },
        other => name(other),
    };
    Some(match expr {
        Expr::IsNotNull(inner) => format!("not is_missing({})", name(inner)?),
        Expr::IsNull(inner) => format!("is_missing({})", name(inner)?),
        Expr::Nested(inner) => format!("({})", condition(inner)?),
        Expr::BinaryOp { left, op, right } => {
            let sign = match op {
                BinaryOperator::And => "and",
                BinaryOperator::Or => "or",
                BinaryOperator::Eq => "==",
                BinaryOperator::NotEq => "!=",
                BinaryOperator::Lt => "<",
                BinaryOperator::LtEq => "<=",
                BinaryOperator::Gt => ">",
                BinaryOperator::GtEq => ">=",
                _ => return None,
            };
            match op {
                BinaryOperator::And | BinaryOperator::Or => {
                    format!("{} {sign} {}", condition(left)?, condition(right)?)
                }
                _ => format!("{} {sign} {}", side(left)?, side(right)?),
            }
        }
        _ => return None,
    })
}
