//! Statements in order: what each binds, and what a loop's element is.

use smol_str::format_smolstr;

use super::asked::Index;
use super::lists::is_whole;
use super::{Field, Follow, Frame, Shape, without_status};
use crate::cut::contract::code::At;
use crate::modules::FileId;
use crate::syntax::facts::{ExprId, ExprKind, LoopHead, ScopeId, ScopeKind, Stmt, StmtKind};

impl Follow<'_, '_> {
    pub(super) fn block(&mut self, file: FileId, scope: ScopeId, body: &[Stmt], frame: &mut Frame) {
        for stmt in body {
            let at = |expr: ExprId| At { file, scope, expr };
            match &stmt.kind {
                // The element of a comprehension, which follows it itself.
                StmtKind::Expr(expr)
                    if matches!(self.code.kind(at(*expr)), ExprKind::Yield(_))
                        && self.code.facts(file).scope(scope).kind == ScopeKind::Comprehension => {}
                StmtKind::Expr(expr) | StmtKind::Assert(expr) => {
                    self.expr(at(*expr), frame);
                }
                StmtKind::Assign { targets, value, .. } => {
                    let shape = self.expr(at(*value), frame);
                    for target in targets {
                        self.name_object(at(*target), at(*value), frame);
                        self.bind(at(*target), shape.clone(), frame);
                    }
                }
                StmtKind::Augment { value, target, .. } => {
                    self.expr(at(*value), frame);
                    let shape = self.expr(at(*target), frame);
                    self.change(&shape);
                    if let ExprKind::Name(name) = self.code.kind(at(*target))
                        && shape.is_plain()
                    {
                        let worked = Shape::Other(self.type_of(&shape));
                        frame.env.insert(name.clone(), worked);
                    }
                }
                StmtKind::Return(Some(value)) => {
                    let shape = self.expr(at(*value), frame);
                    frame.returns.push(without_status(shape));
                }
                StmtKind::If { test, then, other } => {
                    let tested = self.expr(at(*test), frame);
                    self.note_shape(&tested, "bool", true);
                    self.branches((file, scope), &tested, (then, other), frame);
                }
                StmtKind::Loop { head, body, other } => {
                    match head {
                        LoopHead::For {
                            target,
                            iter: iter_at,
                        } => {
                            let iter = self.expr(at(*iter_at), frame);
                            let element = self.element(&iter);
                            self.name_each(at(*target), at(*iter_at), frame);
                            self.bind(at(*target), element, frame);
                        }
                        LoopHead::While(test) => {
                            self.expr(at(*test), frame);
                        }
                    }
                    let around = (frame.in_loop, frame.each_step);
                    frame.each_step = !frame.in_loop && is_whole(body);
                    frame.in_loop = true;
                    self.block(file, scope, body, frame);
                    (frame.in_loop, frame.each_step) = around;
                    self.block(file, scope, other, frame);
                }
                StmtKind::With { items, body } => {
                    for (context, target) in items {
                        self.expr(at(*context), frame);
                        if let Some(target) = target {
                            self.name_object(at(*target), at(*context), frame);
                            self.bind(at(*target), Shape::Unknown, frame);
                        }
                    }
                    self.block(file, scope, body, frame);
                }
                StmtKind::Try {
                    body,
                    handlers,
                    other,
                    finally,
                } => {
                    let each_step = std::mem::replace(&mut frame.each_step, false);
                    self.block(file, scope, body, frame);
                    for handler in handlers {
                        // What an error answers is no part of the contract.
                        let n_returns = frame.returns.len();
                        let before = frame.env.clone();
                        self.block(file, scope, &handler.body, frame);
                        frame.returns.truncate(n_returns);
                        frame.env.extend(before);
                    }
                    self.block(file, scope, other, frame);
                    frame.each_step = each_step;
                    self.block(file, scope, finally, frame);
                }
                _ => {}
            }
        }
    }

    pub(super) fn bind(&mut self, target: At, shape: Shape, frame: &mut Frame) {
        match self.code.kind(target) {
            ExprKind::Name(name) => {
                frame.env.insert(name.clone(), shape);
            }
            ExprKind::Tuple(names) | ExprKind::List(names) => {
                for (idx, name) in names.iter().enumerate() {
                    let part = match &shape {
                        Shape::Tuple(parts) => parts.get(idx).cloned(),
                        Shape::List(Some(element)) => Some(match idx {
                            0 => self.first((**element).clone(), 0),
                            _ => self.later((**element).clone()),
                        }),
                        Shape::Model(asked) => {
                            let idx = u32::try_from(idx).ok();
                            let part = idx.and_then(|idx| asked.part(&[Index::Number(idx)]));
                            Some(part.map_or(Shape::Other(None), Shape::Model))
                        }
                        Shape::Other(_) => Some(Shape::Other(None)),
                        _ => None,
                    };
                    let part = part.unwrap_or(Shape::Unknown);
                    self.bind(target.part(*name), part, frame);
                }
            }
            ExprKind::Item { base, index } => {
                let base = self.expr(target.part(*base), frame);
                self.hand_on(&shape);
                if let Shape::Request(path) | Shape::Rows(path, _) = &base {
                    for key in self.code.texts(target.part(*index)) {
                        self.add_to_request(path, &key.text, frame.each_step);
                    }
                }
                if let Shape::Dict(id) = base {
                    let line = self.code.line(target);
                    for key in self.code.texts(target.part(*index)) {
                        let field = Field {
                            shape: shape.clone(),
                            file: target.file,
                            line,
                        };
                        let of = |dict: &Self| Some(dict.dicts[id].get(&key.text)?.shape.clone());
                        match of(self) {
                            // A mapping that is filled later.
                            Some(known)
                                if matches!(shape, Shape::Dict(_))
                                    && known.plain_type().as_deref() == Some("bool") =>
                            {
                                self.dicts[id].insert(key.text, field);
                            }
                            _ => self.put(id, key.text, field),
                        }
                    }
                }
            }
            // `response.status_code = 400`
            ExprKind::Attr { base, name } => {
                self.hand_on(&shape);
                if matches!(name.as_str(), "status" | "status_code")
                    && shape.is_error_status()
                    && let ExprKind::Name(answer) = self.code.kind(target.part(*base))
                {
                    frame.env.insert(answer.clone(), Shape::Refused);
                }
            }
            _ => {}
        }
    }

    pub(super) fn element(&mut self, iter: &Shape) -> Shape {
        match iter {
            Shape::Request(path) => {
                let path = path.clone();
                self.go_over(iter);
                self.note(&path, "list", false);
                Shape::Request(format_smolstr!("{path}[]"))
            }
            Shape::List(Some(element)) => (**element).clone(),
            Shape::Model(asked) => asked.element().map_or(Shape::Other(None), Shape::Model),
            Shape::Other(_) => Shape::Other(None),
            _ => Shape::Unknown,
        }
    }
}
