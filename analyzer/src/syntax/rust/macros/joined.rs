//! `join!` and `try_join!`: several futures awaited together.

use proc_macro2::{Span, TokenStream};
use syn::parse::{Parse as _, ParseStream, Parser};
use syn::{Expr, Token};

use super::super::super::facts::{ExprId, ExprKind};
use super::super::builder::Lowering;
use super::super::values::start;
use super::select::biased;

impl Lowering {
    /// A tuple of what the futures give.
    pub(super) fn joined(&mut self, tokens: &TokenStream, span: Span) -> Option<ExprId> {
        let futures = join_arguments.parse2(tokens.clone()).ok()?;
        let mut values = Vec::new();
        for future in &futures {
            let value = self.value(future);
            values.push(self.expr(ExprKind::Await(value), start(future)));
        }
        Some(self.expr(ExprKind::Tuple(values.into()), span))
    }
}

fn join_arguments(input: ParseStream) -> syn::Result<Vec<Expr>> {
    biased(input)?;
    let futures = input.parse_terminated(Expr::parse, Token![,])?;
    Ok(futures.into_iter().collect())
}
