//! Classes of the estimators that pass, with their literal arguments.
//!
//! An estimator passes where one is held at the crossing, or where a file
//! that holds a model does. Which one is in the file is followed back: to
//! objects that its writer holds, through copies of model files, and at last
//! to constructors among the functions that make what the writer has.

use std::collections::BTreeSet;

use rustc_hash::FxHashSet;
use smol_str::{SmolStr, format_smolstr};

use super::super::{ContractEntry, CutLine, EntryKind};
use super::Reach;
use super::code::{At, Code};
use crate::catalog::Access;
use crate::effects::{Resource, ResourceKind};
use crate::graph::data::Via;
use crate::graph::{FuncId, Held};
use crate::modules::FileId;
use crate::syntax::facts::{ArgKind, ExprId, ExprKind, ScopeId};

/// Extensions of files that hold a fitted object.
const MODEL_FORMATS: [&str; 13] = [
    "joblib",
    "pkl",
    "pickle",
    "onnx",
    "pt",
    "pth",
    "h5",
    "keras",
    "cbm",
    "bst",
    "ubj",
    "model",
    "safetensors",
];

/// How often a model is copied from file to file.
const MAX_COPIES: usize = 4;

type Site = (SmolStr, FileId, ExprId);

pub(super) fn entries(
    code: &Code<'_>,
    reach: &Reach<'_>,
    line: &CutLine,
    out: &mut Vec<ContractEntry>,
) {
    let mut sites: Vec<Site> = Vec::new();
    for crossing in &line.crossings {
        match crossing.via {
            Some(Via::File) if holds_model(&crossing.name) => {
                let mut seen = FxHashSet::default();
                in_file(
                    code,
                    reach,
                    crossing.from,
                    MAX_COPIES,
                    &mut seen,
                    &mut sites,
                );
            }
            Some(Via::Argument | Via::Return | Via::Item | Via::Attribute | Via::Global) => {
                passed(code, crossing.file, crossing.line, &mut sites);
                if crossing.via == Some(Via::Return) {
                    returned(code, crossing.from, &mut sites);
                }
            }
            _ => {}
        }
    }
    let mut next = 0;
    while next < sites.len() {
        let (_, file, expr) = sites[next].clone();
        inner(code, file, expr, &mut sites);
        next += 1;
    }
    sites.sort();
    sites.dedup();
    for (path, file, expr) in sites {
        entry(code, &path, file, expr, out);
    }
}

fn holds_model(path: &str) -> bool {
    path.rsplit_once('.')
        .is_some_and(|(_, extension)| MODEL_FORMATS.contains(&extension))
}

/// A model, or a step of one.
fn is_fitted(code: &Code<'_>, path: &str) -> bool {
    let catalog = code.ctx.catalog;
    catalog.ty(path).is_some_and(|ty| ty.estimator) || catalog.is_a(path, "sklearn.Transformer")
}

fn hold(code: &Code<'_>, file: FileId, expr: ExprId, sites: &mut Vec<Site>) {
    for held in code.ctx.call_graph.held(file, expr) {
        if let Held::Object(path, Some((file, expr))) = held
            && is_fitted(code, &path)
        {
            let site = (path, file, expr);
            if !sites.contains(&site) {
                sites.push(site);
            }
        }
    }
}

/// Estimators among what the calls on a line are given.
fn passed(code: &Code<'_>, file: FileId, line: u32, sites: &mut Vec<Site>) {
    let exprs = code.facts(file).exprs.iter().enumerate();
    for (idx, expr) in exprs.filter(|(_, expr)| expr.line == line) {
        if matches!(
            expr.kind,
            ExprKind::Name(_)
                | ExprKind::Attr { .. }
                | ExprKind::Item { .. }
                | ExprKind::Call { .. }
        ) {
            hold(code, file, ExprId(idx as u32), sites);
        }
    }
}

/// Estimators that a function returns.
fn returned(code: &Code<'_>, func: FuncId, sites: &mut Vec<Site>) {
    for at in code.returns(func) {
        hold(code, at.file, at.expr, sites);
    }
}

