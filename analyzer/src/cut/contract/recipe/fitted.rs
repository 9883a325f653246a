//! scikit-learn's transformers, alone and in pipelines.

use serde_json::{Map, Value};
use smol_str::SmolStr;

use super::super::code::At;
use super::super::transforms::Env;
use super::model::is_model;
use super::value::value;
use super::walk::Walk;
use super::{MAX_DEPTH, key, names, texts};
use crate::cut::{Key, Operation};
use crate::graph::Held;
use crate::stages::Stage;
use crate::syntax::facts::{Arg, ExprId, ExprKind};

/// An argument by name or position: whether it is given, and what it is.
type Given<'g> = &'g dyn Fn(&str, Option<usize>) -> Option<Option<Value>>;

impl<'a> Walk<'_, 'a> {
    /// `scaler.fit_transform(frame[columns])`, `model.fit(rows, labels)`
    pub(super) fn fitting(
        &mut self,
        at: At,
        base: Option<At>,
        name: &str,
        args: &'a [Arg],
        env: &Env,
    ) {
        let Some(base) = base else { return };
        let fits = matches!(name, "fit" | "fit_transform" | "partial_fit");
        if !fits {
            return;
        }
        if let Some(labels) = self.code.arg(args, "y", Some(1)) {
            let labels = at.part(labels);
            let column = self.label_of(labels, env, 0);
            self.label(labels, column);
            return;
        }
        let Some(rows) = self.code.arg(args, "X", Some(0)) else {
            return;
        };
        let columns = self.columns_of(at.part(rows), env);
        self.transformed(&columns, Some(base));
    }

    /// What the transformer that `base` holds does to `columns`; to all where
    /// none is named.
    pub(super) fn transformed(&mut self, columns: &[SmolStr], base: Option<At>) -> bool {
        let Some(base) = base else { return false };
        let held = self.code.ctx.call_graph.held(base.file, base.expr);
        let made = held.into_iter().find_map(|held| match held {
            Held::Object(path, Some((file, expr))) if path.starts_with("sklearn.") => {
                let scope = super::super::estimators::scope_around(self.code, file, expr);
                Some(At { file, scope, expr })
            }
            _ => None,
        });
        let Some(made) = made else { return false };
        for step in self.steps(made, &Env::default(), 0) {
            self.step(step, columns, Stage::Preprocessing, &Env::default());
        }
        true
    }

    /// Pipelines that end in a model, and column transformers, where they are
    /// constructed.
    pub(super) fn constructed(&mut self, at: At, callee: At, args: &'a [Arg], env: &Env) {
        let paths = self.code.library_paths(at);
        let path = match self
            .code
            .external(callee)
            .or_else(|| paths.first().cloned())
        {
            Some(path) => path,
            None => return,
        };
        match path.rsplit('.').next().unwrap_or(&path) {
            "Pipeline" | "make_pipeline" => {
                let parts = self.parts(at, env);
                let ends = parts.last().is_some_and(|last| self.makes_model(*last));
                for part in parts.iter().filter(|_| ends) {
                    for step in self.steps(*part, env, 0) {
                        self.step(step, &[], Stage::Training, env);
                    }
                }
            }
            "ColumnTransformer" | "make_column_transformer" => {
                self.column_transformer(at, args, env);
            }
            _ => self.model(at, &path, args, env),
        }
    }

    fn makes_model(&self, at: At) -> bool {
        let constructor = self.steps(at, &Env::default(), 0);
        constructor.last().is_some_and(|at| {
            let path = self.class(*at);
            path.is_some_and(|path| is_model(self.code, &path))
        })
    }

    fn class(&self, at: At) -> Option<SmolStr> {
        let ExprKind::Call { callee, .. } = self.code.kind(at) else {
            return None;
        };
        self.code
            .external(at.part(*callee))
            .or_else(|| self.code.library_paths(at).first().cloned())
    }

    /// The parts of a pipeline, as they stand there.
    fn parts(&self, at: At, env: &Env) -> Vec<At> {
        let ExprKind::Call { args, .. } = self.code.kind(at) else {
            return Vec::new();
        };
        let named = self.code.arg(args, "steps", Some(0)).and_then(|expr| {
            let list = self.resolved(at.part(expr), env);
            let ExprKind::List(entries) = self.code.kind(list) else {
                return None;
            };
            let part = |entry: &ExprId| {
                let entry = list.part(*entry);
                match self.code.kind(entry) {
                    ExprKind::Tuple(parts) => Some(entry.part(*parts.get(1)?)),
                    _ => None,
                }
            };
            Some(entries.iter().filter_map(part).collect())
        });
        named.unwrap_or_else(|| {
            let positional = args.iter().filter(|arg| arg.name.is_none());
            positional.map(|arg| at.part(arg.value)).collect()
        })
    }

    fn resolved(&self, at: At, env: &Env) -> At {
        match self.code.kind(at) {
            ExprKind::Name(name) => match env.get(name) {
                Some(super::Bound::Expr(at, _)) => *at,
                _ => self.forms.last_value(at).unwrap_or(at),
            },
            ExprKind::Attr { .. } => self.code.value(at).unwrap_or(at),
            _ => at,
        }
    }

    /// The constructors that stand behind an expression; those in a pipeline
    /// one by one.
    fn steps(&self, at: At, env: &Env, depth: u32) -> Vec<At> {
        if depth > MAX_DEPTH {
            return Vec::new();
        }
        match self.code.kind(at) {
            ExprKind::Name(_) | ExprKind::Attr { .. } => {
                let value = self.resolved(at, env);
                match value == at {
                    true => Vec::new(),
                    false => self.steps(value, env, depth + 1),
                }
            }
            ExprKind::Call { callee, args } => {
                let callee = at.part(*callee);
                if let Some((func, env)) = self.forms.callee_of(at, callee, args, env) {
                    let made = self.code.only_return(func);
                    return made
                        .map(|made| self.steps(made, &env, depth + 1))
                        .unwrap_or_default();
                }
                match self
                    .class(at)
                    .as_deref()
                    .and_then(|path| path.rsplit('.').next())
                {
                    Some("Pipeline" | "make_pipeline") => {
                        let parts = self.parts(at, env).into_iter();
                        parts
                            .flat_map(|part| self.steps(part, env, depth + 1))
                            .collect()
                    }
                    // Its own parts are noted where it is constructed.
                    Some("ColumnTransformer" | "make_column_transformer") | None => Vec::new(),
                    Some(_) => vec![at],
                }
            }
            _ => Vec::new(),
        }
    }

    fn column_transformer(&mut self, at: At, args: &'a [Arg], env: &Env) {
        let mut entries: Vec<(At, At)> = Vec::new();
        let listed = self
            .code
            .arg(args, "transformers", Some(0))
            .map(|expr| self.resolved(at.part(expr), env));
        let mut add = |entry: At| {
            let place = |expr: ExprId| entry.part(expr);
            if let ExprKind::Tuple(parts) = self.code.kind(entry) {
                match parts.as_ref() {
                    [_, transformer, columns] | [transformer, columns] => {
                        entries.push((place(*transformer), place(*columns)));
                    }
                    _ => {}
                }
            }
        };
        match listed.map(|list| (list, self.code.kind(list))) {
            Some((list, ExprKind::List(parts))) => {
                for part in parts {
                    add(list.part(*part));
                }
            }
            _ => {
                for arg in args.iter().filter(|arg| arg.name.is_none()) {
                    add(at.part(arg.value));
                }
            }
        }
        let passes = self.code.arg(args, "remainder", None).is_some_and(|expr| {
            let remainder = value(&self.forms, at.part(expr), env);
            remainder == Some(Value::from("passthrough"))
        });
        if !passes {
            // What no part takes is dropped.
            let mut all: Vec<SmolStr> = Vec::new();
            let mut known = !entries.is_empty();
            for (_, columns) in &entries {
                let columns = names(&self.forms, *columns, env);
                known &= !columns.is_empty();
                for column in columns {
                    if !all.contains(&column) {
                        all.push(column);
                    }
                }
            }
            let mut select = Operation::of(
                at,
                self.code,
                "select",
                vec![key("columns", known.then(|| texts(&all)))],
            );
            select.stage = Stage::Training;
            self.note(select);
        }
        for (transformer, columns) in entries {
            let columns = names(&self.forms, columns, env);
            for step in self.steps(transformer, env, 0) {
                match columns.is_empty() {
                    // Which columns is decided when it runs.
                    true => {
                        let mut found = self.found.len();
                        self.step(step, &[], Stage::Training, env);
                        while let Some(operation) = self.found.get_mut(found) {
                            operation.keys.retain(|key| key.name != "columns");
                            operation.keys.insert(0, key("columns", None));
                            found += 1;
                        }
                    }
                    false => self.step(step, &columns, Stage::Training, env),
                }
            }
        }
    }

    /// One transformer, constructed at `made`.
    fn step(&mut self, made: At, columns: &[SmolStr], stage: Stage, env: &Env) {
        let Some(path) = self.class(made) else { return };
        if is_model(self.code, &path) {
            return;
        }
        let ExprKind::Call { args, .. } = self.code.kind(made) else {
            return;
        };
        let arg = |name: &str, position: Option<usize>| {
            let expr = self.code.arg(args, name, position)?;
            Some(value(&self.forms, made.part(expr), env))
        };
        let known = |name: &str| arg(name, None).flatten();
        let class = path.rsplit('.').next().unwrap_or(&path);
        let mut keys = match columns {
            [] => Vec::new(),
            columns => vec![key("columns", texts(columns))],
        };
        let kind = match class {
            "StandardScaler" => "scale",
            "MinMaxScaler" => {
                keys.push(key("by", Value::from("min-max")));
                if let Some(range) = arg("feature_range", Some(0)) {
                    keys.push(key("range", range));
                }
                "scale"
            }
            "RobustScaler" => {
                keys.push(key("by", Value::from("robust")));
                "scale"
            }
            "MaxAbsScaler" => {
                keys.push(key("by", Value::from("max-abs")));
                "scale"
            }
            "SimpleImputer" => {
                self.imputer(&mut keys, &arg);
                "impute"
            }
            "OneHotEncoder" => {
                if columns.is_empty() {
                    keys.push(key("columns", None));
                }
                one_hot(&mut keys, columns, &known);
                "one-hot"
            }
            "OrdinalEncoder" => {
                if columns.is_empty() {
                    keys.push(key("columns", None));
                }
                categories(&mut keys, columns, known("categories"));
                if known("handle_unknown") == Some(Value::from("use_encoded_value")) {
                    keys.push(key("unknown", known("unknown_value")));
                }
                "ordinal"
            }
            "FunctionTransformer" => {
                let func = self.code.arg(args, "func", Some(0));
                let func = func.and_then(|func| self.code.facts(made.file).dotted(func));
                match func.as_deref().and_then(|name| name.rsplit('.').next()) {
                    Some("log1p") => {
                        keys.push(key("plus_one", Value::from(true)));
                        "log"
                    }
                    Some("log") => "log",
                    _ => "TODO",
                }
            }
            "LabelEncoder" if !columns.is_empty() => "ordinal",
            // A target's classes are no step.
            "LabelEncoder" | "LabelBinarizer" => return,
            _ => "TODO",
        };
        if kind == "TODO" {
            keys.push(key("transformer", Value::from(class)));
        }
        let line = self.code.line(made);
        self.note(Operation {
            stage,
            kind: kind.into(),
            keys,
            only_fit: false,
            file: made.file,
            line,
        });
    }

    fn imputer(&self, keys: &mut Vec<Key>, arg: Given<'_>) {
        if keys.is_empty() {
            keys.push(key("columns", None));
        }
        let with = match arg("strategy", None) {
            None => Some("mean".to_owned()),
            Some(given) => given.and_then(|word| {
                let word = word.as_str()?;
                Some(word.replace('_', "-"))
            }),
        };
        let constant = with.as_deref() == Some("constant");
        keys.push(key("with", with.map(Value::from)));
        if constant {
            keys.push(key("value", arg("fill_value", None).flatten()));
        }
        if arg("add_indicator", None).flatten() == Some(Value::from(true)) {
            keys.push(key("indicator", Value::from(true)));
        }
    }
}

fn one_hot(keys: &mut Vec<Key>, columns: &[SmolStr], known: &dyn Fn(&str) -> Option<Value>) {
    categories(keys, columns, known("categories"));
    match known("handle_unknown").as_ref().and_then(Value::as_str) {
        Some("ignore") => {}
        Some("infrequent_if_exist") => keys.push(key("unknown", Value::from("infrequent"))),
        _ => keys.push(key("unknown", Value::from("error"))),
    }
    if known("drop") == Some(Value::from("first")) {
        keys.push(key("drop_first", Value::from(true)));
    }
}

/// `categories=[[…], […]]`, a list for each column.
fn categories(keys: &mut Vec<Key>, columns: &[SmolStr], given: Option<Value>) {
    if let Some(Value::Array(lists)) = given
        && lists.len() == columns.len()
    {
        let pairs = columns.iter().zip(lists);
        let by: Map<String, Value> = pairs.map(|(name, list)| (name.to_string(), list)).collect();
        keys.push(key("categories", Value::Object(by)));
    }
}
