//! A first `routes.toml` for the proxy: who owns which route, and what each
//! does outside the process. Nothing moves by it: every weight is 0.
//!
//! A stage has the routes that `functions.toml` has a face of. The others, and
//! those whose path is no template, stay with the monolith and stand there as
//! comments, so that no route is forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::document::{Place, Report, RouteEntry};
use super::functions::{RouteLeft, answered_by};
use crate::routes::RouteKind;
use crate::stages::Stage;

/// Written out up to here in a comment; the report has all.
const MOST_EFFECTS: usize = 3;

pub(super) fn render(report: &Report) -> String {
    let mut out = String::new();
    head(&mut out, report);
    let routes = owned(report);
    for (name, own) in by_stage(report, &routes) {
        stage(&mut out, name, own.into_iter());
    }
    rest(
        &mut out,
        routes
            .iter()
            .filter(|(_, face)| face.is_none())
            .map(|(route, _)| *route),
    );
    out
}

/// The stages of `routes.toml` in their order, each with its routes.
#[must_use]
pub fn moving_stages(report: &Report) -> Vec<(Stage, Vec<&RouteEntry>)> {
    by_stage(report, &owned(report))
}

/// A route, and the stage that owns it: none where it stays with the monolith.
type Owned<'r> = (&'r RouteEntry, Option<Stage>);

fn by_stage<'r>(report: &'r Report, routes: &[Owned<'r>]) -> Vec<(Stage, Vec<&'r RouteEntry>)> {
    let stages = report.order.iter().map(|step| {
        let own = routes.iter().filter(|(_, face)| *face == Some(step.stage));
        (step.stage, own.map(|(route, _)| *route).collect())
    });
    stages
        .filter(|(_, own): &(Stage, Vec<&RouteEntry>)| !own.is_empty())
        .collect()
}

fn owned(report: &Report) -> Vec<Owned<'_>> {
    let mut seen = BTreeSet::new();
    let http = |route: &&RouteEntry| matches!(route.kind, RouteKind::Http | RouteKind::WebSocket);
    let answered = answered_by(report);
    let answered: BTreeMap<(&str, &str), Stage> = answered
        .into_iter()
        .filter_map(|(route, stage)| Some(((&*route.method, &*route.path), stage?)))
        .collect();
    report
        .routes
        .iter()
        .filter(http)
        .filter(|route| seen.insert((route.method.clone(), shape(&route.path))))
        .map(|route| {
            let face = answered.get(&(&*route.method, &*route.path)).copied();
            let ordered = report.order.iter().any(|step| Some(step.stage) == face);
            let fits = template(&route.path).is_some() && ordered;
            (route, face.filter(|_| fits))
        })
        .collect()
}

fn head(out: &mut String, report: &Report) {
    let name = one_line(&report.name);
    let (port, place) = match &report.listens {
        Some(listens) => (listens.port, at(&listens.place)),
        None => {
            let is = |known: &[&str]| {
                let routes = report.routes.iter();
                let mut http = routes.filter(|route| route.kind == RouteKind::Http);
                http.any(|route| known.contains(&route.framework.as_str()))
            };
            let port = match is(&["flask"]) || !is(&["fastapi", "starlette", "litestar"]) {
                true => 5000,
                false => 8000,
            };
            (
                port,
                "TODO where it listens: the code does not say it".to_owned(),
            )
        }
    };
    let place = one_line(&place);
    put(
        out,
        format_args!(
            "# Routes of {name}, from its split report. The monolith still answers all of\n\
             # them: name a stage's candidate, then shift.\n\
             listen = \"127.0.0.1:8080\"\n\
             admin  = \"127.0.0.1:9901\"\n\n\
             [monolith]\n\
             upstream = [\"http://127.0.0.1:{port}\"] # {place}"
        ),
    );
}

fn at(place: &Place) -> String {
    format!("{}:{}", place.file, place.line)
}

