//! Whether `functions.toml` answers what `routes.toml` lets stages have.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use cutline_proxy::route::{Address, RouteTable, Upstreams};
use cutline_runtime::host::{ROUTES, ROUTES_OF_INFERENCE};
use toml::{Table, Value};

use super::{Asked, Finding};
use crate::commands::routes;

pub(super) fn look(asked: &Asked<'_>) -> Vec<Finding> {
    let text = fs::read_to_string(asked.functions).ok();
    let functions = text.and_then(|text| text.parse::<Table>().ok());
    match (routes::read(asked.routes), functions) {
        (Ok((_, config)), Some(functions)) => unanswered(&config.table, &functions),
        // Each is looked at by itself, too.
        _ => Vec::new(),
    }
}

/// Where functions listen unless `serve.listen` says so.
const LISTEN: &str = "127.0.0.1:7070";

/// Routes of stages that no face answers.
fn unanswered(table: &RouteTable, functions: &Table) -> Vec<Finding> {
    let faces = faces(functions);
    let listen = functions.get("serve").and_then(|serve| serve.get("listen"));
    let listen = listen.and_then(Value::as_str).unwrap_or(LISTEN);
    let mut found = Vec::new();
    for (index, stage) in table.stages.iter().enumerate() {
        let candidate = stage.candidate.as_ref();
        let elsewhere = |candidate: &Arc<Upstreams>| {
            let mut addresses = candidate.addresses.iter();
            !addresses.any(|address| is_at(address, listen))
        };
        // Another service answers it, whose routes nobody knows here.
        if candidate.is_some_and(elsewhere) {
            continue;
        }
        let own = table.routes.iter().filter(|route| route.stage == index);
        for route in own {
            let method = route.method.as_ref().map(|method| method.as_str());
            if faces
                .iter()
                .any(|face| answers(face, method, &route.template))
            {
                continue;
            }
            let named = match method {
                Some(method) => format!("{method} {}", route.template),
                None => route.template.to_string(),
            };
            let said = format!("is a route of {}, and no face answers it", stage.name);
            let mend = "write an [[http]] in functions.toml, or take it out of the stage's routes";
            found.push(match candidate {
                Some(_) => Finding::wrong(named, format!("{said}: 404 from `cutline run`"), mend),
                // Until then the monolith answers it.
                None => Finding::missing(named, format!("{said}: {mend}")),
            });
        }
    }
    found
}

/// The faces that the file declares, and those that are there anyway.
fn faces(functions: &Table) -> Vec<&str> {
    let declared = functions.get("http").and_then(Value::as_array);
    let declared = declared.into_iter().flatten();
    let declared = declared.filter_map(|face| face.get("route")?.as_str());
    let mut faces: Vec<&str> = declared.chain(ROUTES).collect();
    let all = functions.get("function").and_then(Value::as_table);
    let mut all = all.into_iter().flatten();
    let predicts = all.any(|(name, function)| {
        let stage = function.get("stage").and_then(Value::as_str);
        stage.unwrap_or(name) == "inference"
    });
    if predicts {
        faces.extend(ROUTES_OF_INFERENCE);
    }
    faces
}

/// True if the functions, which listen there, can be who is meant.
fn is_at(address: &Address, listen: &str) -> bool {
    // Nothing else is taken for `serve.listen`.
    let Ok(listen) = listen.parse::<SocketAddr>() else {
        return false;
    };
    let asked = match address.host.as_str() {
        "localhost" => Some(IpAddr::from(Ipv4Addr::LOCALHOST)),
        host => host.parse().ok(),
    };
    let own = listen.ip();
    let is_own = |asked: IpAddr| asked == own || asked.is_loopback() && own.is_loopback();
    address.port == listen.port() && (own.is_unspecified() || asked.is_some_and(is_own))
}

/// True if the face takes requests of the route.
fn answers(face: &str, method: Option<&str>, template: &str) -> bool {
    let Some((of, path)) = face.split_once(' ') else {
        return false;
    };
    let asked = match method {
        // Who answers GET answers HEAD.
        Some("HEAD") => of == "HEAD" || of == "GET",
        Some(method) => of == method,
        None => true,
    };
    let segments = |path: &str| -> Vec<String> { path.split('/').map(str::to_owned).collect() };
    asked && meet(&segments(path.trim_start()), &segments(template))
}

/// True if a path can be both.
fn meet(left: &[String], right: &[String]) -> bool {
    match (left, right) {
        ([], []) => true,
        ([rest, ..], other) | (other, [rest, ..]) if rest.starts_with("{*") => !other.is_empty(),
        ([left, behind_left @ ..], [right, behind_right @ ..]) => {
            segments_meet(left, right) && meet(behind_left, behind_right)
        }
        _ => false,
    }
}

