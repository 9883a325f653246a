//! What calls of libraries do to whole tables.

use serde_json::{Map, Value};
use smol_str::SmolStr;

use super::super::code::At;
use super::super::transforms::Env;
use super::assigned::statistic_word;
use super::value::value;
use super::walk::Walk;
use super::{FRAMES, is_frame, key, names, texts};
use crate::cut::Operation;
use crate::syntax::facts::{Arg, ArgKind, ExprKind};

/// A call with all that its reading needs.
pub(super) struct Called<'a> {
    pub(super) at: At,
    /// What the method is called on; nothing for a function of a module.
    pub(super) base: Option<At>,
    pub(super) args: &'a [Arg],
    pub(super) env: Env,
}

type Reading = for<'w, 'a> fn(&mut Walk<'w, 'a>, &Called<'a>);

/// Operations by the name of what is called. One more is one line.
const OPERATIONS: [(&str, Reading); 13] = [
    ("agg", |walk, called| walk.aggregated(called)),
    ("aggregate", |walk, called| walk.aggregated(called)),
    ("assign", |walk, called| walk.with_columns(called)),
    ("drop", |walk, called| walk.without_columns(called)),
    ("drop_duplicates", |walk, called| {
        walk.without_repeats(called)
    }),
    ("dropna", |walk, called| walk.without_missing(called)),
    ("fillna", |walk, called| walk.without_gaps(called)),
    ("get_dummies", |walk, called| walk.one_hot(called)),
    ("join", |walk, called| walk.joined(called)),
    ("merge", |walk, called| walk.joined(called)),
    ("query", |walk, called| walk.queried(called)),
    ("rename", |walk, called| walk.renamed(called)),
    ("train_test_split", |walk, called| walk.split(called)),
];

impl<'a> Walk<'_, 'a> {
    pub(super) fn called(&mut self, at: At, callee: At, args: &'a [Arg], env: &Env) {
        self.read(at, args);
        let (base, name) = match self.code.kind(callee) {
            ExprKind::Attr { base, name } => (Some(at.part(*base)), name),
            ExprKind::Name(name) => (None, name),
            _ => return,
        };
        let path = self.code.external(callee);
        let base = base.filter(|_| path.is_none());
        // `os.path.join` joins no tables.
        let foreign = path.as_ref().is_some_and(|path| {
            let known = FRAMES.iter().chain(&["sklearn.", "numpy."]);
            !known.into_iter().any(|known| path.starts_with(known))
        });
        let base_names = base
            .map(|base| self.columns_of(base, env))
            .unwrap_or_default();
        if base.is_some() && (self.grouped(at, env) || self.named(at, name, env)) {
            return;
        }
        if let Some(word) = statistic_word(name)
            && base.is_some()
        {
            for column in base_names {
                self.known.learnt.insert(column, word);
            }
            return;
        }
        let operation = OPERATIONS.iter().find(|(known, _)| known == name);
        if let Some((_, read)) = operation.filter(|_| !foreign) {
            // A method of one column belongs to what is made of it.
            let of_column = base_names.len() == 1 && name.as_str() != "drop_duplicates";
            if of_column && self.in_place(at, args) {
                self.made_by_call(&base_names, at, callee, args, env);
                return;
            }
            let of_table = base.is_none_or(|base| self.may_be_table(base, name));
            if !of_column && of_table {
                let env = env.clone();
                read(
                    self,
                    &Called {
                        at,
                        base,
                        args,
                        env,
                    },
                );
            }
            return;
        }
        self.fitting(at, base, name, args, env);
        self.constructed(at, callee, args, env);
    }

    /// Columns that are named where a table is indexed.
    pub(super) fn columns_of(&self, base: At, env: &Env) -> Vec<SmolStr> {
        match self.code.kind(base) {
            ExprKind::Call { .. } => match self.code.method(base) {
                Some((inner, "astype" | "copy" | "reset_index")) => self.columns_of(inner, env),
                _ => Vec::new(),
            },
            ExprKind::Item { index, .. } => {
                let index = base.part(*index);
                match self.code.kind(index) {
                    ExprKind::Compare { .. } | ExprKind::Slice(_) => Vec::new(),
                    _ => names(&self.forms, index, env),
                }
            }
            _ => Vec::new(),
        }
    }

    /// `inplace=True`
    fn in_place(&self, at: At, args: &[Arg]) -> bool {
        let given = self.code.arg(args, "inplace", None);
        given.is_some_and(|expr| matches!(self.code.kind(at.part(expr)), ExprKind::Bool(true)))
    }

    /// Words that other libraries have too need a table before them.
    fn may_be_table(&self, base: At, name: &str) -> bool {
        let common = matches!(
            name,
            "join" | "drop" | "rename" | "assign" | "query" | "merge"
        );
        !common || is_frame(self.code, base)
    }
}

