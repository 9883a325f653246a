//! Bottle: decorators of the module or of an application.

use smol_str::SmolStr;

use super::survey::{Decoration, Survey, template};
use super::{Framework, Route, RouteKind, is_http_method};

pub(super) struct Bottle;

impl Framework for Bottle {
    fn name(&self) -> &'static str {
        "bottle"
    }

    fn routes(&self, survey: &Survey<'_>, found: &mut Vec<Route>) {
        if !survey.imports("bottle") {
            return;
        }
        for decoration in &survey.decorations {
            let (Some(handler), Some(name)) = (decoration.function, verb(survey, decoration))
            else {
                continue;
            };
            let path = survey.arg(&decoration.decorator, 0, "path");
            for path in path.map(|path| survey.list(&path)).unwrap_or_default() {
                for method in methods(survey, decoration, &name) {
                    found.push(Route {
                        kind: RouteKind::Http,
                        method,
                        path: template(&path, true),
                        handler,
                        file: decoration.file,
                        line: decoration.line,
                        framework: "bottle",
                    });
                }
            }
        }
    }
}

/// `route`, or the method, of `@route(…)`, `@bottle.get(…)` and `@app.get(…)`.
fn verb(survey: &Survey<'_>, decoration: &Decoration) -> Option<SmolStr> {
    let is_verb = |name: &str| name == "route" || is_http_method(name);
    let paths = survey.decorator_paths(&decoration.decorator);
    let own = paths.iter().find_map(|path| path.strip_prefix("bottle."));
    if let Some(name) = own.filter(|name| is_verb(name)) {
        return Some(name.into());
    }
    let (base, name) = survey.decorator_parts(&decoration.decorator)?;
    let owners = survey.owners(&base);
    let is_app = owners.iter().any(|owner| owner.library() == "bottle");
    (is_app && is_verb(name)).then(|| name.clone())
}

fn methods(survey: &Survey<'_>, decoration: &Decoration, name: &str) -> Vec<SmolStr> {
    if is_http_method(name) {
        return vec![name.to_uppercase().into()];
    }
    let listed = survey.arg(&decoration.decorator, 1, "method");
    let listed = listed.map(|list| survey.list(&list)).unwrap_or_default();
    match listed.is_empty() {
        true => vec!["GET".into()],
        false => listed
            .iter()
            .map(|name| name.to_uppercase().into())
            .collect(),
    }
}
