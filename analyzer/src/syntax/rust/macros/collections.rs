//! Macros that build: `vec!`, maps and sets, and ndarray's `s!`.

use proc_macro2::{Span, TokenStream};
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Token};

use super::super::super::facts::{ExprId, ExprKind};
use super::super::builder::Lowering;
use super::super::values::start;
use super::arguments::{arguments, expressions};

impl Lowering {
    /// `vec![a, b]` and `vec![a; n]`.
    pub(super) fn vector(&mut self, tokens: &TokenStream, span: Span) -> ExprId {
        if let Some(args) = expressions(tokens) {
            let elems = args.iter().map(|arg| self.value(arg)).collect();
            return self.expr(ExprKind::List(elems), span);
        }
        let repeated = |input: ParseStream| {
            let elem: Expr = input.parse()?;
            input.parse::<Token![;]>()?;
            Ok((elem, input.parse::<Expr>()?))
        };
        match repeated.parse2(tokens.clone()) {
            Ok((elem, len)) => {
                let elem = self.value(&elem);
                let list = self.expr(ExprKind::List([elem].into()), span);
                self.with_length(list, &len, span)
            }
            Err(_) => {
                let elems = self.salvage(tokens);
                self.expr(ExprKind::List(elems.into()), span)
            }
        }
    }

    pub(super) fn set_of(&mut self, tokens: &TokenStream, span: Span) -> Option<ExprId> {
        let elems = expressions(tokens)?;
        let elems = elems.iter().map(|elem| self.value(elem)).collect();
        Some(self.expr(ExprKind::Set(elems), span))
    }

    pub(super) fn map_of(&mut self, tokens: &TokenStream, span: Span) -> Option<ExprId> {
        let args = arguments(tokens)?;
        if args.iter().any(|arg| arg.key.is_none()) {
            return None;
        }
        let entries = self.entries(&args);
        Some(self.expr(ExprKind::Dict(entries.into()), span))
    }

    /// `s![a..b;c, d]`: an index for each axis.
    pub(super) fn slices(&mut self, tokens: &TokenStream, span: Span) -> Option<ExprId> {
        let axes = slice_arguments.parse2(tokens.clone()).ok()?;
        let mut axes: Vec<ExprId> = axes
            .iter()
            .map(|(axis, step)| self.axis(axis, step.as_ref()))
            .collect();
        Some(match axes.len() {
            1 => axes.remove(0),
            _ => self.expr(ExprKind::Tuple(axes.into()), span),
        })
    }

    fn axis(&mut self, axis: &Expr, step: Option<&Expr>) -> ExprId {
        let Expr::Range(range) = axis else {
            return self.value(axis);
        };
        let ends = [range.start.as_deref(), range.end.as_deref(), step];
        let ends = ends.map(|end| end.map(|end| self.value(end)));
        self.expr(ExprKind::Slice(Box::new(ends)), start(axis))
    }
}

type Axis = (Expr, Option<Expr>);

fn slice_arguments(input: ParseStream) -> syn::Result<Vec<Axis>> {
    let axis = |input: ParseStream| {
        let axis = input.parse()?;
        let step = match input.parse::<Option<Token![;]>>()? {
            Some(_) => Some(input.parse()?),
            None => None,
        };
        Ok((axis, step))
    };
    let axes = input.parse_terminated(axis, Token![,])?;
    Ok(axes.into_iter().collect())
}
