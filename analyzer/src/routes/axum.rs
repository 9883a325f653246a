//! axum: routers as chains of `route`, `nest` and `merge`; the documented
//! routers of utoipa and aide; typed paths.

use smol_str::SmolStr;

use super::survey::{
    Call, Chains, Decoration, Key, Mounts, Seen, Spot, Survey, colons, is_rust, join_nested,
    template,
};
use super::{Framework, Route, RouteKind, is_http_method};
use crate::graph::FuncId;
use crate::syntax::facts::ExprKind;

pub(super) struct Axum;

impl Framework for Axum {
    fn name(&self) -> &'static str {
        "axum"
    }

    fn routes(&self, survey: &Survey<'_>, found: &mut Vec<Route>) {
        let known = |name: &str| CALLS.contains(&name) || name.starts_with("typed_");
        if !survey
            .calls
            .iter()
            .any(|call| known(&call.name) && is_rust(survey, call.spot.file))
        {
            return;
        }
        let chains = Chains::new(survey, starts);
        let mut calls = Vec::new();
        let mut mounts = Mounts::default();
        for call in chains.calls().filter(|call| known(&call.name)) {
            let Some(base) = &call.base else { continue };
            let roots = chains.roots(base);
            let child = match call.name.as_str() {
                "merge" => survey.arg(&call.spot, 0, ""),
                "nest" | "nest_service" | "nest_api_service" => survey.arg(&call.spot, 1, ""),
                _ => {
                    calls.push((call, roots));
                    continue;
                }
            };
            let Some(child) = child else { continue };
            let prefix = match call.name.as_str() {
                "merge" => None,
                _ => survey.arg(&call.spot, 0, ""),
            };
            let prefix = prefix.and_then(|prefix| survey.text(&prefix));
            for child in chains.roots(&child) {
                for parent in &roots {
                    mounts.add(child, *parent, prefix.as_deref().unwrap_or_default());
                }
            }
        }
        chains.link(&mut mounts);
        let service = Service {
            survey,
            chains: &chains,
            mounts: &mounts,
        };
        for (call, roots) in calls {
            service.add(call, &roots, found);
        }
        service.middleware(found);
    }
}

/// What is called on a router.
const CALLS: [&str; 11] = [
    "api_route",
    "fallback",
    "merge",
    "method_not_allowed_fallback",
    "nest",
    "nest_api_service",
    "nest_service",
    "route",
    "route_service",
    "routes",
    "api_route_with",
];

/// `Router::new()`, `OpenApiRouter::with_openapi(…)`.
fn starts(path: &str) -> bool {
    let mut parts = path.rsplit('.');
    let made = parts.next().unwrap_or_default();
    let by = parts.next().unwrap_or_default();
    matches!(made, "new" | "default" | "with_openapi") && by.ends_with("Router")
}

/// A method of HTTP, and who answers it.
type Answers = Vec<(SmolStr, FuncId)>;

struct Service<'s, 'a> {
    survey: &'s Survey<'a>,
    chains: &'s Chains<'s, 'a>,
    mounts: &'s Mounts,
}

impl Service<'_, '_> {
    fn prefixes(&self, roots: &[Key]) -> Vec<SmolStr> {
        self.mounts.all_prefixes(roots)
    }

    fn add(&self, call: &Call, roots: &[Key], found: &mut Vec<Route>) {
        let survey = self.survey;
        let first = survey.arg(&call.spot, 0, "");
        let Some(first) = first else { return };
        match call.name.as_str() {
            "fallback" | "method_not_allowed_fallback" => {
                if roots.is_empty() {
                    return;
                }
                for handler in self.chains.handlers(&first) {
                    found.push(hook(call, call.name.clone(), handler));
                }
            }
            // utoipa: `routes!(list, create)`.
            "routes" => {
                let ExprKind::Call { callee, args } = survey.kind(&first) else {
                    return;
                };
                let name = survey.facts(&first).dotted(*callee).unwrap_or_default();
                if !name.ends_with("routes!") {
                    return;
                }
                for arg in args {
                    let given = survey.part(&first, arg.value);
                    for handler in self.chains.handlers(&given) {
                        self.documented(call, roots, handler, found);
                    }
                }
            }
            name if name.starts_with("typed_") => {
                let method = &name["typed_".len()..];
                if is_http_method(method) {
                    for handler in self.chains.handlers(&first) {
                        self.typed(call, roots, (method, handler), found);
                    }
                }
            }
            name => {
                let Some(answers) = survey.arg(&call.spot, 1, "") else {
                    return;
                };
                let mut answered = Answers::new();
                self.methods(&answers, &mut Seen::default(), &mut answered);
                if answered.is_empty() && name == "route_service" && !roots.is_empty() {
                    let handlers = self.chains.handlers(&answers).into_iter();
                    answered.extend(handlers.map(|handler| ("ANY".into(), handler)));
                }
                let line = survey.line(&first);
                for path in survey.texts(&first) {
                    self.emit(call, line, roots, &path, &answered, found);
                }
            }
        }
    }

