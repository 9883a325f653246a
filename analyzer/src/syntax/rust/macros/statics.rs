//! Macros that hold items: `lazy_static!`, `thread_local!`, `cfg_if!`.

use proc_macro2::{Delimiter, Punct, Spacing, Span, TokenStream, TokenTree};
use syn::parse::Parser;
use syn::{Block, Item, Macro, Stmt};

use super::super::super::facts::StmtKind;
use super::super::attributes::for_tests;
use super::super::builder::Lowering;
use super::super::control::Sink;

/// Most branches of a `cfg_if!` that are alternatives; they stand one inside
/// the other.
const BRANCHES: usize = 64;

/// The items that a macro like `thread_local!` or `cfg_if!` holds.
pub(in super::super) fn held_items(mac: &Macro) -> Option<Vec<Item>> {
    let last = mac.path.segments.last()?;
    if last.ident != "cfg_if" {
        return items(&mac.tokens);
    }
    let branches = branches(&mac.tokens)?;
    let held: Option<Vec<Vec<Item>>> = branches.iter().map(items).collect();
    Some(held?.into_iter().flatten().collect())
}

/// `tokens` as items; `static ref` is `static`, and the last one may lack its
/// semicolon.
fn items(tokens: &TokenStream) -> Option<Vec<Item>> {
    let is_ref = |token: &TokenTree| matches!(token, TokenTree::Ident(word) if *word == "ref");
    let plain = || tokens.clone().into_iter().filter(|token| !is_ref(token));
    let semicolon = TokenTree::Punct(Punct::new(';', Spacing::Alone));
    let file = syn::parse2::<syn::File>(plain().collect());
    let file = file.or_else(|_| syn::parse2(plain().chain([semicolon]).collect()));
    let items = file.ok()?.items;
    let are_known = !items.iter().any(|item| matches!(item, Item::Verbatim(_)));
    (are_known && !items.is_empty()).then_some(items)
}

/// What stands in the braces of `if #[cfg(…)] { … } else { … }`, without what
/// is only there for tests.
fn branches(tokens: &TokenStream) -> Option<Vec<TokenStream>> {
    let mut found = Vec::new();
    let mut head = TokenStream::new();
    for token in tokens.clone() {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let attrs = syn::Attribute::parse_outer.parse2(std::mem::take(&mut head));
                if !for_tests(&attrs.ok()?) {
                    found.push(group.stream());
                }
            }
            TokenTree::Ident(word) if word == "if" || word == "else" => {}
            token => head.extend([token]),
        }
    }
    head.is_empty().then_some(found)
}

impl Lowering {
    /// `cfg_if!` in a block: its branches as alternatives.
    pub(super) fn configured(
        &mut self,
        tokens: &TokenStream,
        sink: &Sink,
        span: Span,
    ) -> Option<()> {
        let branches = branches(tokens)?;
        let parsed = branches
            .into_iter()
            .map(|branch| Block::parse_within.parse2(branch).ok());
        let parsed: Vec<Vec<Stmt>> = parsed.collect::<Option<_>>()?;
        if parsed.len() > BRANCHES {
            return None;
        }
        let mut other = Vec::new();
        for (idx, stmts) in parsed.iter().enumerate().rev() {
            let (then, ()) = self.block(|s| s.statements(stmts, sink));
            if idx + 1 == parsed.len() {
                other = then;
                continue;
            }
            let test = self.opaque(Vec::new(), span);
            let (outer, ()) = self.block(|s| {
                let other = std::mem::take(&mut other);
                s.stmt(StmtKind::If { test, then, other }, span);
            });
            other = outer;
        }
        self.body.extend(other);
        Some(())
    }
}
