//! Tornado: handlers listed for an application, wherever the list is made.

use super::django::regex;
use super::survey::{Spot, Survey, template};
use super::{Framework, Route, RouteKind, class_handlers};
use crate::graph::ClassId;
use crate::syntax::facts::ExprKind;

pub(super) struct Tornado;

impl Framework for Tornado {
    fn name(&self) -> &'static str {
        "tornado"
    }

    fn routes(&self, survey: &Survey<'_>, found: &mut Vec<Route>) {
        if !survey.imports("tornado") {
            return;
        }
        for call in &survey.calls {
            let takes_rules = call.name.ends_with("Application")
                || matches!(call.name.as_str(), "add_handlers" | "__init__" | "Router")
                || !survey.classes(&call.callee).is_empty();
            if !takes_rules {
                continue;
            }
            for arg in survey.args(&call.spot) {
                for rule in survey.parts(&survey.part(&call.spot, arg.value)) {
                    handled(survey, &rule, found);
                }
            }
        }
    }
}

/// `(r"/x", Handler)`, `url(r"/x", Handler)` or `URLSpec(…)`.
fn handled(survey: &Survey<'_>, rule: &Spot, found: &mut Vec<Route>) {
    let (path, handler) = match survey.kind(rule) {
        ExprKind::Tuple(parts) => match &parts[..] {
            [path, handler, ..] => (survey.part(rule, *path), survey.part(rule, *handler)),
            _ => return,
        },
        ExprKind::Call { .. } => match (
            survey.arg(rule, 0, "pattern"),
            survey.arg(rule, 1, "handler"),
        ) {
            (Some(path), Some(handler)) => (path, handler),
            _ => return,
        },
        _ => return,
    };
    for class in survey.classes(&handler) {
        let Some(kind) = kind(survey, class) else {
            continue;
        };
        for pattern in survey.texts(&path) {
            let path = template(&regex(&pattern), false);
            let mut add = |method: &str, handler| {
                found.push(Route {
                    kind,
                    method: method.into(),
                    path: path.clone(),
                    handler,
                    file: rule.file,
                    line: survey.line(rule),
                    framework: "tornado",
                });
            };
            if kind == RouteKind::WebSocket {
                let message = survey.method(class, "on_message");
                let open = message.or_else(|| survey.method(class, "open"));
                open.into_iter().for_each(|handler| add("", handler));
                continue;
            }
            for (method, handler) in class_handlers(survey, class) {
                add(&method, handler);
            }
        }
    }
}

/// What a class of handlers answers to.
fn kind(survey: &Survey<'_>, class: ClassId) -> Option<RouteKind> {
    let bases = survey.program.library_bases(class);
    let has = |name: &str| bases.iter().any(|base| base.ends_with(name));
    if has("WebSocketHandler") {
        return Some(RouteKind::WebSocket);
    }
    // Jupyter's and others' handlers derive from Tornado's.
    has("Handler").then_some(RouteKind::Http)
}
