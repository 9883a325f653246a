//! `if … else …`: the branch that is taken, where the code says which. Where
//! only a run says it, what both branches do in different ways is one open
//! step.

use serde_json::Value;

use super::super::code::{At, Code, each_stmt};
use super::super::transforms::{Bound, Env};
use super::value::value;
use super::walk::Walk;
use super::{MAX_DEPTH, key};
use crate::cut::{Key, Operation};
use crate::graph::Held;
use crate::syntax::FileFacts;
use crate::syntax::facts::{CompareOp, ExprId, ExprKind, LoopHead, Stmt, StmtKind, UnaryOp};

/// Columns of a step that are named where it is one of several.
const MOST_COLUMNS: usize = 4;

impl Walk<'_, '_> {
    pub(super) fn branches(&mut self, test: At, then: &[Stmt], other: &[Stmt], env: &Env) {
        let (file, scope) = (test.file, test.scope);
        self.expr(test, env);
        match self.holds(test, env) {
            Some(true) => self.block(file, scope, then, env),
            Some(false) => self.block(file, scope, other, env),
            None if other.is_empty() => self.block(file, scope, then, env),
            None => {
                let start = self.found.len();
                let before = self.known.clone();
                self.block(file, scope, then, env);
                let first = self.found.split_off(start);
                let after = std::mem::replace(&mut self.known, before);
                self.block(file, scope, other, env);
                let second = self.found.split_off(start);
                self.known.join(after);
                for operation in either(self.code, test, first, second) {
                    if !self.found.contains(&operation) {
                        self.found.push(operation);
                    }
                }
            }
        }
    }

    /// Whether a test holds, where the code says it.
    fn holds(&self, test: At, env: &Env) -> Option<bool> {
        match self.code.kind(test) {
            ExprKind::Unary {
                op: UnaryOp::Not,
                operand,
            } => Some(!self.holds(test.part(*operand), env)?),
            ExprKind::Compare { operands, ops } => {
                let ([left, right], [op]) = (operands.as_ref(), ops.as_ref()) else {
                    return None;
                };
                let left = self.constant(test.part(*left), env, 0)?;
                let right = self.constant(test.part(*right), env, 0)?;
                let same = same(&left, &right)?;
                match op {
                    CompareOp::Eq | CompareOp::Is => Some(same),
                    CompareOp::Ne | CompareOp::IsNot => Some(!same),
                    _ => None,
                }
            }
            _ => truth(&self.constant(test, env, 0)?),
        }
    }

