//! `json!`: objects as `Dict`, arrays as `List`.

use proc_macro2::{Delimiter, Spacing, Span, TokenStream, TokenTree};
use syn::Expr;

use super::super::super::facts::{ExprId, ExprKind};
use super::super::builder::Lowering;
use super::start_of;

impl Lowering {
    /// `json!`'s argument.
    pub(super) fn json(&mut self, tokens: TokenStream, span: Span) -> ExprId {
        let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
        match trees.as_slice() {
            [TokenTree::Group(group)] if group.delimiter() == Delimiter::Brace => {
                let entries = split(group.stream(), ',');
                let entries = entries
                    .into_iter()
                    .map(|entry| self.json_entry(entry, span));
                let entries: Vec<_> = entries.collect();
                self.expr(ExprKind::Dict(entries.into()), group.span())
            }
            [TokenTree::Group(group)] if group.delimiter() == Delimiter::Bracket => {
                let elems = split(group.stream(), ',').into_iter();
                let elems = elems.map(|elem| self.json(elem, span)).collect();
                self.expr(ExprKind::List(elems), group.span())
            }
            [TokenTree::Ident(null)] if *null == "null" => self.expr(ExprKind::None, null.span()),
            _ => self.tokens(tokens),
        }
    }

    fn json_entry(&mut self, entry: TokenStream, span: Span) -> (Option<ExprId>, ExprId) {
        let mut parts = split(entry, ':').into_iter();
        let key = parts.next().unwrap_or_default();
        let rest: Vec<TokenStream> = parts.collect();
        let key = self.tokens(key);
        match <[TokenStream; 1]>::try_from(rest) {
            Ok([value]) => (Some(key), self.json(value, span)),
            Err(rest) => {
                let parts = rest.into_iter().map(|part| self.tokens(part)).collect();
                (Some(key), self.opaque(parts, span))
            }
        }
    }

    /// `tokens` as an expression, or what of them parses.
    fn tokens(&mut self, tokens: TokenStream) -> ExprId {
        match syn::parse2::<Expr>(tokens.clone()) {
            Ok(value) => self.value(&value),
            Err(_) => {
                let span = start_of(&tokens);
                let parts = self.salvage(&tokens);
                self.opaque(parts, span)
            }
        }
    }
}

/// What stands between separators, of which `::` and the like are none, nor
/// what stands inside `::<` and `>`.
fn split(tokens: TokenStream, separator: char) -> Vec<TokenStream> {
    let mut parts: Vec<Vec<TokenTree>> = vec![Vec::new()];
    let mut before = [' ', ' '];
    let mut glued = false;
    let mut n_angles = 0u32;
    for token in tokens {
        let mut is_separator = false;
        let mut symbol = ' ';
        let mut joint = false;
        if let TokenTree::Punct(punct) = &token {
            symbol = punct.as_char();
            joint = punct.spacing() == Spacing::Joint;
            is_separator = symbol == separator && !glued && !joint && n_angles == 0;
            match symbol {
                '<' if n_angles > 0 || before == [':', ':'] => n_angles += 1,
                '>' if before[1] != '-' && before[1] != '=' => {
                    n_angles = n_angles.saturating_sub(1);
                }
                _ => {}
            }
        }
        before = [before[1], symbol];
        glued = joint;
        if is_separator {
            parts.push(Vec::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(token);
        }
    }
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.map(|part| part.into_iter().collect()).collect()
}
