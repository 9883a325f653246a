//! Litestar and its elder, Starlite: decorated functions and controllers,
//! listed for an application and its routers.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::survey::{Spot, Survey, join, template};
use super::{Framework, Route, RouteKind, is_http_method};
use crate::graph::{ClassId, FuncId};

pub(super) struct Litestar;

impl Framework for Litestar {
    fn name(&self) -> &'static str {
        "litestar"
    }

    fn routes(&self, survey: &Survey<'_>, found: &mut Vec<Route>) {
        if !survey.imports("litestar") && !survey.imports("starlite") {
            return;
        }
        let listed = listed(survey);
        for decoration in &survey.decorations {
            let Some(handler) = decoration.function else {
                continue;
            };
            for qualified in survey.decorator_paths(&decoration.decorator) {
                let (library, name) = ends(&qualified);
                if !matches!(library, "litestar" | "starlite") {
                    continue;
                }
                let kind = match name {
                    "websocket" | "websocket_listener" => RouteKind::WebSocket,
                    name if is_http_method(name) || name == "route" => RouteKind::Http,
                    _ => continue,
                };
                for path in paths(survey, &listed, handler, &decoration.decorator) {
                    for method in methods(survey, &decoration.decorator, kind, name) {
                        found.push(Route {
                            kind,
                            method,
                            path: path.clone(),
                            handler,
                            file: decoration.file,
                            line: decoration.line,
                            framework: "litestar",
                        });
                    }
                }
            }
        }
    }
}

fn ends(path: &str) -> (&str, &str) {
    let library = path.split('.').next().unwrap_or_default();
    (library, path.rsplit('.').next().unwrap_or_default())
}

fn methods(survey: &Survey<'_>, call: &Spot, kind: RouteKind, name: &str) -> Vec<SmolStr> {
    if kind == RouteKind::WebSocket {
        return vec![SmolStr::default()];
    }
    if is_http_method(name) {
        return vec![name.to_uppercase().into()];
    }
    let listed = survey.named(call, "http_method");
    let listed = listed.map(|list| survey.list(&list)).unwrap_or_default();
    listed
        .iter()
        .map(|name| name.to_uppercase().into())
        .collect()
}

/// What a router's list names.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Listed {
    Function(FuncId),
    Class(ClassId),
    /// A router, by where it is made.
    Router(crate::modules::FileId, u32),
}

/// Prefixes of the routers that list a thing.
type Prefixes = BTreeMap<Listed, Vec<SmolStr>>;

fn listed(survey: &Survey<'_>) -> Prefixes {
    let mut routers: Vec<(Spot, SmolStr, Vec<Spot>)> = Vec::new();
    for call in &survey.calls {
        let paths = survey.paths(&call.callee);
        let is_router = paths.iter().any(|path| {
            matches!(
                ends(path),
                ("litestar" | "starlite", "Router" | "Litestar" | "Starlite")
            )
        });
        let Some(list) = survey.named(&call.spot, "route_handlers") else {
            continue;
        };
        if is_router {
            let prefix = survey.named(&call.spot, "path");
            let prefix = prefix.and_then(|prefix| survey.text(&prefix));
            routers.push((
                call.spot.clone(),
                prefix.unwrap_or_default(),
                survey.parts(&list),
            ));
        }
    }
    let mut prefixes = Prefixes::new();
    // A router in a router, four deep.
    for _ in 0..4 {
        for (router, own, parts) in &routers {
            let key = Listed::Router(router.file, router.expr.0);
            let above = prefixes.get(&key).cloned();
            let above = above.unwrap_or_else(|| vec![SmolStr::default()]);
            for part in parts {
                for listed in meant(survey, part) {
                    prefixes.insert(listed, above.iter().map(|above| join(above, own)).collect());
                }
            }
        }
    }
    prefixes
}

fn meant(survey: &Survey<'_>, part: &Spot) -> Vec<Listed> {
    let classes = survey.classes(part);
    if !classes.is_empty() {
        return classes.into_iter().map(Listed::Class).collect();
    }
    if let Some(made) = survey.definition(part) {
        return vec![Listed::Router(made.file, made.expr.0)];
    }
    let functions = survey.functions(part).into_iter();
    functions.map(Listed::Function).collect()
}

/// The decorator's paths below the controller's and the routers'.
fn paths(
    survey: &Survey<'_>,
    listed: &Prefixes,
    handler: FuncId,
    decorator: &Spot,
) -> Vec<SmolStr> {
    let own = survey.arg(decorator, 0, "path");
    let mut own = own.map(|path| survey.list(&path)).unwrap_or_default();
    if own.is_empty() {
        own.push(SmolStr::default());
    }
    let class = survey.program.function(handler).class;
    let above = match class {
        Some(class) => listed.get(&Listed::Class(class)),
        None => listed.get(&Listed::Function(handler)),
    };
    let above = above.cloned().unwrap_or_else(|| vec![SmolStr::default()]);
    let controller = class
        .and_then(|class| survey.class_value(class, "path"))
        .and_then(|path| survey.text(&path))
        .unwrap_or_default();
    let mut paths = Vec::new();
    for above in &above {
        for own in &own {
            paths.push(template(&join(&join(above, &controller), own), true));
        }
    }
    paths
}
