//! Blocks and control flow: statements hoisted out of expressions.
//!
//! A [`Sink`] says where a block's value goes, so a function's last
//! expression becomes `Return` in each of its branches.

use proc_macro2::Span;
use smol_str::SmolStr;
use syn::spanned::Spanned;
use syn::{Block, Expr, Local, Pat};

use super::super::facts::{ExprId, ExprKind, LoopHead, Stmt, StmtKind};
use super::attributes::for_tests;
use super::builder::{Breakable, Lowering, word};
use super::patterns::{Place, place_of};
use super::values::start;

/// Most `match` arms that stand one inside the other; the next ones follow.
const ARMS_NESTED: usize = 64;

/// Where a value goes.
#[derive(Clone)]
pub(super) enum Sink {
    /// Dropped.
    Drop,
    /// Returned from the function or closure.
    Return,
    /// Assigned to a temporary.
    Into(SmolStr),
}

impl Lowering {
    pub(super) fn block_into(&mut self, block: &Block, sink: &Sink) {
        self.statements(&block.stmts, sink);
    }

    /// Items first, then the rest in order; the last one's value to `sink`.
    pub(super) fn statements(&mut self, stmts: &[syn::Stmt], sink: &Sink) {
        let items = stmts.iter().filter_map(|stmt| match stmt {
            syn::Stmt::Item(item) => Some(item),
            _ => None,
        });
        self.items(items);
        let n_stmts = stmts.len();
        for (idx, stmt) in stmts.iter().enumerate() {
            let is_last = idx + 1 == n_stmts;
            self.block_stmt(stmt, if is_last { sink } else { &Sink::Drop });
        }
    }

    fn block_stmt(&mut self, stmt: &syn::Stmt, sink: &Sink) {
        match stmt {
            syn::Stmt::Local(local) if !for_tests(&local.attrs) => self.local(local),
            syn::Stmt::Expr(value, None) => self.value_into(value, sink),
            syn::Stmt::Expr(value, Some(_)) => self.value_into(value, &Sink::Drop),
            syn::Stmt::Macro(stmt) if !for_tests(&stmt.attrs) => {
                let sink = if stmt.semi_token.is_some() {
                    &Sink::Drop
                } else {
                    sink
                };
                self.macro_into(&stmt.mac, sink);
            }
            _ => {}
        }
    }

    fn local(&mut self, local: &Local) {
        let span = local.let_token.span;
        let (pat, ty) = match &local.pat {
            Pat::Type(typed) => (&*typed.pat, Some(&*typed.ty)),
            pat => (pat, None),
        };
        let annotation = ty.map(|ty| self.ty(ty));
        let Some(init) = &local.init else {
            let mut inner = Vec::new();
            let target = self.target(pat, &mut inner);
            return self.bind(target, None, annotation, span);
        };
        if let Some((_, diverge)) = &init.diverge {
            return self.let_else(pat, &init.expr, diverge, span);
        }
        if let (Pat::Struct(_), Some(place)) = (pat, place_of(&init.expr)) {
            return self.bind_pattern(pat, &place);
        }
        let value = self.value(&init.expr);
        if let Pat::Ident(name) = pat {
            self.note_pointer(&word(&name.ident), &init.expr);
        }
        if matches!(pat, Pat::Wild(_)) {
            return self.stmt(StmtKind::Expr(value), span);
        }
        let mut inner = Vec::new();
        let target = self.target(pat, &mut inner);
        self.bind(target, Some(value), annotation, span);
        self.bind_inner(inner);
    }

    fn let_else(&mut self, pat: &Pat, value: &Expr, diverge: &Expr, span: Span) {
        let place = self.place(value, span);
        let test = self.test_of(pat, &place, span);
        let (other, ()) = self.block(|s| s.value_into(diverge, &Sink::Drop));
        let then = Vec::new();
        self.stmt(StmtKind::If { test, then, other }, span);
        self.bind_pattern(pat, &place);
    }

    fn test_of(&mut self, pat: &Pat, place: &Place, span: Span) -> ExprId {
        match self.pattern_test(pat, place) {
            Some(test) => test,
            None => self.expr(ExprKind::Bool(true), span),
        }
    }

