//! Format strings and their arguments.

use proc_macro2::{Span, TokenStream};
use smol_str::SmolStr;

use super::super::super::facts::{ExprId, ExprKind};
use super::super::builder::Lowering;
use super::arguments::{Given, arguments};
use super::text::text_of;

impl Lowering {
    /// `format!`'s value.
    pub(super) fn format_call(&mut self, tokens: &TokenStream) -> Option<ExprId> {
        let args = arguments(tokens)?;
        text_of(&args.first()?.value)?;
        Some(self.format(&args))
    }

    /// A format string and its arguments. An argument the string does not
    /// name is a hole at the end.
    pub(super) fn format(&mut self, args: &[Given]) -> ExprId {
        let text = args.first().and_then(|arg| text_of(&arg.value));
        let (text, span) = text.unwrap_or_else(|| (String::new(), Span::call_site()));
        let mut given: Vec<(Option<SmolStr>, Option<ExprId>)> = Vec::new();
        for arg in args.iter().skip(1) {
            given.push((arg.name.clone(), Some(self.value(&arg.value))));
        }
        let mut parts = Vec::new();
        let mut next = 0;
        for piece in pieces(&text) {
            let part = match piece {
                Piece::Text(text) => Some(self.expr(ExprKind::Str(text.into()), span)),
                Piece::Hole("") => {
                    next += 1;
                    given.get_mut(next - 1).and_then(|arg| arg.1.take())
                }
                Piece::Hole(hole) => self.hole(hole, &mut given, span),
            };
            parts.extend(part);
        }
        parts.extend(given.into_iter().filter_map(|(_, value)| value));
        self.expr(ExprKind::Format(parts.into()), span)
    }

    fn hole(
        &mut self,
        hole: &str,
        given: &mut [(Option<SmolStr>, Option<ExprId>)],
        span: Span,
    ) -> Option<ExprId> {
        let arg = match hole.parse::<usize>() {
            Ok(idx) => given.get_mut(idx),
            Err(_) => given
                .iter_mut()
                .find(|(name, _)| name.as_deref() == Some(hole)),
        };
        match arg {
            Some((_, value)) => value.take(),
            None => Some(self.name(hole, span)),
        }
    }
}

/// A piece of a format string.
enum Piece<'a> {
    Text(String),
    /// What stands before the colon in braces.
    Hole(&'a str),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        plain.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            plain.push_str(brace);
            rest = after;
        } else if brace == "{"
            && let Some((hole, after)) = rest.split_once('}')
        {
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            let name = hole.split_once(':').map_or(hole, |(name, _)| name);
            pieces.push(Piece::Hole(name.trim()));
            rest = after;
        }
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    pieces
}
