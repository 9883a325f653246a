//! FastAPI and Starlette: applications, routers with their prefixes, mounts,
//! life-cycle hooks, and the dependencies of handlers.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::serving::ray_prefix;
use super::survey::{Call, Key, Mounts, Owner, Spot, Survey, join, template};
use super::{Framework, Route, RouteKind, Successors, class_handlers, is_http_method};
use crate::graph::{CallGraph, FuncId, Held};
use crate::syntax::facts::ExprKind;

pub(super) struct FastApi;

const TYPES: &[&str] = &["FastAPI", "APIRouter", "Router", "Starlette"];
const HOOKS: &[&str] = &["on_event", "middleware", "exception_handler"];

impl Framework for FastApi {
    fn name(&self) -> &'static str {
        "fastapi"
    }

    fn routes(&self, survey: &Survey<'_>, found: &mut Vec<Route>) {
        if !survey.imports("fastapi") && !survey.imports("starlette") {
            return;
        }
        let mounts = mounts(survey);
        decorated(survey, &mounts, found);
        for call in &survey.calls {
            match call.name.as_str() {
                "add_api_route"
                | "add_api_websocket_route"
                | "add_route"
                | "add_websocket_route" => added(survey, &mounts, call, found),
                "add_event_handler" | "add_exception_handler" => handler(survey, call, found),
                "FastAPI" | "Starlette" | "APIRouter" => {
                    lifespan(survey, call, found);
                    listed(survey, &mounts, call, found);
                }
                _ => {}
            }
        }
    }
}

fn owners(survey: &Survey<'_>, base: &Spot, guess: bool) -> Vec<Owner> {
    let mut owners = survey.owners(base);
    owners.retain(|owner| {
        matches!(owner.library(), "fastapi" | "starlette") && TYPES.contains(&owner.type_name())
    });
    if owners.is_empty() && guess && survey.imports("fastapi") && survey.unknown(base) {
        owners.push(Owner {
            path: "fastapi.FastAPI".into(),
            key: Key::Unknown,
        });
    }
    owners
}

fn framework(owner: &Owner) -> &'static str {
    match owner.library() {
        "starlette" => "starlette",
        _ => "fastapi",
    }
}

/// The prefix a router is made with.
fn own_prefixes(survey: &Survey<'_>, key: Key) -> Vec<SmolStr> {
    let made = survey.construction(key);
    let prefix = made.and_then(|made| survey.named(&made, "prefix"));
    let prefixes = prefix
        .map(|prefix| survey.texts(&prefix))
        .unwrap_or_default();
    match prefixes.is_empty() {
        true => vec![SmolStr::default()],
        false => prefixes,
    }
}

fn mounts(survey: &Survey<'_>) -> Mounts {
    let mut mounts = Mounts::default();
    for call in &survey.calls {
        let Some(base) = &call.base else { continue };
        let (child, prefix) = match call.name.as_str() {
            "include_router" => (
                survey.arg(&call.spot, 0, "router"),
                survey.named(&call.spot, "prefix"),
            ),
            "mount" => (
                survey.arg(&call.spot, 1, "app"),
                survey.arg(&call.spot, 0, "path"),
            ),
            _ => continue,
        };
        let Some(child) = child else { continue };
        let prefixes = prefix
            .map(|prefix| survey.texts(&prefix))
            .unwrap_or_default();
        let prefixes = match prefixes.is_empty() {
            true => vec![SmolStr::default()],
            false => prefixes,
        };
        for parent in owners(survey, base, true) {
            // A router's own prefix stands before what it includes.
            for own in own_prefixes(survey, parent.key) {
                for prefix in &prefixes {
                    for child in owners(survey, &child, false) {
                        let prefix = format!("{own}{prefix}");
                        mounts.add(child.key, parent.key, &prefix);
                    }
                }
            }
        }
    }
    mounts
}

