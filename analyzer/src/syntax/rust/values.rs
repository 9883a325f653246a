//! Expressions that have a counterpart in the form.

use proc_macro2::Span;
use smol_str::SmolStr;
use syn::spanned::Spanned;
use syn::{BinOp, Expr, Lit, Pat, UnOp};

use super::super::facts::{
    Arg, ArgKind, BinaryOp, CompareOp, ExprId, ExprKind, ScopeKind, StmtKind, UnaryOp,
};
use super::builder::{Lowering, lines, named, positional};
use super::control::Sink;
use super::patterns::member_name;

impl Lowering {
    /// An expression; the statements it needs go in front.
    pub(super) fn value(&mut self, value: &Expr) -> ExprId {
        match value {
            Expr::Lit(literal) => self.literal(&literal.lit),
            Expr::Path(path) => self.value_path(path.qself.as_ref(), &path.path),
            Expr::Paren(inner) => self.value(&inner.expr),
            Expr::Group(inner) => self.value(&inner.expr),
            Expr::Reference(inner) => self.value(&inner.expr),
            Expr::RawAddr(inner) => self.value(&inner.expr),
            Expr::Cast(inner) => self.value(&inner.expr),
            Expr::Await(inner) => self.awaited(&inner.base),
            Expr::Try(inner) => {
                let tried = self.awaited(&inner.expr);
                self.tries.push(tried);
                tried
            }
            Expr::Field(field) => {
                let base = self.value(&field.base);
                self.attr(base, member_name(&field.member), start(value))
            }
            Expr::Call(_) | Expr::MethodCall(_) | Expr::Struct(_) => self.call_value(value),
            Expr::Macro(mac) => self.macro_value(&mac.mac),
            Expr::Closure(closure) => self.closure(closure),
            Expr::Async(block) => self.async_block(block),
            Expr::Array(_) | Expr::Tuple(_) | Expr::Repeat(_) => self.sequence(value),
            _ => self.operation(value),
        }
    }

    fn operation(&mut self, value: &Expr) -> ExprId {
        let span = start(value);
        match value {
            Expr::Unary(unary) => self.unary(unary, span),
            Expr::Binary(_) | Expr::Assign(_) if self.mutation(value) => {
                self.expr(ExprKind::None, span)
            }
            Expr::Binary(binary) => self.binary(binary, span),
            Expr::Index(index) => self.index(index, span),
            Expr::Range(range) => {
                let ends = [range.start.as_deref(), range.end.as_deref()];
                let ends = ends
                    .into_iter()
                    .flatten()
                    .map(|end| self.value(end))
                    .collect();
                self.opaque(ends, span)
            }
            Expr::Let(_) => self.condition(value),
            Expr::Return(_) | Expr::Break(_) | Expr::Continue(_) => {
                self.jump(value);
                self.opaque(Vec::new(), span)
            }
            Expr::If(branch) => self.conditional(branch, value, span),
            Expr::While(_) | Expr::ForLoop(_) => {
                self.value_into(value, &Sink::Drop);
                self.expr(ExprKind::None, span)
            }
            Expr::Yield(inner) => {
                let inner = inner.expr.as_ref().map(|inner| self.value(inner));
                self.expr(ExprKind::Yield(inner), span)
            }
            Expr::Block(_)
            | Expr::Unsafe(_)
            | Expr::Const(_)
            | Expr::TryBlock(_)
            | Expr::Match(_)
            | Expr::Loop(_) => self.hoisted(value, span),
            Expr::Infer(_) => self.name("_", span),
            _ => self.opaque(Vec::new(), span),
        }
    }

    fn awaited(&mut self, inner: &Expr) -> ExprId {
        let span = start(inner);
        let inner = self.value(inner);
        self.expr(ExprKind::Await(inner), span)
    }

    pub(super) fn literal(&mut self, literal: &Lit) -> ExprId {
        let kind = match literal {
            Lit::Str(text) => ExprKind::Str(text.value().into()),
            Lit::Char(text) => ExprKind::Str(text.value().to_string().into()),
            Lit::Int(number) => ExprKind::Number(number.base10_digits().into()),
            Lit::Float(number) => ExprKind::Number(number.base10_digits().into()),
            Lit::Bool(truth) => ExprKind::Bool(truth.value),
            _ => ExprKind::Bytes,
        };
        self.expr(kind, literal.span())
    }