    fn emit(
        &self,
        call: &Call,
        line: u32,
        roots: &[Key],
        path: &str,
        answered: &Answers,
        found: &mut Vec<Route>,
    ) {
        for prefix in self.prefixes(roots) {
            let path = colons(&template(&join_nested(&prefix, path), true));
            for (method, handler) in answered {
                let is_socket = self.takes(*handler, "WebSocketUpgrade");
                found.push(Route {
                    kind: match is_socket {
                        true => RouteKind::WebSocket,
                        false => RouteKind::Http,
                    },
                    method: match is_socket {
                        true => SmolStr::default(),
                        false => method.clone(),
                    },
                    path: path.clone(),
                    handler: *handler,
                    file: call.spot.file,
                    line,
                    framework: "axum",
                });
            }
        }
    }

    /// The handler has a parameter of the type.
    fn takes(&self, handler: FuncId, ty: &str) -> bool {
        let function = self.survey.program.function(handler);
        let facts = self.survey.modules.facts(function.file);
        let mut params = facts.scope(function.scope).params.iter();
        params.any(|param| {
            let path = param.annotation.and_then(|ty| facts.dotted(ty));
            path.is_some_and(|path| path.rsplit('.').next() == Some(ty))
        })
    }

    /// `get(read).post(write)`, also through names and functions.
    fn methods(&self, spot: &Spot, seen: &mut Seen, found: &mut Answers) {
        let survey = self.survey;
        if seen.len() > 500 || !seen.insert(spot.key()) {
            return;
        }
        let ExprKind::Call { callee, .. } = survey.kind(spot) else {
            for given in self.chains.given(spot) {
                self.methods(&given, seen, found);
            }
            return;
        };
        let callee = survey.part(spot, *callee);
        let name = match survey.kind(&callee) {
            ExprKind::Name(name) => name,
            ExprKind::Attr { base, name } => {
                self.methods(&survey.part(spot, *base), seen, found);
                name
            }
            _ => return,
        };
        let own = name.trim_end_matches("_service");
        let own = own.strip_suffix("_with").unwrap_or(own);
        let (methods, handler) = match own {
            "any" => (vec!["ANY".into()], survey.arg(spot, 0, "")),
            "on" => match survey.arg(spot, 0, "") {
                Some(filter) => (self.filter(&filter), survey.arg(spot, 1, "")),
                None => return,
            },
            own if is_http_method(own) => {
                (vec![own.to_uppercase().into()], survey.arg(spot, 0, ""))
            }
            _ => {
                let made = self.chains.called(&callee);
                for value in made.iter().flat_map(|func| self.chains.returns(*func)) {
                    self.methods(&value, seen, found);
                }
                return;
            }
        };
        // `Router::get(…)` of a value is no method router.
        if let ExprKind::Attr { base, .. } = survey.kind(&callee)
            && matches!(survey.kind(&survey.part(spot, *base)), ExprKind::Name(name) if !is_module(name))
            && self.chains.given(&survey.part(spot, *base)).is_empty()
        {
            return;
        }
        let handlers = handler.map(|handler| self.chains.handlers(&handler));
        for handler in handlers.into_iter().flatten() {
            found.extend(methods.iter().map(|method| (method.clone(), handler)));
        }
    }

    /// `MethodFilter::GET.or(MethodFilter::POST)`, `MethodFilter::GET | …`.
    fn filter(&self, spot: &Spot) -> Vec<SmolStr> {
        let survey = self.survey;
        let mut found: Vec<SmolStr> = Vec::new();
        let mut todo = vec![spot.expr];
        while let Some(expr) = todo.pop() {
            let kind = &survey.facts(spot).expr(expr).kind;
            if let ExprKind::Attr { name, .. } | ExprKind::Name(name) = kind
                && is_http_method(&name.to_lowercase())
            {
                found.push(name.to_uppercase().into());
            }
            kind.parts(|part| todo.push(part));
        }
        found.sort();
        found.dedup();
        found
    }