fn paths(survey: &Survey<'_>, mounts: &Mounts, key: Key, path: &str) -> Vec<SmolStr> {
    let mut found = Vec::new();
    for own in own_prefixes(survey, key) {
        for prefix in mounts.prefixes(key, "") {
            let whole = format!("{}{own}{path}", prefix.trim_end_matches('/'));
            found.push(template(&whole, true));
        }
    }
    found.sort();
    found.dedup();
    found
}

fn methods(survey: &Survey<'_>, call: &Spot, name: &str) -> Vec<SmolStr> {
    if is_http_method(name) {
        return vec![name.to_uppercase().into()];
    }
    let listed = survey.named(call, "methods");
    let listed = listed.map(|list| survey.list(&list)).unwrap_or_default();
    match listed.is_empty() {
        true => vec!["GET".into()],
        false => listed
            .iter()
            .map(|name| name.to_uppercase().into())
            .collect(),
    }
}

fn decorated(survey: &Survey<'_>, mounts: &Mounts, found: &mut Vec<Route>) {
    for decoration in &survey.decorations {
        let (Some(handler), Some((base, name))) = (
            decoration.function,
            survey.decorator_parts(&decoration.decorator),
        ) else {
            continue;
        };
        let is_hook = HOOKS.contains(&name.as_str());
        let is_socket = matches!(name.as_str(), "websocket" | "websocket_route");
        let is_route = is_http_method(name) || matches!(name.as_str(), "api_route" | "route");
        if !is_hook && !is_socket && !is_route {
            continue;
        }
        let given = survey.arg(&decoration.decorator, 0, "path");
        let given = given.map(|path| survey.texts(&path)).unwrap_or_default();
        let guess = !is_hook && name != "route" && given.iter().any(|path| path.starts_with('/'));
        for owner in owners(survey, &base, guess) {
            let route = |kind, method: SmolStr, path: SmolStr| Route {
                kind,
                method,
                path,
                handler,
                file: decoration.file,
                line: decoration.line,
                framework: framework(&owner),
            };
            if is_hook {
                let event = given.first().filter(|_| name == "on_event");
                let path = event.unwrap_or(name).clone();
                found.push(route(RouteKind::Hook, SmolStr::default(), path));
                continue;
            }
            let class = survey.program.function(handler).class;
            let below = class.and_then(|class| ray_prefix(survey, class));
            let below = below.unwrap_or_default();
            for path in &given {
                for path in paths(survey, mounts, owner.key, path) {
                    let path = join(&below, &path);
                    if is_socket {
                        found.push(route(RouteKind::WebSocket, SmolStr::default(), path));
                        continue;
                    }
                    for method in methods(survey, &decoration.decorator, name) {
                        found.push(route(RouteKind::Http, method, path.clone()));
                    }
                }
            }
        }
    }
}

fn added(survey: &Survey<'_>, mounts: &Mounts, call: &Call, found: &mut Vec<Route>) {
    let Some(base) = &call.base else { return };
    for owner in owners(survey, base, false) {
        endpoint(survey, mounts, call, &owner, "", found);
    }
}

/// Path and endpoint, as `add_api_route` and `Route` take them.
fn endpoint(
    survey: &Survey<'_>,
    mounts: &Mounts,
    call: &Call,
    owner: &Owner,
    prefix: &str,
    found: &mut Vec<Route>,
) {
    let (Some(path), Some(view)) = (
        survey.arg(&call.spot, 0, "path"),
        survey
            .named(&call.spot, "route")
            .or_else(|| survey.arg(&call.spot, 1, "endpoint")),
    ) else {
        return;
    };
    let is_socket = call.name.to_lowercase().contains("websocket");
    let methods = match is_socket {
        true => vec![SmolStr::default()],
        false => methods(survey, &call.spot, ""),
    };
    let functions = survey.functions(&view).into_iter();
    let functions = functions.flat_map(|func| methods.iter().map(move |name| (name.clone(), func)));
    // An `HTTPEndpoint` answers by its methods.
    let classes = survey.classes(&view).into_iter();
    let classes = classes.flat_map(|class| class_handlers(survey, class));
    let handlers: Vec<(SmolStr, FuncId)> = functions.chain(classes).collect();
    for path in survey.texts(&path) {
        for path in paths(survey, mounts, owner.key, &format!("{prefix}{path}")) {
            for (method, handler) in &handlers {
                found.push(Route {
                    kind: match is_socket {
                        true => RouteKind::WebSocket,
                        false => RouteKind::Http,
                    },
                    method: method.clone(),
                    path: path.clone(),
                    handler: *handler,
                    file: call.spot.file,
                    line: call.line,
                    framework: framework(owner),
                });
            }
        }
    }
}

