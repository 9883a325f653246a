//! Facts as text, for tests.

use std::fmt::Write as _;

use super::super::facts::{
    ArgKind, ExprId, ExprKind, FileFacts, ImportBinds, LoopHead, ScopeId, Stmt, StmtKind,
};

/// Every scope where it stands, statements one to a line.
pub(super) fn dump(facts: &FileFacts) -> String {
    let mut out = String::new();
    stmts(facts, &facts.scopes[0].body, 0, &mut out);
    out
}

fn stmts(facts: &FileFacts, body: &[Stmt], depth: usize, out: &mut String) {
    for stmt in body {
        let pad = "  ".repeat(depth);
        stmt_text(facts, stmt, depth, &pad, out);
    }
}

fn line(out: &mut String, pad: &str, text: String) {
    writeln!(out, "{pad}{text}").expect("writing to a String does not fail");
}

fn stmt_text(facts: &FileFacts, stmt: &Stmt, depth: usize, pad: &str, out: &mut String) {
    let e = |id: &ExprId| expr(facts, *id);
    let typed = |ty: &Option<ExprId>| {
        ty.as_ref()
            .map_or(String::new(), |ty| format!(": {}", e(ty)))
    };
    match &stmt.kind {
        StmtKind::Expr(value) => line(out, pad, e(value)),
        StmtKind::Assign {
            targets,
            value,
            annotation,
        } => {
            let targets: Vec<String> = targets.iter().map(e).collect();
            line(
                out,
                pad,
                format!(
                    "{}{} = {}",
                    targets.join(" = "),
                    typed(annotation),
                    e(value)
                ),
            );
        }
        StmtKind::Augment { target, op, value } => {
            line(out, pad, format!("{} {op:?}= {}", e(target), e(value)));
        }
        StmtKind::Declare { target, annotation } => {
            line(out, pad, format!("{}: {}", e(target), e(annotation)));
        }
        StmtKind::Import(import) => {
            let dots = ".".repeat(import.level as usize);
            let binds = match &import.binds {
                ImportBinds::Module { alias } => alias
                    .clone()
                    .map_or(String::new(), |alias| format!(" as {alias}")),
                ImportBinds::Star => " (*)".to_owned(),
                ImportBinds::Names(names) => {
                    let names: Vec<String> = names
                        .iter()
                        .map(|(name, alias)| {
                            alias
                                .as_ref()
                                .map_or(name.to_string(), |alias| format!("{name} as {alias}"))
                        })
                        .collect();
                    format!(" ({})", names.join(", "))
                }
            };
            line(out, pad, format!("import {dots}{}{binds}", import.module));
        }
        StmtKind::Return(value) => line(
            out,
            pad,
            format!("return {}", value.as_ref().map_or(String::new(), e))
                .trim_end()
                .to_owned(),
        ),
        StmtKind::Raise(value) => line(
            out,
            pad,
            format!("raise {}", value.as_ref().map_or(String::new(), e)),
        ),
        StmtKind::Leave => line(out, pad, "leave".to_owned()),
        StmtKind::Assert(test) => line(out, pad, format!("assert {}", e(test))),
        StmtKind::Function(id) | StmtKind::Class(id) => scope(facts, *id, depth, pad, out),
        StmtKind::If { test, then, other } => {
            line(out, pad, format!("if {}", e(test)));
            stmts(facts, then, depth + 1, out);
            if !other.is_empty() {
                line(out, pad, "else".to_owned());
                stmts(facts, other, depth + 1, out);
            }
        }
        StmtKind::Loop { head, body, .. } => {
            let head = match head {
                LoopHead::For { target, iter } => format!("for {} in {}", e(target), e(iter)),
                LoopHead::While(test) => format!("while {}", e(test)),
            };
            line(out, pad, head);
            stmts(facts, body, depth + 1, out);
        }
        StmtKind::Delete(_) | StmtKind::With { .. } | StmtKind::Try { .. } => {
            line(out, pad, "not made by this front end".to_owned());
        }
    }
}

