//! Whether `functions.toml` answers what `routes.toml` lets stages have.

use std::fs;

use cutline_proxy::route::RouteTable;
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

/// Routes of stages that no face answers.
fn unanswered(table: &RouteTable, functions: &Table) -> Vec<Finding> {
    let faces = functions.get("http").and_then(Value::as_array);
    let faces = faces.into_iter().flatten();
    let faces: Vec<String> = faces
        .filter_map(|face| face.get("route")?.as_str())
        .map(shape)
        .collect();
    let mut found = Vec::new();
    for (index, stage) in table.stages.iter().enumerate() {
        let own = table.routes.iter().filter(|route| route.stage == index);
        for route in own {
            let named = match &route.method {
                Some(method) => format!("{method} {}", route.template),
                None => route.template.to_string(),
            };
            let answered = faces.iter().any(|face| match route.method {
                Some(_) => *face == shape(&named),
                None => face
                    .split_once(' ')
                    .is_some_and(|(_, path)| path == shape(&named)),
            });
            if !answered {
                found.push(Finding::wrong(
                    named,
                    format!(
                        "is a route of {}, and no face answers it: 404 from `cutline run`",
                        stage.name
                    ),
                    "write an [[http]] in functions.toml, or take it out of the stage's routes",
                ));
            }
        }
    }
    found
}

/// Names of parameters do not matter.
fn shape(route: &str) -> String {
    let mut shape = String::new();
    let mut inside = false;
    for c in route.chars() {
        inside = (inside || c == '{') && c != '}';
        if !inside {
            shape.push(c);
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_route_without_a_face_is_named() {
        let routes = r#"
            listen = "127.0.0.1:0"
            [monolith]
            upstream = ["http://127.0.0.1:5000"]
            [stage.inference]
            routes = ["POST /predict", "GET /models/{id}", "POST /other"]
        "#;
        let config = cutline_proxy::control::check(Path::new("routes.toml"), routes);
        let table = config.expect("it can be read").table;
        let functions = r#"
            [[http]]
            route = "POST /predict"
            [[http]]
            route = "GET /models/{version}"
        "#;
        let found = unanswered(&table, &functions.parse().expect("it is TOML"));
        let named: Vec<&str> = found.iter().map(|finding| finding.what.as_str()).collect();
        assert_eq!(named, ["POST /other"]);
    }
}
