//! Expressions, targets and types.

use tree_sitter::Node;

use super::build::Lower;
use super::kinds::{Field, Kind, field, kind};
use super::statements::binary_op;
use crate::syntax::facts::{Arg, ArgKind, BinaryOp, CompareOp, ExprId, ExprKind, UnaryOp};

/// Chains of one operator longer than this do not lean to the left any more:
/// `+` is balanced, others lose their structure, so that what walks the facts
/// need not fear for its stack.
const LONG_CHAIN: usize = 64;

impl<'t> Lower<'t> {
    pub(super) fn expr(&mut self, node: Node<'t>) -> ExprId {
        let node = self.unwrapped(node);
        let kind = self.deeper(node, |this| Some(this.expr_kind(node)));
        self.push(node, kind.unwrap_or(ExprKind::None))
    }

    /// The first named child of `node` as an expression.
    pub(super) fn first_expr(&mut self, node: Node<'t>) -> Option<ExprId> {
        let child = self.first_child(node)?;
        Some(self.expr(child))
    }

    /// The expression under `wanted`, which the grammar promises is there.
    pub(super) fn expr_of(&mut self, node: Node<'t>, wanted: Field) -> ExprId {
        match field(node, wanted) {
            Some(child) => self.expr(child),
            None => self.push(node, ExprKind::Opaque(Box::default())),
        }
    }

    /// The expressions that are the named children of `node`.
    pub(super) fn exprs_of(&mut self, node: Node<'t>) -> Box<[ExprId]> {
        let children = self.children(node);
        children.into_iter().map(|child| self.expr(child)).collect()
    }

