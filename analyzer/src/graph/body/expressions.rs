//! Expressions to nodes.

use std::rc::Rc;

use super::{Body, names};
use crate::graph::conversions;
use crate::graph::solve::{
    At, EMPTY, ItemKey, Key, NOWHERE, Node, Part, Site, SiteArg, SiteId, Use,
};
use crate::graph::text::{self, TextOp};
use crate::graph::values::{ContainerKind, ElemKey, Value};
use crate::syntax::facts::{
    Arg, ArgKind, BinaryOp, Builds, CompareOp, ExprId, ExprKind, ImportRule, ScopeId, ScopeKind,
    StmtKind, UnaryOp,
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
                        Some(("__contains__", _)) => {
                            self.operator(expr, right, "__contains__", Some(left));
                        }
                        Some((method, _)) => {
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

    fn union(&mut self, nodes: &[Node]) -> Node {
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

    // ---- names

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

    // ---- items and containers

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

    fn item(&mut self, expr: ExprId, base: ExprId, index: ExprId) -> Node {
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

    fn sequence(&mut self, expr: ExprId, kind: ContainerKind, parts: &'a [ExprId]) -> Node {
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

    fn dict(&mut self, expr: ExprId, entries: &'a [(Option<ExprId>, ExprId)]) -> Node {
        let at = self.at(expr);
        let alloc = self.solver.alloc(at, 0, ContainerKind::Dict);
        let node = self.solver.fresh();
        let container = self.solver.put(node, Value::Container(alloc));
        for (key, value) in entries {
            let Some(key) = key else {
                let spread = self.eval(*value);
                crate::graph::containers::merge_into(self.solver, alloc, spread, at);
                continue;
            };
            let item_key = self.item_key(*key);
            let key_node = self.eval(*key);
            let keys = self.solver.elem(alloc, ElemKey::Keys);
            self.solver.edge(key_node, keys);
            let value = self.eval(*value);
            let src = value;
            crate::graph::containers::store_item(self.solver, container, item_key, src, at);
        }
        node
    }

    fn comprehension(&mut self, expr: ExprId, builds: Builds, scope: ScopeId) -> Node {
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
    fn gather(
        &mut self,
        body: &'a [crate::syntax::facts::Stmt],
        alloc: crate::graph::values::AllocId,
        builds: Builds,
    ) {
        use crate::syntax::facts::{LoopHead, StmtKind};
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

    fn gather_element(
        &mut self,
        value: ExprId,
        alloc: crate::graph::values::AllocId,
        builds: Builds,
    ) {
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
            crate::graph::containers::store_item(self.solver, container, item_key, src, at);
            return;
        }
        let element = self.eval(value);
        let any = self.solver.elem(alloc, ElemKey::Any);
        self.solver.edge(element, any);
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
    fn hole(&self, expr: ExprId) -> smol_str::SmolStr {
        text::hole(self.facts, expr)
    }

    fn text_op(&mut self, op: TextOp) -> Node {
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

    // ---- calls

    fn call(&mut self, expr: ExprId, callee: ExprId, args: &'a [Arg]) -> Node {
        if let Some(node) = self.super_call(expr, callee, args) {
            return node;
        }
        let callee_node = self.callee(callee);
        let site_args: Vec<SiteArg> = args
            .iter()
            .map(|arg| {
                let node = self.eval(arg.value);
                let name = arg
                    .name
                    .as_ref()
                    .map(|name| self.solver.symbols.intern(name));
                SiteArg {
                    kind: arg.kind,
                    name,
                    node,
                }
            })
            .collect();
        let text = self.text_method(callee, args, &site_args);
        let result = self.site(expr, callee_node, site_args, false);
        match text {
            EMPTY => result,
            text => self.union(&[result, text]),
        }
    }

    fn load(&mut self, base: Node, name: &str, at: At, part: Part) -> Node {
        let dst = self.solver.fresh();
        let name = self.solver.symbols.intern(name);
        self.solver.on(
            base,
            Use::LoadPart {
                name,
                dst,
                at,
                part,
            },
        );
        dst
    }

    /// What is called. Where fields are apart, `x.f()` never calls a field.
    fn callee(&mut self, callee: ExprId) -> Node {
        let facts = self.facts;
        let ExprKind::Attr { base, name } = &facts.expr(callee).kind else {
            return self.eval(callee);
        };
        if !facts.rules.fields_are_apart {
            return self.eval(callee);
        }
        let base_node = self.eval(*base);
        if base_node == EMPTY {
            return EMPTY;
        }
        let node = self.load(base_node, name, self.at(callee), Part::Method);
        self.solver
            .exprs
            .insert((self.inst, self.file, callee), node);
        node
    }

    pub(super) fn site(
        &mut self,
        expr: ExprId,
        callee: Node,
        args: Vec<SiteArg>,
        decorates: bool,
    ) -> Node {
        let result = self.solver.fresh();
        let site = SiteId(self.solver.sites.len() as u32);
        let at = self.at(expr);
        self.solver.sites.push(Site {
            at,
            callee,
            args: args.into(),
            result,
            decorates,
        });
        self.solver.on(callee, Use::Call { site });
        result
    }

    /// `super()` and `super(C, self)`.
    fn super_call(&mut self, expr: ExprId, callee: ExprId, args: &'a [Arg]) -> Option<Node> {
        let ExprKind::Name(name) = &self.facts.expr(callee).kind else {
            return None;
        };
        if name != "super" || !(args.is_empty() || args.len() == 2) {
            return None;
        }
        let method = self.method_around()?;
        let receiver_name = self.facts.scope(method).params.first()?.name.clone();
        let class_scope = self.facts.scope(method).parent?;
        let class = self.solver.program.class_at(self.file, class_scope)?;
        let builtin = self.eval(callee);
        self.site(expr, builtin, Vec::new(), false);
        let node = self.solver.fresh();
        let receiver = match args {
            [_, receiver] => self.eval(receiver.value),
            _ => self.name(&receiver_name),
        };
        let dst = node;
        let method = self.solver.symbols.intern("<super>");
        let at = self.at(expr);
        self.solver
            .super_of
            .insert((at.inst, at.file, at.expr), class);
        self.solver.on(
            receiver,
            Use::Operator {
                method,
                dst,
                at,
                arg: None,
            },
        );
        Some(node)
    }

    /// The nearest function around that is a method.
    fn method_around(&self) -> Option<ScopeId> {
        let mut at = Some(self.scope());
        while let Some(scope) = at {
            let definition = self.facts.scope(scope);
            let in_class = definition
                .parent
                .is_some_and(|parent| self.facts.scope(parent).kind == ScopeKind::Class);
            if definition.kind == ScopeKind::Function && in_class {
                return Some(scope);
            }
            at = definition.parent;
        }
        None
    }

    /// `"{}/x".format(a)`, `", ".join(parts)`, `path.with_suffix(".x")`.
    fn text_method(&mut self, callee: ExprId, args: &'a [Arg], site_args: &[SiteArg]) -> Node {
        let facts = self.facts;
        let ExprKind::Attr { base, name } = &facts.expr(callee).kind else {
            return EMPTY;
        };
        let base_node = self.eval_again(*base);
        if base_node == EMPTY {
            return EMPTY;
        }
        let names: Vec<_> = args.iter().map(|arg| arg.name.clone()).collect();
        let mut inputs = vec![base_node];
        inputs.extend(site_args.iter().map(|arg| arg.node));
        let mut holes = vec![self.hole(*base)];
        holes.extend(args.iter().map(|arg| self.hole(arg.value)));
        let positional = args
            .iter()
            .all(|arg| matches!(arg.kind, ArgKind::Positional | ArgKind::Named));
        // What joins texts in Python joins paths where paths are texts.
        let paths = facts.rules.imports == ImportRule::Crates && name == "join";
        let name = if paths { "joinpath" } else { name };
        match TextOp::method(name, inputs, holes, names) {
            Some(op) if positional => self.text_op(op),
            _ => EMPTY,
        }
    }
}

fn comparison(op: CompareOp) -> Option<(&'static str, ())> {
    let method = match op {
        CompareOp::Eq => "__eq__",
        CompareOp::Ne => "__ne__",
        CompareOp::Lt => "__lt__",
        CompareOp::Le => "__le__",
        CompareOp::Gt => "__gt__",
        CompareOp::Ge => "__ge__",
        CompareOp::In | CompareOp::NotIn => "__contains__",
        CompareOp::Is | CompareOp::IsNot => return None,
    };
    Some((method, ()))
}
