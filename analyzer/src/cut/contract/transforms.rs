//! Transformations of columns in short forms, by the function that does them.
//!
//! `frame["x"] = frame["a"] / frame["b"]` makes `x` as `ratio(a, b)`. Small
//! functions of the tree are entered with their arguments, also behind
//! `functools.partial`; names are followed to what they were assigned. A guard
//! against division by zero (`np.maximum(below, 1)`, `below + 1e-9`) is not
//! part of a ratio's form. What has no short form is not claimed.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;
use smol_str::{SmolStr, format_smolstr};
use sqlparser::ast::{
    Expr as SqlExpr, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, SelectItem,
    SetExpr, Statement, TableFactor,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use super::super::{ContractEntry, CutLine, EntryKind};
use super::Reach;
use super::code::{At, Code, Text, each_stmt};
use super::types::Types;
use crate::graph::data::Via;
use crate::graph::{FuncId, Held};
use crate::modules::FileId;
use crate::stages::Stage;
use crate::syntax::facts::{Arg, ArgKind, BinaryOp, ExprId, ExprKind, StmtKind, UnaryOp};

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

/// What parameters and loop variables stand for.
type Env = FxHashMap<SmolStr, Bound>;

#[derive(Clone, Debug)]
enum Bound {
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
                        forms.assigned(
                            target,
                            At {
                                expr: *value,
                                ..target
                            },
                            stmt.line,
                            &mut made,
                        );
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
                file: made.file,
                line: made.line,
            });
        }
    }
}

struct Forms<'c, 'a> {
    code: &'c Code<'a>,
}

