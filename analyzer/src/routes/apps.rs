//! Apps around a model: Streamlit pages, Gradio interfaces, Dash callbacks.

use rustc_hash::FxHashSet;
use smol_str::{SmolStr, format_smolstr};

use super::survey::{Call, Survey};
use super::{Framework, Route, RouteKind};
use crate::modules::FileId;

pub(super) struct Apps;

impl Framework for Apps {
    fn name(&self) -> &'static str {
        "apps"
    }

    fn routes(&self, survey: &Survey<'_>, found: &mut Vec<Route>) {
        for file in pages(survey) {
            let facts = survey.modules.facts(file);
            found.extend(survey.program.module_func(file).map(|handler| Route {
                kind: RouteKind::Script,
                method: SmolStr::default(),
                path: facts.path.clone(),
                handler,
                file,
                line: 1,
                framework: "streamlit",
            }));
        }
        if survey.imports("gradio") {
            survey
                .calls
                .iter()
                .for_each(|call| gradio(survey, call, found));
        }
        if survey.imports("dash") {
            callbacks(survey, found);
        }
    }
}

/// Files that Streamlit runs from top to bottom: their own body draws, or the
/// main block calls what does.
pub(super) fn pages(survey: &Survey<'_>) -> FxHashSet<FileId> {
    const DRAWS: &[&str] = &[
        "title",
        "header",
        "subheader",
        "write",
        "markdown",
        "button",
        "sidebar",
        "set_page_config",
        "text_input",
        "file_uploader",
        "selectbox",
        "form",
        "dataframe",
        "metric",
        "tabs",
        "columns",
    ];
    let mut pages = FxHashSet::default();
    if !survey.imports("streamlit") {
        return pages;
    }
    let body = |file| survey.program.module_func(file);
    let edges = survey.call_graph.calls.iter();
    let called: FxHashSet<_> = edges
        .filter(|edge| Some(edge.caller) == body(edge.file))
        .map(|edge| (edge.file, edge.callee))
        .collect();
    for call in &survey.call_graph.library_calls {
        let mut parts = call.path.split('.');
        let draws = parts.next() == Some("streamlit") && parts.any(|part| DRAWS.contains(&part));
        let runs =
            Some(call.caller) == body(call.file) || called.contains(&(call.file, call.caller));
        if draws && runs {
            pages.insert(call.file);
        }
    }
    pages
}

/// Functions that Gradio exposes: the interface's as `/predict`, an event's
/// under its own name.
fn gradio(survey: &Survey<'_>, call: &Call, found: &mut Vec<Route>) {
    const EVENTS: &[&str] = &["click", "submit", "change", "upload", "load"];
    let is_interface = || {
        let paths = survey.paths(&call.callee);
        let known = ["Interface", "ChatInterface"];
        paths.iter().any(|path| {
            path.starts_with("gradio.") && known.iter().any(|name| path.ends_with(name))
        })
    };
    let is_event = || {
        EVENTS.contains(&call.name.as_str())
            && call.base.as_ref().is_some_and(|base| {
                survey
                    .owners(base)
                    .iter()
                    .any(|owner| owner.library() == "gradio")
            })
    };
    let interface = is_interface();
    if !interface && !is_event() {
        return;
    }
    let Some(function) = survey.arg(&call.spot, 0, "fn") else {
        return;
    };
    let named = survey.named(&call.spot, "api_name");
    let named = named.and_then(|name| survey.text(&name));
    for handler in survey.functions(&function) {
        let path = match (&named, interface) {
            (Some(name), _) => format_smolstr!("/{name}"),
            (None, true) => "/predict".into(),
            (None, false) => format_smolstr!("/{}", survey.name(handler)),
        };
        found.push(Route {
            kind: RouteKind::Http,
            method: "POST".into(),
            path,
            handler,
            file: call.spot.file,
            line: call.line,
            framework: "gradio",
        });
    }
}

/// `@app.callback(Output(…), Input(…))`.
fn callbacks(survey: &Survey<'_>, found: &mut Vec<Route>) {
    for decoration in &survey.decorations {
        let Some(handler) = decoration.function else {
            continue;
        };
        let by_module = || {
            let paths = survey.decorator_paths(&decoration.decorator);
            paths.iter().any(|path| path == "dash.callback")
        };
        let parts = survey.decorator_parts(&decoration.decorator);
        let by_app = parts.is_some_and(|(base, name)| {
            let owners = survey.owners(&base);
            name == "callback" && owners.iter().any(|owner| owner.library() == "dash")
        });
        if by_app || by_module() {
            found.push(Route {
                kind: RouteKind::Hook,
                method: SmolStr::default(),
                path: "callback".into(),
                handler,
                file: decoration.file,
                line: decoration.line,
                framework: "dash",
            });
        }
    }
}
