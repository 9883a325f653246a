//! `macro_rules!` by their call sites: macros by example, as the Rust
//! Reference has them.
//!
//! A call becomes what its macro makes of it, lowered where the call stands:
//! statements, an expression, or items. Tokens of the macro itself stand at
//! the call, so that every line is one of the caller; tokens of arguments keep
//! their place. `$crate` is `crate`. Names that a macro binds are not kept
//! apart from those of its caller, except for the variables of its `let`s.
//!
//! What a call costs is bounded ([`Budget`]), and so is how deep calls may
//! stand in what others made. A call that needs more, itself or by what it
//! makes, is not expanded at all: its arguments are lowered, as those of any
//! unknown macro.

mod budget;
mod locals;
mod matching;
mod rules;
mod table;
mod writing;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use proc_macro2::{Span, TokenStream, TokenTree};
use smol_str::SmolStr;
use syn::parse::Parser;
use syn::{Block, Expr, Item, Macro};

use super::super::facts::ExprId;
use super::attributes::for_tests;
use super::builder::{Lowering, word};
use super::control::Sink;
use super::depth;
use super::macros::{held_items, is_standard};
use super::types::path_words;
use budget::Budget;
use rules::Definition;
pub use table::{FileMacros, Macros};
use writing::Call;

/// Calls that may follow from one another, each all that the one before made.
const CALLS: u32 = 128;

/// Levels that may be open in all expansions around a place, beside those of
/// the file's own text.
const LEVELS: u32 = 2 * depth::LIMIT;

/// What is known of macros while a file is lowered.
pub(super) struct Expander {
    /// Of the whole tree.
    tree: Macros,
    /// The file at hand.
    path: SmolStr,
    /// Its own macros, with the lines of their definitions.
    own: HashMap<SmolStr, Vec<(u32, Arc<Definition>)>>,
    /// What the file may still spend.
    file: Budget,
    /// What the outermost call at hand may still spend.
    call: Option<Budget>,
    /// Levels open in the expansions around the place at hand.
    levels: u32,
    /// Files whose macros made the place at hand, innermost last.
    origins: Vec<SmolStr>,
    /// Calls expanded so far.
    n_calls: u32,
}

/// What a call became.
struct Made {
    tokens: TokenStream,
    /// Levels it opens.
    levels: u32,
    /// The file of the macro.
    origin: SmolStr,
}

impl Default for Expander {
    fn default() -> Self {
        Expander {
            tree: Macros::default(),
            path: SmolStr::default(),
            own: HashMap::new(),
            file: Budget::of_file(),
            call: None,
            levels: 0,
            origins: Vec::new(),
            n_calls: 0,
        }
    }
}

impl Expander {
    /// For the file of `tokens` at `path`, in a tree with the macros `tree`.
    pub(super) fn new(path: &str, tokens: TokenStream, tree: &Macros) -> Self {
        let mut expander = Expander {
            tree: tree.clone(),
            path: path.into(),
            ..Expander::default()
        };
        for (name, line, definition) in rules::definitions(tokens) {
            expander.define(name, line, definition);
        }
        expander
    }

    fn define(&mut self, name: SmolStr, line: u32, definition: Definition) {
        let all = self.own.entry(name).or_default();
        all.push((line, Arc::new(definition)));
    }

    /// The macro that is called, and its file. Those of the own file win, the
    /// nearest above the call first; standard ones are known otherwise.
    fn lookup(&self, mac: &Macro) -> Option<(SmolStr, Arc<Definition>)> {
        let words = path_words(&mac.path);
        let (name, path) = words.split_last()?;
        let head = path.first().map(SmolStr::as_str);
        let is_local = matches!(head, None | Some("crate" | "self" | "super"));
        if mac.path.leading_colon.is_some() || matches!(head, Some("std" | "core" | "alloc")) {
            return None;
        }
        if is_local && let Some(all) = self.own.get(name) {
            let line = mac.bang_token.span.start().line as u32;
            let above = all.iter().rfind(|(at, _)| *at <= line);
            let (_, definition) = above.or(all.first())?;
            return Some((self.path.clone(), definition.clone()));
        }
        if is_standard(name) {
            return None;
        }
        let from = match (head, self.origins.last()) {
            (Some("crate"), Some(origin)) => origin,
            _ => &self.path,
        };
        let (path, definition) = self.tree.nearest(name, from)?;
        Some((path.clone(), definition.clone()))
    }

    /// One call; `None` where no rule fits or it costs too much.
    fn step(&mut self, mac: &Macro) -> Option<Made> {
        let (origin, definition) = self.lookup(mac)?;
        let budget = self.call.as_mut()?;
        budget.steps(1)?;
        self.n_calls += 1;
        let call = Call {
            span: mac.bang_token.span,
            number: self.n_calls,
        };
        let (rule, bindings) = matching::find(&definition, mac.tokens.clone(), budget)?;
        let tokens = writing::write(&rule.body, &bindings, call, budget)?;
        match depth::levels(tokens.clone()) {
            Some(levels) if self.levels + levels <= LEVELS => Some(Made {
                tokens,
                levels,
                origin,
            }),
            _ => {
                budget.spend();
                None
            }
        }
    }

    /// A call, and the call that it became, and so on.
    fn steps(&mut self, mac: &Macro) -> Option<Made> {
        let mut made = self.step(mac)?;
        for _ in 1..CALLS {
            let Some(next) = only_call(&made.tokens) else {
                return Some(made);
            };
            match self.step(&next) {
                Some(next) => made = next,
                None => return Some(made),
            }
        }
        self.give_up();
        None
    }

