//! The walk itself: statements in order, arguments before the call.

use smol_str::SmolStr;

use super::super::code::{At, Code};
use super::super::transforms::{Bound, Env, Forms};
use super::known::Known;
use super::{MAX_DEPTH, key, may_be_frame, names, texts};
use crate::cut::Operation;
use crate::graph::FuncId;
use crate::modules::FileId;
use crate::stages::Stage;
use crate::syntax::facts::{Arg, ExprId, ExprKind, LoopHead, ScopeId, Stmt, StmtKind};

/// Functions entered at most, however often one is called.
const MAX_ENTERED: usize = 800;

/// Entries of a loop's list that are gone through one by one.
const MAX_UNROLLED: usize = 64;

pub(super) struct Walk<'w, 'a> {
    pub(super) code: &'w Code<'a>,
    pub(super) forms: Forms<'w, 'a>,
    stages: &'w [Stage],
    apart: &'w dyn Fn(FuncId) -> bool,
    pub(super) found: Vec<Operation>,
    /// What is known by what was done so far.
    pub(super) known: Known,
    /// The name that is assigned at the moment.
    pub(super) into: Option<SmolStr>,
    /// The value that is assigned or returned at the moment, and what it is a
    /// method or a part of.
    pub(super) spine: Vec<At>,
    stack: Vec<FuncId>,
    entered: usize,
}

impl<'w, 'a> Walk<'w, 'a> {
    /// Functions that `apart` names are not entered.
    pub(super) fn new(
        code: &'w Code<'a>,
        stages: &'w [Stage],
        apart: &'w dyn Fn(FuncId) -> bool,
    ) -> Walk<'w, 'a> {
        Walk {
            code,
            forms: Forms { code },
            stages,
            apart,
            found: Vec::new(),
            known: Known::default(),
            into: None,
            spine: Vec::new(),
            stack: Vec::new(),
            entered: 0,
        }
    }

    /// What happens from `start` on.
    pub(super) fn from(mut self, start: FuncId) -> Vec<Operation> {
        self.function(start, &Env::default());
        self.found
    }

    /// Notes an operation; the same one again is the same.
    pub(super) fn note(&mut self, operation: Operation) {
        if !self.is_apart() && !self.found.contains(&operation) {
            self.found.push(operation);
        }
    }

    /// What the function does to tables is work of its own stage.
    pub(super) fn is_apart(&self) -> bool {
        let func = self.stack.last();
        let stage = func.and_then(|func| self.stages.get(func.0 as usize));
        matches!(
            stage,
            Some(Stage::Ingestion | Stage::Evaluation | Stage::Deployment | Stage::Monitoring)
        )
    }

    /// A part of the value that is assigned or returned at the moment.
    pub(super) fn goes_on(&self, at: At) -> bool {
        let mut found = false;
        if let Some(value) = self.spine.first() {
            self.code.below(*value, &mut |part| found |= part == at);
        }
        found
    }

    fn function(&mut self, func: FuncId, env: &Env) {
        let stage = |func: &FuncId| self.stages.get(func.0 as usize);
        // To measure a model is to ask it, not to prepare rows for it.
        let asks = stage(&func) == Some(&Stage::Inference)
            && self
                .stack
                .iter()
                .any(|func| stage(func) == Some(&Stage::Evaluation));
        let apart = !self.stack.is_empty() && (self.apart)(func);
        if self.stack.contains(&func)
            || self.stack.len() > MAX_DEPTH as usize
            || self.entered >= MAX_ENTERED
            || apart
            || asks
        {
            return;
        }
        self.entered += 1;
        self.stack.push(func);
        let (file, scope) = self.code.scope_of(func);
        let body = &self.code.facts(file).scope(scope).body;
        self.block(file, scope, body, env);
        self.stack.pop();
    }