/// `Starlette(routes=[Route("/x", view), Mount("/y", routes=[…]), …])`.
fn listed(survey: &Survey<'_>, mounts: &Mounts, call: &Call, found: &mut Vec<Route>) {
    if let Some(list) = survey.named(&call.spot, "routes") {
        for owner in survey.owners(&call.spot) {
            in_list(survey, mounts, &list, &owner, ("", 0), found);
        }
    }
}

fn in_list(
    survey: &Survey<'_>,
    mounts: &Mounts,
    list: &Spot,
    owner: &Owner,
    (prefix, depth): (&str, u32),
    found: &mut Vec<Route>,
) {
    for part in survey.parts(list) {
        let Some(call) = survey.call_at(&part) else {
            continue;
        };
        match call.name.as_str() {
            "Route" | "WebSocketRoute" | "APIRoute" => {
                endpoint(survey, mounts, call, owner, prefix, found);
            }
            "Mount" if depth < 8 => {
                let below = survey.arg(&part, 0, "path");
                let below = below
                    .and_then(|path| survey.text(&path))
                    .unwrap_or_default();
                let inner = survey.named(&part, "routes");
                // `Mount("/x", app=Router(routes=[…]))`.
                let inner = inner.or_else(|| {
                    let app = survey.arg(&part, 1, "app")?;
                    let app = survey.definition(&app).unwrap_or(app);
                    survey.named(&app, "routes")
                });
                let prefix = join(prefix, &below);
                if let Some(list) = inner {
                    in_list(survey, mounts, &list, owner, (&prefix, depth + 1), found);
                }
            }
            _ => {}
        }
    }
}

fn handler(survey: &Survey<'_>, call: &Call, found: &mut Vec<Route>) {
    let (Some(base), Some(func)) = (&call.base, survey.arg(&call.spot, 1, "func")) else {
        return;
    };
    let event = survey.arg(&call.spot, 0, "event_type");
    let event = event.and_then(|event| survey.text(&event));
    let path = event.unwrap_or_else(|| "exception_handler".into());
    for owner in owners(survey, base, false) {
        for func in survey.functions(&func) {
            found.push(hook(survey, call, func, path.clone(), framework(&owner)));
        }
    }
}

fn lifespan(survey: &Survey<'_>, call: &Call, found: &mut Vec<Route>) {
    let Some(func) = survey.named(&call.spot, "lifespan") else {
        return;
    };
    for func in survey.functions(&func) {
        found.push(hook(survey, call, func, "lifespan".into(), "fastapi"));
    }
}

fn hook(
    survey: &Survey<'_>,
    call: &Call,
    handler: FuncId,
    path: SmolStr,
    framework: &'static str,
) -> Route {
    Route {
        kind: RouteKind::Hook,
        method: SmolStr::default(),
        path,
        handler,
        file: call.spot.file,
        line: survey.line(&call.spot),
        framework,
    }
}

// ---- what a handler needs

/// A dependency, and the parameter that takes what it gives.
type Need = (FuncId, Option<SmolStr>);

