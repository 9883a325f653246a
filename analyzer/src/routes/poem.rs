//! Poem: routers as chains of `at` and `nest`, and the methods of an API that
//! poem-openapi describes.

use smol_str::SmolStr;

use super::survey::{
    Chains, Key, Mounts, Seen, Spot, Survey, colons, is_rust, join_nested, template,
};
use super::{Framework, Route, RouteKind, is_http_method};
use crate::graph::FuncId;
use crate::syntax::facts::ExprKind;

pub(super) struct Poem;

impl Framework for Poem {
    fn name(&self) -> &'static str {
        "poem"
    }

    fn routes(&self, survey: &Survey<'_>, found: &mut Vec<Route>) {
        if !survey.imports("poem") && !survey.imports("poem_openapi") {
            return;
        }
        let chains = Chains::new(survey, starts);
        let mut mounts = Mounts::default();
        let mut answers = Vec::new();
        for call in chains.calls() {
            match (call.name.as_str(), &call.base) {
                ("at", Some(base)) => answers.push((call, chains.roots(base))),
                ("nest" | "nest_no_strip", Some(base)) => {
                    let prefix = survey.arg(&call.spot, 0, "");
                    let prefix = prefix.and_then(|prefix| survey.text(&prefix));
                    let child = survey.arg(&call.spot, 1, "");
                    let child = child.filter(|child| !is_page(survey, &chains, child));
                    let children = child.map(|child| chains.roots(&child));
                    for child in children.unwrap_or_default() {
                        for parent in chains.roots(base) {
                            mounts.add(child, parent, prefix.as_deref().unwrap_or_default());
                        }
                    }
                }
                ("new", Some(_)) => {
                    let path = chains.path(&call.callee).unwrap_or_default();
                    if path.ends_with("OpenApiService.new")
                        && let Some(apis) = survey.arg(&call.spot, 0, "")
                    {
                        let service = Key::Site(call.spot.file, call.spot.expr);
                        hang(survey, &chains, &apis, service, &mut mounts);
                    }
                }
                _ => {}
            }
        }
        chains.link(&mut mounts);
        for (call, roots) in answers.iter().filter(|(_, roots)| !roots.is_empty()) {
            let (Some(path), Some(given)) =
                (survey.arg(&call.spot, 0, ""), survey.arg(&call.spot, 1, ""))
            else {
                continue;
            };
            let mut answered = Vec::new();
            methods(survey, &chains, &given, &mut Seen::default(), &mut answered);
            if answered.is_empty() {
                let handlers = chains.handlers(&given).into_iter();
                answered.extend(handlers.map(|handler| ("ANY".into(), handler)));
            }
            for text in survey.texts(&path) {
                for prefix in mounts.all_prefixes(roots) {
                    for (method, handler) in &answered {
                        found.push(Route {
                            kind: RouteKind::Http,
                            method: method.clone(),
                            path: colons(&template(&join_nested(&prefix, &text), true)),
                            handler: *handler,
                            file: call.spot.file,
                            line: survey.line(&path),
                            framework: "poem",
                        });
                    }
                }
            }
        }
        described(survey, &mounts, found);
    }
}

/// `Route::new()`, `OpenApiService::new(…)`.
fn starts(path: &str) -> bool {
    let mut parts = path.rsplit('.');
    let made = parts.next().unwrap_or_default();
    let by = parts.next().unwrap_or_default();
    made == "new" && matches!(by, "Route" | "OpenApiService")
}

/// Pages that show what a service is, and answer none of its paths.
const PAGES: [&str; 8] = [
    "openapi_explorer",
    "rapidoc",
    "redoc",
    "scalar",
    "spec_endpoint",
    "spec_endpoint_yaml",
    "stoplight_elements",
    "swagger_ui",
];

fn is_page(survey: &Survey<'_>, chains: &Chains<'_, '_>, child: &Spot) -> bool {
    let mut spots = chains.given(child);
    spots.push(child.clone());
    spots.iter().any(|spot| {
        let call = survey.call_at(spot);
        call.is_some_and(|call| PAGES.contains(&call.name.as_str()))
    })
}

/// The APIs that a service is made of: one, or a tuple of them.
fn hang(
    survey: &Survey<'_>,
    chains: &Chains<'_, '_>,
    apis: &Spot,
    service: Key,
    mounts: &mut Mounts,
) {
    let each = match survey.kind(apis) {
        ExprKind::Tuple(parts) => parts.iter().map(|part| survey.part(apis, *part)).collect(),
        _ => vec![apis.clone()],
    };
    for api in each {
        let mut spots = chains.given(&api);
        spots.push(api);
        for spot in spots {
            let mut classes = survey.classes(&spot);
            classes.extend(survey.instances(&spot));
            if let ExprKind::Call { callee, .. } = survey.kind(&spot) {
                let callee = survey.part(&spot, *callee);
                classes.extend(survey.classes(&callee));
                if let ExprKind::Attr { base, .. } = survey.kind(&callee) {
                    classes.extend(survey.classes(&survey.part(&spot, *base)));
                }
            }
            for class in classes {
                mounts.add(Key::Class(class), service, "");
            }
        }
    }
}

/// `get(read).post(write)`.
fn methods(
    survey: &Survey<'_>,
    chains: &Chains<'_, '_>,
    spot: &Spot,
    seen: &mut Seen,
    found: &mut Vec<(SmolStr, FuncId)>,
) {
    if seen.len() > 500 || !seen.insert(spot.key()) {
        return;
    }
    let ExprKind::Call { callee, .. } = survey.kind(spot) else {
        for given in chains.given(spot) {
            methods(survey, chains, &given, seen, found);
        }
        return;
    };
    let callee = survey.part(spot, *callee);
    let name = match survey.kind(&callee) {
        ExprKind::Name(name) => name,
        ExprKind::Attr { base, name } => {
            methods(survey, chains, &survey.part(spot, *base), seen, found);
            name
        }
        _ => return,
    };
    if is_http_method(name) {
        let handler = survey.arg(spot, 0, "");
        let handlers = handler.map(|handler| chains.handlers(&handler));
        for handler in handlers.into_iter().flatten() {
            found.push((name.to_uppercase().into(), handler));
        }
    }
}

/// `#[oai(path = "/x", method = "get")]` above a method.
fn described(survey: &Survey<'_>, mounts: &Mounts, found: &mut Vec<Route>) {
    for decoration in &survey.decorations {
        let ExprKind::Call { callee, args } = survey.kind(&decoration.decorator) else {
            continue;
        };
        let facts = survey.modules.facts(decoration.file);
        let is_described = facts.dotted(*callee).is_some_and(|name| name == "oai");
        let (Some(handler), true) = (decoration.function, is_described) else {
            continue;
        };
        if !is_rust(survey, decoration.file) {
            continue;
        }
        let path = survey.named(&decoration.decorator, "path");
        let Some(path) = path.and_then(|path| survey.text(&path)) else {
            continue;
        };
        let class = survey.program.function(handler).class;
        let roots: Vec<Key> = class.map(Key::Class).into_iter().collect();
        let methods = args
            .iter()
            .filter(|arg| arg.name.as_deref() == Some("method"));
        for method in methods {
            for method in survey.texts(&survey.part(&decoration.decorator, method.value)) {
                for prefix in mounts.all_prefixes(&roots) {
                    found.push(Route {
                        kind: RouteKind::Http,
                        method: method.to_uppercase().into(),
                        path: colons(&template(&join_nested(&prefix, &path), true)),
                        handler,
                        file: decoration.file,
                        line: decoration.line,
                        framework: "poem",
                    });
                }
            }
        }
    }
}