fn stage<'a>(out: &mut String, stage: Stage, routes: impl Iterator<Item = &'a RouteEntry>) {
    put(
        out,
        format_args!(
            "\n[stage.{stage}]\n\
             # candidate = [\"http://127.0.0.1:7070\"]\n\
             mode    = \"monolith\"\n\
             percent = 0\n\
             routes  = ["
        ),
    );
    for route in routes {
        let Some(path) = template(&route.path) else {
            continue;
        };
        let text = match route.method.as_str() {
            "" | "*" | "ANY" => path,
            method => format!("{method} {path}"),
        };
        let effect = match route.side_effects.is_empty() {
            true => "none",
            false => "real",
        };
        // What a face predicts changes nothing; what one starts is worked on
        // apart where the request is a copy.
        let candidate = match stage {
            Stage::Inference => "none",
            _ => "honours-shadow",
        };
        put(
            out,
            format_args!(
                "  # {}\n  {{ route = {}, side_effects = {{ monolith = \"{effect}\", candidate = \"{candidate}\" }} }},",
                what(route),
                quoted(&text)
            ),
        );
    }
    put(out, format_args!("]"));
}

fn rest<'a>(out: &mut String, routes: impl Iterator<Item = &'a RouteEntry>) {
    let mut lines = String::new();
    for route in routes {
        let why = match (&route.stage, template(&route.path)) {
            (_, None) => "its path is no template".to_owned(),
            (Stage::Shared, _) if route.fat => {
                format!("spans {} stages: split it first", route.stages.len())
            }
            (Stage::Shared, _) => "several stages answer it".to_owned(),
            (stage, _) if !stage.is_pipeline() => "outside the pipeline".to_owned(),
            _ if route.kind == RouteKind::WebSocket => "no face answers a WebSocket".to_owned(),
            _ => format!("no face yet: {}", RouteLeft::of(route).way),
        };
        let path = one_line(&route.path);
        let method = one_line(&route.method);
        put(
            &mut lines,
            format_args!("#   {method} {path}: {why} ({})", what(route)),
        );
    }
    if !lines.is_empty() {
        put(
            out,
            format_args!(
                "\n# With the monolith stay, until an [[http]] of functions.toml answers them and they\n\
                 # stand in a stage's routes:\n{}",
                lines.trim_end()
            ),
        );
    }
}

/// Where it is declared and what it does.
fn what(route: &RouteEntry) -> String {
    let place = one_line(&format!("{}:{}", route.place.file, route.place.line));
    let effects = &route.side_effects;
    let shown: Vec<_> = effects
        .iter()
        .take(MOST_EFFECTS)
        .map(|e| one_line(e))
        .collect();
    let more = effects.len().saturating_sub(MOST_EFFECTS);
    match (effects.len(), more) {
        (0, _) => format!("{place}, changes nothing outside"),
        (_, 0) => format!("{place}, {}", shown.join(", ")),
        (_, more) => format!("{place}, {} and {more} more", shown.join(", ")),
    }
}

/// The proxy's form of a path: `{name}` without a converter, `{*name}` for the
/// rest. None where the path cannot be said that way.
fn template(path: &str) -> Option<String> {
    if !path.starts_with('/') || path.contains(|c: char| "?#\\^$()|".contains(c) || c <= ' ') {
        return None;
    }
    let segments: Vec<&str> = path.split('/').collect();
    let last = segments.len() - 1;
    let mut parts = Vec::new();
    for (at, segment) in segments.into_iter().enumerate() {
        parts.push(self::segment(segment, at == last)?);
    }
    Some(parts.join("/"))
}

fn segment(segment: &str, last: bool) -> Option<String> {
    let Some((before, behind)) = segment.split_once('{') else {
        return (!segment.contains('}')).then(|| segment.to_owned());
    };
    let (inside, after) = behind.split_once('}')?;
    if after.contains(['{', '}']) || before.contains('}') {
        return None;
    }
    let (name, converter) = inside.split_once(':').unwrap_or((inside, ""));
    let (name, rest) = match name.strip_prefix('*') {
        Some(name) => (name, true),
        None => (name, converter == "path"),
    };
    let named = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let alone = before.is_empty() && after.is_empty();
    match rest {
        _ if !named => None,
        true => (last && alone).then(|| format!("{{*{name}}}")),
        false => Some(format!("{before}{{{name}}}{after}")),
    }
}