fn in_file(
    code: &Code<'_>,
    reach: &Reach<'_>,
    writer: FuncId,
    copies: usize,
    seen: &mut FxHashSet<FuncId>,
    sites: &mut Vec<Site>,
) {
    if !seen.insert(writer) {
        return;
    }
    let before = sites.len();
    code.each_expr(writer, &mut |at| hold(code, at.file, at.expr, sites));
    if sites.len() > before {
        return;
    }
    if copies > 0 {
        for resource in model_files(code) {
            let does = |access: Access| {
                let accesses = resource.accesses.iter();
                accesses
                    .filter(move |known| known.access == access)
                    .flat_map(|known| known.actors())
                    .collect::<Vec<FuncId>>()
            };
            if does(Access::Read).contains(&writer) {
                for from in does(Access::Write) {
                    in_file(code, reach, from, copies - 1, seen, sites);
                }
            }
        }
    }
    if sites.len() > before {
        return;
    }
    let stage = reach.stages[writer.0 as usize];
    for func in reach.upstream(BTreeSet::from([writer]), stage) {
        code.each_expr(func, &mut |at| hold(code, at.file, at.expr, sites));
    }
}

fn model_files<'a>(code: &Code<'a>) -> impl Iterator<Item = &'a Resource> + use<'a> {
    let resources = code.ctx.effects.resources.iter();
    resources.filter(|resource| {
        matches!(
            resource.kind,
            ResourceKind::Model | ResourceKind::File | ResourceKind::Blob
        ) && holds_model(&resource.identity)
    })
}

/// Steps and wrapped estimators in the arguments of a constructor.
fn inner(code: &Code<'_>, file: FileId, expr: ExprId, sites: &mut Vec<Site>) {
    let facts = code.facts(file);
    let ExprKind::Call { args, .. } = &facts.expr(expr).kind else {
        return;
    };
    let mut todo: Vec<(FileId, ExprId, u32)> =
        args.iter().map(|arg| (file, arg.value, 0)).collect();
    while let Some((file, expr, depth)) = todo.pop() {
        hold(code, file, expr, sites);
        let kind = &code.facts(file).expr(expr).kind;
        if let ExprKind::Name(_) = kind
            && depth < 4
            && let Some(place) = code.value(At {
                file,
                scope: scope_around(code, file, expr),
                expr,
            })
        {
            todo.push((place.file, place.expr, depth + 1));
        }
        if matches!(
            kind,
            ExprKind::List(_) | ExprKind::Tuple(_) | ExprKind::Dict(_)
        ) {
            kind.parts(|part| todo.push((file, part, depth)));
        }
    }
}

/// The innermost function around an expression, by lines.
pub(super) fn scope_around(code: &Code<'_>, file: FileId, expr: ExprId) -> ScopeId {
    use crate::syntax::facts::ScopeKind;
    let facts = code.facts(file);
    let line = facts.expr(expr).line;
    let scopes = facts.scopes().filter(|(_, scope)| {
        matches!(scope.kind, ScopeKind::Function) && scope.line <= line && line <= scope.end_line
    });
    let innermost = scopes.max_by_key(|(_, scope)| scope.line);
    innermost.map_or(ScopeId::MODULE, |(id, _)| id)
}

fn entry(
    code: &Code<'_>,
    path: &SmolStr,
    file: FileId,
    expr: ExprId,
    out: &mut Vec<ContractEntry>,
) {
    let facts = code.facts(file);
    let class: SmolStr = path.rsplit('.').next().unwrap_or(path).into();
    let line = facts.expr(expr).line;
    out.push(ContractEntry {
        kind: EntryKind::Estimator,
        name: class.clone(),
        value: Some(path.clone()),
        optional: false,
        made: None,
        file,
        line,
    });
    let ExprKind::Call { args, .. } = &facts.expr(expr).kind else {
        return;
    };
    let scope = scope_around(code, file, expr);
    for (position, arg) in args.iter().enumerate() {
        let name = match (arg.kind, &arg.name) {
            (ArgKind::Named, Some(name)) => name.clone(),
            (ArgKind::Positional, _) => format_smolstr!("{position}"),
            _ => continue,
        };
        let holds_others = {
            let mut inside = Vec::new();
            hold(code, file, arg.value, &mut inside);
            !inside.is_empty()
                || matches!(
                    facts.expr(arg.value).kind,
                    ExprKind::List(_) | ExprKind::Tuple(_) | ExprKind::Dict(_)
                )
        };
        let literal = code.literal(At {
            file,
            scope,
            expr: arg.value,
        });
        if literal.is_none() && holds_others {
            continue;
        }
        let place = literal
            .as_ref()
            .map_or((file, facts.expr(arg.value).line), |text| {
                (text.file, text.line)
            });
        out.push(ContractEntry {
            kind: EntryKind::Parameter,
            name: format_smolstr!("{class}.{name}"),
            value: literal.map(|text| text.text),
            optional: false,
            made: None,
            file: place.0,
            line: place.1,
        });
    }
}
