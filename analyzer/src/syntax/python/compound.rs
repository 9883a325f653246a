//! `if`, `for`, `while`, `with` and `try`.

use smol_str::SmolStr;
use tree_sitter::Node;

use super::build::{Lower, line};
use super::kinds::{Field, Kind, field, kind};
use crate::syntax::facts::{ExprId, Handler, LoopHead, Stmt, StmtKind};

/// `if test: then` on its way into the `other` of the one before.
pub(super) struct Arm {
    pub(super) test: ExprId,
    pub(super) then: Vec<Stmt>,
    pub(super) line: u32,
}

/// Nests `arms` in one another, `other` in the last.
pub(super) fn nested(arms: Vec<Arm>, other: Vec<Stmt>) -> Vec<Stmt> {
    arms.into_iter().rev().fold(other, |other, arm| {
        let Arm { test, then, line } = arm;
        let kind = StmtKind::If { test, then, other };
        vec![Stmt { kind, line }]
    })
}

impl<'t> Lower<'t> {
    pub(super) fn if_statement(&mut self, node: Node<'t>, body: &mut Vec<Stmt>) {
        let mut arms = vec![self.arm(node)];
        let mut other = Vec::new();
        for clause in self.fields(node, Field::Alternative) {
            match kind(clause) {
                Kind::ElifClause => arms.push(self.arm(clause)),
                _ => other = self.block_of(clause, Field::Body),
            }
        }
        self.nest(node, arms.len());
        body.append(&mut nested(arms, other));
    }

    fn arm(&mut self, node: Node<'t>) -> Arm {
        Arm {
            test: self.expr_of(node, Field::Condition),
            then: self.block_of(node, Field::Consequence),
            line: line(node),
        }
    }

    pub(super) fn for_statement(&mut self, node: Node<'t>) -> StmtKind {
        let iter = self.expr_of(node, Field::Right);
        let target = self.expr_of(node, Field::Left);
        StmtKind::Loop {
            head: LoopHead::For { target, iter },
            body: self.block_of(node, Field::Body),
            other: self.loop_else(node),
        }
    }

    pub(super) fn while_statement(&mut self, node: Node<'t>) -> StmtKind {
        StmtKind::Loop {
            head: LoopHead::While(self.expr_of(node, Field::Condition)),
            body: self.block_of(node, Field::Body),
            other: self.loop_else(node),
        }
    }

    fn loop_else(&mut self, node: Node<'t>) -> Vec<Stmt> {
        match field(node, Field::Alternative) {
            Some(clause) => self.block_of(clause, Field::Body),
            None => Vec::new(),
        }
    }

    pub(super) fn with_statement(&mut self, node: Node<'t>) -> StmtKind {
        let mut items = Vec::new();
        for clause in self.children(node) {
            if kind(clause) == Kind::WithClause {
                for item in self.children(clause) {
                    let value = field(item, Field::Value).unwrap_or(item);
                    self.with_item(value, &mut items);
                }
            }
        }
        StmtKind::With {
            items,
            body: self.block_of(node, Field::Body),
        }
    }

    /// The grammar may read `with (a as b, c as d):` as one item, a tuple.
    fn with_item(&mut self, node: Node<'t>, items: &mut Vec<(ExprId, Option<ExprId>)>) {
        let node = self.unwrapped(node);
        match kind(node) {
            Kind::Tuple => {
                for child in self.children(node) {
                    items.push(self.context(child));
                }
            }
            _ => items.push(self.context(node)),
        }
    }

    /// `context as target`.
    fn context(&mut self, node: Node<'t>) -> (ExprId, Option<ExprId>) {
        let node = self.unwrapped(node);
        if kind(node) != Kind::AsPattern {
            return (self.expr(node), None);
        }
        let value = self.first_child(node).unwrap_or(node);
        let value = self.expr(value);
        let alias = field(node, Field::Alias).map(|alias| self.expr(alias));
        (value, alias)
    }

    pub(super) fn try_statement(&mut self, node: Node<'t>) -> StmtKind {
        let body = self.block_of(node, Field::Body);
        let mut handlers = Vec::new();
        let mut other = Vec::new();
        let mut finally = Vec::new();
        for clause in self.children(node) {
            match kind(clause) {
                Kind::ExceptClause => handlers.push(self.handler(clause)),
                Kind::ElseClause => other = self.block_of(clause, Field::Body),
                Kind::FinallyClause => finally = self.inner_block(clause),
                _ => {}
            }
        }
        StmtKind::Try {
            body,
            handlers,
            other,
            finally,
        }
    }

    fn handler(&mut self, node: Node<'t>) -> Handler {
        let values = self.fields(node, Field::Value);
        let alias = field(node, Field::Alias);
        let (caught, name) = match *values.as_slice() {
            [] => (None, None),
            [value] if kind(value) == Kind::AsPattern => {
                let caught = self.first_expr(value);
                (caught, field(value, Field::Alias))
            }
            [value] => (Some(self.expr(value)), alias),
            // `except Error, e` of Python 2; with a type it is a 3.14 tuple.
            [value, name] if self.is_variable(name) => (Some(self.expr(value)), Some(name)),
            _ => (Some(self.tuple(node, &values)), alias),
        };
        Handler {
            caught,
            name: name.map(|name| self.bare_name(name)),
            body: self.inner_block(node),
        }
    }

    fn is_variable(&self, node: Node<'t>) -> bool {
        kind(node) == Kind::Identifier && self.text_of(node).starts_with(char::is_lowercase)
    }

    fn bare_name(&mut self, node: Node<'t>) -> SmolStr {
        let name = self.unwrapped(node);
        self.name(name)
    }
}
