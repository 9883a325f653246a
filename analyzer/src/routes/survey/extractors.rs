//! Extractors: types whose own function a framework calls to fill a handler's
//! parameter (axum's and Actix Web's `FromRequest`, Rocket's guards).

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::Survey;
use crate::graph::{ClassId, FuncId};
use crate::modules::Symbol;
use crate::syntax::facts::{ExprKind, ScopeKind};

/// Functions that a framework calls by the trait they define, by name.
const EXTRACTING: &[(&str, &[&str])] = &[
    ("from_data", &["rocket"]),
    ("from_request", &["actix_web", "axum", "poem", "rocket"]),
    ("from_request_parts", &["axum", "axum_core"]),
];

/// For each function: what fills its parameters, and which.
pub(in crate::routes) fn injected(
    survey: &Survey<'_>,
) -> FxHashMap<FuncId, BTreeSet<(FuncId, Option<SmolStr>)>> {
    let mut found: FxHashMap<FuncId, BTreeSet<(FuncId, Option<SmolStr>)>> = FxHashMap::default();
    let extractors = extractors(survey);
    if extractors.is_empty() {
        return found;
    }
    for func in survey.program.func_ids() {
        let function = survey.program.function(func);
        let facts = survey.modules.facts(function.file);
        let scope = facts.scope(function.scope);
        if scope.kind != ScopeKind::Function || function.class.is_some() {
            continue;
        }
        for param in &scope.params {
            let Some(annotation) = param.annotation else {
                continue;
            };
            let ty = match &facts.expr(annotation).kind {
                ExprKind::Item { base, .. } => *base,
                _ => annotation,
            };
            let around = scope
                .parent
                .unwrap_or(crate::syntax::facts::ScopeId::MODULE);
            let symbol = facts
                .dotted(ty)
                .and_then(|path| survey.modules.symbol(function.file, around, &path));
            if let Some(Symbol::Scope(file, scope)) = symbol
                && let Some(class) = survey.program.class_at(file, scope)
                && let Some(extract) = extractors.get(&class)
            {
                let needs = found.entry(func).or_default();
                needs.insert((*extract, Some(param.name.clone())));
            }
        }
    }
    found
}

/// Types of the tree that extract themselves, and by what.
fn extractors(survey: &Survey<'_>) -> FxHashMap<ClassId, FuncId> {
    let mut found = FxHashMap::default();
    for idx in 0..survey.program.classes.len() as u32 {
        let class = survey.program.class(ClassId(idx));
        let Some(subject) = class.extends else {
            continue;
        };
        for (name, frameworks) in EXTRACTING {
            let from = |base: &SmolStr| {
                let krate = base.split('.').next().unwrap_or(base);
                frameworks.contains(&krate)
            };
            if let Some(func) = class.methods.get(*name)
                && class.library_bases.iter().any(from)
            {
                found.insert(subject, *func);
            }
        }
    }
    found
}