    /// `a.f(b)`, `f(b)` or `S { a: b }`.
    fn call_value(&mut self, value: &Expr) -> ExprId {
        let span = start(value);
        match value {
            Expr::Call(call) => {
                let callee = self.called(&call.func, span);
                let args = call
                    .args
                    .iter()
                    .map(|arg| positional(self.value(arg)))
                    .collect();
                self.call(callee, args, span)
            }
            Expr::MethodCall(call) => {
                let base = self.value(&call.receiver);
                let callee = self.attr(base, super::builder::word(&call.method), span);
                let args = call
                    .args
                    .iter()
                    .map(|arg| positional(self.value(arg)))
                    .collect();
                self.call(callee, args, span)
            }
            Expr::Struct(literal) => self.struct_literal(literal, span),
            _ => self.opaque(Vec::new(), span),
        }
    }

    /// What is called by a path, or is held by a field: `(self.f)(x)`.
    fn called(&mut self, func: &Expr, span: Span) -> ExprId {
        let mut inner = func;
        while let Expr::Paren(paren) = inner {
            inner = &paren.expr;
        }
        let value = self.value(func);
        if !matches!(inner, Expr::Field(_)) {
            return value;
        }
        let name = self.temporary();
        let target = self.name(name.clone(), span);
        self.assign(target, value, span);
        self.name(name, span)
    }

    fn struct_literal(&mut self, literal: &syn::ExprStruct, span: Span) -> ExprId {
        let callee = self.value_path(literal.qself.as_ref(), &literal.path);
        let mut args: Vec<Arg> = Vec::new();
        for field in &literal.fields {
            let value = self.value(&field.expr);
            args.push(named(member_name(&field.member), value));
        }
        if let Some(rest) = &literal.rest {
            args.push(Arg {
                kind: ArgKind::SpreadNamed,
                name: None,
                value: self.value(rest),
            });
        }
        self.call(callee, args, span)
    }

    /// An argument of an attribute: `name = value` is by name.
    pub(super) fn argument(&mut self, arg: &Expr) -> Arg {
        if let Expr::Assign(pair) = arg
            && let Expr::Path(name) = &*pair.left
            && let Some(name) = name.path.get_ident()
        {
            let value = self.value(&pair.right);
            return named(super::builder::word(name), value);
        }
        positional(self.value(arg))
    }

    fn sequence(&mut self, value: &Expr) -> ExprId {
        let span = start(value);
        match value {
            Expr::Tuple(tuple) if tuple.elems.is_empty() => self.expr(ExprKind::None, span),
            Expr::Tuple(tuple) => {
                let elems = tuple.elems.iter().map(|elem| self.value(elem)).collect();
                self.expr(ExprKind::Tuple(elems), span)
            }
            Expr::Array(array) => {
                let elems = array.elems.iter().map(|elem| self.value(elem)).collect();
                self.expr(ExprKind::List(elems), span)
            }
            Expr::Repeat(repeat) => {
                let elem = self.value(&repeat.expr);
                let list = self.expr(ExprKind::List([elem].into()), span);
                self.with_length(list, &repeat.len, span)
            }
            _ => self.opaque(Vec::new(), span),
        }
    }

    fn index(&mut self, index: &syn::ExprIndex, span: Span) -> ExprId {
        let base = self.value(&index.expr);
        let index = match &*index.index {
            Expr::Range(range) => {
                let lower = range.start.as_ref().map(|start| self.value(start));
                let upper = range.end.as_ref().map(|end| self.value(end));
                self.expr(ExprKind::Slice(Box::new([lower, upper, None])), span)
            }
            index => self.value(index),
        };
        self.expr(ExprKind::Item { base, index }, span)
    }

    fn unary(&mut self, unary: &syn::ExprUnary, span: Span) -> ExprId {
        let operand = self.value(&unary.expr);
        let op = match unary.op {
            UnOp::Not(_) => UnaryOp::Not,
            UnOp::Neg(_) => UnaryOp::Neg,
            _ => return operand,
        };
        self.expr(ExprKind::Unary { op, operand }, span)
    }

    fn binary(&mut self, binary: &syn::ExprBinary, span: Span) -> ExprId {
        let left = self.value(&binary.left);
        let right = self.value(&binary.right);
        let kind = if let Some(op) = arithmetic(&binary.op) {
            ExprKind::Binary { op, left, right }
        } else if let Some(op) = comparison(&binary.op) {
            let operands = [left, right].into();
            let ops = [op].into();
            ExprKind::Compare { operands, ops }
        } else {
            ExprKind::Either([left, right].into())
        };
        self.expr(kind, span)
    }

