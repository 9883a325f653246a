//! Routes that stand as attributes above their handlers: `#[get("/x")]` of
//! Actix Web and of Rocket.

use smol_str::SmolStr;

use super::{Decoration, Survey, is_rust};
use crate::graph::FuncId;
use crate::modules::FileId;
use crate::routes::is_http_method;
use crate::syntax::facts::{ExprKind, StmtKind};
use crate::syntax::walk::each_stmt;

/// A route as its attribute says it, without what it hangs below.
#[derive(Debug)]
pub(in crate::routes) struct Attribute {
    pub framework: &'static str,
    pub methods: Vec<SmolStr>,
    pub path: SmolStr,
    pub handler: FuncId,
    pub file: FileId,
    pub line: u32,
}

/// Import names, and their framework.
const LIBRARIES: [(&str, &str); 4] = [
    ("actix_web", "actix"),
    ("ntex", "actix"),
    ("paperclip", "actix"),
    ("rocket", "rocket"),
];

/// All of the tree.
pub(in crate::routes) fn attributes(survey: &Survey<'_>) -> Vec<Attribute> {
    let mut found = Vec::new();
    for decoration in &survey.decorations {
        let ExprKind::Call { callee, args } = survey.kind(&decoration.decorator) else {
            continue;
        };
        let facts = survey.modules.facts(decoration.file);
        let (Some(handler), Some(name)) = (decoration.function, facts.dotted(*callee)) else {
            continue;
        };
        let last = name.rsplit('.').next().unwrap_or(&name);
        let is_method = is_http_method(last) || last == "connect";
        if !is_rust(survey, decoration.file) || !(is_method || last == "route") {
            continue;
        }
        let Some(framework) = framework(survey, decoration, &name) else {
            continue;
        };
        let mut methods: Vec<SmolStr> = Vec::new();
        let mut paths = Vec::new();
        if is_method {
            methods.push(last.to_uppercase().into());
        }
        for arg in args {
            let value = survey.part(&decoration.decorator, arg.value);
            match arg.name.as_deref() {
                Some("method") => methods.extend(survey.texts(&value)),
                Some("uri" | "path") => paths.extend(survey.texts(&value)),
                Some(_) => {}
                // `#[route(GET, uri = "/x")]`.
                None => match survey.kind(&value) {
                    ExprKind::Name(name) if is_http_method(&name.to_lowercase()) => {
                        methods.push(name.to_uppercase().into());
                    }
                    _ if paths.is_empty() => paths.extend(survey.texts(&value)),
                    _ => {}
                },
            }
        }
        paths.retain(|path| path.is_empty() || path.starts_with('/'));
        found.extend(paths.into_iter().map(|path| Attribute {
            framework,
            methods: methods.clone(),
            path,
            handler,
            file: decoration.file,
            line: decoration.line,
        }));
    }
    found
}

/// Whose attribute it is: by its path, by what the file imports, or by what
/// alone the tree imports.
fn framework(survey: &Survey<'_>, decoration: &Decoration, name: &str) -> Option<&'static str> {
    let known = |first: &str| LIBRARIES.iter().find(|(library, _)| first == *library);
    let mut paths = survey.decorator_paths(&decoration.decorator);
    paths.push(name.into());
    let mut firsts = paths.iter().filter_map(|path| path.split('.').next());
    if let Some((_, framework)) = firsts.find_map(known) {
        return Some(framework);
    }
    // An attribute of another library.
    if paths.len() > 1 {
        return None;
    }
    let facts = survey.modules.facts(decoration.file);
    let mut imported = Vec::new();
    for (_, scope) in facts.scopes() {
        each_stmt(&scope.body, &mut |stmt| {
            if let StmtKind::Import(import) = &stmt.kind {
                let first = import.module.split('.').next().unwrap_or_default();
                imported.extend(known(first).map(|(_, framework)| *framework));
            }
        });
    }
    if imported.is_empty() {
        let of_tree = LIBRARIES
            .iter()
            .filter(|(library, _)| survey.imports(library));
        imported.extend(of_tree.map(|(_, framework)| *framework));
    }
    imported.dedup();
    match imported.as_slice() {
        [only] => Some(only),
        _ => None,
    }
}
