//! Which file, table or queue a call touches, from its arguments.

use smol_str::{SmolStr, format_smolstr};

use super::ResourceKind;
use crate::catalog::{Access, EffectEntry, Matter};
use crate::graph::call::CallArg;
use crate::graph::{CallGraph, Held, LibraryCall};
use crate::modules::{FileId, ModuleSet};
use crate::syntax::facts::{ArgKind, ExprId, ExprKind, Stmt, StmtKind};

/// The argument that `name` or `position` means.
fn find<'c>(
    call: &'c LibraryCall,
    name: Option<&str>,
    position: Option<u32>,
) -> Option<&'c CallArg> {
    let named = call
        .args
        .iter()
        .find(|arg| name.is_some() && arg.name.as_deref() == name);
    let mut positional = call
        .args
        .iter()
        .filter(|arg| arg.kind == ArgKind::Positional);
    named.or_else(|| position.and_then(|position| positional.nth(position as usize)))
}

/// The argument that names what the effect is on.
pub(super) fn argument<'c>(call: &'c LibraryCall, effect: &EffectEntry) -> Option<&'c CallArg> {
    find(call, effect.argument.as_deref(), effect.position)
}

/// True if the argument `name` is given and is not `None`.
pub(super) fn is_given(call: &LibraryCall, name: &str) -> bool {
    let spreads = call.args.iter().any(|arg| arg.kind == ArgKind::SpreadNamed);
    spreads || find(call, Some(name), None).is_some_and(|arg| !arg.maybe_none)
}

/// True if the call's arguments take the effect away: a seed is given.
pub(super) fn is_averted(call: &LibraryCall, effect: &EffectEntry) -> bool {
    let seeded = effect.on == Matter::Randomness
        && argument(call, effect).is_some_and(|arg| !arg.maybe_none);
    seeded || effect.unless.iter().any(|name| is_given(call, name))
}

/// What is done, after a look at the argument that changes it.
pub(super) fn access(call: &LibraryCall, effect: &EffectEntry) -> Access {
    let Some(mode) = &effect.mode else {
        return effect.does;
    };
    let Some(arg) = find(call, mode.argument.as_deref(), mode.position) else {
        return effect.does;
    };
    let matching = mode
        .when
        .iter()
        .find(|(part, _)| arg.texts.iter().any(|text| text.contains(part.as_str())));
    matching.map_or(effect.does, |(_, access)| *access)
}

/// Names of what is touched; several when several values reach the argument.
pub(super) fn names(
    modules: &ModuleSet,
    call_graph: &CallGraph,
    call: &LibraryCall,
    effect: &EffectEntry,
) -> Vec<SmolStr> {
    if effect.receiver {
        let known: Vec<SmolStr> = call
            .receiver
            .iter()
            .map(|text| tidy(effect, text))
            .collect();
        if !known.is_empty() {
            return known;
        }
        if effect.argument.is_none() && effect.position.is_none() {
            return made_as(modules, call_graph, call);
        }
    }
    match argument(call, effect) {
        // An empty text, as a fallback of another, names nothing.
        Some(arg) if arg.texts.iter().any(|text| !text.is_empty()) => {
            let texts = arg.texts.iter().filter(|text| !text.is_empty());
            texts.map(|text| tidy(effect, text)).collect()
        }
        Some(arg) => {
            // Topics and keys come in lists.
            let several = call_graph.held_elements(call.file, arg.expr).into_iter();
            let several: Vec<SmolStr> = several
                .filter_map(|held| match held {
                    Held::Text(text) => Some(tidy(effect, &text)),
                    _ => None,
                })
                .collect();
            if !several.is_empty() {
                return several;
            }
            let facts = modules.facts(call.file);
            match &facts.expr(arg.expr).kind {
                ExprKind::Name(name) | ExprKind::Attr { name, .. } => {
                    vec![format_smolstr!("{{{name}}}")]
                }
                _ => Vec::new(),
            }
        }
        None => effect.identity.iter().cloned().collect(),
    }
}

