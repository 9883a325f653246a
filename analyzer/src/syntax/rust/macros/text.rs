//! Text that macros spell: literals, and `concat!` and `stringify!` of them.

use proc_macro2::{Span, TokenStream};
use syn::{Expr, Lit};

use super::super::super::facts::{ExprId, ExprKind};
use super::super::builder::Lowering;
use super::super::values::start;
use super::arguments::expressions;

/// The text that `value` is, and where it starts.
pub(super) fn text_of(value: &Expr) -> Option<(String, Span)> {
    match value {
        Expr::Lit(syn::ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Some((text.value(), text.span())),
        Expr::Group(inner) => text_of(&inner.expr),
        Expr::Paren(inner) => text_of(&inner.expr),
        Expr::Macro(call) if call.mac.path.is_ident("concat") => {
            let parts = expressions(&call.mac.tokens)?;
            let parts: Option<String> = parts.iter().map(literal_text).collect();
            Some((parts?, start(value)))
        }
        Expr::Macro(call) if call.mac.path.is_ident("stringify") => {
            Some((call.mac.tokens.to_string(), start(value)))
        }
        _ => None,
    }
}

/// What `concat!` makes of `value`.
fn literal_text(value: &Expr) -> Option<String> {
    match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            Lit::Char(text) => Some(text.value().to_string()),
            Lit::Int(number) => Some(number.base10_digits().to_owned()),
            Lit::Float(number) => Some(number.base10_digits().to_owned()),
            Lit::Bool(truth) => Some(truth.value.to_string()),
            _ => None,
        },
        _ => text_of(value).map(|(text, _)| text),
    }
}

impl Lowering {
    /// `concat!`: a text where all parts are literals, or else one with holes.
    pub(super) fn concatenation(&mut self, tokens: &TokenStream, span: Span) -> Option<ExprId> {
        let parts = expressions(tokens)?;
        let text: Option<String> = parts.iter().map(literal_text).collect();
        if let Some(text) = text {
            return Some(self.expr(ExprKind::Str(text.into()), span));
        }
        let parts = parts.iter().map(|part| match literal_text(part) {
            Some(text) => self.expr(ExprKind::Str(text.into()), start(part)),
            None => self.value(part),
        });
        let parts = parts.collect();
        Some(self.expr(ExprKind::Format(parts), span))
    }
}