    /// Lowers `value` and sends it to `sink`.
    pub(super) fn value_into(&mut self, value: &Expr, sink: &Sink) {
        match value {
            Expr::If(branch) => self.branch(branch, sink),
            Expr::Match(choice) => self.choice(choice, sink),
            Expr::Block(block) => self.labelled_block(block, sink),
            Expr::Unsafe(block) => self.block_into(&block.block, sink),
            Expr::Const(block) => self.block_into(&block.block, sink),
            Expr::TryBlock(block) => self.block_into(&block.block, sink),
            Expr::Loop(_) | Expr::While(_) | Expr::ForLoop(_) => self.any_loop(value, sink),
            Expr::Return(_) | Expr::Break(_) | Expr::Continue(_) => self.jump(value),
            Expr::Macro(mac) => self.macro_into(&mac.mac, sink),
            Expr::Paren(paren) => self.value_into(&paren.expr, sink),
            Expr::Group(group) => self.value_into(&group.expr, sink),
            Expr::Assign(_) | Expr::Binary(_) if self.mutation(value) => {}
            _ => {
                let span = start(value);
                let value = self.value(value);
                self.send(value, sink, span);
            }
        }
    }

    pub(super) fn send(&mut self, value: ExprId, sink: &Sink, span: Span) {
        match sink {
            Sink::Drop => self.stmt(StmtKind::Expr(value), span),
            Sink::Return => self.stmt(StmtKind::Return(Some(value)), span),
            Sink::Into(name) => {
                let target = self.name(name.clone(), span);
                self.assign(target, value, span);
            }
        }
    }

    /// The value of control flow, through a temporary.
    pub(super) fn hoisted(&mut self, value: &Expr, span: Span) -> ExprId {
        let name = self.temporary();
        self.value_into(value, &Sink::Into(name.clone()));
        self.name(name, span)
    }

    /// `return`, `break` or `continue`.
    pub(super) fn jump(&mut self, value: &Expr) {
        match value {
            Expr::Return(jump) => {
                let span = jump.return_token.span;
                match &jump.expr {
                    Some(value) => self.value_into(value, &Sink::Return),
                    None => self.stmt(StmtKind::Return(None), span),
                }
            }
            Expr::Break(jump) => {
                if let Some(value) = &jump.expr {
                    let label = jump.label.as_ref().map(label_name);
                    let sink = self.break_sink(label.as_ref());
                    self.value_into(value, &sink);
                }
            }
            _ => {}
        }
    }

    fn break_sink(&self, label: Option<&SmolStr>) -> Sink {
        let outer = self.loops.iter().rev().find(|outer| match label {
            Some(_) => outer.label.as_ref() == label,
            None => outer.is_loop,
        });
        outer.map_or(Sink::Drop, |outer| Sink::Into(outer.result.clone()))
    }

    fn breakable(
        &mut self,
        label: Option<&syn::Label>,
        is_loop: bool,
        lower: impl FnOnce(&mut Self, &SmolStr),
    ) -> SmolStr {
        let result = self.temporary();
        self.loops.push(Breakable {
            label: label.map(|label| label_name(&label.name)),
            result: result.clone(),
            is_loop,
        });
        lower(self, &result);
        self.loops.pop();
        result
    }

    fn labelled_block(&mut self, block: &syn::ExprBlock, sink: &Sink) {
        if block.label.is_none() {
            return self.block_into(&block.block, sink);
        }
        let result = self.breakable(block.label.as_ref(), false, |s, result| {
            s.block_into(&block.block, &Sink::Into(result.clone()));
        });
        self.send_result(result, sink, block.block.brace_token.span.open());
    }

    fn send_result(&mut self, result: SmolStr, sink: &Sink, span: Span) {
        if !matches!(sink, Sink::Drop) {
            let value = self.name(result, span);
            self.send(value, sink, span);
        }
    }

    fn any_loop(&mut self, value: &Expr, sink: &Sink) {
        match value {
            Expr::Loop(expr) => {
                let span = expr.loop_token.span;
                let result = self.breakable(expr.label.as_ref(), true, |s, _| {
                    let test = s.expr(ExprKind::Bool(true), span);
                    let (body, ()) = s.block(|s| s.block_into(&expr.body, &Sink::Drop));
                    s.push_loop(LoopHead::While(test), body, span);
                });
                self.send_result(result, sink, span);
            }
            Expr::While(expr) => {
                self.breakable(expr.label.as_ref(), true, |s, _| s.while_loop(expr));
            }
            Expr::ForLoop(expr) => {
                self.breakable(expr.label.as_ref(), true, |s, _| s.for_loop(expr));
            }
            _ => {}
        }
    }

    fn push_loop(&mut self, head: LoopHead, body: Vec<Stmt>, span: Span) {
        let other = Vec::new();
        self.stmt(StmtKind::Loop { head, body, other }, span);
    }

    fn for_loop(&mut self, expr: &syn::ExprForLoop) {
        let span = expr.for_token.span;
        let iter = self.value(&expr.expr);
        let mut inner = Vec::new();
        let target = self.target(&expr.pat, &mut inner);
        let (body, ()) = self.block(|s| {
            s.bind_inner(inner);
            s.block_into(&expr.body, &Sink::Drop);
        });
        self.push_loop(LoopHead::For { target, iter }, body, span);
    }