    /// What an expression is whenever it is reached: a literal, an argument, or
    /// what was assigned once.
    fn constant(&self, at: At, env: &Env, depth: u32) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.code.kind(at) {
            ExprKind::Name(name) if self.stays(at, name, env) => match env.get(name) {
                Some(Bound::Text(text)) => Some(Value::from(text.as_str())),
                Some(Bound::Expr(at, env)) => self.constant(*at, env, depth + 1),
                None => self.constant(self.code.value(at)?, env, depth + 1),
            },
            ExprKind::Attr { base, .. } => {
                // Each instance has its own.
                let held = self.code.ctx.call_graph.held(at.file, *base);
                let is_own = held.iter().any(|held| matches!(held, Held::Instance(_)));
                let value = self.code.value(at).filter(|_| !is_own)?;
                self.constant(value, &Env::default(), depth + 1)
            }
            ExprKind::Str(_)
            | ExprKind::Number(_)
            | ExprKind::Bool(_)
            | ExprKind::None
            | ExprKind::Unary { .. } => value(&self.forms, at, env),
            ExprKind::Item { base, .. } if !self.is_changed(at.part(*base)) => {
                value(&self.forms, at, env)
            }
            _ => None,
        }
    }

    /// Entries of a mapping or list are set after it was made.
    fn is_changed(&self, at: At) -> bool {
        let facts = self.code.facts(at.file);
        let Some(path) = facts.dotted(at.expr) else {
            return true;
        };
        let is = |expr: ExprId| facts.dotted(expr).as_ref() == Some(&path);
        let entry = |target: ExprId| matches!(&facts.expr(target).kind, ExprKind::Item { base, .. } if is(*base));
        let mut changed = false;
        for (_, scope) in facts.scopes() {
            each_stmt(&scope.body, &mut |stmt| match &stmt.kind {
                StmtKind::Assign { targets, .. } => changed |= targets.iter().any(|to| entry(*to)),
                StmtKind::Augment { target, .. } => changed |= entry(*target),
                StmtKind::Expr(expr) => {
                    if let ExprKind::Call { callee, .. } = &facts.expr(*expr).kind
                        && let ExprKind::Attr { base, .. } = &facts.expr(*callee).kind
                    {
                        changed |= is(*base);
                    }
                }
                _ => {}
            });
        }
        changed
    }

    /// Nothing but an argument, or one assignment, says what a name holds.
    fn stays(&self, at: At, name: &str, env: &Env) -> bool {
        let facts = self.code.facts(at.file);
        let given = env.contains_key(name);
        let reached = facts.scopes().any(|(_, scope)| {
            let mut names = scope.globals.iter().chain(&scope.nonlocals);
            names.any(|declared| declared == name)
        });
        let owner = facts.owner(at.scope);
        let bound_in = |scope| {
            let mut n = 0;
            each_stmt(&facts.scope(scope).body, &mut |stmt| {
                let counts = !given || stmt.line < self.code.line(at);
                n += usize::from(counts && binds(facts, stmt, name));
            });
            n
        };
        match (given, bound_in(owner)) {
            (true, n) => n == 0,
            (false, 0) => {
                let around = self.code.ctx.modules.enclosing(at.file, at.scope);
                !reached && around.into_iter().all(|scope| bound_in(scope) <= 1)
            }
            (false, n) => n == 1 && !reached,
        }
    }
}

/// A statement says what a name holds.
fn binds(facts: &FileFacts, stmt: &Stmt, name: &str) -> bool {
    let is = |expr: ExprId| {
        let mut open = vec![expr];
        let mut found = false;
        while let Some(expr) = open.pop() {
            match &facts.expr(expr).kind {
                ExprKind::Name(known) => found |= known == name,
                ExprKind::Tuple(parts) | ExprKind::List(parts) => open.extend(parts),
                ExprKind::Starred(part) => open.push(*part),
                _ => {}
            }
        }
        found
    };
    match &stmt.kind {
        StmtKind::Assign { targets, .. } => targets.iter().any(|target| is(*target)),
        StmtKind::Augment { target, .. } => is(*target),
        StmtKind::Loop {
            head: LoopHead::For { target, .. },
            ..
        } => is(*target),
        StmtKind::With { items, .. } => {
            let mut targets = items.iter().filter_map(|(_, target)| *target);
            targets.any(is)
        }
        _ => false,
    }
}

/// Python's `==` of constants; nothing where their kinds may be equal in ways
/// that are not gone into.
fn same(left: &Value, right: &Value) -> Option<bool> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => Some(left.as_f64() == right.as_f64()),
        (Value::Bool(_), Value::Number(_)) | (Value::Number(_), Value::Bool(_)) => None,
        (Value::Array(_) | Value::Object(_), other)
        | (other, Value::Array(_) | Value::Object(_)) => other.is_null().then_some(false),
        (left, right) => Some(left == right),
    }
}

