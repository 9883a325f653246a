//! Frames grouped and aggregated, and the table each was read from.

use smol_str::{SmolStr, format_smolstr};

use super::sql::only_table;
use super::{Forms, MAX_DEPTH, Made};
use crate::cut::contract::code::{At, each_stmt};
use crate::syntax::facts::{Arg, ExprKind, StmtKind};

impl Forms<'_, '_> {
    /// `frame.groupby(key).agg(name=(column, function))`
    pub(in crate::cut::contract) fn aggregates(
        &self,
        callee: At,
        args: &[Arg],
        made: &mut Vec<Made>,
    ) {
        let ExprKind::Attr { base, .. } = self.code.kind(callee) else {
            return;
        };
        let Some((keys, source)) = self.group(callee.part(*base), 0) else {
            return;
        };
        let mut add = |name: SmolStr, column: &str, function: &str, line: u32| {
            let form = format_smolstr!("{function}({source}{column}) by {keys}");
            made.push(Made {
                name,
                form,
                file: callee.file,
                line,
            });
        };
        for arg in args {
            let at = callee.part(arg.value);
            match (self.code.kind(at), &arg.name) {
                (ExprKind::Tuple(parts), Some(name)) => {
                    if let [column, function] = parts.as_ref()
                        && let (ExprKind::Str(column), ExprKind::Str(function)) = (
                            self.code.kind(at.part(*column)),
                            self.code.kind(at.part(*function)),
                        )
                    {
                        add(name.clone(), column, function, self.code.line(at));
                    }
                }
                (ExprKind::Dict(entries), _) => {
                    for (key, value) in entries {
                        let Some(key) = *key else { continue };
                        let columns = self.code.texts(at.part(key));
                        for function in self.code.texts(at.part(*value)) {
                            for column in &columns {
                                add(
                                    column.text.clone(),
                                    &column.text,
                                    &function.text,
                                    function.line,
                                );
                            }
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// The keys of a grouping and the table it comes from, as `calls.`.
    pub(in crate::cut::contract) fn group(&self, at: At, depth: u32) -> Option<(String, String)> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.code.kind(at) {
            ExprKind::Call { callee, args } => {
                let ExprKind::Attr { base, name } = self.code.kind(at.part(*callee)) else {
                    return None;
                };
                let base = at.part(*base);
                if name != "groupby" {
                    return self.group(base, depth + 1);
                }
                let by = self.code.arg(args, "by", Some(0))?;
                let keys = self.code.texts(at.part(by));
                let keys: Vec<&str> = keys.iter().map(|key| key.text.as_str()).collect();
                let table = self
                    .table(base, depth + 1)
                    .map_or(String::new(), |table| format!("{table}."));
                Some((keys.join(", "), table))
            }
            ExprKind::Item { base, .. } => self.group(at.part(*base), depth + 1),
            ExprKind::Name(_) => self.group(self.last_value(at)?, depth + 1),
            _ => None,
        }
    }

    /// The table whose rows a frame holds.
    pub(in crate::cut::contract) fn table(&self, at: At, depth: u32) -> Option<SmolStr> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.code.kind(at) {
            ExprKind::Name(name) => {
                let values = self.values_of(at, name);
                values
                    .into_iter()
                    .find_map(|value| self.table(value, depth + 1))
            }
            ExprKind::Item { base, .. } => self.table(at.part(*base), depth + 1),
            ExprKind::Call { callee, args } => {
                for arg in args {
                    for text in self.code.ctx.call_graph.texts(at.file, arg.value) {
                        if let Some(table) = only_table(&text) {
                            return Some(table);
                        }
                    }
                }
                match self.code.kind(at.part(*callee)) {
                    ExprKind::Attr { base, .. } => self.table(at.part(*base), depth + 1),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// What `name` is assigned in the function around `at`, first first.
    pub(in crate::cut::contract) fn values_of(&self, at: At, name: &str) -> Vec<At> {
        let facts = self.code.facts(at.file);
        let scope = facts.owner(at.scope);
        let mut found = Vec::new();
        each_stmt(&facts.scope(scope).body, &mut |stmt| {
            if let StmtKind::Assign { targets, value, .. } = &stmt.kind {
                for target in targets {
                    if matches!(&facts.expr(*target).kind, ExprKind::Name(target) if target == name)
                        && *value != at.expr
                    {
                        found.push(At {
                            file: at.file,
                            scope,
                            expr: *value,
                        });
                    }
                }
            }
        });
        found
    }

    /// The value assigned last before `at`, or the constant.
    pub(in crate::cut::contract) fn last_value(&self, at: At) -> Option<At> {
        let ExprKind::Name(name) = self.code.kind(at) else {
            return self.code.value(at);
        };
        let line = self.code.line(at);
        let values = self.values_of(at, name);
        let before = values
            .into_iter()
            .filter(|value| self.code.line(*value) < line);
        before
            .max_by_key(|value| self.code.line(*value))
            .or_else(|| self.code.value(at))
    }
}
