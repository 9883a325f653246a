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
    let mut add = |told: Told| {
        out.push(ContractEntry {
            kind: EntryKind::RequestField,
            name: told.name,
            value: told.ty,
            optional: told.optional,
            made: None,
            file: told.file,
            line: told.line,
        });
        room(out.len() - begun)
    };
    for name in &in_path {
        let param = definition.params.iter().find(|param| param.name == *name);
        let declared = param.and_then(|param| code.type_text(file, param.annotation?));
        let declared = declared.or_else(|| extracted(code, (file, scope), &in_path, name));
        let (converter, line) = converter(code, route, name);
        add(Told::new(
            name.clone(),
            declared.or(converter),
            (route.file, line),
        ))?;
    }
    let injects = matches!(
        route.framework,
        "fastapi" | "starlette" | "axum" | "actix" | "litestar" | "poem" | "rocket"
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
            Some((class, in_list)) if body && is_record(code, class) => {
                nested(code, class, if in_list { "[]." } else { "" }, 0, &mut add)?
            }
            None if matches!(
                text.trim_end_matches(" | None"),
                "int" | "float" | "str" | "bool" | "date" | "datetime"
            ) =>
            {
                add(Told {
                    optional: param.default.is_some(),
                    ..Told::new(param.name.clone(), Some(text), (file, line))
                })?;
            }
            _ => {}
        }
    }
    for (path, taken) in &follow.taken {
        let place = (taken.file, taken.line);
        // Whether the code can do without it is not looked at.
        add(Told {
            optional: true,
            ..Told::new(path.clone(), taken.ty.clone(), place)
        })?;
    }
    ControlFlow::Continue(())
}

/// A field of a request or an answer.
pub(super) struct Told {
    pub(super) name: SmolStr,
    pub(super) ty: Option<SmolStr>,
    /// It may be left out.
    pub(super) optional: bool,
    pub(super) file: FileId,
    pub(super) line: u32,
}

impl Told {
    pub(super) fn new(name: SmolStr, ty: Option<SmolStr>, (file, line): (FileId, u32)) -> Told {
        Told {
            name,
            ty,
            optional: false,
            file,
            line,
        }
    }
}

/// Takes a field; says when there are too many.
pub(super) type Add<'a> = dyn FnMut(Told) -> ControlFlow<()> + 'a;

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
        if field.wire.skipped {
            continue;
        }
        if field.wire.flat {
            match field.holds {
                Some((inner, false)) if depth < 4 && inner != class => {
                    nested(code, inner, prefix, depth + 1, add)?;
                }
                _ => {}
            }
            continue;
        }
        let name = field.wire.name.as_ref().unwrap_or(&field.name);
        let name = format_smolstr!("{prefix}{name}");
        add(Told {
            optional: field.wire.optional || field.ty.as_deref().is_some_and(may_be_none),
            ..Told::new(name.clone(), field.ty.clone(), (field.file, field.line))
        })?;
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

/// `Option<T>`, which serde takes as absent, too.
fn may_be_none(ty: &str) -> bool {
    ty.starts_with("Option[")
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

/// What an extractor (`Path<(u32, String)>`, `Path<Place>`) makes of the path's
/// parameter `name`.
fn extracted(
    code: &Code<'_>,
    (file, scope): (FileId, ScopeId),
    in_path: &[SmolStr],
    name: &SmolStr,
) -> Option<SmolStr> {
    let facts = code.facts(file);
    let params = facts.scope(scope).params.iter();
    let mut annotations = params.filter_map(|param| param.annotation);
    let inner = annotations.find_map(|annotation| match &facts.expr(annotation).kind {
        ExprKind::Item { base, index } => {
            let extractor = facts.dotted(*base)?;
            (extractor.rsplit('.').next() == Some("Path")).then_some(*index)
        }
        _ => None,
    })?;
    if let ExprKind::Tuple(types) = &facts.expr(inner).kind {
        let position = in_path.iter().position(|other| other == name)?;
        return code.type_text(file, *types.get(position)?);
    }
    match class_in(code, file, scope, inner) {
        Some((class, _)) => {
            let fields = fields(code, class).into_iter();
            let mut named =
                fields.filter(|field| field.wire.name.as_ref().unwrap_or(&field.name) == name);
            named.next()?.ty
        }
        None => code.type_text(file, inner).filter(|_| in_path.len() == 1),
    }
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