    pub(super) fn block(&mut self, file: FileId, scope: ScopeId, body: &[Stmt], env: &Env) {
        let at = |expr: ExprId| At { file, scope, expr };
        for stmt in body {
            match &stmt.kind {
                StmtKind::Expr(expr) => self.expr(at(*expr), env),
                StmtKind::Return(Some(expr)) => {
                    self.selected(at(*expr), env);
                    self.value_of(None, at(*expr), env);
                }
                StmtKind::Assign { targets, value, .. } => {
                    let into = match targets.as_slice() {
                        [target] => match self.code.kind(at(*target)) {
                            ExprKind::Name(name) => Some(name.clone()),
                            _ => None,
                        },
                        _ => None,
                    };
                    if into.is_some() && into == self.root(at(*value)) {
                        self.selected(at(*value), env);
                    } else if into.is_some() {
                        self.selected_anew(at(*value), env);
                    }
                    self.value_of(into, at(*value), env);
                    for target in targets {
                        self.assigned(at(*target), at(*value), env);
                    }
                }
                StmtKind::Augment { target, op, value } => {
                    self.expr(at(*value), env);
                    self.augmented(at(*target), *op, at(*value), env);
                }
                StmtKind::If { test, then, other } => {
                    self.branches(at(*test), then, other, env);
                }
                StmtKind::Loop { head, body, other } => {
                    match head {
                        LoopHead::For { target, iter } => {
                            self.expr(at(*iter), env);
                            match self.unrolled(at(*target), at(*iter), body, env) {
                                Some(turns) => {
                                    for env in turns {
                                        self.block(file, scope, body, &env);
                                    }
                                }
                                None => self.block(file, scope, body, env),
                            }
                        }
                        LoopHead::While(test) => {
                            self.expr(at(*test), env);
                            self.block(file, scope, body, env);
                        }
                    }
                    self.block(file, scope, other, env);
                }
                StmtKind::With { items, body } => {
                    for (context, _) in items {
                        self.expr(at(*context), env);
                    }
                    self.block(file, scope, body, env);
                }
                StmtKind::Try {
                    body,
                    other,
                    finally,
                    ..
                } => {
                    for block in [body, other, finally] {
                        self.block(file, scope, block, env);
                    }
                }
                _ => {}
            }
        }
    }

    /// A value that is assigned to a name, or returned.
    fn value_of(&mut self, into: Option<SmolStr>, at: At, env: &Env) {
        let spine = self.chain(at);
        let outer = (
            std::mem::replace(&mut self.into, into),
            std::mem::replace(&mut self.spine, spine),
        );
        self.expr(at, env);
        (self.into, self.spine) = outer;
    }

    /// An expression, and what it is a method or a part of, in turn.
    fn chain(&self, at: At) -> Vec<At> {
        let mut chain = vec![at];
        let mut at = at;
        for _ in 0..MAX_DEPTH {
            let next = match self.code.kind(at) {
                ExprKind::Attr { base, .. } | ExprKind::Item { base, .. } => *base,
                ExprKind::Call { callee, .. } => *callee,
                _ => break,
            };
            at = at.part(next);
            chain.push(at);
        }
        chain
    }

    /// The name at the beginning of a chain of methods and indices.
    pub(super) fn root(&self, at: At) -> Option<SmolStr> {
        match self.code.kind(*self.chain(at).last()?) {
            ExprKind::Name(name) => Some(name.clone()),
            _ => None,
        }
    }

    /// A table of its own is made of some columns: it goes on where it takes
    /// the place of what was read, as at the beginning of a preparation.
    fn selected_anew(&mut self, at: At, env: &Env) {
        let begins = !self.found.iter().any(|operation| operation.kind != "read");
        let is_chain = matches!(self.code.kind(at), ExprKind::Call { .. });
        if begins && is_chain {
            self.selected(at, env);
        }
    }

    /// `frame[columns].dropna()…`: the table goes on with these columns.
    fn selected(&mut self, at: At, env: &Env) {
        let mut at = at;
        for _ in 0..MAX_DEPTH {
            match self.code.kind(at) {
                ExprKind::Call { .. } => match self.code.method(at) {
                    Some((base, name)) if keeps_table(name) => at = base,
                    _ => return,
                },
                ExprKind::Item { base, index } => {
                    let (base, index) = (at.part(*base), at.part(*index));
                    if matches!(
                        self.code.kind(index),
                        ExprKind::Str(_) | ExprKind::Call { .. }
                    ) {
                        return;
                    }
                    let columns = names(&self.forms, index, env);
                    if columns.len() > 1 && may_be_frame(self.code, base) {
                        let keys = vec![key("columns", texts(&columns))];
                        self.note(Operation::of(at, self.code, "select", keys));
                    }
                    return;
                }
                _ => return,
            }
        }
    }

