//! What a target takes: names, attributes, items, and tuples of these.

use smol_str::SmolStr;

use super::{Body, names};
use crate::graph::solve::{EMPTY, Key, Node, Use};
use crate::graph::values::{ContainerKind, ElemKey, Sym, Value};
use crate::syntax::facts::{ExprId, ExprKind, ScopeId, ScopeKind};

impl<'a> Body<'_, 'a> {
    pub(super) fn assign(&mut self, target: ExprId, node: Node) {
        let facts = self.facts;
        match &facts.expr(target).kind {
            ExprKind::Name(name) => self.assign_name(name, node),
            ExprKind::Attr { base, name } => {
                let base = self.eval(*base);
                let name = self.solver.symbols.intern(name);
                let at = self.at(target);
                self.solver.on(
                    base,
                    Use::Store {
                        name,
                        src: node,
                        at,
                    },
                );
            }
            ExprKind::Item { base, index } => {
                let base = self.eval(*base);
                let key = self.item_key(*index);
                let at = self.at(target);
                self.solver.on(base, Use::ItemStore { key, src: node, at });
                let method = self.solver.symbols.intern("__setitem__");
                let dst = self.solver.fresh();
                let operator = Use::Operator {
                    method,
                    dst,
                    at,
                    arg: Some(node),
                };
                self.solver.on(base, operator);
            }
            ExprKind::Tuple(parts) | ExprKind::List(parts) => self.unpack(target, parts, node),
            ExprKind::Starred(inner) => self.assign(*inner, node),
            _ => {
                self.eval(target);
            }
        }
    }

    fn unpack(&mut self, target: ExprId, parts: &'a [ExprId], node: Node) {
        let at = self.at(target);
        let mut after_star = false;
        for (index, part) in parts.iter().enumerate() {
            let element = self.solver.fresh();
            if let ExprKind::Starred(inner) = &self.facts.expr(*part).kind {
                after_star = true;
                let rest = self.solver.alloc(self.at(*part), 0, ContainerKind::List);
                let any = self.solver.elem(rest, ElemKey::Any);
                for position in index..index + 8 {
                    self.solver.on(
                        node,
                        Use::Position {
                            index: position,
                            dst: any,
                            at,
                        },
                    );
                }
                self.solver.put(element, Value::Container(rest));
                self.assign(*inner, element);
                continue;
            }
            let used = match after_star {
                true => Use::Elements { dst: element, at },
                false => Use::Position {
                    index,
                    dst: element,
                    at,
                },
            };
            self.solver.on(node, used);
            self.assign(*part, element);
        }
    }

    pub(super) fn assign_name(&mut self, name: &SmolStr, node: Node) {
        let sym = self.solver.symbols.intern(name);
        let Some(depth) = self.binding_frame(name) else {
            let target = names::outer(self.solver, self.inst, self.file, self.scope(), name, sym);
            self.solver.edge(node, target);
            return;
        };
        let scope = self.frames[depth].scope;
        let var = self.var(scope, sym);
        self.solver.edge(node, var);
        let frame = &mut self.frames[depth];
        let weak = frame.weak.contains(name);
        frame
            .now
            .insert(name.clone(), if weak { var } else { node });
    }

    /// The frame that owns `name`, if one of this body's does.
    pub(super) fn binding_frame(&self, name: &str) -> Option<usize> {
        let last = self.frames.len().checked_sub(1)?;
        self.frames[last].locals.contains(name).then_some(last)
    }

    pub(super) fn var(&mut self, scope: ScopeId, sym: Sym) -> Node {
        match self.facts.scope(scope).kind {
            ScopeKind::Class => match self.solver.program.class_at(self.file, scope) {
                Some(class) => {
                    let class = self.solver.value(Value::Class(class));
                    self.solver.node(Key::Attr(class, sym))
                }
                None => EMPTY,
            },
            _ => self.solver.node(Key::Var(self.inst, scope, sym)),
        }
    }
}
