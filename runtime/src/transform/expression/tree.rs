//! [`Node`]: an expression as read.

use std::sync::Arc;

use super::super::scalar::Scalar;
use super::functions::Function;

/// A part of an expression and the byte at which it begins.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: usize,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Literal(Scalar),
    Missing,
    Column(Arc<str>),
    Not(Box<Node>),
    Negate(Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
    In {
        value: Box<Node>,
        list: Vec<Scalar>,
        negated: bool,
    },
    Call(&'static Function, Vec<Node>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
    Power,
}

impl Operator {
    /// As it is written.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Operator::Or => "or",
            Operator::And => "and",
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterEqual => ">=",
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::FloorDivide => "//",
            Operator::Remainder => "%",
            Operator::Power => "**",
        }
    }
}

impl Node {
    /// Adds the columns that are read, each once.
    pub(super) fn columns<'a>(&'a self, names: &mut Vec<&'a str>) {
        match &self.kind {
            Kind::Literal(_) | Kind::Missing => {}
            Kind::Column(name) if names.contains(&&**name) => {}
            Kind::Column(name) => names.push(name),
            Kind::Not(inner) | Kind::Negate(inner) => inner.columns(names),
            Kind::In { value, .. } => value.columns(names),
            Kind::Binary(_, left, right) => {
                left.columns(names);
                right.columns(names);
            }
            Kind::Call(_, arguments) => arguments.iter().for_each(|node| node.columns(names)),
        }
    }
}