    fn is_spent(&self) -> bool {
        self.call.is_some_and(|call| call.is_spent())
    }

    fn give_up(&mut self) {
        if let Some(call) = &mut self.call {
            call.spend();
        }
    }
}

/// The macro call that `tokens` consist of.
fn only_call(tokens: &TokenStream) -> Option<Macro> {
    let mut trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    if matches!(trees.last(), Some(TokenTree::Punct(end)) if end.as_char() == ';') {
        trees.pop();
    }
    let (TokenTree::Group(_), rest) = trees.split_last()? else {
        return None;
    };
    let is_path = |token: &TokenTree| match token {
        TokenTree::Ident(_) => true,
        TokenTree::Punct(punct) => matches!(punct.as_char(), ':' | '!'),
        _ => false,
    };
    if !rest.iter().all(is_path) {
        return None;
    }
    syn::parse2(trees.into_iter().collect()).ok()
}

impl Lowering {
    /// What `lower` makes of the expansion of `mac`. `None`, and nothing
    /// done, where `mac` is no known `macro_rules!`, its arguments fit no
    /// rule, it costs too much, or `lower` says so.
    pub(super) fn expanded<T>(
        &mut self,
        mac: &Macro,
        lower: impl FnOnce(&mut Self, TokenStream) -> Option<T>,
    ) -> Option<T> {
        self.expander.lookup(mac)?;
        let mark = self.mark();
        self.budgeted(|s| {
            let made = s.expander.steps(mac)?;
            s.expander.levels += made.levels;
            s.expander.origins.push(made.origin);
            let lowered = lower(s, made.tokens);
            s.expander.origins.pop();
            s.expander.levels -= made.levels;
            if s.expander.is_spent() {
                s.go_back(&mark);
                return None;
            }
            lowered
        })
    }

    /// Does `work` with the budget of the outermost call.
    fn budgeted<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        if self.expander.call.is_some() {
            return work(self);
        }
        let given = self.expander.file.of_call();
        self.expander.call = Some(given);
        let result = work(self);
        if let Some(left) = self.expander.call.take() {
            self.expander.file.settle(given, left);
        }
        result
    }

    /// Statements that a macro made, the last one's value to `sink`.
    pub(super) fn made_statements(&mut self, tokens: TokenStream, sink: &Sink) -> Option<()> {
        let stmts = Block::parse_within.parse2(tokens).ok()?;
        self.statements(&stmts, sink);
        Some(())
    }

    /// A value that a macro made, by an expression or by statements.
    pub(super) fn made_value(&mut self, tokens: TokenStream, span: Span) -> Option<ExprId> {
        if let Ok(value) = syn::parse2::<Expr>(tokens.clone()) {
            return Some(self.value(&value));
        }
        let stmts = Block::parse_within.parse2(tokens).ok()?;
        let result = self.temporary();
        self.statements(&stmts, &Sink::Into(result.clone()));
        Some(self.name(result, span))
    }

    /// `items` with those that macros among them make in their place, and the
    /// levels that these open.
    pub(super) fn unfolded<'a>(
        &mut self,
        items: impl Iterator<Item = &'a Item>,
    ) -> (Vec<Cow<'a, Item>>, u32) {
        let mut unfolded = Vec::new();
        let mut levels = 0;
        for item in items {
            let mut made = Vec::new();
            let found = match item {
                Item::Macro(call) if call.mac.path.is_ident("macro_rules") => {
                    if !self.expander.origins.is_empty() {
                        self.define(call);
                    }
                    continue;
                }
                Item::Macro(call) if !for_tests(&call.attrs) => self.budgeted(|s| {
                    let found = s.unfold(&call.mac, 0, &mut made);
                    found.filter(|_| !s.expander.is_spent())
                }),
                _ => None,
            };
            match found {
                Some(found) if self.expander.levels + found <= LEVELS => {
                    levels = levels.max(found);
                    unfolded.extend(made.into_iter().map(Cow::Owned));
                }
                _ => unfolded.push(Cow::Borrowed(item)),
            }
        }
        (unfolded, levels)
    }

    /// Does `work` inside expansions that open `levels`.
    pub(super) fn with_levels(&mut self, levels: u32, work: impl FnOnce(&mut Self)) {
        self.expander.levels += levels;
        work(self);
        self.expander.levels -= levels;
    }

    /// Adds the items of `mac` to `made`; gives the levels they open, `None`
    /// where there are none.
    fn unfold(&mut self, mac: &Macro, n_outer: u32, made: &mut Vec<Item>) -> Option<u32> {
        let (items, mut levels) = match self.expander.steps(mac) {
            Some(expansion) => {
                let file: syn::File = syn::parse2(expansion.tokens).ok()?;
                (file.items, expansion.levels)
            }
            None => (held_items(mac)?, 0),
        };
        if n_outer >= CALLS {
            self.expander.give_up();
            return None;
        }
        for item in items {
            match &item {
                Item::Macro(call) if call.mac.path.is_ident("macro_rules") => self.define(call),
                Item::Macro(call) if !for_tests(&call.attrs) => {
                    match self.unfold(&call.mac, n_outer + 1, made) {
                        Some(inner) => levels = levels.max(inner),
                        None => made.push(item),
                    }
                }
                _ => made.push(item),
            }
        }
        Some(levels)
    }

    /// A definition that a macro made.
    fn define(&mut self, item: &syn::ItemMacro) {
        if let Some(name) = &item.ident
            && let Some(definition) = Definition::read(item.mac.tokens.clone())
        {
            let line = name.span().start().line as u32;
            self.expander.define(word(name), line, definition);
        }
    }
}
