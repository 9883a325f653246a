//! What stages do to tables, in the order in which it happens, in the words of
//! `functions.toml`.
//!
//! A walk starts at a way in, enters the functions of the tree with what their
//! parameters stand for, and notes each operation of a library that the
//! runtime has a step for. A key that the code does not say is there without
//! a value: whoever writes the steps down says where to look.
//!
//! The steps of training are those of the way in that does most of them. Rows
//! that are dropped there and not on the way of a request are dropped only
//! when fitted.

mod assigned;
mod branches;
mod called;
mod condition;
mod expression;
mod filter;
mod fitted;
mod grouped;
mod known;
mod model;
mod parameters;
mod source;
mod split;
mod value;
mod walk;

use std::collections::BTreeSet;

use rustc_hash::FxHashSet;
use serde_json::Value;
use smol_str::SmolStr;

use super::code::{At, Code};
use super::transforms::{Bound, Env, Forms};
use crate::cut::{Key, Operation};
use crate::graph::{FuncId, Held};
use crate::routes::RouteKind;
use crate::stages::Stage;
use crate::syntax::facts::{BinaryOp, ExprId, ExprKind};
use walk::Walk;

/// How deep calls and constants are followed.
const MAX_DEPTH: u32 = 24;

/// Ways in that are walked at most; those that route first.
const MAX_STARTS: usize = 64;

/// The operations of preparation and training, in order.
pub(super) fn operations(code: &Code<'_>, stages: &[Stage]) -> Vec<Operation> {
    let starts = starts(code, stages);
    let http = code.ctx.routes.iter();
    let handlers: FxHashSet<FuncId> = http
        .filter(|route| route.kind == RouteKind::Http)
        .filter(|route| stages.get(route.handler.0 as usize) == Some(&Stage::Inference))
        .map(|route| route.handler)
        .collect();
    let apart = |func: FuncId| {
        let stage = stages.get(func.0 as usize);
        handlers.contains(&func) || stage == Some(&Stage::Monitoring)
    };
    let walked: Vec<Vec<Operation>> = starts
        .iter()
        .map(|start| Walk::new(code, stages, &apart).from(*start))
        .collect();
    let of = |stage: Stage| {
        // Of equal ones the first.
        let best = walked.iter().rev().max_by_key(|walk| worth(walk, stage));
        let own = best.into_iter().flatten();
        own.filter(move |operation| operation.stage == stage)
            .cloned()
    };
    let mut found: Vec<Operation> = of(Stage::Preprocessing).collect();
    let requests = requests(code, stages);
    let served: FxHashSet<_> = requests
        .iter()
        .map(|operation| (operation.file, operation.line))
        .collect();
    for operation in &mut found {
        let drops = matches!(
            operation.kind.as_str(),
            "clip" | "drop-duplicates" | "drop-missing" | "filter"
        );
        operation.only_fit = drops && !served.contains(&(operation.file, operation.line));
    }
    found.extend(of(Stage::Training));
    let mut found = with_label(merged(found));
    found.retain(|operation| operation.kind != "optional");
    let optional = requests
        .into_iter()
        .filter(|operation| operation.kind == "optional");
    found.extend(merged(optional.collect()));
    found.extend(model::metrics(code));
    found
}

/// How much of a stage's work a walk shows: its places, and more where it
/// goes on to a split and a model.
fn worth(walk: &[Operation], stage: Stage) -> usize {
    let own = walk.iter().filter(|operation| operation.stage == stage);
    let places: BTreeSet<_> = own.map(|own| (own.file, own.line, &own.kind)).collect();
    let has = |kind: &str| usize::from(walk.iter().any(|operation| operation.kind == kind));
    match places.len() {
        0 => 0,
        places => places + 2 * has("split") + 3 * has("model"),
    }
}