    pub(super) fn tuple(&mut self, node: Node<'t>, parts: &[Node<'t>]) -> ExprId {
        let parts = parts.iter().map(|part| self.expr(*part)).collect();
        self.push(node, ExprKind::Tuple(parts))
    }

    pub(super) fn opaque(&mut self, node: Node<'t>) -> ExprKind {
        ExprKind::Opaque(self.exprs_of(node))
    }

    /// `node` without parentheses and other wrappers that mean nothing.
    pub(super) fn unwrapped(&mut self, mut node: Node<'t>) -> Node<'t> {
        loop {
            let is_wrapper = match kind(node) {
                _ if self.type_argument == Some(node) => false,
                Kind::ParenthesizedExpression | Kind::AsPatternTarget => true,
                Kind::Type => node.is_named(),
                // `(target) = value`: a tuple has a comma.
                Kind::TuplePattern => self.tokens(node).len() == 3,
                _ => false,
            };
            if !is_wrapper {
                return node;
            }
            let Some(inner) = self.first_child(node) else {
                return node;
            };
            node = inner;
        }
    }

    fn expr_kind(&mut self, node: Node<'t>) -> ExprKind {
        match kind(node) {
            _ if self.type_argument == Some(node) => self.call_of_type(node),
            Kind::Identifier | Kind::Underscore => ExprKind::Name(self.name(node)),
            Kind::Attribute => self.attribute(node),
            Kind::DottedName | Kind::MemberType => self.path(node),
            Kind::Call => self.call(node),
            Kind::Subscript => self.subscript(node),
            Kind::GenericType => self.generic_type(node),
            Kind::String | Kind::ConcatenatedString => self.string(node),
            Kind::Integer | Kind::Float => {
                ExprKind::Number(self.text_of(node).replace('_', "").into())
            }
            Kind::True => ExprKind::Bool(true),
            Kind::False => ExprKind::Bool(false),
            Kind::None => ExprKind::None,
            Kind::List | Kind::ListPattern => ExprKind::List(self.exprs_of(node)),
            Kind::Tuple | Kind::TuplePattern | Kind::ExpressionList | Kind::PatternList => {
                ExprKind::Tuple(self.exprs_of(node))
            }
            Kind::Set => ExprKind::Set(self.exprs_of(node)),
            Kind::Dictionary => self.dictionary(node),
            Kind::ListComprehension
            | Kind::SetComprehension
            | Kind::DictionaryComprehension
            | Kind::GeneratorExpression => self.comprehension(node),
            Kind::Lambda => self.lambda(node),
            Kind::BinaryOperator => self.binary(node),
            Kind::UnionType => self.union_type(node),
            Kind::UnaryOperator | Kind::NotOperator => self.unary(node),
            Kind::BooleanOperator => self.either(node),
            Kind::ComparisonOperator => self.compare(node),
            Kind::ConditionalExpression => self.conditional(node),
            Kind::NamedExpression => ExprKind::Walrus {
                target: self.expr_of(node, Field::Name),
                value: self.expr_of(node, Field::Value),
            },
            Kind::Await => match self.first_child(node) {
                Some(inner) => ExprKind::Await(self.expr(inner)),
                None => self.opaque(node),
            },
            Kind::Yield => self.yield_(node),
            Kind::Slice => self.slice(node),
            Kind::ListSplat | Kind::ListSplatPattern | Kind::SplatType => {
                match self.first_child(node) {
                    Some(inner) => ExprKind::Starred(self.expr(inner)),
                    None => self.opaque(node),
                }
            }
            _ => self.opaque(node),
        }
    }

    fn attribute(&mut self, node: Node<'t>) -> ExprKind {
        let base = self.expr_of(node, Field::Object);
        let name = field(node, Field::Attribute).map(|name| self.name(name));
        ExprKind::Attr {
            base,
            name: name.unwrap_or_default(),
        }
    }

    /// `a.b.c` in a pattern or type.
    fn path(&mut self, node: Node<'t>) -> ExprKind {
        let mut parts = self.children(node).into_iter();
        let Some(first) = parts.next() else {
            return ExprKind::Opaque(Box::default());
        };
        let mut base = self.expr(first);
        let Some(last) = parts.next_back() else {
            return ExprKind::Name(self.name(first));
        };
        for part in parts {
            let name = self.name(part);
            base = self.push(node, ExprKind::Attr { base, name });
        }
        let name = self.name(last);
        ExprKind::Attr { base, name }
    }

    fn call(&mut self, node: Node<'t>) -> ExprKind {
        let callee = self.expr_of(node, Field::Function);
        let args = match field(node, Field::Arguments) {
            Some(args) if kind(args) == Kind::ArgumentList => self.children(args),
            // `f(x for x in y)`
            args => args.into_iter().collect(),
        };
        let args = args.into_iter().map(|arg| self.arg(arg)).collect();
        ExprKind::Call { callee, args }
    }

    /// `type(x)`, of which `node` is `(x)`.
    fn call_of_type(&mut self, node: Node<'t>) -> ExprKind {
        let callee = self.push(node, ExprKind::Name("type".into()));
        let args = match kind(node) {
            Kind::GeneratorExpression => {
                self.type_argument = None;
                vec![node]
            }
            _ => self.children(node),
        };
        let args = args.into_iter().map(|arg| self.arg(arg)).collect();
        ExprKind::Call { callee, args }
    }

    fn arg(&mut self, node: Node<'t>) -> Arg {
        let node = self.unwrapped(node);
        let (kind, value) = match kind(node) {
            Kind::KeywordArgument => (ArgKind::Named, field(node, Field::Value)),
            Kind::ListSplat | Kind::ListSplatPattern => (ArgKind::Spread, self.first_child(node)),
            Kind::DictionarySplat => (ArgKind::SpreadNamed, self.first_child(node)),
            _ => (ArgKind::Positional, Some(node)),
        };
        let name = match kind {
            ArgKind::Named => field(node, Field::Name).map(|name| self.name(name)),
            _ => None,
        };
        Arg {
            kind,
            name,
            value: self.expr(value.unwrap_or(node)),
        }
    }

    fn subscript(&mut self, node: Node<'t>) -> ExprKind {
        let base = self.expr_of(node, Field::Value);
        let parts = self.fields(node, Field::Subscript);
        let has_comma = |token: &Node<'t>| kind(*token) == Kind::Comma;
        let index = match *parts.as_slice() {
            [only] if !self.tokens(node).iter().any(has_comma) => self.expr(only),
            [first, ..] => {
                let parts = parts.iter().map(|part| self.expr(*part)).collect();
                self.push(first, ExprKind::Tuple(parts))
            }
            [] => self.push(node, ExprKind::Opaque(Box::default())),
        };
        ExprKind::Item { base, index }
    }

    /// `List[int]` where the grammar expects a type.
    fn generic_type(&mut self, node: Node<'t>) -> ExprKind {
        let [base, params] = *self.children(node) else {
            return self.opaque(node);
        };
        let base = self.expr(base);
        let index = match *self.children(params) {
            [only] if self.tokens(params).len() == 3 => self.expr(only),
            ref several => self.tuple(params, several),
        };
        ExprKind::Item { base, index }
    }

    fn dictionary(&mut self, node: Node<'t>) -> ExprKind {
        let mut entries = Vec::new();
        for child in self.children(node) {
            if kind(child) == Kind::Pair {
                let key = self.expr_of(child, Field::Key);
                entries.push((Some(key), self.expr_of(child, Field::Value)));
            } else if let Some(inner) = self.first_child(child) {
                entries.push((None, self.expr(inner)));
            }
        }
        ExprKind::Dict(entries.into())
    }

    /// Goes down the left side in a loop: text may be added up line by line
    /// over a thousand lines.
    fn binary(&mut self, node: Node<'t>) -> ExprKind {
        let mut chain = Vec::new();
        let mut left = node;
        while kind(left) == Kind::BinaryOperator {
            let op = field(left, Field::Operator).map_or("", |op| self.text_of(op));
            chain.push((binary_op(op), left));
            let Some(next) = field(left, Field::Left) else {
                break;
            };
            left = next;
        }
        let mut operands = vec![self.expr(left)];
        for (_, node) in chain.iter().rev() {
            operands.push(self.expr_of(*node, Field::Right));
        }
        if chain.len() > LONG_CHAIN {
            return match chain.iter().all(|(op, _)| *op == BinaryOp::Add) {
                true => self.balanced(node, &operands),
                false => ExprKind::Opaque(operands.into()),
            };
        }
        self.leaning(&chain, &operands)
    }

    /// `((a op b) op c)`; `chain` has the outermost operator first.
    fn leaning(&mut self, chain: &[(BinaryOp, Node<'t>)], operands: &[ExprId]) -> ExprKind {
        let mut left = operands[0];
        for ((op, node), right) in chain.iter().skip(1).rev().zip(&operands[1..]) {
            let (op, right) = (*op, *right);
            left = self.push(*node, ExprKind::Binary { op, left, right });
        }
        ExprKind::Binary {
            op: chain[0].0,
            left,
            right: operands[operands.len() - 1],
        }
    }

    /// `(a + b) + (c + d)`: adding is associative wherever chains are long.
    fn balanced(&mut self, node: Node<'t>, operands: &[ExprId]) -> ExprKind {
        let (left, right) = operands.split_at(operands.len() / 2);
        let mut half = |half: &[ExprId]| match *half {
            [only] => only,
            _ => {
                let kind = self.balanced(node, half);
                self.push(node, kind)
            }
        };
        ExprKind::Binary {
            op: BinaryOp::Add,
            left: half(left),
            right: half(right),
        }
    }

    /// `A | B` where the grammar expects a type.
    fn union_type(&mut self, node: Node<'t>) -> ExprKind {
        match *self.children(node) {
            [left, right] => ExprKind::Binary {
                op: BinaryOp::BitOr,
                left: self.expr(left),
                right: self.expr(right),
            },
            _ => self.opaque(node),
        }
    }

    fn unary(&mut self, node: Node<'t>) -> ExprKind {
        let op = match field(node, Field::Operator).map(|op| self.text_of(op)) {
            Some("-") => UnaryOp::Neg,
            Some("+") => UnaryOp::Pos,
            Some("~") => UnaryOp::Invert,
            _ => UnaryOp::Not,
        };
        let operand = self.expr_of(node, Field::Argument);
        ExprKind::Unary { op, operand }
    }

    /// The operands of `and` and `or`, left to right, whatever way they nest.
    fn either(&mut self, node: Node<'t>) -> ExprKind {
        let mut operands = Vec::new();
        let mut waiting = vec![node];
        while let Some(node) = waiting.pop() {
            match kind(node) {
                Kind::BooleanOperator => {
                    waiting.extend(field(node, Field::Right));
                    waiting.extend(field(node, Field::Left));
                }
                _ => operands.push(self.expr(node)),
            }
        }
        ExprKind::Either(operands.into())
    }

    fn compare(&mut self, node: Node<'t>) -> ExprKind {
        let mut operands = Vec::new();
        let mut ops = Vec::new();
        for token in self.tokens(node) {
            match compare_op(token) {
                Some(op) => ops.push(op),
                None => operands.push(self.expr(token)),
            }
        }
        ExprKind::Compare {
            operands: operands.into(),
            ops: ops.into(),
        }
    }

    fn conditional(&mut self, node: Node<'t>) -> ExprKind {
        match *self.children(node) {
            [then, test, other] => {
                let test = self.expr(test);
                ExprKind::Conditional {
                    test,
                    then: self.expr(then),
                    other: self.expr(other),
                }
            }
            _ => self.opaque(node),
        }
    }

    fn yield_(&mut self, node: Node<'t>) -> ExprKind {
        let id = self.scope;
        self.scope_mut(id).is_generator = true;
        let tokens = self.tokens(node);
        let is_from = tokens.iter().any(|token| kind(*token) == Kind::From);
        let value = tokens.into_iter().find(|token| token.is_named());
        match value.map(|value| self.expr(value)) {
            Some(value) if is_from => ExprKind::YieldFrom(value),
            value => ExprKind::Yield(value),
        }
    }

    fn slice(&mut self, node: Node<'t>) -> ExprKind {
        let mut parts = [None; 3];
        let mut at = 0;
        for token in self.tokens(node) {
            match kind(token) {
                Kind::Colon => at += 1,
                _ => parts[at.min(2)] = Some(self.expr(token)),
            }
        }
        ExprKind::Slice(Box::new(parts))
    }
}

/// The operator that `token` is.
fn compare_op(token: Node<'_>) -> Option<CompareOp> {
    if token.is_named() {
        return None;
    }
    Some(match token.kind() {
        "==" => CompareOp::Eq,
        "!=" | "<>" => CompareOp::Ne,
        "<" => CompareOp::Lt,
        "<=" => CompareOp::Le,
        ">" => CompareOp::Gt,
        ">=" => CompareOp::Ge,
        "in" => CompareOp::In,
        "not in" => CompareOp::NotIn,
        "is" => CompareOp::Is,
        "is not" => CompareOp::IsNot,
        _ => return None,
    })
}
