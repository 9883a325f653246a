//! Fields of a response: the declared model, or the mapping that the handler
//! answers with.

use super::super::{ContractEntry, EntryKind};
use super::code::Code;
use super::records::{class_in, is_record};
use super::request::nested;
use super::shape::{Follow, Shape};
use crate::modules::FileId;
use crate::routes::Route;
use crate::syntax::facts::{ExprKind, StmtKind};
use smol_str::{SmolStr, format_smolstr};

pub(super) fn entries(
    code: &Code<'_>,
    route: &Route,
    follow: &Follow<'_, '_>,
    returned: &Shape,
    out: &mut Vec<ContractEntry>,
) {
    let (file, scope) = code.scope_of(route.handler);
    let definition = code.facts(file).scope(scope);
    let mut add = |name: SmolStr, value: Option<SmolStr>, file: FileId, line: u32| {
        out.push(ContractEntry {
            kind: EntryKind::ResponseField,
            name,
            value,
            file,
            line,
        });
    };
    let model = definition.decorators.iter().find_map(|decorator| {
        match &code.facts(file).expr(*decorator).kind {
            ExprKind::Call { args, .. } => code.arg(args, "response_model", None),
            _ => None,
        }
    });
    let around = code.facts(file).scope(scope).parent.unwrap_or(scope);
    let declared = model
        .or(definition.returns)
        .and_then(|expr| class_in(code, file, around, expr));
    if let Some((class, in_list)) = declared
        && is_record(code, class)
    {
        nested(code, class, if in_list { "[]." } else { "" }, 0, &mut add);
        return;
    }
    shape(code, follow, returned, "", 0, &mut add);
    if *returned == Shape::Unknown && answers(definition) {
        let line = definition.line;
        add("*".into(), None, file, line);
    }
}

/// The handler returns something.
fn answers(scope: &crate::syntax::facts::Scope) -> bool {
    let mut answers = false;
    super::code::each_stmt(&scope.body, &mut |stmt| {
        answers |= matches!(stmt.kind, StmtKind::Return(Some(_)))
    });
    answers
}

fn shape(
    code: &Code<'_>,
    follow: &Follow<'_, '_>,
    shape_of: &Shape,
    prefix: &str,
    depth: u32,
    add: &mut dyn FnMut(SmolStr, Option<SmolStr>, FileId, u32),
) {
    if depth > 4 {
        return;
    }
    match shape_of {
        Shape::Dict(id) => {
            for (name, field) in &follow.dicts[*id] {
                let name = format_smolstr!("{prefix}{name}");
                add(
                    name.clone(),
                    follow.type_of(&field.shape),
                    field.file,
                    field.line,
                );
                let inner = match &field.shape {
                    Shape::List(_) => name.to_string(),
                    _ => format!("{name}."),
                };
                shape(code, follow, &field.shape, &inner, depth + 1, add);
            }
        }
        Shape::List(Some(element)) => {
            shape(
                code,
                follow,
                element,
                &format!("{prefix}[]."),
                depth + 1,
                add,
            );
        }
        Shape::Tuple(parts) => {
            if let Some(first) = parts.first() {
                shape(code, follow, first, prefix, depth + 1, add);
            }
        }
        Shape::Record(class) => nested(code, *class, prefix, depth, add),
        _ => {}
    }
}
