//! What opens a scope: functions, classes, lambdas and comprehensions.

use smol_str::SmolStr;
use tree_sitter::Node;

use super::build::{Lower, end_line, line};
use super::kinds::{Field, Kind, field, kind};
use super::text::cleaned;
use crate::syntax::facts::{
    Base, Builds, ExprId, ExprKind, LoopHead, Param, ParamKind, ScopeId, ScopeKind, Stmt, StmtKind,
};

/// A clause of a comprehension.
enum Clause {
    For(LoopHead),
    If(ExprId),
}

impl<'t> Lower<'t> {
    pub(super) fn decorated(&mut self, node: Node<'t>, body: &mut Vec<Stmt>) {
        let mut decorators = Vec::new();
        for child in self.children(node) {
            let kind = match kind(child) {
                Kind::Decorator => {
                    let expr = self.first_expr(child);
                    decorators.extend(expr);
                    continue;
                }
                Kind::FunctionDefinition => self.function(child, &decorators),
                Kind::ClassDefinition => self.class(child, &decorators),
                _ => continue,
            };
            body.push(Stmt {
                kind,
                line: line(child),
            });
        }
    }

    pub(super) fn function(&mut self, node: Node<'t>, decorators: &[ExprId]) -> StmtKind {
        let is_async = self.is_async(node);
        let (params, unpacked) = match field(node, Field::Parameters) {
            Some(params) => self.params(params),
            None => Default::default(),
        };
        let returns = field(node, Field::ReturnType).map(|ty| self.expr(ty));
        let id = self.definition(ScopeKind::Function, node, decorators);
        let scope = self.scope_mut(id);
        scope.params = params;
        scope.returns = returns;
        scope.is_async = is_async;
        self.body(id, node, unpacked);
        StmtKind::Function(id)
    }

    pub(super) fn class(&mut self, node: Node<'t>, decorators: &[ExprId]) -> StmtKind {
        let bases = match field(node, Field::Superclasses) {
            Some(bases) => self.bases(bases),
            None => Vec::new(),
        };
        let id = self.definition(ScopeKind::Class, node, decorators);
        self.scope_mut(id).bases = bases;
        self.body(id, node, Vec::new());
        StmtKind::Class(id)
    }

    fn definition(&mut self, kind: ScopeKind, node: Node<'t>, decorators: &[ExprId]) -> ScopeId {
        let name = field(node, Field::Name).map_or("", |name| self.text_of(name));
        let id = self.open_scope(kind, name, line(node), end_line(node));
        self.scope_mut(id).decorators = decorators.to_vec();
        id
    }

    fn body(&mut self, id: ScopeId, node: Node<'t>, mut body: Vec<Stmt>) {
        let Some(block) = field(node, Field::Body) else {
            return;
        };
        let doc = self.docstring(block);
        body.append(&mut self.within(id, |this| this.block(block)));
        let scope = self.scope_mut(id);
        scope.doc = doc;
        scope.body = body;
    }

    /// `async` before `def`, `for` or `with`.
    fn is_async(&mut self, node: Node<'t>) -> bool {
        node.child(0)
            .is_some_and(|first| kind(first) == Kind::Async)
    }

    fn bases(&mut self, node: Node<'t>) -> Vec<Base> {
        let mut bases = Vec::new();
        for child in self.children(node) {
            let keyword = match kind(child) {
                Kind::KeywordArgument => field(child, Field::Name).map(|name| self.name(name)),
                _ => None,
            };
            let expr = match keyword {
                Some(_) => self.expr_of(child, Field::Value),
                None => self.expr(child),
            };
            bases.push(Base { keyword, expr });
        }
        bases
    }

    /// Parameters, and assignments that unpack those of Python 2 that are
    /// tuples.
    fn params(&mut self, node: Node<'t>) -> (Vec<Param>, Vec<Stmt>) {
        let mut params: Vec<Param> = Vec::new();
        let mut unpacked = Vec::new();
        let mut plain = ParamKind::Plain;
        for child in self.children(node) {
            match kind(child) {
                Kind::PositionalSeparator => params
                    .iter_mut()
                    .for_each(|param| param.kind = ParamKind::PositionalOnly),
                Kind::KeywordSeparator => plain = ParamKind::NamedOnly,
                _ => {
                    let param = self.param(child, plain, &mut unpacked);
                    if param.kind == ParamKind::Rest {
                        plain = ParamKind::NamedOnly;
                    }
                    params.push(param);
                }
            }
        }
        (params, unpacked)
    }

