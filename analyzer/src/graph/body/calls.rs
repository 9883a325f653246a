//! Calls: what is called with what.

use super::Body;
use crate::graph::solve::{At, EMPTY, Node, Part, Site, SiteArg, SiteId, Use};
use crate::graph::text::TextOp;
use crate::syntax::facts::{Arg, ArgKind, ExprId, ExprKind, ImportRule, ScopeId, ScopeKind};

impl<'a> Body<'_, 'a> {
    pub(super) fn call(&mut self, expr: ExprId, callee: ExprId, args: &'a [Arg]) -> Node {
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

    pub(super) fn load(&mut self, base: Node, name: &str, at: At, part: Part) -> Node {
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
