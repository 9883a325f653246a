//! Transformations of columns in short forms, by the function that does them.
//!
//! `frame["x"] = frame["a"] / frame["b"]` makes `x` as `ratio(a, b)`. Small
//! functions of the tree are entered with their arguments, also behind
//! `functools.partial`; names are followed to what they were assigned. A guard
//! against division by zero (`np.maximum(below, 1)`, `below + 1e-9`) is not
//! part of a ratio's form. What has no short form is not claimed.

mod forms;
mod frames;
mod sql;
mod transformer;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use smol_str::{SmolStr, format_smolstr};

use forms::is_form;
pub(super) use sql::{only_table, select, selected, sources, sql_aggregates};

use super::super::{ContractEntry, CutLine, EntryKind};
use super::Reach;
use super::code::{At, Code, Text, each_stmt};
use super::types::Types;
use crate::graph::FuncId;
use crate::graph::data::Via;
use crate::modules::FileId;
use crate::stages::Stage;
use crate::syntax::facts::{ArgKind, ExprKind, StmtKind};

const MAX_DEPTH: u32 = 12;

/// One transformation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Made {
    pub(super) name: SmolStr,
    pub(super) form: SmolStr,
    pub(super) file: FileId,
    pub(super) line: u32,
}

/// The transformations of the tree.
pub(super) struct Transforms {
    by: BTreeMap<FuncId, Vec<Made>>,
}

/// What parameters and loop variables stand for. It is shared: each argument
/// of a call holds that of its place, in turn down the whole chain of calls.
#[derive(Clone, Debug, Default)]
pub(super) struct Env(Arc<FxHashMap<SmolStr, Bound>>);

impl Env {
    pub(super) fn insert(&mut self, name: SmolStr, bound: Bound) {
        Arc::make_mut(&mut self.0).insert(name, bound);
    }
}

impl Deref for Env {
    type Target = FxHashMap<SmolStr, Bound>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

#[derive(Clone, Debug)]
pub(super) enum Bound {
    /// A text, such as a column's name.
    Text(SmolStr),
    /// An expression in its own environment.
    Expr(At, Env),
}

impl Transforms {
    pub(super) fn new(code: &Code<'_>, _: &Types) -> Transforms {
        let mut by = BTreeMap::new();
        for func in code.ctx.program.func_ids() {
            let mut made = Vec::new();
            let forms = Forms { code };
            let (file, scope) = code.scope_of(func);
            each_stmt(&code.facts(file).scope(scope).body, &mut |stmt| {
                if let StmtKind::Assign { targets, value, .. } = &stmt.kind {
                    for target in targets {
                        let target = At {
                            file,
                            scope,
                            expr: *target,
                        };
                        forms.assigned(target, target.part(*value), stmt.line, &mut made);
                    }
                }
            });
            code.each_expr(func, &mut |at| forms.called(at, &mut made));
            made.sort();
            made.dedup();
            if !made.is_empty() {
                by.insert(func, made);
            }
        }
        Transforms { by }
    }

    /// What `func` makes.
    pub(super) fn of(&self, func: FuncId) -> &[Made] {
        self.by.get(&func).map_or(&[], Vec::as_slice)
    }

