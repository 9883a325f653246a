//! `frame[rows]`: rows that are kept.

use serde_json::{Map, Value};
use smol_str::{SmolStr, format_smolstr};

use super::super::code::{At, each_stmt};
use super::super::transforms::{Bound, Env};
use super::expression::expression;
use super::value::value;
use super::walk::Walk;
use super::{MAX_DEPTH, key, may_be_frame, names};
use crate::cut::Operation;
use crate::graph::FuncId;
use crate::syntax::facts::{BinaryOp, CompareOp, ExprId, ExprKind, LoopHead, Stmt, StmtKind};

/// A rule by its name.
type Rules = Vec<(SmolStr, String)>;

impl<'a> Walk<'_, 'a> {
    pub(super) fn filtered(&mut self, at: At, base: At, index: At, env: &Env) {
        let is_mask = match self.code.kind(index) {
            ExprKind::Compare { ops, .. } => !ops.iter().any(|op| matches!(op, CompareOp::In)),
            ExprKind::Binary {
                op: BinaryOp::BitAnd | BinaryOp::BitOr,
                ..
            }
            | ExprKind::Unary { .. } => true,
            ExprKind::Call { .. } => self.tests(index),
            ExprKind::Name(name) => !env.contains_key(name) && self.is_mask(index),
            _ => false,
        };
        let column = !self.columns_of(base, env).is_empty();
        // A part that is only looked at goes nowhere.
        let goes_on = self.spine.contains(&at);
        let table = may_be_frame(self.code, base);
        if !is_mask || column || !goes_on || !table || !self.first(at) {
            return;
        }
        // What is kept of another table, or beside this one, is not what goes
        // on.
        let root = self.root(base);
        let in_place = self.into.is_none() || self.into == root;
        let rows = self.found.iter().find(|operation| operation.kind == "read");
        let rows = rows.and_then(|read| read.keys.first()?.value.as_ref()?.as_str());
        let table = self.table_of(base, env, 0);
        if let (Some(rows), Some(table)) = (rows, &table)
            && rows != table.as_str()
        {
            return;
        }
        let rules = self.rules(index, env, 0);
        let rules = rules.filter(|rules| in_place && !rules.is_empty());
        let rules = rules.map(|rules| Value::Object(named(rules)));
        self.note(Operation::of(
            at,
            self.code,
            "filter",
            vec![key("keep", rules)],
        ));
    }

    /// A name that holds a truth value of each row: it is made by a
    /// comparison, or narrowed by `&=`.
    fn is_mask(&self, at: At) -> bool {
        let ExprKind::Name(name) = self.code.kind(at) else {
            return false;
        };
        if self.narrowed(at, name) {
            return true;
        }
        let Some(value) = self.forms.last_value(at) else {
            return false;
        };
        match self.code.kind(value) {
            ExprKind::Compare { .. } => true,
            ExprKind::Binary {
                op: BinaryOp::BitAnd | BinaryOp::BitOr,
                ..
            } => true,
            ExprKind::Unary { operand, .. } => {
                let kind = self.code.kind(value.part(*operand));
                !matches!(kind, ExprKind::Number(_))
            }
            ExprKind::Call { .. } => self.tests(value),
            _ => false,
        }
    }

    /// A method that answers a truth value of each row is called.
    fn tests(&self, at: At) -> bool {
        self.code.method(at).is_some_and(|(_, name)| is_test(name))
    }

    fn narrowed(&self, at: At, name: &str) -> bool {
        let facts = self.code.facts(at.file);
        let mut narrowed = false;
        each_stmt(&facts.scope(facts.owner(at.scope)).body, &mut |stmt| {
            narrowed |= matches!(&stmt.kind, StmtKind::Augment { target, op: BinaryOp::BitAnd, .. }
                if matches!(&facts.expr(*target).kind, ExprKind::Name(target) if target == name));
        });
        narrowed
    }

    /// All that a row has to be; no answer where one part of it cannot be
    /// said.
    fn rules(&self, at: At, env: &Env, depth: u32) -> Option<Rules> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.code.kind(at) {
            ExprKind::Name(name) if env.contains_key(name) => match &env[name] {
                Bound::Expr(at, env) => self.rules(*at, &env.clone(), depth + 1),
                Bound::Text(_) => None,
            },
            ExprKind::Name(name) if self.narrowed(at, name) => {
                let facts = self.code.facts(at.file);
                let body = &facts.scope(facts.owner(at.scope)).body;
                let mut rules = Rules::new();
                self.gathered(at, name, body, env, depth, &mut rules)?;
                Some(rules)
            }
            ExprKind::Name(_) => self.rules(self.forms.last_value(at)?, env, depth + 1),
            ExprKind::Call { callee, args } => {
                let callee = at.part(*callee);
                let callees = self.callees(at, callee, args, env);
                if callees.is_empty() {
                    return self.rule(at, env);
                }
                let mut rules = Rules::new();
                for (func, env) in callees {
                    rules.extend(self.rules_of(func, &env, depth + 1)?);
                }
                Some(rules)
            }
            _ => self.rule(at, env),
        }
    }

    fn rule(&self, at: At, env: &Env) -> Option<Rules> {
        let text = expression(&self.forms, at, env)?;
        let name = format_smolstr!("line_{}", self.code.line(at));
        Some(vec![(name, text)])
    }

    /// What a function answers for each row, by the function's name.
    fn rules_of(&self, func: FuncId, env: &Env, depth: u32) -> Option<Rules> {
        let (file, scope) = self.code.scope_of(func);
        let name = self.code.facts(file).scope(scope).name.clone();
        let rules = self.rules(self.code.only_return(func)?, env, depth + 1)?;
        let texts: Vec<String> = rules.into_iter().map(|(_, text)| text).collect();
        let text = match texts.as_slice() {
            [only] => only.clone(),
            several => {
                let several: Vec<String> = several.iter().map(|text| format!("({text})")).collect();
                several.join(" and ")
            }
        };
        Some(vec![(name, text)])
    }

    /// What narrows `name`, statement by statement; loops over what is known
    /// are gone through.
    fn gathered(
        &self,
        at: At,
        name: &str,
        body: &[Stmt],
        env: &Env,
        depth: u32,
        rules: &mut Rules,
    ) -> Option<()> {
        let place = |expr: ExprId| at.part(expr);
        for stmt in body {
            match &stmt.kind {
                StmtKind::Augment {
                    target,
                    op: BinaryOp::BitAnd,
                    value,
                } if matches!(self.code.kind(place(*target)), ExprKind::Name(target) if target == name) =>
                {
                    rules.extend(self.rules(place(*value), env, depth + 1)?);
                }
                StmtKind::Loop {
                    head: LoopHead::For { target, iter },
                    body,
                    ..
                } => {
                    for env in self.turns(place(*target), place(*iter), env) {
                        self.gathered(at, name, body, &env, depth, rules)?;
                    }
                }
                StmtKind::If { then, other, .. } => {
                    for body in [then, other] {
                        let mut inside = Rules::new();
                        self.gathered(at, name, body, env, depth, &mut inside)?;
                        // Whether it holds is known only when it runs.
                        if !inside.is_empty() {
                            return None;
                        }
                    }
                }
                _ => {}
            }
        }
        Some(())
    }

    /// What a loop's variables stand for, turn by turn, where that is known;
    /// else one turn in which they stand for nothing.
    fn turns(&self, target: At, iter: At, env: &Env) -> Vec<Env> {
        let unknown = || vec![env.clone()];
        let entries = match self.code.kind(iter) {
            ExprKind::Call { args, .. } if args.is_empty() => match self.code.method(iter) {
                Some((table, "items")) => Some(table),
                _ => return unknown(),
            },
            _ => None,
        };
        let Some(table) = entries else {
            let ExprKind::Name(variable) = self.code.kind(target) else {
                return unknown();
            };
            let columns = names(&self.forms, iter, env);
            if columns.is_empty() {
                return unknown();
            }
            let turn = |column: SmolStr| {
                let mut env = env.clone();
                env.insert(variable.clone(), Bound::Text(column));
                env
            };
            return columns.into_iter().map(turn).collect();
        };
        let Some(dict) = self.dict(table) else {
            return unknown();
        };
        let (ExprKind::Tuple(targets), ExprKind::Dict(entries)) =
            (self.code.kind(target), self.code.kind(dict))
        else {
            return unknown();
        };
        let [first, second] = targets.as_ref() else {
            return unknown();
        };
        let mut turns = Vec::new();
        for (key, entry) in entries {
            let Some(key) = *key else { return unknown() };
            let mut env = env.clone();
            self.bind_target(target.part(*first), dict.part(key), &mut env);
            self.bind_target(target.part(*second), dict.part(*entry), &mut env);
            turns.push(env);
        }
        turns
    }

    fn dict(&self, at: At) -> Option<At> {
        match self.code.kind(at) {
            ExprKind::Dict(_) => Some(at),
            _ => self
                .code
                .value(at)
                .filter(|at| matches!(self.code.kind(*at), ExprKind::Dict(_))),
        }
    }

    fn bind_target(&self, target: At, given: At, env: &mut Env) {
        match (self.code.kind(target), self.code.kind(given)) {
            (ExprKind::Name(name), ExprKind::Str(text)) => {
                env.insert(name.clone(), Bound::Text(text.clone()));
            }
            (ExprKind::Name(name), _) => {
                let given = match value(&self.forms, given, env) {
                    Some(_) => Bound::Expr(given, Env::default()),
                    None => return,
                };
                env.insert(name.clone(), given);
            }
            (ExprKind::Tuple(targets), ExprKind::Tuple(parts) | ExprKind::List(parts)) => {
                for (expr, part) in targets.iter().zip(parts) {
                    self.bind_target(target.part(*expr), given.part(*part), env);
                }
            }
            _ => {}
        }
    }
}

/// By their names; a second one of a name is numbered.
fn named(rules: Rules) -> Map<String, Value> {
    let mut entries = Map::new();
    for (name, text) in rules {
        let mut unique = name.to_string();
        let mut number = 2;
        while entries.contains_key(&unique) {
            unique = format!("{name}_{number}");
            number += 1;
        }
        entries.insert(unique, Value::from(text));
    }
    entries
}

/// Methods that answer a truth value of each row.
fn is_test(name: &str) -> bool {
    matches!(
        name,
        "isna"
            | "isnull"
            | "notna"
            | "notnull"
            | "between"
            | "isin"
            | "eq"
            | "ne"
            | "gt"
            | "ge"
            | "lt"
            | "le"
            | "contains"
            | "startswith"
            | "endswith"
    )
}
