//! Flask, Quart and Sanic: applications, blueprints, class-based views,
//! flask-restful's resources and flask-restx's namespaces.

use smol_str::{SmolStr, format_smolstr};

use super::survey::{Call, Key, Mounts, Owner, Seen, Spot, Survey, join, template};
use super::{Framework, Route, RouteKind, class_handlers, is_http_method};
use crate::graph::{ClassId, FuncId};
use crate::modules::FileId;
use crate::syntax::facts::ExprKind;

pub(super) struct Flask;

const LIBRARIES: &[&str] = &[
    "flask",
    "quart",
    "sanic",
    "flask_restful",
    "flask_restx",
    "flask_restplus",
    "flask_smorest",
    "flask_openapi3",
    "apiflask",
];

const TYPES: &[&str] = &[
    "Flask",
    "Quart",
    "Sanic",
    "OpenAPI",
    "APIFlask",
    "Blueprint",
    "APIBlueprint",
    "Scaffold",
    "Api",
    "Namespace",
    "Sock",
];

/// Decorators whose function the framework calls around requests.
const HOOKS: &[&str] = &[
    "errorhandler",
    "app_errorhandler",
    "register_error_handler",
    "before_request",
    "before_app_request",
    "before_first_request",
    "before_serving",
    "after_request",
    "after_app_request",
    "after_serving",
    "teardown_request",
    "teardown_appcontext",
    "context_processor",
    "app_context_processor",
    "url_value_preprocessor",
    "exception",
    "middleware",
    "listener",
    "before_server_start",
    "after_server_stop",
];

impl Framework for Flask {
    fn name(&self) -> &'static str {
        "flask"
    }

    fn routes(&self, survey: &Survey<'_>, found: &mut Vec<Route>) {
        if !LIBRARIES.iter().any(|library| survey.imports(library)) {
            return;
        }
        let mounts = mounts(survey);
        decorated(survey, &mounts, found);
        for call in &survey.calls {
            match call.name.as_str() {
                "add_url_rule" | "add_route" | "add_websocket_route" => {
                    url_rule(survey, &mounts, call, found);
                }
                "add_resource" => resource(survey, &mounts, call, found),
                "register_error_handler" => error_handler(survey, call, found),
                _ => {}
            }
        }
    }
}

fn framework(owner: &Owner) -> &'static str {
    match owner.library() {
        "sanic" => "sanic",
        "quart" => "quart",
        _ => "flask",
    }
}

/// Applications and blueprints that the expression can be; one that nobody
/// knows is taken for an application if `guess` says so.
fn owners(survey: &Survey<'_>, base: &Spot, guess: bool) -> Vec<Owner> {
    let mut owners = survey.owners(base);
    owners.retain(|owner| {
        let library = owner.library();
        let is_known = library.starts_with("flask")
            || matches!(library, "quart" | "sanic" | "apiflask" | "sanic_ext");
        is_known && TYPES.contains(&owner.type_name())
    });
    if owners.is_empty() && guess && survey.imports("flask") && survey.unknown(base) {
        owners.push(Owner {
            path: "flask.Flask".into(),
            key: Key::Unknown,
        });
    }
    owners
}

/// Prefixes given where the object is constructed.
fn own_prefixes(survey: &Survey<'_>, owner: &Owner) -> Vec<SmolStr> {
    let Some(made) = survey.construction(owner.key) else {
        return vec![SmolStr::default()];
    };
    let prefix = match owner.type_name() {
        "Namespace" => {
            let named = survey.named(&made, "path");
            if named.is_none() {
                let names = survey.arg(&made, 0, "name");
                let names = names.map(|name| survey.texts(&name)).unwrap_or_default();
                return names
                    .iter()
                    .map(|name| format_smolstr!("/{name}"))
                    .collect();
            }
            named
        }
        "Api" => survey.named(&made, "prefix"),
        _ => survey.named(&made, "url_prefix"),
    };
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
        let (position, name, keyword) = match call.name.as_str() {
            "register_blueprint" | "register_api" => (0, "blueprint", "url_prefix"),
            "blueprint" => (0, "blueprint", "url_prefix"),
            "add_namespace" => (0, "ns", "path"),
            "init_app" => (0, "app", "prefix"),
            _ => continue,
        };
        let Some(arg) = survey.arg(&call.spot, position, name) else {
            continue;
        };
        let (parents, children) = match call.name.as_str() {
            "init_app" => (owners(survey, &arg, false), owners(survey, base, false)),
            _ => (owners(survey, base, true), owners(survey, &arg, false)),
        };
        let given = survey.named(&call.spot, keyword);
        let given = given
            .map(|prefix| survey.texts(&prefix))
            .unwrap_or_default();
        for child in &children {
            // The prefix at registration replaces the blueprint's own.
            let prefixes = match given.is_empty() {
                true => own_prefixes(survey, child),
                false => given.clone(),
            };
            for parent in &parents {
                prefixes
                    .iter()
                    .for_each(|prefix| mounts.add(child.key, parent.key, prefix));
            }
        }
    }
    extensions(survey, &mut mounts);
    mounts
}

