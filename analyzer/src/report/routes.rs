//! A first `routes.toml` for the proxy: who owns which route, and what each
//! does outside the process. Nothing moves by it: every weight is 0.
//!
//! Routes that no stage owns, and routes whose path is no template, stay with
//! the monolith and stand there as comments, so that no route is forgotten.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::document::{Report, RouteEntry};
use crate::routes::RouteKind;
use crate::stages::Stage;

/// Written out up to here in a comment; the report has all.
const MOST_EFFECTS: usize = 3;

pub(super) fn render(report: &Report) -> String {
    let mut out = String::new();
    head(&mut out, &report.name);
    let mut seen = BTreeSet::new();
    let http = |route: &&RouteEntry| matches!(route.kind, RouteKind::Http | RouteKind::WebSocket);
    let routes: Vec<&RouteEntry> = report
        .routes
        .iter()
        .filter(http)
        .filter(|route| seen.insert((route.method.clone(), shape(&route.path))))
        .collect();
    let owned = |stage: Stage| {
        let routes = routes.iter().filter(move |route| route.stage == stage);
        routes
            .copied()
            .filter(|route| template(&route.path).is_some())
    };
    for step in &report.order {
        if owned(step.stage).next().is_some() {
            stage(&mut out, step.stage, owned(step.stage));
        }
    }
    let ordered = |stage| report.order.iter().any(|step| step.stage == stage);
    let stays = routes
        .iter()
        .filter(|route| !ordered(route.stage) || template(&route.path).is_none());
    rest(&mut out, stays);
    out
}

fn head(out: &mut String, name: &str) {
    let name = one_line(name);
    put(
        out,
        format_args!(
            "# Routes of {name}, from its split report. The monolith still answers all of\n\
             # them: name a stage's candidate, then shift.\n\
             listen = \"127.0.0.1:8080\"\n\
             admin  = \"127.0.0.1:9901\"\n\n\
             [monolith]\n\
             upstream = [\"http://127.0.0.1:5000\"] # where it listens"
        ),
    );
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
        put(
            out,
            format_args!(
                "  # {}\n  {{ route = {}, side_effects = {{ monolith = \"{effect}\" }} }},",
                what(route),
                quoted(&text)
            ),
        );
    }
    put(out, format_args!("]"));
}

fn rest<'a>(out: &mut String, routes: impl Iterator<Item = &'a &'a RouteEntry>) {
    let mut lines = String::new();
    for route in routes {
        let why = match (&route.stage, template(&route.path)) {
            (_, None) => "its path is no template".to_owned(),
            (Stage::Shared, _) if route.fat => {
                format!("spans {} stages: split it first", route.stages.len())
            }
            (Stage::Shared, _) => "several stages answer it".to_owned(),
            _ => "outside the pipeline".to_owned(),
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
            format_args!("\n# With the monolith stay:\n{}", lines.trim_end()),
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
    use crate::report::sample;

    #[test]
    fn each_stage_owns_its_routes_and_nothing_moves() {
        insta::assert_snapshot!(render(&sample::churn()), @r#"
        # Routes of churn, from its split report. The monolith still answers all of
        # them: name a stage's candidate, then shift.
        listen = "127.0.0.1:8080"
        admin  = "127.0.0.1:9901"

        [monolith]
        upstream = ["http://127.0.0.1:5000"] # where it listens

        [stage.inference]
        # candidate = ["http://127.0.0.1:7070"]
        mode    = "monolith"
        percent = 0
        routes  = [
          # churn/serve.py:95, changes nothing outside
          { route = "POST /predict", side_effects = { monolith = "none" } },
        ]

        [stage.monitoring]
        # candidate = ["http://127.0.0.1:7070"]
        mode    = "monolith"
        percent = 0
        routes  = [
          # churn/monitor.py:70, writes drift.json
          { route = "GET /drift", side_effects = { monolith = "real" } },
        ]

        [stage.ingestion]
        # candidate = ["http://127.0.0.1:7070"]
        mode    = "monolith"
        percent = 0
        routes  = [
          # churn/ingest.py:91, appends table customers
          { route = "POST /ingest/customers", side_effects = { monolith = "real" } },
        ]

        [stage.training]
        # candidate = ["http://127.0.0.1:7070"]
        mode    = "monolith"
        percent = 0
        routes  = [
          # churn/training.py:57, writes model.pkl, appends table models
          { route = "POST /train", side_effects = { monolith = "real" } },
        ]

        [stage.deployment]
        # candidate = ["http://127.0.0.1:7070"]
        mode    = "monolith"
        percent = 0
        routes  = [
          # churn/deploy.py:43, writes current.joblib
          { route = "POST /models/{version}/deploy", side_effects = { monolith = "real" } },
        ]

        # With the monolith stay:
        #   POST /pipeline/run: spans 7 stages: split it first (churn/pipeline.py:64, appends table customers, writes model.pkl, writes current.joblib)
        "#);
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
