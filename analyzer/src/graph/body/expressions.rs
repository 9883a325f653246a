//! Expressions to nodes.

use std::rc::Rc;

use super::{Body, names};
use crate::graph::conversions;
use crate::graph::solve::{EMPTY, Key, NOWHERE, Node, Part, Use};
use crate::graph::text::{self, TextOp};
use crate::graph::values::{ContainerKind, Value};
use crate::syntax::facts::{
    BinaryOp, CompareOp, ExprId, ExprKind, ImportRule, ScopeId, ScopeKind, StmtKind, UnaryOp,
};

impl<'a> Body<'_, 'a> {
    /// The node that holds what `expr` can be; evaluates its parts once.
    pub(super) fn eval(&mut self, expr: ExprId) -> Node {
        let node = self.eval_kind(expr);
        if node != EMPTY {
            self.solver.exprs.insert((self.inst, self.file, expr), node);
        }
        node
    }

    /// The node of an expression that has been evaluated.
    pub(super) fn eval_again(&mut self, expr: ExprId) -> Node {
        let known = self.solver.exprs.get(&(self.inst, self.file, expr));
        known.copied().unwrap_or(EMPTY)
    }

    fn eval_kind(&mut self, expr: ExprId) -> Node {
        let facts = self.facts;
        let at = self.at(expr);
        match &facts.expr(expr).kind {
            ExprKind::Name(name) => self.name(name),
            ExprKind::Attr { base, name } => {
                let base_node = self.eval(*base);
                if base_node == EMPTY {
                    return EMPTY;
                }
                let part = match facts.rules.fields_are_apart {
                    true => Part::Field,
                    false => Part::Any,
                };
                self.load(base_node, name, at, part)
            }
            ExprKind::Item { base, index } => self.item(expr, *base, *index),
            ExprKind::Call { callee, args } => self.call(expr, *callee, args),
            ExprKind::Str(value) => {
                if value.len() > 8_000 {
                    return EMPTY;
                }
                let node = self.solver.fresh();
                self.solver.put_text(node, value);
                node
            }
            ExprKind::None => {
                let node = self.solver.fresh();
                self.solver.put(node, Value::Nothing);
                node
            }
            ExprKind::Bytes | ExprKind::Number(_) | ExprKind::Bool(_) => EMPTY,
            ExprKind::Format(parts) => {
                let parts = parts.clone();
                let inputs = self.text_inputs(&parts);
                if facts.rules.root.is_some() {
                    for (part, node) in parts.iter().zip(&inputs) {
                        self.operator(*part, *node, "__str__", None);
                    }
                }
                let holes = parts.iter().map(|part| self.hole(*part)).collect();
                self.text_op(TextOp::concat(inputs, holes))
            }
            ExprKind::List(parts) => self.sequence(expr, ContainerKind::List, parts),
            ExprKind::Tuple(parts) => self.sequence(expr, ContainerKind::Tuple, parts),
            ExprKind::Set(parts) => self.sequence(expr, ContainerKind::Set, parts),
            ExprKind::Dict(entries) => self.dict(expr, entries),
            ExprKind::Lambda(scope) => {
                self.defaults(*scope);
                self.function_value(*scope)
            }
            ExprKind::Comprehension { builds, scope } => self.comprehension(expr, *builds, *scope),
            ExprKind::Binary { op, left, right } => self.binary(expr, *op, *left, *right),
            ExprKind::Unary { op, operand } => {
                let node = self.eval(*operand);
                let method = match op {
                    UnaryOp::Not => return EMPTY,
                    UnaryOp::Neg => "__neg__",
                    UnaryOp::Pos => "__pos__",
                    UnaryOp::Invert => "__invert__",
                };
                self.operator(expr, node, method, None)
            }
            ExprKind::Either(parts) => {
                let nodes: Vec<Node> = parts.iter().map(|part| self.eval(*part)).collect();
                self.union(&nodes)
            }
            ExprKind::Compare { operands, ops } => {
                let nodes: Vec<Node> = operands.iter().map(|part| self.eval(*part)).collect();
                for (idx, op) in ops.iter().enumerate() {
                    let (left, right) = (nodes[idx], nodes[idx + 1]);
                    match comparison(*op) {
                        Some("__contains__") => {
                            self.operator(expr, right, "__contains__", Some(left));
                        }
                        Some(method) => {
                            self.operator(expr, left, method, Some(right));
                        }
                        None => {}
                    }
                }
                EMPTY
            }
            ExprKind::Conditional { test, then, other } => {
                self.eval(*test);
                let nodes = [self.eval(*then), self.eval(*other)];
                self.union(&nodes)
            }
            ExprKind::Await(inner) => {
                let node = self.eval(*inner);
                if facts.tries.binary_search(&expr).is_ok() {
                    self.convert_error(expr, *inner);
                }
                node
            }
            ExprKind::Yield(value) => {
                if let Some(value) = value {
                    let node = self.eval(*value);
                    let yielded = self.solver.node(Key::Yield(self.inst));
                    self.solver.edge(node, yielded);
                }
                EMPTY
            }
            ExprKind::YieldFrom(inner) => {
                let node = self.eval(*inner);
                let yielded = self.solver.node(Key::Yield(self.inst));
                self.solver.on(node, Use::Elements { dst: yielded, at });
                EMPTY
            }
            ExprKind::Walrus { target, value } => {
                let node = self.eval(*value);
                self.assign_walrus(*target, node);
                node
            }
            ExprKind::Slice(parts) => {
                parts.iter().flatten().for_each(|part| {
                    self.eval(*part);
                });
                EMPTY
            }
            ExprKind::Starred(inner) => self.eval(*inner),
            ExprKind::Opaque(parts) => {
                parts.iter().for_each(|part| {
                    self.eval(*part);
                });
                EMPTY
            }
        }
    }

    pub(super) fn union(&mut self, nodes: &[Node]) -> Node {
        let known: Vec<Node> = nodes
            .iter()
            .copied()
            .filter(|node| *node != EMPTY)
            .collect();
        match known.as_slice() {
            [] => EMPTY,
            [only] => *only,
            several => {
                let union = self.solver.fresh();
                for node in several {
                    self.solver.edge(*node, union);
                }
                union
            }
        }
    }

    pub(super) fn name(&mut self, name: &smol_str::SmolStr) -> Node {
        let sym = self.solver.symbols.intern(name);
        for depth in (0..self.frames.len()).rev() {
            let frame = &self.frames[depth];
            let scope = frame.scope;
            // A class body is seen only from itself.
            let is_class = self.facts.scope(scope).kind == ScopeKind::Class;
            if is_class && depth + 1 != self.frames.len() {
                continue;
            }
            if !frame.locals.contains(name) {
                continue;
            }
            let now = frame.now.get(name).copied();
            let weak = frame.weak.contains(name);
            return match now {
                Some(node) if !weak => node,
                _ if is_class => break,
                // `let n = n();` calls what is outside.
                None if !weak && self.facts.rules.imports == ImportRule::Crates => {
                    if self.is_defined(scope, name) {
                        self.var(scope, sym)
                    } else {
                        continue;
                    }
                }
                _ => self.var(scope, sym),
            };
        }
        let scope = self
            .frames
            .first()
            .map_or(ScopeId::MODULE, |frame| frame.scope);
        names::outer(self.solver, self.inst, self.file, scope, name, sym)
    }

    /// `scope` defines or imports `name`, wherever in its body.
    fn is_defined(&mut self, scope: ScopeId, name: &str) -> bool {
        let body = &self.facts.scope(scope).body;
        let mut items = body.iter().filter(|stmt| {
            matches!(
                stmt.kind,
                StmtKind::Function(_) | StmtKind::Class(_) | StmtKind::Import(_)
            )
        });
        let is_item = items.any(|stmt| {
            names::assigned(self.facts, std::slice::from_ref(stmt))
                .iter()
                .any(|bound| bound == name)
        });
        is_item || self.facts.scope(scope).kind == ScopeKind::Module
    }

    fn assign_walrus(&mut self, target: ExprId, node: Node) {
        let ExprKind::Name(name) = &self.facts.expr(target).kind else {
            return;
        };
        let depth = self
            .frames
            .iter()
            .rposition(|frame| self.facts.scope(frame.scope).kind != ScopeKind::Comprehension);
        let Some(depth) = depth else { return };
        let scope = self.frames[depth].scope;
        let sym = self.solver.symbols.intern(name);
        let var = self.var(scope, sym);
        self.solver.edge(node, var);
        Rc::make_mut(&mut self.frames[depth].locals).insert(name.clone());
        self.frames[depth].now.insert(name.clone(), node);
    }

    // ---- operators

    fn binary(&mut self, expr: ExprId, op: BinaryOp, left: ExprId, right: ExprId) -> Node {
        // Chains lean left and can be long: walk them without recursion.
        let mut chain = vec![(expr, op, right)];
        let mut first = left;
        while let ExprKind::Binary { op, left, right } = &self.facts.expr(first).kind {
            chain.push((first, *op, *right));
            first = *left;
        }
        let mut left_id = first;
        let mut node = self.eval(first);
        for (expr, op, right_id) in chain.into_iter().rev() {
            let right = self.eval(right_id);
            let result = self.operator(expr, node, names::operator(op), Some(right));
            let reflected = names::operator(op).replacen("__", "__r", 1);
            let reflected = self.operator(expr, right, &reflected, Some(node));
            let text = match op {
                BinaryOp::Add | BinaryOp::Div | BinaryOp::Mod => {
                    let holes = vec![self.hole(left_id), self.hole(right_id)];
                    let inputs = vec![node, right];
                    self.text_op(TextOp::binary(op, inputs, holes))
                }
                _ => EMPTY,
            };
            let both = match op {
                // `[a] + [b]`, `a | b` of dicts: either's elements.
                BinaryOp::Add | BinaryOp::BitOr | BinaryOp::Mul => {
                    let containers = [self.only_containers(node), self.only_containers(right)];
                    self.union(&containers)
                }
                _ => EMPTY,
            };
            node = self.union(&[result, reflected, text, both]);
            self.solver.exprs.insert((self.inst, self.file, expr), node);
            left_id = expr;
        }
        node
    }

    fn only_containers(&mut self, node: Node) -> Node {
        if node == EMPTY {
            return EMPTY;
        }
        let dst = self.solver.fresh();
        let method = self.solver.symbols.intern("<same>");
        let at = self.at(NOWHERE);
        self.solver.on(
            node,
            Use::Operator {
                method,
                dst,
                at,
                arg: None,
            },
        );
        dst
    }

    fn operator(&mut self, expr: ExprId, node: Node, method: &str, arg: Option<Node>) -> Node {
        if node == EMPTY {
            return EMPTY;
        }
        let method = self.solver.symbols.intern(method);
        let dst = self.solver.fresh();
        let at = self.at(expr);
        self.solver.on(
            node,
            Use::Operator {
                method,
                dst,
                at,
                arg,
            },
        );
        dst
    }

    // ---- texts

    fn text_inputs(&mut self, parts: &[ExprId]) -> Vec<Node> {
        parts.iter().map(|part| self.eval(*part)).collect()
    }

    /// How an unknown part of a text is written: `{name}`.
    pub(super) fn hole(&self, expr: ExprId) -> smol_str::SmolStr {
        text::hole(self.facts, expr)
    }

    pub(super) fn text_op(&mut self, op: TextOp) -> Node {
        if op.inputs.iter().all(|input| *input == EMPTY) {
            return EMPTY;
        }
        let dst = self.solver.fresh();
        text::add(self.solver, op, dst)
    }

    /// `x?` makes the function's own error type of the error there may be.
    fn convert_error(&mut self, expr: ExprId, tried: ExprId) {
        let func = self.solver.func_of(self.inst);
        let Some(into) = conversions::error_of(self.solver, self.solver.program.home(func)) else {
            return;
        };
        let mut tried = tried;
        while let ExprKind::Await(inner) = self.facts.expr(tried).kind {
            tried = inner;
        }
        let ExprKind::Call { callee, .. } = self.facts.expr(tried).kind else {
            return;
        };
        let callee = self.eval_again(callee);
        let at = self.at(expr);
        self.solver.on(callee, Use::Tried { into, at });
    }
}

fn comparison(op: CompareOp) -> Option<&'static str> {
    match op {
        CompareOp::Eq => Some("__eq__"),
        CompareOp::Ne => Some("__ne__"),
        CompareOp::Lt => Some("__lt__"),
        CompareOp::Le => Some("__le__"),
        CompareOp::Gt => Some("__gt__"),
        CompareOp::Ge => Some("__ge__"),
        CompareOp::In | CompareOp::NotIn => Some("__contains__"),
        CompareOp::Is | CompareOp::IsNot => None,
    }
}
