//! Blocks and the statements that fit on a line.

use tree_sitter::Node;

use super::build::{Lower, line};
use super::kinds::{Field, Kind, field, kind};
use crate::syntax::facts::{Arg, ArgKind, BinaryOp, ExprKind, Stmt, StmtKind};

impl<'t> Lower<'t> {
    /// Lowers the statements in `node`, a block or the module.
    pub(super) fn block(&mut self, node: Node<'t>) -> Vec<Stmt> {
        self.deeper(node, |this| {
            let children = this.children(node);
            let mut body = Vec::with_capacity(children.len());
            for child in children {
                this.statement(child, &mut body);
            }
            body
        })
    }

    fn statement(&mut self, node: Node<'t>, body: &mut Vec<Stmt>) {
        let mut add = |kind| {
            body.push(Stmt {
                kind,
                line: line(node),
            })
        };
        match kind(node) {
            Kind::ExpressionStatement => add(self.expression_statement(node)),
            Kind::ReturnStatement => {
                let value = self.first_expr(node);
                add(StmtKind::Return(value));
            }
            Kind::IfStatement => self.if_statement(node, body),
            Kind::ForStatement => add(self.for_statement(node)),
            Kind::WhileStatement => add(self.while_statement(node)),
            Kind::WithStatement => add(self.with_statement(node)),
            Kind::TryStatement => add(self.try_statement(node)),
            Kind::MatchStatement => self.match_statement(node, body),
            Kind::FunctionDefinition => add(self.function(node, &[])),
            Kind::ClassDefinition => add(self.class(node, &[])),
            Kind::DecoratedDefinition => self.decorated(node, body),
            Kind::ImportStatement => self.import(node, body),
            Kind::ImportFromStatement | Kind::FutureImportStatement => {
                add(self.import_from(node));
            }
            Kind::RaiseStatement => self.raise(node, body),
            Kind::AssertStatement => self.assert(node, body),
            Kind::DeleteStatement => add(self.delete(node)),
            Kind::GlobalStatement | Kind::NonlocalStatement => self.declare_names(node),
            Kind::PassStatement => {}
            Kind::BreakStatement | Kind::ContinueStatement => add(StmtKind::Leave),
            Kind::TypeAliasStatement => add(self.type_alias(node)),
            Kind::PrintStatement => add(self.print(node)),
            Kind::ExecStatement => add(self.exec(node)),
            _ => {
                let value = self.opaque(node);
                let value = self.push(node, value);
                add(StmtKind::Expr(value));
            }
        }
    }

    fn expression_statement(&mut self, node: Node<'t>) -> StmtKind {
        let tokens = self.tokens(node);
        match tokens.as_slice() {
            [only] => match kind(*only) {
                Kind::Assignment => self.assignment(*only),
                Kind::AugmentedAssignment => self.augmented(*only),
                _ => StmtKind::Expr(self.expr(*only)),
            },
            _ => {
                let parts = self.exprs_of(node);
                StmtKind::Expr(self.push(node, ExprKind::Tuple(parts)))
            }
        }
    }

    /// `a = b = value` is an assignment whose right side is an assignment.
    fn assignment(&mut self, mut node: Node<'t>) -> StmtKind {
        let mut targets = Vec::with_capacity(1);
        let mut annotation = None;
        loop {
            if let Some(left) = field(node, Field::Left) {
                targets.push(self.expr(left));
            }
            if let Some(ty) = field(node, Field::Type) {
                annotation = Some(self.expr(ty));
            }
            match (field(node, Field::Right), annotation, targets.first()) {
                (Some(right), ..) if kind(right) == Kind::Assignment => node = right,
                (None, Some(annotation), Some(&target)) => {
                    return StmtKind::Declare { target, annotation };
                }
                (right, ..) => {
                    let value = self.expr(right.unwrap_or(node));
                    return StmtKind::Assign {
                        targets,
                        value,
                        annotation,
                    };
                }
            }
        }
    }

    fn augmented(&mut self, node: Node<'t>) -> StmtKind {
        let op = field(node, Field::Operator).map_or("", |op| self.text_of(op));
        let op = binary_op(op.trim_end_matches('='));
        StmtKind::Augment {
            target: self.expr_of(node, Field::Left),
            op,
            value: self.expr_of(node, Field::Right),
        }
    }