/// The names of what the receiver can be, by where it is made: the text its
/// constructor is given, or what it is assigned to, as `file.py:NAME`.
fn made_as(modules: &ModuleSet, call_graph: &CallGraph, call: &LibraryCall) -> Vec<SmolStr> {
    let facts = modules.facts(call.file);
    let ExprKind::Call { callee, .. } = &facts.expr(call.expr).kind else {
        return Vec::new();
    };
    let ExprKind::Attr { base, .. } = &facts.expr(*callee).kind else {
        return Vec::new();
    };
    let held = call_graph.held(call.file, *base).into_iter();
    let mut names: Vec<SmolStr> = held
        .filter_map(|held| match held {
            Held::Object(_, Some((file, expr))) => made_name(modules, call_graph, file, expr),
            _ => None,
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn made_name(
    modules: &ModuleSet,
    call_graph: &CallGraph,
    file: FileId,
    made: ExprId,
) -> Option<SmolStr> {
    let facts = modules.facts(file);
    let ExprKind::Call { args, .. } = &facts.expr(made).kind else {
        return None;
    };
    let named = args
        .iter()
        .find_map(|arg| match &facts.expr(arg.value).kind {
            ExprKind::Str(text) => Some(text.clone()),
            _ => call_graph.texts(file, arg.value).into_iter().next(),
        });
    named.or_else(|| {
        facts.scopes().find_map(|(_, scope)| {
            let target = assigned_to(&scope.body, made)?;
            let name = facts.dotted(target)?;
            let owner = match name.strip_prefix("self.") {
                Some(name) => {
                    let class = scope.qualname.rsplit_once('.').map(|(class, _)| class);
                    format!("{}.{name}", class.unwrap_or(&scope.qualname))
                }
                None if scope.parent.is_none() => name,
                None => format!("{}.{name}", scope.qualname),
            };
            Some(format_smolstr!("{}:{owner}", facts.path))
        })
    })
}

/// The first target of the statement that assigns `value`.
fn assigned_to(body: &[Stmt], value: ExprId) -> Option<ExprId> {
    body.iter().find_map(|stmt| match &stmt.kind {
        StmtKind::Assign {
            targets,
            value: assigned,
            ..
        } if *assigned == value => targets.first().copied(),
        StmtKind::If { then, other, .. } => {
            assigned_to(then, value).or_else(|| assigned_to(other, value))
        }
        StmtKind::Loop { body, .. } | StmtKind::With { body, .. } | StmtKind::Try { body, .. } => {
            assigned_to(body, value)
        }
        _ => None,
    })
}

fn tidy(effect: &EffectEntry, text: &str) -> SmolStr {
    match effect.on {
        Matter::File => single_slashes(text.strip_prefix("./").unwrap_or(text)),
        Matter::Environment => text.trim_matches(['{', '}']).into(),
        _ => text.into(),
    }
}

/// Two slashes in a path are one: a folder that ends in one was joined to a
/// name. Those of an address (`s3://`) stay.
fn single_slashes(path: &str) -> SmolStr {
    if !path.contains("//") || path.contains("://") {
        return path.into();
    }
    let mut tidy = path.to_owned();
    while tidy.contains("//") {
        tidy = tidy.replace("//", "/");
    }
    tidy.into()
}

/// Extensions of files that hold models.
const MODEL_FILES: &[&str] = &[
    "joblib",
    "pkl",
    "pickle",
    "pt",
    "pth",
    "onnx",
    "h5",
    "keras",
    "safetensors",
    "ubj",
    "cbm",
    "bst",
    "mlmodel",
    "ckpt",
    "gguf",
    "mpk",
    "ot",
];

/// What files that hold a model are called, whatever their format.
const MODEL_NAMES: &[&str] = &["model", "weights"];

/// A file that holds a model is a model.
pub(super) fn refine(kind: ResourceKind, name: &str) -> ResourceKind {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    let file = name.rsplit('/').next().unwrap_or(name);
    let stem = file.split_once('.').map_or("", |(stem, _)| stem);
    match kind {
        ResourceKind::File if MODEL_NAMES.contains(&stem) => ResourceKind::Model,
        ResourceKind::File if extension.is_some_and(|ext| MODEL_FILES.contains(&ext)) => {
            ResourceKind::Model
        }
        kind => kind,
    }
}

/// True if some part of the identity is known.
pub(super) fn says_something(identity: &str) -> bool {
    let mut depth = 0;
    identity.chars().any(|c| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            c if depth == 0 && c.is_alphanumeric() => return true,
            _ => {}
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::{says_something, single_slashes};

    #[test]
    fn a_hole_alone_says_nothing() {
        assert!(!says_something("{path}"));
        assert!(!says_something("{dir}/{name}"));
        assert!(says_something("{dir}/model.joblib"));
    }

    #[test]
    fn two_slashes_are_one_but_those_of_an_address() {
        assert_eq!(
            single_slashes("/opt/ml/model//m.bin"),
            "/opt/ml/model/m.bin"
        );
        assert_eq!(single_slashes("s3://models/m.bin"), "s3://models/m.bin");
    }
}