fn segments_meet(left: &str, right: &str) -> bool {
    let parts = |segment: &str| {
        let (before, behind) = segment.split_once('{')?;
        let (_, after) = behind.split_once('}')?;
        Some((before.to_owned(), after.to_owned()))
    };
    let is = |text: &str, (before, after): &(String, String)| {
        text.len() > before.len() + after.len() && text.starts_with(before) && text.ends_with(after)
    };
    match (parts(left), parts(right)) {
        (None, None) => left == right,
        (Some(of), None) => is(right, &of),
        (None, Some(of)) => is(left, &of),
        (Some(left), Some(right)) => {
            let begin = left.0.starts_with(&right.0) || right.0.starts_with(&left.0);
            let end = left.1.ends_with(&right.1) || right.1.ends_with(&left.1);
            begin && end
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// What is said of a stage with these routes, and candidate, if any.
    fn check(routes: &[&str], candidate: Option<&str>, functions: &str, expected: &[&str]) {
        let candidate = candidate.map(|url| format!("candidate = [\"{url}\"]"));
        let routes = format!(
            "listen = \"127.0.0.1:0\"\n[monolith]\nupstream = [\"http://127.0.0.1:5000\"]\n\
             [stage.inference]\n{}\nroutes = {routes:?}\n",
            candidate.unwrap_or_default()
        );
        let config = cutline_proxy::control::check(Path::new("routes.toml"), &routes);
        let table = config.expect("it can be read").table;
        let found = unanswered(&table, &functions.parse().expect("it is TOML"));
        let named = found.iter().map(|finding| match finding.is_wrong() {
            true => format!("wrong {}", finding.what),
            false => finding.what.clone(),
        });
        assert_eq!(named.collect::<Vec<_>>(), expected);
    }

    const HERE: Option<&str> = Some("http://localhost:7070");

    #[test]
    fn a_route_without_a_face_is_named() {
        let functions = "\
            [[http]]\nroute = \"POST /predict\"\n\
            [[http]]\nroute = \"GET /models/{version}\"\n";
        let routes = [
            "POST /predict",
            "GET /models/{id}",
            "POST /other",
            "/predict",
        ];
        check(&routes, HERE, functions, &["wrong POST /other"]);
        // The monolith answers it as long as there is no candidate.
        check(&routes, None, functions, &["POST /other"]);
    }

    #[test]
    fn a_face_answers_what_it_can_be_asked() {
        let functions = "\
            [[http]]\nroute = \"POST /models/{name}/predict\"\n\
            [[http]]\nroute = \"GET /files/{*path}\"\n";
        for route in [
            "POST /models/{*rest}",
            "/models/{*rest}",
            "POST /{*all}",
            "POST /models/churn/predict",
            "POST /models/v{n}/predict",
            "GET /files/{name}",
            "HEAD /files/a/b",
        ] {
            check(&[route], HERE, functions, &[]);
        }
        for route in [
            "GET /models/{*rest}",
            "POST /models/{name}",
            "POST /files/{name}",
            "POST /model/{*rest}",
            "GET /files",
        ] {
            check(&[route], HERE, functions, &[&format!("wrong {route}")]);
        }
    }

    #[test]
    fn what_is_answered_anyway_needs_no_face() {
        let routes = ["/v2/{*rest}", "GET /metrics", "GET /functions/runs/{run}"];
        check(&routes, HERE, "", &[]);
        let routes = ["GET /health", "POST /invocations"];
        check(
            &routes,
            HERE,
            "[function.scoring]\nstage = \"inference\"\n",
            &[],
        );
        check(
            &routes,
            HERE,
            "",
            &["wrong GET /health", "wrong POST /invocations"],
        );
    }

    #[test]
    fn what_another_service_answers_is_its_own() {
        let routes = ["POST /other"];
        let wrong: &[&str] = &["wrong POST /other"];
        let at = |listen: &str| format!("[serve]\nlisten = \"{listen}\"\n");
        for (candidate, listen, expected) in [
            ("http://127.0.0.1:7071", "127.0.0.1:7070", &[][..]),
            ("http://other:7070", "127.0.0.1:7070", &[]),
            ("http://other:7070", "10.0.0.7:7070", &[]),
            ("http://other:7070", "0.0.0.0:7070", wrong),
            ("http://[::1]:7070", "[::]:7070", wrong),
        ] {
            check(&routes, Some(candidate), &at(listen), expected);
        }
    }
}
