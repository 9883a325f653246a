//! Statements in order: what each binds, and what a loop's element is.

use smol_str::format_smolstr;

use super::{Field, Follow, Frame, Shape, without_status};
use crate::cut::contract::code::At;
use crate::modules::FileId;
use crate::syntax::facts::{ExprId, ExprKind, LoopHead, ScopeId, Stmt, StmtKind};

impl Follow<'_, '_> {
    pub(super) fn block(&mut self, file: FileId, scope: ScopeId, body: &[Stmt], frame: &mut Frame) {
        for stmt in body {
            let at = |expr: ExprId| At { file, scope, expr };
            match &stmt.kind {
                StmtKind::Expr(expr) | StmtKind::Assert(expr) => {
                    self.expr(at(*expr), frame);
                }
                StmtKind::Assign { targets, value, .. } => {
                    let shape = self.expr(at(*value), frame);
                    for target in targets {
                        self.bind(at(*target), shape.clone(), frame);
                    }
                }
                StmtKind::Augment { value, target, .. } => {
                    self.expr(at(*value), frame);
                    self.expr(at(*target), frame);
                }
                StmtKind::Return(Some(value)) => {
                    let shape = self.expr(at(*value), frame);
                    frame.returns.push(without_status(shape));
                }
                StmtKind::If { test, then, other } => {
                    let tested = self.expr(at(*test), frame);
                    self.note_shape(&tested, "bool", true);
                    self.block(file, scope, then, frame);
                    self.block(file, scope, other, frame);
                }
                StmtKind::Loop { head, body, other } => {
                    match head {
                        LoopHead::For { target, iter } => {
                            let iter = self.expr(at(*iter), frame);
                            let element = self.element(&iter);
                            self.bind(at(*target), element, frame);
                        }
                        LoopHead::While(test) => {
                            self.expr(at(*test), frame);
                        }
                    }
                    self.block(file, scope, body, frame);
                    self.block(file, scope, other, frame);
                }
                StmtKind::With { items, body } => {
                    for (context, target) in items {
                        self.expr(at(*context), frame);
                        if let Some(target) = target {
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
                    self.block(file, scope, body, frame);
                    for handler in handlers {
                        // What an error answers is no part of the contract.
                        let n_returns = frame.returns.len();
                        self.block(file, scope, &handler.body, frame);
                        frame.returns.truncate(n_returns);
                    }
                    self.block(file, scope, other, frame);
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
                let parts = match shape {
                    Shape::Tuple(parts) => parts,
                    _ => Vec::new(),
                };
                for (idx, name) in names.iter().enumerate() {
                    let part = parts.get(idx).cloned().unwrap_or(Shape::Unknown);
                    self.bind(target.part(*name), part, frame);
                }
            }
            ExprKind::Item { base, index } => {
                let base = self.expr(target.part(*base), frame);
                if let Shape::Dict(id) = base {
                    let line = self.code.line(target);
                    for key in self.code.texts(target.part(*index)) {
                        let field = Field {
                            shape: shape.clone(),
                            file: target.file,
                            line,
                        };
                        let known = self.dicts[id]
                            .entry(key.text)
                            .or_insert_with(|| field.clone());
                        if matches!(known.shape, Shape::Unknown)
                            || matches!((&known.shape, &shape), (Shape::Ty(a), Shape::Dict(_)) if a == "bool")
                        {
                            *known = field;
                        }
                    }
                }
            }
            _ => {}
        }
    }

    pub(super) fn element(&mut self, iter: &Shape) -> Shape {
        match iter {
            Shape::Request(path) => {
                let path = path.clone();
                self.note(&path, "list", false);
                Shape::Request(format_smolstr!("{path}[]"))
            }
            Shape::List(Some(element)) => (**element).clone(),
            _ => Shape::Unknown,
        }
    }
}
