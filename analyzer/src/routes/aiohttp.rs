//! aiohttp's server: routes added to an application's router, listed route
//! definitions, route tables, class-based views, applications in applications.

use smol_str::SmolStr;

use super::survey::{Call, Mounts, Owner, Spot, Survey, join, template};
use super::{Framework, Route, RouteKind, class_handlers, is_http_method};
use crate::graph::FuncId;
use crate::modules::FileId;
use crate::syntax::facts::ExprKind;

pub(super) struct Aiohttp;

const TYPES: &[&str] = &["Application", "RouteTableDef", "UrlDispatcher", "Resource"];
const HOOKS: &[&str] = &["on_startup", "on_shutdown", "on_cleanup", "cleanup_ctx"];

impl Framework for Aiohttp {
    fn name(&self) -> &'static str {
        "aiohttp"
    }

    fn routes(&self, survey: &Survey<'_>, found: &mut Vec<Route>) {
        if !survey.imports("aiohttp") {
            return;
        }
        let mounts = mounts(survey);
        decorated(survey, &mounts, found);
        for call in &survey.calls {
            match call.name.as_str() {
                "add_routes" => listed(survey, &mounts, call, found),
                "append" => hook(survey, call, found),
                name => {
                    if let Some(adds) = name.strip_prefix("add_") {
                        added(survey, &mounts, call, adds, found);
                    }
                }
            }
        }
    }
}

/// The application behind `app` and `app.router`, and tables of routes.
fn owners(survey: &Survey<'_>, base: &Spot) -> Vec<Owner> {
    let mut owners = survey.owners(base);
    if let ExprKind::Attr { base: app, name } = survey.kind(base)
        && name == "router"
    {
        owners.extend(survey.owners(&survey.part(base, *app)));
    }
    owners.retain(|owner| owner.library() == "aiohttp" && TYPES.contains(&owner.type_name()));
    owners
}

/// True for `x.router` and `router` of an application that nobody passes.
fn is_router(survey: &Survey<'_>, base: &Spot) -> bool {
    match survey.kind(base) {
        ExprKind::Attr { base: app, name } => {
            name == "router" && survey.unknown(&survey.part(base, *app))
        }
        _ => false,
    }
}

fn mounts(survey: &Survey<'_>) -> Mounts {
    let mut mounts = Mounts::default();
    for call in &survey.calls {
        let Some(base) = &call.base else { continue };
        let (child, prefix) = match call.name.as_str() {
            "add_subapp" => (
                survey.arg(&call.spot, 1, "subapp"),
                survey.arg(&call.spot, 0, "prefix"),
            ),
            "add_routes" => (survey.arg(&call.spot, 0, "routes"), None),
            _ => continue,
        };
        let Some(child) = child else { continue };
        let prefixes = prefix.map(|prefix| survey.texts(&prefix));
        let prefixes = prefixes.unwrap_or_else(|| vec![SmolStr::default()]);
        for parent in owners(survey, base) {
            for child in owners(survey, &child) {
                let add = |prefix: &SmolStr| mounts.add(child.key, parent.key, prefix);
                prefixes.iter().for_each(add);
            }
        }
    }
    mounts
}

fn paths(mounts: &Mounts, owners: &[Owner], path: &str) -> Vec<SmolStr> {
    let mut found: Vec<SmolStr> = owners
        .iter()
        .flat_map(|owner| mounts.prefixes(owner.key, ""))
        .map(|prefix| template(&join(&prefix, path), true))
        .collect();
    found.sort();
    found.dedup();
    found
}

fn decorated(survey: &Survey<'_>, mounts: &Mounts, found: &mut Vec<Route>) {
    for decoration in &survey.decorations {
        let Some((base, name)) = survey.decorator_parts(&decoration.decorator) else {
            continue;
        };
        if !is_http_method(name) && !matches!(name.as_str(), "view" | "route") {
            continue;
        }
        let owners = owners(survey, &base);
        let at = usize::from(name == "route");
        let given = survey.arg(&decoration.decorator, at, "path");
        for path in given.map(|path| survey.texts(&path)).unwrap_or_default() {
            for path in paths(mounts, &owners, &path) {
                let mut add = |method: SmolStr, handler| {
                    let place = (decoration.file, decoration.line);
                    found.push(route(method, path.clone(), handler, place));
                };
                if let Some(handler) = decoration.function {
                    for method in methods(survey, &decoration.decorator, name) {
                        add(method, handler);
                    }
                }
                let handlers = decoration.class.map(|class| class_handlers(survey, class));
                for (method, handler) in handlers.unwrap_or_default() {
                    add(method, handler);
                }
            }
        }
    }
}

