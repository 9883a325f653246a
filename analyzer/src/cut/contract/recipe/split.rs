//! Rows that are split, and the label that is taken of them.

use serde_json::Value;
use smol_str::SmolStr;

use super::super::code::{At, each_stmt};
use super::super::transforms::{Bound, Env};
use super::called::Called;
use super::value::value;
use super::walk::Walk;
use super::{MAX_DEPTH, is_frame, key, names};
use crate::cut::Operation;
use crate::modules::FileId;
use crate::syntax::facts::{ArgKind, ExprId, ExprKind, StmtKind};

/// Rows, by where they come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Rows {
    /// What an expression gives.
    Made(FileId, ExprId),
    /// One of several names that a statement assigns.
    Unpacked(FileId, u32, SmolStr),
}

impl<'a> Walk<'_, 'a> {
    pub(super) fn split(&mut self, called: &Called<'a>) {
        let stratify = called.arg(self, "stratify", None);
        let stratify = stratify.filter(|at| !matches!(self.code.kind(*at), ExprKind::None));
        let mut keys = Vec::new();
        match stratify {
            Some(at) => {
                let column = self.label_of(at, &called.env, 0);
                keys.push(key("by", Value::from("stratified")));
                keys.push(key(
                    "column",
                    column.clone().map(|name| Value::from(name.as_str())),
                ));
                self.label(at, column);
            }
            None => {
                let by = match called.value(self, "shuffle", None) {
                    Some(Value::Bool(false)) => "time",
                    _ => "random",
                };
                keys.push(key("by", Value::from(by)));
            }
        }
        if let Some(labels) = called.args.get(1).filter(|arg| arg.name.is_none()) {
            let labels = called.at.part(labels.value);
            let column = self.label_of(labels, &called.env, 0);
            self.label(labels, column);
        }
        let test = called.arg(self, "test_size", None);
        keys.push(match test {
            Some(at) => key(
                "test",
                value(&self.forms, at, &called.env).filter(Value::is_number),
            ),
            // `**settings` may say it.
            None if called
                .args
                .iter()
                .any(|arg| arg.kind == ArgKind::SpreadNamed) =>
            {
                key("test", None)
            }
            None => match called.arg(self, "train_size", None) {
                Some(at) => {
                    let train =
                        value(&self.forms, at, &called.env).and_then(|train| train.as_f64());
                    let test = train.filter(|train| (0.0..1.0).contains(train));
                    key(
                        "test",
                        test.map(|train| Value::from(((1.0 - train) * 1e9).round() / 1e9)),
                    )
                }
                None => key("test", Value::from(0.25)),
            },
        });
        if let Some(seed) = called
            .value(self, "random_state", None)
            .filter(Value::is_number)
        {
            keys.push(key("seed", seed));
        }
        // What is split again is what was split.
        let rows = called
            .args
            .first()
            .filter(|arg| arg.kind == ArgKind::Positional);
        let rows = rows.map(|rows| self.rows_of(called.at.part(rows.value), &called.env, 0));
        if self.is_apart() || rows.is_some_and(|rows| !self.known.split.insert(rows)) {
            return;
        }
        self.note(Operation::of(called.at, self.code, "split", keys));
    }

    /// Which rows a table or a column of it has.
    fn rows_of(&self, at: At, env: &Env, depth: u32) -> Rows {
        let other = Rows::Made(at.file, at.expr);
        if depth > MAX_DEPTH {
            return other;
        }
        match self.code.kind(at) {
            ExprKind::Name(name) => match env.get(name) {
                Some(Bound::Expr(at, env)) => self.rows_of(*at, &env.clone(), depth + 1),
                Some(Bound::Text(_)) => other,
                None => {
                    let value = self.forms.last_value(at);
                    let line = value.map_or(0, |value| self.code.line(value));
                    match (self.unpacked(at, name), value) {
                        (Some(unpacked), _) if unpacked > line => {
                            Rows::Unpacked(at.file, unpacked, name.clone())
                        }
                        (_, Some(value)) => self.rows_of(value, env, depth + 1),
                        _ => other,
                    }
                }
            },
            ExprKind::Item { base, index } => {
                match names(&self.forms, at.part(*index), env).is_empty() {
                    true => other,
                    false => self.rows_of(at.part(*base), env, depth + 1),
                }
            }
            ExprKind::Attr { base, .. } => self.rows_of(at.part(*base), env, depth + 1),
            ExprKind::Call { .. } => match self.code.method(at) {
                Some((base, name)) if keeps_rows(name) => self.rows_of(base, env, depth + 1),
                _ => other,
            },
            _ => other,
        }
    }

    /// The line above `at` where `name` was last one of several that were
    /// assigned together.
    fn unpacked(&self, at: At, name: &str) -> Option<u32> {
        let facts = self.code.facts(at.file);
        let line = self.code.line(at);
        let mut last = None;
        each_stmt(&facts.scope(facts.owner(at.scope)).body, &mut |stmt| {
            let StmtKind::Assign { targets, .. } = &stmt.kind else {
                return;
            };
            let holds =
                targets.iter().any(|target| {
                    match &facts.expr(*target).kind {
                ExprKind::Tuple(parts) | ExprKind::List(parts) => parts.iter().any(
                    |part| matches!(&facts.expr(*part).kind, ExprKind::Name(part) if part == name),
                ),
                _ => false,
            }
                });
            if holds && stmt.line < line {
                last = last.max(Some(stmt.line));
            }
        });
        last
    }

    /// The only column that a series is.
    pub(super) fn label_of(&self, at: At, env: &Env, depth: u32) -> Option<SmolStr> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.code.kind(at) {
            ExprKind::Item { .. } => match self.columns_of(at, env).as_slice() {
                [only] => Some(only.clone()),
                _ => None,
            },
            ExprKind::Name(name) => match env.get(name) {
                Some(Bound::Expr(at, env)) => self.label_of(*at, &env.clone(), depth + 1),
                Some(Bound::Text(_)) => None,
                None => self.label_of(self.forms.last_value(at)?, env, depth + 1),
            },
            ExprKind::Call { callee, args } => {
                let callee = at.part(*callee);
                match self.code.kind(callee) {
                    ExprKind::Attr { name, .. } if name == "pop" => {
                        let arg = at.part(args.first()?.value);
                        match names(&self.forms, arg, env).as_slice() {
                            [only] => Some(only.clone()),
                            _ => None,
                        }
                    }
                    ExprKind::Attr { base, .. } => self.label_of(at.part(*base), env, depth + 1),
                    _ => None,
                }
            }
            ExprKind::Attr { name, base } => match name.as_str() {
                "values" => self.label_of(at.part(*base), env, depth + 1),
                name => is_frame(self.code, at.part(*base)).then(|| name.into()),
            },
            _ => None,
        }
    }

    /// What is to be predicted.
    pub(super) fn label(&mut self, at: At, column: Option<SmolStr>) {
        if let Some(column) = column {
            let keys = vec![key("column", Value::from(column.as_str()))];
            self.note(Operation::of(at, self.code, "label", keys));
        }
    }
}

/// Methods whose answer has the same rows.
fn keeps_rows(name: &str) -> bool {
    matches!(
        name,
        "assign"
            | "astype"
            | "copy"
            | "drop"
            | "fillna"
            | "pop"
            | "ravel"
            | "rename"
            | "reset_index"
            | "to_numpy"
    )
}
