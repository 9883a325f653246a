//! What a function of the monolith is called with from outside.

use crate::graph::FuncId;
use crate::line::Analysis;
use crate::modules::{FileId, Symbol};
use crate::syntax::facts::{Param, ParamKind, Scope, ScopeId, ScopeKind, Stmt, StmtKind};

use super::layout::Layout;

/// How a parameter gets its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// The name of the run.
    Run,
    /// What a function or class of the monolith gives without arguments:
    /// `module:name`.
    Call(String),
    /// From the message, or the app's settings: the code does not say it.
    Value,
}

/// A parameter that needs a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Argument {
    pub(super) name: String,
    pub(super) how: How,
}

impl Argument {
    /// Somebody has to say it.
    pub(super) fn is_open(&self) -> bool {
        self.how == How::Value
    }

    /// The app's setting that says it where the message does not.
    pub(super) fn setting(&self) -> String {
        format!("CUTLINE_VALUE_{}", self.name.to_uppercase())
    }
}

/// The parameters of `func` that have no default.
pub(super) fn of(analysis: &Analysis, layout: &Layout, func: FuncId) -> Vec<Argument> {
    let function = analysis.program.function(func);
    let facts = analysis.modules.facts(function.file);
    let own = usize::from(function.class.is_some());
    let params = facts.scope(function.scope).params.iter().skip(own);
    let needed = params.filter(|param| is_needed(param));
    needed
        .map(|param| Argument {
            name: param.name.to_string(),
            how: how(analysis, layout, function.file, param),
        })
        .collect()
}

pub(super) fn is_needed(param: &Param) -> bool {
    param.default.is_none() && !matches!(param.kind, ParamKind::Rest | ParamKind::RestNamed)
}

fn how(analysis: &Analysis, layout: &Layout, file: FileId, param: &Param) -> How {
    let facts = analysis.modules.facts(file);
    if matches!(param.name.as_str(), "run_id" | "run_name" | "run") {
        return How::Run;
    }
    let class = param
        .annotation
        .and_then(|annotation| facts.dotted(annotation))
        .and_then(|path| analysis.modules.symbol(file, ScopeId::MODULE, &path));
    let Some(Symbol::Scope(at, scope)) = class else {
        return How::Value;
    };
    if analysis.modules.facts(at).scope(scope).kind != ScopeKind::Class {
        return How::Value;
    }
    let given = given_by(analysis, at, scope)
        .or_else(|| made_of_nothing(analysis, at, scope).then_some((at, scope)));
    match given {
        Some((file, scope)) => {
            let name = &analysis.modules.facts(file).scope(scope).qualname;
            How::Call(format!("{}:{name}", layout.module(file)))
        }
        None => How::Value,
    }
}

/// The function that gives the one instance of a class: it says so, and needs
/// nothing.
fn given_by(analysis: &Analysis, class: FileId, scope: ScopeId) -> Option<(FileId, ScopeId)> {
    let mut found = Vec::new();
    for (file, facts) in analysis.modules.iter() {
        for (id, function) in facts.scopes() {
            let says = function
                .returns
                .and_then(|returns| facts.dotted(returns))
                .and_then(|path| analysis.modules.symbol(file, ScopeId::MODULE, &path));
            let is_at_top = function.parent == Some(ScopeId::MODULE);
            if is_at_top
                && function.kind == ScopeKind::Function
                && !function.is_async
                && says == Some(Symbol::Scope(class, scope))
                && !function.params.iter().any(is_needed)
            {
                found.push((file, id));
            }
        }
    }
    // One beside the class is likelier than another's.
    found.sort_by_key(|(file, id)| (*file != class, *file, *id));
    found.first().copied()
}

/// All its fields have defaults.
fn made_of_nothing(analysis: &Analysis, class: FileId, scope: ScopeId) -> bool {
    let facts = analysis.modules.facts(class);
    let of = facts.scope(scope);
    let open = |stmt: &Stmt| matches!(stmt.kind, StmtKind::Declare { .. });
    let init = |stmt: &Stmt| -> Option<&Scope> {
        match stmt.kind {
            StmtKind::Function(scope) => {
                Some(facts.scope(scope)).filter(|it| it.name == "__init__")
            }
            _ => None,
        }
    };
    match of.body.iter().find_map(init) {
        Some(init) => !init.params.iter().skip(1).any(is_needed),
        None => !of.body.iter().any(open),
    }
}
