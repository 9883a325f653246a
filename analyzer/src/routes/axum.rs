//! axum: routers as chains of `route`, `nest` and `merge`; and the attribute
//! routes of Actix and Rocket.

use smol_str::SmolStr;

use super::survey::{Call, Key, Mounts, Seen, Spot, Survey, join, template};
use super::{Framework, Route, RouteKind, is_http_method};
use crate::graph::FuncId;
use crate::syntax::facts::{ExprKind, Stmt, StmtKind};
use crate::syntax::walk::blocks;

pub(super) struct Axum;

impl Framework for Axum {
    fn name(&self) -> &'static str {
        "axum"
    }

    fn routes(&self, survey: &Survey<'_>, found: &mut Vec<Route>) {
        let is_rust = |call: &&Call| survey.facts(&call.spot).path.ends_with(".rs");
        let calls: Vec<&Call> = survey.calls.iter().filter(is_rust).collect();
        let mut mounts = Mounts::default();
        for call in &calls {
            let Some(base) = &call.base else { continue };
            let (prefix, child) = match call.name.as_str() {
                "nest" | "nest_service" => {
                    (survey.arg(&call.spot, 0, ""), survey.arg(&call.spot, 1, ""))
                }
                "merge" => (None, survey.arg(&call.spot, 0, "")),
                _ => continue,
            };
            let Some(child) = child else { continue };
            let prefix = prefix.and_then(|prefix| survey.text(&prefix));
            for parent in roots(survey, base, 0, &mut Seen::default()) {
                for child in roots(survey, &child, 0, &mut Seen::default()) {
                    mounts.add(child, parent, prefix.as_deref().unwrap_or_default());
                }
            }
        }
        for call in calls.iter().filter(|call| call.name == "route") {
            chained(survey, &mounts, call, found);
        }
        attributes(survey, found);
    }
}