impl<'a> Called<'a> {
    /// The argument called `name`, or at `position`; a method's table is none.
    pub(super) fn arg(
        &self,
        walk: &Walk<'_, 'a>,
        name: &str,
        position: Option<usize>,
    ) -> Option<At> {
        let expr = walk.code.arg(self.args, name, position)?;
        Some(At { expr, ..self.at })
    }

    /// As data.
    pub(super) fn value(
        &self,
        walk: &Walk<'_, 'a>,
        name: &str,
        position: Option<usize>,
    ) -> Option<Value> {
        value(&walk.forms, self.arg(walk, name, position)?, &self.env)
    }

    /// As columns.
    fn columns(&self, walk: &Walk<'_, 'a>, name: &str, position: Option<usize>) -> Option<Value> {
        let at = self.arg(walk, name, position)?;
        let columns = names(&walk.forms, at, &self.env);
        (!columns.is_empty()).then(|| texts(&columns))
    }

    /// The place of the first argument beside the table.
    fn after_table(&self) -> usize {
        usize::from(self.base.is_none())
    }
}

impl<'a> Walk<'_, 'a> {
    fn one_hot(&mut self, called: &Called<'a>) {
        let named = called.columns(self, "columns", None);
        let of_one = called
            .arg(self, "data", Some(0))
            .map(|at| self.columns_of(at, &called.env))
            .filter(|columns| !columns.is_empty())
            .map(|columns| texts(&columns));
        let columns = named.or(of_one);
        let mut keys = vec![key("columns", columns.clone())];
        let mut categories = Map::new();
        for name in columns
            .iter()
            .flat_map(|columns| columns.as_array())
            .flatten()
        {
            if let Some(name) = name.as_str()
                && let Some(known) = self.known.categories.get(name)
            {
                categories.insert(name.to_owned(), known.clone());
            }
        }
        if !categories.is_empty() {
            keys.push(key("categories", Value::Object(categories)));
        }
        if called.value(self, "drop_first", None) == Some(Value::from(true)) {
            keys.push(key("drop_first", Value::from(true)));
        }
        self.note(Operation::of(called.at, self.code, "one-hot", keys));
    }

    fn without_missing(&mut self, called: &Called<'a>) {
        if called
            .value(self, "axis", None)
            .is_some_and(|axis| axis == 1)
        {
            return;
        }
        let subset = called.arg(self, "subset", None);
        let columns = match (subset, called.base) {
            (Some(subset), _) => names(&self.forms, subset, &called.env),
            (None, Some(base)) => self.columns_of(base, &called.env),
            (None, None) => Vec::new(),
        };
        // Rows that lack everything, or so many values, are another rule.
        let other = called
            .arg(self, "how", Some(1))
            .is_some_and(|at| value(&self.forms, at, &called.env) != Some(Value::from("any")))
            || called.arg(self, "thresh", None).is_some();
        let keys = match (other, columns.is_empty()) {
            (true, _) => vec![key("columns", None)],
            (false, true) => Vec::new(),
            (false, false) => vec![key("columns", texts(&columns))],
        };
        self.note(Operation::of(called.at, self.code, "drop-missing", keys));
    }

    fn without_repeats(&mut self, called: &Called<'a>) {
        let mut keys = Vec::new();
        if called.arg(self, "subset", Some(0)).is_some() {
            keys.push(key("by", called.columns(self, "subset", Some(0))));
        }
        if let Some(keep) = called.value(self, "keep", None).filter(Value::is_string) {
            keys.push(key("keep", keep));
        }
        self.note(Operation::of(called.at, self.code, "drop-duplicates", keys));
    }

    fn without_columns(&mut self, called: &Called<'a>) {
        let of_columns = called
            .value(self, "axis", Some(1))
            .is_some_and(|axis| axis == 1 || axis == "columns");
        let columns = match called.arg(self, "columns", None) {
            Some(_) => called.columns(self, "columns", None),
            None if of_columns => called.columns(self, "labels", Some(0)),
            None => return,
        };
        self.note(Operation::of(
            called.at,
            self.code,
            "drop",
            vec![key("columns", columns)],
        ));
    }

    fn renamed(&mut self, called: &Called<'a>) {
        if called.arg(self, "columns", None).is_none() {
            return;
        }
        let columns = called.value(self, "columns", None).filter(Value::is_object);
        self.note(Operation::of(
            called.at,
            self.code,
            "rename",
            vec![key("columns", columns)],
        ));
    }

    fn without_gaps(&mut self, called: &Called<'a>) {
        let Some(filler) = called.arg(self, "value", Some(0)) else {
            return;
        };
        let columns = called
            .base
            .map(|base| self.columns_of(base, &called.env))
            .unwrap_or_default();
        match value(&self.forms, filler, &called.env) {
            Some(Value::Object(by)) => {
                let columns: Vec<SmolStr> = by.keys().map(SmolStr::from).collect();
                self.filled(&columns, called.at, filler, &called.env);
            }
            _ if !columns.is_empty() => self.filled(&columns, called.at, filler, &called.env),
            constant => {
                let word = self.statistic(filler, 0);
                let with = match constant {
                    Some(_) => Some("constant"),
                    None => word,
                };
                let mut keys = vec![key("columns", None), key("with", with.map(Value::from))];
                keys.extend(constant.map(|constant| key("value", constant)));
                self.note(Operation::of(called.at, self.code, "impute", keys));
            }
        }
    }

    /// `frame.assign(rate=frame.a / frame.b, other=lambda frame: …)`
    fn with_columns(&mut self, called: &Called<'a>) {
        for arg in called.args.iter().filter(|arg| arg.kind == ArgKind::Named) {
            let at = called.at.part(arg.value);
            if let Some(name) = &arg.name {
                let value = self.forms.lambda_body(at).unwrap_or(at);
                self.made(std::slice::from_ref(name), value, &called.env);
            }
        }
    }

    fn queried(&mut self, called: &Called<'a>) {
        let text = called.value(self, "expr", Some(0));
        let text = text.filter(|text| text.as_str().is_some_and(|text| !text.contains('@')));
        let rules = text.map(|text| {
            let mut rules = Map::new();
            rules.insert("query".to_owned(), text);
            Value::Object(rules)
        });
        self.note(Operation::of(
            called.at,
            self.code,
            "filter",
            vec![key("keep", rules)],
        ));
    }

    fn joined(&mut self, called: &Called<'a>) {
        let Some(right) = called.arg(self, "right", Some(called.after_table())) else {
            return;
        };
        let table = self.table_of(right, &called.env, 0);
        let on = called.columns(self, "on", None);
        let mut keys = vec![
            key("with", table.map(|table| Value::from(table.as_str()))),
            key("on", on),
        ];
        let unless_told = match self.code.method(called.at) {
            Some((_, "join")) => "left",
            _ => "inner",
        };
        let how = called.value(self, "how", None);
        let how = match called.arg(self, "how", None) {
            Some(_) => how.filter(|how| how == "left" || how == "inner"),
            None => Some(Value::from(unless_told)),
        };
        keys.push(key("how", how));
        self.note(Operation::of(called.at, self.code, "join", keys));
    }
}
