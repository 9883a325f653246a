//! Macros that test something: assertions, `ensure!`, `matches!`, and `dbg!`.

use proc_macro2::{Span, TokenStream};
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Macro, Pat, Token};

use super::super::super::facts::{CompareOp, ExprId, ExprKind, StmtKind, UnaryOp};
use super::super::builder::{Lowering, positional};
use super::super::types::path_words;
use super::arguments::{Given, arguments, expressions};

impl Lowering {
    /// `assert!`: a test; what its message computes runs after it.
    pub(super) fn assertion(&mut self, tokens: &TokenStream, span: Span) -> Option<()> {
        let args = arguments(tokens)?;
        let (test, message) = args.split_first()?;
        let test = self.value(&test.value);
        self.asserted(test, message, span);
        Some(())
    }

    /// `assert_eq!`, `assert_ne!`.
    pub(super) fn equality(&mut self, tokens: &TokenStream, equal: bool, span: Span) -> Option<()> {
        let args = arguments(tokens)?;
        let [left, right, message @ ..] = args.as_slice() else {
            return None;
        };
        let operands = [self.value(&left.value), self.value(&right.value)].into();
        let op = if equal { CompareOp::Eq } else { CompareOp::Ne };
        let ops = [op].into();
        let test = self.expr(ExprKind::Compare { operands, ops }, span);
        self.asserted(test, message, span);
        Some(())
    }

    fn asserted(&mut self, test: ExprId, message: &[Given], span: Span) {
        self.stmt(StmtKind::Assert(test), span);
        if message.len() > 1 {
            let message = self.format(message);
            self.stmt(StmtKind::Expr(message), span);
        }
    }

    /// `ensure!`: where the test fails, the error is raised.
    pub(super) fn ensured(&mut self, mac: &Macro, span: Span) -> Option<()> {
        let args = arguments(&mac.tokens)?;
        let (test, message) = args.split_first()?;
        let operand = self.value(&test.value);
        let op = UnaryOp::Not;
        let test = self.expr(ExprKind::Unary { op, operand }, span);
        let (then, ()) = self.block(|s| {
            let mut words = path_words(&mac.path);
            if let Some(last) = words.last_mut() {
                *last = format!("{last}!").into();
            }
            let callee = s.path_of(&words, span);
            let args = s.message(message);
            let error = s.call(callee, args.into_iter().map(positional).collect(), span);
            s.stmt(StmtKind::Raise(Some(error)), span);
        });
        let other = Vec::new();
        self.stmt(StmtKind::If { test, then, other }, span);
        Some(())
    }

    /// A format string with its arguments, or an error.
    fn message(&mut self, args: &[Given]) -> Vec<ExprId> {
        match args.first() {
            Some(first) if super::text::text_of(&first.value).is_some() => vec![self.format(args)],
            _ => args.iter().map(|arg| self.value(&arg.value)).collect(),
        }
    }

    /// `matches!`: the test that its pattern is, and the guard.
    pub(super) fn matching(&mut self, tokens: &TokenStream, span: Span) -> Option<ExprId> {
        let (value, pat, guard) = match_arguments.parse2(tokens.clone()).ok()?;
        let place = self.place(&value, span);
        let mut tests: Vec<ExprId> = self.pattern_test(&pat, &place).into_iter().collect();
        if let Some(guard) = guard {
            self.bind_pattern(&pat, &place);
            tests.push(self.value(&guard));
        }
        Some(match tests.is_empty() {
            true => self.expr(ExprKind::Bool(true), span),
            false => self.all(tests, span),
        })
    }

    /// `dbg!`: its argument, or a tuple of several.
    pub(super) fn debugged(&mut self, tokens: &TokenStream, span: Span) -> Option<ExprId> {
        let args = expressions(tokens)?;
        let mut args: Vec<ExprId> = args.iter().map(|arg| self.value(arg)).collect();
        Some(match args.len() {
            0 => self.expr(ExprKind::None, span),
            1 => args.remove(0),
            _ => self.expr(ExprKind::Tuple(args.into()), span),
        })
    }
}

fn match_arguments(input: ParseStream) -> syn::Result<(Expr, Pat, Option<Expr>)> {
    let value = input.parse()?;
    input.parse::<Token![,]>()?;
    let pat = Pat::parse_multi_with_leading_vert(input)?;
    let guard = match input.parse::<Option<Token![if]>>()? {
        Some(_) => Some(input.parse()?),
        None => None,
    };
    input.parse::<Option<Token![,]>>()?;
    Ok((value, pat, guard))
}