    fn param(&mut self, node: Node<'t>, plain: ParamKind, unpacked: &mut Vec<Stmt>) -> Param {
        let annotation = field(node, Field::Type).map(|ty| self.expr(ty));
        let default = field(node, Field::Value).map(|value| self.expr(value));
        let mut inner = field(node, Field::Name).unwrap_or(node);
        if kind(inner) == Kind::TypedParameter {
            inner = self.first_child(inner).unwrap_or(inner);
        }
        let param_kind = match kind(inner) {
            Kind::ListSplatPattern => ParamKind::Rest,
            Kind::DictionarySplatPattern => ParamKind::RestNamed,
            _ => plain,
        };
        let name = match kind(inner) {
            Kind::TuplePattern => self.unpack(inner, unpacked),
            Kind::Identifier => self.name(inner),
            _ => self
                .children(inner)
                .first()
                .map_or_else(SmolStr::default, |name| self.name(*name)),
        };
        Param {
            name,
            kind: param_kind,
            annotation,
            default,
        }
    }

    fn unpack(&mut self, pattern: Node<'t>, unpacked: &mut Vec<Stmt>) -> SmolStr {
        let name = self.temporary();
        let value = self.push(pattern, ExprKind::Name(name.clone()));
        let kind = StmtKind::Assign {
            targets: vec![self.expr(pattern)],
            value,
            annotation: None,
        };
        unpacked.push(Stmt {
            kind,
            line: line(pattern),
        });
        name
    }

    pub(super) fn lambda(&mut self, node: Node<'t>) -> ExprKind {
        let (params, mut body) = match field(node, Field::Parameters) {
            Some(params) => self.params(params),
            None => Default::default(),
        };
        let id = self.open_scope(ScopeKind::Lambda, "<lambda>", line(node), end_line(node));
        let value = self.within(id, |this| this.expr_of(node, Field::Body));
        body.push(Stmt {
            kind: StmtKind::Return(Some(value)),
            line: line(node),
        });
        let scope = self.scope_mut(id);
        scope.params = params;
        scope.body = body;
        ExprKind::Lambda(id)
    }

    pub(super) fn comprehension(&mut self, node: Node<'t>) -> ExprKind {
        let (builds, name) = match kind(node) {
            Kind::ListComprehension => (Builds::List, "<listcomp>"),
            Kind::SetComprehension => (Builds::Set, "<setcomp>"),
            Kind::DictionaryComprehension => (Builds::Dict, "<dictcomp>"),
            _ => (Builds::Generator, "<genexpr>"),
        };
        let scope = self.open_scope(ScopeKind::Comprehension, name, line(node), end_line(node));
        let around = self.scope;
        let body = self.within(scope, |this| this.comprehension_body(node, around));
        self.scope_mut(scope).body = body;
        ExprKind::Comprehension { builds, scope }
    }

    /// What is iterated first runs in the scope `around`, and so lambdas and
    /// comprehensions in it have that for their parent.
    fn comprehension_body(&mut self, node: Node<'t>, around: ScopeId) -> Vec<Stmt> {
        let mut clauses = Vec::new();
        let mut outside = Some(around);
        for child in self.children(node) {
            match kind(child) {
                Kind::ForInClause => {
                    let scope = outside.take().unwrap_or(self.scope);
                    clauses.push((self.for_clause(child, scope), line(child)));
                }
                Kind::IfClause => {
                    let test = self.first_child(child).unwrap_or(child);
                    clauses.push((Clause::If(self.expr(test)), line(child)));
                }
                _ => {}
            }
        }
        self.nest(node, clauses.len());
        let element = field(node, Field::Body).unwrap_or(node);
        let value = self.element(element);
        let value = self.push(element, ExprKind::Yield(Some(value)));
        let element = Stmt {
            kind: StmtKind::Expr(value),
            line: line(element),
        };
        clauses
            .into_iter()
            .rev()
            .fold(vec![element], |body, (clause, line)| {
                let other = Vec::new();
                let kind = match clause {
                    Clause::For(head) => StmtKind::Loop { head, body, other },
                    Clause::If(test) => StmtKind::If {
                        test,
                        then: body,
                        other,
                    },
                };
                vec![Stmt { kind, line }]
            })
    }

    fn for_clause(&mut self, node: Node<'t>, iterated_in: ScopeId) -> Clause {
        if self.is_async(node) {
            let id = self.scope;
            self.scope_mut(id).is_async = true;
        }
        let iter = self.within(iterated_in, |this| {
            match *this.fields(node, Field::Right).as_slice() {
                [iter] => this.expr(iter),
                ref several => this.tuple(node, several),
            }
        });
        let target = self.expr_of(node, Field::Left);
        Clause::For(LoopHead::For { target, iter })
    }

    /// The element; key and value of a mapping as a tuple.
    fn element(&mut self, node: Node<'t>) -> ExprId {
        match kind(node) {
            Kind::Pair => {
                let parts = self.children(node);
                self.tuple(node, &parts)
            }
            _ => self.expr(node),
        }
    }

    /// What the first statement in `block` says about its scope.
    pub(super) fn docstring(&mut self, block: Node<'t>) -> Option<SmolStr> {
        let first = self.first_child(block)?;
        let text = self.documents(first)?;
        Some(SmolStr::new(cleaned(&text)))
    }
}
