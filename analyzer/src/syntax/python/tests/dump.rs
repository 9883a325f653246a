//! Facts as text for tests: statements a line each, expressions in brackets,
//! nested scopes where they are defined.

use std::fmt::Write;

use crate::syntax::facts::{
    ArgKind, Builds, ExprId, ExprKind, FileFacts, Handler, Import, ImportBinds, LoopHead, Param,
    ParamKind, Scope, ScopeId, Stmt, StmtKind,
};

/// The statements of `facts`.
pub(super) fn dump(facts: &FileFacts) -> String {
    let module = facts.scope(ScopeId::MODULE);
    let mut out = Dump {
        facts,
        text: String::new(),
    };
    if let Some(doc) = &module.doc {
        out.line(0, &format!("doc {doc:?}"));
    }
    out.block(&module.body, 0);
    out.text
}

struct Dump<'f> {
    facts: &'f FileFacts,
    text: String,
}

impl Dump<'_> {
    fn line(&mut self, indent: usize, text: &str) {
        writeln!(self.text, "{:1$}{text}", "", indent * 2).expect("text takes all");
    }

    fn block(&mut self, body: &[Stmt], indent: usize) {
        for stmt in body {
            self.stmt(&stmt.kind, indent);
        }
    }

    fn labelled(&mut self, label: &str, body: &[Stmt], indent: usize) {
        if !body.is_empty() {
            self.line(indent, label);
            self.block(body, indent + 1);
        }
    }

    fn stmt(&mut self, stmt: &StmtKind, indent: usize) {
        match stmt {
            StmtKind::Function(id) | StmtKind::Class(id) => self.scope(*id, indent),
            StmtKind::If { test, then, other } => {
                let test = format!("if {}", self.expr(*test));
                self.line(indent, &test);
                self.block(then, indent + 1);
                self.labelled("else", other, indent);
            }
            StmtKind::Loop { head, body, other } => {
                let head = self.head(head);
                self.line(indent, &head);
                self.block(body, indent + 1);
                self.labelled("else", other, indent);
            }
            StmtKind::With { items, body } => {
                let items: Vec<_> = items.iter().map(|item| self.item(item)).collect();
                self.labelled(&format!("with {}", items.join(", ")), body, indent);
            }
            StmtKind::Try {
                body,
                handlers,
                other,
                finally,
            } => {
                self.labelled("try", body, indent);
                for handler in handlers {
                    self.handler(handler, indent);
                }
                self.labelled("else", other, indent);
                self.labelled("finally", finally, indent);
            }
            simple => {
                let text = self.simple(simple);
                self.line(indent, &text);
            }
        }
    }

    fn simple(&self, stmt: &StmtKind) -> String {
        match stmt {
            StmtKind::Expr(value) => self.expr(*value),
            StmtKind::Assign {
                targets,
                value,
                annotation,
            } => {
                let targets: Vec<_> = targets.iter().map(|target| self.expr(*target)).collect();
                let ty = self.after(": ", *annotation);
                format!("{}{ty} = {}", targets.join(" = "), self.expr(*value))
            }
            StmtKind::Augment { target, op, value } => {
                format!("{} {op:?}= {}", self.expr(*target), self.expr(*value))
            }
            StmtKind::Declare { target, annotation } => {
                format!("{}: {}", self.expr(*target), self.expr(*annotation))
            }
            StmtKind::Import(import) => self.import(import),
            StmtKind::Return(value) => format!("return{}", self.after(" ", *value)),
            StmtKind::Raise(value) => format!("raise{}", self.after(" ", *value)),
            StmtKind::Assert(test) => format!("assert {}", self.expr(*test)),
            StmtKind::Leave => "leave".to_owned(),
            StmtKind::Delete(targets) => format!("del {}", self.exprs(targets)),
            nested => format!("{nested:?}"),
        }
    }

    fn after(&self, before: &str, expr: Option<ExprId>) -> String {
        expr.map_or(String::new(), |expr| format!("{before}{}", self.expr(expr)))
    }

    fn import(&self, import: &Import) -> String {
        let module = format!("{}{}", ".".repeat(import.level as usize), import.module);
        match &import.binds {
            ImportBinds::Module { alias: None } => format!("import {module}"),
            ImportBinds::Module { alias: Some(alias) } => format!("import {module} as {alias}"),
            ImportBinds::Star => format!("from {module} import *"),
            ImportBinds::Names(names) => {
                let names = names.iter().map(|(name, alias)| match alias {
                    Some(alias) => format!("{name} as {alias}"),
                    None => name.to_string(),
                });
                let names: Vec<_> = names.collect();
                format!("from {module} import {}", names.join(", "))
            }
        }
    }

    fn item(&self, (context, target): &(ExprId, Option<ExprId>)) -> String {
        format!("{}{}", self.expr(*context), self.after(" as ", *target))
    }

    fn handler(&mut self, handler: &Handler, indent: usize) {
        let mut label = format!("except{}", self.after(" ", handler.caught));
        if let Some(name) = &handler.name {
            write!(label, " as {name}").expect("text takes all");
        }
        self.line(indent, &label);
        self.block(&handler.body, indent + 1);
    }

    fn head(&self, head: &LoopHead) -> String {
        match head {
            LoopHead::For { target, iter } => {
                format!("for {} in {}", self.expr(*target), self.expr(*iter))
            }
            LoopHead::While(test) => format!("while {}", self.expr(*test)),
        }
    }

    fn scope(&mut self, id: ScopeId, indent: usize) {
        let facts = self.facts;
        let scope = facts.scope(id);
        for decorator in &scope.decorators {
            let decorator = format!("@{}", self.expr(*decorator));
            self.line(indent, &decorator);
        }
        let bases = scope.bases.iter().map(|base| match &base.keyword {
            Some(keyword) => format!("{keyword}={}", self.expr(base.expr)),
            None => self.expr(base.expr),
        });
        let mut parts: Vec<_> = bases.collect();
        parts.push(self.params(scope));
        let head = format!(
            "{:?} {}({}){}{} {}-{}",
            scope.kind,
            scope.qualname,
            parts.join(" ").trim_end(),
            self.after(" -> ", scope.returns),
            flags(scope),
            scope.line,
            scope.end_line,
        );
        self.line(indent, &head);
        for (label, names) in [("global", &scope.globals), ("nonlocal", &scope.nonlocals)] {
            for name in names {
                self.line(indent + 1, &format!("{label} {name}"));
            }
        }
        if let Some(doc) = &scope.doc {
            self.line(indent + 1, &format!("doc {doc:?}"));
        }
        self.block(&scope.body, indent + 1);
    }

    fn params(&self, scope: &Scope) -> String {
        let params: Vec<_> = scope.params.iter().map(|param| self.param(param)).collect();
        params.join(", ")
    }

    fn param(&self, param: &Param) -> String {
        let kind = match param.kind {
            ParamKind::Receiver => "self ",
            ParamKind::Plain => "",
            ParamKind::PositionalOnly => "pos ",
            ParamKind::NamedOnly => "kw ",
            ParamKind::Rest => "*",
            ParamKind::RestNamed => "**",
        };
        let ty = self.after(": ", param.annotation);
        let default = self.after(" = ", param.default);
        format!("{kind}{}{ty}{default}", param.name)
    }

    /// The body of a lambda or comprehension, on one line.
    fn inline(&self, id: ScopeId) -> String {
        let scope = self.facts.scope(id);
        let mut body = Dump {
            facts: self.facts,
            text: String::new(),
        };
        body.block(&scope.body, 0);
        let lines: Vec<_> = body.text.lines().map(str::trim).collect();
        let params = self.params(scope);
        format!(
            "{}{} ({params}) {{{}}}",
            scope.qualname,
            flags(scope),
            lines.join("; ")
        )
    }

    fn exprs(&self, exprs: &[ExprId]) -> String {
        let exprs: Vec<_> = exprs.iter().map(|expr| self.expr(*expr)).collect();
        exprs.join(" ")
    }

    fn expr(&self, id: ExprId) -> String {
        match &self.facts.expr(id).kind {
            ExprKind::Name(name) => name.to_string(),
            ExprKind::Attr { base, name } => format!("{}.{name}", self.expr(*base)),
            ExprKind::Item { base, index } => {
                format!("{}[{}]", self.expr(*base), self.expr(*index))
            }
            ExprKind::Call { callee, args } => {
                let args = args.iter().map(|arg| {
                    let value = self.expr(arg.value);
                    match (arg.kind, &arg.name) {
                        (ArgKind::Named, name) => {
                            format!(" {}={value}", name.as_deref().unwrap_or("?"))
                        }
                        (ArgKind::Spread, _) => format!(" *{value}"),
                        (ArgKind::SpreadNamed, _) => format!(" **{value}"),
                        (ArgKind::Positional, _) => format!(" {value}"),
                    }
                });
                format!("(call {}{})", self.expr(*callee), args.collect::<String>())
            }
            ExprKind::Str(text) => format!("{text:?}"),
            ExprKind::Bytes => "bytes".into(),
            ExprKind::Number(number) => number.to_string(),
            ExprKind::Bool(value) => value.to_string(),
            ExprKind::None => "none".into(),
            ExprKind::Format(parts) => format!("(format {})", self.exprs(parts)),
            ExprKind::List(parts) => format!("(list {})", self.exprs(parts)),
            ExprKind::Tuple(parts) => format!("(tuple {})", self.exprs(parts)),
            ExprKind::Set(parts) => format!("(set {})", self.exprs(parts)),
            ExprKind::Dict(entries) => {
                let entries = entries.iter().map(|(key, value)| match key {
                    Some(key) => format!(" {}: {}", self.expr(*key), self.expr(*value)),
                    None => format!(" **{}", self.expr(*value)),
                });
                format!("(dict{})", entries.collect::<String>())
            }
            ExprKind::Lambda(id) => format!("({})", self.inline(*id)),
            ExprKind::Comprehension { builds, scope } => {
                let name = match builds {
                    Builds::List => "list",
                    Builds::Set => "set",
                    Builds::Dict => "dict",
                    Builds::Generator => "generator",
                };
                format!("({name} {})", self.inline(*scope))
            }
            ExprKind::Binary { op, left, right } => {
                format!("({op:?} {} {})", self.expr(*left), self.expr(*right))
            }
            ExprKind::Unary { op, operand } => format!("({op:?} {})", self.expr(*operand)),
            ExprKind::Either(parts) => format!("(either {})", self.exprs(parts)),
            ExprKind::Compare { operands, ops } => {
                let ops: Vec<_> = ops.iter().map(|op| format!("{op:?}")).collect();
                format!("({} {})", ops.join(","), self.exprs(operands))
            }
            ExprKind::Conditional { test, then, other } => {
                format!("(if {})", self.exprs(&[*test, *then, *other]))
            }
            ExprKind::Await(inner) => format!("(await {})", self.expr(*inner)),
            ExprKind::Yield(inner) => format!("(yield{})", self.after(" ", *inner)),
            ExprKind::YieldFrom(inner) => format!("(yield-from {})", self.expr(*inner)),
            ExprKind::Walrus { target, value } => {
                format!("({} := {})", self.expr(*target), self.expr(*value))
            }
            ExprKind::Slice(parts) => {
                let parts = parts.iter().map(|part| self.after("", *part));
                format!("(slice {})", parts.collect::<Vec<_>>().join(":"))
            }
            ExprKind::Starred(inner) => format!("*{}", self.expr(*inner)),
            ExprKind::Opaque(parts) => format!("(? {})", self.exprs(parts)),
        }
    }
}

fn flags(scope: &Scope) -> &'static str {
    match (scope.is_async, scope.is_generator) {
        (false, false) => "",
        (true, false) => " async",
        (false, true) => " yields",
        (true, true) => " async yields",
    }
}