/// Functions that nobody in the tree calls, and handlers of routes, from which
/// preparation or training is reached.
fn starts(code: &Code<'_>, stages: &[Stage]) -> Vec<FuncId> {
    let ctx = code.ctx;
    let mut callers: Vec<Vec<FuncId>> = vec![Vec::new(); stages.len()];
    for call in &ctx.call_graph.seen_through {
        if let Some(callers) = callers.get_mut(call.callee.0 as usize)
            && call.caller != call.callee
        {
            callers.push(call.caller);
        }
    }
    let works = |stage: Stage| matches!(stage, Stage::Preprocessing | Stage::Training);
    let mut open: Vec<FuncId> = ctx
        .program
        .func_ids()
        .filter(|func| stages.get(func.0 as usize).copied().is_some_and(works))
        .collect();
    let mut reaches: FxHashSet<FuncId> = open.iter().copied().collect();
    while let Some(func) = open.pop() {
        for caller in callers.get(func.0 as usize).into_iter().flatten() {
            if reaches.insert(*caller) {
                open.push(*caller);
            }
        }
    }
    let handlers: BTreeSet<FuncId> = ctx.routes.iter().map(|route| route.handler).collect();
    let mut starts: Vec<FuncId> = handlers
        .iter()
        .copied()
        .filter(|func| reaches.contains(func))
        .collect();
    let alone = reaches.iter().copied().filter(|func| {
        let called = callers.get(func.0 as usize);
        called.is_none_or(Vec::is_empty) && !handlers.contains(func)
    });
    let mut alone: Vec<FuncId> = alone.collect();
    alone.sort_unstable();
    starts.extend(alone);
    // Notebooks are where things were tried; what runs is elsewhere, if it is.
    let tried = |func: &FuncId| {
        let path = &code.facts(ctx.program.function(*func).file).path;
        path.ends_with(".ipynb")
    };
    if !starts.iter().all(tried) {
        starts.retain(|func| !tried(func));
    }
    starts.truncate(MAX_STARTS);
    starts
}

/// What is done to the rows of requests.
fn requests(code: &Code<'_>, stages: &[Stage]) -> Vec<Operation> {
    let routes = code.ctx.routes.iter();
    routes
        .filter(|route| route.kind == RouteKind::Http)
        .filter(|route| stages.get(route.handler.0 as usize) == Some(&Stage::Inference))
        .flat_map(|route| Walk::new(code, stages, &|_| false).from(route.handler))
        .collect()
}

/// `frame.drop(columns=["label"])` makes the rows that are learnt from; the
/// label stays in the table.
fn with_label(mut operations: Vec<Operation>) -> Vec<Operation> {
    let labels: Vec<Value> = operations
        .iter()
        .filter(|operation| operation.kind == "label")
        .filter_map(|operation| operation.keys.first()?.value.clone())
        .collect();
    operations.retain_mut(|operation| {
        if operation.kind != "drop" {
            return true;
        }
        match operation
            .keys
            .first_mut()
            .and_then(|key| key.value.as_mut())
        {
            Some(Value::Array(columns)) => {
                columns.retain(|column| !labels.contains(column));
                !columns.is_empty()
            }
            _ => true,
        }
    });
    operations
}

/// Neighbours that say the same of several columns are one.
fn merged(operations: Vec<Operation>) -> Vec<Operation> {
    let mut found: Vec<Operation> = Vec::new();
    for operation in operations {
        if found.iter().any(|known| known.says(&operation)) {
            continue;
        }
        if let Some(last) = found.last_mut()
            && last.takes(&operation)
        {
            continue;
        }
        found.push(operation);
    }
    found
}

impl Operation {
    fn of(at: At, code: &Code<'_>, kind: &str, keys: Vec<Key>) -> Operation {
        Operation {
            stage: Stage::Preprocessing,
            kind: kind.into(),
            keys,
            only_fit: false,
            file: at.file,
            line: code.line(at),
        }
    }

    /// The same; wherever it stands, where it is learnt and done column by
    /// column: the rows to be tested on are treated as those to be trained on.
    fn says(&self, other: &Operation) -> bool {
        let same = (&self.kind, &self.keys, self.stage, self.only_fit)
            == (&other.kind, &other.keys, other.stage, other.only_fit);
        let here = (self.file, self.line) == (other.file, other.line);
        let known = self.keys.iter().all(|key| key.value.is_some());
        let anywhere = matches!(
            self.kind.as_str(),
            "bin"
                | "clip"
                | "drop"
                | "drop-duplicates"
                | "impute"
                | "label"
                | "log"
                | "one-hot"
                | "optional"
                | "ordinal"
                | "rename"
                | "scale"
        );
        same && (here || known && anywhere)
    }