impl Forms<'_, '_> {
    /// `frame["x"] = …`, with one entry per name where the name is a
    /// variable or a list.
    fn assigned(&self, target: At, value: At, line: u32, made: &mut Vec<Made>) {
        let ExprKind::Item { index, .. } = self.code.kind(target) else {
            return;
        };
        let index = At {
            expr: *index,
            ..target
        };
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
        let callee = At {
            expr: *callee,
            ..at
        };
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
                    for Text { text, .. } in self.code.texts(At {
                        expr: columns,
                        ..at
                    }) {
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
                        .lambda_body(At {
                            expr: arg.value,
                            ..at
                        })
                        .unwrap_or(At {
                            expr: arg.value,
                            ..at
                        });
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
                if let ExprKind::Dict(entries) = self.code.kind(At {
                    expr: value.value,
                    ..at
                }) {
                    for key in entries.iter().filter_map(|(key, _)| *key) {
                        for Text { text, file, line } in self.code.texts(At { expr: key, ..at }) {
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
                    self.column_transformer(At { expr: list, ..at }, made);
                }
            }
            _ => {}
        }
        for arg in args {
            for text in self.code.ctx.call_graph.texts(file, arg.value) {
                let looks = text.len() > 12
                    && text
                        .get(..6)
                        .is_some_and(|start| start.eq_ignore_ascii_case("select"));
                if looks {
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
    }

    fn lambda_body(&self, at: At) -> Option<At> {
        let ExprKind::Lambda(scope) = self.code.kind(at) else {
            return None;
        };
        let mut body = None;
        each_stmt(&self.code.facts(at.file).scope(*scope).body, &mut |stmt| {
            if let StmtKind::Return(Some(expr)) = &stmt.kind {
                body = Some(At {
                    file: at.file,
                    scope: *scope,
                    expr: *expr,
                });
            }
        });
        body
    }

    /// `frame.groupby(key).agg(name=(column, function))`
    fn aggregates(&self, callee: At, args: &[Arg], made: &mut Vec<Made>) {
        let ExprKind::Attr { base, .. } = self.code.kind(callee) else {
            return;
        };
        let Some((keys, source)) = self.group(
            At {
                expr: *base,
                ..callee
            },
            0,
        ) else {
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
            let at = At {
                expr: arg.value,
                ..callee
            };
            match (self.code.kind(at), &arg.name) {
                (ExprKind::Tuple(parts), Some(name)) => {
                    if let [column, function] = parts.as_ref()
                        && let (ExprKind::Str(column), ExprKind::Str(function)) = (
                            self.code.kind(At {
                                expr: *column,
                                ..at
                            }),
                            self.code.kind(At {
                                expr: *function,
                                ..at
                            }),
                        )
                    {
                        add(name.clone(), column, function, self.code.line(at));
                    }
                }
                (ExprKind::Dict(entries), _) => {
                    for (key, value) in entries {
                        let Some(key) = *key else { continue };
                        let columns = self.code.texts(At { expr: key, ..at });
                        for function in self.code.texts(At { expr: *value, ..at }) {
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
    fn group(&self, at: At, depth: u32) -> Option<(String, String)> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.code.kind(at) {
            ExprKind::Call { callee, args } => {
                let ExprKind::Attr { base, name } = self.code.kind(At {
                    expr: *callee,
                    ..at
                }) else {
                    return None;
                };
                let base = At { expr: *base, ..at };
                if name != "groupby" {
                    return self.group(base, depth + 1);
                }
                let by = self.code.arg(args, "by", Some(0))?;
                let keys = self.code.texts(At { expr: by, ..at });
                let keys: Vec<&str> = keys.iter().map(|key| key.text.as_str()).collect();
                let table = self
                    .table(base, depth + 1)
                    .map_or(String::new(), |table| format!("{table}."));
                Some((keys.join(", "), table))
            }
            ExprKind::Item { base, .. } => self.group(At { expr: *base, ..at }, depth + 1),
            ExprKind::Name(_) => self.group(self.last_value(at)?, depth + 1),
            _ => None,
        }
    }

    /// The table whose rows a frame holds.
    fn table(&self, at: At, depth: u32) -> Option<SmolStr> {
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
            ExprKind::Item { base, .. } => self.table(At { expr: *base, ..at }, depth + 1),
            ExprKind::Call { callee, args } => {
                for arg in args {
                    for text in self.code.ctx.call_graph.texts(at.file, arg.value) {
                        if let Some(table) = only_table(&text) {
                            return Some(table);
                        }
                    }
                }
                match self.code.kind(At {
                    expr: *callee,
                    ..at
                }) {
                    ExprKind::Attr { base, .. } => self.table(At { expr: *base, ..at }, depth + 1),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// What `name` is assigned in the function around `at`, first first.
    fn values_of(&self, at: At, name: &str) -> Vec<At> {
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
    fn last_value(&self, at: At) -> Option<At> {
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

    /// The short form of a value; a column's name for the column itself.
    fn form(&self, at: At, env: &Env, depth: u32) -> Option<SmolStr> {
        if depth > MAX_DEPTH {
            return None;
        }
        let sub = |expr: ExprId| self.form(At { expr, ..at }, env, depth + 1);
        match self.code.kind(at) {
            ExprKind::Item { base: _, index } => {
                let index = At { expr: *index, ..at };
                if let ExprKind::Name(name) = self.code.kind(index)
                    && let Some(bound) = env.get(name)
                {
                    return self.bound_text(bound, 0);
                }
                match self.code.kind(index) {
                    ExprKind::Str(name) => Some(name.clone()),
                    ExprKind::Name(_) | ExprKind::Attr { .. } => {
                        match self.code.texts(index).as_slice() {
                            [only] => Some(only.text.clone()),
                            _ => None,
                        }
                    }
                    _ => None,
                }
            }
            ExprKind::Name(name) => match env.get(name) {
                Some(Bound::Text(text)) => Some(text.clone()),
                Some(Bound::Expr(at, env)) => self.form(*at, &env.clone(), depth + 1),
                None => {
                    let value = self.last_value(at)?;
                    self.form(value, env, depth + 1)
                }
            },
            ExprKind::Number(text) => Some(text.clone()),
            ExprKind::Unary {
                op: UnaryOp::Neg,
                operand,
            } => Some(format_smolstr!("-{}", sub(*operand)?)),
            ExprKind::Binary { op, left, right } => {
                let word = match op {
                    BinaryOp::Div => "ratio",
                    BinaryOp::Sub => "difference",
                    BinaryOp::Mul => "product",
                    BinaryOp::Add => "sum",
                    _ => return None,
                };
                let above = sub(*left)?;
                let below = match op {
                    BinaryOp::Div => self.unguarded(At { expr: *right, ..at }, env, depth + 1)?,
                    _ => sub(*right)?,
                };
                Some(format_smolstr!("{word}({above}, {below})"))
            }
            ExprKind::Call { callee, args } => self.call_form(
                at,
                At {
                    expr: *callee,
                    ..at
                },
                args,
                env,
                depth,
            ),
            _ => None,
        }
    }

    fn bound_text(&self, bound: &Bound, depth: u32) -> Option<SmolStr> {
        match bound {
            Bound::Text(text) => Some(text.clone()),
            Bound::Expr(..) if depth > MAX_DEPTH => None,
            Bound::Expr(at, env) => match self.code.kind(*at) {
                ExprKind::Name(name) if env.contains_key(name) => {
                    self.bound_text(&env[name], depth + 1)
                }
                _ => match self.code.texts(*at).as_slice() {
                    [only] => Some(only.text.clone()),
                    _ => None,
                },
            },
        }
    }

    /// A divisor without what keeps it from zero.
    fn unguarded(&self, at: At, env: &Env, depth: u32) -> Option<SmolStr> {
        let sub = |expr: ExprId| At { expr, ..at };
        let is_plain = |expr: ExprId| match self.code.kind(sub(expr)) {
            ExprKind::Number(_) => true,
            ExprKind::Name(name) => {
                matches!(env.get(name), Some(Bound::Expr(at, _)) if matches!(self.code.kind(*at), ExprKind::Number(_)))
                    || self.code.literal(sub(expr)).is_some()
            }
            ExprKind::Attr { .. } => self.code.literal(sub(expr)).is_some(),
            _ => false,
        };
        match self.code.kind(at) {
            ExprKind::Call { callee, args } => {
                let ExprKind::Attr { base, name } = self.code.kind(sub(*callee)) else {
                    return self.form(at, env, depth);
                };
                match (name.as_str(), args.as_ref()) {
                    ("maximum", [first, second])
                        if self.is_parameter_or(second.value, at, env, &is_plain) =>
                    {
                        self.form(sub(first.value), env, depth)
                    }
                    ("replace" | "clip", _) => self.form(sub(*base), env, depth),
                    _ => self.form(at, env, depth),
                }
            }
            ExprKind::Binary {
                op: BinaryOp::Add,
                left,
                right,
            } if is_plain(*right) => self.form(sub(*left), env, depth),
            _ => self.form(at, env, depth),
        }
    }

    /// A number, or a parameter that is one unless the caller says another.
    fn is_parameter_or(
        &self,
        expr: ExprId,
        at: At,
        env: &Env,
        is_plain: &dyn Fn(ExprId) -> bool,
    ) -> bool {
        is_plain(expr)
            || matches!(self.code.kind(At { expr, ..at }), ExprKind::Name(name) if !env.contains_key(name))
    }

    fn call_form(
        &self,
        at: At,
        callee: At,
        args: &[Arg],
        env: &Env,
        depth: u32,
    ) -> Option<SmolStr> {
        if let Some((func, bound)) = self.callee_of(at, callee, args, env) {
            return self.returned(func, &bound, depth + 1);
        }
        let (base, name) = match self.code.kind(callee) {
            ExprKind::Attr { base, name } => (Some(At { expr: *base, ..at }), name.clone()),
            ExprKind::Name(name) => (None, name.clone()),
            _ => return None,
        };
        let external = self.code.external(callee);
        let word = |path: &str| {
            let entry = self.code.ctx.catalog.call(path)?;
            entry.transform.clone()
        };
        let paths = self.code.library_paths(at);
        let mut words: Vec<SmolStr> = paths
            .iter()
            .chain(&external)
            .filter_map(|path| word(path))
            .collect();
        words.dedup();
        let on_module = external.is_some();
        let subject = || -> Option<SmolStr> {
            match base {
                Some(base) if !on_module => self.form(base, env, depth + 1),
                _ => self.form(
                    At {
                        expr: args.first()?.value,
                        ..at
                    },
                    env,
                    depth + 1,
                ),
            }
        };
        let word = words.first().cloned().or_else(|| by_method(&name));
        match word.as_deref() {
            // Types say what a cast does.
            Some("cast") => subject(),
            Some("log") => Some(format_smolstr!("{name}({})", subject()?)),
            Some("date-parts") if name == "to_datetime" => subject(),
            Some("aggregate" | "join") => None,
            Some(word) => Some(format_smolstr!("{word}({})", subject()?)),
            None if matches!(
                name.as_str(),
                "copy" | "round" | "pop" | "Series" | "asarray" | "reset_index"
            ) =>
            {
                if name == "pop" {
                    return match self
                        .code
                        .texts(At {
                            expr: args.first()?.value,
                            ..at
                        })
                        .as_slice()
                    {
                        [only] => Some(only.text.clone()),
                        _ => None,
                    };
                }
                subject()
            }
            None if matches!(
                name.as_str(),
                "sqrt" | "exp" | "square" | "abs" | "sin" | "cos" | "tanh"
            ) =>
            {
                Some(format_smolstr!("{name}({})", subject()?))
            }
            None if matches!(
                name.as_str(),
                "div" | "divide" | "sub" | "subtract" | "mul" | "multiply"
            ) =>
            {
                let word = match name.as_str() {
                    "div" | "divide" => "ratio",
                    "sub" | "subtract" => "difference",
                    _ => "product",
                };
                let parts: Vec<ExprId> = match base {
                    Some(base) if !on_module => std::iter::once(base.expr)
                        .chain(args.iter().map(|arg| arg.value))
                        .collect(),
                    _ => args.iter().map(|arg| arg.value).collect(),
                };
                let [a, b] = parts.get(..2)? else { return None };
                let (a, b) = (
                    self.form(At { expr: *a, ..at }, env, depth + 1)?,
                    self.form(At { expr: *b, ..at }, env, depth + 1)?,
                );
                Some(format_smolstr!("{word}({a}, {b})"))
            }
            None => None,
        }
    }

    /// The function of the tree that a call runs, with its parameters bound;
    /// `functools.partial` adds the arguments it holds.
    fn callee_of(&self, at: At, callee: At, args: &[Arg], env: &Env) -> Option<(FuncId, Env)> {
        let held = self.code.ctx.call_graph.held(callee.file, callee.expr);
        let mut funcs: Vec<FuncId> = held
            .iter()
            .filter_map(|held| match held {
                Held::Function(func) => Some(*func),
                _ => None,
            })
            .collect();
        let mut given: Vec<(At, &[Arg], Env)> = vec![(at, args, env.clone())];
        if let Some(place) = self.code.value(callee)
            && let ExprKind::Call {
                callee: inner,
                args: held_args,
            } = self.code.kind(place)
            && self
                .code
                .facts(place.file)
                .dotted(*inner)
                .is_some_and(|path| path.ends_with("partial"))
            && let Some((first, rest)) = held_args.split_first()
        {
            let held = self.code.ctx.call_graph.held(place.file, first.value);
            funcs = held
                .iter()
                .filter_map(|held| match held {
                    Held::Function(func) => Some(*func),
                    _ => None,
                })
                .collect();
            given.insert(0, (place, rest, Env::default()));
        }
        if funcs.is_empty() {
            let calls = self.code.ctx.call_graph.seen_through.iter();
            let calls = calls.filter(|call| (call.file, call.expr) == (at.file, at.expr));
            funcs = calls.map(|call| call.callee).collect();
            funcs.sort_unstable();
            funcs.dedup();
        }
        let [func] = funcs.as_slice() else {
            return None;
        };
        let params = super::super::price::params(self.code.ctx, *func);
        let mut bound = Env::default();
        let mut position = 0;
        let (file, scope) = self.code.scope_of(*func);
        for (place, args, env) in given {
            for arg in args {
                let name = match arg.kind {
                    ArgKind::Named => arg.name.clone(),
                    ArgKind::Positional => {
                        position += 1;
                        params.get(position - 1).map(|param| param.name.clone())
                    }
                    _ => None,
                };
                if let Some(name) = name {
                    bound.insert(
                        name,
                        Bound::Expr(
                            At {
                                expr: arg.value,
                                ..place
                            },
                            env.clone(),
                        ),
                    );
                }
            }
        }
        for param in params {
            if let Some(default) = param.default
                && !bound.contains_key(&param.name)
            {
                bound.insert(
                    param.name.clone(),
                    Bound::Expr(
                        At {
                            file,
                            scope,
                            expr: default,
                        },
                        Env::default(),
                    ),
                );
            }
        }
        Some((*func, bound))
    }

    fn returned(&self, func: FuncId, env: &Env, depth: u32) -> Option<SmolStr> {
        let (file, scope) = self.code.scope_of(func);
        let mut values = Vec::new();
        each_stmt(&self.code.facts(file).scope(scope).body, &mut |stmt| {
            if let StmtKind::Return(Some(value)) = &stmt.kind {
                values.push(*value);
            }
        });
        let [value] = values.as_slice() else {
            return None;
        };
        self.form(
            At {
                file,
                scope,
                expr: *value,
            },
            env,
            depth,
        )
    }

    /// `[("name", transformer, columns), …]`
    fn column_transformer(&self, list: At, made: &mut Vec<Made>) {
        let list = match self.code.kind(list) {
            ExprKind::Name(_) => self.last_value(list).unwrap_or(list),
            _ => list,
        };
        let ExprKind::List(entries) = self.code.kind(list) else {
            return;
        };
        for entry in entries {
            let entry = At {
                expr: *entry,
                ..list
            };
            let ExprKind::Tuple(parts) = self.code.kind(entry) else {
                continue;
            };
            let (transformer, columns) = match parts.as_ref() {
                [_, transformer, columns] => (*transformer, *columns),
                [transformer, columns] => (*transformer, *columns),
                _ => continue,
            };
            for Text { text, .. } in self.code.texts(At {
                expr: columns,
                ..entry
            }) {
                if let Some(form) = self.applied(
                    At {
                        expr: transformer,
                        ..entry
                    },
                    text.clone(),
                    0,
                ) && is_form(&form)
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
    fn applied(&self, at: At, column: SmolStr, depth: u32) -> Option<SmolStr> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.code.kind(at) {
            ExprKind::Name(_) | ExprKind::Attr { .. } => {
                self.applied(self.last_value(at)?, column, depth + 1)
            }
            ExprKind::Str(text) if text == "passthrough" => Some(column),
            ExprKind::Call { callee, args } => {
                let callee = At {
                    expr: *callee,
                    ..at
                };
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
                                .filter_map(|step| match self.code.kind(At { expr: *step, ..at }) {
                                    ExprKind::Tuple(parts) => {
                                        parts.get(1).map(|step| At { expr: *step, ..at })
                                    }
                                    _ => None,
                                })
                                .collect()
                        } else {
                            args.iter()
                                .map(|arg| At {
                                    expr: arg.value,
                                    ..at
                                })
                                .collect()
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

/// Something is done to a column.
fn is_form(form: &str) -> bool {
    form.contains('(')
}

/// Methods of frames that nothing types.
fn by_method(name: &str) -> Option<SmolStr> {
    Some(match name {
        "fillna" | "ffill" | "bfill" | "interpolate" => "fill".into(),
        "clip" => "clip".into(),
        "astype" => "cast".into(),
        "log" | "log1p" | "log2" | "log10" => "log".into(),
        _ => return None,
    })
}

fn select(text: &str) -> Option<sqlparser::ast::Select> {
    let parsed = Parser::new(&GenericDialect {})
        .with_recursion_limit(64)
        .try_with_sql(text);
    let statements = parsed
        .and_then(|mut parser| parser.parse_statements())
        .ok()?;
    let [Statement::Query(query)] = statements.as_slice() else {
        return None;
    };
    match query.body.as_ref() {
        SetExpr::Select(select) => Some((**select).clone()),
        _ => None,
    }
}

/// The only table that a query reads.
pub(super) fn only_table(text: &str) -> Option<SmolStr> {
    let looks = text.len() > 12
        && text
            .get(..6)
            .is_some_and(|start| start.eq_ignore_ascii_case("select"));
    let select = looks.then(|| select(text)).flatten()?;
    match select.from.as_slice() {
        [only] if only.joins.is_empty() => match &only.relation {
            TableFactor::Table { name, .. } => Some(name.to_string().into()),
            _ => None,
        },
        _ => None,
    }
}

/// Columns that a query names, as they come out; `*` stands for all.
pub(super) fn selected(text: &str) -> Vec<SmolStr> {
    let looks = text.len() > 12
        && text
            .get(..6)
            .is_some_and(|start| start.eq_ignore_ascii_case("select"));
    let Some(select) = looks.then(|| select(text)).flatten() else {
        return Vec::new();
    };
    select
        .projection
        .iter()
        .filter_map(|item| match item {
            SelectItem::UnnamedExpr(SqlExpr::Identifier(name)) => Some(name.value.as_str().into()),
            SelectItem::UnnamedExpr(SqlExpr::CompoundIdentifier(parts)) => {
                parts.last().map(|name| name.value.as_str().into())
            }
            SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.as_str().into()),
            SelectItem::Wildcard(_) => Some("*".into()),
            _ => None,
        })
        .collect()
}

/// Columns of a table that a query reads.
pub(super) fn sources(text: &str) -> Vec<SmolStr> {
    let looks = text.len() > 12
        && text
            .get(..6)
            .is_some_and(|start| start.eq_ignore_ascii_case("select"));
    let Some(select) = looks.then(|| select(text)).flatten() else {
        return Vec::new();
    };
    select
        .projection
        .iter()
        .flat_map(|item| match item {
            SelectItem::UnnamedExpr(SqlExpr::Identifier(name)) => {
                vec![SmolStr::from(name.value.as_str())]
            }
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => match expr {
                SqlExpr::Identifier(name) => vec![name.value.as_str().into()],
                SqlExpr::Function(function) => argument(function).into_iter().collect(),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        })
        .collect()
}

fn argument(function: &sqlparser::ast::Function) -> Option<SmolStr> {
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(SqlExpr::Identifier(name)))] => {
            Some(name.value.as_str().into())
        }
        _ => None,
    }
}

/// `SELECT AVG(late) AS share FROM payments GROUP BY id`
fn sql_aggregates(text: &str) -> Vec<(SmolStr, SmolStr)> {
    let (Some(select), Some(table)) = (select(text), only_table(text)) else {
        return Vec::new();
    };
    let GroupByExpr::Expressions(keys, _) = &select.group_by else {
        return Vec::new();
    };
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    if keys.is_empty() {
        return Vec::new();
    }
    let by = keys.join(", ");
    select
        .projection
        .iter()
        .filter_map(|item| {
            let SelectItem::ExprWithAlias {
                expr: SqlExpr::Function(function),
                alias,
            } = item
            else {
                return None;
            };
            let column = argument(function)?;
            let word = match function.name.to_string().to_ascii_lowercase().as_str() {
                "avg" => "mean".to_owned(),
                other => other.to_owned(),
            };
            Some((
                alias.value.as_str().into(),
                format_smolstr!("{word}({table}.{column}) by {by}"),
            ))
        })
        .collect()
}