    /// What the loop's variable stands for in each turn, where the loop goes
    /// over columns by name. Nothing where all turns are said at once: a
    /// statement on `frame[name]` is one on all of them.
    fn unrolled(&self, target: At, iter: At, body: &[Stmt], env: &Env) -> Option<Vec<Env>> {
        let ExprKind::Name(name) = self.code.kind(target) else {
            return None;
        };
        let at = |expr: ExprId| target.part(expr);
        let indexed = |target: ExprId| {
            matches!(self.code.kind(at(target)), ExprKind::Item { index, .. }
                if self.mentions(at(*index), name))
        };
        let assigns = body.iter().any(|stmt| match &stmt.kind {
            StmtKind::Assign { targets, .. } => targets.iter().any(|target| indexed(*target)),
            StmtKind::Augment { target, .. } => indexed(*target),
            _ => false,
        });
        if !assigns {
            return None;
        }
        let columns = names(&self.forms, iter, env);
        let few = !columns.is_empty() && columns.len() <= MAX_UNROLLED;
        few.then(|| {
            let turn = |column: SmolStr| {
                let mut env = env.clone();
                env.insert(name.clone(), Bound::Text(column));
                env
            };
            columns.into_iter().map(turn).collect()
        })
    }

    /// A name stands in an expression.
    fn mentions(&self, at: At, name: &str) -> bool {
        let mut found = false;
        let mut open = vec![at];
        while let Some(at) = open.pop() {
            found |= matches!(self.code.kind(at), ExprKind::Name(known) if known == name);
            self.code.kind(at).parts(|expr| open.push(at.part(expr)));
        }
        found
    }

    pub(super) fn expr(&mut self, at: At, env: &Env) {
        match self.code.kind(at) {
            ExprKind::Comprehension { scope, .. } => {
                let body = &self.code.facts(at.file).scope(*scope).body;
                self.block(at.file, *scope, body, env);
            }
            ExprKind::Call { callee, args } => {
                let callee = at.part(*callee);
                self.expr(callee, env);
                for arg in args {
                    self.expr(at.part(arg.value), env);
                }
                self.call(at, callee, args, env);
            }
            ExprKind::Item { base, index } => {
                let (base, index) = (at.part(*base), at.part(*index));
                self.expr(base, env);
                self.expr(index, env);
                self.filtered(at, base, index, env);
            }
            kind => {
                let mut parts = Vec::new();
                kind.parts(|expr| parts.push(at.part(expr)));
                for part in parts {
                    self.expr(part, env);
                }
            }
        }
    }

    fn call(&mut self, at: At, callee: At, args: &'a [Arg], env: &Env) {
        let callees = self.callees(at, callee, args, env);
        if callees.is_empty() {
            self.called(at, callee, args, env);
            return;
        }
        self.read(at, args);
        for (func, env) in callees {
            self.function(func, &env);
        }
    }

    /// The functions of the tree that a call can run, in the order in which
    /// they are written.
    pub(super) fn callees(
        &self,
        at: At,
        callee: At,
        args: &'a [Arg],
        env: &Env,
    ) -> Vec<(FuncId, Env)> {
        let graph = self.code.ctx.call_graph;
        let calls = graph.seen_through_of(at.file, at.expr);
        let mut funcs: Vec<FuncId> = calls.map(|call| call.callee).collect();
        funcs.sort_by_key(|func| {
            let (file, scope) = self.code.scope_of(*func);
            (file, self.code.facts(file).scope(scope).line)
        });
        funcs.dedup();
        // What `functools.partial` holds is an argument too.
        if let [_] | [] = funcs.as_slice()
            && let Some(only) = self.forms.callee_of(at, callee, args, env)
            && (funcs.is_empty() || funcs.contains(&only.0))
        {
            return vec![only];
        }
        let bind = |func: FuncId| {
            let given = vec![(at, args, env.clone())];
            (func, self.forms.bind(func, given))
        };
        funcs.into_iter().map(bind).collect()
    }

    /// True the first time that a call is seen in its function.
    pub(super) fn first(&mut self, at: At) -> bool {
        let func = self.stack.last().copied().unwrap_or(FuncId(u32::MAX));
        self.known.seen.insert((at.file, at.expr, func))
    }
}

/// Methods whose answer has the same columns.
fn keeps_table(name: &str) -> bool {
    matches!(
        name,
        "astype"
            | "copy"
            | "drop_duplicates"
            | "dropna"
            | "fillna"
            | "query"
            | "reset_index"
            | "sort_values"
    )
}