/// `Api(app)` and `api.namespace("x")`: mounted where they are made.
fn extensions(survey: &Survey<'_>, mounts: &mut Mounts) {
    for call in &survey.calls {
        if !matches!(call.name.as_str(), "Api" | "namespace") {
            continue;
        }
        let key = Key::Site(call.spot.file, call.spot.expr);
        if let (Some(base), "namespace") = (&call.base, call.name.as_str()) {
            let path = survey.named(&call.spot, "path");
            let mut prefixes = path.map(|path| survey.texts(&path)).unwrap_or_default();
            if prefixes.is_empty() {
                let name = survey.arg(&call.spot, 0, "name");
                let names = name.map(|name| survey.texts(&name)).unwrap_or_default();
                prefixes.extend(names.iter().map(|name| format_smolstr!("/{name}")));
            }
            for owner in owners(survey, base, false) {
                for prefix in &prefixes {
                    mounts.add(key, owner.key, prefix);
                }
            }
        }
        if call.name == "Api"
            && let Some(app) = survey.arg(&call.spot, 0, "app")
        {
            let prefix = survey.named(&call.spot, "prefix");
            let prefix = prefix.and_then(|prefix| survey.text(&prefix));
            for owner in owners(survey, &app, false) {
                mounts.add(key, owner.key, prefix.as_deref().unwrap_or_default());
            }
        }
    }
}

fn paths(survey: &Survey<'_>, mounts: &Mounts, owner: &Owner, rule: &str) -> Vec<SmolStr> {
    let own = own_prefixes(survey, owner);
    let mut found = Vec::new();
    for alone in &own {
        for prefix in mounts.prefixes(owner.key, alone) {
            found.push(template(&join(&prefix, rule), owner.library() == "sanic"));
        }
    }
    found.sort();
    found.dedup();
    found
}

fn decorated(survey: &Survey<'_>, mounts: &Mounts, found: &mut Vec<Route>) {
    for decoration in &survey.decorations {
        let Some((base, name)) = survey.decorator_parts(&decoration.decorator) else {
            continue;
        };
        let is_hook = HOOKS.contains(&name.as_str());
        let is_route = matches!(name.as_str(), "route" | "websocket") || is_http_method(name);
        if !is_hook && !is_route {
            continue;
        }
        let rules = survey.arg(&decoration.decorator, 0, "rule");
        let rules = rules.map(|rule| survey.texts(&rule)).unwrap_or_default();
        let guess = name == "route" && rules.iter().any(|rule| rule.starts_with('/'));
        for owner in owners(survey, &base, guess) {
            let add = |method: &str, path: SmolStr, handler: FuncId, kind: RouteKind| Route {
                kind,
                method: method.into(),
                path,
                handler,
                file: decoration.file,
                line: decoration.line,
                framework: framework(&owner),
            };
            if is_hook {
                let hook = |handler| add("", name.clone(), handler, RouteKind::Hook);
                found.extend(decoration.function.map(hook));
                continue;
            }
            for rule in &rules {
                for path in paths(survey, mounts, &owner, rule) {
                    if let Some(class) = decoration.class {
                        for (method, handler) in class_handlers(survey, class) {
                            found.push(add(&method, path.clone(), handler, RouteKind::Http));
                        }
                    }
                    let Some(handler) = decoration.function else {
                        continue;
                    };
                    if name == "websocket" || owner.type_name() == "Sock" {
                        found.push(add("", path, handler, RouteKind::WebSocket));
                        continue;
                    }
                    for method in methods(survey, &decoration.decorator, name) {
                        found.push(add(&method, path.clone(), handler, RouteKind::Http));
                    }
                }
            }
        }
    }
}

/// The methods that a call of `route` names; `GET` if it names none.
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

/// Rules without those that have a part which nobody knows, `{…}`, if there
/// are others.
fn known(mut rules: Vec<SmolStr>) -> Vec<SmolStr> {
    if rules.iter().any(|rule| !rule.contains('{')) {
        rules.retain(|rule| !rule.contains('{'));
    }
    rules
}