    /// Transformations on the side of preprocessing, or of the producer, that
    /// stand behind a line's data.
    pub(super) fn entries(
        &self,
        _: &Code<'_>,
        reach: &Reach<'_>,
        line: &CutLine,
        out: &mut Vec<ContractEntry>,
    ) {
        let mut makers = BTreeSet::new();
        for crossing in &line.crossings {
            match crossing.via {
                None => {}
                // Arguments go to a library or service of features, whose
                // transformations the caller relies on.
                Some(Via::Argument) if line.to == Stage::Preprocessing => {}
                Some(_) => {
                    makers.insert(crossing.from);
                }
            }
        }
        let funcs = reach.upstream(makers, line.from);
        for made in funcs.into_iter().flat_map(|func| self.of(func)) {
            out.push(ContractEntry {
                kind: EntryKind::Transform,
                name: made.name.clone(),
                value: Some(made.form.clone()),
                optional: false,
                made: None,
                file: made.file,
                line: made.line,
            });
        }
    }
}

pub(super) struct Forms<'c, 'a> {
    pub(super) code: &'c Code<'a>,
}

impl Forms<'_, '_> {
    /// `frame["x"] = …`, with one entry per name where the name is a
    /// variable or a list.
    fn assigned(&self, target: At, value: At, line: u32, made: &mut Vec<Made>) {
        let ExprKind::Item { index, .. } = self.code.kind(target) else {
            return;
        };
        let index = target.part(*index);
        let variable = match self.code.kind(index) {
            ExprKind::Name(name) => Some(name.clone()),
            ExprKind::Str(_) | ExprKind::Attr { .. } | ExprKind::List(_) => None,
            _ => return,
        };
        for Text { text, .. } in self.code.texts(index) {
            let mut env = Env::default();
            if let Some(variable) = &variable {
                env.insert(variable.clone(), Bound::Text(text.clone()));
            }
            if let Some(form) = self.form(value, &env, 0).filter(|form| is_form(form)) {
                made.push(Made {
                    name: text,
                    form,
                    file: target.file,
                    line,
                });
            }
        }
    }

    /// Calls that make columns by themselves.
    fn called(&self, at: At, made: &mut Vec<Made>) {
        let ExprKind::Call { callee, args } = self.code.kind(at) else {
            return;
        };
        let line = self.code.line(at);
        let file = at.file;
        let callee = at.part(*callee);
        let paths = self.code.library_paths(at);
        let last = match self.code.kind(callee) {
            ExprKind::Attr { name, .. } | ExprKind::Name(name) => name.clone(),
            _ => return,
        };
        let is_frame = |path: &SmolStr| {
            path.starts_with("pandas.")
                || path.starts_with("polars.")
                || path.starts_with("pyspark.")
        };
        match last.as_str() {
            "get_dummies" => {
                if let Some(columns) = self.code.arg(args, "columns", None) {
                    for Text { text, .. } in self.code.texts(at.part(columns)) {
                        made.push(Made {
                            form: format_smolstr!("one-hot({text})"),
                            name: text,
                            file,
                            line,
                        });
                    }
                }
            }
            "agg" | "aggregate" => self.aggregates(callee, args, made),
            "assign" if paths.iter().any(is_frame) => {
                for arg in args.iter().filter(|arg| arg.kind == ArgKind::Named) {
                    let value = self
                        .lambda_body(at.part(arg.value))
                        .unwrap_or(at.part(arg.value));
                    if let (Some(name), Some(form)) =
                        (&arg.name, self.form(value, &Env::default(), 0))
                        && is_form(&form)
                    {
                        made.push(Made {
                            name: name.clone(),
                            form,
                            file,
                            line: self.code.line(value),
                        });
                    }
                }
            }
            "fillna" => {
                let Some(value) = args.first() else { return };
                if let ExprKind::Dict(entries) = self.code.kind(at.part(value.value)) {
                    for key in entries.iter().filter_map(|(key, _)| *key) {
                        for Text { text, file, line } in self.code.texts(at.part(key)) {
                            made.push(Made {
                                form: format_smolstr!("fill({text})"),
                                name: text,
                                file,
                                line,
                            });
                        }
                    }
                }
            }
            "ColumnTransformer" | "make_column_transformer" => {
                if let Some(list) = self.code.arg(args, "transformers", Some(0)) {
                    self.column_transformer(at.part(list), made);
                }
            }
            _ => {}
        }
        for arg in args {
            for text in self.code.ctx.call_graph.texts(file, arg.value) {
                for (name, form) in sql_aggregates(&text) {
                    let line = self.code.facts(file).expr(arg.value).line;
                    made.push(Made {
                        name,
                        form,
                        file,
                        line,
                    });
                }
            }
        }
    }

    pub(super) fn lambda_body(&self, at: At) -> Option<At> {
        let ExprKind::Lambda(scope) = self.code.kind(at) else {
            return None;
        };
        self.code.returns_of(at.file, *scope).pop()
    }
}
