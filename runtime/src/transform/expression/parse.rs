//! Tokens to a tree, by precedence climbing (Richards and Whitby-Strevens,
//! *BCPL*, 1979).

use super::super::scalar::Scalar;
use super::error::ExpressionError;
use super::functions;
use super::lex::{Token, lex};
use super::tree::{Kind, Node, Operator};

/// How deep parts may lie in each other, so that no expression exhausts the
/// stack: here, when evaluated, or when dropped.
const MOST_DEPTH: usize = 96;

/// Reads one whole expression.
pub(super) fn parse(text: &str) -> Result<Node, ExpressionError> {
    let tokens = lex(text)?;
    let mut parser = Parser {
        text,
        tokens: &tokens,
        depth: 0,
    };
    let (node, _) = parser.expression(0)?;
    match parser.peek() {
        Token::End => Ok(node),
        _ => Err(parser.wrong("an operator or the end is expected here")),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: &'a [(usize, Token)],
    depth: usize,
}

/// A node and how deep it is.
type Deep = (Node, usize);

impl Parser<'_> {
    fn expression(&mut self, least: u8) -> Result<Deep, ExpressionError> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(self.wrong("too deeply nested: split it over several columns"));
        }
        let mut left = self.prefix()?;
        while let Some((operator, strength)) = self.operator() {
            if strength < least {
                break;
            }
            left = self.join(left, operator, strength)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn prefix(&mut self) -> Result<Deep, ExpressionError> {
        let at = self.at();
        match self.peek().clone() {
            Token::Sign("-") => {
                self.advance();
                let (inner, depth) = self.expression(strength::NEGATE)?;
                self.node(at, Kind::Negate(Box::new(inner)), depth)
            }
            Token::Name(name) if name == "not" => {
                self.advance();
                let (inner, depth) = self.expression(strength::NOT)?;
                self.node(at, Kind::Not(Box::new(inner)), depth)
            }
            Token::Sign("(") => {
                self.advance();
                let inner = self.expression(0)?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Name(name) => {
                self.advance();
                self.named(at, name)
            }
            Token::Quoted(name) => {
                self.advance();
                self.node(at, Kind::Column(name.into()), 0)
            }
            _ => match self.literal()? {
                Some(value) => self.node(at, Kind::Literal(value), 0),
                None => Err(self.wrong("a value is expected here")),
            },
        }
    }

    /// A word of the language, a call, or a column.
    fn named(&mut self, at: usize, name: String) -> Result<Deep, ExpressionError> {
        match name.as_str() {
            "true" => self.node(at, Kind::Literal(Scalar::Bool(true)), 0),
            "false" => self.node(at, Kind::Literal(Scalar::Bool(false)), 0),
            "missing" => self.node(at, Kind::Missing, 0),
            "and" | "or" | "in" => Err(ExpressionError::new(
                self.text,
                at,
                format!("`{name}` needs a value before it"),
            )),
            _ if *self.peek() == Token::Sign("(") => self.call(at, &name),
            _ => self.node(at, Kind::Column(name.into()), 0),
        }
    }

    fn call(&mut self, at: usize, name: &str) -> Result<Deep, ExpressionError> {
        let Some(function) = functions::named(name) else {
            let known: Vec<&str> = functions::ALL
                .iter()
                .map(|function| function.name)
                .collect();
            let problem = format!(
                "there is no function `{name}`; there are {}",
                known.join(", ")
            );
            return Err(ExpressionError::new(self.text, at, problem));
        };
        self.expect("(")?;
        let mut arguments = Vec::new();
        let mut deepest = 0;
        while !self.accept(")") {
            if !arguments.is_empty() {
                self.expect(",")?;
            }
            let (argument, depth) = self.expression(0)?;
            arguments.push(argument);
            deepest = deepest.max(depth);
        }
        if !function.takes(arguments.len()) {
            let problem = format!(
                "`{}` has {} arguments: write {}",
                name,
                arguments.len(),
                function.usage
            );
            return Err(ExpressionError::new(self.text, at, problem));
        }
        self.node(at, Kind::Call(function, arguments), deepest)
    }

    fn join(&mut self, left: Deep, operator: Infix, strength: u8) -> Result<Deep, ExpressionError> {
        let at = self.at();
        self.advance();
        match operator {
            Infix::Binary(operator) => {
                // The power alone groups from the right: 2 ** 3 ** 2 is 2 ** 9.
                let least = strength + u8::from(operator != Operator::Power);
                let (right, depth) = self.expression(least)?;
                let depth = depth.max(left.1);
                self.node(
                    at,
                    Kind::Binary(operator, Box::new(left.0), Box::new(right)),
                    depth,
                )
            }
            Infix::In => self.list(at, left, false),
            Infix::NotIn => {
                if *self.peek() != Token::Name("in".to_owned()) {
                    return Err(self.wrong("`in` is expected after `not`"));
                }
                self.advance();
                self.list(at, left, true)
            }
        }
    }

    fn list(&mut self, at: usize, value: Deep, negated: bool) -> Result<Deep, ExpressionError> {
        self.expect("[")?;
        let mut list = Vec::new();
        while !self.accept("]") {
            if !list.is_empty() {
                self.expect(",")?;
            }
            let negative = self.accept("-");
            match (self.literal()?, negative) {
                (Some(value), false) => list.push(value),
                (Some(Scalar::Int(value)), true) => list.push(Scalar::Int(-value)),
                (Some(Scalar::Float(value)), true) => list.push(Scalar::Float(-value)),
                _ => return Err(self.wrong("a number or a text is expected in the list")),
            }
        }
        let kind = Kind::In {
            value: Box::new(value.0),
            list,
            negated,
        };
        self.node(at, kind, value.1)
    }

    fn literal(&mut self) -> Result<Option<Scalar>, ExpressionError> {
        let value = match self.peek() {
            Token::Int(value) => Scalar::Int(*value),
            Token::Float(value) => Scalar::Float(*value),
            Token::Text(value) => Scalar::Text(value.clone()),
            _ => return Ok(None),
        };
        self.advance();
        Ok(Some(value))
    }

    fn node(&self, at: usize, kind: Kind, depth: usize) -> Result<Deep, ExpressionError> {
        if depth >= MOST_DEPTH {
            return Err(ExpressionError::new(
                self.text,
                at,
                "too long a chain: split it over several columns",
            ));
        }
        Ok((Node { at, kind }, depth + 1))
    }

    fn operator(&self) -> Option<(Infix, u8)> {
        use Operator::*;
        let (operator, strength) = match self.peek() {
            Token::Name(word) => match word.as_str() {
                "or" => (Or, strength::OR),
                "and" => (And, strength::AND),
                "in" => return Some((Infix::In, strength::COMPARE)),
                "not" => return Some((Infix::NotIn, strength::COMPARE)),
                _ => return None,
            },
            Token::Sign(sign) => match *sign {
                "==" => (Equal, strength::COMPARE),
                "!=" => (NotEqual, strength::COMPARE),
                "<" => (Less, strength::COMPARE),
                "<=" => (LessEqual, strength::COMPARE),
                ">" => (Greater, strength::COMPARE),
                ">=" => (GreaterEqual, strength::COMPARE),
                "+" => (Add, strength::ADD),
                "-" => (Subtract, strength::ADD),
                "*" => (Multiply, strength::MULTIPLY),
                "/" => (Divide, strength::MULTIPLY),
                "//" => (FloorDivide, strength::MULTIPLY),
                "%" => (Remainder, strength::MULTIPLY),
                "**" => (Power, strength::POWER),
                _ => return None,
            },
            _ => return None,
        };
        Some((Infix::Binary(operator), strength))
    }

    fn peek(&self) -> &Token {
        self.tokens.first().map_or(&Token::End, |(_, token)| token)
    }

    fn at(&self) -> usize {
        self.tokens.first().map_or(self.text.len(), |(at, _)| *at)
    }

    fn advance(&mut self) {
        self.tokens = self.tokens.get(1..).unwrap_or_default();
    }

    fn accept(&mut self, sign: &'static str) -> bool {
        let there = *self.peek() == Token::Sign(sign);
        if there {
            self.advance();
        }
        there
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), ExpressionError> {
        match self.accept(sign) {
            true => Ok(()),
            false => Err(self.wrong(&format!("`{sign}` is expected here"))),
        }
    }

    fn wrong(&self, problem: &str) -> ExpressionError {
        ExpressionError::new(self.text, self.at(), problem)
    }
}

enum Infix {
    Binary(Operator),
    In,
    NotIn,
}

/// How strongly operators bind, as in Python.
mod strength {
    pub(super) const OR: u8 = 1;
    pub(super) const AND: u8 = 3;
    pub(super) const NOT: u8 = 5;
    pub(super) const COMPARE: u8 = 7;
    pub(super) const ADD: u8 = 9;
    pub(super) const MULTIPLY: u8 = 11;
    pub(super) const NEGATE: u8 = 13;
    pub(super) const POWER: u8 = 14;
}
