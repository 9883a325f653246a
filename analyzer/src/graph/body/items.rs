//! Items, and the containers that displays and comprehensions make.

use super::Body;
use crate::graph::containers;
use crate::graph::solve::{EMPTY, ItemKey, Node, Use};
use crate::graph::values::{AllocId, ContainerKind, ElemKey, Value};
use crate::syntax::facts::{Builds, ExprId, ExprKind, LoopHead, ScopeId, Stmt, StmtKind};

impl<'a> Body<'_, 'a> {
    pub(super) fn item_key(&mut self, index: ExprId) -> ItemKey {
        match &self.facts.expr(index).kind {
            ExprKind::Str(key) => ItemKey::Known(ElemKey::Text(self.solver.symbols.intern(key))),
            ExprKind::Number(number) => match number.parse() {
                Ok(number) => ItemKey::Known(ElemKey::Number(number)),
                Err(_) => ItemKey::Known(ElemKey::Any),
            },
            ExprKind::Slice(_) => {
                self.eval(index);
                ItemKey::Known(ElemKey::Any)
            }
            _ => match self.eval(index) {
                EMPTY => ItemKey::Known(ElemKey::Any),
                node => ItemKey::Node(node),
            },
        }
    }

    pub(super) fn item(&mut self, expr: ExprId, base: ExprId, index: ExprId) -> Node {
        let annotated = match (self.facts.dotted(base), &self.facts.expr(index).kind) {
            (Some(path), ExprKind::Tuple(parts)) if path.ends_with("Annotated") => parts.first(),
            _ => None,
        };
        let base = self.eval(base);
        let is_slice = matches!(self.facts.expr(index).kind, ExprKind::Slice(_));
        let key = self.item_key(index);
        let at = self.at(expr);
        if base == EMPTY {
            return EMPTY;
        }
        let dst = self.solver.fresh();
        if is_slice {
            // A slice of a container holds what the container holds.
            self.solver.edge(base, dst);
        } else {
            self.solver.on(base, Use::ItemLoad { key, dst, at });
        }
        if let Some(ty) = annotated {
            // `Ty = Annotated[T, …]` is a name for `T`.
            let ty = self.eval(*ty);
            self.solver.edge(ty, dst);
        }
        let method = self.solver.symbols.intern("__getitem__");
        self.solver.on(
            base,
            Use::Operator {
                method,
                dst,
                at,
                arg: None,
            },
        );
        dst
    }

    pub(super) fn sequence(
        &mut self,
        expr: ExprId,
        kind: ContainerKind,
        parts: &'a [ExprId],
    ) -> Node {
        let at = self.at(expr);
        let alloc = self.solver.alloc(at, 0, kind);
        let mut position = Some(0);
        for part in parts {
            if let ExprKind::Starred(inner) = &self.facts.expr(*part).kind {
                let spread = self.eval(*inner);
                let any = self.solver.elem(alloc, ElemKey::Any);
                self.solver.on(spread, Use::Elements { dst: any, at });
                position = None;
                continue;
            }
            let value = self.eval(*part);
            let key = match (kind, position) {
                (ContainerKind::List | ContainerKind::Tuple, Some(position)) if position < 64 => {
                    ElemKey::Number(position)
                }
                _ => ElemKey::Any,
            };
            if value != EMPTY {
                let elem = self.solver.elem(alloc, key);
                self.solver.edge(value, elem);
            }
            position = position.map(|position| position + 1);
        }
        let node = self.solver.fresh();
        self.solver.put(node, Value::Container(alloc));
        node
    }

    pub(super) fn dict(&mut self, expr: ExprId, entries: &'a [(Option<ExprId>, ExprId)]) -> Node {
        let at = self.at(expr);
        let alloc = self.solver.alloc(at, 0, ContainerKind::Dict);
        let node = self.solver.fresh();
        let container = self.solver.put(node, Value::Container(alloc));
        for (key, value) in entries {
            let Some(key) = key else {
                let spread = self.eval(*value);
                containers::merge_into(self.solver, alloc, spread, at);
                continue;
            };
            let item_key = self.item_key(*key);
            let key_node = self.eval(*key);
            let keys = self.solver.elem(alloc, ElemKey::Keys);
            self.solver.edge(key_node, keys);
            let value = self.eval(*value);
            let src = value;
            containers::store_item(self.solver, container, item_key, src, at);
        }
        node
    }

    pub(super) fn comprehension(&mut self, expr: ExprId, builds: Builds, scope: ScopeId) -> Node {
        let facts = self.facts;
        let at = self.at(expr);
        let kind = match builds {
            Builds::List | Builds::Generator => ContainerKind::List,
            Builds::Set => ContainerKind::Set,
            Builds::Dict => ContainerKind::Dict,
        };
        let alloc = self.solver.alloc(at, 0, kind);
        self.enter(scope);
        self.gather(&facts.scope(scope).body, alloc, builds);
        self.frames.pop();
        let node = self.solver.fresh();
        self.solver.put(node, Value::Container(alloc));
        node
    }

    /// Walks a comprehension's loops; the innermost `yield` is the element.
    fn gather(&mut self, body: &'a [Stmt], alloc: AllocId, builds: Builds) {
        for stmt in body {
            match &stmt.kind {
                StmtKind::Loop {
                    head: LoopHead::For { target, iter },
                    body,
                    ..
                } => {
                    let iterated = self.eval(*iter);
                    let element = self.solver.fresh();
                    let at = self.at(*iter);
                    self.solver.on(iterated, Use::Elements { dst: element, at });
                    self.assign(*target, element);
                    self.gather(body, alloc, builds);
                }
                StmtKind::If { test, then, .. } => {
                    self.eval(*test);
                    self.gather(then, alloc, builds);
                }
                StmtKind::Expr(expr) => {
                    if let ExprKind::Yield(Some(value)) = &self.facts.expr(*expr).kind {
                        self.gather_element(*value, alloc, builds);
                    } else {
                        self.eval(*expr);
                    }
                }
                _ => self.stmt(stmt),
            }
        }
    }

    fn gather_element(&mut self, value: ExprId, alloc: AllocId, builds: Builds) {
        let facts = self.facts;
        if let (Builds::Dict, ExprKind::Tuple(pair)) = (builds, &facts.expr(value).kind)
            && let [key, value] = pair.as_ref()
        {
            let at = self.at(*key);
            let item_key = self.item_key(*key);
            let key_node = self.eval_again(*key);
            let keys = self.solver.elem(alloc, ElemKey::Keys);
            self.solver.edge(key_node, keys);
            let src = self.eval(*value);
            let container = self.solver.value(Value::Container(alloc));
            containers::store_item(self.solver, container, item_key, src, at);
            return;
        }
        let element = self.eval(value);
        let any = self.solver.elem(alloc, ElemKey::Any);
        self.solver.edge(element, any);
    }
}