    /// Lowers `a = b` or `a += b`; false for anything else.
    pub(super) fn mutation(&mut self, value: &Expr) -> bool {
        match value {
            Expr::Assign(assign) => {
                let span = assign.eq_token.span;
                let value = self.value(&assign.right);
                if let Expr::Infer(_) = &*assign.left {
                    self.stmt(StmtKind::Expr(value), span);
                } else {
                    let target = self.written(&assign.left, span);
                    self.note_static(target);
                    self.assign(target, value, span);
                }
                true
            }
            Expr::Binary(binary) => {
                let Some(op) = compound(&binary.op) else {
                    return false;
                };
                let value = self.value(&binary.right);
                let target = self.written(&binary.left, binary.op.span());
                self.note_static(target);
                let kind = StmtKind::Augment { target, op, value };
                self.stmt(kind, binary.op.span());
                true
            }
            _ => false,
        }
    }

    /// `if` as a value: a conditional where both sides are plain expressions.
    fn conditional(&mut self, branch: &syn::ExprIf, value: &Expr, span: Span) -> ExprId {
        let (Some(then), Some(other)) = (only_value(&branch.then_branch), else_value(branch))
        else {
            return self.hoisted(value, span);
        };
        if !is_plain(&branch.cond) || !is_plain(then) || !is_plain(other) {
            return self.hoisted(value, span);
        }
        let test = self.value(&branch.cond);
        let then = self.value(then);
        let other = self.value(other);
        self.expr(ExprKind::Conditional { test, then, other }, span)
    }

    fn closure(&mut self, closure: &syn::ExprClosure) -> ExprId {
        let span = closure.inputs_begin.span;
        let at = lines(span, span);
        let scope = self.open(ScopeKind::Lambda, "<lambda>".into(), at);
        let mut patterns: Vec<(SmolStr, &Pat)> = Vec::new();
        let mut params = Vec::new();
        for input in &closure.inputs {
            params.push(match input {
                Pat::Type(typed) => self.param(&typed.pat, Some(&typed.ty), &mut patterns),
                pat => self.param(pat, None, &mut patterns),
            });
        }
        let returns = self.returned(&closure.output);
        let lambda = self.scope_mut(scope);
        lambda.params = params;
        lambda.returns = returns;
        lambda.is_async = closure.asyncness.is_some();
        self.within(scope, |s| {
            s.bind_params(patterns);
            s.value_into(&closure.body, &Sink::Return);
        });
        self.close_lambda(scope);
        self.expr(ExprKind::Lambda(scope), span)
    }

    /// A block that runs when awaited: an async lambda, called.
    fn async_block(&mut self, block: &syn::ExprAsync) -> ExprId {
        let span = block.async_token.span;
        let at = lines(span, block.block.brace_token.span.close());
        let scope = self.open(ScopeKind::Lambda, "<lambda>".into(), at);
        self.scope_mut(scope).is_async = true;
        self.within(scope, |s| s.block_into(&block.block, &Sink::Return));
        let callee = self.expr(ExprKind::Lambda(scope), span);
        self.call(callee, Vec::new(), span)
    }

    /// A closure ends no earlier than its last statement.
    fn close_lambda(&mut self, scope: super::super::facts::ScopeId) {
        let lambda = self.scope_mut(scope);
        let last = lambda.body.last().map_or(lambda.line, |stmt| stmt.line);
        lambda.end_line = lambda.end_line.max(last);
    }
}

/// The one expression that a block consists of.
fn only_value(block: &syn::Block) -> Option<&Expr> {
    match block.stmts.as_slice() {
        [syn::Stmt::Expr(value, None)] => Some(value),
        _ => None,
    }
}

fn else_value(branch: &syn::ExprIf) -> Option<&Expr> {
    match &*branch.else_branch.as_ref()?.1 {
        Expr::Block(block) if block.label.is_none() => only_value(&block.block),
        _ => None,
    }
}

/// Certain to need no statement in front: names, literals, and calls,
/// attributes and operators on such.
fn is_plain(value: &Expr) -> bool {
    match value {
        Expr::Lit(_) | Expr::Path(_) => true,
        Expr::Field(inner) => is_plain(&inner.base),
        Expr::Reference(inner) => is_plain(&inner.expr),
        Expr::Group(inner) => is_plain(&inner.expr),
        Expr::Paren(inner) => is_plain(&inner.expr),
        Expr::Cast(inner) => is_plain(&inner.expr),
        Expr::Unary(inner) => is_plain(&inner.expr),
        Expr::Await(inner) => is_plain(&inner.base),
        Expr::Try(inner) => is_plain(&inner.expr),
        Expr::Call(call) => is_plain(&call.func) && call.args.iter().all(is_plain),
        Expr::MethodCall(call) => is_plain(&call.receiver) && call.args.iter().all(is_plain),
        Expr::Binary(binary) => {
            let plain = is_plain(&binary.left) && is_plain(&binary.right);
            compound(&binary.op).is_none() && plain
        }
        _ => false,
    }
}