    /// Statements hoisted out of the condition open the body, since they run
    /// each time.
    fn while_loop(&mut self, expr: &syn::ExprWhile) {
        let span = expr.while_token.span;
        let (body, test) = self.block(|s| {
            let test = match &*expr.cond {
                Expr::Let(binding) => {
                    let (test, place) = s.walrus(binding);
                    s.bind_pattern(&binding.pat, &place);
                    test
                }
                cond => s.condition(cond),
            };
            s.block_into(&expr.body, &Sink::Drop);
            test
        });
        self.push_loop(LoopHead::While(test), body, span);
    }

    /// `while let`'s value, evaluated each time and named.
    fn walrus(&mut self, binding: &syn::ExprLet) -> (ExprId, Place) {
        let span = binding.let_token.span;
        if let Some(place) = place_of(&binding.expr) {
            return (self.read(&place, span), place);
        }
        let value = self.value(&binding.expr);
        let name = self.temporary();
        let target = self.name(name.clone(), span);
        let test = self.expr(ExprKind::Walrus { target, value }, span);
        (test, Place(vec![name]))
    }

    /// A condition; names that its `let`s bind are bound in front of it.
    pub(super) fn condition(&mut self, cond: &Expr) -> ExprId {
        match cond {
            Expr::Let(binding) => {
                let span = binding.let_token.span;
                let place = self.place(&binding.expr, span);
                let test = self.test_of(&binding.pat, &place, span);
                self.bind_pattern(&binding.pat, &place);
                test
            }
            Expr::Binary(both) if matches!(both.op, syn::BinOp::And(_)) => {
                let left = self.condition(&both.left);
                let right = self.condition(&both.right);
                self.expr(ExprKind::Either([left, right].into()), both.op.span())
            }
            Expr::Paren(paren) => self.condition(&paren.expr),
            Expr::Group(group) => self.condition(&group.expr),
            _ => self.value(cond),
        }
    }

    fn branch(&mut self, branch: &syn::ExprIf, sink: &Sink) {
        let span = branch.if_token.span;
        let (test, then) = self.guarded(&branch.cond, |s| s.block_into(&branch.then_branch, sink));
        let (other, ()) = self.block(|s| {
            if let Some((_, other)) = &branch.else_branch {
                s.value_into(other, sink);
            }
        });
        self.stmt(StmtKind::If { test, then, other }, span);
    }

    /// A condition and what runs when it holds; a lone `let` binds there.
    fn guarded(&mut self, cond: &Expr, then: impl FnOnce(&mut Self)) -> (ExprId, Vec<Stmt>) {
        let Expr::Let(binding) = cond else {
            let test = self.condition(cond);
            return (test, self.block(then).0);
        };
        let span = binding.let_token.span;
        let place = self.place(&binding.expr, span);
        let test = self.test_of(&binding.pat, &place, span);
        let (then, ()) = self.block(|s| {
            s.bind_pattern(&binding.pat, &place);
            then(s);
        });
        (test, then)
    }

    fn choice(&mut self, choice: &syn::ExprMatch, sink: &Sink) {
        let place = self.place(&choice.expr, choice.match_token.span);
        let arms: Vec<&syn::Arm> = choice
            .arms
            .iter()
            .filter(|arm| !for_tests(&arm.attrs))
            .collect();
        for arms in arms.chunks(ARMS_NESTED) {
            let lowered: Vec<_> = arms
                .iter()
                .map(|arm| self.block(|s| s.arm(arm, &place, sink)))
                .collect();
            let mut other = Vec::new();
            for (mut before, (test, then, line)) in lowered.into_iter().rev() {
                match test {
                    Some(test) => {
                        let kind = StmtKind::If { test, then, other };
                        before.push(Stmt { kind, line });
                    }
                    None => before.extend(then),
                }
                other = before;
            }
            self.body.extend(other);
        }
    }

    /// An arm's test, if it can fail, and its statements. A guard reads what
    /// the pattern binds, so the names are bound in front of it.
    fn arm(
        &mut self,
        arm: &syn::Arm,
        place: &Place,
        sink: &Sink,
    ) -> (Option<ExprId>, Vec<Stmt>, u32) {
        let line = arm.fat_arrow_token.spans[0].start().line as u32;
        let is_guarded = matches!(arm.pat, Pat::Guard(_));
        if is_guarded {
            self.bind_pattern(&arm.pat, place);
        }
        let test = self.pattern_test(&arm.pat, place);
        let (then, ()) = self.block(|s| {
            if !is_guarded {
                s.bind_pattern(&arm.pat, place);
            }
            s.value_into(&arm.body, sink);
        });
        (test, then, line)
    }
}

fn label_name(label: &syn::Lifetime) -> SmolStr {
    label.ident.to_string().into()
}
