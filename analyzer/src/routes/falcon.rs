//! Falcon: resources, whose `on_get` and the like answer.

use super::survey::{Call, Survey, template};
use super::{Framework, HTTP_METHODS, Route, RouteKind};

pub(super) struct Falcon;

impl Framework for Falcon {
    fn name(&self) -> &'static str {
        "falcon"
    }

    fn routes(&self, survey: &Survey<'_>, found: &mut Vec<Route>) {
        if !survey.imports("falcon") {
            return;
        }
        for call in survey.calls.iter().filter(|call| call.name == "add_route") {
            added(survey, call, found);
        }
    }
}

/// `app.add_route("/x/{id}", Resource(), suffix="one")`.
fn added(survey: &Survey<'_>, call: &Call, found: &mut Vec<Route>) {
    let (Some(path), Some(resource)) = (
        survey.arg(&call.spot, 0, "uri_template"),
        survey.arg(&call.spot, 1, "resource"),
    ) else {
        return;
    };
    let suffix = survey.named(&call.spot, "suffix");
    let suffix = suffix.and_then(|suffix| survey.text(&suffix));
    let suffix = suffix.map_or_else(String::new, |suffix| format!("_{suffix}"));
    for class in survey.instances(&resource) {
        for name in HTTP_METHODS {
            let Some(handler) = survey.method(class, &format!("on_{name}{suffix}")) else {
                continue;
            };
            for path in survey.texts(&path) {
                found.push(Route {
                    kind: RouteKind::Http,
                    method: name.to_uppercase().into(),
                    path: template(&path, true),
                    handler,
                    file: call.spot.file,
                    line: call.line,
                    framework: "falcon",
                });
            }
        }
    }
}
