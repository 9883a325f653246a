//! A rule's body, written out with what its matcher found.

use std::collections::HashMap;

use proc_macro2::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};

use super::budget::Budget;
use super::matching::{Binding, Bindings, Fragment};
use super::rules::{Part, Repeat};

/// What the names in reach stand for.
type Known<'b> = HashMap<&'b str, &'b Binding>;

/// Where a call stands, and its number among all of the file.
#[derive(Clone, Copy)]
pub(super) struct Call {
    pub(super) span: Span,
    pub(super) number: u32,
}

/// The tokens of `body`; its own stand where the call does, those of fragments
/// where they were. `None` where the body does not fit what was found.
pub(super) fn write(
    body: &[Part],
    bindings: &Bindings,
    call: Call,
    budget: &mut Budget,
) -> Option<TokenStream> {
    let known = bindings.iter();
    let known = known.map(|(name, binding)| (name.as_str(), binding));
    let mut writing = Writing { call, budget };
    let mut out = Vec::new();
    writing.parts(body, &known.collect(), &mut out)?;
    Some(out.into_iter().collect())
}

struct Writing<'b> {
    call: Call,
    budget: &'b mut Budget,
}

impl Writing<'_> {
    fn parts(&mut self, parts: &[Part], known: &Known, out: &mut Vec<TokenTree>) -> Option<()> {
        parts
            .iter()
            .try_for_each(|part| self.part(part, known, out))
    }

    fn part(&mut self, part: &Part, known: &Known, out: &mut Vec<TokenTree>) -> Option<()> {
        self.budget.tokens(1)?;
        match part {
            Part::Word(word) => out.push(self.word(word)),
            // The dot makes it a name that no code has.
            Part::Local(name) => out.push(self.word(&format!("{name}·{}", self.call.number))),
            Part::Crate => out.push(self.word("crate")),
            Part::Literal(text) => {
                let mut literal: Literal = text.parse().ok()?;
                literal.set_span(self.call.span);
                out.push(literal.into());
            }
            Part::Op(text) => self.operator(text, out),
            Part::Lifetime(name) => {
                out.push(self.punct('\'', Spacing::Joint));
                out.push(self.word(name));
            }
            Part::Group(delimiter, parts) => {
                let mut inner = Vec::new();
                self.parts(parts, known, &mut inner)?;
                out.push(self.group(*delimiter, inner));
            }
            Part::Variable(name) => match known.get(name.as_str()) {
                Some(Binding::One(fragment)) => self.fragment(fragment, out)?,
                Some(Binding::Many(_)) => return None,
                // A variable of a macro that this one defines.
                None => {
                    out.push(self.punct('$', Spacing::Alone));
                    out.push(self.word(name));
                }
            },
            Part::Repeat(repeat) => self.repeat(repeat, known, out)?,
            Part::Fragment(..) => return None,
        }
        Some(())
    }

    fn repeat(&mut self, repeat: &Repeat, known: &Known, out: &mut Vec<TokenTree>) -> Option<()> {
        let used = repeat.names.iter();
        let used: Known = used
            .filter_map(|name| known.get_key_value(name.as_str()))
            .map(|(name, binding)| (*name, *binding))
            .collect();
        let mut n_rounds = None;
        for binding in used.values() {
            if let Binding::Many(rounds) = binding
                && n_rounds.replace(rounds.len()).unwrap_or(rounds.len()) != rounds.len()
            {
                return None;
            }
        }
        for round in 0..n_rounds? {
            self.budget.steps(1 + used.len())?;
            if round > 0
                && let Some(separator) = &repeat.separator
            {
                self.part(separator, known, out)?;
            }
            let inner = used.iter().map(|(name, binding)| match binding {
                Binding::Many(rounds) => (*name, &rounds[round]),
                Binding::One(_) => (*name, *binding),
            });
            self.parts(&repeat.parts, &inner.collect(), out)?;
        }
        Some(())
    }

    fn fragment(&mut self, fragment: &Fragment, out: &mut Vec<TokenTree>) -> Option<()> {
        self.budget.tokens(fragment.n_tokens)?;
        out.extend(fragment.tokens.clone());
        Some(())
    }

    fn word(&self, word: &str) -> TokenTree {
        match word.strip_prefix("r#") {
            Some(word) => Ident::new_raw(word, self.call.span).into(),
            None => Ident::new(word, self.call.span).into(),
        }
    }

    fn operator(&self, text: &str, out: &mut Vec<TokenTree>) {
        let mut symbols = text.chars().peekable();
        while let Some(symbol) = symbols.next() {
            let spacing = match symbols.peek() {
                Some(_) => Spacing::Joint,
                None => Spacing::Alone,
            };
            out.push(self.punct(symbol, spacing));
        }
    }

    fn punct(&self, symbol: char, spacing: Spacing) -> TokenTree {
        let mut punct = Punct::new(symbol, spacing);
        punct.set_span(self.call.span);
        punct.into()
    }

    fn group(&self, delimiter: Delimiter, tokens: Vec<TokenTree>) -> TokenTree {
        let mut group = Group::new(delimiter, tokens.into_iter().collect());
        group.set_span(self.call.span);
        group.into()
    }
}