    /// `#[utoipa::path(get, path = "/x")]` above the handler.
    fn documented(&self, call: &Call, roots: &[Key], handler: FuncId, found: &mut Vec<Route>) {
        for decoration in self.survey.decorators_of(Some(handler), None) {
            let Some((methods, paths)) = described(self.survey, decoration) else {
                continue;
            };
            let answered = methods.into_iter().map(|method| (method, handler));
            let answered: Answers = answered.collect();
            for path in paths {
                self.emit(call, call.line, roots, &path, &answered, found);
            }
        }
    }

    /// `#[typed_path("/x/{id}")]` above the type of the handler's parameter.
    fn typed(
        &self,
        call: &Call,
        roots: &[Key],
        (method, handler): (&str, FuncId),
        found: &mut Vec<Route>,
    ) {
        let survey = self.survey;
        let function = survey.program.function(handler);
        let facts = survey.modules.facts(function.file);
        for param in &facts.scope(function.scope).params {
            let Some(ty) = param.annotation else { continue };
            for class in survey.classes(&survey.spot(function.file, function.scope, ty)) {
                for decoration in survey.decorators_of(None, Some(class)) {
                    let is_path = match survey.kind(&decoration.decorator) {
                        ExprKind::Call { callee, .. } => {
                            let facts = survey.modules.facts(decoration.file);
                            facts.dotted(*callee).as_deref() == Some("typed_path")
                        }
                        _ => false,
                    };
                    let path = survey.arg(&decoration.decorator, 0, "");
                    let answered = vec![(SmolStr::from(method.to_uppercase()), handler)];
                    for path in path
                        .filter(|_| is_path)
                        .iter()
                        .flat_map(|it| survey.texts(it))
                    {
                        self.emit(call, call.line, roots, &path, &answered, found);
                    }
                }
            }
        }
    }

    /// `from_fn(auth)`: runs before the handlers.
    fn middleware(&self, found: &mut Vec<Route>) {
        for call in self.chains.calls() {
            let position = match call.name.as_str() {
                "from_fn" => 0,
                "from_fn_with_state" => 1,
                _ => continue,
            };
            let path = self.chains.path(&call.callee).unwrap_or_default();
            if !path.contains("middleware") {
                continue;
            }
            let given = self.survey.arg(&call.spot, position, "");
            for handler in given.iter().flat_map(|given| self.chains.handlers(given)) {
                found.push(Route {
                    framework: match path.starts_with("actix_web") {
                        true => "actix",
                        false => "axum",
                    },
                    ..hook(call, "middleware".into(), handler)
                });
            }
        }
    }
}

fn is_module(name: &str) -> bool {
    matches!(
        name,
        "routing" | "axum" | "axum_extra" | "aide" | "method_routing"
    )
}

fn hook(call: &Call, path: SmolStr, handler: FuncId) -> Route {
    Route {
        kind: RouteKind::Hook,
        method: SmolStr::default(),
        path,
        handler,
        file: call.spot.file,
        line: call.line,
        framework: "axum",
    }
}

/// Methods and paths of `#[utoipa::path(get, path = "/x")]`.
fn described(survey: &Survey<'_>, decoration: &Decoration) -> Option<(Vec<SmolStr>, Vec<SmolStr>)> {
    let ExprKind::Call { callee, args } = survey.kind(&decoration.decorator) else {
        return None;
    };
    let facts = survey.modules.facts(decoration.file);
    let name = facts.dotted(*callee)?;
    if !(name == "utoipa.path" || name == "path" && survey.imports("utoipa")) {
        return None;
    }
    let mut methods = Vec::new();
    let mut note = |expr| {
        if let ExprKind::Name(name) = &facts.expr(expr).kind
            && is_http_method(name)
        {
            methods.push(SmolStr::from(name.to_uppercase()));
        }
    };
    for arg in args.iter().filter(|arg| arg.name.is_none()) {
        note(arg.value);
        // `method(get, head)`.
        if let ExprKind::Call { args, .. } = &facts.expr(arg.value).kind {
            args.iter().for_each(|arg| note(arg.value));
        }
    }
    let path = survey.named(&decoration.decorator, "path")?;
    Some((methods, survey.texts(&path)))
}