    /// Adds the columns of `other` where the two differ in nothing else.
    fn takes(&mut self, other: &Operation) -> bool {
        let alike = (&self.kind, self.only_fit, self.stage, self.file)
            == (&other.kind, other.only_fit, other.stage, other.file);
        let in_order = matches!(self.kind.as_str(), "rename" | "select");
        if !alike || in_order || self.keys.len() != other.keys.len() {
            return false;
        }
        let differ: Vec<usize> = (0..self.keys.len())
            .filter(|idx| self.keys[*idx] != other.keys[*idx])
            .collect();
        let [only] = differ.as_slice() else {
            return false;
        };
        let (own, more) = (&mut self.keys[*only], &other.keys[*only]);
        if own.name != more.name || !matches!(own.name.as_str(), "columns" | "keep") {
            return false;
        }
        match (&mut own.value, &more.value) {
            (Some(Value::Array(own)), Some(Value::Array(more))) => {
                own.extend(more.iter().cloned());
                true
            }
            (Some(Value::Object(own)), Some(Value::Object(more)))
                if self.kind != "aggregate"
                    && more.keys().all(|key| !own.contains_key(key))
                    // What is open keeps its place.
                    && own.values().chain(more.values()).all(|value| !value.is_null()) =>
            {
                own.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
                true
            }
            _ => false,
        }
    }
}

fn key(name: &str, value: impl Into<Option<Value>>) -> Key {
    Key {
        name: name.into(),
        value: value.into(),
    }
}

fn texts(names: &[SmolStr]) -> Value {
    names.iter().map(SmolStr::as_str).collect()
}

/// The columns that an index, a list or a name stands for.
fn names(forms: &Forms<'_, '_>, at: At, env: &Env) -> Vec<SmolStr> {
    match forms.code.kind(at) {
        ExprKind::Name(name) if env.contains_key(name) => match &env[name] {
            Bound::Text(text) => vec![text.clone()],
            Bound::Expr(at, env) => names(forms, *at, &env.clone()),
        },
        // Two texts are one longer text; two lists are one longer list.
        ExprKind::Binary {
            op: BinaryOp::Add,
            left,
            right,
        } => {
            let place = |expr: ExprId| at.part(expr);
            let text = |at| {
                let known = value::value(forms, at, env)?;
                known.as_str().map(SmolStr::from)
            };
            match (text(place(*left)), text(place(*right))) {
                (Some(before), Some(after)) => vec![smol_str::format_smolstr!("{before}{after}")],
                (None, None) => {
                    let mut both = names(forms, place(*left), env);
                    both.extend(names(forms, place(*right), env));
                    both
                }
                _ => Vec::new(),
            }
        }
        ExprKind::Format(parts) => {
            let text = parts.iter().map(|part| {
                let known = value::value(forms, at.part(*part), env)?;
                known.as_str().map(str::to_owned)
            });
            let text: Option<String> = text.collect();
            text.into_iter().map(SmolStr::from).collect()
        }
        ExprKind::Str(_)
        | ExprKind::List(_)
        | ExprKind::Tuple(_)
        | ExprKind::Name(_)
        | ExprKind::Attr { .. }
        | ExprKind::Call { .. } => {
            let texts = forms.code.texts(at).into_iter();
            let mut found: Vec<SmolStr> = Vec::new();
            for text in texts {
                if !found.contains(&text.text) {
                    found.push(text.text);
                }
            }
            found
        }
        _ => Vec::new(),
    }
}

const FRAMES: [&str; 4] = ["pandas.", "polars.", "pyspark.", "dask."];

/// A table or a column of one is held there.
fn is_frame(code: &Code<'_>, at: At) -> bool {
    let held = code.ctx.call_graph.held(at.file, at.expr);
    held.iter().any(|held| match held {
        Held::Object(path, _) => FRAMES.iter().any(|frame| path.starts_with(frame)),
        _ => false,
    })
}

/// It may be a table: one is held there, or nobody knows what is.
fn may_be_frame(code: &Code<'_>, at: At) -> bool {
    let graph = &code.ctx.call_graph;
    let unknown = graph.held(at.file, at.expr).is_empty() && !graph.is_container(at.file, at.expr);
    unknown || is_frame(code, at)
}

/// What only changes how a column is held.
fn is_series_maker(name: &str) -> bool {
    matches!(name, "Series" | "Index")
}

#[cfg(test)]
mod tests;