    fn raise(&mut self, node: Node<'t>, body: &mut Vec<Stmt>) {
        let cause = field(node, Field::Cause);
        let raised = self.first_child(node);
        let raised = raised.filter(|raised| Some(*raised) != cause);
        let raised = raised.map(|raised| self.expr(raised));
        let line = line(node);
        if let Some(cause) = cause {
            let kind = StmtKind::Expr(self.expr(cause));
            body.push(Stmt { kind, line });
        }
        body.push(Stmt {
            kind: StmtKind::Raise(raised),
            line,
        });
    }

    fn assert(&mut self, node: Node<'t>, body: &mut Vec<Stmt>) {
        for (idx, child) in self.children(node).into_iter().enumerate() {
            let value = self.expr(child);
            let kind = match idx {
                0 => StmtKind::Assert(value),
                _ => StmtKind::Expr(value),
            };
            let line = line(node);
            body.push(Stmt { kind, line });
        }
    }

    fn delete(&mut self, node: Node<'t>) -> StmtKind {
        let list = self.first_child(node);
        let list = list.filter(|child| kind(*child) == Kind::ExpressionList);
        StmtKind::Delete(self.exprs_of(list.unwrap_or(node)).into_vec())
    }

    fn declare_names(&mut self, node: Node<'t>) {
        for child in self.children(node) {
            let name = self.name(child);
            let id = self.scope;
            let scope = self.scope_mut(id);
            match kind(node) {
                Kind::GlobalStatement => scope.globals.push(name),
                _ => scope.nonlocals.push(name),
            }
        }
    }

    /// `type X[T] = …`: the parameters are dropped.
    fn type_alias(&mut self, node: Node<'t>) -> StmtKind {
        let left = field(node, Field::Left).unwrap_or(node);
        let left = self.unwrapped(left);
        let name = self.leftmost(left);
        let target = if matches!(kind(left), Kind::Attribute | Kind::Subscript) {
            self.type_argument = Some(name);
            self.expr(left)
        } else {
            self.expr(name)
        };
        StmtKind::Assign {
            targets: vec![target],
            value: self.expr_of(node, Field::Right),
            annotation: None,
        }
    }

    /// The name or bracketed expression that `node` starts with.
    fn leftmost(&mut self, mut node: Node<'t>) -> Node<'t> {
        use Kind::{Attribute, Call, ConstrainedType, GenericType, MemberType, Subscript, Type};
        while matches!(
            kind(node),
            Attribute | Call | ConstrainedType | GenericType | MemberType | Subscript | Type
        ) {
            match self.first_child(node) {
                Some(inner) => node = inner,
                None => break,
            }
        }
        node
    }

    fn print(&mut self, node: Node<'t>) -> StmtKind {
        let mut args = Vec::new();
        let mut file = None;
        for child in self.children(node) {
            if kind(child) == Kind::Chevron {
                let value = self.first_expr(child);
                file = value.map(|value| Arg {
                    kind: ArgKind::Named,
                    name: Some("file".into()),
                    value,
                });
            } else {
                args.push(self.positional(child));
            }
        }
        args.extend(file);
        self.call_builtin(node, "print", args)
    }

    fn exec(&mut self, node: Node<'t>) -> StmtKind {
        let args = self.children(node);
        let args = args.into_iter().map(|arg| self.positional(arg)).collect();
        self.call_builtin(node, "exec", args)
    }

    fn positional(&mut self, node: Node<'t>) -> Arg {
        Arg {
            kind: ArgKind::Positional,
            name: None,
            value: self.expr(node),
        }
    }

    fn call_builtin(&mut self, node: Node<'t>, name: &'static str, args: Vec<Arg>) -> StmtKind {
        let callee = self.push(node, ExprKind::Name(name.into()));
        let args = args.into_boxed_slice();
        StmtKind::Expr(self.push(node, ExprKind::Call { callee, args }))
    }
}

/// The operator spelled `text`.
pub(super) fn binary_op(text: &str) -> BinaryOp {
    match text {
        "-" => BinaryOp::Sub,
        "*" => BinaryOp::Mul,
        "/" => BinaryOp::Div,
        "//" => BinaryOp::FloorDiv,
        "%" => BinaryOp::Mod,
        "**" => BinaryOp::Pow,
        "@" => BinaryOp::MatMul,
        "&" => BinaryOp::BitAnd,
        "|" => BinaryOp::BitOr,
        "^" => BinaryOp::BitXor,
        "<<" => BinaryOp::Shl,
        ">>" => BinaryOp::Shr,
        _ => BinaryOp::Add,
    }
}