/// Python's truth of a constant; what lists hold may have changed since.
fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Null => Some(false),
        Value::Bool(truth) => Some(*truth),
        Value::Number(number) => Some(number.as_f64()? != 0.0),
        Value::String(text) => Some(!text.is_empty()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// What is done where one of two branches is taken: what both do alike, and one
/// step for what they do in different ways. What is no step is kept of both.
fn either(
    code: &Code<'_>,
    test: At,
    first: Vec<Operation>,
    second: Vec<Operation>,
) -> Vec<Operation> {
    let steps = |all: &[Operation]| -> Vec<Operation> {
        all.iter()
            .filter(|found| found.is_step())
            .cloned()
            .collect()
    };
    let (one, other) = (steps(&first), steps(&second));
    let alike = one.iter().zip(&other);
    let alike = alike.take_while(|(one, other)| one.is_like(other)).count();
    let (one_rest, other_rest) = (&one[alike..], &other[alike..]);
    let mut done: Vec<Operation> = one[..alike].to_vec();
    match (one_rest, other_rest) {
        ([], rest) | (rest, []) => done.extend(rest.iter().cloned()),
        (one, other) => done.push(open(code, test, one, other)),
    }
    let begins = first.iter().position(Operation::is_step);
    let begins = begins.unwrap_or(first.len());
    let others = |found: &&Operation| !found.is_step();
    let mut all: Vec<Operation> = first[..begins].to_vec();
    all.extend(second.iter().filter(|found| found.kind == "read").cloned());
    all.extend(done);
    all.extend(first[begins..].iter().filter(others).cloned());
    let second = second.iter().filter(others);
    all.extend(second.filter(|found| found.kind != "read").cloned());
    all
}

/// The step that stands for two. Rows that are split in both are split, which
/// what follows relies on: how, stays open where the two differ.
fn open(code: &Code<'_>, test: At, one: &[Operation], other: &[Operation]) -> Operation {
    let told = Value::from([sides(code, one), sides(code, other)].concat());
    let mut step = Operation::of(test, code, "TODO", Vec::new());
    step.stage = one.first().map_or(step.stage, |first| first.stage);
    if let ([one], [other]) = (one, other)
        && one.kind == "split"
        && other.kind == "split"
    {
        step.kind = "split".into();
        step.keys = agreed(&one.keys, &other.keys);
    }
    step.keys.push(key("either", told));
    step
}

/// What two steps of a kind have in common; what they differ in is open.
fn agreed(one: &[Key], other: &[Key]) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for given in one.iter().chain(other) {
        if keys.iter().any(|key| key.name == given.name) {
            continue;
        }
        let both = one.contains(given) && other.contains(given);
        keys.push(key(&given.name, given.value.clone().filter(|_| both)));
    }
    keys
}

/// What one branch does, in words; of a step that stands for several, theirs.
fn sides(code: &Code<'_>, steps: &[Operation]) -> Vec<String> {
    if let [only] = steps
        && only.kind == "TODO"
        && let Some(sides) = only.keys.iter().find(|key| key.name == "either")
        && let Some(Value::Array(sides)) = &sides.value
    {
        return sides
            .iter()
            .filter_map(|side| Some(side.as_str()?.to_owned()))
            .collect();
    }
    let steps: Vec<String> = steps.iter().map(|step| words(code, step)).collect();
    vec![steps.join(" and ")]
}

/// `impute age (prepare.py:12)`
fn words(code: &Code<'_>, step: &Operation) -> String {
    let columns = step.keys.iter().find(|key| key.name == "columns");
    let mut columns: Vec<&str> = match columns.and_then(|key| key.value.as_ref()) {
        Some(Value::Array(columns)) => columns.iter().filter_map(Value::as_str).collect(),
        Some(Value::Object(columns)) => columns.keys().map(String::as_str).collect(),
        _ => Vec::new(),
    };
    if columns.len() > MOST_COLUMNS {
        columns.truncate(MOST_COLUMNS);
        columns.push("…");
    }
    let what = match step.kind.as_str() {
        "TODO" => "another step",
        kind => kind,
    };
    let of = match columns.is_empty() {
        true => String::new(),
        false => format!(" {}", columns.join(", ")),
    };
    format!("{what}{of} ({}:{})", code.facts(step.file).path, step.line)
}

impl Operation {
    /// The same, wherever it stands.
    fn is_like(&self, other: &Operation) -> bool {
        (&self.kind, &self.keys, self.stage) == (&other.kind, &other.keys, other.stage)
    }
}