/// Two paths of one shape are one route to the proxy.
fn shape(path: &str) -> String {
    let mut shape = String::new();
    let mut inside = false;
    for c in path.chars() {
        inside = (inside || c == '{') && c != '}';
        if !inside {
            shape.push(c);
        }
    }
    shape
}

/// A JSON string is a TOML basic string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What may stand in a comment.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn put(out: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::document::ListenEntry;
    use crate::report::sample;

    #[test]
    fn each_stage_owns_its_routes_and_nothing_moves() {
        insta::assert_snapshot!(render(&sample::churn()), @r#"
        # Routes of churn, from its split report. The monolith still answers all of
        # them: name a stage's candidate, then shift.
        listen = "127.0.0.1:8080"
        admin  = "127.0.0.1:9901"

        [monolith]
        upstream = ["http://127.0.0.1:5000"] # TODO where it listens: the code does not say it

        [stage.inference]
        # candidate = ["http://127.0.0.1:7070"]
        mode    = "monolith"
        percent = 0
        routes  = [
          # churn/serve.py:95, changes nothing outside
          { route = "POST /predict", side_effects = { monolith = "none", candidate = "none" } },
        ]

        [stage.ingestion]
        # candidate = ["http://127.0.0.1:7070"]
        mode    = "monolith"
        percent = 0
        routes  = [
          # churn/pipeline.py:64, appends table customers, writes model.pkl, writes current.joblib
          { route = "POST /pipeline/run", side_effects = { monolith = "real", candidate = "honours-shadow" } },
        ]

        # With the monolith stay, until an [[http]] of functions.toml answers them and they
        # stand in a stage's routes:
        #   POST /ingest/customers: no face yet: function = "ingestion" (202 and a status address, or `wait`) (churn/ingest.py:91, appends table customers)
        #   POST /train: no face yet: function = "training" (202 and a status address, or `wait`) (churn/training.py:57, writes model.pkl, appends table models)
        #   POST /models/{version}/deploy: no face yet: function = "deployment" (202 and a status address, or `wait`) (churn/deploy.py:43, writes current.joblib)
        #   GET /drift: no face yet: function = "monitoring" (churn/monitor.py:70, writes drift.json)
        "#);
    }

    #[test]
    fn the_stages_that_move_are_those_of_the_file() {
        let moving = |report: &Report| -> Vec<String> {
            let moving = moving_stages(report).into_iter();
            moving.map(|(stage, _)| stage.to_string()).collect()
        };
        // The routes of the others have no face, or another stage's answers them.
        assert_eq!(moving(&sample::churn()), ["inference", "ingestion"]);
        assert_eq!(moving(&sample::empty()), [""; 0]);
    }

    #[test]
    fn where_the_code_says_it_the_monolith_listens_there() {
        let mut report = sample::churn();
        let place = report.routes[0].place.clone();
        report.listens = Some(ListenEntry { port: 5001, place });
        let text = render(&report);
        assert!(
            text.contains("upstream = [\"http://127.0.0.1:5001\"] # churn/"),
            "{text}"
        );
        report.listens = None;
        for route in &mut report.routes {
            route.framework = "fastapi".to_owned();
        }
        assert!(render(&report).contains(":8000\"] # TODO where"));
    }

    #[test]
    fn a_path_becomes_a_template_or_stays() {
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(template(path).as_deref(), expected, "{path}");
        };
        check("/", Some("/"));
        check("/models/{version}/deploy", Some("/models/{version}/deploy"));
        check("/models/{version:int}", Some("/models/{version}"));
        check("/files/{name:path}", Some("/files/{*name}"));
        check("/files/{*name}", Some("/files/{*name}"));
        check("/files/{name:path}/x", None);
        check("/v{n}.json", Some("/v{n}.json"));
        check("/{a}-{b}", None);
        check("/{}", None);
        check("^spam/(?P<id>\\d+)$", None);
        check("relative", None);
        check("", None);
    }

    #[test]
    fn whatever_a_report_holds_the_file_is_toml() {
        for report in [sample::churn(), sample::empty(), sample::hostile()] {
            let text = render(&report);
            let parsed: Result<toml::Table, _> = toml::from_str(&text);
            assert!(parsed.is_ok(), "{parsed:?}\n{text}");
        }
    }
}
