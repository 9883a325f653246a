//! Settings classes of pydantic: which environment variable fills a field.

use smol_str::{SmolStr, format_smolstr};

use super::program::{ClassId, Program};
use crate::catalog::Catalog;
use crate::modules::{FileId, ModuleSet};
use crate::syntax::FileFacts;
use crate::syntax::facts::{ArgKind, ExprId, ExprKind, ScopeId, Stmt, StmtKind};

/// A field that the environment fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SettingsField {
    /// The field.
    pub name: SmolStr,
    /// The variable; the first of several.
    pub variable: SmolStr,
    /// It holds a text or a path.
    pub is_text: bool,
    /// It is declared a secret.
    pub is_secret: bool,
}

/// The fields of `class` and its bases, when it is a settings class.
pub(crate) fn fields(
    modules: &ModuleSet,
    program: &Program,
    catalog: &Catalog,
    class: ClassId,
) -> Vec<SettingsField> {
    if !is_settings(program, catalog, class) {
        return Vec::new();
    }
    let mro = &program.class(class).mro;
    let bodies = || {
        mro.iter().map(|class| {
            let class = program.class(*class);
            (modules.facts(class.file), class.file, class.scope)
        })
    };
    let option = |key| bodies().find_map(|(facts, _, scope)| option(facts, scope, key));
    let prefix = option("env_prefix").unwrap_or_else(|| Said::Text(SmolStr::default()));
    let delimiter = option("env_nested_delimiter");
    let mut found: Vec<SettingsField> = Vec::new();
    for (facts, file, scope) in bodies() {
        for stmt in &facts.scope(scope).body {
            let Some((name, annotation, value)) = declared(facts, stmt) else {
                continue;
            };
            if name.starts_with('_')
                || name == "model_config"
                || found.iter().any(|f| f.name == name)
            {
                continue;
            }
            let ty = last_name(facts, annotation);
            if matches!(ty.as_str(), "ClassVar" | "PrivateAttr") {
                continue;
            }
            let own = value.and_then(|value| alias(facts, value));
            let prefixed = || match &prefix {
                Said::Text(prefix) => Some(format_smolstr!("{prefix}{name}").to_uppercase().into()),
                Said::Unknown => None,
            };
            let Some(variable) = own.or_else(prefixed) else {
                continue;
            };
            let part = class_named(modules, program, file, &ty);
            match part {
                // Filled by its own variables.
                Some(part) if is_settings(program, catalog, part) => continue,
                Some(part) if delimiter.is_some() => {
                    let Some(Said::Text(between)) = &delimiter else {
                        continue;
                    };
                    for inner in plain_fields(modules, program, part) {
                        let variable = format!("{variable}{between}{inner}").to_uppercase();
                        found.push(SettingsField {
                            name: format_smolstr!("{name}.{inner}"),
                            variable: variable.into(),
                            is_text: false,
                            is_secret: false,
                        });
                    }
                    continue;
                }
                _ => {}
            }
            found.push(SettingsField {
                name,
                variable,
                is_text: matches!(
                    ty.as_str(),
                    "str"
                        | "Path"
                        | "FilePath"
                        | "DirectoryPath"
                        | "NewPath"
                        | "AnyUrl"
                        | "HttpUrl"
                        | "PostgresDsn"
                        | "RedisDsn"
                ),
                is_secret: matches!(ty.as_str(), "SecretStr" | "SecretBytes" | "Secret"),
            });
        }
    }
    found
}

/// True if the environment fills the class's fields.
pub(crate) fn is_settings(program: &Program, catalog: &Catalog, class: ClassId) -> bool {
    let bases = program.library_bases(class);
    bases.iter().any(|base| {
        catalog.is_a(base, "pydantic.BaseSettings")
            || catalog.is_a(base, "pydantic_settings.BaseSettings")
    })
}

/// `name: type = value` of a class body.
fn declared(facts: &FileFacts, stmt: &Stmt) -> Option<(SmolStr, ExprId, Option<ExprId>)> {
    let (target, annotation, value) = match &stmt.kind {
        StmtKind::Declare { target, annotation } => (*target, *annotation, None),
        StmtKind::Assign {
            targets,
            annotation: Some(annotation),
            value,
        } => (*targets.first()?, *annotation, Some(*value)),
        _ => return None,
    };
    match &facts.expr(target).kind {
        ExprKind::Name(name) => Some((name.clone(), annotation, value)),
        _ => None,
    }
}

fn plain_fields(modules: &ModuleSet, program: &Program, class: ClassId) -> Vec<SmolStr> {
    let class = program.class(class);
    let facts = modules.facts(class.file);
    let body = facts.scope(class.scope).body.iter();
    body.filter_map(|stmt| Some(declared(facts, stmt)?.0))
        .collect()
}

