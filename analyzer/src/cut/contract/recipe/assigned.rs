//! `frame["x"] = …`

use serde_json::{Map, Value};
use smol_str::{SmolStr, format_smolstr};

use super::super::code::At;
use super::super::transforms::{Bound, Env};
use super::expression::{changed, column, expression};
use super::value::value;
use super::walk::Walk;
use super::{is_frame, key, may_be_frame, names, texts};
use crate::cut::Operation;
use crate::syntax::facts::{Arg, BinaryOp, ExprKind};

impl<'a> Walk<'_, 'a> {
    pub(super) fn assigned(&mut self, target: At, value: At, env: &Env) {
        let ExprKind::Item { base, index } = self.code.kind(target) else {
            return;
        };
        let (base, index) = (target.part(*base), target.part(*index));
        if let ExprKind::Attr { name, .. } = self.code.kind(base)
            && name == "loc"
        {
            self.where_assigned(index, value, env);
            return;
        }
        let columns = names(&self.forms, index, env);
        if columns.is_empty() || !may_be_frame(self.code, base) {
            return;
        }
        // A column that may not be there is one that a request may lack.
        if matches!(
            super::value::value(&self.forms, value, env),
            Some(Value::Null)
        ) {
            let keys = vec![key("columns", texts(&columns))];
            self.note(Operation::of(value, self.code, "optional", keys));
            return;
        }
        self.made(&columns, value, env);
    }

    /// `frame["x"] += value`
    pub(super) fn augmented(&mut self, target: At, op: BinaryOp, by: At, env: &Env) {
        let ExprKind::Item { base, index } = self.code.kind(target) else {
            return;
        };
        let (base, index) = (target.part(*base), target.part(*index));
        if let ExprKind::Attr { name, .. } = self.code.kind(base)
            && name == "loc"
        {
            if let Some((rows, columns)) = self.located(index, env) {
                for name in columns {
                    let said = changed(&self.forms, &name, op, by, env);
                    self.where_made(index, rows.as_deref(), name, said);
                }
            }
            return;
        }
        // What a plain number is added to may be a count in a mapping.
        let counts = expression(&self.forms, by, env).is_none_or(|text| is_constant(&text));
        let table = match counts {
            true => is_frame(self.code, base),
            false => may_be_frame(self.code, base),
        };
        if !table {
            return;
        }
        for name in names(&self.forms, index, env) {
            let text = changed(&self.forms, &name, op, by, env);
            self.derive(by, name, text);
        }
    }

    /// `frame.loc[rows, "x"] = value`
    fn where_assigned(&mut self, index: At, value: At, env: &Env) {
        let Some((rows, columns)) = self.located(index, env) else {
            return;
        };
        let said = expression(&self.forms, value, env);
        for name in columns {
            self.where_made(index, rows.as_deref(), name, said.clone());
        }
    }

    /// The rows, and the columns, of `frame.loc[rows, columns]`.
    fn located(&self, index: At, env: &Env) -> Option<(Option<String>, Vec<SmolStr>)> {
        let ExprKind::Tuple(parts) = self.code.kind(index) else {
            return None;
        };
        let [rows, columns] = parts.as_ref() else {
            return None;
        };
        Some((
            expression(&self.forms, index.part(*rows), env),
            names(&self.forms, index.part(*columns), env),
        ))
    }

    fn where_made(&mut self, at: At, rows: Option<&str>, name: SmolStr, said: Option<String>) {
        let said = rows.zip(said);
        let text = said.map(|(rows, value)| format!("where({rows}, {value}, {})", column(&name)));
        self.derive(at, name, text);
    }

    /// Columns are made of `value`.
    pub(super) fn made(&mut self, columns: &[SmolStr], value: At, env: &Env) {
        let value = self.plain(value, env);
        if let ExprKind::Call { callee, args } = self.code.kind(value) {
            let callee = value.part(*callee);
            if self.made_by_call(columns, value, callee, args, env) {
                return;
            }
        }
        let many = columns.len() > 1;
        for name in columns {
            let mut env = env.clone();
            if many {
                self.stand_for(value, name, &mut env);
            }
            match expression(&self.forms, value, &env) {
                Some(text) if text == column(name) || is_constant(&text) => {}
                text => self.derive(value, name.clone(), text),
            }
        }
    }

    /// In `frame[name]` of a loop, `name` stands for one column.
    fn stand_for(&self, value: At, column: &SmolStr, env: &mut Env) {
        let mut open = vec![value];
        while let Some(at) = open.pop() {
            if let ExprKind::Item { index, .. } = self.code.kind(at)
                && let ExprKind::Name(name) = self.code.kind(at.part(*index))
                && !env.contains_key(name)
            {
                env.insert(name.clone(), Bound::Text(column.clone()));
            }
            self.code.kind(at).parts(|expr| open.push(at.part(expr)));
        }
    }

    /// Without what only changes how it is held.
    fn plain(&self, at: At, env: &Env) -> At {
        let mut at = at;
        for _ in 0..super::MAX_DEPTH {
            let Some((base, name)) = self.code.method(at) else {
                return at;
            };
            let ExprKind::Call { args, .. } = self.code.kind(at) else {
                return at;
            };
            let numbers = name == "astype"
                && args.first().is_some_and(|arg| {
                    let kind = self.code.kind(at.part(arg.value));
                    matches!(kind, ExprKind::Name(name) if name == "float")
                })
                && !names(&self.forms, base, env).is_empty();
            if !matches!(
                name,
                "copy" | "reset_index" | "to_numpy" | "values" | "ravel"
            ) && !numbers
            {
                return at;
            }
            at = base;
        }
        at
    }

    pub(super) fn made_by_call(
        &mut self,
        columns: &[SmolStr],
        at: At,
        callee: At,
        args: &'a [Arg],
        env: &Env,
    ) -> bool {
        let (base, name) = match self.code.kind(callee) {
            ExprKind::Attr { base, name } => (Some(at.part(*base)), name.as_str()),
            ExprKind::Name(name) => (None, name.as_str()),
            _ => return false,
        };
        let arg = |name: &str, position: Option<usize>| {
            let expr = self.code.arg(args, name, position)?;
            Some(at.part(expr))
        };
        match name {
            "fillna" => match arg("value", Some(0)) {
                Some(filler) => self.filled(columns, at, filler, env),
                None => return false,
            },
            "clip" => {
                let external = self.code.external(callee).is_some();
                let first = args.first().map(|arg| at.part(arg.value));
                let clipped = if external { first } else { base };
                if !clipped.is_some_and(|clipped| self.is_own(columns, clipped, env)) {
                    return false;
                }
                let shift = usize::from(external);
                let lower = arg("lower", Some(shift)).or_else(|| arg("a_min", None));
                let upper = arg("upper", Some(shift + 1)).or_else(|| arg("a_max", None));
                let mut keys = vec![key("columns", texts(columns))];
                for (name, bound) in [("lower", lower), ("upper", upper)] {
                    let Some(bound) = bound else { continue };
                    match self.bound(bound, env) {
                        // None and infinity are no bounds.
                        Some(Value::Null | Value::String(_)) => {}
                        value => keys.push(key(name, value)),
                    }
                }
                self.note(Operation::of(at, self.code, "clip", keys));
            }
            "cut" => self.binned(columns, at, args, env),
            "qcut" => {
                let mut keys = self.bin_keys(columns, at, args, env);
                keys.push(key("edges", None));
                self.note(Operation::of(at, self.code, "bin", keys));
            }
            "Categorical" => {
                let categories =
                    arg("categories", Some(1)).and_then(|at| value(&self.forms, at, env));
                if let Some(categories) = categories {
                    for name in columns {
                        self.known
                            .categories
                            .insert(name.clone(), categories.clone());
                    }
                }
            }
            "log" | "log1p" if args.len() == 1 => {
                let of = expression(&self.forms, at.part(args[0].value), env);
                let [only] = columns else { return false };
                if of.as_deref() != Some(&column(only)) {
                    return false;
                }
                let mut keys = vec![key("columns", texts(columns))];
                if name == "log1p" {
                    keys.push(key("plus_one", Value::from(true)));
                }
                self.note(Operation::of(at, self.code, "log", keys));
            }
            "to_datetime" => {
                let mut types = Map::new();
                for name in columns {
                    types.insert(name.to_string(), Value::from("timestamp"));
                }
                let keys = vec![key("columns", Value::Object(types))];
                self.note(Operation::of(at, self.code, "cast", keys));
            }
            "fit_transform" | "transform" => return self.transformed(columns, base),
            _ => return false,
        }
        true
    }

    /// `base` is the columns themselves.
    fn is_own(&self, columns: &[SmolStr], base: At, env: &Env) -> bool {
        match self.code.kind(base) {
            ExprKind::Item { index, .. } => names(&self.forms, base.part(*index), env) == columns,
            _ => false,
        }
    }

    /// A number, or the quantile that it is.
    fn bound(&self, at: At, env: &Env) -> Option<Value> {
        if let Some(known) = value(&self.forms, at, env) {
            return Some(known);
        }
        let place = match self.code.kind(at) {
            ExprKind::Name(_) => self.forms.last_value(at)?,
            _ => at,
        };
        let ExprKind::Call { callee, args } = self.code.kind(place) else {
            return None;
        };
        let ExprKind::Attr { name, .. } = self.code.kind(place.part(*callee)) else {
            return None;
        };
        let of_module = matches!(name.as_str(), "nanquantile");
        let on_module = self.code.external(place.part(*callee)).is_some();
        if !of_module && name != "quantile" {
            return None;
        }
        let q = self.code.arg(args, "q", Some(usize::from(on_module)))?;
        let q = value(&self.forms, place.part(q), env)?;
        Some(serde_json::json!({ "quantile": q }))
    }

    fn bin_keys(
        &self,
        columns: &[SmolStr],
        at: At,
        args: &[Arg],
        env: &Env,
    ) -> Vec<crate::cut::Key> {
        let of = self
            .code
            .arg(args, "x", Some(0))
            .and_then(|expr| expression(&self.forms, at.part(expr), env));
        let of = of.map(|of| Value::from(of.trim_matches('`')));
        let name = columns.first().map(|name| Value::from(name.as_str()));
        match of == name {
            true => vec![key("column", of)],
            false => vec![key("column", of), key("name", name)],
        }
    }

    /// `pd.cut(frame["age"], bins=[…], labels=[…])`
    fn binned(&mut self, columns: &[SmolStr], at: At, args: &'a [Arg], env: &Env) {
        let mut keys = self.bin_keys(columns, at, args, env);
        let arg = |name: &str, position: Option<usize>| {
            let expr = self.code.arg(args, name, position)?;
            value(&self.forms, at.part(expr), env)
        };
        let edges = arg("bins", Some(1)).filter(Value::is_array);
        keys.push(key("edges", edges));
        let labels = self.code.arg(args, "labels", None);
        let labels = labels.map(|expr| value(&self.forms, at.part(expr), env));
        let numbered = labels == Some(Some(Value::Bool(false)));
        if let Some(labels) = labels.filter(|_| !numbered) {
            keys.push(key("labels", labels));
        }
        if arg("right", None) == Some(Value::Bool(false)) {
            keys.push(key("closed", Value::from("left")));
        }
        if arg("include_lowest", None) == Some(Value::Bool(true)) {
            keys.push(key("include_lowest", Value::from(true)));
        }
        if let Some(Some(Value::Array(labels))) = self
            .code
            .arg(args, "labels", None)
            .map(|expr| value(&self.forms, at.part(expr), env))
            && let [name] = columns
        {
            self.known
                .categories
                .insert(name.clone(), Value::Array(labels));
        }
        self.note(Operation::of(at, self.code, "bin", keys));
    }

    /// Missing values of columns are filled.
    pub(super) fn filled(&mut self, columns: &[SmolStr], at: At, filler: At, env: &Env) {
        for name in columns {
            let mut env = env.clone();
            if columns.len() > 1 {
                self.stand_for(at, name, &mut env);
            }
            self.filled_one(name, at, filler, &env);
        }
    }

    fn filled_one(&mut self, name: &SmolStr, at: At, filler: At, env: &Env) {
        if self.known.imputed.contains(name) {
            return;
        }
        match value(&self.forms, filler, env) {
            Some(Value::Object(by)) => {
                if let Some(value) = by.get(name.as_str()) {
                    self.impute(name, at, Some("constant"), Some(value.clone()));
                }
                return;
            }
            Some(value @ (Value::Number(_) | Value::String(_) | Value::Bool(_))) => {
                self.impute(name, at, Some("constant"), Some(value));
                return;
            }
            _ => {}
        }
        if let Some(word) = self.statistic(filler, 0) {
            self.impute(name, at, Some(word), None);
            return;
        }
        if let Some(text) = expression(&self.forms, filler, env).filter(|text| !is_constant(text)) {
            // What was learnt of the column before stays what it was: the
            // estimate waits beside it.
            match self.known.learnt.contains_key(name) {
                true => {
                    let beside = format_smolstr!("{name}_estimate");
                    self.derive(
                        at,
                        beside.clone(),
                        format!("coalesce({}, {text})", column(name)),
                    );
                    self.known.estimated.insert(name.clone(), beside);
                }
                false => self.derive(
                    at,
                    name.clone(),
                    format!("coalesce({}, {text})", column(name)),
                ),
            }
            return;
        }
        let learnt = self
            .known
            .learnt
            .get(name)
            .or_else(|| self.known.learnt.get("*"))
            .copied();
        self.impute(name, at, learnt, None);
    }

    fn impute(&mut self, name: &SmolStr, at: At, with: Option<&str>, value: Option<Value>) {
        let mut keys = vec![
            key("columns", texts(std::slice::from_ref(name))),
            key("with", with.map(Value::from)),
        ];
        if let Some(value) = value {
            keys.push(key("value", value));
        }
        self.note(Operation::of(at, self.code, "impute", keys));
        self.known.imputed.insert(name.clone());
        if let Some(beside) = self.known.estimated.remove(name) {
            let text = format!("coalesce({}, {})", column(&beside), column(name));
            self.derive(at, name.clone(), text);
            let keys = vec![key("columns", texts(&[beside]))];
            self.note(Operation::of(at, self.code, "drop", keys));
        }
    }

    /// `….median()`, `….mode()[0]`
    pub(super) fn statistic(&self, at: At, depth: u32) -> Option<&'static str> {
        if depth > super::MAX_DEPTH {
            return None;
        }
        match self.code.kind(at) {
            ExprKind::Call { callee, args } => match self.code.kind(at.part(*callee)) {
                ExprKind::Attr { name, .. } => statistic_word(name),
                ExprKind::Name(name) if name == "float" => {
                    self.statistic(at.part(args.first()?.value), depth + 1)
                }
                _ => None,
            },
            ExprKind::Item { base, .. } => match self.code.kind(at.part(*base)) {
                ExprKind::Attr { base, name } if name == "iloc" => {
                    self.statistic(at.part(*base), depth + 1)
                }
                ExprKind::Call { .. } => self.statistic(at.part(*base), depth + 1),
                _ => None,
            },
            ExprKind::Name(_) => self.statistic(self.forms.last_value(at)?, depth + 1),
            _ => None,
        }
    }

    /// A column is made; how, if the code says it in words of the runtime.
    pub(super) fn derive(&mut self, at: At, name: SmolStr, text: impl Into<Option<String>>) {
        let mut columns = Map::new();
        let text = text.into().map_or(Value::Null, Value::from);
        columns.insert(name.to_string(), text);
        let keys = vec![key("columns", Value::Object(columns))];
        self.note(Operation::of(at, self.code, "derive", keys));
    }
}

/// The statistic that a method takes, in the words of `impute`.
pub(super) fn statistic_word(name: &str) -> Option<&'static str> {
    match name {
        "median" => Some("median"),
        "mean" => Some("mean"),
        "mode" => Some("most-frequent"),
        _ => None,
    }
}

/// No column is in it.
fn is_constant(text: &str) -> bool {
    text.starts_with('\'') && text.ends_with('\'')
        || text.parse::<f64>().is_ok()
        || matches!(text, "missing" | "true" | "false")
}