fn arithmetic(op: &BinOp) -> Option<BinaryOp> {
    Some(match op {
        BinOp::Add(_) => BinaryOp::Add,
        BinOp::Sub(_) => BinaryOp::Sub,
        BinOp::Mul(_) => BinaryOp::Mul,
        BinOp::Div(_) => BinaryOp::Div,
        BinOp::Rem(_) => BinaryOp::Mod,
        BinOp::BitXor(_) => BinaryOp::BitXor,
        BinOp::BitAnd(_) => BinaryOp::BitAnd,
        BinOp::BitOr(_) => BinaryOp::BitOr,
        BinOp::Shl(_) => BinaryOp::Shl,
        BinOp::Shr(_) => BinaryOp::Shr,
        _ => return None,
    })
}

fn compound(op: &BinOp) -> Option<BinaryOp> {
    Some(match op {
        BinOp::AddAssign(_) => BinaryOp::Add,
        BinOp::SubAssign(_) => BinaryOp::Sub,
        BinOp::MulAssign(_) => BinaryOp::Mul,
        BinOp::DivAssign(_) => BinaryOp::Div,
        BinOp::RemAssign(_) => BinaryOp::Mod,
        BinOp::BitXorAssign(_) => BinaryOp::BitXor,
        BinOp::BitAndAssign(_) => BinaryOp::BitAnd,
        BinOp::BitOrAssign(_) => BinaryOp::BitOr,
        BinOp::ShlAssign(_) => BinaryOp::Shl,
        BinOp::ShrAssign(_) => BinaryOp::Shr,
        _ => return None,
    })
}

fn comparison(op: &BinOp) -> Option<CompareOp> {
    Some(match op {
        BinOp::Eq(_) => CompareOp::Eq,
        BinOp::Lt(_) => CompareOp::Lt,
        BinOp::Le(_) => CompareOp::Le,
        BinOp::Ne(_) => CompareOp::Ne,
        BinOp::Ge(_) => CompareOp::Ge,
        BinOp::Gt(_) => CompareOp::Gt,
        _ => return None,
    })
}

/// Where an expression starts, without walking more than its left side.
pub(super) fn start(mut value: &Expr) -> Span {
    loop {
        value = match value {
            Expr::Await(inner) => &inner.base,
            Expr::Try(inner) => &inner.expr,
            Expr::Field(inner) => &inner.base,
            Expr::Call(inner) => &inner.func,
            Expr::MethodCall(inner) => &inner.receiver,
            Expr::Binary(inner) => &inner.left,
            Expr::Index(inner) => &inner.expr,
            Expr::Cast(inner) => &inner.expr,
            Expr::Assign(inner) => &inner.left,
            Expr::Range(syn::ExprRange {
                start: Some(inner), ..
            }) => inner,
            Expr::Lit(literal) => return literal.lit.span(),
            Expr::Path(path) => return path_start(&path.path),
            Expr::Struct(literal) => return path_start(&literal.path),
            Expr::Macro(mac) => return path_start(&mac.mac.path),
            Expr::Group(inner) => &inner.expr,
            Expr::Paren(paren) => return paren.paren_token.span.open(),
            Expr::Tuple(tuple) => return tuple.paren_token.span.open(),
            Expr::Array(array) => return array.bracket_token.span.open(),
            Expr::Repeat(array) => return array.bracket_token.span.open(),
            Expr::Reference(reference) => return reference.and_token.span,
            Expr::Unary(unary) => return unary.op.span(),
            Expr::Closure(closure) => return closure.inputs_begin.span,
            Expr::Async(block) => return block.async_token.span,
            Expr::If(branch) => return branch.if_token.span,
            Expr::Match(choice) => return choice.match_token.span,
            Expr::Loop(expr) => return expr.loop_token.span,
            Expr::While(expr) => return expr.while_token.span,
            Expr::ForLoop(expr) => return expr.for_token.span,
            Expr::Unsafe(block) => return block.unsafe_token.span,
            Expr::Block(block) => return block.block.brace_token.span.open(),
            _ => return value.span(),
        };
    }
}

fn path_start(path: &syn::Path) -> Span {
    let first = path.segments.first();
    first.map_or_else(Span::call_site, |first| first.ident.span())
}
