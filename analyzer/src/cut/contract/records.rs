//! Fields of record classes: pydantic models, dataclasses, Rust structs.

use smol_str::SmolStr;

use super::code::{At, Code, each_stmt};
use super::wire::{Rules, Wire, of_value};
use crate::graph::ClassId;
use crate::modules::{FileId, Symbol};
use crate::syntax::facts::{ExprId, ExprKind, ScopeId, StmtKind};

/// A declared field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: SmolStr,
    pub(super) ty: Option<SmolStr>,
    /// The class of the tree that the type holds, and whether in a list.
    pub(super) holds: Option<(ClassId, bool)>,
    /// What it is where nobody says it.
    pub(super) default: Option<At>,
    /// How it is written out.
    pub(super) wire: Wire,
    pub(super) file: FileId,
    pub(super) line: u32,
}

/// Declared fields of `class` and its bases of the tree, in order.
pub(super) fn fields(code: &Code<'_>, class: ClassId) -> Vec<Field> {
    let mut found: Vec<Field> = Vec::new();
    let mro = &code.ctx.program.class(class).mro;
    for id in mro.iter().rev() {
        let class = code.ctx.program.class(*id);
        let rules = Rules::of(code, *id);
        let facts = code.facts(class.file);
        each_stmt(&facts.scope(class.scope).body, &mut |stmt| {
            let (target, annotation, value) = match &stmt.kind {
                StmtKind::Declare { target, annotation } => (*target, *annotation, None),
                StmtKind::Assign {
                    targets,
                    annotation: Some(annotation),
                    value,
                } => (targets[0], *annotation, Some(*value)),
                _ => return,
            };
            let ExprKind::Name(name) = &facts.expr(target).kind else {
                return;
            };
            if name.starts_with('_') {
                return;
            }
            let holds = class_in(code, class.file, class.scope, annotation);
            // A variant of an enumeration is no part of it, nor is a constant.
            let is_bare = !matches!(facts.expr(annotation).kind, ExprKind::Item { .. });
            let is_variant = is_bare && holds == Some((*id, false));
            if facts.rules.separator == "::" && (is_variant || value.is_some()) {
                return;
            }
            let at = |expr: ExprId| At {
                file: class.file,
                scope: class.scope,
                expr,
            };
            let wire = match value {
                Some(value) if facts.rules.separator != "::" => of_value(code, at(value)),
                _ => rules.field(code, name, at(target)),
            };
            found.retain(|field| field.name != *name);
            found.push(Field {
                name: name.clone(),
                ty: code.type_text(class.file, annotation),
                holds,
                wire,
                default: value.and_then(|value| default(code, class.file, class.scope, value)),
                file: class.file,
                line: stmt.line,
            });
        });
    }
    found
}

/// What stands behind a field: the value, or `Field(value, …)`'s.
fn default(code: &Code<'_>, file: FileId, scope: ScopeId, expr: ExprId) -> Option<At> {
    let at = At { file, scope, expr };
    match code.kind(at) {
        ExprKind::Call { args, .. } => Some(at.part(code.arg(args, "default", Some(0))?)),
        _ => Some(at),
    }
}

/// The class of the tree that a declared type names, and whether inside a
/// list: `list[Row]`, `Optional[Row]`, `Result[Json[Row], E]`.
pub(super) fn class_in(
    code: &Code<'_>,
    file: FileId,
    scope: ScopeId,
    expr: ExprId,
) -> Option<(ClassId, bool)> {
    match code.kind(At { file, scope, expr }) {
        ExprKind::Name(_) | ExprKind::Attr { .. } => {
            let path = code.facts(file).dotted(expr)?;
            match code.ctx.modules.symbol(file, scope, &path)? {
                Symbol::Scope(file, scope) => {
                    Some((code.ctx.program.class_at(file, scope)?, false))
                }
                _ => None,
            }
        }
        ExprKind::Item { base, index } => {
            let (class, inner) = class_in(code, file, scope, *index)?;
            let base = code.type_text(file, *base)?;
            let is_list = matches!(
                base.as_str(),
                "list" | "List" | "Sequence" | "Iterable" | "Iterator" | "tuple" | "set" | "Vec"
            );
            Some((class, inner || is_list))
        }
        ExprKind::Tuple(parts) | ExprKind::List(parts) => {
            class_in(code, file, scope, *parts.first()?)
        }
        ExprKind::Binary { left, right, .. } => {
            class_in(code, file, scope, *left).or_else(|| class_in(code, file, scope, *right))
        }
        _ => None,
    }
}

/// True for classes whose instances are what their fields say: they derive
/// from a model of a validation library, are dataclasses, or are structs.
pub(super) fn is_record(code: &Code<'_>, class: ClassId) -> bool {
    let bases = code.ctx.program.library_bases(class);
    if bases.iter().any(|base| {
        code.ctx.catalog.is_a(base, "pydantic.BaseModel")
            || matches!(
                base.as_str(),
                "typing.TypedDict" | "typing.NamedTuple" | "sqlmodel.SQLModel" | "msgspec.Struct"
            )
    }) {
        return true;
    }
    let class = code.ctx.program.class(class);
    let facts = code.facts(class.file);
    if facts.rules.separator == "::" {
        return true;
    }
    facts.scope(class.scope).decorators.iter().any(|decorator| {
        let callee = match &facts.expr(*decorator).kind {
            ExprKind::Call { callee, .. } => *callee,
            _ => *decorator,
        };
        facts
            .dotted(callee)
            .is_some_and(|path| path.ends_with("dataclass") || path.ends_with("define"))
    })
}
