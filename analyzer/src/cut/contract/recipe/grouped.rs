//! Tables that are grouped, and what is made of each group.

use serde_json::{Map, Value};
use smol_str::SmolStr;

use super::super::code::At;
use super::super::transforms::Env;
use super::called::Called;
use super::value::value;
use super::walk::Walk;
use super::{MAX_DEPTH, key, names, texts};
use crate::cut::Operation;
use crate::syntax::facts::ExprKind;

/// Functions of groups that the runtime has.
const FUNCTIONS: [&str; 10] = [
    "count", "first", "last", "max", "mean", "median", "min", "nunique", "std", "sum",
];

impl<'a> Walk<'_, 'a> {
    /// `frame.groupby("key").agg(mean=("column", "mean"))`
    pub(super) fn aggregated(&mut self, called: &Called<'a>) {
        let ExprKind::Call { callee, .. } = self.code.kind(called.at) else {
            return;
        };
        let callee = called.at.part(*callee);
        let Some(base) = called.base else { return };
        let Some((by, table)) = self.forms.group(base, 0) else {
            return;
        };
        let mut made = Vec::new();
        self.forms.aggregates(callee, called.args, &mut made);
        let mut columns = Map::new();
        for made in made {
            // `mean(calls.minutes) by customer_id`
            let Some((function, of)) = made.form.split_once('(') else {
                continue;
            };
            let of = of.split(") by ").next().unwrap_or(of);
            let of = of.strip_prefix(table.as_str()).unwrap_or(of);
            let said = serde_json::json!([of, function]);
            // Several functions of one column have names of two parts.
            let said = match columns.contains_key(made.name.as_str()) {
                true => Value::Null,
                false => said,
            };
            columns.insert(made.name.to_string(), said);
        }
        let columns = (!columns.is_empty()).then_some(Value::Object(columns));
        self.aggregate(called.at, table.trim_end_matches('.'), keys(&by), columns);
    }

    pub(super) fn aggregate(
        &mut self,
        at: At,
        table: &str,
        by: Option<Value>,
        columns: Option<Value>,
    ) {
        let mut keys = Vec::new();
        if !table.is_empty() {
            keys.push(key("table", Value::from(table)));
        }
        keys.push(key("by", by));
        keys.push(key("columns", columns));
        self.note(Operation::of(at, self.code, "aggregate", keys));
    }

    /// `frame.groupby("key")["column"].sum()`, where it goes on; true where
    /// the call is one.
    pub(super) fn grouped(&mut self, at: At, env: &Env) -> bool {
        let Some((group, index, function)) = self.function_of_groups(at) else {
            return false;
        };
        let Some((by, table)) = self.forms.group(group, 0) else {
            return false;
        };
        // What is only looked at goes nowhere.
        if !self.goes_on(at) {
            return true;
        }
        let columns = index.map(|index| names(&self.forms, index, env));
        let columns = columns.unwrap_or_default().into_iter();
        let columns: Map<String, Value> = columns
            .map(|name| {
                (
                    name.to_string(),
                    serde_json::json!([name.as_str(), function]),
                )
            })
            .collect();
        let table = table.trim_end_matches('.');
        // The rows stay what they are where the groups have another name.
        let root = self.root(group);
        let beside = self.into.is_some() && self.into != root;
        let mut given = Vec::new();
        if beside || !table.is_empty() {
            let known = (!table.is_empty()).then(|| Value::from(table));
            given.push(key("table", known));
        }
        given.push(key("by", keys(&by)));
        given.push(key(
            "columns",
            (!columns.is_empty()).then_some(Value::Object(columns)),
        ));
        self.note(Operation::of(at, self.code, "aggregate", given));
        true
    }

    /// `….sum().reset_index(name="total")`: what was made of the groups has
    /// another name; true where the call says so.
    pub(super) fn named(&mut self, at: At, name: &str, env: &Env) -> bool {
        let (ExprKind::Call { args, .. }, Some((base, _))) =
            (self.code.kind(at), self.code.method(at))
        else {
            return false;
        };
        let position = match name {
            "rename" | "to_frame" => Some(0),
            "reset_index" => None,
            _ => return false,
        };
        let given = self.code.arg(args, "name", position);
        let given = given.and_then(|expr| value(&self.forms, at.part(expr), env));
        let (Some(Value::String(given)), Some(_)) = (given, self.function_of_groups(base)) else {
            return false;
        };
        let place = (base.file, self.code.line(base));
        let made = self.found.iter_mut().rev();
        let mut made = made.filter(|made| made.kind == "aggregate");
        if let Some(made) = made.next()
            && (made.file, made.line) == place
            && let Some(columns) = made.keys.iter_mut().find(|key| key.name == "columns")
            && let Some(Value::Object(columns)) = &mut columns.value
            && columns.len() == 1
        {
            let only = std::mem::take(columns).into_iter().next();
            columns.extend(only.map(|(_, of)| (given, of)));
        }
        true
    }

    /// The grouping, the columns that are taken of it, and the function.
    fn function_of_groups(&self, at: At) -> Option<(At, Option<At>, &'a str)> {
        let (mut at, function) = self.code.method(at)?;
        if !FUNCTIONS.contains(&function) {
            return None;
        }
        let mut columns = None;
        for _ in 0..MAX_DEPTH {
            match self.code.kind(at) {
                ExprKind::Item { base, index } if columns.is_none() => {
                    columns = Some(at.part(*index));
                    at = at.part(*base);
                }
                ExprKind::Name(_) => at = self.forms.last_value(at)?,
                _ => {
                    let (_, name) = self.code.method(at)?;
                    return (name == "groupby").then_some((at, columns, function));
                }
            }
        }
        None
    }
}

/// The keys of a grouping, as far as the code says them.
fn keys(by: &str) -> Option<Value> {
    let by: Vec<SmolStr> = by.split(", ").map(SmolStr::from).collect();
    by.iter().all(|key| !key.is_empty()).then(|| texts(&by))
}
