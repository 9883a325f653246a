//! Fields of a request: parameters of the path, declared models, and what the
//! handler and the functions behind it take from the request's data.

use std::ops::ControlFlow;

use super::super::{ContractEntry, EntryKind};
use super::code::{At, Code};
use super::records::{class_in, fields, is_record};
use super::shape::Follow;
use crate::graph::ClassId;
use crate::modules::FileId;
use crate::routes::Route;
use crate::syntax::facts::{ExprId, ExprKind, ScopeId};
use smol_str::{SmolStr, format_smolstr};

pub(super) fn entries(
    code: &Code<'_>,
    route: &Route,
    follow: &Follow<'_, '_>,
    out: &mut Vec<ContractEntry>,
) -> ControlFlow<()> {
    let (file, scope) = code.scope_of(route.handler);
    let definition = code.facts(file).scope(scope);
    let in_path = path_params(&route.path);
    let begun = out.len();
    let mut add = |name: SmolStr, value: Option<SmolStr>, file: FileId, line: u32| {
        out.push(ContractEntry {
            kind: EntryKind::RequestField,
            name,
            value,
            made: None,
            file,
            line,
        });
        room(out.len() - begun)
    };
    for name in &in_path {
        let param = definition.params.iter().find(|param| param.name == *name);
        let declared = param.and_then(|param| code.type_text(file, param.annotation?));
        let (converter, line) = converter(code, route, name);
        add(name.clone(), declared.or(converter), route.file, line)?;
    }
    let injects = matches!(
        route.framework,
        "fastapi" | "starlette" | "axum" | "actix" | "litestar"
    );
    for param in definition.params.iter().filter(|_| injects) {
        let Some(annotation) = param.annotation else {
            continue;
        };
        if in_path.contains(&param.name)
            || injected(code, file, scope, annotation)
            || param
                .default
                .is_some_and(|default| injected(code, file, scope, default))
        {
            continue;
        }
        let text = code.type_text(file, annotation).unwrap_or_default();
        let line = code.facts(file).expr(annotation).line;
        let body = match code.facts(file).rules.separator {
            "::" => ["Json[", "Query[", "Form["]
                .iter()
                .any(|prefix| text.starts_with(prefix)),
            _ => true,
        };
        match class_in(code, file, scope, annotation) {
            Some((class, _)) if body && is_record(code, class) => {
                nested(code, class, "", 0, &mut add)?
            }
            None if matches!(
                text.trim_end_matches(" | None"),
                "int" | "float" | "str" | "bool" | "date" | "datetime"
            ) =>
            {
                add(param.name.clone(), Some(text), file, line)?;
            }
            _ => {}
        }
    }
    for (path, taken) in &follow.taken {
        add(path.clone(), taken.ty.clone(), taken.file, taken.line)?;
    }
    ControlFlow::Continue(())
}

/// Takes a field; says when there are too many.
pub(super) type Add<'a> = dyn FnMut(SmolStr, Option<SmolStr>, FileId, u32) -> ControlFlow<()> + 'a;

/// The most fields that are told of a request or an answer: models in models,
/// and mappings that hold each other, have no end.
pub(super) const MOST_FIELDS: usize = 2_000;

/// Whether there is room for more.
pub(super) fn room(n_fields: usize) -> ControlFlow<()> {
    match n_fields < MOST_FIELDS {
        true => ControlFlow::Continue(()),
        false => ControlFlow::Break(()),
    }
}

/// Fields of a model and of the models in it, to a bounded depth.
pub(super) fn nested(
    code: &Code<'_>,
    class: ClassId,
    prefix: &str,
    depth: u32,
    add: &mut Add<'_>,
) -> ControlFlow<()> {
    for field in fields(code, class) {
        let name = format_smolstr!("{prefix}{}", field.name);
        add(name.clone(), field.ty.clone(), field.file, field.line)?;
        if let Some((inner, in_list)) = field.holds
            && depth < 4
            && inner != class
        {
            let prefix = format!("{name}{}.", if in_list { "[]" } else { "" });
            nested(code, inner, &prefix, depth + 1, add)?;
        }
    }
    ControlFlow::Continue(())
}

/// Names of `{…}` in a path template.
fn path_params(path: &str) -> Vec<SmolStr> {
    path.split('{')
        .skip(1)
        .filter_map(|part| part.split('}').next())
        .map(|name| {
            name.split(':')
                .next()
                .unwrap_or(name)
                .trim_start_matches('*')
                .into()
        })
        .collect()
}

/// What Flask's converter says in the literal of the route, and its line.
fn converter(code: &Code<'_>, route: &Route, name: &str) -> (Option<SmolStr>, u32) {
    let wanted = [format!("<{name}>"), format!(":{name}>")];
    let literals = code.facts(route.file).exprs.iter();
    let found = literals
        .filter_map(|expr| match &expr.kind {
            ExprKind::Str(text) if wanted.iter().any(|wanted| text.contains(wanted.as_str())) => {
                Some((text, expr.line))
            }
            _ => None,
        })
        .min_by_key(|(_, line)| line.abs_diff(route.line));
    let Some((text, line)) = found else {
        return (Some("str".into()), route.line);
    };
    let kind = text.split('<').find_map(|part| {
        part.split_once('>')?
            .0
            .strip_suffix(name)?
            .strip_suffix(':')
    });
    let ty = match kind {
        Some("int") => "int",
        Some("float") => "float",
        _ => "str",
    };
    (Some(ty.into()), line)
}

/// The framework fills it: `Depends(…)`, directly or behind an alias.
fn injected(code: &Code<'_>, file: FileId, scope: ScopeId, expr: ExprId) -> bool {
    let at = At { file, scope, expr };
    let place = match code.kind(at) {
        ExprKind::Name(_) | ExprKind::Attr { .. } => code.value(at).unwrap_or(at),
        _ => at,
    };
    let mut todo = vec![place.expr];
    while let Some(expr) = todo.pop() {
        let kind = code.kind(place.part(expr));
        if let ExprKind::Call { callee, .. } = kind
            && let Some(path) = code.facts(place.file).dotted(*callee)
            && matches!(
                path.rsplit('.').next(),
                Some("Depends" | "Security" | "Header" | "Cookie")
            )
        {
            return true;
        }
        kind.parts(|part| todo.push(part));
    }
    false
}
