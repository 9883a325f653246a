//! String literals: prefixes, escapes, holes, adjacent parts.

use smol_str::SmolStr;
use tree_sitter::Node;

use super::build::Lower;
use super::kinds::{Field, Kind, field, kind};
use super::text::unescaped;
use crate::syntax::facts::{ExprId, ExprKind};

/// A piece of a literal.
enum Piece<'t> {
    Text(String, Node<'t>),
    Hole(ExprId),
}

/// What stands before the quotes of a literal.
struct Prefix {
    raw: bool,
    bytes: bool,
    format: bool,
    /// Python 2's `` `x` ``, which no string is.
    backquote: bool,
}

impl Prefix {
    fn of(start: &str) -> Prefix {
        let has = |letter: char| start.contains([letter, letter.to_ascii_uppercase()]);
        Prefix {
            raw: has('r'),
            bytes: has('b'),
            format: has('f') || has('t'),
            backquote: start.contains('`'),
        }
    }
}

impl<'t> Lower<'t> {
    /// A string, or several side by side.
    pub(super) fn string(&mut self, node: Node<'t>) -> ExprKind {
        let literals = match kind(node) {
            Kind::ConcatenatedString => self.children(node),
            _ => vec![node],
        };
        let mut pieces = Vec::with_capacity(1);
        for literal in literals {
            if let Some(other) = self.literal(literal, &mut pieces) {
                return other;
            }
        }
        match pieces.as_slice() {
            [] => ExprKind::Str(SmolStr::default()),
            [Piece::Text(text, _)] => ExprKind::Str(SmolStr::new(text)),
            _ => ExprKind::Format(pieces.into_iter().map(|piece| self.part(piece)).collect()),
        }
    }

    fn part(&mut self, piece: Piece<'t>) -> ExprId {
        match piece {
            Piece::Hole(id) => id,
            Piece::Text(text, node) => self.push(node, ExprKind::Str(SmolStr::new(text))),
        }
    }

    /// Adds the pieces of `literal`, or says what it is if it is no text.
    fn literal(&mut self, literal: Node<'t>, pieces: &mut Vec<Piece<'t>>) -> Option<ExprKind> {
        let prefix = self.prefix(literal);
        if prefix.bytes {
            return Some(ExprKind::Bytes);
        }
        if prefix.backquote {
            return Some(ExprKind::Opaque(Box::default()));
        }
        for child in self.children(literal) {
            match kind(child) {
                Kind::StringContent => self.add_text(child, &prefix, pieces),
                Kind::Interpolation => self.hole(child, pieces),
                _ => {}
            }
        }
        None
    }

    fn add_text(&self, node: Node<'t>, prefix: &Prefix, pieces: &mut Vec<Piece<'t>>) {
        let mut text = self.text_of(node).to_owned();
        if !prefix.raw && text.contains('\\') {
            text = unescaped(&text);
        }
        if prefix.format && text.contains(['{', '}']) {
            text = text.replace("{{", "{").replace("}}", "}");
        }
        match pieces.last_mut() {
            Some(Piece::Text(before, _)) => before.push_str(&text),
            _ => pieces.push(Piece::Text(text, node)),
        }
    }

    /// `{value!r:{width}}`: the value, then what its format is made of.
    fn hole(&mut self, node: Node<'t>, pieces: &mut Vec<Piece<'t>>) {
        let mut holes = vec![node];
        while let Some(node) = holes.pop() {
            if let Some(mut value) = field(node, Field::Expression) {
                // `{x:=9}` is no assignment but a format.
                if kind(value) == Kind::NamedExpression {
                    value = field(value, Field::Name).unwrap_or(value);
                }
                pieces.push(Piece::Hole(self.expr(value)));
            }
            if let Some(format) = field(node, Field::FormatSpecifier) {
                holes.extend(self.children(format).into_iter().rev());
            }
        }
    }

    /// The text of `statement` if it is a string and nothing else.
    pub(super) fn documents(&mut self, statement: Node<'t>) -> Option<SmolStr> {
        if kind(statement) != Kind::ExpressionStatement {
            return None;
        }
        let [only] = *self.tokens(statement) else {
            return None;
        };
        let only = self.unwrapped(only);
        let literals = match kind(only) {
            Kind::String => vec![only],
            Kind::ConcatenatedString => self.children(only),
            _ => return None,
        };
        if literals
            .into_iter()
            .any(|literal| self.prefix(literal).format)
        {
            return None;
        }
        match self.string(only) {
            ExprKind::Str(text) => Some(text),
            _ => None,
        }
    }

    fn prefix(&mut self, literal: Node<'t>) -> Prefix {
        let start = self.first_child(literal);
        Prefix::of(start.map_or("", |start| self.text_of(start)))
    }
}