/// For each function, what FastAPI calls before it: the dependencies that its
/// parameters and route decorators name.
pub(super) fn injected(survey: &Survey<'_>) -> FxHashMap<FuncId, BTreeSet<Need>> {
    let mut found: FxHashMap<FuncId, BTreeSet<Need>> = FxHashMap::default();
    if !survey.imports("fastapi") {
        return found;
    }
    for func in survey.program.func_ids() {
        let function = survey.program.function(func);
        let facts = survey.modules.facts(function.file);
        let scope = facts.scope(function.scope);
        let around = scope.parent.unwrap_or(function.scope);
        let mut dependencies = BTreeSet::new();
        for param in &scope.params {
            let mut needed = BTreeSet::new();
            for expr in [param.annotation, param.default].into_iter().flatten() {
                let spot = survey.spot(function.file, around, expr);
                gather(survey, &spot, None, 0, &mut needed);
            }
            let name = || Some(param.name.clone());
            dependencies.extend(needed.into_iter().map(|need| (need, name())));
        }
        if !dependencies.is_empty() {
            found.entry(func).or_default().extend(dependencies);
        }
    }
    for decoration in &survey.decorations {
        let given = survey.named(&decoration.decorator, "dependencies");
        if let (Some(func), Some(given)) = (decoration.function, given) {
            let mut needed = BTreeSet::new();
            gather(survey, &given, None, 0, &mut needed);
            let entry = found.entry(func).or_default();
            entry.extend(needed.into_iter().map(|need| (need, None)));
        }
    }
    found
}

/// Adds what every `Depends(…)` in the expression calls. `Depends()` alone
/// calls the class that the annotation before it names.
fn gather(
    survey: &Survey<'_>,
    spot: &Spot,
    annotated: Option<&Spot>,
    steps: u32,
    found: &mut BTreeSet<FuncId>,
) {
    if steps > 6 {
        return;
    }
    match survey.kind(spot) {
        ExprKind::Name(_) | ExprKind::Attr { .. } => {
            if let Some(definition) = survey.definition(spot) {
                let is_alias = matches!(
                    survey.kind(&definition),
                    ExprKind::Item { .. } | ExprKind::Call { .. } | ExprKind::List(_)
                );
                if is_alias {
                    gather(survey, &definition, None, steps + 1, found);
                }
            }
        }
        ExprKind::Item { base, index } => {
            let name = survey.facts(spot).dotted(*base).unwrap_or_default();
            match survey.kind(&survey.part(spot, *index)) {
                ExprKind::Tuple(parts) if name.ends_with("Annotated") => {
                    let ty = parts.first().map(|ty| survey.part(spot, *ty));
                    for part in parts.iter().skip(1) {
                        let part = survey.part(spot, *part);
                        gather(survey, &part, ty.as_ref(), steps + 1, found);
                    }
                }
                _ => {}
            }
        }
        ExprKind::List(parts) | ExprKind::Tuple(parts) => {
            for part in parts {
                gather(survey, &survey.part(spot, *part), None, steps + 1, found);
            }
        }
        ExprKind::Call { callee, .. } => {
            let name = survey.facts(spot).dotted(*callee).unwrap_or_default();
            let name = name.rsplit('.').next().unwrap_or_default();
            if name != "Depends" && name != "Security" {
                return;
            }
            let given = survey.arg(spot, 0, "dependency");
            if let Some(called) = given.as_ref().or(annotated) {
                found.extend(callables(survey, called));
            }
        }
        _ => {}
    }
}

/// What runs when the expression's value is called.
fn callables(survey: &Survey<'_>, spot: &Spot) -> Vec<FuncId> {
    let mut found = match survey.kind(spot) {
        ExprKind::Call { .. } => Vec::new(),
        _ => survey.functions(spot),
    };
    let classes = survey.classes(spot);
    let made = classes.iter();
    found.extend(made.filter_map(|class| survey.method(*class, "__init__")));
    for held in survey.call_graph.held(spot.file, spot.expr) {
        if let Held::Instance(class) = held {
            found.extend(survey.method(class, "__call__"));
        }
    }
    found
}

/// A background task belongs to the request that adds it.
pub(super) fn add_tasks(call_graph: &CallGraph, next: &mut Successors) {
    for registration in &call_graph.registrations {
        let mut calls = call_graph.library_calls_at(registration.file, registration.expr);
        if calls.any(|call| call.path.ends_with("BackgroundTasks.add_task")) {
            let entry = next.entry(registration.by).or_default();
            entry.insert(registration.target);
        }
    }
}
