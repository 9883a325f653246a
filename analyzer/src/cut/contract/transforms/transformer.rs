//! scikit-learn's column transformers: which columns each part takes.

use smol_str::{SmolStr, format_smolstr};

use super::forms::is_form;
use super::{Forms, MAX_DEPTH, Made};
use crate::cut::contract::code::{At, Text};
use crate::syntax::facts::ExprKind;

impl Forms<'_, '_> {
    /// `[("name", transformer, columns), …]`
    pub(super) fn column_transformer(&self, list: At, made: &mut Vec<Made>) {
        let list = match self.code.kind(list) {
            ExprKind::Name(_) => self.last_value(list).unwrap_or(list),
            _ => list,
        };
        let ExprKind::List(entries) = self.code.kind(list) else {
            return;
        };
        for entry in entries {
            let entry = list.part(*entry);
            let ExprKind::Tuple(parts) = self.code.kind(entry) else {
                continue;
            };
            let (transformer, columns) = match parts.as_ref() {
                [_, transformer, columns] => (*transformer, *columns),
                [transformer, columns] => (*transformer, *columns),
                _ => continue,
            };
            for Text { text, .. } in self.code.texts(entry.part(columns)) {
                if let Some(form) = self.applied(entry.part(transformer), text.clone(), 0)
                    && is_form(&form)
                {
                    made.push(Made {
                        name: text,
                        form,
                        file: entry.file,
                        line: self.code.line(entry),
                    });
                }
            }
        }
    }

    /// What a transformer object makes of a column.
    pub(super) fn applied(&self, at: At, column: SmolStr, depth: u32) -> Option<SmolStr> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.code.kind(at) {
            ExprKind::Name(_) | ExprKind::Attr { .. } => {
                self.applied(self.last_value(at)?, column, depth + 1)
            }
            ExprKind::Str(text) if text == "passthrough" => Some(column),
            ExprKind::Call { callee, args } => {
                let callee = at.part(*callee);
                let path = self.code.external(callee)?;
                let last = path.rsplit('.').next().unwrap_or(&path);
                match last {
                    "Pipeline" | "make_pipeline" => {
                        let steps: Vec<At> = if last == "Pipeline" {
                            let list = At {
                                expr: self.code.arg(args, "steps", Some(0))?,
                                ..at
                            };
                            let ExprKind::List(steps) = self.code.kind(list) else {
                                return None;
                            };
                            steps
                                .iter()
                                .filter_map(|step| match self.code.kind(at.part(*step)) {
                                    ExprKind::Tuple(parts) => {
                                        parts.get(1).map(|step| at.part(*step))
                                    }
                                    _ => None,
                                })
                                .collect()
                        } else {
                            args.iter().map(|arg| at.part(arg.value)).collect()
                        };
                        steps
                            .into_iter()
                            .try_fold(column, |column, step| self.applied(step, column, depth + 1))
                    }
                    "FunctionTransformer" => {
                        let func = At {
                            expr: self.code.arg(args, "func", Some(0))?,
                            ..at
                        };
                        let name = self.code.facts(at.file).dotted(func.expr)?;
                        let name = name.rsplit('.').next().unwrap_or(&name);
                        Some(format_smolstr!("{name}({column})"))
                    }
                    _ => {
                        let word = self.code.ctx.catalog.call(&path)?.transform.clone()?;
                        Some(format_smolstr!("{word}({column})"))
                    }
                }
            }
            _ => None,
        }
    }
}