/// The class that an annotation's last name means in `file`.
fn class_named(
    modules: &ModuleSet,
    program: &Program,
    file: FileId,
    name: &str,
) -> Option<ClassId> {
    let mut classes = (0..program.classes.len() as u32)
        .map(ClassId)
        .filter(|class| {
            let class = program.class(*class);
            modules.facts(class.file).scope(class.scope).name == name
        });
    let first = classes.next()?;
    let here = |class: &ClassId| program.class(*class).file == file;
    match here(&first) {
        true => Some(first),
        false => Some(classes.find(here).unwrap_or(first)),
    }
}

/// `str` of `str`, `Optional[str]`, `str | None`, `Annotated[str, …]`.
fn last_name(facts: &FileFacts, annotation: ExprId) -> SmolStr {
    match &facts.expr(annotation).kind {
        ExprKind::Name(name) | ExprKind::Attr { name, .. } => name.clone(),
        ExprKind::Str(text) => text.rsplit('.').next().unwrap_or(text).into(),
        ExprKind::Item { base, index } => match last_name(facts, *base).as_str() {
            "Optional" | "Annotated" | "Union" => last_name(facts, *index),
            other => other.into(),
        },
        ExprKind::Tuple(parts) => parts
            .first()
            .map(|part| last_name(facts, *part))
            .unwrap_or_default(),
        ExprKind::Binary { left, .. } => last_name(facts, *left),
        _ => SmolStr::default(),
    }
}

/// What a class says of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Text(SmolStr),
    /// Something, or whatever is said elsewhere.
    Unknown,
}

/// `env_prefix` and its like, of `model_config` or of `class Config`.
fn option(facts: &FileFacts, scope: ScopeId, key: &str) -> Option<Said> {
    let text = |expr: ExprId| match &facts.expr(expr).kind {
        ExprKind::Str(text) => Said::Text(text.clone()),
        _ => Said::Unknown,
    };
    let is = |expr: ExprId, own: &str| matches!(&facts.expr(expr).kind, ExprKind::Name(name) if name == own);
    let mut found = None;
    for stmt in &facts.scope(scope).body {
        match &stmt.kind {
            StmtKind::Assign { targets, value, .. } if is(*targets.first()?, "model_config") => {
                found = in_mapping(facts, *value, key, &text);
            }
            StmtKind::Augment { target, .. } if is(*target, "model_config") => {
                found = Some(Said::Unknown);
            }
            // `model_config.update(…)`
            StmtKind::Expr(expr) => {
                if let ExprKind::Call { callee, .. } = &facts.expr(*expr).kind
                    && let ExprKind::Attr { base, .. } = &facts.expr(*callee).kind
                    && is(*base, "model_config")
                {
                    found = Some(Said::Unknown);
                }
            }
            StmtKind::Class(inner) if facts.scope(*inner).name == "Config" => {
                for stmt in &facts.scope(*inner).body {
                    if let StmtKind::Assign { targets, value, .. } = &stmt.kind
                        && is(*targets.first()?, key)
                    {
                        found = Some(text(*value));
                    }
                }
            }
            _ => {}
        }
    }
    found
}

/// What a mapping that is written out says of a key. The last entry holds; a
/// mapping that is spread may say it, too.
fn in_mapping(
    facts: &FileFacts,
    mapping: ExprId,
    key: &str,
    text: &dyn Fn(ExprId) -> Said,
) -> Option<Said> {
    match &facts.expr(mapping).kind {
        // No call takes a name twice.
        ExprKind::Call { args, .. } => {
            let named = args.iter().find(|arg| arg.name.as_deref() == Some(key));
            let spread = args.iter().any(|arg| arg.kind != ArgKind::Named);
            named
                .map(|arg| text(arg.value))
                .or(spread.then_some(Said::Unknown))
        }
        ExprKind::Dict(entries) => entries.iter().rev().find_map(|(name, value)| match name {
            None => Some(Said::Unknown),
            Some(name) => match text(*name) {
                Said::Text(name) => (name == key).then(|| text(*value)),
                Said::Unknown => Some(Said::Unknown),
            },
        }),
        _ => Some(Said::Unknown),
    }
}

/// The variable that `Field(…)` names.
fn alias(facts: &FileFacts, value: ExprId) -> Option<SmolStr> {
    let ExprKind::Call { callee, args } = &facts.expr(value).kind else {
        return None;
    };
    if facts.dotted(*callee)?.rsplit('.').next() != Some("Field") {
        return None;
    }
    ["validation_alias", "env", "alias"].iter().find_map(|key| {
        let mut args_named = args.iter();
        let arg = args_named.find(|arg| arg.name.as_deref() == Some(*key))?;
        first_text(facts, arg.value)
    })
}

/// The text, or the first of several.
fn first_text(facts: &FileFacts, expr: ExprId) -> Option<SmolStr> {
    match &facts.expr(expr).kind {
        ExprKind::Str(text) => Some(text.clone()),
        ExprKind::List(parts) | ExprKind::Tuple(parts) | ExprKind::Set(parts) => {
            parts.iter().find_map(|part| first_text(facts, *part))
        }
        ExprKind::Call { args, .. } => args.iter().find_map(|arg| first_text(facts, arg.value)),
        _ => None,
    }
}
