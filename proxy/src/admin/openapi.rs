//! The OpenAPI document (3.0.3) of the admin interface.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

use super::board::{Board, Differences};
use super::document::{Asked, AskedOfRollout, Changed, Changes, ErrorDocument, Status, ToldRun};
use super::pairs::Pairs;
use super::session::Login;
use super::sessions::Sessions;

/// As served under `/openapi.json`.
pub(super) fn document() -> Value {
    let mut schemas = SchemaSettings::openapi3().into_generator();
    let error = body::<ErrorDocument>(&mut schemas, "Why not, and what to do");
    let answers = |good: Value, refusals: &[&str]| {
        let mut answers = json!({ "200": good });
        for status in refusals.iter().chain(&["401", "403"]) {
            answers[*status] = error.clone();
        }
        answers
    };
    let text = |what: &str| json!({ "description": what, "content": { "text/plain": {} } });
    let status = body::<Status>(&mut schemas, "The proxy as it stands");
    let board = body::<Board>(&mut schemas, "Everything at one moment");
    let differences = body::<Differences>(&mut schemas, "Fields that differ, and examples");
    let pairs = body::<Pairs>(&mut schemas, "Pairs of answers, the latest first");
    let sessions = body::<Sessions>(&mut schemas, "Whole sequences of clients' requests");
    let changes = body::<Changes>(&mut schemas, "The latest changes, the last first");
    let changed = body::<Changed>(&mut schemas, "The share that holds now");
    let wish = body::<Asked>(&mut schemas, "The share that is wanted");
    let steering = body::<AskedOfRollout>(&mut schemas, "What the rollout is to do");
    let run = body::<ToldRun>(&mut schemas, "The run");
    let parameter = |name: &str, place: &str, kind: &str| {
        let required = place == "path";
        json!({ "name": name, "in": place, "required": required, "schema": { "type": kind } })
    };
    let login = body::<Login>(&mut schemas, "What admin.token holds");
    let events = json!({ "description": "Until it ends", "content": { "text/event-stream": {} } });
    let mut asked_of = parameter("stage", "query", "string");
    asked_of["required"] = Value::Bool(true);
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "cutline's admin interface",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "security": [{ "token": [] }, { "session": [] }],
        "paths": {
            "/": { "get": {
                "summary": "The page",
                "security": [],
                "responses": { "200": { "description": "It", "content": { "text/html": {} } } },
            } },
            "/api/status": { "get": {
                "summary": "The proxy as it stands: each stage's share, since when, and what was counted",
                "responses": answers(status, &["500"]),
            } },
            "/api/board": { "get": {
                "summary": "What the page shows: each stage's share, evidence, last decision, and the history",
                "responses": answers(board, &["500"]),
            } },
            "/api/differences": { "get": {
                "summary": "What differs between the two sides' answers of a stage, with examples",
                "parameters": [asked_of.clone()],
                "responses": answers(differences, &["400", "404"]),
            } },
            "/api/changes": { "get": {
                "summary": "Changes of shares, with time, who, from, to and why",
                "parameters": [
                    parameter("stage", "query", "string"),
                    parameter("limit", "query", "integer"),
                ],
                "responses": answers(changes, &["400", "500"]),
            } },
            "/api/live": { "get": {
                "summary": "Server-sent events: `board` whenever it changed, `beat` now and then, `end` as the last",
                "responses": answers(events, &["500", "503"]),
            } },
            "/api/pairs": { "get": {
                "summary": "Requests that were kept, with both sides' answers and what came of comparing them",
                "parameters": [
                    parameter("stage", "query", "string"),
                    parameter("verdict", "query", "string"),
                    parameter("session", "query", "string"),
                    parameter("id", "query", "string"),
                    parameter("limit", "query", "integer"),
                ],
                "responses": answers(pairs, &["400", "404", "500"]),
            } },
            "/api/sessions": { "get": {
                "summary": "Whether whole sequences of requests, each of one client, got the same answers from both sides",
                "parameters": [asked_of],
                "responses": answers(sessions, &["400", "404", "500"]),
            } },
            "/api/stages/{stage}/rollout": { "post": {
                "summary": "Starts, pauses, resumes, confirms, advances or rolls back a stage's rollout",
                "parameters": [parameter("stage", "path", "string")],
                "requestBody": {
                    "required": true,
                    "content": steering["content"].clone(),
                },
                "responses": answers(changed.clone(), &["400", "404", "409", "413", "415", "500"]),
            } },
            "/api/stages/{stage}/runs": { "post": {
                "summary": "Takes in a run of both sides that was made elsewhere",
                "parameters": [parameter("stage", "path", "string")],
                "requestBody": {
                    "required": true,
                    "content": run["content"].clone(),
                },
                "responses": {
                    "204": { "description": "It counts, once however often it is told" },
                    "400": error.clone(), "401": error.clone(), "403": error.clone(),
                    "404": error.clone(), "409": error.clone(), "413": error.clone(),
                    "415": error.clone(), "500": error.clone(),
                },
            } },
            "/api/stages/{stage}": { "post": {
                "summary": "Gives a stage another mode or percentage, for all requests to come",
                "parameters": [parameter("stage", "path", "string")],
                "requestBody": {
                    "required": true,
                    "content": wish["content"].clone(),
                },
                "responses": answers(changed, &["400", "404", "409", "413", "415", "422", "500"]),
            } },
            "/metrics": { "get": {
                "summary": "What was counted, in Prometheus' text format",
                "responses": answers(text("Counters, gauges and histograms"), &[]),
            } },
            "/openapi.json": { "get": {
                "summary": "This document",
                "security": [],
                "responses": { "200": {
                    "description": "OpenAPI 3.0.3",
                    "content": { "application/json": {} },
                } },
            } },
            "/assets/vendor/{file}": { "get": {
                "summary": "What the page is made of, by others",
                "security": [],
                "parameters": [parameter("file", "path", "string")],
                "responses": { "200": { "description": "It" } },
            } },
            "/assets/{file}": { "get": {
                "summary": "What the page is made of",
                "security": [],
                "parameters": [parameter("file", "path", "string")],
                "responses": { "200": { "description": "It" } },
            } },
            "/livez": { "get": {
                "summary": "Whether the process lives",
                "security": [],
                "responses": { "200": text("It does") },
            } },
            "/readyz": { "get": {
                "summary": "Whether it can serve: it accepts connections, and so does the monolith",
                "security": [],
                "responses": {
                    "200": text("It can"),
                    "503": text("It drains, or the monolith cannot be reached"),
                },
            } },
            "/session": {
                "post": {
                    "summary": "Begins a session: sets a cookie that vouches for the page",
                    "security": [],
                    "requestBody": {
                        "required": true,
                        "content": login["content"].clone(),
                    },
                    "responses": {
                        "204": { "description": "It has begun" },
                        "400": error, "401": error, "403": error, "413": error, "415": error,
                        "429": error, "500": error,
                    },
                },
                "delete": {
                    "summary": "Ends the session",
                    "responses": {
                        "204": { "description": "It has ended" },
                        "401": error, "403": error,
                    },
                },
            },
        },
        "components": {
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer" },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "cutline_session",
                    "description": "Its name ends with an underscore and the port, and begins with __Host- over TLS. What changes anything must carry X-Cutline-Page, too.",
                },
            },
            "schemas": schemas.take_definitions(true),
        },
    })
}

fn body<T: JsonSchema>(schemas: &mut SchemaGenerator, what: &str) -> Value {
    let schema = schemas.subschema_for::<T>();
    json!({ "description": what, "content": { "application/json": { "schema": schema } } })
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;

    use super::super::ROUTES;
    use super::*;

    #[test]
    fn the_document_names_every_route_and_no_other() {
        let document = document();
        let mut named = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let open = operation["security"].as_array().is_some();
                named.push((method.as_str(), path.as_str(), open));
            }
        }
        named.sort_by_key(|(method, path, _)| (*path, Reverse(*method)));
        assert_eq!(named, ROUTES);
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let text = document().to_string();
        let schemas = &document()["components"]["schemas"];
        let mut n_references = 0;
        for reference in text.split("\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(schemas[name].is_object(), "{name}");
            n_references += 1;
        }
        assert!(n_references > 5, "{text}");
    }
}