/// `app.router.add_get("/x", handler)`, `add_route("GET", "/x", handler)`,
/// `add_view("/x", View)`.
fn added(survey: &Survey<'_>, mounts: &Mounts, call: &Call, adds: &str, found: &mut Vec<Route>) {
    let Some(base) = &call.base else { return };
    if !is_http_method(adds) && !matches!(adds, "route" | "view") {
        return;
    }
    let owners = owners(survey, base);
    if !owners.is_empty() || is_router(survey, base) {
        defined(survey, mounts, call, adds, &owners, found);
    }
}

/// `add_routes([web.get("/x", handler), web.view("/y", View)])`.
fn listed(survey: &Survey<'_>, mounts: &Mounts, call: &Call, found: &mut Vec<Route>) {
    let (Some(base), Some(list)) = (&call.base, survey.arg(&call.spot, 0, "routes")) else {
        return;
    };
    let owners = owners(survey, base);
    if owners.is_empty() && !survey.unknown(base) {
        return;
    }
    for part in survey.parts(&list) {
        let define = survey.call_at(&part);
        let Some(define) = define.filter(|define| is_of_web(survey, define)) else {
            continue;
        };
        let name = define.name.clone();
        defined(survey, mounts, define, &name, &owners, found);
    }
}

fn is_of_web(survey: &Survey<'_>, call: &Call) -> bool {
    let paths = survey.paths(&call.callee);
    paths.iter().any(|path| path.starts_with("aiohttp."))
}

/// Path and handler, as `add_get` and `web.get` take them; method first in
/// `route`.
fn defined(
    survey: &Survey<'_>,
    mounts: &Mounts,
    call: &Call,
    name: &str,
    owners: &[Owner],
    found: &mut Vec<Route>,
) {
    let at = usize::from(name == "route");
    let (Some(path), Some(handler)) = (
        survey.arg(&call.spot, at, "path"),
        survey.arg(&call.spot, at + 1, "handler"),
    ) else {
        return;
    };
    let place = (call.spot.file, call.line);
    for path in survey.texts(&path) {
        let all = match owners.is_empty() {
            true => vec![template(&path, true)],
            false => paths(mounts, owners, &path),
        };
        for path in all {
            for class in survey.classes(&handler) {
                for (method, handler) in class_handlers(survey, class) {
                    found.push(route(method, path.clone(), handler, place));
                }
            }
            for handler in survey.functions(&handler) {
                for method in methods(survey, &call.spot, name) {
                    found.push(route(method, path.clone(), handler, place));
                }
            }
        }
    }
}

fn methods(survey: &Survey<'_>, call: &Spot, name: &str) -> Vec<SmolStr> {
    if is_http_method(name) {
        return vec![name.to_uppercase().into()];
    }
    let given = survey.arg(call, 0, "method");
    let given = given
        .map(|method| survey.texts(&method))
        .unwrap_or_default();
    let method = |text: &SmolStr| match text.as_str() {
        "*" => "ANY".into(),
        text => text.to_uppercase().into(),
    };
    given.iter().map(method).collect()
}

/// `app.on_startup.append(connect)`.
fn hook(survey: &Survey<'_>, call: &Call, found: &mut Vec<Route>) {
    let Some(base) = &call.base else { return };
    let ExprKind::Attr { base: app, name } = survey.kind(base) else {
        return;
    };
    if !HOOKS.contains(&name.as_str()) || owners(survey, &survey.part(base, *app)).is_empty() {
        return;
    }
    let handlers = survey.arg(&call.spot, 0, "");
    for handler in handlers
        .map(|arg| survey.functions(&arg))
        .unwrap_or_default()
    {
        let mut hook = route(
            "".into(),
            name.clone(),
            handler,
            (call.spot.file, call.line),
        );
        hook.kind = RouteKind::Hook;
        found.push(hook);
    }
}

fn route(method: SmolStr, path: SmolStr, handler: FuncId, (file, line): (FileId, u32)) -> Route {
    Route {
        kind: RouteKind::Http,
        method,
        path,
        handler,
        file,
        line,
        framework: "aiohttp",
    }
}