/// The `Router::new()` that a chain starts from; of a function's call those
/// of the chains it returns.
fn roots(survey: &Survey<'_>, spot: &Spot, steps: u32, seen: &mut Seen) -> Vec<Key> {
    if steps > 40 || !seen.insert(spot.key()) {
        return Vec::new();
    }
    match survey.kind(spot) {
        ExprKind::Call { callee, .. } => {
            let callee = survey.part(spot, *callee);
            if let ExprKind::Attr { base, name } = survey.kind(&callee) {
                let path = survey.facts(spot).dotted(callee.expr).unwrap_or_default();
                let makes = matches!(name.as_str(), "new" | "default" | "with_state");
                if makes && path.contains("Router") {
                    return vec![Key::Site(spot.file, spot.expr)];
                }
                let below = roots(survey, &survey.part(spot, *base), steps + 1, seen);
                if !below.is_empty() {
                    return below;
                }
            }
            let mut found = Vec::new();
            for func in survey.functions(&callee) {
                found.extend(returned(survey, func, steps + 1, seen));
            }
            found
        }
        ExprKind::Await(inner) => roots(survey, &survey.part(spot, *inner), steps + 1, seen),
        ExprKind::Name(_) => match survey.definition(spot) {
            Some(definition) => roots(survey, &definition, steps + 1, seen),
            None => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn returned(survey: &Survey<'_>, func: FuncId, steps: u32, seen: &mut Seen) -> Vec<Key> {
    let function = survey.program.function(func);
    let facts = survey.modules.facts(function.file);
    let mut values = Vec::new();
    returns(&facts.scope(function.scope).body, &mut values);
    let spots = values
        .into_iter()
        .map(|value| survey.spot(function.file, function.scope, value));
    let mut found: Vec<Key> = spots
        .flat_map(|spot| roots(survey, &spot, steps, seen))
        .collect();
    found.sort();
    found.dedup();
    found
}

fn returns(body: &[Stmt], found: &mut Vec<crate::syntax::facts::ExprId>) {
    for stmt in body {
        match &stmt.kind {
            StmtKind::Return(Some(value)) => found.push(*value),
            _ => blocks(stmt, &mut |body| returns(body, found)),
        }
    }
}

/// `.route("/x", get(read).post(write))`.
fn chained(survey: &Survey<'_>, mounts: &Mounts, call: &Call, found: &mut Vec<Route>) {
    let (Some(base), Some(path), Some(answers)) = (
        &call.base,
        survey.arg(&call.spot, 0, ""),
        survey.arg(&call.spot, 1, ""),
    ) else {
        return;
    };
    let line = survey.line(&path);
    let mut prefixes: Vec<SmolStr> = roots(survey, base, 0, &mut Seen::default())
        .into_iter()
        .flat_map(|root| mounts.prefixes(root, ""))
        .collect();
    prefixes.sort();
    prefixes.dedup();
    if prefixes.is_empty() {
        prefixes.push(SmolStr::default());
    }
    let mut answered = Vec::new();
    methods(survey, &answers, &mut answered);
    for path in survey.texts(&path) {
        for prefix in &prefixes {
            for (method, handler) in &answered {
                found.push(Route {
                    kind: RouteKind::Http,
                    method: method.clone(),
                    path: colons(&template(&join(prefix, &path), true)),
                    handler: *handler,
                    file: call.spot.file,
                    line,
                    framework: "axum",
                });
            }
        }
    }
}

fn methods(survey: &Survey<'_>, spot: &Spot, found: &mut Vec<(SmolStr, FuncId)>) {
    let ExprKind::Call { callee, .. } = survey.kind(spot) else {
        return;
    };
    let callee = survey.part(spot, *callee);
    let name = match survey.kind(&callee) {
        ExprKind::Name(name) => name,
        ExprKind::Attr { base, name } => {
            methods(survey, &survey.part(spot, *base), found);
            name
        }
        _ => return,
    };
    let method = match name.as_str() {
        "any" => "ANY".to_owned(),
        // Actix: `web::get().to(handler)`.
        "to" => match survey.facts(spot).expr(callee.expr).kind {
            ExprKind::Attr { base, .. } => match survey.kind(&survey.part(spot, base)) {
                ExprKind::Call { callee, .. } => {
                    let path = survey.facts(spot).dotted(*callee).unwrap_or_default();
                    path.rsplit('.').next().unwrap_or_default().to_uppercase()
                }
                _ => return,
            },
            _ => return,
        },
        name if is_http_method(name) => name.to_uppercase(),
        _ => return,
    };
    if let Some(handler) = survey.arg(spot, 0, "") {
        let handlers = survey.functions(&handler);
        found.extend(
            handlers
                .into_iter()
                .map(|func| (method.as_str().into(), func)),
        );
    }
}

/// `/:id` of older versions is `/{id}`.
fn colons(path: &str) -> SmolStr {
    let part = |part: &str| match part.strip_prefix([':', '*']) {
        Some(name) => format!("{{{name}}}"),
        None => part.to_owned(),
    };
    let parts: Vec<String> = path.split('/').map(part).collect();
    parts.join("/").into()
}

/// `#[get("/x")]`.
fn attributes(survey: &Survey<'_>, found: &mut Vec<Route>) {
    for decoration in &survey.decorations {
        let facts = survey.modules.facts(decoration.file);
        let ExprKind::Call { callee, .. } = survey.kind(&decoration.decorator) else {
            continue;
        };
        let (Some(handler), Some(name)) = (decoration.function, facts.dotted(*callee)) else {
            continue;
        };
        let method = name.rsplit('.').next().unwrap_or(&name);
        if !facts.path.ends_with(".rs") || !is_http_method(method) {
            continue;
        }
        let path = survey.arg(&decoration.decorator, 0, "");
        for path in path.map(|path| survey.texts(&path)).unwrap_or_default() {
            if path.starts_with('/') {
                found.push(Route {
                    kind: RouteKind::Http,
                    method: method.to_uppercase().into(),
                    path: template(path.split('?').next().unwrap_or(&path), true),
                    handler,
                    file: decoration.file,
                    line: decoration.line,
                    framework: match name.starts_with("rocket") {
                        true => "rocket",
                        false => "actix",
                    },
                });
            }
        }
    }
}