fn scope(facts: &FileFacts, id: ScopeId, depth: usize, pad: &str, out: &mut String) {
    let scope = facts.scope(id);
    for decorator in &scope.decorators {
        line(out, pad, format!("@{}", expr(facts, *decorator)));
    }
    let bases: Vec<String> = scope
        .bases
        .iter()
        .map(|base| expr(facts, base.expr))
        .collect();
    let bases = if bases.is_empty() {
        String::new()
    } else {
        format!(" < {}", bases.join(", "))
    };
    let asynchronous = if scope.is_async { "async " } else { "" };
    let head = format!(
        "{asynchronous}{:?} {}{}{bases}",
        scope.kind,
        scope.qualname,
        params(facts, id)
    );
    line(out, pad, head);
    if let Some(doc) = &scope.doc {
        line(out, pad, format!("  {doc:?}"));
    }
    stmts(facts, &scope.body, depth + 1, out);
}

fn params(facts: &FileFacts, id: ScopeId) -> String {
    let scope = facts.scope(id);
    let params: Vec<String> = scope
        .params
        .iter()
        .map(|param| match param.annotation {
            Some(ty) => format!("{}: {}", param.name, expr(facts, ty)),
            None => param.name.to_string(),
        })
        .collect();
    let returns = scope
        .returns
        .map_or(String::new(), |ty| format!(" -> {}", expr(facts, ty)));
    let parens = !matches!(scope.kind, super::super::facts::ScopeKind::Class);
    if parens {
        format!("({}){returns}", params.join(", "))
    } else {
        String::new()
    }
}

fn expr(facts: &FileFacts, id: ExprId) -> String {
    let e = |id: &ExprId| expr(facts, *id);
    let list = |ids: &[ExprId]| ids.iter().map(e).collect::<Vec<_>>().join(", ");
    match &facts.expr(id).kind {
        ExprKind::Name(name) => name.to_string(),
        ExprKind::Attr { base, name } => format!("{}.{name}", e(base)),
        ExprKind::Item { base, index } => format!("{}[{}]", e(base), e(index)),
        ExprKind::Call { callee, args } => {
            let args: Vec<String> = args
                .iter()
                .map(|arg| match (arg.kind, &arg.name) {
                    (ArgKind::Named, Some(name)) => format!("{name}={}", e(&arg.value)),
                    (ArgKind::SpreadNamed, _) => format!("**{}", e(&arg.value)),
                    _ => e(&arg.value),
                })
                .collect();
            format!("{}({})", e(callee), args.join(", "))
        }
        ExprKind::Str(text) => format!("{text:?}"),
        ExprKind::Bytes => "b\"…\"".to_owned(),
        ExprKind::Number(number) => number.to_string(),
        ExprKind::Bool(truth) => truth.to_string(),
        ExprKind::None => "()".to_owned(),
        ExprKind::Format(parts) => format!("f{{{}}}", list(parts)),
        ExprKind::List(parts) => format!("[{}]", list(parts)),
        ExprKind::Set(parts) => format!("{{{}}}", list(parts)),
        ExprKind::Tuple(parts) => format!("({})", list(parts)),
        ExprKind::Dict(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| {
                    format!("{}: {}", key.as_ref().map_or(String::new(), e), e(value))
                })
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        ExprKind::Lambda(scope) => {
            let mut body = String::new();
            stmts(facts, &facts.scope(*scope).body, 0, &mut body);
            format!(
                "|{}| {{ {} }}",
                params(facts, *scope),
                body.trim_end().replace('\n', "; ")
            )
        }
        ExprKind::Binary { op, left, right } => format!("({} {op:?} {})", e(left), e(right)),
        ExprKind::Unary { op, operand } => format!("{op:?} {}", e(operand)),
        ExprKind::Either(parts) => format!("either({})", list(parts)),
        ExprKind::Compare { operands, ops } => {
            format!("({} {:?} {})", e(&operands[0]), ops[0], e(&operands[1]))
        }
        ExprKind::Conditional { test, then, other } => {
            format!("({} if {} else {})", e(then), e(test), e(other))
        }
        ExprKind::Await(inner) => format!("await {}", e(inner)),
        ExprKind::Walrus { target, value } => format!("({} := {})", e(target), e(value)),
        ExprKind::Slice(parts) => {
            let parts: Vec<String> = parts[..2]
                .iter()
                .map(|part| part.as_ref().map_or(String::new(), e))
                .collect();
            parts.join(":")
        }
        ExprKind::Starred(inner) => format!("*{}", e(inner)),
        ExprKind::Opaque(parts) => format!("opaque({})", list(parts)),
        other => format!("{other:?}"),
    }
}