fn url_rule(survey: &Survey<'_>, mounts: &Mounts, call: &Call, found: &mut Vec<Route>) {
    let Some(base) = &call.base else { return };
    for owner in owners(survey, base, call.name == "add_url_rule") {
        // Sanic gives the handler first.
        let is_sanic = owner.library() == "sanic";
        let (rule, view) = match is_sanic {
            true => (
                survey.arg(&call.spot, 1, "uri"),
                survey.arg(&call.spot, 0, "handler"),
            ),
            false => (
                survey.arg(&call.spot, 0, "rule"),
                survey.arg(&call.spot, 2, "view_func"),
            ),
        };
        let (Some(rule), Some(view)) = (rule, view) else {
            continue;
        };
        for rule in known(survey.texts(&rule)) {
            for path in paths(survey, mounts, &owner, &rule) {
                let place = (call.spot.file, call.line, framework(&owner));
                answer(survey, call, &view, &path, place, found);
            }
        }
    }
}

fn answer(
    survey: &Survey<'_>,
    call: &Call,
    view: &Spot,
    path: &SmolStr,
    (file, line, framework): (FileId, u32, &'static str),
    found: &mut Vec<Route>,
) {
    let route = |method: SmolStr, handler| Route {
        kind: RouteKind::Http,
        method,
        path: path.clone(),
        handler,
        file,
        line,
        framework,
    };
    let classes = view_classes(survey, view);
    let only = survey.named(&call.spot, "methods");
    let only = only.map(|list| survey.list(&list)).unwrap_or_default();
    for class in &classes {
        let mut handlers = class_handlers(survey, *class);
        if !only.is_empty() {
            handlers.retain(|method, _| only.iter().any(|name| name.to_uppercase() == *method));
        }
        // A plain `View` answers by one method.
        if handlers.is_empty()
            && let Some(func) = survey.method(*class, "dispatch_request")
        {
            let own = survey.class_value(*class, "methods");
            let own = own.filter(|_| only.is_empty());
            let methods = match own.map(|list| survey.list(&list)) {
                Some(own) if !own.is_empty() => {
                    own.iter().map(|name| name.to_uppercase().into()).collect()
                }
                _ => methods(survey, &call.spot, ""),
            };
            handlers.extend(methods.into_iter().map(|method| (method, func)));
        }
        found.extend(
            handlers
                .into_iter()
                .map(|(method, handler)| route(method, handler)),
        );
    }
    if classes.is_empty() {
        for handler in survey.functions(view) {
            for method in methods(survey, &call.spot, "") {
                found.push(route(method, handler));
            }
        }
    }
}

/// The classes behind `View.as_view(…)`, also through a name or a wrapper.
pub(super) fn view_classes(survey: &Survey<'_>, view: &Spot) -> Vec<ClassId> {
    classes_behind(survey, view, 0, &mut Seen::default())
}

fn classes_behind(survey: &Survey<'_>, view: &Spot, steps: u32, seen: &mut Seen) -> Vec<ClassId> {
    if steps > 4 || !seen.insert(view.key()) {
        return Vec::new();
    }
    if let ExprKind::Call { callee, args } = survey.kind(view) {
        let callee = survey.part(view, *callee);
        if let ExprKind::Attr { base, name } = survey.kind(&callee)
            && name == "as_view"
        {
            return survey.classes(&survey.part(view, *base));
        }
        let args = args.iter().map(|arg| survey.part(view, arg.value));
        return args
            .flat_map(|arg| classes_behind(survey, &arg, steps + 1, seen))
            .collect();
    }
    match survey.definition(view) {
        Some(definition) => classes_behind(survey, &definition, steps + 1, seen),
        None => Vec::new(),
    }
}

/// `api.add_resource(Resource, "/a", "/b")`.
fn resource(survey: &Survey<'_>, mounts: &Mounts, call: &Call, found: &mut Vec<Route>) {
    let (Some(base), Some(class)) = (&call.base, survey.arg(&call.spot, 0, "resource")) else {
        return;
    };
    for owner in owners(survey, base, false) {
        for arg in survey.args(&call.spot).iter().skip(1) {
            if arg.name.is_some() {
                continue;
            }
            for rule in survey.texts(&survey.part(&call.spot, arg.value)) {
                for path in paths(survey, mounts, &owner, &rule) {
                    for class in survey.classes(&class) {
                        for (method, handler) in class_handlers(survey, class) {
                            found.push(Route {
                                kind: RouteKind::Http,
                                method,
                                path: path.clone(),
                                handler,
                                file: call.spot.file,
                                line: call.line,
                                framework: framework(&owner),
                            });
                        }
                    }
                }
            }
        }
    }
}

fn error_handler(survey: &Survey<'_>, call: &Call, found: &mut Vec<Route>) {
    let (Some(base), Some(view)) = (&call.base, survey.arg(&call.spot, 1, "f")) else {
        return;
    };
    for owner in owners(survey, base, false) {
        for handler in survey.functions(&view) {
            found.push(Route {
                kind: RouteKind::Hook,
                method: SmolStr::default(),
                path: "errorhandler".into(),
                handler,
                file: call.spot.file,
                line: call.line,
                framework: framework(&owner),
            });
        }
    }
}
